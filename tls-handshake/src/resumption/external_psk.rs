//! External pre-shared keys, which both sides agreed on outside of TLS (RFC 9846 §4.3.11, RFC
//! 9258).

use std::fmt;

use tls_codec::Writer;
use tls_codec::code_points::ProtocolVersion;
use tls_codec::error::BufferFull;
use tls_crypto::tls13::{BinderKind, import_psk};
use tls_crypto::{Backend, HashAlgorithm};
use zeroize::Zeroizing;

/// A key that client and server received by other means, with an identity that both use. Only for
/// TLS 1.3.
///
/// The key must be random, with at least 16 bytes. It must not be a password, which anyone with a
/// recorded handshake could guess (RFC 9257). The identity is sent unencrypted.
///
/// ```
/// use strata_tls_handshake::resumption::ExternalPsk;
/// use strata_tls_handshake::tls_crypto::HashAlgorithm::{Sha256, Sha384};
///
/// // Both sides do the same. Swapped roles or another machine result in another key.
/// let context = ExternalPsk::role_context("sensor-17", "collector");
/// let psks = ExternalPsk::import(b"fleet-key", &[7; 32], Sha256, &context)?;
/// assert_eq!(psks.iter().map(ExternalPsk::hash).collect::<Vec<_>>(), [Sha256, Sha384]);
/// # Ok::<(), strata_tls_handshake::resumption::PskError>(())
/// ```
#[derive(Clone)]
pub struct ExternalPsk {
    pub(crate) identity: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) hash: HashAlgorithm,
    pub(crate) kind: PskKind,
}

/// Which label the binder key is derived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PskKind {
    /// `ext binder` (RFC 9846 §7.1).
    External,
    /// `imp binder` (RFC 9258 §5.2).
    Imported,
}

impl PskKind {
    pub(crate) fn binder(self) -> BinderKind {
        match self {
            Self::External => BinderKind::External,
            Self::Imported => BinderKind::Imported,
        }
    }
}

impl ExternalPsk {
    /// The minimum length of a key, in bytes: 128 bits (RFC 9257).
    pub const MIN_KEY: usize = 16;

    /// The maximum length of an identity, imported or not, in bytes. A ClientHello must hold
    /// several identities and its other extensions.
    pub const MAX_IDENTITY: usize = 0x4000;

    /// Creates a key that is used as it is, only for suites with this hash (RFC 9846 §4.3.11).
    ///
    /// Prefer [`import`](Self::import). A key used with two hashes, two versions of TLS or another
    /// protocol may leak. A key shared by more than two machines does not show which of them the
    /// peer is.
    ///
    /// ```
    /// use strata_tls_handshake::resumption::ExternalPsk;
    /// use strata_tls_handshake::tls_crypto::HashAlgorithm;
    ///
    /// let psk = ExternalPsk::plain(b"sensor-17".to_vec(), &[7; 32], HashAlgorithm::Sha256)?;
    /// assert_eq!(psk.identity(), b"sensor-17");
    /// # Ok::<(), strata_tls_handshake::resumption::PskError>(())
    /// ```
    ///
    /// # Errors
    /// [`PskError`] if the key is too short, or the identity is empty or longer than
    /// [`MAX_IDENTITY`](Self::MAX_IDENTITY).
    pub fn plain(identity: Vec<u8>, key: &[u8], hash: HashAlgorithm) -> Result<Self, PskError> {
        check(&identity, key)?;
        Ok(Self { identity, key: Zeroizing::new(key.to_vec()), hash, kind: PskKind::External })
    }

    /// Imports a key for TLS 1.3 (RFC 9258 §5.1). Returns one pre-shared key for suites with
    /// SHA-256 and one for suites with SHA-384, in this order. Both sides must import it with the
    /// same arguments.
    ///
    /// `key_hash` is the hash that belongs to the key: SHA-256 if none was agreed on. It does not
    /// limit the suites. `context` separates this use of the key from others and is sent
    /// unencrypted. It should contain the roles ([`role_context`](Self::role_context)), and the
    /// context that the key was derived from, if any. Do not use the imported key for anything
    /// else.
    ///
    /// ```
    /// use strata_tls_handshake::resumption::ExternalPsk;
    /// use strata_tls_handshake::tls_crypto::HashAlgorithm::Sha256;
    ///
    /// let psks = ExternalPsk::import(b"fleet-key", &[7; 32], Sha256, b"")?;
    /// let [sha256, sha384] = &psks[..] else { panic!("two hashes") };
    /// // The encoding of RFC 9258: external_identity, context, target_protocol, target_kdf.
    /// assert_eq!(sha256.identity(), b"\0\x09fleet-key\0\0\x03\x04\0\x01");
    /// assert_eq!(sha384.identity(), b"\0\x09fleet-key\0\0\x03\x04\0\x02");
    /// # Ok::<(), strata_tls_handshake::resumption::PskError>(())
    /// ```
    ///
    /// # Errors
    /// [`PskError`] if the key is too short, or the identity is empty or longer than
    /// [`MAX_IDENTITY`](Self::MAX_IDENTITY) together with the context.
    pub fn import(
        external_identity: &[u8],
        key: &[u8],
        key_hash: HashAlgorithm,
        context: &[u8],
    ) -> Result<Vec<Self>, PskError> {
        let mut all = Vec::new();
        for (target, kdf) in TARGETS {
            let identity = imported_identity(external_identity, context, kdf)?;
            check(&identity, key)?;
            let imported =
                import_psk(Backend::ring(), key_hash, key, &identity, target).map_err(|_| PskError::NotDerived)?;
            let key = Zeroizing::new(imported.as_ref().to_vec());
            all.push(Self { identity, key, hash: target, kind: PskKind::Imported });
        }
        Ok(all)
    }

