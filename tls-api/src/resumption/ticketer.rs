//! Sealing a server's sessions, for its clients to keep.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLockReadGuard};
use std::time::Instant;

use tls_crypto::TicketKey;
use zeroize::Zeroizing;

use super::ticket_keys::{Keys, MAX_TICKETS, TimedKey, Timestamp, steady_clock};
use crate::config::time::{SystemClock, TimeProvider};
use crate::sync::read_mostly::ReadMostly;

/// Turns a server's sessions into tickets, and back.
///
/// Whoever can open tickets can resume every session in them. The calls are made during handshakes, by all threads.
pub trait ProducesTickets: fmt::Debug + Send + Sync {
    /// Whether there are tickets at all. Asked once, when a configuration is given the producer.
    fn enabled(&self) -> bool {
        true
    }

    /// How long a ticket is good, in seconds. Asked once, when a configuration is given the producer.
    fn lifetime(&self) -> u32;

    /// Seals a session; `None` if that cannot be, so that the client gets no ticket.
    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>>;

    /// The session in a ticket that was sealed here, or on a machine with the same keys; `None` for anything else, which costs
    /// the client a full handshake.
    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// Seals tickets with ChaCha20-Poly1305, under keys that it changes by itself, or that a fleet gives it.
///
/// By itself it begins with a random key and replaces it every 6 hours, when it is used next after that time, or after
/// 2^31 tickets at most. Former keys, up to 8, still open tickets, so that these are good for 12 hours at least (where keys are worn out within less
/// than an hour and a half, for as long as eight of them last). When a key is 18 hours old the next use
/// forgets it, and what it sealed is out of reach for everybody. That matters for TLS 1.2: whoever has the ticket's key can read a
/// recorded connection that went on from it.
///
/// Hours are counted by the clock that it was given and by the machine's steady one
/// ([`Instant`](std::time::Instant), except where there is none: wasm32-unknown-unknown); whichever says more counts, and a clock that was
/// set back by some hours counts like one that went on. So a clock that is not known, stands still, or goes back again and again keeps no
/// key for longer, and one that leaps far ahead costs full handshakes. A key from a time when the clock was not known is replaced
/// once it is.
///
/// Threads do not wait for each other, nor for a change of keys. While keys change, some threads still go by the old ones, for microseconds:
/// a ticket of the new key that came back to one of them in that time would cost a full handshake.
///
/// It takes about 3 KiB, and 1.2 KiB for each former key.
///
/// ```
/// use strata_tls::{ProducesTickets, Ticketer};
///
/// let ticketer = Ticketer::new()?;
/// let ticket = ticketer.encrypt(b"session").unwrap();
/// assert_eq!(ticketer.decrypt(&ticket).unwrap().as_slice(), b"session");
///
/// // Machines that serve one name: the first key seals, all of them open.
/// let (key, next) = ([1; 48], [2; 48]); // 48 random bytes, in truth
/// let (one, other) = (Ticketer::from_keys(&key, &[])?, Ticketer::from_keys(&key, &[])?);
/// assert!(other.decrypt(&one.encrypt(b"session").unwrap()).is_some());
/// one.update(&next, &[key])?; // while connections are served
/// # Ok::<(), strata_tls::TicketerError>(())
/// ```
pub struct Ticketer {
    keys: ReadMostly<Keys>,
    /// `None` if the keys are given.
    clock: Option<Arc<dyn TimeProvider>>,
    /// What the steady clock counts from.
    start: Option<Instant>,
}

/// How long a ticket is good: as long as its key is sure to be there.
const LIFETIME: u32 = 12 * 60 * 60;
impl Ticketer {
    /// With random keys, from the first moment on.
    ///
    /// # Errors
    /// [`TicketerError::Random`].
    pub fn new() -> Result<Self, TicketerError> {
        Self::with_time_provider(Arc::new(SystemClock))
    }

