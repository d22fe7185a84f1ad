//! The order of a chain: the key's own certificate, then the issuer of each (RFC 9846 §4.5.1, RFC 5246 §7.4.2).

use pki_types::CertificateDer;

use tls_crypto::verify::ALL;

use super::IdentityError;
use crate::verify::signature::verify_signed;
use crate::verify::x509::Certificate;

/// Puts the certificate of this key first (its SubjectPublicKeyInfo), and behind each one its issuer. What is left, such as another
/// certificate of the same authority, follows in the order in which it came.
///
/// # Errors
/// [`IdentityError`] if there is no certificate, none is the key's, or the key's cannot be used.
pub(super) fn sort(chain: &mut Vec<CertificateDer<'static>>, spki: &[u8]) -> Result<(), IdentityError> {
    let own = chain.iter().position(|one| Certificate::read(one).is_some_and(|read| read.spki == spki));
    let Some(own) = own else {
        // One that cannot be read may be the key's.
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

/// Where the issuer of this certificate is: of those with its name the one whose key has signed, if that can be told.
fn issuer_of(certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<usize> {
    let certificate = Certificate::read(certificate)?;
    let named = || {
        let read = others.iter().map(Certificate::read).enumerate();
        read.filter_map(|(at, read)| Some((at, read?))).filter(|(_, read)| read.subject == certificate.issuer)
    };
    let has_signed = |spki: &[u8]| verify_signed(&ALL, &spki.into(), &certificate.signed).is_ok();
    named().find(|(_, read)| has_signed(read.spki)).or_else(|| named().next()).map(|(at, _)| at)
}

/// Whether there is a first certificate, which can be used.
///
/// # Errors
/// [`IdentityError::NoCertificate`], [`IdentityError::BadLeaf`].
pub(super) fn check_leaf(chain: &[CertificateDer<'_>]) -> Result<(), IdentityError> {
    let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
    // No more than it takes to show it: whether it is good enough, the peer decides.
    match Certificate::read(leaf) {
        Some(_) => Ok(()),
        None => Err(IdentityError::BadLeaf("it cannot be parsed".into())),
    }
}
