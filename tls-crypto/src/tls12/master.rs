//! The master secret, and the values derived from it except record keys.

use core::fmt;

use subtle::ConstantTimeEq as _;

use super::prf::prf_of;
use super::{KeyBlock, prf};
use crate::hkdf::Expander;
use crate::secret_bytes::{SecretBytes, with_zeroized_stack};
use crate::{Backend, BulkAlgorithm, Digest, Error, HashAlgorithm, SharedSecret};

/// The master secret of a TLS 1.2 session, RFC 5246 §8.1. Zeroized on drop, and not shown by
/// `Debug`.
///
/// The pre-master secret of ECDHE is the shared secret, including leading zeros (RFC 8422 §5.10).
///
/// It is prepared for deriving the values of a handshake. After the handshake, an
/// [`ExporterSecret`] suffices, which is smaller.
pub struct MasterSecret {
    bytes: SecretBytes<MASTER_SECRET_LEN>,
    expander: Expander,
}

impl MasterSecret {
    /// Derives the extended master secret, RFC 7627 §4. Both sides must have sent
    /// extended_master_secret.
    ///
    /// `session_hash` is the hash of all handshake messages up to and including ClientKeyExchange.
    /// It binds the secret to this handshake and its certificates, so that a man in the middle
    /// cannot synchronize two connections on one master secret.
    #[must_use]
    pub fn extended(backend: Backend, hash: HashAlgorithm, shared: SharedSecret, session_hash: &Digest) -> Self {
        Self::derived(backend, hash, &shared, EXTENDED_MASTER_SECRET, &[session_hash.as_ref()])
    }

    /// Derives the master secret of a handshake without extended_master_secret, RFC 5246 §8.1.
    #[must_use]
    pub fn from_randoms(
        backend: Backend,
        hash: HashAlgorithm,
        shared: SharedSecret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> Self {
        Self::derived(backend, hash, &shared, MASTER_SECRET, &[client_random, server_random])
    }

    /// Restores the master secret of a resumed session.
    #[must_use]
    pub fn from_bytes(backend: Backend, hash: HashAlgorithm, bytes: &[u8; 48]) -> Self {
        with_zeroized_stack(|| Self::new(backend, hash, SecretBytes::new(*bytes)))
    }

    fn new(backend: Backend, hash: HashAlgorithm, bytes: SecretBytes<MASTER_SECRET_LEN>) -> Self {
        Self { expander: Expander::new(backend, hash, bytes.as_slice()), bytes }
    }

    fn derived(backend: Backend, hash: HashAlgorithm, shared: &SharedSecret, label: &[u8], seed: &[&[u8]]) -> Self {
        with_zeroized_stack(|| {
            let mut bytes = SecretBytes::new([0; MASTER_SECRET_LEN]);
            prf(backend, hash, shared.as_bytes(), label, seed, bytes.as_mut_slice());
            Self::new(backend, hash, bytes)
        })
    }

    /// Returns the hash of the session's cipher suite.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.expander.algorithm()
    }

    /// Derives the keys that protect the records of a connection, RFC 5246 §6.3.
    #[must_use]
    pub fn key_block(&self, aead: BulkAlgorithm, client_random: &[u8; 32], server_random: &[u8; 32]) -> KeyBlock {
        // The server's random is first here, and second everywhere else.
        with_zeroized_stack(|| {
            KeyBlock::new(self.expander.backend(), aead, |out| {
                self.derive(KEY_EXPANSION, &[server_random, client_random], out);
            })
        })
    }

    /// Returns the `verify_data` of the client's Finished message, RFC 5246 §7.4.9.
    #[must_use]
    pub fn client_finished(&self, transcript_hash: &Digest) -> [u8; 12] {
        self.verify_data(CLIENT_FINISHED, transcript_hash)
    }

    /// Returns the `verify_data` of the server's Finished message, RFC 5246 §7.4.9.
    #[must_use]
    pub fn server_finished(&self, transcript_hash: &Digest) -> [u8; 12] {
        self.verify_data(SERVER_FINISHED, transcript_hash)
    }

    /// Returns whether `received` is the client's `verify_data`, compared in constant time.
    #[must_use]
    pub fn verify_client_finished(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        self.client_finished(transcript_hash).as_slice().ct_eq(received).into()
    }

    /// Returns whether `received` is the server's `verify_data`, compared in constant time.
    #[must_use]
    pub fn verify_server_finished(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        self.server_finished(transcript_hash).as_slice().ct_eq(received).into()
    }

