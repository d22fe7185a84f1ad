//! Receiving: dispatches each record by its content type and passes handshake messages to the
//! state.

use std::ops::Range;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription, AlertLevel, ContentType, HandshakeType};
use tls_codec::decode_all;
use tls_codec::handshake::tls12::HelloRequest;
use tls_codec::handshake::{MESSAGE_HEADER_LEN, RawMessage, Split, split_message};

use super::sending::SenderSlot;
use super::{Connection, Processed, Progress, state_name};
use crate::error::Error;
use crate::framed::{Framed, RecordBoundary};
use crate::need::Need;
use crate::record::{NextMessage, NextRecord, Outgoing};
use crate::states::{Renegotiation, Role, StateMachine};

/// The record at the front of the caller's bytes whose processing paused for an answer.
pub(super) struct InterruptedRecord {
    /// Its length on the wire.
    total: usize,
    /// Its unprocessed messages.
    fragment: Range<usize>,
}

impl<R: Role> Connection<R> {
    pub(super) fn process_record(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) -> Result<Processed, Error> {
        if let Err(e) = &*self.state {
            return Err(e.clone_error());
        }
        let done = |consumed, progress| Ok(Processed { consumed, progress });
        // After the handshake only tickets are missing, which nothing waits for.
        if self.awaiting_answer && self.is_handshaking() {
            return done(0, Progress::Paused);
        }
        if self.peer_closed {
            // RFC 9846 §6.1: data after a closure alert is ignored.
            return done(incoming.len(), Progress::NeedMoreInput { at_least: 1 });
        }
        if let Some(InterruptedRecord { total, fragment }) = self.interrupted.take() {
            return self.on_handshake_record(incoming, total, fragment, outgoing);
        }
        let (content_type, content, total) = match self.receiver.open(incoming, &|| state_name(&self.state))? {
            NextRecord::Incomplete { need } => {
                self.has_partial_record = !incoming.is_empty();
                return done(0, Progress::NeedMoreInput { at_least: need });
            }
            NextRecord::Skipped { total } => return done(total, Progress::Continue),
            NextRecord::Record { content_type, content, total } => (content_type, content, total),
        };
        match content_type {
            ContentType::ALERT => {
                let progress = self.on_alert(incoming.get(content).unwrap_or_default())?;
                done(total, progress)
            }
            // RFC 9846 §5.1: no other record may come between the fragments of a message.
            _ if self.joiner.is_partial() && content_type != ContentType::HANDSHAKE => Err(Error::InterleavedHandshake),
            ContentType::HANDSHAKE => self.on_handshake_record(incoming, total, content, outgoing),
            ContentType::CHANGE_CIPHER_SPEC => {
                self.on_change_cipher_spec(incoming.get(content).unwrap_or_default(), outgoing)?;
                done(total, Progress::Continue)
            }
            ContentType::APPLICATION_DATA if self.receiver.is_early() => {
                self.receiver.count_early_data(content.len())?;
                let progress = if content.is_empty() { Progress::Continue } else { Progress::EarlyData(content) };
                done(total, progress)
            }
            ContentType::APPLICATION_DATA if !self.is_handshaking() => {
                if content.is_empty() {
                    return done(total, Progress::Continue);
                }
                self.on_data(outgoing)?;
                done(total, Progress::ApplicationData(content))
            }
            got => Err(Error::UnexpectedRecord { state: state_name(&self.state), got }),
        }
    }

    /// Processes the handshake messages of a record in order, until one needs an answer.
    fn on_handshake_record(
        &mut self,
        incoming: &[u8],
        total: usize,
        mut fragment: Range<usize>,
        outgoing: &mut Outgoing,
    ) -> Result<Processed, Error> {
        while !fragment.is_empty() {
            let Some(bytes) = incoming.get(fragment.clone()) else { return Err(Error::WrongAnswer) };
            let (rest, result) = match self.joiner.next(bytes)? {
                NextMessage::Partial => break,
                NextMessage::InPlace { message, rest } => (rest, self.on_message(self.framed(message, rest), outgoing)),
                NextMessage::Completed { rest } => {
                    let joined = self.joiner.take();
                    let Split::Message { message, .. } = split_message(&joined) else { break };
                    (rest, self.on_message(self.framed(message, rest), outgoing))
                }
            };
            fragment.start = fragment.end.saturating_sub(rest.len());
            if let Some(need) = result? {
                let consumed = if fragment.is_empty() {
                    total
                } else {
                    self.interrupted = Some(InterruptedRecord { total, fragment });
                    0
                };
                return Ok(Processed { consumed, progress: Progress::Need(need) });
            }
        }
        self.sender.end_flight(outgoing)?;
        Ok(Processed { consumed: total, progress: Progress::Continue })
    }

