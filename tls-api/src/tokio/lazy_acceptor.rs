//! [`LazyAcceptor`]: chooses the configuration when the ClientHello was received.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};

use super::handshake::{Deadline, HandshakeError, TlsAcceptor};
use super::stream::TlsStream;
use super::transport::{Polled, as_poll};
use crate::codec::error::DecodeError;
use crate::session::io_loop::protocol_error;
use crate::{AcceptError, Accepted, Acceptor, AlertDescription, ClientHelloInfo, Limits, ServerConfig};

/// Reads a client's ClientHello before a configuration is chosen: by server name from a database,
/// for example. The asynchronous [`Acceptor`].
///
/// ```no_run
/// use std::io;
/// use std::sync::Arc;
/// use strata_tls::codec::record::{Protocol, RecordError};
/// use strata_tls::tokio::{LazyAcceptor, TlsStream};
/// use strata_tls::{AlertDescription, Error, ServerConfig};
/// use tokio::io::AsyncWriteExt;
/// use tokio::net::TcpStream;
///
/// # async fn config_for(name: &str) -> Option<Arc<ServerConfig>> { None }
/// /// Returns the connection, or `None` if it was rejected.
/// async fn accept(tcp: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
///     let start = match LazyAcceptor::new(tcp).client_hello().await {
///         Ok(start) => start,
///         Err(e) => {
///             if matches!(e.tls_error(), Some(Error::Record(RecordError::NotTls(Protocol::Http)))) {
///                 let (mut tcp, _request) = e.into_io();
///                 tcp.write_all(b"HTTP/1.0 400 Use HTTPS\r\n\r\n").await?;
///             }
///             return Ok(None);
///         }
///     };
///     let hello = start.client_hello().map_err(io::Error::other)?;
///     match config_for(hello.server_name().unwrap_or_default()).await {
///         Some(config) => Ok(Some(start.into_stream(&config).await?)),
///         None => start.reject(AlertDescription::UNRECOGNIZED_NAME).await.map(|_| None),
///     }
/// }
/// ```
pub struct LazyAcceptor<IO> {
    io: IO,
    acceptor: Acceptor,
    timeout: Option<Duration>,
}

impl<IO> LazyAcceptor<IO> {
    /// Waits for a ClientHello of at most the default length.
    #[must_use]
    pub fn new(io: IO) -> Self {
        Self::with_limits(io, &Limits::default())
    }

    /// Waits for a ClientHello of at most [`Limits::handshake_message`] bytes.
    #[must_use]
    pub fn with_limits(io: IO, limits: &Limits) -> Self {
        Self { io, acceptor: Acceptor::with_limits(limits), timeout: None }
    }

    /// Limits the time of the whole handshake, from [`client_hello`](Self::client_hello) to the
    /// end, including that in which the application chooses. Default: no limit.
    pub fn set_handshake_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// Returns the transport, and the bytes received so far.
    #[must_use]
    pub fn into_io(self) -> (IO, Vec<u8>) {
        (self.io, self.acceptor.into_bytes())
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> LazyAcceptor<IO> {
    /// Waits for the ClientHello.
    ///
    /// # Errors
    /// [`HandshakeError`] contains the transport and all bytes received. If the peer speaks TLS,
    /// the alert was sent before.
    ///
    /// # Panics
    /// With a [timeout](Self::set_handshake_timeout) outside a tokio runtime or without its timers.
    pub async fn client_hello(self) -> Result<StartHandshake<IO>, HandshakeError<IO>> {
        let deadline = Deadline::after(self.timeout);
        self.client_hello_until(deadline).await
    }

    pub(super) async fn client_hello_until(
        mut self,
        deadline: Deadline,
    ) -> Result<StartHandshake<IO>, HandshakeError<IO>> {
        match deadline.limit(poll_fn(|cx| self.poll_hello(cx))).await {
            Ok(Ok(accepted)) => Ok(StartHandshake { io: self.io, accepted, deadline }),
            Ok(Err(rejected)) => {
                if let Some(alert) = rejected.alert() {
                    // The peer may be gone; the error says more than a failure to write the alert.
                    let _ = deadline.limit(write_alert(&mut self.io, alert)).await;
                }
                let (error, received) = rejected.into_parts();
                Err(HandshakeError::with_received(protocol_error(error), self.io, received))
            }
            Err(e) => Err(HandshakeError::with_received(e, self.io, self.acceptor.into_bytes())),
        }
    }

    fn poll_hello(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Result<Accepted, AcceptError>>> {
        loop {
            match self.acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return Poll::Ready(Ok(Ok(accepted))),
                Err(e) => return Poll::Ready(Ok(Err(e))),
            }
            ready!(as_poll(self.acceptor.read_tls(&mut Polled { io: &mut self.io, cx })))?;
        }
    }
}

impl<IO> fmt::Debug for LazyAcceptor<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyAcceptor").field("acceptor", &self.acceptor).finish_non_exhaustive()
    }
}

/// A connection whose ClientHello was received, and nothing sent. Returned by
/// [`LazyAcceptor::client_hello`].
pub struct StartHandshake<IO> {
    io: IO,
    accepted: Accepted,
    deadline: Deadline,
}

impl<IO> StartHandshake<IO> {
    /// Returns the ClientHello. Nothing in it is authenticated.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHelloInfo<'_>, DecodeError> {
        self.accepted.client_hello()
    }

    /// Returns the transport, for example for the peer's address.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// Returns the transport and all bytes received, untouched, to pass the connection on.
    #[must_use]
    pub fn into_io(self) -> (IO, Vec<u8>) {
        (self.io, self.accepted.into_bytes())
    }

    pub(super) fn into_parts(self) -> (IO, Accepted, Deadline) {
        (self.io, self.accepted, self.deadline)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> StartHandshake<IO> {
    /// Completes the handshake with this configuration. For more choices, use
    /// [`TlsAcceptor::accept_after_hello`].
    ///
    /// # Errors
    /// As [`TlsAcceptor::accept`].
    ///
    /// # Panics
    /// As [`TlsAcceptor::accept`].
    pub async fn into_stream(self, config: &Arc<ServerConfig>) -> Result<TlsStream<IO>, HandshakeError<IO>> {
        TlsAcceptor::new(Arc::clone(config)).accept_after_hello(self).await
    }

    /// Rejects the client with this alert, for example unrecognized_name or access_denied (RFC 9846
    /// §6.2). Returns the transport, which should be closed.
    ///
    /// # Errors
    /// Those of the transport.
    pub async fn reject(self, alert: AlertDescription) -> io::Result<IO> {
        let mut io = self.io;
        write_alert(&mut io, self.accepted.reject(alert)).await?;
        Ok(io)
    }
}

impl<IO> fmt::Debug for StartHandshake<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartHandshake").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}

/// Writes an alert outside a session, and flushes it.
async fn write_alert<IO: AsyncWrite + Unpin>(io: &mut IO, alert: [u8; 7]) -> io::Result<()> {
    let mut rest = &alert[..];
    poll_fn(|cx| {
        let mut io = Polled { io, cx };
        while !rest.is_empty() {
            let n = ready!(as_poll(io.write(rest)))?;
            rest = rest.get(n..).unwrap_or_default();
        }
        as_poll(io.flush())
    })
    .await
}
