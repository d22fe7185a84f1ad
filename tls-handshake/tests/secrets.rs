//! Exporters and key logs agree on both sides, and `Debug` shows no secret.

mod pair;

use std::sync::Arc;

use pair::{Pair, Pki, Secrets};
use strata_tls_handshake::config::{ClientAuth, ClientConfig, ServerConfig};
use strata_tls_handshake::error::Error;
use strata_tls_handshake::need::Need;
use strata_tls_handshake::tls_codec;
use tls_codec::code_points::ProtocolVersion;

/// Returns a pair of this version with client authentication and two key logs.
fn logging_pair(version: ProtocolVersion) -> (Pair, Arc<Secrets>, Arc<Secrets>) {
    let logs = [Secrets::new(), Secrets::new()];
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    server.set_versions(&[version]).unwrap();
    server.set_client_auth(ClientAuth::Required);
    client.set_client_identity_lookup(true);
    client.set_key_log(logs[0].clone());
    server.set_key_log(logs[1].clone());
    let [at_client, at_server] = logs;
    (Pair::with(client, server), at_client, at_server)
}

#[test]
fn both_sides_log_same_five_secrets() {
    let pki = Pki::new();
    let (mut pair, at_client, at_server) = logging_pair(ProtocolVersion::TLS13);
    pair.handshake(&pki).unwrap();
    let logged = at_client.all();
    assert_eq!(logged, at_server.all());
    let labels: Vec<&str> = logged.iter().map(|(label, ..)| label.as_str()).collect();
    // RFC 9850 §2.1, in the order of derivation.
    assert_eq!(
        labels,
        [
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
            "EXPORTER_SECRET"
        ]
    );
    for (at, (_, random, secret)) in logged.iter().enumerate() {
        assert_eq!(*random, logged[0].1);
        assert!(secret.len() == 32 || secret.len() == 48);
        assert!(logged.iter().skip(at + 1).all(|(_, _, other)| other != secret));
    }
}

/// RFC 9850 §2.2: the line that decrypts a TLS 1.2 capture.
#[test]
fn tls12_key_log_has_master_secret_and_client_random() {
    let pki = Pki::new();
    let (mut pair, at_client, at_server) = logging_pair(ProtocolVersion::TLS12);
    // The random follows the headers of record and message, and the version.
    let random: [u8; 32] = pair.to_server.ready()[5 + 4 + 2..][..32].try_into().unwrap();
    pair.handshake(&pki).unwrap();
    let logged = at_client.all();
    assert_eq!(logged, at_server.all());
    let [(label, client_random, secret)] = &logged[..] else { panic!("{} lines", logged.len()) };
    assert_eq!((label.as_str(), *client_random, secret.len()), ("CLIENT_RANDOM", random, 48));
}

/// Exports on both sides and checks that they agree.
fn export(pair: &Pair, label: &[u8], context: Option<&[u8]>) -> [u8; 32] {
    let (mut ours, mut theirs) = ([0; 32], [0; 32]);
    pair.client.export_keying_material(&mut ours, label, context).unwrap();
    pair.server.export_keying_material(&mut theirs, label, context).unwrap();
    assert_eq!(ours, theirs);
    ours
}

/// RFC 5705 §4: without a context the seed omits its length, so an empty context gives another
/// result.
#[test]
fn tls12_exporters_distinguish_missing_and_empty_context() {
    let pki = Pki::new();
    let connect = || {
        let (mut pair, ..) = logging_pair(ProtocolVersion::TLS12);
        assert_eq!(pair.server.export_keying_material(&mut [0; 32], b"x", None), Err(Error::HandshakeNotComplete));
        pair.handshake(&pki).unwrap();
        pair
    };
    let (pair, other) = (connect(), connect());
    let all = [
        export(&pair, b"EXPORTER-test", None),
        export(&pair, b"EXPORTER-test", Some(b"")),
        export(&pair, b"EXPORTER-test", Some(b"context")),
        export(&pair, b"EXPORTER-tess", None),
        export(&other, b"EXPORTER-test", None),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|another| another != one));
    }
    let context = vec![0; 0x1_0000];
    let too_long = pair.client.export_keying_material(&mut [0; 32], b"x", Some(&context));
    assert!(matches!(too_long, Err(Error::Crypto(_))), "{too_long:?}");
}

