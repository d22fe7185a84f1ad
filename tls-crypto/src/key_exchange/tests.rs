use super::*;

#[test]
fn both_sides_agree_in_every_group() {
    for (group, public_len, secret_len) in
        [(Group::X25519, 32, 32), (Group::Secp256r1, 65, 32), (Group::Secp384r1, 97, 48)]
    {
        let (a, b) = (EphemeralKey::generate(group).unwrap(), EphemeralKey::generate(group).unwrap());
        let (public_a, public_b) = (a.public_key().to_vec(), b.public_key().to_vec());
        assert_ne!(public_a, public_b);
        assert_eq!((public_a.len(), a.group()), (public_len, group));
        let (at_a, at_b) = (a.agree(&public_b).unwrap(), b.agree(&public_a).unwrap());
        assert_eq!(at_a.as_bytes(), at_b.as_bytes());
        assert_eq!(at_a.as_bytes().len(), secret_len);
    }
}

#[test]
fn response_yields_the_secret_of_the_key_that_began() {
    for &group in Group::ALL {
        let key = EphemeralKey::generate(group).unwrap();
        let response = KeyExchangeResponse::to(group, key.public_key()).unwrap();
        let at_key = key.agree(response.share()).unwrap();
        assert_eq!(at_key.as_bytes(), response.into_secret().as_bytes());
    }
}

#[test]
fn public_key_of_wrong_length_is_rejected() {
    for &group in Group::ALL {
        let mut public = EphemeralKey::generate(group).unwrap().public_key().to_vec();
        for length in 0..public.len() {
            let rejected = EphemeralKey::generate(group).unwrap().agree(&public[..length]);
            assert_eq!(rejected.unwrap_err(), Error::KeyExchange, "{group:?} {length}");
            let rejected = KeyExchangeResponse::to(group, &public[..length]);
            assert_eq!(rejected.unwrap_err(), Error::KeyExchange, "{group:?} {length}");
        }
        public.push(0);
        assert!(EphemeralKey::generate(group).unwrap().agree(&public).is_err());
        assert_eq!(KeyExchangeResponse::to(group, &public).unwrap_err(), Error::KeyExchange);
    }
}

#[test]
fn invalid_and_compressed_points_are_rejected() {
    for group in [Group::Secp256r1, Group::Secp384r1] {
        let public = EphemeralKey::generate(group).unwrap().public_key().to_vec();
        for byte in [0, 1, public.len() / 2, public.len() - 1] {
            let mut off = public.clone();
            off[byte] ^= 1;
            assert!(EphemeralKey::generate(group).unwrap().agree(&off).is_err(), "{group:?} {byte}");
        }
        let mut compressed = public[..public.len() / 2 + 1].to_vec();
        compressed[0] = 2;
        assert!(EphemeralKey::generate(group).unwrap().agree(&compressed).is_err());
    }
}

#[test]
fn x25519_share_of_low_order_is_rejected() {
    let mut one = [0; 32];
    one[0] = 1;
    for share in [[0; 32], one] {
        assert!(EphemeralKey::generate(Group::X25519).unwrap().agree(&share).is_err());
    }
}

#[test]
fn fixed_private_key_of_wrong_length_is_rejected() {
    for &group in Group::ALL {
        for length in [0, 31, 33, 47, 49] {
            assert!(EphemeralKey::from_private_key(group, &vec![1; length]).is_err(), "{group:?} {length}");
        }
    }
}
