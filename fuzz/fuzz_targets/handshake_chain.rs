//! Verification of chains, OCSP responses, CRLs and SCTs that are signed. Each byte of the input is
//! a choice for one field; 0 is right. A model says whether the server must be accepted, must be
//! rejected, or may be either.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pki_types::{CertificateDer, ServerName};
use tls_fuzz::{
    now,
    pki::{Certificate, ECDSA_SHA256, ECDSA_SHA384, crl, der, extension, ocsp, sct, sequence, spki},
};
use tls_handshake::{
    RootCertStore,
    tls_codec::{List, Reader},
    verify::{ChainVerifier, Crls, CtLog, CtPolicy, OcspPolicy, ServerVerifier, Stapled},
};

/// The input, and what the model says.
struct Choices<'a> {
    rest: &'a [u8],
    must_reject: bool,
    may_reject: bool,
}

impl Choices<'_> {
    fn pick(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(*first) % count
    }

    /// Picks a variant; those from `first_wrong` on must be rejected.
    fn wrong_from(&mut self, first_wrong: usize, count: usize) -> usize {
        let picked = self.pick(count);
        self.must_reject |= picked >= first_wrong;
        picked
    }

    fn years(&mut self) -> (u16, u16) {
        [(2020, 2040), (2029, 2031), (2020, 2030), (2031, 2040)][self.wrong_from(2, 4)]
    }

    /// Changes that spoil any certificate.
    fn spoil(&mut self, certificate: &mut Certificate<'_>) {
        match self.wrong_from(5, 9) {
            5 => certificate.is_forged = true,
            6 => certificate.issuer = "unknown",
            7 => certificate.algorithm = ECDSA_SHA384,
            8 => certificate.extensions.push(extension(99, true, &[5, 0])),
            // Extensions that are not critical are ignored.
            1 => certificate.extensions.push(extension(99, false, &[5, 0])),
            _ => {}
        }
    }
}

const SERVER_AUTH: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
const ANY_USAGE: &[u8] = &[6, 4, 0x55, 0x1d, 37, 0];
const LEAF_SERIAL: u8 = 7;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices { rest: input, must_reject: false, may_reject: false };
    let depth = choices.pick(3);
    let issuers = ["root", "first CA", "second CA"];
    let (leaf, has_other_name) = leaf(&mut choices, issuers[depth]);
    let mut chain = vec![leaf.clone()];
    let mut limits_signing = false;
    for at in (1..=depth).rev() {
        let below = depth - at;
        let ca = ca(&mut choices, issuers[at], issuers[at - 1], below, has_other_name, &mut limits_signing);
        chain.push(ca);
    }
    match choices.pick(6) {
        4 if depth > 0 => {
            choices.must_reject = true;
            chain.pop();
        }
        // More than is needed, in any order.
        5 => {
            let last = chain.len();
            chain.push(chain[last - 1].clone());
            chain[1..].reverse();
            choices.may_reject = true;
        }
        _ => {}
    }

    let mut roots = RootCertStore::new();
    let root = Certificate {
        serial: 1,
        issuer: "root",
        subject: "root",
        years: (2020, 2040),
        extensions: vec![extension(19, true, &sequence(&[&[1, 1, 0xff]]))],
        is_forged: false,
        algorithm: ECDSA_SHA256,
    };
    roots.add(&CertificateDer::from(root.encode())).unwrap();
    let mut verifier = ChainVerifier::new(roots);
    revocation(&mut choices, &mut verifier, issuers[depth], limits_signing);
    let mut verifier = ServerVerifier::new(verifier);
    let response = status(&mut choices, &mut verifier, issuers[depth]);
    let scts = transparency(&mut choices, &mut verifier, &leaf);

    let scts = List::decode_body(Reader::new(&scts)).unwrap();
    let chain: Vec<CertificateDer<'_>> = chain.into_iter().map(CertificateDer::from).collect();
    let stapled = Stapled::new(response.as_deref(), scts);
    let result = verifier.verify(&chain, &ServerName::try_from("localhost").unwrap(), &stapled, now());
    match result {
        Ok(_) => assert!(!choices.must_reject, "accepted: {:?}", &input[..input.len() - choices.rest.len()]),
        Err(e) => {
            assert!(!format!("{e:#} {e:?}").contains('\u{1b}'));
            assert!(choices.must_reject || choices.may_reject, "rejected: {e:#}");
        }
    }
});

