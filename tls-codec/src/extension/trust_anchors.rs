//! `trust_anchors` (draft-ietf-tls-trust-anchor-ids).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The trust anchors that a client has and requests, or that a server can be verified with: in a
/// ClientHello, CertificateRequest or EncryptedExtensions.
#[derive(Clone, Copy, Debug)]
pub struct TrustAnchors;

impl Extension for TrustAnchors {
    const TYPE: ExtensionType = ExtensionType::TRUST_ANCHORS;
    type View<'a> = List<'a, TrustAnchorId<'a>>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(0..=0xffff, "trust_anchors.trust_anchor_id_list")?)
    }
}

/// The identifier of a trust anchor: the content of a DER-encoded relative object identifier, at
/// least one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustAnchorId<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for TrustAnchorId<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec8(1..=255, "trust_anchors.trust_anchor_id")?.rest()))
    }
}

impl Encode for TrustAnchorId<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.0)
    }
}
