//! The IDs under which a server's store holds the sessions of one connection.

use tls_crypto::HashAlgorithm;

use super::TLS13_ID;

/// The IDs under which to store the sessions of one server connection: see
/// [`NeedNewSession::store_ids`](crate::need::NeedNewSession::store_ids).
#[derive(Clone, Copy)]
pub struct StoreIds(Ids);

#[derive(Clone, Copy)]
enum Ids {
    /// TLS 1.2: the ID of the only session, which ServerHello contains.
    SessionId([u8; 32]),
    /// TLS 1.3: the ID of the only session.
    Ticket([u8; 32]),
    /// TLS 1.3: each ID is a hash of these random bytes and the session's number, so one value
    /// represents all IDs. An observer cannot link two IDs to one client (RFC 9846 Appendix C.4).
    Hashed([u8; 32]),
}

impl StoreIds {
    pub(crate) const fn of_session_id(id: [u8; 32]) -> Self {
        Self(Ids::SessionId(id))
    }

    /// Returns the IDs of `count` TLS 1.3 sessions. `random` is secret: it determines all IDs.
    pub(crate) const fn of_tickets(count: u8, random: [u8; 32]) -> Self {
        Self(if count > 1 { Ids::Hashed(random) } else { Ids::Ticket(random) })
    }

    /// Returns the ID that ServerHello contained.
    pub(crate) fn session_id(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Ids::SessionId(id) => Some(id),
            Ids::Ticket(_) | Ids::Hashed(_) => None,
        }
    }

    /// Returns the ID of the session at `index`. It is unguessable. A bit marks the version, so a
    /// client cannot use a TLS 1.2 session in TLS 1.3, or the reverse.
    #[must_use]
    pub fn id(&self, index: usize) -> [u8; 32] {
        let mut id = match self.0 {
            Ids::SessionId(id) => return id,
            Ids::Ticket(random) => random,
            Ids::Hashed(random) => {
                // A connection issues at most 255 tickets.
                let mut input = [u8::try_from(index).unwrap_or(u8::MAX); 33];
                if let Some(start) = input.first_chunk_mut() {
                    *start = random;
                }
                HashAlgorithm::Sha256.hash(&input).as_ref().try_into().unwrap_or([0; 32])
            }
        };
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

/// The sessions of a connection that a server's store holds. They are removed if the connection
/// fails.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_show_their_version() {
        for count in [1, 2, 255] {
            let ids: Vec<_> =
                StoredSessions::new(StoreIds::of_tickets(count, [0x5a; 32]), count.into()).into_ids().collect();
            assert_eq!(ids.len(), usize::from(count));
            assert!(ids.iter().all(|id| id[0] & TLS13_ID != 0));
            assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        }
        let session_id = StoreIds::of_session_id([0x5a; 32]);
        assert_eq!((session_id.id(0), session_id.session_id()), ([0x5a; 32], Some(&[0x5a; 32])));
        assert_eq!(StoreIds::of_tickets(1, [0x5a; 32]).session_id(), None);
    }

    /// One ticket must not reveal another.
    #[test]
    fn random_bytes_are_no_id_beside_others() {
        let ids = StoreIds::of_tickets(2, [0xfa; 32]);
        assert!([ids.id(0), ids.id(1)].iter().all(|id| id[1..] != [0xfa; 31]));
    }
}
