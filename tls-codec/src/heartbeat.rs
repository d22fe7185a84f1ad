//! Heartbeat messages (RFC 6520), the content of records of type 24. Read only: Strata does not
//! support them.

use crate::{
    code_points::HeartbeatMessageType,
    error::{BufferFull, DecodeError, Fault},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A heartbeat request or response, of an unencrypted record.
///
/// ```
/// use strata_tls_codec::{Fault, decode_all, heartbeat::HeartbeatMessage};
///
/// // A request that claims a payload of 16 KiB and has none: Heartbleed (CVE-2014-0160).
/// let error = decode_all::<HeartbeatMessage<'_>>(&[1, 0x40, 0]).unwrap_err();
/// assert_eq!(error.to_string(), "HeartbeatMessage.payload: truncated");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatMessage<'a> {
    /// Request or response.
    pub typ: HeartbeatMessageType,
    /// The payload, which the response returns.
    pub payload: &'a [u8],
    /// At least 16 bytes, which the receiver ignores.
    pub padding: &'a [u8],
}

impl<'a> Decode<'a> for HeartbeatMessage<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let typ = HeartbeatMessageType::decode(r.at("HeartbeatMessage.type"))?;
        let payload = r.vec16(0..=0xffff, "HeartbeatMessage.payload")?.rest();
        let padding = r.at("HeartbeatMessage.padding").rest();
        // "If the payload_length of a received HeartbeatMessage is too large, the received
        // HeartbeatMessage MUST be discarded silently."
        if padding.len() < 16 { Err(r.error(Fault::BadLength)) } else { Ok(Self { typ, payload, padding }) }
    }
}

impl Encode for HeartbeatMessage<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.typ.encode(w)?;
        w.vec16_bytes(self.payload)?;
        w.bytes(self.padding)
    }
}
