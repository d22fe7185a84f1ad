//! The one core of both sessions: the engine, the bytes that came for it and those that it sends.

use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::time::Duration;

use tls_handshake::client::Client;
use tls_handshake::{Answer, Connection, Error, Need, NeedSignature, Processed, Progress, Role};

use crate::config::records::LastWrite;
use crate::session::buffer_pool::{FLIGHT, OnThread, RECORD, UNREAD_LIMIT};
use crate::session::early_data::EarlyReceived;
use crate::session::receive_buffer::ReceiveBuffer;
use crate::session::send_buffer::{PendingPlaintext, SendBuffer, SliceCursor, prefix};
use crate::session::{IoState, flush};

/// What is held for sending unless the application sets another limit: 64 KiB of plaintext in full records, so that a write of as much
/// is taken whole.
const SEND_LIMIT: usize = 4 * (MAX_FRAGMENT + RECORD_OVERHEAD);

/// The most that protection adds to the plaintext of a record: header, the explicit nonce of TLS 1.2 (RFC 5288 §3), tag. TLS 1.3
/// has its content type in place of the nonce.
const RECORD_OVERHEAD: usize = 5 + 8 + 16;

/// The longest plaintext of a record (RFC 9846 §5.1).
const MAX_FRAGMENT: usize = 1 << 14;

/// A role of the engine together with the configuration that answers what it needs.
pub(crate) trait SessionRole: Role {
    type Config;

    /// Answers at once; `None` to what this role is never asked.
    fn answer(config: &Self::Config, connection: &mut Connection<Self>, need: Need) -> Option<Answer>;

    /// After which pause records are short again, if they are ever.
    fn pause(config: &Self::Config) -> Option<Duration>;

    /// Messages of the handshake came, or some behind it: there may be sessions to keep.
    fn store_sessions(_: &Self::Config, _: &mut Connection<Self>) {}

    /// The connection failed, or is dropped: sessions may have ended with it.
    fn end_sessions(_: &Self::Config, _: &mut Connection<Self>) {}
}

pub(crate) struct SessionCore<R: SessionRole> {
    config: Arc<R::Config>,
    connection: Connection<R>,
    received: ReceiveBuffer,
    sending: SendBuffer,
    pending: PendingPlaintext,
    /// Early data that came, and how much of it was read.
    early: EarlyReceived,
    limit: Option<usize>,
    last_write: LastWrite,
    closing: Closing,
    transport: Transport,
    /// A signature that the application is to have made.
    signature: RemoteSignature,
    /// Whether the engine was given an answer, and may go on without anything new.
    can_continue: bool,
    /// Whether bytes came that the engine has not been shown yet.
    has_unprocessed: bool,
    /// Whether anything but data came.
    saw_handshake: bool,
    /// Whether the transport took something since it was flushed.
    unflushed: bool,
    /// Whether the transport ever took something.
    sent: bool,
    /// Dropped last: by then the buffers are given back.
    _on_thread: OnThread,
}

/// How far a signature is that is made elsewhere.
enum RemoteSignature {
    NotNeeded,
    Needed(Box<NeedSignature>),
    InTheMaking,
}

/// How far our close_notify is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// After the handshake, and after what was written before.
    Requested,
    Sent,
}

/// Whether more may come from the transport.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Open,
    Ended,
}

impl<R: SessionRole> SessionCore<R> {
    /// `sending` holds what the connection has written already.
    pub(crate) fn new(config: Arc<R::Config>, connection: Connection<R>, sending: SendBuffer) -> Self {
        Self {
            config,
            connection,
            received: ReceiveBuffer::default(),
            sending,
            pending: PendingPlaintext::default(),
            early: EarlyReceived::default(),
            limit: Some(SEND_LIMIT),
            last_write: LastWrite::default(),
            closing: Closing::No,
            transport: Transport::Open,
            signature: RemoteSignature::NotNeeded,
            can_continue: false,
            has_unprocessed: false,
            saw_handshake: false,
            unflushed: false,
            sent: false,
            _on_thread: OnThread::new(),
        }
    }

