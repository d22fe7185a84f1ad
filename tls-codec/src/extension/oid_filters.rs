//! `oid_filters` (RFC 9846 §4.3.5).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Certificate extensions that a client's certificate should have. Code that matches them must
/// check that no OID appears twice.
#[derive(Clone, Copy, Debug)]
pub struct OidFilters;

impl OidFilters {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or a part is too long for its length field.
    pub fn write(w: &mut Writer<'_>, filters: &[OidFilter<'_>]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec16_each(filters))
    }
}

impl Extension for OidFilters {
    const TYPE: ExtensionType = ExtensionType::OID_FILTERS;
    type View<'a> = List<'a, OidFilter<'a>>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(0..=0xffff, "oid_filters.filters")?)
    }
}

/// A certificate extension and its expected values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OidFilter<'a> {
    /// The DER-encoded object identifier, at least one byte.
    pub certificate_extension_oid: &'a [u8],
    /// The DER-encoded values.
    pub certificate_extension_values: &'a [u8],
}

impl<'a> Decode<'a> for OidFilter<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            certificate_extension_oid: r.vec8(1..=255, "oid_filters.certificate_extension_oid")?.rest(),
            certificate_extension_values: r.vec16(0..=0xffff, "oid_filters.certificate_extension_values")?.rest(),
        })
    }
}

impl Encode for OidFilter<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.certificate_extension_oid)?;
        w.vec16_bytes(self.certificate_extension_values)
    }
}
