//! Parses the inputs of certificate verification: certificates, OCSP responses, SCTs, CRLs and
//! pins, and identity files. The first byte selects the parser.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tls_fuzz::{PEM, now, roots};
use tls_handshake::tls_codec::{List, Reader, SerializedSct};
use tls_handshake::verify::{
    ChainVerifier, Crls, CtLog, CtPolicy, OcspPolicy, ProvenPath, Purpose, ServerVerifier, Stapled, VerifyName,
    VerifyPath,
};
use tls_handshake::{CertificateError, Identity, Pin};

/// Accepts every path, so that later checks see certificates with any content.
#[derive(Debug)]
struct All;

impl VerifyPath for All {
    fn verify_path(&self, _: &[CertificateDer<'_>], _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        Ok(())
    }
}

impl VerifyName for All {
    fn verify_name(&self, _: &ProvenPath<'_>, _: &ServerName<'_>) -> Result<(), CertificateError> {
        Ok(())
    }
}

/// Requires every check. Its CT log uses the key of the leaf of `identity/`, so that inputs can
/// refer to it.
fn verifier(chain: ChainVerifier) -> ServerVerifier {
    let mut verifier = ServerVerifier::new(chain);
    verifier.set_ocsp_policy(OcspPolicy::Require);
    let leaf = CertificateDer::from_pem_slice(PEM[0]).unwrap();
    let key = webpki_key(&leaf);
    let mut policy = CtPolicy::new([CtLog::new("log", "operator", key).unwrap()]);
    policy.set_minimum_operators(1);
    verifier.set_ct_policy(Some(policy));
    verifier
}

/// Returns the SubjectPublicKeyInfo of a P-256 certificate, found by its first bytes.
fn webpki_key(leaf: &[u8]) -> Vec<u8> {
    const BEGIN: &[u8] = &[0x30, 0x59, 0x30, 0x13, 6, 7];
    let at = leaf.windows(BEGIN.len()).position(|window| window == BEGIN).unwrap();
    leaf[at..at + 0x5b].to_vec()
}

static STRICT: LazyLock<ServerVerifier> = LazyLock::new(|| verifier(ChainVerifier::new(roots())));
static LENIENT: LazyLock<ServerVerifier> = LazyLock::new(|| {
    let mut chain = ChainVerifier::new(roots());
    chain.dangerous_set_path(Arc::new(All));
    let mut verifier = verifier(chain);
    verifier.dangerous_set_name(Arc::new(All));
    verifier
});
/// Lets verification reach the SCTs.
static WITHOUT_OCSP: LazyLock<ServerVerifier> = LazyLock::new(|| {
    let mut verifier = LENIENT.clone();
    verifier.set_ocsp_policy(OcspPolicy::Soft);
    verifier
});
static LEAF: LazyLock<CertificateDer<'static>> = LazyLock::new(|| CertificateDer::from_pem_slice(PEM[0]).unwrap());

fuzz_target!(|input: &[u8]| {
    let Some((which, input)) = input.split_first() else { return };
    let name = ServerName::try_from("localhost").unwrap();
    let rejected = |verifier: &ServerVerifier, chain: &[CertificateDer<'_>], stapled: &Stapled<'_>| {
        let rejection = verifier.verify(chain, &name, stapled, now()).expect_err("an unsigned chain");
        // The error can be displayed.
        assert!(!format!("{rejection:#} {rejection:?}").contains('\u{1b}'));
    };
    match which % 7 {
        0 => rejected(&STRICT, std::slice::from_ref(&*LEAF), &Stapled::new(Some(input), List::empty())),
        1 => rejected(&WITHOUT_OCSP, std::slice::from_ref(&*LEAF), &Stapled::new(None, one(&listed(input)))),
        2 => rejected(&STRICT, &[CertificateDer::from(input)], &Stapled::default()),
        3 => {
            // A certificate with its length, then an OCSP response.
            let Some((length, rest)) = input.split_first_chunk() else { return };
            let (leaf, response) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
            let chain = [CertificateDer::from(leaf), CertificateDer::from_pem_slice(PEM[2]).unwrap()];
            rejected(&LENIENT, &chain, &Stapled::new(Some(response), List::empty()));
            rejected(&WITHOUT_OCSP, &chain, &Stapled::new(Some(response), List::empty()));
        }
        4 => {
            drop(Identity::from_pem(input, input));
            drop(Identity::from_pem(PEM[0], input));
            drop(Identity::from_pem(input, PEM[1]));
            drop(Identity::from_der(vec![LEAF.clone(), CertificateDer::from(input).into_owned()], input));
        }
        5 => {
            drop(Crls::from_pem(input));
            drop(Crls::from_der([input]));
        }
        _ => {
            if let Some(pin) = std::str::from_utf8(input).ok().and_then(|text| text.parse::<Pin>().ok()) {
                assert_eq!(pin.to_string().as_bytes(), input);
            }
        }
    }
});

/// Returns the body of a list with only this entry.
fn listed(entry: &[u8]) -> Vec<u8> {
    let entry = &entry[..entry.len().min(0xffff)];
    [&u16::try_from(entry.len()).unwrap_or_default().to_be_bytes()[..], entry].concat()
}

/// An empty entry becomes an empty list.
fn one(body: &[u8]) -> List<'_, SerializedSct<'_>> {
    List::decode_body(Reader::new(body)).unwrap_or(List::empty())
}
