//! The MAC of a PKCS#12 file: HMAC with a key from the password, derived as in RFC 7292 Appendix B,
//! or PBMAC1 (RFC 9579).

use core::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use super::{Pkcs12Error, take};
use crate::der::{self, Elements};
use crate::sign::{Work, describe};

/// Checks the MAC of `content`. `mac` is the contents of MacData.
pub(super) fn check(mac: &[u8], content: &[u8], password: &[u8], work: &mut Work) -> Result<(), Pkcs12Error> {
    let mac = Mac::read(mac)?;
    let is_valid = match mac.algorithm {
        PBMAC1 => Pbmac1::read(mac.parameters)?.verify(content, mac.value, password, work)?,
        oid => {
            let hash = Hash::of(oid, Hash::digest_oid).ok_or_else(|| unsupported(oid))?;
            let derived = utf16_with_nul(password);
            mac.verify(hash, content, &derived, work)?
                // Some programs take an empty password for none, which has no terminator.
                || password.is_empty() && mac.verify(hash, content, &[], work)?
        }
    };
    match is_valid {
        true => Ok(()),
        false if password.is_empty() => Err(Pkcs12Error::NoPassword),
        false => Err(Pkcs12Error::WrongPassword),
    }
}

/// MacData (RFC 7292 §4).
struct Mac<'a> {
    algorithm: &'a [u8],
    parameters: &'a [u8],
    value: &'a [u8],
    salt: &'a [u8],
    iterations: u32,
}

impl<'a> Mac<'a> {
    fn read(mac: &'a [u8]) -> Result<Self, Pkcs12Error> {
        let mut fields = Elements::new(mac);
        let mut info = Elements::new(take(&mut fields, der::SEQUENCE, PART)?);
        let mut algorithm = Elements::new(take(&mut info, der::SEQUENCE, PART)?);
        let oid = take(&mut algorithm, der::OBJECT_IDENTIFIER, PART)?;
        let value = take(&mut info, der::OCTET_STRING, PART)?;
        let salt = take(&mut fields, der::OCTET_STRING, PART)?;
        let iterations = if fields.is_empty() { 1 } else { number(take(&mut fields, der::INTEGER, PART)?)? };
        Ok(Self { algorithm: oid, parameters: algorithm.rest(), value, salt, iterations })
    }

    /// Returns whether the MAC is valid for a password in the encoding of the key derivation.
    fn verify(&self, hash: Hash, content: &[u8], password: &[u8], work: &mut Work) -> Result<bool, Pkcs12Error> {
        spend(work, self.iterations)?;
        let key = derive(hash.digest(), self.salt, password, self.iterations);
        Ok(hmac::verify(&hmac::Key::new(hash.hmac(), &key), content, self.value).is_ok())
    }
}

/// RFC 7292 Appendix B.2, for a key of a MAC as long as the hash, which is one block.
fn derive(hash: &'static digest::Algorithm, salt: &[u8], password: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
    let block = hash.block_len();
    let length = |part: &[u8]| part.len().checked_next_multiple_of(block).unwrap_or(usize::MAX);
    let total = block.saturating_add(length(salt)).saturating_add(length(password));
    // At full size, because growing would leave a copy of the password in memory.
    let mut input = Zeroizing::new(Vec::with_capacity(total));
    input.resize(block, FOR_MAC);
    for part in [salt, password] {
        input.extend(part.iter().cycle().take(length(part)));
    }
    let mut output = digest::digest(hash, &input);
    for _ in 1..iterations {
        output = digest::digest(hash, output.as_ref());
    }
    Zeroizing::new(output.as_ref().to_vec())
}

/// Returns the password as a BMPString with its terminator (RFC 7292 Appendix B.1). Bytes that are
/// not UTF-8 are taken for ISO 8859-1, as in OpenSSL.
fn utf16_with_nul(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(password.len().saturating_mul(2).saturating_add(2)));
    match str::from_utf8(password) {
        Ok(text) => text.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes())),
        Err(_) => password.iter().for_each(|byte| out.extend([0, *byte])),
    }
    out.extend([0, 0]);
    out
}

/// PBMAC1-params (RFC 8018 Appendix A.5) with PBKDF2.
struct Pbmac1<'a> {
    salt: &'a [u8],
    iterations: u32,
    key_length: u32,
    prf: Hash,
    hash: Hash,
}

