//! The resumption scope: the hash of the settings that a session depends on. A configuration
//! resumes only sessions of its own scope: `eligibility` compares it on the server,
//! `client/offered_psk` on the client.

#[cfg(test)]
use tls_crypto::HashAlgorithm;
use tls_crypto::quic::Version;

use crate::verify::sha256;

/// A hash of all settings that decide whom a configuration trusts, and of its role. Not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope([u8; 32]);

/// The input of the hash.
pub(crate) struct ScopeInputs<'a> {
    /// `client` or `server`.
    pub(crate) role: &'static str,
    pub(crate) alpn: &'a [Vec<u8>],
    /// Role-specific settings, each as bytes, in a fixed order.
    pub(crate) settings: &'a [&'a [u8]],
    /// Settings that the application adds, for example its roots and verifiers.
    pub(crate) application: &'a [u8],
}

impl Scope {
    /// Hashes `inputs` with SHA-256 over [`encode`]. Configurations that differ have different
    /// scopes.
    pub(crate) fn of(inputs: &ScopeInputs<'_>) -> Self {
        Self(sha256(&encode(inputs)))
    }

    /// Combines the scope with that of the endpoint's own identity, by exclusive or. The identity's
    /// scope is a hash, so no identity can be chosen to imitate another configuration. (Hashing
    /// both costs a resumed TLS 1.2 handshake 5 % of its instructions.)
    pub(crate) fn with_identity(&self, identity: &[u8; 32]) -> Self {
        self.xor(identity)
    }

    /// Returns the scope of sessions over this version of QUIC: those of one version do not resume
    /// in another (RFC 9369 §5).
    pub(crate) fn in_quic(self, version: Version) -> Self {
        match version {
            Version::V2 => self.xor(QUIC_V2),
            _ => self,
        }
    }

    fn xor(&self, other: &[u8; 32]) -> Self {
        let mut both = self.0;
        both.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
        Self(both)
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hashes the identity scope that the application sets, which may have any value.
pub(crate) fn identity_scope(said: &[u8; 32]) -> [u8; 32] {
    sha256(&[b"identity scope", said.as_slice()].concat())
}

/// Encodes each part after its length and each list after its count. Different inputs therefore
/// have different encodings, on all machines of a fleet alike.
fn encode(inputs: &ScopeInputs<'_>) -> Vec<u8> {
    let mut out = VERSION.to_vec();
    put(&mut out, inputs.role.as_bytes());
    put_len(&mut out, inputs.alpn.len());
    inputs.alpn.iter().for_each(|protocol| put(&mut out, protocol));
    put_len(&mut out, inputs.settings.len());
    inputs.settings.iter().for_each(|setting| put(&mut out, setting));
    put(&mut out, inputs.application);
    out
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    put_len(out, part.len());
    out.extend_from_slice(part);
}

fn put_len(out: &mut Vec<u8>, length: usize) {
    // No length in memory exceeds 64 bits.
    out.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
}

/// Changes a scope to that of QUIC version 2. An identity's scope is a hash, so none equals this.
const QUIC_V2: &[u8; 32] = b"sessions over QUIC version 2    ";

/// The version of the encoding. Changes with the encoding or the meaning of a setting.
const VERSION: &[u8] = b"session scope 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(role: &'static str, alpn: &[&[u8]], settings: &[&[u8]], application: &[u8]) -> Scope {
        let alpn: Vec<_> = alpn.iter().map(|name| name.to_vec()).collect();
        Scope::of(&ScopeInputs { role, alpn: &alpn, settings, application })
    }

    #[test]
    fn equal_inputs_have_equal_scopes() {
        let one = scope("server", &[b"h2", b"http/1.1"], &[&[1], b"name"], b"roots");
        assert_eq!(one, scope("server", &[b"h2", b"http/1.1"], &[&[1], b"name"], b"roots"));
        assert_eq!(one, Scope::from_bytes(*one.bytes()));
    }

    #[test]
    fn scope_is_sha256_of_length_prefixed_parts() {
        let mut written = b"session scope 1".to_vec();
        written.extend(b"\0\0\0\0\0\0\0\x06client");
        written.extend(b"\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x02h2\0\0\0\0\0\0\0\x01x");
        written.extend(b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0");
        written.extend(b"\0\0\0\0\0\0\0\x05roots");
        let expected = HashAlgorithm::Sha256.hash(&written);
        assert_eq!(scope("client", &[b"h2", b"x"], &[b""], b"roots").bytes()[..], *expected.as_ref());
    }

    /// The application may set any identity scope, even the scope of the configuration.
    #[test]
    fn identity_scopes_keep_configurations_distinct() {
        let one = scope("server", &[], &[], b"one");
        let other = scope("server", &[], &[], b"other");
        for said in [|of: &Scope| *of.bytes(), |_: &Scope| [0; 32]] {
            let with = |of: &Scope| of.with_identity(&identity_scope(&said(of)));
            assert_ne!(with(&one), with(&other));
            assert_ne!(with(&one), one);
        }
    }

    /// The inputs differ only in a boundary between parts or lists, or move a length's bytes into a
    /// part.
    #[test]
    fn different_inputs_have_different_scopes() {
        let length = 2u64.to_be_bytes();
        let with_length = [&b"a"[..], &length, b"bc"].concat();
        let parts: [&[&[u8]]; 12] = [
            &[],
            &[b""],
            &[b"", b""],
            &[b"abc"],
            &[b"a", b"bc"],
            &[b"ab", b"c"],
            &[b"a", b"b", b"c"],
            &[b"abc", b""],
            &[b"", b"abc"],
            &[b"bc", b"a"],
            &[&with_length],
            &[&length],
        ];
        let applications: [&[u8]; 6] = [b"", b"abc", b"a", b"bc", &with_length, &length];
        let mut seen = std::collections::HashSet::new();
        let mut count = 0;
        for role in ["client", "server", ""] {
            for alpn in parts {
                for settings in parts {
                    for application in applications {
                        count += 1;
                        assert!(
                            seen.insert(*scope(role, alpn, settings, application).bytes()),
                            "{role:?} {alpn:?} {settings:?} {application:?}"
                        );
                    }
                }
            }
        }
        assert_eq!(seen.len(), count);
    }
}
