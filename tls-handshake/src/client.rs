//! The client handshake up to ServerHello (RFC 9846 Appendix A.1). It then hands over to the states
//! of one version.
//!
//! ```text
//!     START ─ ClientHello ─▶ WaitServerHello ─ HelloRetryRequest ─▶ WaitServerHelloAfterRetry
//!                                  │ ServerHello                            │ ServerHello
//!                         ┌────────┴────────┐                               │
//!                         ▼                 ▼                               │
//!                    tls12::State      tls13::State ◀───────────────────────┘
//! ```
//!
//! Transitions that the diagram lacks do not compile:
//!
//! ```compile_fail,E0599
//! use strata_tls_handshake::{client::tls13::WaitCert, framed::Framed, sink::Sink};
//! use tls_codec::handshake::Finished;
//! fn skip(s: WaitCert, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) {
//!     s.on_finished(m, out);
//! }
//! ```
//!
//! Using a state twice does not compile either:
//!
//! ```compile_fail,E0382
//! use strata_tls_handshake::{client::tls13::WaitCertVerify, framed::Framed};
//! use tls_codec::handshake::CertificateVerify;
//! type Message<'a> = Framed<'a, CertificateVerify<'a>>;
//! fn twice(s: WaitCertVerify, a: Message<'_>, b: Message<'_>) {
//!     let _ = s.on_certificate_verify(a);
//!     let _ = s.on_certificate_verify(b);
//! }
//! ```

use pki_types::UnixTime;
use tls_codec::code_points::HandshakeType;
use tls_codec::handshake::{RawMessage, ServerHelloMessage};

use crate::error::{Error, Side, StateName};
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{Answer, ConnectionId};
use crate::negotiated::{Established, Exporter};
use crate::resumption::ClientSessionValue;
use crate::sink::Sink;
use crate::state_slot::impl_state_slot;
use crate::states::{Renegotiation, Role, StateMachine, Step, Versioned, unexpected_change_cipher_spec};

mod certificate_request;
mod early_data;
pub mod hello;
pub mod hello_retry_request;
mod key_shares;
pub(crate) mod offered_psk;
pub(crate) mod session_tracker;
pub mod tls12;
pub mod tls13;

use hello::{VersionedState, WaitServerHello};
use hello_retry_request::WaitServerHelloAfterRetry;
use session_tracker::SessionTracker;

/// The state of a client handshake.
#[derive(Debug)]
#[non_exhaustive]
pub enum Client {
    /// ClientHello was sent.
    WaitServerHello(WaitServerHello),
    /// The second ClientHello was sent.
    WaitServerHelloAfterRetry(WaitServerHelloAfterRetry),
    /// ServerHello selected the version.
    Versioned(VersionedState),
}

impl Role for Client {}

impl Client {
    pub(crate) fn has_sessions(&self) -> bool {
        match self {
            Self::Versioned(Versioned::Tls13(state)) => state.has_sessions(),
            Self::Versioned(Versioned::Tls12(state)) => state.has_sessions(),
            _ => false,
        }
    }

    /// Returns the sessions received so far, unless the tracker discards them.
    pub(crate) fn take_sessions(&mut self, tracker: &mut SessionTracker, now: UnixTime) -> Vec<ClientSessionValue> {
        let mut sessions = match self {
            Self::Versioned(Versioned::Tls13(state)) => state.take_sessions(tracker, now),
            Self::Versioned(Versioned::Tls12(state)) => state.take_sessions(tracker, now),
            _ => Vec::new(),
        };
        if tracker.discards() {
            sessions.clear();
        }
        if !sessions.is_empty() {
            tracker.use_it();
        }
        sessions
    }
}

impl_state_slot!(Client, SessionTracker);

