//! [`TlsConnector`] and [`TlsAcceptor`]: asynchronous handshakes.

use std::error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::sync::Semaphore;
use ::tokio::time::{Instant, timeout_at};

use super::answers::{Answerers, Answering, AnswersNeeds};
use super::lazy_acceptor::{LazyAcceptor, StartHandshake};
use super::session_storage::{Stored, StoresSessions};
use super::stream::TlsStream;
use crate::session::io_loop::protocol_error;
use crate::{AnySession, ClientConfig, ClientSession, Error, IntoServerName, ServerConfig, ServerSession};

/// Connects clients. Cheap to clone.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, tokio::TlsConnector};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::TcpStream;
///
/// # async fn get(config: ClientConfig) -> Result<(), Box<dyn std::error::Error>> {
/// let connector = TlsConnector::new(Arc::new(config));
/// let tcp = TcpStream::connect("www.example.com:443").await?;
/// let mut stream = connector.connect("www.example.com", tcp).await?;
/// stream.write_all(b"GET / HTTP/1.0\r\nHost: www.example.com\r\n\r\n").await?;
/// stream.flush().await?;
/// let mut page = Vec::new();
/// stream.read_to_end(&mut page).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
    answers: Option<Arc<Answerers>>,
    timeout: Option<Duration>,
    delay_finished: bool,
}

impl TlsConnector {
    /// Creates a connector for this configuration.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self { config, answers: None, timeout: None, delay_finished: false }
    }

    /// Sets what answers the requests that the configuration
    /// [defers](ClientConfig::set_deferred_needs). Default: nothing, so that a handshake with such
    /// a request fails.
    pub fn set_answers(&mut self, answers: impl AnswersNeeds) {
        Arc::make_mut(self.answers.get_or_insert_default()).application = Some(Arc::new(answers));
    }

    /// Limits the time of a handshake, which then fails with [`io::ErrorKind::TimedOut`]. Requires
    /// a runtime with timers. Default: no limit.
    pub fn set_handshake_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// Sends the client's Finished together with the first data: `connect` returns before it is
    /// written. This saves a packet and a system call of each side, for clients that send a request
    /// at once.
    ///
    /// The first write, read or `flush` sends it. Until then the server waits, so a program must
    /// not await anything of the server between `connect` and that call. Default: off.
    pub fn set_delay_finished(&mut self, delay: bool) {
        self.delay_finished = delay;
    }

    /// Connects to the server `name`, which its certificate must match, and completes the
    /// handshake. `name` is a host name or IP address, as text or as a type of its own (see
    /// [`IntoServerName`]).
    ///
    /// # Errors
    /// [`HandshakeError`] contains the transport. The alert was sent before. With
    /// [`Error::BadServerName`] and the other errors of [`ClientSession::new`] nothing was sent.
    ///
    /// # Panics
    /// With a [timeout](Self::set_handshake_timeout) outside a tokio runtime or without its timers.
    pub async fn connect<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: impl IntoServerName,
        io: IO,
    ) -> Result<TlsStream<IO>, HandshakeError<IO>> {
        let mut stream = self.begin(name, io)?;
        let connected =
            Deadline::after(self.timeout).limit(poll_fn(|cx| stream.poll_connect(cx, self.delay_finished))).await;
        finish(stream, connected)
    }

    /// Connects, and sends `data` as early data (0-RTT): with the first flight, before the server
    /// has answered. Returns how many of its bytes the server has accepted. Write the rest again,
    /// after checking that the application protocol is the expected one.
    ///
    /// None is accepted unless the configuration [enables](ClientConfig::enable_early_data) early
    /// data and a stored session allows it. An attacker can replay it: see
    /// [`early_data`](crate::manual::early_data).
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// As [`connect`](Self::connect).
    pub async fn connect_with_early_data<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: impl IntoServerName,
        io: IO,
        data: &[u8],
    ) -> Result<(TlsStream<IO>, usize), HandshakeError<IO>> {
        let mut stream = self.begin(name, io)?;
        let mut sent = 0;
        let connected = Deadline::after(self.timeout)
            .limit(poll_fn(|cx| stream.poll_early_connect(cx, data, &mut sent, self.delay_finished)))
            .await;
        let stream = finish(stream, connected)?;
        let is_accepted = matches!(stream.session(), AnySession::Client(client) if client.is_early_data_accepted());
        Ok((stream, if is_accepted { sent } else { 0 }))
    }

    fn begin<IO>(&self, name: impl IntoServerName, io: IO) -> Result<TlsStream<IO>, HandshakeError<IO>> {
        match ClientSession::new(&self.config, name) {
            Ok(session) => {
                let answering = Answering::new(self.answers.clone());
                Ok(TlsStream::new(io, session.into(), answering))
            }
            Err(e) => Err(HandshakeError::new(protocol_error(e), io)),
        }
    }
}

