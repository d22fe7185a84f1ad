//! Ticket keys: their age, rotation and deletion. `Ticketer` rotates them when a rotation is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use tls_crypto::{Backend, TicketKey};

use super::ticketer::TicketerError;
use crate::config::clock::TimeProvider;
use crate::sync::read_mostly::COPIES;

/// The keys of one moment, replaced as a whole.
pub(super) struct Keys {
    pub(super) current: TimedKey,
    /// Latest first.
    pub(super) former: Vec<TimedKey>,
}

/// A key and when it was made.
#[derive(Clone)]
pub(super) struct TimedKey {
    pub(super) key: Arc<CountedKey>,
    pub(super) made: Timestamp,
}

/// A key and how many tickets it encrypted, counted for each thread slot.
pub(super) struct CountedKey {
    pub(super) key: TicketKey,
    pub(super) sealed: [Count; COPIES],
}

/// The time by two clocks, in seconds: since 1970, and since the ticketer was made.
#[derive(Clone, Copy, Default)]
pub(super) struct Timestamp {
    pub(super) clock: Option<u64>,
    pub(super) monotonic: Option<u64>,
}

#[derive(Default)]
#[repr(align(128))]
pub(super) struct Count(pub(super) AtomicU32);

impl Keys {
    pub(super) fn from_fleet(
        backend: Backend,
        current: &[u8; 48],
        previous: &[[u8; 48]],
        now: Timestamp,
    ) -> Result<Self, TicketerError> {
        if previous.len() > MAX_FORMER {
            return Err(TicketerError::TooManyKeys { got: previous.len(), limit: MAX_FORMER });
        }
        let all = || std::iter::once(current).chain(previous);
        for (at, key) in all().enumerate() {
            // CVE-2020-13777: anyone can decrypt the tickets of an all-zero key.
            let (name, secret) = key.split_at(TicketKey::NAME_LEN);
            if secret.iter().all(|byte| *byte == 0) {
                return Err(TicketerError::ZeroKey);
            }
            if all().take(at).any(|before| before.starts_with(name)) {
                return Err(TicketerError::RepeatedKey);
            }
        }
        let mut former = Vec::new();
        for key in previous {
            former.push(TimedKey::new(TicketKey::from_bytes(backend, key)?, now));
        }
        Ok(Self { current: TimedKey::new(TicketKey::from_bytes(backend, current)?, now), former })
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.current.age(now) >= ROTATION || self.former.iter().any(|former| former.age(now) >= DELETED)
    }

    /// Returns the keys after a rotation. `None` if another thread has just rotated them, or if
    /// randomness fails.
    pub(super) fn next(&self, backend: Backend, now: Timestamp, exhausted: bool) -> Option<Self> {
        let mut former = self.former.clone();
        let rotates = self.current.age(now) >= ROTATION || (exhausted && self.current.key.is_exhausted());
        if rotates {
            former.insert(0, self.current.clone());
        }
        former.retain(|timed| timed.age(now) < DELETED);
        if rotates {
            former.truncate(MAX_FORMER);
            return Some(Self { current: TimedKey::new(TicketKey::generate(backend).ok()?, now), former });
        }
        (former.len() < self.former.len()).then(|| Self { current: self.current.clone(), former })
    }
}

impl TimedKey {
    pub(super) fn new(key: TicketKey, made: Timestamp) -> Self {
        Self { key: Arc::new(CountedKey { key, sealed: Default::default() }), made }
    }

    /// Returns the age in seconds: the larger of both clocks. A wall clock that was set back counts
    /// like one that was set ahead.
    fn age(&self, now: Timestamp) -> u64 {
        let by_clock = match (now.clock, self.made.clock) {
            (Some(now), Some(made)) => now.abs_diff(made),
            // The age is unknown, so it encrypts no more tickets.
            (Some(_), None) => ROTATION,
            (None, _) => 0,
        };
        let monotonic = now.monotonic.zip(self.made.monotonic).map_or(0, |(now, made)| now.saturating_sub(made));
        by_clock.max(monotonic)
    }
}

impl CountedKey {
    fn is_exhausted(&self) -> bool {
        self.sealed.iter().any(|count| count.0.load(Ordering::Relaxed) >= MAX_TICKETS)
    }
}

impl Timestamp {
    pub(super) fn now(clock: &dyn TimeProvider, start: Option<Instant>) -> Self {
        let monotonic = start.map(|start| start.elapsed().as_secs());
        Self { clock: clock.now().map(|now| now.as_secs()), monotonic }
    }
}

/// Returns the current monotonic time, or `None` on targets where reading it would panic.
pub(super) fn monotonic_clock() -> Option<Instant> {
    (!cfg!(all(target_family = "wasm", target_os = "unknown"))).then(Instant::now)
}

/// The time during which a key encrypts tickets, in seconds.
pub(super) const ROTATION: u64 = 6 * 60 * 60;
/// The age at which a key is deleted, in seconds: its last ticket has expired.
const DELETED: u64 = 18 * 60 * 60;
/// Former keys that still decrypt: two if keys rotate by age, more if they are exhausted sooner.
pub(super) const MAX_FORMER: usize = 8;
/// Tickets of a key for each thread slot, 2^31 in all. The probability that two random nonces
/// collide is then 2^-35.
pub(super) const MAX_TICKETS: u32 = 1 << 28;

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a key at the first time and uses it at the others. Returns whether it still encrypts,
    /// and whether it decrypts.
    fn outcome(times: impl IntoIterator<Item = Timestamp>) -> (bool, bool) {
        let mut times = times.into_iter();
        let first = TimedKey::new(TicketKey::generate(Backend::ring()).unwrap(), times.next().unwrap());
        let mut keys = Keys { current: first.clone(), former: Vec::new() };
        for now in times {
            if keys.is_due(now) {
                keys = keys.next(Backend::ring(), now, false).unwrap();
            }
        }
        let is_first = |timed: &TimedKey| Arc::ptr_eq(&timed.key, &first.key);
        (is_first(&keys.current), is_first(&keys.current) || keys.former.iter().any(is_first))
    }

    #[test]
    fn wall_clock_cannot_extend_the_life_of_a_key() {
        const HOUR: u64 = 60 * 60;
        type ByHour = fn(u64) -> Option<u64>;
        let clocks: [(&str, ByHour); 4] = [
            ("none", |_| None),
            ("stopped", |_| Some(1_000_000)),
            ("back and forth", |hour| Some(1_000_000 + hour % 2 * 5 * HOUR)),
            ("backwards", |hour| Some(1_000_000 - hour)),
        ];
        for (name, clock) in clocks {
            let time = |hour| Timestamp { clock: clock(hour), monotonic: Some(hour * HOUR) };
            let until = |hours| outcome((0..=hours).map(time));
            assert_eq!(until(5), (true, true), "{name}");
            assert_eq!(until(6), (false, true), "{name}");
            assert_eq!(until(17), (false, true), "{name}");
            assert_eq!(until(18), (false, false), "{name}");
        }
    }
}
