//! Private keys and signing.

use core::fmt;

use pki_types::{AlgorithmIdentifier, PrivateKeyDer, alg_id};
use zeroize::Zeroizing;

#[cfg(feature = "aws-lc-rs")]
use crate::backend::aws_lc;
use crate::backend::{Library, ring};
use crate::pem::{self, Content};
use crate::secret_bytes::with_zeroized_stack_of;
use crate::{Backend, Error, der, spki};

#[cfg(feature = "encrypted-keys")]
mod encrypted_key;
mod rejected_key;

#[cfg(feature = "encrypted-keys")]
pub use encrypted_key::decrypt_key;
#[cfg(feature = "pkcs12")]
pub(crate) use encrypted_key::{Work, decrypt, decrypt_pkcs8};
pub use rejected_key::KeyRejected;
#[cfg(feature = "pkcs12")]
pub(crate) use rejected_key::describe;

/// A signature algorithm. The handshake maps SignatureScheme values (RFC 9846 §4.3.3) to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// ECDSA over P-521 with SHA-512. Needs AWS-LC.
    EcdsaP521Sha512,
    /// Ed25519, RFC 8032.
    Ed25519,
    /// ML-DSA-44, FIPS 204. Only for TLS 1.3, as all of ML-DSA. Needs AWS-LC.
    MlDsa44,
    /// ML-DSA-65. Needs AWS-LC.
    MlDsa65,
    /// ML-DSA-87. Needs AWS-LC.
    MlDsa87,
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
            Self::EcdsaP521Sha512 => 0x0603,
            Self::RsaPssSha256 => 0x0804,
            Self::RsaPssSha384 => 0x0805,
            Self::RsaPssSha512 => 0x0806,
            Self::Ed25519 => 0x0807,
            Self::MlDsa44 => 0x0904,
            Self::MlDsa65 => 0x0905,
            Self::MlDsa87 => 0x0906,
        }
    }
}

/// A private key for signing with any backend that [supports](Self::supports) it.
///
/// It is loaded into each backend that is compiled in. That way it does not depend on which
/// configuration uses it, and one key can belong to configurations with different backends.
///
/// ```no_run
/// use strata_tls_crypto::{Backend, PrivateKey};
///
/// let key = PrivateKey::from_pem(&std::fs::read("key.pem")?)?;
/// let signature = key.sign(Backend::ring(), key.algorithms()[0], b"message")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PrivateKey {
    kind: Kind,
    /// `None` if the backend does not support the key.
    ring: Option<ring::SigningKey>,
    #[cfg(feature = "aws-lc-rs")]
    aws_lc: Option<aws_lc::SigningKey>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ecdsa(EcCurve),
    Ed25519,
    MlDsa(MlDsa),
}

/// A curve of ECDSA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum EcCurve {
    P256,
    P384,
    #[cfg_attr(not(feature = "aws-lc-rs"), allow(dead_code, reason = "no backend has it"))]
    P521,
}

impl EcCurve {
    pub(crate) const fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::EcdsaP256Sha256,
            Self::P384 => SignatureAlgorithm::EcdsaP384Sha384,
            Self::P521 => SignatureAlgorithm::EcdsaP521Sha512,
        }
    }
}

/// A parameter set of ML-DSA (FIPS 204 §4).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "aws-lc-rs"), allow(dead_code, reason = "no backend has it"))]
pub(crate) enum MlDsa {
    Set44,
    Set65,
    Set87,
}

impl MlDsa {
    #[cfg(feature = "aws-lc-rs")]
    pub(crate) const fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Set44 => SignatureAlgorithm::MlDsa44,
            Self::Set65 => SignatureAlgorithm::MlDsa65,
            Self::Set87 => SignatureAlgorithm::MlDsa87,
        }
    }

    /// The AlgorithmIdentifier of its keys and signatures (RFC 9881 §2).
    const fn algorithm(self) -> AlgorithmIdentifier {
        match self {
            Self::Set44 => alg_id::ML_DSA_44,
            Self::Set65 => alg_id::ML_DSA_65,
            Self::Set87 => alg_id::ML_DSA_87,
        }
    }
}

/// A key that was read, for one backend: `None` if it lacks the curve or the algorithm.
type Loaded<T> = Option<Result<T, String>>;

