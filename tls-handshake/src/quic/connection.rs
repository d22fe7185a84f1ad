//! The engine of QUIC: feeds CRYPTO data to the states of a role.

use std::collections::VecDeque;
use std::sync::Arc;

use tls_codec::code_points::{AlertDescription, HandshakeType};
use tls_codec::handshake::{NewSessionTicket, RawMessage, Split, split_message};
use tls_crypto::quic::KeyUpdates;

use super::output::{KeyChange, Output};
use super::sink::{Levels, QuicSink};
use crate::config::KeyLog;
use crate::error::{CRYPTO_ERROR, Error, Level, QuicFault, StateName};
use crate::framed::Framed;
use crate::need::{Answer, Need};
use crate::record::{MessageJoiner, NextMessage};
use crate::schedule::tls13::TakenSecrets;
use crate::state_slot::StateSlot;
use crate::states::{Role, StateMachine};

/// One TLS handshake within QUIC, without packets. `R` is [`Client`](crate::client::Client) or
/// [`Server`](crate::server::Server). See the [module](super) for how to use it.
pub struct Connection<R: Role> {
    pub(super) state: StateSlot<R>,
    pub(super) levels: Levels,
    pub(super) session_tracker: R::SessionTracker,
    joiner: MessageJoiner,
    /// CRYPTO data that arrived while the handshake waits for an answer.
    pending: Vec<u8>,
    /// The maximum length of `pending`.
    limit: usize,
    key_log: Option<Arc<dyn KeyLog>>,
    awaiting_answer: bool,
    is_complete: bool,
}

impl<R: Role> Connection<R> {
    pub(super) fn from_parts(
        state: R,
        levels: Levels,
        session_tracker: R::SessionTracker,
        limit: usize,
        key_log: Option<Arc<dyn KeyLog>>,
    ) -> Self {
        Self {
            state: StateSlot::new(Ok(state)),
            levels,
            session_tracker,
            joiner: MessageJoiner::new(limit),
            pending: Vec::new(),
            limit,
            key_log,
            awaiting_answer: false,
            is_complete: false,
        }
    }

    /// Processes CRYPTO data of one level: the bytes after those of earlier calls, in order and
    /// without repetitions. Returns a request to the application, if there is one. Then take the
    /// output with [`next_output`](Self::next_output).
    ///
    /// While the handshake waits for an answer, data is kept until [`resume`](Self::resume).
    ///
    /// # Errors
    /// An error if the peer violates the protocol or the application rejects it. Close the
    /// connection with its [code](Error::quic_code). All later calls return the same error. Output
    /// of earlier messages can still be taken, so that CONNECTION_CLOSE can be encrypted.
    pub fn receive(&mut self, level: Level, data: &[u8]) -> Result<Option<Need>, Error> {
        self.state()?;
        if data.is_empty() {
            return Ok(None);
        }
        let result = self.process_at(level, data);
        self.note(result)
    }

    /// Continues the handshake with the answer to a request, and with the data that arrived since.
    /// Returns the next request, if there is one.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] if the answer belongs to another request; the connection is
    /// unchanged. Otherwise as for [`receive`](Self::receive).
    pub fn resume(&mut self, answer: Answer) -> Result<Option<Need>, Error> {
        let Some(connection_id) = self.state()?.connection_id().filter(|_| self.awaiting_answer) else {
            return Err(Error::WrongAnswer);
        };
        answer.check(connection_id)?;
        self.awaiting_answer = false;
        let result = self.apply_answer(answer);
        self.note(result)
    }

    /// Returns the next output, in wire order. `None` if there is none until more data or an answer
    /// arrives.
    pub fn next_output(&mut self) -> Option<Output> {
        let output = self.levels.output.pop_front();
        if self.is_complete && self.levels.output.is_empty() {
            // An idle connection keeps no queue.
            self.levels.output = VecDeque::new();
        }
        output
    }

