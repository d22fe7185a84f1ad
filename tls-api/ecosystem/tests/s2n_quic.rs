//! QUIC connections over loopback with s2n-quic in either role. It has a transport of its own, and
//! rustls over AWS-LC.
//!
//! s2n-quic has no 0-RTT and no version 2, and with rustls it sends and reads no tickets. It
//! updates keys only before their limit, so in a transfer it follows the updates of the other side.

#[path = "../../tests/quinn/counting.rs"]
mod counting;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, ConnectionError, Endpoint, TransportConfig};
use s2n_quic::provider::endpoint_limits::{ConnectionAttempt, Limiter, Outcome};
use s2n_quic::provider::tls::rustls as s2n_tls;
use s2n_quic::{Client as S2nClient, Server as S2nServer, client::Connect};
#[expect(deprecated, reason = "the builders set neither client certificates nor suites")]
use s2n_tls::rustls::{self, pki_types::pem::PemObject};
use strata_tls::{CipherSuite, ClientConfig, ConnectionInfo, HandshakeKind, Identity, ServerConfig};
use tls_ecosystem::Ca;

use crate::counting::Updates;

const ALPN: &str = "test";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// crypto_error of no_application_protocol and handshake_failure, bad_certificate and the like.
const CRYPTO_ERRORS: std::ops::Range<u64> = 0x100..0x200;

/// What a test changes. Both sides have certificates of one CA.
#[derive(Clone, Copy, Debug, Default)]
struct Settings {
    suite: Option<CipherSuite>,
    /// The server requires a client certificate.
    authenticates_client: bool,
    /// The server validates the client's address.
    retries: bool,
    other_alpn: bool,
}

/// In each direction.
const LONG: usize = 32 << 20;

/// The key updates of a transfer, which our side begins.
const UPDATES: usize = 8;

struct Certificates {
    ca: Ca,
    server: (String, String),
    client: (String, String),
}

impl Certificates {
    fn new() -> Self {
        let ca = Ca::new();
        let (server, client) = (ca.issue(&["localhost"]), ca.issue(&["client"]));
        Self { ca, server, client }
    }
}

fn patient() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(300).try_into().unwrap()));
    Arc::new(transport)
}

/// An endpoint of quinn with this library.
fn endpoint(server: Option<quinn::ServerConfig>) -> Endpoint {
    let socket = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let config = strata_tls::quinn::endpoint_config().unwrap();
    Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime)).unwrap()
}

fn our_client(certificates: &Certificates, settings: Settings, updates: &Updates) -> quinn::ClientConfig {
    let mut config = ClientConfig::with_roots(certificates.ca.roots());
    config.set_alpn_protocols([ALPN]).unwrap();
    if let Some(suite) = settings.suite {
        config.set_cipher_suites(&[suite]).unwrap();
    }
    if settings.authenticates_client {
        let (cert, key) = &certificates.client;
        config.set_client_identity(Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
    }
    let config = strata_tls::quinn::QuicClientConfig::try_from(Arc::new(config)).unwrap();
    let mut config = updates.client(Arc::new(config));
    config.transport_config(patient());
    config
}

fn our_server(certificates: &Certificates, settings: Settings, updates: &Updates) -> Endpoint {
    let (cert, key) = &certificates.server;
    let mut config = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    config.set_alpn_protocols([if settings.other_alpn { "other" } else { ALPN }]).unwrap();
    if let Some(suite) = settings.suite {
        config.set_cipher_suites(&[suite]).unwrap();
    }
    if settings.authenticates_client {
        let verifier = strata_tls::AllowAnyAuthenticatedClient::new(certificates.ca.roots());
        config.set_client_cert_verifier(Arc::new(verifier)).unwrap();
    }
    let mut config = strata_tls::quinn::server_config(Arc::new(config)).unwrap();
    updates.count(&mut config);
    config.transport_config(patient());
    endpoint(Some(config))
}

/// Accepts the next connection, after a Retry packet if the settings say so.
async fn accept(server: &Endpoint, settings: Settings) -> Result<Connection, ConnectionError> {
    let mut incoming = server.accept().await.unwrap();
    while settings.retries && !incoming.remote_address_validated() {
        incoming.retry().unwrap();
        incoming = server.accept().await.unwrap();
    }
    incoming.accept()?.await
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(ca: &Ca) -> Arc<rustls::RootCertStore> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap()).unwrap();
    Arc::new(roots)
}

