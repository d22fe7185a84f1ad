//! The engine: feeds received records to the states of a role. It does no I/O and owns no buffers.
//!
//! ```text
//! incoming (caller's) ─ process ─▶ Progress: data | Need | complete | closed | more input
//!                          │
//!                          └─▶ outgoing (caller's) ─ ready() ─▶ transport
//! ```
//!
//! The caller's loop:
//!
//! 1. Read from the transport to the end of `incoming`.
//! 2. Call [`Connection::process`] until it returns [`Progress::NeedMoreInput`]. After each call,
//!    remove `consumed` bytes from the front of `incoming`.
//! 3. Answer each [`Progress::Need`] with [`Connection::resume`].
//! 4. Write [`Outgoing::ready`] to the transport.

use std::ops::Range;
use std::sync::Arc;

use tls_codec::code_points::ProtocolVersion;

use crate::client::Client;
use crate::config::{Common, KeyLog};
use crate::error::{Error, StateName, TransportEnd};
use crate::need::{Answer, Need};
use crate::record::{MessageJoiner, Outgoing, RecordReceiver, RecordSender, RecordSizing};
use crate::server::Server;
use crate::state_slot::StateSlot;
use crate::states::{Role, StateMachine};

mod accessors;
mod client;
mod engine_sink;
mod incoming;
mod mailbox;
#[cfg(test)]
mod mailbox_tests;
mod sending;
mod sending_in_place;
mod server;
mod split;
#[cfg(test)]
mod test_support;

/// What the mailbox is made of. Its tests compile it with loom's instead.
mod sync {
    pub(super) use std::sync::OnceLock;
    pub(super) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
}

pub(crate) use accessors::accessors;
pub use client::ClientStart;
use engine_sink::EngineSink;
use incoming::InterruptedRecord;
use sending::SenderSlot;
pub use split::{Receiver, Sender, SplitError, SplitObstacle};

/// A connection in the client role.
pub type ClientConnection = Connection<Client>;
/// A connection in the server role.
pub type ServerConnection = Connection<Server>;

/// One TLS connection, without I/O and buffers. `R` is [`Client`] or [`Server`].
pub struct Connection<R: Role> {
    state: StateSlot<R>,
    receiver: RecordReceiver,
    sender: SenderSlot,
    joiner: MessageJoiner,
    key_log: Option<Arc<dyn KeyLog>>,
    /// The record whose remaining messages wait for an answer.
    interrupted: Option<InterruptedRecord>,
    awaiting_answer: bool,
    /// Part of a record was received before. Only read before the first hello.
    has_partial_record: bool,
    phase: Phase,
    peer_closed: bool,
    session_tracker: R::SessionTracker,
}

/// The result of [`Connection::process`].
#[derive(Debug)]
pub struct Processed {
    /// Number of bytes to remove from the front of `incoming`: whole records.
    pub consumed: usize,
    /// The result of the bytes.
    pub progress: Progress,
}

/// The result of a call to [`Connection::process`].
#[derive(Debug)]
pub enum Progress {
    /// The record at the front is incomplete.
    NeedMoreInput {
        /// Minimum number of missing bytes.
        at_least: usize,
    },
    /// A record was processed. Call again with the remaining bytes.
    Continue,
    /// Application data, decrypted in place at `incoming[range]`. The range lies within the
    /// consumed bytes.
    ApplicationData(Range<usize>),
    /// Early data (0-RTT), decrypted in place like [`ApplicationData`](Self::ApplicationData). The
    /// client has not proved liveness. An attacker can replay the data, so act on it only if that
    /// is harmless.
    EarlyData(Range<usize>),
    /// The handshake is complete and application data can be sent. Returned once.
    HandshakeComplete,
    /// The peer sent close_notify and sends nothing more. Sending remains possible.
    PeerClosed,
    /// The application must answer, with [`Connection::resume`]. If `consumed` is 0, pass the same
    /// bytes, unchanged, to the next call of [`Connection::process`].
    ///
    /// The handshake waits for the answer, with one exception: a TLS 1.3 server asks for tickets
    /// ([`Need::NewSession`]) when its handshake is complete. Data can be sent and received before
    /// the answer.
    Need(Need),
    /// The handshake still waits for an answer.
    Paused,
}

/// The phase of the connection, kept after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshaking,
    /// The handshake is complete, but [`Progress::HandshakeComplete`] was not returned yet.
    Established,
    Reported,
}

fn record_sender(common: &Common, version: ProtocolVersion) -> RecordSender {
    RecordSender::new(
        RecordSizing::new(common.max_record, common.ramp_up, common.padding),
        common.records_per_key,
        version,
    )
}

/// The name of the current state, for errors.
fn state_name<R: StateMachine>(state: &Result<R, Error>) -> StateName {
    state.as_ref().map_or(StateName::ENDED, StateMachine::name)
}

impl<R: Role> Connection<R> {
    fn from_parts(
        state: Result<R, Error>,
        receiver: RecordReceiver,
        sender: SenderSlot,
        joiner: MessageJoiner,
        key_log: Option<Arc<dyn KeyLog>>,
        session_tracker: R::SessionTracker,
    ) -> Self {
        Self {
            state: StateSlot::new(state),
            receiver,
            sender,
            joiner,
            key_log,
            interrupted: None,
            awaiting_answer: false,
            has_partial_record: false,
            peer_closed: false,
            phase: Phase::Handshaking,
            session_tracker,
        }
    }

