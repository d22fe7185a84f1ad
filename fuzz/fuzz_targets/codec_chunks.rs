//! Passes the bytes of a connection to the observer, the reassemblers and the peekers, at once and
//! in pieces: the pieces must not matter. The input is a sequence of segments: a byte with the
//! sender (low bit) and the size of its pieces, a length of two bytes, and bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_codec::{
    client_hello_peeker::*,
    lenient::Prefix,
    observer::{Observer, Sender},
    reassembly::{Messages, Records},
    record::{MAX_FRAGMENT, deframe},
    *,
};

struct Segment<'a> {
    sender: Sender,
    piece: usize,
    bytes: &'a [u8],
}

fuzz_target!(|input: &[u8]| {
    let mut segments = Vec::new();
    let mut rest = input;
    while let Some((&[first, high, low], after)) = rest.split_first_chunk() {
        let (bytes, after) = after.split_at(usize::from(u16::from_be_bytes([high, low])).min(after.len()));
        rest = after;
        let sender = if first & 1 == 0 { Sender::Client } else { Sender::Server };
        segments.push(Segment { sender, piece: 1 + usize::from(first >> 1), bytes });
    }
    let at_once = observe(&segments, |_| usize::MAX);
    assert_eq!(at_once, observe(&segments, |segment| segment.piece), "the pieces matter");
    assert_eq!(at_once, observe(&segments, |_| 1), "the pieces matter");
    let Some(Segment { piece, bytes, .. }) = segments.first() else { return };
    records(bytes, *piece);
    messages(bytes, *piece);
    peek(bytes, *piece);
    peek_quic(bytes, *piece);
});

/// Returns all events as text, and what the observer knows at the end.
fn observe(segments: &[Segment<'_>], piece: impl Fn(&Segment<'_>) -> usize) -> Vec<String> {
    let mut observer = Observer::with_limit(2000);
    let mut events = Vec::new();
    for segment in segments {
        for bytes in segment.bytes.chunks(piece(segment)) {
            observer.read(segment.sender, bytes, |event| events.push(format!("{:?}: {event:?}", segment.sender)));
        }
        // At most one message is stored.
        assert!(observer.incomplete_message(segment.sender).len() <= 2000);
    }
    events.push(format!("{:?} {:?}", observer.version(), observer.cipher_suite()));
    events.push(format!("{:?}", [Sender::Client, Sender::Server].map(|sender| observer.incomplete_message(sender))));
    events
}

/// The reassembler of records returns the records that are there.
fn records(stream: &[u8], piece: usize) {
    let mut storage = [0; 600];
    let mut records = Records::new(&mut storage, MAX_FRAGMENT);
    let limit = 600 - 5;
    let (mut expected, mut waiting) = (stream, stream.chunks(piece).flat_map(|piece| piece.chunks(600)));
    let mut failed = false;
    loop {
        match records.next_record() {
            Ok(Some((header, body))) => {
                let Ok(Deframed::Record { header: first, body: range }) = deframe(expected, limit) else {
                    panic!("a record that is not there");
                };
                assert_eq!((header, &*body), (first, &expected[range.clone()]));
                expected = &expected[range.end..];
            }
            Ok(None) => {
                let Some(mut bytes) = waiting.next() else { break };
                while !bytes.is_empty() && !failed {
                    let taken = records.push(bytes);
                    bytes = &bytes[taken..];
                    if !bytes.is_empty() {
                        // Full: the caller takes records first.
                        match records.next_record() {
                            Ok(Some((_, body))) => {
                                let Ok(Deframed::Record { body: range, .. }) = deframe(expected, limit) else {
                                    panic!("a record that is not there");
                                };
                                assert_eq!(&*body, &expected[range.clone()]);
                                expected = &expected[range.end..];
                            }
                            Ok(None) => assert!(taken > 0, "neither room nor a record"),
                            Err(_) => failed = true,
                        }
                    }
                }
            }
            Err(_) => {
                failed = true;
                break;
            }
        }
    }
    match deframe(expected, limit) {
        Ok(Deframed::Record { .. }) => panic!("a record was not returned"),
        Ok(Deframed::Incomplete { .. }) => assert!(!failed && records.pending() == expected.len()),
        Err(_) => assert!(failed),
    }
}

