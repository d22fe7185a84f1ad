//! Reads the fields of a certificate that webpki does not expose: validity, extensions, signed
//! parts (RFC 5280 §4.1).
//!
//! The checks beside webpki's use them, and so do the reports about rejected chains.

use core::net::IpAddr;

use crate::error::{Escaped, Excerpt, bounded};
use pki_types::{CertificateDer, UnixTime};
use tls_crypto::Tls12Authentication;
use tls_crypto::der::{self, Elements};

mod distinguished_name;

pub(crate) use distinguished_name::{ReadableName, common_name, dotted};

/// The fields of a certificate, borrowed and unchecked.
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

/// The outermost fields of a certificate, CRL or OCSP response: the signed data and its signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// The signed data with its tag and length.
    pub(crate) message: &'a [u8],
    /// The contents of the AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the three fields. Also returns the contents of the signed data.
    pub(crate) fn read(fields: &mut Elements<'a>) -> Option<(Self, &'a [u8])> {
        let (contents, message) = fields.expect_whole(der::SEQUENCE)?;
        let algorithm = fields.expect(der::SEQUENCE)?;
        let signature = whole_bytes(fields.expect(der::BIT_STRING)?)?;
        Some((Self { message, algorithm, signature }, contents))
    }
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; `None` if it cannot be parsed.
    pub(crate) fn read(certificate: &'a CertificateDer<'_>) -> Option<Self> {
        let mut fields = Elements::new(sole(certificate, der::SEQUENCE)?);
        let (signed, tbs) = Signed::read(&mut fields)?;
        let mut fields = Elements::new(tbs);
        let Head { version, serial, issuer, mut validity } = Head::read(&mut fields)?;
        let (not_before, not_after) = (read_time(&mut validity)?, read_time(&mut validity)?);
        let subject = fields.expect(der::SEQUENCE)?;
        let (_, spki) = fields.expect_whole(der::SEQUENCE)?;
        let extensions = match fields.find(der::CONTEXT_3) {
            Some(extensions) => sole(extensions, der::SEQUENCE)?,
            None => &[],
        };
        Some(Self { serial, tbs, version, issuer, not_before, not_after, subject, spki, extensions, signed })
    }

    /// Returns the value of the extension with this OID (contents only).
    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        Extensions::new(self.extensions).find(|extension| extension.oid == oid).map(|extension| extension.value)
    }

    /// Returns all extensions.
    pub(crate) fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// Returns whether it is a CA certificate by its basicConstraints.
    pub(crate) fn is_ca(&self) -> bool {
        let constraints = self.extension(oid::BASIC_CONSTRAINTS).and_then(|value| sole(value, der::SEQUENCE));
        constraints.and_then(|fields| Elements::new(fields).optional(der::BOOLEAN)) == Some(&[0xff])
    }

    /// Returns how many CA certificates may follow this one (pathLenConstraint, RFC 5280 §4.2.1.9):
    /// `None` for any number, `Some(0)` if the field is malformed.
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

    /// Returns whether the key usage allows this use of the key, as it does if the extension is
    /// absent (RFC 5280 §4.2.1.3).
    pub(crate) fn allows(&self, usage: KeyUse) -> bool {
        let Some(extension) = self.extension(oid::KEY_USAGE) else { return true };
        let bit = match usage {
            KeyUse::DigitalSignature => 0x80,
            KeyUse::KeyCertSign => 0x04,
            KeyUse::CrlSign => 0x02,
        };
        matches!(sole(extension, der::BIT_STRING), Some([_, bits, ..]) if bits & bit != 0)
    }

    /// Names the uses in the key usage; none if there is no such extension.
    pub(crate) fn key_usages(&self) -> Excerpt<&'static str> {
        const NAMES: [&str; 9] = [
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
            "decipherOnly",
        ];
        let extension = self.extension(oid::KEY_USAGE).and_then(|value| sole(value, der::BIT_STRING));
        let (first, second) = match extension {
            Some([_, first, second, ..]) => (*first, *second),
            Some([_, first]) => (*first, 0),
            _ => (0, 0),
        };
        let bits = u16::from_be_bytes([first, second]);
        NAMES.iter().zip(0..).filter(|(_, at)| bits & (0x8000_u16 >> at) != 0).map(|(name, _)| *name).collect()
    }

    /// Returns the DNS names and IP addresses in its subjectAltName (RFC 5280 §4.2.1.6), as text.
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
            _ => bounded(Escaped(&String::from_utf8_lossy(name)).to_string()),
        })
    }
}

/// The parts of a certificate that a report shows, even of one with a date that cannot be parsed.
pub(crate) struct Summary<'a> {
    /// The contents of the INTEGER.
    pub(crate) serial: &'a [u8],
    /// The contents of the Name.
    pub(crate) issuer: &'a [u8],
    /// The contents of the Name.
    pub(crate) subject: &'a [u8],
    /// In seconds since 1970; `None` for a time before 1970, and for one that cannot be parsed.
    pub(crate) not_before: Option<u64>,
    pub(crate) not_after: Option<u64>,
}

impl<'a> Summary<'a> {
    pub(crate) fn read(certificate: &'a CertificateDer<'_>) -> Option<Self> {
        let mut fields = Elements::new(Elements::new(certificate).expect(der::SEQUENCE)?);
        let mut fields = Elements::new(fields.expect(der::SEQUENCE)?);
        let Head { serial, issuer, mut validity, .. } = Head::read(&mut fields)?;
        let subject = fields.expect(der::SEQUENCE)?;
        let (not_before, not_after) = (read_seconds(&mut validity).flatten(), read_seconds(&mut validity).flatten());
        Some(Self { serial, issuer, subject, not_before, not_after })
    }
}

