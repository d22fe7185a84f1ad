//! Certificate revocation lists (RFC 5280 §5): webpki parses them, and this file looks certificates
//! up in them.
//!
//! webpki consults only one CRL for each certificate, the first with its issuer's name. A CA can
//! have several: one for each key, one for each part of its certificates, an older one.

use std::cell::Cell;
use std::time::Duration;

use pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use tls_crypto::Backend;
use tls_crypto::der::{self, Elements};
use tls_crypto::pem::{self, Content, Encoding};
use webpki::{BorrowedCertRevocationList, CertRevocationList};

use crate::certificate_error::{CertificateError, CrlMismatch, InapplicableCrl, RevocationSource, Work};
use crate::error::{Escaped, Excerpt, bounded};
use crate::verify::algorithm::{SignatureFault, signature_fault, small_number};
use crate::verify::rejection_report::{serial_text, since_1970};
use crate::verify::sha256;
use crate::verify::webpki_error::explain;
use crate::verify::x509::{Certificate, Extensions, ReadableName, Signed, oid, read_time, sole};

/// CRLs, and the policy for certificates that they do not cover.
///
/// Listed certificates are rejected whatever the policy, except CA certificates under
/// [`set_end_entity_only`](Self::set_end_entity_only). This includes certificates listed by a CRL
/// that is older than another one, expired, for another part of the issuer's certificates, or
/// signed by another key of the issuer.
///
/// By default, certificates that no CRL covers, or only expired CRLs, are rejected as well, in the
/// whole chain below the trust anchor. A CRL covers a certificate if all of this holds:
///
/// - The key that signed the certificate signed the CRL, and its key usage allows that (cRLSign).
/// - The time thisUpdate has passed.
/// - The distribution point of the CRL, if it has one, is one of the certificate's. Any part covers
///   a certificate without distribution points, so load all parts.
///
/// The application fetches the CRLs. To update them, build a new configuration, which also ends the
/// resumption of older sessions. Indirect CRLs, delta CRLs and CRLs for some reasons only are not
/// supported.
///
/// ```no_run
/// use strata_tls_handshake::verify::Crls;
///
/// let mut crls = Crls::from_pem(&std::fs::read("crls.pem")?)?;
/// crls.set_accept_unknown_status(true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Crls {
    /// Newest first.
    lists: Vec<List>,
    hash: [u8; 32],
    policy: Policy,
}

#[derive(Clone, Copy, Debug, Default)]
struct Policy {
    end_entity_only: bool,
    accept_unknown: bool,
    accept_expired: bool,
}

/// A parsed CRL.
#[derive(Debug)]
struct List {
    der: Box<[u8]>,
    /// The contents of the Name.
    issuer: Box<[u8]>,
    /// The issuingDistributionPoint extension, if it has one.
    scope: Option<Box<[u8]>>,
    this_update: UnixTime,
    next_update: UnixTime,
    /// The revoked serial numbers (contents of the INTEGER), sorted.
    revoked: Box<[Box<[u8]>]>,
}

