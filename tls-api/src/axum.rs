//! HTTPS for the server of axum. Requires the feature `axum`.
#![cfg_attr(feature = "hyper", doc = "\nThe [manual](crate::manual::http) shows how it is used.")]

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::axum::extract::connect_info::Connected;
use ::axum::serve::{IncomingStream, Listener};
use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::task::{AbortHandle, JoinSet};
use ::tokio::time::timeout;

use crate::tokio::{LazyAcceptor, TlsAcceptor, TlsStream};
use crate::{ConnectionInfo, Session};

/// Accepts TLS connections for `axum::serve`, over another listener such as tokio's `TcpListener`.
///
/// Each handshake has a task of its own, so a slow client never holds up others. Clients whose
/// handshake fails are dropped and do not stop the server. Dropping the listener drops the
/// handshakes in progress.
///
/// HTTP/2 requires axum's feature `http2`, and a configuration that accepts `h2`
/// ([`set_alpn_protocols`](crate::ServerConfig::set_alpn_protocols)). Early data is off, whatever
/// the configuration says: an HTTP server must treat it as RFC 8470 says.
///
/// ```no_run
/// use std::{io, sync::Arc};
/// use axum::{Router, routing::get};
/// use strata_tls::{ServerConfig, axum::TlsListener};
/// use tokio::net::TcpListener;
///
/// # async fn serve(config: ServerConfig) -> io::Result<()> {
/// let app = Router::new().route("/", get(async || "hello"));
/// let tcp = TcpListener::bind("[::]:8443").await?;
/// axum::serve(TlsListener::new(tcp, Arc::new(config)), app).await
/// # }
/// ```
pub struct TlsListener<L: Listener> {
    listener: L,
    acceptor: TlsAcceptor,
    timeout: Duration,
    max_handshakes: usize,
    handshakes: JoinSet<Option<Accepted<L>>>,
    /// The handshakes in the order in which they began, and some that are over.
    begun: VecDeque<Begun>,
}

type Accepted<L> = (AcceptedStream<<L as Listener>::Io>, <L as Listener>::Addr);

struct Begun {
    task: AbortHandle,
    has_hello: Arc<AtomicBool>,
}

impl Begun {
    fn is_silent(&self) -> bool {
        !self.has_hello.load(Ordering::Relaxed) && !self.task.is_finished()
    }
}

impl<L: Listener> TlsListener<L> {
    /// Creates a listener that accepts the connections of `listener`. Dropping a pending call of
    /// its `accept` must lose nothing, as with those of tokio.
    #[must_use]
    pub fn new(listener: L, acceptor: impl Into<TlsAcceptor>) -> Self {
        Self {
            listener,
            acceptor: acceptor.into().without_early_data(),
            timeout: Duration::from_secs(10),
            max_handshakes: 1024,
            handshakes: JoinSet::new(),
            begun: VecDeque::new(),
        }
    }

    /// Limits the time of a handshake, and with it that of a silent client. Default: 10 seconds.
    pub fn set_handshake_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Limits how many handshakes are in progress at a time. A further client takes the place of
    /// the one that has sent no complete ClientHello for the longest time. If all have sent one,
    /// the further client waits. Default: 1,024.
    pub fn set_max_handshakes(&mut self, max: usize) {
        self.max_handshakes = max.max(1);
    }

    fn begin(&mut self, io: L::Io, addr: L::Addr) {
        if self.is_full()
            && let Some(place) = self.begun.iter().position(Begun::is_silent)
            && let Some(oldest) = self.begun.remove(place)
        {
            oldest.task.abort();
        }
        // Amortized: at most the limit remains.
        if self.begun.len() >= self.max_handshakes.saturating_mul(2) {
            self.begun.retain(Begun::is_silent);
        }
        let has_hello = Arc::new(AtomicBool::new(false));
        let (acceptor, limit, flag) = (self.acceptor.clone(), self.timeout, Arc::clone(&has_hello));
        let task = self.handshakes.spawn(async move {
            let stream = timeout(limit, handshake(&acceptor, io, &flag)).await.ok()??;
            Some((stream, addr))
        });
        self.begun.push_back(Begun { task, has_hello });
    }

