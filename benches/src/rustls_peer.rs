//! rustls, configured for the same work, with a choice of providers.

use std::{
    io::{self, Read, Write},
    marker::PhantomData,
    sync::Arc,
};

use rustls::{
    CipherSuite, ClientConfig, ClientConnection, Connection, NamedGroup, RootCertStore, ServerConfig, ServerConnection,
    client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption, Tls13ClientSessionValue},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{
        NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier,
    },
};

use crate::{Certificates, Choice, Endpoint, Library, Pem, SESSIONS, Sessions, Setup, Shown, Side, Version};

/// rustls with one of its providers.
#[derive(Debug)]
pub struct Rustls<P> {
    certificates: Certificates,
    setup: Setup,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
    provider: PhantomData<P>,
}

/// rustls with its ring provider.
pub type RustlsRing = Rustls<Ring>;

/// A crypto provider.
pub trait Provider: Sync {
    /// The library's name in tables with this provider.
    const NAME: &'static str;
    /// The whole provider.
    fn all() -> CryptoProvider;
    /// The ticketer.
    fn ticketer() -> Arc<dyn ProducesTickets>;
}

/// ring.
#[derive(Debug)]
pub struct Ring;

impl Provider for Ring {
    const NAME: &'static str = "rustls";

    fn all() -> CryptoProvider {
        ring::default_provider()
    }

    fn ticketer() -> Arc<dyn ProducesTickets> {
        ring::Ticketer::new().expect("randomness")
    }
}

/// rustls with its aws-lc-rs provider.
#[cfg(feature = "aws-lc-rs")]
pub type RustlsAwsLc = Rustls<AwsLc>;

/// aws-lc-rs.
#[cfg(feature = "aws-lc-rs")]
#[derive(Debug)]
pub struct AwsLc;

#[cfg(feature = "aws-lc-rs")]
impl Provider for AwsLc {
    const NAME: &'static str = "rustls, aws-lc-rs";

    fn all() -> CryptoProvider {
        rustls::crypto::aws_lc_rs::default_provider()
    }

    fn ticketer() -> Arc<dyn ProducesTickets> {
        rustls::crypto::aws_lc_rs::Ticketer::new().expect("randomness")
    }
}

/// The part of a provider that the setup uses.
pub(crate) fn provider<P: Provider>(setup: Setup) -> Arc<CryptoProvider> {
    let mut provider = P::all();
    if setup.choice != Choice::Defaults {
        let suite = match setup.version {
            Version::Tls13 => CipherSuite::TLS13_AES_128_GCM_SHA256,
            Version::Tls12 => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        };
        provider.cipher_suites.retain(|known| known.suite() == suite);
        let groups: &[_] = match setup.choice {
            Choice::Hybrid => &[NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::secp256r1],
            _ => &[NamedGroup::X25519, NamedGroup::secp256r1],
        };
        provider.kx_groups.retain(|group| groups.contains(&group.name()));
        // The provider has preferences of its own.
        provider.kx_groups.sort_by_key(|group| groups.iter().position(|name| *name == group.name()));
    }
    Arc::new(provider)
}

impl<P: Provider> Rustls<P> {
    /// Returns the client's configuration, and the server's name.
    pub(crate) fn client_config(&self) -> (Arc<ClientConfig>, ServerName<'static>) {
        (Arc::clone(&self.client), self.name.clone())
    }

    /// Returns the server's configuration.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

impl<P: Provider> Library for Rustls<P> {
    const NAME: &'static str = P::NAME;
    type Client = Connection;
    type Server = Connection;

    fn new(certificates: &Certificates, setup: Setup) -> Self {
        let (client, server) = configs::<P>(certificates, setup);
        let name = ServerName::try_from("localhost").expect("a name");
        let certificates = certificates.clone();
        Self { certificates, setup, client: Arc::new(client), server: Arc::new(server), name, provider: PhantomData }
    }

