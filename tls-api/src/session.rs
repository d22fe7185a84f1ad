//! What a client's session and a server's have in common: the calls that every caller needs, whatever its I/O.

pub(crate) mod buffer_pool;
pub(crate) mod core;
pub(crate) mod early_data;
pub(crate) mod receive_buffer;
pub(crate) mod send_buffer;
pub(crate) mod stream;

use std::fmt;
use std::io::{self, BufRead, Read, Write};

use pki_types::CertificateDer;
use tls_handshake::{Answer, Error, HandshakeKind, NeedSignature, RecordLimits};

use crate::session::core::{SessionCore, SessionRole, protocol_error, repeat_as_io};
use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// One TLS connection with its buffers, without any I/O of its own.
///
/// The transport's side is [`read_tls`](Self::read_tls), [`process_new_packets`](Self::process_new_packets) and
/// [`write_tls`](Self::write_tls); the application's side are [`Read`], [`BufRead`] and [`Write`]. The loop of an event-driven
/// program, for each connection that the operating system tells is ready:
///
/// 1. readable, and [`wants_read`](Self::wants_read): `read_tls`, then `process_new_packets`; on an error of the latter go on with
///    step 4 (an alert waits to be sent), then close;
/// 2. `read` until it returns [`WouldBlock`](io::ErrorKind::WouldBlock) or `Ok(0)`;
/// 3. `write` the answer;
/// 4. writable, and [`wants_write`](Self::wants_write): `write_tls`;
/// 5. ask the operating system for what `wants_read` and `wants_write` say.
///
/// Time is the caller's: a peer that stays silent, above all during the handshake, has to be cut off by a deadline of the
/// program's own.
///
/// A blocking program needs [`complete_io`](Self::complete_io) alone, or a [`Stream`](crate::Stream).
///
/// # Reading plaintext
/// * `Ok(n)`: that many bytes, decrypted and authenticated.
/// * `Ok(0)`: the peer has sent close_notify: there will be no more, and nothing is missing.
/// * [`WouldBlock`](io::ErrorKind::WouldBlock): nothing yet.
/// * [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) holding [`Error::Truncated`]: the transport ended without close_notify. Whether
///   something is missing, the application's protocol must know; [`is_truncation`](crate::is_truncation) recognises the
///   error in one line for those that accept it.
/// * any other error holds the [`Error`] that ended the connection.
///
/// What was received before an end or error is read first.
///
/// # Writing plaintext
/// `write` seals record by record into the send buffer, from where `write_tls` takes it. It accepts no more than the
/// limit of [`set_buffer_limit`](Self::set_buffer_limit) leaves room for, and returns `Ok(0)` when there is none: call `write_tls` first.
/// Before the handshake's end the plaintext is kept, up to the same limit, and sent as soon as the handshake is
/// complete.
///
/// What `write` accepted is sealed when it returns (after the handshake): nothing is held back for more to come, and records are not
/// joined later. So `flush` does nothing: there is no transport here to flush to, and what waits for it is written by
/// `write_tls`, `complete_io` or a [`Stream`](crate::Stream).
///
/// Every `write` makes at least one record of its own, with 22 bytes around it (TLS 1.2: 21 or 29) and some work. Small pieces are put
/// together by `write_vectored`, which fills whole records from many slices, or by a [`BufWriter`](std::io::BufWriter), best of 16 KiB,
/// the plaintext of the longest record; that one has to be flushed.
///
/// Plaintext and records that were not written to the transport are gone with the session when it is dropped.
///
/// # Errors
/// After an error of the protocol every call gives that same error, except that the alert can still be sent with `write_tls`.
pub trait Session: Read + BufRead + Write {
    /// Reads once from the transport into the receive buffer; `Ok(0)` is the transport's end, which is remembered. Call
    /// [`process_new_packets`](Self::process_new_packets) afterwards.
    ///
    /// # Errors
    /// Those of `rd`; those of the protocol that came before; and if more was received than
    /// [`wants_read`](Self::wants_read) asked for.
    fn read_tls(&mut self, rd: &mut dyn Read) -> io::Result<usize>;