impl PrivateKey {
    /// Reads the private key in a PEM file, in any section whose label ends with `PRIVATE KEY`. The
    /// content determines the format, not the label.
    ///
    /// This leaves no copy of the key in memory, except those in the backends' parsers and the ones
    /// used for signing. The caller should overwrite `file` after use, for example with
    /// `Zeroizing`.
    ///
    /// # Errors
    ///
    /// [`KeyRejected`] as for [`from_der`](Self::from_der), and if the file is not PEM or does not
    /// contain exactly one private key.
    pub fn from_pem(file: &[u8]) -> Result<Self, KeyRejected> {
        Self::from_pem_with_public_keys(file, &[])
    }

    /// Reads a private key from a file that may be PEM (see [`from_pem`](Self::from_pem)) or DER
    /// (see [`from_der`](Self::from_der)). The content shows which.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_bytes(file: &[u8]) -> Result<Self, KeyRejected> {
        if pem::is_der(file) { Self::from_der_with_public_keys(file, &[]) } else { Self::from_pem(file) }
    }

    /// Reads the private key in a PEM file. An elliptic curve key without its public key, as Java
    /// writes them, takes it from the SubjectPublicKeyInfo that belongs to it, if one does.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_with_public_keys(file: &[u8], public_keys: &[&[u8]]) -> Result<Self, KeyRejected> {
        let section = sole_section(file)?;
        if section.is_encrypted() {
            return Err(KeyRejected::Encrypted);
        }
        Self::from_der_with_public_keys(&section.decode().map_err(KeyRejected::BadPem)?, public_keys)
    }

    /// Reads a key in PKCS#8 (RSA, P-256, P-384, Ed25519), PKCS#1 (RSA) or SEC1 (P-256, P-384);
    /// with the feature `aws-lc-rs` also P-521 and ML-DSA (PKCS#8 with a seed, an expanded key or
    /// both: RFC 9881 §6), which ring cannot use. The content determines the format, not the
    /// variant of `der`.
    ///
    /// RSA keys must have 2048 to 4096 bits, the range that all backends support, and two primes.
    /// Elliptic curve keys must contain their public key, because backends do not compute it; see
    /// [`from_der_with_public_keys`](Self::from_der_with_public_keys). A public key is checked
    /// against the private key.
    ///
    /// # Errors
    ///
    /// [`KeyRejected`], which names the type of the key and the supported types.
    pub fn from_der(der: &PrivateKeyDer<'_>) -> Result<Self, KeyRejected> {
        Self::from_der_with_public_keys(der.secret_der(), &[])
    }

    /// Reads a key in any of the formats of [`from_der`](Self::from_der). An elliptic curve key
    /// without its public key takes it from the SubjectPublicKeyInfo that belongs to it, if one
    /// does.
    ///
    /// # Errors
    ///
    /// As [`from_der`](Self::from_der).
    pub fn from_der_with_public_keys(der: &[u8], public_keys: &[&[u8]]) -> Result<Self, KeyRejected> {
        // The backend's parser leaves parts of the key there.
        with_zeroized_stack_of::<{ 16 * 1024 }, _>(|| Self::parse(der, public_keys))
    }

    fn parse(der: &[u8], public_keys: &[&[u8]]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(der)?);
        match (fields.next(), fields.next()) {
            (Some((der::INTEGER, _)), Some((der::SEQUENCE, _))) => Self::from_pkcs8(der, public_keys),
            (Some((der::INTEGER, _)), Some((der::INTEGER, _))) => Self::from_pkcs1(der),
            (Some((der::INTEGER, _)), Some((der::OCTET_STRING, _))) => Self::from_sec1(der, public_keys),
            (Some((der::SEQUENCE, _)), Some((der::OCTET_STRING, _))) => Err(KeyRejected::Encrypted),
            _ => Err(KeyRejected::Malformed),
        }
    }

    /// Returns the algorithms that the key supports, in order of preference.
    #[must_use]
    pub fn algorithms(&self) -> &'static [SignatureAlgorithm] {
        match self.kind {
            Kind::Rsa => &[
                SignatureAlgorithm::RsaPssSha256,
                SignatureAlgorithm::RsaPssSha384,
                SignatureAlgorithm::RsaPssSha512,
                SignatureAlgorithm::RsaPkcs1Sha256,
                SignatureAlgorithm::RsaPkcs1Sha384,
                SignatureAlgorithm::RsaPkcs1Sha512,
            ],
            Kind::Ecdsa(EcCurve::P256) => &[SignatureAlgorithm::EcdsaP256Sha256],
            Kind::Ecdsa(EcCurve::P384) => &[SignatureAlgorithm::EcdsaP384Sha384],
            Kind::Ecdsa(EcCurve::P521) => &[SignatureAlgorithm::EcdsaP521Sha512],
            Kind::Ed25519 => &[SignatureAlgorithm::Ed25519],
            Kind::MlDsa(MlDsa::Set44) => &[SignatureAlgorithm::MlDsa44],
            Kind::MlDsa(MlDsa::Set65) => &[SignatureAlgorithm::MlDsa65],
            Kind::MlDsa(MlDsa::Set87) => &[SignatureAlgorithm::MlDsa87],
        }
    }

    /// Returns the type of the key, such as `ECDSA P-256`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Rsa => "RSA",
            Kind::Ecdsa(EcCurve::P256) => "ECDSA P-256",
            Kind::Ecdsa(EcCurve::P384) => "ECDSA P-384",
            Kind::Ecdsa(EcCurve::P521) => "ECDSA P-521",
            Kind::Ed25519 => "Ed25519",
            Kind::MlDsa(MlDsa::Set44) => "ML-DSA-44",
            Kind::MlDsa(MlDsa::Set65) => "ML-DSA-65",
            Kind::MlDsa(MlDsa::Set87) => "ML-DSA-87",
        }
    }

    /// Returns whether a backend can sign with the key: ring lacks P-521 and ML-DSA.
    #[must_use]
    pub fn supports(&self, backend: Backend) -> bool {
        match backend.0 {
            Library::Ring => self.ring.is_some(),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => self.aws_lc.is_some(),
        }
    }

    /// Hashes and signs `message`. ECDSA signatures are in DER, as TLS requires.
    ///
    /// # Errors
    ///
    /// [`Error::Sign`] if `algorithm` is not in [`algorithms`](Self::algorithms), the backend does
    /// not [support](Self::supports) the key, or no random bytes are available.
    pub fn sign(&self, backend: Backend, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        match backend.0 {
            Library::Ring => self.ring.as_ref().ok_or(Error::Sign)?.sign(algorithm, message),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => self.aws_lc.as_ref().ok_or(Error::Sign)?.sign(algorithm, message),
        }
    }

    /// Returns the public key as a DER SubjectPublicKeyInfo (RFC 5280 §4.1), for comparison with a
    /// certificate's.
    #[must_use]
    pub fn subject_public_key_info(&self) -> Vec<u8> {
        let algorithm = match self.kind {
            Kind::Rsa => alg_id::RSA_ENCRYPTION,
            Kind::Ecdsa(EcCurve::P256) => alg_id::ECDSA_P256,
            Kind::Ecdsa(EcCurve::P384) => alg_id::ECDSA_P384,
            Kind::Ecdsa(EcCurve::P521) => alg_id::ECDSA_P521,
            Kind::Ed25519 => alg_id::ED25519,
            Kind::MlDsa(set) => set.algorithm(),
        };
        let algorithm = der::element(der::SEQUENCE, &[algorithm.as_ref()]);
        let no_unused_bits = [0];
        let public_key = der::element(der::BIT_STRING, &[&no_unused_bits, self.public_key()]);
        der::element(der::SEQUENCE, &[&algorithm, &public_key])
    }

    /// Returns the subjectPublicKey.
    fn public_key(&self) -> &[u8] {
        let public_key = self.ring.as_ref().map(ring::SigningKey::public_key);
        #[cfg(feature = "aws-lc-rs")]
        let public_key = public_key.or_else(|| self.aws_lc.as_ref().map(aws_lc::SigningKey::public_key));
        public_key.unwrap_or_default()
    }

    /// Creates the key from what each backend made of it. A key that all backends with its curve
    /// reject is rejected.
    fn loaded(
        kind: Kind,
        ring: Loaded<ring::SigningKey>,
        #[cfg(feature = "aws-lc-rs")] aws_lc: Loaded<aws_lc::SigningKey>,
    ) -> Result<Self, KeyRejected> {
        let mut rejected = None;
        let ring = usable(ring, &mut rejected);
        #[cfg(feature = "aws-lc-rs")]
        let aws_lc = usable(aws_lc, &mut rejected);
        let is_usable = ring.is_some();
        #[cfg(feature = "aws-lc-rs")]
        let is_usable = is_usable || aws_lc.is_some();
        match rejected {
            _ if is_usable => Ok(Self {
                kind,
                ring,
                #[cfg(feature = "aws-lc-rs")]
                aws_lc,
            }),
            Some(why) => Err(KeyRejected::Invalid(why)),
            None => Err(KeyRejected::unsupported_curve(None)),
        }
    }

    /// RFC 5958, and its predecessor RFC 5208.
    fn from_pkcs8(pkcs8: &[u8], public_keys: &[&[u8]]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(pkcs8)?);
        fields.expect(der::INTEGER).ok_or(KeyRejected::Malformed)?;
        let algorithm = fields.expect(der::SEQUENCE).ok_or(KeyRejected::Malformed)?;
        let private_key = fields.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?;
        if let Some(curve) = CURVES.iter().find(|curve| algorithm == curve.algorithm.as_ref()) {
            Self::from_ec_private_key(curve, private_key, public_keys)
        } else if algorithm == alg_id::ED25519.as_ref() {
            Self::loaded(
                Kind::Ed25519,
                Some(ring::SigningKey::ed25519(pkcs8)),
                #[cfg(feature = "aws-lc-rs")]
                Some(aws_lc::SigningKey::ed25519(pkcs8)),
            )
        } else if is_rsa_encryption(algorithm) {
            Self::from_pkcs1(private_key)
        } else if let Some(set) = ML_DSA.iter().find(|set| algorithm == set.algorithm().as_ref()) {
            Self::from_ml_dsa(*set, pkcs8, private_key, fields)
        } else {
            Err(KeyRejected::unsupported_algorithm(algorithm))
        }
    }

    /// SEC1 appendix C.4, which equals RFC 5915. The curve is optional; if absent, the length
    /// determines it.
    fn from_sec1(sec1: &[u8], public_keys: &[&[u8]]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(sec1)?);
        fields.expect(der::INTEGER).ok_or(KeyRejected::Malformed)?;
        let scalar = fields.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?;
        let name = fields.find(der::CONTEXT_0);
        let is_of = |curve: &&Curve| match name {
            Some(name) => curve.algorithm.ends_with(name),
            None => scalar.len() == curve.scalar_len,
        };
        let curve = CURVES.iter().find(is_of).ok_or_else(|| KeyRejected::unsupported_curve(name))?;
        Self::from_ec_private_key(curve, sec1, public_keys)
    }

    /// ring requires the public key, and a scalar of the length of the field.
    fn from_ec_private_key(curve: &Curve, sec1: &[u8], public_keys: &[&[u8]]) -> Result<Self, KeyRejected> {
        let mut fields = der::Elements::new(sole_sequence(sec1)?);
        fields.expect(der::INTEGER).ok_or(KeyRejected::Malformed)?;
        let scalar = curve.scalar(fields.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?)?;
        let own = match fields.find(der::CONTEXT_1) {
            Some(field) => {
                let bits = der::Elements::new(field).expect(der::BIT_STRING).ok_or(KeyRejected::Malformed)?;
                Some(bits.strip_prefix(&[0]).ok_or(KeyRejected::Malformed)?)
            }
            None => None,
        };
        if let Some(point) = own.filter(|point| !spki::is_compressed(point)) {
            return curve.key_pair(&scalar, point);
        }
        let mut tried = 0_usize;
        for public_key in public_keys {
            let Some((algorithm, point)) = spki::parts(public_key) else { continue };
            let is_candidate = algorithm == curve.algorithm.as_ref() && !spki::is_compressed(point);
            if is_candidate && own.is_none_or(|own| spki::same_point(own, point)) {
                if let Ok(key) = curve.key_pair(&scalar, point) {
                    return Ok(key);
                }
                tried = tried.saturating_add(1);
            }
        }
        Err(match own {
            Some(_) => KeyRejected::PublicKeyCompressed,
            None => KeyRejected::PublicKeyMissing { tried },
        })
    }

    /// RFC 9881 §6. The backend compares the two forms of a key that has both. It ignores a public
    /// key, and what follows the private one, so they are checked here.
    fn from_ml_dsa(
        set: MlDsa,
        #[cfg_attr(not(feature = "aws-lc-rs"), allow(unused_variables, reason = "no backend has it"))] pkcs8: &[u8],
        private_key: &[u8],
        mut optional: der::Elements<'_>,
    ) -> Result<Self, KeyRejected> {
        let mut form = der::Elements::new(private_key);
        let (tag, contents) = form.next().ok_or(KeyRejected::Malformed)?;
        let mut parts = der::Elements::new(if tag == der::SEQUENCE { contents } else { &[] });
        if tag == der::SEQUENCE {
            parts.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?;
            parts.expect(der::OCTET_STRING).ok_or(KeyRejected::Malformed)?;
        }
        if !form.is_empty() || !parts.is_empty() {
            return Err(KeyRejected::Malformed);
        }
        let key = Self::loaded(
            Kind::MlDsa(set),
            None,
            #[cfg(feature = "aws-lc-rs")]
            Some(aws_lc::SigningKey::ml_dsa(set, pkcs8)),
        )?;
        match optional.find(PUBLIC_KEY) {
            Some(bits) if bits.strip_prefix(&[0]) != Some(key.public_key()) => {
                Err(KeyRejected::Invalid("the public key does not belong to it".to_owned()))
            }
            _ => Ok(key),
        }
    }

    /// RFC 8017 §A.1.2.
    fn from_pkcs1(pkcs1: &[u8]) -> Result<Self, KeyRejected> {
        check_rsa_size(pkcs1)?;
        Self::loaded(
            Kind::Rsa,
            Some(ring::SigningKey::rsa(pkcs1)),
            #[cfg(feature = "aws-lc-rs")]
            Some(aws_lc::SigningKey::rsa(pkcs1)),
        )
    }
}

