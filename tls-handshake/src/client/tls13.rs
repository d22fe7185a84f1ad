//! A TLS 1.3 client after ServerHello (RFC 9846 Appendix A.1).
//!
//! ```text
//! WaitEncryptedExtensions ─ EncryptedExtensions with a selected PSK ─▶ WaitFinished
//!      │ EncryptedExtensions
//!      ▼
//! WaitCertOrCertRequest ─ CertificateRequest ─▶ WaitCert
//!      │ Certificate                              │ Certificate
//!      ▼                                          ▼
//! WaitVerdict ◀───────────────────────────────────┘      (the application verifies the chain)
//!      │ verified
//!      ▼
//! WaitCertVerify ─ CertificateVerify ─▶ WaitFinished ─ Finished ─▶ Connected
//!                                           │ Finished, if requested   ▲
//!                                           ▼                          │ signature
//!                                      WaitClientIdentity ─ id ─▶ WaitSignature
//! ```

use std::sync::Arc;

use pki_types::{ServerName, UnixTime};
use tls_codec::code_points::{HandshakeType, NamedGroup};
use tls_codec::handshake::RawMessage;
use tls_crypto::{Tls13Suite, Transcript};

use super::certificate_request::Request;
use super::early_data::EarlyData;
use super::offered_psk::FullHandshake;
use super::session_tracker::SessionTracker;
use crate::config::ClientConfig;
use crate::error::{Error, Side, StateName};
use crate::framed::Framed;
use crate::key_update::Traffic;
use crate::need::{Answer, AnswerKind, ConnectionId};
use crate::negotiated::{Established, Exporter, HandshakeKind};
use crate::resumption::ClientSessionValue;
use crate::schedule::tls13::HandshakeKeys;
use crate::sink::Sink;
use crate::states::{StateMachine, Step};
use crate::transport::Transport;

mod client_flight;
mod connected;
mod new_session;
mod server_flight;

pub use client_flight::{WaitClientIdentity, WaitSignature};
pub use connected::Connected;
pub use server_flight::{
    AfterEncryptedExtensions, WaitCert, WaitCertOrCertRequest, WaitCertVerify, WaitEncryptedExtensions, WaitFinished,
    WaitVerdict,
};

/// Data that all states after ServerHello share.
pub(super) struct HandshakeContext {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    pub(super) client_random: [u8; 32],
    pub(super) transcript: Transcript,
    pub(super) keys: Box<HandshakeKeys>,
    pub(super) suite: &'static Tls13Suite,
    pub(super) group: NamedGroup,
    pub(super) kind: HandshakeKind,
    pub(super) early: EarlyData,
    /// The application protocol that EncryptedExtensions selected.
    pub(super) alpn: Option<Vec<u8>>,
    /// The server's CertificateRequest.
    pub(super) request: Option<Request>,
    /// The full handshake that began the resumed session.
    pub(super) full: Option<FullHandshake>,
    pub(super) transport: Transport,
}

