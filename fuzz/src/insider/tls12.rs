//! A peer that holds the keys and deviates, in TLS 1.2.

use std::io::IoSlice;

use tls_handshake::{
    Role,
    tls_codec::{
        ContentType, ExtensionType, HandshakeType,
        handshake::{Split, split_message},
        record::HEADER_LEN,
    },
    tls_crypto::{Backend, Opener, Overhead, Sealer, SignatureAlgorithm, tls12::KeyBlock, tls12::MasterSecret},
};

use super::hello::{self, Hello};
use super::{
    AEAD, Act, End, FOREIGN, HASH, SECRETS, SETTINGS, Setup, Verdict, clear_messages, clear_record, connect,
    first_record, framed,
};

/// A message of the handshake, or ChangeCipherSpec.
type Step = (ContentType, Vec<u8>);

const CHANGE: (ContentType, &[u8]) = (ContentType::CHANGE_CIPHER_SPEC, &[1]);

/// Runs a script against a client, from ServerHello.
pub(super) fn against_client(setup: &Setup, script: impl Iterator<Item = (Act, usize)>) {
    let (mut client, mut server) = connect(setup);
    let hello = client.sent();
    server.receive(&hello).unwrap();
    let mut flight = steps(&clear_messages(before_change(&server.sent())));
    if setup.session.is_some() {
        // The server has sent its ticket already.
        flight.truncate(1);
    }
    if Hello::of(&flight[0].1).extension(ExtensionType::SESSION_TICKET).is_some() {
        flight.push((ContentType::HANDSHAKE, framed(4, &[0, 0, 1, 0, 0, 4, 1, 2, 3, 4])));
    }
    flight.push((CHANGE.0, CHANGE.1.to_vec()));
    flight.push((ContentType::HANDSHAKE, framed(20, &[0; 12])));
    Insider::new(setup, client, 0, clear_messages(&hello), flight).run(script);
}

/// Runs a script against a server, from the message after its first flight.
pub(super) fn against_server(setup: &Setup, script: impl Iterator<Item = (Act, usize)>) {
    let mut script = script.peekable();
    let (mut client, mut server) = connect(setup);
    let sent = client.sent();
    let hello = clear_messages(&sent);
    if let Some((Act::Unoffered, at)) = script.peek()
        && at % 2 == 1
    {
        return hello::against_server(at / 2, &hello, setup, &mut server);
    }
    server.receive(&sent).unwrap();
    let answer = server.sent();
    client.receive(&answer).unwrap();
    let mut flight = steps(&clear_messages(before_change(&client.sent())));
    flight.push((CHANGE.0, CHANGE.1.to_vec()));
    flight.push((ContentType::HANDSHAKE, framed(20, &[0; 12])));
    let mut insider = Insider::new(setup, server, 1, hello, flight);
    insider.absorb(&answer);
    insider.run(script);
}

fn steps(mut messages: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Split::Message { message, rest } = split_message(messages) {
        steps.push((ContentType::HANDSHAKE, message.raw.to_vec()));
        messages = rest;
    }
    steps
}

/// Returns the records before ChangeCipherSpec.
fn before_change(records: &[u8]) -> &[u8] {
    let mut rest = records;
    while rest.len() > HEADER_LEN && rest[0] != CHANGE.0.0 {
        rest = first_record(rest).1;
    }
    &records[..records.len() - rest.len()]
}

struct Insider<'a, R: Role> {
    setup: &'a Setup,
    honest: End<R>,
    is_client: bool,
    owner: usize,
    flight: Vec<Step>,
    next: usize,
    accepted: usize,
    sent: Vec<Vec<u8>>,
    transcript: Vec<u8>,
    /// After ChangeCipherSpec.
    sealer: Option<Sealer>,
    /// After the ChangeCipherSpec of the honest side.
    opener: Option<Opener>,
    data: Vec<u8>,
    /// The honest side accepted a change that is allowed, so it may reject what follows.
    is_changed: bool,
    /// The handshake must not be completed any more.
    is_doomed: bool,
}

