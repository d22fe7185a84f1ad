//! A client and a server of strata-tls-handshake, and an attacker who owns the network between
//! them and holds no keys.

use std::{
    collections::{HashMap, VecDeque},
    io::IoSlice,
    sync::{Arc, LazyLock},
};

use tls_handshake::{
    Answer, ClientAuth, ClientConfig, ClientConnection, ClientSessionValue, Connection, Error, HandshakeKind, Identity,
    Need, Outgoing, Progress, Role, ServerConfig, ServerConnection, ServerSessionValue, SessionLookup,
    tls_codec::{CipherSuite, ContentType, NamedGroup, ProtocolVersion, record::HEADER_LEN},
    verify::ServerVerifier,
};

use crate::session::Side;

/// What a side negotiated. An attacker must not be able to change it.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    version: Option<ProtocolVersion>,
    suite: Option<CipherSuite>,
    group: Option<NamedGroup>,
    alpn: Option<Vec<u8>>,
    kind: Option<HandshakeKind>,
    has_peer_certificates: bool,
}

struct End<R: Role> {
    connection: Connection<R>,
    outgoing: Outgoing,
    incoming: Vec<u8>,
    /// The records sent by this side, not yet delivered.
    wire: VecDeque<Vec<u8>>,
    /// All records that were delivered or dropped.
    history: Vec<Vec<u8>>,
    /// A part of a record was delivered, so `wire` may start with its rest.
    is_cut: bool,
    sent: usize,
    received: usize,
    early_received: usize,
    outcome: Option<Outcome>,
    error: Option<Error>,
    closed: bool,
    /// The other side's close_notify arrived after the handshake.
    ended: bool,
}

/// Configurations, the sessions that a connection with them left, and the outcome of a connection
/// that is not attacked.
struct Setting {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    session: Option<ClientSessionValue>,
    store: HashMap<Vec<u8>, Vec<u8>>,
    outcomes: Option<[Outcome; 2]>,
}

struct Trust {
    identity: Arc<Identity>,
    verifier: ServerVerifier,
}

static TRUST: LazyLock<Trust> =
    LazyLock::new(|| Trust { identity: crate::identity(), verifier: crate::roots().into() });

/// All combinations of the bits that [`Network::start`] reads.
static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| (0..16).map(setting).collect());

fn setting(bits: u8) -> Setting {
    let (tls12, tls13) = (ProtocolVersion::TLS12, ProtocolVersion::TLS13);
    let versions: &[ProtocolVersion] = match bits & 3 {
        1 => &[tls13],
        2 => &[tls12],
        _ => &[tls13, tls12],
    };
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_versions(versions).unwrap();
    client.set_resumption(true);
    client.enable_early_data(true);
    client.set_alpn_protocols(["other", "h2"]).unwrap();
    client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
    server.set_alpn_protocols(["h2", "http/1.1"]).unwrap();
    server.set_session_lookup(SessionLookup::Ids);
    server.set_max_early_data_size(2000);
    if bits & 3 == 3 {
        // A HelloRetryRequest.
        server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    }
    if bits & 4 != 0 {
        client.set_client_identity_lookup(true);
        server.set_client_auth(ClientAuth::Required);
    }
    let mut setting = Setting {
        client: Arc::new(client),
        server: Arc::new(server),
        session: None,
        store: HashMap::new(),
        outcomes: None,
    };
    if bits & 8 != 0 {
        let mut first = Network::new(&setting);
        first.settle();
        setting.session = first.client.connection.take_sessions(crate::now()).pop();
        assert!(setting.session.is_some(), "no session in setting {bits}");
        setting.store = first.store;
    }
    let mut peaceful = Network::new(&setting);
    peaceful.settle();
    peaceful.check();
    let outcomes = [peaceful.client.outcome.clone(), peaceful.server.outcome.clone()].map(Option::unwrap);
    assert_eq!(outcomes[0].kind, outcomes[1].kind);
    setting.outcomes = Some(outcomes);
    setting
}

