//! Protects session tickets: server state that clients store and return.

use core::fmt;

use zeroize::Zeroizing;

use crate::backend::AeadKey;
use crate::{Backend, BulkAlgorithm, Error, NONCE_LEN, SecureRandom, TAG_LEN};

/// A key that seals tickets, and opens the tickets it sealed.
///
/// ```text
/// ticket = hint (1) ‖ nonce (12) ‖ state, encrypted ‖ tag (16)
/// ```
///
/// The hint is the first byte of the key's name. It spares a server most attempts with its other
/// keys, and shows an observer as little as one byte can. Tickets use ChaCha20-Poly1305 and
/// authenticate the whole name, without sending it. A ticket that one backend sealed opens with
/// another. Nonces are random, because servers that share a key have no common counter; a key may
/// seal up to 2^32 tickets. The key is overwritten on drop. Anyone holding it can decrypt and
/// resume every session whose ticket it sealed, so replace it often.
///
/// ```
/// use strata_tls_crypto::{Backend, TicketKey};
///
/// let key = TicketKey::generate(Backend::ring())?;
/// let ticket = key.seal(b"state")?;
/// assert_eq!(key.open(&ticket).as_deref(), Some(&b"state".to_vec()));
/// assert_eq!(TicketKey::generate(Backend::ring())?.open(&ticket), None);
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
pub struct TicketKey {
    name: [u8; Self::NAME_LEN],
    key: AeadKey,
}

impl TicketKey {
    /// The length in bytes of a key's name. Each of its tickets starts with the first byte of it.
    pub const NAME_LEN: usize = 16;
    /// The length in bytes of an exported key: the name, and 32 secret bytes.
    pub const LEN: usize = Self::NAME_LEN + 32;
    /// The number of bytes that a ticket is longer than its state.
    pub const OVERHEAD: usize = Self::HINT_LEN + NONCE_LEN + TAG_LEN;
    const HINT_LEN: usize = 1;

    /// Generates a key.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn generate(backend: Backend) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        backend.fill(&mut *bytes)?;
        Self::from_bytes(backend, &bytes)
    }

    /// Creates a key that several servers share. All bytes must be random. The first 16 are the
    /// name, of which tickets show the first byte.
    ///
    /// # Errors
    ///
    /// None in practice, because the length is correct.
    pub fn from_bytes(backend: Backend, bytes: &[u8; Self::LEN]) -> Result<Self, Error> {
        let key = Self::prepare(backend, bytes);
        overwrite_stack();
        key
    }

    /// Not inlined, so that its stack frame is within the range of [`overwrite_stack`].
    #[inline(never)]
    fn prepare(backend: Backend, bytes: &[u8; Self::LEN]) -> Result<Self, Error> {
        let (name, key) = bytes.split_first_chunk().ok_or(Error::Seal)?;
        let key = AeadKey::new(backend, BulkAlgorithm::ChaCha20Poly1305, key).ok_or(Error::Seal)?;
        Ok(Self { name: *name, key })
    }

    /// Returns the name. Two keys of a server differ in it.
    #[must_use]
    pub fn name(&self) -> &[u8; Self::NAME_LEN] {
        &self.name
    }

    /// Seals `state`. The ticket is [`OVERHEAD`](Self::OVERHEAD) bytes longer.
    ///
    /// # Errors
    ///
    /// [`Error::Random`]; [`Error::Seal`] if `state` is longer than 2^36 bytes.
    pub fn seal(&self, state: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        self.key.backend().fill(&mut nonce)?;
        let mut ticket = Vec::with_capacity(state.len().saturating_add(Self::OVERHEAD));
        ticket.push(self.hint());
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(state);
        let body = ticket.get_mut(Self::HINT_LEN + NONCE_LEN..).ok_or(Error::Seal)?;
        let mut tag = [0; TAG_LEN];
        if self.key.seal(nonce, self.name, body, &mut tag).is_err() {
            zeroize::Zeroize::zeroize(&mut ticket);
            return Err(Error::Seal);
        }
        ticket.extend_from_slice(&tag);
        Ok(ticket)
    }

    #[cfg(test)]
    pub(crate) fn backend(&self) -> Backend {
        self.key.backend()
    }

    fn hint(&self) -> u8 {
        let [hint, ..] = self.name;
        hint
    }

    /// Returns the state in a ticket that this key sealed; `None` for other or modified tickets.
    #[must_use]
    pub fn open(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (hint, rest) = ticket.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if *hint != self.hint() {
            return None;
        }
        let mut state = Zeroizing::new(sealed.to_vec());
        let length = self.key.open(*nonce, self.name, &mut state).ok()?.len();
        state.truncate(length);
        Some(state)
    }
}

