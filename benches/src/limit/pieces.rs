//! The primitives: each is one call of ring with the bytes that TLS passes to it.

use std::hint::black_box;

use libcrux_ml_kem::mlkem768;
use ring::aead::quic::{self, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::digest::{self, SHA256};
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Signature};

use crate::Version;

/// The length of an AEAD tag in bytes.
pub(super) const TAG: usize = 16;
/// The header of a record, which is authenticated.
const HEADER: usize = 5;

/// The values that exist before a connection starts.
pub(crate) struct Material {
    random: SystemRandom,
    identity: EcdsaKeyPair,
    leaf: Vec<u8>,
    /// The signatures of the chain: message, signature, and the signer's key.
    chain: Vec<Signed>,
    ticket: LessSafeKey,
}

/// The key of bulk data, and the additional authenticated data of each record.
#[derive(Debug)]
pub(crate) struct RecordKey {
    bulk: BulkKey,
    version: Version,
}

/// The AEAD of a backend.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one; the limit has no indirection")]
enum BulkKey {
    Ring(Traffic),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc_rs::aead::LessSafeKey),
}

impl RecordKey {
    pub(crate) fn new(version: Version) -> Self {
        Self { bulk: BulkKey::Ring(Traffic::new(&KEY, IV)), version }
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(crate) fn aws_lc(version: Version) -> Self {
        use aws_lc_rs::aead::{AES_128_GCM, LessSafeKey, UnboundKey};
        let key = UnboundKey::new(&AES_128_GCM, &KEY).expect("16 bytes");
        Self { bulk: BulkKey::AwsLc(LessSafeKey::new(key)), version }
    }

    /// The number of bytes that the AEAD adds to the plaintext: the tag and, in TLS 1.3, the type.
    pub(crate) const fn overhead(&self) -> usize {
        match self.version {
            Version::Tls13 => 1 + TAG,
            Version::Tls12 => TAG,
        }
    }

    pub(crate) fn seal(&self, sequence: u64, record: &mut [u8]) {
        match &self.bulk {
            BulkKey::Ring(traffic) => seal(&traffic.key, traffic.nonce(sequence), self.aad(), record),
            #[cfg(feature = "aws-lc-rs")]
            BulkKey::AwsLc(key) => {
                use aws_lc_rs::aead::{Aad, Nonce};
                let (content, tag) = record.split_at_mut(record.len() - TAG);
                let nonce = Nonce::assume_unique_for_key(nonce(IV, sequence));
                let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(self.aad()), content);
                tag.copy_from_slice(sealed.expect("short enough").as_ref());
                black_box(record);
            }
        }
    }

    pub(crate) fn open(&self, sequence: u64, record: &mut [u8]) {
        match &self.bulk {
            BulkKey::Ring(traffic) => open(&traffic.key, traffic.nonce(sequence), self.aad(), record),
            #[cfg(feature = "aws-lc-rs")]
            BulkKey::AwsLc(key) => {
                use aws_lc_rs::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce(IV, sequence));
                black_box(key.open_in_place(nonce, Aad::from(self.aad()), record).expect("sealed with this key"));
            }
        }
    }

    /// The additional authenticated data: the header and, in TLS 1.2, the sequence number before it
    /// (RFC 5246 §6.2.3.3).
    const fn aad(&self) -> &'static [u8] {
        match self.version {
            Version::Tls13 => &[23; HEADER],
            Version::Tls12 => &[23; 8 + HEADER],
        }
    }
}

/// The key and IV of bulk data.
const KEY: [u8; 16] = [5; 16];
const IV: [u8; NONCE_LEN] = [6; NONCE_LEN];

/// The protection of QUIC's packets: the AEAD, and the mask of the header (RFC 9001 §5).
pub(crate) struct PacketKey {
    traffic: Traffic,
    header: HeaderProtectionKey,
}

impl PacketKey {
    pub(crate) fn new() -> Self {
        let header = HeaderProtectionKey::new(&quic::AES_128, &[8; 16]).expect("16 bytes");
        Self { traffic: Traffic::new(&KEY, IV), header }
    }

