//! The libraries that compute: ring, and AWS-LC with the feature `aws-lc-rs`.
//!
//! The rest of the crate sees the types of this module: each is an enum over the backends that are
//! compiled in, and is matched once per operation. With one backend, the match compiles to nothing.
//!
//! A backend is one file beside `ring.rs`, which has the same items: random bytes, hashes, HMAC,
//! AEAD keys, header protection of QUIC, ECDH keys, signing keys, and a list of verifiers. ML-KEM
//! is in `key_exchange/ml_kem.rs`, because libcrux computes it for backends without it.
//!
//! A third one, graviola, would be `backend/graviola.rs`. It needs no C compiler, and its AES-GCM
//! and X25519 are faster than ring's. Version 0.3 lacks header protection of QUIC (neither AES
//! blocks nor ChaCha20 without Poly1305 are public), HMAC keys that can be prepared once and
//! cloned, SHA-1 for OCSP, RSA verification above 4096 bits, and processors other than x86-64 with
//! AES and AVX2 and AArch64 with AES.

use core::fmt;

use crate::{BulkAlgorithm, Digest, Error, Group, HashAlgorithm, SecureRandom};

#[cfg(feature = "aws-lc-rs")]
pub(crate) mod aws_lc;
pub(crate) mod ring;

/// The library that computes: a value that is given to whatever starts an operation. Values that
/// are made from others use the same backend. Default: [ring](Self::ring).
///
/// Algorithms are names, such as [`Group`], and backends differ in those that they support. Two
/// peers with different backends interoperate, and so do two configurations in one process.
///
/// ```
/// use strata_tls_crypto::{Backend, Group};
///
/// assert_eq!(Backend::default(), Backend::ring());
/// assert!(Backend::ring().supports_group(Group::X25519));
/// assert!(!Backend::ring().supports_group(Group::Secp521r1));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Backend(pub(crate) Library);

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Library {
    #[default]
    Ring,
    #[cfg(feature = "aws-lc-rs")]
    AwsLc,
}

impl Backend {
    /// All backends that are compiled in, ring first.
    pub const ALL: &'static [Self] = &[
        Self::ring(),
        #[cfg(feature = "aws-lc-rs")]
        Self::aws_lc(),
    ];

    /// Returns the backend ring. With the feature `post-quantum`, libcrux computes ML-KEM, which
    /// ring lacks.
    #[inline]
    #[must_use]
    pub const fn ring() -> Self {
        Self(Library::Ring)
    }

    /// Returns the backend AWS-LC, by the crate aws-lc-rs: the feature `aws-lc-rs`.
    #[cfg(feature = "aws-lc-rs")]
    #[inline]
    #[must_use]
    pub const fn aws_lc() -> Self {
        Self(Library::AwsLc)
    }

    /// Returns its name: `ring` or `aws-lc-rs`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Library::Ring => "ring",
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => "aws-lc-rs",
        }
    }

    /// Returns whether it can exchange keys in `group`.
    #[must_use]
    pub const fn supports_group(self, group: Group) -> bool {
        match self.0 {
            Library::Ring => !matches!(group, Group::Secp521r1),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => true,
        }
    }

    /// Returns the backend as a source of random bytes.
    #[must_use]
    pub const fn random(self) -> &'static dyn SecureRandom {
        match self.0 {
            Library::Ring => &Self(Library::Ring),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => &Self(Library::AwsLc),
        }
    }

    /// Returns the digest of `data`.
    #[must_use]
    pub fn hash(self, algorithm: HashAlgorithm, data: &[u8]) -> Digest {
        match self.0 {
            Library::Ring => Digest::copied_from(algorithm, ring::hash(algorithm, data).as_ref()),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => Digest::copied_from(algorithm, aws_lc::hash(algorithm, data).as_ref()),
        }
    }
}

