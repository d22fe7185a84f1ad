//! An identity that can be replaced while the program runs, when its certificate is renewed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pki_types::UnixTime;
use tls_codec::{DistinguishedName, List};
use tls_handshake::{Identity, IdentityError};
use zeroize::Zeroizing;

use crate::SignatureScheme;
use crate::config::clock::{SystemClock, TimeProvider};
use crate::identity::client_hello::ClientHelloInfo;
use crate::identity::resolver::{NoIdentity, ResolvesClientCert, ResolvesServerCert};
use crate::identity::served_name::ServedName;
use crate::sync::read_mostly::ReadMostly;

/// An identity that the application reloads or replaces, on a signal or once an hour.
///
/// A reload is atomic and affects new handshakes only. If the files are inconsistent (for example,
/// key and certificate differ), it returns an error and the old identity stays active.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{IdentityFiles, ReloadableIdentity, ServerConfig};
///
/// let identity = Arc::new(ReloadableIdentity::from_files(IdentityFiles::new("chain.pem", "key.pem"))?);
/// let config = ServerConfig::with_resolver(identity.clone());
/// // Later, after a renewal:
/// if let Err(e) = identity.reload() {
///     eprintln!("keeping the old certificate: {e}");
/// }
/// # Ok::<(), strata_tls::ReloadError>(())
/// ```
pub struct ReloadableIdentity {
    current: ReadMostly<Identity>,
    files: Option<IdentityFiles>,
    /// The names that resolvers present it for; every new identity must be valid for them. Locked
    /// from reading the files to presenting them, so that the later of two reloads wins.
    names: Mutex<Vec<ServedName>>,
}

/// The files that an identity is loaded from. Errors name the file at fault.
///
/// ```no_run
/// use strata_tls::{ClientConfig, IdentityFiles};
///
/// let mut config = ClientConfig::with_roots(strata_tls::root_store_from_file("ca.pem")?);
/// config.set_client_identity(IdentityFiles::new("client.pem", "client-key.pem").load()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    certs: PathBuf,
    key: PathBuf,
    #[cfg(feature = "encrypted-keys")]
    password: Option<Password>,
    ocsp_response: Option<(PathBuf, OcspCheck)>,
}

/// The check of a stapled OCSP response when it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OcspCheck {
    Checked,
    Unchecked,
}

impl IdentityFiles {
    /// Names the files of the certificate chain and the key, each PEM or DER, as
    /// [`Identity::from_bytes`] reads them. Both may be the same file.
    #[must_use]
    pub fn new(certs: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certs: certs.into(),
            key: key.into(),
            #[cfg(feature = "encrypted-keys")]
            password: None,
            ocsp_response: None,
        }
    }

    /// Sets the password of the key's file: see [`Identity::from_encrypted`]. With the feature
    /// `pkcs12`, certificates and key may be one PKCS#12 file, named twice. The password stays in
    /// memory for reloads, and each copy is overwritten when it is dropped. Default: none.
    #[cfg(feature = "encrypted-keys")]
    #[must_use]
    pub fn with_password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.password = Some(Password(Zeroizing::new(password.as_ref().to_vec())));
        self
    }

    /// Staples the OCSP response in this file, which must be valid for the certificate at the time
    /// of loading: see [`Identity::set_ocsp_response`]. Replace certificate, key and response
    /// together, and only the response before it expires.
    #[must_use]
    pub fn with_ocsp_response(mut self, file: impl Into<PathBuf>) -> Self {
        self.ocsp_response = Some((file.into(), OcspCheck::Checked));
        self
    }

    /// Staples the bytes in this file, whatever they are: see
    /// [`Identity::set_unchecked_ocsp_response`].
    #[must_use]
    pub fn with_unchecked_ocsp_response(mut self, file: impl Into<PathBuf>) -> Self {
        self.ocsp_response = Some((file.into(), OcspCheck::Unchecked));
        self
    }

    /// Reads the files. The bytes read are overwritten in memory afterwards.
    ///
    /// # Errors
    /// [`ReloadError`] if a file cannot be read, or if the files do not make an identity.
    pub fn load(&self) -> Result<Identity, ReloadError> {
        let read = |path: &Path| read_secret(path).map_err(|cause| ReloadError::File { path: path.to_owned(), cause });
        // The key may be in either file.
        let identity = self.identity(&read(&self.certs)?, &read(&self.key)?);
        let mut identity = identity.map_err(|cause| self.error(cause))?;
        if let Some((file, check)) = &self.ocsp_response {
            let response = read(file)?;
            let set = match check {
                // A clock before 1970 makes the response one of the future.
                OcspCheck::Checked => {
                    let now = SystemClock.now().unwrap_or(UnixTime::since_unix_epoch(Duration::ZERO));
                    identity.set_ocsp_response(&response, now)
                }
                OcspCheck::Unchecked => identity.set_unchecked_ocsp_response(Some(response.to_vec())),
            };
            set.map_err(|cause| ReloadError::Identity { files: vec![file.clone()], cause })?;
        }
        Ok(identity)
    }

    #[cfg(feature = "encrypted-keys")]
    fn identity(&self, certs: &[u8], key: &[u8]) -> Result<Identity, IdentityError> {
        match &self.password {
            Some(password) => Identity::from_encrypted(certs, key, &*password.0),
            None => Identity::from_bytes(certs, key),
        }
    }

    #[cfg(not(feature = "encrypted-keys"))]
    fn identity(&self, certs: &[u8], key: &[u8]) -> Result<Identity, IdentityError> {
        Identity::from_bytes(certs, key)
    }

    /// Adds the files that an error is about.
    fn error(&self, cause: IdentityError) -> ReloadError {
        let files = match cause {
            IdentityError::NoKey(_)
            | IdentityError::BadKey(_)
            | IdentityError::EncryptedKey
            | IdentityError::WrongPassword => vec![self.key.clone()],
            IdentityError::KeyMismatch | IdentityError::Swapped => vec![self.certs.clone(), self.key.clone()],
            _ => vec![self.certs.clone()],
        };
        ReloadError::Identity { files, cause }
    }
}

