//! KeyUpdate (RFC 9846 §4.7.3).

use crate::{
    code_points::{HandshakeType, KeyUpdateRequest},
    error::{BufferFull, DecodeError, Fault},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The sender's next record uses new keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUpdate {
    /// The request: whether the receiver must update its sending keys as well. One of the two
    /// defined values.
    pub request_update: KeyUpdateRequest,
}

impl HandshakeMessage<'_> for KeyUpdate {
    const TYPE: HandshakeType = HandshakeType::KEY_UPDATE;
}

impl<'a> Decode<'a> for KeyUpdate {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match KeyUpdateRequest::decode(r.at("KeyUpdate.request_update"))? {
            request_update @ (KeyUpdateRequest::UPDATE_NOT_REQUESTED | KeyUpdateRequest::UPDATE_REQUESTED) => {
                Ok(Self { request_update })
            }
            // "If an implementation receives any other value, it MUST terminate the connection with
            // an "illegal_parameter" alert."
            _ => Err(r.error(Fault::IllegalValue)),
        }
    }
}

impl Encode for KeyUpdate {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.request_update.encode(w)
    }
}
