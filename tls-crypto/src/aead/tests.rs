use super::*;

const ALGORITHMS: [BulkAlgorithm; 3] =
    [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm, BulkAlgorithm::ChaCha20Poly1305];

/// A version and an AEAD algorithm.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Way {
    backend: Backend,
    version: u16,
    algorithm: BulkAlgorithm,
}

impl Way {
    const TLS13_AES: Self = Self { backend: Backend::ring(), version: 13, algorithm: BulkAlgorithm::Aes128Gcm };
    const TLS12_AES: Self = Self { backend: Backend::ring(), version: 12, algorithm: BulkAlgorithm::Aes128Gcm };
    const TLS12_CHACHA: Self =
        Self { backend: Backend::ring(), version: 12, algorithm: BulkAlgorithm::ChaCha20Poly1305 };

    fn all() -> impl Iterator<Item = Self> {
        let with = |backend: &'static Backend| {
            let ways = |algorithm| [12, 13].map(|version| Self { backend: *backend, version, algorithm });
            ALGORITHMS.into_iter().flat_map(ways)
        };
        Backend::ALL.iter().flat_map(with)
    }

    fn iv(self) -> [u8; NONCE_LEN] {
        if self.has_explicit_nonce() { [9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0] } else { [9; NONCE_LEN] }
    }

    fn has_explicit_nonce(self) -> bool {
        self.version == 12 && self.algorithm != BulkAlgorithm::ChaCha20Poly1305
    }

    fn pair(self) -> (Sealer, Opener) {
        self.pair_with(&self.iv())
    }

    fn pair_with(self, iv: &[u8; NONCE_LEN]) -> (Sealer, Opener) {
        let key = vec![7; self.algorithm.key_len()];
        if self.version == 12 {
            (
                Sealer::tls12(self.backend, self.algorithm, &key, iv),
                Opener::tls12(self.backend, self.algorithm, &key, iv),
            )
        } else {
            (
                Sealer::tls13(self.backend, self.algorithm, &key, iv),
                Opener::tls13(self.backend, self.algorithm, &key, iv),
            )
        }
    }
}

/// A buffer for a record, with garbage in the bytes that protection writes.
fn room(sealer: &Sealer, content: &[u8]) -> Vec<u8> {
    let Overhead { before, after } = sealer.overhead();
    [&vec![0xee; HEADER_LEN + before], content, &vec![0xee; after]].concat()
}

fn sealed(sealer: &mut Sealer, content_type: u8, content: &[u8]) -> Vec<u8> {
    let mut record = room(sealer, content);
    sealer.seal(content_type, &mut record).unwrap();
    record
}

#[test]
fn records_round_trip() {
    for way in Way::all() {
        let (mut sealer, mut opener) = way.pair();
        let Overhead { before, after } = sealer.overhead();
        for (sequence, length) in (0..).zip([0, 1, 15, 16, 17, 255, 256, 1000, 16383, 16384]) {
            let content = vec![0x5a; length];
            assert_eq!((sealer.sequence(), opener.sequence()), (sequence, sequence));
            let mut record = sealed(&mut sealer, 22, &content);
            assert_eq!(record.len(), HEADER_LEN + before + length + after);
            let opened = opener.open(&mut record).unwrap();
            assert_eq!(opened.content_type, 22);
            assert_eq!(opened.content, HEADER_LEN + before..HEADER_LEN + before + length, "{way:?} {length}");
            assert_eq!(record[opened.content], content);
        }
        assert_eq!((sealer.sequence(), opener.sequence()), (10, 10));
    }
}

#[test]
fn record_sealed_apart_is_the_same() {
    for way in Way::all() {
        let ((mut in_place, _), (mut apart, _)) = (way.pair(), way.pair());
        let Overhead { before, after } = in_place.overhead();
        // The rest is in the record, as padding is.
        for (length, rest) in [(0, 0), (1, 0), (15, 0), (16, 0), (1000, 0), (16384, 0), (0, 5), (1, 1), (500, 700)] {
            let content: Vec<u8> = (0..=255).cycle().take(length + rest).collect();
            let expected = sealed(&mut in_place, 23, &content);
            let (source, rest) = content.split_at(length);
            let mut record = room(&apart, &[&vec![0xee; length], rest].concat());
            apart.seal_from(23, source, &mut record).unwrap();
            assert_eq!(record, expected, "{way:?} {length}");
            let too_long = vec![7; content.len() + 1];
            assert_eq!(apart.seal_from(23, &too_long, &mut room(&apart, &content)), Err(Error::Seal));
            assert_eq!(apart.seal_from(23, &[], &mut vec![0; HEADER_LEN + before + after - 1]), Err(Error::Seal));
            assert_eq!(apart.sequence(), in_place.sequence());
        }
    }
}

