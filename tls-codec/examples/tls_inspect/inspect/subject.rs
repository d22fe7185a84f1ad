//! The subject of a certificate, as text.

use std::fmt::Write as _;

use strata_tls_codec::Reader;

/// Returns the subject of a DER certificate in its order, such as `C=US, CN=example.com`. `None` if
/// it is malformed.
pub(crate) fn subject(certificate: &[u8]) -> Option<String> {
    let mut certificate = Reader::new(contents(&mut Reader::new(certificate), SEQUENCE)?);
    let mut fields = Reader::new(contents(&mut certificate, SEQUENCE)?);
    let version = fields;
    if element(&mut fields)?.0 != 0xa0 {
        fields = version;
    }
    // Serial number, signature, issuer, validity.
    for _ in 0..4 {
        element(&mut fields)?;
    }
    let mut names = Reader::new(contents(&mut fields, SEQUENCE)?);
    let mut text = String::new();
    while !names.is_empty() {
        let mut set = Reader::new(contents(&mut names, SET)?);
        let mut separator = if text.is_empty() { "" } else { ", " };
        while !set.is_empty() {
            let mut attribute = Reader::new(contents(&mut set, SEQUENCE)?);
            let typ = contents(&mut attribute, OBJECT_IDENTIFIER)?;
            let (tag, value) = element(&mut attribute)?;
            text.push_str(separator);
            name(&mut text, typ);
            text.push('=');
            escaped(&mut text, &decoded(tag, value));
            separator = "+";
        }
    }
    Some(text)
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Reads an element of DER: its tag and contents.
fn element<'a>(r: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let tag = r.u8().ok()?;
    let length = match r.u8().ok()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(r.u8().ok()?),
        0x82 => usize::from(r.u16().ok()?),
        0x83 => usize::try_from(r.u24().ok()?).ok()?,
        _ => return None,
    };
    Some((tag, r.bytes(length).ok()?))
}

/// Reads the contents of an element with this tag.
fn contents<'a>(r: &mut Reader<'a>, wanted: u8) -> Option<&'a [u8]> {
    element(r).filter(|(tag, _)| *tag == wanted).map(|(_, contents)| contents)
}

/// Writes the short name of an attribute (RFC 4514 §3), or its number.
fn name(text: &mut String, typ: &[u8]) {
    text.push_str(match typ {
        [0x55, 4, 3] => "CN",
        [0x55, 4, 5] => "serialNumber",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "STREET",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        _ => {
            numbers(text, typ);
            return;
        }
    });
}

/// Writes an object identifier in numbers.
fn numbers(text: &mut String, typ: &[u8]) {
    let mut arc = 0_u64;
    let mut is_first = true;
    for byte in typ {
        arc = arc.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        // Writing to a string does not fail.
        let _ = if is_first {
            let top = (arc / 40).min(2);
            write!(text, "{top}.{}", arc - 40 * top)
        } else {
            write!(text, ".{arc}")
        };
        (arc, is_first) = (0, false);
    }
}

fn decoded(tag: u8, value: &[u8]) -> String {
    match tag {
        // BMPString: UTF-16.
        0x1e => {
            let units = value.chunks_exact(2).filter_map(<[u8]>::first_chunk).map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        // TeletexString, in practice Latin 1.
        0x14 => value.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(value).into_owned(),
    }
}

/// Writes a value with the escapes of RFC 4514 §2.4.
fn escaped(text: &mut String, value: &str) {
    for (at, char) in value.char_indices() {
        let is_edge = at == 0 || at + char.len_utf8() == value.len();
        match char {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => text.extend(['\\', char]),
            ' ' if is_edge => text.push_str("\\ "),
            '#' if at == 0 => text.push_str("\\#"),
            _ => text.push(char),
        }
    }
}
