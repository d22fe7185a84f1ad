//! Judging what the peer proves with: its chain, and its signature.

use pki_types::CertificateDer;
use tls_codec::handshake::Certificate;

use crate::error::Error;

pub mod chain;
pub(crate) mod signature;

/// The certificates that the peer sent, leaf first, with what was stapled to the leaf.
#[derive(Debug)]
pub struct PeerChain {
    certificates: Vec<CertificateDer<'static>>,
    ocsp_response: Option<Vec<u8>>,
}

impl PeerChain {
    /// Takes the chain out of a Certificate message.
    ///
    /// # Errors
    /// [`Error::NoCertificate`] for an empty chain, [`Error::ChainTooLong`].
    pub(crate) fn of_server(message: &Certificate<'_>, limit: usize) -> Result<Self, Error> {
        let got = message.certificate_list.len();
        if got > limit {
            return Err(Error::ChainTooLong { got, limit });
        }
        let leaf = message.certificate_list.first().ok_or(Error::NoCertificate)?;
        let certificates =
            message.certificate_list.iter().map(|entry| CertificateDer::from(entry.cert_data.to_vec())).collect();
        Ok(Self { certificates, ocsp_response: leaf.extensions.ocsp_response.map(<[u8]>::to_vec) })
    }

    /// The certificates, leaf first.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The peer's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.certificates.first()
    }

    /// The OCSP response stapled to the leaf, unchecked.
    #[must_use]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.ocsp_response.as_deref()
    }
}
