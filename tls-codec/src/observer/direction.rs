//! One direction of an observed connection.

use alloc::vec::Vec;

use super::{
    Event, Loss, Sender, Shared,
    scan::{Found, MAX_BODY, WINDOW, body_length, look},
};
use crate::{
    alert::Alert,
    code_points::{ContentType, HandshakeType, ProtocolVersion},
    extension::SelectedVersion,
    handshake::{MESSAGE_HEADER_LEN, RawMessage, Split, message_length, split_message, tls12},
    lenient::{LenientClientHello, LenientServerHello},
    reader::decode_all,
    record::{Deframed, HEADER_LEN, deframe},
};

type OnEvent<'e> = dyn FnMut(Event<'_>) + 'e;

#[derive(Clone, Debug)]
pub(super) struct Direction {
    state: State,
    /// The start of a record, or of what may be one.
    record: Vec<u8>,
    /// The start of a handshake message.
    message: Vec<u8>,
    /// The number of bytes of the current record to skip.
    skip: usize,
    /// The number of bytes of the current message to skip.
    skip_message: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Records are not encrypted.
    Clear,
    /// Records are encrypted, or their content cannot be read.
    Encrypted,
    /// The start of a record is unknown.
    Searching,
    /// A header was found; another one must follow its body.
    Candidate,
}

impl Direction {
    pub(super) const fn new() -> Self {
        Self { state: State::Clear, record: Vec::new(), message: Vec::new(), skip: 0, skip_message: 0 }
    }

    pub(super) fn incomplete_message(&self) -> &[u8] {
        &self.message
    }

    pub(super) fn read(&mut self, sender: Sender, mut bytes: &[u8], shared: &mut Shared, on_event: &mut OnEvent<'_>) {
        loop {
            if self.skip > 0 {
                let count = self.skip.min(bytes.len());
                bytes = bytes.get(count..).unwrap_or_default();
                self.skip = self.skip.saturating_sub(count);
            }
            if self.skip > 0 {
                return;
            }
            let has_progressed = match self.state {
                State::Clear | State::Encrypted => self.read_record(sender, &mut bytes, shared, on_event),
                State::Searching => self.search(&mut bytes, on_event),
                State::Candidate => self.check_candidate(&mut bytes, on_event),
            };
            if !has_progressed {
                return;
            }
        }
    }

    pub(super) fn gap(&mut self, count: usize, on_event: &mut OnEvent<'_>) {
        match self.skip.checked_sub(count) {
            Some(rest) if self.state != State::Candidate => self.skip = rest,
            _ if self.state == State::Searching => self.record.clear(),
            _ => {
                self.record.clear();
                self.lose(Loss::Gap, on_event);
            }
        }
    }

