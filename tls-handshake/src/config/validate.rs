//! Validation of a whole configuration. Setters check single values. How values combine is checked
//! here, so that the order of setters does not matter.

use tls_codec::code_points::ProtocolVersion;

use super::{ClientConfig, Common, ServerConfig};
use crate::auth::ClientAuth;
use crate::error::Contradiction;
use crate::identity::Identity;
use crate::suite::SupportedCipherSuite;
use crate::verify::signature::SignatureRules;
use crate::verify::signature::tls12::{self, is_for};
use crate::verify::signature::tls13;

impl ClientConfig {
    /// Checks that the settings do not contradict each other. Each new connection does so too, and
    /// fails with [`Error::Config`](crate::Error::Config). Call this to detect it earlier.
    ///
    /// ```
    /// use strata_tls_handshake::error::Contradiction;
    /// use strata_tls_handshake::tls_codec::code_points::{CipherSuite, ProtocolVersion};
    ///
    /// let mut config = strata_tls_handshake::ClientConfig::new();
    /// config.set_versions(&[ProtocolVersion::TLS12])?;
    /// config.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256])?;
    /// assert!(matches!(config.validate(), Err(Contradiction::NoSuiteOfVersion { .. })));
    /// config.set_versions(&[ProtocolVersion::TLS13])?;
    /// config.validate()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Contradiction`] with the settings that exclude each other.
    pub fn validate(&self) -> Result<(), Contradiction> {
        let common = &self.common;
        common.validate(true)?;
        exclude(!common.can_verify_servers(), ["signature schemes", "versions with their cipher suites"], NO_SCHEME)?;
        exclude(self.early_data && !self.tickets, ["early data", "no tickets"], "only a ticket allows early data")
    }

    /// Checks that a connection can authenticate with `identity`: the backend signs with its key,
    /// and an enabled version has one of its schemes.
    ///
    /// # Errors
    /// [`Contradiction::UnsupportedKey`], [`Contradiction::NoSchemeOfVersion`].
    pub fn validate_identity(&self, identity: &Identity) -> Result<(), Contradiction> {
        self.common.validate_identity(identity)
    }
}

impl ServerConfig {
    /// Checks that the settings do not contradict each other. Each connection does so too when the
    /// ClientHello arrives. It fails with [`Error::Config`](crate::Error::Config) and sends
    /// internal_error. Call this to detect it earlier.
    ///
    /// # Errors
    /// [`Contradiction`] with the settings that exclude each other.
    pub fn validate(&self) -> Result<(), Contradiction> {
        let common = &self.common;
        let asks = self.client_auth != ClientAuth::Disabled;
        common.validate(asks)?;
        let verifies = common.enables(ProtocolVersion::TLS12) && !common.schemes12.is_empty()
            || common.enables(ProtocolVersion::TLS13) && !common.schemes13.is_empty();
        exclude(asks && !verifies, ["signature schemes", "versions"], NO_SCHEME)?;
        let no_tls13 = !common.enables(ProtocolVersion::TLS13);
        exclude(
            self.external_psks && no_tls13,
            ["external pre-shared keys", "versions without TLS 1.3"],
            "older versions would use a certificate instead; enable TLS 1.3 or disable external keys",
        )?;
        // RFC 9846 §4.3.11: a handshake with an external key has no certificates.
        exclude(
            self.external_psks && self.client_auth == ClientAuth::Required,
            ["external pre-shared keys", "required client certificates"],
            "a client with such a key sends no certificate; make certificates optional or disable external keys",
        )
    }

    /// Checks that a connection can authenticate with `identity`: the backend signs with its key,
    /// and an enabled version has one of its schemes.
    ///
    /// # Errors
    /// [`Contradiction::UnsupportedKey`], [`Contradiction::NoSchemeOfVersion`].
    pub fn validate_identity(&self, identity: &Identity) -> Result<(), Contradiction> {
        self.common.validate_identity(identity)
    }
}

const NO_SCHEME: &str = "no enabled version can verify a signature with these schemes";

