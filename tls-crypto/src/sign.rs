//! Private keys and signing.

use core::fmt;

use pki_types::{PrivateKeyDer, alg_id};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use zeroize::Zeroizing;

use crate::pem::Sections;
use crate::{Error, der};

mod rejected;

pub use rejected::KeyRejected;

/// A signature algorithm. The handshake maps SignatureScheme values (RFC 9846 §4.3.3) to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256. Not allowed in TLS 1.3 handshakes.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384. Not allowed in TLS 1.3 handshakes.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512. Not allowed in TLS 1.3 handshakes.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512 and a salt of 64 bytes.
    RsaPssSha512,
    /// ECDSA over P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA over P-384 with SHA-384.
    EcdsaP384Sha384,
    /// Ed25519, RFC 8032.
    Ed25519,
}

impl SignatureAlgorithm {
    /// Returns its code point in the SignatureScheme registry (RFC 9846 §4.3.3).
    ///
    /// ```
    /// assert_eq!(strata_tls_crypto::SignatureAlgorithm::Ed25519.id(), 0x0807);
    /// ```
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::RsaPkcs1Sha256 => 0x0401,
            Self::RsaPkcs1Sha384 => 0x0501,
            Self::RsaPkcs1Sha512 => 0x0601,
            Self::EcdsaP256Sha256 => 0x0403,
            Self::EcdsaP384Sha384 => 0x0503,
            Self::RsaPssSha256 => 0x0804,
            Self::RsaPssSha384 => 0x0805,
            Self::RsaPssSha512 => 0x0806,
            Self::Ed25519 => 0x0807,
        }
    }

    fn rsa(self) -> Option<&'static dyn signature::RsaEncoding> {
        match self {
            Self::RsaPkcs1Sha256 => Some(&signature::RSA_PKCS1_SHA256),
            Self::RsaPkcs1Sha384 => Some(&signature::RSA_PKCS1_SHA384),
            Self::RsaPkcs1Sha512 => Some(&signature::RSA_PKCS1_SHA512),
            Self::RsaPssSha256 => Some(&signature::RSA_PSS_SHA256),
            Self::RsaPssSha384 => Some(&signature::RSA_PSS_SHA384),
            Self::RsaPssSha512 => Some(&signature::RSA_PSS_SHA512),
            Self::EcdsaP256Sha256 | Self::EcdsaP384Sha384 | Self::Ed25519 => None,
        }
    }
}

/// A private key for signing.
///
/// ```no_run
/// use strata_tls_crypto::PrivateKey;
///
/// let key = PrivateKey::from_pem(&std::fs::read("key.pem")?)?;
/// let signature = key.sign(key.algorithms()[0], b"message")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PrivateKey(Kind);

enum Kind {
    Rsa(RsaKeyPair),
    EcdsaP256(EcdsaKeyPair),
    EcdsaP384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Reads the first private key in a PEM file: `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE
    /// KEY`.
    ///
    /// This leaves no copy of the key in memory, except those in ring's parser and the one used for
    /// signing. The caller should overwrite `file` after use, for example with `Zeroizing`.
    ///
    /// # Errors
    ///
    /// [`KeyRejected`] as for [`from_der`](Self::from_der), and if the file is not PEM or contains
    /// no private key.
    pub fn from_pem(file: &[u8]) -> Result<Self, KeyRejected> {
        let mut has_encrypted = false;
        for section in Sections::new(file) {
            let section = section.map_err(KeyRejected::BadPem)?;
            let read: fn(&[u8]) -> Result<Self, KeyRejected> = match section.label() {
                _ if section.is_encrypted() => {
                    has_encrypted = true;
                    continue;
                }
                b"PRIVATE KEY" => Self::from_pkcs8,
                b"RSA PRIVATE KEY" => Self::from_pkcs1,
                b"EC PRIVATE KEY" => Self::from_sec1,
                _ => continue,
            };
            return read(&section.decode().map_err(KeyRejected::BadPem)?);
        }
        Err(if has_encrypted { KeyRejected::Encrypted } else { KeyRejected::NoKey })
    }

