//! A TLS 1.2 client after ServerHello (RFC 5246 §7.3).
//!
//! ```text
//! WaitCertificate
//!      │ Certificate
//!      ▼
//! WaitServerKeyExchange ─ CertificateStatus, if ServerHello promised it ─▶ (the same, once)
//!      │ ServerKeyExchange
//!      ▼
//! WaitServerHelloDone ─ CertificateRequest ─▶ (the same, once)
//!      │ ServerHelloDone
//!      ▼
//! WaitVerdict                  (the application verifies the chain; then the signature is checked)
//!      │ verified
//!      ▼
//! WaitClientIdentity ─ identity ─▶ WaitSignature     (if requested and a lookup is configured)
//!      │ none                           │ signature
//!      ▼                                ▼
//! Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished are sent
//!      │                              ┌──────────── ServerHello resumes a session
//!      ▼                              ▼
//! WaitNewSessionTicket, if ServerHello promised one
//!      │ NewSessionTicket
//!      ▼
//! WaitChangeCipherSpec ─ ChangeCipherSpec ─▶ WaitFinished ─ Finished ─▶ Connected
//!                   (resumption: the client now sends its ChangeCipherSpec and Finished)
//! ```
//!
//! Transitions that the diagram lacks do not compile. For example, the keys cannot change before
//! the key exchange (CVE-2014-0224):
//!
//! ```compile_fail,E0599
//! use strata_tls_handshake::client::tls12::WaitServerKeyExchange;
//! use strata_tls_handshake::{framed::RecordBoundary, sink::Sink};
//! fn early(s: WaitServerKeyExchange, at: RecordBoundary, out: &mut dyn Sink) {
//!     s.on_change_cipher_spec(at, out);
//! }
//! ```

use std::sync::Arc;

use pki_types::{ServerName, UnixTime};
use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::RawMessage;
use tls_crypto::{Tls12Suite, Transcript};

use super::key_shares::KeyShares;
use super::session_tracker::SessionTracker;
use crate::config::ClientConfig;
use crate::error::{Error, Side, StateName};
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Answer, AnswerKind, ConnectionId};
use crate::negotiated::Established;
use crate::resumption::ClientSessionValue;
use crate::schedule::tls12::Randoms;
use crate::sink::Sink;
use crate::states::{Renegotiation, StateMachine, Step, unexpected_change_cipher_spec};

mod client_flight;
mod new_session;
mod resumption;
mod server_flight;

pub use client_flight::{
    Connected, WaitChangeCipherSpec, WaitClientIdentity, WaitFinished, WaitNewSessionTicket, WaitSignature,
};
pub use server_flight::{WaitCertificate, WaitServerHelloDone, WaitServerKeyExchange, WaitVerdict};

/// Data that all states of a full handshake share.
pub(super) struct HandshakeContext {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    randoms: Randoms,
    transcript: Transcript,
    suite: &'static Tls12Suite,
    /// The private half of the client's key shares, if any were sent. Reused if the server selects
    /// its group.
    shares: Option<Box<KeyShares>>,
    master_secret: MasterSecretKind,
    alpn: Option<Vec<u8>>,
    /// The session ID of ServerHello.
    session_id: Vec<u8>,
    promise: Promise,
}

/// True if the server will send NewSessionTicket (RFC 5077 §3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    Ticket,
    Nothing,
}

impl Promise {
    fn of(session_ticket: bool) -> Self {
        if session_ticket { Self::Ticket } else { Self::Nothing }
    }
}

/// The input that the master secret is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MasterSecretKind {
    /// The handshake transcript (RFC 7627).
    Extended,
    /// Only the two randoms.
    Plain,
}

/// The state of a TLS 1.2 client handshake after ServerHello.
#[derive(Debug)]
#[non_exhaustive]
pub enum State {
    /// Waits for the server's Certificate.
    WaitCertificate(WaitCertificate),
    /// Waits for CertificateStatus, if promised, or ServerKeyExchange.
    WaitServerKeyExchange(WaitServerKeyExchange),
    /// Waits for CertificateRequest, which is optional, or ServerHelloDone.
    WaitServerHelloDone(WaitServerHelloDone),
    /// Waits for the application to verify the chain.
    WaitVerdict(WaitVerdict),
    /// Waits for the application to select an identity.
    WaitClientIdentity(WaitClientIdentity),
    /// Waits for the signature of the identity's key.
    WaitSignature(WaitSignature),
    /// Waits for the ticket that ServerHello promised.
    WaitNewSessionTicket(WaitNewSessionTicket),
    /// Waits for the server's ChangeCipherSpec.
    WaitChangeCipherSpec(WaitChangeCipherSpec),
    /// Waits for the server's Finished, under the new keys.
    WaitFinished(WaitFinished),
    /// The handshake is complete.
    Connected(Box<Connected>),
}

