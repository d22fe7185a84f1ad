//! Keys and certificates in PKCS#12 (RFC 7292): the `.p12` and `.pfx` files of Java, Windows,
//! browsers and OpenSSL.
//!
//! ```no_run
//! use strata_tls_crypto::PrivateKey;
//! use strata_tls_crypto::pkcs12::Pkcs12;
//!
//! let file = Pkcs12::read(&std::fs::read("server.p12")?, b"password")?;
//! let key = PrivateKey::from_bytes(&file.key)?;
//! println!("{} certificates", file.certificates.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use zeroize::Zeroizing;

use crate::der::{self, Elements};
use crate::pem::{self, Content};
use crate::sign::{Work, decrypt, decrypt_pkcs8, describe};

mod error;
mod mac;

pub use error::Pkcs12Error;

/// The private key and the certificates of a PKCS#12 file.
pub struct Pkcs12 {
    /// The key, in DER (PKCS#8).
    pub key: Zeroizing<Vec<u8>>,
    /// The certificates, in DER, in the order of the file. There may be none, or others than the
    /// key's chain.
    pub certificates: Vec<Vec<u8>>,
}

impl Pkcs12 {
    /// Checks the MAC of a file, in constant time, and decrypts its content. `password` is UTF-8,
    /// or else ISO 8859-1. CRLs and secrets that are no keys are left out.
    ///
    /// Supported are DER, a MAC with SHA-1 or SHA-2 (RFC 7292 Appendix B) or PBMAC1 (RFC 9579), and
    /// encryption with PBES2. A file without a MAC is read only with the empty password. The work
    /// is bounded as in [`decrypt_key`](crate::decrypt_key), for the file as a whole.
    ///
    /// # Errors
    /// [`Pkcs12Error`], also if the file has no key or more than one.
    pub fn read(file: &[u8], password: &[u8]) -> Result<Self, Pkcs12Error> {
        Self::read_within(file, password, &mut Work::new())
    }

    fn read_within(file: &[u8], password: &[u8], work: &mut Work) -> Result<Self, Pkcs12Error> {
        let (safes, mac) = outer(file)?;
        let wrong = match mac {
            Some(mac) => {
                mac::check(mac, safes, password, work)?;
                Pkcs12Error::OtherPassword
            }
            None if password.is_empty() => Pkcs12Error::NoPassword,
            None => return Err(Pkcs12Error::NoMac),
        };
        let mut opened = Vec::new();
        let mut list = sole(safes, "the list of its safes")?;
        while !list.is_empty() {
            opened.push(open(take(&mut list, der::SEQUENCE, "a safe")?, password, work, &wrong)?);
        }
        let bags = Bags::of(&opened, &wrong)?;
        let key = match bags.keys[..] {
            [key] => key,
            [] => return Err(Pkcs12Error::NoKey),
            _ => return Err(Pkcs12Error::SeveralKeys { count: bags.keys.len() }),
        };
        let key = decrypt_pkcs8(key, password, work).map_err(|e| Pkcs12Error::of_decryption(e, &wrong))?;
        Ok(Self { key, certificates: bags.certificates.into_iter().map(<[u8]>::to_vec).collect() })
    }
}

impl fmt::Debug for Pkcs12 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs12").field("certificates", &self.certificates.len()).finish_non_exhaustive()
    }
}

