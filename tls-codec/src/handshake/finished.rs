//! Finished (RFC 9846 §4.5.3).

use core::fmt;

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A MAC over the transcript. It must be compared in constant time, so there is no `PartialEq`.
#[derive(Clone, Copy)]
pub struct Finished<'a> {
    /// The whole body. Its length depends on the hash; the handshake checks it.
    pub verify_data: &'a [u8],
}

impl fmt::Debug for Finished<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("bytes", &self.verify_data.len()).finish()
    }
}

impl<'a> HandshakeMessage<'a> for Finished<'a> {
    const TYPE: HandshakeType = HandshakeType::FINISHED;
}

impl<'a> Decode<'a> for Finished<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { verify_data: r.at("Finished.verify_data").rest() })
    }
}

impl Encode for Finished<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(self.verify_data)
    }
}
