//! What a session is bound to.

#[cfg(test)]
use tls_crypto::HashAlgorithm;

use crate::verify::sha256;

/// A hash over all that decides whom a configuration trusts, and over its role. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope([u8; 32]);

/// What fits into the hash.
pub(crate) struct ScopeInputs<'a> {
    /// `client` or `server`.
    pub(crate) role: &'static str,
    pub(crate) alpn: &'a [Vec<u8>],
    /// Role-specific settings, each as bytes, in a fixed order.
    pub(crate) settings: &'a [&'a [u8]],
    /// What the application adds: its roots, its verifiers.
    pub(crate) application: &'a [u8],
}

impl Scope {
    /// SHA-256 over [`encode`]: with configurations that differ in anything, it differs.
    pub(crate) fn of(inputs: &ScopeInputs<'_>) -> Self {
        Self(sha256(&encode(inputs)))
    }

    /// Adds the scope of our own identity, a hash, by exclusive or: each identity gives another scope, and nobody can choose
    /// values by their hashes. (A hash over both costs a resumed TLS 1.2 handshake 5 % of its instructions.)
    pub(crate) fn with_identity(&self, identity: &[u8; 32]) -> Self {
        let mut both = self.0;
        both.iter_mut().zip(identity).for_each(|(byte, other)| *byte ^= other);
        Self(both)
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hashes what an application says of an identity, which may be any value.
pub(crate) fn identity_scope(said: &[u8; 32]) -> [u8; 32] {
    sha256(&[b"identity scope", said.as_slice()].concat())
}

/// Each part behind its length, each list behind its count, so that no two inputs are written alike; and the same on all
/// machines of a fleet.
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
    // No length in memory is beyond 64 bits.
    out.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
}

/// Another for every other encoding, or meaning of a setting.
const VERSION: &[u8] = b"session scope 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(role: &'static str, alpn: &[&[u8]], settings: &[&[u8]], application: &[u8]) -> Scope {
        let alpn: Vec<_> = alpn.iter().map(|name| name.to_vec()).collect();
        Scope::of(&ScopeInputs { role, alpn: &alpn, settings, application })
    }

    #[test]
    fn the_same_configuration_has_the_same_scope() {
        let one = scope("server", &[b"h2", b"http/1.1"], &[&[1], b"name"], b"roots");
        assert_eq!(one, scope("server", &[b"h2", b"http/1.1"], &[&[1], b"name"], b"roots"));
        assert_eq!(one, Scope::from_bytes(*one.bytes()));
    }

    #[test]
    fn the_scope_is_the_sha_256_of_counted_and_length_prefixed_parts() {
        let mut written = b"session scope 1".to_vec();
        written.extend(b"\0\0\0\0\0\0\0\x06client");
        written.extend(b"\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x02h2\0\0\0\0\0\0\0\x01x");
        written.extend(b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0");
        written.extend(b"\0\0\0\0\0\0\0\x05roots");
        let expected = HashAlgorithm::Sha256.hash(&written);
        assert_eq!(scope("client", &[b"h2", b"x"], &[b""], b"roots").bytes()[..], *expected.as_ref());
    }

    /// An application may say of an identity what it likes, also the scope of the configuration.
    #[test]
    fn identities_keep_configurations_apart() {
        let one = scope("server", &[], &[], b"one");
        let other = scope("server", &[], &[], b"other");
        for said in [|of: &Scope| *of.bytes(), |_: &Scope| [0; 32]] {
            let with = |of: &Scope| of.with_identity(&identity_scope(&said(of)));
            assert_ne!(with(&one), with(&other));
            assert_ne!(with(&one), one);
        }
    }

    /// Inputs that only move a boundary: between parts, between lists, between a list and what follows it; or that move a
    /// length's bytes into a part.
    #[test]
    fn no_two_inputs_share_a_scope() {
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
