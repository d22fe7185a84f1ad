use super::*;

#[test]
fn both_sides_agree_in_every_group() {
    for (backend, peer) in Backend::ALL.iter().flat_map(|one| Backend::ALL.iter().map(|other| (*one, *other))) {
        for (group, public_len, response_len, secret_len) in [
            (Group::X25519, 32, 32, 32),
            (Group::Secp256r1, 65, 65, 32),
            (Group::Secp384r1, 97, 97, 48),
            (Group::Secp521r1, 133, 133, 66),
            #[cfg(feature = "post-quantum")]
            (Group::X25519MlKem768, 1184 + 32, 1088 + 32, 64),
            #[cfg(feature = "post-quantum")]
            (Group::Secp256r1MlKem768, 65 + 1184, 65 + 1088, 64),
            #[cfg(feature = "post-quantum")]
            (Group::Secp384r1MlKem1024, 97 + 1568, 97 + 1568, 80),
            #[cfg(feature = "post-quantum")]
            (Group::MlKem768, 1184, 1088, 32),
            #[cfg(feature = "post-quantum")]
            (Group::MlKem1024, 1568, 1568, 32),
        ] {
            if !backend.supports_group(group) || !peer.supports_group(group) {
                continue;
            }
            let (key, other) =
                (EphemeralKey::generate(backend, group).unwrap(), EphemeralKey::generate(backend, group).unwrap());
            assert_ne!(key.public_key(), other.public_key());
            assert_eq!((key.public_key().len(), key.group()), (public_len, group));
            let response = KeyExchangeResponse::to(peer, group, &key.public_key()).unwrap();
            assert_eq!(response.share().len(), response_len);
            let at_key = key.agree(response.share()).unwrap();
            assert_eq!(at_key.as_bytes(), response.secret.as_bytes());
            assert_eq!(at_key.as_bytes().len(), secret_len);
            let again = KeyExchangeResponse::to(backend, group, &other.public_key()).unwrap();
            assert_ne!(again.secret.as_bytes(), at_key.as_bytes());
        }
    }
}

#[test]
fn ring_has_every_group_but_p521() {
    let lacking: Vec<_> = Group::ALL.iter().filter(|group| !Backend::ring().supports_group(**group)).collect();
    assert_eq!(lacking, [&Group::Secp521r1]);
    let share = [4; 133];
    assert_eq!(EphemeralKey::generate(Backend::ring(), Group::Secp521r1).unwrap_err(), Error::KeyExchange);
    assert_eq!(KeyExchangeResponse::to(Backend::ring(), Group::Secp521r1, &share).unwrap_err(), Error::KeyExchange);
}

#[test]
fn two_keys_of_a_curve_agree() {
    for &backend in Backend::ALL {
        for group in groups(backend).filter(|group| *group == Group::X25519 || is_curve_of_nist(*group)) {
            let (a, b) =
                (EphemeralKey::generate(backend, group).unwrap(), EphemeralKey::generate(backend, group).unwrap());
            let (public_a, public_b) = (a.public_key().to_vec(), b.public_key().to_vec());
            assert_eq!(a.agree(&public_b).unwrap().as_bytes(), b.agree(&public_a).unwrap().as_bytes());
        }
    }
}

/// Lengths near those of the parts of `share`, and the extremes.
fn wrong_lengths(share: &[u8]) -> Vec<usize> {
    let near = |at: usize| at.saturating_sub(2)..=at + 2;
    let parts = [0, 32, 64, 65, 97, 1088, 1184, 1568, share.len()];
    let mut lengths: Vec<_> = parts.into_iter().flat_map(near).filter(|length| *length != share.len()).collect();
    lengths.extend([share.len() * 2, 0xffff]);
    lengths
}

fn groups(backend: Backend) -> impl Iterator<Item = Group> {
    Group::ALL.iter().copied().filter(move |group| backend.supports_group(*group))
}

fn is_curve_of_nist(group: Group) -> bool {
    matches!(group, Group::Secp256r1 | Group::Secp384r1 | Group::Secp521r1)
}

