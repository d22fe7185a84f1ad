//! Connections: [`Session`], its two implementations, and the buffers between the engine, the
//! transport and the application.
//!
//! [`ClientSession`](crate::ClientSession) and [`ServerSession`](crate::ServerSession) wrap one
//! [`SessionCore`](core::SessionCore), which drives the engine.

use std::io::{self, BufRead, Read, Write};

use pki_types::CertificateDer;
use tls_handshake::{Answer, Error, HandshakeKind, Need, NeedSignature, RecordLimits};

use crate::{CipherSuite, ConnectionInfo, NamedGroup, ProtocolVersion, SignatureScheme};

pub(crate) mod acceptor;
pub(crate) mod any;
pub(crate) mod buffer_pool;
pub(crate) mod client;
pub(crate) mod connection_info;
pub(crate) mod core;
pub(crate) mod early_data;
pub(crate) mod halves;
pub(crate) mod io_loop;
pub(crate) mod receive_buffer;
pub(crate) mod send_buffer;
pub(crate) mod sending_core;
pub(crate) mod server;
pub(crate) mod server_name;
pub(crate) mod stream;
pub(crate) mod stream_halves;

/// One TLS connection with its buffers. It does no I/O of its own.
///
/// The transport is served by [`read_tls`](Self::read_tls),
/// [`process_new_packets`](Self::process_new_packets) and [`write_tls`](Self::write_tls), the
/// application by [`Read`], [`BufRead`] and [`Write`]. An event loop does this for each connection
/// that the operating system reports as ready:
///
/// 1. If it is readable and [`wants_read`](Self::wants_read): call `read_tls`, then
///    `process_new_packets`. If the latter returns an error, continue with step 4 to send the
///    alert, then close.
/// 2. Call `read` until it returns [`WouldBlock`](io::ErrorKind::WouldBlock) or `Ok(0)`.
/// 3. Call `write` with the response.
/// 4. If it is writable and [`wants_write`](Self::wants_write): call `write_tls`. If that fails
///    because the peer is gone, call `read_tls` and `process_new_packets` until they fail too: an
///    alert that the peer sent before says why.
/// 5. Register interest in what `wants_read` and `wants_write` return.
///
/// The caller must enforce timeouts: a peer can stay silent forever, also during the handshake.
///
/// A blocking program needs only [`complete_io`](Self::complete_io), or a
/// [`Stream`](crate::Stream).
///
/// # Reading plaintext
/// * `Ok(n)`: `n` bytes, decrypted and authenticated.
/// * `Ok(0)`: the peer has sent close_notify. No more data follows, and none is missing.
/// * [`WouldBlock`](io::ErrorKind::WouldBlock): no data yet.
/// * [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) with [`Error::Truncated`]: the transport ended
///   without close_notify. Only the application protocol can know whether data is missing. One that
///   can detect it may accept this error ([`is_truncation`](crate::is_truncation)).
/// * any other error: it contains the [`Error`] that ended the connection.
///
/// Returns data received before EOF or an error first.
///
/// # Writing plaintext
/// `write` encrypts data into records in the send buffer; `write_tls` moves them to the transport.
/// It accepts at most what the [send limit](Self::set_buffer_limit) leaves room for. It returns
/// `Ok(0)` if there is no room: call `write_tls` first. Before the handshake completes, plaintext
/// is buffered up to the same limit, and sent when the handshake completes.
///
/// After the handshake, `write` returns once the accepted data is encrypted: it holds nothing back,
/// and records are not merged later. Therefore `flush` does nothing. Pending records are written by
/// `write_tls`, `complete_io` or a [`Stream`](crate::Stream).
///
/// Every `write` makes at least one record, which adds 22 bytes (TLS 1.2: 21 or 29) and some work.
/// To combine small pieces, use `write_vectored`, which fills whole records from many slices. Or
/// use a [`BufWriter`](std::io::BufWriter) of 16 KiB, the plaintext of the longest record, and
/// flush it.
///
/// Dropping the connection discards plaintext and records that were not written to the transport.
///
/// # Errors
/// After a protocol error every call returns the same error, except that `write_tls` can still send
/// the alert.
pub trait Session: Read + BufRead + Write {
    /// Reads once from the transport into the receive buffer. `Ok(0)` is the transport's EOF, which
    /// the connection remembers. Call [`process_new_packets`](Self::process_new_packets)
    /// afterwards.
    ///
    /// # Errors
    /// Those of `rd`; an earlier protocol error; and an error if [`wants_read`](Self::wants_read)
    /// is `false` because too much data is unread.
    fn read_tls(&mut self, rd: &mut dyn Read) -> io::Result<usize>;

