//! A peer of a TLS 1.3 connection that holds the keys and deviates. It is made of an honest peer,
//! which produces the messages of a handshake, and of the keys that the side under test logs: with
//! them it opens those messages, sends what the input says, and computes each signature and
//! Finished for the transcript that the side under test has.
//!
//! A model of RFC 9846 says for each record whether it must be accepted, must be rejected, or may
//! be either.

use std::{
    cell::RefCell,
    collections::HashMap,
    io::IoSlice,
    sync::{Arc, LazyLock},
};

use pki_types::{PrivateKeyDer, pem::PemObject};
use tls_handshake::{
    Answer, ClientAuth, ClientConfig, ClientConnection, Connection, Error, ExternalPsk, Identity, KeyLog, Need,
    Outgoing, Progress, Role, ServerConfig, ServerConnection,
    tls_codec::{
        CipherSuite, ContentType, EncryptedExtensions, ExtensionType, HandshakeType, ProtocolVersion, SignatureScheme,
        decode_all,
        handshake::{Split, split_message},
        record::HEADER_LEN,
    },
    tls_crypto::{
        Backend, BulkAlgorithm, HashAlgorithm, Opener, Overhead, PrivateKey, Sealer, SignatureAlgorithm,
        tls13::TrafficSecret,
    },
    verify::ServerVerifier,
};

const HASH: HashAlgorithm = HashAlgorithm::Sha256;
const AEAD: BulkAlgorithm = BulkAlgorithm::Aes128Gcm;

/// What the insider sends in one record.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// The next message.
    Next,
    /// The next message with one bit changed, after signature and Finished were computed.
    Changed,
    /// The next message with one byte changed, before they are computed for the messages after it.
    Longer,
    /// The next two messages in one record.
    Two,
    /// The next message in two records.
    Halves,
    /// A message that was sent before.
    Again,
    /// A message after the next one, which is not lost.
    Early,
    /// The next message is left out; nothing is sent.
    Skip,
    /// A message that has no place in this handshake.
    Foreign,
    /// The next message without protection.
    Clear,
    /// The next message under the application keys, or data under the handshake keys.
    OtherKey,
    /// Application data.
    Data,
    /// change_cipher_spec without protection, or under it.
    Change,
    /// A KeyUpdate, and from then on the next keys.
    Update,
    /// A KeyUpdate, but no next keys.
    UpdateOnly,
    /// EncryptedExtensions with an extension that was not offered.
    Unoffered,
}

/// What the model says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Must,
    MustNot,
    May,
}

/// Messages that have no place in these handshakes.
const FOREIGN: &[(u8, &[u8])] = &[
    (0, &[]),
    (1, &[3, 3]),
    (2, &[3, 3]),
    (3, &[]),
    (5, &[]),
    (6, &[]),
    (12, &[0; 8]),
    (14, &[]),
    (16, &[0; 33]),
    (21, &[]),
    (22, &[1, 0, 0, 0]),
    (25, &[0, 2, 0, 0, 0, 0, 0, 0]),
    (67, &[0]),
    (254, &[]),
    (255, &[1, 2, 3]),
];

thread_local! {
    /// The secrets that client and server log.
    static SECRETS: RefCell<[HashMap<String, Vec<u8>>; 2]> = RefCell::default();
}

/// Keeps the secrets of the client (0) or the server (1).
#[derive(Debug)]
struct Log(usize);

impl KeyLog for Log {
    fn log(&self, label: &str, _: &[u8; 32], secret: &[u8]) {
        SECRETS.with_borrow_mut(|secrets| secrets[self.0].insert(label.to_owned(), secret.to_vec()));
    }
}

fn secret(label: &str, owner: usize) -> Option<TrafficSecret> {
    SECRETS.with_borrow(|secrets| TrafficSecret::from_key_log(Backend::ring(), HASH, secrets[owner].get(label)?))
}

