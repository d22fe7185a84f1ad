//! HelloRequest (RFC 5246 §7.4.1.1).

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Requests a renegotiation. The message has no body, and is not part of the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloRequest;

impl HandshakeMessage<'_> for HelloRequest {
    const TYPE: HandshakeType = HandshakeType::HELLO_REQUEST;
}

impl<'a> Decode<'a> for HelloRequest {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.at("HelloRequest");
        Ok(Self)
    }
}

impl Encode for HelloRequest {
    fn encode(&self, _: &mut Writer<'_>) -> Result<(), BufferFull> {
        Ok(())
    }
}
