//! Describes the certificates of a server, and gives each its verdict.

use std::time::Duration;

use strata_tls::pki_types::CertificateDer;
use strata_tls::{CertificateError, CertificateReport, ChainVerifier, Hint, Pin, Refusal, RootCertStore, UnixTime};
use tls_crypto::HashAlgorithm;
use tls_crypto::der::{BIT_STRING, CONTEXT_0, CONTEXT_3, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};

use super::advice::check;
use crate::capture::utc;

/// A certificate that the server sent.
pub(super) struct Certificate {
    pub(super) report: CertificateReport,
    pub(super) serial: String,
    /// Its key, such as `RSA, 2048 bits`.
    pub(super) key: String,
    /// The algorithm of its signature.
    pub(super) signature: String,
    pub(super) sha256: String,
    pub(super) pin: Option<Pin>,
    /// The number of SCTs embedded in it.
    pub(super) scts: usize,
    pub(super) must_staple: bool,
    pub(super) issuer: Issuer,
    pub(super) verdict: Verdict,
}

/// Returns a time at which all certificates are valid: now, if they are.
pub(super) fn valid_time(chain: &[Certificate], now: UnixTime) -> Option<UnixTime> {
    let begin = chain.iter().filter_map(|certificate| certificate.report.not_before).max()?;
    let end = chain.iter().filter_map(|certificate| certificate.report.not_after).min()?;
    match (begin..=end).contains(&Duration::from_secs(now.as_secs())) {
        true => Some(now),
        false => Some(UnixTime::since_unix_epoch(begin + end.checked_sub(begin)? / 2)),
    }
}

/// Where the certificate of an issuer is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Issuer {
    /// The certificate names itself.
    Itself,
    /// At this place of the chain.
    Sent(usize),
    TrustAnchor,
    Missing,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It belongs to a chain that was accepted.
    Accepted,
    /// The chain was accepted without it.
    NotNeeded,
    /// The chain was rejected, but not because of this certificate.
    NoFaultFound,
    /// The check that failed, and why.
    Failed { check: &'static str, why: String },
}

impl Verdict {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NotNeeded => "not_needed",
            Self::NoFaultFound => "no_fault_found",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Describes a chain. `refusal` is the library's verdict, `None` if it accepted the chain.
pub(super) fn describe(chain: &[Vec<u8>], refusal: Option<&Refusal>, now: UnixTime) -> Vec<Certificate> {
    let ders: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    // Without a trust anchor every chain is rejected, with a report of its certificates.
    let nothing = ChainVerifier::new(RootCertStore::new());
    let Err(Refusal { chain: Some(report), .. }) = nothing.verify_client(&ders, now) else {
        return Vec::new();
    };
    let reports = &report.certificates;
    let path = path(reports);
    let failed = refusal.and_then(|refusal| failed(refusal, &path));
    // An accepted path ends at a trust anchor. A refusal lists those with the name of an issuer.
    let anchored = |at: usize| match refusal.map(|refusal| &refusal.chain) {
        None => path.last() == Some(&at),
        Some(Some(report)) => report.anchors.iter().any(|anchor| anchor.issuer_of == at),
        Some(None) => false,
    };
    let mut all = Vec::new();
    for (at, (report, der)) in reports.iter().zip(chain).enumerate() {
        let issuer = if report.subject == report.issuer {
            Issuer::Itself
        } else if let Some(above) = reports.iter().position(|above| above.subject == report.issuer) {
            Issuer::Sent(above)
        } else if anchored(at) {
            Issuer::TrustAnchor
        } else {
            Issuer::Missing
        };
        let verdict = match (&failed, refusal) {
            (Some((place, check, why)), _) if *place == at => Verdict::Failed { check, why: why.clone() },
            (_, Some(_)) => match dates(report, Duration::from_secs(now.as_secs())) {
                Some((check, why)) => Verdict::Failed { check, why },
                None => Verdict::NoFaultFound,
            },
            // A root that is sent is not used: clients have it themselves.
            (_, None) if path.contains(&at) && (at == 0 || issuer != Issuer::Itself) => Verdict::Accepted,
            (_, None) => Verdict::NotNeeded,
        };
        let details = Details::read(der).unwrap_or_default();
        all.push(Certificate {
            report: report.clone(),
            serial: details.serial,
            key: details.key,
            signature: details.signature,
            sha256: hex(HashAlgorithm::Sha256.hash(der).as_ref(), ":"),
            pin: details.pin,
            scts: details.scts,
            must_staple: details.must_staple,
            issuer,
            verdict,
        });
    }
    all
}

/// The places of the certificates from the end-entity certificate upwards, by their names.
fn path(reports: &[CertificateReport]) -> Vec<usize> {
    let mut path = vec![0];
    while let Some(last) = path.last().and_then(|at| reports.get(*at)) {
        let above = reports.iter().position(|above| above.subject == last.issuer);
        match above.filter(|above| !path.contains(above)) {
            Some(above) => path.push(above),
            None => break,
        }
    }
    path
}

/// Returns the place of the certificate that failed, the check, and why.
fn failed(refusal: &Refusal, path: &[usize]) -> Option<(usize, &'static str, String)> {
    let place = match (refusal.hint(), &refusal.why) {
        (Some(Hint::SelfSigned), _) => Some(0),
        (_, CertificateError::UnknownIssuer { .. }) => path.last().copied(),
        _ => refusal.certificate().map(|certificate| certificate.at),
    };
    Some((place?, check(refusal), refusal.why.to_string()))
}

/// Returns what is wrong with the dates of a certificate.
fn dates(report: &CertificateReport, now: Duration) -> Option<(&'static str, String)> {
    match (report.not_before, report.not_after) {
        (Some(start), _) if now < start => Some(("validity", format!("it is not valid before {}", utc(start)))),
        (_, Some(end)) if now > end => Some(("validity", format!("it expired at {}", utc(end)))),
        (Some(_), Some(_)) => None,
        _ => Some(("encoding", "it cannot be parsed".into())),
    }
}

/// What the report does not contain.
#[derive(Default)]
struct Details {
    serial: String,
    key: String,
    signature: String,
    pin: Option<Pin>,
    scts: usize,
    must_staple: bool,
}

impl Details {
    /// Reads a certificate (RFC 5280 §4.1).
    fn read(der: &[u8]) -> Option<Self> {
        let mut signed = Elements::new(Elements::new(der).expect(SEQUENCE)?);
        let mut tbs = Elements::new(signed.expect(SEQUENCE)?);
        let algorithm = signed.expect(SEQUENCE)?;
        tbs.optional(CONTEXT_0);
        let serial = hex(tbs.expect(INTEGER)?, ":");
        // The algorithm again, issuer, validity, subject.
        for _ in 0..4 {
            tbs.expect(SEQUENCE)?;
        }
        let (spki, whole) = tbs.expect_whole(SEQUENCE)?;
        let pin = HashAlgorithm::Sha256.hash(whole).as_ref().try_into().ok().map(Pin);
        let mut details =
            Self { serial, key: key(spki).unwrap_or_default(), signature: oid(algorithm), pin, ..Self::default() };
        let mut extensions =
            Elements::new(Elements::new(tbs.find(CONTEXT_3).unwrap_or_default()).expect(SEQUENCE).unwrap_or_default());
        while let Some(extension) = extensions.expect(SEQUENCE) {
            let mut extension = Elements::new(extension);
            let id = extension.expect(OBJECT_IDENTIFIER)?;
            match id {
                // RFC 6962 §3.3.
                [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2] => {
                    let list = Elements::new(extension.find(OCTET_STRING)?).expect(OCTET_STRING)?;
                    details.scts = count_scts(list);
                }
                // RFC 7633.
                [0x2b, 6, 1, 5, 5, 7, 1, 24] => details.must_staple = true,
                _ => {}
            }
        }
        Some(details)
    }
}

/// Counts the elements of a SignedCertificateTimestampList (RFC 6962 §3.3).
fn count_scts(list: &[u8]) -> usize {
    let mut rest = list.get(2..).unwrap_or_default();
    let mut count = 0;
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let Some(after) = more.get(usize::from(u16::from_be_bytes(*length))..) else { break };
        (rest, count) = (after, count + 1);
    }
    count
}

