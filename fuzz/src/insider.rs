//! A peer that holds the keys and deviates. It is made of an honest peer, which produces the
//! messages of a handshake, and of the keys that the side under test logs: with them it opens those
//! messages, sends what the input says, and computes each signature and Finished for the transcript
//! that the side under test has.
//!
//! A model of RFC 9846 and of RFC 5246 says for each record whether it must be accepted, must be
//! rejected, or may be either.

mod hello;
mod settings;
mod tls12;
mod tls13;

use std::{cell::RefCell, collections::HashMap};

use tls_handshake::{
    Answer, ClientConnection, Connection, Error, KeyLog, Need, Outgoing, Progress, Role, ServerConnection,
    ServerSessionValue,
    tls_codec::{ContentType, record::HEADER_LEN},
    tls_crypto::{Backend, BulkAlgorithm, HashAlgorithm, Opener, tls13::TrafficSecret},
};

use hello::Retry;
use settings::{SETTINGS, SETUPS, Settings, Setup};

const HASH: HashAlgorithm = HashAlgorithm::Sha256;
const AEAD: BulkAlgorithm = BulkAlgorithm::Aes128Gcm;

/// What the insider sends in one record. The names are those of TLS 1.3; in TLS 1.2, `Update` is an
/// attempt to renegotiate and `UpdateOnly` sends a record twice.
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
    /// Early data that the server rejected.
    Skipped,
    /// What no configuration allows: EncryptedExtensions or a hello with an extension that was not
    /// offered, a hello that contradicts the other one, an invalid share.
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
    /// The sessions that the server stores, by ID or ticket.
    static STORE: RefCell<HashMap<Vec<u8>, Vec<u8>>> = RefCell::default();
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

/// A connection and what it queued.
struct End<R: Role> {
    connection: Connection<R>,
    outgoing: Outgoing,
    received: Vec<u8>,
    early: Vec<u8>,
}

