//! Reads certificates and keys from PEM and DER. An error names the section at fault, or what the
//! file is instead.

use pki_types::CertificateDer;
use tls_crypto::der::{self, Elements};
use tls_crypto::pem::{self, Content, Encoding, PemError, Place};
#[cfg(feature = "pkcs12")]
use tls_crypto::pkcs12::{Pkcs12, Pkcs12Error};
use tls_crypto::{KeyRejected, PrivateKey};

use super::trust_settings::TrustSettings;
use super::{IdentityError, chain_order};
use crate::verify::x509::Certificate;

/// Reads all certificates of a PEM file, in its order: sections `CERTIFICATE`, `X509 CERTIFICATE`
/// and `TRUSTED CERTIFICATE`, without OpenSSL's trust settings, and those of bundles (`PKCS7`,
/// `CMS`). Skips sections that are known to be something else, such as keys.
///
/// # Errors
/// [`IdentityError::NoCertificate`]; [`IdentityError::BadPem`] if a section is damaged, has an
/// unknown label, or is not a certificate.
pub fn certs_from_pem(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    certs_in(certs, Encoding::Pem)
}

/// Reads all certificates of a file, which may be PEM (see [`certs_from_pem`]), a certificate in
/// DER (`.cer`, `.der`), or a PKCS#7 bundle in DER (`.p7b`). The content shows which.
///
/// # Errors
/// As [`certs_from_pem`].
pub fn certs_from_bytes(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    certs_in(certs, Encoding::PemOrDer)
}

fn certs_in(certs: &[u8], encoding: Encoding) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let read = entries_of_certs(certs, encoding).map(|one| one.map(|(cert, _)| cert));
    non_empty(read.collect::<Result<_, _>>()?, certs)
}

/// Reads the certificates of a PEM file as trust anchors. Like [`certs_from_pem`], but a
/// certificate whose trust settings (`TRUSTED CERTIFICATE`) exclude servers or clients is an error:
/// as an anchor, it would be trusted for both.
///
/// # Errors
/// As [`certs_from_pem`], and for such a certificate.
pub fn anchors_from_pem(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    non_empty(entries_of_anchors(certs, Encoding::Pem).collect::<Result<_, _>>()?, certs)
}

/// Reads the certificates of a file as trust anchors: like [`anchors_from_pem`], in all forms of
/// [`certs_from_bytes`].
///
/// # Errors
/// As [`anchors_from_pem`].
pub fn anchors_from_bytes(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    non_empty(entries_of_anchors(certs, Encoding::PemOrDer).collect::<Result<_, _>>()?, certs)
}

/// Reads the usable trust anchors of a file, in all forms of [`certs_from_bytes`], and an error for
/// each section that is not usable. For the stores of operating systems, where one bad section must
/// not remove all anchors.
pub fn usable_anchors_from_bytes(certs: &[u8]) -> (Vec<CertificateDer<'static>>, Vec<IdentityError>) {
    let (mut usable, mut problems) = (Vec::new(), Vec::new());
    for anchor in entries_of_anchors(certs, Encoding::PemOrDer) {
        match anchor {
            Ok(anchor) => usable.push(anchor),
            Err(e) => problems.push(e),
        }
    }
    if usable.is_empty() && problems.is_empty() {
        problems.push(no_certificate(certs));
    }
    (usable, problems)
}

/// A certificate, and its place with trust settings if it has some.
type CertWithSettings = (CertificateDer<'static>, Option<(Place, TrustSettings)>);

fn entries_of_anchors(
    certs: &[u8],
    encoding: Encoding,
) -> impl Iterator<Item = Result<CertificateDer<'static>, IdentityError>> {
    entries_of_certs(certs, encoding).map(|one| match one? {
        (_, Some((place, settings))) if !settings.allow_servers_and_clients() => bad_entry(&place, PARTLY_TRUSTED),
        (cert, _) => Ok(cert),
    })
}