impl Crls {
    /// Reads CRLs, each in DER. With none, every revocation status is unknown.
    ///
    /// # Errors
    /// [`CertificateError::BadCrl`] if one cannot be parsed or is not supported.
    pub fn from_der(lists: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self, CertificateError> {
        let named = |(at, list)| Ok((format!("CRL number {}", usize::saturating_add(at, 1)), list));
        Self::read(lists.into_iter().enumerate().map(named))
    }

    /// Reads the CRLs of a PEM file: sections `X509 CRL`, and those of bundles (`PKCS7`, `CMS`).
    /// Skips sections that are known to be something else, such as certificates.
    ///
    /// # Errors
    /// [`CertificateError::BadCrl`] if the file has none, a section is damaged or has an unknown
    /// label, or a CRL cannot be parsed.
    pub fn from_pem(file: &[u8]) -> Result<Self, CertificateError> {
        Self::read(entries(file, Encoding::Pem, "")?.into_iter().map(Ok))
    }

    /// Reads the CRLs of files, each of which may be PEM (see [`from_pem`](Self::from_pem)), a CRL
    /// in DER (`.crl`), or a PKCS#7 bundle in DER. The content shows which.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem), also if one of the files has no CRL. The text names the
    /// file by its number, if there are several.
    ///
    /// ```no_run
    /// use strata_tls_handshake::verify::Crls;
    ///
    /// let crls = Crls::from_bytes([std::fs::read("root.crl")?, std::fs::read("issuing.pem")?])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(files: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self, CertificateError> {
        let files: Vec<_> = files.into_iter().collect();
        let mut all = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let of_file =
                if files.len() > 1 { format!(" of file number {}", at.saturating_add(1)) } else { String::new() };
            all.extend(entries(file.as_ref(), Encoding::PemOrDer, &of_file)?);
        }
        Self::read(all.into_iter().map(Ok))
    }

    /// Reads CRLs with the names that errors give them.
    fn read(
        lists: impl Iterator<Item = Result<(String, impl AsRef<[u8]>), CertificateError>>,
    ) -> Result<Self, CertificateError> {
        let mut hashes = Vec::new();
        let mut read = Vec::new();
        for list in lists {
            let (name, list) = list?;
            let der = list.as_ref();
            hashes.extend_from_slice(&sha256(der));
            read.push(List::read(der).map_err(|e| unreadable(e, &name, der))?);
        }
        read.sort_by_key(|list| std::cmp::Reverse(list.this_update.as_secs()));
        Ok(Self { lists: read, hash: sha256(&hashes), policy: Policy::default() })
    }

    /// Accepts certificates that no CRL covers. Default: off.
    pub fn set_accept_unknown_status(&mut self, accept: bool) {
        self.policy.accept_unknown = accept;
    }

    /// Accepts CRLs after their nextUpdate. Default: off.
    pub fn set_accept_expired(&mut self, accept: bool) {
        self.policy.accept_expired = accept;
    }

    /// Checks only the end-entity certificate, not CA certificates. Default: off.
    pub fn set_end_entity_only(&mut self, only: bool) {
        self.policy.end_entity_only = only;
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let policy = format!("crls{:?}", self.policy);
        sha256(&[policy.as_bytes(), &self.hash].concat())
    }

    /// Checks a certificate. Returns when the CRL that covers it expires; `None` if that does not
    /// matter.
    pub(crate) fn check(
        &self,
        link: &Link<'_>,
        context: &CrlContext<'_>,
    ) -> Result<Option<UnixTime>, CertificateError> {
        if self.policy.end_entity_only && link.is_ca {
            return Ok(None);
        }
        // RFC 5280 §4.1.2.2: issuer and serial number identify one certificate, whichever of the
        // issuer's keys signed the CRL.
        let of_issuer = || self.lists.iter().filter(|list| *list.issuer == *link.certificate.issuer);
        if let Some(list) = of_issuer().find(|list| list.names(link.certificate.serial)) {
            return Err(CertificateError::Revoked { by: RevocationSource::Crl, crl: Some(list.name()) });
        }
        let mut unusable = None;
        for list in of_issuer().filter(|list| list.is_about(link)) {
            match list.check(link, context, self.policy) {
                Ok(until) => return Ok(until),
                // Reports the fault of the newest CRL.
                Err(fault) => unusable = unusable.or(Some((list, fault))),
            }
        }
        match unusable {
            Some((list, fault)) => Err(list.explain(context.backend, fault, link, since_1970(context.now))),
            None if self.policy.accept_unknown => Ok(None),
            None => Err(CertificateError::UnknownRevocationStatus {
                issuer: bounded(ReadableName(link.certificate.issuer).to_string()),
                configured: self.lists.len(),
                inapplicable: of_issuer().map(|list| list.mismatch(link)).collect(),
            }),
        }
    }
}