struct Settings {
    client: Arc<ClientConfig>,
    /// Without and with client certificates, and with an external key.
    servers: [Arc<ServerConfig>; 3],
    psk: ExternalPsk,
    identity: Arc<Identity>,
    key: PrivateKey,
    verifier: ServerVerifier,
}

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let (tls13, suite) = (ProtocolVersion::TLS13, CipherSuite::TLS_AES_128_GCM_SHA256);
    let mut client = ClientConfig::new();
    client.set_versions(&[tls13]).unwrap();
    client.set_cipher_suites(&[suite]).unwrap();
    client.set_alpn_protocols(["h2"]).unwrap();
    client.set_client_identity_lookup(true);
    client.set_resumption(true);
    client.set_key_log(Arc::new(Log(0)));
    let servers = [0, 1, 2].map(|kind| {
        let mut server = ServerConfig::new();
        server.set_cipher_suites(&[suite]).unwrap();
        server.set_alpn_protocols(["h2"]).unwrap();
        server.set_key_log(Arc::new(Log(1)));
        match kind {
            0 => {}
            1 => server.set_client_auth(ClientAuth::Required),
            _ => server.set_external_psks(true),
        }
        Arc::new(server)
    });
    Settings {
        client: Arc::new(client),
        servers,
        psk: ExternalPsk::plain(b"key".to_vec(), &[7; 32], HASH).unwrap(),
        identity: crate::identity(),
        key: PrivateKey::from_der(&PrivateKeyDer::from_pem_slice(crate::PEM[1]).unwrap()).unwrap(),
        verifier: crate::roots().into(),
    }
});

/// A connection and what it queued.
struct End<R: Role> {
    connection: Connection<R>,
    outgoing: Outgoing,
    received: Vec<u8>,
}

impl<R: Role> End<R> {
    fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut incoming = bytes.to_vec();
        for _ in 0..100 + 2 * bytes.len() {
            let processed = self.connection.process(&mut incoming, &mut self.outgoing)?;
            let mut is_last = false;
            match processed.progress {
                Progress::ApplicationData(range) => self.received.extend_from_slice(&incoming[range]),
                Progress::EarlyData(_) => panic!("early data that was not offered"),
                Progress::Need(first) => {
                    let mut need = Some(first);
                    while let Some(asked) = need {
                        need = self.connection.resume(answer(asked), &mut self.outgoing)?;
                    }
                }
                Progress::NeedMoreInput { .. } => {
                    assert_eq!(processed.consumed, incoming.len(), "whole records were delivered");
                    is_last = true;
                }
                Progress::PeerClosed => is_last = true,
                Progress::Paused => panic!("paused although every request was answered"),
                Progress::Continue | Progress::HandshakeComplete => {}
            }
            incoming.drain(..processed.consumed);
            if is_last {
                return Ok(());
            }
        }
        panic!("no progress");
    }

    fn sent(&mut self) -> Vec<u8> {
        let bytes = self.outgoing.ready().to_vec();
        self.outgoing.consume(bytes.len());
        bytes
    }
}

fn answer(need: Need) -> Answer {
    let Settings { identity, verifier, psk, .. } = &*SETTINGS;
    match need {
        Need::Identity(need) => need.answer(identity.clone()),
        Need::ClientIdentity(need) => need.answer(identity.clone()),
        Need::Signature(need) => need.sign_locally(),
        Need::Verdict(need) => need.verify(verifier, crate::now()),
        Need::ClientVerdict(need) => need.verify(verifier.chain(), crate::now()),
        Need::Session(need) => need.found_psk(0, psk.clone()),
        other => panic!("an unexpected request: {other:?}"),
    }
}

/// Runs a script against a client (bit 2 of `bits` is zero) or a server. The low two bits select
/// the handshake: plain, with a client certificate, with an external key.
pub fn run(bits: u8, script: impl Iterator<Item = (Act, usize)>) {
    SECRETS.with_borrow_mut(|secrets| *secrets = Default::default());
    let settings = &*SETTINGS;
    let kind = usize::from(bits % 4 % 3);
    let mut outgoing = Outgoing::new();
    let name = "localhost".try_into().unwrap();
    let config = settings.client.clone();
    let client = match kind {
        2 => ClientConnection::with_external_psks(config, name, std::slice::from_ref(&settings.psk), &mut outgoing),
        _ => ClientConnection::new(config, name, &mut outgoing),
    };
    let mut client = End { connection: client.unwrap(), outgoing, received: Vec::new() };
    let server = ServerConnection::new(settings.servers[kind].clone());
    let mut server = End { connection: server, outgoing: Outgoing::new(), received: Vec::new() };

    let hello = client.sent();
    server.receive(&hello).unwrap();
    let answer = server.sent();
    let length = HEADER_LEN + usize::from(u16::from_be_bytes([answer[3], answer[4]]));
    let (server_hello, flight) = answer.split_at(length);
    let hellos = [&hello[HEADER_LEN..], &server_hello[HEADER_LEN..]].concat();
    if bits & 4 == 0 {
        client.receive(server_hello).unwrap();
        let keys = ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"];
        Insider::new(client, 0, keys, hellos, flight).run(script);
    } else {
        client.receive(&answer).unwrap();
        let keys = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"];
        let mut transcript = hellos;
        let server_keys = secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", 1).unwrap();
        transcript.extend(open_all(server_keys.opener(AEAD), flight));
        let flight = client.sent();
        Insider::new(server, 1, keys, transcript, &flight).run(script);
    }
}

