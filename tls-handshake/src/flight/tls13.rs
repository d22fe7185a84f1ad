//! TLS 1.3 messages that both roles send.

use tls_codec::code_points::HandshakeType;
use tls_codec::error::BufferFull;
use tls_codec::extension::{CertificateStatus, SignedCertificateTimestamps};
use tls_codec::handshake::CertificateEntry;
use tls_codec::writer::Writer;

use crate::identity::Identity;

/// The data that the peer requested to be stapled to the end-entity certificate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stapling {
    pub(crate) ocsp: bool,
    pub(crate) scts: bool,
}

/// Certificate (RFC 9846 §4.5.1). `context` is that of the CertificateRequest, or empty.
pub(crate) fn certificate(
    w: &mut Writer<'_>,
    context: &[u8],
    identity: &Identity,
    asked: Stapling,
) -> Result<(), BufferFull> {
    w.message(HandshakeType::CERTIFICATE, |w| {
        w.vec8_bytes(context)?;
        w.vec24(|w| {
            let mut chain = identity.chain().iter();
            if let Some(leaf) = chain.next() {
                CertificateEntry::write(w, leaf, |w| {
                    if let Some(response) = identity.ocsp_response().filter(|_| asked.ocsp) {
                        CertificateStatus::write(w, response)?;
                    }
                    if asked.scts && !identity.signed_certificate_timestamps().is_empty() {
                        SignedCertificateTimestamps::write(w, identity.signed_certificate_timestamps())?;
                    }
                    Ok(())
                })?;
            }
            chain.try_for_each(|certificate| CertificateEntry::write(w, certificate, |_| Ok(())))
        })
    })
}

/// An empty Certificate: the client has none for the request (RFC 9846 §4.5.1).
pub(crate) fn no_certificate(w: &mut Writer<'_>, context: &[u8]) -> Result<(), BufferFull> {
    w.message(HandshakeType::CERTIFICATE, |w| {
        w.vec8_bytes(context)?;
        w.vec24(|_| Ok(()))
    })
}