    /// Writes once to the transport. Returns the number of bytes written, or `Ok(0)` if none are
    /// pending.
    ///
    /// # Errors
    /// Those of `wr`.
    fn write_tls(&mut self, wr: &mut dyn Write) -> io::Result<usize>;

    /// Flushes a transport that buffers by itself, if [`write_tls`](Self::write_tls) has written to
    /// it since the last flush. [`complete_io`](Self::complete_io) and a [`Stream`](crate::Stream)
    /// do this too.
    ///
    /// # Errors
    /// Those of `wr`, after which the next call tries again. An interrupted flush is repeated at
    /// once.
    fn flush_tls(&mut self, wr: &mut dyn Write) -> io::Result<()>;

    /// Processes all complete records in the receive buffer: answers handshake messages, and
    /// decrypts plaintext for reading.
    ///
    /// # Errors
    /// The [`Error`] that ended the connection. [`write_tls`](Self::write_tls) then sends the
    /// alert. EOF of the transport is an error here only during the handshake; afterwards reading
    /// returns it.
    fn process_new_packets(&mut self) -> Result<IoState, Error>;

    /// Returns the request that the application must answer: one that the configuration
    /// [defers](crate::ServerConfig::set_deferred_needs), or the signature of a key outside this
    /// process ([`Identity::with_remote_key`](crate::Identity::with_remote_key)).
    ///
    /// Returns each request once, after the [`process_new_packets`](Self::process_new_packets) or
    /// [`answer`](Self::answer) that reached it. The request owns its data and makes its answer:
    /// move it to another thread or across an `.await`, serve other connections meanwhile, and pass
    /// the answer to `answer`. At most one request is pending.
    ///
    /// ```
    /// use strata_tls::{Error, Need, ServerConfig, ServerSession, Session};
    ///
    /// /// Answers what is pending. A real server would do this on other threads.
    /// fn answer_all(session: &mut ServerSession, config: &ServerConfig) -> Result<(), Error> {
    ///     while let Some(need) = session.take_need() {
    ///         let answer = match need {
    ///             Need::Signature(need) => need.sign_locally(),
    ///             other => config.answer(other),
    ///         };
    ///         session.answer(answer)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    fn take_need(&mut self) -> Option<Need>;

    /// Answers the request from [`take_need`](Self::take_need), and processes what was received
    /// since. With edge-triggered readiness, read from the transport again afterwards.
    ///
    /// If a request is dropped without an answer, the handshake stays paused until the
    /// application's timeout ends it. To end it at once, pass the answer of
    /// [`Need::refuse`](crate::Need::refuse).
    ///
    /// # Errors
    /// As [`process_new_packets`](Self::process_new_packets); [`Error::WrongAnswer`] if no request
    /// is pending, or for the answer to another connection's request. The latter changes nothing:
    /// the connection still waits for its own.
    fn answer(&mut self, answer: Answer) -> Result<IoState, Error>;

    /// Returns the request from [`take_need`](Self::take_need) if it is for a signature, and leaves
    /// any other pending. Enough for a configuration that defers nothing, where only a key outside
    /// this process makes requests.
    fn take_signature_request(&mut self) -> Option<NeedSignature>;

