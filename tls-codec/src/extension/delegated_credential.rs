//! `delegated_credential` (RFC 9345 §4).

use crate::{
    code_points::{ExtensionType, SignatureScheme},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The signature schemes that a peer accepts of a delegated credential, in a ClientHello or
/// CertificateRequest.
#[derive(Clone, Copy, Debug)]
pub struct DelegatedCredentialRequest;

impl Extension for DelegatedCredentialRequest {
    const TYPE: ExtensionType = ExtensionType::DELEGATED_CREDENTIAL;
    type View<'a> = List<'a, SignatureScheme>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(2..=0xfffe, "delegated_credential.supported_signature_algorithm")?)
    }
}

/// A key for which the key of a certificate vouches, in a CertificateEntry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelegatedCredential<'a> {
    /// The time at which the credential expires, in seconds after the certificate's notBefore.
    pub valid_time: u32,
    /// The scheme of the CertificateVerify that the credential signs.
    pub dc_cert_verify_algorithm: SignatureScheme,
    /// The public key, a DER-encoded SubjectPublicKeyInfo; at least one byte.
    pub subject_public_key_info: &'a [u8],
    /// The scheme of `signature`.
    pub algorithm: SignatureScheme,
    /// The signature by the certificate's key.
    pub signature: &'a [u8],
}

impl Extension for DelegatedCredential<'_> {
    const TYPE: ExtensionType = ExtensionType::DELEGATED_CREDENTIAL;
    type View<'a> = DelegatedCredential<'a>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        DelegatedCredential::decode(data)
    }
}

impl<'a> Decode<'a> for DelegatedCredential<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let algorithm = "delegated_credential.dc_cert_verify_algorithm";
        Ok(Self {
            valid_time: r.at("delegated_credential.valid_time").u32()?,
            dc_cert_verify_algorithm: SignatureScheme::decode(r.at(algorithm))?,
            subject_public_key_info: r.vec24(1..=0xff_ffff, "delegated_credential.subject_public_key_info")?.rest(),
            algorithm: SignatureScheme::decode(r.at("delegated_credential.algorithm"))?,
            signature: r.vec16(0..=0xffff, "delegated_credential.signature")?.rest(),
        })
    }
}

impl Encode for DelegatedCredential<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.u32(self.valid_time)?;
        self.dc_cert_verify_algorithm.encode(w)?;
        w.vec24_bytes(self.subject_public_key_info)?;
        self.algorithm.encode(w)?;
        w.vec16_bytes(self.signature)
    }
}
