//! Verifies the OCSP response that a server staples to its certificate (RFC 6066 §8, RFC 6960).
//!
//! ```text
//! response ─▶ successful? ─▶ for this certificate? ─▶ fresh? ─▶ status: good, revoked, unknown
//!          └▶ signed by the issuer, or by a responder that the issuer certified?
//! ```

use pki_types::{CertificateDer, Der, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use tls_crypto::der::{self, Elements};
use tls_crypto::verify::VerificationMemo;
use tls_crypto::{Backend, sha1_for_cert_id};
use webpki::{EndEntityCert, KeyUsage};

use crate::certificate_error::{CertificateError, OcspError, RevocationSource};
use crate::error::{Excerpt, bounded};
use crate::verify::algorithm::unsupported_signature;
use crate::verify::chain::{ProvenPath, Purpose};
use crate::verify::diagnosis::{diagnose, key_purposes};
use crate::verify::rejection_report::{serial_text, since_1970};
use crate::verify::server::Stapled;
use crate::verify::sha256;
use crate::verify::signature::verify_signed;
use crate::verify::x509::{Certificate, Extensions, ReadableName, Signed, oid, public_key, read_time, sole};

/// The policy for the OCSP response that a server staples to its certificate.
///
/// A response is valid if all of this holds:
///
/// - The certificate's issuer signed it, or a responder that the issuer certified for OCSP.
/// - It is for this certificate.
/// - It is fresh: after thisUpdate and before nextUpdate, or at most a day old without nextUpdate.
///   Clocks may differ by five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OcspPolicy {
    /// Ignores the response.
    Ignore,
    /// Rejects the certificate if a valid response reports it as revoked. Treats an invalid
    /// response like a missing one, since an attacker could omit it. A must-staple certificate (RFC
    /// 7633) requires a valid response.
    #[default]
    Soft,
    /// Requires a valid response that reports the certificate as good.
    Require,
}

/// The allowed clock difference in seconds.
const SKEW: u64 = 300;
/// The time for which a response without nextUpdate is valid, in seconds. RFC 6960 §4.2.2.1: newer
/// ones are always available.
const WITHOUT_NEXT_UPDATE: u64 = 86_400;
/// The maximum number of responder certificates tried.
const MAX_RESPONDERS: usize = 4;
/// status_request in a certificate's TLS features (RFC 7633 §4.1).
const STATUS_REQUEST: &[u8] = &[5];

impl OcspPolicy {
    /// Checks the stapled response. Returns the SCTs in a valid one.
    pub(crate) fn check<'r>(
        self,
        path: &ProvenPath<'_>,
        stapled: &Stapled<'r>,
        now: UnixTime,
    ) -> Result<Option<&'r [u8]>, CertificateError> {
        if self == Self::Ignore {
            return Ok(None);
        }
        // A server staples only if asked (RFC 6066 §8).
        let must_staple = stapled.ocsp_requested && must_staple(&path.leaf());
        let strict = self == Self::Require || must_staple;
        let Some(response) = stapled.ocsp_response else {
            let missing = if must_staple { OcspError::MustStaple } else { OcspError::Missing };
            return if strict { Err(CertificateError::Ocsp(missing)) } else { Ok(None) };
        };
        match status(path, response, now) {
            Ok(status) if status.revoked => Err(CertificateError::Revoked { by: RevocationSource::Ocsp, crl: None }),
            Ok(status) => Ok(status.scts),
            Err(e) if strict => Err(CertificateError::Ocsp(e)),
            Err(_e) => {
                log_debug!("{_e}");
                Ok(None)
            }
        }
    }
}

/// Returns whether a certificate requires a stapled OCSP response.
fn must_staple(leaf: &CertificateDer<'_>) -> bool {
    let Some(features) = Certificate::read(leaf).and_then(|read| read.extension(oid::TLS_FEATURE)) else {
        return false;
    };
    // A malformed extension may be must-staple.
    let Some(features) = sole(features, der::SEQUENCE) else { return true };
    let mut features = Elements::new(features);
    while let Some(feature) = features.next() {
        if feature == (der::INTEGER, STATUS_REQUEST) {
            return true;
        }
    }
    false
}

/// The content of a valid response.
struct CertStatus<'r> {
    revoked: bool,
    /// The value of the SCT extension.
    scts: Option<&'r [u8]>,
}