/// Accepts clients. Cheap to clone; clones share the limit on concurrent handshakes.
///
/// ```no_run
/// use std::{io, sync::Arc, time::Duration};
/// use strata_tls::{ServerConfig, tokio::TlsAcceptor};
/// use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// async fn echo_line(acceptor: TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
///     let mut stream = acceptor.accept(tcp).await?;
///     let mut line = String::new();
///     stream.read_line(&mut line).await?;
///     stream.write_all(line.as_bytes()).await?;
///     stream.shutdown().await // sends close_notify
/// }
///
/// # async fn serve(config: ServerConfig) -> io::Result<()> {
/// let mut acceptor = TlsAcceptor::new(Arc::new(config));
/// acceptor.set_handshake_timeout(Duration::from_secs(10));
/// let listener = TcpListener::bind("[::]:8443").await?;
/// loop {
///     let (tcp, _) = listener.accept().await?;
///     tokio::spawn(echo_line(acceptor.clone(), tcp)); // accept in a task of its own
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    answers: Option<Arc<Answerers>>,
    timeout: Option<Duration>,
    handshakes: Option<Arc<Semaphore>>,
}

impl TlsAcceptor {
    /// Creates an acceptor for this configuration.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, answers: None, timeout: None, handshakes: None }
    }

    /// Sets what answers the requests that the configuration
    /// [defers](ServerConfig::set_deferred_needs). Default: nothing, so that a handshake with such
    /// a request fails.
    pub fn set_answers(&mut self, answers: impl AnswersNeeds) {
        Arc::make_mut(self.answers.get_or_insert_default()).application = Some(Arc::new(answers));
    }

    /// Stores sessions in a database that the task waits for, as
    /// [`ServerConfig::set_session_storage`] does in one that answers at once. Replaces the storage
    /// or the ticketer of the configuration, and answers its requests about sessions. All other
    /// settings of the configuration apply: the lifetime of sessions, early data, what is verified
    /// again. Default: the configuration's.
    ///
    /// A session is resumed under the identity that the configuration's resolver returns, so with
    /// [deferred](ServerConfig::set_deferred_needs) identities answer
    /// [`Need::Session`](crate::Need::Session) by [`set_answers`](Self::set_answers) instead.
    pub fn set_session_storage(&mut self, storage: impl StoresSessions) {
        Arc::make_mut(&mut self.config).defer_store();
        let stored = Stored { config: Arc::clone(&self.config), store: storage };
        Arc::make_mut(self.answers.get_or_insert_default()).store = Some(Arc::new(stored));
    }

    /// Limits the time from the call of [`accept`](Self::accept) to the end of the handshake, which
    /// then fails with [`io::ErrorKind::TimedOut`]. Every server should set it, because a client
    /// can stay silent. Requires a runtime with timers. Default: no limit.
    pub fn set_handshake_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// Limits how many handshakes are in progress at a time, over all clones. Others wait for their
    /// turn, in order. A handshake counts from the complete ClientHello, so clients that send none
    /// cannot keep others out. Default: no limit.
    pub fn set_max_handshakes(&mut self, max: usize) {
        self.handshakes = Some(Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS))));
    }

    /// Performs the handshake with a client.
    ///
    /// Returns before the client's Finished if the application can do something: read
    /// [early data](TlsStream::read_early_data), or write
    /// [half-RTT data](ServerConfig::set_send_half_rtt_data). Both are off by default. Reads then
    /// complete the handshake; [`complete_handshake`](TlsStream::complete_handshake) only does
    /// that.
    ///
    /// # Errors
    /// [`HandshakeError`] contains the transport. The alert was sent before.
    ///
    /// # Panics
    /// With a [timeout](Self::set_handshake_timeout) outside a tokio runtime or without its timers.
    pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
    ) -> Result<TlsStream<IO>, HandshakeError<IO>> {
        let deadline = Deadline::after(self.timeout);
        if self.handshakes.is_some() {
            let hello = LazyAcceptor::with_limits(io, self.config.limits());
            return self.accept_after_hello(hello.client_hello_until(deadline).await?).await;
        }
        self.run(io, ServerSession::new(&self.config), deadline).await
    }

    /// Continues a handshake whose ClientHello was received, with this acceptor's configuration.
    /// The time that passed since the ClientHello does not count, unless the
    /// [`LazyAcceptor`] has a timeout of its own.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Panics
    /// As [`accept`](Self::accept).
    pub async fn accept_after_hello<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        start: StartHandshake<IO>,
    ) -> Result<TlsStream<IO>, HandshakeError<IO>> {
        let (io, accepted, deadline) = start.into_parts();
        let deadline = deadline.or_after(self.timeout);
        let _permit = match &self.handshakes {
            None => None,
            Some(handshakes) => {
                match deadline.limit(async { handshakes.acquire().await.map_err(io::Error::other) }).await {
                    Ok(permit) => Some(permit),
                    Err(e) => return Err(HandshakeError::with_received(e, io, accepted.into_bytes())),
                }
            }
        };
        self.run(io, accepted.into_session(&self.config), deadline).await
    }

    /// Returns an acceptor whose clients cannot send early data, for protocols that do not read it.
    #[cfg(feature = "axum")]
    pub(crate) fn without_early_data(mut self) -> Self {
        Arc::make_mut(&mut self.config).set_max_early_data_size(0);
        self
    }

    #[cfg(feature = "axum")]
    pub(crate) fn limits(&self) -> &crate::Limits {
        self.config.limits()
    }

    async fn run<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
        session: ServerSession,
        deadline: Deadline,
    ) -> Result<TlsStream<IO>, HandshakeError<IO>> {
        let mut stream = TlsStream::new(io, session.into(), Answering::new(self.answers.clone()));
        let accepted = deadline.limit(poll_fn(|cx| stream.poll_accept(cx))).await;
        finish(stream, accepted)
    }
}