#[test]
fn overhead_matches_the_layouts() {
    for way in Way::all() {
        let (sealer, opener) = way.pair();
        let expected = match (way.version, way.has_explicit_nonce()) {
            (13, _) => Overhead { before: 0, after: 17 },
            (_, true) => Overhead { before: 8, after: 16 },
            (_, false) => Overhead { before: 0, after: 16 },
        };
        assert_eq!(sealer.overhead(), expected, "{way:?}");
        assert_eq!(opener.hides_content_type(), way.version == 13);
    }
}

#[test]
fn header_has_the_length_and_the_type_only_in_tls12() {
    for way in Way::all() {
        let (mut sealer, _) = way.pair();
        let record = sealed(&mut sealer, 21, &[0x5a; 300]);
        let outer = if way.version == 13 { 23 } else { 21 };
        let length = u16::try_from(record.len() - HEADER_LEN).unwrap().to_be_bytes();
        assert_eq!(record[..HEADER_LEN], [outer, 3, 3, length[0], length[1]], "{way:?}");
    }
}

#[test]
fn modified_record_is_rejected_without_advancing() {
    for way in Way::all() {
        let (mut sealer, mut opener) = way.pair();
        let record = sealed(&mut sealer, 23, b"a record");
        for bit in 0..record.len() * 8 {
            let mut changed = record.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opener.open(&mut changed), Err(Error::Open), "{way:?} bit {bit}");
        }
        assert_eq!(opener.sequence(), 0);
        assert!(opener.open(&mut record.clone()).is_ok());
    }
}

#[test]
fn truncated_record_is_rejected() {
    for way in Way::all() {
        let (mut sealer, mut opener) = way.pair();
        let record = sealed(&mut sealer, 23, b"a record");
        for length in 0..record.len() {
            let mut cut = record[..length].to_vec();
            assert_eq!(opener.open(&mut cut.clone()), Err(Error::Open), "{way:?} {length}");
            if let Some(body_len) = length.checked_sub(HEADER_LEN) {
                cut[3..5].copy_from_slice(&u16::try_from(body_len).unwrap().to_be_bytes());
                assert_eq!(opener.open(&mut cut), Err(Error::Open), "{way:?} {length}, with an adjusted header");
            }
        }
        assert_eq!(opener.sequence(), 0);
    }
}

#[test]
fn record_with_surplus_bytes_is_rejected() {
    for way in Way::all() {
        let (mut sealer, mut opener) = way.pair();
        let mut record = sealed(&mut sealer, 23, b"a record");
        record.push(0);
        assert_eq!(opener.open(&mut record), Err(Error::Open), "{way:?}");
    }
}

#[test]
fn reordered_and_replayed_records_are_rejected() {
    for way in Way::all() {
        let (mut sealer, mut opener) = way.pair();
        let (first, second) = (sealed(&mut sealer, 23, b"same"), sealed(&mut sealer, 23, b"same"));
        assert_ne!(first, second);
        assert_eq!(opener.open(&mut second.clone()), Err(Error::Open), "{way:?} reordered");
        assert!(opener.open(&mut first.clone()).is_ok());
        assert_eq!(opener.open(&mut first.clone()), Err(Error::Open), "{way:?} replayed");
        assert!(opener.open(&mut second.clone()).is_ok());
    }
}

#[test]
fn record_of_the_other_version_is_rejected() {
    for &backend in Backend::ALL {
        for algorithm in ALGORITHMS {
            for (from, to) in [(12, 13), (13, 12)] {
                let iv = [9; NONCE_LEN];
                let (mut sealer, _) = Way { backend, version: from, algorithm }.pair_with(&iv);
                let (_, mut opener) = Way { backend, version: to, algorithm }.pair_with(&iv);
                let mut record = sealed(&mut sealer, 23, b"a record");
                assert_eq!(opener.open(&mut record), Err(Error::Open), "{algorithm:?} from {from} to {to}");
            }
        }
    }
}