/// Returns the CRLs of a file, with the names that errors give them.
fn entries(file: &[u8], encoding: Encoding, of_file: &str) -> Result<Vec<(String, Vec<u8>)>, CertificateError> {
    let entries = pem::entries(file, Content::Crl, encoding).map(|entry| {
        let (der, place) = entry.map_err(|e| bad_list(format!("unusable file of CRLs{of_file}: {e}")))?.into_parts();
        Ok((format!("CRL in {place}{of_file}"), der))
    });
    let entries = entries.collect::<Result<Vec<_>, CertificateError>>()?;
    if entries.is_empty() {
        let found = pem::what_is(file, Content::Crl);
        return Err(bad_list(format!("the file has no CRL{of_file}: {found}")));
    }
    Ok(entries)
}

/// A certificate of a path with its issuer.
pub(crate) struct Link<'a> {
    pub(crate) certificate: &'a Certificate<'a>,
    /// True for a CA certificate of the path.
    pub(crate) is_ca: bool,
    /// The issuer; `None` if it is the trust anchor.
    pub(crate) issuer: Option<&'a Certificate<'a>>,
    pub(crate) issuer_key: SubjectPublicKeyInfoDer<'a>,
    /// True if the issuer's key usage allows it to sign CRLs.
    pub(crate) issuer_signs_lists: bool,
}

/// The inputs shared by all paths of a verification.
pub(crate) struct CrlContext<'a> {
    pub(crate) backend: Backend,
    pub(crate) now: UnixTime,
    pub(crate) verify: &'a dyn Fn(&SubjectPublicKeyInfoDer<'_>, &Signed<'_>) -> Result<(), webpki::Error>,
    /// The number of CRL signatures that may still be checked. Bounds the work that a peer with
    /// many paths can cause.
    pub(crate) signatures_left: &'a Cell<u32>,
}

/// The maximum number of CRL signatures checked in one verification.
pub(crate) const LIST_SIGNATURES: u32 = 100;

impl List {
    fn read(der: &[u8]) -> Result<Self, webpki::Error> {
        let list = BorrowedCertRevocationList::from_der(der)?;
        let mut revoked = Vec::new();
        for entry in &list {
            revoked.push(entry?.serial_number.into());
        }
        revoked.sort_unstable();
        let list = CertRevocationList::from(list);
        let (this_update, next_update) = updates(der).ok_or(webpki::Error::BadDerTime)?;
        Ok(Self {
            der: der.into(),
            issuer: list.issuer().into(),
            scope: list.issuing_distribution_point().map(Into::into),
            this_update,
            next_update,
            revoked: revoked.into(),
        })
    }

    fn names(&self, serial: &[u8]) -> bool {
        self.revoked.binary_search_by(|revoked| (**revoked).cmp(serial)).is_ok()
    }

    /// Returns whether the scope of the CRL includes this certificate of the same issuer (RFC 5280
    /// §6.3.3 (b) (2)).
    fn is_about(&self, link: &Link<'_>) -> bool {
        let Some(scope) = &self.scope else { return true };
        let Some(mut fields) = sole(scope, der::SEQUENCE).map(Elements::new) else { return false };
        let mut place = None;
        while let Some((tag, value)) = fields.next() {
            match tag {
                DISTRIBUTION_POINT => place = Some(value),
                ONLY_CONTAINS_USER_CERTS if value != [0] && link.is_ca => return false,
                ONLY_CONTAINS_CA_CERTS if value != [0] && !link.is_ca => return false,
                _ => {}
            }
        }
        let Some(points) = link.certificate.extension(oid::CRL_DISTRIBUTION_POINTS) else { return true };
        let mut points = Elements::new(sole(points, der::SEQUENCE).unwrap_or_default());
        while let Some(point) = points.optional(der::SEQUENCE) {
            let mut fields = Elements::new(point);
            let of_point = fields.optional(DISTRIBUTION_POINT);
            // A point with reasons or another issuer is for a CRL that is not supported.
            if fields.is_empty() && share_a_uri(of_point, place) {
                return true;
            }
        }
        false
    }