#[test]
fn exporters_depend_on_label_context_and_connection() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    assert_eq!(pair.client.export_keying_material(&mut [0; 32], b"x", None), Err(Error::HandshakeNotComplete));
    pair.handshake(&pki).unwrap();
    let base = export(&pair, b"EXPORTER-test", None);
    // RFC 9846 §7.5: a missing context equals an empty one.
    assert_eq!(base, export(&pair, b"EXPORTER-test", Some(b"")));
    assert_ne!(base, export(&pair, b"EXPORTER-test", Some(b"context")));
    assert_ne!(base, export(&pair, b"EXPORTER-tess", None));
    // KeyUpdate does not change exporters.
    pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
    pair.exchange(b"question", b"answer");
    assert_eq!(base, export(&pair, b"EXPORTER-test", None));
    let mut other = Pair::new(&pki);
    other.handshake(&pki).unwrap();
    assert_ne!(base, export(&other, b"EXPORTER-test", None));
    let mut long = vec![0; 255 * 64];
    assert!(matches!(pair.client.export_keying_material(&mut long, b"x", None), Err(Error::Crypto(_))));
}

/// Returns whether a text shows the bytes, as a list of numbers or in hexadecimal.
fn contains_bytes(text: &str, secret: &[u8]) -> bool {
    let window = &secret[..8];
    let list = window.iter().map(u8::to_string).collect::<Vec<_>>();
    let hex: String = window.iter().map(|b| format!("{b:02x}")).collect();
    let plain: String = text.split_whitespace().collect();
    plain.contains(&list.join(",")) || plain.to_lowercase().contains(&hex)
}

#[test]
fn debug_shows_no_secret() {
    assert!(contains_bytes("[1, 2, 3, 4, 5, 6, 7, 8, 9]", &[1, 2, 3, 4, 5, 6, 7, 8]), "the search does not work");
    assert!(contains_bytes("0102030405060708", &[1, 2, 3, 4, 5, 6, 7, 8]));
    for (version, count) in [(ProtocolVersion::TLS13, 5), (ProtocolVersion::TLS12, 1)] {
        check_debug(version, count);
    }
}

/// Checks every value of a connection in every state, and every need and answer.
fn check_debug(version: ProtocolVersion, count: usize) {
    let pki = Pki::new();
    let (mut pair, secrets, _) = logging_pair(version);
    let mut texts = Vec::new();
    let mut note = |text: String| texts.push(text);
    note(format!("{:?} {:#?} {:?}", pair.client, pair.server, pair.to_server));
    loop {
        let need = pair.step_server().unwrap();
        note(format!("{:?} {:#?} {:?}", pair.client, pair.server, pair.to_client));
        let mut need = match need {
            Some(need) => Some(need),
            None => pair.step_client().unwrap(),
        };
        if need.is_none() && pair.to_server.is_empty() && pair.to_client.is_empty() {
            break;
        }
        while let Some(asked) = need.take() {
            note(format!("{asked:#?}"));
            let of_client = match &asked {
                Need::Verdict(_) | Need::ClientIdentity(_) => true,
                Need::Signature(need) => need.identity().chain() == pki.client.chain(),
                _ => false,
            };
            let answer = pki.answer(asked);
            note(format!("{answer:#?} {:#?} {:#?}", pair.client, pair.server));
            need = if of_client {
                pair.client.resume(answer, &mut pair.to_server).unwrap()
            } else {
                pair.server.resume(answer, &mut pair.to_client).unwrap()
            };
        }
    }
    pair.exchange(b"question", b"answer");
    note(format!("{:#?} {:?} {:?} {:?}", pair.client, pair.server, pki.identity, pair.to_server));
    note(format!("{:?} {:?}", ClientConfig::new(), ServerConfig::new()));
    let secrets = secrets.all();
    assert_eq!(secrets.len(), count);
    for text in &texts {
        for (label, _, secret) in &secrets {
            assert!(!contains_bytes(text, secret), "{label} shows in {text}");
        }
        assert!(!contains_bytes(text, pki.secret_scalar()), "the private key shows in {text}");
    }
}
