//! `connection_id` (RFC 9146 §3, RFC 9147 §9), in DTLS.

use crate::{code_points::ExtensionType, error::DecodeError, extension::Extension, reader::Reader};

/// The connection ID that the sender requests in the records that it receives. May be empty. Its
/// length is needed to read them: see [`DtlsRecord::decode`](crate::dtls::DtlsRecord::decode).
#[derive(Clone, Copy, Debug)]
pub struct ConnectionId;

impl Extension for ConnectionId {
    const TYPE: ExtensionType = ExtensionType::CONNECTION_ID;
    type View<'a> = &'a [u8];

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(data.vec8(0..=255, "connection_id.cid")?.rest())
    }
}
