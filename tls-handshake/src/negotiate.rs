//! Choosing what both sides can do, and the names that codec and crypto give to the same things.

use tls_codec::code_points::{CipherSuite, NamedGroup, SignatureScheme};
use tls_crypto::Group;
use tls_crypto::SignatureAlgorithm;
use tls_crypto::{ALL_TLS13, Tls13Suite};

/// The groups that exist here, in order of preference.
pub(crate) const GROUPS: [Group; 3] = [Group::X25519, Group::Secp256r1, Group::Secp384r1];

/// The signature schemes whose signatures we accept in CertificateVerify (RFC 9846 §4.3.3).
///
/// No PKCS#1 v1.5 and no SHA-1: TLS 1.3 has neither in signatures of the handshake.
pub(crate) const HANDSHAKE_SCHEMES: [SignatureScheme; 6] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
];

/// Those that we accept in certificates: PKCS#1 v1.5 signs most of the world's chains.
pub(crate) const CERTIFICATE_SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

pub(crate) fn suite_id(suite: &Tls13Suite) -> CipherSuite {
    CipherSuite(suite.id)
}

pub(crate) fn suite_of(id: CipherSuite) -> Option<&'static Tls13Suite> {
    ALL_TLS13.iter().find(|suite| suite.id == id.0).copied()
}

pub(crate) fn group_id(group: Group) -> NamedGroup {
    match group {
        Group::X25519 => NamedGroup::X25519,
        Group::Secp256r1 => NamedGroup::SECP256R1,
        Group::Secp384r1 => NamedGroup::SECP384R1,
    }
}

pub(crate) fn group_of(id: NamedGroup) -> Option<Group> {
    GROUPS.into_iter().find(|group| group_id(*group) == id)
}

/// The scheme under which a key's algorithm goes in TLS 1.3; `None` for what TLS 1.3 does not sign with.
pub(crate) fn scheme_of(algorithm: SignatureAlgorithm) -> Option<SignatureScheme> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPssSha256 => SignatureScheme::RSA_PSS_RSAE_SHA256,
        SignatureAlgorithm::RsaPssSha384 => SignatureScheme::RSA_PSS_RSAE_SHA384,
        SignatureAlgorithm::RsaPssSha512 => SignatureScheme::RSA_PSS_RSAE_SHA512,
        SignatureAlgorithm::EcdsaP256Sha256 => SignatureScheme::ECDSA_SECP256R1_SHA256,
        SignatureAlgorithm::EcdsaP384Sha384 => SignatureScheme::ECDSA_SECP384R1_SHA384,
        SignatureAlgorithm::Ed25519 => SignatureScheme::ED25519,
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => {
            return None;
        }
    })
}

/// The first of `preferred` that the other side has as well.
pub(crate) fn first_common<T: PartialEq + Copy>(preferred: &[T], has: impl Fn(&T) -> bool) -> Option<T> {
    preferred.iter().find(|item| has(item)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_and_group_is_found_by_its_code_point() {
        for suite in ALL_TLS13 {
            assert_eq!(suite_of(suite_id(suite)).map(|s| s.id), Some(suite.id));
            assert_eq!(suite_id(suite).name(), Some(suite.name));
        }
        for group in GROUPS {
            assert_eq!(group_of(group_id(group)), Some(group));
        }
        assert_eq!(group_of(NamedGroup::X448), None);
        assert!(suite_of(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256).is_none());
    }

    #[test]
    fn no_pkcs1_and_no_sha1_in_handshake_signatures() {
        for forbidden in [
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1,
        ] {
            assert!(!HANDSHAKE_SCHEMES.contains(&forbidden));
        }
        assert!(!CERTIFICATE_SCHEMES.contains(&SignatureScheme::RSA_PKCS1_SHA1));
        assert!(!CERTIFICATE_SCHEMES.contains(&SignatureScheme::ECDSA_SHA1));
    }
}
