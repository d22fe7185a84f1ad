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

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription, AlertLevel, ContentType, HandshakeType, ProtocolVersion};
use tls_codec::decode_all;
use tls_codec::handshake::tls12::HelloRequest;
use tls_codec::handshake::{MESSAGE_HEADER_LEN, RawMessage, Split, split_message};

use crate::client::Client;
use crate::config::{Common, KeyLog};
use crate::error::Error;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Answer, Need};
use crate::record::{MessageJoiner, NextMessage, NextRecord, Outgoing, RecordReceiver, RecordSender, RecordSizing};
use crate::server::Server;
use crate::state_slot::StateSlot;
use crate::states::{Renegotiation, Role, StateMachine};

mod accessors;
mod client;
mod engine_sink;
mod in_place;
mod record_sizing;
mod server;
#[cfg(test)]
mod test_support;

pub use client::ClientStart;
use engine_sink::EngineSink;

/// A client's connection.
pub type ClientConnection = Connection<Client>;
/// A server's connection.
pub type ServerConnection = Connection<Server>;

/// One TLS connection, without I/O and without buffers. `R` is [`Client`] or [`Server`].
pub struct Connection<R: Role> {
    state: StateSlot<R>,
    receive: RecordReceiver,
    transmit: RecordSender,
    joiner: MessageJoiner,
    key_log: Option<Arc<dyn KeyLog>>,
    /// A record of handshake messages that an unanswered question interrupts.
    interrupted: Option<InterruptedRecord>,
    waiting: bool,
    phase: Phase,
    peer_closed: bool,
    closed: bool,
    session_tracker: R::SessionTracker,
}

/// The record at the front of the caller's bytes: how long it is, and where its unread messages are.
struct InterruptedRecord {
    total: usize,
    fragment: Range<usize>,
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

/// Bytes in the queue beyond which a warning is dropped.
const MAX_QUEUE_FOR_WARNINGS: usize = 1024;

fn transmit(common: &Common, version: ProtocolVersion) -> RecordSender {
    RecordSender::new(
        RecordSizing::new(common.max_record, common.ramp_up, common.padding),
        common.records_per_key,
        version,
    )
}

/// What the state is called that the connection is in.
fn name<R: StateMachine>(state: &Result<R, Error>) -> &'static str {
    state.as_ref().map_or("", StateMachine::name)
}