impl From<Arc<ServerConfig>> for TlsAcceptor {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::new(config)
    }
}

impl From<Arc<ClientConfig>> for TlsConnector {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self::new(config)
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector")
            .field("handshake_timeout", &self.timeout)
            .field("delay_finished", &self.delay_finished)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.handshakes.as_ref().map(|handshakes| handshakes.available_permits());
        f.debug_struct("TlsAcceptor")
            .field("handshake_timeout", &self.timeout)
            .field("free_handshakes", &free)
            .finish_non_exhaustive()
    }
}

/// Returns the stream if its handshake succeeded, and otherwise its transport.
fn finish<IO>(stream: TlsStream<IO>, result: io::Result<()>) -> Result<TlsStream<IO>, HandshakeError<IO>> {
    match result {
        Ok(()) => Ok(stream),
        Err(e) => Err(HandshakeError::new(e, stream.into_inner().0)),
    }
}

/// The time at which a handshake must be complete, if there is a limit.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    pub(super) fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Some((Instant::now().checked_add(timeout)?, timeout))))
    }

    fn or_after(self, timeout: Option<Duration>) -> Self {
        if self.0.is_some() { self } else { Self::after(timeout) }
    }

    pub(super) async fn limit<T>(self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let Some((deadline, timeout)) = self.0 else { return work.await };
        timeout_at(deadline, work).await.unwrap_or_else(|_| {
            let why = format!("the peer did not complete the handshake within {timeout:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        })
    }
}

/// Why a handshake failed, and the transport over which it did.
///
/// `?` turns it into an [`io::Error`] and drops the transport.
pub struct HandshakeError<IO> {
    error: io::Error,
    io: IO,
    received: Vec<u8>,
}

impl<IO> HandshakeError<IO> {
    pub(super) fn new(error: io::Error, io: IO) -> Self {
        Self { error, io, received: Vec::new() }
    }

    pub(super) fn with_received(error: io::Error, io: IO, received: Vec<u8>) -> Self {
        Self { error, io, received }
    }

    /// Returns the error: a protocol error, one of the transport, or
    /// [`TimedOut`](io::ErrorKind::TimedOut).
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// Returns the protocol error, if it is one. [`Error::Record`] names the peer's protocol if it
    /// is not TLS but recognized, such as plain HTTP.
    #[must_use]
    pub fn tls_error(&self) -> Option<&Error> {
        self.error.get_ref()?.downcast_ref()
    }

    /// Returns the transport, for example to answer a client of plain HTTP, and the bytes that a
    /// [`LazyAcceptor`] has received. Other handshakes do not keep theirs.
    #[must_use]
    pub fn into_io(self) -> (IO, Vec<u8>) {
        (self.io, self.received)
    }
}

impl<IO> From<HandshakeError<IO>> for io::Error {
    fn from(e: HandshakeError<IO>) -> Self {
        e.error
    }
}

impl<IO> fmt::Debug for HandshakeError<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeError")
            .field("error", &self.error)
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}

impl<IO> fmt::Display for HandshakeError<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Has no source: the text contains the cause.
impl<IO> error::Error for HandshakeError<IO> {}
