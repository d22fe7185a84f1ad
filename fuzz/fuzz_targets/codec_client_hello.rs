//! Decodes a stream that starts with a ClientHello, as a router does. An accepted ClientHello must
//! encode to the same bytes, contain the extensions that it lists, and not decode when truncated.
//! The peeker must agree with the decoder for every split into records, and never change its
//! result.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_codec::{client_hello_peeker::*, handshake::RawMessage, record::MAX_FRAGMENT, *};

fuzz_target!(|stream: &[u8]| {
    let (mut fed, mut at_once) = (ClientHelloPeeker::new(), ClientHelloPeeker::new());
    let answers = |cut: &usize| !matches!(fed.peek(&stream[..*cut]), Ok(Peek::Incomplete { need: 1.. }));
    let first = (0..=stream.len()).find(answers).unwrap_or(stream.len());
    match (fed.peek(&stream[..first]), at_once.peek(stream)) {
        // More bytes may identify the protocol.
        (Err(PeekError::NotTls(_)), Err(PeekError::NotTls(_))) => {}
        (first, last) => assert_eq!(first, last, "the peeker changed its result"),
    }

    let Ok(Deframed::Record { body, .. }) = deframe(stream, MAX_FRAGMENT) else { return };
    let Split::Message { message, .. } = split_message(&stream[body]) else { return };
    if message.typ != HandshakeType::CLIENT_HELLO {
        return;
    }
    let decoded = message.decode::<ClientHello<'_>>();
    let (mut records, mut rest) = (Vec::new(), message.raw);
    while let Some(size) = rest.get(rest.len() / 2).map(|byte| (byte % 64).max(1)) {
        let (fragment, tail) = rest.split_at(usize::from(size).min(rest.len()));
        records.extend([&[22, 3, 1, 0, fragment.len() as u8], fragment].concat());
        rest = tail;
    }
    let expected = decoded.map(Peek::ClientHello).map_err(PeekError::Malformed);
    assert_eq!(ClientHelloPeeker::with_limit(1 << 20).peek(&records), expected, "the peeker and the decoder differ");

    let Ok(hello) = decoded else { return };
    assert_eq!(hello.to_vec().as_deref(), Ok(message.body), "encode(decode(x)) == x");
    let listed: usize = hello.extensions.raw.iter().map(|extension| 4 + extension.1.len()).sum();
    assert_eq!(listed, hello.extensions.raw.bytes().len());
    for (typ, data) in hello.extensions.raw.iter() {
        assert_eq!(hello.extensions.raw.find(typ), Some(data), "a type appears twice");
    }
    let cut = RawMessage { body: &message.body[..message.body.len() - 1], ..message }.decode::<ClientHello<'_>>();
    assert!(cut.is_err(), "a truncated hello was accepted: {cut:?}");
});
