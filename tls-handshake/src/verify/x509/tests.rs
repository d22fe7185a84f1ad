//! Certificates and times, valid and malformed.

use super::*;
use crate::verify::PeerChain;

fn time(tag: u8, text: &str) -> Option<u64> {
    read_time(&mut Elements::new(&der::element(tag, &[text.as_bytes()]))).map(|time| time.as_secs())
}

#[test]
fn read_time_follows_the_calendar() {
    for (tag, text, seconds) in [
        (der::UTC_TIME, "700101000000Z", 0),
        (der::UTC_TIME, "691231235959Z", 0),
        (der::UTC_TIME, "700201000000Z", 2_678_400),
        (der::UTC_TIME, "700430000000Z", 10_281_600),
        (der::UTC_TIME, "500101000000Z", 0),
        (der::UTC_TIME, "000229000000Z", 951_782_400),
        (der::UTC_TIME, "491231235959Z", 2_524_607_999),
        (der::GENERALIZED_TIME, "20201231235959Z", 1_609_459_199),
        (der::GENERALIZED_TIME, "21000101000000Z", 4_102_444_800),
        (der::GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
        (der::GENERALIZED_TIME, "00010101000000Z", 0),
    ] {
        assert_eq!(time(tag, text), Some(seconds), "{text}");
    }
}

#[test]
fn summary_tells_1970_from_earlier_and_unreadable_dates() {
    let dates = |[from, until]: [&str; 2]| {
        let validity = [from, until].map(|text| wrap(der::UTC_TIME, text.as_bytes())).concat();
        let name = wrap(der::SEQUENCE, b"");
        let tbs = [wrap(der::INTEGER, &[1]), name.clone(), name.clone(), wrap(der::SEQUENCE, &validity), name].concat();
        let certificate = CertificateDer::from(wrap(der::SEQUENCE, &wrap(der::SEQUENCE, &tbs)));
        Summary::read(&certificate).map(|summary| (summary.not_before, summary.not_after))
    };
    assert_eq!(dates(["700101000000Z", "000229000000Z"]), Some((Some(0), Some(951_782_400))));
    assert_eq!(dates(["691231235959Z", "000229000000Z"]), Some((None, Some(951_782_400))));
    assert_eq!(dates(["700101000000Z", "001329000000Z"]), Some((Some(0), None)));
}

#[test]
fn read_time_rejects_malformed_times() {
    for text in
        ["", "7001010000Z", "700101000000", "700101000000+0100", "701301000000Z", "700132000000Z", "700101240000Z"]
            .into_iter()
            .chain(["700100000000Z", "700431000000Z", "700101006000Z", "700101000060Z"])
    {
        assert_eq!(time(der::UTC_TIME, text), None, "{text}");
    }
    for text in [
        "20210229000000Z",
        "21000229000000Z",
        "20200229000000.5Z",
        "2020022900000Z",
        "00000101000000Z",
        "2020022900000aZ",
    ] {
        assert_eq!(time(der::GENERALIZED_TIME, text), None, "{text}");
    }
    assert_eq!(time(der::OCTET_STRING, "700101000000Z"), None);
}

/// A certificate with only these extensions.
fn with(extensions: &[u8]) -> Certificate<'_> {
    let time = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
    Certificate {
        serial: &[],
        tbs: &[],
        version: 2,
        issuer: &[],
        not_before: time,
        not_after: time,
        subject: &[],
        spki: &[],
        extensions,
        signed: Signed { message: &[], algorithm: &[], signature: &[] },
    }
}

fn extension(oid: &[u8], critical: &[u8], value: &[u8]) -> Vec<u8> {
    let oid = der::element(der::OBJECT_IDENTIFIER, &[oid]);
    der::element(der::SEQUENCE, &[&oid, critical, &der::element(der::OCTET_STRING, &[value])])
}

