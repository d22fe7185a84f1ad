//! A client and a server state machine without records. Tests carry messages between the two ends
//! and read the recorded actions.

use std::collections::VecDeque;
use std::sync::Arc;

use pki_types::CertificateDer;
use tls_codec::code_points::{CipherSuite, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion};
use tls_codec::handshake::{Split, split_message};
use tls_codec::writer::Writer;
use tls_crypto::{Group, SystemRandom};

use super::hello::Hello;
use super::pair::{Pki, now};
use crate::auth::ClientAuth;
use crate::client::Client;
use crate::client::hello::WaitServerHello;
use crate::client::offered_psk::ResumptionOffer;
use crate::client::session_tracker::SessionTracker;
use crate::config::{ClientConfig, ServerConfig, SessionLookup};
use crate::error::Error;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Answer, Need};
use crate::negotiate::group_id;
use crate::record::{MessageJoiner, NextMessage};
use crate::resumption::{ClientSessionValue, ServerSessionValue, SessionSecret, identity_scope};
use crate::schedule::{Epoch, ReadKey, WriteKey};
use crate::server::Server;
use crate::server::hello::WaitClientHello;
use crate::sink::{EncodeMessage, Event, LimitedRecords, RecordLimits, Sink};
use crate::states::{StateMachine, Step};
use crate::suite::SupportedCipherSuite;
use crate::transport::Transport;

/// An action that a state requested from its sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Send(HandshakeType),
    ChangeCipherSpec,
    InstallRead(Epoch),
    InstallWrite(Epoch),
    RemoveWrite,
    SkipEarlyData,
    Secret(&'static str),
}

/// A sent item, without its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Message(Vec<u8>),
    ChangeCipherSpec,
}

impl Sent {
    /// Returns the message type. change_cipher_spec has none and gets an unassigned one.
    pub(super) fn typ(&self) -> HandshakeType {
        match self {
            Self::Message(message) => HandshakeType(message[0]),
            Self::ChangeCipherSpec => CHANGE_CIPHER_SPEC,
        }
    }
}

/// The pseudo message type of change_cipher_spec.
pub(super) const CHANGE_CIPHER_SPEC: HandshakeType = HandshakeType(0xff);

/// Edits a message before its sender hashes it. This models a peer that behaves differently, not an
/// attacker between the peers.
pub(super) type MessageEdit = Box<dyn FnMut(&mut Vec<u8>)>;

/// Returns an edit of each message of one type.
pub(super) fn edit_each(typ: HandshakeType, change: impl Fn(&mut Vec<u8>) + 'static) -> Option<MessageEdit> {
    Some(Box::new(move |message| {
        if message[0] == typ.0 {
            change(message);
        }
    }))
}

/// A sink that records actions and messages.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) actions: Vec<Action>,
    pub(super) sent: VecDeque<Sent>,
    pub(super) edit: Option<MessageEdit>,
    last: Vec<u8>,
}

impl Recorder {
    /// Frees the sent messages.
    pub(super) fn forget(&mut self) {
        self.sent = VecDeque::new();
        self.last = Vec::new();
    }
}

impl Sink for Recorder {
    fn send(&mut self, encode: &mut EncodeMessage<'_>) -> Result<&[u8], Error> {
        let mut message = Vec::new();
        encode(&mut Writer::append(&mut message))?;
        if let Some(edit) = &mut self.edit {
            edit(&mut message);
        }
        self.actions.push(Action::Send(HandshakeType(message[0])));
        self.sent.push_back(Sent::Message(message.clone()));
        self.last = message;
        Ok(&self.last)
    }

    fn send_change_cipher_spec(&mut self) -> Result<(), Error> {
        self.actions.push(Action::ChangeCipherSpec);
        self.sent.push_back(Sent::ChangeCipherSpec);
        Ok(())
    }

    fn queue_change_cipher_spec(&mut self) -> Result<(), Error> {
        self.send_change_cipher_spec()
    }

    fn install_read(&mut self, key: ReadKey<'_>, _: RecordBoundary) {
        self.actions.push(Action::InstallRead(key.epoch));
    }

