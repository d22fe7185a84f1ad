//! This library.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use strata_tls::{
    AllowAnyAuthenticatedClient, Backend, ChainVerifier, CipherSuite, ClientConfig, ClientSession, ClientSessionValue,
    Identity, NamedGroup, NoClientSessionStorage, ProtocolVersion, ServerConfig, ServerName, ServerSession,
    ServerSessionMemoryCache, StoresClientSessions, StoresServerSessions, Ticketer,
};
use zeroize::Zeroizing;

use crate::{Certificates, Choice, Endpoint, Library, Memo, Pem, SESSIONS, Sessions, Setup, Shown, Side, Version};

/// This library, with its buffered sessions.
#[derive(Debug)]
pub struct Ours {
    backend: Backend,
    certificates: Certificates,
    setup: Setup,
    kept: Kept,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
}

/// How servers look up sessions.
#[derive(Clone, Debug)]
struct Kept {
    ticketer: Arc<Ticketer>,
    store: Arc<dyn StoresServerSessions>,
}

/// The sessions of another server, and an own copy of each TLS 1.2 session that was looked up. Two
/// servers share no session that is resumed repeatedly.
#[derive(Debug)]
struct Replica {
    first: Arc<dyn StoresServerSessions>,
    own: ServerSessionMemoryCache,
}

impl StoresServerSessions for Replica {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
        self.first.put(id, session, lifetime)
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.own.get(id).or_else(|| {
            let session = self.first.get(id)?;
            self.own.put(id, session.clone(), 60);
            Some(session)
        })
    }

    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.first.take(id)
    }
}

/// Discards all sessions.
#[derive(Debug)]
struct Forgetful;

impl StoresClientSessions for Forgetful {
    fn put(&self, session: ClientSessionValue) {
        drop(session);
    }

    fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
        None
    }

    fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}
}

impl Setup {
    fn our_version(self) -> ProtocolVersion {
        match self.version {
            Version::Tls13 => ProtocolVersion::TLS13,
            Version::Tls12 => ProtocolVersion::TLS12,
        }
    }

    pub(crate) fn our_suite(self) -> CipherSuite {
        match self.version {
            Version::Tls13 => CipherSuite::TLS_AES_128_GCM_SHA256,
            Version::Tls12 => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        }
    }
}

/// The second is for the certificates: in TLS 1.2 the list also covers their curves.
pub(crate) const GROUPS: [NamedGroup; 2] = [NamedGroup::X25519, NamedGroup::SECP256R1];

fn groups(setup: Setup) -> &'static [NamedGroup] {
    match setup.choice {
        Choice::Alike => &GROUPS,
        Choice::Hybrid => &[NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::SECP256R1],
        Choice::Defaults => &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1],
    }
}

pub(crate) fn verifier(certificates: &Certificates, setup: Setup) -> ChainVerifier {
    let roots = strata_tls::root_store_from_pem(certificates.root.as_bytes()).expect("our own root");
    let mut verifier = ChainVerifier::new(roots);
    if setup.memo == Memo::Off {
        verifier.set_memo_size(0);
    }
    verifier
}

pub(crate) fn identity(certificates: &Certificates, setup: Setup) -> Identity {
    let Pem { chain, key } = certificates.with(setup.key);
    Identity::from_pem(chain.as_bytes(), key.as_bytes()).expect("our own certificate")
}

fn client(backend: Backend, certificates: &Certificates, setup: Setup) -> Arc<ClientConfig> {
    let mut client = ClientConfig::with_server_verifier(verifier(certificates, setup));
    client.set_backend(backend);
    client.set_versions(&[setup.our_version()]).expect("supported");
    if setup.choice != Choice::Defaults {
        client.set_cipher_suites(&[setup.our_suite()]).expect("supported");
    }
    client.set_groups(groups(setup)).expect("supported");
    if setup.certificates == Shown::ByBoth {
        client.set_client_identity(identity(certificates, setup));
    }
    match setup.sessions {
        Sessions::Nowhere => client.set_session_storage(Arc::new(NoClientSessionStorage)),
        Sessions::Store if setup.version == Version::Tls12 => client.set_tickets(false),
        Sessions::Store | Sessions::Tickets => {}
        Sessions::Forgotten => client.set_session_storage(Arc::new(Forgetful)),
    }
    Arc::new(client)
}

