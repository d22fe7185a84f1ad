//! Reads certificates and keys from PEM and DER. An error names the format of a file that is
//! something else.

use pki_types::CertificateDer;
use tls_crypto::der::{self, Elements};
use tls_crypto::pem::{PemError, Sections};
use tls_crypto::{KeyRejected, PrivateKey};

use super::IdentityError;

/// Reads all certificates of a PEM file, in its order. Skips other sections.
///
/// # Errors
/// [`IdentityError::NoCertificate`], [`IdentityError::BadPem`].
pub fn certs_from_pem(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let mut chain = Vec::new();
    for section in Sections::new(certs) {
        let section = section.map_err(bad_pem)?;
        // Other sections are not decoded: a private key may be among them.
        if section.label() == b"CERTIFICATE" {
            let mut der = section.decode().map_err(bad_pem)?;
            chain.push(CertificateDer::from(std::mem::take(&mut *der)));
        }
    }
    match (chain.is_empty(), what_it_is(certs)) {
        (false, _) => Ok(chain),
        (true, Some(what)) => Err(IdentityError::BadPem(format!("it has no certificate; {what}"))),
        (true, None) => Err(IdentityError::NoCertificate),
    }
}

/// Reads the private key of a PEM file.
///
/// # Errors
/// [`IdentityError::NoKey`], [`IdentityError::BadKey`], [`IdentityError::BadPem`].
pub(super) fn key_from_pem(file: &[u8]) -> Result<PrivateKey, IdentityError> {
    PrivateKey::from_pem(file).map_err(|e| match e {
        KeyRejected::Encrypted => encrypted(),
        _ if is_encrypted(file) => encrypted(),
        KeyRejected::NoKey => match what_it_is(file) {
            Some(what) => IdentityError::BadKey(format!("the file has none; {what}")),
            None => IdentityError::NoKey,
        },
        KeyRejected::BadPem(e) => bad_pem(e),
        other => IdentityError::BadKey(other.to_string()),
    })
}

/// Returns why DER is not a private key.
pub(super) fn not_a_key(file: &[u8]) -> IdentityError {
    let fields = Elements::new(file).optional(der::SEQUENCE).map(Elements::new);
    // EncryptedPrivateKeyInfo: an AlgorithmIdentifier and an OCTET STRING.
    let is_encrypted = fields.is_some_and(|mut fields| {
        fields.optional(der::SEQUENCE).is_some() && fields.optional(der::OCTET_STRING).is_some() && fields.is_empty()
    });
    if is_encrypted {
        return encrypted();
    }
    let what =
        if contains(file, b"-----BEGIN ") { Some("it is PEM, not DER; use `from_pem`") } else { what_it_is(file) };
    let what = what.map_or(String::new(), |what| format!("; {what}"));
    IdentityError::BadKey(format!("expected PKCS#8, SEC1 or PKCS#1{what}"))
}

fn encrypted() -> IdentityError {
    IdentityError::BadKey("it is encrypted; decrypt it with `openssl pkey -in key.pem -out plain.pem`".into())
}

fn bad_pem(e: PemError) -> IdentityError {
    IdentityError::BadPem(e.to_string())
}

/// Returns whether PEM has the mark of an encrypted key: the label of PKCS#8, or the header of
/// older formats. Reads damaged files too.
fn is_encrypted(pem: &[u8]) -> bool {
    contains(pem, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(pem, b"Proc-Type: 4,ENCRYPTED")
}

/// Names a format that is often mistaken for a certificate or key, with the command that converts
/// it.
fn what_it_is(file: &[u8]) -> Option<&'static str> {
    const LABELS: [(&[u8], &str); 6] = [
        (b"BEGIN OPENSSH PRIVATE KEY", "it has an OpenSSH key; convert it with `ssh-keygen -p -m PKCS8 -f key`"),
        (b"BEGIN CERTIFICATE REQUEST", "it has a certificate request; have a CA issue the certificate"),
        (b"BEGIN PUBLIC KEY", "it has a public key"),
        (b"BEGIN TRUSTED CERTIFICATE", "it has an OpenSSL trusted certificate; convert it with `openssl x509`"),
        (b"BEGIN PKCS7", "it has a PKCS#7 bundle; extract the certificates with `openssl pkcs7 -print_certs`"),
        (b"BEGIN PGP", "it is PGP"),
    ];
    if let Some((_, what)) = LABELS.iter().find(|(label, _)| contains(file, label)) {
        return Some(what);
    }
    let mut fields = Elements::new(Elements::new(file).optional(der::SEQUENCE)?);
    Some(match fields.optional(der::INTEGER) {
        Some([3]) => "it is PKCS#12; convert it with `openssl pkcs12 -in file -nodes`",
        _ => "it is DER, not PEM; use `from_der`",
    })
}

fn contains(file: &[u8], mark: &[u8]) -> bool {
    file.windows(mark.len()).any(|window| window == mark)
}