    /// Writes once to the transport, and returns how many bytes it took; `Ok(0)` if there were none to write.
    ///
    /// # Errors
    /// Those of `wr`.
    fn write_tls(&mut self, wr: &mut dyn Write) -> io::Result<usize>;

    /// Flushes the transport, if it took something by [`write_tls`](Self::write_tls) since it was flushed: that is for transports that have
    /// a buffer of their own. [`complete_io`](Self::complete_io) and a [`Stream`](crate::Stream) do it by themselves.
    ///
    /// # Errors
    /// Those of `wr`, after which the next call tries again; an interruption is tried again at once.
    fn flush_tls(&mut self, wr: &mut dyn Write) -> io::Result<()>;

    /// Takes in all whole records that were received. Handshake messages are answered, plaintext can be read afterwards.
    ///
    /// # Errors
    /// The [`Error`] that ended the connection; the alert for the peer then waits for [`write_tls`](Self::write_tls). The end of the
    /// transport is an error here only during the handshake, afterwards the reader is told.
    fn process_new_packets(&mut self) -> Result<IoState, Error>;

    /// The signature that the handshake waits for, if its key is elsewhere ([`Identity::with_remote_key`](crate::Identity::with_remote_key)):
    /// once after each [`process_new_packets`](Self::process_new_packets) that comes to it. Have it made, by another process or
    /// machine, and give it to [`answer_signature`](Self::answer_signature); meanwhile the program serves other connections.
    fn take_signature_request(&mut self) -> Option<NeedSignature>;

    /// Goes on with the answer to [`take_signature_request`](Self::take_signature_request), and takes in what was received since.
    /// Whoever is told of readable sockets once alone (edge-triggered) has to read again afterwards. A request that is dropped
    /// without an answer leaves the handshake waiting until a deadline of the program's ends it.
    ///
    /// # Errors
    /// As [`process_new_packets`](Self::process_new_packets); [`Error::WrongAnswer`] for an answer to another session's request.
    fn answer_signature(&mut self, answer: Answer) -> Result<IoState, Error>;

    /// Returns whether to read from the transport. `false` after its end, close_notify or an error; while a signature is pending;
    /// and while more than 64 KiB of plaintext, early data included, is unread, which bounds the memory that a peer can fill.
    fn wants_read(&self) -> bool;

    /// Whether bytes wait to be written to the transport.
    fn wants_write(&self) -> bool;

    /// Whether the handshake is not complete yet.
    fn is_handshaking(&self) -> bool;

    /// Does I/O: during the handshake until it is complete, afterwards one round of writing what waits and, if nothing
    /// did, one read. Returns the bytes read from and written to the transport; `(0, 0)` if there is nothing to do, which is
    /// so at the end of the transport and after close_notify.
    ///
    /// Works with blocking and with non-blocking transports, and never spins: every step moves bytes or ends the call.
    ///
    /// # Errors
    /// Those of the transport, among them [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing could be done or the handshake is
    /// not complete; and those of the protocol, after the alert was written. While a signature is waited for
    /// ([`take_signature_request`](Self::take_signature_request)) it is `WouldBlock` as well, and so it is while more than 64 KiB of
    /// [early data](crate::ServerSession::early_data) is unread.
    fn complete_io<T: Read + Write>(&mut self, io: &mut T) -> io::Result<(usize, usize)>
    where
        Self: Sized;

    /// Limits what is held for sending, plaintext and records together, in bytes; `None` for no limit. Unless changed it is what full
    /// records of 64 KiB of plaintext take. After the handshake at least one byte is accepted while nothing waits.
    fn set_buffer_limit(&mut self, limit: Option<usize>);

    /// Ends our sending side: close_notify is sent after what was written, and nothing can be written afterwards. The
    /// peer may go on sending, and it can be read. Called during the handshake it takes effect at its end.
    fn send_close_notify(&mut self);