/// Returns the handshake messages in protected records.
fn open_all(mut opener: Opener, mut records: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    while let Some((&[typ, _, _, high, low], _)) = records.split_first_chunk::<HEADER_LEN>() {
        let (record, rest) = records.split_at(HEADER_LEN + usize::from(u16::from_be_bytes([high, low])));
        records = rest;
        if typ != ContentType::APPLICATION_DATA.0 {
            continue;
        }
        let mut record = record.to_vec();
        // Records after the flight are under other keys.
        let Ok(opened) = opener.open(&mut record) else { break };
        messages.extend_from_slice(&record[opened.content]);
    }
    messages
}

struct Insider<R: Role> {
    honest: End<R>,
    is_client: bool,
    owner: usize,
    labels: [&'static str; 2],
    handshake: TrafficSecret,
    handshake_sealer: Sealer,
    application: Option<(TrafficSecret, Sealer)>,
    /// The messages of the handshake in order.
    flight: Vec<Vec<u8>>,
    /// The index of the next message to send.
    next: usize,
    /// The number of messages of `flight` that the honest side accepted.
    accepted: usize,
    sent: Vec<Vec<u8>>,
    transcript: Vec<u8>,
    data: Vec<u8>,
}

impl<R: Role> Insider<R> {
    fn new(honest: End<R>, owner: usize, labels: [&'static str; 2], transcript: Vec<u8>, records: &[u8]) -> Self {
        let handshake = secret(labels[0], owner).expect("the keys of the handshake");
        let messages = open_all(handshake.opener(AEAD), records);
        let (mut flight, mut rest) = (Vec::new(), &messages[..]);
        while let Split::Message { message, rest: after } = split_message(rest) {
            flight.push(message.raw.to_vec());
            rest = after;
        }
        assert_eq!(flight.last().map(|message| message[0]), Some(HandshakeType::FINISHED.0));
        let handshake_sealer = handshake.sealer(AEAD);
        Self {
            honest,
            is_client: owner == 0,
            owner,
            labels,
            handshake,
            handshake_sealer,
            application: None,
            flight,
            next: 0,
            accepted: 0,
            sent: Vec::new(),
            transcript,
            data: Vec::new(),
        }
    }

    fn run(mut self, script: impl Iterator<Item = (Act, usize)>) {
        for (act, at) in script {
            if self.honest.connection.error().is_some() {
                break;
            }
            self.act(act, at);
            self.honest.sent();
        }
        let connection = &self.honest.connection;
        assert_ne!(connection.is_handshaking(), self.is_complete());
        assert!(self.is_complete() || connection.peer_certificates().is_none());
        assert!(self.data.starts_with(&self.honest.received), "data that was not sent");
        assert!(connection.error().is_some() || self.data == self.honest.received);
    }

    fn is_complete(&self) -> bool {
        self.accepted == self.flight.len()
    }

    /// Returns the message of `flight` at `index`, for the transcript of the honest side and
    /// `before`, messages in the same record.
    fn message(&self, index: usize, before: &[u8]) -> Vec<u8> {
        let hash = HASH.hash(&[&self.transcript[..], before].concat());
        let message = &self.flight[index];
        let body = match HandshakeType(message[0]) {
            HandshakeType::CERTIFICATE_VERIFY => {
                let who = if self.is_client { "server" } else { "client" };
                let context = format!("TLS 1.3, {who} CertificateVerify\0");
                let signed = [&[0x20; 64][..], context.as_bytes(), hash.as_ref()].concat();
                let signature =
                    SETTINGS.key.sign(Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, &signed).unwrap();
                let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256.0.to_be_bytes();
                [&scheme, &u16::try_from(signature.len()).unwrap().to_be_bytes(), &signature[..]].concat()
            }
            HandshakeType::FINISHED => self.handshake.finished(&hash).as_ref().to_vec(),
            _ => return message.clone(),
        };
        framed(message[0], &body)
    }

    fn act(&mut self, act: Act, at: usize) {
        let connected = self.is_complete();
        let has_next = self.next < self.flight.len();
        let in_order = self.next == self.accepted;
        let must = |sure: bool| if sure { Verdict::Must } else { Verdict::MustNot };
        match act {
            Act::Next if has_next => {
                let message = self.message(self.next, &[]);
                let verdict = self.place(self.next);
                self.next += 1;
                self.handshake(&message, verdict, self.next);
            }
            Act::Changed if has_next => {
                let mut message = self.message(self.next, &[]);
                // The length cannot grow past the record, which would make the message incomplete.
                let place = 4 + at / 8 * message.len().div_ceil(32);
                let Some(byte) = message.get_mut(place) else { return };
                *byte ^= 1 << (at % 8);
                let is_signed = matches!(
                    HandshakeType(message[0]),
                    HandshakeType::CERTIFICATE | HandshakeType::CERTIFICATE_VERIFY | HandshakeType::FINISHED
                );
                let is_foreign = message[0] == HandshakeType::ENCRYPTED_EXTENSIONS.0 && !self.is_offered(&message);
                let verdict = if !in_order || is_signed || is_foreign { Verdict::MustNot } else { Verdict::May };
                self.next += 1;
                self.handshake(&message, verdict, self.next);
            }
            Act::Longer if has_next => {
                let message = self.message(self.next, &[]);
                let longer = framed(message[0], &[&message[4..], &[0]].concat());
                self.next += 1;
                self.handshake(&longer, Verdict::MustNot, self.next);
            }
            Act::Two if self.next + 1 < self.flight.len() => {
                let first = self.message(self.next, &[]);
                let second = self.message(self.next + 1, &first);
                let verdict = self.place(self.next);
                self.next += 2;
                self.handshake(&[first, second].concat(), verdict, self.next);
            }
            Act::Halves if has_next => {
                let message = self.message(self.next, &[]);
                let verdict = self.place(self.next);
                let (first, second) = message.split_at(1 + at % (message.len() - 1));
                self.next += 1;
                // A side may reject a message by its header.
                let started = if verdict == Verdict::Must { Verdict::Must } else { Verdict::May };
                let record = self.seal(ContentType::HANDSHAKE, first, connected);
                if self.deliver(record, started) {
                    let second = second.to_vec();
                    let record = self.seal(ContentType::HANDSHAKE, &second, connected);
                    if self.deliver(record, verdict) {
                        self.accept(&message, self.next);
                    }
                }
            }
            Act::Again if !self.sent.is_empty() => {
                let message = self.sent[at % self.sent.len()].clone();
                self.handshake(&message, Verdict::MustNot, self.accepted);
            }
            Act::Early if self.next + 1 < self.flight.len() => {
                let index = self.next + 1;
                let message = self.message(index, &[]);
                // CertificateRequest is optional.
                let verdict = match self.flight[self.next][0] {
                    13 if in_order => return,
                    _ => Verdict::MustNot,
                };
                self.handshake(&message, verdict, self.accepted);
            }
            Act::Skip if has_next => self.next += 1,
            Act::Foreign => {
                let (typ, body) = FOREIGN[at % FOREIGN.len()];
                self.handshake(&framed(typ, body), Verdict::MustNot, self.accepted);
            }
            Act::Clear if has_next => {
                let message = self.message(self.next, &[]);
                let length = u16::try_from(message.len()).unwrap().to_be_bytes();
                let record = [&[22, 3, 3], &length[..], &message].concat();
                self.deliver(record, Verdict::MustNot);
            }
            Act::OtherKey => {
                let content = match has_next {
                    true => self.message(self.next, &[]),
                    false => framed(24, &[0]),
                };
                if connected || secret(self.labels[1], self.owner).is_some() {
                    let record = self.seal(ContentType::HANDSHAKE, &content, !connected);
                    self.deliver(record, Verdict::MustNot);
                }
            }
            Act::Data => {
                let data = vec![u8::try_from(at % 256).unwrap(); 1 + at];
                if connected {
                    self.data.extend_from_slice(&data);
                }
                let record = self.seal(ContentType::APPLICATION_DATA, &data, connected);
                self.deliver(record, must(connected));
            }
            Act::Change => {
                let body = [u8::try_from(at & 1).unwrap()];
                match at & 2 {
                    0 if body == [1] && !connected => self.deliver(vec![20, 3, 3, 0, 1, 1], Verdict::May),
                    0 => self.deliver(vec![20, 3, 3, 0, 1, body[0]], Verdict::MustNot),
                    _ => {
                        let record = self.seal(ContentType::CHANGE_CIPHER_SPEC, &body, connected);
                        self.deliver(record, Verdict::MustNot)
                    }
                };
            }
            Act::Update | Act::UpdateOnly => {
                let asked = u8::try_from(at % 3).unwrap();
                let record = self.seal(ContentType::HANDSHAKE, &framed(24, &[asked]), connected);
                // The number of updates without data is limited.
                let verdict = if connected && asked < 2 { Verdict::May } else { Verdict::MustNot };
                if self.deliver(record, verdict) {
                    match act {
                        Act::Update => self.update(),
                        _ => {
                            let record = self.seal(ContentType::APPLICATION_DATA, b"old", true);
                            self.deliver(record, Verdict::MustNot);
                        }
                    }
                }
            }
            Act::Unoffered if has_next && self.flight[self.next][0] == 8 => {
                let message = self.message(self.next, &[]);
                const UNOFFERED: [u16; 11] = [51, 41, 43, 0xaaaa, 42, 35, 5, 18, 0xff01, 17513, 57];
                let typ = UNOFFERED[at % UNOFFERED.len()];
                let block = [&message[6..], &typ.to_be_bytes(), &[0, 0]].concat();
                let body = [&u16::try_from(block.len()).unwrap().to_be_bytes()[..], &block].concat();
                self.next += 1;
                self.handshake(&framed(8, &body), Verdict::MustNot, self.next);
            }
            _ => {}
        }
    }

    /// Returns what the model says of the message at `index` now.
    fn place(&self, index: usize) -> Verdict {
        match index == self.accepted {
            true => Verdict::Must,
            // A server that requests no certificate.
            false if index == self.accepted + 1 && self.flight[self.accepted][0] == 13 => Verdict::May,
            false => Verdict::MustNot,
        }
    }

    /// Returns whether EncryptedExtensions contains only what this client offers, in its place.
    fn is_offered(&self, message: &[u8]) -> bool {
        let Ok(extensions) = decode_all::<EncryptedExtensions<'_>>(&message[4..]) else { return false };
        let offered = [
            ExtensionType::SERVER_NAME,
            ExtensionType::SUPPORTED_GROUPS,
            ExtensionType::ALPN,
            ExtensionType::RECORD_SIZE_LIMIT,
            ExtensionType::MAX_FRAGMENT_LENGTH,
            ExtensionType::CLIENT_CERTIFICATE_TYPE,
            ExtensionType::SERVER_CERTIFICATE_TYPE,
        ];
        extensions.raw.iter().all(|(typ, _)| offered.contains(&typ))
            && extensions.alpn.is_none_or(|protocol| protocol.0 == b"h2")
    }

    /// Sends messages in one record under the current keys. If they are accepted, so are the first
    /// `accepted` messages of the flight.
    fn handshake(&mut self, messages: &[u8], verdict: Verdict, accepted: usize) {
        let record = self.seal(ContentType::HANDSHAKE, messages, self.is_complete());
        if self.deliver(record, verdict) {
            self.accept(messages, accepted);
        }
    }

    fn accept(&mut self, messages: &[u8], accepted: usize) {
        self.sent.push(messages.to_vec());
        if !self.is_complete() {
            self.transcript.extend_from_slice(messages);
            self.accepted = accepted;
        }
    }

    fn seal(&mut self, typ: ContentType, content: &[u8], application: bool) -> Vec<u8> {
        let sealer = match application {
            true => {
                let (labels, owner) = (self.labels, self.owner);
                let (_, sealer) = self.application.get_or_insert_with(|| {
                    let secret = secret(labels[1], owner).expect("the keys of application data");
                    let sealer = secret.sealer(AEAD);
                    (secret, sealer)
                });
                sealer
            }
            false => &mut self.handshake_sealer,
        };
        let Overhead { before, after } = sealer.overhead();
        let mut record = [&vec![0; HEADER_LEN + before], content, &vec![0; after]].concat();
        sealer.seal(typ.0, &mut record).unwrap();
        record
    }

    /// Derives the next keys.
    fn update(&mut self) {
        if let Some((secret, _)) = self.application.take() {
            let next = secret.into_stored().next();
            let sealer = next.sealer(AEAD);
            self.application = Some((next, sealer));
        }
    }

    /// Delivers a record and compares the result with the model; returns whether it was accepted.
    fn deliver(&mut self, record: Vec<u8>, verdict: Verdict) -> bool {
        let result = self.honest.receive(&record);
        match (&result, verdict) {
            (Ok(()), Verdict::MustNot) => panic!("a forbidden record was accepted"),
            (Err(error), Verdict::Must) => panic!("a valid record was rejected: {error:?}"),
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

fn framed(typ: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[typ], &length[..], body].concat()
}