    /// Answers [`take_signature_request`](Self::take_signature_request), as
    /// [`answer`](Self::answer) does.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    fn answer_signature(&mut self, answer: Answer) -> Result<IoState, Error> {
        self.answer(answer)
    }

    /// Returns whether to read from the transport. `false` after EOF, close_notify or an error,
    /// while the handshake waits for an [answer](Self::answer), and while more than 64 KiB of
    /// plaintext is unread, including early data. The last case limits the memory that a peer can
    /// fill.
    fn wants_read(&self) -> bool;

    /// Returns whether bytes for the transport are pending.
    fn wants_write(&self) -> bool;

    /// Returns whether bytes are pending that must go out now: the peer may wait for them. They are
    /// all that [`wants_write`](Self::wants_write) returns, except for the tickets of a TLS 1.3
    /// server (RFC 9846 §4.7.1), which may wait for the next data, `flush` or close_notify.
    ///
    /// A handshake is over for both sides when [`is_handshaking`](Self::is_handshaking) and this
    /// return `false`. A server that first waits until the tickets are written can wait forever:
    /// the client may have completed its handshake and not be reading. An event loop whose writes
    /// do not block writes whenever `wants_write` returns `true`.
    fn must_write(&self) -> bool;

    /// Returns whether the handshake is not complete yet.
    fn is_handshaking(&self) -> bool;

    /// Does I/O. During the handshake it continues until the handshake is complete. Afterwards it
    /// writes what [must go out](Self::must_write), and if nothing must, reads once. Returns the
    /// numbers of bytes read and written. Returns `(0, 0)` if there is nothing to do: at EOF of the
    /// transport, or after close_notify.
    ///
    /// Works with blocking and non-blocking transports, and never spins: each step moves bytes or
    /// ends the call.
    ///
    /// # Errors
    /// Those of the transport, and those of the protocol after the alert was written.
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) in these cases:
    /// * the transport would block and nothing was done, or the handshake is not complete;
    /// * the handshake waits for an [answer](Self::answer); the text says for which;
    /// * more than 64 KiB of [early data](crate::ServerSession::early_data) is unread.
    fn complete_io(&mut self, io: &mut dyn Transport) -> io::Result<(usize, usize)>;

    /// Limits what is buffered for sending, plaintext and records together, in bytes. `None`
    /// removes the limit. After the handshake at least one byte is accepted while the buffer is
    /// empty. Default: the full records of 64 KiB of plaintext.
    fn set_buffer_limit(&mut self, limit: Option<usize>);

    /// Sends close_notify after all data written so far; nothing can be written afterwards. The
    /// peer may continue to send, and its data can be read. During the handshake this takes effect
    /// when the handshake completes.
    fn send_close_notify(&mut self);

    /// Returns the peer's certificates as it sent them, the end-entity certificate first. On a
    /// server `None` means that the client presented none.
    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]>;

    /// Returns the scheme of the peer's handshake signature; `None` if it signed nothing, as in a
    /// resumption.
    fn peer_signature_scheme(&self) -> Option<SignatureScheme>;

    /// Returns the channel binding `tls-unique` of TLS 1.2 (RFC 5929 §3), for protocols that still
    /// require it; `None` with TLS 1.3. There, export 32 bytes of [keying
    /// material](Self::export_keying_material) with the label `EXPORTER-Channel-Binding` (RFC
    /// 9266).
    fn tls_unique(&self) -> Option<[u8; 12]>;

    /// Returns the negotiated application protocol (ALPN, RFC 7301).
    fn alpn_protocol(&self) -> Option<&[u8]>;

    /// Returns the negotiated protocol version.
    fn protocol_version(&self) -> Option<ProtocolVersion>;

    /// Returns the negotiated cipher suite.
    fn negotiated_cipher_suite(&self) -> Option<CipherSuite>;

    /// Returns the negotiated key exchange group.
    fn negotiated_group(&self) -> Option<NamedGroup>;

    /// Returns the size limits of records in each direction, as negotiated with record_size_limit
    /// (RFC 8449) or max_fragment_length (RFC 6066 §4); 2^14 bytes without them.
    fn record_limits(&self) -> RecordLimits;

    /// Returns the kind of the handshake, once it is complete: full, resumed, or with an external
    /// pre-shared key.
    fn handshake_kind(&self) -> Option<HandshakeKind>;

    /// Returns a summary of the connection that outlives it, once the handshake is complete.
    fn connection_info(&self) -> Option<ConnectionInfo>;

    /// Fills `out` with keying material that only this side and the peer can derive (RFC 9846 §7.5,
    /// RFC 5705). In TLS 1.3 an empty context equals none; in TLS 1.2 they differ. A protocol for
    /// both versions should always pass a context.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; an error if `out` is too long for the key schedule; and
    /// [`Error::ExtendedMasterSecretRequired`] with a TLS 1.2 peer without extended master secret
    /// (RFC 7627 §5.4).
    fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error>;

    /// Updates the sending keys, and requests that the peer update its own (KeyUpdate, RFC 9846
    /// §4.7.3). The connection does this by itself before a key reaches its usage limit.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; [`Error::NoKeyUpdate`] with TLS 1.2, where a connection
    /// ends with [`Error::KeyExhausted`] when its keys reach their usage limit.
    fn refresh_traffic_keys(&mut self) -> Result<(), Error>;
}

/// A transport that a connection reads from and writes to: every type that implements [`Read`] and
/// [`Write`].
pub trait Transport: Read + Write {}

impl<T: Read + Write + ?Sized> Transport for T {}

/// The amount of plaintext that may be unread, early data included, before [`Session::wants_read`]
/// returns `false`: 64 KiB.
pub(crate) const UNREAD_LIMIT: usize = 64 * 1024;

/// The state after [`Session::process_new_packets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoState {
    pub(crate) plaintext_bytes_to_read: usize,
    pub(crate) tls_bytes_to_write: usize,
    pub(crate) peer_has_closed: bool,
}

impl IoState {
    /// Returns how many bytes of plaintext can be read without blocking.
    #[must_use]
    pub fn plaintext_bytes_to_read(&self) -> usize {
        self.plaintext_bytes_to_read
    }

    /// Returns how many bytes are pending for [`Session::write_tls`].
    #[must_use]
    pub fn tls_bytes_to_write(&self) -> usize {
        self.tls_bytes_to_write
    }