    /// The peer's certificates as it sent them, its own first. At a server `None` is a client that showed none.
    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]>;

    /// The scheme with which the peer signed the handshake; `None` where it signed nothing, as in a resumption.
    fn peer_signature_scheme(&self) -> Option<SignatureScheme>;

    /// The channel binding `tls-unique` of TLS 1.2 (RFC 5929 §3), for protocols that still ask for it; `None` with TLS 1.3, which has another one
    /// (RFC 9266): 32 bytes of [keying material](Self::export_keying_material) under the label `EXPORTER-Channel-Binding`.
    fn tls_unique(&self) -> Option<[u8; 12]>;

    /// The application protocol that was negotiated (RFC 7301).
    fn alpn_protocol(&self) -> Option<&[u8]>;

    /// The version that was negotiated.
    fn protocol_version(&self) -> Option<ProtocolVersion>;

    /// The cipher suite that was negotiated.
    fn negotiated_cipher_suite(&self) -> Option<CipherSuite>;

    /// The key exchange group that was negotiated.
    fn negotiated_group(&self) -> Option<NamedGroup>;

    /// Returns how much a record holds at most in each direction, as negotiated with record_size_limit
    /// (RFC 8449) or max_fragment_length (RFC 6066 §4); 2^14 bytes if neither was.
    fn record_limits(&self) -> RecordLimits;

    /// How the handshake went, once it is complete.
    fn handshake_kind(&self) -> Option<HandshakeKind>;

    /// Fills `out` with key material that both sides can derive, and nobody else (RFC 9846 §7.5, RFC 5705). With TLS 1.3 no context
    /// and an empty one give the same, with TLS 1.2 they do not: a protocol for both should always have a context.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; if `out` is longer than the key schedule can fill; and
    /// [`Error::ExtendedMasterSecretRequired`] with a TLS 1.2 peer whose keys are not bound to the handshake (RFC 7627 §5.4).
    fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error>;

    /// Changes our sending keys, and asks the peer to change its own (RFC 9846 §4.7.3). Happens by itself before the
    /// keys' limit is reached.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; [`Error::NoKeyUpdate`] with TLS 1.2, where a connection that reaches the limit of its keys
    /// ends with [`Error::KeyExhausted`].
    fn refresh_traffic_keys(&mut self) -> Result<(), Error>;
}

/// What [`Session::process_new_packets`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoState {
    pub(crate) plaintext_bytes_to_read: usize,
    pub(crate) tls_bytes_to_write: usize,
    pub(crate) peer_has_closed: bool,
}

impl IoState {
    /// Bytes of plaintext that can be read without blocking.
    #[must_use]
    pub fn plaintext_bytes_to_read(&self) -> usize {
        self.plaintext_bytes_to_read
    }

    /// Bytes that wait for [`Session::write_tls`].
    #[must_use]
    pub fn tls_bytes_to_write(&self) -> usize {
        self.tls_bytes_to_write
    }

    /// Whether close_notify came.
    #[must_use]
    pub fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }
}

/// A session by the core that it wraps.
pub(crate) trait HasCore {
    type SessionRole: SessionRole;

    fn core(&self) -> &SessionCore<Self::SessionRole>;
    fn core_mut(&mut self) -> &mut SessionCore<Self::SessionRole>;
}

impl<S: HasCore + Read + BufRead + Write> Session for S {
    fn read_tls(&mut self, rd: &mut dyn Read) -> io::Result<usize> {
        self.core_mut().read_tls(rd)
    }

    fn write_tls(&mut self, wr: &mut dyn Write) -> io::Result<usize> {
        self.core_mut().write_tls(wr)
    }

    fn flush_tls(&mut self, wr: &mut dyn Write) -> io::Result<()> {
        self.core_mut().flush_tls(wr)
    }

    fn process_new_packets(&mut self) -> Result<IoState, Error> {
        self.core_mut().process()
    }

    fn take_signature_request(&mut self) -> Option<NeedSignature> {
        self.core_mut().take_signature_request()
    }

    fn answer_signature(&mut self, answer: Answer) -> Result<IoState, Error> {
        self.core_mut().answer_signature(answer)
    }

    fn wants_read(&self) -> bool {
        self.core().wants_read()
    }

