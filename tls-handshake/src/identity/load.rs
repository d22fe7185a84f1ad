//! Certificates and keys from files, and what the files are if they are something else.

use pki_types::CertificateDer;
use tls_crypto::der::{self, Elements};
use tls_crypto::pem::{PemError, Sections};
use tls_crypto::{KeyRejected, PrivateKey};

use super::IdentityError;

/// All certificates of a PEM file, in its order.
///
/// # Errors
/// [`IdentityError::NoCertificate`], [`IdentityError::BadPem`].
pub fn certs_from_pem(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let mut chain = Vec::new();
    for section in Sections::new(certs) {
        let section = section.map_err(bad_pem)?;
        // The others stay as they are: a private key may be among them.
        if section.label() == b"CERTIFICATE" {
            let mut der = section.decode().map_err(bad_pem)?;
            chain.push(CertificateDer::from(std::mem::take(&mut *der)));
        }
    }
    match (chain.is_empty(), what_it_is(certs)) {
        (false, _) => Ok(chain),
        (true, Some(what)) => Err(IdentityError::BadPem(format!("there is no certificate in it; {what}"))),
        (true, None) => Err(IdentityError::NoCertificate),
    }
}

/// The key of a PEM file.
///
/// # Errors
/// [`IdentityError::NoKey`], [`IdentityError::BadKey`], [`IdentityError::BadPem`].
pub(super) fn key_from_pem(file: &[u8]) -> Result<PrivateKey, IdentityError> {
    PrivateKey::from_pem(file).map_err(|e| match e {
        KeyRejected::Encrypted => encrypted(),
        _ if is_encrypted(file) => encrypted(),
        KeyRejected::NoKey => match what_it_is(file) {
            Some(what) => IdentityError::BadKey(format!("there is none in the file; {what}")),
            None => IdentityError::NoKey,
        },
        KeyRejected::BadPem(e) => bad_pem(e),
        other => IdentityError::BadKey(other.to_string()),
    })
}

/// What is wrong with DER that is no private key.
pub(super) fn not_a_key(file: &[u8]) -> IdentityError {
    let fields = Elements::new(file).optional(der::SEQUENCE).map(Elements::new);
    // EncryptedPrivateKeyInfo: an AlgorithmIdentifier and an OCTET STRING.
    let is_encrypted = fields.is_some_and(|mut fields| {
        fields.optional(der::SEQUENCE).is_some() && fields.optional(der::OCTET_STRING).is_some() && fields.is_empty()
    });
    if is_encrypted {
        return encrypted();
    }
    let what = if contains(file, b"-----BEGIN ") { Some("it is PEM, and no DER") } else { what_it_is(file) };
    let what = what.map_or(String::new(), |what| format!("; {what}"));
    IdentityError::BadKey(format!("this is no private key in PKCS#8, SEC1 or PKCS#1{what}"))
}

fn encrypted() -> IdentityError {
    IdentityError::BadKey(
        "it is encrypted; decrypt it first, for example with `openssl pkey -in key.pem -out plain.pem`".into(),
    )
}

fn bad_pem(e: PemError) -> IdentityError {
    IdentityError::BadPem(e.to_string())
}

/// PKCS#8 says so in its label, the older forms in a header: also where the rest is damaged.
fn is_encrypted(pem: &[u8]) -> bool {
    contains(pem, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(pem, b"Proc-Type: 4,ENCRYPTED")
}

/// What people take for certificates and keys, and how to make those of it.
fn what_it_is(file: &[u8]) -> Option<&'static str> {
    const LABELS: [(&[u8], &str); 6] = [
        (
            b"BEGIN OPENSSH PRIVATE KEY",
            "it has a key in OpenSSH's own format; `ssh-keygen -p -m PKCS8 -f key` changes that in place",
        ),
        (b"BEGIN CERTIFICATE REQUEST", "it has a request for a certificate, which an authority has to sign first"),
        (b"BEGIN PUBLIC KEY", "it has a public key"),
        (
            b"BEGIN TRUSTED CERTIFICATE",
            "it has a certificate in OpenSSL's own format; `openssl x509` makes a plain one",
        ),
        (b"BEGIN PKCS7", "it has a PKCS#7 bundle; `openssl pkcs7 -print_certs` takes the certificates out"),
        (b"BEGIN PGP", "it is of PGP"),
    ];
    if let Some((_, what)) = LABELS.iter().find(|(label, _)| contains(file, label)) {
        return Some(what);
    }
    let mut fields = Elements::new(Elements::new(file).optional(der::SEQUENCE)?);
    Some(match fields.optional(der::INTEGER) {
        Some([3]) => "it is a PKCS#12 file; `openssl pkcs12 -in file -nodes` makes PEM of it",
        _ => "it is DER, and no PEM; `from_der` takes it",
    })
}

fn contains(file: &[u8], mark: &[u8]) -> bool {
    file.windows(mark.len()).any(|window| window == mark)
}
