//! A TLS 1.2 server after ClientHello (RFC 5246 §7.3), with state names in the style of RFC 9846
//! Appendix A.2.
//!
//! ```text
//! WaitSession ─ eligible: ServerHello, ChangeCipherSpec, Finished ─▶ WaitChangeCipherSpec
//!      │ not eligible                     (entered only if the client names a session)
//!      ▼
//! WaitIdentity                            (which certificate for this ClientHello?)
//!      │ identity: ServerHello, Certificate, CertificateStatus if requested
//!      ▼
//! WaitSignature                           (the key signs, local or remote)
//!      │ signature: ServerKeyExchange, CertificateRequest if configured, ServerHelloDone
//!      ├─────────────────────────┐
//!      │ requested               │ not requested
//!      ▼                         ▼
//! WaitCertificate ─ empty ─▶ WaitClientKeyExchange ───────────────────────┐
//!      │ Certificate                                                      │
//!      ▼                                                                  │
//! WaitVerdict ─ verified ─▶ WaitCertifiedKeyExchange                      │
//!                                │ ClientKeyExchange                      │ ClientKeyExchange
//!                                ▼                                        ▼
//!                           WaitCertVerify ─ CertificateVerify ─▶ WaitChangeCipherSpec
//!                                                                         │ ChangeCipherSpec
//!                                                                         ▼
//!          Connected ◀─ ticket ─ WaitTicket ◀─ Finished ──────────── WaitFinished
//! (ChangeCipherSpec, Finished sent)  (entered only if a session is stored)
//! ```
//!
//! Only one state accepts ChangeCipherSpec, because the keys do not exist before it
//! (CVE-2014-0224). A client that presented a certificate does not reach it without a signature:
//!
//! ```compile_fail,E0308
//! use strata_tls_handshake::server::tls12::{WaitCertifiedKeyExchange, WaitChangeCipherSpec};
//! use strata_tls_handshake::{Error, framed::Framed, sink::Sink};
//! use tls_codec::handshake::tls12::ClientKeyExchange;
//! fn skip(
//!     s: WaitCertifiedKeyExchange,
//!     m: Framed<'_, ClientKeyExchange<'_>>,
//!     out: &mut dyn Sink,
//! ) -> Result<WaitChangeCipherSpec, Error> {
//!     s.on_client_key_exchange(m, out)
//! }
//! ```
//!
//! Finished is not accepted before ChangeCipherSpec:
//!
//! ```compile_fail,E0599
//! use strata_tls_handshake::{framed::Framed, server::tls12::WaitChangeCipherSpec, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn early(s: WaitChangeCipherSpec, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) {
//!     s.on_finished(m, out);
//! }
//! ```

use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::RawMessage;

use crate::error::{Error, Side, StateName};
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Answer, AnswerKind, ConnectionId};
use crate::negotiated::Established;
use crate::sink::Sink;
use crate::states::{Renegotiation, StateMachine, Step, unexpected_change_cipher_spec};

mod finished;
mod key_exchange;
mod negotiate;
mod new_session;
mod resumption;
mod server_flight;

pub use finished::{AfterFinished, Connected, WaitCertVerify, WaitChangeCipherSpec, WaitFinished};
pub use key_exchange::{
    AfterCertificate, WaitCertificate, WaitCertifiedKeyExchange, WaitClientKeyExchange, WaitVerdict,
};
pub use new_session::WaitTicket;
pub use resumption::WaitSession;
pub use server_flight::{AfterSignature, WaitIdentity, WaitSignature};

/// The state of a TLS 1.2 server handshake after ClientHello.
#[derive(Debug)]
#[non_exhaustive]
pub enum State {
    /// Waits for the application to look up a session.
    WaitSession(WaitSession),
    /// Waits for the application to select an identity.
    WaitIdentity(WaitIdentity),
    /// Waits for the signature of the identity's key.
    WaitSignature(WaitSignature),
    /// Waits for the client's Certificate. The server requested one.
    WaitCertificate(WaitCertificate),
    /// Waits for the application to verify the client's chain.
    WaitVerdict(WaitVerdict),
    /// Waits for ClientKeyExchange of a client without a certificate.
    WaitClientKeyExchange(WaitClientKeyExchange),
    /// Waits for ClientKeyExchange. The client's chain is verified; its key must sign.
    WaitCertifiedKeyExchange(WaitCertifiedKeyExchange),
    /// Waits for CertificateVerify. The keys are derived.
    WaitCertVerify(WaitCertVerify),
    /// Waits for the client's ChangeCipherSpec.
    WaitChangeCipherSpec(WaitChangeCipherSpec),
    /// Waits for the client's Finished, under its new key.
    WaitFinished(WaitFinished),
    /// Waits for the ticket of the new session. The client has finished.
    WaitTicket(WaitTicket),
    /// The handshake is complete.
    Connected(Box<Connected>),
}

