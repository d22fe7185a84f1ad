//! Feeds arbitrary CRYPTO bytes at arbitrary levels to a client and to a server over QUIC. Each
//! piece begins with two bytes: level (two bits) and role, and its length. A piece of length 0
//! answers the open request, so data also arrives while a handshake waits.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tls_fuzz::{identity, now, roots};
use tls_handshake::quic::{Config, Connection, Level, ServerStart, Version};
use tls_handshake::verify::ServerVerifier;
use tls_handshake::{
    Answer, ClientAuth, ClientConfig, ClientStart, Error, Identity, Need, Role, ServerConfig, SessionLookup,
};

struct Settings {
    client: Config<ClientConfig>,
    server: Config<ServerConfig>,
    identity: Arc<Identity>,
    verifier: ServerVerifier,
}

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_alpn_protocols(&["h3"]).unwrap();
    client.set_resumption(true);
    server.set_alpn_protocols(&["h3"]).unwrap();
    server.set_client_auth(ClientAuth::Optional);
    server.set_session_lookup(SessionLookup::Ids);
    server.set_max_early_data_size(1);
    let (client, server) = (Config::<ClientConfig>::new(&client), Config::<ServerConfig>::new(&server));
    Settings { client: client.unwrap(), server: server.unwrap(), identity: identity(), verifier: roots().into() }
});

fn answer(need: Need) -> Answer {
    let Settings { identity, verifier, .. } = &*SETTINGS;
    match need {
        Need::Identity(need) => need.answer(identity.clone()),
        Need::Session(need) => need.not_found(),
        Need::Signature(need) => need.sign_locally(),
        Need::Verdict(need) => need.verify(verifier, now()),
        Need::ClientVerdict(need) => need.verify(verifier.chain(), now()),
        other => panic!("unexpected request: {other:?}"),
    }
}

/// Delivers a piece, or answers the open request.
fn step<R: Role>(connection: &mut Connection<R>, open: &mut Option<Need>, level: Level, piece: &[u8]) {
    let failed = connection.error().map(Error::clone_error);
    let result = match open.take() {
        Some(need) if piece.is_empty() => connection.resume(answer(need)),
        waiting => {
            let result = connection.receive(level, piece);
            result.map(|next| {
                assert!(waiting.is_none() || next.is_none(), "two requests are open");
                waiting.or(next)
            })
        }
    };
    match result {
        Ok(next) => {
            assert!(failed.is_none(), "a failed connection continued");
            *open = next;
        }
        Err(e) => {
            assert!(failed.is_none_or(|before| before == e), "another error");
            assert!(e.quic_code() > 0);
        }
    }
    while connection.next_output().is_some() {}
    assert!(connection.is_handshaking(), "a handshake without keys was completed");
}

fuzz_target!(|input: &[u8]| {
    let Settings { client, server, .. } = &*SETTINGS;
    let name = "a.test".try_into().unwrap();
    let mut client = Connection::client(client, Version::V1, name, ClientStart::default(), b"client".to_vec()).unwrap();
    let mut server = Connection::server(server, Version::V2, ServerStart::default());
    let (mut at_client, mut at_server) = (None, None);
    let mut rest = input;
    while let Some((&[first, length], after)) = rest.split_first_chunk() {
        let level = [Level::Initial, Level::ZeroRtt, Level::Handshake, Level::OneRtt][usize::from(first & 3)];
        let (piece, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        match first & 4 {
            0 => step(&mut server, &mut at_server, level, piece),
            _ => step(&mut client, &mut at_client, level, piece),
        }
    }
});
