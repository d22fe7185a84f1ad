//! The interface between the engine and the handshake states: each role implements it with one enum
//! of its states.

use tls_codec::code_points::{ContentType, HandshakeType};
use tls_codec::handshake::RawMessage;

use crate::error::{Error, StateName};
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{Answer, ConnectionId, Need};
use crate::negotiated::{Established, Exporter};
use crate::resumption::StoredSessions;
use crate::sink::Sink;
use crate::state_slot::SlotTransitions;

/// The role of a connection: [`Client`](crate::client::Client) or
/// [`Server`](crate::server::Server). Sealed.
#[expect(private_bounds, reason = "sealed: only this crate implements roles")]
pub trait Role: SlotTransitions {}

/// Records the sessions of a connection that a store holds.
pub(crate) trait RemembersSessions {
    /// Replaces the recorded sessions with these.
    fn remember(&mut self, sessions: StoredSessions);
}

/// The engine's answer to the peer's request for another handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renegotiation {
    /// Ignores it: a handshake is in progress (RFC 5246 §7.4.1.1).
    Ignore,
    /// Declines it with a warning alert.
    Decline,
}

/// The state of one end's handshake.
pub(crate) trait StateMachine: Sized + std::fmt::Debug {
    /// Performs the transition for a handshake message, as in the state diagram of the RFC.
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error>;

    /// Performs the transition for the answer to a pending request.
    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error>;

    /// The connection of the pending request, if the state waits for an answer.
    fn connection_id(&self) -> Option<ConnectionId>;

    /// The state's name and text, for errors.
    fn name(&self) -> StateName;

    /// Returns whether change_cipher_spec is ignored here: TLS 1.3 sends it only for middleboxes
    /// (RFC 9846 Appendix E.4).
    fn ignores_change_cipher_spec(&self) -> bool {
        false
    }

    /// Performs the transition for a change_cipher_spec record that is not ignored: the next state
    /// reads with new keys (RFC 5246 §7.1).
    ///
    /// # Errors
    /// [`Error::UnexpectedRecord`] unless this state expects the record.
    fn on_change_cipher_spec(self, _at: RecordBoundary, _out: &mut dyn Sink) -> Result<Self, Error> {
        Err(unexpected_change_cipher_spec(self.name()))
    }

    /// Returns whether HelloRequests may follow, in the same record, a message that ends a flight
    /// (RFC 5246 §7.4.1.1). `false` wherever the message may change keys.
    fn may_precede_hello_requests(&self) -> bool {
        false
    }

    /// The treatment of a message of this type if it requests a handshake within the connection
    /// (TLS 1.2 only).
    fn renegotiation(&self, _typ: HandshakeType) -> Option<Renegotiation> {
        None
    }

    /// Returns whether warning alerts are ignored (RFC 5246 §7.2.2), up to a limit. TLS 1.3 has
    /// only closure alerts.
    fn ignores_warnings(&self) -> bool;

    /// The negotiated parameters, once the handshake is complete.
    fn established(&self) -> Option<Established<'_>>;

    /// Returns whether application data may be sent.
    fn may_send(&self) -> bool {
        self.established().is_some()
    }

    /// The exporter for early data, while early data is in progress (RFC 9846 §7.5). `None` in TLS
    /// 1.2.
    fn early_exporter(&self) -> Option<&dyn Exporter> {
        None
    }

    /// The updatable keys, once the handshake is complete. `None` in TLS 1.2, which has no
    /// KeyUpdate.
    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        None
    }
}

/// The error for a change_cipher_spec record that `state` does not expect.
pub(crate) fn unexpected_change_cipher_spec(state: StateName) -> Error {
    Error::UnexpectedRecord { state, got: ContentType::CHANGE_CIPHER_SPEC }
}

/// A handshake after version negotiation, which the hello messages complete.
#[derive(Debug)]
pub enum Versioned<A, B> {
    /// TLS 1.3.
    Tls13(A),
    /// TLS 1.2.
    Tls12(B),
}