type RustlsIdentity = (Vec<rustls::pki_types::CertificateDer<'static>>, rustls::pki_types::PrivateKeyDer<'static>);

fn identity((cert, key): &(String, String)) -> RustlsIdentity {
    let cert = rustls::pki_types::CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    (vec![cert], rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
}

fn s2n_client(certificates: &Certificates, settings: Settings) -> S2nClient {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots(&certificates.ca));
    let (chain, key) = identity(&certificates.client);
    let mut config = match settings.authenticates_client {
        true => builder.with_client_auth_cert(chain, key).unwrap(),
        false => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.into()];
    let client = S2nClient::builder().with_tls(s2n_tls::Client::from(config)).unwrap();
    client.with_io(LOOPBACK).unwrap().start().unwrap()
}

struct Validation {
    retries: bool,
}

impl Limiter for Validation {
    fn on_connection_attempt(&mut self, _: &ConnectionAttempt<'_>) -> Outcome {
        if self.retries { Outcome::retry() } else { Outcome::allow() }
    }
}

fn s2n_server(certificates: &Certificates, settings: Settings) -> (S2nServer, SocketAddr) {
    let builder = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots(&certificates.ca), provider());
    let builder = match settings.authenticates_client {
        true => builder.with_client_cert_verifier(verifier.build().unwrap()),
        false => builder.with_no_client_auth(),
    };
    let (chain, key) = identity(&certificates.server);
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![if settings.other_alpn { "other" } else { ALPN }.into()];
    let server = S2nServer::builder().with_tls(s2n_tls::Server::from(config)).unwrap();
    let server = server.with_endpoint_limits(Validation { retries: settings.retries }).unwrap();
    let server = server.with_io(LOOPBACK).unwrap().start().unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

fn info(connection: &Connection) -> ConnectionInfo {
    *connection.handshake_data().unwrap().downcast().unwrap()
}

/// Returns what the peer's side closed with, if it is an error of TLS.
fn crypto_error(error: &ConnectionError) -> Option<u64> {
    let code = match error {
        ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
        ConnectionError::TransportError(error) => u64::from(error.code),
        _ => return None,
    };
    CRYPTO_ERRORS.contains(&code).then_some(code - CRYPTO_ERRORS.start)
}

/// Data that differ everywhere.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Both sides send the data on one stream at once. Our side updates the keys of a long transfer.
async fn exchange_from_ours(
    connection: &Connection,
    (mut to, mut from): (quinn::SendStream, quinn::RecvStream),
    data: &[u8],
    updates: &Updates,
) {
    let send = async {
        for part in data.chunks(data.len().div_ceil(UPDATES)) {
            to.write_all(part).await.unwrap();
            if data.len() >= LONG {
                updates.force(connection).await;
            }
        }
        to.finish().unwrap();
    };
    let receive = async { from.read_to_end(data.len()).await.unwrap() };
    let ((), received) = tokio::join!(send, receive);
    assert!(received == data, "other data arrived");
    // The peer may not have acknowledged everything.
    to.stopped().await.unwrap();
}

async fn exchange_from_s2n(stream: s2n_quic::stream::BidirectionalStream, data: &[u8]) {
    let (mut from, mut to) = stream.split();
    let send = async {
        for part in data.chunks(64 * 1024) {
            to.send(part.to_vec().into()).await.unwrap();
        }
        to.finish().unwrap();
    };
    let receive = async {
        let mut received = Vec::new();
        while let Some(part) = from.receive().await.unwrap() {
            received.extend_from_slice(&part);
        }
        received
    };
    let ((), received) = tokio::join!(send, receive);
    assert!(received == data, "other data arrived");
    to.close().await.unwrap();
}