/// Overwrites the stack frames of previous calls. The backend prepares a key there; otherwise a
/// later move to the heap could copy remains of it in padding bytes, which stay for the lifetime of
/// the key.
#[inline(never)]
fn overwrite_stack() {
    // Not a constant, which would not be on the stack.
    let zeros = [0_u8; 16 * 1024];
    zeroize::optimization_barrier(&zeros);
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_or_truncated_ticket_is_rejected() {
        for &backend in Backend::ALL {
            let key = TicketKey::generate(backend).unwrap();
            let ticket = key.seal(b"a state").unwrap();
            assert_eq!(ticket.len(), 7 + TicketKey::OVERHEAD);
            for bit in 0..ticket.len() * 8 {
                let mut changed = ticket.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(key.open(&changed), None, "bit {bit}");
            }
            for length in 0..ticket.len() {
                assert_eq!(key.open(&ticket[..length]), None, "{length} bytes");
            }
            assert_eq!(key.open(&[&ticket[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn shared_key_opens_tickets_of_another_server() {
        for &backend in Backend::ALL {
            let bytes = [7; TicketKey::LEN];
            let (one, other) =
                (TicketKey::from_bytes(backend, &bytes).unwrap(), TicketKey::from_bytes(backend, &bytes).unwrap());
            assert_eq!(other.open(&one.seal(b"state").unwrap()).unwrap().as_slice(), b"state");
            for byte in 0..TicketKey::NAME_LEN {
                let mut renamed = bytes;
                renamed[byte] ^= 1;
                let renamed = TicketKey::from_bytes(backend, &renamed).unwrap();
                assert_eq!(renamed.open(&one.seal(b"state").unwrap()), None, "{byte}");
            }
        }
    }

    #[test]
    fn two_tickets_of_one_state_share_only_the_hint() {
        for &backend in Backend::ALL {
            let key = TicketKey::generate(backend).unwrap();
            let (one, two) = (key.seal(&[0; 64]).unwrap(), key.seal(&[0; 64]).unwrap());
            assert_eq!(one[..1], key.name()[..1]);
            assert_eq!(one[..1], two[..1]);
            assert_ne!(one[1..13], two[1..13], "the nonces are equal");
            assert!(one[13..].chunks(8).zip(two[13..].chunks(8)).all(|(a, b)| a != b));
        }
    }

    #[test]
    fn generated_keys_differ() {
        for &backend in Backend::ALL {
            // CVE-2020-13777: GnuTLS used a key of zeros until its first rotation.
            let (one, two) = (TicketKey::generate(backend).unwrap(), TicketKey::generate(backend).unwrap());
            assert_ne!(one.name(), two.name());
            assert_ne!(one.name(), &[0; 16]);
            let mut named = [0; TicketKey::LEN];
            named[..16].copy_from_slice(one.name());
            let zeros = TicketKey::from_bytes(backend, &named).unwrap();
            assert_eq!(zeros.open(&one.seal(b"state").unwrap()), None);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        for &backend in Backend::ALL {
            assert_eq!(format!("{:?}", TicketKey::generate(backend).unwrap()), "TicketKey { .. }");
        }
    }
}