    pub(crate) fn connection(&self) -> &Connection<R> {
        &self.connection
    }

    // --- the transport's side ---

    pub(crate) fn read_tls(&mut self, rd: &mut dyn io::Read) -> io::Result<usize> {
        if let Some(e) = self.connection.error() {
            return Err(repeat_as_io(e));
        }
        if !self.has_room() {
            return Err(io::Error::other("too much plaintext is unread: see Session::wants_read"));
        }
        // Data comes in longer records than most messages.
        let at_first = if self.connection.is_handshaking() { FLIGHT } else { RECORD };
        let n = self.received.fill_from(rd, at_first)?;
        if n == 0 {
            self.transport = Transport::Ended;
        } else {
            self.has_unprocessed = true;
        }
        Ok(n)
    }

    pub(crate) fn write_tls(&mut self, wr: &mut dyn io::Write) -> io::Result<usize> {
        if self.sending.is_empty() {
            return Ok(0);
        }
        let n = wr.write(self.sending.ready())?;
        self.unflushed |= n > 0;
        self.sent |= n > 0;
        self.sending.consume(n);
        // Room is free for what still waits. An error of it stays with the connection and is told by the next call.
        let _ = self.flush_pending();
        Ok(n)
    }

    pub(crate) fn flush_tls(&mut self, wr: &mut dyn io::Write) -> io::Result<()> {
        if self.unflushed {
            flush(wr)?;
            self.unflushed = false;
        }
        Ok(())
    }

    pub(crate) fn process(&mut self) -> Result<IoState, Error> {
        self.has_unprocessed = false;
        let result = self.process_records().and_then(|()| self.flush_pending());
        self.sending.release_if_empty();
        result?;
        Ok(IoState {
            plaintext_bytes_to_read: self.received.unread(),
            tls_bytes_to_write: self.sending.len(),
            peer_has_closed: self.connection.close_notify_received(),
        })
    }

    fn process_records(&mut self) -> Result<(), Error> {
        let result = self.process_each_record();
        if std::mem::take(&mut self.saw_handshake) {
            R::store_sessions(&self.config, &mut self.connection);
        }
        if result.is_err() && self.connection.error().is_some() {
            self.end_sessions();
        }
        result
    }

    /// Takes the sessions of a failed connection out of their store. A connection that never sent anything did not fail: its server has
    /// not seen the session that it offers.
    pub(crate) fn end_sessions(&mut self) {
        if self.sent {
            R::end_sessions(&self.config, &mut self.connection);
        }
    }

    fn process_each_record(&mut self) -> Result<(), Error> {
        loop {
            if let Some(e) = self.connection.error() {
                self.received.discard_unprocessed();
                return Err(clone_error(e));
            }
            if self.connection.close_notify_received() {
                // RFC 9846 §6.1: what follows is ignored.
                self.received.discard_unprocessed();
                return Ok(());
            }
            let incoming = self.received.unprocessed();
            if incoming.is_empty() && !self.can_continue {
                break;
            }
            self.can_continue = false;
            // After the handshake few records are answered: those answers have a buffer of their own.
            let outgoing =
                if self.connection.is_handshaking() { self.sending.for_messages() } else { self.sending.outgoing() };
            // Taken apart where it is: a `Need` is long, and would be moved for every record.
            match self.connection.process(incoming, outgoing) {
                Ok(Processed { consumed, progress: Progress::ApplicationData(range) }) => {
                    self.received.advance(consumed, Some(range));
                }
                Ok(Processed { consumed, progress: Progress::EarlyData(range) }) => {
                    self.early.push(self.received.unprocessed().get(range).unwrap_or_default());
                    self.received.advance(consumed, None);
                }
                Ok(Processed {
                    consumed,
                    progress: Progress::Continue | Progress::HandshakeComplete | Progress::PeerClosed,
                }) => {
                    self.saw_handshake = true;
                    self.received.advance(consumed, None);
                }
                Ok(Processed { consumed, progress: Progress::Need(need) }) => {
                    self.received.advance(consumed, None);
                    self.answer(need)?;
                }
                Ok(Processed { consumed, progress: Progress::NeedMoreInput { .. } }) => {
                    self.received.advance(consumed, None);
                    break;
                }
                Ok(Processed { consumed, progress: Progress::Paused }) => {
                    self.received.advance(consumed, None);
                    // What the peer said before it went, an alert perhaps, is heard first, once there is an answer.
                    if !self.received.unprocessed().is_empty() {
                        return Ok(());
                    }
                    break;
                }
                Err(e) if self.connection.error().is_none() => return Err(e),
                // Comes back to the top, where the error is told.
                Err(_) => {}
            }
        }
        // After the handshake the reader is told of it, once it has read what came before.
        if self.transport == Transport::Ended && self.connection.is_handshaking() {
            self.connection.end_of_input()?;
        }
        Ok(())
    }

