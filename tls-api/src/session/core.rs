//! [`SessionCore`]: the part that both roles share. It connects the engine (`Connection` of
//! tls-handshake) with the buffers of a connection.
//!
//! `read_tls` fills the receive buffer, `process` hands it to the engine and answers what the
//! engine requests, and `write` encrypts into the send buffer ([`SendingCore`]), which `write_tls`
//! empties.

use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::time::Duration;

use tls_handshake::{Answer, Connection, Error, Need, NeedSignature, Needs, Processed, Progress, Role, SplitObstacle};

use crate::session::buffer_pool::{ConnectionCount, FLIGHT_SIZE, RECORD_SIZE};
use crate::session::connection_info::ConnectionInfo;
use crate::session::halves::Sender;
use crate::session::io_loop::{is_reset, protocol_error, repeat_as_io};
use crate::session::receive_buffer::{EarlyDataBuffer, ReceiveBuffer};
use crate::session::send_buffer::SendBuffer;
use crate::session::sending_core::SendingCore;
use crate::session::{IoState, UNREAD_LIMIT};

#[cfg(test)]
mod tests;

/// A role of the engine, with the configuration that answers the engine's requests.
pub(crate) trait SessionRole: Role {
    type Runtime;

    /// Answers a request from the configuration. Refuses those that this role never receives.
    fn answer(runtime: &Self::Runtime, need: Need) -> Answer;

    /// Returns the requests that the application answers.
    fn deferred(runtime: &Self::Runtime) -> Needs;

    /// Takes note that a request for an identity was answered.
    fn note_identity(_: &Self::Runtime, _: &mut Connection<Self>) {}

    /// Returns the name of the server, if it is a host name: the one that a client connects to, or
    /// that a client requested.
    fn server_name(connection: &Connection<Self>) -> Option<&str>;

    /// Returns the idle time after which records are short again, with dynamic record sizing.
    fn idle_reset(runtime: &Self::Runtime) -> Option<Duration>;

    /// Stores new sessions, if there are any. Called after handshake messages, including tickets,
    /// were processed.
    fn store_sessions(_: &Self::Runtime, _: &mut Connection<Self>) {}

    /// Removes stored sessions that ended because the connection failed. Called after an error, and
    /// when a client is dropped.
    fn remove_sessions(_: &Self::Runtime, _: &mut Connection<Self>) {}
}

pub(crate) struct SessionCore<R: SessionRole> {
    runtime: Arc<R::Runtime>,
    connection: Connection<R>,
    received: ReceiveBuffer,
    early: EarlyDataBuffer,
    sending: SendingCore,
    input: Input,
    /// Bytes have arrived since the last call of `process`.
    has_unprocessed: bool,
    need: PendingNeed,
    /// Last, so that the buffers are returned before the thread's session count drops.
    _count: ConnectionCount,
}

/// The request that the application answers.
pub(crate) enum PendingNeed {
    None,
    /// The application has not taken it yet.
    Waiting(Box<Need>),
    /// The application has taken a request of this kind.
    Taken(Needs),
}

impl PendingNeed {
    /// Takes the request, once.
    pub(crate) fn take(&mut self) -> Option<Need> {
        self.take_if(|_| true)
    }

    /// Takes the request if it is for a signature.
    pub(crate) fn take_signature(&mut self) -> Option<NeedSignature> {
        match self.take_if(|need| matches!(need, Need::Signature(_))) {
            Some(Need::Signature(need)) => Some(need),
            _ => None,
        }
    }

    fn take_if(&mut self, matches: impl Fn(&Need) -> bool) -> Option<Need> {
        let Self::Waiting(need) = &*self else { return None };
        let kind = need.kind();
        if !matches(need) {
            return None;
        }
        match std::mem::replace(self, Self::Taken(kind)) {
            Self::Waiting(need) => Some(*need),
            Self::None | Self::Taken(_) => None,
        }
    }

    /// Returns its kind, also after the application has taken it.
    pub(crate) fn kind(&self) -> Option<Needs> {
        match self {
            Self::None => None,
            Self::Waiting(need) => Some(need.kind()),
            Self::Taken(kind) => Some(*kind),
        }
    }
}

/// The state of the transport's input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    Eof,
    /// The peer reset the transport.
    Reset,
}

/// The outcome of one call of the engine.
#[derive(PartialEq, Eq)]
enum Step {
    /// The engine consumed data, or now waits for the application.
    Consumed,
    /// The engine consumed a message, perhaps a ticket.
    Message,
    /// The engine received an answer, and can continue without new input.
    Answered,
    /// The input contains no complete record.
    NeedMoreInput,
    /// The rest of the input must wait, or is ignored.
    Stop,
}

