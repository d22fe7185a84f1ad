//! Storage of a client's sessions, and of the group that each server used last: the trait, the
//! memory cache, and the storage that stores none.
//! `session/client` uses it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use pki_types::ServerName;
use tls_handshake::{ClientSessionValue, SessionError};
use zeroize::Zeroizing;

use super::sharded_map::ShardedMap;
use crate::{NamedGroup, ProtocolVersion};

/// Stores a client's sessions, by server name and resumption scope.
///
/// Called when a connection begins and when tickets arrive; must return within microseconds.
pub trait StoresClientSessions: fmt::Debug + Send + Sync {
    /// Stores a session under [its server name](ClientSessionValue::server_name) and
    /// [its scope](ClientSessionValue::scope).
    fn put(&self, session: ClientSessionValue);

    /// Returns a session for this server and scope.
    ///
    /// TLS 1.3 sessions must be removed: reused tickets are linkable (RFC 9846 Appendix C.4). TLS
    /// 1.2 sessions may be returned repeatedly.
    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue>;

    /// Returns whether sessions are stored at all. If not, the client does not invite tickets.
    /// Called once, when the storage is set. Default: `true`.
    fn keeps_sessions(&self) -> bool {
        true
    }

    /// Removes all sessions for this server and scope, of both versions, and every copy of them.
    /// [`take`](Self::take) must not return them afterwards. Does nothing if there are none.
    ///
    /// Called once for a connection that offered or received a session and failed: by a fatal
    /// alert, or before the handshake was complete (RFC 5077 §3.2, RFC 5246 §7.2.2, RFC 9846 §6.2).
    fn remove(&self, server: &ServerName<'_>, scope: &[u8; 32]);

    /// Stores the key exchange group that this server uses. Called after a handshake with a
    /// HelloRetryRequest, and when the server used another group than [`group`](Self::group)
    /// returned. It is no secret, and a lost or wrong one costs at most a round trip. Default: does
    /// nothing.
    fn put_group(&self, _server: &ServerName<'_>, _group: NamedGroup) {}

    /// Returns the group that was stored for this server last. The ClientHello then has a key share
    /// for it, whether a session is resumed or not. Default: `None`.
    fn group(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
}

/// Stores sessions in memory, for the servers that sent one last.
///
/// It holds up to 8 TLS 1.3 sessions and one TLS 1.2 session for each server and scope. A session
/// takes about 500 bytes. The server's chain is shared by all sessions of a connection. For as many
/// servers it also holds the key exchange group, if a server asked for another one than the client
/// would have sent.
///
/// A program can keep its sessions over a restart:
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, ClientSessionMemoryCache};
///
/// let sessions = Arc::new(ClientSessionMemoryCache::from_bytes(256, &std::fs::read("sessions")?)?);
/// let mut config = ClientConfig::new();
/// config.set_session_storage(Arc::clone(&sessions) as _);
/// // … connections …
/// std::fs::write("sessions", &*sessions.to_bytes())?; // secrets: readable only for the owner
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientSessionMemoryCache {
    servers: ShardedMap<Sessions>,
    /// By server name. Kept when the sessions are used up or removed.
    groups: ShardedMap<NamedGroup>,
    /// True once `groups` was used. Until then no connection searches it.
    has_groups: AtomicBool,
}

/// The sessions of one server and scope.
#[derive(Default)]
struct Sessions {
    /// Oldest first.
    tls13: VecDeque<ClientSessionValue>,
    tls12: Option<ClientSessionValue>,
}

/// TLS 1.3 sessions for each server and scope.
const PER_SERVER: usize = 8;

impl Sessions {
    fn put(&mut self, session: ClientSessionValue) {
        if session.version() != ProtocolVersion::TLS13 {
            self.tls12 = Some(session);
            return;
        }
        if self.tls13.len() >= PER_SERVER {
            self.tls13.pop_front();
        }
        self.tls13.push_back(session);
    }

    /// Removes the latest TLS 1.3 session, or else copies the TLS 1.2 session.
    fn take(&mut self) -> Option<ClientSessionValue> {
        self.tls13.pop_back().or_else(|| self.tls12.clone())
    }

    fn is_empty(&self) -> bool {
        self.tls13.is_empty() && self.tls12.is_none()
    }

    fn all(&self) -> impl Iterator<Item = &ClientSessionValue> {
        self.tls12.iter().chain(&self.tls13)
    }
}

impl ClientSessionMemoryCache {
    /// Creates a cache for at most `servers` servers. A full cache evicts the server whose latest
    /// session is the oldest.
    #[must_use]
    pub fn new(servers: usize) -> Self {
        let (servers, groups) = (ShardedMap::new(servers), ShardedMap::new(servers));
        Self { servers, groups, has_groups: AtomicBool::new(false) }
    }

    /// Returns the number of servers and scopes with sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Returns whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Encodes all sessions, for [`from_bytes`](Self::from_bytes). The bytes are secret: anyone
    /// holding them can resume the sessions.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut sessions = Vec::new();
        for shard in self.servers.shards() {
            let encoded = shard.values().flat_map(Sessions::all).map(ClientSessionValue::encode);
            sessions.extend(encoded.filter(|bytes| !bytes.is_empty()));
        }
        // Allocated once: a buffer that grows leaves copies of secrets behind.
        let length = sessions.iter().fold(MAGIC.len(), |sum, bytes| sum + 4 + bytes.len());
        let mut all = Zeroizing::new(Vec::with_capacity(length));
        all.extend_from_slice(MAGIC);
        for bytes in sessions {
            let Ok(length) = u32::try_from(bytes.len()) else { continue };
            all.extend_from_slice(&length.to_be_bytes());
            all.extend_from_slice(&bytes);
        }
        all
    }

    /// Creates a cache for at most `servers` servers, with the sessions that
    /// [`to_bytes`](Self::to_bytes) encoded. A damaged session is left out, as it costs only a full
    /// handshake.
    ///
    /// # Errors
    /// [`SessionError::Format`] if the bytes have another format, or are from another version of
    /// this library.
    pub fn from_bytes(servers: usize, bytes: &[u8]) -> Result<Self, SessionError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(SessionError::Format)?;
        let cache = Self::new(servers);
        while let Some((length, more)) = rest.split_first_chunk() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let Some((session, more)) = more.split_at_checked(length) else { break };
            if let Ok(session) = ClientSessionValue::decode(session) {
                cache.put(session);
            }
            rest = more;
        }
        Ok(cache)
    }
}