    /// Answers this and all that is asked next, up to a signature with a key that is elsewhere.
    fn answer(&mut self, need: Need) -> Result<(), Error> {
        let mut open = Some(need);
        while let Some(need) = open {
            let answer = match need {
                Need::Signature(need) if need.identity().is_remote() => {
                    self.signature = RemoteSignature::Needed(Box::new(need));
                    return Ok(());
                }
                Need::Signature(need) => need.sign_locally(),
                need => match R::answer(&self.config, &mut self.connection, need) {
                    Some(answer) => answer,
                    None => return Err(Error::WrongAnswer),
                },
            };
            open = self.connection.resume(answer, self.sending.for_messages())?;
        }
        // The engine goes on even if nothing new has come.
        self.can_continue = true;
        Ok(())
    }

    pub(crate) fn take_signature_request(&mut self) -> Option<NeedSignature> {
        match std::mem::replace(&mut self.signature, RemoteSignature::NotNeeded) {
            RemoteSignature::Needed(need) => {
                self.signature = RemoteSignature::InTheMaking;
                Some(*need)
            }
            other => {
                self.signature = other;
                None
            }
        }
    }

    pub(crate) fn waits_for_signature(&self) -> bool {
        !matches!(self.signature, RemoteSignature::NotNeeded)
    }

    pub(crate) fn answer_signature(&mut self, answer: Answer) -> Result<IoState, Error> {
        match self.connection.resume(answer, self.sending.for_messages()) {
            Ok(next) => {
                self.signature = RemoteSignature::NotNeeded;
                match next {
                    Some(need) => self.answer(need)?,
                    None => self.can_continue = true,
                }
            }
            // An answer to another session's request: this one still waits for its own.
            Err(e) if self.connection.error().is_none() => return Err(e),
            Err(_) => self.signature = RemoteSignature::NotNeeded,
        }
        self.process()
    }

    pub(crate) fn wants_read(&self) -> bool {
        self.transport == Transport::Open
            && !self.waits_for_signature()
            && self.connection.error().is_none()
            && !self.connection.close_notify_received()
            && self.has_room()
    }

    /// Returns whether more may be received before the application reads, early data included.
    pub(crate) fn has_room(&self) -> bool {
        self.received.unread() + self.early.unread() <= UNREAD_LIMIT
    }

    pub(crate) fn wants_write(&self) -> bool {
        !self.sending.is_empty()
    }

    // --- the application's side ---

    pub(crate) fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

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

