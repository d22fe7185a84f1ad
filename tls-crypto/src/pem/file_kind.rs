//! Names the kind of a file in which no section was found, for its owner. `der_kind` reads DER.

use super::der_kind::Shape;
use super::{Content, Encoding, Section, Sections, contains};

/// Returns what `file` is and what to do about it, for a file in which no section contains
/// `wanted`. Reads damaged files too.
///
/// ```
/// use strata_tls_crypto::pem::{Content, what_is};
///
/// let found = what_is(b"/etc/ssl/cert.pem", Content::Certificate);
/// assert_eq!(found, "it is a path; read the file and pass its content");
/// ```
#[must_use]
pub fn what_is(file: &[u8], wanted: Content) -> String {
    if file.is_empty() {
        return "the file or input is empty".into();
    }
    if file.strip_prefix(super::BYTE_ORDER_MARK).unwrap_or(file).trim_ascii().is_empty() {
        return "the file or input has only white space".into();
    }
    if file.starts_with(&[0xff, 0xfe]) || file.starts_with(&[0xfe, 0xff]) {
        return "it is UTF-16; save it as UTF-8 or ASCII".into();
    }
    if let Some(section) = Sections::new(file).flatten().next() {
        return format!("it has {}", what_section(&section));
    }
    if let Some(shape) = Shape::of(file) {
        return what_der(file, shape, wanted);
    }
    if let Some((_, what)) = TEXTS.iter().find(|(mark, _)| contains(file, mark)) {
        return (*what).to_owned();
    }
    if is_path(file) {
        return "it is a path; read the file and pass its content".into();
    }
    if file.starts_with(b"MI") && file.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n ".contains(byte)) {
        return "it is base64 without BEGIN and END lines; add them".into();
    }
    match wanted {
        Content::PrivateKey => "it is not PEM, which starts one with -----BEGIN PRIVATE KEY-----".into(),
        Content::Crl => "it is not PEM, which starts one with -----BEGIN X509 CRL-----".into(),
        Content::Other => "it is neither PEM nor DER".into(),
        _ => "it is not PEM, which starts one with -----BEGIN CERTIFICATE-----".into(),
    }
}

fn what_section(section: &Section<'_>) -> String {
    let place = section.place();
    match (section.label(), Content::of(section.label())) {
        (b"CERTIFICATE REQUEST" | b"NEW CERTIFICATE REQUEST", _) => {
            format!("a certificate request ({place}); have a CA issue the certificate")
        }
        (_, Content::PrivateKey) => format!("a private key ({place})"),
        (_, Content::Certificate) => format!("a certificate ({place})"),
        (_, Content::Crl) => format!("a CRL ({place})"),
        (label, _) if label.ends_with(b"PUBLIC KEY") => format!("a public key ({place})"),
        (label, _) if label.ends_with(b"PARAMETERS") => format!("parameters ({place})"),
        (b"PKCS7" | b"PKCS #7 SIGNED DATA" | b"CMS", _) => format!("a PKCS#7 bundle ({place})"),
        _ => format!("{place}"),
    }
}

/// Names a format of DER.
fn what_der(file: &[u8], shape: Shape, wanted: Content) -> String {
    let (what, is_wanted) = match shape {
        Shape::Certificate => ("a certificate in DER", wanted == Content::Certificate),
        Shape::Crl => ("a CRL in DER", wanted == Content::Crl),
        Shape::PrivateKey => ("a private key in DER", wanted == Content::PrivateKey),
        Shape::EncryptedPrivateKey => ("an encrypted private key in DER", wanted == Content::PrivateKey),
        Shape::PublicKey => ("a public key in DER", false),
        Shape::Bundle if super::entries(file, wanted, Encoding::PemOrDer).next().is_some() => {
            ("a PKCS#7 bundle in DER", wanted != Content::PrivateKey)
        }
        Shape::Bundle => ("a PKCS#7 bundle in DER that does not contain it", false),
        Shape::Pkcs12 => (PKCS12, false),
        Shape::Other => ("DER of an unknown kind", false),
        Shape::Damaged => ("DER that is truncated, or has other bytes after its end", false),
        Shape::Indefinite => ("BER with indefinite lengths, not DER; convert it with openssl", false),
    };
    // The readers of DER take it, so PEM was demanded.
    let advice =
        if is_wanted { ", not PEM; read it with the function named `from_bytes`, which takes both" } else { "" };
    format!("it is {what}{advice}")
}