/// Connects our client to s2n-quic's server, exchanges data, and returns what was negotiated.
async fn to_s2n(config: quinn::ClientConfig, server: &mut S2nServer, data: &[u8], updates: &Updates) -> ConnectionInfo {
    let client = endpoint(None);
    let connecting = client.connect_with(config, server.local_addr().unwrap(), "localhost").unwrap();
    let (connection, accepted) = tokio::join!(connecting, server.accept());
    let (connection, mut accepted) = (connection.unwrap(), accepted.unwrap());
    let ours = async {
        let stream = connection.open_bi().await.unwrap();
        exchange_from_ours(&connection, stream, data, updates).await;
    };
    let theirs = async {
        let stream = accepted.accept_bidirectional_stream().await.unwrap().unwrap();
        exchange_from_s2n(stream, data).await;
    };
    tokio::join!(ours, theirs);
    let info = info(&connection);
    connection.close(0_u32.into(), b"");
    info
}

/// Connects s2n-quic's client to our server, exchanges data, and returns what was negotiated.
async fn from_s2n(
    client: &S2nClient,
    server: &Endpoint,
    settings: Settings,
    data: &[u8],
    updates: &Updates,
) -> Connection {
    let connect = Connect::new(server.local_addr().unwrap()).with_server_name("localhost");
    let (connection, accepted) = tokio::join!(client.connect(connect), accept(server, settings));
    let (mut connection, accepted) = (connection.unwrap(), accepted.unwrap());
    let theirs = async {
        let stream = connection.open_bidirectional_stream().await.unwrap();
        exchange_from_s2n(stream, data).await;
    };
    let ours = async {
        let stream = accepted.accept_bi().await.unwrap();
        exchange_from_ours(&accepted, stream, data, updates).await;
    };
    tokio::join!(theirs, ours);
    accepted
}

#[tokio::test]
async fn client_connects_with_and_without_a_retry_packet() {
    let (certificates, updates) = (Certificates::new(), Updates::default());
    for retries in [false, true] {
        let settings = Settings { retries, ..Settings::default() };
        let (mut server, _) = s2n_server(&certificates, settings);
        let info = to_s2n(our_client(&certificates, settings, &updates), &mut server, &pattern(5_000), &updates).await;
        assert_eq!((info.handshake_kind(), info.alpn_protocol()), (HandshakeKind::Full, Some(ALPN.as_bytes())));
    }
}

#[tokio::test]
async fn server_accepts_with_and_without_a_retry_packet() {
    let (certificates, updates) = (Certificates::new(), Updates::default());
    for retries in [false, true] {
        let settings = Settings { retries, ..Settings::default() };
        let client = s2n_client(&certificates, settings);
        let server = our_server(&certificates, settings, &updates);
        let info = info(&from_s2n(&client, &server, settings, &pattern(5_000), &updates).await);
        assert_eq!((info.handshake_kind(), info.alpn_protocol()), (HandshakeKind::Full, Some(ALPN.as_bytes())));
        assert_eq!(info.server_name(), Some("localhost"));
    }
}

/// 64 MiB in all. s2n-quic answers each update, which our side waits for.
#[tokio::test]
async fn keys_are_updated_in_a_transfer_in_both_roles() {
    let (certificates, data) = (Certificates::new(), pattern(LONG));
    let settings = Settings::default();
    let updates = Updates::default();
    let (mut server, _) = s2n_server(&certificates, settings);
    to_s2n(our_client(&certificates, settings, &updates), &mut server, &data, &updates).await;
    assert!(updates.get() > UPDATES, "{}", updates.get());
    let updates = Updates::default();
    let client = s2n_client(&certificates, settings);
    let server = our_server(&certificates, settings, &updates);
    from_s2n(&client, &server, settings, &data, &updates).await;
    assert!(updates.get() > UPDATES, "{}", updates.get());
}

