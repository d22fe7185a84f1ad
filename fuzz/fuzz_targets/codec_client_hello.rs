//! A stream that begins with a ClientHello, as a router would read it: what is accepted encodes to the bytes it came from,
//! is made of the extensions it lists, and is never accepted when it is cut short.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_codec::{
    ClientHello, Deframed, Encode, Split, Writer, deframe, handshake::RawMessage, record::MAX_FRAGMENT, split_message,
};

fuzz_target!(|stream: &[u8]| {
    let Ok(Deframed::Record { body, .. }) = deframe(stream, MAX_FRAGMENT) else { return };
    let Split::Message { message, .. } = split_message(&stream[body]) else { return };
    let Ok(hello) = message.decode::<ClientHello<'_>>() else { return };

    let mut again = Vec::new();
    hello.encode(&mut Writer::append(&mut again)).expect("what was decoded can be encoded");
    assert_eq!(again, message.body, "encode(decode(x)) == x");

    let listed: usize = hello.extensions.raw.iter().map(|extension| 4 + extension.1.len()).sum();
    assert_eq!(listed, hello.extensions.raw.bytes().len());
    for (typ, data) in hello.extensions.raw.iter() {
        assert_eq!(hello.extensions.raw.find(typ), Some(data), "each type at most once");
    }

    let cut = &message.body[..message.body.len() - 1];
    let cut = RawMessage { body: cut, ..message }.decode::<ClientHello<'_>>();
    // Without its extensions a hello is whole (RFC 9846 §4.2.2): one whose block is empty may lose the block's length.
    assert!(cut.is_err(), "a part of a hello was taken for one: {cut:?}");
});
