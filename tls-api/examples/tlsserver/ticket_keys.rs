//! The keys of tickets that a fleet shares, in its Redis.
//!
//! ```text
//! tls:ticket-key:N = 48 random bytes, made by whichever server comes first, a period ahead; N = time / rotation
//! ```
//!
//! Each server seals with the key of the present period. It opens with the two before it as well, and with the next one: another
//! server may be the first to begin a period. So they need no leader, and of a key nothing is left three periods after it was used
//! last.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strata_tls::Ticketer;
use tls_crypto::{SecureRandom, SystemRandom};

use crate::options::{Context, Failure};
use crate::redis_store::Redis;

/// 48 random bytes: a name and a key.
type Key = [u8; 48];

/// A ticketer whose keys follow those in the Redis. As long as that cannot be reached it has the keys that it had, or one of its
/// own: its tickets are good here then, and cost a full handshake elsewhere.
pub(crate) fn shared(redis: Redis, rotation: u64) -> Result<Arc<Ticketer>, Failure> {
    let (current, previous) = match fetch(&redis, rotation) {
        Some(keys) => keys,
        None => (random().context("the first key of tickets")?, Vec::new()),
    };
    let ticketer = Arc::new(Ticketer::from_keys(&current, &previous).context("the keys of tickets")?);
    let updated = Arc::clone(&ticketer);
    std::thread::spawn(move || {
        let mut known = (current, previous);
        loop {
            // Often enough to begin a period in time, and to find a Redis that is back.
            std::thread::sleep(Duration::from_millis((rotation * 100).clamp(100, 5000)));
            if let Some(keys) = fetch(&redis, rotation).filter(|keys| *keys != known) {
                // They are fewer than the limit.
                let _ = updated.update(&keys.0, &keys.1);
                known = keys;
            }
        }
    });
    Ok(ticketer)
}

/// The key to seal with, and those to open with as well.
fn fetch(redis: &Redis, rotation: u64) -> Option<(Key, Vec<Key>)> {
    let period = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() / rotation;
    let name = |period: u64| format!("tls:ticket-key:{period}");
    for (period, lifetime) in [(period, 3 * rotation), (period + 1, 4 * rotation)] {
        // NX: if there is one already, it stays.
        let mut set = redis::cmd("SET");
        set.arg(name(period)).arg(&random().ok()?).arg("NX").arg("EX").arg(lifetime);
        redis.ask::<Option<String>>(&set)?;
    }
    let periods = [period, period + 1, period.saturating_sub(1), period.saturating_sub(2)];
    let found: Vec<Option<Vec<u8>>> = redis.ask(redis::cmd("MGET").arg(&periods.map(name)))?;
    let mut keys = found.into_iter().map(|key| key?.try_into().ok());
    let current = keys.next()??;
    Some((current, keys.flatten().collect()))
}

fn random() -> Result<Key, tls_crypto::Error> {
    let mut key = [0; 48];
    SystemRandom.fill(&mut key)?;
    Ok(key)
}
