//! Verifies handshake signatures. `tls12` and `tls13` define which algorithms a scheme allows.

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use tls_codec::code_points::SignatureScheme;

use crate::certificate_error::CertificateError;
use crate::error::Error;
use crate::verify::algorithm::unsupported_key_of;
use crate::verify::x509::Signed;

/// The rules of a protocol version for handshake signatures.
pub(crate) struct SignatureRules {
    /// The supported schemes, in order of preference.
    pub(crate) schemes: &'static [SignatureScheme],
    /// The algorithms of each scheme.
    pub(crate) algorithms: &'static [(SignatureScheme, Algorithms)],
}

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

impl SignatureRules {
    /// Returns the algorithms of a scheme; none if the scheme is not supported.
    fn algorithms(&self, scheme: SignatureScheme) -> Algorithms {
        self.algorithms.iter().find(|(known, _)| *known == scheme).map_or(&[], |(_, algorithms)| algorithms)
    }
}

/// The scheme and signature of CertificateVerify or ServerKeyExchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigitallySigned<'a> {
    pub(crate) algorithm: SignatureScheme,
    pub(crate) signature: &'a [u8],
}

/// Verifies a signature over `content` with the key of `leaf`.
///
/// # Errors
/// [`Error::BadSignature`]; [`Error::SignatureSchemeNotOffered`] if the version does not allow the
/// scheme; [`Error::SignatureSchemeMismatch`] if the leaf's key does not support it;
/// [`Error::UnsupportedKey`] if this library does not support the key;
/// [`Error::Certificate`] if the leaf cannot be parsed.
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
    let unsupported = |leaf: &webpki::EndEntityCert<'_>| {
        let spki = leaf.subject_public_key_info();
        let key = unsupported_key_of(signed.algorithm, algorithms.len() == 1, &spki)?;
        Some(Error::UnsupportedKey { scheme: signed.algorithm, key })
    };
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|_| CertificateError::BadEncoding)?;
    for algorithm in algorithms {
        match leaf.verify_signature(*algorithm, content, signed.signature) {
            Ok(()) => return Ok(()),
            // The key has another type. The scheme's next algorithm may fit.
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            // ring rejects an unsupported key like an invalid signature.
            Err(_) => return Err(unsupported(&leaf).unwrap_or(Error::BadSignature)),
        }
    }
    Err(unsupported(&leaf).unwrap_or(Error::SignatureSchemeMismatch(signed.algorithm)))
}

