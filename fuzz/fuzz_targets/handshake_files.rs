//! Loads certificates, keys, CRLs and trust anchors from files, as PEM and DER. Sections of a file
//! are reported in the order of their lines, and no more than a file of this length can have.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tls_crypto::pem::{Content, Encoding, Sections, entries, is_der, is_pkcs12, sections, what_is};
use tls_crypto::pkcs7::Bundle;
use tls_crypto::{Backend, KeyRejected, PrivateKey, spki};
use tls_fuzz::PEM;
use tls_handshake::verify::Crls;
use tls_handshake::{
    Identity, IdentityError, anchors_from_bytes, certs_from_bytes, certs_from_pem, server_name,
    usable_anchors_from_bytes,
};

fuzz_target!(|input: &[u8]| {
    // The shortest section that is reported is a damaged mark.
    let most = input.len() / 10 + 1;
    let mut last = 0;
    let mut count = 0;
    for section in Sections::new(input) {
        let place = match &section {
            Ok(section) => {
                if let Ok(bytes) = section.decode() {
                    assert!(bytes.len() <= input.len());
                }
                section.place()
            }
            Err(e) => {
                printable(e);
                e.place().clone()
            }
        };
        assert!(place.line() >= last, "line {} after {last}", place.line());
        last = place.line();
        count += 1;
        assert!(place.section() == count && count <= most, "section {count}");
    }
    for content in [Content::Certificate, Content::PrivateKey, Content::Crl] {
        assert!(sections(input, content).count() <= most);
        // An entry of a bundle has at least two bytes.
        assert!(entries(input, content, Encoding::PemOrDer).count() <= input.len());
        assert!(!what_is(input, content).is_empty());
    }
    // The lenient reader finds at least what the strict ones find.
    let (usable, problems) = usable_anchors_from_bytes(input);
    match anchors_from_bytes(input) {
        Ok(anchors) => assert!(anchors == usable && problems.is_empty()),
        Err(e) => {
            printable(&e);
            assert!(!problems.is_empty());
        }
    }
    if let Ok(certs) = certs_from_pem(input) {
        assert!(!certs.is_empty() && certs.len() <= most);
    }
    match (certs_from_pem(input), certs_from_bytes(input)) {
        // DER may contain text that is PEM.
        (Ok(of_pem), of_bytes) => assert!(is_der(input) || of_bytes.unwrap() == of_pem),
        (Err(e), _) => printable(&e),
    }
    if let Some(bundle) = Bundle::read(input) {
        assert_eq!(Bundle::read(&bundle.encode()), Some(bundle));
    }
    if let Err(e) = server_name(&String::from_utf8_lossy(input)) {
        printable(&e);
        assert!(e.instead().is_none_or(|name| server_name(name).is_ok()));
    }
    let leaf = CertificateDer::from_pem_slice(PEM[0]).unwrap();
    for (certs, key) in [(input, input), (PEM[0], input), (input, PEM[1])] {
        for loaded in [Identity::from_pem(certs, key), Identity::from_bytes(certs, key)] {
            if let Err(e) = loaded {
                printable(&e);
            }
        }
    }
    // A password would end at the MAC.
    match Identity::from_pkcs12(input, "") {
        Ok(identity) => assert!(is_pkcs12(input) && !identity.chain().is_empty()),
        Err(e) => {
            printable(&e);
            assert!(is_pkcs12(input) || matches!(e, IdentityError::BadPkcs12(_)));
        }
    }
    let loaded = Identity::from_der(vec![leaf.clone(), CertificateDer::from(input).into_owned()], input);
    assert!(!matches!(loaded, Err(IdentityError::NoCertificate(_))));
    // A key that loads signs and has the public key that it says.
    let known = key().subject_public_key_info();
    for loaded in [
        PrivateKey::from_der_with_public_keys(input, &[&known]),
        PrivateKey::from_pem_with_public_keys(input, &[&known]),
    ] {
        match loaded {
            Ok(key) => {
                key.sign(Backend::ring(), key.algorithms()[0], b"message").unwrap();
                assert!(spki::same_key(&key.subject_public_key_info(), &key.subject_public_key_info()));
            }
            Err(KeyRejected::NoKey(found)) => assert!(!found.is_empty()),
            Err(e) => printable(&e),
        }
    }
    assert_eq!(spki::same_key(&known, input), spki::same_key(input, &known));
    drop(Crls::from_pem(input));
    drop(Crls::from_bytes([input, input]));
    drop(Crls::from_der([input]));
});

fn key() -> PrivateKey {
    PrivateKey::from_der(&PrivateKeyDer::from_pem_slice(PEM[1]).unwrap()).unwrap()
}

/// Errors show no control characters of the file.
fn printable(error: &dyn std::error::Error) {
    assert!(!error.to_string().contains(|c: char| c.is_control()), "{error:?}");
}
