//! Certificates, CRLs, OCSP responses and SCTs, made in DER and signed with the key in `identity/`,
//! which all CAs here share; they differ by name.

use std::sync::LazyLock;

use pki_types::{PrivateKeyDer, pem::PemObject};
use tls_crypto::{Backend, HashAlgorithm, PrivateKey, SignatureAlgorithm};

static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_der(&PrivateKeyDer::from_pem_slice(crate::PEM[1]).unwrap()).unwrap());

pub const ECDSA_SHA256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
pub const ECDSA_SHA384: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const SHA256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const OCSP_BASIC: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];

/// Encodes a value with this tag.
pub fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => vec![short],
        Ok(short) => vec![0x81, short],
        Err(_) => [&[0x82], &u16::try_from(content.len()).unwrap().to_be_bytes()[..]].concat(),
    };
    [&[tag][..], &length, &content].concat()
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, parts)
}

/// A name with only a common name.
pub fn name(common: &str) -> Vec<u8> {
    sequence(&[&der(0x31, &[&sequence(&[&[6, 3, 0x55, 4, 3], &der(0x0c, &[common.as_bytes()])])])])
}

/// The first day of a year.
pub fn time(year: u16) -> Vec<u8> {
    der(0x18, &[format!("{year}0101000000Z").as_bytes()])
}

/// The same as a UTCTime, which certificates and CRLs require up to 2049.
fn utc(year: u16) -> Vec<u8> {
    der(0x17, &[format!("{:02}0101000000Z", year % 100).as_bytes()])
}

pub fn spki() -> Vec<u8> {
    KEY.subject_public_key_info().to_vec()
}

/// Returns content, algorithm and signature; `flips` changes one bit of the signed content after
/// signing.
fn signed(content: Vec<u8>, algorithm: &[u8], flips: bool) -> Vec<u8> {
    let signature = KEY.sign(Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, &content).unwrap();
    let mut content = content;
    if flips {
        // In the serial number or the time at the end, which keeps the encoding valid.
        let last = content.len() - 1;
        content[last] ^= 1;
    }
    sequence(&[&content, &sequence(&[algorithm]), &der(3, &[&[0], &signature])])
}

/// The fields of a certificate.
pub struct Certificate<'a> {
    pub serial: u8,
    pub issuer: &'a str,
    pub subject: &'a str,
    pub years: (u16, u16),
    pub extensions: Vec<Vec<u8>>,
    /// A signature by another key, as far as a verifier can see.
    pub is_forged: bool,
    /// The algorithm outside of the signed part; inside it is ECDSA with SHA-256.
    pub algorithm: &'a [u8],
}

impl Certificate<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let Self { serial, issuer, subject, years, extensions, .. } = self;
        let extensions: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        let extensions = match extensions[..] {
            [] => Vec::new(),
            _ => der(0xa3, &[&sequence(&extensions)]),
        };
        signed(
            sequence(&[
                &[0xa0, 3, 2, 1, 2],
                &der(2, &[&[*serial]]),
                &sequence(&[ECDSA_SHA256]),
                &name(issuer),
                &sequence(&[&utc(years.0), &utc(years.1)]),
                &name(subject),
                &spki(),
                &extensions,
            ]),
            self.algorithm,
            self.is_forged,
        )
    }
}

/// An extension whose OID is id-ce and this number.
pub fn extension(number: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[1, 1, 0xff] } else { &[] };
    sequence(&[&[6, 3, 0x55, 0x1d, number], critical, &der(4, &[value])])
}

/// A CRL with one entry.
pub fn crl(issuer: &str, serial: u8, next_year: u16, is_forged: bool) -> Vec<u8> {
    let number = sequence(&[&[6, 3, 0x55, 0x1d, 20], &der(4, &[&[2, 1, 1]])]);
    let key = sequence(&[&[6, 3, 0x55, 0x1d, 35], &der(4, &[&sequence(&[&der(0x80, &[b"key"])])])]);
    let list = sequence(&[
        &[2, 1, 1],
        &sequence(&[ECDSA_SHA256]),
        &name(issuer),
        &utc(2024),
        &utc(next_year),
        &sequence(&[&sequence(&[&der(2, &[&[serial]]), &utc(2023)])]),
        &der(0xa0, &[&sequence(&[&key, &number])]),
    ]);
    signed(list, ECDSA_SHA256, is_forged)
}

/// An OCSP response about a certificate of `issuer`. `status`: good, revoked, unknown.
pub fn ocsp(issuer: &str, serial: u8, status: usize, years: (u16, u16), is_forged: bool) -> Vec<u8> {
    let hash = |bytes: &[u8]| der(4, &[HashAlgorithm::Sha256.hash(bytes).as_ref()]);
    // The content of the BIT STRING: an uncompressed point.
    let spki = spki();
    let key = &spki[spki.len() - 65..];
    let id = sequence(&[&sequence(&[SHA256, &[5, 0]]), &hash(&name(issuer)), &hash(key), &der(2, &[&[serial]])]);
    let status = match status {
        0 => vec![0x80, 0],
        1 => der(0xa1, &[&time(2024)]),
        _ => vec![0x82, 0],
    };
    let single = sequence(&[&id, &status, &time(years.0), &der(0xa0, &[&time(years.1)])]);
    let data = sequence(&[&der(0xa1, &[&name(issuer)]), &time(years.0), &sequence(&[&single])]);
    let basic = signed(data, ECDSA_SHA256, is_forged);
    sequence(&[&[10, 1, 0], &der(0xa0, &[&sequence(&[OCSP_BASIC, &der(4, &[&basic])])])])
}

/// An SCT of the log with the key in `identity/` for a certificate, from this many milliseconds
/// after 1970.
pub fn sct(certificate: &[u8], timestamp: u64, is_known: bool, is_forged: bool) -> Vec<u8> {
    let time = timestamp.to_be_bytes();
    let [_, length @ ..] = u32::try_from(certificate.len()).unwrap().to_be_bytes();
    let content = [&[0, 0][..], &time, &[0, 0], &length, certificate, &[0, 0]].concat();
    let mut signature = KEY.sign(Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, &content).unwrap().to_vec();
    if is_forged {
        signature = KEY.sign(Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, &content[1..]).unwrap().to_vec();
    }
    let mut log = HashAlgorithm::Sha256.hash(&spki()).as_ref().to_vec();
    log[0] ^= u8::from(!is_known);
    let length = u16::try_from(signature.len()).unwrap().to_be_bytes();
    [&[0][..], &log, &time, &[0, 0, 4, 3], &length, &signature].concat()
}