/// The fields of a TBSCertificate up to its validity.
struct Head<'a> {
    version: u8,
    serial: &'a [u8],
    issuer: &'a [u8],
    validity: Elements<'a>,
}

impl<'a> Head<'a> {
    fn read(fields: &mut Elements<'a>) -> Option<Self> {
        let version = match fields.optional(der::CONTEXT_0) {
            Some(version) => *sole(version, der::INTEGER)?.first()?,
            None => 0,
        };
        let serial = fields.expect(der::INTEGER)?;
        fields.expect(der::SEQUENCE)?;
        let issuer = fields.expect(der::SEQUENCE)?;
        let validity = Elements::new(fields.expect(der::SEQUENCE)?);
        Some(Self { version, serial, issuer, validity })
    }
}

/// Returns notAfter (RFC 5280 §4.1.2.5) of a certificate, in seconds since 1970; `None` if it
/// cannot be parsed, or is not after the start of 1970.
///
/// Runs for each certificate of a handshake, so it parses nothing but the end of the validity. The
/// verifier has checked the rest.
pub(crate) fn not_after(certificate: &[u8]) -> Option<u64> {
    let mut fields = Elements::new(sole(certificate, der::SEQUENCE)?);
    let Head { mut validity, .. } = Head::read(&mut Elements::new(fields.expect(der::SEQUENCE)?))?;
    // notBefore.
    validity.next()?;
    let end = read_time(&mut validity)?.as_secs();
    (validity.is_empty() && end > 0).then_some(end)
}

/// A use of a key that the key usage extension can allow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyUse {
    DigitalSignature,
    KeyCertSign,
    CrlSign,
}

/// Object identifiers (contents only).
pub(crate) mod oid {
    /// id-ce-basicConstraints.
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    /// id-ce-keyUsage.
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
    /// id-ce-subjectKeyIdentifier.
    pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 14];
    /// id-ce-authorityKeyIdentifier.
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
    /// id-ce-subjectAltName.
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
    /// id-ce-cRLNumber.
    pub(crate) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
    /// id-ce-nameConstraints.
    pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
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
    /// The SCTs embedded in a certificate, RFC 6962 §3.3.
    pub(crate) const SCT_LIST: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    /// The SCTs in an OCSP response, RFC 6962 §3.3.
    pub(crate) const SCT_LIST_OF_OCSP: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 5];
    /// id-kp-OCSPSigning.
    pub(crate) const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];
}

/// One extension.
pub(crate) struct Extension<'a> {
    pub(crate) oid: &'a [u8],
    /// True if a verifier that does not support it must reject the certificate.
    pub(crate) critical: bool,
    /// The contents of the OCTET STRING.
    pub(crate) value: &'a [u8],
    /// The extension with its tag and length.
    pub(crate) whole: &'a [u8],
}

/// Iterates over the contents of an Extensions. Ends at an extension that cannot be parsed.
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

/// Returns the contents of an element with this tag that spans all of `bytes`.
pub(crate) fn sole(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut elements = Elements::new(bytes);
    let contents = elements.optional(tag)?;
    elements.is_empty().then_some(contents)
}

/// Returns the bytes of a BIT STRING that has no unused bits.
pub(crate) fn whole_bytes(contents: &[u8]) -> Option<&[u8]> {
    contents.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

/// Returns whether cipher suites with this authentication use a certificate's type of key (RFC 8422
/// §2, §5.10); `None` if the certificate cannot be parsed.
pub(crate) fn is_for(authentication: Tls12Authentication, certificate: &CertificateDer<'_>) -> Option<bool> {
    let mut spki = Elements::new(sole(Certificate::read(certificate)?.spki, der::SEQUENCE)?);
    let algorithm = Elements::new(spki.expect(der::SEQUENCE)?).expect(der::OBJECT_IDENTIFIER)?;
    Some(match authentication {
        Tls12Authentication::Rsa => algorithm == RSA_ENCRYPTION,
        Tls12Authentication::Ecdsa => [EC_PUBLIC_KEY, ED25519].contains(&algorithm),
    })
}

/// 1.2.840.113549.1.1.1 (RFC 3279 §2.3.1), 1.2.840.10045.2.1 (RFC 5480 §2.1.1), 1.3.101.112 (RFC
/// 8410 §3).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Returns the public key in a SubjectPublicKeyInfo: the part that OCSP and key identifiers hash.
pub(crate) fn public_key(spki: &[u8]) -> Option<&[u8]> {
    let mut fields = Elements::new(sole(spki, der::SEQUENCE)?);
    fields.expect(der::SEQUENCE)?;
    whole_bytes(fields.expect(der::BIT_STRING)?)
}

/// Reads a UTCTime or GeneralizedTime in the form of RFC 5280 §4.1.2.5. Returns a time before 1970
/// as 0.
pub(crate) fn read_time(fields: &mut Elements<'_>) -> Option<UnixTime> {
    let seconds = read_seconds(fields)?.unwrap_or(0);
    Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
}

/// Reads a time, in seconds since 1970: `Some(None)` for a time before 1970.
fn read_seconds(fields: &mut Elements<'_>) -> Option<Option<u64>> {
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
    // Years start in March, so that the leap day is the last day of a year. 1970 begins after
    // 719,468 days.
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = (365 * year + year / 4 - year / 100 + year / 400 + of_year).saturating_sub(719_468);
    let before_1970 = year < 1969 || (year == 1969 && month > 2);
    Some((!before_1970).then_some(days * 86_400 + hour * 3_600 + minute * 60 + second))
}

fn two_digits(text: &[u8]) -> Option<u64> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(u64::from(tens - b'0') * 10 + u64::from(ones - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