    /// The same, by another clock than the system's.
    ///
    /// # Errors
    /// [`TicketerError::Random`].
    pub fn with_time_provider(clock: Arc<dyn TimeProvider>) -> Result<Self, TicketerError> {
        let start = steady_clock();
        let now = Timestamp::now(&*clock, start);
        let keys = Keys { current: TimedKey::new(TicketKey::generate()?, now), former: Vec::new() };
        Ok(Self { keys: ReadMostly::new(keys), clock: Some(clock), start })
    }

    /// With keys that machines share, each of 48 random bytes: the first 16 are its name, which goes over the wire. `current` seals;
    /// all of them open. They stay until [`update`](Self::update).
    ///
    /// # Errors
    /// [`TicketerError::TooManyKeys`] for more than 8 previous ones, [`TicketerError::ZeroKey`],
    /// [`TicketerError::RepeatedKey`].
    pub fn from_keys(current: &[u8; 48], previous: &[[u8; 48]]) -> Result<Self, TicketerError> {
        let keys = Keys::given(current, previous, Timestamp::default())?;
        Ok(Self { keys: ReadMostly::new(keys), clock: None, start: None })
    }

    /// Replaces the keys, while connections go on: they see the old ones or the new. A ticketer that changed its keys by itself goes on
    /// to do so, from these.
    ///
    /// # Errors
    /// As for [`from_keys`](Self::from_keys), and nothing changes.
    pub fn update(&self, current: &[u8; 48], previous: &[[u8; 48]]) -> Result<(), TicketerError> {
        let now = self.clock.as_deref().map(|clock| Timestamp::now(clock, self.start)).unwrap_or_default();
        self.keys.replace(Keys::given(current, previous, now)?);
        Ok(())
    }

    /// The keys, changed first if they have been there for long enough. One thread does that; the others go on with the keys that there are.
    fn keys(&self) -> (usize, RwLockReadGuard<'_, Arc<Keys>>) {
        let Some(clock) = self.clock.as_deref() else { return self.keys.read() };
        let now = Timestamp::now(clock, self.start);
        let present = self.keys.read();
        if !present.1.is_due(now) {
            return present;
        }
        drop(present);
        self.change(now, false);
        self.keys.read()
    }

    fn change(&self, now: Timestamp, worn: bool) {
        // Without randomness the old key is better than none: nobody is refused, and it is tried again with the next ticket.
        self.keys.try_replace(|keys| keys.next(now, worn));
    }
}

impl ProducesTickets for Ticketer {
    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        let (copy, keys) = self.keys();
        let current = &keys.current.key;
        let sealed = current.sealed.get(copy)?.0.fetch_add(1, Ordering::Relaxed);
        let ticket = current.key.seal(session).ok();
        drop(keys);
        if let Some(clock) = self.clock.as_deref().filter(|_| sealed >= MAX_TICKETS) {
            self.change(Timestamp::now(clock, self.start), true);
        }
        ticket
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (_, keys) = self.keys();
        // Each looks at the name first: no key is tried on another one's ticket.
        std::iter::once(&keys.current).chain(&keys.former).find_map(|aged| aged.key.key.open(ticket))
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticketer").field("former_keys", &self.keys.read().1.former.len()).finish_non_exhaustive()
    }
}

/// Why there is no ticketer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketerError {
    /// The operating system gives no random bytes.
    Random,
    /// More previous keys were given than are looked at.
    TooManyKeys {
        /// Keys given.
        got: usize,
        /// Keys at most.
        limit: usize,
    },
    /// A key is all zeros behind its name.
    ZeroKey,
    /// Two keys have the same name, which is their first 16 bytes.
    RepeatedKey,
}

impl fmt::Display for TicketerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("the operating system gives no random bytes for the keys of tickets"),
            Self::TooManyKeys { got, limit } => {
                write!(f, "{got} previous keys for tickets were given; the limit is {limit}")
            }
            Self::ZeroKey => f.write_str("a ticket key is all zeros: draw 48 random bytes"),
            Self::RepeatedKey => {
                f.write_str("two ticket keys begin with the same 16 bytes, which name them: draw each at random")
            }
        }
    }
}

