//! The certificate chain: a path to a trust anchor, the name, the validity, the purpose. webpki walks the path.

use pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use tls_crypto::HashAlgorithm;
use tls_crypto::verify::ALL;
use webpki::{EndEntityCert, KeyUsage};

use crate::certificate_error::CertificateError;

/// The authorities that are trusted to vouch for servers, or for clients.
///
/// ```
/// use tls_handshake::verify::chain::RootCertStore;
/// assert!(RootCertStore::new().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RootCertStore {
    anchors: Vec<TrustAnchor<'static>>,
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
        certificates.into_iter().fold((0, 0), |(added, ignored), certificate| match self.add(&certificate) {
            Ok(()) => (added.saturating_add(1), ignored),
            Err(_) => (added, ignored.saturating_add(1)),
        })
    }

    /// The authorities' names, each a DER-encoded Name (a SEQUENCE): what a server that asks clients for certificates sends
    /// them as a hint (RFC 9846 §4.3.4, RFC 5246 §7.4.4).
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = Vec<u8>> {
        self.anchors.iter().map(|anchor| sequence(&anchor.subject))
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
            HashAlgorithm::Sha256.hash(&all).as_ref().to_vec()
        };
        let mut hashes: Vec<_> = self.anchors.iter().map(hash).collect();
        hashes.sort();
        hashes.dedup();
        let digest = HashAlgorithm::Sha256.hash(&hashes.concat());
        digest.as_ref().try_into().unwrap_or_default()
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

/// DER of a SEQUENCE with this content: a trust anchor keeps its name without the tag and the length.
fn sequence(content: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    let length = content.len().to_be_bytes();
    let significant =
        length.iter().position(|byte| *byte != 0).map_or(&[][..], |at| length.get(at..).unwrap_or_default());
    let mut der = vec![SEQUENCE];
    match (significant, u8::try_from(significant.len())) {
        ([], _) => der.push(0),
        ([short @ 0..0x80], _) => der.push(*short),
        // A usize has at most 8 bytes.
        (long, count) => {
            der.push(0x80 | count.unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}

/// Whether `chain` (leaf first) proves, at the time `now`, a server of this name to whoever trusts `roots`.
///
/// # Errors
/// [`CertificateError`], with what is needed to mend it.
pub fn verify_server_chain(
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), CertificateError> {
    let leaf = verify_path(chain, roots, now, KeyUsage::server_auth())?;
    leaf.verify_is_valid_for_subject_name(name).map_err(|e| explain(e, chain.len(), roots))
}

/// Whether `chain` (leaf first) proves, at the time `now`, a client to whoever trusts `roots`. Which client it is, the
/// caller must know from the leaf.
///
/// # Errors
/// [`CertificateError`], with what is needed to mend it.
pub fn verify_client_chain(
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: UnixTime,
) -> Result<(), CertificateError> {
    verify_path(chain, roots, now, KeyUsage::client_auth()).map(|_| ())
}

/// The path to a trust anchor, validity and purpose; gives back the leaf.
fn verify_path<'c>(
    chain: &'c [CertificateDer<'_>],
    roots: &RootCertStore,
    now: UnixTime,
    usage: KeyUsage,
) -> Result<EndEntityCert<'c>, CertificateError> {
    let (leaf, intermediates) = chain.split_first().ok_or(CertificateError::BadEncoding)?;
    if roots.is_empty() {
        return Err(CertificateError::NoTrustAnchors);
    }
    let leaf = EndEntityCert::try_from(leaf).map_err(|e| explain(e, chain.len(), roots))?;
    leaf.verify_for_usage(&ALL, &roots.anchors, intermediates, now, usage, None, None)
        .map_err(|e| explain(e, chain.len(), roots))?;
    Ok(leaf)
}

fn explain(e: webpki::Error, sent: usize, roots: &RootCertStore) -> CertificateError {
    use std::time::Duration;
    use webpki::Error as E;
    let since_1970 = |time: UnixTime| Duration::from_secs(time.as_secs());
    match e {
        E::CertExpired { time, not_after } => {
            CertificateError::Expired { now: since_1970(time), not_after: since_1970(not_after) }
        }
        E::CertNotValidYet { time, not_before } => {
            CertificateError::NotYetValid { now: since_1970(time), not_before: since_1970(not_before) }
        }
        E::CertNotValidForName(context) => CertificateError::NotValidForName {
            asked: context.expected.to_str().into_owned(),
            has: context.presented.iter().map(|name| readable(name)).collect(),
        },
        // The second is an anchor of the issuer's name whose key is of another kind: it is not the issuer.
        E::UnknownIssuer | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateError::UnknownIssuer { sent, anchors: roots.len() }
        }
        E::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        E::CertRevoked => CertificateError::Revoked,
        E::CaUsedAsEndEntity => CertificateError::CaUsedAsEndEntity,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => CertificateError::WrongPurpose,
        E::UnsupportedSignatureAlgorithmContext(_) => CertificateError::UnsupportedAlgorithm,
        E::BadDer | E::BadDerTime | E::TrailingData(_) => CertificateError::BadEncoding,
        other => CertificateError::Path(other.to_string()),
    }
}

/// webpki names what a certificate presents as `DnsName("a.test")`; a person reads `a.test`.
fn readable(presented: &str) -> String {
    match presented.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")) {
        Some(name) => name.to_owned(),
        None => presented.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_has_the_shortest_length_that_der_allows() {
        for (content, header) in [
            (0, &[0x30, 0][..]),
            (0x7f, &[0x30, 0x7f]),
            (0x80, &[0x30, 0x81, 0x80]),
            (0xff, &[0x30, 0x81, 0xff]),
            (0x100, &[0x30, 0x82, 1, 0]),
            (0x1_0000, &[0x30, 0x83, 1, 0, 0]),
        ] {
            let der = sequence(&vec![7; content]);
            assert_eq!(der.split_at(header.len()), (header, &vec![7; content][..]));
        }
    }
}