    /// Returns a copy for exporters, to keep after the handshake. It is a copy because a move would
    /// leave the secret in the old memory.
    #[must_use]
    pub fn exporter(&self) -> ExporterSecret {
        ExporterSecret {
            backend: self.expander.backend(),
            hash: self.algorithm(),
            bytes: SecretBytes::new(*self.bytes),
        }
    }

    /// Returns the secret, for the `CLIENT_RANDOM` line of a key log or for storing the session.
    /// Anyone holding it can decrypt the traffic.
    #[must_use]
    pub fn expose_for_key_log(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    fn verify_data(&self, label: &[u8], transcript_hash: &Digest) -> [u8; 12] {
        let mut out = [0; 12];
        self.derive(label, &[transcript_hash.as_ref()], &mut out);
        out
    }

    fn derive(&self, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        prf_of(&self.expander, label, seed, out);
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterSecret").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

/// The secret of keying material exporters, RFC 5705: the stored master secret. Zeroized on drop,
/// and not shown by `Debug`.
///
/// ```
/// use strata_tls_crypto::{Backend, HashAlgorithm::Sha256, tls12::MasterSecret};
///
/// let exporter = MasterSecret::from_bytes(Backend::ring(), Sha256, &[7; 48]).exporter();
/// let mut key = [0; 32];
/// exporter.export(b"EXPORTER-example", &[1; 32], &[2; 32], None, &mut key)?;
/// assert_ne!(key, [0; 32]);
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
pub struct ExporterSecret {
    backend: Backend,
    hash: HashAlgorithm,
    bytes: SecretBytes<MASTER_SECRET_LEN>,
}

impl ExporterSecret {
    /// Fills `out` with keying material that only the two sides of the connection can compute, RFC
    /// 5705 §4.
    ///
    /// An absent and an empty context give different material, unlike in TLS 1.3.
    ///
    /// Without an extended master secret, a man in the middle may know the material as well (RFC
    /// 7627 §6.1).
    ///
    /// # Errors
    ///
    /// [`Error::OutputTooLong`] if `context` is longer than 65535 bytes. [`Error::ReservedLabel`]
    /// if `label` starts with a label that TLS 1.2 uses itself: nothing separates the label from
    /// the bytes hashed after it.
    pub fn export(
        &self,
        label: &[u8],
        client_random: &[u8; 32],
        server_random: &[u8; 32],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), Error> {
        if RESERVED_LABELS.iter().any(|reserved| label.starts_with(reserved)) {
            return Err(Error::ReservedLabel);
        }
        let mut derive = |seed: &[&[u8]]| prf(self.backend, self.hash, self.bytes.as_slice(), label, seed, out);
        match context {
            None => derive(&[client_random, server_random]),
            Some(context) => {
                let length = u16::try_from(context.len()).map_err(|_| Error::OutputTooLong)?.to_be_bytes();
                derive(&[client_random, server_random, &length, context]);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ExporterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExporterSecret").field("algorithm", &self.hash).finish_non_exhaustive()
    }
}

const MASTER_SECRET_LEN: usize = 48;

const CLIENT_FINISHED: &[u8] = b"client finished";
const SERVER_FINISHED: &[u8] = b"server finished";
const MASTER_SECRET: &[u8] = b"master secret";
const EXTENDED_MASTER_SECRET: &[u8] = b"extended master secret";
const KEY_EXPANSION: &[u8] = b"key expansion";
const RESERVED_LABELS: [&[u8]; 5] =
    [CLIENT_FINISHED, SERVER_FINISHED, MASTER_SECRET, EXTENDED_MASTER_SECRET, KEY_EXPANSION];

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOMS: (&[u8; 32], &[u8; 32]) = (&[1; 32], &[2; 32]);

    fn master(backend: Backend, hash: HashAlgorithm) -> MasterSecret {
        MasterSecret::from_bytes(backend, hash, &[0xa5; 48])
    }

    fn export(backend: Backend, label: &[u8], context: Option<&[u8]>) -> Result<[u8; 40], Error> {
        let mut out = [0; 40];
        master(backend, HashAlgorithm::Sha256).exporter().export(label, RANDOMS.0, RANDOMS.1, context, &mut out)?;
        Ok(out)
    }

    #[test]
    fn modified_or_truncated_finished_is_rejected() {
        for &backend in Backend::ALL {
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let (master, transcript) = (master(backend, hash), hash.hash(b"messages"));
                let right = [master.client_finished(&transcript), master.server_finished(&transcript)];
                let verifies = |received: &[u8]| {
                    [
                        master.verify_client_finished(&transcript, received),
                        master.verify_server_finished(&transcript, received),
                    ]
                };
                assert_eq!(right.map(|data| verifies(&data)), [[true, false], [false, true]]);
                for data in right {
                    for bit in 0..data.len() * 8 {
                        let mut changed = data;
                        changed[bit / 8] ^= 1 << (bit % 8);
                        assert_eq!(verifies(&changed), [false; 2], "{hash:?} bit {bit}");
                    }
                    for length in 0..data.len() {
                        assert_eq!(verifies(&data[..length]), [false; 2], "{hash:?} {length}");
                    }
                    assert_eq!(verifies(&[&data[..], &[0]].concat()), [false; 2]);
                }
                assert!(!master.verify_client_finished(&hash.hash(b"other messages"), &right[0]));
            }
        }
    }

    #[test]
    fn absent_and_empty_context_export_differently() {
        for &backend in Backend::ALL {
            let all = [
                export(backend, b"EXPORTER", None),
                export(backend, b"EXPORTER", Some(b"")),
                export(backend, b"EXPORTER", Some(b"\0")),
            ];
            assert!(all.iter().all(Result::is_ok));
            assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
        }
    }

    #[test]
    fn context_is_limited_by_its_length_field() {
        for &backend in Backend::ALL {
            assert!(export(backend, b"EXPORTER", Some(&[0; 65535])).is_ok());
            assert_eq!(export(backend, b"EXPORTER", Some(&[0; 65536])), Err(Error::OutputTooLong));
        }
    }

    #[test]
    fn reserved_exporter_labels_are_rejected() {
        for &backend in Backend::ALL {
            // RFC 5705 §4 lists the first four; RFC 7627 §4 adds the last.
            let reserved =
                ["client finished", "server finished", "master secret", "key expansion", "extended master secret"];
            for label in reserved {
                for context in [None, Some(&b""[..])] {
                    assert_eq!(export(backend, label.as_bytes(), context), Err(Error::ReservedLabel), "{label}");
                    let continued = format!("{label} and more");
                    assert_eq!(
                        export(backend, continued.as_bytes(), context),
                        Err(Error::ReservedLabel),
                        "{continued}"
                    );
                }
                assert!(export(backend, &label.as_bytes()[1..], None).is_ok());
                assert!(export(backend, &label.as_bytes()[..label.len() - 1], None).is_ok());
            }
        }
    }

    #[test]
    fn keying_material_depends_on_label_and_order_of_randoms() {
        for &backend in Backend::ALL {
            let (client, server) = RANDOMS;
            let with = |label: &[u8], client: &[u8; 32], server: &[u8; 32]| {
                let mut out = [0; 40];
                master(backend, HashAlgorithm::Sha384)
                    .exporter()
                    .export(label, client, server, None, &mut out)
                    .unwrap();
                out
            };
            let first = with(b"EXPORTER-1", client, server);
            assert_eq!(first, with(b"EXPORTER-1", client, server));
            assert_ne!(first, with(b"EXPORTER-2", client, server));
            assert_ne!(first, with(b"EXPORTER-1", server, client));
        }
    }

    #[test]
    fn shared_secret_keeps_leading_zeros() {
        for &backend in Backend::ALL {
            // RFC 8422 §5.10: "leading zeros found in this octet string MUST NOT be truncated".
            let hash = HashAlgorithm::Sha256;
            let secret = |shared: &[u8]| {
                let shared = SharedSecret::copied_from(shared);
                MasterSecret::from_randoms(backend, hash, shared, RANDOMS.0, RANDOMS.1).expose_for_key_log().to_vec()
            };
            let with_zeros = [&[0; 2][..], &[7; 46]].concat();
            let mut expected = [0; 48];
            prf(backend, hash, &with_zeros, b"master secret", &[RANDOMS.0, RANDOMS.1], &mut expected);
            assert_eq!(secret(&with_zeros), expected);
            assert_ne!(secret(&[7; 46]), expected);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        for &backend in Backend::ALL {
            let master = master(backend, HashAlgorithm::Sha256);
            assert_eq!(format!("{master:?}"), "MasterSecret { algorithm: Sha256, .. }");
            let keys = master.key_block(BulkAlgorithm::Aes128Gcm, RANDOMS.0, RANDOMS.1);
            assert_eq!(format!("{keys:?}"), "KeyBlock { aead: Aes128Gcm, .. }");
            let opened = [format!("{:?}", keys.client_sealer()), format!("{:?}", keys.server_opener())].concat();
            assert_eq!(opened, "Sealer { sequence: 0, .. }Opener { sequence: 0, .. }");
        }
    }
}
