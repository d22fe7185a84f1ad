use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CrlScope, CustomExtension, IsCa, Issuer, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};

use super::*;
use pki_types::CertificateDer;
use tls_crypto::der::element;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { issuer: Issuer::new(params, KeyPair::generate().unwrap()) }
    }

    /// Issues a certificate with the serial number 3.
    fn certificate(&self, points: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(3u64));
        params.crl_distribution_points =
            points.iter().map(|uri| CrlDistributionPoint { uris: vec![(*uri).to_owned()] }).collect();
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
    }

    /// Issues a CRL that is valid from and until January 1 of these years.
    fn list(&self, [from, until]: [i32; 2], revoked: &[u64], scope: Option<CrlIssuingDistributionPoint>) -> Vec<u8> {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(from, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: scope,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

fn year(year: i32) -> u64 {
    date_time_ymd(year, 1, 1).unix_timestamp().try_into().unwrap()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

/// Checks a certificate against CRLs with valid signatures.
fn check(
    crls: &Crls,
    certificate: &CertificateDer<'_>,
    is_ca: bool,
    now: u64,
) -> Result<Option<UnixTime>, CertificateError> {
    check_signed(Ok(()), crls, certificate, is_ca, now)
}

/// Checks a certificate against CRLs whose signatures verify with this result.
fn check_signed(
    signature: Result<(), webpki::Error>,
    crls: &Crls,
    certificate: &CertificateDer<'_>,
    is_ca: bool,
    now: u64,
) -> Result<Option<UnixTime>, CertificateError> {
    let certificate = Certificate::read(certificate).unwrap();
    let issuer_key = certificate.spki.into();
    let link = Link { certificate: &certificate, is_ca, issuer: None, issuer_key, issuer_signs_lists: true };
    let context = CrlContext {
        backend: tls_crypto::Backend::ring(),
        now: at(now),
        verify: &|_, _| signature.clone(),
        signatures_left: &Cell::new(LIST_SIGNATURES),
    };
    crls.check(&link, &context)
}

#[test]
fn revoked_serial_is_found_in_any_order() {
    let ca = Authority::new();
    let certificate = ca.certificate(&[]);
    for revoked in [&[3, 9, 5, 1][..], &[9, 5, 1, 3], &[9, 3, 1, 5, 4]] {
        let crls = Crls::from_der([ca.list([2000, 2100], revoked, None)]).unwrap();
        let checked = check(&crls, &certificate, false, year(2020));
        assert!(matches!(checked, Err(CertificateError::Revoked { .. })), "{revoked:?}");
    }
    let crls = Crls::from_der([ca.list([2000, 2100], &[9, 5, 1, 4], None)]).unwrap();
    assert_eq!(check(&crls, &certificate, false, year(2020)), Ok(Some(at(year(2100)))));
}

#[test]
fn crl_expires_at_next_update() {
    let ca = Authority::new();
    let certificate = ca.certificate(&[]);
    let mut crls = Crls::from_der([ca.list([2010, 2020], &[], None)]).unwrap();
    let until = Ok(Some(at(year(2020))));
    assert_eq!(check(&crls, &certificate, false, year(2010)), until);
    assert_eq!(check(&crls, &certificate, false, year(2020) - 1), until);
    let early = check(&crls, &certificate, false, year(2010) - 1);
    assert!(matches!(early, Err(CertificateError::CrlNotYetValid { .. })), "{early:?}");
    let expired = check(&crls, &certificate, false, year(2020));
    assert!(matches!(expired, Err(CertificateError::CrlExpired { .. })), "{expired:?}");
    // Accepting an unknown status does not accept an expired CRL.
    crls.set_accept_unknown_status(true);
    assert_eq!(check(&crls, &certificate, false, year(2020)), expired);
    // An accepted expired CRL has no expiry.
    crls.set_accept_expired(true);
    assert_eq!(check(&crls, &certificate, false, year(2020)), Ok(None));
}

#[test]
fn newest_crl_decides_and_reports_its_fault() {
    let ca = Authority::new();
    let certificate = ca.certificate(&[]);
    let [old, new] = [[2000, 2010], [2001, 2009]].map(|years| ca.list(years, &[], None));
    for lists in [[&old, &new], [&new, &old]] {
        let crls = Crls::from_der(lists).unwrap();
        assert_eq!(check(&crls, &certificate, false, year(2005)), Ok(Some(at(year(2009)))));
        let expired = check(&crls, &certificate, false, year(2020)).unwrap_err();
        assert!(
            matches!(&expired, CertificateError::CrlExpired { next_update, .. }
                if *next_update == since_1970(at(year(2009)))),
            "{expired:?}"
        );
    }
}

#[test]
fn crl_error_names_the_crl() {
    let ca = Authority::new();
    let crls = Crls::from_der([ca.list([2000, 2100], &[], None)]).unwrap();
    let signature = Err(webpki::Error::InvalidSignatureForPublicKey);
    let e = check_signed(signature, &crls, &ca.certificate(&[]), false, year(2020)).unwrap_err();
    assert!(
        matches!(&e, CertificateError::BadCrl { crl: Some(crl), .. } if crl.starts_with("CRL number 1 of ")),
        "{e:?}"
    );
}

/// A CRL that names another signature algorithm: none is checked, so none is called invalid.
#[test]
fn crl_with_unsupported_signature_is_not_called_invalid() {
    let ca = Authority::new();
    let certificate = ca.certificate(&[]);
    // ecdsa-with-SHA256 becomes ecdsa-with-SHA512.
    let mut list = ca.list([2000, 2100], &[], None);
    const SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    while let Some(at) = list.windows(8).position(|bytes| bytes == SHA256) {
        list[at + 7] = 4;
    }
    let crls = Crls::from_der([list]).unwrap();
    let signature = Err(webpki::Error::BadDer);
    let e = check_signed(signature, &crls, &certificate, false, year(2020)).unwrap_err();
    assert!(matches!(e, CertificateError::BadCrl { .. }), "{e:?}");
    let text = e.to_string();
    assert!(text.contains("ECDSA with SHA-512 is not supported") && !text.contains("invalid"), "{text}");
}

#[test]
fn crl_covers_only_its_scope() {
    let ca = Authority::new();
    let certificate = ca.certificate(&["http://a.test/crl"]);
    let checked = |uri: &str, scope, is_ca| {
        let distribution_point = CrlDistributionPoint { uris: vec![uri.to_owned()] };
        let scope = Some(CrlIssuingDistributionPoint { distribution_point, scope });
        let crls = Crls::from_der([ca.list([2000, 2100], &[], scope)]).unwrap();
        check(&crls, &certificate, is_ca, year(2020)).is_ok()
    };
    const HERE: &str = "http://a.test/crl";
    assert_eq!([false, true].map(|ca| checked(HERE, None, ca)), [true, true]);
    assert_eq!([false, true].map(|ca| checked(HERE, Some(CrlScope::UserCertsOnly), ca)), [true, false]);
    assert_eq!([false, true].map(|ca| checked(HERE, Some(CrlScope::CaCertsOnly), ca)), [false, true]);
    assert_eq!([false, true].map(|ca| checked("http://b.test/crl", None, ca)), [false, false]);
}

/// RFC 5280 §5.2.5: an explicit FALSE, which DER omits, does not limit the scope.
#[test]
fn scope_with_explicit_false_has_no_limit() {
    let ca = Authority::new();
    let certificate = ca.certificate(&[]);
    let certificate = Certificate::read(&certificate).unwrap();
    let mut list = List::read(&ca.list([2000, 2100], &[], None)).unwrap();
    for is_ca in [false, true] {
        let issuer_key = certificate.spki.into();
        let link = Link { certificate: &certificate, is_ca, issuer: None, issuer_key, issuer_signs_lists: true };
        for (value, about) in [(0, [true, true]), (0xff, [is_ca, !is_ca])] {
            let of_kind = [ONLY_CONTAINS_CA_CERTS, ONLY_CONTAINS_USER_CERTS].map(|tag| {
                list.scope = Some(Box::new([der::SEQUENCE, 3, tag, 1, value]));
                list.is_about(&link)
            });
            assert_eq!(of_kind, about, "{is_ca} {value}");
        }
    }
}

/// RFC 5280 §4.2.1.13: a point with reasons is for CRLs of some reasons only.
#[test]
fn point_with_reasons_is_not_covered() {
    let ca = Authority::new();
    let name = element(DISTRIBUTION_POINT, &[&element(FULL_NAME, &[&element(URI, &[b"a"])])]);
    let mut list = List::read(&ca.list([2000, 2100], &[], None)).unwrap();
    list.scope = Some(element(der::SEQUENCE, &[&name]).into());
    // [1] ReasonFlags: keyCompromise.
    for (reasons, about) in [(&[][..], true), (&[0x81, 2, 6, 0x40], false)] {
        let point = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&name, reasons])]);
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 31], point)];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &ca.issuer).unwrap();
        let certificate = Certificate::read(certificate.der()).unwrap();
        let link = Link {
            certificate: &certificate,
            is_ca: false,
            issuer: None,
            issuer_key: certificate.spki.into(),
            issuer_signs_lists: true,
        };
        assert_eq!(list.is_about(&link), about, "{reasons:?}");
        if !about {
            assert_eq!(list.mismatch(&link).why, CrlMismatch::UnsupportedPoint);
        }
    }
}