#[test]
fn share_of_wrong_length_is_rejected() {
    for &backend in Backend::ALL {
        for group in groups(backend) {
            let share = EphemeralKey::generate(backend, group).unwrap().public_key().to_vec();
            let response = KeyExchangeResponse::to(backend, group, &share).unwrap().share().to_vec();
            for length in wrong_lengths(&share) {
                let mut wrong = share.clone();
                wrong.resize(length, 9);
                let rejected = KeyExchangeResponse::to(backend, group, &wrong);
                assert_eq!(rejected.unwrap_err(), Error::KeyExchange, "{group:?} {length}");
            }
            for length in wrong_lengths(&response) {
                let mut wrong = response.clone();
                wrong.resize(length, 9);
                let rejected = EphemeralKey::generate(backend, group).unwrap().agree(&wrong);
                assert_eq!(rejected.unwrap_err(), Error::KeyExchange, "{group:?} {length}");
            }
        }
    }
}

#[test]
fn invalid_and_compressed_points_are_rejected() {
    for &backend in Backend::ALL {
        for group in groups(backend).filter(|group| is_curve_of_nist(*group)) {
            let public = EphemeralKey::generate(backend, group).unwrap().public_key().to_vec();
            for byte in [0, 1, public.len() / 2, public.len() - 1] {
                let mut off = public.clone();
                off[byte] ^= 1;
                assert!(EphemeralKey::generate(backend, group).unwrap().agree(&off).is_err(), "{group:?} {byte}");
            }
            let mut compressed = public[..public.len() / 2 + 1].to_vec();
            compressed[0] = 2;
            assert!(EphemeralKey::generate(backend, group).unwrap().agree(&compressed).is_err());
        }
    }
}

#[test]
fn x25519_share_of_low_order_is_rejected() {
    for &backend in Backend::ALL {
        let mut one = [0; 32];
        one[0] = 1;
        for share in [[0; 32], one] {
            assert!(EphemeralKey::generate(backend, Group::X25519).unwrap().agree(&share).is_err());
            assert_eq!(KeyExchangeResponse::to(backend, Group::X25519, &share).unwrap_err(), Error::KeyExchange);
        }
    }
}

#[test]
fn fixed_private_key_of_wrong_length_is_rejected() {
    for &backend in Backend::ALL {
        for group in groups(backend) {
            let share = EphemeralKey::generate(backend, group).unwrap().public_key().to_vec();
            for length in [0, 31, 33, 47, 49, 63, 65, 95, 97, 111, 113] {
                let key = vec![1; length];
                assert!(EphemeralKey::from_private_key(backend, group, &key).is_err(), "{group:?} {length}");
                assert!(
                    KeyExchangeResponse::from_private_key(backend, group, &key, &share).is_err(),
                    "{group:?} {length}"
                );
            }
        }
    }
}

#[test]
fn key_has_no_share_of_another_group() {
    for &backend in Backend::ALL {
        for group in groups(backend) {
            let key = EphemeralKey::generate(backend, group).unwrap();
            for &other in Group::ALL {
                let expected = other == group || Some(other) == group.classical_part();
                assert_eq!(key.public_key_for(other).is_some(), expected, "{group:?} {other:?}");
                let narrowed = EphemeralKey::generate(backend, group).unwrap().into_group(other);
                assert_eq!(narrowed.map(|key| key.group()), expected.then_some(other), "{group:?} {other:?}");
            }
        }
    }
}

#[cfg(feature = "post-quantum")]
mod post_quantum {
    use ring::digest;

    use super::super::ml_kem::ParameterSet;
    use super::*;
    use crate::secret_bytes::SecretBytes;

    const HYBRIDS: [Group; 3] = [Group::X25519MlKem768, Group::Secp256r1MlKem768, Group::Secp384r1MlKem1024];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn sha256(bytes: &[u8]) -> Vec<u8> {
        digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
    }

    /// From Wycheproof: mlkem_768_test.json, test 2, and mlkem_1024_test.json, test 2, with `m`
    /// from the test of encapsulation with the same key. Long values are hashed with SHA-256.
    struct Vector {
        group: Group,
        set: ParameterSet,
        key_hash: &'static str,
        ciphertext_hash: &'static str,
        secret: &'static str,
        /// FIPS 203 algorithm 18, step 7: SHAKE-256 of `z` and the ciphertext whose first bit is
        /// inverted.
        rejection: &'static str,
    }

