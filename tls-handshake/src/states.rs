//! What the connection needs of its two roles: each implements it with one enum of its states.

use tls_codec::code_points::{ContentType, HandshakeType};
use tls_codec::handshake::RawMessage;

use crate::error::Error;
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{Answer, ConnectionId, Need};
use crate::negotiated::{Established, Exporter};
use crate::resumption::StoredSessions;
use crate::sink::Sink;
use crate::state_slot::SlotTransitions;

/// An end of a connection: [`Client`](crate::client::Client) or [`Server`](crate::server::Server), and no other.
#[expect(private_bounds, reason = "what a role does is the engine's business alone: so no other type can be one")]
pub trait Role: SlotTransitions {}

/// Remembers which sessions of a connection a store has.
pub(crate) trait RemembersSessions {
    /// A store has these, and none before them.
    fn remember(&mut self, sessions: StoredSessions);
}

/// What happens to a request for another handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renegotiation {
    /// Nothing: a handshake is under way (RFC 5246 §7.4.1.1).
    Ignore,
    /// It is refused with a warning.
    Refuse,
}

/// The present state of one end's handshake.
pub(crate) trait StateMachine: Sized + std::fmt::Debug {
    /// The RFC's diagram: what each state does with each message.
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error>;

    /// What a waiting state does with its answer.
    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error>;

    /// Who asks, if the state waits for an answer.
    fn connection_id(&self) -> Option<ConnectionId>;

    /// The state's name in RFC 9846 Appendix A, or one made in its manner for TLS 1.2.
    fn name(&self) -> &'static str;

    /// Whether a change_cipher_spec record changes nothing here: it is there for middleboxes (RFC 9846 Appendix E.4).
    fn ignores_change_cipher_spec(&self) -> bool {
        false
    }

    /// Where a change_cipher_spec record leads that ends at `at` and is not ignored: to a state that reads under new keys (RFC 5246 §7.1).
    ///
    /// # Errors
    /// [`Error::UnexpectedRecord`] unless it has a place here.
    fn on_change_cipher_spec(self, _at: RecordBoundary, _out: &mut dyn Sink) -> Result<Self, Error> {
        Err(unexpected_change_cipher_spec(self.name()))
    }

    /// Whether HelloRequests may follow a message that ends a flight in its record: they are no part of it (RFC 5246 §7.4.1.1). Never
    /// where the message may change keys.
    fn may_precede_hello_requests(&self) -> bool {
        false
    }

    /// What a message of this type is, if it asks for a handshake within the connection (only TLS 1.2).
    fn renegotiation(&self, _typ: HandshakeType) -> Option<Renegotiation> {
        None
    }

    /// Whether alerts at the level of a warning are ignored (RFC 5246 §7.2.2), up to a bound. TLS 1.3 has none but closures.
    fn ignores_warnings(&self) -> bool;

    /// The connection, once its handshake is complete.
    fn established(&self) -> Option<Established<'_>>;

    /// Whether application data may be sent.
    fn may_send(&self) -> bool {
        self.established().is_some()
    }

    /// What keying material can be exported from for early data, while there may be some (RFC 9846 §7.5). TLS 1.2 has none.
    fn early_exporter(&self) -> Option<&dyn Exporter> {
        None
    }

    /// What changes the connection's keys, once its handshake is complete. TLS 1.2 has nothing: it changes them by
    /// renegotiation alone.
    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        None
    }
}

/// A change_cipher_spec record has no place in this state.
pub(crate) fn unexpected_change_cipher_spec(state: &'static str) -> Error {
    Error::UnexpectedRecord { state, got: ContentType::CHANGE_CIPHER_SPEC }
}

/// A handshake whose version is decided: the hellos decided it, and nobody asks again.
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

    fn name(&self) -> &'static str {
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

/// Where a message or an answer leads.
#[derive(Debug)]
pub(crate) enum Step<S> {
    /// To this state.
    Next(S),
    /// To this state, which waits for an answer.
    Ask(S, Need),
}

impl<S> Step<S> {
    /// Puts the next state into its place; gives back what it asks.
    #[inline]
    pub(crate) fn put(self, place: &mut Result<S, Error>) -> Option<Need> {
        match self {
            Self::Next(state) => {
                *place = Ok(state);
                None
            }
            Self::Ask(state, need) => {
                *place = Ok(state);
                Some(need)
            }
        }
    }

    /// The same step among the states of the whole role.
    pub(crate) fn map<T>(self, into: impl FnOnce(S) -> T) -> Step<T> {
        match self {
            Self::Next(state) => Step::Next(into(state)),
            Self::Ask(state, need) => Step::Ask(into(state), need),
        }
    }
}

/// A state's `Debug` shows its name: what it holds is secret, or long.
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