fn status<'r>(path: &ProvenPath<'_>, response: &'r [u8], now: UnixTime) -> Result<CertStatus<'r>, OcspError> {
    let (name, spki) = path.issuer().ok_or(OcspError::UntrustedResponder)?;
    let issuer = Issuer { name, spki };
    let basic = BasicResponse::read(response)?;
    let id = CertId::new(issuer.name, Some(&issuer.spki), path.end_entity().serial());
    let status = basic.status(&id.ok_or(OcspError::UntrustedResponder)?, now)?;
    basic.check_signer(&issuer, now, path.backend(), path.memo())?;
    status
}

/// Checks a response that a server is about to staple to the first certificate of `chain`, as its
/// clients will. If the chain does not contain the issuer, a client may still have it: then the
/// signature and the hash of the issuer's key are not checked.
///
/// Returns whether the certificate is revoked.
pub(crate) fn check_own(response: &[u8], chain: &[CertificateDer<'_>], now: UnixTime) -> Result<bool, OcspError> {
    let basic = BasicResponse::read(response)?;
    let leaf = chain.first().and_then(Certificate::read).ok_or(OcspError::UntrustedResponder)?;
    let issuer = chain.iter().skip(1).filter_map(Certificate::read).find(|above| above.subject == leaf.issuer);
    let issuer = issuer.map(|issuer| Issuer { name: issuer.subject, spki: issuer.spki.into() });
    let id = CertId::new(leaf.issuer, issuer.as_ref().map(|issuer| &issuer.spki), leaf.serial);
    let status = basic.status(&id.ok_or(OcspError::UntrustedResponder)?, now)?;
    if let Some(issuer) = issuer {
        check_own_signer(&basic, &issuer, now)?;
    }
    status.map(|status| status.revoked)
}

/// Checks the signer with the first backend that supports the signature: no configuration is known
/// yet.
fn check_own_signer(basic: &BasicResponse<'_>, issuer: &Issuer<'_>, now: UnixTime) -> Result<(), OcspError> {
    let memo = VerificationMemo::none();
    let mut checked = Backend::ALL.iter().map(|backend| basic.check_signer(issuer, now, *backend, &memo));
    let first = checked.next().unwrap_or(Err(OcspError::UntrustedResponder));
    match first {
        Ok(()) | Err(OcspError::BadSignature) => first,
        Err(e) => checked.find(Result::is_ok).unwrap_or(Err(e)),
    }
}

impl CertStatus<'_> {
    fn weight(&self) -> u8 {
        if self.revoked { 2 } else { 1 }
    }
}

/// The issuer of the certificate.
struct Issuer<'a> {
    /// The contents of the Name.
    name: &'a [u8],
    spki: SubjectPublicKeyInfoDer<'a>,
}

/// The fields of a BasicOCSPResponse (RFC 6960 §4.2.1).
struct BasicResponse<'r> {
    responder: Responder<'r>,
    /// The contents of the list of single responses.
    singles: &'r [u8],
    /// The contents of the list of certificates.
    certificates: &'r [u8],
    signed: Signed<'r>,
    /// True without a critical extension. The defined extensions do not affect the result.
    is_understood: bool,
}

