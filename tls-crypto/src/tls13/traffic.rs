//! The final secrets of the key schedule: traffic secrets, Finished keys, exporters, ticket PSKs.

use core::fmt;

use super::labels;
use crate::hkdf::{Expander, Secret};
use crate::secret_bytes::with_zeroized_stack;
use crate::{Backend, BulkAlgorithm, Digest, Error, HashAlgorithm, NONCE_LEN, Opener, Sealer};

/// The traffic secret of one direction and phase of a connection, prepared for deriving keys.
/// Zeroized on drop.
pub struct TrafficSecret {
    secret: Secret,
    expander: Expander,
}

impl TrafficSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self { expander: secret.expander(), secret }
    }

    /// Restores a secret from a [key log](Self::expose_for_key_log), to decrypt a recorded
    /// connection. `None` unless it has the length of the hash.
    ///
    /// ```
    /// use strata_tls_crypto::{Backend, BulkAlgorithm, HashAlgorithm, tls13::TrafficSecret};
    ///
    /// let logged = [7; 32]; // SERVER_HANDSHAKE_TRAFFIC_SECRET
    /// let opener = TrafficSecret::from_key_log(Backend::ring(), HashAlgorithm::Sha256, &logged)
    ///     .map(|secret| secret.opener(BulkAlgorithm::Aes128Gcm));
    /// assert!(opener.is_some());
    /// ```
    #[must_use]
    pub fn from_key_log(backend: Backend, algorithm: HashAlgorithm, secret: &[u8]) -> Option<Self> {
        Secret::from_bytes(backend, algorithm, secret).map(Self::new)
    }

    /// Moves the secret and overwrites the old memory, which a plain move does not. Drop the
    /// remaining value: its keys are public.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self { secret: self.secret.take(), expander: self.expander.take() }
    }

    /// Returns the hash of the connection's cipher suite.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.secret.algorithm()
    }

    /// Returns the sealer of records sent with this secret, RFC 9846 §7.3. It starts at sequence
    /// number 0, so callers must create only one. Two would use the same nonces.
    #[must_use]
    pub fn sealer(&self, algorithm: BulkAlgorithm) -> Sealer {
        let backend = self.secret.backend();
        with_zeroized_stack(|| self.with_key(algorithm, |key, iv| Sealer::tls13(backend, algorithm, key, iv)))
    }

    /// Returns the opener of records received with this secret, RFC 9846 §7.3.
    #[must_use]
    pub fn opener(&self, algorithm: BulkAlgorithm) -> Opener {
        let backend = self.secret.backend();
        with_zeroized_stack(|| self.with_key(algorithm, |key, iv| Opener::tls13(backend, algorithm, key, iv)))
    }

    /// Returns the `verify_data` of the Finished message sent with this secret, RFC 9846 §4.5.3.
    #[must_use]
    pub fn finished(&self, transcript_hash: &Digest) -> Digest {
        FinishedKey::of(&self.expander).verify_data(transcript_hash)
    }

    /// Returns whether `received` is the peer's `verify_data`, compared in constant time.
    #[must_use]
    pub fn verify_finished(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        FinishedKey::of(&self.expander).verify(transcript_hash, received)
    }

    /// Converts to the smaller form that is kept after the keys are derived; it takes a quarter of
    /// the memory.
    #[must_use]
    pub fn into_stored(self) -> StoredTrafficSecret {
        StoredTrafficSecret(self.secret)
    }

    /// Returns the secret, for a key log. Anyone holding it can decrypt the traffic.
    #[must_use]
    pub fn expose_for_key_log(&self) -> &[u8] {
        self.secret.as_ref()
    }

    pub(crate) fn expander(&self) -> &Expander {
        &self.expander
    }

    fn with_key<T>(&self, algorithm: BulkAlgorithm, make: impl FnOnce(&[u8], &[u8; NONCE_LEN]) -> T) -> T {
        let iv = self.expander.expand_fixed::<NONCE_LEN>(&labels::IV);
        match algorithm {
            BulkAlgorithm::Aes128Gcm => make(self.expander.expand_fixed::<16>(&labels::KEY).as_slice(), &iv),
            BulkAlgorithm::Aes256Gcm | BulkAlgorithm::ChaCha20Poly1305 => {
                make(self.expander.expand_fixed::<32>(&labels::KEY).as_slice(), &iv)
            }
        }
    }
}

impl fmt::Debug for TrafficSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrafficSecret").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

/// A traffic secret whose keys are derived. It is kept only for a KeyUpdate, in little memory,
/// since idle connections keep one. Zeroized on drop.
///
/// ```
/// use strata_tls_crypto::{Backend, EphemeralKey, Group, HashAlgorithm::Sha256, tls13::EarlySecret};
///
/// # let ours = EphemeralKey::generate(Backend::ring(), Group::X25519)?;
/// # let theirs = EphemeralKey::generate(Backend::ring(), Group::X25519)?;
/// # let shared = ours.agree(&theirs.public_key())?;
/// let (traffic, _) = EarlySecret::new(Backend::ring(), Sha256).into_handshake(shared, &Sha256.hash(b"hellos"));
/// let stored = traffic.client.into_stored();
/// // On a KeyUpdate:
/// let next = stored.next();
/// # let _ = next;
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
#[derive(Debug)]
pub struct StoredTrafficSecret(Secret);