/// Returns the section of the private key. It may be encrypted with PKCS#8.
fn sole_section(file: &[u8]) -> Result<pem::Section<'_>, KeyRejected> {
    let mut sections = pem::sections(file, Content::PrivateKey);
    let none = || KeyRejected::NoKey(pem::what_is(file, Content::PrivateKey));
    let section = sections.next().ok_or_else(none)?.map_err(KeyRejected::BadPem)?;
    if let Some(second) = sections.next() {
        return Err(KeyRejected::SeveralKeys(second.map_err(KeyRejected::BadPem)?.place()));
    }
    match section.label() {
        _ if section.has_encryption_header() => Err(KeyRejected::OldEncryption),
        b"OPENSSH PRIVATE KEY" => Err(KeyRejected::open_ssh()),
        // Its content looks like PKCS#1.
        b"DSA PRIVATE KEY" => Err(KeyRejected::dsa()),
        _ => Ok(section),
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.name())
    }
}

/// An elliptic curve.
struct Curve {
    /// The AlgorithmIdentifier of its public keys.
    algorithm: AlgorithmIdentifier,
    scalar_len: usize,
    name: EcCurve,
}

impl Curve {
    /// Returns a scalar in the length of the field (RFC 5915 §3). Some writers add a zero byte, as
    /// in an INTEGER, or remove leading zeros.
    fn scalar(&self, scalar: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyRejected> {
        let zeros = scalar.iter().take_while(|byte| **byte == 0).count();
        let digits = scalar.get(zeros..).unwrap_or_default();
        let padding = self.scalar_len.checked_sub(digits.len()).ok_or(KeyRejected::Malformed)?;
        let mut padded = Zeroizing::new(Vec::with_capacity(self.scalar_len));
        padded.resize(padding, 0);
        padded.extend_from_slice(digits);
        Ok(padded)
    }

    fn key_pair(&self, scalar: &[u8], point: &[u8]) -> Result<PrivateKey, KeyRejected> {
        PrivateKey::loaded(
            Kind::Ecdsa(self.name),
            ring::SigningKey::ecdsa(self.name, scalar, point),
            #[cfg(feature = "aws-lc-rs")]
            Some(aws_lc::SigningKey::ecdsa(self.name, scalar, point)),
        )
    }
}

/// The curves that at least one backend has.
static CURVES: &[Curve] = &[
    Curve { algorithm: alg_id::ECDSA_P256, scalar_len: 32, name: EcCurve::P256 },
    Curve { algorithm: alg_id::ECDSA_P384, scalar_len: 48, name: EcCurve::P384 },
    #[cfg(feature = "aws-lc-rs")]
    Curve { algorithm: alg_id::ECDSA_P521, scalar_len: 66, name: EcCurve::P521 },
];

/// The parameter sets of ML-DSA, if a backend has them.
static ML_DSA: &[MlDsa] = &[
    #[cfg(feature = "aws-lc-rs")]
    MlDsa::Set44,
    #[cfg(feature = "aws-lc-rs")]
    MlDsa::Set65,
    #[cfg(feature = "aws-lc-rs")]
    MlDsa::Set87,
];

/// The tag of `[1] IMPLICIT BIT STRING`, the public key in PKCS#8 (RFC 5958 §2).
const PUBLIC_KEY: u8 = 0x81;

/// Returns the key if a backend accepts it, or else keeps the reason of the first that does not.
fn usable<T>(loaded: Loaded<T>, rejected: &mut Option<String>) -> Option<T> {
    match loaded? {
        Ok(key) => Some(key),
        Err(why) => {
            rejected.get_or_insert(why);
            None
        }
    }
}

/// Returns whether an AlgorithmIdentifier is rsaEncryption, with its NULL or without.
fn is_rsa_encryption(algorithm: &[u8]) -> bool {
    spki::same_algorithm(algorithm, alg_id::RSA_ENCRYPTION.as_ref())
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
