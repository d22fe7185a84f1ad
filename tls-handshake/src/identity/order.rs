//! Sorts a chain for sending: the key's certificate, then the issuer of each (RFC 9846 §4.5.1, RFC
//! 5246 §7.4.2).

use pki_types::CertificateDer;

use tls_crypto::verify::ALL;

use super::IdentityError;
use crate::verify::signature::verify_signed;
use crate::verify::x509::Certificate;

/// Moves the certificate of this key (its SubjectPublicKeyInfo) to the front, and after each
/// certificate its issuer. The rest, such as another certificate of the same CA, follows in the
/// given order.
///
/// # Errors
/// [`IdentityError`] if there is no certificate, none belongs to the key, or the key's certificate
/// cannot be parsed.
pub(super) fn sort(chain: &mut Vec<CertificateDer<'static>>, spki: &[u8]) -> Result<(), IdentityError> {
    let own = chain.iter().position(|one| Certificate::read(one).is_some_and(|read| read.spki == spki));
    let Some(own) = own else {
        // A leaf that cannot be parsed may be the key's.
        check_leaf(chain)?;
        return Err(IdentityError::KeyMismatch);
    };
    let mut left = std::mem::take(chain);
    let mut last = left.remove(own);
    loop {
        let above = issuer_of(&last, &left);
        chain.push(last);
        match above {
            Some(at) => last = left.remove(at),
            None => break,
        }
    }
    chain.append(&mut left);
    check_leaf(chain)
}

/// Returns the index of this certificate's issuer. Prefers one whose key verifies the signature
/// over one that only has the issuer's name.
fn issuer_of(certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<usize> {
    let certificate = Certificate::read(certificate)?;
    let named = || {
        let read = others.iter().map(Certificate::read).enumerate();
        read.filter_map(|(at, read)| Some((at, read?))).filter(|(_, read)| read.subject == certificate.issuer)
    };
    let has_signed = |spki: &[u8]| verify_signed(&ALL, &spki.into(), &certificate.signed).is_ok();
    named().find(|(_, read)| has_signed(read.spki)).or_else(|| named().next()).map(|(at, _)| at)
}

/// Checks that there is a first certificate, and that it can be parsed.
///
/// # Errors
/// [`IdentityError::NoCertificate`], [`IdentityError::BadLeaf`].
pub(super) fn check_leaf(chain: &[CertificateDer<'_>]) -> Result<(), IdentityError> {
    let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
    // The peer decides whether the certificate is acceptable.
    match Certificate::read(leaf) {
        Some(_) => Ok(()),
        None => Err(IdentityError::BadLeaf("it cannot be parsed".into())),
    }
}