    /// Returns a context for [`import`](Self::import) that binds a key to its client and its
    /// server. Needed if more than two machines share the key: an attacker could otherwise reflect
    /// a ClientHello to its sender or redirect it to another machine (RFC 9258, "Addressing
    /// Selfie").
    ///
    /// The context is each name after its two-byte length. Machines that share the key must still
    /// be trusted not to use another's name.
    #[must_use]
    pub fn role_context(client: &str, server: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(client.len().saturating_add(server.len()).saturating_add(4));
        for name in [client, server] {
            // `import` rejects a context with a longer name.
            out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(name.as_bytes());
        }
        out
    }

    /// Returns the identity, which ClientHello contains and by which a server finds the key.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// Returns the hash of the cipher suites that can use the key.
    #[must_use]
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }
}

impl fmt::Debug for ExternalPsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalPsk").field("kind", &self.kind).field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Why a key is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PskError {
    /// The identity is empty, so a server cannot find the key.
    NoIdentity,
    /// The identity, with its context if imported, is longer than [`ExternalPsk::MAX_IDENTITY`].
    IdentityTooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// The key is shorter than [`ExternalPsk::MIN_KEY`].
    KeyTooShort {
        /// Its length in bytes.
        got: usize,
    },
    /// The import failed. Does not happen with the supported hashes.
    NotDerived,
}

impl fmt::Display for PskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentity => {
                f.write_str("the pre-shared key has no identity; set one, by which the server finds it")
            }
            Self::IdentityTooLong { got } => {
                let max = ExternalPsk::MAX_IDENTITY;
                write!(
                    f,
                    "the identity of a pre-shared key is too long: expected at most {max} bytes with its context, got {got}"
                )
            }
            Self::KeyTooShort { got } => {
                let min = ExternalPsk::MIN_KEY;
                write!(f, "the pre-shared key is too short: expected at least {min} random bytes, got {got}")
            }
            Self::NotDerived => f.write_str("importing the pre-shared key failed"),
        }
    }
}

impl std::error::Error for PskError {}

fn check(identity: &[u8], key: &[u8]) -> Result<(), PskError> {
    match (identity.len(), key.len()) {
        (0, _) => Err(PskError::NoIdentity),
        (got, _) if got > ExternalPsk::MAX_IDENTITY => Err(PskError::IdentityTooLong { got }),
        (_, got) if got < ExternalPsk::MIN_KEY => Err(PskError::KeyTooShort { got }),
        _ => Ok(()),
    }
}

/// Encodes `ImportedIdentity` of RFC 9258 §5.1.
fn imported_identity(name: &[u8], context: &[u8], target_kdf: u16) -> Result<Vec<u8>, PskError> {
    if name.is_empty() {
        return Err(PskError::NoIdentity);
    }
    let length = name.len().saturating_add(context.len()).saturating_add(8);
    let mut identity = Vec::with_capacity(length.min(ExternalPsk::MAX_IDENTITY));
    let mut w = Writer::append(&mut identity);
    w.whole(|w| {
        w.vec16_bytes(name)?;
        w.vec16_bytes(context)?;
        w.u16(ProtocolVersion::TLS13.0)?;
        w.u16(target_kdf)
    })
    .map_err(|BufferFull| PskError::IdentityTooLong { got: length })?;
    Ok(identity)
}

/// The KDF identifiers of RFC 9258: HKDF_SHA256, HKDF_SHA384.
const TARGETS: [(HashAlgorithm, u16); 2] = [(HashAlgorithm::Sha256, 0x0001), (HashAlgorithm::Sha384, 0x0002)];

#[cfg(test)]
mod tests {
    use super::*;
    use HashAlgorithm::{Sha256, Sha384};

    const KEY: [u8; 16] = *b"sixteen secrets!";

    #[test]
    fn plain_key_is_unchanged_with_external_label() {
        for hash in [Sha256, Sha384] {
            let psk = ExternalPsk::plain(b"name".to_vec(), &KEY, hash).unwrap();
            assert_eq!((psk.identity(), &psk.key[..], psk.hash()), (&b"name"[..], &KEY[..], hash));
            assert_eq!(psk.kind.binder(), BinderKind::External);
        }
    }

