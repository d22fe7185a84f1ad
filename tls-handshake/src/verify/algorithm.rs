//! Names keys and signature algorithms, and says which of them are not supported. Runs only after a
//! rejection: the libraries below report an unsupported key like an invalid signature.

use tls_codec::code_points::SignatureScheme;
use tls_crypto::der::{self, Elements};
use tls_crypto::verify::{Algorithm, verifier, verifiers};
use tls_crypto::{Backend, EphemeralKey, Group};

use crate::certificate_error::{UnsupportedPart, UnsupportedSignature};
use crate::verify::signature::verify_signed;
use crate::verify::x509::{Signed, dotted, sole, whole_bytes};

/// Why a signature is not accepted with a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// The signature was checked, and the key did not make it.
    Invalid,
    /// The key has another type than the signature, so it did not make it.
    OtherKeyType,
    /// The signature was not checked.
    Unsupported(UnsupportedSignature),
}

/// Checks a signature with a key (a SubjectPublicKeyInfo). Returns why it is not accepted.
pub(crate) fn signature_fault(backend: Backend, spki: &[u8], signed: &Signed<'_>) -> Option<SignatureFault> {
    let result = verify_signed(verifiers(backend), &spki.into(), signed);
    result.err().map(|e| explain_signature(backend, &e, spki, signed))
}

/// Returns what webpki's error about a signature with this key means.
pub(crate) fn explain_signature(
    backend: Backend,
    e: &webpki::Error,
    spki: &[u8],
    signed: &Signed<'_>,
) -> SignatureFault {
    let (algorithm, mut key) = (SignatureAlgorithm::read(backend, signed.algorithm), Key::read(backend, spki));
    let part = if !algorithm.is_supported {
        UnsupportedPart::Algorithm
    } else if algorithm.family != key.family {
        return SignatureFault::OtherKeyType;
    } else if !key.is_supported {
        UnsupportedPart::Key
    } else if let Some(text) = off_curve(backend, spki) {
        key.text = text;
        UnsupportedPart::Key
    } else if matches!(e, webpki::Error::InvalidSignatureForPublicKey) {
        return SignatureFault::Invalid;
    } else {
        UnsupportedPart::Combination
    };
    SignatureFault::Unsupported(UnsupportedSignature { part, algorithm: algorithm.text, key: Some(key.text) })
}

/// Returns what is not supported about a signature with this key, after webpki's error; `None` if
/// the signature is invalid.
pub(crate) fn unsupported_signature(
    backend: Backend,
    e: &webpki::Error,
    spki: &[u8],
    signed: &Signed<'_>,
) -> Option<Box<UnsupportedSignature>> {
    match explain_signature(backend, e, spki, signed) {
        SignatureFault::Invalid => None,
        SignatureFault::Unsupported(unsupported) => Some(unsupported.into()),
        SignatureFault::OtherKeyType => Some(Box::new(UnsupportedSignature {
            part: UnsupportedPart::Combination,
            algorithm: SignatureAlgorithm::read(backend, signed.algorithm).text,
            key: Some(Key::read(backend, spki).text),
        })),
    }
}

/// Returns the text of a key (a SubjectPublicKeyInfo) that is not supported, although it can sign
/// with this scheme. `binds_curve` says whether the scheme names the curve.
pub(crate) fn unsupported_key_of(
    backend: Backend,
    scheme: SignatureScheme,
    binds_curve: bool,
    spki: &[u8],
) -> Option<String> {
    let key = Key::read(backend, spki);
    let family = match scheme {
        SignatureScheme::ED25519 => Family::Ed25519,
        SignatureScheme::ECDSA_SECP256R1_SHA256
        | SignatureScheme::ECDSA_SECP384R1_SHA384
        | SignatureScheme::ECDSA_SECP521R1_SHA512 => Family::Ec,
        SignatureScheme::MLDSA44 => Family::MlDsa(17),
        SignatureScheme::MLDSA65 => Family::MlDsa(18),
        SignatureScheme::MLDSA87 => Family::MlDsa(19),
        _ => Family::Rsa,
    };
    let is_other = key.is_pss_only || binds_curve && key.is_other_curve;
    if key.family != family || is_other {
        return None;
    }
    if key.is_supported { off_curve(backend, spki) } else { Some(key.text) }
}

/// The mathematics of a key or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Rsa,
    Ec,
    Ed25519,
    /// The last arc of the identifier, which names the parameter set.
    MlDsa(u8),
    Other,
}

/// A signature algorithm.
pub(crate) struct SignatureAlgorithm {
    family: Family,
    is_supported: bool,
    pub(crate) text: String,
}