/// The backend's random number generator, seeded by the operating system.
impl SecureRandom for Backend {
    fn fill(&self, dest: &mut [u8]) -> Result<(), Error> {
        match self.0 {
            Library::Ring => ring::fill(dest),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => aws_lc::fill(dest),
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Evaluates an expression with the value of whichever backend an enum holds.
macro_rules! dispatch {
    ($value:expr, $inner:ident => $result:expr) => {
        match $value {
            Self::Ring($inner) => $result,
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc($inner) => $result,
        }
    };
}

/// Creates an enum's value with the constructors of the backend's module.
macro_rules! create {
    ($backend:expr, $constructor:ident($($argument:expr),*)) => {
        match $backend.0 {
            Library::Ring => Self::Ring(ring::$constructor($($argument),*)),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => Self::AwsLc(aws_lc::$constructor($($argument),*)),
        }
    };
}

/// A hash of which more input follows.
#[derive(Clone)]
pub(crate) enum HashContext {
    Ring(ring::HashContext),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::HashContext),
}

impl HashContext {
    #[inline]
    pub(crate) fn new(backend: Backend, algorithm: HashAlgorithm) -> Self {
        create!(backend, hash_context(algorithm))
    }

    #[inline]
    pub(crate) fn update(&mut self, data: &[u8]) {
        dispatch!(self, context => context.update(data));
    }

    #[inline]
    pub(crate) fn finish(self, algorithm: HashAlgorithm) -> Digest {
        dispatch!(self, context => Digest::copied_from(algorithm, context.finish().as_ref()))
    }
}

/// A prepared HMAC key. Its owner calls [`overwrite`](Self::overwrite) on drop.
pub(crate) enum HmacKey {
    Ring(ring::HmacKey),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::HmacKey),
}

impl HmacKey {
    #[inline]
    pub(crate) fn new(backend: Backend, algorithm: HashAlgorithm, key: &[u8]) -> Self {
        create!(backend, hmac_key(algorithm, key))
    }

    #[inline]
    pub(crate) fn backend(&self) -> Backend {
        match self {
            Self::Ring(_) => Backend::ring(),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(_) => Backend::aws_lc(),
        }
    }

    /// Moves the key, leaving a public one.
    pub(crate) fn take(&mut self) -> Self {
        match self {
            Self::Ring(key) => Self::Ring(ring::take_hmac_key(key)),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(key) => Self::AwsLc(aws_lc::take_hmac_key(key)),
        }
    }

    #[inline]
    pub(crate) fn overwrite(&mut self) {
        match self {
            Self::Ring(key) => ring::overwrite_hmac_key(key),
            // AWS-LC zeroizes its keys on drop.
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(_) => {}
        }
    }

    #[inline]
    pub(crate) fn sign(&self, message: &[u8]) -> HmacTag {
        match self {
            Self::Ring(key) => HmacTag::Ring(ring::hmac(key, message)),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(key) => HmacTag::AwsLc(aws_lc::hmac(key, message)),
        }
    }

    /// HMAC of the concatenation of `parts`.
    #[inline]
    pub(crate) fn sign_parts(&self, parts: impl Iterator<Item: AsRef<[u8]>>) -> HmacTag {
        match self {
            Self::Ring(key) => HmacTag::Ring(ring::hmac_of_parts(key, parts)),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(key) => HmacTag::AwsLc(aws_lc::hmac_of_parts(key, parts)),
        }
    }

    /// Returns whether `received` is the HMAC of `message`, compared in constant time.
    pub(crate) fn verify(&self, message: &[u8], received: &[u8]) -> bool {
        match self {
            Self::Ring(key) => ring::hmac_verify(key, message, received),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(key) => aws_lc::hmac_verify(key, message, received),
        }
    }
}

/// The output of HMAC, which may be secret.
pub(crate) enum HmacTag {
    Ring(ring::HmacTag),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::HmacTag),
}

impl AsRef<[u8]> for HmacTag {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        dispatch!(self, tag => tag.as_ref())
    }
}

