//! Formats the subject of a certificate for display: `CN=localhost, O=Example`.

use strata_tls::CertificateDer;

/// Returns the subject of the first certificate, or `None` if it cannot be parsed.
pub(crate) fn subject(chain: Option<&[CertificateDer<'_>]>) -> Option<String> {
    let leaf = webpki::EndEntityCert::try_from(chain?.first()?).ok()?;
    let mut parts = Vec::new();
    let mut names = leaf.subject();
    while let Some((_set, attributes, rest)) = element(names) {
        let mut attributes = attributes;
        while let Some((_sequence, attribute, more)) = element(attributes) {
            let (_oid, typ, value) = element(attribute)?;
            let (_string, text, _) = element(value)?;
            parts.push(format!("{}={}", short_name(typ), printable(text)));
            attributes = more;
        }
        names = rest;
    }
    Some(if parts.is_empty() { "(no name)".to_owned() } else { parts.join(", ") })
}

/// Splits off the first DER element. Returns its tag, its content and the bytes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = der else { return None };
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(*short), rest),
        // 0x80 (indefinite length) exists only in BER.
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        // Names are shorter.
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// Returns the short name (RFC 4519 §2), or the OID in hex if it has none.
fn short_name(oid: &[u8]) -> String {
    match oid {
        [0x55, 4, 3] => "CN".into(),
        [0x55, 4, 6] => "C".into(),
        [0x55, 4, 7] => "L".into(),
        [0x55, 4, 8] => "ST".into(),
        [0x55, 4, 10] => "O".into(),
        [0x55, 4, 11] => "OU".into(),
        other => other.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Replaces control characters, because the peer chose the text and it may go to a terminal.
fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