impl SignatureAlgorithm {
    /// Reads the contents of an AlgorithmIdentifier.
    pub(crate) fn read(backend: Backend, algorithm: &[u8]) -> Self {
        let mut fields = Elements::new(algorithm);
        let Some((oid, whole)) = fields.expect_whole(der::OBJECT_IDENTIFIER) else {
            return Self {
                family: Family::Other,
                is_supported: false,
                text: "an algorithm that cannot be parsed".into(),
            };
        };
        let known = verifiers(backend);
        let is_supported = known.iter().any(|known| known.signature_alg_id().as_ref() == algorithm);
        let (family, mut text) = match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10] => (Family::Rsa, pss(fields)),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, hash] => {
                let hash = match hash {
                    2 => "MD2",
                    3 => "MD4",
                    4 => "MD5",
                    5 => "SHA-1",
                    11 => "SHA-256",
                    12 => "SHA-384",
                    13 => "SHA-512",
                    14 => "SHA-224",
                    15 => "SHA-512/224",
                    16 => "SHA-512/256",
                    _ => "an unknown hash",
                };
                (Family::Rsa, format!("RSA PKCS#1 v1.5 with {hash}"))
            }
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => (Family::Ec, "ECDSA with SHA-1".into()),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, hash] => {
                let hash = match hash {
                    1 => "SHA-224",
                    2 => "SHA-256",
                    3 => "SHA-384",
                    4 => "SHA-512",
                    _ => "an unknown hash",
                };
                (Family::Ec, format!("ECDSA with {hash}"))
            }
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, of_nist] => match of_nist {
                1 => (Family::Other, "DSA with SHA-224".into()),
                2 => (Family::Other, "DSA with SHA-256".into()),
                9 => (Family::Ec, "ECDSA with SHA3-224".into()),
                10 => (Family::Ec, "ECDSA with SHA3-256".into()),
                11 => (Family::Ec, "ECDSA with SHA3-384".into()),
                12 => (Family::Ec, "ECDSA with SHA3-512".into()),
                13..=16 => (Family::Rsa, "RSA PKCS#1 v1.5 with SHA-3".into()),
                _ => match ml_dsa(*of_nist) {
                    Some((name, _)) => (Family::MlDsa(*of_nist), name.into()),
                    None => (Family::Other, other(oid)),
                },
            },
            [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3] => (Family::Other, "DSA with SHA-1".into()),
            [0x2b, 0x65, 0x70] => (Family::Ed25519, "Ed25519".into()),
            [0x2b, 0x65, 0x71] => (Family::Other, "Ed448".into()),
            _ => (Family::Other, other(oid)),
        };
        let is_pss = oid.ends_with(&[1, 1, 10]);
        if !is_supported && !is_pss && known.iter().any(|known| known.signature_alg_id().as_ref().starts_with(whole)) {
            text.push_str(" in an invalid encoding (its parameters)");
        }
        Self { family, is_supported, text }
    }
}

/// Names RSASSA-PSS with its parameters (RFC 4055 §3.1).
fn pss(mut fields: Elements<'_>) -> String {
    let mut fields = Elements::new(fields.optional(der::SEQUENCE).unwrap_or_default());
    let hash_of = |algorithm: Option<&[u8]>| {
        let oid = algorithm.and_then(|algorithm| Elements::new(algorithm).expect(der::OBJECT_IDENTIFIER));
        match oid {
            Some([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]) => "SHA-256",
            Some([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2]) => "SHA-384",
            Some([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3]) => "SHA-512",
            Some([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4]) => "SHA-224",
            Some([0x2b, 14, 3, 2, 26]) | None => "SHA-1",
            Some(_) => "an unknown hash",
        }
    };
    let hash = fields.optional(der::CONTEXT_0).map(|hash| sole(hash, der::SEQUENCE).unwrap_or_default());
    let hash = hash_of(hash);
    // The parameters of MGF1 are its hash.
    let mgf = fields.optional(der::CONTEXT_1).and_then(|mgf| {
        let mut mgf = Elements::new(sole(mgf, der::SEQUENCE)?);
        mgf.expect(der::OBJECT_IDENTIFIER)?;
        mgf.optional(der::SEQUENCE)
    });
    let mgf = hash_of(mgf);
    let salt = match fields.optional(der::CONTEXT_2).map(|salt| sole(salt, der::INTEGER)) {
        None => Some(20),
        Some(digits) => digits.and_then(small_number),
    };
    let salt = salt.map_or_else(|| "an invalid salt length".to_owned(), |salt| format!("a salt of {salt} bytes"));
    format!("RSASSA-PSS with {hash}, MGF1 with {mgf} and {salt}")
}