/// Returns the leaf, and whether it also has a name that CAs may not be allowed to certify.
fn leaf(choices: &mut Choices<'_>, issuer: &str) -> (Vec<u8>, bool) {
    let dns = |name: &str| der(0x82, &[name.as_bytes()]);
    let address = der(0x87, &[&[127, 0, 0, 1]]);
    let names = match choices.wrong_from(2, 6) {
        0 => Some(sequence(&[&dns("localhost")])),
        1 => Some(sequence(&[&dns("other.example"), &dns("localhost")])),
        2 => Some(sequence(&[&dns("other.example")])),
        3 => Some(sequence(&[&dns("*.localhost")])),
        4 => Some(sequence(&[&address])),
        _ => None,
    };
    let has_other_name = names.as_ref().is_some_and(|names| names.windows(5).any(|part| part == b"other"));
    let mut extensions: Vec<_> = names.into_iter().map(|names| extension(17, false, &names)).collect();
    match choices.pick(6) {
        1 => extensions.push(extension(37, false, &sequence(&[SERVER_AUTH]))),
        2 => extensions.push(extension(37, true, &sequence(&[CLIENT_AUTH, SERVER_AUTH]))),
        3 => {
            choices.must_reject = true;
            extensions.push(extension(37, false, &sequence(&[CLIENT_AUTH])));
        }
        // RFC 5280 §4.2.1.12 lets applications require their own usage.
        4 => {
            choices.may_reject = true;
            extensions.push(extension(37, false, &sequence(&[ANY_USAGE])));
        }
        _ => {}
    }
    match choices.pick(5) {
        1 => extensions.push(extension(15, true, &[3, 2, 7, 0x80])),
        // Only keyEncipherment: the key may not sign.
        2 => {
            choices.must_reject = true;
            extensions.push(extension(15, true, &[3, 2, 5, 0x20]));
        }
        3 => extensions.push(extension(19, true, &sequence(&[]))),
        // A CA as a server.
        4 => {
            choices.may_reject = true;
            extensions.push(extension(19, true, &sequence(&[&[1, 1, 0xff]])));
        }
        _ => {}
    }
    let mut certificate = Certificate {
        serial: LEAF_SERIAL,
        issuer,
        subject: "server",
        years: choices.years(),
        extensions,
        is_forged: false,
        algorithm: ECDSA_SHA256,
    };
    choices.spoil(&mut certificate);
    (certificate.encode(), has_other_name)
}

/// Returns a CA with this number of CAs below it.
fn ca(
    choices: &mut Choices<'_>,
    subject: &str,
    issuer: &str,
    below: usize,
    has_other_name: bool,
    limits_signing: &mut bool,
) -> Vec<u8> {
    let mut extensions = Vec::new();
    match choices.wrong_from(4, 6) {
        0 | 1 => extensions.push(extension(19, true, &sequence(&[&[1, 1, 0xff]]))),
        2 => extensions.push(extension(19, true, &sequence(&[&[1, 1, 0xff, 2, 1, 1]]))),
        3 => {
            choices.must_reject |= below > 0;
            extensions.push(extension(19, true, &sequence(&[&[1, 1, 0xff, 2, 1, 0]])));
        }
        4 => extensions.push(extension(19, true, &sequence(&[]))),
        _ => {}
    }
    match choices.wrong_from(3, 4) {
        // keyCertSign, and cRLSign.
        1 => extensions.push(extension(15, true, &[3, 2, 1, 6])),
        2 => {
            *limits_signing = true;
            extensions.push(extension(15, true, &[3, 2, 2, 4]));
        }
        // Only digitalSignature.
        3 => extensions.push(extension(15, true, &[3, 2, 7, 0x80])),
        _ => {}
    }
    let subtree = |tag: u8, name: &str| der(tag, &[&sequence(&[&der(0x82, &[name.as_bytes()])])]);
    match choices.wrong_from(4, 6) {
        2 => {
            choices.must_reject |= has_other_name;
            extensions.push(extension(30, true, &sequence(&[&subtree(0xa0, "localhost")])));
        }
        3 => {
            choices.must_reject |= has_other_name;
            extensions.push(extension(30, true, &sequence(&[&subtree(0xa1, "example")])));
        }
        4 => extensions.push(extension(30, true, &sequence(&[&subtree(0xa0, "example")]))),
        5 => extensions.push(extension(30, true, &sequence(&[&subtree(0xa1, "localhost")]))),
        _ => {}
    }
    match choices.pick(4) {
        1 => extensions.push(extension(37, false, &sequence(&[SERVER_AUTH]))),
        // RFC 5280 gives it no meaning in a CA; most verifiers nest it.
        2 => {
            choices.may_reject = true;
            extensions.push(extension(37, false, &sequence(&[CLIENT_AUTH])));
        }
        _ => {}
    }
    let mut certificate = Certificate {
        serial: 2,
        issuer,
        subject,
        years: choices.years(),
        extensions,
        is_forged: false,
        algorithm: ECDSA_SHA256,
    };
    choices.spoil(&mut certificate);
    certificate.encode()
}

