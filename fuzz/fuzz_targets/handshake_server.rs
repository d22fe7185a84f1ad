//! Bytes of any kind into a server that has an identity, in pieces of any size. The first byte's high bit has it ask for a
//! client's certificate, the others are the size of the pieces.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tls_fuzz::{feed, identity, now, roots};
use tls_handshake::{ClientAuth, Identity, Need, RootCertStore, ServerConfig, ServerConnection};

struct Settings {
    configs: [Arc<ServerConfig>; 2],
    identity: Arc<Identity>,
    roots: RootCertStore,
}

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let configs = [ClientAuth::NotAsked, ClientAuth::Optional].map(|client_auth| {
        let mut config = ServerConfig::new();
        config.set_alpn_protocols(&[b"h2", b"http/1.1"]).unwrap();
        config.set_client_auth(client_auth);
        Arc::new(config)
    });
    Settings { configs, identity: identity(), roots: roots() }
});

fuzz_target!(|input: &[u8]| {
    let Some((first, stream)) = input.split_first() else { return };
    let Settings { configs, identity, roots } = &*SETTINGS;
    let mut server = ServerConnection::new(configs[usize::from(first >> 7)].clone());
    feed(&mut server, stream, usize::from(first & 0x7f), |need| match need {
        Need::Identity(need) => need.answer(identity.clone()),
        Need::Signature(need) => need.sign_locally(),
        Need::ClientVerdict(need) => need.verify(roots, now()),
        other => panic!("a server asked for {other:?}"),
    });
    assert!(
        server.export_keying_material(&mut [0; 16], b"EXPERIMENTAL", None).is_err(),
        "a handshake without keys was completed"
    );
});