#[tokio::test]
async fn both_roles_negotiate_each_suite() {
    let (certificates, updates) = (Certificates::new(), Updates::default());
    for suite in [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    ] {
        let settings = Settings { suite: Some(suite), ..Settings::default() };
        let (mut server, _) = s2n_server(&certificates, settings);
        let of_client =
            to_s2n(our_client(&certificates, settings, &updates), &mut server, &pattern(50_000), &updates).await;
        let client = s2n_client(&certificates, settings);
        let server = our_server(&certificates, settings, &updates);
        let of_server = info(&from_s2n(&client, &server, settings, &pattern(50_000), &updates).await);
        assert_eq!([of_client.cipher_suite(), of_server.cipher_suite()], [suite; 2]);
    }
}

#[tokio::test]
async fn client_certificate_is_presented_and_verified() {
    let (certificates, updates) = (Certificates::new(), Updates::default());
    let settings = Settings { authenticates_client: true, ..Settings::default() };
    let (mut server, _) = s2n_server(&certificates, settings);
    to_s2n(our_client(&certificates, settings, &updates), &mut server, &pattern(5_000), &updates).await;
    let client = s2n_client(&certificates, settings);
    let server = our_server(&certificates, settings, &updates);
    let connection = from_s2n(&client, &server, settings, &pattern(5_000), &updates).await;
    let chain = info(&connection).peer_certificates().map(<[_]>::to_vec);
    assert_eq!(chain.map(|chain| chain.len()), Some(1));

    // Without one, s2n-quic's client fails at our server.
    let client = s2n_client(&certificates, Settings::default());
    let connect = Connect::new(server.local_addr().unwrap()).with_server_name("localhost");
    let (_, accepted) = tokio::join!(client.connect(connect), accept(&server, settings));
    assert_eq!(crypto_error(&accepted.unwrap_err()), Some(116), "certificate_required");
}

#[tokio::test]
async fn wrong_name_is_rejected_by_either_client() {
    let (certificates, updates) = (Certificates::new(), Updates::default());
    let (mut server, address) = s2n_server(&certificates, Settings::default());
    let (client, config) = (endpoint(None), our_client(&certificates, Settings::default(), &updates));
    let connecting = client.connect_with(config, address, "other.test").unwrap();
    tokio::select! {
        result = connecting => assert!(crypto_error(&result.unwrap_err()).is_some()),
        accepted = server.accept() => panic!("{accepted:?}"),
    }

    let client = s2n_client(&certificates, Settings::default());
    let server = our_server(&certificates, Settings::default(), &updates);
    let connect = Connect::new(server.local_addr().unwrap()).with_server_name("other.test");
    let (connected, accepted) = tokio::join!(client.connect(connect), accept(&server, Settings::default()));
    assert!(connected.is_err());
    let e = accepted.unwrap_err();
    assert!(crypto_error(&e).is_some(), "{e:?}");
}

#[tokio::test]
async fn no_common_protocol_fails_in_both_roles() {
    let (certificates, updates) = (Certificates::new(), Updates::default());
    let settings = Settings { other_alpn: true, ..Settings::default() };
    let (mut server, address) = s2n_server(&certificates, settings);
    let (client, config) = (endpoint(None), our_client(&certificates, settings, &updates));
    let connecting = client.connect_with(config, address, "localhost").unwrap();
    tokio::select! {
        // s2n-quic says handshake_failure.
        result = connecting => assert!(crypto_error(&result.unwrap_err()).is_some()),
        accepted = server.accept() => panic!("{accepted:?}"),
    }

    let client = s2n_client(&certificates, settings);
    let server = our_server(&certificates, settings, &updates);
    let connect = Connect::new(server.local_addr().unwrap()).with_server_name("localhost");
    let (connected, accepted) = tokio::join!(client.connect(connect), accept(&server, settings));
    assert!(connected.is_err());
    assert_eq!(crypto_error(&accepted.unwrap_err()), Some(120));
}
