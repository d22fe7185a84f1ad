//! SubjectPublicKeyInfo (RFC 5280 §4.1): compares public keys in the forms that certificates and
//! keys use for them.

use pki_types::alg_id;

use crate::der::{self, Elements};

/// Returns whether two SubjectPublicKeyInfos (DER) contain the same public key. Unlike a comparison
/// of bytes, it accepts RSA keys without the NULL that RFC 3279 §2.3.1 requires, and compressed
/// points (RFC 5480 §2.2).
///
/// ```
/// use strata_tls_crypto::{PrivateKey, spki};
///
/// # fn check(key: &PrivateKey, of_certificate: &[u8]) -> bool {
/// spki::same_key(&key.subject_public_key_info(), of_certificate)
/// # }
/// ```
#[must_use]
pub fn same_key(one: &[u8], other: &[u8]) -> bool {
    let (Some((one_algorithm, one_key)), Some((other_algorithm, other_key))) = (parts(one), parts(other)) else {
        return one == other;
    };
    let is_point = one_algorithm == alg_id::ECDSA_P256.as_ref() || one_algorithm == alg_id::ECDSA_P384.as_ref();
    same_algorithm(one_algorithm, other_algorithm)
        && (one_key == other_key || (is_point && same_point(one_key, other_key)))
}

/// Returns the contents of the AlgorithmIdentifier, and the public key.
pub(crate) fn parts(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Elements::new(spki);
    let mut fields = Elements::new(outer.expect(der::SEQUENCE)?);
    let algorithm = fields.expect(der::SEQUENCE)?;
    let key = fields.expect(der::BIT_STRING)?.strip_prefix(&[0])?;
    (outer.is_empty() && fields.is_empty()).then_some((algorithm, key))
}

/// Compares the contents of AlgorithmIdentifiers. For rsaEncryption, absent parameters equal NULL.
pub(crate) fn same_algorithm(one: &[u8], other: &[u8]) -> bool {
    let normal = |algorithm: &[u8]| {
        let rsa = alg_id::RSA_ENCRYPTION;
        algorithm == rsa.as_ref() || rsa.strip_suffix(NULL).is_some_and(|oid| oid == algorithm)
    };
    one == other || (normal(one) && normal(other))
}

/// Returns whether a point is compressed (SEC1 §2.3.3).
pub(crate) fn is_compressed(point: &[u8]) -> bool {
    matches!(point.first(), Some(2 | 3))
}

/// Compares points, one of which may be compressed to its x-coordinate and the parity of y.
pub(crate) fn same_point(one: &[u8], other: &[u8]) -> bool {
    let compressed = |point: &[u8]| {
        let (form, coordinates) = point.split_first()?;
        match form {
            2 | 3 => Some((*form, coordinates.to_vec())),
            4 => {
                let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
                Some((2 | (y.last()? & 1), x.to_vec()))
            }
            _ => None,
        }
    };
    // Two whole points differ in y as well.
    if !is_compressed(one) && !is_compressed(other) {
        return one == other;
    }
    compressed(one).is_some_and(|one| Some(one) == compressed(other))
}

const NULL: &[u8] = &[5, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn made(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
        let key = der::element(der::BIT_STRING, &[&[0], key]);
        der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[algorithm]), &key])
    }

    #[test]
    fn rsa_parameters_may_be_absent() {
        let rsa = alg_id::RSA_ENCRYPTION;
        let (with, without) = (made(&rsa, b"key"), made(rsa.strip_suffix(NULL).unwrap(), b"key"));
        assert!(same_key(&with, &without) && same_key(&without, &with) && same_key(&without, &without));
        assert!(!same_key(&with, &made(rsa.strip_suffix(NULL).unwrap(), b"kex")));
        assert!(!same_key(&with, &made(&[&rsa[..rsa.len() - 2], &[2, 0]].concat(), b"key")));
        let ed25519 = made(&alg_id::ED25519, b"key");
        assert!(
            same_key(&ed25519, &ed25519) && !same_key(&ed25519, &made(&[&alg_id::ED25519[..], NULL].concat(), b"key"))
        );
    }

    #[test]
    fn compressed_point_equals_whole_point() {
        let (even, odd) = ([&[4][..], &[1; 32], &[2; 32]].concat(), [&[4][..], &[1; 32], &[3; 32]].concat());
        let p256 = |point: &[u8]| made(&alg_id::ECDSA_P256, point);
        let short = |form: u8| p256(&[&[form][..], &[1; 32]].concat());
        for (whole, form, other) in [(&even, 2, 3), (&odd, 3, 2)] {
            assert!(same_key(&p256(whole), &short(form)) && same_key(&short(form), &p256(whole)));
            assert!(!same_key(&p256(whole), &short(other)) && !same_key(&short(form), &short(other)));
            assert!(!same_key(&p256(whole), &p256(&[&[form][..], &[2; 32]].concat())));
            assert!(!same_key(&p256(whole), &made(&alg_id::ECDSA_P384, &[&[form][..], &[1; 32]].concat())));
        }
        let same_parity = [&[4][..], &[1; 32], &[4; 32]].concat();
        assert!(!same_key(&p256(&even), &p256(&same_parity)));
    }

    #[test]
    fn malformed_keys_differ_without_panic() {
        let whole = made(&alg_id::ECDSA_P256, &[4, 1, 2]);
        for length in 0..whole.len() {
            assert!(!same_key(&whole, &whole[..length]) && parts(&whole[..length]).is_none());
        }
        for point in [&[][..], &[2], &[4], &[5, 1], &[4, 1]] {
            assert!(!same_point(point, &[2, 9]) && !same_point(&[2, 9], point));
        }
    }
}