    /// Returns whether the handshake is incomplete. It stays `true` after a failed handshake.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        !self.is_complete
    }

    /// Returns the level at which the handshake reads CRYPTO data. QUIC keeps data of later levels
    /// until the handshake reaches them.
    #[must_use]
    pub fn reading_level(&self) -> Level {
        self.levels.reading
    }

    /// Returns the peer's encoded transport parameters (RFC 9001 §8.2). A server has them from
    /// ClientHello on, a client from EncryptedExtensions on. They are authenticated only when the
    /// handshake is complete.
    #[must_use]
    pub fn peer_transport_parameters(&self) -> Option<&[u8]> {
        self.levels.peer_parameters.as_deref()
    }

    /// Ends the connection because of the peer's CONNECTION_CLOSE (type 0x1c) with this error code.
    /// If the code is CRYPTO_ERROR, it ends the sessions that the connection used, as an alert does
    /// over TCP. Returns the error that all later calls return, or `None` for another code, which
    /// TLS has no part in.
    pub fn closed_by_peer(&mut self, code: u64) -> Option<Error> {
        let alert = code.checked_sub(CRYPTO_ERROR).and_then(|alert| u8::try_from(alert).ok())?;
        if let Err(before) = self.state() {
            return Some(before);
        }
        let e = Error::AlertReceived { description: AlertDescription(alert), state: self.state_name() };
        self.fail(&e);
        Some(e)
    }

    fn process_at(&mut self, level: Level, data: &[u8]) -> Result<Option<Need>, Error> {
        let expected = self.levels.reading;
        if level != expected {
            return Err(QuicFault::WrongLevel { got: level, expected }.into());
        }
        if !self.is_paused() && self.pending.is_empty() {
            return self.process(data);
        }
        if data.len() > self.limit.saturating_sub(self.pending.len()) {
            return Err(QuicFault::BufferExceeded { limit: self.limit }.into());
        }
        self.pending.extend_from_slice(data);
        if self.is_paused() { Ok(None) } else { self.process_pending() }
    }

    /// Processes the messages in `data`, until one needs an answer.
    fn process(&mut self, data: &[u8]) -> Result<Option<Need>, Error> {
        let mut rest = data;
        while !rest.is_empty() {
            let need = match self.joiner.next(rest)? {
                NextMessage::Partial => break,
                NextMessage::InPlace { message, rest: after } => {
                    rest = after;
                    self.on_message(Framed::new(message, after))?
                }
                NextMessage::Completed { rest: after } => {
                    rest = after;
                    let joined = self.joiner.take();
                    let Split::Message { message, .. } = split_message(&joined) else { break };
                    self.on_message(Framed::new(message, after))?
                }
            };
            if need.is_some() {
                if rest.len() > self.limit {
                    return Err(QuicFault::BufferExceeded { limit: self.limit }.into());
                }
                self.pending = rest.to_vec();
                return Ok(need);
            }
        }
        Ok(None)
    }

    fn on_message(&mut self, message: Framed<'_, RawMessage<'_>>) -> Result<Option<Need>, Error> {
        log_trace!("received {} ({} bytes)", message.msg.typ, message.raw.len());
        self.check_message(&message.msg)?;
        // What follows the message is checked by its boundary.
        let need = self.transition(false, |state, sink| R::message(state, message, sink))?;
        self.awaiting_answer |= need.is_some();
        Ok(need)
    }

    /// Rejects messages that only TLS over records allows.
    fn check_message(&self, message: &RawMessage<'_>) -> Result<(), Error> {
        match message.typ {
            // RFC 9001 §6.
            HandshakeType::KEY_UPDATE => {
                Err(Error::UnexpectedMessage { state: self.state_name(), got: HandshakeType::KEY_UPDATE })
            }
            HandshakeType::CERTIFICATE_REQUEST if self.is_complete && self.state()?.name().is_client() => {
                Err(QuicFault::PostHandshakeAuth.into())
            }
            // RFC 9001 §4.6.1.
            HandshakeType::NEW_SESSION_TICKET if self.is_complete => {
                let ticket: NewSessionTicket<'_> = message.decode()?;
                match ticket.max_early_data_size {
                    None | Some(u32::MAX) => Ok(()),
                    Some(other) => Err(QuicFault::EarlyDataSize(other).into()),
                }
            }
            _ => Ok(()),
        }
    }

    fn apply_answer(&mut self, answer: Answer) -> Result<Option<Need>, Error> {
        let need = self.transition(!self.pending.is_empty(), |state, sink| R::answer(state, answer, sink))?;
        self.awaiting_answer = need.is_some();
        if self.is_paused() {
            return Ok(need);
        }
        Ok(need.or(self.process_pending()?))
    }

    fn process_pending(&mut self) -> Result<Option<Need>, Error> {
        let pending = std::mem::take(&mut self.pending);
        self.process(&pending)
    }

    /// Performs a transition, and reports that the handshake is complete.
    fn transition(
        &mut self,
        has_data_left: bool,
        step: impl FnOnce(&mut Result<R, Error>, &mut QuicSink<'_>) -> Result<Option<Need>, Error>,
    ) -> Result<Option<Need>, Error> {
        let mut sink = QuicSink {
            levels: &mut self.levels,
            key_log: self.key_log.as_deref(),
            sessions: &mut self.session_tracker,
            has_data_left,
            misaligned: None,
        };
        let need = match step(&mut self.state, &mut sink) {
            Err(Error::KeyChangeInsideRecord { .. }) => {
                return Err(QuicFault::DataAtKeyChange(sink.levels.reading).into());
            }
            other => other?,
        };
        if let Some(level) = sink.misaligned {
            return Err(QuicFault::DataAtKeyChange(level).into());
        }
        if !self.is_complete && self.state()?.established().is_some() {
            log_debug!("handshake complete");
            self.is_complete = true;
            self.output_updates();
        }
        Ok(need)
    }

    /// Moves the secrets of key updates out of the state, so that no copy outlives an update.
    fn output_updates(&mut self) {
        let Some(traffic) = self.state.as_mut().ok().and_then(StateMachine::traffic_mut) else { return };
        let Some(TakenSecrets { aead, read, write }) = traffic.take_secrets() else { return };
        let version = self.levels.version;
        self.levels.output.push_back(Output::Keys(KeyChange::Updates {
            read: KeyUpdates::new(version, aead, read),
            write: KeyUpdates::new(version, aead, write),
        }));
    }

    /// Returns whether data must wait for an answer. After the handshake only tickets are awaited.
    fn is_paused(&self) -> bool {
        self.awaiting_answer && !self.is_complete
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(e) = &result {
            self.fail(e);
        }
        result
    }

    /// Records the error and drops the state with its keys.
    fn fail(&mut self, e: &Error) {
        log_debug!("{e}");
        R::end(&mut self.state, e.clone_error());
        self.awaiting_answer = false;
        self.pending = Vec::new();
        drop(self.joiner.take());
    }

    /// The current state, or the error that ended the connection.
    pub(super) fn state(&self) -> Result<&R, Error> {
        self.state.as_ref().map_err(Error::clone_error)
    }

    fn state_name(&self) -> StateName {
        self.state.as_ref().map_or(StateName::ENDED, StateMachine::name)
    }
}

impl<R: Role> std::fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("state", &*self.state).finish_non_exhaustive()
    }
}
