//! A TLS 1.3 server after ClientHello (RFC 9846 Appendix A.2).
//!
//! ```text
//! WaitSession ─ eligible and single-use ─▶ WaitTakeSession
//!      │  │                                    │     │ taken
//!      │  └─ eligible ─────────────────────────┼─────┴─▶ ServerHello … Finished are sent
//!      │ not eligible                          │            ─▶ WaitEndOfEarlyData or WaitFinished
//!      ├─────────────────── gone ──────────────┘
//!      ▼
//! WaitIdentity                            (which certificate for this ClientHello?)
//!      │ identity: ServerHello, EncryptedExtensions, CertificateRequest if configured, Certificate
//!      ▼
//! WaitSignature                           (the key signs, local or remote)
//!      │ signature: CertificateVerify, Finished
//!      ├─────────────────────────┐
//!      │ requested               │ not requested
//!      ▼                         ▼
//! WaitCert ─ empty ────────▶ WaitFinished ─ Finished ─▶ WaitTickets ─ tickets ─▶ Connected
//!      │ Certificate             ▲
//!      ▼                         │ CertificateVerify
//! WaitVerdict ─ verified ─▶ WaitCertVerify
//! ```
//!
//! A client that presented a certificate cannot finish without a signature:
//!
//! ```compile_fail,E0599
//! use strata_tls_handshake::{framed::Framed, server::tls13::WaitCertVerify, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn skip(s: WaitCertVerify, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) {
//!     s.on_finished(m, out);
//! }
//! ```

use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::RawMessage;

use crate::error::{Error, Side, StateName};
use crate::framed::Framed;
use crate::key_update::Traffic;
use crate::need::{Answer, AnswerKind, ConnectionId};
use crate::negotiated::{Established, Exporter};
use crate::sink::Sink;
use crate::states::{StateMachine, Step};

mod client_flight;
mod early_data;
pub(super) mod negotiate;
mod new_session;
mod resumption;
mod server_flight;

pub use client_flight::{
    AfterCertificate, AfterFinished, Connected, WaitCert, WaitCertVerify, WaitEndOfEarlyData, WaitFinished, WaitVerdict,
};
pub use new_session::WaitTickets;
pub use resumption::{WaitSession, WaitTakeSession};
pub use server_flight::{AfterSignature, WaitIdentity, WaitSignature};

/// The state of a TLS 1.3 server handshake after ClientHello.
#[derive(Debug)]
#[non_exhaustive]
pub enum State {
    /// Waits for the application to look up a session.
    WaitSession(WaitSession),
    /// Waits for the application to remove the session from its store.
    WaitTakeSession(Box<WaitTakeSession>),
    /// Waits for the application to select an identity.
    WaitIdentity(Box<WaitIdentity>),
    /// Waits for the signature of the identity's key.
    WaitSignature(WaitSignature),
    /// Waits for the client's Certificate. The server requested one.
    WaitCert(WaitCert),
    /// Waits for the application to verify the client's chain.
    WaitVerdict(WaitVerdict),
    /// Waits for CertificateVerify. The client's chain is verified.
    WaitCertVerify(WaitCertVerify),
    /// Waits for the end of early data. The server's flight is sent.
    WaitEndOfEarlyData(WaitEndOfEarlyData),
    /// Waits for the client's Finished.
    WaitFinished(WaitFinished),
    /// The handshake is complete, and data can be sent and received. The application has still to
    /// make the tickets of the new sessions.
    WaitTickets(WaitTickets),
    /// The handshake is complete.
    Connected(Box<Connected>),
}

