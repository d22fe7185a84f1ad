//! The configurations of the insider's handshakes.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use pki_types::{PrivateKeyDer, pem::PemObject};
use tls_handshake::{
    ClientAuth, ClientConfig, ClientSessionValue, ExternalPsk, Identity, ServerConfig, SessionLookup,
    tls_codec::{CipherSuite, NamedGroup, ProtocolVersion},
    tls_crypto::PrivateKey,
    verify::ServerVerifier,
};

use super::{HASH, Log, STORE, connect};

pub(super) struct Settings {
    pub(super) psk: ExternalPsk,
    pub(super) identity: Arc<Identity>,
    pub(super) key: PrivateKey,
    pub(super) verifier: ServerVerifier,
}

/// How a connection begins.
#[derive(Default)]
pub(super) struct Setup {
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
    pub(super) session: Option<ClientSessionValue>,
    pub(super) store: HashMap<Vec<u8>, Vec<u8>>,
    pub(super) has_psk: bool,
    pub(super) is_tls12: bool,
    /// The server sends a HelloRetryRequest.
    pub(super) is_retry: bool,
    pub(super) accepts_early_data: bool,
    pub(super) rejects_early_data: bool,
}

pub(super) const PSK_NAME: &[u8] = b"key";
/// The early data that a server accepts.
pub(super) const MAX_EARLY_DATA: usize = 2000;

pub(super) static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings {
    psk: ExternalPsk::plain(PSK_NAME.to_vec(), &[7; 32], HASH).unwrap(),
    identity: crate::identity(),
    key: PrivateKey::from_der(&PrivateKeyDer::from_pem_slice(crate::PEM[1]).unwrap()).unwrap(),
    verifier: crate::roots().into(),
});

/// All handshakes, by bits 3 and 4 and by the low two bits of the first byte of an input.
pub(super) static SETUPS: LazyLock<[[Setup; 4]; 4]> = LazyLock::new(|| {
    let auth = |server: &mut ServerConfig| server.set_client_auth(ClientAuth::Required);
    let tickets = |server: &mut ServerConfig| server.set_session_lookup(SessionLookup::Tickets);
    let ids = |server: &mut ServerConfig| server.set_session_lookup(SessionLookup::Ids);
    let retry = |server: &mut ServerConfig| server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let early = |server: &mut ServerConfig| {
        server.set_session_lookup(SessionLookup::Ids);
        server.set_max_early_data_size(u32::try_from(MAX_EARLY_DATA).unwrap());
    };
    let external = |server: &mut ServerConfig| server.set_external_psks(true);
    let with_psk = |setup: Setup| Setup { has_psk: true, ..setup };
    let retried = |setup: Setup| Setup { is_retry: true, ..setup };
    let mut rejected = resumed(Version::Tls13Early, early);
    rejected.server = Arc::new(server(Version::Tls13Early, ids));
    [
        // TLS 1.3: full, with a client certificate, with an external key.
        [
            first(Version::Tls13, |_| {}),
            first(Version::Tls13, auth),
            with_psk(first(Version::Tls13, external)),
            first(Version::Tls13, tickets),
        ],
        // TLS 1.2: full, with a client certificate, with a ticket, resumed by one.
        [
            first(Version::Tls12, |_| {}),
            first(Version::Tls12, auth),
            first(Version::Tls12, tickets),
            resumed(Version::Tls12, tickets),
        ],
        // TLS 1.3 with a HelloRetryRequest or a session.
        [
            retried(first(Version::Tls13, retry)),
            retried(with_psk(first(Version::Tls13, |server| {
                retry(server);
                external(server);
            }))),
            resumed(Version::Tls13, tickets),
            Setup { accepts_early_data: true, ..resumed(Version::Tls13Early, early) },
        ],
        // A session ID, both kinds of authentication at once, and early data that are rejected.
        [
            resumed(Version::Tls12, ids),
            first(Version::Tls12, |server| {
                auth(server);
                tickets(server);
            }),
            retried(first(Version::Tls13, |server| {
                retry(server);
                auth(server);
            })),
            Setup { rejects_early_data: true, ..rejected },
        ],
    ]
});

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Tls12,
    Tls13,
    Tls13Early,
}

fn server(version: Version, change: impl Fn(&mut ServerConfig)) -> ServerConfig {
    let mut server = ServerConfig::new();
    if version == Version::Tls12 {
        server.set_versions(&[ProtocolVersion::TLS12]).unwrap();
        server.set_cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]).unwrap();
    } else {
        server.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256]).unwrap();
    }
    server.set_alpn_protocols(["h2"]).unwrap();
    server.set_key_log(Arc::new(Log(1)));
    change(&mut server);
    server
}

fn first(version: Version, change: impl Fn(&mut ServerConfig)) -> Setup {
    let mut client = ClientConfig::new();
    let suites13 = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_CHACHA20_POLY1305_SHA256];
    match version {
        // The client also offers TLS 1.3, so that it must detect a downgrade.
        Version::Tls12 => {
            let suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
            client.set_cipher_suites(&[suites13[0], suite]).unwrap();
        }
        _ => {
            client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
            client.set_cipher_suites(&suites13).unwrap();
        }
    }
    client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
    client.set_alpn_protocols(["h2"]).unwrap();
    client.set_client_identity_lookup(true);
    client.set_resumption(true);
    client.enable_early_data(version == Version::Tls13Early);
    client.set_key_log(Arc::new(Log(0)));
    Setup {
        client: Arc::new(client),
        server: Arc::new(server(version, change)),
        is_tls12: version == Version::Tls12,
        ..Setup::default()
    }
}

/// Makes a connection, so that the next one resumes its session.
fn resumed(version: Version, change: impl Fn(&mut ServerConfig)) -> Setup {
    let mut setup = first(version, change);
    STORE.with_borrow_mut(HashMap::clear);
    let (mut client, mut server) = connect(&setup);
    for _ in 0..4 {
        server.receive(&client.sent()).unwrap();
        client.receive(&server.sent()).unwrap();
    }
    setup.session = client.connection.take_sessions(crate::now()).pop();
    assert!(setup.session.is_some(), "no session");
    setup.store = STORE.take();
    setup
}
