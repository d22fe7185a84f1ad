//! Verifies handshake signatures. `tls12` and `tls13` define which algorithms a scheme allows.

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use tls_codec::code_points::SignatureScheme;
use tls_crypto::Backend;
use tls_crypto::verify::{Algorithm, verifier};

use crate::certificate_error::CertificateError;
use crate::error::Error;
use crate::verify::algorithm::unsupported_key_of;
use crate::verify::x509::Signed;

pub(crate) mod tls12;
pub(crate) mod tls13;

/// The rules of a protocol version for handshake signatures.
pub(crate) struct SignatureRules {
    /// The schemes, in order of preference, with their algorithms.
    pub(crate) schemes: &'static [(SignatureScheme, &'static [Algorithm])],
}

impl SignatureRules {
    /// Returns the algorithms of a scheme; none if the version does not allow it.
    fn algorithms(&self, scheme: SignatureScheme) -> &'static [Algorithm] {
        self.schemes.iter().find(|(known, _)| *known == scheme).map_or(&[], |(_, algorithms)| algorithms)
    }

    /// Returns the schemes that ring has.
    #[cfg(test)]
    pub(crate) fn schemes(&self) -> Vec<SignatureScheme> {
        let schemes = self.schemes.iter().map(|(scheme, _)| *scheme);
        schemes.filter(|scheme| self.allow(Backend::ring(), *scheme)).collect()
    }

    /// Returns whether the version allows the scheme, and the backend has an algorithm of it.
    pub(crate) fn allow(&self, backend: Backend, scheme: SignatureScheme) -> bool {
        self.algorithms(scheme).iter().any(|algorithm| verifier(backend, *algorithm).is_some())
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
    backend: Backend,
    rules: &SignatureRules,
    leaf: &CertificateDer<'_>,
    content: &[u8],
    signed: DigitallySigned<'_>,
) -> Result<(), Error> {
    let algorithms = rules.algorithms(signed.algorithm);
    if !rules.allow(backend, signed.algorithm) {
        return Err(Error::SignatureSchemeNotOffered(signed.algorithm));
    }
    let unsupported = |leaf: &webpki::EndEntityCert<'_>| {
        let spki = leaf.subject_public_key_info();
        let key = unsupported_key_of(backend, signed.algorithm, algorithms.len() == 1, &spki)?;
        Some(Error::UnsupportedKey { scheme: signed.algorithm, key })
    };
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|_| CertificateError::BadEncoding)?;
    for algorithm in algorithms.iter().filter_map(|algorithm| verifier(backend, *algorithm)) {
        match leaf.verify_signature(algorithm, content, signed.signature) {
            Ok(()) => return Ok(()),
            // The key has another type. The scheme's next algorithm may fit.
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            // The backend rejects an unsupported key like an invalid signature.
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
    use rcgen::SigningKey;
    use tls_codec::code_points::AlertDescription;

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
            check(
                Backend::ring(),
                &tls13::RULES,
                leaf,
                content,
                DigitallySigned { algorithm: scheme, signature: &signature },
            )
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
            check(Backend::ring(), rules, &ca, b"content", DigitallySigned { algorithm, signature: b"signature" })
                .unwrap_err()
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
            let text = check(Backend::ring(), rules, &ca, b"content", signed).unwrap_err().to_string();
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
        let of = |algorithm| verifier(Backend::ring(), algorithm).unwrap();
        let p256_sha256 = of(Algorithm::EcdsaP256Sha256);
        let (p256_sha384, p384_sha256) = (of(Algorithm::EcdsaP256Sha384), of(Algorithm::EcdsaP384Sha256));
        let (sha256, sha384) = (p256_sha256.signature_alg_id(), p256_sha384.signature_alg_id());
        for algorithms in [[p384_sha256, p256_sha256], [p256_sha256, p384_sha256]] {
            assert!(verify(&algorithms, &sha256));
            assert!(!verify(&algorithms, &sha384));
        }
        assert!(!verify(&[p256_sha256, p256_sha384], &sha384));
        assert!(!verify(&[], &sha256) && !verify(&[p256_sha256], &[]));
    }

    #[test]
    fn rules_exclude_sha1_and_md5() {
        for rules in [&tls12::RULES, &tls13::RULES] {
            assert!(rules.schemes.iter().all(|(_, algorithms)| !algorithms.is_empty()));
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
        assert!(tls13::RULES.schemes.iter().all(|(_, algorithms)| algorithms.len() == 1));
    }
}