/// An AEAD key on the heap, which is overwritten on drop.
pub(crate) enum AeadKey {
    Ring(ring::AeadKey),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::AeadKey),
}

impl AeadKey {
    /// Returns `None` if `key` does not have the algorithm's length.
    pub(crate) fn new(backend: Backend, algorithm: BulkAlgorithm, key: &[u8]) -> Option<Self> {
        match backend.0 {
            Library::Ring => ring::AeadKey::new(algorithm, key).map(Self::Ring),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => aws_lc::AeadKey::new(algorithm, key).map(Self::AwsLc),
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        match self {
            Self::Ring(_) => Backend::ring(),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(_) => Backend::aws_lc(),
        }
    }

    /// Encrypts in place, and writes the tag.
    #[inline]
    pub(crate) fn seal(
        &self,
        nonce: [u8; 12],
        aad: impl AsRef<[u8]>,
        in_out: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<(), Error> {
        dispatch!(self, key => key.seal(nonce, aad, in_out, tag))
    }

    /// Encrypts `source` and what follows its place in `out`, which ends with the room of the tag.
    #[inline]
    pub(crate) fn seal_from(
        &self,
        nonce: [u8; 12],
        aad: impl AsRef<[u8]>,
        source: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        dispatch!(self, key => key.seal_from(nonce, aad, source, out))
    }

    /// Decrypts in place, and returns the plaintext. The tag is at the end of `in_out`.
    #[inline]
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        aad: impl AsRef<[u8]>,
        in_out: &'a mut [u8],
    ) -> Result<&'a mut [u8], Error> {
        dispatch!(self, key => key.open(nonce, aad, in_out))
    }
}

/// A key of QUIC's header protection on the heap, which is overwritten on drop.
pub(crate) enum HeaderProtectionKey {
    Ring(ring::HeaderProtectionKey),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::HeaderProtectionKey),
}

impl HeaderProtectionKey {
    /// `key` has the length of the algorithm's keys.
    pub(crate) fn new(backend: Backend, algorithm: BulkAlgorithm, key: &[u8]) -> Self {
        match backend.0 {
            Library::Ring => Self::Ring(ring::HeaderProtectionKey::new(algorithm, key)),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => Self::AwsLc(aws_lc::HeaderProtectionKey::new(algorithm, key)),
        }
    }

    #[inline]
    pub(crate) fn mask(&self, sample: &[u8; 16]) -> [u8; 5] {
        dispatch!(self, key => key.mask(sample))
    }
}

/// An elliptic curve for ECDH.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    X25519,
    P256,
    P384,
    P521,
}

