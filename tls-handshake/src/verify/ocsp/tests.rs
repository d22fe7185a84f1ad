//! Responses that only a faulty or malicious responder makes. The interop tests of tls-api use
//! those of openssl.

use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, Issuer, KeyPair, SerialNumber, SigningKey};

use tls_codec::code_points::SignatureScheme;

use super::*;
use crate::certificate_error::Refusal;
use crate::identity::tests::pem;
use crate::identity::{Identity, IdentityError};
use crate::verify::{ChainVerifier, RootCertStore, ServerVerifier};

/// 2030-01-01.
const NOW: UnixTime = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_893_456_000));
const ECDSA: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const SHA1: &[u8] = &[6, 5, 0x2b, 14, 3, 2, 26];
const FRESH: [&str; 2] = ["20291231000000Z", "20300107000000Z"];
const STALE: [&str; 2] = ["20291101000000Z", "20291201000000Z"];
const SERIAL: &[u8] = &[0x12, 0x67];

type Hash<'h> = &'h dyn Fn(&[u8]) -> Vec<u8>;

struct Pki {
    issuer: Issuer<'static, KeyPair>,
    roots: RootCertStore,
    ca: CertificateDer<'static>,
    /// The issuer's SubjectPublicKeyInfo and Name.
    spki: Vec<u8>,
    name: Vec<u8>,
    leaf: CertificateDer<'static>,
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::element(der::SEQUENCE, parts)
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der::element(der::BIT_STRING, &[&[0], bytes])
}

impl Pki {
    fn new(spoil: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let mut roots = RootCertStore::new();
        let root = params.self_signed(&key).unwrap();
        roots.add(root.der()).unwrap();
        let read = Certificate::read(root.der()).unwrap();
        let (spki, name) = (read.spki.to_vec(), sequence(&[read.subject]));
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(["server.test".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(SERIAL));
        spoil(&mut params);
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
        Self { issuer, roots, ca: root.der().clone(), spki, name, leaf }
    }

    /// Issues a certificate for OCSP with the name `responder`.
    fn responder(&self) -> (KeyPair, CertificateDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "responder");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        (key, certificate)
    }

    fn single(&self, is_revoked: bool, times: [&str; 2], extensions: &[u8]) -> Vec<u8> {
        let status = match is_revoked {
            true => der::element(REVOKED, &[&time("20291201000000Z")]),
            false => der::element(GOOD, &[]),
        };
        let next = der::element(der::CONTEXT_0, &[&time(times[1])]);
        let id = self.id(SHA1, &|bytes| sha1_for_cert_id(bytes).to_vec());
        sequence(&[&id, &status, &time(times[0]), &next, &listed(extensions)])
    }

    /// Returns a CertID of the leaf.
    fn id(&self, algorithm: &[u8], hash: Hash<'_>) -> Vec<u8> {
        let octets = |bytes: &[u8]| der::element(der::OCTET_STRING, &[bytes]);
        let (name, key) = (hash(&self.name), hash(public_key(&self.spki).unwrap()));
        sequence(&[&sequence(&[algorithm]), &octets(&name), &octets(&key), &der::element(der::INTEGER, &[SERIAL])])
    }

    /// Makes a response signed by the issuer.
    fn response(&self, singles: &[Vec<u8>]) -> Vec<u8> {
        self.response_of(&self.name, self.issuer.key(), &[], singles, &[])
    }

    fn response_of(
        &self,
        name: &[u8],
        key: &KeyPair,
        certificates: &[&[u8]],
        singles: &[Vec<u8>],
        extensions: &[u8],
    ) -> Vec<u8> {
        let responder = der::element(der::CONTEXT_1, &[name]);
        self.response_with(&responder, key, certificates, singles, &listed(extensions))
    }