    pub(crate) fn seal(&self, number: u64, header: &[u8], payload: &mut [u8]) {
        seal(&self.traffic.key, self.traffic.nonce(number), header, payload);
    }

    pub(crate) fn open(&self, number: u64, header: &[u8], payload: &mut [u8]) {
        open(&self.traffic.key, self.traffic.nonce(number), header, payload);
    }

    /// Masks the first byte of a short header, and a packet number of four bytes.
    pub(crate) fn mask(&self, packet: &mut [u8], number_at: usize) {
        let sample = &packet[number_at + 4..number_at + 4 + self.header.algorithm().sample_len()];
        let [first, rest @ ..] = self.header.new_mask(sample).expect("a whole sample");
        packet[0] ^= first & 0x1f;
        for (byte, mask) in packet[number_at..].iter_mut().zip(rest) {
            *byte ^= mask;
        }
    }
}

/// A message with its signature.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// The signer's public key, an uncompressed point.
    pub(crate) key: Vec<u8>,
}

impl Material {
    pub(crate) fn new(pkcs8: &[u8], leaf: &[u8], chain: &[Signed]) -> Self {
        let random = SystemRandom::new();
        let identity = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random).expect("a valid key");
        let ticket = UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).expect("32 bytes");
        Self { random, identity, leaf: leaf.to_vec(), chain: chain.to_vec(), ticket: LessSafeKey::new(ticket) }
    }

    /// Draws all random bytes of one flight.
    pub(super) fn draw<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).expect("randomness");
        bytes
    }

    /// Generates an X25519 private key and its public key.
    pub(super) fn ephemeral(&self) -> (EphemeralPrivateKey, [u8; 32]) {
        let private = EphemeralPrivateKey::generate(&X25519, &self.random).expect("randomness");
        let public = private.compute_public_key().expect("a key");
        (private, public.as_ref().try_into().expect("32 bytes"))
    }

    /// Generates a key pair of ML-KEM-768. The private key contains the public one.
    pub(super) fn ml_kem_key(&self) -> mlkem768::MlKem768KeyPair {
        mlkem768::generate_key_pair(self.draw())
    }

    /// Checks a key of ML-KEM-768 and encapsulates to it (FIPS 203 §7.2).
    pub(super) fn encapsulate(&self, key: &mlkem768::MlKem768PublicKey) -> (mlkem768::MlKem768Ciphertext, [u8; 32]) {
        assert!(mlkem768::validate_public_key(key), "a valid key");
        mlkem768::encapsulate(key, self.draw())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        self.identity.sign(&self.random, message).expect("a signature")
    }

    /// Verifies a signature of the leaf's key.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) {
        verify(&self.leaf, message, signature);
    }

    /// Verifies the signatures of the chain: two, with an intermediate.
    pub(super) fn verify_chain(&self) {
        for signed in &self.chain {
            verify(&signed.key, &signed.message, &signed.signature);
        }
    }

    /// Seals a ticket's state in place; the last bytes are for the tag.
    pub(super) fn seal_ticket(&self, nonce: [u8; NONCE_LEN], ticket: &mut [u8]) {
        seal(&self.ticket, nonce, &[], ticket);
    }

    pub(super) fn open_ticket(&self, nonce: [u8; NONCE_LEN], ticket: &mut [u8]) {
        open(&self.ticket, nonce, &[], ticket);
    }
}

fn verify(key: &[u8], message: &[u8], signature: &[u8]) {
    let key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, black_box(key));
    key.verify(message, signature).expect("a valid signature");
}

/// HKDF-Extract (RFC 5869 §2.2) of the shared secret with `salt`.
pub(super) fn agree(private: EphemeralPrivateKey, public: &[u8; 32], salt: &hmac::Key) -> hmac::Tag {
    agree_with(private, public, |shared| hmac::sign(salt, shared))
}