    /// Reads a key in PKCS#8 (RSA, P-256, P-384, Ed25519), PKCS#1 (RSA) or SEC1 (P-256, P-384).
    ///
    /// RSA keys must have 2048 to 4096 bits, the range that ring supports for signing, and two
    /// primes. Elliptic curve keys must contain their public key, as nearly all do. A public key is
    /// checked against the private key.
    ///
    /// # Errors
    ///
    /// [`KeyRejected`], which names the type of the key and the supported types.
    pub fn from_der(der: &PrivateKeyDer<'_>) -> Result<Self, KeyRejected> {
        match der {
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(der) => Self::from_sec1(der.secret_sec1_der()),
            PrivateKeyDer::Pkcs1(der) => Self::from_pkcs1(der.secret_pkcs1_der()),
            _ => Err(KeyRejected::Unsupported("a key in an unsupported format".to_owned())),
        }
    }

    /// Returns the algorithms that the key supports, in order of preference.
    #[must_use]
    pub fn algorithms(&self) -> &'static [SignatureAlgorithm] {
        match &self.0 {
            Kind::Rsa(_) => &[
                SignatureAlgorithm::RsaPssSha256,
                SignatureAlgorithm::RsaPssSha384,
                SignatureAlgorithm::RsaPssSha512,
                SignatureAlgorithm::RsaPkcs1Sha256,
                SignatureAlgorithm::RsaPkcs1Sha384,
                SignatureAlgorithm::RsaPkcs1Sha512,
            ],
            Kind::EcdsaP256(_) => &[SignatureAlgorithm::EcdsaP256Sha256],
            Kind::EcdsaP384(_) => &[SignatureAlgorithm::EcdsaP384Sha384],
            Kind::Ed25519(_) => &[SignatureAlgorithm::Ed25519],
        }
    }

    /// Hashes and signs `message`. ECDSA signatures are in DER, as TLS requires.
    ///
    /// # Errors
    ///
    /// [`Error::Sign`] if `algorithm` is not in [`algorithms`](Self::algorithms), or no random
    /// bytes are available.
    pub fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match (&self.0, algorithm) {
            (Kind::Rsa(key), algorithm) => {
                let encoding = algorithm.rsa().ok_or(Error::Sign)?;
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(encoding, &random, message, &mut signature).map_err(|_| Error::Sign)?;
                Ok(signature)
            }
            (Kind::EcdsaP256(key), SignatureAlgorithm::EcdsaP256Sha256)
            | (Kind::EcdsaP384(key), SignatureAlgorithm::EcdsaP384Sha384) => {
                key.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| Error::Sign)
            }
            (Kind::Ed25519(key), SignatureAlgorithm::Ed25519) => Ok(key.sign(message).as_ref().to_vec()),
            _ => Err(Error::Sign),
        }
    }

    /// Returns the public key as a DER SubjectPublicKeyInfo (RFC 5280 §4.1), for comparison with a
    /// certificate's.
    #[must_use]
    pub fn subject_public_key_info(&self) -> Vec<u8> {
        let (algorithm, public_key) = match &self.0 {
            Kind::Rsa(key) => (alg_id::RSA_ENCRYPTION, key.public_key().as_ref()),
            Kind::EcdsaP256(key) => (alg_id::ECDSA_P256, key.public_key().as_ref()),
            Kind::EcdsaP384(key) => (alg_id::ECDSA_P384, key.public_key().as_ref()),
            Kind::Ed25519(key) => (alg_id::ED25519, key.public_key().as_ref()),
        };
        let algorithm = der::element(der::SEQUENCE, &[algorithm.as_ref()]);
        let no_unused_bits = [0];
        let public_key = der::element(der::BIT_STRING, &[&no_unused_bits, public_key]);
        der::element(der::SEQUENCE, &[&algorithm, &public_key])
    }

    /// RFC 5958, and its predecessor RFC 5208.
    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(pkcs8)?);
        match fields.next() {
            Some((der::INTEGER, _)) => {}
            Some((der::SEQUENCE, _)) => return Err(KeyRejected::Encrypted),
            _ => return Err(KeyRejected::Malformed),
        }
        let algorithm = fields.expect(der::SEQUENCE).ok_or(KeyRejected::Malformed)?;
        let private_key = fields.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?;
        if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
            check_rsa_size(private_key)?;
            RsaKeyPair::from_pkcs8(pkcs8).map(Kind::Rsa).map_err(KeyRejected::by_ring).map(Self)
        } else if algorithm == alg_id::ECDSA_P256.as_ref() || algorithm == alg_id::ECDSA_P384.as_ref() {
            Self::from_ec_private_key(algorithm, private_key)
        } else if algorithm == alg_id::ED25519.as_ref() {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Kind::Ed25519).map_err(KeyRejected::by_ring).map(Self)
        } else {
            Err(KeyRejected::unsupported_algorithm(algorithm))
        }
    }

    /// SEC1 appendix C.4, which equals RFC 5915. The curve is optional; if absent, the length
    /// determines it.
    fn from_sec1(sec1: &[u8]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(sec1)?);
        fields.expect(der::INTEGER).ok_or(KeyRejected::Malformed)?;
        let scalar = fields.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?;
        let curve = fields.find(der::CONTEXT_0);
        for (algorithm, scalar_len) in [(alg_id::ECDSA_P256, 32), (alg_id::ECDSA_P384, 48)] {
            let is_this = match curve {
                Some(curve) => algorithm.ends_with(curve),
                None => scalar.len() == scalar_len,
            };
            if is_this {
                return Self::from_ec_private_key(&algorithm, sec1);
            }
        }
        Err(KeyRejected::unsupported_curve(curve))
    }

    /// ring reads elliptic curve keys only from PKCS#8 version 1, so this converts them.
    fn from_ec_private_key(algorithm: &[u8], ec_private_key: &[u8]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(ec_private_key)?);
        if fields.find(der::CONTEXT_1).is_none() {
            return Err(KeyRejected::PublicKeyMissing);
        }
        let version = der::element(der::INTEGER, &[&[0]]);
        let algorithm_field = der::element(der::SEQUENCE, &[algorithm]);
        let private_key = Zeroizing::new(der::element(der::OCTET_STRING, &[ec_private_key]));
        let pkcs8 = Zeroizing::new(der::element(der::SEQUENCE, &[&version, &algorithm_field, &private_key]));
        let random = SystemRandom::new();
        let kind = if algorithm == alg_id::ECDSA_P256.as_ref() {
            EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &random).map(Kind::EcdsaP256)
        } else {
            EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &pkcs8, &random).map(Kind::EcdsaP384)
        };
        kind.map_err(KeyRejected::by_ring).map(Self)
    }

    /// RFC 8017 §A.1.2.
    fn from_pkcs1(pkcs1: &[u8]) -> Result<Self, KeyRejected> {
        check_rsa_size(pkcs1)?;
        RsaKeyPair::from_der(pkcs1).map(Kind::Rsa).map_err(KeyRejected::by_ring).map(Self)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Rsa(_) => "RSA",
            Kind::EcdsaP256(_) => "ECDSA P-256",
            Kind::EcdsaP384(_) => "ECDSA P-384",
            Kind::Ed25519(_) => "Ed25519",
        };
        write!(f, "PrivateKey({kind})")
    }
}

