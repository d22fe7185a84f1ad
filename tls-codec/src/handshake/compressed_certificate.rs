//! CompressedCertificate (RFC 8879 §4).

use crate::{
    code_points::{CertificateCompressionAlgorithm, HandshakeType},
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A compressed Certificate. The caller decompresses it, to at most `uncompressed_length` bytes,
/// and decodes a [`Certificate`](super::Certificate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressedCertificate<'a> {
    /// The algorithm.
    pub algorithm: CertificateCompressionAlgorithm,
    /// The length of the message in bytes, without its header. Chosen by the peer, up to 16 MiB:
    /// check it before reserving memory.
    pub uncompressed_length: u32,
    /// At least one byte.
    pub compressed_certificate_message: &'a [u8],
}

impl<'a> HandshakeMessage<'a> for CompressedCertificate<'a> {
    const TYPE: HandshakeType = HandshakeType::COMPRESSED_CERTIFICATE;
}

impl<'a> Decode<'a> for CompressedCertificate<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            algorithm: CertificateCompressionAlgorithm::decode(r.at("CompressedCertificate.algorithm"))?,
            uncompressed_length: r.at("CompressedCertificate.uncompressed_length").u24()?,
            compressed_certificate_message: r
                .vec24(1..=0xff_ffff, "CompressedCertificate.compressed_certificate_message")?
                .rest(),
        })
    }
}

impl Encode for CompressedCertificate<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.algorithm.encode(w)?;
        w.u24(self.uncompressed_length)?;
        w.vec24_bytes(self.compressed_certificate_message)
    }
}
