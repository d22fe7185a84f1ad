//! Tickets of strata-tls: the rotation of their keys, and what they hold.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pki_types::UnixTime;
use tls_api::{ClientConfig, ProducesTickets, ServerConfig, Ticketer, TimeProvider};
use tls_crypto::{Backend, TicketKey};
use zeroize::Zeroizing;

use crate::session::{CONFIGS, Pair, Side};

#[derive(Debug)]
struct Clock(AtomicU64);

impl TimeProvider for Clock {
    fn now(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

struct Ticket {
    bytes: Vec<u8>,
    state: Vec<u8>,
    issued: u64,
    key: Key,
}

/// What is known about the key of a ticket: the first byte of its name, and for a generated key how
/// often keys were set before.
type Key = (u8, Option<usize>);

fn key(at: usize) -> [u8; 48] {
    [u8::try_from(at % 5 + 1).unwrap(); 48]
}

fn key_of(ticket: &[u8], updates: usize) -> Key {
    let hint = ticket[0];
    let is_set = (0..5).map(key).filter(|key| key[0] == hint).any(|key| {
        let key = TicketKey::from_bytes(Backend::ring(), &key).unwrap();
        key.open(ticket).is_some()
    });
    (hint, (!is_set).then_some(updates))
}

/// How often a new key may have the hint of the one before. Each time has a chance of 1 in 256, so
/// more than these are one key.
const SAME_HINTS: usize = 6;

const HOUR: u64 = 60 * 60;

/// Encrypts, waits, sets keys and decrypts, against a model of the keys. Each two bytes are a step.
pub fn rotation(is_fleet: bool, steps: &[u8]) {
    let clock = Arc::new(Clock(AtomicU64::new(1_000_000)));
    let ticketer = match is_fleet {
        true => Ticketer::from_keys(&key(0), &[]).unwrap(),
        false => Ticketer::with_time_provider(clock.clone()).unwrap(),
    };
    let mut tickets: Vec<Ticket> = Vec::new();
    // When a key was first seen, of several with one hint the last. Others must not decrypt.
    let mut keys: HashMap<Key, u64> = HashMap::new();
    let (mut updates, mut same_hints) = (0, 0);
    // The last ticket's key.
    let mut current = None;
    for step in steps.chunks_exact(2).take(100) {
        let (now, at) = (clock.0.load(Ordering::Relaxed), usize::from(step[1]));
        match step[0] % 5 {
            0 => {
                let state = vec![step[1]; at];
                let bytes = ticketer.encrypt(&state).expect("a ticket");
                let key = key_of(&bytes, updates);
                if current != Some(key) && key.1.is_some() {
                    keys.insert(key, now);
                }
                let known = keys.entry(key).or_insert(now);
                if !is_fleet && now - *known >= 6 * HOUR {
                    (*known, same_hints) = (now, same_hints + 1);
                    assert!(same_hints < SAME_HINTS, "an old key encrypts");
                }
                current = Some(key);
                tickets.push(Ticket { bytes, state, issued: now, key });
            }
            1 => _ = clock.0.fetch_add(u64::from(step[1]) * 600, Ordering::Relaxed),
            2 => {
                let others = [key(at + 1), key(at + 2), key(at + 3)];
                let previous = &others[..at / 8 % 4];
                ticketer.update(&key(at), previous).unwrap();
                keys = previous.iter().chain([&key(at)]).map(|key| ((key[0], None), now)).collect();
                updates += 1;
            }
            what => {
                let Some(ticket) = at.checked_rem(tickets.len()).map(|at| &tickets[at]) else { continue };
                if what == 4 {
                    let mut changed = ticket.bytes.clone();
                    let place = at * 7 % changed.len();
                    changed[place] ^= 1 << (at % 8);
                    assert!(ticketer.decrypt(&changed).is_none(), "a changed ticket was decrypted");
                    continue;
                }
                let decrypted = ticketer.decrypt(&ticket.bytes);
                let known = keys.get(&ticket.key);
                let (must, must_not) = match known {
                    None => (false, true),
                    Some(_) if is_fleet => (true, false),
                    Some(known) => (now - ticket.issued < 12 * HOUR, now - known >= 18 * HOUR),
                };
                assert!(!must || decrypted.is_some(), "a ticket was not decrypted");
                assert!(!must_not || decrypted.is_none(), "a ticket of a deleted key was decrypted");
                assert!(decrypted.is_none_or(|state| state[..] == ticket.state), "another state");
            }
        }
    }
}

thread_local! {
    /// What happens to each decrypted session.
    static CHANGES: RefCell<Option<Vec<u8>>> = RefCell::default();
}

/// "Encrypts" sessions by doing nothing, and changes those that it "decrypts".
#[derive(Debug)]
struct Stolen;

impl ProducesTickets for Stolen {
    fn lifetime(&self) -> u32 {
        1000
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        Some(session.to_vec())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut session = ticket.to_vec();
        CHANGES.with_borrow(|changes| {
            let Some(changes) = changes else { return };
            match changes.split_first() {
                // Other bytes.
                Some((255, rest)) => session = rest.to_vec(),
                _ => {
                    for change in changes.chunks_exact(3) {
                        let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
                        match session.get_mut(place % 1024) {
                            Some(byte) => *byte ^= change[2],
                            None => session.truncate(usize::from(change[2])),
                        }
                    }
                }
            }
        });
        Some(Zeroizing::new(session))
    }
}

type Configs = (Arc<ClientConfig>, Arc<ServerConfig>);

static STOLEN: LazyLock<Vec<Configs>> = LazyLock::new(|| {
    let with_ticketer = |(client, server): &Configs| {
        let mut server = ServerConfig::clone(server);
        server.set_ticketer(Arc::new(Stolen));
        (client.clone(), Arc::new(server))
    };
    CONFIGS.iter().map(with_ticketer).collect()
});

/// Resumes with a session that the server decrypts to something else.
pub fn stolen_key(config: u8, changes: &[u8]) {
    let configs = &STOLEN[usize::from(config % 4)];
    CHANGES.set(None);
    let mut first = Pair::over(configs);
    first.settle();
    first.check(false);
    CHANGES.set(Some(changes.to_vec()));
    let mut second = Pair::over(configs);
    second.settle();
    second.write(Side::Client, 10);
    second.write(Side::Server, 10);
    second.settle();
    second.check(!changes.is_empty());
    second.check_agreement();
}