/// Verifies the signature of a certificate, CRL or OCSP response with this key (a
/// SubjectPublicKeyInfo).
///
/// # Errors
/// webpki's error: the signature is invalid, the key cannot make it, or its algorithm is not in
/// `algorithms`.
pub(crate) fn verify_signed(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    spki: &SubjectPublicKeyInfoDer<'_>,
    signed: &Signed<'_>,
) -> Result<(), webpki::Error> {
    let key = webpki::RawPublicKeyEntity::try_from(spki)?;
    let mut result = Err(webpki::Error::BadDer);
    for algorithm in algorithms.iter().filter(|algorithm| algorithm.signature_alg_id().as_ref() == signed.algorithm) {
        result = key.verify_signature(*algorithm, signed.message, signed.signature);
        // The key has another type. The next algorithm with the same identifier may fit.
        if !matches!(result, Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_))) {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::diagnosis::tests::{FALSE_CAUSES, case, off_curve};
    use crate::verify::x509::Certificate;
    use crate::verify::{tls12, tls13};
    use rcgen::SigningKey;
    use tls_codec::code_points::AlertDescription;
    use tls_crypto::verify::{ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256};

    /// Returns a P-256 key and its self-signed certificate.
    fn made() -> (rcgen::KeyPair, CertificateDer<'static>) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().der().clone();
        (key, certificate)
    }

    #[test]
    fn handshake_signature_must_fit_key_and_scheme() {
        let (key, leaf) = made();
        let signature = key.sign(b"content").unwrap();
        let verify = |leaf: &CertificateDer<'_>, scheme, content: &[u8]| {
            check(&tls13::RULES, leaf, content, DigitallySigned { algorithm: scheme, signature: &signature })
        };
        let (own, pkcs1) = (SignatureScheme::ECDSA_SECP256R1_SHA256, SignatureScheme::RSA_PKCS1_SHA256);
        assert_eq!(verify(&leaf, own, b"content"), Ok(()));
        assert_eq!(verify(&leaf, own, b"another"), Err(Error::BadSignature));
        assert_eq!(verify(&leaf, pkcs1, b"content"), Err(Error::SignatureSchemeNotOffered(pkcs1)));
        let ed25519 = SignatureScheme::ED25519;
        assert_eq!(verify(&leaf, ed25519, b"content"), Err(Error::SignatureSchemeMismatch(ed25519)));
        let unparsable = verify(&vec![0x30, 0].into(), own, b"content");
        assert_eq!(unparsable, Err(CertificateError::BadEncoding.into()));
    }

    #[test]
    fn handshake_signature_of_unsupported_key_names_the_key() {
        let signature_of = |rules: &SignatureRules, name: &str, algorithm| {
            let [_, ca] = case(name);
            check(rules, &ca, b"content", DigitallySigned { algorithm, signature: b"signature" }).unwrap_err()
        };
        let (rsa, p256) = (SignatureScheme::RSA_PSS_RSAE_SHA256, SignatureScheme::ECDSA_SECP256R1_SHA256);
        for rules in [&tls12::RULES, &tls13::RULES] {
            for (name, scheme, words) in [
                ("rsa1024", rsa, "an RSA key of 1024 bits"),
                ("rsa8448", rsa, "an RSA key of 8448 bits"),
                ("explicit", p256, "explicit curve parameters"),
                ("compressed", p256, "a compressed point"),
            ] {
                let e = signature_of(rules, name, scheme);
                assert!(matches!(e, Error::UnsupportedKey { .. }), "{name}: {e}");
                assert_eq!(e.alert(), Some(AlertDescription::UNSUPPORTED_CERTIFICATE));
                let text = e.to_string();
                assert!(
                    text.contains(words) && FALSE_CAUSES.iter().all(|words| !text.contains(words)),
                    "{name}: {text}"
                );
            }
            let [_, ca] = off_curve(&rcgen::PKCS_ECDSA_P256_SHA256);
            let signed = DigitallySigned { algorithm: p256, signature: b"signature" };
            let text = check(rules, &ca, b"content", signed).unwrap_err().to_string();
            assert!(
                text.contains("an EC key on P-256 whose point is not on the curve, which is not supported"),
                "{text}"
            );
            // A supported key with an invalid signature.
            assert_eq!(signature_of(rules, "sha1", rsa), Error::BadSignature);
            assert_eq!(signature_of(rules, "sha1", p256), Error::SignatureSchemeMismatch(p256));
        }
        // TLS 1.2 leaves the curve to the certificate; in TLS 1.3 the scheme names it.
        assert!(matches!(signature_of(&tls12::RULES, "p521", p256), Error::UnsupportedKey { .. }));
        assert_eq!(signature_of(&tls13::RULES, "p521", p256), Error::SignatureSchemeMismatch(p256));
    }

    /// Each algorithm with the signature's identifier is tried, and no other.
    #[test]
    fn verify_signed_tries_only_the_named_algorithm() {
        let (_, certificate) = made();
        let read = Certificate::read(&certificate).unwrap();
        let verify = |algorithms: &[&dyn SignatureVerificationAlgorithm], algorithm: &[u8]| {
            verify_signed(algorithms, &read.spki.into(), &Signed { algorithm, ..read.signed }).is_ok()
        };
        let (sha256, sha384) = (ECDSA_P256_SHA256.signature_alg_id(), ECDSA_P256_SHA384.signature_alg_id());
        for algorithms in [[ECDSA_P384_SHA256, ECDSA_P256_SHA256], [ECDSA_P256_SHA256, ECDSA_P384_SHA256]] {
            assert!(verify(&algorithms, &sha256));
            assert!(!verify(&algorithms, &sha384));
        }
        assert!(!verify(&[ECDSA_P256_SHA256, ECDSA_P256_SHA384], &sha384));
        assert!(!verify(&[], &sha256) && !verify(&[ECDSA_P256_SHA256], &[]));
    }

    #[test]
    fn rules_exclude_sha1_and_md5() {
        for rules in [&tls12::RULES, &tls13::RULES] {
            assert_eq!(rules.schemes.len(), rules.algorithms.len());
            assert!(rules.schemes.iter().all(|scheme| !rules.algorithms(*scheme).is_empty()));
            for forbidden in [SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1, SignatureScheme(0x0101)] {
                assert!(rules.algorithms(forbidden).is_empty());
            }
        }
    }

    #[test]
    fn tls13_rules_exclude_pkcs1() {
        for pkcs1 in
            [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PKCS1_SHA384, SignatureScheme::RSA_PKCS1_SHA512]
        {
            assert!(tls13::RULES.algorithms(pkcs1).is_empty());
            assert_eq!(tls12::RULES.algorithms(pkcs1).len(), 1);
        }
        assert!(tls13::RULES.algorithms.iter().all(|(_, algorithms)| algorithms.len() == 1));
    }
}
