//! Selects from a TLS 1.2 ClientHello: suite, signature scheme, group (RFC 5246
//! §7.4.1, RFC 8422 §5.1).

use tls_codec::code_points::{EcPointFormat, NamedGroup, SignatureScheme};
use tls_codec::handshake::ClientHello;
use tls_crypto::{Group, Tls12Suite};

use crate::config::ServerConfig;
use crate::error::{Error, Illegal};
use crate::identity::Identity;
use crate::negotiate::{choose_suite, first_common, group_id, no_common_scheme};
use crate::suite::SupportedCipherSuite;
use crate::verify::signature::tls12::{RULES, is_for};

/// Rejects a ClientHello that no identity can satisfy.
pub(super) fn check(config: &ServerConfig, hello: &ClientHello<'_>) -> Result<(), Error> {
    let extensions = &hello.extensions;
    // RFC 5246 §7.4.1.2: the list must contain null.
    if !hello.legacy_compression_methods.contains(&0) {
        return Err(Illegal::Compression.into());
    }
    // RFC 5746 §3.6: it must be empty in a first handshake. The server rejects every other
    // handshake.
    if extensions.renegotiation_info.is_some_and(|info| !info.is_empty()) {
        return Err(Error::InsecureRenegotiation);
    }
    if extensions.ec_point_formats.is_some_and(|formats| !formats.contains(EcPointFormat::UNCOMPRESSED)) {
        return Err(Illegal::PointFormats.into());
    }
    if config.common.require_ems && !extensions.extended_master_secret {
        return Err(Error::ExtendedMasterSecretRequired);
    }
    Ok(())
}

/// The parameters that the server selects from a ClientHello for an identity.
pub(super) struct Selection {
    pub(super) suite: &'static Tls12Suite,
    /// The scheme that signs ServerKeyExchange.
    pub(super) scheme: SignatureScheme,
    pub(super) group: Group,
}

impl Selection {
    /// Returns whether a handshake with this identity can succeed.
    pub(super) fn is_usable(config: &ServerConfig, hello: &ClientHello<'_>, identity: &Identity) -> bool {
        Self::from(config, hello, identity).is_ok()
    }

    pub(super) fn from(config: &ServerConfig, hello: &ClientHello<'_>, identity: &Identity) -> Result<Self, Error> {
        // Without signature_algorithms the client means SHA-1 (RFC 5246 §7.4.1.4.1), which is not
        // supported.
        let schemes = hello.extensions.signature_algorithms;
        let no_scheme = || no_common_scheme(config.common.backend, identity, schemes.iter().flatten());
        // An external key may list only schemes that no suite uses.
        if !identity.schemes().iter().any(|scheme| RULES.allow(config.common.backend, *scheme)) {
            return Err(no_scheme());
        }
        let suite = choose(config, hello, identity)?;
        let scheme = first_common(identity.schemes(), &|scheme| {
            schemes.is_some_and(|schemes| schemes.contains(*scheme))
                && RULES.allow(config.common.backend, *scheme)
                && is_for(suite.authentication, *scheme)
        });
        let scheme = scheme.ok_or_else(no_scheme)?;
        // RFC 8422 §4 lets the server choose any curve if the client lists none. No current client
        // omits the list, so it is required.
        let groups = hello.extensions.supported_groups;
        let supports = |group: NamedGroup| groups.is_some_and(|groups| groups.contains(group));
        let offered = || groups.iter().flatten().collect();
        let usable = |group: &Group| !group.is_post_quantum() && supports(group_id(*group));
        let group = first_common(&config.common.groups, &usable)
            .ok_or_else(|| Error::NoCommonGroup { offered: offered(), enabled: config.common.tls12_groups() })?;
        match curve_of(scheme) {
            Some(curve) if !supports(curve) => Err(Error::CertificateCurve { curve, offered: offered() }),
            _ => Ok(Self { suite, scheme, group }),
        }
    }
}

/// Selects a suite that the identity's key can sign for.
fn choose(config: &ServerConfig, hello: &ClientHello<'_>, identity: &Identity) -> Result<&'static Tls12Suite, Error> {
    let usable = |suite: SupportedCipherSuite| {
        let suite = suite.tls12();
        suite.is_some_and(|suite| identity.schemes().iter().any(|scheme| is_for(suite.authentication, *scheme)))
    };
    let ours = &config.common.suites;
    let suite = choose_suite(config.suite_preference, ours, &usable, hello.cipher_suites);
    suite.and_then(SupportedCipherSuite::tls12).ok_or_else(|| {
        let mut enabled = Vec::new();
        for suite in ours {
            if usable(*suite) {
                enabled.push(suite.suite());
            }
        }
        Error::NoCommonCipherSuite { offered: hello.cipher_suites.iter().collect(), enabled }
    })
}

/// The curve of the key behind a signature scheme. The client's groups must contain it (RFC 8422
/// §5.1.1). Ed25519 has none.
fn curve_of(scheme: SignatureScheme) -> Option<NamedGroup> {
    match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => Some(NamedGroup::SECP256R1),
        SignatureScheme::ECDSA_SECP384R1_SHA384 => Some(NamedGroup::SECP384R1),
        SignatureScheme::ECDSA_SECP521R1_SHA512 => Some(NamedGroup::SECP521R1),
        _ => None,
    }
}
