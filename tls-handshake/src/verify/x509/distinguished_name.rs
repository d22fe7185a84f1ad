//! Formats distinguished names and object identifiers for people.

use std::fmt::{self, Write};

use tls_crypto::der::{self, Elements};

use crate::error::{Escaped, bounded};

/// Formats the contents of a Name, such as `CN=a.test, O=Example`.
///
/// Attribute types have the short names of RFC 4514 §3, or those that OpenSSL prints, or dots and
/// numbers. The text comes from the peer, so control characters are escaped.
pub(crate) struct ReadableName<'a>(pub(crate) &'a [u8]);

impl fmt::Display for ReadableName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sets = Elements::new(self.0);
        let mut separator = "";
        while let Some((_, set)) = sets.next() {
            let mut attributes = Elements::new(set);
            while let Some(attribute) = attributes.optional(der::SEQUENCE) {
                let mut fields = Elements::new(attribute);
                let Some(oid) = fields.optional(der::OBJECT_IDENTIFIER) else { break };
                let whole = fields.rest();
                let Some((tag, value)) = fields.next() else { break };
                f.write_str(separator)?;
                match short_name(oid) {
                    Some(name) => f.write_str(name)?,
                    None => f.write_str(&dotted(oid))?,
                }
                f.write_char('=')?;
                match text(tag, value) {
                    Some(text) => write!(f, "{}", Escaped(&text))?,
                    // RFC 4514 §2.4: a value without a string form.
                    None => {
                        f.write_char('#')?;
                        whole.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    }
                }
                // Several attributes can share one relative distinguished name.
                separator = " + ";
            }
            if !separator.is_empty() {
                separator = ", ";
            }
        }
        if separator.is_empty() { f.write_str("(no name)") } else { Ok(()) }
    }
}

/// Returns the first common name in the contents of a Name, as text; `None` if there is none, or if
/// it has no string form.
pub(crate) fn common_name(name: &[u8]) -> Option<String> {
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    let mut sets = Elements::new(name);
    while let Some((_, set)) = sets.next() {
        let mut fields = Elements::new(Elements::new(set).expect(der::SEQUENCE).unwrap_or_default());
        if fields.optional(der::OBJECT_IDENTIFIER) == Some(COMMON_NAME) {
            let (tag, value) = fields.next()?;
            return Some(bounded(Escaped(&text(tag, value)?).to_string()));
        }
    }
    None
}

/// Returns the short name of an attribute type.
fn short_name(oid: &[u8]) -> Option<&'static str> {
    // 0.9.2342.19200300.100.1.
    const PILOT: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1];
    // 1.2.840.113549.1.9. (PKCS #9).
    const PKCS9: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9];
    // 1.3.6.1.4.1.311.60.2.1. (the CA/Browser Forum's extended validation).
    const JURISDICTION: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1];
    let (last, arc) = oid.split_last()?;
    Some(match (arc, *last) {
        (&[0x55, 4], 3) => "CN",
        (&[0x55, 4], 4) => "SN",
        (&[0x55, 4], 5) => "serialNumber",
        (&[0x55, 4], 6) => "C",
        (&[0x55, 4], 7) => "L",
        (&[0x55, 4], 8) => "ST",
        (&[0x55, 4], 9) => "STREET",
        (&[0x55, 4], 10) => "O",
        (&[0x55, 4], 11) => "OU",
        (&[0x55, 4], 12) => "title",
        (&[0x55, 4], 13) => "description",
        (&[0x55, 4], 15) => "businessCategory",
        (&[0x55, 4], 17) => "postalCode",
        (&[0x55, 4], 41) => "name",
        (&[0x55, 4], 42) => "GN",
        (&[0x55, 4], 43) => "initials",
        (&[0x55, 4], 44) => "generationQualifier",
        (&[0x55, 4], 46) => "dnQualifier",
        (&[0x55, 4], 65) => "pseudonym",
        (&[0x55, 4], 97) => "organizationIdentifier",
        (PILOT, 1) => "UID",
        (PILOT, 25) => "DC",
        (PKCS9, 1) => "emailAddress",
        (PKCS9, 2) => "unstructuredName",
        (JURISDICTION, 1) => "jurisdictionL",
        (JURISDICTION, 2) => "jurisdictionST",
        (JURISDICTION, 3) => "jurisdictionC",
        _ => return None,
    })
}

/// Decodes a string type of ASN.1; `None` for other types. Invalid characters are replaced.
fn text(tag: u8, value: &[u8]) -> Option<String> {
    const UTF8: u8 = 0x0c;
    const NUMERIC: u8 = 0x12;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const IA5: u8 = 0x16;
    const VISIBLE: u8 = 0x1a;
    const UNIVERSAL: u8 = 0x1c;
    const BMP: u8 = 0x1e;
    Some(match tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE => String::from_utf8_lossy(value).into_owned(),
        // Software writes Latin-1 into it, not T.61.
        TELETEX => value.iter().copied().map(char::from).collect(),
        BMP => {
            let (units, rest) = value.as_chunks();
            let units = units.iter().copied().map(u16::from_be_bytes);
            let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
            text.chain(incomplete(rest)).collect()
        }
        UNIVERSAL => {
            let (units, rest) = value.as_chunks();
            let units = units.iter().copied().map(u32::from_be_bytes);
            let text = units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
            text.chain(incomplete(rest)).collect()
        }
        _ => return None,
    })
}

