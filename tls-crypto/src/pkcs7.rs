//! Bundles of certificates and CRLs: PKCS#7 and CMS SignedData (RFC 2315 §9.1, RFC 5652 §5.1),
//! which certification authorities and Windows hand out as `.p7b` files. Signatures in them are
//! not checked: a bundle is a list, and each certificate is verified when it is used.
//!
//! ```
//! use strata_tls_crypto::{der, pkcs7::Bundle};
//!
//! let certificate = der::element(der::SEQUENCE, &[b"not a real one"]);
//! let file = Bundle { certificates: vec![&certificate], crls: Vec::new() }.encode();
//! assert_eq!(Bundle::read(&file).ok_or("not a bundle")?.certificates, [certificate]);
//! # Ok::<(), &str>(())
//! ```

use crate::der::{self, Elements};

/// The certificates and CRLs of a bundle, each in DER, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// The certificates.
    pub certificates: Vec<&'a [u8]>,
    /// The CRLs.
    pub crls: Vec<&'a [u8]>,
}

impl<'a> Bundle<'a> {
    /// Reads a bundle in DER. Attribute certificates are left out. Returns `None` if it is not DER,
    /// is encrypted or another type of content than SignedData, or contains something unknown.
    #[must_use]
    pub fn read(file: &'a [u8]) -> Option<Self> {
        let mut outer = Elements::new(file);
        let mut info = Elements::new(outer.expect(der::SEQUENCE)?);
        if !outer.is_empty() || info.expect(der::OBJECT_IDENTIFIER)? != SIGNED_DATA {
            return None;
        }
        let mut content = Elements::new(info.expect(der::CONTEXT_0)?);
        let mut fields = Elements::new(content.expect(der::SEQUENCE)?);
        if !info.is_empty() || !content.is_empty() {
            return None;
        }
        fields.expect(der::INTEGER)?;
        fields.expect(der::SET)?;
        fields.expect(der::SEQUENCE)?;
        let certificates = entries(fields.optional(der::CONTEXT_0), &[der::CONTEXT_1, der::CONTEXT_2])?;
        let crls = entries(fields.optional(der::CONTEXT_1), &[])?;
        fields.expect(der::SET)?;
        fields.is_empty().then_some(Self { certificates, crls })
    }

    /// Returns the bundle in DER, without signatures.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let set = |tag, entries: &[&[u8]]| if entries.is_empty() { Vec::new() } else { der::element(tag, entries) };
        let data = der::element(der::SEQUENCE, &[&der::element(der::OBJECT_IDENTIFIER, &[DATA])]);
        let signed = der::element(
            der::SEQUENCE,
            &[
                &der::element(der::INTEGER, &[&[1]]),
                &der::element(der::SET, &[]),
                &data,
                &set(der::CONTEXT_0, &self.certificates),
                &set(der::CONTEXT_1, &self.crls),
                &der::element(der::SET, &[]),
            ],
        );
        let oid = der::element(der::OBJECT_IDENTIFIER, &[SIGNED_DATA]);
        der::element(der::SEQUENCE, &[&oid, &der::element(der::CONTEXT_0, &[&signed])])
    }
}

/// Returns the SEQUENCEs of a set, without elements that have one of the other tags.
fn entries<'a>(set: Option<&'a [u8]>, others: &[u8]) -> Option<Vec<&'a [u8]>> {
    let mut elements = Elements::new(set.unwrap_or_default());
    let mut found = Vec::new();
    while !elements.is_empty() {
        match elements.expect_whole(der::SEQUENCE) {
            Some((_, whole)) => found.push(whole),
            None => {
                elements.next().filter(|(tag, _)| others.contains(tag))?;
            }
        }
    }
    Some(found)
}

/// 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.1.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_round_trips_and_truncation_is_rejected() {
        let (one, two) = (der::element(der::SEQUENCE, &[b"one"]), der::element(der::SEQUENCE, &[&[7; 200]]));
        for (certificates, crls) in [
            (vec![&one[..], &two], vec![]),
            (vec![], vec![&one[..]]),
            (vec![&two[..]], vec![&one[..], &one]),
            (vec![], vec![]),
        ] {
            let bundle = Bundle { certificates, crls };
            let file = bundle.encode();
            assert_eq!(Bundle::read(&file), Some(bundle));
            assert!((0..file.len()).all(|cut| Bundle::read(&file[..cut]).is_none()));
            assert_eq!(Bundle::read(&[&file[..], &[5, 0]].concat()), None);
        }
    }

    #[test]
    fn unknown_entries_are_rejected_and_attributes_skipped() {
        let one = der::element(der::SEQUENCE, &[b"one"]);
        let file = |tag| {
            let other = der::element(tag, &[b"other"]);
            Bundle { certificates: vec![&one, &other], crls: Vec::new() }.encode()
        };
        assert_eq!(Bundle::read(&file(der::CONTEXT_1)).unwrap().certificates, [&one[..]]);
        assert_eq!(Bundle::read(&file(der::CONTEXT_2)).unwrap().certificates, [&one[..]]);
        for tag in [der::CONTEXT_0, der::CONTEXT_3, der::OCTET_STRING] {
            assert_eq!(Bundle::read(&file(tag)), None, "{tag:#x}");
        }
        // EnvelopedData, which is encrypted.
        let mut encrypted = Bundle { certificates: vec![&one], crls: Vec::new() }.encode();
        let at = encrypted.windows(9).position(|part| part == SIGNED_DATA).unwrap() + 8;
        encrypted[at] = 3;
        assert_eq!(Bundle::read(&encrypted), None);
    }
}