impl std::error::Error for TicketerError {}

impl From<tls_crypto::Error> for TicketerError {
    fn from(_: tls_crypto::Error) -> Self {
        Self::Random
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, AtomicU64};
    use std::time::Duration;

    use pki_types::UnixTime;

    use super::super::ticket_keys::{MAX_FORMER, ROTATION};

    #[derive(Debug, Default)]
    struct Clock(AtomicU64);

    impl TimeProvider for Clock {
        fn now(&self) -> Option<UnixTime> {
            let seconds = self.0.load(Ordering::Relaxed);
            (seconds > 0).then(|| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        }
    }

    fn with_clock() -> (Arc<Clock>, Ticketer) {
        let clock = Arc::new(Clock(AtomicU64::new(1_000_000)));
        (Arc::clone(&clock), Ticketer::with_time_provider(clock).unwrap())
    }

    #[test]
    fn keys_of_two_ticketers_differ_from_the_first_moment() {
        // CVE-2020-13777: GnuTLS sealed with a key of zeros until its first rotation.
        let (one, other) = (Ticketer::new().unwrap(), Ticketer::new().unwrap());
        let ticket = one.encrypt(b"session").unwrap();
        assert!(one.decrypt(&ticket).is_some());
        assert_eq!(other.decrypt(&ticket), None);
        assert_ne!(ticket[..16], other.encrypt(b"session").unwrap()[..16]);
    }

    #[test]
    fn zero_and_repeated_keys_are_rejected() {
        let key = |byte| [byte; 48];
        let zeros = |name: u8| {
            let mut key = [0; 48];
            key[..16].fill(name);
            key
        };
        let same_name = |secret: u8| {
            let mut key = [9; 48];
            key[47] = secret;
            key
        };
        let ticketer = Ticketer::from_keys(&key(1), &[key(2)]).unwrap();
        for (current, previous, e) in [
            (zeros(0), vec![], TicketerError::ZeroKey),
            (zeros(7), vec![], TicketerError::ZeroKey),
            (key(1), vec![zeros(0)], TicketerError::ZeroKey),
            (key(1), vec![key(1)], TicketerError::RepeatedKey),
            (key(1), vec![key(2), key(2)], TicketerError::RepeatedKey),
            (same_name(1), vec![key(2), same_name(2)], TicketerError::RepeatedKey),
        ] {
            assert_eq!(Ticketer::from_keys(&current, &previous).err(), Some(e));
            assert_eq!(ticketer.update(&current, &previous), Err(e));
        }
        // Its keys are what they were.
        assert_eq!(ticketer.encrypt(b"session").unwrap()[..16], [1; 16]);
    }

    #[test]
    fn a_ticket_is_good_for_twelve_hours_and_its_key_is_gone_after_eighteen() {
        for (after, good) in [(0, true), (1, true), (2, true), (3, false), (4, false)] {
            let (clock, ticketer) = with_clock();
            let ticket = ticketer.encrypt(b"session").unwrap();
            for _ in 0..after {
                clock.0.fetch_add(ROTATION, Ordering::Relaxed);
                let _ = ticketer.encrypt(b"another");
            }
            assert_eq!(ticketer.decrypt(&ticket).is_some(), good, "after {after} rotations");
        }
    }

    #[test]
    fn a_key_that_nobody_used_for_long_does_not_come_back() {
        for (after, good) in [(2 * ROTATION, true), (3 * ROTATION, false), (100 * ROTATION, false)] {
            let (clock, ticketer) = with_clock();
            let ticket = ticketer.encrypt(b"session").unwrap();
            clock.0.fetch_add(after, Ordering::Relaxed);
            assert_eq!(ticketer.decrypt(&ticket).is_some(), good, "after {after} s");
        }
    }

