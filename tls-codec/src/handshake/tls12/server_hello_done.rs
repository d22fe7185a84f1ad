//! ServerHelloDone (RFC 5246 §7.4.5).

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The server sent all messages of its flight. The message has no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHelloDone;

impl HandshakeMessage<'_> for ServerHelloDone {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO_DONE;
}

impl<'a> Decode<'a> for ServerHelloDone {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.at("ServerHelloDone");
        Ok(Self)
    }
}

impl Encode for ServerHelloDone {
    fn encode(&self, _: &mut Writer<'_>) -> Result<(), BufferFull> {
        Ok(())
    }
}