#[test]
fn share_a_uri_requires_equal_uris() {
    // [0] fullName [0] of one GeneralName.
    let name = |tag: u8| [FULL_NAME, 3, tag, 1, b'a'];
    assert!(share_a_uri(Some(&name(URI)), Some(&name(URI))));
    const DNS_NAME: u8 = 0x82;
    assert!(!share_a_uri(Some(&name(DNS_NAME)), Some(&name(DNS_NAME))));
    assert!(!share_a_uri(Some(&name(URI)), Some(&name(DNS_NAME))));
    assert!(!share_a_uri(None, None));
}

#[test]
fn unreadable_crl_is_named_by_section_or_number() {
    let pem = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
    let rejected = |file: &str, words: &str| {
        let shown = Crls::from_pem(file.as_bytes()).unwrap_err().to_string();
        assert!(shown.contains(words), "no {words:?} in {shown:?}");
    };
    rejected(&pem("CERTIFICATE"), "has no CRL: it has a certificate (section 1");
    rejected("", "has no CRL: the file or input is empty");
    rejected("crl.pem", "it is a path");
    rejected(&format!("{}{}", pem("CERTIFICATE"), pem("X509 CRL")), "CRL in section 2 (X509 CRL) at line 4: it");
    rejected(&pem("X509 CRLS"), "section 1 (X509 CRLS) at line 1: unknown label");
    let joined = format!("{}{}", pem("X509 CRL").trim_end(), pem("X509 CRL"));
    assert!(Crls::from_pem(joined.as_bytes()).is_err());
    let number = Crls::from_der([pem("X509 CRL")]).unwrap_err().to_string();
    assert!(number.contains("CRL number 1: it is PEM, not DER"), "{number}");
}