#[test]
fn nonce_is_the_iv_xored_with_the_sequence_number() {
    for &backend in Backend::ALL {
        let sequence = 0x0102_0304_0506_0708_u64;
        for way in [Way { backend, ..Way::TLS13_AES }, Way { backend, ..Way::TLS12_CHACHA }] {
            let (mut sealer, _) = way.pair();
            sealer.nonces.sequence = sequence;
            sealer.limit = u64::MAX;
            let record = sealed(&mut sealer, 23, b"a record");

            let mut iv = way.iv();
            for (byte, number) in iv[4..].iter_mut().zip(1..) {
                *byte ^= number;
            }
            let (_, mut at_zero) = way.pair_with(&iv);
            let in_turn = at_zero.open(&mut record.clone());
            // TLS 1.2 also authenticates the sequence number, so only a TLS 1.3 record shows the
            // nonce.
            if way.version == 13 {
                assert!(in_turn.is_ok());
                continue;
            }
            assert_eq!(in_turn, Err(Error::Open));
            let mut aad = [0; 13];
            aad[..8].copy_from_slice(&sequence.to_be_bytes());
            aad[8..].copy_from_slice(&[23, 3, 3, 0, 8]);
            let mut body = record[HEADER_LEN..].to_vec();
            assert_eq!(at_zero.key.open(iv, aad, &mut body).unwrap(), b"a record");
        }
    }
}

#[test]
fn explicit_nonce_is_the_sequence_number() {
    for &backend in Backend::ALL {
        let (mut sealer, opener) = Way { backend, ..Way::TLS12_AES }.pair();
        for sequence in [0, 1, 2, 0x00ff_fff0] {
            sealer.nonces.sequence = sequence;
            let record = sealed(&mut sealer, 23, b"a record");
            assert_eq!(record[5..13], sequence.to_be_bytes());

            // AAD and nonce as in RFC 5246 §6.2.3.3 and RFC 5288 §3.
            let aad = [&sequence.to_be_bytes()[..], &[23, 3, 3, 0, 8]].concat();
            let nonce = [&[9; 4], &record[5..13]].concat();
            let nonce = nonce.try_into().unwrap();
            let mut body = record[13..].to_vec();
            assert_eq!(opener.key.open(nonce, aad, &mut body).unwrap(), b"a record");
        }
    }
}

#[test]
fn opener_uses_the_explicit_nonce_of_the_record() {
    for &backend in Backend::ALL {
        let (sealer, mut opener) = Way { backend, ..Way::TLS12_AES }.pair();
        // As from a sender whose counter starts elsewhere.
        let explicit = *b"anything";
        let mut body = *b"a record";
        let aad = [0, 0, 0, 0, 0, 0, 0, 0, 23, 3, 3, 0, 8];
        let nonce = sealer.nonces.with_explicit(explicit);
        let mut tag = [0; TAG_LEN];
        sealer.key.seal(nonce, aad, &mut body, &mut tag).unwrap();
        let mut record = [&[23, 3, 3, 0, 32], &explicit[..], &body, &tag[..]].concat();
        assert_eq!(opener.open(&mut record), Ok(OpenedRecord { content_type: 23, content: 13..21 }));
        assert_eq!(record[13..21], *b"a record");
    }
}

#[test]
fn wrong_buffer_size_is_rejected_without_advancing() {
    for way in Way::all() {
        let (mut sealer, _) = way.pair();
        let Overhead { before, after } = sealer.overhead();
        let least = HEADER_LEN + before + after;
        for length in 0..least {
            assert_eq!(sealer.seal(23, &mut vec![0; length]), Err(Error::Seal), "{way:?} {length}");
        }
        assert_eq!(sealer.seal(23, &mut vec![0; HEADER_LEN + 65536]), Err(Error::Seal), "{way:?}");
        assert_eq!(sealer.sequence(), 0);
        assert_eq!(sealer.seal(23, &mut vec![0; least]), Ok(()));
        assert_eq!(sealer.seal(23, &mut vec![0; HEADER_LEN + 65535]), Ok(()));
    }
}

#[test]
fn too_long_content_is_rejected_after_authentication() {
    for way in Way::all() {
        let (mut sealer, mut opener) = way.pair();
        let mut record = sealed(&mut sealer, 23, &[1; 16385]);
        let mut changed = record.clone();
        changed[100] ^= 1;
        assert_eq!(opener.open(&mut changed), Err(Error::Open), "{way:?}: not authenticated");
        let plaintext = if way.version == 13 { 16386 } else { 16385 };
        assert_eq!(opener.open(&mut record), Err(Error::PlaintextTooLong(plaintext)), "{way:?}");
        assert_eq!(opener.sequence(), 0);
    }
}

#[test]
fn padding_counts_towards_the_limit_and_is_removed() {
    for &backend in Backend::ALL {
        let (mut sealer, mut opener) = Way { backend, ..Way::TLS13_AES }.pair();
        for zeros in [0, 1, 15, 16, 1000, 16384 - 3] {
            let padded = [&[0, 5, 22], &vec![0; zeros][..]].concat();
            let mut record = sealed(&mut sealer, 0, &padded);
            assert_eq!(opener.open(&mut record), Ok(OpenedRecord { content_type: 22, content: 5..7 }), "{zeros}");
            assert_eq!(record[5..7], [0, 5]);
        }
        let padded = [&[0, 5, 22], &vec![0; 16385 - 3][..]].concat();
        let mut record = sealed(&mut sealer, 0, &padded);
        assert_eq!(opener.open(&mut record), Err(Error::PlaintextTooLong(16386)));
    }
}

