//! EndOfEarlyData (RFC 9846 §4.6).

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The client sent all its early data. The message has no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOfEarlyData;

impl HandshakeMessage<'_> for EndOfEarlyData {
    const TYPE: HandshakeType = HandshakeType::END_OF_EARLY_DATA;
}

impl<'a> Decode<'a> for EndOfEarlyData {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.at("EndOfEarlyData");
        Ok(Self)
    }
}

impl Encode for EndOfEarlyData {
    fn encode(&self, _: &mut Writer<'_>) -> Result<(), BufferFull> {
        Ok(())
    }
}