impl<R: SessionRole> SessionCore<R> {
    /// `sending` contains what the connection has written already.
    pub(crate) fn new(runtime: Arc<R::Runtime>, connection: Connection<R>, sending: SendBuffer) -> Self {
        Self {
            runtime,
            connection,
            received: ReceiveBuffer::default(),
            early: EarlyDataBuffer::default(),
            sending: SendingCore::new(sending),
            input: Input::Open,
            has_unprocessed: false,
            need: PendingNeed::None,
            _count: ConnectionCount::new(),
        }
    }

    pub(crate) fn connection(&self) -> &Connection<R> {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection<R> {
        &mut self.connection
    }

    // --- Transport ---

    pub(crate) fn read_tls(&mut self, rd: &mut dyn io::Read) -> io::Result<usize> {
        self.check_error_io()?;
        if !self.has_room() {
            return Err(io::Error::other("too much plaintext is unread; call read_tls only if Session::wants_read"));
        }
        // Records of data are longer than most handshake messages.
        let initial_size = if self.connection.is_handshaking() { FLIGHT_SIZE } else { RECORD_SIZE };
        let n = self.received.fill_from(rd, initial_size).map_err(|e| self.on_read_error(e))?;
        if n == 0 {
            self.input = Input::Eof;
        } else {
            self.has_unprocessed = true;
        }
        Ok(n)
    }

    /// Ends a handshake whose transport was reset, so that the error names the state, or the alert
    /// that was received before. Keeps the kind of the transport's error.
    #[cold]
    fn on_read_error(&mut self, e: io::Error) -> io::Error {
        if !self.connection.is_handshaking() || !is_reset(&e) {
            return e;
        }
        self.input = Input::Reset;
        match self.process() {
            Err(why) if self.connection.error().is_some() => protocol_error(why),
            _ => e,
        }
    }

    pub(crate) fn write_tls(&mut self, wr: &mut dyn io::Write) -> io::Result<usize> {
        self.sending.write_tls(&mut self.connection, wr)
    }

    pub(crate) fn flush_tls(&mut self, wr: &mut dyn io::Write) -> io::Result<()> {
        self.sending.flush_tls(wr)
    }

    pub(crate) fn wants_read(&self) -> bool {
        self.input != Input::Eof
            && self.awaited().is_none()
            && self.connection.error().is_none()
            && !self.connection.close_notify_received()
            && self.has_room()
    }

    /// Returns whether more may be received before the application reads, early data included.
    fn has_room(&self) -> bool {
        self.received.unread() + self.early.unread() <= UNREAD_LIMIT
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.sending.wants_write()
    }

    pub(crate) fn must_write(&self) -> bool {
        self.sending.must_write()
    }

    /// Fails if I/O cannot advance the connection.
    pub(crate) fn check_progress(&self) -> io::Result<()> {
        self.check_error_io()?;
        if let Some(kind) = self.awaited() {
            let why =
                format!("the handshake is paused: it waits for {kind}; use Session::take_need and Session::answer");
            return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
        }
        if self.connection.is_handshaking() && !self.has_room() {
            let why = "too much early data is unread to complete the handshake; read ServerSession::early_data";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
        }
        Ok(())
    }

    /// Returns the error that ended the connection.
    fn check_error(&self) -> Result<(), Error> {
        self.connection.error().map_or(Ok(()), |e| Err(e.clone_error()))
    }

    fn check_error_io(&self) -> io::Result<()> {
        self.connection.error().map_or(Ok(()), |e| Err(repeat_as_io(e)))
    }

    // --- The engine ---

    /// Implements [`process_new_packets`](crate::Session::process_new_packets).
    pub(crate) fn process(&mut self) -> Result<IoState, Error> {
        self.process_after(Step::Consumed)
    }

    /// Processes what a new connection has received already, and takes over the buffer.
    pub(crate) fn process_received(&mut self, received: Vec<u8>) -> Result<IoState, Error> {
        self.received = ReceiveBuffer::of_received(received);
        self.process()
    }

    fn process_after(&mut self, step: Step) -> Result<IoState, Error> {
        self.has_unprocessed = false;
        let result = self.process_records(step).and_then(|()| self.sending.flush_pending(&mut self.connection));
        self.sending.buffer.release_if_empty();
        result?;
        Ok(IoState {
            plaintext_bytes_to_read: self.received.unread(),
            tls_bytes_to_write: self.sending.buffer.len(),
            peer_has_closed: self.connection.close_notify_received(),
        })
    }

    fn process_records(&mut self, mut step: Step) -> Result<(), Error> {
        if self.connection.is_handshaking() {
            // After the handshake few records are answered, so an answer gets a buffer only when it
            // is written.
            self.sending.buffer.for_messages();
        }
        // An answer may complete the handshake too.
        let mut saw_message = step == Step::Answered;
        let result = loop {
            match self.process_record(step == Step::Answered) {
                Ok(Step::Stop) => break Ok(()),
                Ok(Step::NeedMoreInput) => break self.check_eof(),
                Ok(next) => {
                    saw_message |= next == Step::Message;
                    step = next;
                }
                Err(e) => break Err(e),
            }
        };
        if saw_message {
            R::store_sessions(&self.runtime, &mut self.connection);
        }
        if result.is_err() && self.connection.error().is_some() {
            self.remove_failed_sessions();
        }
        result
    }

    /// Calls the engine once, if there is input or it `can_continue` without.
    #[inline]
    fn process_record(&mut self, can_continue: bool) -> Result<Step, Error> {
        if self.connection.error().is_some() {
            self.received.discard_unprocessed();
            return self.check_error().map(|()| Step::Stop);
        }
        if self.connection.close_notify_received() {
            // RFC 9846 §6.1: ignore data after it.
            self.received.discard_unprocessed();
            return Ok(Step::Stop);
        }
        let incoming = self.received.unprocessed();
        if incoming.is_empty() && !can_continue {
            return Ok(Step::NeedMoreInput);
        }
        // Matched in place: a `Need` is large, and would otherwise be moved for every record.
        match self.connection.process(incoming, self.sending.buffer.outgoing()) {
            Ok(Processed { consumed, progress: Progress::ApplicationData(range) }) => {
                self.received.advance(consumed, Some(range));
                Ok(Step::Consumed)
            }
            Ok(Processed { consumed, progress: Progress::EarlyData(range) }) => {
                self.early.push(self.received.unprocessed().get(range).unwrap_or_default());
                self.received.advance(consumed, None);
                Ok(Step::Consumed)
            }
            Ok(Processed {
                consumed,
                progress: Progress::Continue | Progress::HandshakeComplete | Progress::PeerClosed,
            }) => {
                self.received.advance(consumed, None);
                Ok(Step::Message)
            }
            Ok(Processed { consumed, progress: Progress::Need(need) }) => {
                self.received.advance(consumed, None);
                self.answer_needs(need)
            }
            Ok(Processed { consumed, progress: Progress::NeedMoreInput { .. } }) => {
                self.received.advance(consumed, None);
                Ok(Step::NeedMoreInput)
            }
            Ok(Processed { consumed, progress: Progress::Paused }) => {
                self.received.advance(consumed, None);
                // Process what the peer sent before EOF first, perhaps an alert, once there is an
                // answer.
                Ok(if self.received.unprocessed().is_empty() { Step::NeedMoreInput } else { Step::Stop })
            }
            Err(e) if self.connection.error().is_none() => Err(e),
            // The next step returns the error.
            Err(_) => Ok(Step::Consumed),
        }
    }

    /// Reports EOF and reset during the handshake. After it, reading returns EOF once all earlier
    /// data was read.
    fn check_eof(&mut self) -> Result<(), Error> {
        match self.input {
            Input::Eof if self.connection.is_handshaking() => self.connection.end_of_input(),
            Input::Reset if self.connection.is_handshaking() => self.connection.transport_reset(),
            _ => Ok(()),
        }
    }

    /// Answers this request and those that follow it, up to one that the application answers.
    fn answer_needs(&mut self, need: Need) -> Result<Step, Error> {
        let mut open = Some(need);
        while let Some(need) = open {
            let kind = need.kind();
            let answer = match need {
                need if R::deferred(&self.runtime).contains(kind) => return Ok(self.hand_out(need)),
                Need::Signature(need) if need.identity().is_remote() => {
                    return Ok(self.hand_out(Need::Signature(need)));
                }
                need => R::answer(&self.runtime, need),
            };
            open = self.resume(kind, answer)?;
        }
        Ok(Step::Answered)
    }

    /// Keeps a request until the application takes it.
    #[cold]
    fn hand_out(&mut self, need: Need) -> Step {
        self.need = PendingNeed::Waiting(Box::new(need));
        Step::Consumed
    }

    /// Continues with the answer to a request of this kind. Returns the next request.
    fn resume(&mut self, kind: Needs, answer: Answer) -> Result<Option<Need>, Error> {
        if kind == Needs::IDENTITY {
            R::note_identity(&self.runtime, &mut self.connection);
        }
        // TLS 1.2 sends its ticket during the handshake.
        let may_wait = kind == Needs::NEW_SESSION && !self.connection.is_handshaking() && !self.must_write();
        let next = self.connection.resume(answer, self.sending.buffer.for_messages());
        if may_wait && next.is_ok() {
            self.sending.may_wait();
        }
        next
    }

    pub(crate) fn take_need(&mut self) -> Option<Need> {
        if self.connection.error().is_some() { None } else { self.need.take() }
    }

    pub(crate) fn take_signature_request(&mut self) -> Option<NeedSignature> {
        if self.connection.error().is_some() { None } else { self.need.take_signature() }
    }

    /// Returns the kind of the request that the handshake waits for. It does not wait for the
    /// tickets of TLS 1.3.
    fn awaited(&self) -> Option<Needs> {
        self.need.kind().filter(|_| self.connection.is_handshaking())
    }

    pub(crate) fn answer(&mut self, answer: Answer) -> Result<IoState, Error> {
        let Some(kind) = self.need.kind() else {
            self.check_error()?;
            return Err(Error::WrongAnswer);
        };
        let step = match self.resume(kind, answer) {
            Ok(next) => {
                self.need = PendingNeed::None;
                next.map_or(Ok(Step::Answered), |need| self.answer_needs(need))
            }
            // The answer belongs to another connection's request; this connection still waits for
            // its own.
            Err(e) if self.connection.error().is_none() => return Err(e),
            Err(_) => {
                self.need = PendingNeed::None;
                Ok(Step::Consumed)
            }
        };
        self.process_after(step?)
    }

    /// Removes the sessions of a failed connection from their store. A connection that sent nothing
    /// has not failed: its server has not seen the session that it offers.
    pub(crate) fn remove_failed_sessions(&mut self) {
        if self.sending.has_sent() {
            R::remove_sessions(&self.runtime, &mut self.connection);
        }
    }

    // --- Reading ---

    pub(crate) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.received.read(out) {
            0 if !out.is_empty() => self.eof_or_would_block().map(|()| 0),
            n => Ok(n),
        }
    }