impl StoredTrafficSecret {
    /// Moves the secret and overwrites the old memory, which a plain move does not. Drop the
    /// remaining value: its keys are public.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    pub(crate) fn into_secret(self) -> Secret {
        self.0
    }

    /// Returns the secret after a KeyUpdate, RFC 9846 §7.2.
    #[must_use]
    pub fn next(&self) -> TrafficSecret {
        with_zeroized_stack(|| TrafficSecret::new(self.0.expander().expand_to_secret(&labels::TRAFFIC_UPDATE)))
    }
}

/// The HMAC key of a Finished message or PSK binder, RFC 9846 §4.5.3.
pub struct FinishedKey(Expander);

impl FinishedKey {
    pub(super) fn of(base_key: &Expander) -> Self {
        Self(base_key.expand_to_secret(&labels::FINISHED).expander())
    }

    /// Returns the HMAC of the transcript hash.
    #[must_use]
    pub fn verify_data(&self, transcript_hash: &Digest) -> Digest {
        self.0.hmac(transcript_hash.as_ref())
    }

    /// Returns whether `received` is the HMAC of the transcript hash, compared in constant time.
    #[must_use]
    pub fn verify(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        self.0.verify(transcript_hash.as_ref(), received)
    }
}

impl fmt::Debug for FinishedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedKey").field("algorithm", &self.0.algorithm()).finish_non_exhaustive()
    }
}

/// The secret of keying material exporters, RFC 9846 §7.5. Zeroized on drop.
#[derive(Debug)]
pub struct ExporterSecret(Secret);

impl ExporterSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Moves the secret and overwrites the old memory, which a plain move does not. Drop the
    /// remaining value: its keys are public.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Fills `out` with keying material that only the two sides of the connection can compute.
    ///
    /// # Errors
    ///
    /// [`Error::OutputTooLong`] if `label` is longer than 249 bytes or `out` than 255 digests.
    pub fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let algorithm = self.0.algorithm();
        let mut for_label = crate::secret_bytes::SecretBytes::new([0; crate::hash::MAX_HASH_LEN]);
        let for_label = for_label.get_mut(..algorithm.output_len()).ok_or(Error::OutputTooLong)?;
        self.0.expander().expand_label(label, algorithm.of_empty().as_ref(), for_label)?;
        let context = self.0.backend().hash(algorithm, context);
        Expander::new(self.0.backend(), algorithm, for_label).expand_label(
            labels::EXPORTER_OUTPUT,
            context.as_ref(),
            out,
        )
    }

    /// Returns the secret, for a key log. Anyone holding it can compute all exported keys.
    #[must_use]
    pub fn expose_for_key_log(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// The secret from which the PSK of each ticket is derived. Zeroized on drop.
#[derive(Debug)]
pub struct ResumptionSecret(Secret);

impl ResumptionSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Returns the pre-shared key of a ticket, RFC 9846 §4.7.1.
    ///
    /// `nonce` is the ticket's `ticket_nonce`, at most 255 bytes on the wire. Bytes after the first
    /// 255 are ignored.
    #[must_use]
    pub fn ticket_psk(&self, nonce: &[u8]) -> Psk {
        with_zeroized_stack(|| Psk(self.0.expander().expand_with_context(&labels::RESUMPTION, nonce)))
    }

    #[cfg(test)]
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// A pre-shared key for resumption, stored with its ticket. Zeroized on drop, and not shown by
/// `Debug`.
#[derive(Debug)]
pub struct Psk(Secret);

impl AsRef<[u8]> for Psk {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumption(backend: Backend) -> ResumptionSecret {
        ResumptionSecret::new(crate::hkdf::extract(backend, HashAlgorithm::Sha384, b"", b"secret"))
    }

    #[test]
    fn ticket_nonces_give_different_psks_of_the_hash_length() {
        for &backend in Backend::ALL {
            let secret = resumption(backend);
            assert_eq!(secret.ticket_psk(b"").as_ref().len(), 48);
            assert_ne!(secret.ticket_psk(&[0]).as_ref(), secret.ticket_psk(&[1]).as_ref());
            assert_ne!(secret.ticket_psk(&[0]).as_ref(), secret.ticket_psk(b"").as_ref());
            assert_ne!(secret.ticket_psk(&[0]).as_ref(), secret.expose());
        }
    }

    #[test]
    fn ticket_psk_matches_hkdf_expand_label() {
        for &backend in Backend::ALL {
            for length in 0..=255 {
                let nonce = vec![3; length];
                let mut expected = [0; 48];
                crate::hkdf::hkdf_expand_label(&resumption(backend).0, b"resumption", &nonce, &mut expected).unwrap();
                assert_eq!(resumption(backend).ticket_psk(&nonce).as_ref(), expected, "{length}");
            }
        }
    }

    #[test]
    fn logged_secret_opens_what_the_original_sealed() {
        for &backend in Backend::ALL {
            for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let original = TrafficSecret::new(crate::hkdf::extract(backend, algorithm, b"", b"secret"));
                let logged = original.expose_for_key_log();
                let restored = TrafficSecret::from_key_log(backend, algorithm, logged).unwrap();
                assert_eq!((restored.algorithm(), restored.expose_for_key_log()), (algorithm, logged));
                let mut record = [7; 5 + 3 + 17];
                original.sealer(BulkAlgorithm::Aes128Gcm).seal(22, &mut record).unwrap();
                let opened = restored.opener(BulkAlgorithm::Aes128Gcm).open(&mut record).unwrap();
                assert_eq!((opened.content_type, &record[opened.content]), (22, &[7; 3][..]));
                for length in (0..logged.len()).chain([logged.len() + 1]) {
                    let other = [&[1; 64], logged].concat();
                    assert!(TrafficSecret::from_key_log(backend, algorithm, &other[..length]).is_none(), "{length}");
                }
            }
        }
    }
}