fn entries_of_certs(certs: &[u8], encoding: Encoding) -> impl Iterator<Item = Result<CertWithSettings, IdentityError>> {
    pem::entries(certs, Content::Certificate, encoding).map(|entry| {
        let entry = entry.map_err(bad_pem)?;
        let has_settings = entry.has_settings();
        let (mut der, place) = entry.into_parts();
        let settings = if has_settings {
            let Some((length, settings)) = TrustSettings::after_certificate(&der) else {
                return bad_entry(&place, "cannot be parsed");
            };
            der.truncate(length);
            settings
        } else {
            None
        };
        let cert = CertificateDer::from(der);
        match Certificate::read(&cert) {
            Some(_) => Ok((cert, settings.map(|settings| (place, settings)))),
            None => bad_entry(&place, "the certificate cannot be parsed"),
        }
    })
}

fn non_empty(chain: Vec<CertificateDer<'static>>, file: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    if chain.is_empty() { Err(no_certificate(file)) } else { Ok(chain) }
}

fn no_certificate(file: &[u8]) -> IdentityError {
    IdentityError::NoCertificate(pem::what_is(file, Content::Certificate))
}

/// Reads certificates and the key. An elliptic curve key without its public key takes it from a
/// certificate.
pub(super) fn chain_and_key(
    certs: &[u8],
    key: &[u8],
    encoding: Encoding,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKey), IdentityError> {
    let chain = match certs_in(certs, encoding) {
        Err(IdentityError::NoCertificate(_)) if are_swapped(certs, key) => return Err(IdentityError::Swapped),
        read => read?,
    };
    chain_order::check(&chain)?;
    let key = if encoding == Encoding::PemOrDer && pem::is_der(key) {
        key_from_der(key, &chain)?
    } else {
        key_from_pem(key, &public_keys(&chain))?
    };
    Ok((chain, key))
}

/// Reads certificates and the key, which is encrypted with `password` or not at all.
#[cfg(feature = "encrypted-keys")]
pub(super) fn chain_and_encrypted_key(
    certs: &[u8],
    key: &[u8],
    password: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKey), IdentityError> {
    let chain = match certs_in(certs, Encoding::PemOrDer) {
        Err(IdentityError::NoCertificate(_)) if are_swapped(certs, key) => return Err(IdentityError::Swapped),
        read => read?,
    };
    chain_order::check(&chain)?;
    let key = tls_crypto::decrypt_key(key, password).map_err(|e| match e {
        KeyRejected::WrongPassword => IdentityError::WrongPassword,
        KeyRejected::NoKey(found) => IdentityError::NoKey(found),
        other => IdentityError::BadKey(other.to_string()),
    })?;
    let key = key_from_der(&key, &chain)?;
    Ok((chain, key))
}

/// Reads the certificates and the key of a PKCS#12 file.
#[cfg(feature = "pkcs12")]
pub(super) fn pkcs12(
    file: &[u8],
    password: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKey), IdentityError> {
    let read = Pkcs12::read(file, password).map_err(|e| match e {
        Pkcs12Error::WrongPassword => IdentityError::WrongPassword,
        Pkcs12Error::NoPassword => IdentityError::NoPassword,
        Pkcs12Error::NoKey => {
            IdentityError::NoKey("the PKCS#12 file has only certificates; export it with its key".into())
        }
        other => IdentityError::BadPkcs12(other.to_string()),
    })?;
    if read.certificates.is_empty() {
        let found = "the PKCS#12 file has only a key; export it with its certificate";
        return Err(IdentityError::NoCertificate(found.into()));
    }
    let chain: Vec<_> = read.certificates.into_iter().map(CertificateDer::from).collect();
    chain_order::check(&chain)?;
    let key = key_from_der(&read.key, &chain)?;
    Ok((chain, key))
}

