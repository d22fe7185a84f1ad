//! The insider of TLS 1.3.

use std::io::IoSlice;

use tls_handshake::{
    Role,
    tls_codec::{
        ContentType, EncryptedExtensions, ExtensionType, HandshakeType, SignatureScheme, decode_all,
        handshake::{Split, split_message},
        record::HEADER_LEN,
    },
    tls_crypto::{Backend, Overhead, Sealer, SignatureAlgorithm, tls13::TrafficSecret},
};

use super::settings::MAX_EARLY_DATA;
use super::{AEAD, Act, End, FOREIGN, HASH, SETTINGS, Setup, Verdict, clear_record, framed, secret};

/// Splits the messages of a flight, which ends with Finished.
pub(super) fn flight(messages: &[u8]) -> Vec<Vec<u8>> {
    let (mut flight, mut rest) = (Vec::new(), messages);
    while let Split::Message { message, rest: after } = split_message(rest) {
        flight.push(message.raw.to_vec());
        rest = after;
    }
    assert_eq!(flight.last().map(|message| message[0]), Some(HandshakeType::FINISHED.0));
    flight
}

/// The keys of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Early,
    Handshake,
    Application,
}

pub(super) struct Insider<'a, R: Role> {
    setup: &'a Setup,
    honest: End<R>,
    is_client: bool,
    owner: usize,
    labels: [&'static str; 2],
    handshake: TrafficSecret,
    handshake_sealer: Sealer,
    early_sealer: Option<Sealer>,
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
    /// Early data that the honest side must deliver.
    early: Vec<u8>,
    /// The length of early data that the honest side rejects.
    skipped: usize,
    /// The honest side opened a record under the handshake keys.
    used_handshake_keys: bool,
}