/// RFC 5280 §4.2.1.9.
#[test]
fn basic_constraints_are_read() {
    for (fields, is_ca, path_length) in [
        (&[][..], false, None),
        (&[1, 1, 0xff], true, None),
        (&[1, 1, 0], false, None),
        (&[1, 1, 0xff, 2, 1, 0], true, Some(0)),
        (&[1, 1, 0xff, 2, 1, 5], true, Some(5)),
        (&[1, 1, 0xff, 2, 2, 1, 3], true, Some(259)),
        (&[1, 1, 0xff, 2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0], true, Some(u64::MAX)),
        // A negative number, and not a number: no CA may follow.
        (&[1, 1, 0xff, 2, 1, 0x85], true, Some(0)),
        (&[1, 1, 0xff, 4, 1, 5], true, Some(0)),
    ] {
        let extensions = extension(oid::BASIC_CONSTRAINTS, &[], &der::element(der::SEQUENCE, &[fields]));
        let read = with(&extensions);
        assert_eq!((read.is_ca(), read.path_length()), (is_ca, path_length), "{fields:?}");
    }
    assert_eq!((with(&[]).is_ca(), with(&[]).path_length()), (false, None));
}

/// RFC 5280 §4.2.1.3. decipherOnly takes a second byte.
#[test]
fn key_usage_is_read_bit_by_bit() {
    let uses = [KeyUse::DigitalSignature, KeyUse::KeyCertSign, KeyUse::CrlSign];
    for (bits, allowed) in [
        (&[7, 0x80][..], [true, false, false]),
        (&[2, 0x04], [false, true, false]),
        (&[1, 0x02], [false, false, true]),
        (&[0, 0x79], [false; 3]),
        (&[7, 0x86, 0x80], [true; 3]),
        (&[0], [false; 3]),
    ] {
        let extensions = extension(oid::KEY_USAGE, &[], &der::element(der::BIT_STRING, &[bits]));
        assert_eq!(uses.map(|usage| with(&extensions).allows(usage)), allowed, "{bits:?}");
    }
    assert_eq!(uses.map(|usage| with(&[]).allows(usage)), [true; 3]);
}

/// RFC 5280 §4.2.1.6: DNS names and IP addresses.
#[test]
fn names_are_escaped_and_bounded() {
    let long = "a".repeat(100_000);
    let names = [
        der::element(0x82, &[b"a\n.test"]),
        der::element(0x81, &[b"post@a.test"]),
        der::element(0x87, &[&[127, 0, 0, 1]]),
        der::element(0x87, &[&[127, 0, 0, 0, 1]]),
        der::element(0x87, &[&[&[0; 15][..], &[1]].concat()]),
        der::element(0x82, &[long.as_bytes()]),
    ];
    let extensions = extension(oid::SUBJECT_ALT_NAME, &[], &der::element(der::SEQUENCE, &[&names.concat()]));
    let shown = with(&extensions).names();
    let (last, shown) = shown.entries().split_last().unwrap();
    assert_eq!(shown, ["a\\n.test", "127.0.0.1", "::1"]);
    assert!(last.len() < long.len());
}

#[test]
fn extension_is_critical_if_not_false() {
    for (critical, expected) in [(&[][..], false), (&[1, 1, 0], false), (&[1, 1, 1], true), (&[1, 1, 0xff], true)] {
        let extensions = extension(oid::KEY_USAGE, critical, &[]);
        assert_eq!(Extensions::new(&extensions).next().unwrap().critical, expected, "{critical:?}");
    }
}

#[test]
fn whole_bytes_rejects_unused_bits() {
    for (contents, bytes) in [(&[0, 5][..], Some(&[5][..])), (&[0], Some(&[])), (&[1, 4], None), (&[], None)] {
        assert_eq!(whole_bytes(contents), bytes);
    }
}

/// RFC 8422 §5.10: Ed25519 keys belong to the suites of ECDSA.
#[test]
fn key_type_matches_suite_authentication() {
    let kinds = |certificate: &CertificateDer<'_>| {
        [Tls12Authentication::Ecdsa, Tls12Authentication::Rsa].map(|one| is_for(one, certificate))
    };
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let made = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        assert_eq!(kinds(made.der()), [Some(true), Some(false)]);
        // An unknown type of key.
        let mut other = made.der().to_vec();
        let oid = if algorithm == &rcgen::PKCS_ED25519 { ED25519 } else { EC_PUBLIC_KEY };
        let at = other.windows(oid.len()).rposition(|bytes| bytes == oid).unwrap();
        for at in (0..=at).filter(|at| made.der()[*at..].starts_with(oid)) {
            other[at + oid.len() - 1] ^= 0x40;
        }
        assert_eq!(kinds(&other.into()), [Some(false), Some(false)]);
    }
    assert_eq!(kinds(&vec![0x30, 0].into()), [None, None]);
}

