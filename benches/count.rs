//! Runs one row for one side. `benches/instructions` counts the instructions of that side with
//! callgrind.
//!
//! ```text
//! count ROW SIDE ROUNDS      only the side's work runs inside of `counted`
//! ```

use std::hint::black_box;
use std::process::exit;

use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::{aead, digest, rand};
use tls_benches::{
    Certificates, Endpoint, Library, Ours, OursUnbuffered, Pair, Records, Room, Sessions, Setup, Side, deliver, flush,
};

#[path = "ratios/parsing.rs"]
#[expect(dead_code, reason = "the peer is not counted")]
mod parsing;

/// Warm-up rounds, which fill caches and buffers and create the session to resume.
const WARM_UP: usize = 3;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [row, side, rounds] = words.as_slice() else { return list() };
    let side = match side.as_str() {
        "client" | "send" | "both" => Side::Client,
        "server" | "receive" => Side::Server,
        _ => usage(),
    };
    let Ok(rounds) = rounds.parse() else { usage() };
    let Some((_, work)) = ROWS.iter().find(|(name, _)| name == row) else { usage() };
    match work {
        Work::Primitives => primitives(rounds),
        Work::Handshake(setup) => handshakes(&Ours::new(&Certificates::make(), *setup), side, rounds),
        Work::Bulk(setup, write) => bulk(&Ours::new(&Certificates::make(), *setup), *write, side, rounds),
        Work::InPlace(setup, length) => in_place(*setup, *length, side, rounds),
        Work::Parse(length) => parse(*length, rounds),
    }
}

/// The work of a row.
enum Work {
    /// Only ring's primitives, to identify the machine.
    Primitives,
    /// Handshakes, from creating the session to dropping it.
    Handshake(Setup),
    /// One write of this many bytes, flushed, and read.
    Bulk(Setup, usize),
    /// One record of this many bytes, through the unbuffered engines.
    InPlace(Setup, usize),
    /// A ClientHello of this many bytes.
    Parse(usize),
}

const ROWS: [(&str, Work); 18] = [
    ("primitives", Work::Primitives),
    ("full-tls13", Work::Handshake(Setup::TLS13)),
    ("full-tls13-cold", Work::Handshake(Setup::TLS13.without_memo())),
    ("full-tls13-client-auth", Work::Handshake(Setup::TLS13_CLIENT_AUTH)),
    ("full-tls13-defaults", Work::Handshake(Setup::TLS13.with_defaults())),
    ("full-tls13-hybrid", Work::Handshake(Setup::TLS13.hybrid())),
    ("full-tls12", Work::Handshake(Setup::TLS12)),
    ("resumed-tls13-ticket", Work::Handshake(Setup::TLS13.resumed(Sessions::Tickets))),
    ("resumed-tls13-store", Work::Handshake(Setup::TLS13.resumed(Sessions::Store))),
    ("resumed-tls12-ticket", Work::Handshake(Setup::TLS12.resumed(Sessions::Tickets))),
    ("resumed-tls12-id", Work::Handshake(Setup::TLS12.resumed(Sessions::Store))),
    ("bulk-tls13-64", Work::Bulk(Setup::TLS13, 64)),
    ("bulk-tls13-1024", Work::Bulk(Setup::TLS13, 1024)),
    ("bulk-tls13-16384", Work::Bulk(Setup::TLS13, 16 * 1024)),
    ("bulk-tls13-65536", Work::Bulk(Setup::TLS13, 64 * 1024)),
    ("in-place-tls13-16384", Work::InPlace(Setup::TLS13, 16 * 1024)),
    ("parse-517", Work::Parse(517)),
    ("parse-1762", Work::Parse(1762)),
];

/// Prints rows and sides, for the script.
fn list() {
    for (name, work) in &ROWS {
        let sides: &[_] = match work {
            Work::Primitives | Work::Parse(_) => &["both"],
            Work::Handshake(_) => &["client", "server"],
            Work::Bulk(..) | Work::InPlace(..) => &["send", "receive"],
        };
        sides.iter().for_each(|side| println!("{name} {side}"));
    }
}

fn usage() -> ! {
    eprintln!("usage: count [ROW SIDE ROUNDS]; without arguments it lists the rows and their sides");
    exit(2);
}

/// Callgrind counts while this runs.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // Prevents a tail call: the function must return after the work.
    black_box(());
}