/// Describes a SubjectPublicKeyInfo.
fn key(spki: &[u8]) -> Option<String> {
    let mut spki = Elements::new(spki);
    let algorithm = spki.expect(SEQUENCE)?;
    let bits = spki.expect(BIT_STRING)?;
    let mut parts = Elements::new(algorithm);
    let id = parts.expect(OBJECT_IDENTIFIER)?;
    Some(match id {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => {
            let modulus = Elements::new(Elements::new(bits.get(1..)?).expect(SEQUENCE)?).expect(INTEGER)?;
            let first = modulus.iter().position(|byte| *byte != 0)?;
            let zeros = usize::try_from(modulus.get(first)?.leading_zeros()).ok()?;
            format!("RSA, {} bits", (modulus.len() - first) * 8 - zeros)
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => match parts.optional(OBJECT_IDENTIFIER) {
            Some([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]) => "ECDSA, P-256".into(),
            Some([0x2b, 0x81, 4, 0, 34]) => "ECDSA, P-384".into(),
            Some([0x2b, 0x81, 4, 0, 35]) => "ECDSA, P-521".into(),
            Some(curve) => format!("ECDSA, curve {}", dotted(curve)),
            None => "ECDSA, explicit parameters".into(),
        },
        _ => oid(algorithm),
    })
}

/// The name of an AlgorithmIdentifier.
fn oid(algorithm: &[u8]) -> String {
    let Some(id) = Elements::new(algorithm).expect(OBJECT_IDENTIFIER) else { return String::new() };
    match id {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last] => match last {
            4 => "RSA with MD5",
            5 => "RSA with SHA-1",
            10 => "RSA-PSS",
            11 => "RSA with SHA-256",
            12 => "RSA with SHA-384",
            13 => "RSA with SHA-512",
            _ => return dotted(id),
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ECDSA with SHA-1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => "ECDSA with SHA-256",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => "ECDSA with SHA-384",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => "ECDSA with SHA-512",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 17] => "ML-DSA-44",
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18] => "ML-DSA-65",
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 19] => "ML-DSA-87",
        _ => return dotted(id),
    }
    .into()
}

/// Formats an object identifier, such as `1.2.840.113549`.
fn dotted(id: &[u8]) -> String {
    let (mut arcs, mut arc) = (Vec::new(), 0_u64);
    for byte in id {
        arc = arc.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
        if byte & 0x80 != 0 {
            continue;
        }
        if arcs.is_empty() {
            let first = (arc / 40).min(2);
            arcs.push(first);
            arc -= first * 40;
        }
        arcs.push(std::mem::take(&mut arc));
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}
