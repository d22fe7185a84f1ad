//! Errors hold and print a limited amount of a peer's input, whatever the peer sent.

use tls_codec::code_points::ExtensionType as X;

use super::flow::{Kind, configs, pki};
use super::hello::{Hello, server_after_hello, vec16};
use super::pair::{Pair, Pki};
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::error::Error;

/// The maximum length, in bytes, of an error text. `Debug` may show twice as much.
const MAX_TEXT: usize = 9 * 1024;

fn assert_bounded(error: &Error, what: &str) {
    let (text, held) = (format!("{error:#}").len(), format!("{error:?}").len());
    assert!(text <= MAX_TEXT && held <= 2 * MAX_TEXT, "{what}: the text has {text} bytes, the error {held}");
    assert!(error.to_string().contains("more") || text < 2000, "{what}: {error}");
}

/// Each list of a ClientHello at its maximum length, with only unknown entries.
#[test]
fn error_truncates_lists_of_client_hello() {
    type Fill = (&'static str, Kind, fn(&mut Hello));
    fn unknown(count: u16) -> Vec<u8> {
        (0..count).flat_map(|at| (0x5a00 + at % 0x100).to_be_bytes()).collect()
    }
    fn without_shares(hello: &mut Hello) {
        *hello.get(X::SUPPORTED_GROUPS) = vec16(&unknown(30_000));
        *hello.get(X::KEY_SHARE) = vec16(&[]);
    }
    let fills: [Fill; 12] = [
        ("suites", Kind::Full, |hello| hello.suites = unknown(30_000)),
        ("suites", Kind::Tls12, |hello| hello.suites = unknown(30_000)),
        ("groups", Kind::Full, without_shares),
        ("groups", Kind::Tls12, without_shares),
        ("schemes", Kind::Full, |hello| *hello.get(X::SIGNATURE_ALGORITHMS) = vec16(&unknown(30_000))),
        ("schemes", Kind::Tls12, |hello| *hello.get(X::SIGNATURE_ALGORITHMS) = vec16(&unknown(30_000))),
        ("shares of listed groups", Kind::Full, |hello| {
            let groups: Vec<u8> = (0x4000_u16..0x4000 + 8000).flat_map(u16::to_be_bytes).collect();
            let shares: Vec<u8> = groups.chunks(2).flat_map(|group| [group[0], group[1], 0, 1, 7]).collect();
            *hello.get(X::SUPPORTED_GROUPS) = vec16(&groups);
            *hello.get(X::KEY_SHARE) = vec16(&shares);
        }),
        ("shares of other groups", Kind::Full, |hello| {
            *hello.get(X::KEY_SHARE) = vec16(
                &(0x4000_u16..0x4000 + 8000)
                    .flat_map(|group| [group.to_be_bytes(), [0, 0]].concat())
                    .collect::<Vec<_>>(),
            );
        }),
        ("a long share", Kind::Full, |hello| {
            let own = hello.get(X::KEY_SHARE)[2..4].to_vec();
            *hello.get(X::KEY_SHARE) = vec16(&[&own[..], &vec16(&[7; 60_000])].concat());
        }),
        ("protocols", Kind::Full, |hello| *hello.get(X::ALPN) = vec16(&b"\x01a".repeat(30_000))),
        ("long protocols", Kind::Tls12, |hello| {
            *hello.get(X::ALPN) = vec16(&[&[255][..], &[b'\x07'; 255]].concat().repeat(200));
        }),
        ("versions", Kind::Full, |hello| {
            let list = unknown(127);
            *hello.get(X::SUPPORTED_VERSIONS) = [&[254][..], &list].concat();
        }),
    ];
    for (what, kind, fill) in fills {
        let (client, server) = configs(kind);
        let Err(error) = server_after_hello(client, server, &pki(kind), &fill) else { panic!("{what} are accepted") };
        assert_bounded(&error, what);
    }
}

/// A server name of 60 KB.
#[test]
fn error_truncates_long_server_name() {
    for kind in [Kind::Full, Kind::Tls12] {
        let (client, server) = configs(kind);
        let pki = pki(kind);
        let mut hello = Hello::parse(&super::flow::client(client).pop());
        let name = [&[0][..], &vec16(&b"\x07".repeat(60_000))].concat();
        *hello.get(X::SERVER_NAME) = vec16(&name);
        let mut server = super::flow::server(server);
        let mut refuse = |need| match need {
            crate::need::Need::Identity(need) => need.refuse(),
            other => pki.answer(other),
        };
        assert_bounded(&server.deliver(&hello.encode(), &mut refuse).unwrap_err(), "a server name");
    }
}

/// A rejected certificate with 3,000 names.
#[test]
fn error_truncates_names_of_rejected_certificate() {
    let many: Vec<String> = (0..3000).map(|at| format!("host-{at}.example")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    let pki = Pki::for_names(&names);
    let mut client = ClientConfig::new();
    client.set_limits(crate::Limits { handshake_message: 0x4_0000, ..crate::Limits::default() });
    let error = Pair::with(client, ServerConfig::new()).handshake(&pki).unwrap_err();
    assert_bounded(&error, "names of a server");
    assert!(error.to_string().contains("and 2984 more"), "{error}");
    // A client certificate from an untrusted issuer.
    let other = Pki::new();
    let mut server = ServerConfig::new();
    server.set_client_auth(ClientAuth::Required);
    let mut client = ClientConfig::new();
    client.set_client_identity_lookup(true);
    let mut pair = Pair::with(client, server);
    let error = pair
        .run(&mut |need| match need {
            crate::need::Need::ClientIdentity(need) => need.answer(pki.identity.clone()),
            other_need => other.answer(other_need),
        })
        .unwrap_err();
    assert_bounded(&error, "names of a client");
}