    fn key_update_received(&mut self, _: bool) -> bool {
        false
    }

    fn install_write(&mut self, key: WriteKey<'_>) -> Result<(), Error> {
        self.actions.push(Action::InstallWrite(key.epoch));
        Ok(())
    }

    fn remove_write(&mut self) {
        self.actions.push(Action::RemoveWrite);
    }

    fn limit_records(&mut self, _: RecordLimits, _: LimitedRecords) {}

    fn skip_early_data(&mut self, _: u32) {
        self.actions.push(Action::SkipEarlyData);
    }

    fn event(&mut self, event: Event<'_>) {
        let Event::Secret(secret) = event else { return };
        self.actions.push(Action::Secret(secret.label));
    }
}

/// One end of a handshake: its state, its sink and its message joiner.
pub(super) struct End<S> {
    pub(super) state: Option<S>,
    pub(super) sink: Recorder,
    joiner: MessageJoiner,
}

impl<S: StateMachine> End<S> {
    pub(super) fn new(state: S, sink: Recorder) -> Self {
        Self { state: Some(state), sink, joiner: MessageJoiner::new(0x1_0000) }
    }

    /// Delivers one fragment and answers the needs that it causes.
    pub(super) fn deliver(&mut self, mut fragment: &[u8], answer: &mut dyn FnMut(Need) -> Answer) -> Result<(), Error> {
        while !fragment.is_empty() {
            match self.joiner.next(fragment)? {
                NextMessage::Partial => break,
                NextMessage::InPlace { message, rest } => {
                    fragment = rest;
                    self.message(Framed::new(message, rest), answer)?;
                }
                NextMessage::Completed { rest } => {
                    fragment = rest;
                    let joined = self.joiner.take();
                    let Split::Message { message, .. } = split_message(&joined) else { panic!("a partial message") };
                    self.message(Framed::new(message, rest), answer)?;
                }
            }
        }
        Ok(())
    }

    /// Delivers a change_cipher_spec record.
    pub(super) fn change_cipher_spec(&mut self) -> Result<(), Error> {
        if self.joiner.is_partial() {
            return Err(Error::InterleavedHandshake);
        }
        if self.state.as_ref().is_some_and(StateMachine::ignores_change_cipher_spec) {
            return Ok(());
        }
        let state = self.state.take().expect("an end that has not failed");
        let at = RecordBoundary::at_end_of(&[]).unwrap();
        self.state = Some(state.on_change_cipher_spec(at, &mut self.sink)?);
        Ok(())
    }

    /// Delivers an item that the other end sent.
    pub(super) fn take(&mut self, sent: &Sent, answer: &mut dyn FnMut(Need) -> Answer) -> Result<(), Error> {
        match sent {
            Sent::Message(message) => self.deliver(message, answer),
            Sent::ChangeCipherSpec => self.change_cipher_spec(),
        }
    }

    /// Returns the next sent message. Skips change_cipher_spec, which TLS 1.3 ignores.
    pub(super) fn pop(&mut self) -> Vec<u8> {
        loop {
            match self.sink.sent.pop_front().expect("a message") {
                Sent::Message(message) => return message,
                Sent::ChangeCipherSpec => {}
            }
        }
    }

    /// Returns all sent items.
    pub(super) fn flight(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sink.sent).into()
    }

    fn message(
        &mut self,
        message: Framed<'_, tls_codec::handshake::RawMessage<'_>>,
        answer: &mut dyn FnMut(Need) -> Answer,
    ) -> Result<(), Error> {
        let state = self.state.take().expect("an end that has not failed");
        let mut step = state.on_message(message, &mut self.sink)?;
        loop {
            match step {
                Step::Next(state) => {
                    self.state = Some(state);
                    return Ok(());
                }
                Step::Ask(state, need) => step = state.on_answer(answer(need), &mut self.sink)?,
            }
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.established().is_some())
    }

    pub(super) fn name(&self) -> &'static str {
        self.state.as_ref().map_or("failed", |state| state.name().as_str())
    }
}

