//! The trust anchors. Each is limited by its own certificate, as `anchor_limits` says: validity,
//! path length, key usage.

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use tls_crypto::der;

use crate::certificate_error::{AnchorFault, CertificateError};
use crate::error::bounded;
use crate::verify::anchor_limits::{AnchorLimits, check_validity};
use crate::verify::sha256;
use crate::verify::x509::{Certificate, ReadableName};

/// The trust anchors for servers, or for clients.
///
/// An anchor's own certificate limits it: validity (checked at each verification), basicConstraints
/// with path length, key usage, and name constraints. A self-signed certificate that is not a CA
/// certificate vouches only for itself. Version 1 certificates set only a validity, and a
/// [`TrustAnchor`] only name constraints.
///
/// ```
/// use strata_tls_handshake::RootCertStore;
/// assert!(RootCertStore::new().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RootCertStore {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    /// The limits of each anchor, in the order of `anchors`.
    limits: Vec<AnchorLimits>,
}

impl RootCertStore {
    /// Creates an empty store, which trusts no CA.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a CA certificate as a trust anchor.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`] if it cannot be parsed; [`CertificateError::Anchor`] if it
    /// has a critical extension that is not supported, its key usage does not include keyCertSign,
    /// or it is neither a CA certificate nor self-issued. Validity is checked at each verification:
    /// see [`outside_validity`](Self::outside_validity).
    pub fn add(&mut self, certificate: &CertificateDer<'_>) -> Result<(), CertificateError> {
        let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
        self.limits.push(AnchorLimits::of(certificate, &read)?);
        self.anchors.push(anchor.to_owned());
        Ok(())
    }

    /// Returns the subjects of the anchors that are expired or not valid yet at `now`, each with
    /// its fault. Chains to these anchors are rejected. Anchors added as a [`TrustAnchor`] have no
    /// validity.
    pub fn outside_validity(&self, now: UnixTime) -> impl Iterator<Item = (String, AnchorFault)> {
        self.anchors.iter().zip(&self.limits).filter_map(move |(anchor, limits)| {
            let fault = check_validity(limits, now).err()?;
            Some((bounded(ReadableName(&anchor.subject).to_string()), fault))
        })
    }

    /// Returns the limits of an anchor, which must be an element of `anchors`.
    pub(crate) fn limits_of(&self, anchor: &TrustAnchor<'_>) -> Option<&AnchorLimits> {
        // Several anchors may have the same name, so compare addresses.
        let at = self.anchors.iter().position(|one| std::ptr::eq(one, anchor))?;
        self.limits.get(at)
    }

    /// Adds all certificates that can be trust anchors (see [`add`](Self::add)). Returns how many
    /// were added and how many were not.
    pub fn add_parsable_certificates(
        &mut self,
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> (usize, usize) {
        let (before, mut given) = (self.len(), 0_usize);
        for certificate in certificates {
            given = given.saturating_add(1);
            // A failure is counted as not added.
            let _ = self.add(&certificate);
        }
        let added = self.len().saturating_sub(before);
        (added, given.saturating_sub(added))
    }

    /// Returns the anchors' subjects, each a DER-encoded Name. A server sends them to clients as
    /// hints (certificate_authorities: RFC 9846 §4.3.4, RFC 5246 §7.4.4).
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = Vec<u8>> {
        self.anchors.iter().map(|anchor| der::element(der::SEQUENCE, &[&anchor.subject]))
    }

    /// Returns a hash of the trust anchors that does not depend on their order.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let hash = |anchor: &TrustAnchor<'_>, limits: &AnchorLimits| {
            let constraints = anchor.name_constraints.as_deref().map(AsRef::as_ref);
            let mut all = Vec::new();
            for part in [Some(anchor.subject.as_ref()), Some(anchor.subject_public_key_info.as_ref()), constraints] {
                let part: &[u8] = part.unwrap_or_default();
                all.extend_from_slice(&part.len().to_be_bytes());
                all.extend_from_slice(part);
            }
            all.push(u8::from(anchor.name_constraints.is_some()));
            limits.add_to(&mut all);
            sha256(&all)
        };
        let mut hashes = Vec::with_capacity(self.anchors.len());
        for (anchor, limits) in self.anchors.iter().zip(&self.limits) {
            let hash = hash(anchor, limits);
            if let Err(at) = hashes.binary_search(&hash) {
                hashes.insert(at, hash);
            }
        }
        sha256(&hashes.concat())
    }

    /// Returns the number of trust anchors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Returns whether there is no trust anchor, so that every verification fails.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }
}

impl Extend<TrustAnchor<'static>> for RootCertStore {
    fn extend<I: IntoIterator<Item = TrustAnchor<'static>>>(&mut self, anchors: I) {
        self.anchors.extend(anchors);
        self.limits.resize(self.anchors.len(), AnchorLimits::default());
    }
}

impl FromIterator<TrustAnchor<'static>> for RootCertStore {
    fn from_iter<I: IntoIterator<Item = TrustAnchor<'static>>>(anchors: I) -> Self {
        let mut store = Self::new();
        store.extend(anchors);
        store
    }
}