    pub(crate) fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut copied = 0;
        for buf in bufs.iter_mut().filter(|buf| !buf.is_empty()) {
            match self.received.read(buf) {
                0 if copied == 0 => return self.eof_or_would_block().map(|()| 0),
                n => copied += n,
            }
        }
        Ok(copied)
    }

    pub(crate) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.received.unread() == 0 {
            self.eof_or_would_block()?;
        }
        Ok(self.received.front())
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.received.consume(n);
    }

    /// Returns `Ok` for EOF after close_notify.
    fn eof_or_would_block(&self) -> io::Result<()> {
        self.check_error_io()?;
        if self.connection.close_notify_received() {
            Ok(())
        } else if self.input == Input::Eof && !self.has_unprocessed && !self.connection.is_handshaking() {
            Err(protocol_error(Error::Truncated))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    /// Returns whether early data is unread.
    pub(crate) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    pub(crate) fn read_early(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.check_error_io()?;
        Ok(self.early.read(out))
    }

    // --- Writing and keys ---

    pub(crate) fn write(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.sending.write(&mut self.connection, R::idle_reset(&self.runtime), bufs)
    }

    pub(crate) fn send_close_notify(&mut self) {
        self.sending.send_close_notify(&mut self.connection);
    }

    pub(crate) fn set_limit(&mut self, limit: Option<usize>) {
        self.sending.set_limit(limit);
    }

    /// Returns the engine, and what sends with it.
    pub(crate) fn sending(&mut self) -> (&mut Connection<R>, &mut SendingCore) {
        (&mut self.connection, &mut self.sending)
    }

    /// Moves all that sends into a half of its own. This session then only receives.
    pub(crate) fn take_sender(&mut self) -> Result<Sender, SplitObstacle> {
        if self.has_early() {
            return Err(SplitObstacle::EarlyData);
        }
        let Some(info) = self.connection_info() else {
            let failed = self.connection.error().map(|e| SplitObstacle::Failed(e.clone_error()));
            return Err(failed.unwrap_or(SplitObstacle::Handshake));
        };
        let engine = self.connection.take_sender()?;
        Ok(Sender::new(engine, self.sending.take(), R::idle_reset(&self.runtime), info))
    }

    pub(crate) fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.check_error()?;
        self.connection.export_keying_material(out, label, context)
    }

    pub(crate) fn connection_info(&self) -> Option<ConnectionInfo> {
        ConnectionInfo::of(&self.connection, R::server_name(&self.connection))
    }

    pub(crate) fn refresh_traffic_keys(&mut self) -> Result<(), Error> {
        let result = self.connection.refresh_traffic_keys(self.sending.buffer.for_messages());
        self.sending.buffer.release_if_empty();
        result
    }
}

/// What an asynchronous stream asks for at each poll, in one call.
#[cfg(feature = "tokio")]
impl<R: SessionRole> SessionCore<R> {
    /// Returns whether the handshake is complete and the connection waits for data of the peer.
    /// There is nothing else to do.
    pub(crate) fn only_reads(&self) -> bool {
        !self.has_need() && !self.must_write() && !self.connection.is_handshaking() && self.wants_read()
    }

    pub(crate) fn has_plaintext(&self) -> bool {
        self.received.unread() > 0
    }

    /// Returns whether the application has a request to answer.
    pub(crate) fn has_need(&self) -> bool {
        !matches!(self.need, PendingNeed::None)
    }
}