/// What the scope of a CRL says about why it does not cover a certificate.
#[test]
fn scope_of_a_crl_tells_why_it_does_not_apply() {
    let ca = Authority::new();
    let mut list = List::read(&ca.list([2000, 2100], &[], None)).unwrap();
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    let point = |uri: &[u8]| element(DISTRIBUTION_POINT, &[&element(FULL_NAME, &[&element(URI, &[uri])])]);
    let of_certificate = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&point(b"http://a.test/1")])]);
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 31], of_certificate)];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca.issuer).unwrap();
    let certificate = Certificate::read(certificate.der()).unwrap();
    let shown = |uri: &str| [uri.to_owned()].into_iter().collect();
    let other = CrlMismatch::OtherPartition { crl: shown("http://a.test/2"), certificate: shown("http://a.test/1") };
    for (is_ca, scope, expected, words) in [
        (true, vec![ONLY_CONTAINS_USER_CERTS, 1, 0xff], CrlMismatch::OnlyEndEntity, "covers only end-entity"),
        (false, vec![ONLY_CONTAINS_CA_CERTS, 1, 0xff], CrlMismatch::OnlyCa, "covers only CA certificates"),
        (false, point(b"http://a.test/2"), other, "the distribution point http://a.test/2, and this one has http"),
    ] {
        list.scope = Some(element(der::SEQUENCE, &[&scope]).into());
        let issuer_key = certificate.spki.into();
        let link = Link { certificate: &certificate, is_ca, issuer: None, issuer_key, issuer_signs_lists: true };
        assert!(!list.is_about(&link));
        let found = list.mismatch(&link);
        assert_eq!(found.why, expected);
        assert!(found.to_string().contains(words), "{found}");
        list.scope = Some(Box::new([5, 0]));
        assert_eq!(list.mismatch(&link).why, CrlMismatch::Malformed);
    }
}