/// The responder that the response names as its signer.
enum Responder<'r> {
    /// The contents of the Name.
    Name(&'r [u8]),
    /// SHA-1 of the public key.
    Key(&'r [u8]),
}

impl<'r> BasicResponse<'r> {
    fn read(response: &'r [u8]) -> Result<Self, OcspError> {
        let malformed = || OcspError::Malformed { found: what_is(response) };
        let (status, bytes) = outer(response).ok_or_else(malformed)?;
        if status != 0 {
            return Err(OcspError::NotSuccessful { status });
        }
        let basic = bytes.and_then(Self::read_basic).ok_or_else(malformed)?;
        if basic.is_understood { Ok(basic) } else { Err(OcspError::CriticalExtension) }
    }

    fn read_basic(bytes: &'r [u8]) -> Option<Self> {
        const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
        let mut fields = Elements::new(sole(bytes, der::SEQUENCE)?);
        let is_basic = fields.expect(der::OBJECT_IDENTIFIER)? == BASIC;
        let basic = fields.expect(der::OCTET_STRING).filter(|_| is_basic)?;
        let mut fields = Elements::new(sole(basic, der::SEQUENCE)?);
        let (signed, data) = Signed::read(&mut fields)?;
        let certificates = match fields.optional(der::CONTEXT_0) {
            Some(certificates) => sole(certificates, der::SEQUENCE)?,
            None => &[],
        };
        let mut fields = Elements::new(data);
        // The version. Default: 1.
        fields.optional(der::CONTEXT_0);
        let responder = match fields.next()? {
            (der::CONTEXT_1, name) => Responder::Name(sole(name, der::SEQUENCE)?),
            (der::CONTEXT_2, key) => Responder::Key(sole(key, der::OCTET_STRING)?),
            _ => return None,
        };
        fields.expect(der::GENERALIZED_TIME)?;
        let singles = fields.expect(der::SEQUENCE)?;
        let extensions = match fields.optional(der::CONTEXT_1) {
            Some(listed) => sole(listed, der::SEQUENCE)?,
            None => &[],
        };
        let is_understood = fields.is_empty() && are_understood(extensions);
        Some(Self { responder, singles, certificates, signed, is_understood })
    }

    /// Returns the status of the certificate with this identifier, or why the response does not
    /// prove it. The outer error is that there is none.
    fn status(&self, id: &CertId<'_>, now: UnixTime) -> Result<Result<CertStatus<'r>, OcspError>, OcspError> {
        // Several single responses may be for this certificate. A valid one that reports revoked
        // takes precedence.
        let mut chosen: Option<Result<CertStatus<'_>, OcspError>> = None;
        let weight = |status: &Result<CertStatus<'_>, OcspError>| status.as_ref().map_or(0, CertStatus::weight);
        let (mut singles, mut others, mut is_hash_unsupported) = (Elements::new(self.singles), Vec::new(), false);
        while let Some((tag, single)) = singles.next() {
            // Skips a single response that cannot be parsed.
            let Some(single) = SingleResponse::read(single).filter(|_| tag == der::SEQUENCE) else { continue };
            if id.is_of(&single) {
                let status = single.cert_status(now);
                if chosen.as_ref().is_none_or(|chosen| weight(chosen) < weight(&status)) {
                    chosen = Some(status);
                }
            } else {
                is_hash_unsupported |= single.serial == id.serial && !single.has_supported_hash();
                others.push(single.serial);
            }
        }
        chosen.ok_or_else(|| match is_hash_unsupported {
            true => OcspError::UnsupportedHash,
            false => OcspError::OtherCertificate {
                serial: serial_text(id.serial),
                found: others.into_iter().collect::<Excerpt<_>>().map(serial_text),
            },
        })
    }

    /// Checks that the issuer signed the response, or a responder that the issuer certified (RFC
    /// 6960 §4.2.2.2). Does not check the revocation of the responder's certificate, which would
    /// need yet another response.
    fn check_signer(
        &self,
        issuer: &Issuer<'_>,
        now: UnixTime,
        backend: Backend,
        memo: &VerificationMemo,
    ) -> Result<(), OcspError> {
        let verify = |key: &SubjectPublicKeyInfoDer<'_>| {
            memo.with_algorithms(backend, |algorithms| verify_signed(algorithms, key, &self.signed)).map_err(|e| {
                let unsupported = unsupported_signature(backend, &e, key, &self.signed);
                unsupported.map_or(OcspError::BadSignature, OcspError::UnsupportedSignature)
            })
        };
        if self.responder.is(issuer.name, &issuer.spki) {
            return verify(&issuer.spki);
        }
        let mut certificates = Elements::new(self.certificates);
        let listed = std::iter::from_fn(|| certificates.expect_whole(der::SEQUENCE)).take(MAX_RESPONDERS);
        // A responder may have several certificates: an expired one, or one with the same name but
        // another key.
        let mut result = Err(OcspError::UntrustedResponder);
        for (_, whole) in listed {
            let certificate = CertificateDer::from(whole);
            let Some(read) = Certificate::read(&certificate) else { continue };
            if !self.responder.is(read.subject, read.spki) {
                continue;
            }
            match issuer.check_delegation(&certificate, now, backend, memo) {
                Ok(()) => result = verify(&read.spki.into()),
                // A signature of an accepted responder says more.
                Err(e) if result == Err(OcspError::UntrustedResponder) => {
                    result = Err(issuer.explain(backend, e, &read, whole, now));
                }
                Err(_) => {}
            }
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

impl Responder<'_> {
    /// Returns whether it names the holder of this name and key.
    fn is(&self, name: &[u8], spki: &[u8]) -> bool {
        match self {
            Self::Name(own) => *own == name,
            Self::Key(hash) => public_key(spki).is_some_and(|key| sha1_for_cert_id(key) == *hash),
        }
    }
}

impl Issuer<'_> {
    /// Checks that this is a valid certificate that the issuer signed for OCSP (id-kp-OCSPSigning).
    fn check_delegation(
        &self,
        responder: &CertificateDer<'_>,
        now: UnixTime,
        backend: Backend,
        memo: &VerificationMemo,
    ) -> Result<(), webpki::Error> {
        let responder = EndEntityCert::try_from(responder)?;
        let anchors = [self.anchor().ok_or(webpki::Error::BadDer)?];
        let usage = KeyUsage::required(oid::OCSP_SIGNING);
        memo.with_algorithms(backend, |algorithms| {
            responder.verify_for_usage(algorithms, &anchors, &[], now, usage, None, None).map(drop)
        })
    }

    /// Returns why the certificate of a responder is not one that the issuer certified for OCSP.
    fn explain(
        &self,
        backend: Backend,
        e: webpki::Error,
        read: &Certificate<'_>,
        whole: &[u8],
        now: UnixTime,
    ) -> OcspError {
        use webpki::Error as E;
        let why = match e {
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => {
                CertificateError::WrongPurpose { wanted: "OCSPSigning", found: key_purposes(read) }
            }
            // The responder is not the issuer's, or is another CA.
            E::UnknownIssuer | E::CaUsedAsEndEntity => return OcspError::UntrustedResponder,
            e => {
                let roots = self.anchor().map(|anchor| anchor.to_owned()).into_iter().collect();
                diagnose(backend, e, &[CertificateDer::from(whole)], &roots, Purpose::Server, now).why
            }
        };
        let responder = bounded(ReadableName(read.subject).to_string());
        OcspError::ResponderRejected { responder, why: why.into() }
    }

    /// Returns the issuer as the trust anchor of its responders.
    fn anchor(&self) -> Option<TrustAnchor<'_>> {
        Some(TrustAnchor {
            subject: Der::from_slice(self.name),
            subject_public_key_info: Der::from_slice(sole(&self.spki, der::SEQUENCE)?),
            name_constraints: None,
        })
    }
}

/// Reads an OCSPResponse: the status, and the contents of responseBytes.
fn outer(response: &[u8]) -> Option<(u8, Option<&[u8]>)> {
    let mut fields = Elements::new(sole(response, der::SEQUENCE)?);
    let [status] = fields.expect(der::ENUMERATED)? else { return None };
    let bytes = fields.optional(der::CONTEXT_0);
    fields.is_empty().then_some((*status, bytes))
}

/// Names what is not an OCSP response, if it is something that operators take for one.
fn what_is(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    Some(if text.starts_with(b"-----BEGIN ") {
        "PEM"
    } else if text.starts_with(b"<") {
        "HTML or XML"
    } else if text.starts_with(b"HTTP/") {
        "an HTTP message with its header"
    } else if bytes.is_empty() {
        "empty"
    } else if bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        "text"
    } else if Certificate::read(&CertificateDer::from(bytes)).is_some() {
        "a certificate"
    } else if is_cut_off(bytes) {
        "cut off"
    } else {
        return None;
    })
}

