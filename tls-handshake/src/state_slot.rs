//! The slot that holds the state of a connection. It contains all measures that keep dependent
//! crates small to build.
//!
//! `Connection<R>` is generic, so its code is compiled in the crate that uses it. Code that moves
//! or drops the large state enums would be compiled there too: 13 % of LLVM's input for a minimal
//! client. Therefore [`impl_state_slot!`] makes non-generic functions in this crate, one for each
//! transition and one for the drop.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use tls_codec::handshake::RawMessage;

use crate::error::Error;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Answer, Need};
use crate::sink::Sink;
use crate::states::{RemembersSessions, Role, StateMachine};

/// The state of a connection, or the error that ended it. [`SlotTransitions::end`] drops the state.
pub(crate) struct StateSlot<R: Role>(ManuallyDrop<Result<R, Error>>);

impl<R: Role> StateSlot<R> {
    pub(crate) fn new(state: Result<R, Error>) -> Self {
        Self(ManuallyDrop::new(state))
    }
}

impl<R: Role> Drop for StateSlot<R> {
    fn drop(&mut self) {
        // Leaves a variant without fields, which needs no drop.
        R::end(&mut self.0, Error::SendAfterClose);
    }
}

impl<R: Role> Deref for StateSlot<R> {
    type Target = Result<R, Error>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<R: Role> DerefMut for StateSlot<R> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// The transitions of a role's state machine, each applied to the slot. It has no default methods,
/// which would be generic again.
pub(crate) trait SlotTransitions: StateMachine {
    /// The sessions of the connection that a store holds. They outlive a failed state.
    type SessionTracker: RemembersSessions;

    /// Passes a handshake message to the state. Returns the request of the next state, if any.
    fn message(
        slot: &mut Result<Self, Error>,
        message: Framed<'_, RawMessage<'_>>,
        out: &mut dyn Sink,
    ) -> Result<Option<Need>, Error>;

    /// Passes an answer to the state. Returns the request of the next state, if any.
    fn answer(slot: &mut Result<Self, Error>, answer: Answer, out: &mut dyn Sink) -> Result<Option<Need>, Error>;

    /// Passes a change_cipher_spec record to a state that does not ignore it.
    fn change_cipher_spec(slot: &mut Result<Self, Error>, at: RecordBoundary, out: &mut dyn Sink) -> Result<(), Error>;

    /// Drops the state and puts `e` in its place.
    fn end(slot: &mut Result<Self, Error>, e: Error);
}

/// Implements [`SlotTransitions`] for a role, given the type of its `SessionTracker`.
macro_rules! impl_state_slot {
    ($role:ty, $place:ty) => {
        impl crate::state_slot::SlotTransitions for $role {
            type SessionTracker = $place;

            fn message(
                slot: &mut Result<Self, crate::error::Error>,
                message: crate::framed::Framed<'_, tls_codec::handshake::RawMessage<'_>>,
                out: &mut dyn crate::sink::Sink,
            ) -> Result<Option<crate::need::Need>, crate::error::Error> {
                crate::states::Step::put(crate::state_slot::take(slot)?.on_message(message, out), slot)
            }

            fn answer(
                slot: &mut Result<Self, crate::error::Error>,
                answer: crate::need::Answer,
                out: &mut dyn crate::sink::Sink,
            ) -> Result<Option<crate::need::Need>, crate::error::Error> {
                crate::states::Step::put(crate::state_slot::take(slot)?.on_answer(answer, out), slot)
            }

            fn change_cipher_spec(
                slot: &mut Result<Self, crate::error::Error>,
                at: crate::framed::RecordBoundary,
                out: &mut dyn crate::sink::Sink,
            ) -> Result<(), crate::error::Error> {
                *slot = Ok(crate::state_slot::take(slot)?.on_change_cipher_spec(at, out)?);
                Ok(())
            }

            fn end(slot: &mut Result<Self, crate::error::Error>, e: crate::error::Error) {
                *slot = Err(e);
            }
        }
    };
}
pub(crate) use impl_state_slot;

/// Takes the state out of its slot. [`Error::HandshakeNotComplete`] fills the slot until the next
/// state is put there.
#[inline]
pub(crate) fn take<S>(slot: &mut Result<S, Error>) -> Result<S, Error> {
    std::mem::replace(slot, Err(Error::HandshakeNotComplete))
}
