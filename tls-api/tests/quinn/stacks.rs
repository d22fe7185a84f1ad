//! Endpoints of both libraries with the same settings, and connections between them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig as RustlsClient, QuicServerConfig as RustlsServer};
use quinn::{
    ClientConfig, Connecting, Connection, ConnectionError, Endpoint, RecvStream, SendStream, ServerConfig,
    TokioRuntime, TransportConfig, VarInt,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use strata_tls::{
    AllowAnyAuthenticatedClient, CipherSuite, ClientSessionMemoryCache, ConnectionInfo, HandshakeKind, Identity,
    ServerSessionMemoryCache,
};

use crate::pki::{Ca, FAR, Kind};

/// Which library is the client, and which the server. One of them is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    OursOurs,
    OursRustls,
    RustlsOurs,
}

pub(crate) const PAIRINGS: [Pairing; 3] = [Pairing::OursOurs, Pairing::OursRustls, Pairing::RustlsOurs];

/// The settings of both sides.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) client_alpn: Vec<String>,
    pub(crate) server_alpn: Vec<String>,
    /// The only cipher suite of one side.
    pub(crate) suite: Option<CipherSuite>,
    /// The server requires a client certificate.
    pub(crate) authenticates_client: bool,
    /// The client presents one.
    pub(crate) has_client_certificate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let alpn = vec!["test".to_owned()];
        Self {
            client_alpn: alpn.clone(),
            server_alpn: alpn,
            suite: None,
            authenticates_client: false,
            has_client_certificate: false,
        }
    }
}

/// The configurations of a pairing. All have early data enabled, and share their session storage
/// with their clones.
pub(crate) struct Configs {
    pub(crate) client: ClientConfig,
    pub(crate) server: ServerConfig,
}

impl Pairing {
    pub(crate) fn configs(self, settings: &Settings) -> Configs {
        self.configs_of(&Ca::new(Kind::EcdsaP256), settings)
    }

    /// The same with certificates of this CA.
    pub(crate) fn configs_of(self, ca: &Ca, settings: &Settings) -> Configs {
        let server = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
        let client = ca.issue(Kind::EcdsaP256, &["client.test"], (2000, FAR));
        let mut configs = Configs {
            client: match self {
                Self::OursOurs | Self::OursRustls => our_client(settings, ca, &client),
                Self::RustlsOurs => rustls_client(settings, ca, &client),
            },
            server: match self {
                Self::OursOurs | Self::RustlsOurs => our_server(settings, ca, &server),
                Self::OursRustls => rustls_server(settings, ca, &server),
            },
        };
        configs.client.transport_config(Arc::new(patient()));
        configs.server.transport_config(Arc::new(patient()));
        configs
    }

    pub(crate) fn has_our_client(self) -> bool {
        self != Self::RustlsOurs
    }

    pub(crate) fn has_our_server(self) -> bool {
        self != Self::OursRustls
    }
}

/// A slow machine must not end a connection.
pub(crate) fn patient() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(300).try_into().unwrap()));
    transport
}

fn our_client(settings: &Settings, ca: &Ca, (cert, key): &(String, String)) -> ClientConfig {
    let mut config = ca.client_config();
    config.set_alpn_protocols(&settings.client_alpn).unwrap();
    config.set_session_storage(Arc::new(ClientSessionMemoryCache::new(8)));
    config.enable_early_data(true);
    if let Some(suite) = settings.suite {
        config.set_cipher_suites(&[suite]).unwrap();
    }
    if settings.has_client_certificate {
        config.set_client_identity(Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
    }
    strata_tls::quinn::client_config(Arc::new(config)).unwrap()
}

fn our_server(settings: &Settings, ca: &Ca, (cert, key): &(String, String)) -> ServerConfig {
    let mut config = strata_tls::ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    config.set_alpn_protocols(&settings.server_alpn).unwrap();
    config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(8)));
    config.set_max_early_data_size(1);
    if let Some(suite) = settings.suite {
        config.set_cipher_suites(&[suite]).unwrap();
    }
    if settings.authenticates_client {
        config.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    }
    strata_tls::quinn::server_config(Arc::new(config)).unwrap()
}

fn alpn(names: &[String]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.clone().into_bytes()).collect()
}

fn rustls_roots(ca: &Ca) -> Arc<rustls::RootCertStore> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap()).unwrap();
    Arc::new(roots)
}

fn rustls_identity((cert, key): &(String, String)) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    (chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
}