impl<R: Role> Connection<R> {
    fn with(
        state: Result<R, Error>,
        receive: RecordReceiver,
        transmit: RecordSender,
        joiner: MessageJoiner,
        key_log: Option<Arc<dyn KeyLog>>,
        session_tracker: R::SessionTracker,
    ) -> Self {
        Self {
            state: StateSlot::new(state),
            receive,
            transmit,
            joiner,
            key_log,
            interrupted: None,
            waiting: false,
            peer_closed: false,
            closed: false,
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
        let mut result = self.step(incoming, outgoing);
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
        let Some(connection_id) = self.state()?.connection_id().filter(|_| self.waiting) else {
            return Err(Error::WrongAnswer);
        };
        answer.check(connection_id)?;
        self.waiting = false;
        match self.answered(answer, outgoing) {
            Ok(need) => Ok(need),
            Err(e) => {
                self.fail(&e, outgoing);
                Err(e)
            }
        }
    }

    /// Seals as much of `data` as one record holds, behind what is in `outgoing`; gives back how many bytes that were. It
    /// is 0 until the handshake is complete.
    ///
    /// Every call makes a record, which is complete when it returns: nothing is held back, so that there is nothing to flush, and
    /// nothing is joined with what comes later. Small pieces are better given as many slices of one call. The record
    /// waits in `outgoing` for the caller to write it to the transport.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`]; [`Error::KeyExhausted`] after some 10^7 records of TLS 1.2 with AES-GCM, or as many as the
    /// configuration allows; the connection's own error if it failed.
    pub fn send(&mut self, data: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error> {
        // A record without data would be one more for the peer to count against us.
        if !self.may_send()? || data.iter().all(|slice| slice.is_empty()) {
            return Ok(0);
        }
        self.before_data(outgoing)?;
        self.transmit.application_data(data, outgoing)
    }

    /// What has to go out before the next data, or happen instead.
    #[inline]
    fn before_data(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let key_is_worn = match self.is_handshaking() {
            // 0.5-RTT data: keys can be changed once the handshake is complete.
            true => self.transmit.is_nearly_exhausted(),
            false => self.transmit.needs_key_update(),
        };
        let (mut sink, state) = self.sink_and_state(outgoing);
        match state.as_mut().ok().and_then(StateMachine::traffic_mut) {
            Some(traffic) => {
                // RFC 9846 §5.5: a key is not used up; §4.7.3: what the peer asked for comes before the next data. One
                // KeyUpdate serves both.
                if key_is_worn {
                    traffic.update_write_key(&mut sink)?;
                }
                traffic.send_pending_key_update(&mut sink)?;
                traffic.data_sent();
            }
            // RFC 9325 §4.4: where keys cannot be changed, the connection ends before they are used up.
            None if key_is_worn => {
                self.send_close_notify(outgoing);
                return Err(Error::KeyExhausted);
            }
            None => {}
        }
        Ok(())
    }

    /// Whether application data can be sent now.
    fn may_send(&self) -> Result<bool, Error> {
        let state = self.state()?;
        if self.closed { Err(Error::SendAfterClose) } else { Ok(state.may_send()) }
    }

    /// Whether [`send`](Self::send) takes data now: from the handshake's end on, or at a server that
    /// [sends early](crate::ServerConfig::set_send_half_rtt_data) from its own Finished on; until close_notify or an error.
    #[must_use]
    pub fn can_send(&self) -> bool {
        !self.closed && self.state.as_ref().is_ok_and(StateMachine::may_send)
    }

    /// Returns whether the handshake is not complete. It stays `true` after a handshake that failed.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.phase == Phase::Handshaking
    }

    /// Says close_notify: we will not send any more. Receiving goes on (RFC 9846 §6.1).
    ///
    /// A handshake that is not complete ends with it, after user_canceled: every later call gives
    /// [`Error::SendAfterClose`].
    pub fn send_close_notify(&mut self, outgoing: &mut Outgoing) {
        if self.closed || self.state.is_err() {
            return;
        }
        self.closed = true;
        self.transmit.abandon_flight(outgoing);
        if self.is_handshaking() {
            self.send_alert(Alert::warning(AlertDescription::USER_CANCELED), outgoing);
            R::end(&mut self.state, Error::SendAfterClose);
            self.waiting = false;
        }
        self.send_alert(Alert::close_notify(), outgoing);
    }

    /// Changes our keys, and asks the peer to change its own (RFC 9846 §4.7.3). After 16 times without data of ours in
    /// between it does nothing until there is some.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`], [`Error::SendAfterClose`]; [`Error::NoKeyUpdate`] with TLS 1.2; the connection's own
    /// error if it failed.
    pub fn refresh_traffic_keys(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        if !self.may_send()? {
            return Err(Error::HandshakeNotComplete);
        }
        let (mut sink, state) = self.sink_and_state(outgoing);
        let traffic = state.as_mut().ok().and_then(StateMachine::traffic_mut).ok_or(Error::NoKeyUpdate)?;
        traffic.refresh(&mut sink)
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

    fn step(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) -> Result<Processed, Error> {
        if let Err(e) = &*self.state {
            return Err(e.clone_error());
        }
        let done = |consumed, progress| Ok(Processed { consumed, progress });
        if self.waiting {
            return done(0, Progress::Paused);
        }
        if self.peer_closed {
            // RFC 9846 §6.1: whatever comes after a closure alert is ignored.
            return done(incoming.len(), Progress::NeedMoreInput { at_least: 1 });
        }
        if let Some(InterruptedRecord { total, fragment }) = self.interrupted.take() {
            return self.handshake(incoming, total, fragment, outgoing);
        }
        let (content_type, content, total) = match self.receive.open(incoming, &|| name(&self.state))? {
            NextRecord::Incomplete { need } => return done(0, Progress::NeedMoreInput { at_least: need }),
            NextRecord::Skipped { total } => return done(total, Progress::Continue),
            NextRecord::Record { content_type, content, total } => (content_type, content, total),
        };
        match content_type {
            ContentType::ALERT => {
                let progress = self.alert(incoming.get(content).unwrap_or_default())?;
                done(total, progress)
            }
            // RFC 9846 §5.1 allows no record at all between the parts of a message, and no honest peer puts one there.
            _ if self.joiner.is_partial() && content_type != ContentType::HANDSHAKE => Err(Error::InterleavedHandshake),
            ContentType::HANDSHAKE => self.handshake(incoming, total, content, outgoing),
            ContentType::CHANGE_CIPHER_SPEC => {
                self.change_cipher_spec(incoming.get(content).unwrap_or_default(), outgoing)?;
                done(total, Progress::Continue)
            }
            ContentType::APPLICATION_DATA if self.receive.is_early() => {
                self.receive.count_early_data(content.len())?;
                let progress = if content.is_empty() { Progress::Continue } else { Progress::EarlyData(content) };
                done(total, progress)
            }
            ContentType::APPLICATION_DATA if !self.is_handshaking() => {
                if content.is_empty() {
                    return done(total, Progress::Continue);
                }
                self.data_received(outgoing)?;
                done(total, Progress::ApplicationData(content))
            }
            got => Err(Error::UnexpectedRecord { state: name(&self.state), got }),
        }
    }

    /// Takes the handshake messages of a record, one after the other, until one asks something.
    fn handshake(
        &mut self,
        incoming: &[u8],
        total: usize,
        mut fragment: Range<usize>,
        outgoing: &mut Outgoing,
    ) -> Result<Processed, Error> {
        while !fragment.is_empty() {
            let Some(bytes) = incoming.get(fragment.clone()) else { return Err(Error::WrongAnswer) };
            let (rest, need) = match self.joiner.next(bytes)? {
                NextMessage::Partial => break,
                NextMessage::InPlace { message, rest } => (rest, self.message(self.framed(message, rest), outgoing)?),
                NextMessage::Completed { rest } => {
                    let joined = self.joiner.take();
                    let Split::Message { message, .. } = split_message(&joined) else { break };
                    (rest, self.message(self.framed(message, rest), outgoing)?)
                }
            };
            fragment.start = fragment.end.saturating_sub(rest.len());
            if let Some(need) = need {
                let consumed = if fragment.is_empty() {
                    total
                } else {
                    self.interrupted = Some(InterruptedRecord { total, fragment });
                    0
                };
                return Ok(Processed { consumed, progress: Progress::Need(need) });
            }
        }
        self.transmit.end_flight(outgoing)?;
        Ok(Processed { consumed: total, progress: Progress::Continue })
    }

    /// Frames a message that is followed by `rest` in its record. Whole HelloRequests, all zeros, are as if they came in
    /// the next one.
    fn framed<'m>(&self, message: RawMessage<'m>, rest: &[u8]) -> Framed<'m, RawMessage<'m>> {
        let are_requests = !rest.is_empty()
            && rest.chunks_exact(MESSAGE_HEADER_LEN).remainder().is_empty()
            && rest.iter().all(|byte| *byte == 0)
            && self.state.as_ref().is_ok_and(StateMachine::may_precede_hello_requests);
        Framed::new(message, if are_requests { &[] } else { rest })
    }

    /// A change_cipher_spec record changes keys where the version has it do so, and is ignored or refused elsewhere.
    fn change_cipher_spec(&mut self, content: &[u8], outgoing: &mut Outgoing) -> Result<(), Error> {
        let [1, rest @ ..] = content else { return Err(Error::BadChangeCipherSpec) };
        let Some(at) = RecordBoundary::at_end_of(rest) else { return Err(Error::BadChangeCipherSpec) };
        if self.state()?.ignores_change_cipher_spec() {
            return self.receive.count_change_cipher_spec();
        }
        let (mut sink, state) = self.sink_and_state(outgoing);
        R::change_cipher_spec(state, at, &mut sink)
    }

    fn message(&mut self, message: Framed<'_, RawMessage<'_>>, outgoing: &mut Outgoing) -> Result<Option<Need>, Error> {
        log_trace!("received {} ({} bytes)", message.msg.typ, message.raw.len());
        if let Some(renegotiation) = self.state()?.renegotiation(message.msg.typ) {
            self.renegotiate(renegotiation, &message, outgoing)?;
            return Ok(None);
        }
        let (mut sink, state) = self.sink_and_state(outgoing);
        let need = R::message(state, message, &mut sink)?;
        self.waiting = need.is_some();
        self.note_establishment();
        Ok(need)
    }

    /// The peer asks for another handshake (RFC 5246 §7.4.1.1, RFC 5746 §4.2). It gets none, and the
    /// connection goes on.
    fn renegotiate(
        &mut self,
        renegotiation: Renegotiation,
        message: &Framed<'_, RawMessage<'_>>,
        outgoing: &mut Outgoing,
    ) -> Result<(), Error> {
        if message.msg.typ == HandshakeType::HELLO_REQUEST {
            message.msg.decode::<HelloRequest>()?;
        }
        let answers = self.receive.count_renegotiation()? && renegotiation == Renegotiation::Refuse;
        // A peer that asks and never reads fills no queue.
        if answers && outgoing.len() < MAX_QUEUE_FOR_WARNINGS && !self.closed {
            self.transmit.end_flight(outgoing)?;
            self.send_alert(Alert::warning(AlertDescription::NO_RENEGOTIATION), outgoing);
        }
        Ok(())
    }

    fn note_establishment(&mut self) {
        if self.phase == Phase::Handshaking && self.state.as_ref().is_ok_and(|state| state.established().is_some()) {
            log_debug!("handshake complete");
            self.phase = Phase::Established;
        }
    }

    fn answered(&mut self, answer: Answer, outgoing: &mut Outgoing) -> Result<Option<Need>, Error> {
        let (mut sink, state) = self.sink_and_state(outgoing);
        let need = R::answer(state, answer, &mut sink)?;
        self.waiting = need.is_some();
        self.note_establishment();
        if need.is_none() {
            self.transmit.end_flight(outgoing)?;
        }
        Ok(need)
    }

    /// Data came. If the peer asked for a KeyUpdate it gets one now: RFC 9846 §4.7.3 wants it before our next data, and that is when
    /// `send` pays it, once however often it was asked for; but a side that only reads has no such time. Not while earlier bytes
    /// still wait, so that a peer that asks and never reads fills no queue.
    fn data_received(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let Some(traffic) = self.state.as_mut().ok().and_then(StateMachine::traffic_mut) else { return Ok(()) };
        traffic.data_received();
        if !traffic.has_pending_key_update() || self.closed || !outgoing.is_empty() {
            return Ok(());
        }
        let (mut sink, state) = self.sink_and_state(outgoing);
        match state.as_mut().ok().and_then(StateMachine::traffic_mut) {
            Some(traffic) => traffic.send_pending_key_update(&mut sink),
            None => Ok(()),
        }
    }

    fn alert(&mut self, content: &[u8]) -> Result<Progress, Error> {
        let alert: Alert = decode_all(content).map_err(|_| Error::BadAlert)?;
        log_debug!("received alert {}", alert.description);
        match alert.description {
            AlertDescription::CLOSE_NOTIFY if !self.is_handshaking() => {
                self.check_between_messages()?;
                self.peer_closed = true;
                Ok(Progress::PeerClosed)
            }
            // RFC 9846 §6.1: close_notify follows user_canceled, and that is what counts. RFC 5246 §7.2: before
            // TLS 1.3 the level decides, and fatal ends the connection.
            AlertDescription::USER_CANCELED
                if alert.level == AlertLevel::WARNING
                    || !self.state.as_ref().is_ok_and(StateMachine::ignores_warnings) =>
            {
                self.check_between_messages()?;
                self.receive.count_warning()?;
                Ok(Progress::Continue)
            }
            // RFC 5246 §7.2.2: a peer that cannot continue after a warning may close; we can.
            description
                if alert.level == AlertLevel::WARNING
                    && description != AlertDescription::CLOSE_NOTIFY
                    && self.state.as_ref().is_ok_and(StateMachine::ignores_warnings) =>
            {
                self.check_between_messages()?;
                self.receive.count_warning()?;
                Ok(Progress::Continue)
            }
            description => Err(Error::AlertReceived { description, state: name(&self.state) }),
        }
    }

    /// RFC 9846 §5.1: no record comes between the parts of a message. An alert that ends the connection
    /// says more than that it came at a bad time.
    fn check_between_messages(&self) -> Result<(), Error> {
        if self.joiner.is_partial() { Err(Error::InterleavedHandshake) } else { Ok(()) }
    }

    /// Remembers the error, tells the peer, and forgets all keys but the one that the alert was sealed with.
    fn fail(&mut self, e: &Error, outgoing: &mut Outgoing) {
        if self.failed_before(e) {
            return;
        }
        log_debug!("{e}");
        self.transmit.abandon_flight(outgoing);
        if let Some(description) = e.alert().filter(|_| !self.closed) {
            self.send_alert(Alert { level: AlertLevel::FATAL, description }, outgoing);
        }
        R::end(&mut self.state, e.clone_error());
        self.waiting = false;
        self.interrupted = None;
        self.closed = true;
    }

    fn failed_before(&self, e: &Error) -> bool {
        // While a state is being replaced, `HandshakeNotComplete` stands for it.
        self.state.as_ref().is_err_and(|before| !matches!(before, Error::HandshakeNotComplete) && before.is(e))
    }

    /// The present state, or the error that ended the connection.
    #[inline]
    fn state(&self) -> Result<&R, Error> {
        self.state.as_ref().map_err(Error::clone_error)
    }

    fn send_alert(&mut self, alert: Alert, outgoing: &mut Outgoing) {
        let bytes = [alert.level.0, alert.description.0];
        // A key that cannot seal any more cannot tell the peer either: the connection ends all the same.
        if self.transmit.record(ContentType::ALERT, &[IoSlice::new(&bytes)], outgoing).is_ok() {
            log_debug!("sent alert {}", alert.description);
        }
    }

    fn sink_and_state<'c>(&'c mut self, outgoing: &'c mut Outgoing) -> (EngineSink<'c>, &'c mut Result<R, Error>) {
        let sink = EngineSink {
            receive: &mut self.receive,
            transmit: &mut self.transmit,
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
