//! Sorts a chain for sending: the key's certificate, then the issuer of each (RFC 9846 §4.5.1, RFC
//! 5246 §7.4.2).

use std::collections::HashMap;

use pki_types::CertificateDer;

use tls_crypto::der::{self, Elements};
use tls_crypto::verify::verifiers;
use tls_crypto::{Backend, spki};

use super::{IdentityError, load};
use crate::verify::signature::verify_signed;
use crate::verify::x509::{Certificate, Signed, oid, public_key, sole};

/// Moves the certificate of this key (its SubjectPublicKeyInfo) to the front, and after each
/// certificate its issuer. The rest, such as another certificate of the same CA, follows in the
/// given order.
///
/// # Errors
/// As [`check`]; [`IdentityError::KeyMismatch`] if no certificate belongs to the key.
pub(super) fn sort(chain: &mut Vec<CertificateDer<'static>>, spki: &[u8]) -> Result<(), IdentityError> {
    check(chain)?;
    sort_by(chain, spki, &mut has_signed)
}

/// Returns whether a key made a signature, according to any backend.
fn has_signed(spki: &[u8], signed: &Signed<'_>) -> bool {
    Backend::ALL.iter().any(|backend| verify_signed(verifiers(*backend), &spki.into(), signed).is_ok())
}

/// Sorts with `has_signed`, which returns whether a key made a signature. It is called at most once
/// per certificate of the chain.
fn sort_by(
    chain: &mut Vec<CertificateDer<'static>>,
    spki: &[u8],
    has_signed: &mut dyn FnMut(&[u8], &Signed<'_>) -> bool,
) -> Result<(), IdentityError> {
    let read: Vec<_> = chain.iter().filter_map(Certificate::read).collect();
    let own = read.iter().position(|one| spki::same_key(one.spki, spki));
    let own = own.ok_or_else(|| mismatch(&read, spki))?;
    let mut issuers = Issuers::new(&read, own);
    let mut path = vec![own];
    while let Some(index) = path.last().and_then(|last| issuers.take(read.get(*last)?, has_signed)) {
        path.push(index);
    }
    path.extend(issuers.left());
    *chain = path.iter().filter_map(|index| chain.get(*index).cloned()).collect();
    Ok(())
}

/// Returns why no certificate belongs to the key.
fn mismatch(certificates: &[Certificate<'_>], spki: &[u8]) -> IdentityError {
    let bits = public_key(spki);
    if bits.is_some() && certificates.iter().any(|one| public_key(one.spki) == bits) {
        return IdentityError::BadLeaf(
            "its public key is the private key's, but under another algorithm, such as id-RSASSA-PSS, which is not \
             supported; use a certificate for an rsaEncryption key"
                .into(),
        );
    }
    IdentityError::KeyMismatch
}

/// The certificates that have no place in the chain yet.
struct Issuers<'a> {
    read: &'a [Certificate<'a>],
    is_left: Vec<bool>,
    by_name: HashMap<&'a [u8], Vec<usize>>,
    /// By name and key identifier (RFC 5280 §4.2.1.2).
    by_key: HashMap<(&'a [u8], &'a [u8]), Vec<usize>>,
    /// The number of signatures that may still be checked. Many certificates of one name would take
    /// a check for each pair of them.
    checks_left: usize,
}

