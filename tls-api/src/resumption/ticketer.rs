//! Tickets: a server's sessions, encrypted by `TicketKey` of `tls-crypto`, that clients store.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLockReadGuard};
use std::time::Instant;

use tls_crypto::{Backend, TicketKey};
use zeroize::Zeroizing;

use super::ticket_keys::{Keys, MAX_TICKETS, TimedKey, Timestamp, monotonic_clock};
use crate::config::clock::{SystemClock, TimeProvider};
use crate::sync::read_mostly::ReadMostly;

/// Encrypts a server's sessions into tickets, and decrypts them.
///
/// Anyone who can decrypt tickets can resume the sessions in them. Called during handshakes, by all
/// threads.
pub trait ProducesTickets: fmt::Debug + Send + Sync {
    /// Returns whether tickets are issued at all. Called once, when the producer is set. Default:
    /// `true`.
    fn enabled(&self) -> bool {
        true
    }

    /// Returns the lifetime of a ticket in seconds. Called once, when the producer is set.
    fn lifetime(&self) -> u32;

    /// Encrypts a session. `None` if that fails; the client then gets no ticket.
    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>>;

    /// Decrypts a ticket of this machine, or of one with the same keys. `None` for any other bytes,
    /// which cost the client a full handshake.
    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// Encrypts tickets with ChaCha20-Poly1305, under keys that it rotates itself or that a fleet sets.
///
/// # Rotation
/// Its own keys are random. A key is replaced 6 hours after it was made, or after 2^31 tickets. Up
/// to 8 former keys still decrypt, so that a ticket works for at least 12 hours. (If keys are
/// exhausted in under 90 minutes, a ticket works for as long as the next eight keys last.) A key is
/// deleted when it is 18 hours old. Afterwards its tickets cannot be decrypted. That matters in TLS
/// 1.2: anyone holding the key can decrypt a recorded connection that was resumed with such a
/// ticket.
///
/// Keys rotate and are deleted when the ticketer is used next.
///
/// # Clocks
/// Key age is the larger of wall-clock and monotonic age. A clock that is missing, stopped or set
/// back cannot extend a key's life; one that jumps ahead costs full handshakes. A key that was made
/// without a clock is replaced once the time is known. wasm32-unknown-unknown has no monotonic
/// clock.
///
/// # Threads
/// Threads do not wait for each other or for a rotation. During a rotation, some threads use the
/// old keys for microseconds more. A ticket of the new key that returns to such a thread costs a
/// full handshake.
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
/// // Machines that serve one name: the first key encrypts, all of them decrypt.
/// let (key, next) = ([1; 48], [2; 48]); // in production: 48 random bytes
/// let (one, other) = (Ticketer::from_keys(&key, &[])?, Ticketer::from_keys(&key, &[])?);
/// assert!(other.decrypt(&one.encrypt(b"session").unwrap()).is_some());
/// one.update(&next, &[key])?; // while connections are served
/// # Ok::<(), strata_tls::TicketerError>(())
/// ```
pub struct Ticketer {
    keys: ReadMostly<Keys>,
    backend: Backend,
    /// `None` for keys of a fleet, which do not rotate by themselves.
    clock: Option<Arc<dyn TimeProvider>>,
    /// The start of monotonic time.
    start: Option<Instant>,
}

/// The lifetime of a ticket in seconds: its key exists at least this long.
const LIFETIME: u32 = 12 * 60 * 60;

impl Ticketer {
    /// Creates a ticketer with random keys that it rotates.
    ///
    /// # Errors
    /// [`TicketerError::Random`].
    pub fn new() -> Result<Self, TicketerError> {
        Self::with_time_provider(Arc::new(SystemClock))
    }

    /// Creates a ticketer with random keys that it rotates, which encrypts with this backend. The
    /// others use ring. Tickets do not depend on the backend.
    ///
    /// # Errors
    /// [`TicketerError::Random`].
    pub fn with_backend(backend: Backend) -> Result<Self, TicketerError> {
        Self::with_random_keys(backend, Arc::new(SystemClock))
    }

