//! A stream of handshake messages of every type: what is accepted encodes to the bytes it came from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_codec::{
    Alert, Certificate, CertificateRequest, CertificateVerify, ClientHello, Encode, EncryptedExtensions,
    EndOfEarlyData, Finished, HandshakeMessage, HandshakeType, KeyUpdate, NewSessionTicket, RawMessage,
    ServerHelloMessage, Split, Writer, decode_all, split_message,
};

fn round_trip<'a, M: HandshakeMessage<'a> + Encode>(message: &RawMessage<'a>) {
    let Ok(decoded) = message.decode::<M>() else { return };
    let mut again = Vec::new();
    Writer::append(&mut again).message(M::TYPE, |w| decoded.encode(w)).expect("what was decoded can be encoded");
    assert_eq!(again, message.raw, "encode(decode(x)) == x");
}

fuzz_target!(|stream: &[u8]| {
    let _ = decode_all::<Alert>(stream);
    let mut rest = stream;
    while let Split::Message { message, rest: behind } = split_message(rest) {
        match message.typ {
            HandshakeType::CLIENT_HELLO => round_trip::<ClientHello<'_>>(&message),
            HandshakeType::SERVER_HELLO => round_trip::<ServerHelloMessage<'_>>(&message),
            HandshakeType::ENCRYPTED_EXTENSIONS => round_trip::<EncryptedExtensions<'_>>(&message),
            HandshakeType::CERTIFICATE => round_trip::<Certificate<'_>>(&message),
            HandshakeType::CERTIFICATE_REQUEST => round_trip::<CertificateRequest<'_>>(&message),
            HandshakeType::CERTIFICATE_VERIFY => round_trip::<CertificateVerify<'_>>(&message),
            HandshakeType::FINISHED => round_trip::<Finished<'_>>(&message),
            HandshakeType::NEW_SESSION_TICKET => round_trip::<NewSessionTicket<'_>>(&message),
            HandshakeType::KEY_UPDATE => round_trip::<KeyUpdate>(&message),
            HandshakeType::END_OF_EARLY_DATA => round_trip::<EndOfEarlyData>(&message),
            _ => {}
        }
        rest = behind;
    }
});
