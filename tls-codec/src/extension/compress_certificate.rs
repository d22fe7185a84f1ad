//! `compress_certificate` (RFC 8879 §3).

use crate::{
    code_points::{CertificateCompressionAlgorithm, ExtensionType},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::Reader,
    writer::Writer,
};

/// The compression algorithms that the sender accepts for Certificate messages.
#[derive(Clone, Copy, Debug)]
pub struct CompressCertificate;

impl CompressCertificate {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the list is too long for its length field.
    pub fn write(w: &mut Writer<'_>, values: &[CertificateCompressionAlgorithm]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_each(values))
    }
}

impl Extension for CompressCertificate {
    const TYPE: ExtensionType = ExtensionType::COMPRESS_CERTIFICATE;
    type View<'a> = List<'a, CertificateCompressionAlgorithm>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(2..=254, "compress_certificate.algorithms")?)
    }
}