impl StateMachine for Client {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        use HandshakeType as T;
        Ok(match (self, message.msg.typ) {
            (Self::WaitServerHello(s), T::SERVER_HELLO) => {
                let (hello, framed) = message.decode::<ServerHelloMessage<'_>>()?.split();
                Step::Next(match hello {
                    ServerHelloMessage::ServerHello(m) => Self::Versioned(s.on_server_hello(framed.with(m), out)?),
                    ServerHelloMessage::HelloRetryRequest(m) => {
                        Self::WaitServerHelloAfterRetry(s.on_hello_retry_request(framed.with(m), out)?)
                    }
                })
            }
            (Self::WaitServerHelloAfterRetry(s), T::SERVER_HELLO) => {
                let (hello, framed) = message.decode::<ServerHelloMessage<'_>>()?.split();
                match hello {
                    ServerHelloMessage::ServerHello(m) => {
                        Step::Next(Self::Versioned(Versioned::Tls13(s.on_server_hello(framed.with(m), out)?)))
                    }
                    ServerHelloMessage::HelloRetryRequest(_) => return Err(Error::SecondHelloRetryRequest),
                }
            }
            (Self::Versioned(s), _) => s.on_message(message, out)?.map(Self::Versioned),
            (state, got) => return Err(Error::UnexpectedMessage { state: state.name(), got }),
        })
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        match self {
            Self::Versioned(s) => Ok(s.on_answer(answer, out)?.map(Self::Versioned)),
            Self::WaitServerHello(_) | Self::WaitServerHelloAfterRetry(_) => Err(Error::WrongAnswer),
        }
    }

    fn connection_id(&self) -> Option<ConnectionId> {
        match self {
            Self::Versioned(s) => s.connection_id(),
            Self::WaitServerHello(_) | Self::WaitServerHelloAfterRetry(_) => None,
        }
    }

    fn name(&self) -> StateName {
        match self {
            Self::WaitServerHello(_) => StateName::first(Side::Client, "WAIT_SH", "waited for ServerHello"),
            Self::WaitServerHelloAfterRetry(_) => {
                StateName::client("WAIT_SH after HelloRetryRequest", "waited for ServerHello after HelloRetryRequest")
            }
            Self::Versioned(s) => s.name(),
        }
    }

    fn ignores_change_cipher_spec(&self) -> bool {
        match self {
            // RFC 9846 §5 ignores it from the first ClientHello on. A TLS 1.2 server sends its own
            // only after ServerHello. A client that offered only TLS 1.2 rejects it (RFC 5246
            // §7.1).
            Self::WaitServerHello(s) => s.offers_tls13(),
            Self::WaitServerHelloAfterRetry(_) => true,
            Self::Versioned(s) => s.ignores_change_cipher_spec(),
        }
    }

    fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> Result<Self, Error> {
        match self {
            Self::Versioned(s) => Ok(Self::Versioned(s.on_change_cipher_spec(at, out)?)),
            state => Err(unexpected_change_cipher_spec(state.name())),
        }
    }

    fn may_precede_hello_requests(&self) -> bool {
        match self {
            Self::WaitServerHello(_) | Self::WaitServerHelloAfterRetry(_) => false,
            Self::Versioned(s) => s.may_precede_hello_requests(),
        }
    }

    fn renegotiation(&self, typ: HandshakeType) -> Option<Renegotiation> {
        match self {
            // RFC 5246 §7.4.1.1: a TLS 1.2 server may request the handshake that is already in
            // progress.
            Self::WaitServerHello(s) => {
                (typ == HandshakeType::HELLO_REQUEST && s.offers_tls12()).then_some(Renegotiation::Ignore)
            }
            Self::WaitServerHelloAfterRetry(_) => None,
            Self::Versioned(s) => s.renegotiation(typ),
        }
    }

    fn ignores_warnings(&self) -> bool {
        match self {
            // Old servers send the warning unrecognized_name.
            Self::WaitServerHello(s) => s.offers_tls12(),
            Self::WaitServerHelloAfterRetry(_) => false,
            Self::Versioned(s) => s.ignores_warnings(),
        }
    }

    fn established(&self) -> Option<Established<'_>> {
        match self {
            Self::WaitServerHello(_) | Self::WaitServerHelloAfterRetry(_) => None,
            Self::Versioned(s) => s.established(),
        }
    }

    fn early_exporter(&self) -> Option<&dyn Exporter> {
        match self {
            Self::WaitServerHello(s) => s.early_exporter(),
            Self::WaitServerHelloAfterRetry(_) => None,
            Self::Versioned(s) => s.early_exporter(),
        }
    }

    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        match self {
            Self::WaitServerHello(_) | Self::WaitServerHelloAfterRetry(_) => None,
            Self::Versioned(s) => s.traffic_mut(),
        }
    }
}
