//! `supported_versions` (RFC 9846 §4.3.1).

use crate::{
    code_points::{ExtensionType, ProtocolVersion},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The versions that a client offers, in order of preference.
///
/// ```
/// use strata_tls_codec::{ProtocolVersion, Writer, extension::SupportedVersions};
///
/// let mut storage = [0; 16];
/// let mut w = Writer::new(&mut storage);
/// SupportedVersions::write(&mut w, &[ProtocolVersion::TLS13, ProtocolVersion::TLS12])?;
/// assert_eq!(w.written(), [0, 43, 0, 5, 4, 3, 4, 3, 3]);
/// # Ok::<(), strata_tls_codec::BufferFull>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SupportedVersions;

impl SupportedVersions {
    /// Writes the extension of a ClientHello.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if there are more than 127 versions.
    pub fn write(w: &mut Writer<'_>, versions: &[ProtocolVersion]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_each(versions))
    }
}

impl Extension for SupportedVersions {
    const TYPE: ExtensionType = ExtensionType::SUPPORTED_VERSIONS;
    type View<'a> = List<'a, ProtocolVersion>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(2..=254, "supported_versions.versions")?)
    }
}

/// The version that a server selected, in ServerHello or HelloRetryRequest.
#[derive(Clone, Copy, Debug)]
pub struct SelectedVersion;

impl SelectedVersion {
    /// Writes the extension as a ServerHello and a HelloRetryRequest have it.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, version: ProtocolVersion) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| version.encode(w))
    }
}

impl Extension for SelectedVersion {
    const TYPE: ExtensionType = ExtensionType::SUPPORTED_VERSIONS;
    type View<'a> = ProtocolVersion;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        ProtocolVersion::decode(data.at("supported_versions.selected_version"))
    }
}
