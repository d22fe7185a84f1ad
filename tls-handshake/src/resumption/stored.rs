//! The ids under which a store has the sessions of one connection.

use tls_crypto::HashAlgorithm;

use super::TLS13_ID;

/// The ids under which to store the sessions of one connection of a server: see
/// [`NeedNewSession::store_ids`](crate::need::NeedNewSession::store_ids).
#[derive(Clone, Copy)]
pub struct StoreIds(Ids);

#[derive(Clone, Copy)]
enum Ids {
    /// TLS 1.2: of its one session, which the client was told in ServerHello.
    One([u8; 32]),
    /// TLS 1.3: hashes over these random bytes and the session's number. So one value stands for all of them, and an observer of
    /// two ids does not see that they are of one client (RFC 9846 Appendix C.4).
    Hashed([u8; 32]),
}

impl StoreIds {
    pub(crate) const fn one(id: [u8; 32]) -> Self {
        Self(Ids::One(id))
    }

    /// `random` is secret: who knows it knows the ids.
    pub(crate) const fn hashed(random: [u8; 32]) -> Self {
        Self(Ids::Hashed(random))
    }

    /// The id that the client was told already.
    pub(crate) fn session_id(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Ids::One(id) => Some(id),
            Ids::Hashed(_) => None,
        }
    }

    /// Returns the id of the session at `index`. It is unguessable, and marked with the version, so that a session of TLS 1.2
    /// cannot be named as one of TLS 1.3 or the reverse.
    #[must_use]
    pub fn id(&self, index: usize) -> [u8; 32] {
        let random = match self.0 {
            Ids::One(id) => return id,
            Ids::Hashed(random) => random,
        };
        // A connection issues 255 tickets at most.
        let mut input = [u8::try_from(index).unwrap_or(u8::MAX); 33];
        if let Some(start) = input.first_chunk_mut() {
            *start = random;
        }
        let mut id: [u8; 32] = HashAlgorithm::Sha256.hash(&input).as_ref().try_into().unwrap_or([0; 32]);
        let [first, ..] = &mut id;
        *first |= TLS13_ID;
        id
    }
}

impl std::fmt::Debug for StoreIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreIds")
    }
}

/// Sessions of a connection that a server's store has, so that they can be removed when it fails.
pub struct StoredSessions {
    ids: StoreIds,
    count: u8,
}

impl StoredSessions {
    pub(crate) fn new(ids: StoreIds, count: usize) -> Self {
        Self { ids, count: u8::try_from(count).unwrap_or(u8::MAX) }
    }

    pub(crate) fn into_ids(self) -> impl Iterator<Item = [u8; 32]> {
        (0..self.count).map(move |index| self.ids.id(index.into()))
    }
}

impl std::fmt::Debug for StoredSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSessions").field("count", &self.count).finish_non_exhaustive()
    }
}