    /// Creates a ticketer with random keys that it rotates by this clock.
    ///
    /// # Errors
    /// [`TicketerError::Random`].
    pub fn with_time_provider(clock: Arc<dyn TimeProvider>) -> Result<Self, TicketerError> {
        Self::with_random_keys(Backend::ring(), clock)
    }

    fn with_random_keys(backend: Backend, clock: Arc<dyn TimeProvider>) -> Result<Self, TicketerError> {
        let start = monotonic_clock();
        let now = Timestamp::now(&*clock, start);
        let keys = Keys { current: TimedKey::new(TicketKey::generate(backend)?, now), former: Vec::new() };
        Ok(Self { keys: ReadMostly::new(keys), backend, clock: Some(clock), start })
    }

    /// Creates a ticketer with the keys of a fleet, each of 48 random bytes. The first 16 bytes
    /// name the key; its tickets show the first byte.
    ///
    /// `current` encrypts, all of them decrypt. They stay until [`update`](Self::update).
    ///
    /// # Errors
    /// [`TicketerError::TooManyKeys`] for more than 8 previous ones, [`TicketerError::ZeroKey`],
    /// [`TicketerError::RepeatedKey`].
    pub fn from_keys(current: &[u8; 48], previous: &[[u8; 48]]) -> Result<Self, TicketerError> {
        Self::from_keys_with_backend(Backend::ring(), current, previous)
    }

    /// Creates a ticketer with the [keys of a fleet](Self::from_keys), which encrypts with this
    /// backend. The members of a fleet may have different ones.
    ///
    /// # Errors
    /// Those of [`from_keys`](Self::from_keys).
    pub fn from_keys_with_backend(
        backend: Backend,
        current: &[u8; 48],
        previous: &[[u8; 48]],
    ) -> Result<Self, TicketerError> {
        let keys = Keys::from_fleet(backend, current, previous, Timestamp::default())?;
        Ok(Self { keys: ReadMostly::new(keys), backend, clock: None, start: None })
    }

    /// Replaces the keys at run time. Each connection uses either the old or the new ones. A
    /// ticketer that rotates its keys continues to, starting from these.
    ///
    /// # Errors
    /// Those of [`from_keys`](Self::from_keys); the old keys stay.
    pub fn update(&self, current: &[u8; 48], previous: &[[u8; 48]]) -> Result<(), TicketerError> {
        let now = self.clock.as_deref().map(|clock| Timestamp::now(clock, self.start)).unwrap_or_default();
        self.keys.replace(Keys::from_fleet(self.backend, current, previous, now)?);
        Ok(())
    }

    /// Returns this thread's slot and the keys, after a rotation if one is due. One thread rotates;
    /// the others use the current keys.
    fn keys(&self) -> (usize, RwLockReadGuard<'_, Arc<Keys>>) {
        let Some(clock) = self.clock.as_deref() else { return self.keys.read() };
        let now = Timestamp::now(clock, self.start);
        let current = self.keys.read();
        if !current.1.is_due(now) {
            return current;
        }
        drop(current);
        self.rotate(now, false);
        self.keys.read()
    }

    fn rotate(&self, now: Timestamp, exhausted: bool) {
        // If randomness fails, the old key stays, and the next ticket tries again.
        self.keys.try_replace(|keys| keys.next(self.backend, now, exhausted));
    }
}

impl ProducesTickets for Ticketer {
    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        let (slot, keys) = self.keys();
        let current = &keys.current.key;
        let sealed = current.sealed.get(slot)?.0.fetch_add(1, Ordering::Relaxed);
        let ticket = current.key.seal(session).ok();
        drop(keys);
        if let Some(clock) = self.clock.as_deref().filter(|_| sealed >= MAX_TICKETS) {
            self.rotate(Timestamp::now(clock, self.start), true);
        }
        ticket
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (_, keys) = self.keys();
        // `open` compares one byte first, so it rarely tries another key than the ticket's own.
        std::iter::once(&keys.current).chain(&keys.former).find_map(|timed| timed.key.key.open(ticket))
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticketer").field("former_keys", &self.keys.read().1.former.len()).finish_non_exhaustive()
    }
}