/// The reassembler of messages returns the messages that are there.
fn messages(stream: &[u8], piece: usize) {
    let mut storage = [0; 600];
    let mut messages = Messages::new(&mut storage);
    let mut expected = stream;
    for mut part in stream.chunks(piece) {
        while !part.is_empty() {
            let taken = messages.push(part);
            assert!(taken > 0, "no room although complete messages were removed");
            part = &part[taken..];
            loop {
                match messages.next_message() {
                    Ok(Some(message)) => {
                        let Split::Message { message: first, rest } = split_message(expected) else {
                            panic!("a message that is not there");
                        };
                        assert_eq!(message, first);
                        expected = rest;
                    }
                    Ok(None) => break,
                    Err(e) => {
                        let header = *expected.first_chunk().expect("a header");
                        assert!(e.got > 600);
                        return assert_eq!((e.typ, e.got), message_length(header));
                    }
                }
            }
        }
    }
    assert_eq!(messages.pending(), expected.len());
}

/// A hello that was seen stays, and grows only.
fn peek(stream: &[u8], piece: usize) {
    let mut pieces = ClientHelloPeeker::with_limit(4000);
    let mut known: Vec<(ExtensionType, Vec<u8>)> = Vec::new();
    let mut end = 0;
    while end < stream.len() {
        end = (end + piece).min(stream.len());
        match pieces.peek_lenient(&stream[..end]) {
            Ok(prefix) => {
                let Some(hello) = prefix.received() else { continue };
                let seen: Vec<_> = hello.extensions.iter().map(|(typ, data)| (typ, data.to_vec())).collect();
                assert!(seen.starts_with(&known), "an extension vanished");
                known = seen;
            }
            Err(_) => break,
        }
    }
    let mut at_once = ClientHelloPeeker::with_limit(4000);
    match (pieces.peek_lenient(&stream[..end]), at_once.peek_lenient(&stream[..end])) {
        (Err(PeekError::NotTls(_)), Err(PeekError::NotTls(_))) => {}
        (pieces, at_once) => assert_eq!(pieces, at_once, "the pieces matter"),
    }
    let whole = at_once.peek_lenient(stream);
    if let (Ok(Peek::ClientHello(hello)), Ok(whole)) = (ClientHelloPeeker::with_limit(4000).peek(stream), whole) {
        assert_eq!(whole, Prefix::Whole(hello.into()), "only the strict peeker accepts");
    }
}

/// CRYPTO data in any order give the hello that they give in order.
fn peek_quic(stream: &[u8], piece: usize) {
    let mut in_order = QuicClientHelloPeeker::with_limit(4000);
    let mut reversed = in_order.clone();
    let stream = &stream[..stream.len().min(4000)];
    in_order.add(0, stream).expect("within the limit");
    let pieces: Vec<(usize, &[u8])> = stream.chunks(piece).enumerate().map(|(at, part)| (at * piece, part)).collect();
    // The odd pieces first, from the end; then all, in order.
    for (at, part) in pieces.iter().rev().step_by(2).chain(&pieces) {
        reversed.add(u64::try_from(*at).unwrap(), part).expect("within the limit");
    }
    assert_eq!(in_order.peek(), reversed.peek());
    assert_eq!(in_order.peek_lenient(), reversed.peek_lenient());
    if let Split::Message { message, .. } = split_message(stream)
        && message.typ == HandshakeType::CLIENT_HELLO
    {
        let decoded = message.decode::<ClientHello<'_>>().map(Peek::ClientHello).map_err(PeekError::Malformed);
        assert_eq!(in_order.peek(), decoded);
    }
}