    /// Processes the record at the front of `incoming` and decrypts it in place.
    ///
    /// # Errors
    /// Returns an error if the peer violates the protocol or the application rejects it; `outgoing`
    /// then holds the alert. All later calls return the same error.
    pub fn process(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) -> Result<Processed, Error> {
        if self.phase == Phase::Established {
            // The handshake completed in `resume`, or before a request in the same record.
            self.phase = Phase::Reported;
            return Ok(Processed { consumed: 0, progress: Progress::HandshakeComplete });
        }
        // Modified in place: `Need` makes the type large, and each record returns one.
        let mut result = self.process_record(incoming, outgoing);
        match &mut result {
            Ok(Processed { progress: progress @ Progress::Continue, .. }) => {
                if self.phase == Phase::Established {
                    self.phase = Phase::Reported;
                    *progress = Progress::HandshakeComplete;
                }
            }
            Ok(_) => {}
            Err(e) => self.fail(e, outgoing),
        }
        result
    }

    /// Continues the handshake with the answer to a [`Progress::Need`]. Then call
    /// [`Connection::process`] again with the remaining input.
    ///
    /// Returns the next request if the handshake needs another answer at once.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] if the answer belongs to another request; the connection is
    /// unchanged. Otherwise as for [`Connection::process`].
    pub fn resume(&mut self, answer: Answer, outgoing: &mut Outgoing) -> Result<Option<Need>, Error> {
        let Some(connection_id) = self.state()?.connection_id().filter(|_| self.awaiting_answer) else {
            return Err(Error::WrongAnswer);
        };
        answer.check(connection_id)?;
        self.awaiting_answer = false;
        match self.apply_answer(answer, outgoing) {
            Ok(need) => Ok(need),
            Err(e) => {
                self.fail(&e, outgoing);
                Err(e)
            }
        }
    }

    /// Returns whether the handshake is incomplete. It stays `true` after a failed handshake.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.phase == Phase::Handshaking
    }

    /// Signals that the transport reached its end.
    ///
    /// # Errors
    /// [`Error::NoClientHello`] on a server before a ClientHello, [`Error::ClosedDuringHandshake`]
    /// before the handshake is complete, [`Error::Truncated`] after that without close_notify.
    /// After close_notify there is no error.
    pub fn end_of_input(&mut self) -> Result<(), Error> {
        self.end(TransportEnd::Closed)
    }

    /// Signals that the transport was reset (TCP: RST), which ends both directions.
    ///
    /// # Errors
    /// As [`end_of_input`](Self::end_of_input).
    pub fn transport_reset(&mut self) -> Result<(), Error> {
        self.end(TransportEnd::Reset)
    }

    fn end(&mut self, end: TransportEnd) -> Result<(), Error> {
        let state = self.state()?;
        if self.peer_closed {
            return Ok(());
        }
        if state.established().is_some() {
            return Err(Error::Truncated);
        }
        let state = state.name();
        let e = if state.is_first() && !state.is_client() {
            Error::NoClientHello { partial: self.has_partial_record || self.joiner.is_partial(), end }
        } else {
            Error::ClosedDuringHandshake { state, end }
        };
        R::end(&mut self.state, e.clone_error());
        Err(e)
    }

    fn note_handshake_complete(&mut self) {
        if self.phase == Phase::Handshaking && self.state.as_ref().is_ok_and(|state| state.established().is_some()) {
            log_debug!("handshake complete");
            self.phase = Phase::Established;
        }
    }

    fn apply_answer(&mut self, answer: Answer, outgoing: &mut Outgoing) -> Result<Option<Need>, Error> {
        let (mut sink, state) = self.sink_and_state(outgoing);
        let need = R::answer(state, answer, &mut sink)?;
        self.awaiting_answer = need.is_some();
        self.note_handshake_complete();
        if let Some(side) = self.sender.whole_mut() {
            if side.is_closed {
                // Tickets that were made after close_notify.
                side.records.abandon_flight(outgoing);
            } else if need.is_none() {
                side.records.end_flight(outgoing)?;
            }
        }
        Ok(need)
    }

    /// Records the error, drops the state with its keys, and sends an alert unless sending is
    /// closed. After a split the sender does that.
    fn fail(&mut self, e: &Error, outgoing: &mut Outgoing) {
        if self.has_failed_with(e) {
            return;
        }
        log_debug!("{e}");
        match &mut self.sender {
            SenderSlot::Whole(side) => side.fail(e, outgoing),
            SenderSlot::Split(mailbox) => mailbox.fail(e),
        }
        R::end(&mut self.state, e.clone_error());
        self.awaiting_answer = false;
        self.interrupted = None;
    }

    /// Returns whether `e` is the error that already ended the connection.
    fn has_failed_with(&self, e: &Error) -> bool {
        // `HandshakeNotComplete` only fills the slot during a transition.
        self.state.as_ref().is_err_and(|before| !matches!(before, Error::HandshakeNotComplete) && before.is(e))
    }

    /// The current state, or the error that ended the connection.
    #[inline]
    fn state(&self) -> Result<&R, Error> {
        self.state.as_ref().map_err(Error::clone_error)
    }

    /// Splits the connection into the sink and the state that uses it.
    fn sink_and_state<'c>(&'c mut self, outgoing: &'c mut Outgoing) -> (EngineSink<'c>, &'c mut Result<R, Error>) {
        let sink = EngineSink {
            receiver: &mut self.receiver,
            sender: &mut self.sender,
            key_log: self.key_log.as_deref(),
            outgoing,
            sessions: &mut self.session_tracker,
        };
        (sink, &mut self.state)
    }
}

impl<R: Role + std::fmt::Debug> std::fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("state", &*self.state).finish_non_exhaustive()
    }
}