impl<'a, R: Role> Insider<'a, R> {
    pub(super) fn new(
        setup: &'a Setup,
        honest: End<R>,
        owner: usize,
        labels: [&'static str; 2],
        transcript: Vec<u8>,
        flight: Vec<Vec<u8>>,
    ) -> Self {
        let handshake = secret(labels[0], owner).expect("the keys of the handshake");
        // A server that rejects early data logs no secret for it, but the honest client does.
        let early = secret("CLIENT_EARLY_TRAFFIC_SECRET", 0).filter(|_| owner == 1);
        let has_early_data = setup.accepts_early_data || setup.rejects_early_data;
        assert!(early.is_some() || owner == 0 || !has_early_data, "the keys of early data");
        let handshake_sealer = handshake.sealer(AEAD);
        Self {
            setup,
            honest,
            is_client: owner == 0,
            owner,
            labels,
            handshake,
            handshake_sealer,
            early_sealer: early.map(|early| early.sealer(AEAD)),
            application: None,
            flight,
            next: 0,
            accepted: 0,
            sent: Vec::new(),
            transcript,
            data: Vec::new(),
            early: Vec::new(),
            skipped: 0,
            used_handshake_keys: false,
        }
    }

    pub(super) fn run(mut self, script: impl Iterator<Item = (Act, usize)>) {
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
        assert_eq!(self.early, self.honest.early, "early data");
    }

    fn is_complete(&self) -> bool {
        self.accepted == self.flight.len()
    }

    /// Returns the keys that the honest side expects.
    fn keys(&self) -> Keys {
        match self.accepted {
            // EndOfEarlyData is the last record under the early keys.
            0 if !self.is_client && self.setup.accepts_early_data => Keys::Early,
            _ if self.is_complete() => Keys::Application,
            _ => Keys::Handshake,
        }
    }

    /// Returns the verdict on a record that does not open. Before the client's flight, a server
    /// that rejected early data skips such records.
    fn undecryptable(&self) -> Verdict {
        let skips = !self.is_client && self.setup.rejects_early_data && !self.used_handshake_keys;
        if skips { Verdict::May } else { Verdict::MustNot }
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
                // The keys change after EndOfEarlyData.
                let verdict = if first[0] == 5 { Verdict::MustNot } else { self.place(self.next) };
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
                let record = self.seal(ContentType::HANDSHAKE, first, self.keys());
                if self.deliver(record, started) {
                    let second = second.to_vec();
                    let record = self.seal(ContentType::HANDSHAKE, &second, self.keys());
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
                let message = framed(typ, body);
                // EndOfEarlyData has its place where early data are accepted.
                if self.flight.get(self.accepted) != Some(&message) {
                    self.handshake(&message, Verdict::MustNot, self.accepted);
                }
            }
            Act::Clear if has_next => {
                let message = self.message(self.next, &[]);
                self.deliver(clear_record(&message), Verdict::MustNot);
            }
            Act::OtherKey => {
                let content = match has_next {
                    true => self.message(self.next, &[]),
                    false => framed(24, &[0]),
                };
                let keys = match self.keys() {
                    Keys::Early | Keys::Application => Keys::Handshake,
                    Keys::Handshake if at % 2 == 1 && self.early_sealer.is_some() => Keys::Early,
                    Keys::Handshake => Keys::Application,
                };
                if keys != Keys::Application || secret(self.labels[1], self.owner).is_some() {
                    let record = self.seal(ContentType::HANDSHAKE, &content, keys);
                    self.deliver(record, self.undecryptable());
                    if keys == Keys::Application {
                        // If it was skipped, the honest side has not counted it.
                        self.application = None;
                    }
                }
            }
            Act::Data => {
                let data = vec![u8::try_from(at % 256).unwrap(); 1 + at];
                let keys = self.keys();
                let verdict = match keys {
                    Keys::Early if self.early.len() + data.len() > MAX_EARLY_DATA => Verdict::MustNot,
                    Keys::Early | Keys::Application => Verdict::Must,
                    Keys::Handshake => Verdict::MustNot,
                };
                let record = self.seal(ContentType::APPLICATION_DATA, &data, keys);
                if self.deliver(record, verdict) {
                    match keys {
                        Keys::Early => self.early.extend_from_slice(&data),
                        _ => self.data.extend_from_slice(&data),
                    }
                }
            }
            Act::Skipped if !self.is_client && self.setup.rejects_early_data => {
                let data = vec![0; 1 + at];
                let verdict = match () {
                    () if self.used_handshake_keys => Verdict::MustNot,
                    () if self.skipped + data.len() < 1000 => Verdict::Must,
                    () => Verdict::May,
                };
                self.skipped += data.len();
                let record = self.seal(ContentType::APPLICATION_DATA, &data, Keys::Early);
                self.deliver(record, verdict);
            }
            Act::Change => {
                let body = [u8::try_from(at & 1).unwrap()];
                match at & 2 {
                    0 if body == [1] && !connected => self.deliver(vec![20, 3, 3, 0, 1, 1], Verdict::May),
                    0 => self.deliver(vec![20, 3, 3, 0, 1, body[0]], Verdict::MustNot),
                    _ => {
                        let record = self.seal(ContentType::CHANGE_CIPHER_SPEC, &body, self.keys());
                        self.deliver(record, Verdict::MustNot)
                    }
                };
            }
            Act::Update | Act::UpdateOnly => {
                let asked = u8::try_from(at % 3).unwrap();
                let record = self.seal(ContentType::HANDSHAKE, &framed(24, &[asked]), self.keys());
                // The number of updates without data is limited.
                let verdict = if connected && asked < 2 { Verdict::May } else { Verdict::MustNot };
                if self.deliver(record, verdict) {
                    match act {
                        Act::Update => self.update(),
                        _ => {
                            let record = self.seal(ContentType::APPLICATION_DATA, b"old", Keys::Application);
                            self.deliver(record, Verdict::MustNot);
                        }
                    }
                }
            }
            Act::Unoffered if has_next && self.flight[self.next][0] == 8 => {
                let message = self.message(self.next, &[]);
                const UNOFFERED: [u16; 11] = [51, 41, 43, 0xaaaa, 42, 35, 5, 18, 0xff01, 17513, 57];
                let typ = UNOFFERED[at % UNOFFERED.len()];
                // The client offers early data, so a server may accept them.
                if typ == ExtensionType::EARLY_DATA.0 && self.setup.rejects_early_data {
                    return;
                }
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
        if extensions.raw.iter().any(|(typ, _)| typ == ExtensionType::EARLY_DATA) && !self.setup.accepts_early_data {
            return false;
        }
        let offered = [
            ExtensionType::EARLY_DATA,
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
        let record = self.seal(ContentType::HANDSHAKE, messages, self.keys());
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

    fn seal(&mut self, typ: ContentType, content: &[u8], keys: Keys) -> Vec<u8> {
        let (labels, owner) = (self.labels, self.owner);
        self.used_handshake_keys |= keys == Keys::Handshake;
        let sealer = match (keys, &mut self.early_sealer) {
            (Keys::Application, _) => {
                let (_, sealer) = self.application.get_or_insert_with(|| {
                    let secret = secret(labels[1], owner).expect("the keys of application data");
                    let sealer = secret.sealer(AEAD);
                    (secret, sealer)
                });
                sealer
            }
            (Keys::Early, Some(sealer)) => sealer,
            _ => &mut self.handshake_sealer,
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
