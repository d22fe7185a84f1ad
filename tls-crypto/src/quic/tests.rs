//! RFC 9001 Appendix A byte for byte, values of RFC 9369 Appendix A, and the limits of each call.

use std::collections::HashMap;

use super::version::Labels;
use super::*;
use crate::Error;
use crate::hkdf::extract;
use crate::tls13::TrafficSecret;

const ALL_AEADS: [BulkAlgorithm; 3] =
    [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm, BulkAlgorithm::ChaCha20Poly1305];
const CONNECTION_ID: &[u8] = &[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn vectors() -> HashMap<&'static str, Vec<u8>> {
    let lines = include_str!("../../tests/data/rfc9001.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(name, value)| (name, hex(value))).collect()
}

fn new(number: u64) -> NewPacketNumber {
    NewPacketNumber::new(number).unwrap()
}

/// Protects a packet as its sender does.
fn protect(keys: &Keys, number: u64, header: &[u8], number_len: usize, payload: &[u8]) -> Vec<u8> {
    let mut packet = [header, payload, &[0xee; TAG_LEN]].concat();
    let (head, body) = packet.split_at_mut(header.len());
    keys.packet.seal(new(number), head, body).unwrap();
    keys.header.protect(&mut packet, header.len() - number_len).unwrap();
    packet
}

/// Returns the header and the payload of a protected packet.
fn unprotect(keys: &Keys, number: u64, number_at: usize, packet: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut packet = packet.to_vec();
    let number_len = keys.header.unprotect(&mut packet, number_at)?;
    let (header, body) = packet.split_at_mut(number_at + number_len);
    let length = keys.packet.open(number, header, body)?;
    Ok((header.to_vec(), body[..length].to_vec()))
}

fn traffic_secret(backend: Backend, aead: BulkAlgorithm) -> TrafficSecret {
    let hash = if aead == BulkAlgorithm::Aes256Gcm { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
    TrafficSecret::from_key_log(backend, hash, &vec![7; hash.output_len()]).unwrap()
}

/// What `version` derives from a secret: key, IV, header protection key.
fn derived(version: Version, secret: &Expander, key_len: usize) -> [Vec<u8>; 3] {
    let Labels { key, iv, header, .. } = version.labels();
    let value = |label: &Label, length: usize| {
        let mut out = vec![0; length];
        secret.expand_label(&label.wire()[7..], b"", &mut out).unwrap();
        out
    };
    [value(key, key_len), value(iv, 12), value(header, key_len)]
}

fn initial_secrets(backend: Backend, version: Version) -> [crate::hkdf::Secret; 2] {
    let initial = extract(backend, HashAlgorithm::Sha256, version.initial_salt(), CONNECTION_ID).expander();
    [&CLIENT_INITIAL, &SERVER_INITIAL].map(|label| initial.expand_to_secret(label))
}

#[test]
fn rfc_9001_a1_initial_keys_are_reproduced() {
    for &backend in Backend::ALL {
        let v = vectors();
        for (side, secret) in ["client", "server"].into_iter().zip(initial_secrets(backend, Version::V1)) {
            assert_eq!(secret.as_ref(), v[&*format!("{side}_secret")]);
            let expected = ["key", "iv", "hp"].map(|name| v[&*format!("{side}_{name}")].clone());
            assert_eq!(derived(Version::V1, &secret.expander(), 16), expected);
        }
    }
}

#[test]
fn rfc_9001_a2_client_initial_is_reproduced() {
    for &backend in Backend::ALL {
        let v = vectors();
        let mut payload = v["client_frames"].clone();
        payload.resize(1162, 0);
        let keys = initial_keys(backend, Version::V1, CONNECTION_ID);
        let packet = protect(&keys.client, 2, &v["client_header"], 4, &payload);
        assert_eq!(packet, v["client_packet"]);
        assert_eq!(unprotect(&keys.client, 2, 18, &packet), Ok((v["client_header"].clone(), payload)));
        assert_eq!(keys.client.header.mask(packet[22..38].try_into().unwrap()), [0x43, 0x7b, 0x9a, 0xec, 0x36]);
    }
}

#[test]
fn rfc_9001_a3_server_initial_is_reproduced() {
    for &backend in Backend::ALL {
        let v = vectors();
        let keys = initial_keys(backend, Version::V1, CONNECTION_ID);
        let packet = protect(&keys.server, 1, &v["server_header"], 2, &v["server_payload"]);
        assert_eq!(packet, v["server_packet"]);
        assert_eq!(
            unprotect(&keys.server, 1, 18, &packet),
            Ok((v["server_header"].clone(), v["server_payload"].clone()))
        );
    }
}

#[test]
fn rfc_9001_a4_retry_tag_is_reproduced() {
    for &backend in Backend::ALL {
        let packet = &vectors()["retry_packet"];
        let (body, tag) = packet.split_at(packet.len() - TAG_LEN);
        assert_eq!(retry_tag(backend, Version::V1, CONNECTION_ID, body).unwrap(), tag);
        assert!(verify_retry_tag(backend, Version::V1, CONNECTION_ID, packet));
    }
}

#[test]
fn rfc_9001_a5_chacha_packet_is_reproduced() {
    for &backend in Backend::ALL {
        let v = vectors();
        let aead = BulkAlgorithm::ChaCha20Poly1305;
        let secret = TrafficSecret::from_key_log(backend, HashAlgorithm::Sha256, &v["chacha_secret"]).unwrap();
        let expected = ["chacha_key", "chacha_iv", "chacha_hp"].map(|name| v[name].clone());
        assert_eq!(derived(Version::V1, secret.expander(), 32), expected);
        let keys = Keys::new(Version::V1, aead, &secret);
        let packet = protect(&keys, 654_360_564, &[0x42, 0x00, 0xbf, 0xf4], 3, &[1]);
        assert_eq!(packet, v["chacha_packet"]);
        assert_eq!(unprotect(&keys, 654_360_564, 1, &packet), Ok((vec![0x42, 0x00, 0xbf, 0xf4], vec![1])));
        let (_, updates) = KeyUpdates::new(Version::V1, aead, secret.into_stored()).next();
        assert_eq!(updates.secret(), v["chacha_ku"]);
    }
}

#[test]
fn rfc_9369_initial_keys_are_reproduced() {
    for &backend in Backend::ALL {
        let expected = [
            [
                "14ec9d6eb9fd7af83bf5a668bc17a7e283766aade7ecd0891f70f9ff7f4bf47b",
                "8b1a0bc121284290a29e0971b5cd045d",
                "91f73e2351d8fa91660e909f",
                "45b95e15235d6f45a6b19cbcb0294ba9",
            ],
            [
                "0263db1782731bf4588e7e4d93b7463907cb8cd8200b5da55a8bd488eafc37c1",
                "82db637861d55e1d011f19ea71d5d2a7",
                "dd13c276499c0249d3310652",
                "edf6d05c83121201b436e16877593c3a",
            ],
        ];
        for (secret, [expected, values @ ..]) in initial_secrets(backend, Version::V2).into_iter().zip(expected) {
            assert_eq!(secret.as_ref(), hex(expected));
            assert_eq!(derived(Version::V2, &secret.expander(), 16), values.map(hex));
        }
    }
}

#[test]
fn rfc_9369_chacha_packet_is_reproduced() {
    for &backend in Backend::ALL {
        let aead = BulkAlgorithm::ChaCha20Poly1305;
        let secret = TrafficSecret::from_key_log(backend, HashAlgorithm::Sha256, &vectors()["chacha_secret"]).unwrap();
        let keys = Keys::new(Version::V2, aead, &secret);
        let packet = protect(&keys, 654_360_564, &[0x42, 0x00, 0xbf, 0xf4], 3, &[1]);
        assert_eq!(packet, hex("5558b1c60ae7b6b932bc27d786f4bc2bb20f2162ba"));
        let (_, updates) = KeyUpdates::new(Version::V2, aead, secret.into_stored()).next();
        assert_eq!(updates.secret(), hex("c69374c49e3d2a9466fa689e49d476db5d0dfbc87d32ceeaa6343fd0ae4c7d88"));
    }
}

#[test]
fn rfc_9369_retry_tag_is_reproduced() {
    for &backend in Backend::ALL {
        let packet = hex("cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6");
        assert!(verify_retry_tag(backend, Version::V2, CONNECTION_ID, &packet));
    }
}

#[test]
fn retry_keys_follow_from_their_secrets() {
    for &backend in Backend::ALL {
        let secrets = [
            (Version::V1, "d9c9943e6101fd200021506bcc02814c73030f25c79d71ce876eca876e6fca8e"),
            (Version::V2, "c4dd2484d681aefa4ff4d69c2c20299984a765a5d3c31982f38fc74162155e9f"),
        ];
        for (version, secret) in secrets {
            let [key, iv, _] = derived(version, &Expander::new(backend, HashAlgorithm::Sha256, &hex(secret)), 16);
            assert_eq!((&key[..], &iv[..]), (&version.retry_key().0[..], &version.retry_key().1[..]));
        }
    }
}

#[test]
fn retry_tag_covers_each_bit() {
    for &backend in Backend::ALL {
        let original = &vectors()["retry_packet"];
        for at in 0..original.len() * 8 {
            let mut packet = original.clone();
            packet[at / 8] ^= 1 << (at % 8);
            assert!(!verify_retry_tag(backend, Version::V1, CONNECTION_ID, &packet), "{at}");
        }
        assert!(!verify_retry_tag(backend, Version::V2, CONNECTION_ID, original));
        assert!(!verify_retry_tag(backend, Version::V1, &CONNECTION_ID[1..], original));
        for length in 0..TAG_LEN {
            assert!(!verify_retry_tag(backend, Version::V1, CONNECTION_ID, &original[..length]));
        }
        assert_eq!(retry_tag(backend, Version::V1, &[0; 256], b"packet"), Err(Error::Seal));
    }
}

#[test]
fn versions_have_their_numbers() {
    for version in [Version::V1, Version::V2] {
        assert_eq!(Version::from_wire(version.to_wire()), Some(version));
    }
    assert_eq!((Version::V1.to_wire(), Version::V2.to_wire()), (1, 0x6b33_43cf));
    assert_eq!([0, 2, 0xff00_001d, u32::MAX].map(Version::from_wire), [None; 4]);
}

#[test]
fn all_suites_protect_packets_of_all_lengths() {
    for &backend in Backend::ALL {
        for aead in ALL_AEADS {
            for version in [Version::V1, Version::V2] {
                let keys = Keys::new(version, aead, &traffic_secret(backend, aead));
                for number_len in 1..=4 {
                    for (first, length) in [0x40, 0xe0].into_iter().flat_map(|first| (0..40).map(move |l| (first, l))) {
                        let form = first | u8::try_from(number_len - 1).unwrap();
                        let header = [&[form][..], b"id", &[9; 4][..number_len]].concat();
                        let payload = vec![3; length + 4 - number_len];
                        let packet = protect(&keys, length as u64, &header, number_len, &payload);
                        assert_eq!(packet[0] & if first == 0x40 { 0xe0 } else { 0xf0 }, first);
                        let opened = unprotect(&keys, length as u64, 3, &packet);
                        assert_eq!(opened, Ok((header, payload)));
                    }
                }
            }
        }
    }
}

#[test]
fn changed_number_header_or_payload_does_not_open() {
    for &backend in Backend::ALL {
        for aead in ALL_AEADS {
            let keys = Keys::new(Version::V1, aead, &traffic_secret(backend, aead));
            let mut sealed = [&b"content"[..], &[0; TAG_LEN]].concat();
            keys.packet.seal(new(5), b"header", &mut sealed).unwrap();
            let open = |number, header: &[u8], sealed: &[u8]| keys.packet.open(number, header, &mut sealed.to_vec());
            assert_eq!(open(5, b"header", &sealed), Ok(7));
            assert_eq!(open(4, b"header", &sealed), Err(Error::Open));
            assert_eq!(open(5 + (1 << 62), b"header", &sealed), Err(Error::Open));
            assert_eq!(open(5, b"Header", &sealed), Err(Error::Open));
            for length in 0..sealed.len() {
                assert_eq!(open(5, b"header", &sealed[..length]), Err(Error::Open));
            }
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert_eq!(open(5, b"header", &changed), Err(Error::Open));
            }
        }
    }
}

#[test]
fn packets_without_room_are_rejected_unchanged() {
    for &backend in Backend::ALL {
        let keys = initial_keys(backend, Version::V1, CONNECTION_ID).client;
        assert_eq!(keys.packet.seal(new(0), b"", &mut [0; TAG_LEN - 1]), Err(Error::Seal));
        let mut packet = [0xc3; 1 + 4 + SAMPLE_LEN];
        for (length, number_at) in
            (0..packet.len()).map(|l| (l, 1)).chain([(21, 2), (21, 21), (21, 22), (21, usize::MAX)])
        {
            assert_eq!(keys.header.protect(&mut packet[..length], number_at), Err(Error::Seal));
            assert_eq!(keys.header.unprotect(&mut packet[..length], number_at), Err(Error::Open));
        }
        // A header needs a first byte.
        assert_eq!(keys.header.protect(&mut packet, 0), Err(Error::Seal));
        assert_eq!(packet, [0xc3; 21]);
        assert_eq!(keys.header.protect(&mut packet, 1), Ok(()));
    }
}

#[test]
fn packet_numbers_end_at_2_to_62() {
    for &backend in Backend::ALL {
        assert_eq!(NewPacketNumber::new(1 << 62), None);
        assert_eq!(NewPacketNumber::new(u64::MAX), None);
        let keys = initial_keys(backend, Version::V1, CONNECTION_ID).client;
        let last = (1 << 62) - 1;
        let mut sealed = [0; TAG_LEN];
        keys.packet.seal(new(last), b"", &mut sealed).unwrap();
        assert_eq!(keys.packet.open(last, b"", &mut sealed), Ok(0));
    }
}

/// RUSTSEC-2025-0009: ring added 1 to the block counter, which the peer's sample contains, and
/// panicked on overflow.
#[test]
fn chacha_mask_accepts_every_counter() {
    for &backend in Backend::ALL {
        let aead = BulkAlgorithm::ChaCha20Poly1305;
        let secret = TrafficSecret::from_key_log(backend, HashAlgorithm::Sha256, &vectors()["chacha_secret"]).unwrap();
        let keys = Keys::new(Version::V1, aead, &secret);
        let mut masks = Vec::new();
        for counter in [0_u32, 1, u32::MAX - 1, u32::MAX] {
            let mut sample = [0x5a; SAMPLE_LEN];
            sample[..4].copy_from_slice(&counter.to_le_bytes());
            masks.push(keys.header.mask(&sample));
            // The mask is the start of ChaCha20's key stream with this counter (RFC 9001 §5.4.4).
            assert_eq!(keys.header.mask(&sample), chacha20(&vectors()["chacha_hp"], &sample));
        }
        masks.dedup();
        assert_eq!(masks.len(), 4);
    }
}

#[test]
fn key_updates_open_only_their_phase() {
    for &backend in Backend::ALL {
        for aead in ALL_AEADS {
            let first = Keys::new(Version::V1, aead, &traffic_secret(backend, aead)).packet;
            let [mut sending, mut receiving] =
                [(); 2].map(|()| KeyUpdates::new(Version::V1, aead, traffic_secret(backend, aead).into_stored()));
            let mut previous = first;
            for _ in 0..3 {
                let ((sealing, next_sending), (opening, next_receiving)) = (sending.next(), receiving.next());
                let mut sealed = [0; TAG_LEN];
                sealing.seal(new(1), b"header", &mut sealed).unwrap();
                assert_eq!(previous.open(1, b"header", &mut sealed.clone()), Err(Error::Open));
                assert_eq!(opening.open(1, b"header", &mut sealed), Ok(0));
                (sending, receiving, previous) = (next_sending, next_receiving, opening);
            }
        }
    }
}

#[test]
fn limits_are_those_of_rfc_9001() {
    for &backend in Backend::ALL {
        let limits = ALL_AEADS.map(|aead| {
            let key = Keys::new(Version::V1, aead, &traffic_secret(backend, aead)).packet;
            assert_eq!(key.aead(), aead);
            (key.confidentiality_limit(), key.integrity_limit())
        });
        assert_eq!(limits, [(1 << 23, 1 << 52), (1 << 23, 1 << 52), (u64::MAX, 1 << 36)]);
    }
}

#[test]
fn debug_shows_no_key() {
    for &backend in Backend::ALL {
        let aead = BulkAlgorithm::Aes128Gcm;
        let keys = Keys::new(Version::V1, aead, &traffic_secret(backend, aead));
        let shown =
            format!("{keys:?} {:?}", KeyUpdates::new(Version::V1, aead, traffic_secret(backend, aead).into_stored()));
        assert_eq!(
            shown,
            "Keys { packet: PacketKey { aead: Aes128Gcm, .. }, header: HeaderKey { .. } } KeyUpdates { secret: Secret \
         { algorithm: Sha256, .. }, version: V1, aead: Aes128Gcm }"
        );
    }
}

/// The first five bytes of ChaCha20's key stream (RFC 8439 §2.3). `input` is the counter and the
/// nonce.
fn chacha20(key: &[u8], input: &[u8; 16]) -> [u8; 5] {
    let words = [b"expand 32-byte k", key, input].concat();
    let start: Vec<u32> = words.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    let mut x = start.clone();
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (i, j, k, by) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
            x[i] = x[i].wrapping_add(x[j]);
            x[k] = (x[k] ^ x[i]).rotate_left(by);
        }
    };
    for _ in 0..10 {
        for i in 0..4 {
            quarter(i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    let stream: Vec<u8> = x.iter().zip(&start).flat_map(|(a, b)| a.wrapping_add(*b).to_le_bytes()).collect();
    stream[..5].try_into().unwrap()
}
