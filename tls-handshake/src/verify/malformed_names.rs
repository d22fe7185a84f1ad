//! Says what is malformed in the names of a certificate. Runs only after a rejection: webpki
//! reports neither the certificate nor the name.

use tls_crypto::der::{self, Elements};

use crate::error::{Escaped, bounded};
use crate::verify::name_constraint::mask_length;
use crate::verify::x509::{Certificate, oid, sole};

/// Tags of a GeneralName (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
const ALL: [u8; 9] = [0xa0, 0x81, DNS_NAME, 0xa3, 0xa4, 0xa5, 0x86, IP_ADDRESS, 0x88];

/// Returns what is malformed in the subjectAltName.
pub(crate) fn subject_alt_name(read: &Certificate<'_>) -> Option<String> {
    const UNPARSABLE: &str = "it cannot be parsed";
    let Some(names) = sole(read.extension(oid::SUBJECT_ALT_NAME)?, der::SEQUENCE) else {
        return Some(UNPARSABLE.into());
    };
    let mut names = Elements::new(names);
    while !names.is_empty() {
        match names.next() {
            Some((DNS_NAME, name)) if !is_host_name(name, Form::Name) => {
                return Some(format!("the DNS name {} is not a host name", shown(name)));
            }
            Some((IP_ADDRESS, address)) if !matches!(address.len(), 4 | 16) => {
                return Some(format!("an IP address has {} bytes; expected 4 or 16", address.len()));
            }
            Some((tag, _)) if ALL.contains(&tag) => {}
            Some(_) | None => return Some(UNPARSABLE.into()),
        }
    }
    None
}

/// Returns what is malformed in the contents of a NameConstraints (RFC 5280 §4.2.1.10).
pub(crate) fn name_constraints(contents: &[u8]) -> Option<String> {
    let mut fields = Elements::new(contents);
    for list in [fields.optional(der::CONTEXT_0), fields.optional(der::CONTEXT_1)].into_iter().flatten() {
        let mut list = Elements::new(list);
        while !list.is_empty() {
            let Some(subtree) = list.expect(der::SEQUENCE) else { return Some("a subtree cannot be parsed".into()) };
            if let Some(why) = self::subtree(subtree) {
                return Some(why);
            }
        }
    }
    (!fields.is_empty()).then(|| "it cannot be parsed".into())
}

/// Returns what is malformed in the contents of a GeneralSubtree.
fn subtree(contents: &[u8]) -> Option<String> {
    let mut fields = Elements::new(contents);
    let base = fields.next();
    if !fields.is_empty() {
        return Some("a subtree has a minimum or maximum, which RFC 5280 does not allow".into());
    }
    match base {
        Some((DNS_NAME, base)) if !is_host_name(base, Form::Constraint) => {
            Some(format!("the subtree of DNS names {} is not a domain", shown(base)))
        }
        Some((IP_ADDRESS, base)) if !matches!(base.len(), 8 | 32) => Some(format!(
            "a subtree of IP addresses has {} bytes; expected an address and a mask in 8 or 32 bytes",
            base.len()
        )),
        Some((IP_ADDRESS, base)) if base.get(base.len() / 2..).and_then(mask_length).is_none() => {
            Some("the mask of a subtree of IP addresses is not ones followed by zeros".into())
        }
        Some((tag, _)) if ALL.contains(&tag) => None,
        Some(_) | None => Some("a subtree cannot be parsed".into()),
    }
}

fn shown(name: &[u8]) -> String {
    format!("\"{}\"", bounded(Escaped(&String::from_utf8_lossy(name)).to_string()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With an optional wildcard.
    Name,
    /// Empty, or with an optional dot at the start.
    Constraint,
}

/// Returns whether webpki takes this for a DNS name: labels of letters, digits, hyphens and
/// underscores (RFC 1123 §2.1), of which the last is not a number.
fn is_host_name(name: &[u8], form: Form) -> bool {
    let labels = match form {
        Form::Constraint if name.is_empty() => return true,
        Form::Constraint => name.strip_prefix(b".").unwrap_or(name),
        // A wildcard stands below at least two labels.
        Form::Name => match name.strip_prefix(b"*.") {
            Some(below) if !below.contains(&b'.') => return false,
            Some(below) => below,
            None => name,
        },
    };
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let last = labels.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    name.len() <= 253 && labels.split(|byte| *byte == b'.').all(is_label) && !last.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_those_of_webpki() {
        let long = "a".repeat(64);
        for (name, is_name, is_constraint) in [
            ("a.test", true, true),
            ("A-1_b.test", true, true),
            ("*.a.test", true, false),
            ("*.test", false, false),
            ("*a.test", false, false),
            ("a.*.test", false, false),
            (".a.test", false, true),
            ("", false, true),
            (".", false, false),
            ("a..test", false, false),
            ("a.test.", false, false),
            ("-a.test", false, false),
            ("a-.test", false, false),
            ("192.0.2.1", false, false),
            ("1a", true, true),
            ("a b.test", false, false),
            ("ä.test", false, false),
            (&long[..63], true, true),
            (&long, false, false),
            (&["a"; 127].join("."), true, true),
            (&["a"; 128].join("."), false, false),
        ] {
            let found = [Form::Name, Form::Constraint].map(|form| is_host_name(name.as_bytes(), form));
            assert_eq!(found, [is_name, is_constraint], "{name}");
        }
    }

    #[test]
    fn malformed_name_constraints_are_described() {
        let subtree = |base: &[u8]| der::element(der::SEQUENCE, &[base]);
        let dns = |name: &[u8]| der::element(DNS_NAME, &[name]);
        let ip = |bytes: &[u8]| der::element(IP_ADDRESS, &[bytes]);
        let permitted = |subtree: &[u8]| der::element(der::CONTEXT_0, &[subtree]);
        let excluded = |subtree: &[u8]| der::element(der::CONTEXT_1, &[subtree]);
        let valid = [
            permitted(&subtree(&dns(b".a.test"))),
            excluded(&[subtree(&ip(&[192, 0, 2, 0, 255, 255, 255, 0])), subtree(&ip(&[0; 32]))].concat()),
        ]
        .concat();
        assert_eq!(name_constraints(&valid), None);
        assert_eq!(name_constraints(&[]), None);
        for (constraints, words) in [
            (permitted(&subtree(&dns(b"a..test"))), "the subtree of DNS names \"a..test\" is not a domain"),
            (excluded(&subtree(&dns(b"*.a.test"))), "\"*.a.test\" is not a domain"),
            (permitted(&subtree(&dns(b"a\n"))), "\"a\\n\" is not a domain"),
            (permitted(&subtree(&ip(&[192, 0, 2, 0]))), "IP addresses has 4 bytes; expected"),
            (excluded(&subtree(&ip(&[192, 0, 2, 0, 255, 0, 255, 0]))), "mask of a subtree"),
            (permitted(&subtree(&[dns(b"a.test"), vec![0x80, 1, 0]].concat())), "a minimum or maximum"),
            (permitted(&subtree(&[])), "a subtree cannot be parsed"),
            (permitted(&subtree(&[5, 0])), "a subtree cannot be parsed"),
            (permitted(&dns(b"a.test")), "a subtree cannot be parsed"),
            (subtree(&dns(b"a.test")), "it cannot be parsed"),
        ] {
            let why = name_constraints(&constraints).unwrap();
            assert!(why.contains(words), "{words}: {why}");
        }
    }
}