    fn is_full(&self) -> bool {
        self.handshakes.len() >= self.max_handshakes
    }
}

/// Completes a handshake. The session logs why it fails.
async fn handshake<IO: AsyncRead + AsyncWrite + Unpin>(
    acceptor: &TlsAcceptor,
    io: IO,
    has_hello: &AtomicBool,
) -> Option<AcceptedStream<IO>> {
    let start = LazyAcceptor::with_limits(io, acceptor.limits()).client_hello().await.ok()?;
    has_hello.store(true, Ordering::Relaxed);
    let mut stream = acceptor.accept_after_hello(start).await.ok()?;
    stream.complete_handshake().await.ok()?;
    let info = stream.session().connection_info()?;
    Some(AcceptedStream { stream, info })
}

#[expect(clippy::large_enum_variant, reason = "moved once and not stored")]
enum Event<L: Listener> {
    Accepted(Accepted<L>),
    Incoming(L::Io, L::Addr),
    /// There is room for another handshake.
    Failed,
}

impl<L: Listener> Listener for TlsListener<L> {
    type Io = AcceptedStream<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = !self.is_full() || self.begun.iter().any(Begun::is_silent);
            let event = {
                let handshakes = &mut self.handshakes;
                let mut incoming = pin!(self.listener.accept());
                poll_fn(|cx| {
                    if let Poll::Ready(Some(done)) = handshakes.poll_join_next(cx) {
                        return Poll::Ready(match done {
                            Ok(Some(accepted)) => Event::Accepted(accepted),
                            Ok(None) | Err(_) => Event::<L>::Failed,
                        });
                    }
                    if !has_room {
                        return Poll::Pending;
                    }
                    let (io, addr) = ready!(incoming.as_mut().poll(cx));
                    Poll::Ready(Event::Incoming(io, addr))
                })
                .await
            };
            match event {
                Event::Accepted(accepted) => return accepted,
                Event::Incoming(io, addr) => self.begin(io, addr),
                Event::Failed => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl<L: Listener> fmt::Debug for TlsListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("handshake_timeout", &self.timeout)
            .field("max_handshakes", &self.max_handshakes)
            .field("handshakes", &self.handshakes.len())
            .finish_non_exhaustive()
    }
}

/// A connection that [`TlsListener`] accepted.
#[derive(Debug)]
pub struct AcceptedStream<IO> {
    stream: TlsStream<IO>,
    info: ConnectionInfo,
}

impl<IO> AcceptedStream<IO> {
    /// Returns what the handshake negotiated.
    pub fn connection_info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Returns the stream, for example for its transport.
    pub fn get_ref(&self) -> &TlsStream<IO> {
        &self.stream
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for AcceptedStream<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for AcceptedStream<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

/// A handler's view of its connection: the client's address, and what the handshake negotiated.
///
/// ```
/// use std::net::SocketAddr;
/// use axum::{Router, extract::ConnectInfo, routing::get};
/// use strata_tls::axum::TlsConnectInfo;
///
/// async fn who(ConnectInfo(client): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
///     let chain = client.tls.peer_certificates().unwrap_or_default();
///     format!("{} presented {} certificates to {:?}", client.remote_addr, chain.len(), client.tls.server_name())
/// }
///
/// let app: Router = Router::new().route("/", get(who));
/// // For `axum::serve(TlsListener::new(..), app)`.
/// let app = app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsConnectInfo<A> {
    /// The client's address.
    pub remote_addr: A,
    /// The server name, the application protocol, the client's certificates, and more.
    pub tls: ConnectionInfo,
}

impl<L: Listener<Addr: Clone + Sync + 'static>> Connected<IncomingStream<'_, TlsListener<L>>>
    for TlsConnectInfo<L::Addr>
{
    fn connect_info(stream: IncomingStream<'_, TlsListener<L>>) -> Self {
        Self { remote_addr: stream.remote_addr().clone(), tls: stream.io().connection_info().clone() }
    }
}

impl<L: Listener> Connected<IncomingStream<'_, TlsListener<L>>> for ConnectionInfo {
    fn connect_info(stream: IncomingStream<'_, TlsListener<L>>) -> Self {
        stream.io().connection_info().clone()
    }
}
