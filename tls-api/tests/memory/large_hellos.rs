//! The largest ClientHello that its length fields allow, as first and as second hello, with default
//! limits.

use strata_tls::{AlertDescription, Error, ServerSession, Session};

use crate::pair::{Pair, drain, feed};
use crate::pki::configs;

/// RFC 9846 §4.2.2: header, version, random, and every vector at its maximum length.
const LARGEST: usize = 131_400;

fn vector(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn extension(typ: u16, data: &[u8]) -> Vec<u8> {
    [&typ.to_be_bytes()[..], &vector(data)].concat()
}

/// A TLS 1.3 ClientHello with one key share or none, padded to the maximum length.
fn hello(share: Option<(u16, &[u8])>) -> Vec<u8> {
    let share = share.map(|(group, key)| [&group.to_be_bytes()[..], &vector(key)].concat()).unwrap_or_default();
    let extensions = [
        extension(43, &[2, 3, 4]),
        extension(10, &vector(&[0, 0x17])),
        extension(13, &vector(&[4, 3, 8, 4, 8, 7])),
        extension(51, &vector(&share)),
    ]
    .concat();
    let padding = extension(21, &vec![0; 0xffff - extensions.len() - 4]);
    // TLS_AES_128_GCM_SHA256 after tens of thousands of unknown suites.
    let suites = [&[0x0a; 0xfffc][..], &[0x13, 1]].concat();
    let body =
        [&[3, 3][..], &[7; 32], &[32], &[9; 32], &vector(&suites), &[1, 0], &vector(&[extensions, padding].concat())]
            .concat();
    [&[1][..], &u32::try_from(body.len()).unwrap().to_be_bytes()[1..], &body].concat()
}

fn records(message: &[u8]) -> Vec<u8> {
    message.chunks(1 << 14).flat_map(|part| [&[22, 3, 1][..], &vector(part)].concat()).collect()
}

#[test]
fn largest_first_and_second_client_hello_are_accepted() {
    let (_, server) = configs();
    let mut session = ServerSession::new(&server);
    let (first, key) = (hello(None), [&[4][..], &GENERATOR].concat());
    // TLS 1.3 has one compression method: its hello is 254 bytes shorter.
    assert_eq!(first.len(), LARGEST - 254);
    assert_eq!(feed(&mut session, &records(&first)).unwrap(), records(&first).len());
    let retry = drain(&mut session);
    assert!(retry.len() < 200 && retry[5] == 2, "HelloRetryRequest");
    let second = records(&hello(Some((0x17, &key))));
    assert_eq!(feed(&mut session, &second).unwrap(), second.len());
    assert!(drain(&mut session).len() > 500, "the server's flight");
    assert!(session.is_handshaking());
}

/// The generator of P-256 (SEC 2, §2.4.2), a valid public key.
const GENERATOR: [u8; 64] = [
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
    0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb,
    0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// A length one byte above the maximum is rejected before the body arrives.
#[test]
fn longer_hello_is_rejected_at_its_header() {
    let (_, server) = configs();
    let mut session = ServerSession::new(&server);
    let [_, length @ ..] = u32::try_from(LARGEST - 4 + 1).unwrap().to_be_bytes();
    let error = feed(&mut session, &[&[22, 3, 1, 0, 4, 1][..], &length].concat()).unwrap_err();
    assert!(matches!(error, Error::MessageTooLarge { got, limit: LARGEST, .. } if got == LARGEST + 1), "{error}");
    assert_eq!(error.alert(), Some(AlertDescription::DECODE_ERROR));
}

#[test]
fn failed_session_keeps_is_handshaking() {
    let (client, server) = configs();
    let handshake_failure = [21, 3, 3, 0, 2, 2, 40];
    let mut pair = Pair::new(&client, &server);
    feed(&mut pair.client, &handshake_failure).unwrap_err();
    feed(&mut pair.server, &handshake_failure).unwrap_err();
    assert!(pair.client.is_handshaking() && pair.server.is_handshaking());
    let mut pair = Pair::connected(&client, &server);
    // The alert is unencrypted, so both sides reject it.
    feed(&mut pair.client, &handshake_failure).unwrap_err();
    feed(&mut pair.server, &handshake_failure).unwrap_err();
    assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
}
