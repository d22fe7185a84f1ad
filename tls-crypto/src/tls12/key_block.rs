//! The keys of the records, RFC 5246 §6.3.

use core::fmt;

use crate::secret_bytes::SecretBytes;
use crate::{BulkAlgorithm, NONCE_LEN, Opener, Sealer};

/// The keys and the implicit nonces of both directions of one connection. Zeroized on drop, and not shown by `Debug`.
///
/// What is made from it begins at sequence number zero: it is for the caller to make only one sealer, and not to send
/// under it if another was made before.
pub struct KeyBlock {
    aead: BulkAlgorithm,
    client: Keys,
    server: Keys,
}

/// The keys of one direction.
struct Keys {
    key: SecretBytes<MAX_KEY_LEN>,
    /// The implicit part of the nonce, and zeros.
    iv: SecretBytes<NONCE_LEN>,
}

impl KeyBlock {
    /// Cuts into pieces what `fill` gives: client_write_key, server_write_key, client_write_IV, server_write_IV. An AEAD
    /// has no MAC keys before them.
    pub(super) fn new(aead: BulkAlgorithm, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut block = SecretBytes::new([0; MAX_LEN]);
        fill(block.get_mut(..block_len(aead)).unwrap_or_default());
        let mut block = block.iter();
        let mut client = Keys { key: SecretBytes::new([0; MAX_KEY_LEN]), iv: SecretBytes::new([0; NONCE_LEN]) };
        let mut server = Keys { key: SecretBytes::new([0; MAX_KEY_LEN]), iv: SecretBytes::new([0; NONCE_LEN]) };
        let pieces: [(usize, &mut [u8]); 4] = [
            (aead.key_len(), client.key.as_mut_slice()),
            (aead.key_len(), server.key.as_mut_slice()),
            (implicit_nonce_len(aead), client.iv.as_mut_slice()),
            (implicit_nonce_len(aead), server.iv.as_mut_slice()),
        ];
        for (length, to) in pieces {
            for (to, from) in to.iter_mut().take(length).zip(&mut block) {
                *to = *from;
            }
        }
        Self { aead, client, server }
    }

    /// What protects the records that the client sends.
    #[must_use]
    pub fn client_sealer(&self) -> Sealer {
        self.client.with(self.aead, Sealer::tls12)
    }

    /// What opens the records that the client sends.
    #[must_use]
    pub fn client_opener(&self) -> Opener {
        self.client.with(self.aead, Opener::tls12)
    }

    /// What protects the records that the server sends.
    #[must_use]
    pub fn server_sealer(&self) -> Sealer {
        self.server.with(self.aead, Sealer::tls12)
    }

    /// What opens the records that the server sends.
    #[must_use]
    pub fn server_opener(&self) -> Opener {
        self.server.with(self.aead, Opener::tls12)
    }
}

impl fmt::Debug for KeyBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBlock").field("aead", &self.aead).finish_non_exhaustive()
    }
}

impl Keys {
    fn with<T>(&self, aead: BulkAlgorithm, make: impl FnOnce(BulkAlgorithm, &[u8], &[u8; NONCE_LEN]) -> T) -> T {
        make(aead, self.key.get(..aead.key_len()).unwrap_or(self.key.as_slice()), &self.iv)
    }
}

/// How many bytes of the nonce come from the key block: the salt of AES-GCM (RFC 5288 §3), all of ChaCha20's
/// (RFC 7905 §2).
const fn implicit_nonce_len(aead: BulkAlgorithm) -> usize {
    match aead {
        BulkAlgorithm::Aes128Gcm | BulkAlgorithm::Aes256Gcm => 4,
        BulkAlgorithm::ChaCha20Poly1305 => NONCE_LEN,
    }
}

const fn block_len(aead: BulkAlgorithm) -> usize {
    aead.key_len().saturating_add(implicit_nonce_len(aead)).saturating_mul(2)
}

const MAX_KEY_LEN: usize = 32;
const MAX_LEN: usize = 2 * (MAX_KEY_LEN + NONCE_LEN);
// A block that did not fit would be keys of zeros.
const _: () = assert!(
    block_len(BulkAlgorithm::Aes128Gcm) <= MAX_LEN
        && block_len(BulkAlgorithm::Aes256Gcm) <= MAX_LEN
        && block_len(BulkAlgorithm::ChaCha20Poly1305) <= MAX_LEN
);

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(aead: BulkAlgorithm) -> (KeyBlock, usize) {
        let mut wanted = 0;
        let block = KeyBlock::new(aead, |out| {
            wanted = out.len();
            out.iter_mut().zip(1..).for_each(|(byte, count)| *byte = count);
        });
        (block, wanted)
    }

    #[test]
    fn the_block_is_cut_into_keys_and_implicit_nonces_and_no_more_is_asked_for() {
        for (aead, length, iv_len) in [
            (BulkAlgorithm::Aes128Gcm, 40, 4),
            (BulkAlgorithm::Aes256Gcm, 72, 4),
            (BulkAlgorithm::ChaCha20Poly1305, 88, 12),
        ] {
            let (block, wanted) = counted(aead);
            assert_eq!(wanted, length);
            let key_len = aead.key_len();
            let bytes: Vec<u8> = (1..=u8::try_from(length).unwrap()).collect();
            let (keys, ivs) = bytes.split_at(2 * key_len);
            for (at, found) in [&block.client, &block.server].into_iter().enumerate() {
                assert_eq!(found.key[..key_len], keys[at * key_len..][..key_len], "{aead:?}");
                assert_eq!(found.iv[..iv_len], ivs[at * iv_len..][..iv_len], "{aead:?}");
                assert!(found.key[key_len..].iter().chain(&found.iv[iv_len..]).all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn each_direction_opens_what_it_seals_and_nothing_of_the_other() {
        for aead in [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm, BulkAlgorithm::ChaCha20Poly1305] {
            let (block, _) = counted(aead);
            for (mut sealer, right, wrong) in [
                (block.client_sealer(), block.client_opener(), block.server_opener()),
                (block.server_sealer(), block.server_opener(), block.client_opener()),
            ] {
                let mut record = vec![0; 5 + sealer.overhead().before + sealer.overhead().after];
                sealer.seal(22, &mut record).unwrap();
                let opens = [right, wrong].map(|mut opener| opener.open(&mut record.clone()).is_ok());
                assert_eq!(opens, [true, false], "{aead:?}");
            }
        }
    }
}