/// Returns an error if two settings exclude each other.
#[inline]
fn exclude(excludes: bool, settings: [&'static str; 2], why: &'static str) -> Result<(), Contradiction> {
    if excludes { Err(Contradiction::Settings { settings, why }) } else { Ok(()) }
}

impl Common {
    /// `verifies` means that the peer may present certificates.
    fn validate(&self, verifies: bool) -> Result<(), Contradiction> {
        if self.suites.is_empty() {
            let suites = self.set_suites.iter().map(|suite| suite.suite()).collect();
            return Err(Contradiction::NoSuiteOfVersion { versions: self.versions.clone(), suites });
        }
        let backend = self.backend.name();
        if let Some(group) = self.lacks_group {
            return Err(Contradiction::UnsupportedGroup { group, backend });
        }
        if let Some(scheme) = self.lacks_scheme {
            return Err(Contradiction::UnsupportedSignatureScheme { scheme, backend });
        }
        exclude(
            self.require_alpn && self.alpn.is_empty(),
            ["required ALPN", "no application protocols"],
            "there is no protocol to negotiate; set one",
        )?;
        exclude(
            !self.enables(ProtocolVersion::TLS13) && self.groups.iter().all(|group| group.is_post_quantum()),
            ["post-quantum groups", "versions without TLS 1.3"],
            "TLS 1.2 has no such groups; add one like X25519 or enable TLS 1.3",
        )?;
        at_least("handshake_message", self.limits.handshake_message, MIN_MESSAGE)?;
        at_least("chain_length", self.limits.chain_length, usize::from(verifies))
    }

    fn validate_identity(&self, identity: &Identity) -> Result<(), Contradiction> {
        let backend = self.backend;
        identity.check_key(backend)?;
        let usable = |version, rules: &SignatureRules| {
            self.enables(version) && identity.schemes().iter().any(|scheme| rules.allow(backend, *scheme))
        };
        if usable(ProtocolVersion::TLS13, &tls13::RULES) || usable(ProtocolVersion::TLS12, &tls12::RULES) {
            return Ok(());
        }
        let schemes = identity.schemes().to_vec();
        Err(Contradiction::NoSchemeOfVersion { versions: self.enabled_versions(), schemes })
    }

    /// Returns whether the schemes can verify a full handshake. In TLS 1.2 one of them must match
    /// the authentication of a suite.
    fn can_verify_servers(&self) -> bool {
        let signs = |suite: &SupportedCipherSuite| match suite.tls12() {
            Some(suite) => self.schemes.iter().any(|scheme| is_for(suite.authentication, *scheme)),
            None => !self.schemes13.is_empty(),
        };
        self.suites.iter().any(signs)
    }
}

/// The smallest limit on a message. No useful hello is shorter.
const MIN_MESSAGE: usize = 64;

#[inline]
fn at_least(limit: &'static str, got: usize, min: usize) -> Result<(), Contradiction> {
    if got < min { Err(Contradiction::LimitTooSmall { limit, got, min }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use tls_codec::code_points::{CipherSuite as S, SignatureScheme as Z};

    use super::*;
    use crate::config::Limits;

    const TLS12: ProtocolVersion = ProtocolVersion::TLS12;
    const TLS13: ProtocolVersion = ProtocolVersion::TLS13;

    fn client(set: impl FnOnce(&mut ClientConfig)) -> Result<(), Contradiction> {
        let mut config = ClientConfig::new();
        set(&mut config);
        config.validate()
    }

    fn server(set: impl FnOnce(&mut ServerConfig)) -> Result<(), Contradiction> {
        let mut config = ServerConfig::new();
        set(&mut config);
        config.validate()
    }

    /// Returns the two settings that exclude each other.
    fn pair(validated: Result<(), Contradiction>) -> [&'static str; 2] {
        match validated {
            Err(Contradiction::Settings { settings, .. }) => settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn early_data_requires_tickets() {
        for (early_data, tickets) in [(false, false), (false, true), (true, true)] {
            let set = |config: &mut ClientConfig| {
                config.enable_early_data(early_data);
                config.set_tickets(tickets);
            };
            assert_eq!(client(set), Ok(()), "{early_data} {tickets}");
        }
        let neither = pair(client(|config| {
            config.enable_early_data(true);
            config.set_tickets(false);
        }));
        assert_eq!(neither, ["early data", "no tickets"]);
    }

    #[test]
    fn client_requires_scheme_that_servers_can_sign_with() {
        let (ecdsa, rsa) = (S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, S::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        for (suite, scheme, fits) in [
            (S::TLS_AES_128_GCM_SHA256, Z::RSA_PKCS1_SHA256, false),
            (S::TLS_AES_128_GCM_SHA256, Z::RSA_PSS_RSAE_SHA256, true),
            (ecdsa, Z::RSA_PKCS1_SHA256, false),
            (ecdsa, Z::ECDSA_SECP256R1_SHA256, true),
            (rsa, Z::ECDSA_SECP256R1_SHA256, false),
            (rsa, Z::RSA_PKCS1_SHA256, true),
        ] {
            let validated = client(|config| {
                config.set_cipher_suites(&[suite]).unwrap();
                config.set_signature_schemes(&[scheme]).unwrap();
            });
            if fits {
                assert_eq!(validated, Ok(()), "{suite:?} {scheme:?}");
            } else {
                assert_eq!(pair(validated), ["signature schemes", "versions with their cipher suites"]);
            }
        }
    }

    #[test]
    fn server_requires_scheme_only_for_client_auth() {
        for (client_auth, versions, scheme, fits) in [
            (ClientAuth::Disabled, &[TLS13][..], Z::RSA_PKCS1_SHA256, true),
            (ClientAuth::Optional, &[TLS13], Z::RSA_PKCS1_SHA256, false),
            (ClientAuth::Required, &[TLS13], Z::RSA_PKCS1_SHA256, false),
            (ClientAuth::Required, &[TLS13, TLS12], Z::RSA_PKCS1_SHA256, true),
            (ClientAuth::Required, &[TLS13], Z::ED25519, true),
        ] {
            let validated = server(|config| {
                config.set_versions(versions).unwrap();
                config.set_signature_schemes(&[scheme]).unwrap();
                config.set_client_auth(client_auth);
            });
            if fits {
                assert_eq!(validated, Ok(()), "{client_auth:?} {versions:?} {scheme:?}");
            } else {
                assert_eq!(pair(validated), ["signature schemes", "versions"]);
            }
        }
    }

    #[test]
    fn external_keys_require_tls13() {
        for (external_psks, versions, fits) in
            [(true, &[TLS12][..], false), (false, &[TLS12], true), (true, &[TLS13, TLS12], true)]
        {
            let validated = server(|config| {
                config.set_versions(versions).unwrap();
                config.set_external_psks(external_psks);
            });
            if fits {
                assert_eq!(validated, Ok(()), "{versions:?}");
            } else {
                assert_eq!(pair(validated), ["external pre-shared keys", "versions without TLS 1.3"]);
            }
        }
    }

    #[test]
    fn suites_require_their_version() {
        let (versions, suites) = ([TLS12], [S::TLS_AES_128_GCM_SHA256]);
        let expected = Contradiction::NoSuiteOfVersion { versions: versions.to_vec(), suites: suites.to_vec() };
        let validated = server(|config| {
            config.set_versions(&versions).unwrap();
            config.set_cipher_suites(&suites).unwrap();
        });
        assert_eq!(validated, Err(expected));
    }

    #[test]
    fn limits_must_allow_a_handshake() {
        let limits = |handshake_message, chain_length| Limits { handshake_message, chain_length };
        assert_eq!(client(|config| config.set_limits(limits(64, 1))), Ok(()));
        let short = Contradiction::LimitTooSmall { limit: "handshake_message", got: 63, min: 64 };
        assert_eq!(client(|config| config.set_limits(limits(63, 1))), Err(short.clone()));
        assert_eq!(server(|config| config.set_limits(limits(63, 1))), Err(short));
        let empty = Contradiction::LimitTooSmall { limit: "chain_length", got: 0, min: 1 };
        assert_eq!(client(|config| config.set_limits(limits(64, 0))), Err(empty.clone()));
        for (client_auth, expected) in [
            (ClientAuth::Disabled, Ok(())),
            (ClientAuth::Optional, Err(empty.clone())),
            (ClientAuth::Required, Err(empty)),
        ] {
            let validated = server(|config| {
                config.set_limits(limits(64, 0));
                config.set_client_auth(client_auth);
            });
            assert_eq!(validated, expected, "{client_auth:?}");
        }
    }
}