/// A kind of handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Full,
    Retry,
    /// With client authentication.
    Auth,
    /// The client supports both versions, the server only TLS 1.2.
    Tls12,
    Tls12Auth,
    /// Without extended_master_secret.
    Tls12Plain,
    /// With an OCSP response and SCTs.
    Tls12Stapled,
    /// A resumption.
    Resumed,
    ResumedRetry,
    /// A resumption with accepted early data.
    Early,
    /// A resumption with a ticket.
    Tls12Resumed,
    /// A full handshake that ends with a ticket.
    Tls12Ticket,
}

impl Kind {
    pub(super) fn is_tls12(self) -> bool {
        matches!(
            self,
            Self::Tls12
                | Self::Tls12Auth
                | Self::Tls12Plain
                | Self::Tls12Stapled
                | Self::Tls12Resumed
                | Self::Tls12Ticket
        )
    }

    fn is_resumed(self) -> bool {
        matches!(self, Self::Resumed | Self::ResumedRetry | Self::Early | Self::Tls12Resumed)
    }
}

/// The group that is negotiated by default.
pub(super) fn preferred_group() -> NamedGroup {
    group_id(Group::DEFAULT[0])
}

pub(super) fn configs(kind: Kind) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_alpn_protocols(["h2", "http/1.1"]).unwrap();
    server.set_alpn_protocols(["http/1.1"]).unwrap();
    match kind {
        Kind::Full => {}
        Kind::Retry => server.set_groups(&[NamedGroup::SECP256R1]).unwrap(),
        Kind::Auth | Kind::Tls12Auth => {
            client.set_client_identity_lookup(true);
            server.set_client_auth(ClientAuth::Required);
        }
        Kind::Tls12 | Kind::Tls12Plain => {}
        Kind::Tls12Stapled => client.set_sct_request(true),
        Kind::Resumed | Kind::Early | Kind::Tls12Resumed | Kind::Tls12Ticket => {}
        Kind::ResumedRetry => server.set_groups(&[NamedGroup::SECP256R1]).unwrap(),
    }
    if kind.is_resumed() || kind == Kind::Tls12Ticket {
        client.set_resumption(true);
        server.set_session_lookup(SessionLookup::Tickets);
        server.set_send_tls13_tickets(0);
    }
    if kind == Kind::Early {
        client.enable_early_data(true);
        server.set_max_early_data_size(EARLY_DATA);
    }
    if kind.is_tls12() {
        server.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    }
    (client, server)
}

/// Returns both ends of a handshake of this kind.
pub(super) fn ends(kind: Kind) -> (End<Client>, End<Server>) {
    let (client_config, server_config) = configs(kind);
    ends_of(kind, client_config, server_config)
}

/// The same with these configurations.
pub(super) fn ends_of(
    kind: Kind,
    client_config: ClientConfig,
    server_config: ServerConfig,
) -> (End<Client>, End<Server>) {
    let edit: Option<MessageEdit> = match kind {
        Kind::Tls12Plain => Some(Box::new(|message| {
            Hello::edit(message, &|hello| hello.remove(ExtensionType::EXTENDED_MASTER_SECRET));
        })),
        _ => None,
    };
    let known =
        if kind.is_resumed() { session_offer(kind, &client_config, &server_config) } else { ResumptionOffer::Nothing };
    (client_resuming(client_config, known, edit), server(server_config))
}

/// Returns both ends of a handshake with early data whose client offers two keys. The server does
/// not know the first.
pub(super) fn ends_with_unknown_first_psk() -> (End<Client>, End<Server>) {
    let (client_config, server_config) = configs(Kind::Early);
    let mut psks = Vec::new();
    // Another context, so that the tickets differ.
    let mut other = server_config.clone();
    other.set_session_context(b"other");
    for config in [&other, &server_config] {
        if let ResumptionOffer::Psks(known) = session_offer(Kind::Early, &client_config, config) {
            psks.extend(known);
        }
    }
    assert_eq!(psks.len(), 2);
    (client_resuming(client_config, ResumptionOffer::Psks(psks), None), server(server_config))
}

