//! Tests of loading: damaged files, forms that openssl reads, and keys whose form differs from the
//! certificate's.

use pki_types::CertificateDer;
use tls_crypto::der::{self, Elements};

use super::{Identity, IdentityError, anchors_from_pem, certs_from_pem, usable_anchors_from_bytes};
use crate::verify::Crls;
use crate::verify::x509::{Certificate, oid};

/// Returns a self-signed certificate and its key, as PEM.
fn made() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    (made.cert.pem().replace("\r\n", "\n"), made.signing_key.serialize_pem().replace("\r\n", "\n"))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        (0..4).map(move |at| (at, (bits >> (18 - 6 * at)) & 63)).map({
            let length = group.len();
            move |(at, value)| if at <= length { char::from(DIGITS[value as usize]) } else { '=' }
        })
    };
    bytes.chunks(3).flat_map(group).collect()
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64(der))
}

fn expect(shown: &str, words: &str) {
    assert!(shown.contains(words), "no {words:?} in {shown:?}");
}

/// A file with one whole section and one that is damaged must not load as the whole one only.
#[test]
fn damaged_section_is_an_error_for_every_kind_of_file() {
    let (cert, key) = made();
    let (_, second_key) = made();
    let crl = pem("X509 CRL", &[0x30, 0]);
    for (label, whole, second, load) in [
        (
            "CERTIFICATE",
            &cert,
            &made().0,
            &(|file: &str| certs_from_pem(file.as_bytes()).unwrap_err().to_string()) as &dyn Fn(&str) -> String,
        ),
        ("CERTIFICATE", &cert, &made().0, &|file| anchors_from_pem(file.as_bytes()).unwrap_err().to_string()),
        ("PRIVATE KEY", &key, &second_key, &|file| {
            Identity::from_pem(cert.as_bytes(), file.as_bytes()).unwrap_err().to_string()
        }),
        ("X509 CRL", &crl, &crl, &|file| Crls::from_pem(file.as_bytes()).unwrap_err().to_string()),
    ] {
        let after = whole.lines().count() + 1;
        let begin = format!("-----BEGIN {label}-----");
        let damages: [(String, usize, &str); 9] = [
            (second.replace("BEGIN", "BEGIN X"), after, "the END line has another label"),
            (second.replace("-----BEGIN", "----BEGIN"), after, "a damaged BEGIN or END line"),
            (second.replace("-----BEGIN", "\u{2014}BEGIN"), after, "a damaged BEGIN or END line"),
            (second.replace(&begin, &format!(" {begin}")), after, "not at the start of a line"),
            (second.replace(&begin, &format!("{begin}-")), after, "the BEGIN line is malformed"),
            (second.replace(&begin, ""), after + second.lines().count() - 1, "an END line without a BEGIN line"),
            (second[..second.len() / 2].to_owned(), after, "no END line"),
            (second.replace(label, "MYSTERY"), after, "unknown label"),
            (second.replace("\n-----END", "!\n-----END"), after, "not base64"),
        ];
        for (damaged, line, words) in damages {
            // Keys and CRLs stop at the first section that cannot be loaded, so the damaged one is
            // first for them.
            let is_cert = label == "CERTIFICATE";
            let file = if is_cert { format!("{whole}{damaged}") } else { damaged.clone() };
            let (section, line) = if is_cert { (2, line) } else { (1, line + 1 - after) };
            let shown = load(&file);
            expect(&shown, words);
            expect(&shown, &format!("section {section} "));
            expect(&shown, &format!("at line {line}: "));
        }
        let joined = format!("{}{second}", whole.trim_end());
        if label != "X509 CRL" {
            expect(&load(&joined), &format!("section 2 ({label}) at line {}: the BEGIN line", after - 1));
        }
    }
}

