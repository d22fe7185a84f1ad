//! PKCS#12 files, as openssl, keytool and certtool write them, and those that are rejected.
#![cfg(feature = "pkcs12")]

use strata_tls_crypto::der::{self, Elements, element};
use strata_tls_crypto::pem::{Sections, is_pkcs12};
use strata_tls_crypto::pkcs12::{Pkcs12, Pkcs12Error};
use strata_tls_crypto::{PrivateKey, spki};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("data/pkcs12/", $name)).as_slice()
    };
}

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, file!($name))),*]
    };
}

const KEY: &[u8] = include_bytes!("data/keys/p256.pkcs8.der");

fn error(file: &[u8], password: &str) -> Pkcs12Error {
    Pkcs12::read(file, password.as_bytes()).unwrap_err()
}

/// Reads a file, which must have the key and the certificates of chain.pem.
fn expect_content(name: &str, file: &[u8], password: &[u8]) {
    let read = Pkcs12::read(file, password).unwrap_or_else(|e| panic!("{name}: {e}"));
    let public = PrivateKey::from_bytes(KEY).unwrap().subject_public_key_info();
    // Java writes the key without its public key.
    let key = PrivateKey::from_der_with_public_keys(&read.key, &[&public]).unwrap();
    assert!(spki::same_key(&key.subject_public_key_info(), &public), "{name}");
    let mut chain: Vec<_> =
        Sections::new(file!("chain.pem")).map(|one| one.unwrap().decode().unwrap().to_vec()).collect();
    let mut found = read.certificates;
    chain.sort();
    found.sort();
    assert!(found == chain, "{name} has {} certificates", found.len());
}

#[test]
fn files_of_openssl_java_and_gnutls_are_read() {
    for (name, file) in files!(
        "openssl.p12",
        "openssl.sha1.p12",
        "openssl.sha384.p12",
        "openssl.sha512.p12",
        "openssl.unencrypted.p12",
        "java.p12",
        "gnutls.p12",
        "pbmac1.sha1-sha256.p12",
        "pbmac1.sha256-sha384.p12",
        "pbmac1.sha512.p12"
    ) {
        assert!(is_pkcs12(file), "{name}");
        expect_content(name, file, b"secret");
        assert_eq!(error(file, "secret\n"), Pkcs12Error::WrongPassword, "{name}");
        assert_eq!(error(file, ""), Pkcs12Error::NoPassword, "{name}");
    }
    assert!(!is_pkcs12(KEY) && !is_pkcs12(file!("chain.pem")));
}

#[test]
fn passwords_of_each_form_open_their_file() {
    for (name, file) in files!("openssl.empty-password.p12", "gnutls.null-password.p12", "openssl.no-mac.p12") {
        expect_content(name, file, b"");
    }
    let unicode = file!("openssl.unicode-password.p12");
    expect_content("unicode", unicode, "pä€😀".as_bytes());
    assert_eq!(error(unicode, "pä€"), Pkcs12Error::WrongPassword);
    // Bytes that are not UTF-8 are no error.
    assert_eq!(Pkcs12::read(unicode, b"\xff").unwrap_err(), Pkcs12Error::WrongPassword);
}

