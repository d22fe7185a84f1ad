//! [`Acceptor`]: reads the ClientHello before a configuration is chosen.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;

use tls_codec::client_hello_peeker::{ClientHelloPeeker, Peek, PeekError};
use tls_codec::code_points::HandshakeType;
use tls_codec::error::DecodeError;
use tls_codec::owned::{ClientHelloView, Owned};
use tls_codec::{Alert, ContentType};
use tls_handshake::{Error, Limits, StateName, TransportEnd};

use crate::AlertDescription;
use crate::config::server::ServerConfig;
use crate::identity::client_hello::ClientHelloInfo;
use crate::session::buffer_pool::FLIGHT_SIZE;
use crate::session::io_loop::{is_reset, protocol_error};
use crate::session::server::ServerSession;

/// Reads a client's ClientHello before a configuration is chosen. Chooses the configuration by
/// server name or ALPN, rejects the client, or gives the untouched bytes to somebody else: to a
/// backend that has the keys, or to a server of plain HTTP.
///
/// ```no_run
/// use std::io::{self, Read, Write};
/// use std::net::TcpStream;
/// use std::sync::Arc;
/// use strata_tls::codec::record::{Protocol, RecordError};
/// use strata_tls::{Acceptor, AlertDescription, Error, ServerConfig, ServerSession, StreamOwned};
///
/// /// Returns the connection, or `None` if it was passed on or rejected.
/// fn accept(
///     mut tcp: TcpStream,
///     config_for: impl Fn(&str) -> Option<Arc<ServerConfig>>,
///     pass_on: impl Fn(Vec<u8>, TcpStream),
/// ) -> io::Result<Option<StreamOwned<ServerSession, TcpStream>>> {
///     let mut acceptor = Acceptor::new();
///     let accepted = loop {
///         acceptor.read_tls(&mut tcp)?;
///         match acceptor.accept() {
///             Ok(None) => {} // more bytes are needed
///             Ok(Some(accepted)) => break accepted,
///             Err(e) => {
///                 match e.error() {
///                     // `e.into_bytes()` is the begin of the request.
///                     Error::Record(RecordError::NotTls(Protocol::Http)) => {
///                         tcp.write_all(b"HTTP/1.0 400 Use HTTPS\r\n\r\n")?;
///                     }
///                     _ => tcp.write_all(e.alert().as_ref().map_or(&[], |alert| alert))?,
///                 }
///                 return Ok(None);
///             }
///         }
///     };
///     let hello = accepted.client_hello().map_err(io::Error::other)?;
///     if hello.alpn_protocols().any(|protocol| protocol == b"acme-tls/1") {
///         pass_on(accepted.into_bytes(), tcp);
///         return Ok(None);
///     }
///     let Some(config) = hello.server_name().and_then(config_for) else {
///         tcp.write_all(&accepted.reject(AlertDescription::UNRECOGNIZED_NAME))?;
///         return Ok(None);
///     };
///     Ok(Some(StreamOwned::new(accepted.into_session(&config), tcp)))
/// }
/// ```
///
/// It holds at most what a ClientHello may take: [`Limits::handshake_message`], and an eighth of
/// that for record headers. The caller must enforce timeouts.
pub struct Acceptor {
    received: Vec<u8>,
    peeker: ClientHelloPeeker,
    /// The longest message, in bytes.
    limit: usize,
    is_eof: bool,
}

/// The state of [`Error`]s before the ClientHello.
const STATE: StateName = StateName::START;

impl Acceptor {
    /// Waits for a ClientHello of at most the default length.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(&Limits::default())
    }

    /// Waits for a ClientHello of at most [`Limits::handshake_message`] bytes.
    #[must_use]
    pub fn with_limits(limits: &Limits) -> Self {
        let limit = limits.handshake_message;
        Self { received: Vec::new(), peeker: ClientHelloPeeker::with_limit(with_headers(limit)), limit, is_eof: false }
    }

    /// Reads once from the transport. `Ok(0)` is its EOF. Call [`accept`](Self::accept) afterwards.
    /// Bytes that were read elsewhere can be passed as `&mut &bytes[..]`, until none is left.
    ///
    /// # Errors
    /// Those of `rd`, where a reset contains [`Error::NoClientHello`]; and an error if too much was
    /// received without a call of `accept`.
    pub fn read_tls(&mut self, rd: &mut dyn io::Read) -> io::Result<usize> {
        let held = self.received.len();
        if held > with_headers(self.limit) {
            return Err(io::Error::other("too much was received; call Acceptor::accept after each read"));
        }
        self.received.resize(held.saturating_add(FLIGHT_SIZE), 0);
        let result = rd.read(self.received.get_mut(held..).unwrap_or_default()).map_err(|e| match is_reset(&e) {
            true => protocol_error(Error::NoClientHello { partial: held > 0, end: TransportEnd::Reset }),
            false => e,
        });
        let n = result.as_ref().copied().unwrap_or(0).min(FLIGHT_SIZE);
        self.received.truncate(held.saturating_add(n));
        if result.is_ok() {
            self.is_eof = n == 0;
        }
        result
    }

    /// Returns the connection once its ClientHello is complete, `None` before that. Afterwards,
    /// also after an error, the acceptor is as new.
    ///
    /// # Errors
    /// [`AcceptError`] if there will be no ClientHello, as soon as that is certain. It contains all
    /// bytes received.
    pub fn accept(&mut self) -> Result<Option<Accepted>, AcceptError> {
        let error = match self.peeker.peek(&self.received) {
            Ok(Peek::ClientHello(_)) => {
                let body = self.peeker.body(&self.received).unwrap_or_default();
                let hello = Owned::of_decoded(body);
                return Ok(Some(Accepted { received: self.take(), hello }));
            }
            Ok(Peek::Incomplete { .. }) if self.is_eof => {
                Error::NoClientHello { partial: !self.received.is_empty(), end: TransportEnd::Closed }
            }
            Ok(Peek::Incomplete { .. }) => return Ok(None),
            Err(e) => engine_error(e, self.limit),
        };
        Err(AcceptError { error: Box::new(error), received: self.take() })
    }

    /// Returns all bytes received, for example to stop waiting for a ClientHello.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.received
    }

    fn take(&mut self) -> Vec<u8> {
        self.peeker = ClientHelloPeeker::with_limit(with_headers(self.limit));
        self.is_eof = false;
        mem::take(&mut self.received)
    }
}