    #[test]
    fn a_key_is_forgotten_at_eighteen_hours_however_late_each_change_came() {
        let (clock, ticketer) = with_clock();
        let ticket = ticketer.encrypt(b"session").unwrap();
        clock.0.fetch_add(2 * ROTATION - 1, Ordering::Relaxed);
        assert!(ticketer.decrypt(&ticket).is_some(), "after 11:59:59");
        let second = ticketer.encrypt(b"session").unwrap();
        assert_ne!(ticket[..16], second[..16]);
        clock.0.fetch_add(ROTATION, Ordering::Relaxed);
        assert!(ticketer.decrypt(&ticket).is_some(), "after 17:59:59");
        let third = ticketer.encrypt(b"session").unwrap();
        clock.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(ticketer.decrypt(&ticket), None, "after 18:00:00");
        // That one went alone.
        assert!(ticketer.decrypt(&second).is_some());
        assert_eq!(third[..16], ticketer.encrypt(b"session").unwrap()[..16]);
    }

    #[test]
    fn a_clock_that_stops_or_goes_back_harms_nobody() {
        let (clock, ticketer) = with_clock();
        let ticket = ticketer.encrypt(b"session").unwrap();
        clock.0.store(0, Ordering::Relaxed);
        assert!(ticketer.decrypt(&ticket).is_some(), "without a clock the keys stay");
        // Set back far: the key is replaced rather than kept for years.
        clock.0.store(1, Ordering::Relaxed);
        let later = ticketer.encrypt(b"session").unwrap();
        assert_ne!(ticket[..16], later[..16]);
        assert!(ticketer.decrypt(&later).is_some());
    }

    #[test]
    fn a_key_from_before_the_clock_was_known_is_replaced_and_still_opens() {
        let clock = Arc::new(Clock::default());
        let ticketer = Ticketer::with_time_provider(Arc::clone(&clock) as _).unwrap();
        let before = ticketer.encrypt(b"session").unwrap();
        assert_eq!(before[..16], ticketer.encrypt(b"session").unwrap()[..16]);
        clock.0.store(1_000_000, Ordering::Relaxed);
        let after = ticketer.encrypt(b"session").unwrap();
        assert_ne!(before[..16], after[..16]);
        assert!(ticketer.decrypt(&before).is_some());
        assert_eq!(after[..16], ticketer.encrypt(b"session").unwrap()[..16]);
    }

    #[test]
    fn the_steady_clock_is_read() {
        let (_, ticketer) = with_clock();
        let made = ticketer.keys.read().1.current.made;
        assert!(made.steady.is_some() && made.clock == Some(1_000_000));
    }

    #[test]
    fn keys_that_were_given_to_a_ticketer_of_its_own_age_from_then_on() {
        let (clock, ticketer) = with_clock();
        clock.0.fetch_add(ROTATION - 1, Ordering::Relaxed);
        ticketer.update(&[1; 48], &[[2; 48]]).unwrap();
        clock.0.fetch_add(ROTATION - 1, Ordering::Relaxed);
        assert_eq!(ticketer.encrypt(b"session").unwrap()[..16], [1; 16]);
        clock.0.fetch_add(1, Ordering::Relaxed);
        assert_ne!(ticketer.encrypt(b"session").unwrap()[..16], [1; 16]);
    }

    #[test]
    fn a_worn_key_is_replaced_and_those_before_it_still_open() {
        let (_, ticketer) = with_clock();
        let mut tickets = vec![ticketer.encrypt(b"session").unwrap()];
        for _ in 0..=MAX_FORMER {
            for count in &ticketer.keys.read().1.current.key.sealed {
                count.0.store(MAX_TICKETS, Ordering::Relaxed);
            }
            let _ = ticketer.encrypt(b"the last");
            tickets.push(ticketer.encrypt(b"session").unwrap());
            assert_ne!(tickets[tickets.len() - 1][..16], tickets[tickets.len() - 2][..16]);
        }
        // All were sealed within the same hour.
        let (oldest, rest) = tickets.split_first().unwrap();
        assert_eq!(ticketer.decrypt(oldest), None);
        assert!(rest.iter().all(|ticket| ticketer.decrypt(ticket).is_some()));
    }