const PKCS12: &str = "PKCS#12; load it with its password, by `Identity::from_pkcs12` or \
                      `IdentityFiles::with_password` (feature `pkcs12`), or convert it with \
                      `openssl pkcs12 -in file -out file.pem -nodes` (an old file: with -legacy)";

/// Returns whether this is one line that looks like the name of a file.
fn is_path(file: &[u8]) -> bool {
    let Ok(name) = str::from_utf8(file) else { return false };
    let name = name.trim();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let is_known = extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()));
    name.len() < 4096
        && !name.contains(['\n', '\r', '<', '>', '\0'])
        && (is_known || name.starts_with(['/', '.', '~']) || name.get(1..3) == Some(":\\"))
}

const EXTENSIONS: &[&str] = &["pem", "crt", "cer", "cert", "key", "der", "crl", "p12", "pfx", "p7b", "txt"];

const TEXTS: &[(&[u8], &str)] = &[
    (b"PuTTY-User-Key-File", "it is a PuTTY key; convert it with `puttygen key.ppk -O private-openssl -o key.pem`"),
    (b"ssh-", "it is an OpenSSH public key"),
    (b"ecdsa-sha2-", "it is an OpenSSH public key"),
    (b"-----BEGIN PGP", "it is PGP"),
    (b"<html", "it is HTML"),
    (b"<HTML", "it is HTML"),
    (b"<!DOCTYPE", "it is HTML"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Each mistake has its own text.
    #[test]
    fn mistakes_have_distinct_texts() {
        let section = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").into_bytes();
        let cases: &[(&[u8], &str)] = &[
            (b"", "is empty"),
            (b"\xef\xbb\xbf \r\n\t\n", "only white space"),
            (b"\xff\xfe-\0-\0", "UTF-16"),
            (b"/etc/ssl/certs/a", "a path"),
            (b"C:\\a", "a path"),
            (b"chain.PEM\n", "a path"),
            (&section("EC PRIVATE KEY"), "a private key (section 1 (EC PRIVATE KEY) at line 1)"),
            (&section("X509 CRL"), "it has a CRL"),
            (&section("EC PARAMETERS"), "parameters"),
            (&section("RSA PUBLIC KEY"), "has a public key"),
            (&section("NEW CERTIFICATE REQUEST"), "certificate request"),
            (&[0x30, 6, 0x30, 0, 0x30, 0, 3, 0], "it is a certificate in DER, not PEM; read it with"),
            (&[0x30, 3, 10, 1, 0], "DER of an unknown kind"),
            (&[0x30, 8, 2, 1, 3, 0x30, 3, 6, 1, 42], "it is PKCS#12; load it with its password"),
            (&[0x30, 0x82, 1, 0, 2, 1, 3], "DER that is truncated"),
            (&[0x30, 0x80, 6, 1, 42, 0, 0], "indefinite"),
            (&[0x30, 5, 2, 1, 0, 0x30, 0], "it is a private key in DER"),
            (
                &[0x30, 19, 0x30, 13, 2, 1, 1, 0x30, 0, 0x30, 0, 0x17, 4, 48, 48, 48, 48, 0x30, 0, 3, 0],
                "it is a CRL in DER",
            ),
            (&[0x30, 4, 0x30, 0, 4, 0], "encrypted private key in DER"),
            (&[0x30, 4, 0x30, 0, 3, 0], "public key in DER"),
            (&[0x30, 3, 6, 1, 42], "it is a PKCS#7 bundle in DER, not PEM; read it with"),
            (b"ssh-ed25519 AAAA me", "an OpenSSH public key"),
            (b"PuTTY-User-Key-File-3: x\n", "puttygen"),
            (b"<html>404</html>", "HTML"),
            (b"MIIBAAAA\nAAAA==\n", "base64 without"),
            (b"hello there", "is not PEM"),
        ];
        for (file, words) in cases {
            let shown = what_is(file, Content::Certificate);
            assert!(shown.contains(words), "no {words:?} in {shown:?}");
            let others = cases.iter().filter(|(other, others)| other != file && others != words);
            assert!(others.clone().all(|(_, others)| !shown.contains(others)), "{shown}");
        }
        let wanted = [Content::Certificate, Content::PrivateKey, Content::Crl].map(|wanted| what_is(b"?", wanted));
        assert!(wanted[0] != wanted[1] && wanted[1] != wanted[2] && wanted[0] != wanted[2]);
    }
}