impl Default for Acceptor {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

/// Returns how many bytes the records of a message of this length may take.
fn with_headers(limit: usize) -> usize {
    limit.saturating_add(limit >> 3)
}

/// Returns the error of a connection that receives the same bytes.
fn engine_error(e: PeekError, limit: usize) -> Error {
    match e {
        PeekError::NotTls(e) | PeekError::Record(e) => Error::Record(e),
        PeekError::NotHandshake(got) => Error::UnexpectedRecord { state: STATE, got },
        PeekError::NotClientHello(got) => Error::UnexpectedMessage { state: STATE, got },
        PeekError::Malformed(e) => Error::Decode(e),
        PeekError::TooLong { got, .. } => Error::MessageTooLarge { message: HandshakeType::CLIENT_HELLO, got, limit },
        // The acceptor's peeker joins records.
        PeekError::Split => Error::UnexpectedRecord { state: STATE, got: ContentType::HANDSHAKE },
    }
}

/// A connection whose ClientHello was received, and nothing sent. Returned by [`Acceptor::accept`].
pub struct Accepted {
    received: Vec<u8>,
    hello: Owned<ClientHelloView>,
}

impl Accepted {
    /// Returns the ClientHello. Nothing in it is authenticated.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHelloInfo<'_>, DecodeError> {
        Ok(ClientHelloInfo::without_config(self.hello.get()?, self.hello.wire()))
    }

    /// Continues with this configuration. All bytes received are processed, so do as after
    /// [`process_new_packets`](crate::Session::process_new_packets): take a
    /// [request](crate::Session::take_need) if the configuration defers any, and write.
    ///
    /// If the configuration does not fit the ClientHello, the connection has ended with an error.
    /// [`complete_io`](crate::Session::complete_io), a [`Stream`](crate::Stream) and
    /// `process_new_packets` return it; the first two write the alert before.
    #[must_use]
    pub fn into_session(self, config: &Arc<ServerConfig>) -> ServerSession {
        ServerSession::with_received(config, self.received)
    }

    /// Rejects the client with this alert, for example unrecognized_name or access_denied (RFC 9846
    /// §6.2). Write the record to the transport, and close it.
    #[must_use]
    pub fn reject(self, alert: AlertDescription) -> [u8; 7] {
        alert_record(alert)
    }

    /// Returns all bytes received, untouched: the ClientHello in its records, and what followed it.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.received
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server_name = self.client_hello().ok();
        let server_name = server_name.as_ref().and_then(ClientHelloInfo::server_name);
        f.debug_struct("Accepted")
            .field("server_name", &server_name)
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}

/// Why a connection does not start with a ClientHello, and the bytes that it starts with.
pub struct AcceptError {
    error: Box<Error>,
    received: Vec<u8>,
}

impl AcceptError {
    /// Returns what is wrong. [`Error::Record`] names the peer's protocol if it is not TLS but
    /// recognized, such as plain HTTP.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the alert to write before closing. `None` for a peer that does not speak TLS or has
    /// closed.
    #[must_use]
    pub fn alert(&self) -> Option<[u8; 7]> {
        self.error.alert().map(alert_record)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn into_parts(self) -> (Error, Vec<u8>) {
        (*self.error, self.received)
    }

    /// Returns all bytes received, untouched, for example for a server of another protocol.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.received
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Omits the bytes, which may be anything.
impl fmt::Debug for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptError")
            .field("error", &self.error)
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}

/// Has no source: the text contains the cause.
impl std::error::Error for AcceptError {}

/// The record version of a ServerHello (RFC 9846 §5.1).
fn alert_record(alert: AlertDescription) -> [u8; 7] {
    let [level, description] = Alert::fatal(alert).to_bytes();
    [ContentType::ALERT.0, 3, 3, 0, 2, level, description]
}