    /// `Ok` means the end that close_notify marks.
    fn eof_or_would_block(&self) -> io::Result<()> {
        if let Some(e) = self.connection.error() {
            Err(repeat_as_io(e))
        } else if self.connection.close_notify_received() {
            Ok(())
        } else if self.transport == Transport::Ended && !self.has_unprocessed && !self.connection.is_handshaking() {
            Err(protocol_error(Error::Truncated))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    pub(crate) fn write(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(e) = self.connection.error() {
            return Err(repeat_as_io(e));
        }
        if self.closing != Closing::No {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, Error::SendAfterClose));
        }
        if let Some(pause) = R::pause(&self.config) {
            let paused = self.last_write.follows(pause);
            // What still waits is on its way: TCP had no pause.
            if paused && self.sending.is_empty() && self.pending.is_empty() {
                self.connection.note_idle();
            }
        }
        self.flush_pending().map_err(protocol_error)?;
        if self.may_send() && self.pending.is_empty() {
            let result = self.send(bufs);
            self.sending.release_if_empty();
            return result;
        }
        if !self.connection.can_send() && !self.connection.is_handshaking() {
            // The engine has said close_notify by itself: with TLS 1.2 keys cannot be changed, and nothing more will be sent. The call that
            // came upon it may have had some success to tell.
            return Err(protocol_error(Error::KeyExhausted));
        }
        let held = self.sending.len() + self.pending.len();
        Ok(self.pending.push(bufs, self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(held))))
    }

    fn may_send(&self) -> bool {
        self.connection.can_send() && self.closing != Closing::Sent
    }

    /// Seals record by record, as far as the limit allows.
    fn send(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let expected = bufs.iter().fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        let (mut cursor, mut taken) = (SliceCursor::new(bufs), 0);
        while !cursor.is_empty() {
            let room = self.room_for_plaintext();
            if room == 0 {
                break;
            }
            let (piece, window, used, complete);
            let slices = if let Some(whole) = cursor.whole().filter(|_| room >= MAX_FRAGMENT) {
                whole
            } else {
                let max = room.min(self.connection.record_capacity());
                if let Some(next) = cursor.piece(max) {
                    piece = [next];
                    &piece
                } else {
                    (window, used, complete) = cursor.window(max);
                    // Rather than send a record that is not full, leave the rest to the next call.
                    if !complete && taken > 0 {
                        break;
                    }
                    prefix(&window, used)
                }
            };
            let outgoing = self.sending.for_data(expected);
            let n = match self.connection.send(slices, outgoing) {
                Ok(n) => n,
                Err(_) if taken > 0 => break,
                Err(e) => return Err(protocol_error(e)),
            };
            if n == 0 {
                break;
            }
            cursor.consume(n);
            taken += n;
        }
        Ok(taken)
    }

    /// The plaintext of the next record for which there is room. Where nothing waits there always is some, so that a
    /// small limit slows a session down and does not stop it.
    fn room_for_plaintext(&self) -> usize {
        let Some(limit) = self.limit else { return usize::MAX };
        let room = limit.saturating_sub(self.sending.len()).saturating_sub(RECORD_OVERHEAD);
        if self.sending.is_empty() { room.max(1) } else { room }
    }

    /// Sends what was written before the handshake's end, and the close_notify that was to follow it.
    fn flush_pending(&mut self) -> Result<(), Error> {
        if (self.pending.is_empty() && self.closing != Closing::Requested) || !self.may_send() {
            return Ok(());
        }
        while !self.pending.is_empty() {
            let room = self.room_for_plaintext();
            if room == 0 {
                return Ok(());
            }
            let n = self.connection.send(&self.pending.front(room), self.sending.for_data(self.pending.len()))?;
            if n == 0 {
                return Ok(());
            }
            self.pending.consume(n);
        }
        // A server that sends before the client's Finished is not done with the handshake: it would end there.
        if self.closing == Closing::Requested && !self.connection.is_handshaking() {
            self.connection.send_close_notify(self.sending.for_messages());
            self.closing = Closing::Sent;
        }
        Ok(())
    }

    /// Whether early data waits to be read.
    pub(crate) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    pub(crate) fn read_early(&mut self, out: &mut [u8]) -> usize {
        self.early.read(out)
    }

    pub(crate) fn send_close_notify(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::Requested;
            let _ = self.flush_pending();
        }
    }

    pub(crate) fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), Error> {
        match self.connection.error() {
            Some(e) => Err(clone_error(e)),
            None => self.connection.export_keying_material(out, label, context),
        }
    }

    pub(crate) fn refresh_traffic_keys(&mut self) -> Result<(), Error> {
        let result = self.connection.refresh_traffic_keys(self.sending.for_messages());
        self.sending.release_if_empty();
        result
    }
}

