//! As much of a certificate as the checks beside webpki's take, and as a person wants to read (RFC 5280 §4.1).
//!
//! webpki judges paths. This reads what it does not give out: validity, extensions, and the parts that are signed.

use core::net::IpAddr;
use std::fmt;

use crate::error::{Excerpt, bounded};
use pki_types::{CertificateDer, UnixTime};
use tls_crypto::Tls12Authentication;
use tls_crypto::der::{self, Elements};

/// A certificate's fields, where they are. Nothing of it is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate<'a> {
    /// The contents of the INTEGER.
    pub(crate) serial: &'a [u8],
    /// The contents of the TBSCertificate.
    pub(crate) tbs: &'a [u8],
    /// 0 for X.509 v1, 2 for v3.
    pub(crate) version: u8,
    /// The contents of the Name.
    pub(crate) issuer: &'a [u8],
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    /// The contents of the Name.
    pub(crate) subject: &'a [u8],
    /// The SubjectPublicKeyInfo with its tag and length.
    pub(crate) spki: &'a [u8],
    /// The contents of the Extensions.
    extensions: &'a [u8],
    pub(crate) signed: Signed<'a>,
}

/// What a key signed, and how: a certificate's and an OCSP response's outermost fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// What is signed, with its tag and length.
    pub(crate) message: &'a [u8],
    /// The contents of the AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the three fields; also gives back the contents of what is signed.
    pub(crate) fn read(fields: &mut Elements<'a>) -> Option<(Self, &'a [u8])> {
        let (contents, message) = fields.expect_whole(der::SEQUENCE)?;
        let algorithm = fields.expect(der::SEQUENCE)?;
        let signature = whole_bytes(fields.expect(der::BIT_STRING)?)?;
        Some((Self { message, algorithm, signature }, contents))
    }
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; `None` if it is none.
    pub(crate) fn read(certificate: &'a CertificateDer<'_>) -> Option<Self> {
        let mut fields = Elements::new(sole(certificate, der::SEQUENCE)?);
        let (signed, tbs) = Signed::read(&mut fields)?;
        let mut fields = Elements::new(tbs);
        let version = match fields.optional(der::CONTEXT_0) {
            Some(version) => *sole(version, der::INTEGER)?.first()?,
            None => 0,
        };
        let serial = fields.expect(der::INTEGER)?;
        fields.expect(der::SEQUENCE)?;
        let issuer = fields.expect(der::SEQUENCE)?;
        let mut validity = Elements::new(fields.expect(der::SEQUENCE)?);
        let (not_before, not_after) = (read_time(&mut validity)?, read_time(&mut validity)?);
        let subject = fields.expect(der::SEQUENCE)?;
        let (_, spki) = fields.expect_whole(der::SEQUENCE)?;
        let extensions = match fields.find(der::CONTEXT_3) {
            Some(extensions) => sole(extensions, der::SEQUENCE)?,
            None => &[],
        };
        Some(Self { serial, tbs, version, issuer, not_before, not_after, subject, spki, extensions, signed })
    }

    /// The value of the extension with this OID (contents alone).
    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        Extensions::new(self.extensions).find(|extension| extension.oid == oid).map(|extension| extension.value)
    }

    /// All extensions.
    pub(crate) fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// Whether basicConstraints say that it is an authority's.
    pub(crate) fn is_ca(&self) -> bool {
        let constraints = self.extension(oid::BASIC_CONSTRAINTS).and_then(|value| sole(value, der::SEQUENCE));
        constraints.and_then(|fields| Elements::new(fields).optional(der::BOOLEAN)) == Some(&[0xff])
    }

    /// Returns how many CA certificates may follow this one (pathLenConstraint, RFC 5280 §4.2.1.9): `None` for any number,
    /// `Some(0)` if the field is malformed.
    pub(crate) fn path_length(&self) -> Option<u64> {
        let mut fields = Elements::new(sole(self.extension(oid::BASIC_CONSTRAINTS)?, der::SEQUENCE)?);
        fields.optional(der::BOOLEAN);
        if fields.is_empty() {
            return None;
        }
        let length = match fields.optional(der::INTEGER) {
            Some([first, ..]) if first & 0x80 != 0 => 0,
            Some(digits) => digits.iter().fold(0_u64, |value, digit| value.saturating_mul(256) | u64::from(*digit)),
            None => 0,
        };
        Some(length)
    }

    /// Returns whether the key usage allows this use of the key, as it does if the extension is absent (RFC 5280 §4.2.1.3).
    pub(crate) fn allows(&self, usage: KeyUse) -> bool {
        let Some(extension) = self.extension(oid::KEY_USAGE) else { return true };
        let bit = match usage {
            KeyUse::DigitalSignature => 0x80,
            KeyUse::KeyCertSign => 0x04,
            KeyUse::CrlSign => 0x02,
        };
        matches!(sole(extension, der::BIT_STRING), Some([_, bits, ..]) if bits & bit != 0)
    }

    /// The DNS names and IP addresses in it (RFC 5280 §4.2.1.6), as a person reads them.
    pub(crate) fn names(&self) -> Excerpt<String> {
        const DNS_NAME: u8 = 0x82;
        const IP_ADDRESS: u8 = 0x87;
        let names = self.extension(oid::SUBJECT_ALT_NAME).and_then(|value| sole(value, der::SEQUENCE));
        let mut names = Elements::new(names.unwrap_or_default());
        let is_shown = |(tag, name): &(u8, &[u8])| match *tag {
            DNS_NAME => true,
            IP_ADDRESS => matches!(name.len(), 4 | 16),
            _ => false,
        };
        let shown: Excerpt<_> = std::iter::from_fn(|| names.next()).filter(is_shown).collect();
        shown.map(|(tag, name)| match (tag, <[u8; 4]>::try_from(name), <[u8; 16]>::try_from(name)) {
            (IP_ADDRESS, Ok(v4), _) => IpAddr::from(v4).to_string(),
            (IP_ADDRESS, _, Ok(v6)) => IpAddr::from(v6).to_string(),
            _ => bounded(String::from_utf8_lossy(name).escape_debug().to_string()),
        })
    }
}

