//! BoringSSL's compliance policies.

use strata_tls::{CipherSuite, NamedGroup, SignatureScheme};

use crate::options::Level;

/// The algorithms that a compliance policy allows.
pub(crate) struct Policy {
    pub(crate) suites: &'static [CipherSuite],
    pub(crate) groups: &'static [NamedGroup],
    /// Signature schemes of the peer and of the shim.
    pub(crate) schemes: &'static [SignatureScheme],
}

/// Returns the policy that the flags name. Policies that require ML-KEM are unsupported.
pub(crate) fn policy(level: &Level) -> Option<Policy> {
    if level.has("fips-202205") {
        return Some(Policy {
            suites: &[
                CipherSuite::TLS_AES_128_GCM_SHA256,
                CipherSuite::TLS_AES_256_GCM_SHA384,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            ],
            groups: &[NamedGroup::SECP256R1, NamedGroup::SECP384R1],
            schemes: &[
                SignatureScheme::RSA_PKCS1_SHA256,
                SignatureScheme::RSA_PKCS1_SHA384,
                SignatureScheme::RSA_PKCS1_SHA512,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
                SignatureScheme::ECDSA_SECP384R1_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA512,
            ],
        });
    }
    level.has("wpa-202304").then_some(Policy {
        suites: &[
            CipherSuite::TLS_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ],
        groups: &[NamedGroup::SECP384R1],
        schemes: &[
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA512,
        ],
    })
}