    fn wants_write(&self) -> bool {
        self.core().wants_write()
    }

    fn is_handshaking(&self) -> bool {
        self.core().connection().is_handshaking()
    }

    fn complete_io<T: Read + Write>(&mut self, io: &mut T) -> io::Result<(usize, usize)> {
        complete_io(self, io)
    }

    fn set_buffer_limit(&mut self, limit: Option<usize>) {
        self.core_mut().set_limit(limit);
    }

    fn send_close_notify(&mut self) {
        self.core_mut().send_close_notify();
    }

    fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.core().connection().peer_certificates()
    }

    fn peer_signature_scheme(&self) -> Option<SignatureScheme> {
        self.core().connection().peer_signature_scheme()
    }

    fn tls_unique(&self) -> Option<[u8; 12]> {
        self.core().connection().tls_unique()
    }

    fn alpn_protocol(&self) -> Option<&[u8]> {
        self.core().connection().alpn_protocol()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.core().connection().protocol_version()
    }

    fn negotiated_cipher_suite(&self) -> Option<CipherSuite> {
        self.core().connection().negotiated_cipher_suite()
    }

    fn negotiated_group(&self) -> Option<NamedGroup> {
        self.core().connection().negotiated_group()
    }

    fn record_limits(&self) -> RecordLimits {
        self.core().connection().record_limits()
    }

    fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.core().connection().handshake_kind()
    }

    fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.core().export_keying_material(out, label, context)
    }

    fn refresh_traffic_keys(&mut self) -> Result<(), Error> {
        self.core_mut().refresh_traffic_keys()
    }
}

/// One line about a session for `Debug`; the engine's state holds secrets, and is left out.
pub(crate) fn describe<S: Session>(name: &str, session: &S, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("is_handshaking", &session.is_handshaking())
        .field("protocol_version", &session.protocol_version())
        .field("negotiated_cipher_suite", &session.negotiated_cipher_suite())
        .finish_non_exhaustive()
}

fn complete_io<S: HasCore + Session, T: Read + Write>(session: &mut S, io: &mut T) -> io::Result<(usize, usize)> {
    let handshake = session.is_handshaking();
    let (mut read, mut written) = (0, 0);
    loop {
        let blocked = match write_out(session, io, &mut written) {
            Ok(()) => None,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Some(e),
            Err(e) => return Err(e),
        };
        if let Some(e) = session.core().connection().error() {
            return Err(repeat_as_io(e));
        }
        if session.core().waits_for_signature() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if session.is_handshaking() && !session.core().has_room() {
            let why = "the handshake waits until early data is read: see ServerSession::early_data";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
        }
        let done = if handshake { !session.is_handshaking() } else { read + written > 0 };
        if !session.wants_read() || (done && blocked.is_none()) {
            return Ok((read, written));
        }
        match session.read_tls(io) {
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            // Outside the handshake what was done so far is a success.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && !handshake && written > 0 => return Ok((read, written)),
            Err(e) => return Err(blocked.unwrap_or(e)),
        }
        if let Err(e) = session.process_new_packets() {
            // The peer may be gone; what ended the connection is the better news.
            let _ = write_out(session, io, &mut written);
            return Err(protocol_error(e));
        }
        if !handshake {
            return Ok((read, written));
        }
    }
}

/// Writes what waits, and flushes what was written. Adds up how much that was, whatever happens then.
pub(crate) fn write_out<S: Session, T: Write>(session: &mut S, io: &mut T, written: &mut usize) -> io::Result<()> {
    write_waiting(session, io, written)?;
    session.flush_tls(io)
}

/// Writes what waits.
pub(crate) fn write_waiting<S: Session, T: Write>(session: &mut S, io: &mut T, written: &mut usize) -> io::Result<()> {
    while session.wants_write() {
        match session.write_tls(io) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *written += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Flushes. An interruption is not told: `write_all` would take it for one of a write that took nothing, and write again.
pub(crate) fn flush(io: &mut dyn Write) -> io::Result<()> {
    loop {
        match io.flush() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