    /// Checks the signature and times of the CRL for this certificate. Returns when it expires.
    fn check(&self, link: &Link<'_>, context: &CrlContext<'_>, policy: Policy) -> Result<Option<UnixTime>, ListFault> {
        let left = context.signatures_left.get().checked_sub(1);
        context.signatures_left.set(left.ok_or(ListFault::TooMuchWork)?);
        let signed = self.signed().ok_or(ListFault::Malformed)?;
        (context.verify)(&link.issuer_key, &signed).map_err(|_| ListFault::Signature)?;
        // RFC 5280 §6.3.3 (f).
        if !link.issuer_signs_lists {
            return Err(ListFault::IssuerNotSigner);
        }
        if context.now < self.this_update {
            return Err(ListFault::NotYetValid);
        }
        match (context.now < self.next_update, policy.accept_expired) {
            (true, _) => Ok(Some(self.next_update)),
            (false, true) => Ok(None),
            (false, false) => Err(ListFault::Expired),
        }
    }

    fn signed(&self) -> Option<Signed<'_>> {
        let fields = sole(&self.der, der::SEQUENCE)?;
        Signed::read(&mut Elements::new(fields)).map(|(signed, _)| signed)
    }

    fn explain(&self, backend: Backend, fault: ListFault, link: &Link<'_>, now: Duration) -> CertificateError {
        let crl = self.name();
        let why = match fault {
            ListFault::Expired => {
                return CertificateError::CrlExpired { crl, now, next_update: since_1970(self.next_update) };
            }
            ListFault::NotYetValid => {
                return CertificateError::CrlNotYetValid { crl, now, this_update: since_1970(self.this_update) };
            }
            ListFault::TooMuchWork => {
                return CertificateError::WorkLimit { work: Work::Crl, sent: 0, candidates: 0 };
            }
            ListFault::Malformed => "it cannot be parsed".into(),
            ListFault::IssuerNotSigner => {
                let found = link.issuer.map(|issuer| format!(": it has {}", issuer.key_usages()));
                format!(
                    "the key usage of its CA does not include cRLSign{}; have the CA certificate reissued with cRLSign",
                    found.unwrap_or_default()
                )
            }
            ListFault::Signature => match self.signed().and_then(|signed| signature_fault(backend, &link.issuer_key, &signed)) {
                Some(SignatureFault::Unsupported(unsupported)) => format!("its signature {unsupported}"),
                Some(SignatureFault::OtherKeyType) => {
                    "its signature is of another type than the key that issued the certificate; load the CRL of that key"
                        .into()
                }
                Some(SignatureFault::Invalid) | None => {
                    "its signature is invalid, or made by another key of that CA than the one that issued the \
                     certificate; load the CRL of that key"
                        .into()
                }
            },
        };
        CertificateError::BadCrl { crl: Some(crl), why }
    }

    /// Returns the number and issuer of the CRL as text.
    fn name(&self) -> String {
        let number = || {
            let mut signed = Elements::new(sole(&self.der, der::SEQUENCE)?);
            let listed = Elements::new(signed.expect(der::SEQUENCE)?).find(der::CONTEXT_0)?;
            let mut listed = Extensions::new(sole(listed, der::SEQUENCE)?);
            sole(listed.find(|one| one.oid == oid::CRL_NUMBER)?.value, der::INTEGER)
        };
        let number = match number() {
            Some(digits) => small_number(digits).map_or_else(|| serial_text(digits), |number| number.to_string()),
            None => "(none)".into(),
        };
        format!("CRL number {number} of {}", bounded(ReadableName(&self.issuer).to_string()))
    }

    /// Describes why the scope of the CRL does not include this certificate.
    fn mismatch(&self, link: &Link<'_>) -> InapplicableCrl {
        let scope = self.scope.as_deref().and_then(|scope| sole(scope, der::SEQUENCE));
        let mut why = if scope.is_some() { None } else { Some(CrlMismatch::Malformed) };
        let (mut fields, mut place) = (Elements::new(scope.unwrap_or_default()), None);
        while let Some((tag, value)) = fields.next() {
            match tag {
                DISTRIBUTION_POINT => place = Some(value),
                ONLY_CONTAINS_USER_CERTS if value != [0] && link.is_ca => why = Some(CrlMismatch::OnlyEndEntity),
                ONLY_CONTAINS_CA_CERTS if value != [0] && !link.is_ca => why = Some(CrlMismatch::OnlyCa),
                _ => {}
            }
        }
        let why = why.unwrap_or_else(|| {
            let points = link.certificate.extension(oid::CRL_DISTRIBUTION_POINTS).unwrap_or_default();
            let mut points = Elements::new(sole(points, der::SEQUENCE).unwrap_or_default());
            let mut of_certificate = Vec::new();
            while let Some(point) = points.optional(der::SEQUENCE) {
                of_certificate.extend(uris(Elements::new(point).optional(DISTRIBUTION_POINT)));
            }
            let of_crl = uris(place);
            if of_crl.iter().any(|uri| of_certificate.contains(uri)) {
                return CrlMismatch::UnsupportedPoint;
            }
            let text = |uri: &[u8]| bounded(Escaped(&String::from_utf8_lossy(uri)).to_string());
            CrlMismatch::OtherPartition {
                crl: Excerpt::from(of_crl).map(text),
                certificate: Excerpt::from(of_certificate).map(text),
            }
        });
        InapplicableCrl { crl: self.name(), why }
    }
}