/// The connection, and the attacker's means.
pub struct Network {
    client: End<tls_handshake::client::Client>,
    server: End<tls_handshake::server::Server>,
    store: HashMap<Vec<u8>, Vec<u8>>,
    outcomes: Option<[Outcome; 2]>,
    early_sent: usize,
    tampered: bool,
}

/// What the attacker does with the records of one side that were not delivered yet.
#[derive(Clone, Copy, Debug)]
pub enum Attack {
    Deliver,
    DeliverPart,
    Drop,
    Repeat,
    Swap,
    Flip,
    Replay,
    Reflect,
    Inject,
    Split,
    Truncate,
}

/// Records that need no keys.
const FORGED: &[&[u8]] = &[
    &[20, 3, 3, 0, 1, 1],
    &[20, 3, 3, 0, 1, 2],
    &[21, 3, 3, 0, 2, 1, 0],
    &[21, 3, 3, 0, 2, 1, 90],
    &[21, 3, 3, 0, 2, 2, 40],
    &[21, 3, 3, 0, 0],
    &[22, 3, 3, 0, 0],
    &[22, 3, 3, 0, 4, 0, 0, 0, 0],
    &[22, 3, 3, 0, 4, 14, 0, 0, 0],
    &[22, 3, 3, 0, 5, 24, 0, 0, 1, 0],
    &[22, 3, 3, 0, 4, 5, 0, 0, 0],
    &[22, 3, 3, 0, 16, 20, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[22, 3, 3, 0, 1, 1],
    &[23, 3, 3, 0, 0],
    &[23, 3, 3, 0, 1, 0],
    &[23, 3, 3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[24, 3, 3, 0, 3, 1, 0, 0],
    &[22, 3, 3, 0x48, 1],
];

impl Network {
    /// Starts a connection. The low two bits select versions: both, TLS 1.3, TLS 1.2, both with a
    /// HelloRetryRequest. Bit 2 adds a client certificate, bit 3 offers a session, and early data
    /// if it allows them.
    pub fn start(bits: u8) -> Self {
        let mut network = Self::new(&SETTINGS[usize::from(bits & 15)]);
        network.send_early(usize::from(bits >> 4) * 40);
        network
    }

    fn new(setting: &Setting) -> Self {
        let mut outgoing = Outgoing::new();
        let name = "localhost".try_into().unwrap();
        let client = match setting.session.clone() {
            Some(session) => {
                ClientConnection::resuming(setting.client.clone(), name, session, crate::now(), &mut outgoing)
            }
            None => ClientConnection::new(setting.client.clone(), name, &mut outgoing),
        };
        Self {
            client: End::new(client.unwrap(), outgoing),
            server: End::new(ServerConnection::new(setting.server.clone()), Outgoing::new()),
            store: setting.store.clone(),
            outcomes: setting.outcomes.clone(),
            early_sent: 0,
            tampered: false,
        }
    }

    fn send_early(&mut self, amount: usize) {
        let data: Vec<u8> = (0..amount).map(early_content).collect();
        self.early_sent += self.client.connection.send_early_data(&data, &mut self.client.outgoing).unwrap();
    }

    /// Sends up to `amount` bytes of application data, if the handshake is complete.
    pub fn write(&mut self, side: Side, amount: usize) {
        match side {
            Side::Client => self.client.write(amount),
            Side::Server => self.server.write(amount),
        }
    }

    /// Updates keys, if the handshake is complete.
    pub fn refresh(&mut self, side: Side) {
        let _ = match side {
            Side::Client => self.client.connection.refresh_traffic_keys(&mut self.client.outgoing),
            Side::Server => self.server.connection.refresh_traffic_keys(&mut self.server.outgoing),
        };
    }

    /// Sends close_notify, if the handshake is complete.
    pub fn close(&mut self, side: Side) {
        match side {
            Side::Client => self.client.close(),
            Side::Server => self.server.close(),
        }
    }

    /// Attacks the records that `from` sent.
    pub fn attack(&mut self, attack: Attack, from: Side, at: usize) {
        let Self { client, server, store, tampered, .. } = self;
        match from {
            Side::Client => apply(attack, client, server, at, store, tampered),
            Side::Server => apply(attack, server, client, at, store, tampered),
        }
    }

    /// Delivers everything.
    pub fn settle(&mut self) {
        for _ in 0..500 {
            if !self.client.has_sent() && !self.server.has_sent() {
                return;
            }
            self.attack(Attack::Deliver, Side::Client, 0);
            self.attack(Attack::Deliver, Side::Server, 0);
        }
        panic!("the connections keep sending");
    }

    /// Checks the end: what the sides negotiated, and that nothing is missing.
    pub fn check(&mut self) {
        let Self { client, server, .. } = self;
        if !self.tampered {
            assert_eq!((&client.error, &server.error), (&None, &None));
            assert!(client.outcome.is_some() && server.outcome.is_some(), "the handshake is not complete");
            assert_eq!((client.received, server.received), (server.sent, client.sent));
            assert_eq!((client.ended, server.ended), (server.closed, client.closed));
        }
        if let Some(expected) = &self.outcomes {
            let outcomes = [&client.outcome, &server.outcome];
            for (outcome, expected) in outcomes.iter().zip(expected) {
                assert!(outcome.as_ref().is_none_or(|outcome| outcome == expected), "{outcome:?}, not {expected:?}");
            }
        }
        assert!(client.received <= server.sent && server.received <= client.sent);
        assert!(server.early_received <= self.early_sent);
        if client.outcome.is_some() && server.outcome.is_some() {
            let export = |exported: Result<(), Error>, bytes: [u8; 32]| exported.map(|()| bytes).ok();
            let (mut ours, mut theirs) = ([0; 32], [0; 32]);
            let ours = export(client.connection.export_keying_material(&mut ours, b"EXPERIMENTAL", None), ours);
            let theirs = export(server.connection.export_keying_material(&mut theirs, b"EXPERIMENTAL", None), theirs);
            assert!(ours.is_none() || theirs.is_none() || ours == theirs, "the sides share no secret");
            let expected = if client.connection.is_early_data_accepted() { self.early_sent } else { 0 };
            assert!(client.error.is_some() || server.error.is_some() || server.early_received == expected);
        }
        // Without close_notify, the end of the stream is an error; with it, nothing is missing.
        client.end(server.sent);
        server.end(client.sent);
    }
}

fn apply<F: Role, T: Role>(
    attack: Attack,
    from: &mut End<F>,
    to: &mut End<T>,
    at: usize,
    store: &mut HashMap<Vec<u8>, Vec<u8>>,
    tampered: &mut bool,
) {
    from.flush();
    let count = from.wire.len();
    let head = from.wire.front_mut();
    *tampered |= match (attack, head) {
        (Attack::Deliver, Some(_)) => {
            let record = from.take();
            to.receive(&record, store);
            false
        }
        (Attack::DeliverPart, Some(record)) => {
            let (part, rest) = record.split_at(at.min(record.len()));
            let (part, rest) = (part.to_vec(), rest.to_vec());
            *record = rest;
            from.wire.retain(|record| !record.is_empty());
            from.is_cut = true;
            to.receive(&part, store);
            false
        }
        (Attack::Drop, Some(_)) => {
            from.take();
            true
        }
        (Attack::Repeat, Some(record)) => {
            let again = record.clone();
            from.wire.push_front(again);
            true
        }
        (Attack::Swap, Some(_)) if count > 1 => {
            from.wire.swap(0, 1);
            true
        }
        (Attack::Flip, Some(record)) => {
            // The first bytes one by one; later ones by an eighth of the rest.
            let place = (at / 8 * record.len().div_ceil(32)).min(record.len() - 1);
            record[place] ^= 1 << (at % 8);
            true
        }
        (Attack::Replay, _) if !from.history.is_empty() => {
            let record = from.history[at % from.history.len()].clone();
            from.wire.push_front(record);
            true
        }
        (Attack::Reflect, _) if !to.history.is_empty() => {
            let record = to.history[at % to.history.len()].clone();
            from.wire.push_front(record);
            true
        }
        (Attack::Inject, _) => {
            from.wire.push_front(FORGED[at % FORGED.len()].to_vec());
            true
        }
        // Before encryption, a message may be in any number of records.
        (Attack::Split, Some(record)) if record.len() > HEADER_LEN + 1 && !from.is_cut => {
            let is_clear = record[0] == ContentType::HANDSHAKE.0
                && from.history.iter().all(|before| before[0] == ContentType::HANDSHAKE.0);
            let (header, body) = record.split_at(HEADER_LEN);
            let (first, second) = body.split_at(1 + at % (body.len() - 1));
            let parts = [first, second].map(|part| {
                let length = u16::try_from(part.len()).unwrap().to_be_bytes();
                [&header[..3], &length, part].concat()
            });
            let [first, second] = parts;
            *record = second;
            from.wire.push_front(first);
            !is_clear
        }
        (Attack::Truncate, Some(record)) if record.len() > HEADER_LEN && !from.is_cut => {
            let kept = at % (record.len() - HEADER_LEN);
            record.truncate(HEADER_LEN + kept);
            record[3..HEADER_LEN].copy_from_slice(&u16::try_from(kept).unwrap().to_be_bytes());
            true
        }
        _ => false,
    };
}

impl<R: Role> End<R> {
    fn new(connection: Connection<R>, outgoing: Outgoing) -> Self {
        Self {
            connection,
            outgoing,
            incoming: Vec::new(),
            wire: VecDeque::new(),
            history: Vec::new(),
            is_cut: false,
            sent: 0,
            received: 0,
            early_received: 0,
            outcome: None,
            error: None,
            closed: false,
            ended: false,
        }
    }

    /// Moves what the connection queued to the network, as records.
    fn flush(&mut self) {
        let mut bytes = self.outgoing.ready();
        while let Some((&[_, _, _, high, low], _)) = bytes.split_first_chunk::<HEADER_LEN>() {
            let (record, rest) = bytes.split_at(HEADER_LEN + usize::from(u16::from_be_bytes([high, low])));
            self.wire.push_back(record.to_vec());
            bytes = rest;
        }
        assert!(bytes.is_empty(), "a connection sent a part of a record");
        assert!(self.outgoing.len() <= 1 << 17, "{} bytes are queued", self.outgoing.len());
        self.outgoing.consume(self.outgoing.len());
    }

    fn has_sent(&mut self) -> bool {
        self.flush();
        !self.wire.is_empty()
    }

    fn take(&mut self) -> Vec<u8> {
        let record = self.wire.pop_front().unwrap_or_default();
        self.history.push(record.clone());
        record
    }

    fn write(&mut self, amount: usize) {
        if !self.connection.can_send() {
            return;
        }
        let data: Vec<u8> = (self.sent..self.sent + amount).map(content).collect();
        self.sent += self.connection.send(&[IoSlice::new(&data)], &mut self.outgoing).unwrap();
    }

    fn close(&mut self) {
        if self.outcome.is_some() {
            self.connection.send_close_notify(&mut self.outgoing);
            self.closed = true;
        }
    }

    fn receive(&mut self, bytes: &[u8], store: &mut HashMap<Vec<u8>, Vec<u8>>) {
        if self.ended {
            return;
        }
        self.incoming.extend_from_slice(bytes);
        let failed = self.error.is_some();
        match self.process(store) {
            Ok(()) => assert!(!failed, "a failed connection continued"),
            Err(error) => {
                assert!(!self.connection.can_send(), "a failed connection can send");
                assert!(self.error.as_ref().is_none_or(|first| *first == error), "another error");
                self.error = Some(error);
                self.incoming.clear();
            }
        }
    }

    fn process(&mut self, store: &mut HashMap<Vec<u8>, Vec<u8>>) -> Result<(), Error> {
        let most = 100 + 2 * self.incoming.len();
        for _ in 0..most {
            let processed = self.connection.process(&mut self.incoming, &mut self.outgoing)?;
            let mut is_last = false;
            match processed.progress {
                Progress::ApplicationData(range) => {
                    assert!(self.outcome.is_some(), "data before the end of the handshake");
                    let data = &self.incoming[range];
                    assert!(data.iter().zip(self.received..).all(|(byte, at)| *byte == content(at)));
                    self.received += data.len();
                }
                Progress::EarlyData(range) => {
                    let data = &self.incoming[range];
                    assert!(data.iter().zip(self.early_received..).all(|(byte, at)| *byte == early_content(at)));
                    self.early_received += data.len();
                }
                Progress::Need(first) => {
                    let mut need = Some(first);
                    while let Some(asked) = need {
                        need = self.connection.resume(answer(asked, store), &mut self.outgoing)?;
                    }
                }
                Progress::NeedMoreInput { .. } => is_last = true,
                Progress::PeerClosed => {
                    self.ended = self.outcome.is_some();
                    is_last = true;
                }
                Progress::Paused => panic!("paused although every request was answered"),
                Progress::Continue | Progress::HandshakeComplete => {}
            }
            self.incoming.drain(..processed.consumed);
            self.note_outcome();
            if is_last {
                return Ok(());
            }
        }
        panic!("no progress after {most} steps");
    }

    fn note_outcome(&mut self) {
        let connection = &self.connection;
        if self.outcome.is_none() && !connection.is_handshaking() {
            self.outcome = Some(Outcome {
                version: connection.protocol_version(),
                suite: connection.negotiated_cipher_suite(),
                group: connection.negotiated_group(),
                alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
                kind: connection.handshake_kind(),
                has_peer_certificates: connection.peer_certificates().is_some(),
            });
        }
    }

    /// Ends the input, of which the other side sent this many bytes of data.
    fn end(&mut self, sent: usize) {
        match self.connection.end_of_input() {
            Ok(()) => {
                assert!(self.connection.close_notify_received(), "a truncation was not reported");
                assert!(!self.ended || self.received == sent, "close_notify arrived before data");
            }
            Err(error) => assert!(self.error.is_none() || self.error == Some(error)),
        }
    }
}

fn answer(need: Need, store: &mut HashMap<Vec<u8>, Vec<u8>>) -> Answer {
    let Trust { identity, verifier } = &*TRUST;
    match need {
        Need::Identity(need) => need.answer(identity.clone()),
        Need::ClientIdentity(need) => need.answer(identity.clone()),
        Need::Signature(need) => need.sign_locally(),
        Need::Verdict(need) => need.verify(verifier, crate::now()),
        Need::ClientVerdict(need) => need.verify(verifier.chain(), crate::now()),
        Need::Session(need) => {
            let found = need.identities().enumerate().find_map(|(at, id)| Some((at, store.get(id)?)));
            match found.map(|(at, bytes)| (at, ServerSessionValue::decode(bytes).unwrap())) {
                Some((at, session)) if need.is_by_session_id() => need.found(at, session, identity, crate::now()),
                Some((at, session)) => need.found_single_use(at, session, identity, crate::now()),
                None => need.not_found(),
            }
        }
        Need::TakeSession(need) => match store.remove(need.identity()) {
            Some(_) => need.taken(),
            None => need.gone(),
        },
        Need::NewSession(mut need) => {
            let ids = need.store_ids().expect("a store of IDs");
            let sessions: Vec<_> =
                need.sessions(crate::now()).iter().map(|session| session.encode().to_vec()).collect();
            let tickets: Vec<_> = (0..sessions.len()).map(|at| ids.id(at).to_vec()).collect();
            store.extend(tickets.iter().cloned().zip(sessions));
            need.answer(tickets)
        }
        other => panic!("an unexpected request: {other:?}"),
    }
}

/// Returns the byte at this position of the data that a side sends.
fn content(at: usize) -> u8 {
    u8::try_from(at % 251).unwrap()
}

/// The same for early data.
fn early_content(at: usize) -> u8 {
    content(at + 100)
}