    #[test]
    fn given_keys_open_what_any_of_them_sealed_and_change_when_they_are_told_to() {
        let key = |byte| [byte; 48];
        let ticketer = Ticketer::from_keys(&key(1), &[]).unwrap();
        let first = ticketer.encrypt(b"first").unwrap();
        ticketer.update(&key(2), &[key(1)]).unwrap();
        let second = ticketer.encrypt(b"second").unwrap();
        assert_eq!(ticketer.decrypt(&first).unwrap().as_slice(), b"first");
        let other = Ticketer::from_keys(&key(3), &[key(2), key(1)]).unwrap();
        assert_eq!(other.decrypt(&second).unwrap().as_slice(), b"second");
        ticketer.update(&key(3), &[key(2)]).unwrap();
        assert_eq!(ticketer.decrypt(&first), None);
        let many = [key(9); MAX_FORMER + 1];
        assert_eq!(ticketer.update(&key(9), &many), Err(TicketerError::TooManyKeys { got: 9, limit: 8 }));
        assert!(ticketer.decrypt(&second).is_some(), "a refused update changed something");
    }

    #[test]
    fn altered_and_truncated_tickets_are_refused() {
        let ticketer = Ticketer::new().unwrap();
        let ticket = ticketer.encrypt(b"session").unwrap();
        for at in 0..ticket.len() {
            let mut altered = ticket.clone();
            altered[at] ^= 1;
            assert_eq!(ticketer.decrypt(&altered), None, "byte {at}");
            assert_eq!(ticketer.decrypt(&ticket[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn tickets_are_sealed_and_opened_while_keys_change() {
        const LAST: u32 = 4000;
        let key = |n: u32| {
            let mut key = [7; 48];
            key[..4].copy_from_slice(&n.to_be_bytes());
            key
        };
        let previous =
            |n: u32| std::array::from_fn::<_, MAX_FORMER, _>(|back| key(n - 1 - u32::try_from(back).unwrap()));
        let ticketer = Ticketer::from_keys(&key(8), &previous(8)).unwrap();
        let (begun, done) = (AtomicU32::new(8), AtomicU32::new(8));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let oldest = done.load(Ordering::SeqCst);
                        let ticket = ticketer.encrypt(b"session").unwrap();
                        let name = u32::from_be_bytes(*ticket.first_chunk().unwrap());
                        let newest = begun.load(Ordering::SeqCst);
                        assert!((oldest..=newest).contains(&name), "{name} between {oldest} and {newest}");
                        let opened = ticketer.decrypt(&ticket);
                        // Unless so many changes came in between that the key is none of the previous ones any more.
                        let forgotten = begun.load(Ordering::SeqCst) > name + 8;
                        assert!(forgotten || opened.is_some_and(|session| **session == *b"session"), "{name}");
                        if oldest == LAST {
                            break;
                        }
                    }
                });
            }
            for n in 9..=LAST {
                let ticket = ticketer.encrypt(b"session").unwrap();
                begun.store(n, Ordering::SeqCst);
                ticketer.update(&key(n), &previous(n)).unwrap();
                done.store(n, Ordering::SeqCst);
                assert!(ticketer.decrypt(&ticket).is_some(), "a ticket of the previous key");
            }
        });
    }

    #[test]
    fn threads_that_find_the_key_too_old_change_it_once() {
        let (clock, ticketer) = with_clock();
        let before = ticketer.encrypt(b"session").unwrap();
        clock.0.fetch_add(ROTATION, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| assert!(ticketer.decrypt(&before).is_some())));
            }
        });
        assert_eq!(ticketer.keys.read().1.former.len(), 1);
    }

    #[test]
    fn debug_shows_no_key() {
        let ticketer = Ticketer::from_keys(&[b'k'; 48], &[[b'o'; 48]]).unwrap();
        assert_eq!(format!("{ticketer:?}"), "Ticketer { former_keys: 1, .. }");
    }
}