#[test]
fn record_of_zeros_has_no_content_type_in_tls13() {
    for &backend in Backend::ALL {
        for algorithm in ALGORITHMS {
            for length in [0, 1, 100] {
                let (mut sealer, mut opener) = Way { backend, version: 13, algorithm }.pair();
                let mut record = sealed(&mut sealer, 0, &vec![0; length]);
                assert_eq!(opener.open(&mut record), Err(Error::NoContentType), "{length}");
                assert_eq!(opener.sequence(), 0);

                let (mut sealer, mut opener) = Way { backend, version: 12, algorithm }.pair();
                let mut record = sealed(&mut sealer, 23, &vec![0; length]);
                assert_eq!(opener.open(&mut record).unwrap().content.len(), length, "TLS 1.2 has no padding");
            }
        }
    }
}

#[test]
fn sealer_never_wraps_its_sequence_number() {
    for &backend in Backend::ALL {
        for version in [12, 13] {
            let (mut sealer, mut opener) = Way { backend, version, algorithm: BulkAlgorithm::ChaCha20Poly1305 }.pair();
            sealer.nonces.sequence = u64::MAX - 1;
            opener.nonces.sequence = u64::MAX - 1;
            let mut last = sealed(&mut sealer, 23, b"last");
            assert!(sealer.exhausted());
            let before = room(&sealer, b"more");
            let mut untouched = before.clone();
            for _ in 0..2 {
                assert_eq!(sealer.seal(23, &mut untouched), Err(Error::SequenceExhausted));
            }
            assert_eq!((untouched, sealer.sequence()), (before, u64::MAX));

            assert_eq!(opener.open(&mut last.clone()).unwrap().content.len(), 4);
            assert_eq!(opener.open(&mut last), Err(Error::SequenceExhausted));
            assert_eq!(opener.sequence(), u64::MAX);
        }
    }
}

#[test]
fn aes_gcm_needs_an_update_before_its_limit() {
    for way in Way::all().filter(|way| way.algorithm != BulkAlgorithm::ChaCha20Poly1305) {
        let (mut sealer, _) = way.pair();
        assert!(!sealer.needs_key_update());
        let margin = (1 << 24) / 8;
        sealer.nonces.sequence = (1 << 24) - margin - 1;
        assert!(!sealer.needs_key_update());
        sealed(&mut sealer, 23, b"");
        assert!(sealer.needs_key_update() && !sealer.exhausted());

        sealer.nonces.sequence = (1 << 24) - 1;
        sealed(&mut sealer, 23, b"");
        assert!(sealer.exhausted());
        assert_eq!(sealer.seal(23, &mut [0; 64]), Err(Error::SequenceExhausted), "{way:?}");
    }
}

#[test]
fn aes_gcm_limit_is_within_the_rfc_limit() {
    // RFC 9846 §5.5: 2^24.5 records, about 23.7 million.
    assert!(BulkAlgorithm::Aes128Gcm.confidentiality_limit() <= 23_700_000);
    assert!(BulkAlgorithm::Aes256Gcm.confidentiality_limit() <= 23_700_000);
}

#[test]
fn lowered_limit_leaves_room_and_is_never_raised() {
    for &backend in Backend::ALL {
        for limit in [1, 2, 7, 8, 9, 100] {
            let (mut sealer, _) = Way { backend, ..Way::TLS13_AES }.pair();
            sealer.set_confidentiality_limit(limit);
            sealer.set_confidentiality_limit(u64::MAX);
            let mut remaining = 0;
            for _ in 0..limit {
                remaining += u64::from(sealer.needs_key_update());
                sealed(&mut sealer, 23, b"");
            }
            assert_eq!(remaining, (limit / 8).max(1), "records left after the request, limit {limit}");
            assert_eq!(sealer.seal(23, &mut [0; 64]), Err(Error::SequenceExhausted));
        }
        let (mut sealer, _) = Way { backend, ..Way::TLS13_AES }.pair();
        sealer.set_confidentiality_limit(0);
        assert_eq!(sealer.seal(23, &mut [0; 64]), Err(Error::SequenceExhausted));
    }
}

#[test]
fn debug_shows_no_key() {
    for way in Way::all() {
        let (sealer, opener) = way.pair();
        assert_eq!(format!("{sealer:?} {opener:?}"), "Sealer { sequence: 0, .. } Opener { sequence: 0, .. }");
    }
}