#[test]
fn unparsable_certificate_is_named_by_its_section() {
    let (cert, key) = made();
    let file = format!("{cert}{}", pem("CERTIFICATE", &[0x30, 0]));
    let expected =
        format!("section 2 (CERTIFICATE) at line {}: the certificate cannot be parsed", cert.lines().count() + 1);
    expect(&Identity::from_pem(file.as_bytes(), key.as_bytes()).unwrap_err().to_string(), &expected);
    expect(&anchors_from_pem(file.as_bytes()).unwrap_err().to_string(), &expected);
    let (usable, problems) = usable_anchors_from_bytes(file.as_bytes());
    assert_eq!((usable.len(), problems.len()), (1, 1));
    expect(&problems[0].to_string(), &expected);
}

#[test]
fn every_form_that_openssl_reads_is_read() {
    let (cert, key) = made();
    let der = certs_from_pem(cert.as_bytes()).unwrap();
    let settings = der::element(der::SEQUENCE, &[&der::element(12, &[b"alias"])]);
    let forms = [
        format!("\u{feff}{cert}"),
        cert.replace('\n', "  \r\n"),
        cert.replace('\n', "\r"),
        cert.replace("CERTIFICATE", "X509 CERTIFICATE"),
        cert.replacen('\n', "\nComment: made by hand\n\n", 1),
        format!("Bag Attributes\n    friendlyName: a -- b\n{cert}subject=CN = a\n"),
        format!("{}{cert}{key}", pem("EC PARAMETERS", &[6, 1, 42])),
        pem("CERTIFICATE", &der[0]),
        pem("TRUSTED CERTIFICATE", &der[0]),
        pem("TRUSTED CERTIFICATE", &[&der[0], &settings[..]].concat()),
    ];
    for form in forms {
        assert_eq!(certs_from_pem(form.as_bytes()).unwrap(), der, "{form}");
        assert_eq!(anchors_from_pem(form.as_bytes()).unwrap(), der, "{form}");
        Identity::from_pem(form.as_bytes(), key.replace('\n', "\r\n").as_bytes()).unwrap();
    }
    for form in [
        format!("\u{feff}{key}"),
        key.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        format!("{}{key}", pem("EC PARAMETERS", &[6, 1, 42])),
    ] {
        Identity::from_pem(cert.as_bytes(), form.as_bytes()).unwrap();
    }
}

#[test]
fn partly_trusted_certificate_is_no_anchor() {
    let (cert, key) = made();
    let der = certs_from_pem(cert.as_bytes()).unwrap().remove(0);
    let only = der::element(der::SEQUENCE, &[&der::element(der::OBJECT_IDENTIFIER, &[oid::SERVER_AUTH])]);
    let settings = der::element(der::SEQUENCE, &[&only]);
    let file = pem("TRUSTED CERTIFICATE", &[&der, &settings[..]].concat());
    expect(
        &anchors_from_pem(file.as_bytes()).unwrap_err().to_string(),
        "section 1 (TRUSTED CERTIFICATE) at line 1: its trust",
    );
    Identity::from_pem(file.as_bytes(), key.as_bytes()).unwrap();
    let damaged = pem("TRUSTED CERTIFICATE", &[&der, &settings[..1]].concat());
    expect(&certs_from_pem(damaged.as_bytes()).unwrap_err().to_string(), "cannot be parsed");
}