    const SEED: &str = "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d\
                        8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f";
    const MESSAGE: &str = "147c03f7a5bebba406c8fae1874d7f13c80efe79a3a9a874cc09fe76f6997615";

    const VECTORS: [Vector; 2] = [
        Vector {
            group: Group::MlKem768,
            set: ParameterSet::MlKem768,
            key_hash: "86adbca81f4fee893e2fb58fb98aa2fe188f501fed268d7f4056f8c05c4e53c4",
            ciphertext_hash: "36829a2f35cbf4deb62c0a12a15c22dae9f8d2c252566fc24f88abe805cb575e",
            secret: "e7184a0975ee3470878d2d159ec83129c8aec253d4ee17b4810311d198cd0368",
            rejection: "d8f24fa38430a171f93f27d46c52e0bc636d0a1fd5b9571951afbf1ad0b895a5",
        },
        Vector {
            group: Group::MlKem1024,
            set: ParameterSet::MlKem1024,
            key_hash: "61b95ec8c32ae85ad7a17ae5b9c2dfb083e05f767da3ba9a0a8092ea6b4cbf7a",
            ciphertext_hash: "508136a13f8a7920e3434498c6975cbbab457d809309eb2f92453e7409738210",
            secret: "489dd1e9c2be4af3482bdb35bb26ce760e6e414da6ecbe489985748a825f1cd6",
            rejection: "bbf9ab5996fd96cbe574cc5f0d469237b82533ab10e7396e086b3f74e4e3e749",
        },
    ];

    #[test]
    fn ml_kem_has_known_answers() {
        for &backend in Backend::ALL {
            for vector in VECTORS {
                let key = || EphemeralKey::from_private_key(backend, vector.group, &hex(SEED)).unwrap();
                assert_eq!(sha256(&key().public_key()), hex(vector.key_hash));
                let message = hex(MESSAGE);
                let response =
                    KeyExchangeResponse::from_private_key(Backend::ring(), vector.group, &message, &key().public_key())
                        .unwrap();
                assert_eq!(sha256(response.share()), hex(vector.ciphertext_hash));
                assert_eq!(response.secret.as_bytes(), hex(vector.secret));
                assert_eq!(key().agree(response.share()).unwrap().as_bytes(), hex(vector.secret));
                let mut other = response.share().to_vec();
                other[0] ^= 1;
                assert_eq!(key().agree(&other).unwrap().as_bytes(), hex(vector.rejection));
            }
        }
    }

    /// FIPS 203 §7.2: each coefficient must be below 3329.
    #[test]
    fn encapsulation_key_with_excess_coefficient_is_rejected() {
        for &backend in Backend::ALL {
            for vector in VECTORS {
                let mut key = EphemeralKey::generate(backend, vector.group).unwrap().public_key().to_vec();
                let message = SecretBytes::new([7; 32]);
                let coefficients = (key.len() - 32) / 3 * 2;
                for at in [0, 1, 255, 256, coefficients - 2, coefficients - 1] {
                    let sound = key.clone();
                    for (value, accepted) in [(0, true), (3328, true), (3329, false), (3330, false), (4095, false)] {
                        set_coefficient(&mut key, at, value);
                        let result = vector.set.encapsulate(&key, &message, &mut Vec::new());
                        assert_eq!(result.map(|_| ()).ok(), accepted.then_some(()), "{at} {value}");
                        let result = KeyExchangeResponse::to(backend, vector.group, &key);
                        assert_eq!(result.err(), (!accepted).then_some(Error::KeyExchange), "{at} {value}");
                    }
                    key = sound;
                }
            }
        }
    }

    /// Overwrites a coefficient of 12 bits (FIPS 203 algorithm 5).
    fn set_coefficient(key: &mut [u8], at: usize, value: u16) {
        let first = at / 2 * 3;
        let [low, high] = value.to_le_bytes();
        if at.is_multiple_of(2) {
            key[first] = low;
            key[first + 1] = key[first + 1] & 0xf0 | high;
        } else {
            key[first + 1] = key[first + 1] & 0x0f | low << 4;
            key[first + 2] = low >> 4 | high << 4;
        }
    }