#[test]
fn each_rejected_file_has_its_error() {
    let legacy = error(file!("openssl.legacy.p12"), "secret");
    assert!(matches!(&legacy, Pkcs12Error::UnsupportedEncryption(what) if what.contains("RC2")), "{legacy}");
    assert_eq!(error(file!("openssl.legacy.p12"), "wrong"), Pkcs12Error::WrongPassword);
    let sha224 = error(file!("openssl.sha224.p12"), "secret");
    assert!(matches!(&sha224, Pkcs12Error::UnsupportedMac(what) if what.contains("SHA-224")), "{sha224}");
    let command = "`openssl pkcs12 -legacy -in file -out file.pem && openssl pkcs12 -export -in file.pem -out new.p12`";
    for e in [legacy, sha224, error(file!("indefinite.p12"), "secret")] {
        assert!(e.to_string().contains(command), "{e}");
    }
    for (name, file) in files!("pbmac1.short.p12", "pbmac1.long.p12", "pbmac1.no-length.p12") {
        let e = error(file, "secret");
        assert!(e.to_string().contains("bytes, but 20 to 64 are supported"), "{name}: {e}");
    }
    for (name, file) in files!("indefinite.p12", "indefinite-inside.p12") {
        assert!(is_pkcs12(file), "{name}");
        assert_eq!(error(file, "secret"), Pkcs12Error::Ber, "{name}");
    }
    assert_eq!(error(file!("openssl.no-mac.p12"), "secret"), Pkcs12Error::NoMac);
    assert_eq!(error(file!("openssl.encrypted-no-mac.p12"), ""), Pkcs12Error::NoPassword);
    assert_eq!(error(file!("openssl.only-certificates.p12"), "secret"), Pkcs12Error::NoKey);
    assert_eq!(error(file!("java.two-keys.p12"), "secret"), Pkcs12Error::SeveralKeys { count: 2 });
    assert!(Pkcs12::read(file!("openssl.only-key.p12"), b"secret").unwrap().certificates.is_empty());
    for (file, words) in [
        (b"".as_slice(), "is empty"),
        (KEY, "it is a private key in DER"),
        (file!("chain.pem"), "it has a certificate"),
        (b"text", "neither PEM nor DER"),
    ] {
        let e = error(file, "secret");
        assert!(matches!(&e, Pkcs12Error::NotPkcs12(found) if found.contains(words)), "{e}");
    }
}

/// A change is found by the MAC, before anything is decrypted.
#[test]
fn changed_content_is_rejected_by_the_mac() {
    let file = file!("openssl.unencrypted.p12");
    let read = Pkcs12::read(file, b"secret").unwrap();
    for part in [&*read.key, &read.certificates[0]] {
        let at = file.windows(part.len()).position(|window| window == part).unwrap();
        let mut changed = file.to_vec();
        changed[at + part.len() - 1] ^= 1;
        assert_eq!(error(&changed, "secret"), Pkcs12Error::WrongPassword);
    }
}

/// A truncated file, and each with one element shortened, without the work for passwords.
#[test]
fn truncated_file_is_rejected() {
    let file = file!("openssl.no-mac.p12");
    for cut in 0..file.len() {
        assert!(matches!(error(&file[..cut], ""), Pkcs12Error::NotPkcs12(_)), "{cut}");
    }
    let safes = content(file);
    assert!(Pkcs12::read(&pfx(safes, &[]), b"").is_ok());
    for cut in 0..safes.len() {
        assert!(matches!(error(&pfx(&safes[..cut], &[]), ""), Pkcs12Error::Malformed(_)), "{cut}");
    }
    let mac = mac(1);
    for cut in 0..mac.len() {
        assert!(Pkcs12::read(&pfx(safes, &mac[..cut]), b"secret").is_err(), "{cut}");
    }
}

/// Most flips change a name or a number in a certificate; some are errors, none panics.
#[test]
fn file_with_a_flipped_bit_does_not_panic() {
    let file = file!("openssl.no-mac.p12");
    let read = (0..file.len() * 8).filter(|bit| {
        let mut changed = file.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        Pkcs12::read(&changed, b"").is_ok()
    });
    let read = read.count();
    assert!((1..file.len() * 8).contains(&read), "{read}");
}

#[test]
fn excessive_iterations_are_refused_without_doing_them() {
    let safes = content(file!("openssl.unencrypted.p12"));
    for iterations in [0, 10_000_001, u32::MAX] {
        let e = error(&pfx(safes, &mac(iterations)), "secret");
        assert!(matches!(&e, Pkcs12Error::UnsupportedMac(what) if what.contains("1 to 10000000")), "{iterations}: {e}");
    }
    assert_eq!(error(&pfx(safes, &mac(1)), "secret"), Pkcs12Error::WrongPassword);
    let e = error(&pfx(&element(der::SEQUENCE, &[&encrypted_safe(10_000_001)]), &[]), "");
    assert!(matches!(&e, Pkcs12Error::UnsupportedEncryption(what) if what.contains("10000001")), "{e}");
}