impl HandshakeContext {
    /// Applies the early data answer of EncryptedExtensions. After a rejection the handshake key
    /// encrypts what the client sends.
    fn apply_early_data_response(
        &mut self,
        accepted: bool,
        alpn: Option<&[u8]>,
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let early = std::mem::replace(&mut self.early, EarlyData::Rejected);
        let was_open = early.is_open();
        self.early = early.on_encrypted_extensions(accepted, self.suite, alpn)?;
        if was_open && !self.early.is_open() && !self.transport.is_quic() {
            out.install_write(self.keys.write_key())?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for HandshakeContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandshakeContext").field("name", &self.name).field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// The state of a TLS 1.3 client handshake after ServerHello.
#[derive(Debug)]
#[non_exhaustive]
pub enum State {
    /// Waits for EncryptedExtensions, under the handshake keys.
    WaitEncryptedExtensions(WaitEncryptedExtensions),
    /// Waits for CertificateRequest or Certificate.
    WaitCertOrCertRequest(WaitCertOrCertRequest),
    /// Waits for Certificate, after CertificateRequest.
    WaitCert(WaitCert),
    /// Waits for the application to verify the chain.
    WaitVerdict(WaitVerdict),
    /// Waits for CertificateVerify. The chain is verified.
    WaitCertVerify(WaitCertVerify),
    /// Waits for Finished. The server's key has signed, or a pre-shared key authenticates it.
    WaitFinished(WaitFinished),
    /// Waits for the application to select an identity.
    WaitClientIdentity(WaitClientIdentity),
    /// Waits for the signature of the identity's key.
    WaitSignature(WaitSignature),
    /// The handshake is complete.
    Connected(Box<Connected>),
}

impl State {
    pub(crate) fn has_sessions(&self) -> bool {
        matches!(self, Self::Connected(s) if s.has_sessions())
    }

    pub(crate) fn take_sessions(&mut self, tracker: &SessionTracker, now: UnixTime) -> Vec<ClientSessionValue> {
        match self {
            Self::Connected(s) => s.take_sessions(tracker, now),
            _ => Vec::new(),
        }
    }
}

impl StateMachine for State {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(Step::Next(match (self, message.msg.typ) {
            (Self::WaitEncryptedExtensions(s), T::ENCRYPTED_EXTENSIONS) => {
                match s.on_encrypted_extensions(message.decode()?, out)? {
                    AfterEncryptedExtensions::Certificate(state) => Self::WaitCertOrCertRequest(state),
                    AfterEncryptedExtensions::PreSharedKey(state) => Self::WaitFinished(state),
                }
            }
            (Self::WaitCertOrCertRequest(s), T::CERTIFICATE_REQUEST) => {
                Self::WaitCert(s.on_certificate_request(message.decode()?)?)
            }
            (Self::WaitCertOrCertRequest(s), T::CERTIFICATE) => {
                let (state, need) = s.without_request().on_certificate(message.decode()?)?;
                return Ok(Step::Ask(Self::WaitVerdict(state), need));
            }
            (Self::WaitCert(s), T::CERTIFICATE) => {
                let (state, need) = s.on_certificate(message.decode()?)?;
                return Ok(Step::Ask(Self::WaitVerdict(state), need));
            }
            (Self::WaitCertVerify(s), T::CERTIFICATE_VERIFY) => {
                Self::WaitFinished(s.on_certificate_verify(message.decode()?)?)
            }
            (Self::WaitFinished(s), T::FINISHED) => return s.on_last_message(message.decode()?, out),
            (Self::Connected(s), T::NEW_SESSION_TICKET) => Self::Connected(s.on_new_session_ticket(message.decode()?)?),
            (Self::Connected(s), T::KEY_UPDATE) => Self::Connected(s.on_key_update(message.decode()?, out)?),
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        }))
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match (self, answer.0) {
            (Self::WaitVerdict(s), AnswerKind::Verdict(verdict)) => {
                Ok(Step::Next(Self::WaitCertVerify(s.on_verdict(verdict)?)))
            }
            (Self::WaitClientIdentity(s), AnswerKind::ClientIdentity(identity)) => s.on_identity(identity, out),
            (Self::WaitSignature(s), AnswerKind::Signature(signature)) => {
                Ok(Step::Next(Self::Connected(s.on_signature(signature, out)?)))
            }
            _ => Err(Error::WrongAnswer),
        }
    }

    fn connection_id(&self) -> Option<ConnectionId> {
        match self {
            Self::WaitVerdict(s) => Some(s.connection_id()),
            Self::WaitClientIdentity(s) => Some(s.connection_id()),
            Self::WaitSignature(s) => Some(s.connection_id()),
            _ => None,
        }
    }

    fn name(&self) -> StateName {
        match self {
            Self::WaitEncryptedExtensions(_) => {
                StateName::client("WAIT_EE", "waited for the server's EncryptedExtensions")
            }
            Self::WaitCertOrCertRequest(_) => {
                StateName::client("WAIT_CERT_CR", "waited for the server's Certificate or CertificateRequest")
            }
            Self::WaitCert(_) => StateName::client("WAIT_CERT", "waited for the server's Certificate"),
            Self::WaitVerdict(_) => StateName::client("WAIT_CERT (verdict)", "verified the server's certificate"),
            Self::WaitCertVerify(_) => StateName::client("WAIT_CV", "waited for the server's CertificateVerify"),
            Self::WaitFinished(_) => StateName::client("WAIT_FINISHED", "waited for the server's Finished"),
            Self::WaitClientIdentity(_) => StateName::client("WAIT_FINISHED (identity)", "chose its certificate"),
            Self::WaitSignature(_) => StateName::client("WAIT_FINISHED (signature)", "signed the handshake"),
            Self::Connected(_) => StateName::connected13(Side::Client),
        }
    }

    /// RFC 9846 §5: until the peer's Finished.
    fn ignores_change_cipher_spec(&self) -> bool {
        !matches!(self, Self::Connected(_))
    }

    fn ignores_warnings(&self) -> bool {
        false
    }

    fn established(&self) -> Option<Established<'_>> {
        match self {
            Self::Connected(s) => Some(s.established()),
            _ => None,
        }
    }

    fn early_exporter(&self) -> Option<&dyn Exporter> {
        match self {
            Self::WaitEncryptedExtensions(s) => s.early_exporter(),
            Self::WaitFinished(s) => s.early_exporter(),
            _ => None,
        }
    }

    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        match self {
            Self::Connected(s) => Some(s.traffic_mut()),
            _ => None,
        }
    }
}
