//! The keys of tickets: which there are, how old they are, and when they go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use tls_crypto::TicketKey;

use super::ticketer::TicketerError;
use crate::config::time::TimeProvider;
use crate::sync::read_mostly::COPIES;

/// One generation: they are replaced together.
pub(super) struct Keys {
    pub(super) current: TimedKey,
    /// The latest first.
    pub(super) former: Vec<TimedKey>,
}

/// A key, and when it came to be.
#[derive(Clone)]
pub(super) struct TimedKey {
    pub(super) key: Arc<CountedKey>,
    pub(super) made: Timestamp,
}

/// A key, and how many tickets it sealed, counted where threads do not meet.
pub(super) struct CountedKey {
    pub(super) key: TicketKey,
    pub(super) sealed: [Count; COPIES],
}

/// By both clocks, in seconds: since 1970, and since the ticketer was made.
#[derive(Clone, Copy, Default)]
pub(super) struct Timestamp {
    pub(super) clock: Option<u64>,
    pub(super) steady: Option<u64>,
}

#[derive(Default)]
#[repr(align(128))]
pub(super) struct Count(pub(super) AtomicU32);

impl Keys {
    pub(super) fn given(current: &[u8; 48], previous: &[[u8; 48]], now: Timestamp) -> Result<Self, TicketerError> {
        if previous.len() > MAX_FORMER {
            return Err(TicketerError::TooManyKeys { got: previous.len(), limit: MAX_FORMER });
        }
        let all = || std::iter::once(current).chain(previous);
        for (at, key) in all().enumerate() {
            // CVE-2020-13777: anyone can open what is sealed with a key of zeros. The first 16 bytes are a name.
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
            former.push(TimedKey::new(TicketKey::from_bytes(key)?, now));
        }
        Ok(Self { current: TimedKey::new(TicketKey::from_bytes(current)?, now), former })
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.current.age(now) >= ROTATION || self.former.iter().any(|former| former.age(now) >= FORGOTTEN)
    }

    /// The next generation; none if another thread has just made it, or there is no randomness.
    pub(super) fn next(&self, now: Timestamp, worn: bool) -> Option<Self> {
        let mut former = self.former.clone();
        let rotates = self.current.age(now) >= ROTATION || (worn && self.current.key.is_exhausted());
        if rotates {
            former.insert(0, self.current.clone());
        }
        former.retain(|aged| aged.age(now) < FORGOTTEN);
        if rotates {
            former.truncate(MAX_FORMER);
            return Some(Self { current: TimedKey::new(TicketKey::generate().ok()?, now), former });
        }
        (former.len() < self.former.len()).then(|| Self { current: self.current.clone(), former })
    }
}

impl TimedKey {
    pub(super) fn new(key: TicketKey, made: Timestamp) -> Self {
        Self { key: Arc::new(CountedKey { key, sealed: Default::default() }), made }
    }

    /// In seconds, by the clock that says more. A clock that was set back counts as much as one that goes on.
    fn age(&self, now: Timestamp) -> u64 {
        let by_clock = match (now.clock, self.made.clock) {
            (Some(now), Some(made)) => now.abs_diff(made),
            // It is not known how old it is: it seals no more, and goes as others come.
            (Some(_), None) => ROTATION,
            (None, _) => 0,
        };
        let steady = now.steady.zip(self.made.steady).map_or(0, |(now, made)| now.saturating_sub(made));
        by_clock.max(steady)
    }
}

impl CountedKey {
    fn is_exhausted(&self) -> bool {
        self.sealed.iter().any(|count| count.0.load(Ordering::Relaxed) >= MAX_TICKETS)
    }
}

impl Timestamp {
    pub(super) fn now(clock: &dyn TimeProvider, start: Option<Instant>) -> Self {
        let steady = start.map(|start| start.elapsed().as_secs());
        Self { clock: clock.now().map(|now| now.as_secs()), steady }
    }
}

/// Where it is missing, asking for it would panic.
pub(super) fn steady_clock() -> Option<Instant> {
    (!cfg!(all(target_family = "wasm", target_os = "unknown"))).then(Instant::now)
}

/// How long a key seals tickets, in seconds.
pub(super) const ROTATION: u64 = 6 * 60 * 60;
/// The age at which a key is forgotten, in seconds: its last ticket has ended.
const FORGOTTEN: u64 = 18 * 60 * 60;
/// Former keys that still open tickets: those of the last hours by age, two where keys change for that alone, and more where they are worn sooner.
pub(super) const MAX_FORMER: usize = 8;
/// Tickets per key that are counted in one place: in all 2^31, where two nonces are the same with a probability of 2^-35.
pub(super) const MAX_TICKETS: u32 = 1 << 28;

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a key that all of these moments find, the first of which made it: whether it still seals, whether it opens.
    fn fate(moments: impl IntoIterator<Item = Timestamp>) -> (bool, bool) {
        let mut moments = moments.into_iter();
        let first = TimedKey::new(TicketKey::generate().unwrap(), moments.next().unwrap());
        let mut keys = Keys { current: first.clone(), former: Vec::new() };
        for now in moments {
            if keys.is_due(now) {
                keys = keys.next(now, false).unwrap();
            }
        }
        let is_first = |aged: &TimedKey| Arc::ptr_eq(&aged.key, &first.key);
        (is_first(&keys.current), is_first(&keys.current) || keys.former.iter().any(is_first))
    }

    #[test]
    fn no_clock_keeps_a_key_for_longer_than_the_steady_one_allows() {
        const HOUR: u64 = 60 * 60;
        type ByHour = fn(u64) -> Option<u64>;
        let clocks: [(&str, ByHour); 4] = [
            ("none", |_| None),
            ("standing", |_| Some(1_000_000)),
            ("back and forth", |hour| Some(1_000_000 + hour % 2 * 5 * HOUR)),
            ("backwards", |hour| Some(1_000_000 - hour)),
        ];
        for (name, clock) in clocks {
            let until =
                |hours| fate((0..=hours).map(|hour| Timestamp { clock: clock(hour), steady: Some(hour * HOUR) }));
            assert_eq!(until(5), (true, true), "{name}");
            assert_eq!(until(6), (false, true), "{name}");
            assert_eq!(until(17), (false, true), "{name}");
            assert_eq!(until(18), (false, false), "{name}");
        }
    }
}