    /// The draft has no test vectors: a share and a secret are the concatenation of those of both
    /// parts, ML-KEM first in X25519MLKEM768 and last in the others.
    #[test]
    fn hybrid_concatenates_shares_and_secrets_of_its_parts() {
        for &backend in Backend::ALL {
            for (group, curve, ml_kem, ml_kem_is_first) in [
                (Group::X25519MlKem768, Group::X25519, &VECTORS[0], true),
                (Group::Secp256r1MlKem768, Group::Secp256r1, &VECTORS[0], false),
                (Group::Secp384r1MlKem1024, Group::Secp384r1, &VECTORS[1], false),
            ] {
                let joined = |ecdh: &[u8], ml_kem: &[u8]| {
                    if ml_kem_is_first { [ml_kem, ecdh].concat() } else { [ecdh, ml_kem].concat() }
                };
                let (seed, message) = (hex(SEED), hex(MESSAGE));
                let scalar_len = if curve == Group::Secp384r1 { 48 } else { 32 };
                let (scalar, their_scalar) = (vec![0x11; scalar_len], vec![0x22; scalar_len]);
                let ecdh = EphemeralKey::from_private_key(backend, curve, &scalar).unwrap();
                let their_ecdh = EphemeralKey::from_private_key(backend, curve, &their_scalar).unwrap();
                let (point, their_point) = (ecdh.public_key().to_vec(), their_ecdh.public_key().to_vec());
                let kem = EphemeralKey::from_private_key(backend, ml_kem.group, &seed).unwrap();
                let kem_response =
                    KeyExchangeResponse::from_private_key(Backend::ring(), ml_kem.group, &message, &kem.public_key())
                        .unwrap();

                let key = EphemeralKey::from_private_key(backend, group, &joined(&scalar, &seed)).unwrap();
                assert_eq!(key.public_key(), joined(&point, &kem.public_key()));
                assert_eq!(key.public_key_for(curve).as_deref(), Some(&point[..]));
                let response = KeyExchangeResponse::from_private_key(
                    Backend::ring(),
                    group,
                    &joined(&their_scalar, &message),
                    &key.public_key(),
                );
                let response = response.unwrap();
                assert_eq!(response.share(), joined(&their_point, kem_response.share()));
                let secret = joined(ecdh.agree(&their_point).unwrap().as_bytes(), &hex(ml_kem.secret));
                assert_eq!(response.secret.as_bytes(), secret);
                assert_eq!(key.agree(response.share()).unwrap().as_bytes(), secret);
            }
        }
    }

    #[test]
    fn hybrid_key_serves_its_classical_part() {
        for &backend in Backend::ALL {
            for group in HYBRIDS {
                let curve = group.classical_part().unwrap();
                let key = EphemeralKey::generate(backend, group).unwrap();
                let point = key.public_key_for(curve).unwrap().to_vec();
                let key = key.into_group(curve).unwrap();
                assert_eq!((key.group(), key.public_key().as_ref()), (curve, &point[..]));
                let response = KeyExchangeResponse::to(backend, curve, &point).unwrap();
                assert_eq!(key.agree(response.share()).unwrap().as_bytes(), response.secret.as_bytes());
            }
        }
    }

    #[test]
    fn invalid_point_of_a_hybrid_is_rejected() {
        for &backend in Backend::ALL {
            for group in HYBRIDS {
                let share = EphemeralKey::generate(backend, group).unwrap().public_key().to_vec();
                let response = KeyExchangeResponse::to(backend, group, &share).unwrap().share().to_vec();
                // Zeros are of low order in X25519, and no point of the other curves.
                let without_point = |share: &[u8]| {
                    let mut share = share.to_vec();
                    let point_len =
                        EphemeralKey::generate(backend, group.classical_part().unwrap()).unwrap().public_key().len();
                    let at = if group == Group::X25519MlKem768 { share.len() - point_len } else { 0 };
                    share[at..at + point_len].fill(0);
                    share
                };
                assert_eq!(
                    KeyExchangeResponse::to(backend, group, &without_point(&share)).unwrap_err(),
                    Error::KeyExchange
                );
                let key = EphemeralKey::generate(backend, group).unwrap();
                assert_eq!(key.agree(&without_point(&response)).unwrap_err(), Error::KeyExchange);
            }
        }
    }
}