/// Uses of a key that the key usage extension can allow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyUse {
    DigitalSignature,
    KeyCertSign,
    CrlSign,
}

/// Object identifiers, contents alone.
pub(crate) mod oid {
    /// id-ce-basicConstraints.
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    /// id-ce-keyUsage.
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
    /// id-ce-subjectAltName.
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
    /// id-ce-cRLDistributionPoints.
    pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];
    /// id-ce-extKeyUsage.
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
    /// id-kp-serverAuth.
    pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    /// id-kp-clientAuth.
    pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    /// id-pe-tlsfeature, RFC 7633 §6.
    pub(crate) const TLS_FEATURE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 24];
    /// The list of timestamps inside of a certificate, RFC 6962 §3.3.
    pub(crate) const SCT_LIST: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    /// The list of timestamps inside of an OCSP response, RFC 6962 §3.3.
    pub(crate) const SCT_LIST_OF_OCSP: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 5];
    /// id-kp-OCSPSigning.
    pub(crate) const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];
}

/// One extension.
pub(crate) struct Extension<'a> {
    pub(crate) oid: &'a [u8],
    /// Whether those that do not know it have to refuse.
    pub(crate) critical: bool,
    /// What is inside of the OCTET STRING.
    pub(crate) value: &'a [u8],
    /// With its tag and length.
    pub(crate) whole: &'a [u8],
}

/// The extensions in the contents of an Extensions, as far as they can be read.
pub(crate) struct Extensions<'a>(Elements<'a>);

impl<'a> Extensions<'a> {
    pub(crate) fn new(contents: &'a [u8]) -> Self {
        Self(Elements::new(contents))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    #[inline]
    fn next(&mut self) -> Option<Extension<'a>> {
        let (fields, whole) = self.0.expect_whole(der::SEQUENCE)?;
        let mut fields = Elements::new(fields);
        let oid = fields.expect(der::OBJECT_IDENTIFIER)?;
        let critical = fields.optional(der::BOOLEAN).is_some_and(|value| value != [0]);
        Some(Extension { oid, critical, value: fields.expect(der::OCTET_STRING)?, whole })
    }
}

