//! The key block, RFC 5246 §6.3: the keys that protect records.

use core::fmt;

use crate::secret_bytes::{SecretBytes, with_zeroized_stack};
use crate::{Backend, BulkAlgorithm, NONCE_LEN, Opener, Sealer};

/// The keys and implicit nonces of both directions of a connection. Zeroized on drop, and not shown
/// by `Debug`.
///
/// Each sealer starts at sequence number 0, so callers must create only one per direction. Two
/// would use the same nonces.
pub struct KeyBlock {
    backend: Backend,
    aead: BulkAlgorithm,
    client: Keys,
    server: Keys,
}

/// The keys of one direction.
struct Keys {
    key: SecretBytes<MAX_KEY_LEN>,
    /// The implicit part of the nonce, followed by zeros.
    iv: SecretBytes<NONCE_LEN>,
}

impl KeyBlock {
    /// Splits the output of `fill` into client_write_key, server_write_key, client_write_IV and
    /// server_write_IV. AEAD suites have no MAC keys.
    pub(super) fn new(backend: Backend, aead: BulkAlgorithm, fill: impl FnOnce(&mut [u8])) -> Self {
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
        Self { backend, aead, client, server }
    }

    /// Returns the sealer of the records that the client sends.
    #[must_use]
    pub fn client_sealer(&self) -> Sealer {
        self.client.with(self, Sealer::tls12)
    }

    /// Returns the opener of the records that the client sends.
    #[must_use]
    pub fn client_opener(&self) -> Opener {
        self.client.with(self, Opener::tls12)
    }

    /// Returns the sealer of the records that the server sends.
    #[must_use]
    pub fn server_sealer(&self) -> Sealer {
        self.server.with(self, Sealer::tls12)
    }

    /// Returns the opener of the records that the server sends.
    #[must_use]
    pub fn server_opener(&self) -> Opener {
        self.server.with(self, Opener::tls12)
    }
}

impl fmt::Debug for KeyBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBlock").field("aead", &self.aead).finish_non_exhaustive()
    }
}

impl Keys {
    fn with<T>(&self, block: &KeyBlock, make: impl FnOnce(Backend, BulkAlgorithm, &[u8], &[u8; NONCE_LEN]) -> T) -> T {
        let key = self.key.get(..block.aead.key_len()).unwrap_or(self.key.as_slice());
        with_zeroized_stack(|| make(block.backend, block.aead, key, &self.iv))
    }
}

/// Returns the number of nonce bytes from the key block: the salt for AES-GCM (RFC 5288 §3), all
/// for ChaCha20 (RFC 7905 §2).
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
// A block that does not fit would leave keys of zeros.
const _: () = assert!(
    block_len(BulkAlgorithm::Aes128Gcm) <= MAX_LEN
        && block_len(BulkAlgorithm::Aes256Gcm) <= MAX_LEN
        && block_len(BulkAlgorithm::ChaCha20Poly1305) <= MAX_LEN
);

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(backend: Backend, aead: BulkAlgorithm) -> (KeyBlock, usize) {
        let mut wanted = 0;
        let block = KeyBlock::new(backend, aead, |out| {
            wanted = out.len();
            out.iter_mut().zip(1..).for_each(|(byte, count)| *byte = count);
        });
        (block, wanted)
    }

    #[test]
    fn key_block_is_split_into_keys_and_implicit_nonces() {
        for &backend in Backend::ALL {
            for (aead, length, iv_len) in [
                (BulkAlgorithm::Aes128Gcm, 40, 4),
                (BulkAlgorithm::Aes256Gcm, 72, 4),
                (BulkAlgorithm::ChaCha20Poly1305, 88, 12),
            ] {
                let (block, wanted) = counted(backend, aead);
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
    }

    #[test]
    fn opener_opens_only_its_own_direction() {
        for &backend in Backend::ALL {
            for aead in [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm, BulkAlgorithm::ChaCha20Poly1305] {
                let (block, _) = counted(backend, aead);
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
}