/// Each of the mistakes that all look like a missing certificate.
#[test]
fn mistakes_about_the_input_have_distinct_texts() {
    let (cert, key) = made();
    let der = certs_from_pem(cert.as_bytes()).unwrap();
    let shown = |certs: &[u8], key: &[u8]| Identity::from_pem(certs, key).unwrap_err().to_string();
    let texts = [
        shown(key.as_bytes(), cert.as_bytes()),
        shown(b"", key.as_bytes()),
        shown(&der[0], key.as_bytes()),
        shown(b"/etc/tls/chain.pem", key.as_bytes()),
        shown(key.as_bytes(), key.as_bytes()),
        shown(b"\n\n", key.as_bytes()),
        Identity::from_der(Vec::<CertificateDer<'_>>::new(), b"").unwrap_err().to_string(),
    ];
    let words = [
        "certificates and key are swapped",
        "the file or input is empty",
        "it is a certificate in DER, not PEM; read it with the function named `from_bytes`",
        "it is a path; read the file and pass its content",
        "it has a private key (section 1 (PRIVATE KEY) at line 1)",
        "only white space",
        "the list is empty",
    ];
    for (at, text) in texts.iter().enumerate() {
        for (other, words) in words.iter().enumerate() {
            assert_eq!(text.contains(words), at == other, "{text:?} {words:?}");
        }
    }
    assert_eq!(Identity::from_pem(key.as_bytes(), cert.as_bytes()).unwrap_err(), IdentityError::Swapped);
}

/// Replaces the SubjectPublicKeyInfo of a certificate. Its signature, which loading does not check,
/// stays.
fn with_spki(cert: &CertificateDer<'_>, spki: &[u8]) -> CertificateDer<'static> {
    let read = Certificate::read(cert).unwrap();
    let at = read.tbs.windows(read.spki.len()).position(|part| part == read.spki).unwrap();
    let tbs = [&read.tbs[..at], spki, &read.tbs[at + read.spki.len()..]].concat();
    let mut fields = Elements::new(Elements::new(cert).expect(der::SEQUENCE).unwrap());
    fields.expect(der::SEQUENCE).unwrap();
    der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[&tbs]), fields.rest()]).into()
}

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../../../tls-crypto/tests/data/keys/", $name, ".der")).as_slice()
    };
}

#[test]
fn key_belongs_to_a_certificate_whose_key_has_another_form() {
    let cert = certs_from_pem(made().0.as_bytes()).unwrap().remove(0);
    let without_null = key!("rsa2048.spki").to_vec();
    let mut fields = Elements::new(Elements::new(&without_null).expect(der::SEQUENCE).unwrap());
    let algorithm = fields.expect(der::SEQUENCE).unwrap().strip_suffix(&[5, 0]).unwrap();
    let without_null = der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[algorithm]), fields.rest()]);
    for (key, spki) in [
        (key!("p256.sec1"), key!("p256.compressed.spki")),
        (key!("p256.pkcs8"), key!("p256.compressed.spki")),
        (key!("p256.compressed.sec1"), key!("p256.spki")),
        (key!("rsa2048.pkcs8"), &without_null),
        (key!("rsa2048.pkcs1"), &without_null),
        // The public key comes from the certificate.
        (key!("java.pkcs8"), key!("java.spki")),
        (key!("p256.no-public.sec1"), key!("p256.spki")),
    ] {
        let chain = vec![cert.clone(), with_spki(&cert, spki)];
        let identity = Identity::from_der(chain.clone(), key).unwrap();
        assert_eq!(identity.chain()[0], chain[1]);
        let file: String = chain.iter().map(|one| pem("CERTIFICATE", one)).collect();
        let identity = Identity::from_pem(file.as_bytes(), pem("EC PRIVATE KEY", key).as_bytes()).unwrap();
        assert_eq!(identity.chain()[0], chain[1]);
    }
    // The certificate restricts the key to RSASSA-PSS.
    let mut fields = Elements::new(Elements::new(key!("rsa2048.spki")).expect(der::SEQUENCE).unwrap());
    fields.expect(der::SEQUENCE).unwrap();
    let pss = der::element(der::OBJECT_IDENTIFIER, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]]);
    let pss = der::element(der::SEQUENCE, &[&der::element(der::SEQUENCE, &[&pss]), fields.rest()]);
    let pss = Identity::from_der(vec![with_spki(&cert, &pss)], key!("rsa2048.pkcs1")).unwrap_err();
    expect(&pss.to_string(), "id-RSASSA-PSS, which is not supported");
    // A key without public key that belongs to no certificate of its curve.
    let other = vec![with_spki(&cert, key!("p256.spki"))];
    assert_eq!(Identity::from_der(other, key!("java.pkcs8")).unwrap_err(), IdentityError::KeyMismatch);
    // Nothing can be tried.
    let other = vec![with_spki(&cert, key!("p384.spki"))];
    expect(&Identity::from_der(other, key!("java.pkcs8")).unwrap_err().to_string(), "`openssl ec -in key.pem");
    let short = vec![with_spki(&cert, key!("p256.compressed.spki"))];
    expect(&Identity::from_der(short, key!("rsa-pss.pkcs8")).unwrap_err().to_string(), "rsa_pss_pss_*");
}
