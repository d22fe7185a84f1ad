//! Feeds arbitrary bytes to a server with an identity, an external PSK for every name, and a
//! session store. The high bit of the first byte requests a client certificate; the other bits are
//! the chunk size.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tls_fuzz::{feed, identity, now, roots};
use tls_handshake::tls_crypto::HashAlgorithm;
use tls_handshake::verify::ChainVerifier;
use tls_handshake::{ClientAuth, ExternalPsk, Identity, Need, ServerConfig, ServerConnection, SessionLookup};

struct Settings {
    configs: [Arc<ServerConfig>; 2],
    identity: Arc<Identity>,
    verifier: ChainVerifier,
    psk: ExternalPsk,
}

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let configs = [ClientAuth::Disabled, ClientAuth::Optional].map(|client_auth| {
        let mut config = ServerConfig::new();
        config.set_alpn_protocols(["h2", "http/1.1"]).unwrap();
        config.set_client_auth(client_auth);
        config.set_session_lookup(SessionLookup::Tickets);
        config.set_external_psks(true);
        config.set_max_early_data_size(1000);
        Arc::new(config)
    });
    let psk = ExternalPsk::plain(b"any".to_vec(), &[7; 32], HashAlgorithm::Sha256).unwrap();
    Settings { configs, identity: identity(), verifier: roots().into(), psk }
});

fuzz_target!(|input: &[u8]| {
    let Some((first, stream)) = input.split_first() else { return };
    let Settings { configs, identity, verifier, psk } = &*SETTINGS;
    let mut server = ServerConnection::new(configs[usize::from(first >> 7)].clone());
    feed(&mut server, stream, usize::from(first & 0x7f), |need| match need {
        Need::Identity(need) => need.answer(identity.clone()),
        Need::Session(need) => {
            let known = need.identities().position(|identity| identity.first() == Some(&b'p'));
            match known {
                Some(index) => need.found_psk(index, psk.clone()),
                None => need.not_found(),
            }
        }
        Need::Signature(need) => need.sign_locally(),
        Need::ClientVerdict(need) => need.verify(verifier, now()),
        other => panic!("unexpected request of a server: {other:?}"),
    });
    assert!(
        server.export_keying_material(&mut [0; 16], b"EXPERIMENTAL", None).is_err(),
        "a handshake without keys was completed"
    );
});
