//! ClientKeyExchange (RFC 8422 §5.7).

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The client's key share, in the group that the server selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// `ecdh_Yc`, the ephemeral public key, 1 to 255 bytes; its validity in the group is not
    /// checked.
    pub public: &'a [u8],
}

impl<'a> HandshakeMessage<'a> for ClientKeyExchange<'a> {
    const TYPE: HandshakeType = HandshakeType::CLIENT_KEY_EXCHANGE;
}

impl<'a> Decode<'a> for ClientKeyExchange<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { public: r.vec8(1..=255, "ClientKeyExchange.ecdh_Yc")?.rest() })
    }
}

impl Encode for ClientKeyExchange<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.public)
    }
}