/// Returns both ends of a handshake with early data whose client offers a session of SHA-256 and
/// then an external key of SHA-384.
pub(super) fn ends_with_second_external_psk(
    key: &crate::ExternalPsk,
    suites: &[CipherSuite],
) -> (End<Client>, End<Server>) {
    let (client_config, mut server_config) = configs(Kind::Early);
    server_config.set_cipher_suites(suites).unwrap();
    let (ResumptionOffer::Psks(mut psks), ResumptionOffer::Psks(external)) = (
        session_offer(Kind::Early, &client_config, &server_config),
        ResumptionOffer::external(&client_config, std::slice::from_ref(key)),
    ) else {
        panic!("keys")
    };
    psks.extend(external);
    (client_resuming(client_config, ResumptionOffer::Psks(psks), None), server(server_config))
}

/// A fixed scope for server identities, whose keys differ in each run.
const IDENTITY_SCOPE: [u8; 32] = [0x1d; 32];

/// The early data limit of a session, in bytes.
const EARLY_DATA: u32 = 1000;

/// Returns a session as an earlier handshake with the same configurations would leave it. The
/// ticket is the server's session value, not encrypted.
pub(super) fn session_offer(kind: Kind, client: &ClientConfig, server: &ServerConfig) -> ResumptionOffer {
    let (suite, secret) = match kind {
        Kind::Tls12Resumed => (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, [7; 48].as_slice()),
        _ => (CipherSuite::TLS_AES_128_GCM_SHA256, [7; 32].as_slice()),
    };
    let (now, suite) = (now(), SupportedCipherSuite::of(suite).unwrap());
    let max_early_data = if kind == Kind::Early { EARLY_DATA } else { 0 };
    let theirs = ServerSessionValue {
        suite,
        secret: SessionSecret::new(secret).unwrap(),
        extended_master_secret: true,
        scope: server.scope().with_identity(&identity_scope(&IDENTITY_SCOPE)),
        server_name: Some("a.test".into()),
        alpn: Some(b"http/1.1".to_vec()),
        authenticated: now.as_secs(),
        issued: now.as_secs(),
        lifetime: 3600,
        age_add: 5,
        max_early_data,
        client_chain: None,
        expires: None,
        application: [].into(),
    };
    let ours = ClientSessionValue {
        suite,
        secret: SessionSecret::new(secret).unwrap(),
        extended_master_secret: true,
        scope: client.scope(),
        server_name: "a.test".try_into().unwrap(),
        alpn: Some(b"http/1.1".to_vec()),
        authenticated: now.as_secs(),
        received: now.as_secs(),
        lifetime: 3600,
        age_add: 5,
        ticket: theirs.encode().to_vec(),
        session_id: Vec::new(),
        max_early_data,
        server_chain: Arc::new([CertificateDer::from(b"the chain of the original handshake".to_vec())]),
        expires: now.as_secs() + 1000,
        transport_parameters: None,
    };
    let place = SessionTracker::new(Arc::new(client.clone()), "a.test".try_into().unwrap(), None);
    ResumptionOffer::of_session(client, &place, ours, now)
}

/// Returns keys and certificates for a handshake of this kind, with signatures of constant length.
pub(super) fn pki(kind: Kind) -> Pki {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    with_identity_scope(if kind == Kind::Tls12Stapled { pki.stapled() } else { pki })
}

/// The same with the identity scope of the sessions of `session_offer`.
pub(super) fn with_identity_scope(mut pki: Pki) -> Pki {
    Arc::make_mut(&mut pki.identity).set_session_scope(IDENTITY_SCOPE);
    pki
}

pub(super) fn client(config: ClientConfig) -> End<Client> {
    client_with(config, None)
}

/// Returns a client that edits its messages.
pub(super) fn client_with(config: ClientConfig, edit: Option<MessageEdit>) -> End<Client> {
    client_resuming(config, ResumptionOffer::Nothing, edit)
}