/// A password, overwritten on drop and never shown.
#[cfg(feature = "encrypted-keys")]
#[derive(Clone, PartialEq, Eq)]
struct Password(Zeroizing<Vec<u8>>);

#[cfg(feature = "encrypted-keys")]
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl ReloadableIdentity {
    /// Creates one that the application replaces with [`replace`](Self::replace).
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { current: ReadMostly::new(identity), files: None, names: Mutex::default() }
    }

    /// Loads the identity from files, which [`reload`](Self::reload) reads again.
    ///
    /// # Errors
    /// [`ReloadError`] if a file cannot be read, or if the files do not make an identity.
    pub fn from_files(files: IdentityFiles) -> Result<Self, ReloadError> {
        let identity = files.load()?;
        Ok(Self { current: ReadMostly::new(identity), files: Some(files), names: Mutex::default() })
    }

    /// Returns the current identity.
    #[must_use]
    pub fn current(&self) -> Arc<Identity> {
        Arc::clone(&self.current.read().1)
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// [`ReloadError`]; the old identity stays active. It is also an error if the new certificate
    /// is not valid for a name that [a resolver](crate::ResolvesServerCertUsingSni::add_reloadable)
    /// presents this identity for.
    pub fn reload(&self) -> Result<(), ReloadError> {
        let files = self.files.as_ref().ok_or(ReloadError::NoFiles)?;
        let names = self.names();
        self.replace_checked(&names, files.load()?).map_err(|cause| files.error(cause))
    }

    /// Replaces the identity for new handshakes.
    ///
    /// # Errors
    /// [`IdentityError::NotValidForName`] if the new certificate is not valid for a name that
    /// [a resolver](crate::ResolvesServerCertUsingSni::add_reloadable) presents this identity for;
    /// the old identity stays active.
    pub fn replace(&self, identity: Identity) -> Result<(), IdentityError> {
        self.replace_checked(&self.names(), identity)
    }

    /// Adds a name that a resolver presents it for, and checks it against the current certificate.
    pub(crate) fn add_name(&self, name: &ServedName) -> Result<(), IdentityError> {
        let mut names = self.names();
        name.check(&self.current())?;
        if !names.contains(name) {
            names.push(name.clone());
        }
        Ok(())
    }

    fn replace_checked(&self, names: &[ServedName], identity: Identity) -> Result<(), IdentityError> {
        names.iter().try_for_each(|name| name.check(&identity))?;
        self.current.replace(identity);
        Ok(())
    }

    fn names(&self) -> MutexGuard<'_, Vec<ServedName>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for ReloadableIdentity {
    fn resolve(&self, _: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        Ok(self.current())
    }

    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for ReloadableIdentity {
    fn resolve(&self, _: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
        Some(self.current())
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some(*self.current.read().1.session_scope())
    }
}

impl fmt::Debug for ReloadableIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadableIdentity").field("current", &self.current()).field("files", &self.files).finish()
    }
}

/// Reads a file into memory that is overwritten when it is dropped, and when it grows.
fn read_secret(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    let (mut bytes, mut used) = (Zeroizing::new(vec![0; KEY_FILE]), 0);
    loop {
        let Some(room) = bytes.get_mut(used..).filter(|room| !room.is_empty()) else {
            let mut larger = Zeroizing::new(vec![0; bytes.len().saturating_mul(2)]);
            larger.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
            bytes = larger;
            continue;
        };
        match file.read(room) {
            Ok(0) => break,
            Ok(n) => used = used.saturating_add(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(used);
    Ok(bytes)
}

/// The first buffer, in bytes: enough for the PEM file of any supported key, with a chain.
const KEY_FILE: usize = 16 * 1024;

/// Why an identity could not be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReloadError {
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The files do not make an identity.
    Identity {
        /// The files at fault: the certificates, the key, both, or the OCSP response.
        files: Vec<PathBuf>,
        /// The reason.
        cause: IdentityError,
    },
    /// The identity did not come from files.
    NoFiles,
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, cause } => write!(f, "cannot read {}: {cause}", path.display()),
            Self::Identity { files, cause } => {
                for (at, file) in files.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { " and " }, file.display())?;
                }
                write!(f, ": {cause}")
            }
            Self::NoFiles => f.write_str("no files to reload: this identity was not loaded from files; use replace"),
        }
    }
}

/// Has no source: the text contains the cause.
impl std::error::Error for ReloadError {}
