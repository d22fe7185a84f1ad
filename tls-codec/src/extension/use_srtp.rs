//! `use_srtp` (RFC 5764 §4.1.1), in DTLS: WebRTC.

use crate::{
    code_points::{ExtensionType, SrtpProtectionProfile},
    error::DecodeError,
    extension::Extension,
    list::List,
    reader::Reader,
};

/// The protection of media with the keys of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseSrtp<'a> {
    /// The profiles that a client offers, at least one, or the one that the server selected.
    pub profiles: List<'a, SrtpProtectionProfile>,
    /// The master key identifier. Empty if packets have none.
    pub mki: &'a [u8],
}

impl Extension for UseSrtp<'_> {
    const TYPE: ExtensionType = ExtensionType::USE_SRTP;
    type View<'a> = UseSrtp<'a>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(UseSrtp {
            profiles: List::decode_body(data.vec16(2..=0xffff, "use_srtp.SRTPProtectionProfiles")?)?,
            mki: data.vec8(0..=255, "use_srtp.srtp_mki")?.rest(),
        })
    }
}
