//! Feeds arbitrary bytes to a client, in chunks of any size. The session ID of a ServerHello is
//! replaced by the client's, so that the bytes after it are processed as well.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tls_fuzz::{feed, identity, now, roots};
use tls_handshake::verify::ServerVerifier;
use tls_handshake::{ClientConfig, ClientConnection, Identity, Need, Outgoing};

static SETTINGS: LazyLock<(Arc<ClientConfig>, ServerVerifier, Arc<Identity>)> = LazyLock::new(|| {
    let mut config = ClientConfig::new();
    config.set_client_identity_lookup(true);
    config.set_sct_request(true);
    (Arc::new(config), roots().into(), identity())
});

/// The offset of the session ID's length in the first record: after record header, message header,
/// version and random.
const SESSION_ID: usize = 5 + 4 + 2 + 32;

fuzz_target!(|input: &[u8]| {
    let Some((chunk, stream)) = input.split_first() else { return };
    let (config, verifier, identity) = &*SETTINGS;
    let mut hello = Outgoing::new();
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(config.clone(), name, &mut hello).unwrap();

    let mut stream = stream.to_vec();
    if let Some(id) = stream.get_mut(SESSION_ID..SESSION_ID + 33).filter(|id| id[0] == 32) {
        id.copy_from_slice(&hello.ready()[SESSION_ID..SESSION_ID + 33]);
    }
    feed(&mut client, &stream, usize::from(*chunk), |need| match need {
        Need::Verdict(need) => need.verify(verifier, now()),
        Need::ClientIdentity(need) => need.answer(identity.clone()),
        Need::Signature(need) => need.sign_locally(),
        other => panic!("unexpected request of a client: {other:?}"),
    });
    assert!(
        client.export_keying_material(&mut [0; 16], b"EXPERIMENTAL", None).is_err(),
        "a handshake without keys was completed"
    );
});
