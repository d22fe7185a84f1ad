//! Identities and trust anchors from PEM files.

use std::fmt;

use pki_types::pem::{self, PemObject};
use pki_types::{CertificateDer, PrivateKeyDer};
use tls_crypto::PrivateKey;
use tls_handshake::{Identity, IdentityError, RootCertStore};

/// An identity from a PEM chain, the server's own certificate first, and a PEM key (PKCS#8, SEC1 or PKCS#1). Other
/// things in the files are skipped, so that both may be the same file.
///
/// # Errors
/// [`IdentityError`] says what is missing or wrong: above all that the key is encrypted, or is not the certificate's.
///
/// ```no_run
/// let identity = tls_api::identity_from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn identity_from_pem(certs: &[u8], key: &[u8]) -> Result<Identity, IdentityError> {
    let chain = certs_from_pem(certs)?;
    let key = match PrivateKeyDer::from_pem_slice(key) {
        Ok(der) => PrivateKey::from_der(&der).map_err(|e| IdentityError::BadKey(e.to_string()))?,
        Err(pem::Error::NoItemsFound) if is_encrypted(key) => {
            return Err(IdentityError::BadKey(
                "it is encrypted; decrypt it first, for example with `openssl pkey -in key.pem -out plain.pem`".into(),
            ));
        }
        Err(pem::Error::NoItemsFound) => return Err(IdentityError::NoKey),
        Err(e) => return Err(IdentityError::BadPem(e.to_string())),
    };
    Identity::new(chain, key)
}

/// All certificates of a PEM file, in its order.
///
/// # Errors
/// [`IdentityError::NoCertificate`], [`IdentityError::BadPem`].
pub fn certs_from_pem(certs: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certs)
        .collect::<Result<_, _>>()
        .map_err(|e| IdentityError::BadPem(e.to_string()))?;
    if chain.is_empty() { Err(IdentityError::NoCertificate) } else { Ok(chain) }
}

/// All certificates of a PEM file as trust anchors.
///
/// # Errors
/// [`RootsError`] if there is none, or one cannot be a trust anchor.
///
/// ```no_run
/// let roots = tls_api::root_store_from_pem(&std::fs::read("ca.pem")?)?;
/// let config = tls_api::ClientConfig::with_roots(roots);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn root_store_from_pem(certs: &[u8]) -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::new();
    for (at, cert) in certs_from_pem(certs).map_err(RootsError::Pem)?.into_iter().enumerate() {
        roots.add(&cert).map_err(|cause| RootsError::Certificate { at, cause })?;
    }
    Ok(roots)
}

/// Why a file's certificates cannot be trust anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootsError {
    /// The file is no PEM file, or has no certificate.
    Pem(IdentityError),
    /// A certificate cannot be a trust anchor.
    Certificate {
        /// Which one, counted from 0.
        at: usize,
        /// Why.
        cause: tls_handshake::CertificateError,
    },
}

impl fmt::Display for RootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(e) => e.fmt(f),
            Self::Certificate { at, cause } => {
                write!(f, "certificate number {} cannot be a trust anchor: {cause}", at.saturating_add(1))
            }
        }
    }
}

impl std::error::Error for RootsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pem(e) => Some(e),
            Self::Certificate { cause, .. } => Some(cause),
        }
    }
}

/// PKCS#8 says so in its label, the older forms in a header.
fn is_encrypted(pem: &[u8]) -> bool {
    [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| pem.windows(mark.len()).any(|window| window == *mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn one_file_may_hold_key_and_certificate_in_any_order() {
        let (cert, key) = made();
        for file in [format!("{cert}{key}"), format!("# a comment\n{key}{cert}")] {
            assert_eq!(identity_from_pem(file.as_bytes(), file.as_bytes()).unwrap().chain().len(), 1);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let (cert, key) = made();
        let (_, other_key) = made();
        let error = |cert: &str, key: &str| identity_from_pem(cert.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error(&key, &key), IdentityError::NoCertificate);
        assert_eq!(error(&cert, &cert), IdentityError::NoKey);
        assert_eq!(error(&cert, &other_key), IdentityError::KeyMismatch);
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(error(&cert, &encrypted).to_string().contains("encrypted"));
        assert!(matches!(error(&cert.replace("-----END", "-----"), &key), IdentityError::BadPem(_)));
        assert_eq!(root_store_from_pem(b"").unwrap_err(), RootsError::Pem(IdentityError::NoCertificate));
        let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(root_store_from_pem(not_a_certificate.as_bytes()).unwrap_err().to_string().contains("number 1"));
    }

    #[test]
    fn the_authorities_of_a_file_become_trust_anchors() {
        let (one, two) = (made().0, made().0);
        assert_eq!(root_store_from_pem(format!("{one}{two}").as_bytes()).unwrap().len(), 2);
    }
}