impl StateMachine for State {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(Step::Next(match (self, message.msg.typ) {
            (Self::WaitCert(s), T::CERTIFICATE) => match s.on_certificate(message.decode()?)? {
                AfterCertificate::Verdict(state, need) => return Ok(Step::Ask(Self::WaitVerdict(state), need)),
                AfterCertificate::Declined(state) => Self::WaitFinished(state),
            },
            (Self::WaitCertVerify(s), T::CERTIFICATE_VERIFY) => {
                Self::WaitFinished(s.on_certificate_verify(message.decode()?)?)
            }
            (Self::WaitEndOfEarlyData(s), T::END_OF_EARLY_DATA) => {
                Self::WaitFinished(s.on_end_of_early_data(message.decode()?, out)?)
            }
            (Self::WaitFinished(s), T::FINISHED) => match s.on_finished(message.decode()?, out)? {
                AfterFinished::Tickets(state, need) => return Ok(Step::Ask(Self::WaitTickets(state), need)),
                AfterFinished::Connected(state) => Self::Connected(state),
            },
            (Self::Connected(s), T::KEY_UPDATE) => Self::Connected(s.on_key_update(message.decode()?, out)?),
            (Self::WaitTickets(s), T::KEY_UPDATE) => Self::WaitTickets(s.on_key_update(message.decode()?, out)?),
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        }))
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match (self, answer.0) {
            (Self::WaitSession(s), AnswerKind::Session(session)) => s.on_session(session, out),
            (Self::WaitTakeSession(s), AnswerKind::TakeSession(taken)) => s.on_taken(taken, out),
            (Self::WaitTickets(s), AnswerKind::NewSession(tickets)) => {
                Ok(Step::Next(Self::Connected(s.on_tickets(tickets, out)?)))
            }
            (Self::WaitIdentity(s), AnswerKind::Identity(identity)) => {
                let (state, need) = s.on_identity(identity, out)?;
                Ok(Step::Ask(Self::WaitSignature(state), need))
            }
            (Self::WaitSignature(s), AnswerKind::Signature(signature)) => {
                Ok(Step::Next(match s.on_signature(signature, out)? {
                    AfterSignature::Requested(state) => Self::WaitCert(state),
                    AfterSignature::NotRequested(state) => Self::WaitFinished(state),
                }))
            }
            (Self::WaitVerdict(s), AnswerKind::Verdict(verdict)) => {
                Ok(Step::Next(Self::WaitCertVerify(s.on_verdict(verdict)?)))
            }
            _ => Err(Error::WrongAnswer),
        }
    }

    fn connection_id(&self) -> Option<ConnectionId> {
        match self {
            Self::WaitSession(s) => Some(s.connection_id()),
            Self::WaitTakeSession(s) => Some(s.connection_id()),
            Self::WaitIdentity(s) => Some(s.connection_id()),
            Self::WaitSignature(s) => Some(s.connection_id()),
            Self::WaitVerdict(s) => Some(s.connection_id()),
            Self::WaitTickets(s) => Some(s.connection_id()),
            _ => None,
        }
    }

    fn name(&self) -> StateName {
        match self {
            Self::WaitSession(_) => StateName::server("RECVD_CH (session)", "looked up the client's session"),
            Self::WaitTakeSession(_) => {
                StateName::server("RECVD_CH (taking the session)", "took the client's session from its store")
            }
            Self::WaitIdentity(_) => StateName::server("RECVD_CH", "chose its certificate"),
            Self::WaitSignature(_) => StateName::server("NEGOTIATED", "signed the handshake"),
            Self::WaitCert(_) => StateName::server("WAIT_CERT", "waited for the client's Certificate"),
            Self::WaitVerdict(_) => StateName::server("WAIT_CERT (verdict)", "verified the client's certificate"),
            Self::WaitCertVerify(_) => StateName::server("WAIT_CV", "waited for the client's CertificateVerify"),
            Self::WaitEndOfEarlyData(_) => StateName::server("WAIT_EOED", "waited for EndOfEarlyData"),
            Self::WaitFinished(_) => StateName::server("WAIT_FINISHED", "waited for the client's Finished"),
            Self::WaitTickets(_) => StateName::server("CONNECTED (tickets)", "made session tickets"),
            Self::Connected(_) => StateName::connected13(Side::Server),
        }
    }

    /// RFC 9846 §5: until the peer's Finished.
    fn ignores_change_cipher_spec(&self) -> bool {
        !matches!(self, Self::Connected(_) | Self::WaitTickets(_))
    }

    fn ignores_warnings(&self) -> bool {
        false
    }

    fn established(&self) -> Option<Established<'_>> {
        match self {
            Self::Connected(s) => Some(s.established()),
            Self::WaitTickets(s) => Some(s.established()),
            _ => None,
        }
    }

    fn may_send(&self) -> bool {
        match self {
            Self::WaitEndOfEarlyData(s) => s.may_send(),
            Self::WaitFinished(s) => s.may_send(),
            state => state.established().is_some(),
        }
    }

    fn early_exporter(&self) -> Option<&dyn Exporter> {
        match self {
            Self::WaitEndOfEarlyData(s) => s.early_exporter(),
            Self::WaitFinished(s) => s.early_exporter(),
            _ => None,
        }
    }

    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        match self {
            Self::Connected(s) => Some(s.traffic_mut()),
            Self::WaitTickets(s) => Some(s.traffic_mut()),
            _ => None,
        }
    }
}
