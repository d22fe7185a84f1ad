//! The engine: drives a role's states with the bytes that came, and keeps no buffer of its own.
//!
//! ```text
//! incoming (the caller's) ─ process ─▶ Progress: application data | a Need | complete | closed | more input
//!                              │
//!                              └─▶ outgoing (the caller's) ─ ready() ─▶ the transport
//! ```
//!
//! The loop of a caller: read bytes to the end of `incoming`; call [`Connection::process`] until it says
//! [`Progress::NeedMoreInput`], taking `consumed` bytes off the front after each call; answer what it asks; write
//! [`Outgoing::ready`] to the transport.

use std::ops::Range;
use std::sync::Arc;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertLevel, ProtocolVersion};

use crate::client::Client;
use crate::config::{Common, KeyLog};
use crate::error::Error;
use crate::need::{Answer, Need};
use crate::record::{MessageJoiner, Outgoing, RecordReceiver, RecordSender, RecordSizing};
use crate::server::Server;
use crate::state_slot::StateSlot;
use crate::states::{Role, StateMachine};

mod accessors;
mod client;
mod engine_sink;
mod in_place;
mod incoming;
mod record_sizing;
mod sending;
mod server;
#[cfg(test)]
mod test_support;

pub use client::ClientStart;
use engine_sink::EngineSink;
use incoming::InterruptedRecord;

/// A client's connection.
pub type ClientConnection = Connection<Client>;
/// A server's connection.
pub type ServerConnection = Connection<Server>;

/// One TLS connection, without I/O and without buffers. `R` is [`Client`] or [`Server`].
pub struct Connection<R: Role> {
    state: StateSlot<R>,
    receiver: RecordReceiver,
    sender: RecordSender,
    joiner: MessageJoiner,
    key_log: Option<Arc<dyn KeyLog>>,
    /// A record of handshake messages that an unanswered question interrupts.
    interrupted: Option<InterruptedRecord>,
    awaiting_answer: bool,
    phase: Phase,
    peer_closed: bool,
    write_closed: bool,
    session_tracker: R::SessionTracker,
}

/// What [`Connection::process`] did.
#[derive(Debug)]
pub struct Processed {
    /// How many bytes at the front of `incoming` are done with: whole records.
    pub consumed: usize,
    /// What came of it.
    pub progress: Progress,
}

/// What came of a call to [`Connection::process`].
#[derive(Debug)]
pub enum Progress {
    /// There is no whole record: this many more bytes are needed at least.
    NeedMoreInput {
        /// Bytes.
        at_least: usize,
    },
    /// Something was done; call again with the rest.
    Continue,
    /// `incoming[range]` is application data, decrypted where it came. It lies inside the consumed bytes.
    ApplicationData(Range<usize>),
    /// As [`ApplicationData`](Self::ApplicationData), but sent before the handshake (0-RTT): the client has not shown yet that it is there,
    /// and what its data asks for should do no harm if an attacker had it done a second time.
    EarlyData(Range<usize>),
    /// The handshake is complete: application data can be sent. Returned exactly once.
    HandshakeComplete,
    /// The peer said close_notify: nothing more will come. We can still send.
    PeerClosed,
    /// The handshake waits for this to be answered. If `consumed` is 0 the same bytes have to be given again, as they
    /// are now, after [`Connection::resume`].
    Need(Need),
    /// The handshake still waits for an answer.
    Paused,
}

/// How far a connection is, also after it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshaking,
    /// The handshake is complete, which the caller was not told yet.
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

/// What the state is called that the connection is in.
fn state_name<R: StateMachine>(state: &Result<R, Error>) -> &'static str {
    state.as_ref().map_or("", StateMachine::name)
}

impl<R: Role> Connection<R> {
    fn from_parts(
        state: Result<R, Error>,
        receiver: RecordReceiver,
        sender: RecordSender,
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
            peer_closed: false,
            write_closed: false,
            phase: Phase::Handshaking,
            session_tracker,
        }
    }

    /// Handles the record at the front of `incoming`, which is decrypted where it lies.
    ///
    /// # Errors
    /// What the peer did wrong, or what the application decided; the alert for it is in `outgoing`. From then on every
    /// call gives that same error.
    pub fn process(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) -> Result<Processed, Error> {
        if self.phase == Phase::Established {
            // The last step was an answer, or came before one in the same record.
            self.phase = Phase::Reported;
            return Ok(Processed { consumed: 0, progress: Progress::HandshakeComplete });
        }
        // Changed where it lies: it is large for the sake of its rarest case, and made once per record.
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

    /// Goes on with the answer to what [`Progress::Need`] asked. Call [`Connection::process`] again afterwards, with what
    /// is left of the input.
    ///
    /// Gives the next question if there is one at once.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`], which changes nothing, for an answer to a question that is not open here; otherwise as for
    /// [`Connection::process`].
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

    /// Returns whether the handshake is not complete. It stays `true` after a handshake that failed.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.phase == Phase::Handshaking
    }

    /// Tells that the transport ended.
    ///
    /// # Errors
    /// None after close_notify; otherwise [`Error::ClosedDuringHandshake`], or [`Error::Truncated`] after it.
    pub fn end_of_input(&mut self) -> Result<(), Error> {
        let state = self.state()?;
        if self.peer_closed {
            return Ok(());
        }
        if state.established().is_some() {
            return Err(Error::Truncated);
        }
        let e = Error::ClosedDuringHandshake { state: state.name() };
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
        if need.is_none() {
            self.sender.end_flight(outgoing)?;
        }
        Ok(need)
    }

    /// Remembers the error, tells the peer, and forgets all keys but the one that the alert was sealed with.
    fn fail(&mut self, e: &Error, outgoing: &mut Outgoing) {
        if self.has_failed_with(e) {
            return;
        }
        log_debug!("{e}");
        self.sender.abandon_flight(outgoing);
        if let Some(description) = e.alert().filter(|_| !self.write_closed) {
            self.send_alert(Alert { level: AlertLevel::FATAL, description }, outgoing);
        }
        R::end(&mut self.state, e.clone_error());
        self.awaiting_answer = false;
        self.interrupted = None;
        self.write_closed = true;
    }

    fn has_failed_with(&self, e: &Error) -> bool {
        // While a state is being replaced, `HandshakeNotComplete` stands for it.
        self.state.as_ref().is_err_and(|before| !matches!(before, Error::HandshakeNotComplete) && before.is(e))
    }

    /// The present state, or the error that ended the connection.
    #[inline]
    fn state(&self) -> Result<&R, Error> {
        self.state.as_ref().map_err(Error::clone_error)
    }

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
