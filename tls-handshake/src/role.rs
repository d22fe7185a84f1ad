//! What the connection needs of its two roles: each implements it with one enum of its states.

use tls_codec::handshake::RawMessage;

use crate::auth::Authenticated;
use crate::error::Error;
use crate::framed::Framed;
use crate::need::{Answer, Asker, Need};
use crate::sink::Sink;
use crate::traffic::Traffic;

/// An end of a connection: [`Client`](crate::client::Client) or [`Server`](crate::server::Server), and no other.
#[expect(private_bounds, reason = "what a role does is the engine's business alone: so no other type can be one")]
pub trait Role: States {}

/// The present state of one end's handshake.
pub(crate) trait States: Sized + std::fmt::Debug {
    /// The RFC's diagram: what each state does with each message.
    fn on_message(self, message: Framed<'_, RawMessage<'_>>, out: &mut dyn Sink) -> Result<Step<Self>, Error>;

    /// What a waiting state does with its answer.
    fn on_answer(self, answer: Answer, out: &mut dyn Sink) -> Result<Step<Self>, Error>;

    /// Who asks, if the state waits for an answer.
    fn asker(&self) -> Option<Asker>;

    /// The state's name in RFC 9846 Appendix A.
    fn name(&self) -> &'static str;

    /// Whether change_cipher_spec records are to be ignored in this state (RFC 9846 §5).
    fn ignores_change_cipher_spec(&self) -> bool;

    /// The connection, once its handshake is complete.
    fn connected(&self) -> Option<(&Traffic, &Authenticated)>;

    /// The same, to change its keys.
    fn traffic_mut(&mut self) -> Option<&mut Traffic>;
}

/// Where a message or an answer leads.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "passed on at once, and never kept")]
pub(crate) enum Step<S> {
    /// To this state.
    Next(S),
    /// To this state, which waits for an answer.
    Ask(S, Need),
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
