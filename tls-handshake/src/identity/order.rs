//! The order of a chain: the key's own certificate, then the issuer of each (RFC 9846 §4.5.1, RFC 5246 §7.4.2).

use pki_types::CertificateDer;

use super::IdentityError;
use crate::verify::x509::Certificate;

/// Puts the certificate of this key first (its SubjectPublicKeyInfo), and behind each one its issuer. What is left, such as another
/// certificate of the same authority, follows in the order in which it came.
///
/// # Errors
/// [`IdentityError`] if there is no certificate, none is the key's, or the key's cannot be used.
pub(super) fn sort(chain: &mut Vec<CertificateDer<'static>>, spki: &[u8]) -> Result<(), IdentityError> {
    let issuer = |certificate: &CertificateDer<'_>| Some(Certificate::read(certificate)?.issuer.to_vec());
    let own = chain.iter().position(|one| Certificate::read(one).is_some_and(|read| read.spki == spki));
    let Some(own) = own else {
        // One that cannot be read may be the key's.
        check_leaf(chain)?;
        return Err(IdentityError::KeyMismatch);
    };
    let mut left = std::mem::take(chain);
    let mut last = left.remove(own);
    loop {
        let above = issuer(&last).and_then(|issuer| {
            left.iter().position(|one| Certificate::read(one).is_some_and(|read| read.subject == issuer))
        });
        chain.push(last);
        match above {
            Some(at) => last = left.remove(at),
            None => break,
        }
    }
    chain.append(&mut left);
    check_leaf(chain)
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