impl<'a> Pbmac1<'a> {
    fn read(parameters: &'a [u8]) -> Result<Self, Pkcs12Error> {
        let mut fields = super::sole(parameters, PART)?;
        let mut kdf = Elements::new(take(&mut fields, der::SEQUENCE, PART)?);
        let oid = take(&mut kdf, der::OBJECT_IDENTIFIER, PART)?;
        if oid != PBKDF2 {
            return Err(unsupported(oid));
        }
        let mut pbkdf2 = Elements::new(take(&mut kdf, der::SEQUENCE, PART)?);
        let salt = take(&mut pbkdf2, der::OCTET_STRING, PART)?;
        let iterations = number(take(&mut pbkdf2, der::INTEGER, PART)?)?;
        // RFC 9579 §4: the length is required, and less than 20 bytes are not secure.
        let key_length = pbkdf2.optional(der::INTEGER).map_or(Ok(0), number)?;
        if !KEY_LENGTHS.contains(&key_length) {
            let (least, most) = (KEY_LENGTHS.start(), KEY_LENGTHS.end());
            let what = format!("a key of {key_length} bytes, but {least} to {most} are supported");
            return Err(Pkcs12Error::UnsupportedMac(what));
        }
        let prf = if pbkdf2.is_empty() { Hash::Sha1 } else { Hash::of_hmac(&mut pbkdf2)? };
        let hash = Hash::of_hmac(&mut fields)?;
        Ok(Self { salt, iterations, key_length, prf, hash })
    }

    fn verify(&self, content: &[u8], mac: &[u8], password: &[u8], work: &mut Work) -> Result<bool, Pkcs12Error> {
        // PBKDF2 repeats the iterations for each block of the key.
        let blocks = self.key_length.div_ceil(self.prf.output_len());
        spend(work, self.iterations.saturating_mul(blocks))?;
        let mut key = Zeroizing::new([0; 64]);
        let length = usize::try_from(self.key_length).unwrap_or(usize::MAX);
        let (Some(key), Some(iterations)) = (key.get_mut(..length), NonZeroU32::new(self.iterations)) else {
            return Err(Pkcs12Error::Malformed(PART));
        };
        pbkdf2::derive(self.prf.pbkdf2(), iterations, self.salt, password, key);
        Ok(hmac::verify(&hmac::Key::new(self.hash.hmac(), key), content, mac).is_ok())
    }
}

/// A hash of the MAC or of its key derivation.
#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    fn of(oid: &[u8], name: fn(Self) -> &'static [u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| name(*hash) == oid)
    }

    /// Reads the AlgorithmIdentifier of an HMAC.
    fn of_hmac(fields: &mut Elements<'_>) -> Result<Self, Pkcs12Error> {
        let mut algorithm = Elements::new(take(fields, der::SEQUENCE, PART)?);
        let oid = take(&mut algorithm, der::OBJECT_IDENTIFIER, PART)?;
        Self::of(oid, Self::hmac_oid).ok_or_else(|| unsupported(oid))
    }

    /// 1.3.14.3.2.26, 2.16.840.1.101.3.4.2.{1, 2, 3}.
    fn digest_oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[0x2b, 0x0e, 0x03, 0x02, 0x1a],
            Self::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Self::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Self::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        }
    }

    /// 1.2.840.113549.2.{7, 9, 10, 11}.
    fn hmac_oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x07],
            Self::Sha256 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09],
            Self::Sha384 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0a],
            Self::Sha512 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0b],
        }
    }

    fn output_len(self) -> u32 {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

fn spend(work: &mut Work, iterations: u32) -> Result<(), Pkcs12Error> {
    let too_many = |limit| Pkcs12Error::UnsupportedMac(format!("{iterations} iterations, but {limit}"));
    work.iterate(iterations).map_err(too_many)
}

fn unsupported(oid: &[u8]) -> Pkcs12Error {
    Pkcs12Error::UnsupportedMac(describe(oid, "the unsupported algorithm"))
}

/// Reads an INTEGER. Numbers that are too large become the largest.
fn number(digits: &[u8]) -> Result<u32, Pkcs12Error> {
    if digits.first().is_none_or(|first| *first >= 0x80) {
        return Err(Pkcs12Error::Malformed(PART));
    }
    let digits = digits.iter().skip_while(|digit| **digit == 0);
    if digits.clone().count() > 4 {
        return Ok(u32::MAX);
    }
    Ok(digits.fold(0, |value, digit| (value << 8) | u32::from(*digit)))
}

const PART: &str = "its MAC";
/// In bytes. RFC 9579 demands the first; the last is the longest hash.
const KEY_LENGTHS: core::ops::RangeInclusive<u32> = 20..=64;
/// The ID of RFC 7292 Appendix B.3.
const FOR_MAC: u8 = 3;
/// 1.2.840.113549.1.5.14.
const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e];
/// 1.2.840.113549.1.5.12.
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
