//! [`AnySession`], and [`Session`] for references and boxes: code that does not depend on the role.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};

use pki_types::CertificateDer;
use tls_handshake::{Answer, Error, HandshakeKind, Need, NeedSignature, RecordLimits};

use crate::session::client::ClientSession;
use crate::session::server::ServerSession;
use crate::session::{IoState, Session, Transport};
use crate::{CipherSuite, ConnectionInfo, NamedGroup, ProtocolVersion, SignatureScheme};

/// Forwards each method of [`Session`] to another session.
macro_rules! forward_session {
    ($this:ident, $shared:expr, $exclusive:expr) => {
        fn read_tls(&mut $this, rd: &mut dyn Read) -> io::Result<usize> {
            $exclusive.read_tls(rd)
        }

        fn write_tls(&mut $this, wr: &mut dyn Write) -> io::Result<usize> {
            $exclusive.write_tls(wr)
        }

        fn flush_tls(&mut $this, wr: &mut dyn Write) -> io::Result<()> {
            $exclusive.flush_tls(wr)
        }

        fn process_new_packets(&mut $this) -> Result<IoState, Error> {
            $exclusive.process_new_packets()
        }

        fn take_need(&mut $this) -> Option<Need> {
            $exclusive.take_need()
        }

        fn answer(&mut $this, answer: Answer) -> Result<IoState, Error> {
            $exclusive.answer(answer)
        }

        fn take_signature_request(&mut $this) -> Option<NeedSignature> {
            $exclusive.take_signature_request()
        }

        fn wants_read(&$this) -> bool {
            $shared.wants_read()
        }

        fn wants_write(&$this) -> bool {
            $shared.wants_write()
        }

        fn must_write(&$this) -> bool {
            $shared.must_write()
        }

        fn is_handshaking(&$this) -> bool {
            $shared.is_handshaking()
        }

        fn complete_io(&mut $this, io: &mut dyn Transport) -> io::Result<(usize, usize)> {
            $exclusive.complete_io(io)
        }

        fn set_buffer_limit(&mut $this, limit: Option<usize>) {
            $exclusive.set_buffer_limit(limit);
        }

        fn send_close_notify(&mut $this) {
            $exclusive.send_close_notify();
        }

        fn peer_certificates(&$this) -> Option<&[CertificateDer<'static>]> {
            $shared.peer_certificates()
        }

        fn peer_signature_scheme(&$this) -> Option<SignatureScheme> {
            $shared.peer_signature_scheme()
        }

        fn tls_unique(&$this) -> Option<[u8; 12]> {
            $shared.tls_unique()
        }

        fn alpn_protocol(&$this) -> Option<&[u8]> {
            $shared.alpn_protocol()
        }

        fn protocol_version(&$this) -> Option<ProtocolVersion> {
            $shared.protocol_version()
        }

        fn negotiated_cipher_suite(&$this) -> Option<CipherSuite> {
            $shared.negotiated_cipher_suite()
        }

        fn negotiated_group(&$this) -> Option<NamedGroup> {
            $shared.negotiated_group()
        }

        fn record_limits(&$this) -> RecordLimits {
            $shared.record_limits()
        }

        fn handshake_kind(&$this) -> Option<HandshakeKind> {
            $shared.handshake_kind()
        }

        fn connection_info(&$this) -> Option<ConnectionInfo> {
            $shared.connection_info()
        }

        fn export_keying_material(&$this, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
            $shared.export_keying_material(out, label, context)
        }

        fn refresh_traffic_keys(&mut $this) -> Result<(), Error> {
            $exclusive.refresh_traffic_keys()
        }
    };
}

/// Forwards to the session behind the reference.
impl<S: Session + ?Sized> Session for &mut S {
    forward_session!(self, (**self), (**self));
}

/// Forwards to the session in the box, which may be a `dyn Session`.
impl<S: Session + ?Sized> Session for Box<S> {
    forward_session!(self, (**self), (**self));
}

/// A connection of either role, for a program that has both in one place: a table of connections, a
/// proxy, a type in a public API.
///
/// A [`Stream`](crate::Stream) also takes a `dyn Session`, and so do functions that the application
/// is not to be generic.
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::{AnySession, ClientConfig, ClientSession, Session};
///
/// fn is_idle(session: &dyn Session) -> bool {
///     !session.is_handshaking() && !session.wants_write()
/// }
///
/// let client = ClientSession::new(&Arc::new(ClientConfig::new()), "a.example")?;
/// let mut table: Vec<AnySession> = vec![client.into()];
/// assert!(!is_idle(&table[0]));
/// table.retain(|session| matches!(session, AnySession::Server(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum AnySession {
    /// A client's side.
    Client(ClientSession),
    /// A server's side.
    Server(ServerSession),
}

impl AnySession {
    fn get(&self) -> &dyn Session {
        match self {
            Self::Client(session) => session,
            Self::Server(session) => session,
        }
    }

    fn get_mut(&mut self) -> &mut dyn Session {
        match self {
            Self::Client(session) => session,
            Self::Server(session) => session,
        }
    }
}

/// What an asynchronous stream asks for at each poll, without virtual calls.
#[cfg(feature = "tokio")]
impl AnySession {
    /// As [`SessionCore::only_reads`](crate::session::core::SessionCore::only_reads).
    pub(crate) fn only_reads(&self) -> bool {
        match self {
            Self::Client(session) => session.core().only_reads(),
            Self::Server(session) => session.core().only_reads(),
        }
    }

    /// Returns whether plaintext is unread.
    pub(crate) fn has_plaintext(&self) -> bool {
        match self {
            Self::Client(session) => session.core().has_plaintext(),
            Self::Server(session) => session.core().has_plaintext(),
        }
    }

    /// Returns whether there is a request to answer.
    pub(crate) fn has_need(&self) -> bool {
        match self {
            Self::Client(session) => session.core().has_need(),
            Self::Server(session) => session.core().has_need(),
        }
    }

    /// As [`wants_write`](Session::wants_write), without a virtual call.
    pub(crate) fn has_output(&self) -> bool {
        match self {
            Self::Client(session) => session.core().wants_write(),
            Self::Server(session) => session.core().wants_write(),
        }
    }
}

impl From<ClientSession> for AnySession {
    fn from(session: ClientSession) -> Self {
        Self::Client(session)
    }
}

impl From<ServerSession> for AnySession {
    fn from(session: ServerSession) -> Self {
        Self::Server(session)
    }
}

impl Session for AnySession {
    forward_session!(self, self.get(), self.get_mut());
}

impl Read for AnySession {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.get_mut().read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.get_mut().read_vectored(bufs)
    }
}

impl BufRead for AnySession {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.get_mut().fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.get_mut().consume(n);
    }
}

impl Write for AnySession {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.get_mut().write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.get_mut().write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.get_mut().flush()
    }
}
