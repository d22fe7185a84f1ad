//! `heartbeat` (RFC 6520 §2). The message is in [`heartbeat`](crate::heartbeat).

use crate::{
    code_points::{ExtensionType, HeartbeatMode},
    error::DecodeError,
    extension::Extension,
    reader::{Decode, Reader},
};

/// Permission for the peer to send heartbeat requests.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat;

impl Extension for Heartbeat {
    const TYPE: ExtensionType = ExtensionType::HEARTBEAT;
    type View<'a> = HeartbeatMode;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        HeartbeatMode::decode(data.at("heartbeat.mode"))
    }
}