/// Reads a PFX (RFC 7292 §4). Returns the content, which the MAC protects, and the MAC's data.
fn outer(file: &[u8]) -> Result<(&[u8], Option<&[u8]>), Pkcs12Error> {
    if !pem::is_pkcs12(file) {
        return Err(Pkcs12Error::NotPkcs12(pem::what_is(file, Content::Other)));
    }
    let mut fields = sole(file, "the outermost element")?;
    take(&mut fields, der::INTEGER, "its version")?;
    let info = take(&mut fields, der::SEQUENCE, "its content")?;
    let mut info = Elements::new(info);
    match take(&mut info, der::OBJECT_IDENTIFIER, "the type of its content")? {
        DATA => {}
        SIGNED_DATA => return Err(Pkcs12Error::Unsupported("it is signed instead of having a MAC".to_owned())),
        other => return Err(Pkcs12Error::Unsupported(describe(other, "its content has the type"))),
    }
    let mut explicit = Elements::new(take(&mut info, der::CONTEXT_0, "its content")?);
    let safes = take(&mut explicit, der::OCTET_STRING, "its content")?;
    let mac = if fields.is_empty() { None } else { Some(take(&mut fields, der::SEQUENCE, "its MAC")?) };
    Ok((safes, mac))
}

/// Returns the SafeContents of a ContentInfo, decrypted.
fn open(info: &[u8], password: &[u8], work: &mut Work, wrong: &Pkcs12Error) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut info = Elements::new(info);
    let kind = take(&mut info, der::OBJECT_IDENTIFIER, "the type of a safe")?;
    let mut explicit = Elements::new(take(&mut info, der::CONTEXT_0, "a safe")?);
    match kind {
        DATA => Ok(Zeroizing::new(take(&mut explicit, der::OCTET_STRING, "a safe")?.to_vec())),
        ENCRYPTED_DATA => {
            let mut data = Elements::new(take(&mut explicit, der::SEQUENCE, "an encrypted safe")?);
            take(&mut data, der::INTEGER, "the version of an encrypted safe")?;
            let mut content = Elements::new(take(&mut data, der::SEQUENCE, "an encrypted safe")?);
            take(&mut content, der::OBJECT_IDENTIFIER, "the type of an encrypted safe")?;
            let algorithm = content.expect_whole(der::SEQUENCE).ok_or(Pkcs12Error::Malformed(ENCRYPTION))?.1;
            let encrypted = take(&mut content, IMPLICIT_0, "an encrypted safe")?;
            decrypt(algorithm, encrypted, password, work).map_err(|e| Pkcs12Error::of_decryption(e, wrong))
        }
        ENVELOPED_DATA => Err(Pkcs12Error::Unsupported("it is encrypted for a public key".to_owned())),
        other => Err(Pkcs12Error::Unsupported(describe(other, "a safe has the type"))),
    }
}

/// The bags of all safes (RFC 7292 §4.2).
#[derive(Default)]
struct Bags<'a> {
    /// PrivateKeyInfos and EncryptedPrivateKeyInfos.
    keys: Vec<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
}

impl<'a> Bags<'a> {
    fn of(safes: &'a [Zeroizing<Vec<u8>>], wrong: &Pkcs12Error) -> Result<Self, Pkcs12Error> {
        let mut bags = Self::default();
        // Nested safes are appended, so that the depth of a file costs no stack.
        let mut pending = Vec::new();
        for safe in safes {
            let mut elements = Elements::new(safe);
            // One wrong password of 256 leaves valid padding.
            let contents = elements.optional(der::SEQUENCE).filter(|_| elements.is_empty());
            pending.push(contents.ok_or_else(|| wrong.clone())?);
            while let Some(contents) = pending.pop() {
                let mut elements = Elements::new(contents);
                while !elements.is_empty() {
                    let bag = take(&mut elements, der::SEQUENCE, "a bag")?;
                    pending.extend(bags.add(bag)?);
                }
            }
        }
        Ok(bags)
    }

