//! Ticket keys in a Redis. A thread fetches them, and one member of the fleet rotates them.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tls_crypto::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::pool::Redis;
use crate::config::clock::{SystemClock, TimeProvider};
use crate::resumption::{ProducesTickets, Ticketer, TicketerError};

/// 48 random bytes: a key name and a key.
type Key = Zeroizing<[u8; 48]>;

/// The longest time between rotations, in seconds: a ticket works for twice as long, and may not
/// work for longer than 7 days (RFC 9846 §4.6.1).
const MAX_ROTATION: u32 = 7 * 24 * 60 * 60 / 2;

/// Encrypts sessions into tickets, under keys that all servers of a fleet share in one Redis.
///
/// ```text
/// tls:ticket-key:N = 48 random bytes; N = seconds since 1970 / rotation
/// ```
///
/// The first server that needs a key creates it, one period ahead. Each server encrypts tickets
/// with the key of the current period. It decrypts also with the keys of the two previous periods
/// and of the next one, which another server's clock may already have reached. So the servers need
/// no leader. A ticket works for at least two periods. A key expires three periods after its first
/// use; afterwards its tickets cannot be decrypted.
///
/// A thread follows the keys. It ends when the value is dropped. While the Redis is unreachable,
/// the last keys stay in use, or a random key if there are none. Other servers reject tickets under
/// that key, which costs a full handshake.
pub struct RedisTicketKeys {
    ticketer: Arc<Ticketer>,
    /// Ends the thread when it is dropped.
    _running: Sender<()>,
    rotation: u32,
}

impl RedisTicketKeys {
    /// Fetches the keys, and starts the thread that follows them. `rotation` is the time in seconds
    /// for which a key encrypts tickets: at most half of 7 days; 6 hours suit most fleets. All
    /// servers need the same.
    ///
    /// # Errors
    /// [`RedisTicketKeysError`]. A Redis that cannot be reached is no error.
    pub fn start(redis: Arc<Redis>, rotation: u32) -> Result<Self, RedisTicketKeysError> {
        if !(1..=MAX_ROTATION).contains(&rotation) {
            return Err(RedisTicketKeysError::Rotation { got: rotation, limit: MAX_ROTATION });
        }
        let mut keys = match Keys::fetch(&redis, rotation) {
            Some(keys) => keys,
            None => Keys { current: random_key()?, others: Vec::new() },
        };
        let ticketer = Arc::new(Ticketer::from_keys(&keys.current, &keys.others())?);
        let (running, stopped) = channel();
        let updated: Weak<Ticketer> = Arc::downgrade(&ticketer);
        // Often enough to start each period in time and to notice that the Redis is back.
        let pause = Duration::from_millis((u64::from(rotation) * 100).clamp(100, 5000));
        let follow = move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let Some(ticketer) = updated.upgrade() else { return };
                if let Some(latest) = Keys::fetch(&redis, rotation).filter(|latest| *latest != keys) {
                    // Fails only for unusable keys, which another program wrote. The last ones
                    // stay.
                    if let Err(e) = ticketer.update(&latest.current, &latest.others()) {
                        crate::log::warn!("redis: cannot use its ticket keys: {e}");
                    }
                    keys = latest;
                }
            }
        };
        std::thread::Builder::new().name("ticket keys".into()).spawn(follow).map_err(RedisTicketKeysError::Thread)?;
        Ok(Self { ticketer, _running: running, rotation })
    }
}

/// The keys of one moment.
#[derive(PartialEq)]
struct Keys {
    /// Encrypts tickets.
    current: Key,
    /// Decrypt tickets as well.
    others: Vec<Key>,
}

impl Keys {
    /// Fetches the keys, and creates those that are missing.
    fn fetch(redis: &Redis, rotation: u32) -> Option<Self> {
        let rotation = u64::from(rotation);
        let period = SystemClock.now()?.as_secs() / rotation;
        let name = |period: u64| redis.key("ticket-key", period.to_string().as_bytes());
        for (period, lifetime) in [(period, 3 * rotation), (period + 1, 4 * rotation)] {
            // NX keeps an existing key.
            let mut set = ::redis::cmd("SET");
            set.arg(name(period)).arg(random_key().ok()?.as_slice()).arg("NX").arg("EX").arg(lifetime);
            redis.query::<Option<String>>(&set)?;
        }
        // One at a time: in a cluster the keys are on several machines.
        let get = |period| {
            let found = redis.query::<Option<Vec<u8>>>(::redis::cmd("GET").arg(name(period)))?.map(Zeroizing::new)?;
            Some(Zeroizing::new(<[u8; 48]>::try_from(found.as_slice()).ok()?))
        };
        let current = get(period)?;
        let others = [period + 1, period.saturating_sub(1), period.saturating_sub(2)];
        Some(Self { current, others: others.into_iter().filter_map(get).collect() })
    }