/// Runs the work, counted if it belongs to the measured side.
fn on(side: Side, of: Side, counts: bool, work: &mut dyn FnMut()) {
    if counts && side == of { counted(work) } else { work() }
}

fn handshakes(library: &Ours, side: Side, rounds: usize) {
    for round in 0..WARM_UP + rounds {
        handshake(library, side, round >= WARM_UP);
    }
}

fn handshake(library: &Ours, side: Side, counts: bool) {
    let (mut at_client, mut at_server) = (None, None);
    on(side, Side::Client, counts, &mut || at_client = Some(Box::new(library.client())));
    on(side, Side::Server, counts, &mut || at_server = Some(Box::new(library.server())));
    let (Some(mut client), Some(mut server)) = (at_client, at_server) else { return };
    let mut wire = Vec::with_capacity(16 * 1024);
    loop {
        on(side, Side::Client, counts, &mut || flush(&mut *client, &mut wire));
        on(side, Side::Server, counts, &mut || deliver(&mut wire, &mut *server));
        on(side, Side::Server, counts, &mut || flush(&mut *server, &mut wire));
        if wire.is_empty() && !client.wants_write() {
            break;
        }
        on(side, Side::Client, counts, &mut || deliver(&mut wire, &mut *client));
    }
    assert!(!client.is_handshaking() && !server.is_handshaking(), "the handshake is incomplete");
    let (mut client, mut server) = (Some(client), Some(server));
    on(side, Side::Client, counts, &mut || drop(client.take()));
    on(side, Side::Server, counts, &mut || drop(server.take()));
}

/// A key exchange, a hash and a record, using only ring.
fn primitives(rounds: usize) {
    let random = rand::SystemRandom::new();
    let key = aead::UnboundKey::new(&aead::AES_128_GCM, &[7; 16]).expect("16 bytes");
    let key = aead::LessSafeKey::new(key);
    let mut record = vec![0x5a; 16 * 1024];
    for round in 0..WARM_UP + rounds {
        on(Side::Client, Side::Client, round >= WARM_UP, &mut || {
            let private = EphemeralPrivateKey::generate(&X25519, &random).expect("randomness");
            let public = private.compute_public_key().expect("a key");
            let public = UnparsedPublicKey::new(&X25519, public);
            agree_ephemeral(private, &public, |secret| black_box(secret[0])).expect("a valid key");
            black_box(digest::digest(&digest::SHA256, &record));
            let nonce = aead::Nonce::assume_unique_for_key([1; 12]);
            let tag = key.seal_in_place_separate_tag(nonce, aead::Aad::empty(), &mut record);
            let _ = black_box(tag.expect("16 KiB"));
        });
    }
}

/// The client sends.
fn bulk(library: &Ours, write: usize, side: Side, rounds: usize) {
    let (mut client, mut server, _) = tls_benches::handshake(library);
    let (data, mut read) = (vec![0x5a; write], vec![0; write]);
    let mut wire = Vec::with_capacity(64 * 1024);
    for round in 0..WARM_UP + rounds {
        let counts = round >= WARM_UP;
        on(side, Side::Client, counts, &mut || {
            assert_eq!(client.write(&data).ok(), Some(write));
            flush(&mut client, &mut wire);
        });
        on(side, Side::Server, counts, &mut || {
            deliver(&mut wire, &mut server);
            assert_eq!(server.read(&mut read).ok(), Some(write));
        });
    }
}

/// The client sends in place.
fn in_place(setup: Setup, length: usize, side: Side, rounds: usize) {
    let (mut client, mut server) = OursUnbuffered::connect(&Certificates::make(), setup);
    let mut room = Room::new(length);
    let mut wire = Vec::with_capacity(64 * 1024);
    for round in 0..WARM_UP + rounds {
        let counts = round >= WARM_UP;
        wire.clear();
        // The C library's code copies the bytes to the wire; the second figure excludes it.
        on(side, Side::Client, counts, &mut || wire.extend_from_slice(client.seal(&mut room)));
        on(side, Side::Server, counts, &mut || assert_eq!(server.open(&mut wire), length));
    }
}

fn parse(length: usize, rounds: usize) {
    let message = parsing::hello(length);
    for round in 0..WARM_UP + rounds {
        on(Side::Client, Side::Client, round >= WARM_UP, &mut || parsing::ours(&message));
    }
}