impl<'a> Issuers<'a> {
    fn new(read: &'a [Certificate<'a>], own: usize) -> Self {
        let (mut by_name, mut by_key) = (HashMap::<_, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        // Backwards, so that the first in the given order is the last of each list.
        for (index, one) in read.iter().enumerate().rev().filter(|(index, _)| *index != own) {
            by_name.entry(one.subject).or_default().push(index);
            if let Some(identifier) = subject_key(one) {
                by_key.entry((one.subject, identifier)).or_default().push(index);
            }
        }
        let is_left = (0..read.len()).map(|index| index != own).collect();
        Self { read, is_left, by_name, by_key, checks_left: read.len() }
    }

    /// Removes and returns the issuer of a certificate. Prefers the certificate of the key that its
    /// authorityKeyIdentifier names, then one whose key verifies the signature, then any of the
    /// issuer's name.
    fn take(
        &mut self,
        certificate: &Certificate<'a>,
        has_signed: &mut dyn FnMut(&[u8], &Signed<'_>) -> bool,
    ) -> Option<usize> {
        let is_left = &self.is_left;
        let remove_taken = |indices: &mut Vec<usize>| {
            while indices.last().is_some_and(|index| is_left.get(*index) != Some(&true)) {
                indices.pop();
            }
            indices.last().copied()
        };
        let by_key = authority_key(certificate).and_then(|key| self.by_key.get_mut(&(certificate.issuer, key)));
        let named = self.by_name.get_mut(certificate.issuer)?;
        let first = remove_taken(named)?;
        let found = by_key.and_then(remove_taken).or_else(|| {
            let mut left = named.iter().rev().filter(|index| is_left.get(**index) == Some(&true));
            // Without a choice, there is nothing to check.
            left.clone().nth(1)?;
            left.find(|index| {
                let Some(checks_left) = self.checks_left.checked_sub(1) else { return false };
                self.checks_left = checks_left;
                self.read.get(**index).is_some_and(|read| has_signed(read.spki, &certificate.signed))
            })
            .copied()
        });
        let index = found.unwrap_or(first);
        if let Some(is_left) = self.is_left.get_mut(index) {
            *is_left = false;
        }
        Some(index)
    }

    fn left(&self) -> impl Iterator<Item = usize> {
        self.is_left.iter().enumerate().filter(|(_, is_left)| **is_left).map(|(index, _)| index)
    }
}

/// Returns the subjectKeyIdentifier (RFC 5280 §4.2.1.2).
fn subject_key<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8]> {
    sole(certificate.extension(oid::SUBJECT_KEY_IDENTIFIER)?, der::OCTET_STRING)
}

/// Returns the keyIdentifier in the authorityKeyIdentifier (RFC 5280 §4.2.1.1).
fn authority_key<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8]> {
    const KEY_IDENTIFIER: u8 = 0x80;
    Elements::new(sole(certificate.extension(oid::AUTHORITY_KEY_IDENTIFIER)?, der::SEQUENCE)?).optional(KEY_IDENTIFIER)
}

/// Checks that there is a certificate, that each can be parsed, and that peers accept as many.
///
/// # Errors
/// [`IdentityError::NoCertificate`], [`IdentityError::BadCertificate`],
/// [`IdentityError::TooManyCertificates`].
pub(super) fn check(chain: &[CertificateDer<'_>]) -> Result<(), IdentityError> {
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate("the list is empty".into()));
    }
    // The peer decides whether a certificate is acceptable.
    for (at, one) in chain.iter().enumerate() {
        if Certificate::read(one).is_none() {
            let why = load::not_a_certificate(one).to_owned();
            return Err(IdentityError::BadCertificate { at, why });
        }
    }
    if chain.len() > MAX_CERTIFICATES {
        return Err(IdentityError::TooManyCertificates { got: chain.len() });
    }
    Ok(())
}