    /// Returns whether the peer has sent close_notify.
    #[must_use]
    pub fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }
}

/// Implements [`Session`] and its supertraits for a wrapper of [`SessionCore`](core::SessionCore).
macro_rules! impl_session {
    ($session:ident, $role:ty) => {
        impl $session {
            fn check_progress(&self) -> std::io::Result<()> {
                self.0.check_progress()
            }

            pub(in crate::session) fn core(&self) -> &$crate::session::core::SessionCore<$role> {
                &self.0
            }

            pub(in crate::session) fn core_mut(&mut self) -> &mut $crate::session::core::SessionCore<$role> {
                &mut self.0
            }
        }

        impl $crate::Session for $session {
            fn read_tls(&mut self, rd: &mut dyn std::io::Read) -> std::io::Result<usize> {
                self.0.read_tls(rd)
            }

            fn write_tls(&mut self, wr: &mut dyn std::io::Write) -> std::io::Result<usize> {
                self.0.write_tls(wr)
            }

            fn flush_tls(&mut self, wr: &mut dyn std::io::Write) -> std::io::Result<()> {
                self.0.flush_tls(wr)
            }

            fn process_new_packets(&mut self) -> Result<$crate::IoState, $crate::Error> {
                self.0.process()
            }

            fn take_signature_request(&mut self) -> Option<$crate::NeedSignature> {
                self.0.take_signature_request()
            }

            fn take_need(&mut self) -> Option<$crate::Need> {
                self.0.take_need()
            }

            fn answer(&mut self, answer: $crate::Answer) -> Result<$crate::IoState, $crate::Error> {
                self.0.answer(answer)
            }

            fn wants_read(&self) -> bool {
                self.0.wants_read()
            }

            fn wants_write(&self) -> bool {
                self.0.wants_write()
            }

            fn is_handshaking(&self) -> bool {
                self.0.connection().is_handshaking()
            }

            fn must_write(&self) -> bool {
                self.0.must_write()
            }

            fn complete_io(&mut self, io: &mut dyn $crate::Transport) -> std::io::Result<(usize, usize)> {
                $crate::session::io_loop::complete_io(self, io, Self::check_progress)
            }

            fn set_buffer_limit(&mut self, limit: Option<usize>) {
                self.0.set_limit(limit);
            }

            fn send_close_notify(&mut self) {
                self.0.send_close_notify();
            }

            fn peer_certificates(&self) -> Option<&[$crate::CertificateDer<'static>]> {
                self.0.connection().peer_certificates()
            }

            fn peer_signature_scheme(&self) -> Option<$crate::SignatureScheme> {
                self.0.connection().peer_signature_scheme()
            }

            fn tls_unique(&self) -> Option<[u8; 12]> {
                self.0.connection().tls_unique()
            }

            fn alpn_protocol(&self) -> Option<&[u8]> {
                self.0.connection().alpn_protocol()
            }

            fn protocol_version(&self) -> Option<$crate::ProtocolVersion> {
                self.0.connection().protocol_version()
            }

            fn negotiated_cipher_suite(&self) -> Option<$crate::CipherSuite> {
                self.0.connection().negotiated_cipher_suite()
            }

            fn negotiated_group(&self) -> Option<$crate::NamedGroup> {
                self.0.connection().negotiated_group()
            }

            fn record_limits(&self) -> $crate::RecordLimits {
                self.0.connection().record_limits()
            }

            fn handshake_kind(&self) -> Option<$crate::HandshakeKind> {
                self.0.connection().handshake_kind()
            }

            fn connection_info(&self) -> Option<$crate::ConnectionInfo> {
                self.0.connection_info()
            }

            fn export_keying_material(
                &self,
                out: &mut [u8],
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<(), $crate::Error> {
                self.0.export_keying_material(out, label, context)
            }

            fn refresh_traffic_keys(&mut self) -> Result<(), $crate::Error> {
                self.0.refresh_traffic_keys()
            }
        }

        impl std::io::Read for $session {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                self.0.read_vectored(bufs)
            }
        }

        impl std::io::BufRead for $session {
            fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
                self.0.fill_buf()
            }

            fn consume(&mut self, n: usize) {
                self.0.consume(n);
            }
        }

        impl std::io::Write for $session {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                self.0.write(&[std::io::IoSlice::new(buf)])
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.0.write(bufs)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        /// Omits the engine's state, which contains secrets.
        impl std::fmt::Debug for $session {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($session))
                    .field("is_handshaking", &self.0.connection().is_handshaking())
                    .field("protocol_version", &self.0.connection().protocol_version())
                    .field("negotiated_cipher_suite", &self.0.connection().negotiated_cipher_suite())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use impl_session;
