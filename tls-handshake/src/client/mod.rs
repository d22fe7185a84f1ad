//! The client's side: RFC 9846 Appendix A.1.
//!
//! ```text
//!     START ─ ClientHello ─▶ WaitServerHello ─ HelloRetryRequest ─▶ WaitServerHelloAfterRetry
//!                                  │ ServerHello                            │ ServerHello
//!                                  ▼                                        ▼
//!                            WaitEncryptedExtensions ◀──────────────────────┘
//!                                  │ EncryptedExtensions
//!                                  ▼
//!                            WaitCertOrCertRequest ─ CertificateRequest ─▶ WaitCert
//!                                  │ Certificate                              │ Certificate
//!                                  ▼                                          ▼
//!                            WaitVerdict ◀────────────────────────────────────┘   (the application judges the chain)
//!                                  │ verdict
//!                                  ▼
//!                            WaitCertVerify ─ CertificateVerify ─▶ WaitFinished ─ Finished ─▶ Connected
//! ```
//!
//! What the diagram does not have does not compile:
//!
//! ```compile_fail,E0599
//! use tls_handshake::{client::tls13::WaitCert, framed::Framed, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn skip(s: WaitCert, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) { s.on_finished(m, out); }
//! ```
//!
//! Nor does using a state twice:
//!
//! ```compile_fail,E0382
//! use tls_handshake::{client::tls13::WaitCertVerify, framed::Framed};
//! use tls_codec::handshake::CertificateVerify;
//! fn twice(s: WaitCertVerify, a: Framed<'_, CertificateVerify<'_>>, b: Framed<'_, CertificateVerify<'_>>) {
//!     let _ = s.on_certificate_verify(a);
//!     let _ = s.on_certificate_verify(b);
//! }
//! ```

use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::{RawMessage, ServerHelloMessage};

use crate::auth::Authenticated;
use crate::error::Error;
use crate::framed::Framed;
use crate::need::{Answer, Answered, Asker};
use crate::role::{Role, States, Step};
use crate::sink::Sink;
use crate::traffic::Traffic;

pub mod hello;
pub mod retry;
pub mod tls13;

use hello::WaitServerHello;
use retry::WaitServerHelloAfterRetry;
use tls13::{
    AfterEncryptedExtensions, Connected, WaitCert, WaitCertVerify, WaitEncryptedExtensions, WaitFinished, WaitVerdict,
};

/// The state that a client is in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Client {
    /// ClientHello was sent.
    WaitServerHello(WaitServerHello),
    /// A second ClientHello was sent.
    WaitServerHelloAfterRetry(WaitServerHelloAfterRetry),
    /// The handshake's keys are there.
    WaitEncryptedExtensions(WaitEncryptedExtensions),
    /// The server may ask for a certificate, or show its own.
    WaitCertOrCertRequest(AfterEncryptedExtensions),
    /// The server asked for a certificate.
    WaitCert(WaitCert),
    /// The application judges the chain.
    WaitVerdict(WaitVerdict),
    /// The chain is good; its key has to sign.
    WaitCertVerify(WaitCertVerify),
    /// The key signed; Finished has to confirm all.
    WaitFinished(WaitFinished),
    /// The handshake is complete.
    Connected(Connected),
}

impl Role for Client {}

impl States for Client {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(Step::Next(match (self, message.msg.typ) {
            (Self::WaitServerHello(s), T::SERVER_HELLO) => {
                let (hello, framed) = message.decode::<ServerHelloMessage<'_>>()?.split();
                match hello {
                    ServerHelloMessage::ServerHello(m) => {
                        Self::WaitEncryptedExtensions(s.on_server_hello(framed.with(m), out)?)
                    }
                    ServerHelloMessage::HelloRetryRequest(m) => {
                        Self::WaitServerHelloAfterRetry(s.on_hello_retry_request(framed.with(m), out)?)
                    }
                }
            }
            (Self::WaitServerHelloAfterRetry(s), T::SERVER_HELLO) => {
                let (hello, framed) = message.decode::<ServerHelloMessage<'_>>()?.split();
                match hello {
                    ServerHelloMessage::ServerHello(m) => {
                        Self::WaitEncryptedExtensions(s.on_server_hello(framed.with(m), out)?)
                    }
                    ServerHelloMessage::HelloRetryRequest(_) => return Err(Error::SecondHelloRetryRequest),
                }
            }
            (Self::WaitEncryptedExtensions(s), T::ENCRYPTED_EXTENSIONS) => {
                Self::WaitCertOrCertRequest(s.on_encrypted_extensions(message.decode()?)?)
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
            (Self::WaitFinished(s), T::FINISHED) => Self::Connected(s.on_finished(message.decode()?, out)?),
            (Self::Connected(s), T::NEW_SESSION_TICKET) => Self::Connected(s.on_new_session_ticket(message.decode()?)),
            (Self::Connected(s), T::KEY_UPDATE) => Self::Connected(s.on_key_update(message.decode()?, out)?),
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        }))
    }

    fn on_answer(self, answer: Answer, _: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match (self, answer.0) {
            (Self::WaitVerdict(s), Answered::Verdict(verdict)) => {
                Ok(Step::Next(Self::WaitCertVerify(s.on_verdict(verdict)?)))
            }
            _ => Err(Error::WrongAnswer),
        }
    }

    fn asker(&self) -> Option<Asker> {
        match self {
            Self::WaitVerdict(s) => Some(s.asker()),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::WaitServerHello(_) => "WAIT_SH",
            Self::WaitServerHelloAfterRetry(_) => "WAIT_SH after HelloRetryRequest",
            Self::WaitEncryptedExtensions(_) => "WAIT_EE",
            Self::WaitCertOrCertRequest(_) => "WAIT_CERT_CR",
            Self::WaitCert(_) => "WAIT_CERT",
            Self::WaitVerdict(_) => "WAIT_CERT (verdict)",
            Self::WaitCertVerify(_) => "WAIT_CV",
            Self::WaitFinished(_) => "WAIT_FINISHED",
            Self::Connected(_) => "CONNECTED",
        }
    }

    fn ignores_change_cipher_spec(&self) -> bool {
        !matches!(self, Self::Connected(_))
    }

    fn connected(&self) -> Option<(&Traffic, &Authenticated)> {
        match self {
            Self::Connected(s) => Some(s.parts()),
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