/// Returns whether the bytes are the start of a SEQUENCE.
fn is_cut_off(bytes: &[u8]) -> bool {
    let [der::SEQUENCE, first, rest @ ..] = bytes else { return false };
    let Some(digits) = first.checked_sub(0x80) else { return rest.len() < usize::from(*first) };
    let Some((digits, contents)) = rest.split_at_checked(usize::from(digits)) else { return true };
    let length = digits.iter().fold(0_usize, |value, digit| value.saturating_mul(256) | usize::from(*digit));
    contents.len() < length
}

/// Tags of CertStatus: `[0]` and `[1]`. Unknown is `[2]`.
const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;

/// The identifier of a certificate in a response (RFC 6960 §4.1.1), for each supported hash.
struct CertId<'a> {
    sha1: [u8; 20],
    sha256: [u8; 32],
    /// The hashes of the issuer's key; `None` if it is unknown.
    key: Option<([u8; 20], [u8; 32])>,
    serial: &'a [u8],
}

impl<'a> CertId<'a> {
    fn new(issuer: &[u8], spki: Option<&SubjectPublicKeyInfoDer<'_>>, serial: &'a [u8]) -> Option<Self> {
        let name = der::element(der::SEQUENCE, &[issuer]);
        let key = match spki {
            Some(spki) => public_key(spki).map(|key| Some((sha1_for_cert_id(key), sha256(key))))?,
            None => None,
        };
        Some(Self { sha1: sha1_for_cert_id(&name), sha256: sha256(&name), key, serial })
    }

