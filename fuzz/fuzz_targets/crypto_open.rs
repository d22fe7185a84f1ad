//! Record protection: a record is opened as it was sealed and in its turn; anything else fails and advances nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_crypto::{ALL_TLS12, ALL_TLS13, Opener, Overhead, Sealer, tls12::MasterSecret, tls13::EarlySecret};

fuzz_target!(|input: (u8, u8, Vec<u8>, Vec<u8>, u16)| {
    let (way, content_type, garbage, content, flip) = input;
    let (mut sealer, mut opener) = pair(usize::from(way));

    let Overhead { before, behind } = sealer.overhead();
    let mut record = [&vec![0; 5 + before], &content[..], &vec![0; behind]].concat();
    sealer.seal(content_type, &mut record).expect("the first record of a key");

    if garbage != record {
        assert!(opener.open(&mut garbage.clone()).is_err(), "garbage was opened");
    }
    let mut flipped = record.clone();
    let at = usize::from(flip) % (8 * flipped.len());
    flipped[at / 8] ^= 1 << (at % 8);
    assert!(opener.open(&mut flipped).is_err(), "a record with a bit flipped was opened");

    let mut replayed = record.clone();
    // A content without a type is padding, and its type what comes before: here, if it is zeros, nothing.
    if opener.hides_content_type() && content_type == 0 && content.iter().all(|byte| *byte == 0) {
        assert!(opener.open(&mut record).is_err());
        return;
    }
    let opened = opener.open(&mut record).expect("none of the failures took its sequence number");
    if opener.hides_content_type() && content_type == 0 {
        assert_ne!(opened.content_type, 0);
    } else {
        assert_eq!((opened.content_type, &record[opened.content]), (content_type, &content[..]));
    }
    assert!(opener.open(&mut replayed).is_err(), "a record was opened twice");
});

fn pair(way: usize) -> (Sealer, Opener) {
    let hash = tls_crypto::HashAlgorithm::Sha256;
    if let Some(suite) = ALL_TLS12.get(way % (ALL_TLS12.len() + ALL_TLS13.len())) {
        let keys = MasterSecret::from_bytes(hash, &[1; 48]).key_block(suite.aead, &[2; 32], &[3; 32]);
        return (keys.client_sealer(), keys.client_opener());
    }
    let aead = ALL_TLS13[way % ALL_TLS13.len()].aead;
    let secret = EarlySecret::with_psk(hash, b"known to all").client_early_traffic_secret(&hash.hash(b""));
    (secret.sealer(aead), secret.opener(aead))
}