/// Why a ticketer cannot be created or updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketerError {
    /// The operating system returned no random bytes.
    Random,
    /// There are too many previous keys.
    TooManyKeys {
        /// Previous keys passed.
        got: usize,
        /// Previous keys allowed.
        limit: usize,
    },
    /// A key is all zeros after its name.
    ZeroKey,
    /// Two keys have the same name, which is their first 16 bytes.
    RepeatedKey,
}

impl fmt::Display for TicketerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("cannot make a ticket key: the operating system returned no random bytes"),
            Self::TooManyKeys { got, limit } => {
                write!(f, "too many previous ticket keys: got {got}, the limit is {limit}")
            }
            Self::ZeroKey => f.write_str("a ticket key is all zeros; generate 48 random bytes"),
            Self::RepeatedKey => {
                f.write_str("two ticket keys have the same name, their first 16 bytes; generate each key at random")
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

    /// Encrypts a ticket. Returns it and the name of its key, of which it shows only one byte.
    fn ticket_and_name(ticketer: &Ticketer) -> (Vec<u8>, [u8; 16]) {
        let ticket = ticketer.encrypt(b"session").unwrap();
        let name = *ticketer.keys.read().1.current.key.key.name();
        assert_eq!(ticket[0], name[0]);
        (ticket, name)
    }

    #[test]
    fn new_ticketers_have_different_keys() {
        // CVE-2020-13777: GnuTLS sealed with a key of zeros until its first rotation.
        let (one, other) = (Ticketer::new().unwrap(), Ticketer::new().unwrap());
        let (ticket, name) = ticket_and_name(&one);
        assert!(one.decrypt(&ticket).is_some());
        assert_eq!(other.decrypt(&ticket), None);
        assert_ne!(name, ticket_and_name(&other).1);
        assert_eq!(one.backend, Backend::ring());
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
        // Its keys have not changed.
        assert_eq!(ticket_and_name(&ticketer).1, [1; 16]);
    }

    #[test]
    fn ticket_works_for_12_hours_and_its_key_for_18() {
        for (after, decrypts) in [(0, true), (1, true), (2, true), (3, false), (4, false)] {
            let (clock, ticketer) = with_clock();
            let ticket = ticketer.encrypt(b"session").unwrap();
            for _ in 0..after {
                clock.0.fetch_add(ROTATION, Ordering::Relaxed);
                let _ = ticketer.encrypt(b"another");
            }
            assert_eq!(ticketer.decrypt(&ticket).is_some(), decrypts, "after {after} rotations");
        }
    }

    #[test]
    fn unused_key_is_deleted_by_age() {
        for (after, decrypts) in [(2 * ROTATION, true), (3 * ROTATION, false), (100 * ROTATION, false)] {
            let (clock, ticketer) = with_clock();
            let ticket = ticketer.encrypt(b"session").unwrap();
            clock.0.fetch_add(after, Ordering::Relaxed);
            assert_eq!(ticketer.decrypt(&ticket).is_some(), decrypts, "after {after} s");
        }
    }

    #[test]
    fn key_is_deleted_at_18_hours_even_after_late_rotations() {
        let (clock, ticketer) = with_clock();
        let (ticket, first_key) = ticket_and_name(&ticketer);
        clock.0.fetch_add(2 * ROTATION - 1, Ordering::Relaxed);
        assert!(ticketer.decrypt(&ticket).is_some(), "after 11:59:59");
        let (second, second_key) = ticket_and_name(&ticketer);
        assert_ne!(first_key, second_key);
        clock.0.fetch_add(ROTATION, Ordering::Relaxed);
        assert!(ticketer.decrypt(&ticket).is_some(), "after 17:59:59");
        let third_key = ticket_and_name(&ticketer).1;
        clock.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(ticketer.decrypt(&ticket), None, "after 18:00:00");
        // The other keys remain.
        assert!(ticketer.decrypt(&second).is_some());
        assert_eq!(third_key, ticket_and_name(&ticketer).1);
    }

    #[test]
    fn clock_that_stops_or_goes_back_is_harmless() {
        let (clock, ticketer) = with_clock();
        let (ticket, first_key) = ticket_and_name(&ticketer);
        clock.0.store(0, Ordering::Relaxed);
        assert!(ticketer.decrypt(&ticket).is_some(), "keys stay without a clock");
        // Set back far: the key is replaced, not kept for years.
        clock.0.store(1, Ordering::Relaxed);
        let (later, later_key) = ticket_and_name(&ticketer);
        assert_ne!(first_key, later_key);
        assert!(ticketer.decrypt(&later).is_some());
    }

    #[test]
    fn key_made_without_a_clock_is_replaced_and_decrypts() {
        let clock = Arc::new(Clock::default());
        let ticketer = Ticketer::with_time_provider(Arc::clone(&clock) as _).unwrap();
        let (before, first_key) = ticket_and_name(&ticketer);
        assert_eq!(first_key, ticket_and_name(&ticketer).1);
        clock.0.store(1_000_000, Ordering::Relaxed);
        let second_key = ticket_and_name(&ticketer).1;
        assert_ne!(first_key, second_key);
        assert!(ticketer.decrypt(&before).is_some());
        assert_eq!(second_key, ticket_and_name(&ticketer).1);
    }

    #[test]
    fn monotonic_clock_is_read() {
        let (_, ticketer) = with_clock();
        let made = ticketer.keys.read().1.current.made;
        assert!(made.monotonic.is_some() && made.clock == Some(1_000_000));
    }

    #[test]
    fn updated_keys_of_a_rotating_ticketer_age() {
        let (clock, ticketer) = with_clock();
        clock.0.fetch_add(ROTATION - 1, Ordering::Relaxed);
        ticketer.update(&[1; 48], &[[2; 48]]).unwrap();
        clock.0.fetch_add(ROTATION - 1, Ordering::Relaxed);
        assert_eq!(ticket_and_name(&ticketer).1, [1; 16]);
        clock.0.fetch_add(1, Ordering::Relaxed);
        assert_ne!(ticket_and_name(&ticketer).1, [1; 16]);
    }

    #[test]
    fn exhausted_key_is_replaced_and_former_keys_decrypt() {
        let (_, ticketer) = with_clock();
        let (first, mut last_key) = ticket_and_name(&ticketer);
        let mut tickets = vec![first];
        for _ in 0..=MAX_FORMER {
            for count in &ticketer.keys.read().1.current.key.sealed {
                count.0.store(MAX_TICKETS, Ordering::Relaxed);
            }
            let _ = ticketer.encrypt(b"the last");
            let (ticket, key) = ticket_and_name(&ticketer);
            tickets.push(ticket);
            assert_ne!(std::mem::replace(&mut last_key, key), key);
        }
        // All were encrypted within one hour.
        let (oldest, rest) = tickets.split_first().unwrap();
        assert_eq!(ticketer.decrypt(oldest), None);
        assert!(rest.iter().all(|ticket| ticketer.decrypt(ticket).is_some()));
    }

    #[test]
    fn fleet_keys_decrypt_each_others_tickets() {
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
        assert!(ticketer.decrypt(&second).is_some(), "a rejected update changed something");
    }

    #[test]
    fn altered_and_truncated_tickets_are_rejected() {
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
    fn tickets_work_while_keys_change() {
        const LAST: u32 = 4000;
        let key = |n: u32| {
            let mut key = [7; 48];
            key[..4].copy_from_slice(&n.to_le_bytes());
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
                        let newest = begun.load(Ordering::SeqCst);
                        let opens =
                            |n: &u32| TicketKey::from_bytes(Backend::ring(), &key(*n)).unwrap().open(&ticket).is_some();
                        let name = (oldest..=newest).find(opens);
                        let name = name.unwrap_or_else(|| panic!("no key between {oldest} and {newest}"));
                        let opened = ticketer.decrypt(&ticket);
                        // Unless so many rotations came in between that the key is deleted.
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
    fn threads_rotate_an_old_key_once() {
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
