//! Whether a signature of the handshake is right; which algorithms a scheme may mean is each version's own rule.

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use tls_codec::code_points::SignatureScheme;

use crate::certificate_error::CertificateError;
use crate::error::Error;
use crate::verify::x509::Signed;

/// A version's rules for signatures in its handshake.
pub(crate) struct SignatureRules {
    /// The schemes that it knows here, in our order of preference.
    pub(crate) schemes: &'static [SignatureScheme],
    /// What each of them may mean.
    pub(crate) algorithms: &'static [(SignatureScheme, Algorithms)],
}

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

impl SignatureRules {
    /// What a scheme may mean: nothing for one that is not among them.
    fn algorithms(&self, scheme: SignatureScheme) -> Algorithms {
        self.algorithms.iter().find(|(known, _)| *known == scheme).map_or(&[], |(_, algorithms)| algorithms)
    }
}

/// A scheme and a signature, as CertificateVerify and ServerKeyExchange have them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigitallySigned<'a> {
    pub(crate) algorithm: SignatureScheme,
    pub(crate) signature: &'a [u8],
}

/// Checks a signature over `content` with the key of `leaf`.
///
/// # Errors
/// [`Error::BadSignature`]; [`Error::SignatureSchemeNotOffered`] for a scheme that the version does not sign handshakes with;
/// [`Error::SignatureSchemeMismatch`] for one that the leaf's key cannot sign with; [`Error::Certificate`] if the leaf cannot be
/// parsed.
pub(crate) fn check(
    rules: &SignatureRules,
    leaf: &CertificateDer<'_>,
    content: &[u8],
    signed: DigitallySigned<'_>,
) -> Result<(), Error> {
    let algorithms = rules.algorithms(signed.algorithm);
    if algorithms.is_empty() {
        return Err(Error::SignatureSchemeNotOffered(signed.algorithm));
    }
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|_| CertificateError::BadEncoding)?;
    for algorithm in algorithms {
        match leaf.verify_signature(*algorithm, content, signed.signature) {
            Ok(()) => return Ok(()),
            // The key is of another kind: the next algorithm of the scheme may be for it.
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(Error::BadSignature),
        }
    }
    Err(Error::SignatureSchemeMismatch(signed.algorithm))
}

/// Checks the signature of a certificate, or of an OCSP response, with this key (a SubjectPublicKeyInfo).
///
/// # Errors
/// As webpki says it: the signature is wrong, or of a kind that this key cannot make, or that is not among the algorithms.
pub(crate) fn verify_signed(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    spki: &SubjectPublicKeyInfoDer<'_>,
    signed: &Signed<'_>,
) -> Result<(), webpki::Error> {
    let key = webpki::RawPublicKeyEntity::try_from(spki)?;
    let mut verdict = Err(webpki::Error::BadDer);
    for algorithm in algorithms.iter().filter(|algorithm| algorithm.signature_alg_id().as_ref() == signed.algorithm) {
        verdict = key.verify_signature(*algorithm, signed.message, signed.signature);
        // The key is of another kind: the next algorithm of the same signatures may be for it.
        if !matches!(verdict, Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_))) {
            break;
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::x509::Certificate;
    use crate::verify::{tls12, tls13};
    use rcgen::SigningKey;
    use tls_crypto::verify::{ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256};

    /// A P-256 key, and a certificate that it signed for itself.
    fn made() -> (rcgen::KeyPair, CertificateDer<'static>) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().der().clone();
        (key, certificate)
    }

    #[test]
    fn signature_of_a_handshake_has_the_scheme_of_its_key() {
        let (key, leaf) = made();
        let signature = key.sign(b"content").unwrap();
        let judged = |leaf: &CertificateDer<'_>, scheme, content: &[u8]| {
            check(&tls13::RULES, leaf, content, DigitallySigned { algorithm: scheme, signature: &signature })
        };
        let (own, pkcs1) = (SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::RSA_PKCS1_SHA256);
        assert_eq!(judged(&leaf, own, b"content"), Ok(()));
        assert_eq!(judged(&leaf, own, b"another"), Err(Error::BadSignature));
        assert_eq!(judged(&leaf, pkcs1, b"content"), Err(Error::SignatureSchemeNotOffered(pkcs1)));
        let ed25519 = SignatureScheme::ED25519;
        assert_eq!(judged(&leaf, ed25519, b"content"), Err(Error::SignatureSchemeMismatch(ed25519)));
        let unparsable = judged(&vec![0x30, 0].into(), own, b"content");
        assert_eq!(unparsable, Err(CertificateError::BadEncoding.into()));
    }

    /// Only algorithms with the identifier of the signature are tried, each of them if need be.
    #[test]
    fn signature_has_the_algorithm_that_stands_beside_it() {
        let (_, certificate) = made();
        let read = Certificate::read(&certificate).unwrap();
        let judged = |algorithms: &[&dyn SignatureVerificationAlgorithm], algorithm: &[u8]| {
            verify_signed(algorithms, &read.spki.into(), &Signed { algorithm, ..read.signed }).is_ok()
        };
        let (sha256, sha384) = (ECDSA_P256_SHA256.signature_alg_id(), ECDSA_P256_SHA384.signature_alg_id());
        for algorithms in [[ECDSA_P384_SHA256, ECDSA_P256_SHA256], [ECDSA_P256_SHA256, ECDSA_P384_SHA256]] {
            assert!(judged(&algorithms, &sha256));
            assert!(!judged(&algorithms, &sha384));
        }
        assert!(!judged(&[ECDSA_P256_SHA256, ECDSA_P256_SHA384], &sha384));
        assert!(!judged(&[], &sha256) && !judged(&[ECDSA_P256_SHA256], &[]));
    }

    #[test]
    fn every_scheme_has_an_algorithm_and_none_has_sha1_or_md5() {
        for rules in [&tls12::RULES, &tls13::RULES] {
            assert_eq!(rules.schemes.len(), rules.algorithms.len());
            assert!(rules.schemes.iter().all(|scheme| !rules.algorithms(*scheme).is_empty()));
            for forbidden in [SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1, SignatureScheme(0x0101)] {
                assert!(rules.algorithms(forbidden).is_empty());
            }
        }
    }

    #[test]
    fn tls13_has_no_pkcs1_and_one_algorithm_for_each_scheme() {
        for pkcs1 in
            [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PKCS1_SHA384, SignatureScheme::RSA_PKCS1_SHA512]
        {
            assert!(tls13::RULES.algorithms(pkcs1).is_empty());
            assert_eq!(tls12::RULES.algorithms(pkcs1).len(), 1);
        }
        assert!(tls13::RULES.algorithms.iter().all(|(_, algorithms)| algorithms.len() == 1));
    }
}