    /// Adds a bag. Returns the contents of a nested safe.
    fn add(&mut self, bag: &'a [u8]) -> Result<Option<&'a [u8]>, Pkcs12Error> {
        let mut bag = Elements::new(bag);
        let kind = take(&mut bag, der::OBJECT_IDENTIFIER, "the type of a bag")?;
        let mut value = Elements::new(take(&mut bag, der::CONTEXT_0, "the value of a bag")?);
        let Some((_, whole)) = value.expect_whole(der::SEQUENCE) else {
            take(&mut value, der::SEQUENCE, "the value of a bag")?;
            return Err(Pkcs12Error::Malformed("the value of a bag"));
        };
        match kind.strip_prefix(BAG_TYPES) {
            Some([1 | 2]) => self.keys.push(whole),
            Some([3]) => {
                let mut fields = sole(whole, "a certificate")?;
                let kind = take(&mut fields, der::OBJECT_IDENTIFIER, "the type of a certificate")?;
                if kind != X509_CERTIFICATE {
                    return Err(Pkcs12Error::Unsupported(describe(kind, "a certificate has the type")));
                }
                let mut explicit = Elements::new(take(&mut fields, der::CONTEXT_0, "a certificate")?);
                self.certificates.push(take(&mut explicit, der::OCTET_STRING, "a certificate")?);
            }
            // CRLs and secrets.
            Some([4 | 5]) => {}
            Some([6]) => return Ok(Elements::new(whole).expect(der::SEQUENCE)),
            _ => return Err(Pkcs12Error::Unsupported(describe(kind, "a bag has the type"))),
        }
        Ok(None)
    }
}

/// Reads the next element. `what` is the part of the file that it belongs to.
fn take<'a>(elements: &mut Elements<'a>, tag: u8, what: &'static str) -> Result<&'a [u8], Pkcs12Error> {
    elements.optional(tag).ok_or_else(|| match elements.rest() {
        // An indefinite length, or a string in parts.
        [found, 0x80, ..] if *found | CONSTRUCTED == tag | CONSTRUCTED => Pkcs12Error::Ber,
        [found, ..] if *found != tag && *found == tag | CONSTRUCTED => Pkcs12Error::Ber,
        _ => Pkcs12Error::Malformed(what),
    })
}

/// Returns the contents of the SEQUENCE that `bytes` are.
fn sole<'a>(bytes: &'a [u8], what: &'static str) -> Result<Elements<'a>, Pkcs12Error> {
    let mut elements = Elements::new(bytes);
    let contents = take(&mut elements, der::SEQUENCE, what)?;
    if elements.is_empty() { Ok(Elements::new(contents)) } else { Err(Pkcs12Error::Malformed(what)) }
}

const ENCRYPTION: &str = "the algorithm of an encrypted safe";
/// The bit of a tag.
const CONSTRUCTED: u8 = 0x20;
/// `[0]` of a string, primitive.
const IMPLICIT_0: u8 = 0x80;
/// 1.2.840.113549.1.7.1.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.3.
const ENVELOPED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// 1.2.840.113549.1.7.6.
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// 1.2.840.113549.1.12.10.1; the number of the type follows.
const BAG_TYPES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
/// 1.2.840.113549.1.9.22.1.
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit is for the whole file, not for each of its parts.
    #[test]
    fn work_of_all_parts_is_counted_together() {
        let file = include_bytes!("../tests/data/pkcs12/openssl.p12").as_slice();
        // Its key for the MAC is two blocks of PBKDF2.
        let pbmac1 = include_bytes!("../tests/data/pkcs12/pbmac1.sha1-sha256.p12").as_slice();
        let read = |file, iterations| Pkcs12::read_within(file, b"secret", &mut Work::of_iterations(iterations));
        // The certificates and the key take 2,048 each.
        for (file, of_mac) in [(file, 2048), (pbmac1, 4096)] {
            let all = of_mac + 4096;
            read(file, all).unwrap();
            for (iterations, is_mac) in [(all - 1, false), (all - 2049, false), (of_mac - 1, true)] {
                let e = read(file, iterations).unwrap_err();
                assert_eq!(matches!(e, Pkcs12Error::UnsupportedMac(_)), is_mac, "{e}");
                assert!(e.to_string().contains(" iterations, but 1 to"), "{e}");
            }
        }
    }
}