    fn sharing(&self, side: Side) -> Self {
        // Create both: a clone would share certificates and verifier.
        let (client, mut server) = configs::<P>(&self.certificates, self.setup);
        let (client, server) = match side {
            Side::Client => {
                server.ticketer = Arc::clone(&self.server.ticketer);
                server.session_storage = Arc::clone(&self.server.session_storage);
                if self.setup.sessions == Sessions::Store {
                    let (first, own) = (server.session_storage, ServerSessionMemoryCache::new(SESSIONS));
                    server.session_storage = Arc::new(Replica { first, own });
                }
                (Arc::clone(&self.client), Arc::new(server))
            }
            Side::Server => (Arc::new(client), Arc::clone(&self.server)),
        };
        let (certificates, name) = (self.certificates.clone(), self.name.clone());
        Self { certificates, setup: self.setup, client, server, name, provider: PhantomData }
    }

    fn client(&self) -> Connection {
        ClientConnection::new(self.client.clone(), self.name.clone()).expect("a client").into()
    }

    fn server(&self) -> Connection {
        ServerConnection::new(self.server.clone()).expect("a server").into()
    }
}

/// Returns a client and a server configuration.
pub(crate) fn configs<P: Provider>(certificates: &Certificates, setup: Setup) -> (ClientConfig, ServerConfig) {
    let provider = provider::<P>(setup);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates.root.as_bytes()).expect("PEM")).expect("our own root");
    let versions: &[&rustls::SupportedProtocolVersion] = match setup.version {
        Version::Tls13 => &[&rustls::version::TLS13],
        Version::Tls12 => &[&rustls::version::TLS12],
    };
    let Pem { chain, key } = certificates.with(setup.key);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let chain = chain.expect("PEM");
    let key = || PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .expect("a version with a suite")
        .with_root_certificates(roots.clone());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .expect("a version with a suite");
    let (mut client, server) = match setup.certificates {
        Shown::ByServer => (client.with_no_client_auth(), server.with_no_client_auth()),
        Shown::ByBoth => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            (
                client.with_client_auth_cert(chain.clone(), key()).expect("our own certificate and key"),
                server.with_client_cert_verifier(verifier.expect("a root")),
            )
        }
    };
    let mut server = server.with_single_cert(chain, key()).expect("our own certificate and key");
    if setup.choice != Choice::Defaults {
        server.send_tls13_tickets = setup.tickets().into();
    }
    match setup.sessions {
        Sessions::Nowhere => {
            client.resumption = Resumption::disabled();
            server.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Sessions::Tickets => {
            server.session_storage = Arc::new(NoServerSessionStorage {});
            server.ticketer = P::ticketer();
        }
        Sessions::Store => {
            client.resumption = resumption(setup);
            server.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        }
        Sessions::Forgotten => client.resumption = Resumption::store(Arc::new(Forgetful)),
    }
    (client, server)
}

/// Its default, except for TLS 1.2 session IDs, which it does not use if it accepts tickets.
fn resumption(setup: Setup) -> Resumption {
    let default = Resumption::default();
    match setup.sessions {
        Sessions::Store => default.tls12_resumption(Tls12Resumption::SessionIdOnly),
        Sessions::Nowhere | Sessions::Tickets | Sessions::Forgotten => default,
    }
}

/// As in `ours.rs`.
#[derive(Debug)]
struct Replica {
    first: Arc<dyn StoresServerSessions>,
    own: Arc<ServerSessionMemoryCache>,
}

impl StoresServerSessions for Replica {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.first.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.own.get(key).or_else(|| {
            let value = self.first.get(key)?;
            self.own.put(key.to_vec(), value.clone());
            Some(value)
        })
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.first.take(key)
    }

    fn can_cache(&self) -> bool {
        self.first.can_cache()
    }
}

/// Discards all sessions.
#[derive(Debug)]
struct Forgetful;

impl ClientSessionStore for Forgetful {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

impl Endpoint for Connection {
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        self.read_tls(from)
    }

    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        self.write_tls(to)
    }

    fn process(&mut self) {
        self.process_new_packets().expect("a conforming peer");
    }

    fn is_handshaking(&self) -> bool {
        (**self).is_handshaking()
    }

    fn is_resumed(&self) -> bool {
        self.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    fn wants_write(&self) -> bool {
        (**self).wants_write()
    }

    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.writer().write(plaintext)
    }

    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize> {
        self.reader().read(plaintext)
    }

    fn read_in_place(&mut self) -> usize {
        crate::look(&mut self.reader())
    }
}
