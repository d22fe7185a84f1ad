//! `signed_certificate_timestamp` (RFC 6962 §3.3).

use crate::{
    code_points::{ExtensionType, SignatureScheme},
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    list::List,
    reader::{Decode, Reader, decode_all},
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

impl<'a> SerializedSct<'a> {
    /// Decodes the SCT.
    ///
    /// # Errors
    /// The decoding error; [`Fault::IllegalValue`] if the version is not 1.
    pub fn decode_fields(&self) -> Result<Sct<'a>, DecodeError> {
        decode_all(self.0)
    }
}

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

/// The fields of an SCT of version 1 (RFC 6962 §3.2). The signature is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sct<'a> {
    /// The SHA-256 hash of the log's public key.
    pub log_id: &'a [u8; 32],
    /// The time at which the log issued the SCT, in milliseconds since 1970.
    pub timestamp: u64,
    /// Empty in all logs so far.
    pub extensions: &'a [u8],
    /// Hash and signature algorithm, which have the values of a scheme of TLS 1.2.
    pub algorithm: SignatureScheme,
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> Decode<'a> for Sct<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if r.at("SignedCertificateTimestamp.sct_version").u8()? != 0 {
            return Err(r.error(Fault::IllegalValue));
        }
        Ok(Self {
            log_id: r.at("SignedCertificateTimestamp.id").array()?,
            timestamp: u64::from_be_bytes(*r.at("SignedCertificateTimestamp.timestamp").array()?),
            extensions: r.vec16(0..=0xffff, "SignedCertificateTimestamp.extensions")?.rest(),
            algorithm: SignatureScheme::decode(r.at("SignedCertificateTimestamp.algorithm"))?,
            signature: r.vec16(0..=0xffff, "SignedCertificateTimestamp.signature")?.rest(),
        })
    }
}

impl Encode for Sct<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.u8(0)?;
        w.bytes(self.log_id)?;
        w.bytes(&self.timestamp.to_be_bytes())?;
        w.vec16_bytes(self.extensions)?;
        self.algorithm.encode(w)?;
        w.vec16_bytes(self.signature)
    }
}
