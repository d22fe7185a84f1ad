//! `signature_algorithms` (RFC 9846 §4.3.3).

use crate::{
    code_points::{ExtensionType, SignatureScheme},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::Reader,
    writer::Writer,
};

/// The signature schemes that the sender accepts in CertificateVerify. They also apply to
/// certificates if there is no `signature_algorithms_cert`.
#[derive(Clone, Copy, Debug)]
pub struct SignatureAlgorithms;

impl SignatureAlgorithms {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the list is too long for its length field.
    pub fn write(w: &mut Writer<'_>, values: &[SignatureScheme]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec16_each(values))
    }
}

impl Extension for SignatureAlgorithms {
    const TYPE: ExtensionType = ExtensionType::SIGNATURE_ALGORITHMS;
    type View<'a> = List<'a, SignatureScheme>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(2..=0xfffe, "signature_algorithms.supported_signature_algorithms")?)
    }
}