impl<'a, R: Role> Insider<'a, R> {
    fn new(setup: &'a Setup, honest: End<R>, owner: usize, transcript: Vec<u8>, flight: Vec<Step>) -> Self {
        Self {
            setup,
            honest,
            is_client: owner == 0,
            owner,
            flight,
            next: 0,
            accepted: 0,
            sent: Vec::new(),
            transcript,
            sealer: None,
            opener: None,
            data: Vec::new(),
            is_changed: false,
            is_doomed: false,
        }
    }

    fn run(mut self, script: impl Iterator<Item = (Act, usize)>) {
        for (act, at) in script {
            if self.honest.connection.error().is_some() {
                break;
            }
            self.act(act, at);
        }
        let connection = &self.honest.connection;
        if self.is_doomed {
            // What was accepted may be the start of a message that never ends.
            assert!(connection.is_handshaking() && self.honest.received.is_empty());
            return;
        }
        assert_ne!(connection.is_handshaking(), self.is_complete());
        assert!(self.is_complete() || connection.peer_certificates().is_none());
        assert!(self.data.starts_with(&self.honest.received), "data that was not sent");
        assert!(connection.error().is_some() || self.data == self.honest.received);
    }

    fn is_complete(&self) -> bool {
        self.accepted == self.flight.len()
    }

    /// Returns whether the honest side may ignore a ChangeCipherSpec: before ServerHello, a client
    /// does not know that this is not the one of TLS 1.3 (RFC 9846 §5).
    fn may_ignore_change(&self) -> bool {
        self.is_client && self.accepted == 0
    }

    /// Returns the randoms of client and server, as the honest side has them. A message that is too
    /// short for one was not accepted as a hello, so no keys depend on it.
    fn randoms(&self) -> [[u8; 32]; 2] {
        let random = |message: &[u8]| message.get(6..38).map_or([0; 32], |random| random.try_into().unwrap());
        let mut messages = steps(&self.transcript).into_iter();
        let client = random(&messages.next().expect("ClientHello").1);
        let server = messages.next().map_or([0; 32], |(_, message)| random(&message));
        [client, server]
    }

    /// Returns the secret that the honest side logged, and another one before that.
    fn master(&self) -> MasterSecret {
        let logged = SECRETS.with_borrow(|secrets| secrets[self.owner].get("CLIENT_RANDOM").cloned());
        MasterSecret::from_bytes(Backend::ring(), HASH, &logged.map_or([0; 48], |secret| secret.try_into().unwrap()))
    }

    fn key_block(&self) -> KeyBlock {
        let [client, server] = self.randoms();
        self.master().key_block(AEAD, &client, &server)
    }

    fn new_sealer(&self) -> Sealer {
        let block = self.key_block();
        if self.is_client { block.server_sealer() } else { block.client_sealer() }
    }