impl Curve {
    /// The length of a public key: an uncompressed point, or the u coordinate of X25519.
    pub(crate) const fn public_key_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::P256 => 65,
            Self::P384 => 97,
            Self::P521 => 133,
        }
    }

    /// The length of a private key.
    #[cfg(any(test, feature = "fixed-ephemeral-keys"))]
    pub(crate) const fn private_key_len(self) -> usize {
        match self {
            Self::X25519 | Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A private key of ECDH for one key exchange.
pub(crate) enum EcdhKey {
    Ring(ring::EcdhKey),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::EcdhKey),
}

/// The public key of an [`EcdhKey`].
pub(crate) enum EcdhPublicKey {
    Ring(ring::EcdhPublicKey),
    /// On the heap, since AWS-LC's type is larger than ring's.
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(Vec<u8>),
}

impl EcdhKey {
    /// # Errors
    /// [`Error::Random`]; [`Error::KeyExchange`] if the backend does not have the curve.
    #[inline]
    pub(crate) fn generate(backend: Backend, curve: Curve) -> Result<(Self, EcdhPublicKey), Error> {
        match backend.0 {
            Library::Ring => {
                let (key, public) = ring::EcdhKey::generate(curve)?;
                Ok((Self::Ring(key), EcdhPublicKey::Ring(public)))
            }
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => {
                let (key, public) = aws_lc::EcdhKey::generate(curve)?;
                Ok((Self::AwsLc(key), EcdhPublicKey::AwsLc(public)))
            }
        }
    }

    /// Creates a key from a test vector.
    #[cfg(any(test, feature = "fixed-ephemeral-keys"))]
    pub(crate) fn from_private_key(backend: Backend, curve: Curve, key: &[u8]) -> Result<(Self, EcdhPublicKey), Error> {
        if key.len() != curve.private_key_len() {
            return Err(Error::KeyExchange);
        }
        match backend.0 {
            Library::Ring => {
                let (key, public) = ring::EcdhKey::from_private_key(curve, key)?;
                Ok((Self::Ring(key), EcdhPublicKey::Ring(public)))
            }
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => {
                let (key, public) = aws_lc::EcdhKey::from_private_key(curve, key)?;
                Ok((Self::AwsLc(key), EcdhPublicKey::AwsLc(public)))
            }
        }
    }

    /// Computes the shared secret with the peer's public key, which must be an uncompressed point
    /// on the curve, or for X25519 must not lead to a secret of zeros.
    #[inline]
    pub(crate) fn agree<R>(
        self,
        curve: Curve,
        peer_public: &[u8],
        derive: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Error> {
        dispatch!(self, key => key.agree(curve, peer_public, derive))
    }
}

impl AsRef<[u8]> for EcdhPublicKey {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        dispatch!(self, key => key.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_have_distinct_names_and_ring_is_the_default() {
        let names: Vec<_> = Backend::ALL.iter().map(|backend| backend.name()).collect();
        let others: &[&str] = if cfg!(feature = "aws-lc-rs") { &["aws-lc-rs"] } else { &[] };
        assert_eq!(names, [&["ring"], others].concat());
        assert_eq!((Backend::default(), format!("{:?}", Backend::ring())), (Backend::ring(), "ring".to_owned()));
    }

    #[test]
    fn random_bytes_differ_between_calls() {
        for backend in Backend::ALL {
            let (mut one, mut other) = ([0; 32], [0; 32]);
            backend.fill(&mut one).unwrap();
            backend.fill(&mut other).unwrap();
            assert!(one != other && one != [0; 32] && other != [0; 32], "{backend:?}");
        }
    }

    /// Nothing of the default backend becomes AWS-LC's because its feature is on.
    #[test]
    fn default_values_are_those_of_ring() {
        let backend = Backend::default();
        assert!(matches!(HashContext::new(backend, HashAlgorithm::Sha256), HashContext::Ring(_)));
        let hmac = HmacKey::new(backend, HashAlgorithm::Sha256, &[1; 32]);
        assert!(matches!(hmac, HmacKey::Ring(_)) && matches!(hmac.sign(b"message"), HmacTag::Ring(_)));
        for (algorithm, length) in
            [(BulkAlgorithm::Aes128Gcm, 16), (BulkAlgorithm::Aes256Gcm, 32), (BulkAlgorithm::ChaCha20Poly1305, 32)]
        {
            let key = [1; 32];
            let key = &key[..length];
            assert!(matches!(AeadKey::new(backend, algorithm, key), Some(AeadKey::Ring(_))));
            assert!(matches!(HeaderProtectionKey::new(backend, algorithm, key), HeaderProtectionKey::Ring(_)));
        }
        for curve in [Curve::X25519, Curve::P256, Curve::P384] {
            assert!(matches!(EcdhKey::generate(backend, curve), Ok((EcdhKey::Ring(_), EcdhPublicKey::Ring(_)))));
        }
        let ticket_key = crate::TicketKey::generate(backend).unwrap();
        assert_eq!(ticket_key.backend(), Backend::ring());
    }

    #[test]
    fn backend_takes_no_memory_if_it_is_the_only_one() {
        let size = if cfg!(feature = "aws-lc-rs") { 1 } else { 0 };
        assert_eq!(size_of::<Backend>(), size);
    }
}
