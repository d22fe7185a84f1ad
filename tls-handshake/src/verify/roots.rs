//! The authorities that are trusted.

use pki_types::{CertificateDer, TrustAnchor};
use tls_crypto::der;

use crate::certificate_error::CertificateError;
use crate::verify::sha256;

/// The authorities that are trusted to vouch for servers, or for clients.
///
/// ```
/// use tls_handshake::RootCertStore;
/// assert!(RootCertStore::new().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RootCertStore {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
}

impl RootCertStore {
    /// A store that trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authority with this certificate.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`] if it cannot be parsed.
    pub fn add(&mut self, certificate: &CertificateDer<'_>) -> Result<(), CertificateError> {
        let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(|_| CertificateError::BadEncoding)?;
        self.anchors.push(anchor.to_owned());
        Ok(())
    }

    /// Trusts all of these that can be parsed; gives back how many were added and how many were not.
    pub fn add_parsable_certificates(
        &mut self,
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> (usize, usize) {
        let (before, mut given) = (self.len(), 0_usize);
        for certificate in certificates {
            given = given.saturating_add(1);
            // One that cannot be parsed is told by the count.
            let _ = self.add(&certificate);
        }
        let added = self.len().saturating_sub(before);
        (added, given.saturating_sub(added))
    }

    /// The authorities' names, each a DER-encoded Name (a SEQUENCE): what a server that asks clients for certificates sends
    /// them as a hint (RFC 9846 §4.3.4, RFC 5246 §7.4.4).
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = Vec<u8>> {
        self.anchors.iter().map(|anchor| der::element(der::SEQUENCE, &[&anchor.subject]))
    }

    /// A hash over the authorities, whatever their order: two stores that trust the same have the same.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let hash = |anchor: &TrustAnchor<'_>| {
            let constraints = anchor.name_constraints.as_deref().map(AsRef::as_ref);
            let mut all = Vec::new();
            for part in [Some(anchor.subject.as_ref()), Some(anchor.subject_public_key_info.as_ref()), constraints] {
                let part: &[u8] = part.unwrap_or_default();
                all.extend_from_slice(&part.len().to_be_bytes());
                all.extend_from_slice(part);
            }
            all.push(u8::from(anchor.name_constraints.is_some()));
            sha256(&all)
        };
        let mut hashes = Vec::with_capacity(self.anchors.len());
        for anchor in &self.anchors {
            let hash = hash(anchor);
            if let Err(at) = hashes.binary_search(&hash) {
                hashes.insert(at, hash);
            }
        }
        sha256(&hashes.concat())
    }

    /// How many authorities are trusted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether nobody is trusted, so that every verification fails.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }
}

impl Extend<TrustAnchor<'static>> for RootCertStore {
    fn extend<I: IntoIterator<Item = TrustAnchor<'static>>>(&mut self, anchors: I) {
        self.anchors.extend(anchors);
    }
}

impl FromIterator<TrustAnchor<'static>> for RootCertStore {
    fn from_iter<I: IntoIterator<Item = TrustAnchor<'static>>>(anchors: I) -> Self {
        Self { anchors: anchors.into_iter().collect() }
    }
}