fn rustls_client(settings: &Settings, ca: &Ca, client: &(String, String)) -> ClientConfig {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls_roots(ca));
    let (chain, key) = rustls_identity(client);
    let mut config = match settings.has_client_certificate {
        true => builder.with_client_auth_cert(chain, key).unwrap(),
        false => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn(&settings.client_alpn);
    config.enable_early_data = true;
    ClientConfig::new(Arc::new(RustlsClient::try_from(config).unwrap()))
}

fn rustls_server(settings: &Settings, ca: &Ca, server: &(String, String)) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let builder = match settings.authenticates_client {
        true => builder.with_client_cert_verifier(
            rustls::server::WebPkiClientVerifier::builder_with_provider(rustls_roots(ca), provider).build().unwrap(),
        ),
        false => builder.with_no_client_auth(),
    };
    let (chain, key) = rustls_identity(server);
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn(&settings.server_alpn);
    config.max_early_data_size = u32::MAX;
    ServerConfig::with_crypto(Arc::new(RustlsServer::try_from(config).unwrap()))
}

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An endpoint with keys of this library.
fn endpoint(server: Option<ServerConfig>) -> Endpoint {
    let socket = std::net::UdpSocket::bind(ANY).unwrap();
    Endpoint::new(strata_tls::quinn::endpoint_config().unwrap(), server, socket, Arc::new(TokioRuntime)).unwrap()
}

/// A client and a server endpoint.
pub(crate) struct Link {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    /// Where the client sends to: the server, or a relay.
    pub(crate) address: SocketAddr,
    pub(crate) config: ClientConfig,
    /// The server validates addresses with a Retry.
    pub(crate) retries: bool,
}

impl Link {
    pub(crate) fn new(configs: Configs) -> Self {
        let server = endpoint(Some(configs.server));
        let address = server.local_addr().unwrap();
        Self { client: endpoint(None), server, address, config: configs.client, retries: false }
    }

    pub(crate) fn connecting(&self, name: &str) -> Connecting {
        self.client.connect_with(self.config.clone(), self.address, name).unwrap()
    }

    /// Fails if the first packet already ends the handshake.
    pub(crate) async fn accepting(&self) -> Result<Connecting, ConnectionError> {
        let mut incoming = self.server.accept().await.unwrap();
        assert!(!incoming.remote_address_validated());
        // The client repeats its first packet if the Retry gets lost.
        while self.retries && !incoming.remote_address_validated() {
            incoming.retry().unwrap();
            incoming = self.server.accept().await.unwrap();
        }
        incoming.accept()
    }

    /// Connects, and returns the result of each side.
    pub(crate) async fn try_connect(&self, name: &str) -> [Result<Connection, ConnectionError>; 2] {
        let connecting = self.connecting(name);
        let (client, server) = tokio::join!(connecting, async { self.accepting().await?.await });
        [client, server]
    }

    pub(crate) async fn connect(&self) -> [Connection; 2] {
        self.try_connect("server.test").await.map(Result::unwrap)
    }
}

/// Sends `data` to the server on a new stream, and back.
pub(crate) async fn echo(client: &Connection, server: &Connection, data: &[u8]) {
    let send = async {
        let (mut to, from) = client.open_bi().await.unwrap();
        to.write_all(data).await.unwrap();
        to.finish().unwrap();
        assert!(read_all(from).await == data, "the response differs");
    };
    tokio::join!(send, answer(server));
}

/// Answers one stream with what it receives.
pub(crate) async fn answer(server: &Connection) {
    let (to, from): (SendStream, RecvStream) = server.accept_bi().await.unwrap();
    respond(to, &read_all(from).await).await;
}

pub(crate) async fn respond(mut to: SendStream, data: &[u8]) {
    to.write_all(data).await.unwrap();
    to.finish().unwrap();
}

pub(crate) async fn read_all(mut from: RecvStream) -> Vec<u8> {
    from.read_to_end(usize::MAX).await.unwrap()
}

/// Closes both sides, so that nothing of one connection reaches the next.
pub(crate) async fn close(client: &Connection, server: &Connection) {
    client.close(VarInt::from_u32(0), b"");
    server.closed().await;
}

/// What this library's side of a connection negotiated.
pub(crate) fn info(connection: &Connection) -> Option<ConnectionInfo> {
    connection.handshake_data()?.downcast().ok().map(|info| *info)
}

/// The kinds that the sides with this library report.
pub(crate) fn kinds(sides: &[Connection; 2]) -> Vec<HandshakeKind> {
    sides.iter().filter_map(info).map(|info| info.handshake_kind()).collect()
}

/// The application protocol, whatever the library.
pub(crate) fn protocol(connection: &Connection) -> Option<Vec<u8>> {
    match info(connection) {
        Some(info) => info.alpn_protocol().map(<[u8]>::to_vec),
        None => connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol,
    }
}