    /// Moves bytes to the buffer until it holds `count`; returns whether it does.
    fn fill(&mut self, count: usize, bytes: &mut &[u8]) -> bool {
        let missing = count.saturating_sub(self.record.len()).min(bytes.len());
        let (head, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.record.extend_from_slice(head);
        *bytes = rest;
        self.record.len() >= count
    }

    /// Reads a record. This and its siblings return `false` if they need more bytes.
    fn read_record(
        &mut self,
        sender: Sender,
        bytes: &mut &[u8],
        shared: &mut Shared,
        on_event: &mut OnEvent<'_>,
    ) -> bool {
        // A fault may show earlier, but its name would then depend on the pieces.
        if !self.fill(HEADER_LEN, bytes) {
            return false;
        }
        let need = match deframe(&self.record, MAX_BODY) {
            Ok(Deframed::Incomplete { need }) => need,
            Ok(Deframed::Record { .. }) => 0,
            Err(error) => {
                self.lose(Loss::Record(error), on_event);
                return true;
            }
        };
        let Some((&[typ, _, _, l1, l0], _)) = self.record.split_first_chunk::<HEADER_LEN>() else { return false };
        let (content_type, length) = (ContentType(typ), usize::from(u16::from_be_bytes([l1, l0])));
        if !self.is_clear(content_type, sender, shared) {
            on_event(Event::Encrypted { content_type, length });
            // Nothing of the body is buffered, unless the record was found by a search.
            self.skip = need;
            self.encrypt();
            return true;
        }
        if self.record.len() == HEADER_LEN
            && let Some((body, rest)) = bytes.split_at_checked(length)
        {
            *bytes = rest;
            self.record.clear();
            self.read_body(sender, content_type, body, shared, on_event);
        } else if !self.fill(HEADER_LEN.saturating_add(length), bytes) {
            return false;
        } else {
            let mut record = core::mem::take(&mut self.record);
            self.read_body(sender, content_type, record.get(HEADER_LEN..).unwrap_or_default(), shared, on_event);
            if self.state == State::Clear {
                record.clear();
                self.record = record;
            }
        }
        true
    }

    /// Returns whether the content of a record of this type is not encrypted.
    fn is_clear(&self, typ: ContentType, sender: Sender, shared: &Shared) -> bool {
        match self.state {
            // After early data, the answer to a HelloRetryRequest is not encrypted.
            State::Encrypted => sender == Sender::Client && shared.awaits_hello && typ == ContentType::HANDSHAKE,
            _ => typ != ContentType::APPLICATION_DATA,
        }
    }

    /// Frees the buffers.
    fn encrypt(&mut self) {
        self.state = State::Encrypted;
        self.record = Vec::new();
        self.message = Vec::new();
        self.skip_message = 0;
    }

    fn read_body(
        &mut self,
        sender: Sender,
        typ: ContentType,
        body: &[u8],
        shared: &mut Shared,
        on_event: &mut OnEvent<'_>,
    ) {
        match typ {
            ContentType::CHANGE_CIPHER_SPEC => {
                on_event(Event::ChangeCipherSpec);
                if shared.version != Some(ProtocolVersion::TLS13) {
                    self.encrypt();
                }
            }
            ContentType::HANDSHAKE => self.read_messages(sender, body, shared, on_event),
            _ => match decode_all::<Alert>(body) {
                Ok(alert) => on_event(Event::Alert(alert)),
                Err(_) => on_event(Event::Encrypted { content_type: typ, length: body.len() }),
            },
        }
    }

    fn read_messages(&mut self, sender: Sender, mut body: &[u8], shared: &mut Shared, on_event: &mut OnEvent<'_>) {
        while !body.is_empty() {
            if self.skip_message > 0 {
                let count = self.skip_message.min(body.len());
                body = body.get(count..).unwrap_or_default();
                self.skip_message = self.skip_message.saturating_sub(count);
                continue;
            }
            // The usual case: no message is split over records.
            if self.message.is_empty()
                && let Split::Message { message, rest } = split_message(body)
                && message.raw.len() <= shared.limit
            {
                read_message(sender, message, shared, on_event);
                body = rest;
                continue;
            }
            let Split::Incomplete { need } = split_message(&self.message) else { return };
            let (head, rest) = body.split_at_checked(need).unwrap_or((body, &[]));
            self.message.extend_from_slice(head);
            body = rest;
            if let Some((header, [])) = self.message.split_first_chunk::<MESSAGE_HEADER_LEN>() {
                let (typ, length) = message_length(*header);
                if length > shared.limit {
                    on_event(Event::TooLong { typ, length });
                    self.skip_message = length.saturating_sub(MESSAGE_HEADER_LEN);
                    self.message = Vec::new();
                    continue;
                }
            }
            if let Split::Message { message, .. } = split_message(&self.message) {
                read_message(sender, message, shared, on_event);
                self.message.clear();
            }
        }
    }

    fn lose(&mut self, loss: Loss, on_event: &mut OnEvent<'_>) {
        on_event(Event::Lost(loss));
        self.state = State::Searching;
        self.message = Vec::new();
        self.skip = 0;
        self.skip_message = 0;
    }

    fn search(&mut self, bytes: &mut &[u8], on_event: &mut OnEvent<'_>) -> bool {
        self.fill(WINDOW, bytes);
        let Some((window, _)) = self.record.split_first_chunk::<WINDOW>() else { return false };
        match look(window) {
            Found::Nothing => {
                self.record.remove(0);
            }
            Found::Hello => {
                on_event(Event::Resynchronized);
                self.state = State::Clear;
            }
            Found::Header { length } => {
                let body = length.min(WINDOW - HEADER_LEN);
                self.record.drain(..HEADER_LEN.saturating_add(body));
                self.skip = length.saturating_sub(body);
                self.state = State::Candidate;
            }
        }
        true
    }

    fn check_candidate(&mut self, bytes: &mut &[u8], on_event: &mut OnEvent<'_>) -> bool {
        self.fill(HEADER_LEN, bytes);
        let Some((header, _)) = self.record.split_first_chunk::<HEADER_LEN>() else { return false };
        self.state = match body_length(*header) {
            Some(_) => {
                on_event(Event::Resynchronized);
                State::Encrypted
            }
            None => State::Searching,
        };
        true
    }
}

fn read_message(sender: Sender, message: RawMessage<'_>, shared: &mut Shared, on_event: &mut OnEvent<'_>) {
    let result = match message.typ {
        HandshakeType::CLIENT_HELLO => {
            if sender == Sender::Client {
                shared.awaits_hello = false;
            }
            message.decode::<LenientClientHello<'_>>().map(Event::ClientHello)
        }
        HandshakeType::SERVER_HELLO => message.decode::<LenientServerHello<'_>>().map(|hello| {
            shared.version = hello.extensions.get::<SelectedVersion>().ok().flatten().or(Some(hello.legacy_version));
            shared.cipher_suite = hello.cipher_suite;
            shared.awaits_hello = hello.is_hello_retry_request();
            Event::ServerHello(hello)
        }),
        HandshakeType::CERTIFICATE if shared.version != Some(ProtocolVersion::TLS13) => {
            message.decode::<tls12::Certificate<'_>>().map(Event::Certificate)
        }
        _ => Ok(Event::Handshake(message)),
    };
    on_event(result.unwrap_or_else(|error| Event::Malformed { message, error }));
}