/// A public key.
pub(crate) struct Key {
    family: Family,
    is_supported: bool,
    /// True if it is on a curve of another name than the supported ones.
    is_other_curve: bool,
    /// True if it is restricted to RSASSA-PSS (id-RSASSA-PSS).
    is_pss_only: bool,
    pub(crate) text: String,
}

impl Key {
    /// Reads a SubjectPublicKeyInfo.
    pub(crate) fn read(backend: Backend, spki: &[u8]) -> Self {
        Self::read_fields(backend, spki).unwrap_or(Self {
            family: Family::Other,
            is_supported: false,
            is_other_curve: false,
            is_pss_only: false,
            text: "a key that cannot be parsed".into(),
        })
    }

    fn read_fields(backend: Backend, spki: &[u8]) -> Option<Self> {
        let mut fields = Elements::new(sole(spki, der::SEQUENCE)?);
        let algorithm = fields.expect(der::SEQUENCE)?;
        let key = whole_bytes(fields.expect(der::BIT_STRING)?)?;
        let is_known = verifiers(backend).iter().any(|known| known.public_key_alg_id().as_ref() == algorithm);
        let mut fields = Elements::new(algorithm);
        let oid = fields.expect(der::OBJECT_IDENTIFIER)?;
        let (family, is_supported, text) = match oid {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => {
                let (is_supported, mut text) = rsa(key);
                if !is_known {
                    text.push_str(" without the NULL parameters that RFC 3279 requires");
                }
                (Family::Rsa, is_known && is_supported, text)
            }
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10] => {
                (Family::Rsa, false, format!("{} restricted to RSASSA-PSS (id-RSASSA-PSS)", rsa(key).1))
            }
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => {
                let (is_supported, text) = ec(backend, fields, key);
                (Family::Ec, is_known && is_supported, text)
            }
            [0x2b, 0x65, 0x70] => match is_known && key.len() == 32 {
                true => (Family::Ed25519, true, "an Ed25519 key".into()),
                false => (Family::Ed25519, false, "an Ed25519 key in an invalid encoding".into()),
            },
            [0x2b, 0x65, 0x71] => (Family::Other, false, "an Ed448 key".into()),
            [0x2b, 0x65, 0x6e] => (Family::Other, false, "an X25519 key, which cannot sign".into()),
            [0x2b, 0x65, 0x6f] => (Family::Other, false, "an X448 key, which cannot sign".into()),
            [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => (Family::Other, false, "a DSA key".into()),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, of_nist] => match ml_dsa(*of_nist) {
                Some((name, length)) if is_known && key.len() != length => {
                    (Family::MlDsa(*of_nist), false, format!("a key for {name} in an invalid encoding"))
                }
                Some((name, _)) => (Family::MlDsa(*of_nist), is_known, format!("a key for {name}")),
                None => (Family::Other, false, format!("a key for {}", other(oid))),
            },
            _ => (Family::Other, false, format!("a key for {}", other(oid))),
        };
        let is_other_curve =
            family == Family::Ec && !is_known && Elements::new(fields.rest()).expect(der::OBJECT_IDENTIFIER).is_some();
        let is_pss_only = family == Family::Rsa && oid.ends_with(&[10]);
        Some(Self { family, is_supported, is_other_curve, is_pss_only, text })
    }
}

/// Returns whether an RSAPublicKey (RFC 8017 §A.1.1) is supported, and its text.
fn rsa(key: &[u8]) -> (bool, String) {
    let read = || {
        let mut fields = Elements::new(sole(key, der::SEQUENCE)?);
        let (modulus, exponent) = (fields.expect(der::INTEGER)?, fields.expect(der::INTEGER)?);
        if !fields.is_empty() || !is_positive(modulus) || !is_positive(exponent) {
            return None;
        }
        let start = modulus.iter().position(|byte| *byte != 0)?;
        let significant = modulus.get(start..)?;
        let bits = significant
            .len()
            .saturating_mul(8)
            .checked_sub(usize::try_from(significant.first()?.leading_zeros()).ok()?)?;
        Some((bits, small_number(exponent), significant.last()? % 2 == 1))
    };
    let Some((bits, exponent, is_odd)) = read() else { return (false, "an RSA key that cannot be parsed".into()) };
    // ring counts whole bytes for the minimum.
    let has_size = bits.div_ceil(8) >= 256 && bits <= 8192;
    match exponent {
        _ if !is_odd => (false, format!("an RSA key of {bits} bits with an even modulus")),
        Some(exponent @ 3..=0x1_ffff_ffff) if exponent % 2 == 1 => (has_size, format!("an RSA key of {bits} bits")),
        Some(exponent) => (false, format!("an RSA key of {bits} bits with the public exponent {exponent}")),
        None => (false, format!("an RSA key of {bits} bits with a public exponent of more than 64 bits")),
    }
}

