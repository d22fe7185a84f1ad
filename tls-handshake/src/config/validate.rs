//! Whether a configuration can work as a whole. The setters check each value by itself; what the values mean for each other is
//! checked here, so that the order of the calls does not matter.

use tls_codec::code_points::ProtocolVersion;

use super::{ClientConfig, Common, ServerConfig};
use crate::auth::ClientAuth;
use crate::error::Contradiction;
use crate::suite::SupportedCipherSuite;
use crate::verify::tls12::is_for;

impl ClientConfig {
    /// Checks that no two settings exclude each other. Every new connection does so, and fails with
    /// [`Error::Config`](crate::Error::Config); call this to learn of it earlier.
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
    /// [`Contradiction`] says which.
    pub fn validate(&self) -> Result<(), Contradiction> {
        let common = &self.common;
        common.validate(true)?;
        exclude(!common.can_verify_servers(), ["signature schemes", "versions with their cipher suites"], NO_SCHEME)?;
        exclude(self.early_data && !self.tickets, ["early data", "no tickets"], "only a ticket allows early data")
    }
}

impl ServerConfig {
    /// Checks that no two settings exclude each other. Every connection does so when the ClientHello comes, and fails with
    /// [`Error::Config`](crate::Error::Config) and internal_error; call this to learn of it earlier.
    ///
    /// # Errors
    /// [`Contradiction`] says which.
    pub fn validate(&self) -> Result<(), Contradiction> {
        let common = &self.common;
        let asks = self.client_auth != ClientAuth::Disabled;
        common.validate(asks)?;
        let verifies = common.enables(ProtocolVersion::TLS12) || !common.schemes13.is_empty();
        exclude(asks && !verifies, ["signature schemes", "versions"], NO_SCHEME)?;
        let no_tls13 = !common.enables(ProtocolVersion::TLS13);
        exclude(
            self.external_psks && no_tls13,
            ["external pre-shared keys", "versions without TLS 1.3"],
            "they exist only in TLS 1.3, and clients would be shown a certificate in their place",
        )?;
        // RFC 9846 §4.3.11: a handshake by an external key has no certificates at all.
        exclude(
            self.external_psks && self.client_auth == ClientAuth::Required,
            ["external pre-shared keys", "required client certificates"],
            "a client with such a key shows no certificate; make certificates optional, or leave out the keys",
        )
    }
}

const NO_SCHEME: &str = "no version that is enabled can verify a signature with one of these schemes";

/// Refuses two settings that exclude each other.
fn exclude(excludes: bool, settings: [&'static str; 2], why: &'static str) -> Result<(), Contradiction> {
    if excludes { Err(Contradiction::Settings { settings, why }) } else { Ok(()) }
}

impl Common {
    /// `verifies`: whether the peer may show certificates.
    fn validate(&self, verifies: bool) -> Result<(), Contradiction> {
        if self.suites.is_empty() {
            let suites = self.set_suites.iter().map(|suite| suite.suite()).collect();
            return Err(Contradiction::NoSuiteOfVersion { versions: self.versions.clone(), suites });
        }
        exclude(
            self.require_alpn && self.alpn.is_empty(),
            ["required ALPN", "no application protocols"],
            "there is no protocol to negotiate",
        )?;
        at_least("handshake_message", self.limits.handshake_message, MIN_MESSAGE)?;
        at_least("chain_length", self.limits.chain_length, usize::from(verifies))
    }

    /// Whether a server can sign a full handshake: under a suite of TLS 1.2 only with a key of its kind.
    fn can_verify_servers(&self) -> bool {
        let signs = |suite: &SupportedCipherSuite| match suite.tls12() {
            Some(suite) => self.schemes.iter().any(|scheme| is_for(suite.authentication, *scheme)),
            None => !self.schemes13.is_empty(),
        };
        self.suites.iter().any(signs)
    }
}

/// The shortest limit on a message: no hello that does anything fits in less.
const MIN_MESSAGE: usize = 64;

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

    /// The two settings that exclude each other.
    fn pair(validated: Result<(), Contradiction>) -> [&'static str; 2] {
        match validated {
            Err(Contradiction::Settings { settings, .. }) => settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn early_data_needs_tickets() {
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
    fn clients_need_a_scheme_that_servers_can_sign_with() {
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
    fn servers_need_a_scheme_only_if_they_ask() {
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
    fn external_keys_need_tls13() {
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
    fn suites_need_their_version() {
        let (versions, suites) = ([TLS12], [S::TLS_AES_128_GCM_SHA256]);
        let expected = Contradiction::NoSuiteOfVersion { versions: versions.to_vec(), suites: suites.to_vec() };
        let validated = server(|config| {
            config.set_versions(&versions).unwrap();
            config.set_cipher_suites(&suites).unwrap();
        });
        assert_eq!(validated, Err(expected));
    }

    #[test]
    fn limits_leave_room_for_a_handshake() {
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