    #[test]
    fn import_returns_one_key_per_hash_with_imported_label() {
        for key_hash in [Sha256, Sha384] {
            let psks = ExternalPsk::import(b"name", &KEY, key_hash, b"ctx").unwrap();
            let expected = [(Sha256, 32, 1), (Sha384, 48, 2)];
            assert_eq!(psks.len(), expected.len());
            for (psk, (target, length, kdf)) in psks.iter().zip(expected) {
                let identity = [&b"\0\x04name\0\x03ctx\x03\x04\0"[..], &[kdf]].concat();
                assert_eq!((psk.identity(), psk.hash(), psk.key.len()), (&identity[..], target, length));
                assert_eq!(
                    psk.key[..],
                    *import_psk(Backend::ring(), key_hash, &KEY, &identity, target).unwrap().as_ref()
                );
                assert_eq!(psk.kind.binder(), BinderKind::Imported);
            }
        }
    }

    #[test]
    fn each_import_argument_changes_the_keys() {
        let base = (&b"name"[..], KEY, Sha256, &b"context"[..]);
        let mut other_key = KEY;
        other_key[15] ^= 1;
        let cases = [
            base,
            (b"nam", KEY, Sha256, b"econtext"),
            (b"name", other_key, Sha256, b"context"),
            (b"name", KEY, Sha384, b"context"),
            (b"name", KEY, Sha256, b""),
        ];
        let mut seen = std::collections::HashSet::new();
        for (name, key, hash, context) in cases {
            for psk in ExternalPsk::import(name, &key, hash, context).unwrap() {
                assert!(seen.insert(psk.key[..32].to_vec()), "{name:?} {hash:?} {context:?} {:?}", psk.hash);
            }
        }
        assert_eq!(seen.len(), 10);
    }

    #[test]
    fn role_context_separates_client_and_server() {
        assert_eq!(ExternalPsk::role_context("a", "bc"), b"\0\x01a\0\x02bc");
        let pairs = [("a", "bc"), ("bc", "a"), ("ab", "c"), ("abc", ""), ("", "abc"), ("", ""), ("a\0\u{2}bc", "")];
        let contexts = pairs.map(|(client, server)| ExternalPsk::role_context(client, server));
        assert_eq!(std::collections::HashSet::from(contexts).len(), pairs.len());
    }

    #[test]
    fn key_below_16_bytes_is_rejected() {
        for got in 0..16 {
            let short = Some(PskError::KeyTooShort { got });
            assert_eq!(ExternalPsk::plain(b"name".to_vec(), &KEY[..got], Sha256).err(), short);
            assert_eq!(ExternalPsk::import(b"name", &KEY[..got], Sha256, b"").err(), short);
        }
        let shown = PskError::KeyTooShort { got: 5 }.to_string();
        assert_eq!(shown, "the pre-shared key is too short: expected at least 16 random bytes, got 5");
    }

    #[test]
    fn empty_or_too_long_identity_is_rejected() {
        let max = ExternalPsk::MAX_IDENTITY;
        let plain = |length| ExternalPsk::plain(vec![b'n'; length], &KEY, Sha256).err();
        assert_eq!([plain(0), plain(1), plain(max)], [Some(PskError::NoIdentity), None, None]);
        assert_eq!(plain(max + 1), Some(PskError::IdentityTooLong { got: max + 1 }));

        let import = |name, context| {
            ExternalPsk::import(&vec![b'n'; name], &KEY, Sha256, &vec![b'c'; context]).map(|psks| psks.len())
        };
        assert_eq!(import(0, 5), Err(PskError::NoIdentity));
        // Plus 8 bytes for two lengths, the protocol and the hash.
        assert_eq!([import(1, max - 9), import(max - 8, 0)], [Ok(2), Ok(2)]);
        for (name, context) in [(1, max - 8), (max - 7, 0), (1, 0xffff), (1, 0x1_0000), (0x1_0000, 0)] {
            assert_eq!(import(name, context), Err(PskError::IdentityTooLong { got: name + context + 8 }));
        }
        let long = "n".repeat(0x1_0001);
        let context = ExternalPsk::role_context(&long, "server");
        assert!(ExternalPsk::import(b"name", &KEY, Sha256, &context).is_err());
    }

    #[test]
    fn debug_shows_neither_key_nor_identity() {
        let plain = ExternalPsk::plain(b"name".to_vec(), &KEY, Sha256).unwrap();
        assert_eq!(format!("{plain:?}"), "ExternalPsk { kind: External, hash: Sha256, .. }");
        let imported = ExternalPsk::import(b"name", &KEY, Sha256, b"").unwrap();
        assert_eq!(format!("{:?}", imported[1]), "ExternalPsk { kind: Imported, hash: Sha384, .. }");
    }
}
