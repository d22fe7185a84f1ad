//! The server's side: RFC 9846 Appendix A.2.
//!
//! ```text
//!     WaitClientHello ─ ClientHello without our group's share ─▶ WaitSecondClientHello
//!          │ ClientHello                                              │ ClientHello
//!          ▼                                                          ▼
//!     WaitSession ◀───────────────────────────────────────────────────┘        (if it resumes one, and there is a store)
//!          │ session not found
//!          ▼
//!     WaitIdentity                                                             (which certificate for this hello?)
//!          │ identity: ServerHello, EncryptedExtensions, Certificate
//!          ▼
//!     WaitSignature                                                            (the key signs, here or elsewhere)
//!          │ signature: CertificateVerify, Finished
//!          ▼
//!     WaitFinished ─ Finished ─▶ Connected
//! ```
//!
//! What the diagram does not have does not compile:
//!
//! ```compile_fail,E0599
//! use tls_handshake::{framed::Framed, server::hello::WaitClientHello, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn skip(s: WaitClientHello, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) { s.on_finished(m, out); }
//! ```
//!
//! Nor does using a state twice:
//!
//! ```compile_fail,E0382
//! use tls_handshake::{framed::Framed, server::tls13::WaitFinished, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn twice(s: WaitFinished, a: Framed<'_, Finished<'_>>, b: Framed<'_, Finished<'_>>, out: &mut dyn Sink) {
//!     let _ = s.on_finished(a, out);
//!     let _ = s.on_finished(b, out);
//! }
//! ```

use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::RawMessage;

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

use hello::{AfterClientHello, WaitClientHello, Waiting};
use retry::WaitSecondClientHello;
use tls13::{Connected, WaitFinished, WaitIdentity, WaitSession, WaitSignature};

/// The state that a server is in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Server {
    /// Nothing came yet.
    WaitClientHello(WaitClientHello),
    /// HelloRetryRequest was sent.
    WaitSecondClientHello(WaitSecondClientHello),
    /// The application looks up a session.
    WaitSession(WaitSession),
    /// The application chooses an identity.
    WaitIdentity(WaitIdentity),
    /// The identity's key signs.
    WaitSignature(WaitSignature),
    /// Our flight was sent.
    WaitFinished(WaitFinished),
    /// The handshake is complete.
    Connected(Connected),
}

impl Role for Server {}

impl From<Waiting> for Server {
    fn from(waiting: Waiting) -> Self {
        match waiting {
            Waiting::Session(state) => Self::WaitSession(state),
            Waiting::Identity(state) => Self::WaitIdentity(state),
        }
    }
}

impl States for Server {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(match (self, message.msg.typ) {
            (Self::WaitClientHello(s), T::CLIENT_HELLO) => match s.on_client_hello(message.decode()?, out)? {
                AfterClientHello::Retry(state) => Step::Next(Self::WaitSecondClientHello(state)),
                AfterClientHello::Proceed(state, need) => Step::Ask(state.into(), need),
            },
            (Self::WaitSecondClientHello(s), T::CLIENT_HELLO) => {
                let (state, need) = s.on_client_hello(message.decode()?)?;
                Step::Ask(state.into(), need)
            }
            (Self::WaitFinished(s), T::FINISHED) => Step::Next(Self::Connected(s.on_finished(message.decode()?, out)?)),
            (Self::Connected(s), T::KEY_UPDATE) => {
                Step::Next(Self::Connected(s.on_key_update(message.decode()?, out)?))
            }
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        })
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match (self, answer.0) {
            (Self::WaitSession(s), Answered::Session(session)) => {
                let (state, need) = s.on_session(session);
                Ok(Step::Ask(Self::WaitIdentity(state), need))
            }
            (Self::WaitIdentity(s), Answered::Identity(identity)) => {
                let (state, need) = s.on_identity(identity, out)?;
                Ok(Step::Ask(Self::WaitSignature(state), need))
            }
            (Self::WaitSignature(s), Answered::Signature(signature)) => {
                Ok(Step::Next(Self::WaitFinished(s.on_signature(signature, out)?)))
            }
            _ => Err(Error::WrongAnswer),
        }
    }

    fn asker(&self) -> Option<Asker> {
        match self {
            Self::WaitSession(s) => Some(s.asker()),
            Self::WaitIdentity(s) => Some(s.asker()),
            Self::WaitSignature(s) => Some(s.asker()),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::WaitClientHello(_) => "START",
            Self::WaitSecondClientHello(_) => "START after HelloRetryRequest",
            Self::WaitSession(_) => "RECVD_CH (session)",
            Self::WaitIdentity(_) => "RECVD_CH",
            Self::WaitSignature(_) => "NEGOTIATED",
            Self::WaitFinished(_) => "WAIT_FINISHED",
            Self::Connected(_) => "CONNECTED",
        }
    }

    fn ignores_change_cipher_spec(&self) -> bool {
        !matches!(self, Self::WaitClientHello(_) | Self::Connected(_))
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