impl<A: StateMachine, B: StateMachine> StateMachine for Versioned<A, B> {
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        Ok(match self {
            Self::Tls13(s) => s.on_message(message, out)?.map(Self::Tls13),
            Self::Tls12(s) => s.on_message(message, out)?.map(Self::Tls12),
        })
    }

    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error> {
        Ok(match self {
            Self::Tls13(s) => s.on_answer(answer, out)?.map(Self::Tls13),
            Self::Tls12(s) => s.on_answer(answer, out)?.map(Self::Tls12),
        })
    }

    fn connection_id(&self) -> Option<ConnectionId> {
        match self {
            Self::Tls13(s) => s.connection_id(),
            Self::Tls12(s) => s.connection_id(),
        }
    }

    fn name(&self) -> StateName {
        match self {
            Self::Tls13(s) => s.name(),
            Self::Tls12(s) => s.name(),
        }
    }

    fn ignores_change_cipher_spec(&self) -> bool {
        match self {
            Self::Tls13(s) => s.ignores_change_cipher_spec(),
            Self::Tls12(s) => s.ignores_change_cipher_spec(),
        }
    }

    fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> Result<Self, Error> {
        Ok(match self {
            Self::Tls13(s) => Self::Tls13(s.on_change_cipher_spec(at, out)?),
            Self::Tls12(s) => Self::Tls12(s.on_change_cipher_spec(at, out)?),
        })
    }

    fn may_precede_hello_requests(&self) -> bool {
        match self {
            Self::Tls13(s) => s.may_precede_hello_requests(),
            Self::Tls12(s) => s.may_precede_hello_requests(),
        }
    }

    fn renegotiation(&self, typ: HandshakeType) -> Option<Renegotiation> {
        match self {
            Self::Tls13(s) => s.renegotiation(typ),
            Self::Tls12(s) => s.renegotiation(typ),
        }
    }

    fn ignores_warnings(&self) -> bool {
        match self {
            Self::Tls13(s) => s.ignores_warnings(),
            Self::Tls12(s) => s.ignores_warnings(),
        }
    }

    fn established(&self) -> Option<Established<'_>> {
        match self {
            Self::Tls13(s) => s.established(),
            Self::Tls12(s) => s.established(),
        }
    }

    fn may_send(&self) -> bool {
        match self {
            Self::Tls13(s) => s.may_send(),
            Self::Tls12(s) => s.may_send(),
        }
    }

    fn early_exporter(&self) -> Option<&dyn Exporter> {
        match self {
            Self::Tls13(s) => s.early_exporter(),
            Self::Tls12(s) => s.early_exporter(),
        }
    }

    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        match self {
            Self::Tls13(s) => s.traffic_mut(),
            Self::Tls12(s) => s.traffic_mut(),
        }
    }
}

/// The result of a transition.
#[derive(Debug)]
pub(crate) enum Step<S> {
    /// The next state.
    Next(S),
    /// The next state, which waits for the answer to this request.
    Ask(S, Need),
}

impl<S> Step<S> {
    /// Puts the next state into `slot`. Returns its request, if any.
    #[inline]
    pub(crate) fn put(step: Result<Self, Error>, slot: &mut Result<S, Error>) -> Result<Option<Need>, Error> {
        match step {
            Ok(Self::Next(state)) => {
                *slot = Ok(state);
                Ok(None)
            }
            Ok(Self::Ask(state, need)) => {
                *slot = Ok(state);
                Ok(Some(need))
            }
            Err(e) => Err(e),
        }
    }

    /// Wraps the next state, for example in the enum of the whole role.
    pub(crate) fn map<T>(self, into: impl FnOnce(S) -> T) -> Step<T> {
        match self {
            Self::Next(state) => Step::Next(into(state)),
            Self::Ask(state, need) => Step::Ask(into(state), need),
        }
    }
}

/// Implements `Debug` for states by their name. Their contents are secret or long.
macro_rules! opaque_debug {
    ($($state:ident),+) => { $(
        impl std::fmt::Debug for $state {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($state))
            }
        }
    )+ };
}
pub(crate) use opaque_debug;