/// Sets a CRL of the issuer of the leaf.
fn revocation(choices: &mut Choices<'_>, verifier: &mut ChainVerifier, issuer: &str, limits_signing: bool) {
    let picked = choices.pick(8);
    let other = LEAF_SERIAL + 1;
    let list = match picked {
        2 => crl(issuer, other, 2031, false),
        3 => crl(issuer, LEAF_SERIAL, 2031, false),
        // Expired, forged, of another CA: the status is unknown.
        4 => crl(issuer, other, 2029, false),
        5 => crl(issuer, other, 2031, true),
        6 => crl("unknown", other, 2031, false),
        7 => crl(issuer, LEAF_SERIAL, 2029, false),
        _ => return,
    };
    let Ok(mut lists) = Crls::from_der([list]) else {
        assert_eq!(picked, 5, "a CRL was not read");
        return;
    };
    lists.set_end_entity_only(true);
    let lenient = choices.pick(4);
    lists.set_accept_unknown_status(lenient & 1 != 0);
    lists.set_accept_expired(lenient & 2 != 0);
    choices.may_reject |= limits_signing || picked == 5;
    choices.must_reject |= match picked {
        // A CA whose key may not sign CRLs leaves the status unknown.
        _ if limits_signing => false,
        3 | 7 => true,
        4 => lenient & 2 == 0,
        6 => lenient & 1 == 0,
        _ => false,
    };
    verifier.set_crls(Some(lists));
}

/// Staples an OCSP response.
fn status(choices: &mut Choices<'_>, verifier: &mut ServerVerifier, issuer: &str) -> Option<Vec<u8>> {
    let policy = [OcspPolicy::Soft, OcspPolicy::Require, OcspPolicy::Ignore][choices.pick(3)];
    verifier.set_ocsp_policy(policy);
    let fresh = (2030, 2031);
    let picked = choices.pick(9);
    let response = match picked {
        0 | 1 => Some(ocsp(issuer, LEAF_SERIAL, 0, fresh, false)),
        2 => Some(ocsp(issuer, LEAF_SERIAL, 1, fresh, false)),
        3 => Some(ocsp(issuer, LEAF_SERIAL, 2, fresh, false)),
        4 => Some(ocsp(issuer, LEAF_SERIAL, 0, (2028, 2029), false)),
        5 => Some(ocsp(issuer, LEAF_SERIAL, 0, (2031, 2032), false)),
        6 => Some(ocsp(issuer, LEAF_SERIAL + 1, 0, fresh, false)),
        7 => Some(ocsp(issuer, LEAF_SERIAL, 0, fresh, true)),
        _ => None,
    };
    choices.must_reject |= match policy {
        OcspPolicy::Ignore => false,
        OcspPolicy::Soft => picked == 2,
        // Require.
        _ => picked > 1,
    };
    response
}

/// Requires an SCT, and returns a list of SCTs.
fn transparency(choices: &mut Choices<'_>, verifier: &mut ServerVerifier, leaf: &[u8]) -> Vec<u8> {
    let picked = choices.pick(8);
    if picked > 1 {
        let mut policy = CtPolicy::new([CtLog::new("log", "operator", spki()).unwrap()]);
        policy.set_minimum_operators(1);
        verifier.set_ct_policy(Some(policy));
    }
    let issued = now().as_secs() * 1000;
    let sct = match picked {
        2 | 3 => sct(leaf, issued - 1000, true, false),
        4 => sct(leaf, issued - 1000, false, false),
        5 => sct(leaf, issued - 1000, true, true),
        6 => sct(leaf, issued * 2, true, false),
        _ => Vec::new(),
    };
    choices.must_reject |= picked >= 4;
    if sct.is_empty() {
        return Vec::new();
    }
    [&u16::try_from(sct.len()).unwrap().to_be_bytes()[..], &sct].concat()
}