impl StateMachine for State {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(Step::Next(match (self, message.msg.typ) {
            (Self::WaitCertificate(s), T::CERTIFICATE) => match s.on_certificate(message.decode()?)? {
                AfterCertificate::Verdict(state, need) => return Ok(Step::Ask(Self::WaitVerdict(state), need)),
                AfterCertificate::Declined(state) => Self::WaitClientKeyExchange(state),
            },
            (Self::WaitClientKeyExchange(s), T::CLIENT_KEY_EXCHANGE) => {
                Self::WaitChangeCipherSpec(s.on_client_key_exchange(message.decode()?, out)?)
            }
            (Self::WaitCertifiedKeyExchange(s), T::CLIENT_KEY_EXCHANGE) => {
                Self::WaitCertVerify(s.on_client_key_exchange(message.decode()?, out)?)
            }
            (Self::WaitCertVerify(s), T::CERTIFICATE_VERIFY) => {
                Self::WaitChangeCipherSpec(s.on_certificate_verify(message.decode()?)?)
            }
            (Self::WaitFinished(s), T::FINISHED) => match s.on_finished(message.decode()?, out)? {
                AfterFinished::Ticket(state, need) => return Ok(Step::Ask(Self::WaitTicket(state), need)),
                AfterFinished::Connected(state) => Self::Connected(state),
            },
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        }))
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match (self, answer.0) {
            (Self::WaitSession(s), AnswerKind::Session(session)) => s.on_session(session, out),
            (Self::WaitTicket(s), AnswerKind::NewSession(ticket)) => {
                Ok(Step::Next(Self::Connected(s.on_ticket(ticket, out)?)))
            }
            (Self::WaitIdentity(s), AnswerKind::Identity(identity)) => {
                let (state, need) = s.on_identity(identity, out)?;
                Ok(Step::Ask(Self::WaitSignature(state), need))
            }
            (Self::WaitSignature(s), AnswerKind::Signature(signature)) => {
                Ok(Step::Next(match s.on_signature(signature, out)? {
                    AfterSignature::Requested(state) => Self::WaitCertificate(state),
                    AfterSignature::NotRequested(state) => Self::WaitClientKeyExchange(state),
                }))
            }
            (Self::WaitVerdict(s), AnswerKind::Verdict(verdict)) => {
                Ok(Step::Next(Self::WaitCertifiedKeyExchange(s.on_verdict(verdict)?)))
            }
            _ => Err(Error::WrongAnswer),
        }
    }

    fn connection_id(&self) -> Option<ConnectionId> {
        match self {
            Self::WaitSession(s) => Some(s.connection_id()),
            Self::WaitIdentity(s) => Some(s.connection_id()),
            Self::WaitSignature(s) => Some(s.connection_id()),
            Self::WaitVerdict(s) => Some(s.connection_id()),
            Self::WaitTicket(s) => Some(s.connection_id()),
            _ => None,
        }
    }

    fn name(&self) -> StateName {
        match self {
            Self::WaitSession(_) => StateName::server("RECVD_CH (session)", "looked up the client's session"),
            Self::WaitIdentity(_) => StateName::server("RECVD_CH", "chose its certificate"),
            Self::WaitSignature(_) => StateName::server("NEGOTIATED", "signed the handshake"),
            Self::WaitCertificate(_) => StateName::server("WAIT_CERT", "waited for the client's Certificate"),
            Self::WaitVerdict(_) => StateName::server("WAIT_CERT (verdict)", "verified the client's certificate"),
            Self::WaitClientKeyExchange(_) | Self::WaitCertifiedKeyExchange(_) => {
                StateName::server("WAIT_CKE", "waited for ClientKeyExchange")
            }
            Self::WaitCertVerify(_) => StateName::server("WAIT_CV", "waited for the client's CertificateVerify"),
            Self::WaitChangeCipherSpec(_) => {
                StateName::server("WAIT_CCS", "waited for the client's change_cipher_spec")
            }
            Self::WaitFinished(_) => StateName::server("WAIT_FINISHED", "waited for the client's Finished"),
            Self::WaitTicket(_) => StateName::server("WAIT_FINISHED (ticket)", "made a session ticket"),
            Self::Connected(_) => StateName::connected12(Side::Server),
        }
    }

    /// RFC 5246 §7.1: after ClientKeyExchange, and after CertificateVerify if the client presented
    /// a certificate.
    fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> Result<Self, Error> {
        match self {
            Self::WaitChangeCipherSpec(s) => Ok(Self::WaitFinished(s.on_change_cipher_spec(at, out))),
            state => Err(unexpected_change_cipher_spec(state.name())),
        }
    }

    fn renegotiation(&self, typ: HandshakeType) -> Option<Renegotiation> {
        let asked = matches!(self, Self::Connected(_)) && typ == HandshakeType::CLIENT_HELLO;
        asked.then_some(Renegotiation::Decline)
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
