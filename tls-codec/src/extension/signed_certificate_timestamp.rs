//! `signed_certificate_timestamp` (RFC 6962 §3.3).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Requests SCTs, in a ClientHello or CertificateRequest.
#[derive(Clone, Copy, Debug)]
pub struct SignedCertificateTimestamp;

impl SignedCertificateTimestamp {
    /// Writes the extension, which has no data.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, &[])
    }
}

impl Extension for SignedCertificateTimestamp {
    const TYPE: ExtensionType = ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP;
    type View<'a> = ();

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("signed_certificate_timestamp");
        Ok(())
    }
}

/// The SCTs, in a CertificateEntry or a TLS 1.2 ServerHello.
#[derive(Clone, Copy, Debug)]
pub struct SignedCertificateTimestamps;

impl SignedCertificateTimestamps {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the SCTs are too long for an extension.
    pub fn write<T: AsRef<[u8]>>(w: &mut Writer<'_>, timestamps: &[T]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| {
            w.vec16(|w| timestamps.iter().try_for_each(|sct| SerializedSct(sct.as_ref()).encode(w)))
        })
    }
}

impl Extension for SignedCertificateTimestamps {
    const TYPE: ExtensionType = ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP;
    type View<'a> = List<'a, SerializedSct<'a>>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(1..=0xffff, "signed_certificate_timestamp.sct_list")?)
    }
}

/// An encoded SCT, at least one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerializedSct<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for SerializedSct<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec16(1..=0xffff, "signed_certificate_timestamp.serialized_sct")?.rest()))
    }
}

impl Encode for SerializedSct<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.0)
    }
}

impl AsRef<[u8]> for SerializedSct<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}