#[test]
fn certificate_read_returns_its_fields() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["a.test".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "a\n\u{1b}[31mb");
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Example");
    params.not_before = rcgen::date_time_ymd(2001, 2, 3);
    params.not_after = rcgen::date_time_ymd(2050, 1, 1);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let made = params.self_signed(&key).unwrap();
    let read = Certificate::read(made.der()).unwrap();
    assert_eq!(ReadableName(read.subject).to_string(), "CN=a\\n\\u{1b}[31mb, O=Example");
    assert!(read.issuer == read.subject && read.is_ca());
    assert_eq!((read.version, read.not_before.as_secs(), read.not_after.as_secs()), (2, 981_158_400, 2_524_608_000));
    assert_eq!(read.spki, rcgen::PublicKeyData::subject_public_key_info(&key));
    assert!(read.extension(&[0x55, 0x1d, 17]).is_some() && read.extension(oid::SCT_LIST).is_none());
    let mut longer = made.der().to_vec();
    longer.push(0);
    assert!(Certificate::read(&longer.into()).is_none());
    for cut in 0..made.der().len() {
        assert!(Certificate::read(&made.der()[..cut].into()).is_none());
    }
}

/// A self-signed certificate that expires at the start of this day.
fn ending(year: i32, month: u8, day: u8) -> Vec<u8> {
    let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(1960, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, month, day);
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn wrap(tag: u8, value: &[u8]) -> Vec<u8> {
    der::element(tag, &[value])
}

/// A certificate of version 1 up to its validity, which ends at this time.
fn with_time(tag: u8, text: &str) -> Vec<u8> {
    let validity = wrap(der::SEQUENCE, &[wrap(der::UTC_TIME, b"700101000000Z"), wrap(tag, text.as_bytes())].concat());
    let tbs = [wrap(der::INTEGER, &[1]), wrap(der::SEQUENCE, b""), wrap(der::SEQUENCE, b""), validity].concat();
    wrap(der::SEQUENCE, &wrap(der::SEQUENCE, &tbs))
}

#[test]
fn not_after_is_the_certificates_end() {
    // date -u -d … +%s
    let cases = [
        ((1970, 1, 2), 86_400),
        ((1999, 12, 31), 946_598_400),
        ((2000, 2, 29), 951_782_400),
        ((2024, 3, 1), 1_709_251_200),
        ((2038, 1, 20), 2_147_558_400),
        // The last year of UTCTime, and the first of GeneralizedTime.
        ((2049, 12, 31), 2_524_521_600),
        ((2050, 1, 1), 2_524_608_000),
        ((2100, 3, 1), 4_107_542_400),
        ((4096, 1, 1), 67_090_118_400),
    ];
    for ((year, month, day), seconds) in cases {
        assert_eq!(not_after(&ending(year, month, day)), Some(seconds), "{year}-{month}-{day}");
    }
}

#[test]
fn chain_ends_with_its_earliest_certificate() {
    let [early, late] = [ending(2030, 1, 1), ending(2040, 1, 1)];
    let end = not_after(&early);
    let chain = |certificates: &[&Vec<u8>]| {
        PeerChain::of_session(certificates.iter().map(|der| CertificateDer::from((*der).clone())).collect()).end()
    };
    for certificates in [&[&early][..], &[&early, &late], &[&late, &early], &[&late, &late, &early]] {
        assert_eq!(chain(certificates), end);
    }
    assert_eq!(chain(&[&late]), not_after(&late));
    assert_eq!([chain(&[]), chain(&[&early, &vec![0]]), chain(&[&vec![0], &early])], [None; 3]);
}

#[test]
fn not_after_reads_both_forms_of_time() {
    let cases = [
        (der::UTC_TIME, "700101000001Z", 1),
        (der::UTC_TIME, "491231235959Z", 2_524_607_999),
        (der::GENERALIZED_TIME, "19700101000001Z", 1),
        (der::GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
        // RFC 5280 §4.1.2.5: no well-defined end.
        (der::GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
    ];
    for (tag, text, seconds) in cases {
        assert_eq!(not_after(&with_time(tag, text)), Some(seconds), "{text}");
    }
}

#[test]
fn not_after_rejects_times_before_1970() {
    assert_eq!(not_after(&with_time(der::UTC_TIME, "991231235959Z")), Some(946_684_799));
    for text in ["500101000000Z", "691231235959Z"] {
        assert_eq!(not_after(&with_time(der::UTC_TIME, text)), None, "{text}");
    }
    assert_eq!(not_after(&with_time(der::GENERALIZED_TIME, "00000101000000Z")), None);
}

#[test]
fn not_after_rejects_malformed_times() {
    let utc = [
        "20240301000000Z",
        "240301000000",
        "2403010000Z",
        "240301000000+0000",
        "240301000000z",
        "240301000000ZZ",
        "240001000000Z",
        "241301000000Z",
        "240300000000Z",
        "240332000000Z",
        "230229000000Z",
        "240230000000Z",
        "240431000000Z",
        "240301240000Z",
        "240301006000Z",
        "240301000060Z",
        "24030100000aZ",
        "+40301000000Z",
        "",
    ];
    for text in utc {
        assert_eq!(not_after(&with_time(der::UTC_TIME, text)), None, "{text}");
    }
    for text in ["240301000000Z", "20240301000000.5Z", "20240301000000", "21000229000000Z", "2024030100Z"] {
        assert_eq!(not_after(&with_time(der::GENERALIZED_TIME, text)), None, "{text}");
    }
    assert_eq!(not_after(&with_time(0x16, "240301000000Z")), None);
}

#[test]
fn not_after_rejects_truncated_certificates() {
    let certificate = ending(2050, 1, 1);
    for end in 0..certificate.len() {
        assert_eq!(not_after(&certificate[..end]), None, "{end}");
    }
    let mut longer = certificate;
    longer.push(0);
    assert_eq!(not_after(&longer), None);
}

#[test]
fn not_after_rejects_other_tags() {
    const OCTETS: u8 = 0x04;
    let validity =
        |more: &[u8]| [&wrap(der::UTC_TIME, b"700101000000Z"), &wrap(der::UTC_TIME, b"240301000000Z"), more].concat();
    let certificate = |tags: [u8; 6], more: &[u8]| {
        let [whole, tbs, serial, signature, issuer, times] = tags;
        let parts = [wrap(serial, &[1]), wrap(signature, b""), wrap(issuer, b""), wrap(times, &validity(more))];
        wrap(whole, &wrap(tbs, &parts.concat()))
    };
    let tags = [der::SEQUENCE, der::SEQUENCE, der::INTEGER, der::SEQUENCE, der::SEQUENCE, der::SEQUENCE];
    assert!(not_after(&certificate(tags, b"")).is_some());
    for at in 0..tags.len() {
        let mut other = tags;
        other[at] = OCTETS;
        assert_eq!(not_after(&certificate(other, b"")), None, "{at}");
    }
    assert_eq!(not_after(&certificate(tags, &wrap(der::UTC_TIME, b"250301000000Z"))), None);
}

#[test]
fn not_after_rejects_lengths_that_are_not_der() {
    let inner = with_time(der::UTC_TIME, "240301000000Z");
    let (_, body) = inner.split_at(2);
    let length = u8::try_from(body.len()).unwrap();
    assert!(length < 0x80 && not_after(&inner).is_some());
    for head in [&[0x81, length][..], &[0x82, 0, length], &[0x83, 0, 0, length], &[0x84, 0, 0, 0, length], &[0x80]] {
        assert_eq!(not_after(&[&[der::SEQUENCE], head, body].concat()), None, "{head:x?}");
    }
}

#[test]
fn not_after_never_panics_on_changed_bits() {
    for garbage in [&b""[..], b"0", b"\x30\x80", b"\x30\x00", b"\x30\x02\x30\x00", &[0xff; 64], &[0x30; 64]] {
        assert_eq!(not_after(garbage), None);
    }
    let certificate = ending(2030, 6, 1);
    let end = not_after(&certificate).unwrap();
    let mut unchanged = 0;
    for bit in 0..certificate.len() * 8 {
        let mut flipped = certificate.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        unchanged += usize::from(not_after(&flipped) == Some(end));
    }
    // Only the frame of what follows the validity is parsed: not names, key and signature.
    assert!(unchanged > 0 && unchanged < (certificate.len() - 20) * 8);
}