/// Why a CRL that covers a certificate is not accepted. Made into text only if no other CRL is
/// accepted.
#[derive(Clone, Copy, Debug)]
enum ListFault {
    TooMuchWork,
    Malformed,
    Signature,
    IssuerNotSigner,
    NotYetValid,
    Expired,
}

/// Returns whether two DistributionPointNames have a URI in common.
fn share_a_uri(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    let other = uris(other);
    uris(one).iter().any(|uri| other.contains(uri))
}

/// Returns the URIs of a DistributionPointName.
fn uris(name: Option<&[u8]>) -> Vec<&[u8]> {
    let mut names = Elements::new(name.and_then(|name| sole(name, FULL_NAME)).unwrap_or_default());
    let mut uris = Vec::new();
    while let Some((tag, name)) = names.next() {
        if tag == URI {
            uris.push(name);
        }
    }
    uris
}

/// Tags of an IssuingDistributionPoint and of a DistributionPoint (RFC 5280 §5.2.5, §4.2.1.13).
const DISTRIBUTION_POINT: u8 = der::CONTEXT_0;
const FULL_NAME: u8 = der::CONTEXT_0;
const ONLY_CONTAINS_USER_CERTS: u8 = 0x81;
const ONLY_CONTAINS_CA_CERTS: u8 = 0x82;
/// The tag of a uniformResourceIdentifier among GeneralNames.
const URI: u8 = 0x86;

fn unreadable(e: webpki::Error, name: &str, der: &[u8]) -> CertificateError {
    let why = match explain(e, 0, 0) {
        _ if der.starts_with(b"-----BEGIN ") => "it is PEM, not DER; use `from_pem`".into(),
        CertificateError::BadCrl { why, .. } => why,
        _ => "it cannot be parsed as version 2 with a CRL number; `openssl ca` writes one if `crlnumber` is set".into(),
    };
    bad_list(format!("{name}: {why}"))
}

/// Returns the error for a CRL that cannot be loaded.
fn bad_list(why: String) -> CertificateError {
    CertificateError::BadCrl { crl: None, why }
}

/// Reads thisUpdate and nextUpdate, which follow version, algorithm and issuer (RFC 5280 §5.1.2).
fn updates(list: &[u8]) -> Option<(UnixTime, UnixTime)> {
    let mut fields = Elements::new(Elements::new(list).optional(der::SEQUENCE)?);
    let mut fields = Elements::new(fields.optional(der::SEQUENCE)?);
    fields.optional(der::INTEGER);
    fields.expect(der::SEQUENCE)?;
    fields.expect(der::SEQUENCE)?;
    Some((read_time(&mut fields)?, read_time(&mut fields)?))
}

#[cfg(test)]
mod tests;