    /// Makes a response with these bytes after the single responses.
    fn response_with(
        &self,
        responder: &[u8],
        key: &KeyPair,
        certificates: &[&[u8]],
        singles: &[Vec<u8>],
        after: &[u8],
    ) -> Vec<u8> {
        let data = sequence(&[responder, &time(FRESH[0]), &sequence(&[&singles.concat()]), after]);
        let signature = bits(&key.sign(&data).unwrap());
        let certificates = der::element(der::CONTEXT_0, &[&sequence(certificates)]);
        let basic = sequence(&[&data, &sequence(&[ECDSA]), &signature, &certificates]);
        let typ = [6, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
        let bytes = sequence(&[&typ, &der::element(der::OCTET_STRING, &[&basic])]);
        sequence(&[&der::element(der::ENUMERATED, &[&[0]]), &der::element(der::CONTEXT_0, &[&bytes])])
    }

    fn verify(&self, policy: OcspPolicy, stapled: &Stapled<'_>) -> Result<(), CertificateError> {
        let mut verifier = ServerVerifier::new(ChainVerifier::new(self.roots.clone()));
        verifier.set_ocsp_policy(policy);
        let name = pki_types::ServerName::try_from("server.test").unwrap();
        verifier.verify(std::slice::from_ref(&self.leaf), &name, stapled, NOW).map_err(|Refusal { why, .. }| why)
    }

    fn require(&self, response: &[u8]) -> Result<(), CertificateError> {
        self.verify(OcspPolicy::Require, &Stapled::new(Some(response), tls_codec::List::empty()))
    }
}

fn time(text: &str) -> Vec<u8> {
    der::element(der::GENERALIZED_TIME, &[text.as_bytes()])
}

/// Encodes extensions, for a response or a single response; nothing if there are none.
fn listed(extensions: &[u8]) -> Vec<u8> {
    match extensions {
        [] => Vec::new(),
        some => der::element(der::CONTEXT_1, &[&sequence(&[some])]),
    }
}

fn extension(is_critical: bool) -> Vec<u8> {
    let critical = if is_critical { der::element(der::BOOLEAN, &[&[0xff]]) } else { Vec::new() };
    sequence(&[&[6, 3, 0x2a, 3, 4], &critical, &der::element(der::OCTET_STRING, &[&[5, 0]])])
}

/// The error for a response about certificates with these serial numbers.
fn for_others(found: &[&str]) -> CertificateError {
    let found = found.iter().map(|serial| (*serial).to_owned()).collect();
    CertificateError::Ocsp(OcspError::OtherCertificate { serial: "1267".into(), found })
}

const IS_REVOKED: Result<(), CertificateError> =
    Err(CertificateError::Revoked { by: RevocationSource::Ocsp, crl: None });

#[test]
fn valid_revoked_response_takes_precedence() {
    let pki = Pki::new(|_| {});
    let (good, revoked) = (pki.single(false, FRESH, &[]), pki.single(true, FRESH, &[]));
    let (old_good, old_revoked) = (pki.single(false, STALE, &[]), pki.single(true, STALE, &[]));
    let mut of_another_tag = revoked.clone();
    of_another_tag[0] = 0x31;
    let nonsense = [sequence(&[&[2, 1, 1]]), vec![2, 1, 1], of_another_tag];
    for (singles, expected) in [
        (vec![good.clone()], Ok(())),
        (vec![revoked.clone()], IS_REVOKED),
        (vec![good.clone(), revoked.clone()], IS_REVOKED),
        (vec![revoked.clone(), good.clone()], IS_REVOKED),
        (vec![old_good.clone(), revoked.clone()], IS_REVOKED),
        (vec![old_good.clone(), good.clone()], Ok(())),
        (vec![old_revoked.clone(), good.clone()], Ok(())),
        (vec![nonsense[0].clone(), revoked.clone()], IS_REVOKED),
        (vec![nonsense[1].clone(), revoked], IS_REVOKED),
        (vec![nonsense[0].clone()], Err(for_others(&[]))),
        (vec![nonsense[2].clone()], Err(for_others(&[]))),
        (vec![], Err(for_others(&[]))),
    ] {
        assert_eq!(pki.require(&pki.response(&singles)), expected, "{}", singles.len());
    }
    let stale = pki.require(&pki.response(&[old_revoked, old_good]));
    assert!(matches!(stale, Err(CertificateError::Ocsp(OcspError::Expired { .. }))), "{stale:?}");
}

#[test]
fn responder_may_have_several_certificates() {
    let pki = Pki::new(|_| {});
    let ((key, certificate), (_, other)) = (pki.responder(), pki.responder());
    let name = sequence(&[Certificate::read(&certificate).unwrap().subject]);
    let singles = [pki.single(false, FRESH, &[])];
    let require = |certificates: &[&[u8]]| pki.require(&pki.response_of(&name, &key, certificates, &singles, &[]));
    assert_eq!(require(&[&certificate]), Ok(()));
    assert_eq!(require(&[&other, &certificate]), Ok(()));
    assert_eq!(require(&[&certificate, &other]), Ok(()));
    assert_eq!(require(&[&sequence(&[&[2, 1, 1]]), &certificate]), Ok(()), "after a malformed certificate");
    // Four are tried.
    assert_eq!(require(&[&other, &other, &other, &certificate]), Ok(()));
    let fifth = require(&[&other, &other, &other, &other, &certificate]);
    assert_eq!(fifth, Err(CertificateError::Ocsp(OcspError::BadSignature)));
    assert_eq!(require(&[&other]), Err(CertificateError::Ocsp(OcspError::BadSignature)));
    assert_eq!(require(&[]), Err(CertificateError::Ocsp(OcspError::UntrustedResponder)));
}

#[test]
fn critical_extensions_are_rejected() {
    let pki = Pki::new(|_| {});
    for (is_critical, expected) in [(false, Ok(())), (true, Err(CertificateError::Ocsp(OcspError::CriticalExtension)))]
    {
        let single = [pki.single(false, FRESH, &extension(is_critical))];
        assert_eq!(pki.require(&pki.response(&single)), expected);
        let single = [pki.single(false, FRESH, &[])];
        let response = pki.response_of(&pki.name, pki.issuer.key(), &[], &single, &extension(is_critical));
        assert_eq!(pki.require(&response), expected);
    }
}

#[test]
fn changed_byte_never_turns_revoked_into_good() {
    let pki = Pki::new(|_| {});
    let response = pki.response(&[pki.single(true, FRESH, &[])]);
    assert_eq!(pki.require(&response), IS_REVOKED);
    let mut changed = response.clone();
    for at in 0..response.len() {
        for mask in [1, 0x20, 0x80, 0xff] {
            changed[at] ^= mask;
            assert!(pki.require(&changed).is_err(), "byte {at}, mask {mask:#x}");
            changed[at] ^= mask;
        }
    }
}

#[test]
fn must_staple_applies_only_if_requested() {
    // status_request, and a malformed extension.
    for features in [vec![0x30, 3, 2, 1, 5], vec![0x30, 9]] {
        let oid = [1, 3, 6, 1, 5, 5, 7, 1, 24];
        let feature = CustomExtension::from_oid_content(&oid, features);
        let pki = Pki::new(|params| params.custom_extensions.push(feature));
        let asked = Stapled::default();
        let asked = Stapled { ocsp_requested: true, ..asked };
        let must = Err(CertificateError::Ocsp(OcspError::MustStaple));
        assert_eq!(pki.verify(OcspPolicy::Soft, &asked), must);
        assert_eq!(pki.verify(OcspPolicy::Soft, &Stapled::new(None, tls_codec::List::empty())), must);
        assert_eq!(pki.verify(OcspPolicy::Soft, &Stapled::default()), Ok(()));
        let not_asked = Stapled { ocsp_requested: false, ..asked };
        assert_eq!(pki.verify(OcspPolicy::Soft, &not_asked), Ok(()));
        let missing = Err(CertificateError::Ocsp(OcspError::Missing));
        assert_eq!(pki.verify(OcspPolicy::Require, &not_asked), missing);
    }
}

#[test]
fn default_policy_rejects_revoked() {
    let pki = Pki::new(|_| {});
    for (is_revoked, expected) in [(false, Ok(())), (true, IS_REVOKED)] {
        let response = pki.response(&[pki.single(is_revoked, FRESH, &[])]);
        let stapled = Stapled::new(Some(&response), tls_codec::List::empty());
        assert_eq!(pki.verify(OcspPolicy::default(), &stapled), expected);
    }
}

/// RFC 6960 §4.2.1: the type is basic, and nothing follows the last field.
#[test]
fn response_of_another_type_or_with_a_tail_is_rejected() {
    let pki = Pki::new(|_| {});
    let singles = [pki.single(false, FRESH, &[])];
    let good = pki.response(&singles);
    assert_eq!(pki.require(&good), Ok(()));
    let malformed = Err(CertificateError::Ocsp(OcspError::Malformed { found: None }));
    let mut other_type = good.clone();
    let basic = [0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
    let at = good.windows(basic.len()).position(|bytes| bytes == basic).unwrap();
    other_type[at + 8] = 2;
    assert_eq!(pki.require(&other_type), malformed);
    let longer = sequence(&[sole(&good, der::SEQUENCE).unwrap(), &[5, 0]]);
    assert_eq!(pki.require(&longer), malformed);
    let responder = der::element(der::CONTEXT_1, &[&pki.name]);
    let tail = pki.response_with(&responder, pki.issuer.key(), &[], &singles, &[5, 0]);
    assert_eq!(pki.require(&tail), Err(CertificateError::Ocsp(OcspError::CriticalExtension)));
}

/// RFC 6960 §4.1.1: the CertID names its hash algorithm, and both hashes must match.
#[test]
fn cert_id_uses_sha1_or_sha256() {
    const SHA256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let pki = Pki::new(|_| {});
    let sha1 = |bytes: &[u8]| sha1_for_cert_id(bytes).to_vec();
    let sha256 = |bytes: &[u8]| super::sha256(bytes).to_vec();
    let wrong_name = |bytes: &[u8]| if bytes == pki.name { vec![0; 20] } else { sha1(bytes) };
    let wrong_key = |bytes: &[u8]| if bytes == pki.name { sha1(bytes) } else { vec![0; 20] };
    let ids: [(Vec<u8>, Hash<'_>, bool); 7] = [
        (SHA1.to_vec(), &sha1, true),
        ([SHA1, &[5, 0]].concat(), &sha1, true),
        (SHA256.to_vec(), &sha256, true),
        ([SHA256, &[5, 0]].concat(), &sha256, true),
        (SHA256.to_vec(), &sha1, false),
        (SHA1.to_vec(), &wrong_name, false),
        (SHA1.to_vec(), &wrong_key, false),
    ];
    for (at, (algorithm, hash, counts)) in ids.into_iter().enumerate() {
        let next = der::element(der::CONTEXT_0, &[&time(FRESH[1])]);
        let single = sequence(&[&pki.id(&algorithm, hash), &[GOOD, 0], &time(FRESH[0]), &next]);
        let expected = if counts { Ok(()) } else { Err(for_others(&["1267"])) };
        assert_eq!(pki.require(&pki.response(&[single])), expected, "{at}");
    }
}

/// Clocks may differ by five minutes, and a response without nextUpdate is valid for a day.
#[test]
fn freshness_ends_at_the_exact_second() {
    let pki = Pki::new(|_| {});
    let id = pki.id(SHA1, &|bytes| sha1_for_cert_id(bytes).to_vec());
    for (this, next, is_fresh) in [
        ("20300101000500Z", Some("20300107000000Z"), true),
        ("20300101000501Z", Some("20300107000000Z"), false),
        ("20291201000000Z", Some("20291231235500Z"), true),
        ("20291201000000Z", Some("20291231235459Z"), false),
        ("20291230235500Z", None, true),
        ("20291230235459Z", None, false),
    ] {
        let next = next.map(|next| der::element(der::CONTEXT_0, &[&time(next)])).unwrap_or_default();
        let single = sequence(&[&id, &[GOOD, 0], &time(this), &next]);
        let result = pki.require(&pki.response(&[single]));
        assert_eq!(result.is_ok(), is_fresh, "{this}: {result:?}");
    }
}

#[test]
fn status_unknown_is_rejected() {
    let pki = Pki::new(|_| {});
    let id = pki.id(SHA1, &|bytes| sha1_for_cert_id(bytes).to_vec());
    let next = der::element(der::CONTEXT_0, &[&time(FRESH[1])]);
    let single = sequence(&[&id, &[0x82, 0], &time(FRESH[0]), &next]);
    assert_eq!(pki.require(&pki.response(&[single])), Err(CertificateError::Ocsp(OcspError::UnknownCertificate)));
}

#[test]
fn scts_are_read_from_their_extension() {
    let pki = Pki::new(|_| {});
    let scts_oid = der::element(der::OBJECT_IDENTIFIER, &[oid::SCT_LIST_OF_OCSP]);
    let scts = sequence(&[&scts_oid, &der::element(der::OCTET_STRING, &[b"scts"])]);
    for (extensions, found) in [
        (extension(false), None),
        (scts.clone(), Some(&b"scts"[..])),
        ([extension(false), scts].concat(), Some(b"scts")),
    ] {
        let single = pki.single(false, FRESH, &extensions);
        assert_eq!(SingleResponse::read(sole(&single, der::SEQUENCE).unwrap()).unwrap().scts, found);
    }
}

/// RFC 6960 §4.2.1: the response identifies its responder by name or by key hash.
#[test]
fn responder_must_match_its_identifier() {
    let pki = Pki::new(|_| {});
    let singles = [pki.single(false, FRESH, &[])];
    let untrusted = Err(CertificateError::Ocsp(OcspError::UntrustedResponder));
    let (key, certificate) = pki.responder();
    let of_another_name = pki.response_of(&sequence(&[]), &key, &[&certificate], &singles, &[]);
    assert_eq!(pki.require(&of_another_name), untrusted);
    let mut hash = sha1_for_cert_id(public_key(&pki.spki).unwrap());
    for expected in [Ok(()), untrusted] {
        let responder = der::element(der::CONTEXT_2, &[&der::element(der::OCTET_STRING, &[&hash])]);
        let response = pki.response_with(&responder, pki.issuer.key(), &[], &singles, &[]);
        assert_eq!(pki.require(&response), expected);
        hash[0] ^= 1;
    }
}

/// RFC 6960 §4.2.1: each part of a CertID must match.
#[test]
fn response_for_another_certificate_is_rejected() {
    let (pki, other) = (Pki::new(|_| {}), Pki::new(|_| {}));
    let of_another_serial = {
        let single = pki.single(false, FRESH, &[]);
        let at = single.windows(SERIAL.len()).position(|bytes| bytes == SERIAL).unwrap();
        let mut single = single;
        single[at + 1] ^= 1;
        single
    };
    // Another issuer's key with the same serial number.
    let of_another_issuer = other.single(false, FRESH, &[]);
    for (single, found, words) in [
        (of_another_serial, "1266", "for another certificate: expected serial number 1267, got 1266"),
        (of_another_issuer, "1267", "for a certificate of another issuer"),
    ] {
        let e = pki.require(&pki.response(&[single])).unwrap_err();
        assert_eq!(e, for_others(&[found]));
        assert!(e.to_string().contains(words), "{e}");
    }
    let none = pki.require(&pki.response(&[])).unwrap_err().to_string();
    assert!(none.ends_with("is for no certificate; expected serial number 1267"), "{none}");
}

/// A signature or hash that is not supported is neither called invalid nor another certificate's.
#[test]
fn unsupported_algorithm_of_a_response_is_named() {
    let pki = Pki::new(|_| {});
    let response = pki.response(&[pki.single(false, FRESH, &[])]);
    let replaced = |from: &[u8], to: &[u8]| {
        let mut changed = response.clone();
        let at = changed.windows(from.len()).position(|bytes| bytes == from).unwrap();
        changed[at..at + from.len()].copy_from_slice(to);
        pki.require(&changed).unwrap_err()
    };
    // ecdsa-with-SHA256 and SHA-512.
    let of_ecdsa = |hash: u8| [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, hash];
    let e = replaced(&of_ecdsa(2), &of_ecdsa(4));
    assert!(matches!(e, CertificateError::Ocsp(OcspError::UnsupportedSignature(_))), "{e:?}");
    let text = e.to_string();
    assert!(text.contains("ECDSA with SHA-512 is not supported") && !text.contains("invalid"), "{text}");
    // The last arc of SHA-1, which the CertID names.
    let e = replaced(&[0x2b, 14, 3, 2, 26], &[0x2b, 14, 3, 2, 18]);
    assert_eq!(e, CertificateError::Ocsp(OcspError::UnsupportedHash));
}

/// RFC 6960 §4.2.2.2: the issuer signs, or a responder that it certified.
#[test]
fn response_of_an_uncertified_responder_is_rejected() {
    let (pki, stranger) = (Pki::new(|_| {}), Pki::new(|_| {}));
    let good = || [pki.single(false, FRESH, &[])];
    // Another key under the issuer's name, and a responder that another issuer certified.
    let forged = pki.response_of(&pki.name, stranger.issuer.key(), &[], &good(), &[]);
    assert_eq!(pki.require(&forged), Err(CertificateError::Ocsp(OcspError::BadSignature)));
    let (key, certificate) = stranger.responder();
    let name = sequence(&[Certificate::read(&certificate).unwrap().subject]);
    let foreign = pki.response_of(&name, &key, &[&certificate], &good(), &[]);
    assert!(matches!(pki.require(&foreign), Err(CertificateError::Ocsp(_))), "{:?}", pki.require(&foreign));
    // A certificate of the issuer that is not for OCSP.
    for (purposes, has) in [(vec![ExtendedKeyUsagePurpose::ServerAuth], "serverAuth"), (vec![], "none")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "a server");
        params.extended_key_usages = purposes;
        let certificate = params.signed_by(&key, &pki.issuer).unwrap().der().clone();
        let name = sequence(&[Certificate::read(&certificate).unwrap().subject]);
        let not_for_this = pki.response_of(&name, &key, &[&certificate], &good(), &[]);
        let e = pki.require(&not_for_this).unwrap_err();
        assert!(matches!(&e, CertificateError::Ocsp(OcspError::ResponderRejected { .. })), "{e:?}");
        let words = format!(
            "the responder CN=a server, whose certificate is rejected: its extended key usage does not include \
             OCSPSigning: it has {has}"
        );
        assert!(e.to_string().contains(&words), "{e}");
    }
    // The certified responder.
    let (key, certificate) = pki.responder();
    let name = sequence(&[Certificate::read(&certificate).unwrap().subject]);
    assert_eq!(pki.require(&pki.response_of(&name, &key, &[&certificate], &good(), &[])), Ok(()));
}

#[test]
fn response_from_the_future_is_rejected() {
    let pki = Pki::new(|_| {});
    let single = pki.single(false, ["20300201000000Z", "20300301000000Z"], &[]);
    let result = pki.require(&pki.response(&[single]));
    assert!(matches!(result, Err(CertificateError::Ocsp(OcspError::NotYetValid { .. }))), "{result:?}");
}

/// A client's certificate is not valid for a server when its session is verified again.
#[test]
fn reverify_checks_the_purpose() {
    for (purpose, valid) in [(ExtendedKeyUsagePurpose::ServerAuth, true), (ExtendedKeyUsagePurpose::ClientAuth, false)]
    {
        let pki = Pki::new(|params| params.extended_key_usages = vec![purpose.clone()]);
        let verifier = ServerVerifier::new(ChainVerifier::new(pki.roots.clone()));
        let name = pki_types::ServerName::try_from("server.test").unwrap();
        let chain = std::slice::from_ref(&pki.leaf);
        assert_eq!(verifier.reverify(chain, &name, NOW).is_ok(), valid);
        assert_eq!(verifier.chain().verify_client(chain, NOW).is_ok(), !valid);
    }
}

/// Verifiers with different custom checks have different session scopes.
#[test]
fn custom_checks_are_part_of_the_session_scope() {
    #[derive(Debug)]
    struct Check(Option<[u8; 32]>);

    impl crate::verify::CheckPath for Check {
        fn check(
            &self,
            _: &crate::verify::ProvenPath<'_>,
            _: crate::verify::Purpose,
            _: UnixTime,
        ) -> Result<(), CertificateError> {
            Ok(())
        }

        fn session_scope(&self) -> Option<[u8; 32]> {
            self.0
        }
    }

    let pki = Pki::new(|_| {});
    let scope = |checks: &[Option<[u8; 32]>]| {
        let mut chain = ChainVerifier::new(pki.roots.clone());
        checks.iter().for_each(|check| chain.add_check(std::sync::Arc::new(Check(*check))));
        ServerVerifier::new(chain).session_scope()
    };
    let (one, two) = (Some([1; 32]), Some([2; 32]));
    let scopes = [scope(&[]), scope(&[one]), scope(&[two]), scope(&[one, two]), scope(&[two, one])];
    for (at, scope) in scopes.iter().enumerate() {
        assert!(scope.is_some() && scopes.iter().skip(at + 1).all(|other| other != scope), "{at}");
    }
    assert_eq!(scope(&[one]), scopes[1]);
    assert_eq!(scope(&[one, None]), None);
}

impl Pki {
    /// Returns an identity of the leaf, with or without its issuer.
    fn identity(&self, with_issuer: bool) -> Identity {
        let mut chain = vec![self.leaf.clone()];
        chain.extend(with_issuer.then(|| self.ca.clone()));
        Identity::with_remote_key(chain, vec![SignatureScheme::ED25519]).unwrap()
    }
}

#[test]
fn identity_takes_only_what_clients_accept() {
    let pki = Pki::new(|_| {});
    let good = pki.response(&[pki.single(false, FRESH, &[])]);
    let mut altered = good.clone();
    let signature = altered.len() - 8;
    altered[signature] ^= 1;
    let another = {
        let single = Pki::new(|_| {}).single(false, FRESH, &[]);
        pki.response(&[single])
    };
    let unknown = {
        let mut single = pki.single(false, FRESH, &[]);
        let at = single.windows(2).position(|bytes| bytes == [GOOD, 0]).unwrap();
        single[at] = 0x82;
        pki.response(&[single])
    };
    let try_later = sequence(&[&der::element(der::ENUMERATED, &[&[3]])]);
    let in_pem = pem("OCSP RESPONSE", &good);
    let two = in_pem.repeat(2);
    let in_future = ["20300102000000Z", "20300107000000Z"];
    for (file, words) in [
        (&try_later[..], "it has the status 3 (tryLater); expected 0"),
        (&pki.response(&[pki.single(false, STALE, &[])]), "it expired at 2029-12-01 00:00:00 UTC"),
        (&pki.response(&[pki.single(false, in_future, &[])]), "it is not valid before 2030-01-02"),
        (&another, "it is for a certificate of another issuer"),
        (&pki.response(&[]), "it is for no certificate; expected serial number 1267"),
        (&unknown, "reports the certificate as unknown"),
        (&altered, "it has an invalid signature"),
        (&good[..good.len() - 1], "it is cut off; expected"),
        (&[&good[..], &[0]].concat(), "it cannot be parsed"),
        (&pki.leaf, "it is a certificate; expected an OCSP response in DER"),
        (b"<!DOCTYPE html><html></html>", "it is HTML or XML;"),
        (b"HTTP/1.0 200 OK\r\n\r\n\x30", "it is an HTTP message with its header;"),
        (b"MIIB\n", "it is text;"),
        (b"", "it is empty;"),
        (&[1, 2, 3], "it cannot be parsed"),
        (pem("CERTIFICATE", &pki.leaf).as_bytes(), "it is PEM without a section OCSP RESPONSE;"),
        (&in_pem.as_bytes()[..in_pem.len() - 9], "it is damaged PEM;"),
        (in_pem.replace('M', "*").as_bytes(), "it is damaged PEM;"),
        (two.as_bytes(), "it is PEM with several responses;"),
    ] {
        let mut identity = pki.identity(true);
        identity.set_ocsp_response(&good, NOW).unwrap();
        let e = identity.set_ocsp_response(file, NOW).unwrap_err();
        let IdentityError::OcspResponse(why) = &e else { panic!("{e:?}") };
        assert_eq!(matches!(why, OcspError::NotSuccessful { status: 3 }), file == try_later);
        let text = e.to_string();
        assert!(text.starts_with("unusable OCSP response: ") && text.contains(words), "{words}: {text}");
        assert_eq!(identity.ocsp_response(), Some(&good[..]), "the earlier response stays");
        // The caller may insist.
        let insisted = identity.set_unchecked_ocsp_response(Some(file.to_vec()));
        assert_eq!(insisted.is_ok(), !file.is_empty());
    }
    let mut identity = pki.identity(true);
    identity.set_ocsp_response(in_pem.as_bytes(), NOW).unwrap();
    assert_eq!(identity.ocsp_response(), Some(&good[..]));
    let revoked = pki.response(&[pki.single(true, FRESH, &[])]);
    assert_eq!(identity.set_ocsp_response(&revoked, NOW), Err(IdentityError::Revoked));
    identity.set_unchecked_ocsp_response(None).unwrap();
    assert_eq!(identity.ocsp_response(), None);
}

/// Servers may send only the leaf, if clients have its issuer.
#[test]
fn identity_without_issuer_checks_name_serial_and_time() {
    let (pki, other) = (Pki::new(|_| {}), Pki::new(|_| {}));
    let mut identity = pki.identity(false);
    let of = |single: Vec<u8>| pki.response(&[single]);
    identity.set_ocsp_response(&of(pki.single(false, FRESH, &[])), NOW).unwrap();
    // The key of the issuer is unknown; its name is in the leaf.
    identity.set_ocsp_response(&of(other.single(false, FRESH, &[])), NOW).unwrap();
    let stale = identity.set_ocsp_response(&of(pki.single(false, STALE, &[])), NOW);
    assert!(matches!(stale, Err(IdentityError::OcspResponse(OcspError::Expired { .. }))), "{stale:?}");
    let renamed = |bytes: &[u8]| sha1_for_cert_id(&[bytes, b"x"].concat()).to_vec();
    let next = der::element(der::CONTEXT_0, &[&time(FRESH[1])]);
    let single = sequence(&[&pki.id(SHA1, &renamed), &[GOOD, 0], &time(FRESH[0]), &next]);
    let other_name = identity.set_ocsp_response(&of(single), NOW);
    assert!(matches!(other_name, Err(IdentityError::OcspResponse(OcspError::OtherCertificate { .. }))));
    assert_eq!(identity.set_ocsp_response(&of(pki.single(true, FRESH, &[])), NOW), Err(IdentityError::Revoked));
}