impl State {
    pub(crate) fn has_sessions(&self) -> bool {
        matches!(self, Self::Connected(s) if s.has_session())
    }

    pub(crate) fn take_sessions(&mut self, tracker: &SessionTracker, now: UnixTime) -> Vec<ClientSessionValue> {
        match self {
            Self::Connected(s) => s.take_session(tracker, now).map(|session| vec![session]).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

impl StateMachine for State {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(Step::Next(match (self, message.msg.typ) {
            (Self::WaitCertificate(s), T::CERTIFICATE) => {
                Self::WaitServerKeyExchange(s.on_certificate(message.decode()?)?)
            }
            (Self::WaitServerKeyExchange(s), T::CERTIFICATE_STATUS) if s.may_have_status() => {
                Self::WaitServerKeyExchange(s.on_certificate_status(message.decode()?))
            }
            (Self::WaitServerKeyExchange(s), T::SERVER_KEY_EXCHANGE) => {
                Self::WaitServerHelloDone(s.on_server_key_exchange(message.decode()?)?)
            }
            (Self::WaitServerHelloDone(s), T::CERTIFICATE_REQUEST) if !s.was_requested() => {
                Self::WaitServerHelloDone(s.on_certificate_request(message.decode()?))
            }
            (Self::WaitServerHelloDone(s), T::SERVER_HELLO_DONE) => {
                let (state, need) = s.on_server_hello_done(message.decode()?)?;
                return Ok(Step::Ask(Self::WaitVerdict(state), need));
            }
            (Self::WaitNewSessionTicket(s), T::NEW_SESSION_TICKET) => {
                Self::WaitChangeCipherSpec(s.on_new_session_ticket(message.decode()?))
            }
            (Self::WaitFinished(s), T::FINISHED) => Self::Connected(s.on_finished(message.decode()?, out)?),
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        }))
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match (self, answer.0) {
            (Self::WaitVerdict(s), AnswerKind::Verdict(verdict)) => s.on_verdict(verdict, out),
            (Self::WaitClientIdentity(s), AnswerKind::ClientIdentity(identity)) => s.on_identity(identity, out),
            (Self::WaitSignature(s), AnswerKind::Signature(signature)) => {
                Ok(Step::Next(s.on_signature(signature, out)?))
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
            Self::WaitCertificate(_) => StateName::client("WAIT_CERT", "waited for the server's Certificate"),
            Self::WaitServerKeyExchange(_) => StateName::client("WAIT_SKE", "waited for ServerKeyExchange"),
            Self::WaitServerHelloDone(_) => StateName::client("WAIT_SHD", "waited for ServerHelloDone"),
            Self::WaitVerdict(_) => StateName::client("WAIT_SHD (verdict)", "verified the server's certificate"),
            Self::WaitClientIdentity(_) => StateName::client("WAIT_SHD (identity)", "chose its certificate"),
            Self::WaitSignature(_) => StateName::client("WAIT_SHD (signature)", "signed the handshake"),
            Self::WaitNewSessionTicket(_) => StateName::client("WAIT_TICKET", "waited for NewSessionTicket"),
            Self::WaitChangeCipherSpec(_) => {
                StateName::client("WAIT_CCS", "waited for the server's change_cipher_spec")
            }
            Self::WaitFinished(_) => StateName::client("WAIT_FINISHED", "waited for the server's Finished"),
            Self::Connected(_) => StateName::connected12(Side::Client),
        }
    }

    /// RFC 5246 §7.1: once, after the client's Finished or after the ServerHello of a resumption.
    fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> Result<Self, Error> {
        match self {
            Self::WaitChangeCipherSpec(s) => Ok(Self::WaitFinished(s.on_change_cipher_spec(at, out))),
            state => Err(unexpected_change_cipher_spec(state.name())),
        }
    }

    fn may_precede_hello_requests(&self) -> bool {
        true
    }

    fn renegotiation(&self, typ: HandshakeType) -> Option<Renegotiation> {
        (typ == HandshakeType::HELLO_REQUEST).then_some(match self {
            Self::Connected(_) => Renegotiation::Decline,
            _ => Renegotiation::Ignore,
        })
    }

    fn ignores_warnings(&self) -> bool {
        true
    }

    fn established(&self) -> Option<Established<'_>> {
        match self {
            Self::Connected(s) => Some(s.established()),
            _ => None,
        }
    }
}