/// The first bytes of the encoding, with its version.
const MAGIC: &[u8] = b"tls sessions 1\n";

/// Scope and server name, without an allocation.
struct ServerKey {
    bytes: [u8; SCOPE + MAX_NAME],
    len: usize,
}

const SCOPE: usize = 32;
/// The longest host name. IP addresses are shorter.
const MAX_NAME: usize = 253;

impl ServerKey {
    fn of(server: &ServerName<'_>, scope: &[u8; SCOPE]) -> Self {
        let mut key = Self { bytes: [0; SCOPE + MAX_NAME], len: SCOPE };
        match server {
            ServerName::DnsName(name) => key.set(scope, name.as_ref().as_bytes()),
            other => key.set(scope, other.to_str().as_bytes()),
        }
        key
    }

    /// Host names are the same in any case.
    fn set(&mut self, scope: &[u8; SCOPE], name: &[u8]) {
        let (to, rest) = self.bytes.split_at_mut(SCOPE);
        to.copy_from_slice(scope);
        for (to, from) in rest.iter_mut().zip(name) {
            *to = from.to_ascii_lowercase();
            self.len += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl StoresClientSessions for ClientSessionMemoryCache {
    fn put(&self, session: ClientSessionValue) {
        let key = ServerKey::of(session.server_name(), session.scope());
        let key = self.servers.key(key.as_slice());
        let Some(mut shard) = self.servers.shard(&key) else { return };
        // Inserted anew, so that this server is the last one to be evicted.
        let mut sessions = shard.remove(&key).unwrap_or_default();
        sessions.put(session);
        shard.insert(&key, sessions);
    }

    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue> {
        let key = ServerKey::of(server, scope);
        let key = self.servers.key(key.as_slice());
        let mut shard = self.servers.shard(&key)?;
        let sessions = shard.get_mut(&key)?;
        let session = sessions.take();
        if sessions.is_empty() {
            shard.remove(&key);
        }
        session
    }

    fn remove(&self, server: &ServerName<'_>, scope: &[u8; 32]) {
        let key = ServerKey::of(server, scope);
        let key = self.servers.key(key.as_slice());
        // Dropped after the lock is released.
        let removed = self.servers.shard(&key).and_then(|mut shard| shard.remove(&key));
        drop(removed);
    }

    fn put_group(&self, server: &ServerName<'_>, group: NamedGroup) {
        let key = ServerKey::of(server, &[0; SCOPE]);
        let key = self.groups.key(key.as_slice());
        if let Some(mut shard) = self.groups.shard(&key) {
            self.has_groups.store(true, Ordering::Relaxed);
            shard.insert(&key, group);
        }
    }

    fn group(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        if !self.has_groups.load(Ordering::Relaxed) {
            return None;
        }
        let key = ServerKey::of(server, &[0; SCOPE]);
        let key = self.groups.key(key.as_slice());
        self.groups.shard(&key)?.get_mut(&key).copied()
    }
}

impl fmt::Debug for ClientSessionMemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessionMemoryCache").field("servers", &self.len()).finish_non_exhaustive()
    }
}

/// Stores no sessions, so that every handshake is a full one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClientSessionStorage;

impl StoresClientSessions for NoClientSessionStorage {
    fn put(&self, _: ClientSessionValue) {}

    fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}

    fn keeps_sessions(&self) -> bool {
        false
    }

    fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    use crate::{ClientConfig, ClientSession, ServerConfig, ServerSession, Session};

    /// Stores all sessions and returns none.
    #[derive(Debug, Default)]
    struct Collector(Mutex<Vec<ClientSessionValue>>);

    impl StoresClientSessions for Collector {
        fn put(&self, session: ClientSessionValue) {
            self.0.lock().unwrap().push(session);
        }

        fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
            None
        }

        fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}
    }

    /// Returns the sessions of one handshake with each of these servers: up to 20 each.
    fn sessions(names: &[&str], version: ProtocolVersion) -> Vec<ClientSessionValue> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names.clone()).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let mut server = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
        server.set_send_tls13_tickets(20);
        let collector = Arc::new(Collector::default());
        let mut client = ClientConfig::with_roots(crate::root_store_from_pem(cert.as_bytes()).unwrap());
        client.set_versions(&[version]).unwrap();
        client.set_session_storage(Arc::clone(&collector) as _);
        let (client, server) = (Arc::new(client), Arc::new(server));
        for name in names {
            let mut client = ClientSession::new(&client, name).unwrap();
            let mut server = ServerSession::new(&server);
            while client.wants_write() || server.wants_write() {
                let mut wire = Vec::new();
                while client.wants_write() {
                    client.write_tls(&mut wire).unwrap();
                }
                feed(&mut server, &wire);
                wire.clear();
                while server.wants_write() {
                    server.write_tls(&mut wire).unwrap();
                }
                feed(&mut client, &wire);
            }
        }
        std::mem::take(&mut *collector.0.lock().unwrap())
    }

    fn feed(session: &mut impl Session, mut wire: &[u8]) {
        while !wire.is_empty() {
            session.read_tls(&mut wire).unwrap();
            session.process_new_packets().unwrap();
        }
    }

    fn take(cache: &ClientSessionMemoryCache, of: &ClientSessionValue) -> Option<Vec<u8>> {
        cache.take(of.server_name(), of.scope()).map(|session| session.encode().to_vec())
    }

    #[test]
    fn tls13_sessions_are_removed_latest_first() {
        let all = sessions(&["a.test"], ProtocolVersion::TLS13);
        let cache = ClientSessionMemoryCache::new(10);
        assert_eq!(take(&cache, &all[0]), None);
        all[..3].iter().for_each(|session| cache.put(session.clone()));
        for session in all[..3].iter().rev() {
            assert_eq!(take(&cache, session), Some(session.encode().to_vec()));
        }
        assert_eq!(take(&cache, &all[0]), None);
        assert!(cache.is_empty(), "an empty entry remains");
    }

    #[test]
    fn latest_eight_sessions_of_a_server_are_stored() {
        let all = sessions(&["a.test"], ProtocolVersion::TLS13);
        let cache = ClientSessionMemoryCache::new(10);
        for session in all.iter().chain(&all) {
            cache.put(session.clone());
        }
        let kept = std::iter::from_fn(|| take(&cache, &all[0])).count();
        assert_eq!(kept, PER_SERVER);
    }

    #[test]
    fn tls12_session_stays_and_tls13_session_is_removed() {
        let (old, new) = (sessions(&["a.test"], ProtocolVersion::TLS12), sessions(&["a.test"], ProtocolVersion::TLS13));
        let cache = ClientSessionMemoryCache::new(10);
        cache.put(old[0].clone());
        for _ in 0..3 {
            assert_eq!(take(&cache, &old[0]), Some(old[0].encode().to_vec()));
        }
        // The scopes of two configurations differ, so neither finds the other's sessions.
        assert_ne!(old[0].scope(), new[0].scope());
        cache.put(new[0].clone());
        assert_eq!(take(&cache, &new[0]), Some(new[0].encode().to_vec()));
        assert_eq!(take(&cache, &new[0]), None);
    }

    #[test]
    fn later_tls12_session_replaces_the_earlier() {
        let all = sessions(&["a.test", "a.test"], ProtocolVersion::TLS12);
        assert_ne!(all[0].encode(), all[1].encode());
        let cache = ClientSessionMemoryCache::new(10);
        cache.put(all[0].clone());
        assert_eq!(take(&cache, &all[0]), Some(all[0].encode().to_vec()));
        cache.put(all[1].clone());
        assert_eq!(take(&cache, &all[0]), Some(all[1].encode().to_vec()));
    }

    #[test]
    fn removal_ends_the_sessions_of_one_server() {
        let all = sessions(&["a.test", "b.test"], ProtocolVersion::TLS12);
        let cache = ClientSessionMemoryCache::new(10);
        all.iter().for_each(|session| cache.put(session.clone()));
        cache.remove(all[0].server_name(), all[0].scope());
        assert_eq!(take(&cache, &all[0]), None);
        assert!(take(&cache, &all[1]).is_some(), "another server's session is gone");
        // Removing nothing does nothing.
        cache.remove(all[0].server_name(), all[0].scope());
    }

    #[test]
    fn removal_ends_every_ticket_of_tls13() {
        let all = sessions(&["a.test"], ProtocolVersion::TLS13);
        let cache = ClientSessionMemoryCache::new(10);
        all.iter().for_each(|session| cache.put(session.clone()));
        cache.remove(all[0].server_name(), all[0].scope());
        assert!(cache.is_empty());
    }

    #[test]
    fn server_with_the_oldest_session_is_evicted() {
        let all = sessions(&["a.test", "b.test", "c.test"], ProtocolVersion::TLS12);
        let cache = ClientSessionMemoryCache::new(2);
        for at in [0, 1, 0, 2] {
            cache.put(all[at].clone());
        }
        assert_eq!(cache.len(), 2);
        assert!(take(&cache, &all[0]).is_some() && take(&cache, &all[1]).is_none() && take(&cache, &all[2]).is_some());
    }

    #[test]
    fn cache_survives_a_round_trip_through_bytes() {
        let mut all = sessions(&["a.test", "b.test"], ProtocolVersion::TLS13);
        all.extend(sessions(&["a.test", "b.test"], ProtocolVersion::TLS12));
        let cache = ClientSessionMemoryCache::new(10);
        all.iter().for_each(|session| cache.put(session.clone()));
        let bytes = cache.to_bytes();
        let again = ClientSessionMemoryCache::from_bytes(10, &bytes).unwrap();
        assert_eq!(again.to_bytes(), bytes);
        for session in &all {
            assert_eq!(take(&again, session), take(&cache, session));
        }
        let debug = format!("{again:?}");
        assert!(debug.starts_with("ClientSessionMemoryCache { servers: "), "{debug}");
    }

    #[test]
    fn damaged_bytes_lose_only_their_own_sessions() {
        let all = sessions(&["a.test", "b.test"], ProtocolVersion::TLS12);
        let cache = ClientSessionMemoryCache::new(10);
        all.iter().for_each(|session| cache.put(session.clone()));
        let bytes = cache.to_bytes();
        for length in 0..bytes.len() {
            match ClientSessionMemoryCache::from_bytes(10, &bytes[..length]) {
                Ok(read) => assert!(length >= MAGIC.len() && read.len() < 2),
                Err(e) => assert!(length < MAGIC.len() && e == SessionError::Format),
            }
        }
        // The first session is damaged, the second intact.
        let mut damaged = bytes.to_vec();
        damaged[MAGIC.len() + 4] ^= 0xff;
        assert_eq!(ClientSessionMemoryCache::from_bytes(10, &damaged).unwrap().len(), 1);
        assert!(ClientSessionMemoryCache::from_bytes(10, b"something else").is_err());
    }
}
