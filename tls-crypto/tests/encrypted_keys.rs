//! Private keys with a password, as openssl and certtool write them, and parameters that are
//! refused.
#![cfg(feature = "encrypted-keys")]

use strata_tls_crypto::der::{self, element};
use strata_tls_crypto::{KeyRejected, PrivateKey, decrypt_key};

macro_rules! encrypted {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("data/keys/encrypted/", $name)).as_slice())),*]
    };
}

const PLAIN: &[u8] = include_bytes!("data/keys/p256.pkcs8.der");

#[test]
fn keys_of_openssl_and_gnutls_are_decrypted() {
    let public = PrivateKey::from_bytes(PLAIN).unwrap().subject_public_key_info();
    for (name, file) in encrypted!(
        "openssl.aes256.pem",
        "openssl.topk8.der",
        "openssl.scrypt.pem",
        "openssl.des3-sha1.pem",
        "openssl.aes128-sha512.pem",
        "gnutls.aes-256.pem"
    ) {
        let key = PrivateKey::from_bytes(&decrypt_key(file, b"secret").unwrap()).unwrap();
        assert_eq!(key.subject_public_key_info(), public, "{name}");
        assert_eq!(PrivateKey::from_bytes(file).unwrap_err(), KeyRejected::Encrypted, "{name}");
        assert_eq!(decrypt_key(file, b"secret\n").unwrap_err(), KeyRejected::WrongPassword, "{name}");
    }
}

#[test]
fn old_encryption_is_refused_with_a_command() {
    for (name, file) in encrypted!("openssl.old.pem", "openssl.pbes1.pem", "gnutls.3des-pkcs12.pem") {
        let e = decrypt_key(file, b"secret").unwrap_err();
        assert!(e.to_string().contains("`openssl pkcs8 -topk8 -in key.pem -out new.pem`"), "{name}: {e}");
        match e {
            KeyRejected::OldEncryption => assert_eq!(name, "openssl.old.pem"),
            KeyRejected::UnsupportedEncryption(what) => assert!(what.contains("TripleDES"), "{what}"),
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn plain_key_needs_no_password() {
    assert_eq!(*decrypt_key(PLAIN, b"").unwrap(), PLAIN);
    assert!(matches!(decrypt_key(b"", b"").unwrap_err(), KeyRejected::NoKey(_)));
}

#[test]
fn truncated_encrypted_key_is_rejected() {
    for (name, file) in encrypted!("openssl.topk8.der") {
        for cut in 0..file.len() {
            assert!(decrypt_key(&file[..cut], b"secret").is_err(), "{name} {cut}");
        }
    }
}

fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let digits = &bytes[zeros..];
    let sign: &[u8] = if digits[0] < 0x80 { &[] } else { &[0] };
    element(der::INTEGER, &[sign, digits])
}

/// An EncryptedPrivateKeyInfo with this function and its parameters after the salt.
fn with_kdf(oid: &[u8], parameters: &[u64]) -> Vec<u8> {
    let sequence = |parts: &[&[u8]]| element(der::SEQUENCE, parts);
    let oid_of = |oid: &[u8]| element(der::OBJECT_IDENTIFIER, &[oid]);
    let parameters: Vec<u8> = parameters.iter().flat_map(|value| integer(*value)).collect();
    let kdf = sequence(&[&oid_of(oid), &sequence(&[&element(der::OCTET_STRING, &[&[7; 16]]), &parameters])]);
    let aes256 =
        sequence(&[&oid_of(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a]), &element(der::OCTET_STRING, &[&[9; 16]])]);
    let pbes2 = oid_of(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]);
    sequence(&[&sequence(&[&pbes2, &sequence(&[&kdf, &aes256])]), &element(der::OCTET_STRING, &[&[0; 64]])])
}

/// None of them is computed: most would take hours or more memory than there is, and for some the
/// function is not defined.
#[test]
fn excessive_work_is_refused_without_doing_it() {
    const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
    const SCRYPT: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11];
    let refused: [(&[u8], &[u64]); 12] = [
        (PBKDF2, &[0]),
        (PBKDF2, &[10_000_001]),
        (PBKDF2, &[u64::from(u32::MAX)]),
        (SCRYPT, &[0, 8, 1]),
        (SCRYPT, &[1, 8, 1]),
        (SCRYPT, &[12345, 8, 1]),
        (SCRYPT, &[1 << 14, 0, 1]),
        (SCRYPT, &[1 << 14, 8, 0]),
        (SCRYPT, &[1 << 19, 8, 1]),
        (SCRYPT, &[1 << 18, 8, 5]),
        (SCRYPT, &[1 << 63, 65535, 65535]),
        (SCRYPT, &[2, 65535, 65535]),
    ];
    for (kdf, parameters) in refused {
        let e = decrypt_key(&with_kdf(kdf, parameters), b"secret").unwrap_err();
        assert!(matches!(e, KeyRejected::UnsupportedEncryption(_)), "{parameters:?}: {e}");
        assert!(e.to_string().contains("supported"), "{e}");
    }
    // The same forms with little work are computed.
    for (kdf, parameters) in [(PBKDF2, &[1][..]), (SCRYPT, &[2, 1, 1])] {
        assert_eq!(decrypt_key(&with_kdf(kdf, parameters), b"secret").unwrap_err(), KeyRejected::WrongPassword);
    }
}