impl<R: Role> End<R> {
    fn new(connection: Connection<R>, outgoing: Outgoing) -> Self {
        Self { connection, outgoing, received: Vec::new(), early: Vec::new() }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut incoming = bytes.to_vec();
        for _ in 0..100 + 2 * bytes.len() {
            let processed = self.connection.process(&mut incoming, &mut self.outgoing)?;
            let mut is_last = false;
            match processed.progress {
                Progress::ApplicationData(range) => self.received.extend_from_slice(&incoming[range]),
                Progress::EarlyData(range) => self.early.extend_from_slice(&incoming[range]),
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
        Need::Session(need) => STORE.with_borrow(|store| {
            if need.identities().any(|identity| identity == settings::PSK_NAME) {
                return need.found_psk(0, psk.clone());
            }
            let found = need.identities().enumerate().find_map(|(at, id)| Some((at, store.get(id)?)));
            match found.map(|(at, bytes)| (at, ServerSessionValue::decode(bytes).unwrap())) {
                Some((at, session)) if need.is_by_session_id() => need.found(at, session, identity, crate::now()),
                Some((at, session)) => need.found_single_use(at, session, identity, crate::now()),
                None => need.not_found(),
            }
        }),
        Need::TakeSession(need) => match STORE.with_borrow_mut(|store| store.remove(need.identity())) {
            Some(_) => need.taken(),
            None => need.gone(),
        },
        Need::NewSession(mut need) => {
            let ids = need.store_ids();
            let sessions: Vec<_> =
                need.sessions(crate::now()).iter().map(|session| session.encode().to_vec()).collect();
            // A ticket is a session as it is, without encryption.
            let tickets: Vec<_> = match ids {
                Some(ids) => (0..sessions.len()).map(|at| ids.id(at).to_vec()).collect(),
                None => sessions.clone(),
            };
            STORE.with_borrow_mut(|store| store.extend(tickets.iter().cloned().zip(sessions)));
            need.answer(tickets)
        }
        other => panic!("an unexpected request: {other:?}"),
    }
}

/// Returns both sides of a connection; the client has queued its ClientHello.
fn connect(setup: &Setup) -> (End<tls_handshake::client::Client>, End<tls_handshake::server::Server>) {
    let mut outgoing = Outgoing::new();
    let name = "localhost".try_into().unwrap();
    let config = setup.client.clone();
    let client = match (&setup.session, setup.has_psk) {
        (Some(session), _) => ClientConnection::resuming(config, name, session.clone(), crate::now(), &mut outgoing),
        (None, true) => {
            let psks = std::slice::from_ref(&SETTINGS.psk);
            ClientConnection::with_external_psks(config, name, psks, &mut outgoing)
        }
        (None, false) => ClientConnection::new(config, name, &mut outgoing),
    };
    let server = ServerConnection::new(setup.server.clone());
    (End::new(client.unwrap(), outgoing), End::new(server, Outgoing::new()))
}

/// Runs a script against a client (bit 2 of `bits` is zero) or a server. The low two bits and bits
/// 3 and 4 select the handshake: see [`SETUPS`].
pub fn run(bits: u8, script: impl Iterator<Item = (Act, usize)>) {
    let setup = &SETUPS[usize::from(bits >> 3 & 3)][usize::from(bits & 3)];
    SECRETS.with_borrow_mut(|secrets| *secrets = Default::default());
    STORE.with_borrow_mut(|store| store.clone_from(&setup.store));
    match (setup.is_tls12, bits & 4 == 0) {
        (false, true) => against_client13(setup, script),
        (false, false) => against_server13(setup, script),
        (true, true) => tls12::against_client(setup, script),
        (true, false) => tls12::against_server(setup, script),
    }
}

fn against_client13(setup: &Setup, script: impl Iterator<Item = (Act, usize)>) {
    let mut script = script.peekable();
    let (mut client, mut server) = connect(setup);
    let hello = client.sent();
    server.receive(&hello).unwrap();
    let mut answer = server.sent();
    let mut transcript = clear_messages(&hello);
    if setup.is_retry {
        if let Some((Act::Unoffered, at)) = script.peek() {
            let retry = Retry::new(&clear_messages(&hello), &clear_messages(&answer));
            return retry.against_client(*at, &mut client, &mut server);
        }
        client.receive(&answer).unwrap();
        let again = client.sent();
        transcript = retried(&transcript, &answer, &again);
        server.receive(&again).unwrap();
        answer = server.sent();
    }
    let (server_hello, flight) = first_record(&answer);
    transcript.extend_from_slice(&server_hello[HEADER_LEN..]);
    client.receive(server_hello).unwrap();
    let keys = ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"];
    let handshake = secret(keys[0], 0).expect("the keys of the handshake");
    let flight = tls13::flight(&open_all(handshake.opener(AEAD), flight));
    tls13::Insider::new(setup, client, 0, keys, transcript, flight).run(script);
}

fn against_server13(setup: &Setup, script: impl Iterator<Item = (Act, usize)>) {
    let mut script = script.peekable();
    let (mut client, mut server) = connect(setup);
    let hello = client.sent();
    if let Some((Act::Unoffered, at)) = script.peek() {
        return hello::against_server(*at, &clear_messages(&hello), setup, &mut server);
    }
    server.receive(&hello).unwrap();
    let mut answer = server.sent();
    let mut transcript = clear_messages(&hello);
    if setup.is_retry {
        client.receive(&answer).unwrap();
        let again = client.sent();
        if let Some((Act::Early, at)) = script.peek() {
            let retry = Retry::new(&clear_messages(&hello), &clear_messages(&answer));
            return retry.against_server(*at, &clear_messages(&again), &mut server);
        }
        transcript = retried(&transcript, &answer, &again);
        server.receive(&again).unwrap();
        answer = server.sent();
    }
    let (server_hello, flight) = first_record(&answer);
    transcript.extend_from_slice(&server_hello[HEADER_LEN..]);
    let server_keys = secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", 1).unwrap();
    transcript.extend(open_all(server_keys.opener(AEAD), flight));
    client.receive(&answer).unwrap();
    let keys = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"];
    let sent = client.sent();
    let handshake = secret(keys[0], 1).expect("the keys of the handshake");
    let mut flight = tls13::flight(&open_all(handshake.opener(AEAD), &sent));
    if setup.accepts_early_data {
        flight.insert(0, framed(5, &[]));
    }
    tls13::Insider::new(setup, server, 1, keys, transcript, flight).run(script);
}

/// Returns the transcript after a HelloRetryRequest, RFC 9846 §4.4.1.
fn retried(hello: &[u8], retry: &[u8], again: &[u8]) -> Vec<u8> {
    let replaced = framed(254, HASH.hash(hello).as_ref());
    [replaced, clear_messages(retry), clear_messages(again)].concat()
}

fn first_record(records: &[u8]) -> (&[u8], &[u8]) {
    records.split_at(HEADER_LEN + usize::from(u16::from_be_bytes([records[3], records[4]])))
}

/// Returns the handshake messages in records without protection.
fn clear_messages(mut records: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    while records.len() > HEADER_LEN {
        let (record, rest) = first_record(records);
        if record[0] == ContentType::HANDSHAKE.0 {
            messages.extend_from_slice(&record[HEADER_LEN..]);
        }
        records = rest;
    }
    messages
}

/// Puts messages into a record without protection.
fn clear_record(messages: &[u8]) -> Vec<u8> {
    let length = u16::try_from(messages.len()).unwrap().to_be_bytes();
    [&[22, 3, 3], &length[..], messages].concat()
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
        // Early data before the flight and records after it are under other keys.
        let Ok(opened) = opener.open(&mut record) else { continue };
        messages.extend_from_slice(&record[opened.content]);
    }
    messages
}

fn framed(typ: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[typ], &length[..], body].concat()
}