    fn is_of(&self, single: &SingleResponse<'_>) -> bool {
        let key = self.key.as_ref();
        let (name, key): (&[u8], Option<&[u8]>) = match single.hash() {
            SHA1 => (&self.sha1, key.map(|(sha1, _)| &sha1[..])),
            SHA256 => (&self.sha256, key.map(|(_, sha256)| &sha256[..])),
            _ => return false,
        };
        (name, self.serial) == (single.name_hash, single.serial) && key.is_none_or(|key| key == single.key_hash)
    }
}

/// Returns whether none of these extensions is critical. The defined ones (RFC 6960 §4.4) do not
/// affect the result, but an unknown critical one could.
fn are_understood(listed: &[u8]) -> bool {
    !Extensions::new(listed).any(|extension| extension.critical)
}

/// The fields of a SingleResponse.
struct SingleResponse<'r> {
    /// The contents of the hash's AlgorithmIdentifier.
    algorithm: &'r [u8],
    name_hash: &'r [u8],
    key_hash: &'r [u8],
    serial: &'r [u8],
    status: u8,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    scts: Option<&'r [u8]>,
    is_understood: bool,
}

/// The contents of AlgorithmIdentifiers without parameters.
const SHA1: &[u8] = &[6, 5, 0x2b, 14, 3, 2, 26];
const SHA256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

impl<'r> SingleResponse<'r> {
    /// Returns the identifier of the hash, without the NULL that may follow.
    fn hash(&self) -> &'r [u8] {
        self.algorithm.strip_suffix(&[5, 0]).unwrap_or(self.algorithm)
    }

    fn has_supported_hash(&self) -> bool {
        [SHA1, SHA256].contains(&self.hash())
    }

    fn read(single: &'r [u8]) -> Option<Self> {
        let mut fields = Elements::new(single);
        let mut id = Elements::new(fields.expect(der::SEQUENCE)?);
        let algorithm = id.expect(der::SEQUENCE)?;
        let (name_hash, key_hash) = (id.expect(der::OCTET_STRING)?, id.expect(der::OCTET_STRING)?);
        let serial = id.expect(der::INTEGER)?;
        let (status, _) = fields.next()?;
        let this_update = read_time(&mut fields)?;
        let next_update = match fields.optional(der::CONTEXT_0) {
            Some(next) => Some(read_time(&mut Elements::new(next))?),
            None => None,
        };
        let listed = match fields.optional(der::CONTEXT_1) {
            Some(listed) => sole(listed, der::SEQUENCE)?,
            None => &[],
        };
        let scts = Extensions::new(listed).find(|one| one.oid == oid::SCT_LIST_OF_OCSP).map(|one| one.value);
        let is_understood = are_understood(listed);
        Some(Self { algorithm, name_hash, key_hash, serial, status, this_update, next_update, scts, is_understood })
    }

    /// Returns the status if the response is valid.
    fn cert_status(&self, now: UnixTime) -> Result<CertStatus<'r>, OcspError> {
        self.check_freshness(now)?;
        match self.status {
            _ if !self.is_understood => Err(OcspError::CriticalExtension),
            GOOD | REVOKED => Ok(CertStatus { revoked: self.status == REVOKED, scts: self.scts }),
            _ => Err(OcspError::UnknownCertificate),
        }
    }

    fn check_freshness(&self, now: UnixTime) -> Result<(), OcspError> {
        let (this, now_secs) = (self.this_update.as_secs(), now.as_secs());
        if now_secs.saturating_add(SKEW) < this {
            return Err(OcspError::NotYetValid { now: since_1970(now), this_update: since_1970(self.this_update) });
        }
        let due = self.next_update.map_or(this.saturating_add(WITHOUT_NEXT_UPDATE), |next| next.as_secs());
        if now_secs > due.saturating_add(SKEW) {
            let next_update = std::time::Duration::from_secs(due);
            return Err(OcspError::Expired { now: since_1970(now), next_update });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
