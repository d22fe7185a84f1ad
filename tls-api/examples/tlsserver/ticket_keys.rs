//! Ticket keys that several servers share in a Redis.
//!
//! ```text
//! tls:ticket-key:N = 48 random bytes; N = time / rotation
//! ```
//!
//! The first server that needs a key creates it, one period ahead. Each server encrypts tickets
//! with the key of the current period. It decrypts also with the keys of the two previous periods
//! and of the next one, which another server's clock may already have reached. So the servers need
//! no leader. A key expires three periods after its first use.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strata_tls::Ticketer;
use tls_crypto::{SecureRandom, SystemRandom};

use crate::options::{Context, Failure};
use crate::redis_store::Redis;

/// 48 random bytes: a key name and a key.
type Key = [u8; 48];

/// Returns a ticketer that follows the keys in the Redis. While the Redis is unreachable, it uses
/// the last keys or a key of its own. Other servers reject tickets under such a key, which costs a
/// full handshake.
pub(crate) fn shared(redis: Redis, rotation: u64) -> Result<Arc<Ticketer>, Failure> {
    let (current, previous) = match fetch(&redis, rotation) {
        Some(keys) => keys,
        None => (random().context("the first ticket key")?, Vec::new()),
    };
    let ticketer = Arc::new(Ticketer::from_keys(&current, &previous).context("the ticket keys")?);
    let updated = Arc::clone(&ticketer);
    std::thread::spawn(move || {
        let mut known = (current, previous);
        loop {
            // Often enough to start each period in time and to notice that the Redis is back.
            std::thread::sleep(Duration::from_millis((rotation * 100).clamp(100, 5000)));
            if let Some(keys) = fetch(&redis, rotation).filter(|keys| *keys != known) {
                // Does not fail: there are fewer keys than the limit.
                let _ = updated.update(&keys.0, &keys.1);
                known = keys;
            }
        }
    });
    Ok(ticketer)
}

/// Returns the key to encrypt with, and further keys to decrypt with.
fn fetch(redis: &Redis, rotation: u64) -> Option<(Key, Vec<Key>)> {
    let period = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() / rotation;
    let name = |period: u64| format!("tls:ticket-key:{period}");
    for (period, lifetime) in [(period, 3 * rotation), (period + 1, 4 * rotation)] {
        // NX keeps an existing key.
        let mut set = redis::cmd("SET");
        set.arg(name(period)).arg(&random().ok()?).arg("NX").arg("EX").arg(lifetime);
        redis.query::<Option<String>>(&set)?;
    }
    let periods = [period, period + 1, period.saturating_sub(1), period.saturating_sub(2)];
    let found: Vec<Option<Vec<u8>>> = redis.query(redis::cmd("MGET").arg(&periods.map(name)))?;
    let mut keys = found.into_iter().map(|key| key?.try_into().ok());
    let current = keys.next()??;
    Some((current, keys.flatten().collect()))
}

fn random() -> Result<Key, tls_crypto::Error> {
    let mut key = [0; 48];
    SystemRandom.fill(&mut key)?;
    Ok(key)
}