pub(super) fn client_resuming(config: ClientConfig, known: ResumptionOffer, edit: Option<MessageEdit>) -> End<Client> {
    let mut sink = Recorder { edit, ..Recorder::default() };
    let name = "a.test".try_into().unwrap();
    let state =
        WaitServerHello::start(Arc::new(config), name, known, Transport::Records, None, &SystemRandom, &mut sink)
            .unwrap();
    End::new(Client::WaitServerHello(state), sink)
}

pub(super) fn server(config: ServerConfig) -> End<Server> {
    server_with(config, None)
}

/// Returns a server that edits its messages.
pub(super) fn server_with(config: ServerConfig, edit: Option<MessageEdit>) -> End<Server> {
    let sink = Recorder { edit, ..Recorder::default() };
    End::new(Server::WaitClientHello(WaitClientHello::new(Arc::new(config), Transport::Records, &SystemRandom)), sink)
}

/// Runs a handshake until the client has taken `at_client` items (messages or change_cipher_spec)
/// and the server `at_server`. Further sent items stay in the sinks.
pub(super) fn halt_at(kind: Kind, pki: &Pki, [at_client, at_server]: [usize; 2]) -> (End<Client>, End<Server>) {
    let (mut client, mut server) = ends(kind);
    let mut taken = [0, 0];
    loop {
        if taken[1] < at_server
            && let Some(sent) = client.sink.sent.pop_front()
        {
            server.take(&sent, &mut answers(pki)).unwrap();
            taken[1] += 1;
        } else if taken[0] < at_client
            && let Some(sent) = server.sink.sent.pop_front()
        {
            client.take(&sent, &mut answers(pki)).unwrap();
            taken[0] += 1;
        } else {
            return (client, server);
        }
    }
}

/// Answers needs at once. Accepts every chain, so that tests see what the messages prove by
/// themselves.
pub(super) fn answers(pki: &Pki) -> impl FnMut(Need) -> Answer + '_ {
    |need| match need {
        Need::Verdict(need) => need.answer(Ok(())),
        Need::ClientVerdict(need) => need.answer(Ok(())),
        Need::Session(need) => {
            let session = need.identities().next().and_then(|ticket| ServerSessionValue::decode(ticket).ok());
            match session {
                Some(session) => need.found_single_use(0, session, &pki.identity, now()),
                None => need.not_found(),
            }
        }
        Need::TakeSession(need) => need.taken(),
        Need::NewSession(need) => need.answer(vec![b"a ticket".to_vec()]),
        other => pki.answer(other),
    }
}

/// A failed handshake: the failed side, the item that it was reading, and the error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) side: &'static str,
    pub(super) at: HandshakeType,
    pub(super) error: Error,
}

/// The outcome of a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    BothConnected,
    /// Both ends wait for data. On a transport, EOF would end this.
    Waiting,
    Failed(Failure),
}

/// Carries messages both ways until both ends wait. `tamper` sees each message with its number;
/// change_cipher_spec has none.
pub(super) fn run(
    client: &mut End<Client>,
    server: &mut End<Server>,
    answer: &mut dyn FnMut(Need) -> Answer,
    tamper: &mut dyn FnMut(usize, &mut Vec<u8>),
) -> Outcome {
    let mut number = 0;
    loop {
        let mut moved = false;
        for side in ["server", "client"] {
            let flight = if side == "server" { client.flight() } else { server.flight() };
            for mut sent in flight {
                moved = true;
                let at = sent.typ();
                if let Sent::Message(message) = &mut sent {
                    tamper(number, message);
                    number += 1;
                }
                let taken = match side {
                    "server" => server.take(&sent, answer),
                    _ => client.take(&sent, answer),
                };
                if let Err(error) = taken {
                    return Outcome::Failed(Failure { side, at, error });
                }
            }
        }
        if !moved {
            let both = client.is_connected() && server.is_connected();
            return if both { Outcome::BothConnected } else { Outcome::Waiting };
        }
    }
}

/// Runs a handshake without tampering.
pub(super) fn handshake(client: &mut End<Client>, server: &mut End<Server>, pki: &Pki) -> Outcome {
    run(client, server, &mut answers(pki), &mut |_, _| {})
}
