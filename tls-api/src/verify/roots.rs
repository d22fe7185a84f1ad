//! Trust anchors from a file, from the operating system, and from Mozilla.

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(feature = "system-roots")]
use super::system_files::SystemCerts;
use pki_types::{CertificateDer, UnixTime};
use tls_handshake::{CertificateError, IdentityError, RootCertStore, anchors_from_bytes, anchors_from_pem};

use crate::log::warn;

/// Loads the CA certificates of a PEM file, for a private CA.
///
/// A certificate that expired, or is not valid yet, is not an error: it is logged, and chains that
/// lead to it are rejected ([`RootCertStore::outside_validity`]).
///
/// # Errors
/// [`RootsError`] if the file has no certificate, a section is damaged or has an unknown label, or
/// one cannot be a trust anchor. A `TRUSTED CERTIFICATE` must be trusted for servers and clients.
/// [`RootCertStore::add_parsable_certificates`] instead counts what it leaves out.
///
/// ```no_run
/// let roots = strata_tls::root_store_from_pem(&std::fs::read("ca.pem")?)?;
/// let config = strata_tls::ClientConfig::with_roots(roots);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn root_store_from_pem(certs: &[u8]) -> Result<RootCertStore, RootsError> {
    root_store(anchors_from_pem(certs))
}

/// Loads CA certificates like [`root_store_from_pem`], from a file that may also be a certificate
/// in DER (`.cer`, `.der`) or a PKCS#7 bundle (`.p7b`). The content shows which.
///
/// # Errors
/// As [`root_store_from_pem`].
pub fn root_store_from_bytes(certs: &[u8]) -> Result<RootCertStore, RootsError> {
    root_store(anchors_from_bytes(certs))
}

/// Loads CA certificates from the file at `path`, in any form of [`root_store_from_bytes`].
///
/// # Errors
/// As [`root_store_from_bytes`], in a [`RootsError::File`] that names the file;
/// [`RootsError::CannotRead`].
///
/// ```no_run
/// let config = strata_tls::ClientConfig::with_roots(strata_tls::root_store_from_file("ca.pem")?);
/// # Ok::<(), strata_tls::RootsError>(())
/// ```
pub fn root_store_from_file(path: impl AsRef<Path>) -> Result<RootCertStore, RootsError> {
    let path = path.as_ref();
    let file = std::fs::read(path)
        .map_err(|cause| RootsError::CannotRead { path: path.to_owned(), cause: cause.to_string() })?;
    root_store_from_bytes(&file).map_err(|cause| RootsError::File { path: path.to_owned(), cause: Box::new(cause) })
}

fn root_store(certs: Result<Vec<CertificateDer<'static>>, IdentityError>) -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::new();
    for (at, cert) in certs.map_err(RootsError::Pem)?.into_iter().enumerate() {
        roots.add(&cert).map_err(|cause| RootsError::Certificate { at, cause })?;
    }
    for problem in outside_validity(&roots) {
        warn!("{problem}");
    }
    Ok(roots)
}

/// Returns a line for each trust anchor that is not currently valid.
fn outside_validity(roots: &RootCertStore) -> Vec<String> {
    let now = UnixTime::now();
    let mut problems = Vec::new();
    for (anchor, fault) in roots.outside_validity(now) {
        problems.push(CertificateError::Anchor { anchor, fault }.to_string());
    }
    problems
}

/// Loads the trust anchors of the operating system, or those that the environment variables
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Certificates that cannot be used are left out and
/// reported in [`SystemRoots::problems`].
///
/// # Errors
/// [`RootsError::System`] if none can be used.
///
/// ```no_run
/// let loaded = strata_tls::system_roots()?;
/// eprintln!("{} CAs, {} left out: {:?}", loaded.added, loaded.ignored, loaded.problems);
/// let config = strata_tls::ClientConfig::with_roots(loaded.roots);
/// # Ok::<(), strata_tls::RootsError>(())
/// ```
#[cfg(feature = "system-roots")]
pub fn system_roots() -> Result<SystemRoots, RootsError> {
    let SystemCerts { certs, mut problems, .. } = super::system_files::load();
    let mut roots = RootCertStore::new();
    let (added, ignored) = add_usable(&mut roots, &certs, &mut problems);
    problems.extend(outside_validity(&roots));
    if added == 0 {
        return Err(RootsError::System { ignored, problems });
    }
    Ok(SystemRoots { roots, added, ignored, problems })
}

