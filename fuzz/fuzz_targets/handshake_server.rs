//! Bytes of any kind into a server that has an identity, in pieces of any size.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tls_fuzz::{feed, identity};
use tls_handshake::{Identity, Need, ServerConfig, ServerConnection};

static SETTINGS: LazyLock<(Arc<ServerConfig>, Arc<Identity>)> = LazyLock::new(|| {
    let mut config = ServerConfig::new();
    config.set_alpn_protocols(&[b"h2", b"http/1.1"]).unwrap();
    (Arc::new(config), identity())
});

fuzz_target!(|input: &[u8]| {
    let Some((chunk, stream)) = input.split_first() else { return };
    let (config, identity) = &*SETTINGS;
    let mut server = ServerConnection::new(config.clone());
    feed(&mut server, stream, usize::from(*chunk), |need| match need {
        Need::Identity(need) => need.answer(identity.clone()),
        Need::Signature(need) => need.sign_locally(),
        other => panic!("a server asked for {other:?}"),
    });
    assert!(
        server.export_keying_material(&mut [0; 16], b"EXPERIMENTAL", None).is_err(),
        "a handshake without keys was completed"
    );
});