fn server(backend: Backend, certificates: &Certificates, setup: Setup, kept: &Kept) -> Arc<ServerConfig> {
    let mut server = ServerConfig::new(identity(certificates, setup));
    server.set_backend(backend);
    server.set_versions(&[setup.our_version()]).expect("supported");
    server.set_groups(groups(setup)).expect("supported");
    if setup.choice != Choice::Defaults {
        server.set_cipher_suites(&[setup.our_suite()]).expect("supported");
        server.set_send_tls13_tickets(1);
    }
    if setup.certificates == Shown::ByBoth {
        let verifier = AllowAnyAuthenticatedClient::new(verifier(certificates, setup));
        server.set_client_cert_verifier(Arc::new(verifier)).expect("one short name");
    }
    match setup.sessions {
        Sessions::Nowhere => server.disable_resumption(),
        Sessions::Tickets => server.set_ticketer(Arc::clone(&kept.ticketer) as _),
        Sessions::Store => server.set_session_storage(Arc::clone(&kept.store)),
        Sessions::Forgotten => {}
    }
    Arc::new(server)
}

impl Ours {
    fn with_backend(backend: Backend, certificates: &Certificates, setup: Setup) -> Self {
        let ticketer = Arc::new(Ticketer::with_backend(backend).expect("randomness"));
        let kept = Kept { ticketer, store: Arc::new(ServerSessionMemoryCache::new(SESSIONS)) };
        let (client, server) = (client(backend, certificates, setup), server(backend, certificates, setup, &kept));
        let name = ServerName::try_from("localhost").expect("a name");
        Self { backend, certificates: certificates.clone(), setup, kept, client, server, name }
    }

    /// Returns the client's configuration, and the server's name.
    pub(crate) fn client_config(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (Arc::clone(&self.client), self.name.clone())
    }

    /// Returns the server's configuration.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

impl Library for Ours {
    const NAME: &'static str = "ours";
    type Client = Session<ClientSession>;
    type Server = Session<ServerSession>;

    fn new(certificates: &Certificates, setup: Setup) -> Self {
        Self::with_backend(Backend::ring(), certificates, setup)
    }

    fn sharing(&self, side: Side) -> Self {
        let Self { backend, certificates, setup, kept, client: ours, server: theirs, name } = self;
        let (client, server) = match side {
            Side::Client => {
                let (first, own) = (Arc::clone(&kept.store), ServerSessionMemoryCache::new(SESSIONS));
                let kept = Kept { store: Arc::new(Replica { first, own }), ..kept.clone() };
                (Arc::clone(ours), server(*backend, certificates, *setup, &kept))
            }
            Side::Server => (client(*backend, certificates, *setup), Arc::clone(theirs)),
        };
        Self {
            backend: *backend,
            certificates: certificates.clone(),
            setup: *setup,
            kept: kept.clone(),
            client,
            server,
            name: name.clone(),
        }
    }

    fn client(&self) -> Self::Client {
        Session(ClientSession::new(&self.client, self.name.clone()).expect("a client"))
    }

    fn server(&self) -> Self::Server {
        Session(ServerSession::new(&self.server))
    }
}

/// This library with AWS-LC.
#[cfg(feature = "aws-lc-rs")]
#[derive(Debug)]
pub struct OursAwsLc(pub(crate) Ours);

#[cfg(feature = "aws-lc-rs")]
impl Library for OursAwsLc {
    const NAME: &'static str = "ours, aws-lc-rs";
    type Client = Session<ClientSession>;
    type Server = Session<ServerSession>;

    fn new(certificates: &Certificates, setup: Setup) -> Self {
        Self(Ours::with_backend(Backend::aws_lc(), certificates, setup))
    }

    fn sharing(&self, side: Side) -> Self {
        Self(self.0.sharing(side))
    }

    fn client(&self) -> Self::Client {
        self.0.client()
    }

    fn server(&self) -> Self::Server {
        self.0.server()
    }
}

/// A session of this library.
#[derive(Debug)]
pub struct Session<S>(S);

impl<S> Session<S> {
    /// Returns the session itself.
    pub fn into_inner(self) -> S {
        self.0
    }
}

impl<S: strata_tls::Session> Endpoint for Session<S> {
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        self.0.read_tls(from)
    }

    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        self.0.write_tls(to)
    }

    fn process(&mut self) {
        self.0.process_new_packets().expect("a conforming peer");
    }

    fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    fn is_resumed(&self) -> bool {
        self.0.handshake_kind() == Some(strata_tls::HandshakeKind::Resumed)
    }

    fn wants_write(&self) -> bool {
        self.0.wants_write()
    }

    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.0.write(plaintext)
    }

    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize> {
        self.0.read(plaintext)
    }

    fn read_in_place(&mut self) -> usize {
        crate::look(&mut self.0)
    }
}
