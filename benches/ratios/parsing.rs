//! Parsing a browser's ClientHello with all its extensions: with padding, and with an ML-KEM key
//! share.
//!
//! rustls's parser is private, so the peer is `tls-parser`, which also parses the extensions.

use std::hint::black_box;

use strata_tls::codec::handshake::{ClientHello, Split, split_message};

/// The message lengths, header included.
pub(crate) const LENGTHS: [usize; 2] = [517, 1762];

/// Parses the message with this library.
pub(crate) fn ours(message: &[u8]) {
    let Split::Message { message, .. } = split_message(black_box(message)) else { panic!("expected a message") };
    black_box(message.decode::<ClientHello<'_>>().expect("a valid ClientHello"));
}

/// Parses the message and its extensions with `tls-parser`.
pub(crate) fn tls_parser(message: &[u8]) {
    use tls_parser::{TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions, parse_tls_message_handshake};
    let parsed = parse_tls_message_handshake(black_box(message));
    let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)))) = parsed else {
        panic!("expected a ClientHello")
    };
    let (rest, extensions) =
        parse_tls_client_hello_extensions(hello.ext.unwrap_or_default()).expect("valid extensions");
    assert!(rest.is_empty());
    black_box((&hello, extensions));
}

/// Returns a message of this length, filled with padding or, for long ones, with a post-quantum key
/// share.
pub(crate) fn hello(length: usize) -> Vec<u8> {
    let without = message(&[]);
    let filler = length - without.len();
    let hello = match filler.checked_sub(MLKEM_SHARE + EXTENSION) {
        None => message(&extension(21, &vec![0; filler - EXTENSION])),
        Some(rest) => {
            let share = [&[0x11, 0xec][..], &vec16(&[7; MLKEM_SHARE - 4])].concat();
            // RFC 9849: encrypted_client_hello with random bytes, as browsers send it.
            message_with(&share, &extension(0xfe0d, &vec![9; rest]))
        }
    };
    assert_eq!(hello.len(), length);
    hello
}

/// Group and length, an ML-KEM-768 key and an X25519 key.
const MLKEM_SHARE: usize = 4 + 1184 + 32;
/// Type and length.
const EXTENSION: usize = 4;

fn message(last: &[u8]) -> Vec<u8> {
    message_with(&[], last)
}

fn message_with(share: &[u8], last: &[u8]) -> Vec<u8> {
    let x25519 = [&[0x00, 0x1d][..], &vec16(&[8; 32])].concat();
    let extensions = [
        extension(0x2a2a, &[]),
        extension(0, &vec16(&[&[0][..], &vec16(b"www.example.com")].concat())),
        extension(23, &[]),
        extension(0xff01, &[0]),
        extension(10, &vec16(&[0x3a, 0x3a, 0x11, 0xec, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x18])),
        extension(11, &[1, 0]),
        extension(35, &[]),
        extension(16, &vec16(b"\x02h2\x08http/1.1")),
        extension(5, &[1, 0, 0, 0, 0]),
        extension(13, &vec16(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1])),
        extension(18, &[]),
        extension(51, &vec16(&[&[0x4a, 0x4a, 0, 1, 0][..], share, &x25519].concat())),
        extension(45, &[1, 1]),
        extension(43, &[6, 0x5a, 0x5a, 3, 4, 3, 3]),
        extension(27, &[2, 0, 2]),
        extension(0x4469, &vec16(b"\x02h2")),
        extension(0x6a6a, &[0]),
        last.to_vec(),
    ];
    let suites: Vec<u8> = [0x7a7a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8]
        .into_iter()
        .chain([0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035])
        .flat_map(u16::to_be_bytes)
        .collect();
    let body =
        [&[3, 3][..], &[1; 32], &[32], &[2; 32], &vec16(&suites), &[1, 0], &vec16(&extensions.concat())].concat();
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[1][..], &length[1..], &body].concat()
}

fn extension(typ: u16, data: &[u8]) -> Vec<u8> {
    [&typ.to_be_bytes()[..], &vec16(data)].concat()
}

fn vec16(body: &[u8]) -> Vec<u8> {
    [&u16::try_from(body.len()).expect("short").to_be_bytes()[..], body].concat()
}