/// Safes may contain safes, as deep as a file is long.
#[test]
fn nested_safes_are_read_without_recursion() {
    let certificate = element(
        der::SEQUENCE,
        &[&oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x16, 1]), &explicit(&element(der::OCTET_STRING, &[b"x"]))],
    );
    let mut contents = [bag(1, KEY), bag(3, &certificate), bag(4, &element(der::SEQUENCE, &[]))].concat();
    for _ in 0..1000 {
        contents = bag(6, &element(der::SEQUENCE, &[&contents]));
    }
    let safe = |contents: &[u8]| {
        let octets = element(der::OCTET_STRING, &[&element(der::SEQUENCE, &[contents])]);
        pfx(&element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&pkcs7(1), &explicit(&octets)])]), &[])
    };
    let read = Pkcs12::read(&safe(&contents), b"").unwrap();
    assert_eq!((&*read.key.to_vec(), &read.certificates[..]), (KEY, &[b"x".to_vec()][..]));
    let e = error(&safe(&bag(7, KEY)), "");
    assert!(matches!(&e, Pkcs12Error::Unsupported(what) if what.contains("1.2.840.113549.1.12.10.1.7")), "{e}");
}

fn oid(oid: &[u8]) -> Vec<u8> {
    element(der::OBJECT_IDENTIFIER, &[oid])
}

fn pkcs7(last: u8) -> Vec<u8> {
    oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last])
}

fn explicit(value: &[u8]) -> Vec<u8> {
    element(der::CONTEXT_0, &[value])
}

fn bag(kind: u8, value: &[u8]) -> Vec<u8> {
    element(der::SEQUENCE, &[&oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, kind]), &explicit(value)])
}

/// Returns the content that the MAC of a file protects.
fn content(file: &[u8]) -> &[u8] {
    let mut fields = Elements::new(Elements::new(file).expect(der::SEQUENCE).unwrap());
    let info = fields.find(der::SEQUENCE).unwrap();
    Elements::new(Elements::new(info).find(der::CONTEXT_0).unwrap()).expect(der::OCTET_STRING).unwrap()
}

fn pfx(safes: &[u8], mac: &[u8]) -> Vec<u8> {
    let info = element(der::SEQUENCE, &[&pkcs7(1), &explicit(&element(der::OCTET_STRING, &[safes]))]);
    element(der::SEQUENCE, &[&element(der::INTEGER, &[&[3]]), &info, mac])
}

fn integer(value: u32) -> Vec<u8> {
    let digits = [&[0][..], &value.to_be_bytes()].concat();
    // The shortest form: a zero only before a digit that would make it negative.
    let zeros = digits.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    element(der::INTEGER, &[&digits[zeros..]])
}

/// A wrong MAC with SHA-256.
fn mac(iterations: u32) -> Vec<u8> {
    let algorithm = element(der::SEQUENCE, &[&oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1])]);
    let info = element(der::SEQUENCE, &[&algorithm, &element(der::OCTET_STRING, &[&[9; 32]])]);
    element(der::SEQUENCE, &[&info, &element(der::OCTET_STRING, &[b"salt"]), &integer(iterations)])
}

/// A safe that no password decrypts, with PBKDF2 and AES-256-CBC.
fn encrypted_safe(iterations: u32) -> Vec<u8> {
    let salt = element(der::OCTET_STRING, &[&[7; 16]]);
    let parameters = element(der::SEQUENCE, &[&salt, &integer(iterations)]);
    let pkcs5 = |last| oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, last]);
    let kdf = element(der::SEQUENCE, &[&pkcs5(12), &parameters]);
    let aes = oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a]);
    let aes = element(der::SEQUENCE, &[&aes, &element(der::OCTET_STRING, &[&[9; 16]])]);
    let scheme = element(der::SEQUENCE, &[&pkcs5(13), &element(der::SEQUENCE, &[&kdf, &aes])]);
    let content = element(der::SEQUENCE, &[&pkcs7(1), &scheme, &element(0x80, &[&[0; 64]])]);
    let data = element(der::SEQUENCE, &[&element(der::INTEGER, &[&[0]]), &content]);
    element(der::SEQUENCE, &[&pkcs7(6), &explicit(&data)])
}