/// The contents of the element that is all of `bytes` and has this tag.
pub(crate) fn sole(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut elements = Elements::new(bytes);
    let contents = elements.optional(tag)?;
    elements.is_empty().then_some(contents)
}

/// The bytes of a BIT STRING that has no odd bits.
pub(crate) fn whole_bytes(contents: &[u8]) -> Option<&[u8]> {
    contents.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

/// Whether a certificate's key is of the kind that suites of this authentication sign with (RFC 8422 §2, §5.10); `None` if it cannot
/// be read.
pub(crate) fn is_for(authentication: Tls12Authentication, certificate: &CertificateDer<'_>) -> Option<bool> {
    let mut spki = Elements::new(sole(Certificate::read(certificate)?.spki, der::SEQUENCE)?);
    let algorithm = Elements::new(spki.expect(der::SEQUENCE)?).expect(der::OBJECT_IDENTIFIER)?;
    Some(match authentication {
        Tls12Authentication::Rsa => algorithm == RSA_ENCRYPTION,
        Tls12Authentication::Ecdsa => [EC_PUBLIC_KEY, ED25519].contains(&algorithm),
    })
}

/// 1.2.840.113549.1.1.1 (RFC 3279 §2.3.1), 1.2.840.10045.2.1 (RFC 5480 §2.1.1), 1.3.101.112 (RFC 8410 §3).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The key alone, of a SubjectPublicKeyInfo: what OCSP and keys' identifiers hash.
pub(crate) fn public_key(spki: &[u8]) -> Option<&[u8]> {
    let mut fields = Elements::new(sole(spki, der::SEQUENCE)?);
    fields.expect(der::SEQUENCE)?;
    whole_bytes(fields.expect(der::BIT_STRING)?)
}

/// The next element, a UTCTime or GeneralizedTime in the form that RFC 5280 §4.1.2.5 demands. What is before 1970 is taken as
/// 1970.
pub(crate) fn read_time(fields: &mut Elements<'_>) -> Option<UnixTime> {
    let (tag, text) = fields.next()?;
    let (century, text) = match tag {
        der::UTC_TIME => (None, text),
        der::GENERALIZED_TIME => {
            let (century, text) = text.split_at_checked(2)?;
            (Some(two_digits(century)?), text)
        }
        _ => return None,
    };
    let (digits, b"Z") = text.split_at_checked(12)? else { return None };
    let mut pairs = digits.chunks_exact(2).map(two_digits);
    let mut next = || pairs.next().flatten();
    let (year, month, day) = (next()?, next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    let year = match century {
        Some(century) => century * 100 + year,
        None if year < 50 => 2000 + year,
        None => 1900 + year,
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years from March, so that the leap day is the last; 719,468 days are from then to 1970.
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = (365 * year + year / 4 - year / 100 + year / 400 + of_year).saturating_sub(719_468);
    let before_1970 = year < 1969 || (year == 1969 && month > 2);
    let seconds = if before_1970 { 0 } else { days * 86_400 + hour * 3_600 + minute * 60 + second };
    Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
}

fn two_digits(text: &[u8]) -> Option<u64> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(u64::from(tens - b'0') * 10 + u64::from(ones - b'0')),
        _ => None,
    }
}

/// A Name's contents as a person reads it, such as `CN=a.test, O=Example`.
///
/// The text comes from the peer: what could move a cursor or begin a line is shown as an escape.
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
                let Some((_, value)) = fields.next() else { break };
                f.write_str(separator)?;
                separator = ", ";
                match oid {
                    [0x55, 4, 3] => f.write_str("CN")?,
                    [0x55, 4, 5] => f.write_str("serialNumber")?,
                    [0x55, 4, 6] => f.write_str("C")?,
                    [0x55, 4, 7] => f.write_str("L")?,
                    [0x55, 4, 8] => f.write_str("ST")?,
                    [0x55, 4, 10] => f.write_str("O")?,
                    [0x55, 4, 11] => f.write_str("OU")?,
                    other => {
                        f.write_str("OID.")?;
                        other.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    }
                }
                write!(f, "={}", String::from_utf8_lossy(value).escape_debug())?;
            }
        }
        if separator.is_empty() { f.write_str("(no name)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Option<u64> {
        read_time(&mut Elements::new(&der::element(tag, &[text.as_bytes()]))).map(|time| time.as_secs())
    }

    #[test]
    fn times_are_those_of_the_calendar() {
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
    fn what_is_no_time_is_none() {
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

    /// A certificate with nothing but these extensions.
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
            // Negative, and no number: nothing may follow.
            (&[1, 1, 0xff, 2, 1, 0x85], true, Some(0)),
            (&[1, 1, 0xff, 4, 1, 5], true, Some(0)),
        ] {
            let extensions = extension(oid::BASIC_CONSTRAINTS, &[], &der::element(der::SEQUENCE, &[fields]));
            let read = with(&extensions);
            assert_eq!((read.is_ca(), read.path_length()), (is_ca, path_length), "{fields:?}");
        }
        assert_eq!((with(&[]).is_ca(), with(&[]).path_length()), (false, None));
    }

    /// RFC 5280 §4.2.1.3: also with the second byte, which decipherOnly takes.
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

    /// RFC 5280 §4.2.1.6: DNS names and addresses, with escapes and at a bounded length.
    #[test]
    fn names_are_shown_as_a_person_reads_them() {
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
    fn extension_is_critical_unless_it_says_false() {
        for (critical, expected) in [(&[][..], false), (&[1, 1, 0], false), (&[1, 1, 1], true), (&[1, 1, 0xff], true)] {
            let extensions = extension(oid::KEY_USAGE, critical, &[]);
            assert_eq!(Extensions::new(&extensions).next().unwrap().critical, expected, "{critical:?}");
        }
    }

    #[test]
    fn bytes_of_a_bit_string_are_whole() {
        for (contents, bytes) in [(&[0, 5][..], Some(&[5][..])), (&[0], Some(&[])), (&[1, 4], None), (&[], None)] {
            assert_eq!(whole_bytes(contents), bytes);
        }
    }

    /// RFC 8422 §5.10: Ed25519 keys belong to the suites of ECDSA.
    #[test]
    fn key_is_for_the_suites_of_its_kind() {
        let kinds = |certificate: &CertificateDer<'_>| {
            [Tls12Authentication::Ecdsa, Tls12Authentication::Rsa].map(|one| is_for(one, certificate))
        };
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let made = rcgen::CertificateParams::default().self_signed(&key).unwrap();
            assert_eq!(kinds(made.der()), [Some(true), Some(false)]);
            // Of a kind that nobody knows.
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
    fn attributes_of_a_name_have_their_short_names() {
        let attribute = |oid: &[u8], value: &str| {
            let oid = der::element(der::OBJECT_IDENTIFIER, &[oid]);
            let one = der::element(der::SEQUENCE, &[&oid, &der::element(0x0c, &[value.as_bytes()])]);
            der::element(0x31, &[&one])
        };
        let known = [3, 5, 6, 7, 8, 10, 11].map(|last| attribute(&[0x55, 4, last], "x")).concat();
        let all = [known, attribute(&[0x2a, 3], "y")].concat();
        assert_eq!(ReadableName(&all).to_string(), "CN=x, serialNumber=x, C=x, L=x, ST=x, O=x, OU=x, OID.2a03=y");
    }

    #[test]
    fn a_certificate_is_read() {
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
        assert_eq!(
            (read.version, read.not_before.as_secs(), read.not_after.as_secs()),
            (2, 981_158_400, 2_524_608_000)
        );
        assert_eq!(read.spki, rcgen::PublicKeyData::subject_public_key_info(&key));
        assert!(read.extension(&[0x55, 0x1d, 17]).is_some() && read.extension(oid::SCT_LIST).is_none());
        let mut longer = made.der().to_vec();
        longer.push(0);
        assert!(Certificate::read(&longer.into()).is_none());
        for cut in 0..made.der().len() {
            assert!(Certificate::read(&made.der()[..cut].into()).is_none());
        }
        assert_eq!(ReadableName(b"").to_string(), "(no name)");
    }
}