/// Returns whether `certs` is a key and `key` has certificates.
fn are_swapped(certs: &[u8], key: &[u8]) -> bool {
    pem::has(certs, Content::PrivateKey) && pem::has(key, Content::Certificate) && !pem::has(key, Content::PrivateKey)
}

/// Returns the SubjectPublicKeyInfos.
fn public_keys<'a>(chain: &'a [CertificateDer<'_>]) -> Vec<&'a [u8]> {
    chain.iter().filter_map(|cert| Certificate::read(cert).map(|read| read.spki)).collect()
}

/// Reads the private key of a PEM file.
///
/// # Errors
/// [`IdentityError::NoKey`], [`IdentityError::BadKey`].
fn key_from_pem(file: &[u8], public_keys: &[&[u8]]) -> Result<PrivateKey, IdentityError> {
    PrivateKey::from_pem_with_public_keys(file, public_keys).map_err(|e| match e {
        KeyRejected::Encrypted => IdentityError::EncryptedKey,
        KeyRejected::BadPem(_) if is_encrypted(file) => IdentityError::EncryptedKey,
        KeyRejected::NoKey(found) => IdentityError::NoKey(found),
        KeyRejected::BadPem(e) => IdentityError::BadKey(format!("the file is not valid PEM: {e}")),
        // The certificates gave all public keys there are.
        KeyRejected::PublicKeyMissing { tried: 1.. } => IdentityError::KeyMismatch,
        other => IdentityError::BadKey(other.to_string()),
    })
}

/// Reads a private key from DER.
pub(super) fn key_from_der(der: &[u8], chain: &[CertificateDer<'_>]) -> Result<PrivateKey, IdentityError> {
    PrivateKey::from_der_with_public_keys(der, &public_keys(chain)).map_err(|e| match e {
        KeyRejected::Encrypted => IdentityError::EncryptedKey,
        KeyRejected::Malformed => not_a_key(der),
        KeyRejected::PublicKeyMissing { tried: 1.. } => IdentityError::KeyMismatch,
        other => IdentityError::BadKey(other.to_string()),
    })
}

/// Returns why DER is not a private key.
fn not_a_key(file: &[u8]) -> IdentityError {
    let starts_as_sequence = Elements::new(file).optional(der::SEQUENCE).is_some();
    let what = if contains(file, b"-----BEGIN ") {
        "it is PEM, not DER; use `from_pem`".to_owned()
    } else if starts_as_sequence || file.is_empty() {
        pem::what_is(file, Content::PrivateKey)
    } else {
        "it is not DER".to_owned()
    };
    IdentityError::BadKey(format!("expected PKCS#8, SEC1 or PKCS#1; {what}"))
}

/// Returns why bytes that should be the DER of a certificate cannot be parsed.
pub(super) fn not_a_certificate(file: &[u8]) -> &'static str {
    if file.is_empty() {
        "it is empty"
    } else if contains(file, b"-----BEGIN ") {
        "it is PEM, not DER; use `from_pem`"
    } else if Elements::new(file).optional(der::SEQUENCE).is_none() {
        "it is not DER"
    } else {
        "it cannot be parsed"
    }
}

fn bad_pem(e: PemError) -> IdentityError {
    IdentityError::BadPem(e.to_string())
}

fn bad_entry<T>(place: &Place, why: &str) -> Result<T, IdentityError> {
    Err(IdentityError::BadPem(format!("{place}: {why}")))
}

/// Returns whether PEM has the mark of an encrypted key: the label of PKCS#8, or the header of
/// older formats. Reads damaged files too.
fn is_encrypted(pem: &[u8]) -> bool {
    contains(pem, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(pem, b"Proc-Type: 4,ENCRYPTED")
}

fn contains(file: &[u8], mark: &[u8]) -> bool {
    file.windows(mark.len()).any(|window| window == mark)
}

const PARTLY_TRUSTED: &str = "its trust settings do not allow both servers and clients, which a trust anchor cannot \
                              express; to trust it for both, convert it with `openssl x509 -in file -out ca.pem`";