/// Adds the certificates that can be trust anchors, and a problem for each that cannot. Returns how
/// many were added and left out.
#[cfg(feature = "system-roots")]
fn add_usable(
    roots: &mut RootCertStore,
    certs: &[(String, CertificateDer<'_>)],
    problems: &mut Vec<String>,
) -> (usize, usize) {
    let before = problems.len();
    for (source, cert) in certs {
        if let Err(cause) = roots.add(cert) {
            problems.push(format!("{source}: it cannot be a trust anchor: {cause}"));
        }
    }
    let ignored = problems.len().saturating_sub(before);
    (certs.len().saturating_sub(ignored), ignored)
}

/// The trust anchors of the operating system, and what was left out.
#[cfg(feature = "system-roots")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SystemRoots {
    /// The trust anchors that can be used.
    pub roots: RootCertStore,
    /// The number of trust anchors, including those that are not currently valid.
    pub added: usize,
    /// The number of certificates that cannot be trust anchors.
    pub ignored: usize,
    /// A line for each file that cannot be read, each section of a file that is damaged or has an
    /// unknown label (with its number, label and line), each certificate that cannot be a trust
    /// anchor, and each trust anchor that is not currently valid.
    pub problems: Vec<String>,
}

/// Returns Mozilla's trust anchors as of the release of the crate `webpki-roots`. For programs that
/// cannot rely on the operating system and are updated regularly.
///
/// ```
/// let config = strata_tls::ClientConfig::with_roots(strata_tls::webpki_roots());
/// ```
#[cfg(feature = "webpki-roots")]
#[must_use]
pub fn webpki_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// Why trust anchors could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootsError {
    /// The file contains no certificate, or one that is damaged.
    Pem(IdentityError),
    /// A file cannot be read.
    CannotRead {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: String,
    },
    /// The trust anchors of a file could not be loaded.
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: Box<Self>,
    },
    /// A certificate cannot be a trust anchor.
    Certificate {
        /// Its position in the file, counted from 0.
        at: usize,
        /// The reason.
        cause: CertificateError,
    },
    /// The operating system has no usable trust anchor.
    System {
        /// The number of certificates that cannot be trust anchors.
        ignored: usize,
        /// A line for each of these, and for each file that cannot be read.
        problems: Vec<String>,
    },
}

impl fmt::Display for RootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(e) => e.fmt(f),
            Self::CannotRead { path, cause } => write!(f, "cannot read {}: {cause}", path.display()),
            Self::File { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Certificate { at, cause } => {
                write!(f, "certificate number {} cannot be a trust anchor: {cause}", at.saturating_add(1))
            }
            Self::System { ignored, problems } => {
                write!(
                    f,
                    "the system has no usable CA certificate, and {ignored} unusable one(s); install the package \
                     ca-certificates, or name a file in SSL_CERT_FILE"
                )?;
                problems.iter().try_for_each(|problem| write!(f, "; {problem}"))
            }
        }
    }
}

/// Has no source: the text contains the cause.
impl std::error::Error for RootsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_handshake::certs_from_pem;

    fn made() -> String {
        rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn error_names_what_is_missing_or_wrong() {
        assert_eq!(
            root_store_from_pem(b"").unwrap_err(),
            RootsError::Pem(IdentityError::NoCertificate("the file or input is empty".into()))
        );
        let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(
            root_store_from_pem(not_a_certificate.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("section 1 (CERTIFICATE) at line 1: ")
        );
        let nothing = RootsError::System { ignored: 3, problems: vec!["no such file".into()] }.to_string();
        assert!(nothing.contains('3') && nothing.contains("no such file") && nothing.contains("ca-certificates"));
    }

    #[test]
    fn unparsable_certificates_are_counted() {
        let certs = certs_from_pem(format!("{}{}", made(), made()).as_bytes()).unwrap();
        let mut roots = RootCertStore::new();
        assert_eq!(roots.add_parsable_certificates(certs.into_iter().chain([vec![1, 2, 3].into()])), (2, 1));
        assert_eq!(roots.len(), 2);
    }

    #[cfg(feature = "system-roots")]
    #[test]
    fn unusable_system_certificates_are_listed() {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "strange root");
        let critical = |critical| {
            let mut extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(critical);
            extension
        };
        let mut made = |extension| {
            params.custom_extensions = vec![extension];
            params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone()
        };
        let certs = [made(critical(true)), made(critical(false)), vec![1, 2, 3].into()];
        let certs = [
            ("one".to_owned(), certs[0].clone()),
            ("two".to_owned(), certs[1].clone()),
            ("three".to_owned(), certs[2].clone()),
        ];
        let (mut roots, mut problems) = (RootCertStore::new(), vec!["a file".to_owned()]);
        assert_eq!(add_usable(&mut roots, &certs, &mut problems), (1, 2));
        assert_eq!((roots.len(), problems.len()), (1, 3));
        assert!(problems[1].contains("one: ") && problems[1].contains("strange root"), "{problems:?}");
        assert!(problems[2].contains("three: "), "{problems:?}");
    }

    #[test]
    fn expired_anchor_of_a_file_is_reported_and_loaded() {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "old root");
        params.not_after = rcgen::date_time_ymd(2001, 2, 3);
        let old = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let roots = root_store_from_pem(format!("{old}{}", made()).as_bytes()).unwrap();
        assert_eq!(roots.len(), 2);
        let problems = outside_validity(&roots);
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.contains("CN=old root") && problem.contains("2001-02-03"), "{problem}");
    }

    #[cfg(feature = "webpki-roots")]
    #[test]
    fn mozilla_has_over_a_hundred_roots() {
        assert!(webpki_roots().len() > 100);
    }

    #[test]
    fn certificates_of_a_file_become_trust_anchors() {
        let (one, two) = (made(), made());
        assert_eq!(root_store_from_pem(format!("{one}{two}").as_bytes()).unwrap().len(), 2);
    }
}