/// Replaces the bytes of a last, incomplete character.
fn incomplete(rest: &[u8]) -> Option<char> {
    (!rest.is_empty()).then_some(char::REPLACEMENT_CHARACTER)
}

/// Formats an object identifier, such as `2.5.29.15`.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut text = String::new();
    let (mut value, mut is_first) = (0_u64, true);
    for byte in oid {
        value = value.saturating_mul(128) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = if is_first {
            let arc = (value / 40).min(2);
            write!(text, "{arc}.{}", value.saturating_sub(arc * 40))
        } else {
            write!(text, ".{value}")
        };
        (value, is_first) = (0, false);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let oid = der::element(der::OBJECT_IDENTIFIER, &[oid]);
        der::element(der::SEQUENCE, &[&oid, &der::element(tag, &[value])])
    }

    fn set(attributes: &[&[u8]]) -> Vec<u8> {
        der::element(0x31, attributes)
    }

    fn common_name(tag: u8, value: &[u8]) -> String {
        ReadableName(&set(&[&attribute(&[0x55, 4, 3], tag, value)])).to_string()
    }

    #[test]
    fn attributes_have_short_names_or_numbers() {
        let names = [
            (&[0x55, 4, 3][..], "CN"),
            (&[0x55, 4, 5], "serialNumber"),
            (&[0x55, 4, 6], "C"),
            (&[0x55, 4, 7], "L"),
            (&[0x55, 4, 8], "ST"),
            (&[0x55, 4, 9], "STREET"),
            (&[0x55, 4, 10], "O"),
            (&[0x55, 4, 11], "OU"),
            (&[0x55, 4, 97], "organizationIdentifier"),
            (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
            (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
            (&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1, 3], "jurisdictionC"),
            (&[0x2a, 3], "1.2.3"),
        ];
        for (oid, name) in names {
            let read = ReadableName(&set(&[&attribute(oid, 0x0c, b"x")])).to_string();
            assert_eq!(read, format!("{name}=x"));
        }
    }

    #[test]
    fn attributes_of_one_set_are_joined_by_plus() {
        let [cn, serial] = [3, 5].map(|last| attribute(&[0x55, 4, last], 0x13, b"x"));
        let name = [set(&[&cn, &serial]), set(&[&cn])].concat();
        assert_eq!(ReadableName(&name).to_string(), "CN=x + serialNumber=x, CN=x");
        assert_eq!(ReadableName(b"").to_string(), "(no name)");
    }

    #[test]
    fn every_string_type_is_decoded() {
        for (tag, value, text) in [
            (0x0c, "Żubr".as_bytes(), "CN=Żubr"),
            (0x13, b"a b", "CN=a b"),
            (0x14, b"caf\xe9", "CN=café"),
            (0x16, b"a@b", "CN=a@b"),
            (0x1c, &[0, 0, 0, 0x41, 0, 1, 0xf6, 0], "CN=A😀"),
            (0x1e, &[0, 0x41, 0x01, 0x7b, 0xd8, 0x3d, 0xde, 0], "CN=AŻ😀"),
            // Invalid: a lone surrogate, half a character, no Unicode scalar value, no UTF-8.
            (0x1e, &[0xd8, 0, 0], "CN=\u{fffd}\u{fffd}"),
            (0x1c, &[0, 0, 0xd8, 0, 0], "CN=\u{fffd}\u{fffd}"),
            (0x0c, b"a\xff", "CN=a\u{fffd}"),
            // A BIT STRING is not text.
            (0x03, &[0, 0xab], "CN=#030200ab"),
        ] {
            assert_eq!(common_name(tag, value), text);
        }
    }

    #[test]
    fn only_what_could_mislead_is_escaped() {
        for (value, text) in [
            ("Let's Encrypt \"R3\"", "CN=Let's Encrypt \"R3\""),
            ("a\n\u{1b}[31mb\\", "CN=a\\n\\u{1b}[31mb\\\\"),
            ("a\u{202e}b", "CN=a\\u{202e}b"),
        ] {
            assert_eq!(common_name(0x0c, value.as_bytes()), text);
        }
    }

    #[test]
    fn object_identifiers_are_dotted() {
        // X.690 §8.19: the first two arcs share an octet, and the second is bounded only if the
        // first is below 2.
        for (oid, text) in [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d][..], "1.2.840.113549"),
            (&[0x55, 0x1d, 0x0f], "2.5.29.15"),
            (&[0x88, 0x37, 0x03], "2.999.3"),
            (&[0x27], "0.39"),
            (&[0x78], "2.40"),
        ] {
            assert_eq!(dotted(oid), text);
        }
    }
}
