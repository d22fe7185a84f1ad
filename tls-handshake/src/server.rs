//! The server handshake up to ClientHello (RFC 9846 Appendix A.2). It then hands over to the states
//! of one version.
//!
//! ```text
//!     WaitClientHello ─ ClientHello without a usable share ────▶ WaitSecondClientHello
//!          │ ClientHello                                              │ ClientHello
//!          ├───────────────────────────────┐                          │
//!          ▼                               ▼                          │
//!     tls12::State                    tls13::State ◀──────────────────┘
//! ```
//!
//! Transitions that the diagram lacks do not compile:
//!
//! ```compile_fail,E0599
//! use strata_tls_handshake::{framed::Framed, server::hello::WaitClientHello, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn skip(s: WaitClientHello, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) {
//!     s.on_finished(m, out);
//! }
//! ```
//!
//! Using a state twice does not compile either:
//!
//! ```compile_fail,E0382
//! use strata_tls_handshake::{framed::Framed, server::tls13::WaitFinished, sink::Sink};
//! use tls_codec::handshake::Finished;
//! type Message<'a> = Framed<'a, Finished<'a>>;
//! fn twice(s: WaitFinished, a: Message<'_>, b: Message<'_>, out: &mut dyn Sink) {
//!     let _ = s.on_finished(a, out);
//!     let _ = s.on_finished(b, out);
//! }
//! ```

use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::RawMessage;

use crate::error::{Error, StateName};
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{Answer, ConnectionId};
use crate::negotiated::{Established, Exporter};
use crate::sink::Sink;
use crate::state_slot::impl_state_slot;
use crate::states::{Renegotiation, Role, StateMachine, Step, Versioned, unexpected_change_cipher_spec};

pub mod hello;
pub mod hello_retry_request;
pub(crate) mod session_tracker;
pub mod tls12;
pub mod tls13;

use hello::{AfterClientHello, VersionedState, WaitClientHello};
use hello_retry_request::WaitSecondClientHello;

/// The state of a server handshake.
#[derive(Debug)]
#[non_exhaustive]
pub enum Server {
    /// Waits for the first ClientHello.
    WaitClientHello(WaitClientHello),
    /// HelloRetryRequest was sent.
    WaitSecondClientHello(WaitSecondClientHello),
    /// ClientHello selected the version.
    Versioned(VersionedState),
}

impl Role for Server {}

impl_state_slot!(Server, session_tracker::SessionTracker);

impl StateMachine for Server {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(match (self, message.msg.typ) {
            (Self::WaitClientHello(s), T::CLIENT_HELLO) => match s.on_client_hello(message.decode()?, out)? {
                AfterClientHello::Retry(state) => Step::Next(Self::WaitSecondClientHello(state)),
                AfterClientHello::Proceed(state, need) => Step::Ask(Self::Versioned(state), need),
            },
            (Self::WaitSecondClientHello(s), T::CLIENT_HELLO) => {
                let (state, need) = s.on_client_hello(message.decode()?)?;
                Step::Ask(Self::Versioned(Versioned::Tls13(state)), need)
            }
            (Self::Versioned(s), _) => s.on_message(message, out)?.map(Self::Versioned),
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        })
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match self {
            Self::Versioned(s) => Ok(s.on_answer(answer, out)?.map(Self::Versioned)),
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => Err(Error::WrongAnswer),
        }
    }

    fn connection_id(&self) -> Option<ConnectionId> {
        match self {
            Self::Versioned(s) => s.connection_id(),
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => None,
        }
    }

    fn name(&self) -> StateName {
        match self {
            Self::WaitClientHello(_) => StateName::START,
            Self::WaitSecondClientHello(_) => {
                StateName::server("START after HelloRetryRequest", "waited for ClientHello after HelloRetryRequest")
            }
            Self::Versioned(s) => s.name(),
        }
    }

    fn ignores_change_cipher_spec(&self) -> bool {
        match self {
            Self::WaitClientHello(_) => false,
            // HelloRetryRequest selected TLS 1.3, where this record is only for middleboxes.
            Self::WaitSecondClientHello(_) => true,
            Self::Versioned(s) => s.ignores_change_cipher_spec(),
        }
    }

    fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> Result<Self, Error> {
        match self {
            Self::Versioned(s) => Ok(Self::Versioned(s.on_change_cipher_spec(at, out)?)),
            state => Err(unexpected_change_cipher_spec(state.name())),
        }
    }

    fn renegotiation(&self, typ: HandshakeType) -> Option<Renegotiation> {
        match self {
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => None,
            Self::Versioned(s) => s.renegotiation(typ),
        }
    }

    fn ignores_warnings(&self) -> bool {
        match self {
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => false,
            Self::Versioned(s) => s.ignores_warnings(),
        }
    }

    fn established(&self) -> Option<Established<'_>> {
        match self {
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => None,
            Self::Versioned(s) => s.established(),
        }
    }

    fn may_send(&self) -> bool {
        match self {
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => false,
            Self::Versioned(s) => s.may_send(),
        }
    }

    fn early_exporter(&self) -> Option<&dyn Exporter> {
        match self {
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => None,
            Self::Versioned(s) => s.early_exporter(),
        }
    }

    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        match self {
            Self::WaitClientHello(_) | Self::WaitSecondClientHello(_) => None,
            Self::Versioned(s) => s.traffic_mut(),
        }
    }
}