    /// Adds the messages that the honest side sent to the transcript.
    fn absorb(&mut self, mut records: &[u8]) {
        while records.len() > HEADER_LEN {
            let (record, rest) = first_record(records);
            records = rest;
            let mut record = record.to_vec();
            match (ContentType(record[0]), &mut self.opener) {
                (ContentType::HANDSHAKE, None) => self.transcript.extend_from_slice(&record[HEADER_LEN..]),
                (ContentType::CHANGE_CIPHER_SPEC, _) => {
                    let block = self.key_block();
                    let opener = if self.is_client { block.client_opener() } else { block.server_opener() };
                    self.opener = Some(opener);
                }
                (typ, Some(opener)) => {
                    let opened = opener.open(&mut record).expect("a record under the logged keys");
                    if typ == ContentType::HANDSHAKE {
                        self.transcript.extend_from_slice(&record[opened.content]);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns the message of `flight` at `index`, for the transcript of the honest side and
    /// `before`, messages in the same record.
    fn message(&self, index: usize, before: &[u8]) -> Vec<u8> {
        let (typ, message) = &self.flight[index];
        if *typ != ContentType::HANDSHAKE {
            return message.clone();
        }
        let transcript = [&self.transcript[..], before].concat();
        match HandshakeType(message[0]) {
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let params = &message[4..8 + usize::from(message[7])];
                self.key_exchange(params)
            }
            HandshakeType::CERTIFICATE_VERIFY => framed(15, &signed(&transcript)),
            HandshakeType::FINISHED => {
                let (master, hash) = (self.master(), HASH.hash(&transcript));
                let finished = match self.is_client {
                    true => master.server_finished(&hash),
                    false => master.client_finished(&hash),
                };
                framed(20, &finished)
            }
            _ => message.clone(),
        }
    }

    /// Signs the parameters of ServerKeyExchange.
    fn key_exchange(&self, params: &[u8]) -> Vec<u8> {
        let content = [&self.randoms().concat()[..], params].concat();
        framed(12, &[params, &signed(&content)].concat())
    }

    /// Returns the type of the message at this place of the flight; 0 for ChangeCipherSpec.
    fn typ(&self, index: usize) -> HandshakeType {
        match self.flight.get(index) {
            Some((ContentType::HANDSHAKE, message)) => HandshakeType(message[0]),
            _ => HandshakeType(0),
        }
    }

    fn act(&mut self, act: Act, at: usize) {
        let has_next = self.next < self.flight.len();
        match act {
            Act::Next if self.next > 0 && self.may_ignore_change() && self.typ(self.next).0 == 0 => {
                self.next = self.flight.len().min(self.next + 1);
                let record = self.record(CHANGE.0, CHANGE.1);
                self.deliver(record, Verdict::May);
            }
            Act::Next if has_next => {
                let (message, verdict) = (self.message(self.next, &[]), self.place(self.next));
                self.next += 1;
                self.step(&message, verdict, self.next);
            }
            Act::Changed if has_next => self.change(at),
            Act::Longer if has_next => {
                let message = self.message(self.next, &[]);
                let longer = match self.flight[self.next].0 {
                    ContentType::HANDSHAKE => framed(message[0], &[&message[4..], &[0]].concat()),
                    _ => [&message[..], &[1]].concat(),
                };
                self.next += 1;
                self.step(&longer, Verdict::MustNot, self.next);
            }
            Act::Two if self.next + 1 < self.flight.len() => {
                let types = [self.typ(self.next), self.typ(self.next + 1)];
                // Other records, and the client's flight, are between these.
                if types.contains(&HandshakeType(0)) || types[0] == HandshakeType::SERVER_HELLO_DONE {
                    return;
                }
                let first = self.message(self.next, &[]);
                let second = self.message(self.next + 1, &first);
                let verdict = self.place(self.next);
                self.next += 2;
                self.step(&[first, second].concat(), verdict, self.next);
            }
            Act::Halves if has_next && self.flight[self.next].0 == ContentType::HANDSHAKE => {
                let (message, verdict) = (self.message(self.next, &[]), self.place(self.next));
                let (first, second) = message.split_at(1 + at % (message.len() - 1));
                self.next += 1;
                // A side may reject a message by its header.
                let started = if verdict == Verdict::Must { Verdict::Must } else { Verdict::May };
                let record = self.record(ContentType::HANDSHAKE, first);
                if self.deliver(record, started) {
                    let record = self.record(ContentType::HANDSHAKE, second);
                    if self.deliver(record, verdict) {
                        self.accept(ContentType::HANDSHAKE, &message, self.next);
                    }
                }
            }
            Act::Again if !self.sent.is_empty() => {
                let message = self.sent[at % self.sent.len()].clone();
                let record = self.record(ContentType::HANDSHAKE, &message);
                self.deliver(record, Verdict::MustNot);
            }
            // CertificateRequest is optional.
            Act::Early if self.next + 1 < self.flight.len() && self.typ(self.next).0 != 13 => {
                let message = self.message(self.next + 1, &[]);
                let record = self.record(self.flight[self.next + 1].0, &message);
                let is_ignored = self.flight[self.next + 1].0 == CHANGE.0 && self.may_ignore_change();
                self.deliver(record, if is_ignored { Verdict::May } else { Verdict::MustNot });
            }
            Act::Skip if has_next => self.next += 1,
            Act::Foreign => self.foreign(at),
            Act::Clear if has_next => {
                let message = self.message(self.next, &[]);
                if self.sealer.is_some() {
                    self.deliver(clear_record(&message), Verdict::MustNot);
                }
            }
            Act::OtherKey => {
                let content = if has_next { self.message(self.next, &[]) } else { framed(0, &[]) };
                let typ = ContentType::HANDSHAKE;
                if self.sealer.is_some() {
                    // A record is lost.
                    self.record(typ, &content);
                    let record = self.record(typ, &content);
                    self.deliver(record, Verdict::MustNot);
                } else {
                    // It may look like a part of a message, or as HelloRequests.
                    self.is_doomed = true;
                    let record = seal(&mut self.new_sealer(), typ, &content);
                    self.deliver(record, Verdict::May);
                }
            }
            Act::Data => {
                let data = vec![u8::try_from(at % 256).unwrap(); 1 + at];
                let verdict = if self.is_complete() { Verdict::Must } else { Verdict::MustNot };
                self.data.extend_from_slice(if self.is_complete() { &data } else { &[] });
                let record = self.record(ContentType::APPLICATION_DATA, &data);
                self.deliver(record, verdict);
            }
            Act::Change => {
                let body = [u8::try_from(at & 1).unwrap()];
                let is_next = self.typ(self.accepted).0 == 0 && !self.is_complete();
                let verdict = match () {
                    () if body == [1] && is_next => return,
                    () if body == [1] && self.may_ignore_change() => Verdict::May,
                    () => Verdict::MustNot,
                };
                let record = self.record(ContentType::CHANGE_CIPHER_SPEC, &body);
                self.deliver(record, verdict);
            }
            Act::Update => {
                let is_asked = self.is_client || self.is_complete();
                let message = match self.is_client {
                    true => framed(0, &[]),
                    false => steps(&self.transcript).swap_remove(0).1,
                };
                let record = self.record(ContentType::HANDSHAKE, &message);
                // Declined, or ignored in a handshake; in all, their number is limited.
                self.deliver(record, if is_asked { Verdict::May } else { Verdict::MustNot });
                let is_handshaking = self.honest.connection.is_handshaking();
                assert!(!is_handshaking || !self.is_complete() || self.is_doomed, "it renegotiates");
            }
            Act::UpdateOnly if self.is_complete() => {
                self.data.push(1);
                let record = self.record(ContentType::APPLICATION_DATA, &[1]);
                if self.deliver(record.clone(), Verdict::Must) {
                    self.deliver(record, Verdict::MustNot);
                }
            }
            Act::Unoffered if has_next => self.unoffered(at),
            _ => {}
        }
    }

    /// Sends the next message with one bit changed.
    fn change(&mut self, at: usize) {
        let mut message = self.message(self.next, &[]);
        let (is_handshake, typ) = (self.flight[self.next].0 == ContentType::HANDSHAKE, self.typ(self.next));
        let start = if is_handshake { 4 } else { 0 };
        let place = start + at / 8 * message.len().div_ceil(32);
        let Some(byte) = message.get_mut(place) else { return };
        *byte ^= 1 << (at % 8);
        let in_order = self.next == self.accepted;
        let verdict = match typ {
            HandshakeType::SERVER_HELLO if in_order && self.may_be_sent(&message) => Verdict::May,
            // Verified later.
            HandshakeType::CERTIFICATE | HandshakeType::SERVER_KEY_EXCHANGE => {
                self.is_doomed = true;
                if in_order { Verdict::May } else { Verdict::MustNot }
            }
            HandshakeType::CERTIFICATE_REQUEST
            | HandshakeType::CLIENT_KEY_EXCHANGE
            | HandshakeType::NEW_SESSION_TICKET
                if in_order =>
            {
                Verdict::May
            }
            _ => Verdict::MustNot,
        };
        self.is_changed = true;
        self.next += 1;
        self.step(&message, verdict, self.next);
    }

    /// Returns whether a client may accept this ServerHello.
    fn may_be_sent(&self, message: &[u8]) -> bool {
        let (Some(mut ours), mut honest) = (Hello::read(message), Hello::of(&self.flight[0].1)) else { return false };
        let fixed = |hello: &Hello| (hello.start[..2].to_vec(), hello.suites.clone(), hello.compression.clone());
        let offered = [
            ExtensionType::EC_POINT_FORMATS,
            ExtensionType::ALPN,
            ExtensionType::EXTENDED_MASTER_SECRET,
            ExtensionType::SESSION_TICKET,
            ExtensionType::RENEGOTIATION_INFO,
            ExtensionType::SERVER_NAME,
            // Of no use here, but only what was not offered is forbidden: RFC 5246 §7.4.1.4.
            ExtensionType::SUPPORTED_GROUPS,
        ];
        let is_selected = match (ours.extension(ExtensionType::ALPN), honest.extension(ExtensionType::ALPN)) {
            (Some(ours), honest) => Some(ours) == honest,
            (None, _) => true,
        };
        is_selected
            && fixed(&ours) == fixed(&honest)
            && ours.extensions.iter().all(|(typ, _)| offered.iter().any(|o| o.0 == *typ))
    }

    fn foreign(&mut self, at: usize) {
        let (typ, body) = FOREIGN[at % FOREIGN.len()];
        let verdict = match typ {
            // HelloRequest, and a ClientHello that a server declines.
            0 if self.is_client => Verdict::May,
            1 if !self.is_client && self.is_complete() => Verdict::May,
            // The server may request no certificate.
            14 if self.is_client && matches!(self.typ(self.accepted).0, 13 | 14) => return,
            _ => Verdict::MustNot,
        };
        let record = self.record(ContentType::HANDSHAKE, &framed(typ, body));
        self.deliver(record, verdict);
    }

    /// Sends what no configuration allows in place of the next message.
    fn unoffered(&mut self, at: usize) {
        let typ = self.typ(self.next);
        let message = self.message(self.next, &[]);
        let share = |message: &[u8], place: usize| vec![0; usize::from(message[place])];
        let changed = match typ {
            HandshakeType::SERVER_HELLO => {
                const UNOFFERED: [u16; 9] = [51, 41, 43, 0xaaaa, 42, 13, 17513, 57, 21];
                let mut hello = Hello::of(&message);
                let random = hello.start.len() - 8;
                match at % 16 {
                    0 => hello.start[random..].copy_from_slice(b"DOWNGRD\x01"),
                    1 => hello.start[random..].copy_from_slice(b"DOWNGRD\x00"),
                    2 => hello.start[1] = 2,
                    3 => hello.remove(ExtensionType::RENEGOTIATION_INFO),
                    4 => *hello.extension(ExtensionType::RENEGOTIATION_INFO).unwrap() = vec![1, 0],
                    // Without a session, the ID that the client made up for TLS 1.3.
                    5 if self.setup.session.is_none() => {
                        hello.session_id = Hello::of(&steps(&self.transcript)[0].1).session_id;
                    }
                    // RFC 7627 §5.3.
                    6 if self.setup.session.is_some() => hello.remove(ExtensionType::EXTENDED_MASTER_SECRET),
                    _ => hello.extensions.push((UNOFFERED[at % UNOFFERED.len()], Vec::new())),
                }
                hello.encode()
            }
            // A share of zeros, signed.
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let params = [&message[4..8], &share(&message, 7)].concat();
                self.is_doomed = true;
                let record = self.record(ContentType::HANDSHAKE, &self.key_exchange(&params));
                self.next += 1;
                if self.deliver(record, Verdict::May) {
                    self.accept(ContentType::HANDSHAKE, &self.key_exchange(&params), self.next);
                }
                return;
            }
            HandshakeType::CLIENT_KEY_EXCHANGE => framed(16, &[&message[4..5], &share(&message, 4)[..]].concat()),
            _ => return,
        };
        self.next += 1;
        self.step(&changed, Verdict::MustNot, self.next);
    }

    /// Returns what the model says of the message at `index` now.
    fn place(&self, index: usize) -> Verdict {
        match index == self.accepted {
            true => Verdict::Must,
            // A server that requests no certificate.
            false if index == self.accepted + 1 && self.typ(self.accepted) == HandshakeType::CERTIFICATE_REQUEST => {
                Verdict::May
            }
            false => Verdict::MustNot,
        }
    }

    /// Sends the content of a step of the flight in one record. If it is accepted, so are the first
    /// `accepted` steps.
    fn step(&mut self, content: &[u8], verdict: Verdict, accepted: usize) {
        let typ = self.flight[accepted - 1].0;
        let record = self.record(typ, content);
        if self.deliver(record, verdict) {
            self.accept(typ, content, accepted);
        }
    }

    fn accept(&mut self, typ: ContentType, content: &[u8], accepted: usize) {
        self.accepted = accepted;
        if typ == ContentType::HANDSHAKE {
            self.sent.push(content.to_vec());
            self.transcript.extend_from_slice(content);
        } else {
            self.sealer = Some(self.new_sealer());
        }
        let is_complete = !self.honest.connection.is_handshaking();
        assert!(!self.is_doomed || !is_complete, "a forbidden handshake was completed");
        let sent = self.honest.sent();
        self.absorb(&sent);
    }

    /// Returns a record under the current keys.
    fn record(&mut self, typ: ContentType, content: &[u8]) -> Vec<u8> {
        if let Some(sealer) = &mut self.sealer {
            return seal(sealer, typ, content);
        }
        let mut record = clear_record(content);
        record[0] = typ.0;
        record
    }

    /// Delivers a record and compares the result with the model; returns whether it was accepted.
    fn deliver(&mut self, record: Vec<u8>, verdict: Verdict) -> bool {
        let result = self.honest.receive(&record);
        match (&result, verdict) {
            (Ok(()), Verdict::MustNot) if !self.is_doomed => panic!("a forbidden record was accepted"),
            (Err(error), Verdict::Must) if !self.is_doomed && !self.is_changed => {
                panic!("a valid record was rejected: {error:?}")
            }
            _ => {}
        }
        if let Err(error) = &result {
            assert!(error.alert().is_none() || !self.honest.outgoing.is_empty(), "no alert for {error:?}");
            let sent = self.honest.connection.send(&[IoSlice::new(b"x")], &mut self.honest.outgoing);
            assert!(sent.is_err(), "a failed connection sends");
        }
        result.is_ok()
    }
}

/// Returns a scheme, and a signature of the key in `identity/`.
fn signed(content: &[u8]) -> Vec<u8> {
    let signature = SETTINGS.key.sign(Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, content).unwrap();
    [&[4, 3], &u16::try_from(signature.len()).unwrap().to_be_bytes()[..], &signature].concat()
}

fn seal(sealer: &mut Sealer, typ: ContentType, content: &[u8]) -> Vec<u8> {
    let Overhead { before, after } = sealer.overhead();
    let mut record = [&vec![0; HEADER_LEN + before], content, &vec![0; after]].concat();
    sealer.seal(typ.0, &mut record).unwrap();
    record
}