/// Returns the contents of the SEQUENCE that occupies all of `der`.
fn sole_sequence(der: &[u8]) -> Result<&[u8], KeyRejected> {
    let mut elements = der::Elements::new(der);
    let contents = elements.expect(der::SEQUENCE).ok_or(KeyRejected::Malformed)?;
    if elements.is_empty() { Ok(contents) } else { Err(KeyRejected::Malformed) }
}

/// Checks the size, so that the error names it; ring's does not.
fn check_rsa_size(pkcs1: &[u8]) -> Result<(), KeyRejected> {
    let mut fields = der::Elements::new(sole_sequence(pkcs1)?);
    fields.expect(der::INTEGER).ok_or(KeyRejected::Malformed)?;
    let modulus = fields.expect(der::INTEGER).ok_or(KeyRejected::Malformed)?;
    let mut digits = modulus.iter().skip_while(|digit| **digit == 0);
    let leading = digits.next().map_or(0, |digit| u8::BITS.saturating_sub(digit.leading_zeros()));
    let rest = u32::try_from(digits.count()).unwrap_or(u32::MAX);
    let bits = rest.saturating_mul(u8::BITS).saturating_add(leading);
    if (2048..=4096).contains(&bits) { Ok(()) } else { Err(KeyRejected::RsaSize { bits }) }
}