/// HKDF-Extract of both secrets of X25519MLKEM768.
pub(super) fn agree_hybrid(
    private: EphemeralPrivateKey,
    public: &[u8; 32],
    ml_kem: &[u8; 32],
    salt: &hmac::Key,
) -> hmac::Tag {
    let mut secret = [0; 64];
    secret[..32].copy_from_slice(ml_kem);
    agree_with(private, public, |x25519| secret[32..].copy_from_slice(x25519));
    hmac::sign(salt, &secret)
}

/// Passes the shared secret to `work`.
pub(super) fn agree_with<T>(private: EphemeralPrivateKey, public: &[u8; 32], work: impl FnOnce(&[u8]) -> T) -> T {
    agree_ephemeral(private, &UnparsedPublicKey::new(&X25519, public), work).expect("a valid key")
}

/// Prepares a secret as an HMAC key.
pub(super) fn key(secret: impl AsRef<[u8]>) -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, secret.as_ref())
}

pub(super) fn hash_of(transcript: &digest::Context) -> digest::Digest {
    transcript.clone().finish()
}

pub(super) fn transcript() -> digest::Context {
    digest::Context::new(&SHA256)
}

/// HKDF-Expand-Label to at most 32 bytes, RFC 9846 §7.1: one HMAC.
pub(super) fn expand(secret: &hmac::Key, label: &str, context: &[u8], length: u8) -> hmac::Tag {
    let mut info = [0; 2 + 1 + 6 + 12 + 1 + 32 + 1];
    let label_len = u8::try_from(6 + label.len()).expect("short");
    let context_len = u8::try_from(context.len()).expect("short");
    let parts: [&[u8]; 6] = [&[0, length, label_len], b"tls13 ", label.as_bytes(), &[context_len], context, &[1]];
    let mut end = 0;
    for part in parts {
        info[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    hmac::sign(secret, &info[..end])
}

/// The PRF of TLS 1.2 to at most 48 bytes, RFC 5246 §5: two HMACs per 32 bytes.
pub(super) fn prf<const N: usize>(secret: &hmac::Key, label: &str, seed: &[&[u8]]) -> [u8; N] {
    // A(i) of 32 bytes, then label and seed.
    let mut message = [0; 32 + 22 + 64];
    let mut end = 32;
    for part in [label.as_bytes()].iter().chain(seed) {
        message[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    let mut out = [0; N];
    let mut a = hmac::sign(secret, &message[32..end]);
    let mut blocks = out.chunks_mut(32).peekable();
    while let Some(block) = blocks.next() {
        message[..32].copy_from_slice(a.as_ref());
        block.copy_from_slice(&hmac::sign(secret, &message[..end]).as_ref()[..block.len()]);
        if blocks.peek().is_some() {
            a = hmac::sign(secret, a.as_ref());
        }
    }
    out
}

/// The record protection of one direction.
#[derive(Debug)]
pub(super) struct Traffic {
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
}

impl Traffic {
    pub(super) fn new(key: &[u8], iv: [u8; NONCE_LEN]) -> Self {
        Self { key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("16 bytes")), iv }
    }

    /// Derives key and IV from a traffic secret, RFC 9846 §7.3.
    pub(super) fn of_secret(secret: &hmac::Key) -> Self {
        let (key, iv) = (expand(secret, "key", &[], 16), expand(secret, "iv", &[], 12));
        Self::new(&key.as_ref()[..16], iv.as_ref()[..NONCE_LEN].try_into().expect("12 bytes"))
    }

    /// Seals a record's content in place; the last bytes are for the tag.
    pub(super) fn seal(&self, sequence: u64, record: &mut [u8]) {
        seal(&self.key, self.nonce(sequence), &[23; HEADER], record);
    }

    pub(super) fn open(&self, sequence: u64, record: &mut [u8]) {
        open(&self.key, self.nonce(sequence), &[23; HEADER], record);
    }

    fn nonce(&self, sequence: u64) -> [u8; NONCE_LEN] {
        nonce(self.iv, sequence)
    }
}

/// RFC 9846 §5.3; the cost in TLS 1.2 is the same.
fn nonce(iv: [u8; NONCE_LEN], sequence: u64) -> [u8; NONCE_LEN] {
    let mut nonce = iv;
    for (byte, count) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= count;
    }
    nonce
}

fn seal(key: &LessSafeKey, nonce: [u8; NONCE_LEN], aad: &[u8], bytes: &mut [u8]) {
    let (content, tag) = bytes.split_at_mut(bytes.len() - TAG);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(aad), content).expect("short enough");
    tag.copy_from_slice(sealed.as_ref());
    black_box(bytes);
}

fn open(key: &LessSafeKey, nonce: [u8; NONCE_LEN], aad: &[u8], bytes: &mut [u8]) {
    let nonce = Nonce::assume_unique_for_key(nonce);
    black_box(key.open_in_place(nonce, Aad::from(aad), bytes).expect("sealed with this key"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Certificates;

    fn material() -> Material {
        Certificates::make().material()
    }

    #[test]
    fn signature_verifies_only_with_its_message() {
        let material = material();
        let signature = material.sign(b"message");
        material.verify(b"message", signature.as_ref());
        let other = std::panic::catch_unwind(|| verify(&material.leaf, b"another", signature.as_ref()));
        assert!(other.is_err());
    }

    #[test]
    fn both_signatures_of_the_chain_are_verified() {
        let mut material = material();
        assert_eq!(material.chain.len(), 2);
        material.verify_chain();
        material.chain[1].message[9] ^= 1;
        assert!(std::panic::catch_unwind(|| material.verify_chain()).is_err());
    }

    #[test]
    fn both_sides_agree_on_the_secret() {
        let material = material();
        let ((ours, our_public), (theirs, their_public)) = (material.ephemeral(), material.ephemeral());
        let salt = key([0; 32]);
        let (one, other) = (agree(ours, &their_public, &salt), agree(theirs, &our_public, &salt));
        assert_eq!(one.as_ref(), other.as_ref());
    }

    #[test]
    fn record_opens_only_with_its_sequence_number() {
        let traffic = Traffic::of_secret(&key([3; 32]));
        let mut record = vec![9; 100 + TAG];
        traffic.seal(1, &mut record);
        let mut again = record.clone();
        traffic.open(1, &mut again);
        assert_eq!(again[..100], [9; 100]);
        assert!(std::panic::catch_unwind(move || traffic.open(2, &mut record)).is_err());
    }

    #[test]
    fn packet_opens_after_its_header_is_unmasked() {
        let key = PacketKey::new();
        let mut packet = [&[0x43, 0, 0, 0, 1][..], &[9; 100 + TAG]].concat();
        let (header, payload) = packet.split_at_mut(5);
        key.seal(1, header, payload);
        key.mask(&mut packet, 1);
        assert_ne!(packet[..5], [0x43, 0, 0, 0, 1]);
        key.mask(&mut packet, 1);
        let (header, payload) = packet.split_at_mut(5);
        assert_eq!(*header, [0x43, 0, 0, 0, 1]);
        key.open(1, header, payload);
        assert_eq!(payload[..100], [9; 100]);
    }

    #[test]
    fn derived_secret_without_psk_matches_rfc_8448() {
        // RFC 8448 §3, "derive secret for handshake".
        let early = hmac::sign(&key([0; 32]), &[0; 32]);
        let derived = expand(&key(early), "derived", digest::digest(&SHA256, &[]).as_ref(), 32);
        assert_eq!(derived.as_ref()[..8], [0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5]);
    }

    #[test]
    fn prf_matches_the_rfc() {
        let secret = key(b"secret");
        let long: [u8; 48] = prf(&secret, "label", &[b"se", b"ed"]);
        let a1 = hmac::sign(&secret, b"labelseed");
        let a2 = hmac::sign(&secret, a1.as_ref());
        let second = hmac::sign(&secret, &[a2.as_ref(), b"labelseed"].concat());
        assert_eq!(long[32..], second.as_ref()[..16]);
        let short: [u8; 12] = prf(&secret, "label", &[b"seed"]);
        assert_eq!(long[..12], short);
    }
}