impl SessionCore<Client> {
    /// Sends data before the server has answered, as far as the session and the limit of what is held allow.
    pub(crate) fn write_early(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while let Some(rest) = data.get(taken..).filter(|rest| !rest.is_empty()) {
            let (part, _) = rest.split_at(rest.len().min(self.room_for_plaintext()));
            let outgoing = self.sending.for_data(data.len());
            match self.connection.send_early_data(part, outgoing).map_err(protocol_error)? {
                0 => break,
                n => taken += n,
            }
        }
        self.sending.release_if_empty();
        Ok(taken)
    }
}

/// The error that ended the connection, once more. The copying of errors is long: it is compiled here, and not with each user of what
/// is generic.
fn clone_error(e: &Error) -> Error {
    e.clone()
}

/// The same as an error of I/O.
pub(crate) fn repeat_as_io(e: &Error) -> io::Error {
    protocol_error(clone_error(e))
}

/// An error of the protocol as an error of I/O.
pub(crate) fn protocol_error(e: Error) -> io::Error {
    let kind = match e {
        Error::Truncated | Error::ClosedDuringHandshake { .. } => io::ErrorKind::UnexpectedEof,
        Error::SendAfterClose => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, e)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Write};
    use std::sync::Arc;

    use super::*;
    use crate::{ClientConfig, ClientSession, ProtocolVersion, ServerConfig, ServerSession, Session, StreamOwned};

    /// A client whose keys are worn after this many records, connected by TLS 1.2.
    fn client_of_few_records(records: u64) -> ClientSession {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let server = Arc::new(ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
        let mut client = ClientConfig::with_roots(crate::root_store_from_pem(cert.as_bytes()).unwrap());
        client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
        client.engine_mut().set_records_per_key(records);
        let mut client = ClientSession::new(&Arc::new(client), "a.test".try_into().unwrap()).unwrap();
        let mut server = ServerSession::new(&server);
        while client.is_handshaking() || server.is_handshaking() {
            pass(&mut client, &mut server);
            pass(&mut server, &mut client);
        }
        client
    }

    fn pass(from: &mut impl Session, to: &mut impl Session) {
        let mut wire = Vec::new();
        while from.wants_write() {
            from.write_tls(&mut wire).unwrap();
        }
        let mut wire = &wire[..];
        while !wire.is_empty() {
            to.read_tls(&mut wire).unwrap();
            to.process_new_packets().unwrap();
        }
    }

    fn is_key_exhausted(e: &io::Error) -> bool {
        e.get_ref().and_then(|e| e.downcast_ref::<Error>()) == Some(&Error::KeyExhausted)
    }

    #[test]
    fn a_key_that_is_worn_is_told_by_every_write_and_nothing_is_taken_that_cannot_be_sent() {
        let mut client = client_of_few_records(3);
        client.set_buffer_limit(None);
        let data = vec![7; 10 * MAX_FRAGMENT];
        // It strikes in the middle of this one; what was sealed by then is told.
        let taken = client.write(&data).unwrap();
        assert!(taken > 0 && taken < data.len(), "{taken}");
        for _ in 0..2 {
            assert!(is_key_exhausted(&client.write(&data).unwrap_err()));
        }
        // And in the first record of one.
        let mut client = client_of_few_records(3);
        let results: Vec<_> = (0..10).map(|_| client.write(b"data")).collect();
        let sent = results.iter().take_while(|result| result.is_ok()).count();
        assert!(sent > 0 && results[sent..].iter().all(|result| is_key_exhausted(result.as_ref().unwrap_err())));
    }

    #[test]
    fn a_stream_ends_with_its_key() {
        let mut stream = StreamOwned::new(client_of_few_records(3), Cursor::new(Vec::new()));
        assert!(is_key_exhausted(&stream.write_all(&[7; 10 * MAX_FRAGMENT]).unwrap_err()));
    }
}