/// Returns the text of a key on a supported curve whose point is not on that curve. Costs about as
/// much as to check a signature.
fn off_curve(backend: Backend, spki: &[u8]) -> Option<String> {
    let mut fields = Elements::new(sole(spki, der::SEQUENCE)?);
    let mut algorithm = Elements::new(fields.expect(der::SEQUENCE)?);
    algorithm.expect(der::OBJECT_IDENTIFIER).filter(|oid| *oid == [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1])?;
    let (group, name) = match algorithm.expect(der::OBJECT_IDENTIFIER)? {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => (Group::Secp256r1, "P-256"),
        [0x2b, 0x81, 4, 0, 34] => (Group::Secp384r1, "P-384"),
        [0x2b, 0x81, 4, 0, 35] => (Group::Secp521r1, "P-521"),
        _ => return None,
    };
    let point = whole_bytes(fields.expect(der::BIT_STRING)?)?;
    // Key agreement checks the point.
    let key = EphemeralKey::generate(backend, group).ok()?;
    key.agree(point).is_err().then(|| format!("an EC key on {name} whose point is not on the curve"))
}

/// Returns whether an INTEGER is positive and encoded as DER requires.
fn is_positive(digits: &[u8]) -> bool {
    match digits {
        [0, next, ..] => *next >= 0x80,
        [first, ..] => (1..0x80).contains(first),
        [] => false,
    }
}

/// Returns whether an EC key (RFC 5480 §2) is supported, and its text. `fields` starts with the
/// parameters.
fn ec(backend: Backend, mut fields: Elements<'_>, point: &[u8]) -> (bool, String) {
    let (name, bytes) = match fields.next() {
        Some((der::OBJECT_IDENTIFIER, oid)) => match oid {
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => ("P-256".to_owned(), Some(32)),
            [0x2b, 0x81, 4, 0, 34] => ("P-384".to_owned(), Some(48)),
            [0x2b, 0x81, 4, 0, 35] => ("P-521".to_owned(), verifier(backend, Algorithm::EcdsaP521Sha512).map(|_| 66)),
            [0x2b, 0x81, 4, 0, 33] => ("P-224".to_owned(), None),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1] => ("P-192".to_owned(), None),
            [0x2b, 0x81, 4, 0, 10] => ("secp256k1".to_owned(), None),
            [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7] => ("brainpoolP256r1".to_owned(), None),
            [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11] => ("brainpoolP384r1".to_owned(), None),
            [0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13] => ("brainpoolP512r1".to_owned(), None),
            _ => (format!("curve {}", dotted(oid)), None),
        },
        Some((der::SEQUENCE, _)) => {
            return (false, "an EC key with explicit curve parameters instead of a name".into());
        }
        _ => return (false, "an EC key without a curve".into()),
    };
    let Some(bytes) = bytes else { return (false, format!("an EC key on {name}")) };
    match point.first() {
        Some(2 | 3) => (false, format!("an EC key on {name} with a compressed point")),
        Some(4) if point.len() == 1 + 2 * bytes => (true, format!("an EC key on {name}")),
        _ => (false, format!("an EC key on {name} with an invalid point")),
    }
}

/// Names the signature algorithms of FIPS 204 by the last arc of their identifier, with the length
/// of their public keys.
fn ml_dsa(arc: u8) -> Option<(&'static str, usize)> {
    match arc {
        17 => Some(("ML-DSA-44", 1312)),
        18 => Some(("ML-DSA-65", 1952)),
        19 => Some(("ML-DSA-87", 2592)),
        _ => None,
    }
}

fn other(oid: &[u8]) -> String {
    format!("the algorithm {}", dotted(oid))
}

/// Returns the value of a non-negative INTEGER of at most 64 bits (contents only).
pub(crate) fn small_number(digits: &[u8]) -> Option<u64> {
    let digits = match digits {
        [] => return None,
        [first, ..] if first & 0x80 != 0 => return None,
        [0, rest @ ..] => rest,
        all => all,
    };
    (digits.len() <= 8).then(|| digits.iter().fold(0, |value, digit| (value << 8) | u64::from(*digit)))
}