    fn others(&self) -> Zeroizing<Vec<[u8; 48]>> {
        Zeroizing::new(self.others.iter().map(|key| **key).collect())
    }
}

fn random_key() -> Result<Key, TicketerError> {
    let mut key = Zeroizing::new([0; 48]);
    SystemRandom.fill(&mut *key)?;
    Ok(key)
}

impl ProducesTickets for RedisTicketKeys {
    /// Two periods: as long as the key of a ticket surely exists.
    fn lifetime(&self) -> u32 {
        2 * self.rotation
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        self.ticketer.encrypt(session)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.ticketer.decrypt(ticket)
    }
}

impl fmt::Debug for RedisTicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTicketKeys").field("rotation", &self.rotation).finish_non_exhaustive()
    }
}

/// Why [`RedisTicketKeys`] cannot be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisTicketKeysError {
    /// The time between rotations is 0 or too long.
    Rotation {
        /// The time passed, in seconds.
        got: u32,
        /// The longest time, in seconds.
        limit: u32,
    },
    /// The keys cannot be used.
    Ticketer(TicketerError),
    /// The operating system started no thread.
    Thread(std::io::Error),
}

impl fmt::Display for RedisTicketKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotation { got, limit } => {
                write!(f, "invalid time between rotations of ticket keys: got {got} s, expected 1 to {limit}")
            }
            Self::Ticketer(_) => f.write_str("cannot use the ticket keys"),
            Self::Thread(_) => f.write_str("cannot start the thread that updates ticket keys"),
        }
    }
}

impl std::error::Error for RedisTicketKeysError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rotation { .. } => None,
            Self::Ticketer(e) => Some(e),
            Self::Thread(e) => Some(e),
        }
    }
}

impl From<TicketerError> for RedisTicketKeysError {
    fn from(e: TicketerError) -> Self {
        Self::Ticketer(e)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_server::{Fault, Server};
    use super::*;

    fn start(server: &Server) -> RedisTicketKeys {
        RedisTicketKeys::start(Arc::new(server.client()), 3600).unwrap()
    }

    #[test]
    fn servers_decrypt_each_others_tickets() {
        let server = Server::default();
        let (one, other) = (start(&server), start(&server));
        let ticket = one.encrypt(b"session").unwrap();
        assert_eq!(other.decrypt(&ticket).unwrap().as_slice(), b"session");
        assert!(server.keys().len() >= 2, "the keys of this period and of the next one");
        assert_eq!(one.lifetime(), 7200);
    }

    #[test]
    fn failing_redis_leaves_a_random_key() {
        let server = Server::default();
        server.fail(Fault::Timeout, usize::MAX);
        let (one, other) = (start(&server), start(&server));
        let ticket = one.encrypt(b"session").unwrap();
        assert!(one.decrypt(&ticket).is_some() && other.decrypt(&ticket).is_none());
    }

    #[test]
    fn keys_are_replaced_at_run_time() {
        let server = Server::default();
        let keys = RedisTicketKeys::start(Arc::new(server.client()), 1).unwrap();
        // The first byte is of the key's name.
        let first = keys.encrypt(b"session").unwrap()[0];
        // A period takes a second. This ends when the thread has followed.
        while keys.encrypt(b"session").unwrap()[0] == first {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(server.keys().len() >= 3);
    }

    #[test]
    fn unusable_keys_are_an_error_at_the_start() {
        let server = Server::default();
        let now = SystemClock.now().unwrap().as_secs() / 3600;
        // The period may end meanwhile.
        for period in now..=now + 2 {
            server.set(&format!("tls:ticket-key:{period}"), &[0; 48]);
        }
        let result = RedisTicketKeys::start(Arc::new(server.client()), 3600);
        assert!(matches!(result, Err(RedisTicketKeysError::Ticketer(TicketerError::ZeroKey))));
    }

    #[test]
    fn dropped_value_ends_its_thread() {
        let server = Server::default();
        let redis = Arc::new(server.client());
        let keys = RedisTicketKeys::start(Arc::clone(&redis), 3600).unwrap();
        assert_eq!(Arc::strong_count(&redis), 2);
        drop(keys);
        while Arc::strong_count(&redis) > 1 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn rotation_is_limited() {
        for rotation in [0, MAX_ROTATION + 1] {
            let result = RedisTicketKeys::start(Arc::new(Server::default().client()), rotation);
            assert!(matches!(result, Err(RedisTicketKeysError::Rotation { got, .. }) if got == rotation));
        }
    }
}