/// The maximum number of certificates in a chain, leaf included. Java's clients accept 10 by
/// default (its servers 8), and other stacks limit the depth of paths to similar numbers.
pub(super) const MAX_CERTIFICATES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    /// Returns a chain of certificates of one name, leaf first, each signed by the next one's key,
    /// and the SubjectPublicKeyInfo of the leaf.
    fn of_one_name(count: usize, with_identifiers: bool) -> (Vec<CertificateDer<'static>>, Vec<u8>) {
        let params = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, "one name");
            // Without it, rcgen writes no subjectKeyIdentifier.
            params.is_ca = if with_identifiers { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
            params.use_authority_key_identifier_extension = with_identifiers;
            params
        };
        // A few keys, since the identifiers and signatures of a ring of keys differ as well.
        let mut issuer = KeyPair::generate().unwrap();
        let mut chain = vec![params().self_signed(&issuer).unwrap().der().clone()];
        while chain.len() < count {
            let key = KeyPair::generate().unwrap();
            chain.push(params().signed_by(&key, &Issuer::new(params(), issuer)).unwrap().der().clone());
            issuer = key;
        }
        chain.reverse();
        let spki = Certificate::read(&chain[0]).unwrap().spki.to_vec();
        (chain, spki)
    }

    /// Moves every certificate, always in the same way.
    fn shuffled(chain: &[CertificateDer<'static>]) -> Vec<CertificateDer<'static>> {
        let (odd, even): (Vec<_>, Vec<_>) = chain.iter().cloned().enumerate().partition(|(at, _)| at % 2 == 1);
        odd.into_iter().rev().chain(even).map(|(_, one)| one).collect()
    }

    fn sorted(
        chain: &[CertificateDer<'static>],
        spki: &[u8],
        has_signed: &mut dyn FnMut(&[u8], &Signed<'_>) -> bool,
    ) -> (Vec<CertificateDer<'static>>, usize) {
        let (mut chain, mut checks) = (shuffled(chain), 0);
        sort_by(&mut chain, spki, &mut |spki, signed| {
            checks += 1;
            has_signed(spki, signed)
        })
        .unwrap();
        (chain, checks)
    }

    #[test]
    fn key_identifiers_order_a_chain_without_signatures() {
        let (chain, spki) = of_one_name(50, true);
        assert_eq!(sorted(&chain, &spki, &mut |_, _| panic!("a signature was checked")), (chain, 0));
    }

    #[test]
    fn signatures_order_a_short_chain_without_identifiers() {
        let (chain, spki) = of_one_name(4, false);
        let verify = &mut |spki: &[u8], signed: &Signed<'_>| has_signed(spki, signed);
        assert_eq!(sorted(&chain, &spki, verify).0, chain);
    }

    #[test]
    fn signature_checks_are_linear_in_certificates_of_one_name() {
        for with_identifiers in [false, true] {
            let (chain, spki) = of_one_name(2000, with_identifiers);
            // The worst case: no key fits.
            let (sorted, checks) = sorted(&chain, &spki, &mut |_, _| false);
            assert_eq!(sorted.len(), 2000);
            assert!(checks <= if with_identifiers { 0 } else { 2000 }, "{checks} checks");
        }
    }

    #[test]
    fn every_certificate_of_a_chain_is_parsed() {
        let (mut chain, spki) = of_one_name(3, true);
        for at in [1, 2] {
            for (bytes, words) in [
                (&b"-----BEGIN CERTIFICATE-----"[..], "PEM"),
                (b"", "empty"),
                (b"junk", "not DER"),
                (&chain[0][..], ""),
            ] {
                let mut bad = chain.clone();
                // The last is the truncated certificate.
                let bytes = if words.is_empty() { [&[0x30, 3][..], &bytes[4..7]].concat() } else { bytes.to_vec() };
                bad[at] = bytes.into();
                let error = sort(&mut bad, &spki).unwrap_err();
                assert!(matches!(&error, IdentityError::BadCertificate { at: found, .. } if *found == at), "{error}");
                assert!(error.to_string().contains(words), "{error}");
            }
        }
        sort(&mut chain, &spki).unwrap();
    }

    #[test]
    fn chain_of_more_certificates_than_peers_accept_is_rejected() {
        let (mut chain, spki) = of_one_name(MAX_CERTIFICATES + 1, true);
        assert_eq!(sort(&mut chain.clone(), &spki), Err(IdentityError::TooManyCertificates { got: 11 }));
        chain.pop();
        sort(&mut chain, &spki).unwrap();
    }
}
