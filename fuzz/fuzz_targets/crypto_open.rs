//! Record protection: a record is opened as it was sealed and in its turn; anything else fails and advances nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_crypto::{ALL_TLS13, BulkAlgorithm, HashAlgorithm, tls13::EarlySecret};

fuzz_target!(|input: (u8, [u8; 5], Vec<u8>, Vec<u8>, u16)| {
    let (suite, aad, garbage, content, flip) = input;
    let suite = ALL_TLS13[usize::from(suite) % ALL_TLS13.len()];
    let (mut sealer, mut opener) = pair(suite.hash, suite.aead);

    let mut record = content.clone();
    let tag = sealer.seal(&aad, &mut record).expect("the first record of a key");
    record.extend_from_slice(&tag);

    if garbage != record {
        assert!(opener.open(&aad, &mut garbage.clone()).is_err(), "garbage was opened");
    }
    let mut flipped = record.clone();
    let at = usize::from(flip) % (8 * flipped.len());
    flipped[at / 8] ^= 1 << (at % 8);
    assert!(opener.open(&aad, &mut flipped).is_err(), "a record with a bit flipped was opened");
    assert!(opener.open(&aad.map(|byte| !byte), &mut record.clone()).is_err(), "under another header");

    let mut replayed = record.clone();
    assert_eq!(opener.open(&aad, &mut record), Ok(content.len()), "none of the failures took its sequence number");
    assert_eq!(record[..content.len()], content[..]);
    assert!(opener.open(&aad, &mut replayed).is_err(), "a record was opened twice");
});

fn pair(hash: HashAlgorithm, aead: BulkAlgorithm) -> (tls_crypto::Sealer, tls_crypto::Opener) {
    let secret = EarlySecret::with_psk(hash, b"known to all").client_early_traffic_secret(&hash.hash(b""));
    (secret.sealer(aead), secret.opener(aead))
}
