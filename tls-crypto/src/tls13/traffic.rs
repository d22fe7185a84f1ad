//! What is derived from the leaves of the key schedule: record protection, Finished, exporters, tickets.

use core::fmt;

use super::labels;
use crate::hkdf::{Expander, Secret};
use crate::{BulkAlgorithm, Digest, Error, HashAlgorithm, NONCE_LEN, Opener, Sealer};

/// The secret that protects one direction in one phase of a connection, prepared for deriving keys from it. Zeroized on drop.
pub struct TrafficSecret {
    secret: Secret,
    expander: Expander,
}

impl TrafficSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self { expander: secret.expander(), secret }
    }

    /// Moves it out of memory that is given back, and overwrites what stays behind, which a plain move does not do. Drop what stays: it
    /// derives keys that are no secret.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self { secret: self.secret.take(), expander: self.expander.take() }
    }

    /// The hash of the connection's cipher suite.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.secret.algorithm()
    }

    /// What protects the records that are sent under this secret, RFC 9846 §7.3. Its sequence number is zero: it is for
    /// the caller to make one only, and not to send under it if another was made before.
    #[must_use]
    pub fn sealer(&self, algorithm: BulkAlgorithm) -> Sealer {
        self.with_key(algorithm, |key, iv| Sealer::tls13(algorithm, key, iv))
    }

    /// What opens the records that are received under this secret, RFC 9846 §7.3.
    #[must_use]
    pub fn opener(&self, algorithm: BulkAlgorithm) -> Opener {
        self.with_key(algorithm, |key, iv| Opener::tls13(algorithm, key, iv))
    }

    /// The `verify_data` of the Finished message that is sent under this secret, RFC 9846 §4.5.3.
    #[must_use]
    pub fn finished(&self, transcript_hash: &Digest) -> Digest {
        FinishedKey::of(&self.expander).verify_data(transcript_hash)
    }

    /// Whether `received` is the `verify_data` that the peer must send, compared in constant time.
    #[must_use]
    pub fn verify_finished(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        FinishedKey::of(&self.expander).verify(transcript_hash, received)
    }

    /// The same once its keys are derived, in a quarter of the room.
    #[must_use]
    pub fn into_stored(self) -> StoredTrafficSecret {
        StoredTrafficSecret(self.secret)
    }

    /// The secret itself, for a key log. Whoever has it can read the traffic.
    #[must_use]
    pub fn expose_for_key_log(&self) -> &[u8] {
        self.secret.as_ref()
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

/// A traffic secret whose keys are in use: it is kept for the KeyUpdate that may come, and an idle connection should not pay for more.
/// Zeroized on drop.
///
/// ```
/// use strata_tls_crypto::{EphemeralKey, Group, HashAlgorithm::Sha256, tls13::EarlySecret};
///
/// # let (ours, theirs) = (EphemeralKey::generate(Group::X25519)?, EphemeralKey::generate(Group::X25519)?);
/// # let shared = ours.agree(theirs.public_key())?;
/// let (traffic, _) = EarlySecret::new(Sha256).into_handshake(shared, &Sha256.hash(b"hellos"));
/// let stored = traffic.client.into_stored();
/// // A KeyUpdate came.
/// let next = stored.next();
/// # let _ = next;
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
#[derive(Debug)]
pub struct StoredTrafficSecret(Secret);

impl StoredTrafficSecret {
    /// Moves it out of memory that is given back, and overwrites what stays behind, which a plain move does not do. Drop what stays: it
    /// derives keys that are no secret.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// The secret after a KeyUpdate, RFC 9846 §7.2.
    #[must_use]
    pub fn next(&self) -> TrafficSecret {
        TrafficSecret::new(self.0.expander().expand_to_secret(&labels::TRAFFIC_UPDATE))
    }
}

/// The key of the HMAC in a Finished message or a PSK binder, RFC 9846 §4.5.3.
pub struct FinishedKey(Expander);

impl FinishedKey {
    pub(super) fn of(base_key: &Expander) -> Self {
        Self(base_key.expand_to_secret(&labels::FINISHED).expander())
    }

    /// The HMAC over the transcript hash.
    #[must_use]
    pub fn verify_data(&self, transcript_hash: &Digest) -> Digest {
        self.0.hmac(transcript_hash.as_ref())
    }

    /// Whether `received` is the HMAC over the transcript hash, compared in constant time.
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

/// The secret from which applications draw keys of their own, RFC 9846 §7.5. Zeroized on drop.
#[derive(Debug)]
pub struct ExporterSecret(Secret);

impl ExporterSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Moves it out of memory that is given back, and overwrites what stays behind, which a plain move does not do. Drop what stays: it
    /// derives keys that are no secret.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Fills `out` with keying material that both sides of the connection can compute and nobody else.
    ///
    /// # Errors
    ///
    /// [`Error::OutputTooLong`] if `label` is longer than 249 bytes or `out` than 255 digests.
    pub fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let algorithm = self.0.algorithm();
        let mut for_label = crate::secret_bytes::SecretBytes::new([0; crate::hash::MAX_HASH_LEN]);
        let for_label = for_label.get_mut(..algorithm.output_len()).ok_or(Error::OutputTooLong)?;
        self.0.expander().expand_label(label, algorithm.of_nothing().as_ref(), for_label)?;
        let context = algorithm.hash(context);
        Expander::new(algorithm, for_label).expand_label(labels::EXPORTER_OUTPUT, context.as_ref(), out)
    }

    /// The secret itself, for a key log. Whoever has it can compute all exported keys.
    #[must_use]
    pub fn expose_for_key_log(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// The secret from which the keys for resumption are derived, one for each ticket. Zeroized on drop.
#[derive(Debug)]
pub struct ResumptionSecret(Secret);

impl ResumptionSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The pre-shared key that goes with a ticket, RFC 9846 §4.7.1.
    ///
    /// `nonce` is the ticket's `ticket_nonce`, which the wire format limits to 255 bytes; further bytes would not count.
    #[must_use]
    pub fn ticket_psk(&self, nonce: &[u8]) -> Psk {
        Psk(self.0.expander().expand_with_context(&labels::RESUMPTION, nonce))
    }

    #[cfg(test)]
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// A pre-shared key for resumption, to be kept with its ticket. Zeroized on drop, and not shown by `Debug`.
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

    fn resumption() -> ResumptionSecret {
        ResumptionSecret::new(crate::hkdf::extract(HashAlgorithm::Sha384, b"", b"secret"))
    }

    #[test]
    fn tickets_with_different_nonces_have_different_keys_of_the_hash_length() {
        let secret = resumption();
        assert_eq!(secret.ticket_psk(b"").as_ref().len(), 48);
        assert_ne!(secret.ticket_psk(&[0]).as_ref(), secret.ticket_psk(&[1]).as_ref());
        assert_ne!(secret.ticket_psk(&[0]).as_ref(), secret.ticket_psk(b"").as_ref());
        assert_ne!(secret.ticket_psk(&[0]).as_ref(), secret.expose());
    }

    #[test]
    fn a_ticket_psk_is_hkdf_expand_label_for_every_length_of_nonce() {
        for length in 0..=255 {
            let nonce = vec![3; length];
            let mut expected = [0; 48];
            crate::hkdf::hkdf_expand_label(&resumption().0, b"resumption", &nonce, &mut expected).unwrap();
            assert_eq!(resumption().ticket_psk(&nonce).as_ref(), expected, "{length}");
        }
    }
}
