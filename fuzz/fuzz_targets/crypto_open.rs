//! Record protection: a record opens to the sealed content and only at its place. Everything else
//! must fail without advancing the sequence number.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_crypto::{ALL_TLS12, ALL_TLS13, Backend, Error, HashAlgorithm, Opener, Overhead, Sealer, tls12, tls13};

fuzz_target!(|input: (u8, u8, Vec<u8>, Vec<u8>, u16)| {
    let (way, content_type, garbage, mut content, flip) = input;
    content.truncate(1 << 14);
    let (mut sealer, mut opener) = pair(usize::from(way));

    let Overhead { before, after } = sealer.overhead();
    let mut record = [&vec![0; 5 + before], &content[..], &vec![0; after]].concat();
    sealer.seal(content_type, &mut record).expect("sealing the first record");

    if garbage != record {
        assert!(opener.open(&mut garbage.clone()).is_err(), "garbage was opened");
    }
    let mut flipped = record.clone();
    let at = usize::from(flip) % (8 * flipped.len());
    flipped[at / 8] ^= 1 << (at % 8);
    assert!(opener.open(&mut flipped).is_err(), "a record with a bit flipped was opened");

    let mut replayed = record.clone();
    // In TLS 1.3 a zero type is padding: the content then ends with its type, or has none.
    let typed = content_type != 0 || !opener.hides_content_type();
    match opener.open(&mut record) {
        Ok(opened) if typed => assert_eq!((opened.content_type, &record[opened.content]), (content_type, &content[..])),
        Ok(opened) => assert_ne!(opened.content_type, 0),
        Err(error) => {
            return assert!(!typed && error == Error::NoContentType, "a failure advanced the sequence number");
        }
    }
    assert!(opener.open(&mut replayed).is_err(), "a record was opened twice");
});

fn pair(way: usize) -> (Sealer, Opener) {
    let hash = HashAlgorithm::Sha256;
    if let Some(suite) = ALL_TLS12.get(way % (ALL_TLS12.len() + ALL_TLS13.len())) {
        let keys =
            tls12::MasterSecret::from_bytes(Backend::ring(), hash, &[1; 48]).key_block(suite.aead, &[2; 32], &[3; 32]);
        return (keys.client_sealer(), keys.client_opener());
    }
    let aead = ALL_TLS13[way % ALL_TLS13.len()].aead;
    let secret =
        tls13::EarlySecret::with_psk(Backend::ring(), hash, b"known").client_early_traffic_secret(&hash.hash(b""));
    (secret.sealer(aead), secret.opener(aead))
}
