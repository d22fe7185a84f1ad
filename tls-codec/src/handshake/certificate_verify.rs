//! CertificateVerify (RFC 9846 §4.5.2).

use crate::{
    code_points::{HandshakeType, SignatureScheme},
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The sender's signature over the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateVerify<'a> {
    /// The signature scheme.
    pub algorithm: SignatureScheme,
    /// The signature; its length is not checked.
    pub signature: &'a [u8],
}

impl<'a> HandshakeMessage<'a> for CertificateVerify<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_VERIFY;
}

impl<'a> Decode<'a> for CertificateVerify<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            algorithm: SignatureScheme::decode(r.at("CertificateVerify.algorithm"))?,
            signature: r.vec16(0..=0xffff, "CertificateVerify.signature")?.rest(),
        })
    }
}

impl Encode for CertificateVerify<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.algorithm.encode(w)?;
        w.vec16_bytes(self.signature)
    }
}
