//! Decodes a stream of handshake messages as TLS 1.3 and as TLS 1.2. An accepted message must
//! encode to the same bytes. tls-parser is a second opinion on its fields.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_codec::{handshake::tls12, *};

/// Ignores messages of other types.
fn round_trip<'a, M: HandshakeMessage<'a> + Encode>(message: &RawMessage<'a>) {
    let Ok(decoded) = message.decode::<M>() else { return };
    let mut again = Vec::new();
    Writer::append(&mut again).message(M::TYPE, |w| decoded.encode(w)).expect("a decoded message can be encoded");
    assert_eq!(again, message.raw, "encode(decode(x)) == x");
}

fuzz_target!(|stream: &[u8]| {
    let _ = decode_all::<Alert>(stream);
    let mut rest = stream;
    while let Split::Message { message, rest: tail } = split_message(rest) {
        round_trip::<ClientHello<'_>>(&message);
        round_trip::<ServerHelloMessage<'_>>(&message);
        round_trip::<EncryptedExtensions<'_>>(&message);
        round_trip::<Certificate<'_>>(&message);
        round_trip::<CertificateRequest<'_>>(&message);
        round_trip::<CertificateVerify<'_>>(&message);
        round_trip::<Finished<'_>>(&message);
        round_trip::<NewSessionTicket<'_>>(&message);
        round_trip::<KeyUpdate>(&message);
        round_trip::<EndOfEarlyData>(&message);
        round_trip::<tls12::HelloRequest>(&message);
        round_trip::<tls12::Certificate<'_>>(&message);
        round_trip::<tls12::CertificateStatus<'_>>(&message);
        round_trip::<tls12::ServerKeyExchange<'_>>(&message);
        round_trip::<tls12::CertificateRequest<'_>>(&message);
        round_trip::<tls12::ServerHelloDone>(&message);
        round_trip::<tls12::ClientKeyExchange<'_>>(&message);
        round_trip::<tls12::NewSessionTicket<'_>>(&message);
        tls_fuzz::second_opinion::check_message(&message);
        rest = tail;
    }
});