    /// Frames a message that is followed by `rest` in its record. Whole HelloRequests (all zeros)
    /// count as if they came in the next record.
    fn framed<'m>(&self, message: RawMessage<'m>, rest: &[u8]) -> Framed<'m, RawMessage<'m>> {
        let are_requests = !rest.is_empty()
            && rest.chunks_exact(MESSAGE_HEADER_LEN).remainder().is_empty()
            && rest.iter().all(|byte| *byte == 0)
            && self.state.as_ref().is_ok_and(StateMachine::may_precede_hello_requests);
        Framed::new(message, if are_requests { &[] } else { rest })
    }

    /// Processes a change_cipher_spec record: TLS 1.2 changes keys, TLS 1.3 ignores it where
    /// allowed. Elsewhere it is rejected.
    fn on_change_cipher_spec(&mut self, content: &[u8], outgoing: &mut Outgoing) -> Result<(), Error> {
        let [1, rest @ ..] = content else { return Err(Error::BadChangeCipherSpec) };
        let Some(at) = RecordBoundary::at_end_of(rest) else { return Err(Error::BadChangeCipherSpec) };
        if self.state()?.ignores_change_cipher_spec() {
            return self.receiver.idle.count_change_cipher_spec();
        }
        let (mut sink, state) = self.sink_and_state(outgoing);
        R::change_cipher_spec(state, at, &mut sink)
    }

    fn on_message(
        &mut self,
        message: Framed<'_, RawMessage<'_>>,
        outgoing: &mut Outgoing,
    ) -> Result<Option<Need>, Error> {
        log_trace!("received {} ({} bytes)", message.msg.typ, message.raw.len());
        if let Some(renegotiation) = self.state()?.renegotiation(message.msg.typ) {
            self.on_renegotiation(renegotiation, &message, outgoing)?;
            return Ok(None);
        }
        let (mut sink, state) = self.sink_and_state(outgoing);
        // Not moved: `Need` is large, and few messages lead to one.
        let result = R::message(state, message, &mut sink);
        if let Ok(need) = &result {
            self.awaiting_answer |= need.is_some();
            self.note_handshake_complete();
        }
        result
    }

    /// Declines the peer's request for another handshake (RFC 5246 §7.4.1.1, RFC 5746 §4.2). The
    /// connection continues.
    fn on_renegotiation(
        &mut self,
        renegotiation: Renegotiation,
        message: &Framed<'_, RawMessage<'_>>,
        outgoing: &mut Outgoing,
    ) -> Result<(), Error> {
        if message.msg.typ == HandshakeType::HELLO_REQUEST {
            message.msg.decode::<HelloRequest>()?;
        }
        let answers = self.receiver.idle.count_renegotiation()? && renegotiation == Renegotiation::Decline;
        match &mut self.sender {
            SenderSlot::Whole(side) if answers => side.refuse_renegotiation(outgoing)?,
            SenderSlot::Split(mailbox) if answers => mailbox.refuse_renegotiation(),
            _ => {}
        }
        Ok(())
    }

    /// Counts received data, and sends a pending KeyUpdate response even if the application never
    /// writes.
    ///
    /// RFC 9846 §4.7.3 requires the response before the next data, where `send` sends it, once for
    /// any number of requests. It is skipped while output is queued, so a peer cannot grow the
    /// queue. After a split the sender does all this.
    fn on_data(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let Some(traffic) = self.state.as_mut().ok().and_then(StateMachine::traffic_mut) else { return Ok(()) };
        traffic.data_received();
        let pending = self.sender.whole_mut().filter(|side| side.has_pending_key_update && !side.is_closed);
        match (pending, traffic.write_mut()) {
            (Some(side), Some(keys)) if outgoing.is_empty() => side.send_pending_key_update(keys, outgoing),
            _ => Ok(()),
        }
    }

    fn on_alert(&mut self, content: &[u8]) -> Result<Progress, Error> {
        let alert: Alert = decode_all(content).map_err(|_| Error::BadAlert)?;
        log_debug!("received alert {}", alert.description);
        match alert.description {
            AlertDescription::CLOSE_NOTIFY if !self.is_handshaking() => {
                self.check_between_messages()?;
                self.peer_closed = true;
                Ok(Progress::PeerClosed)
            }
            // RFC 9846 §6.1: close_notify follows user_canceled and closes the connection. In TLS
            // 1.2 a fatal level ends it at once (RFC 5246 §7.2).
            AlertDescription::USER_CANCELED
                if alert.level == AlertLevel::WARNING
                    || !self.state.as_ref().is_ok_and(StateMachine::ignores_warnings) =>
            {
                self.check_between_messages()?;
                self.receiver.idle.count_warning()?;
                Ok(Progress::Continue)
            }
            // RFC 5246 §7.2.2: a warning does not end the connection.
            description
                if alert.level == AlertLevel::WARNING
                    && description != AlertDescription::CLOSE_NOTIFY
                    && self.state.as_ref().is_ok_and(StateMachine::ignores_warnings) =>
            {
                self.check_between_messages()?;
                self.receiver.idle.count_warning()?;
                Ok(Progress::Continue)
            }
            description => Err(Error::AlertReceived { description, state: state_name(&self.state) }),
        }
    }

    /// Checks that no fragmented message is incomplete (RFC 9846 §5.1). It is not called for alerts
    /// that end the connection: their description is more useful.
    fn check_between_messages(&self) -> Result<(), Error> {
        if self.joiner.is_partial() { Err(Error::InterleavedHandshake) } else { Ok(()) }
    }
}
