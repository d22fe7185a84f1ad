//! An identity that is replaced while connections come in: when its certificate is renewed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tls_codec::{DistinguishedName, List};
use tls_handshake::{Identity, IdentityError};
use zeroize::Zeroizing;

use crate::SignatureScheme;
use crate::identity::client_hello::ClientHelloInfo;
use crate::identity::resolver::{NoIdentity, ResolvesClientCert, ResolvesServerCert};
use crate::identity::served_name::ServedName;
use crate::sync::read_mostly::ReadMostly;

/// An identity from files, which are read again when the application says so: at a signal, or every hour.
///
/// The new one takes the place of the old one at once and as a whole, for handshakes that begin from then on; no reader waits. It
/// does so only if everything about it is right: a key that is not the certificate's (renewed one without the other, or
/// half written) is an error, and the old identity stays.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{IdentityFiles, ReloadableIdentity, ServerConfig};
///
/// let identity = Arc::new(ReloadableIdentity::from_files(IdentityFiles::new("chain.pem", "key.pem"))?);
/// let config = ServerConfig::with_resolver(identity.clone());
/// // Later, after a renewal:
/// if let Err(e) = identity.reload() {
///     eprintln!("the old certificate stays: {e}");
/// }
/// # Ok::<(), strata_tls::ReloadError>(())
/// ```
pub struct ReloadableIdentity {
    present: ReadMostly<Identity>,
    files: Option<IdentityFiles>,
    /// The names under which resolvers show it, which each identity has to be valid for. Held from the reading of files until what
    /// they held is shown: of two reloads the later one's files stay.
    names: Mutex<Vec<ServedName>>,
}

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    certs: PathBuf,
    key: PathBuf,
    ocsp_response: Option<PathBuf>,
}

impl IdentityFiles {
    /// PEM files, as [`Identity::from_pem`] takes them.
    #[must_use]
    pub fn new(certs: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certs: certs.into(), key: key.into(), ocsp_response: None }
    }

    /// Staples the OCSP response (DER) in this file. It is stapled as it is: renew it before the certificates when both change.
    #[must_use]
    pub fn with_ocsp_response(mut self, file: impl Into<PathBuf>) -> Self {
        self.ocsp_response = Some(file.into());
        self
    }

    /// Reads the files. What was read of them is overwritten in memory.
    ///
    /// # Errors
    /// [`ReloadError`] if one cannot be read, or what is in them does not make an identity.
    pub fn load(&self) -> Result<Identity, ReloadError> {
        let read = |path: &Path| read_secret(path).map_err(|cause| ReloadError::File { path: path.to_owned(), cause });
        // The key may lie in either.
        let mut identity = Identity::from_pem(&read(&self.certs)?, &read(&self.key)?)?;
        if let Some(file) = &self.ocsp_response {
            identity.set_ocsp_response(Some(read(file)?.to_vec()))?;
        }
        Ok(identity)
    }
}

impl ReloadableIdentity {
    /// An identity that the application replaces itself.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { present: ReadMostly::new(identity), files: None, names: Mutex::default() }
    }

    /// The identity in these files.
    ///
    /// # Errors
    /// [`ReloadError`] if one cannot be read, or what is in them does not make an identity.
    pub fn from_files(files: IdentityFiles) -> Result<Self, ReloadError> {
        let identity = files.load()?;
        Ok(Self { present: ReadMostly::new(identity), files: Some(files), names: Mutex::default() })
    }

    /// The present identity.
    #[must_use]
    pub fn present(&self) -> Arc<Identity> {
        Arc::clone(&self.present.read().1)
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// [`ReloadError`]: the old identity stays. A certificate that is not valid for a name under which
    /// [a resolver](crate::ResolvesServerCertUsingSni::add_reloadable) shows this identity is an error too.
    pub fn reload(&self) -> Result<(), ReloadError> {
        let files = self.files.as_ref().ok_or(ReloadError::NoFiles)?;
        let names = self.names();
        self.show(&names, files.load()?)?;
        Ok(())
    }

    /// Shows this identity from now on.
    ///
    /// # Errors
    /// [`IdentityError::NotValidForName`] if a [resolver](crate::ResolvesServerCertUsingSni::add_reloadable) shows it under a name
    /// that the certificate is not valid for: the old identity stays.
    pub fn replace(&self, identity: Identity) -> Result<(), IdentityError> {
        self.show(&self.names(), identity)
    }

    /// Notes that a resolver shows it under this name, which it has to be valid for from now on.
    pub(crate) fn show_under(&self, name: &ServedName) -> Result<(), IdentityError> {
        let mut names = self.names();
        name.check(&self.present())?;
        if !names.contains(name) {
            names.push(name.clone());
        }
        Ok(())
    }

    fn show(&self, names: &[ServedName], identity: Identity) -> Result<(), IdentityError> {
        names.iter().try_for_each(|name| name.check(&identity))?;
        self.present.replace(identity);
        Ok(())
    }

    fn names(&self) -> MutexGuard<'_, Vec<ServedName>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for ReloadableIdentity {
    fn resolve(&self, _: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        Ok(self.present())
    }

    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        Some(self.present())
    }
}

impl ResolvesClientCert for ReloadableIdentity {
    fn resolve(&self, _: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
        Some(self.present())
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some(*self.present.read().1.session_scope())
    }
}

impl fmt::Debug for ReloadableIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadableIdentity").field("present", &self.present()).field("files", &self.files).finish()
    }
}

/// Reads a file into memory that is overwritten when it is dropped, and whenever a larger one takes its place.
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

/// Room for the PEM file of any key that is supported, with a chain beside it.
const KEY_FILE: usize = 16 * 1024;

/// Why an identity was not loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReloadError {
    /// A file cannot be read.
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The files do not make an identity.
    Identity(IdentityError),
    /// The identity did not come from files.
    NoFiles,
}

impl From<IdentityError> for ReloadError {
    fn from(e: IdentityError) -> Self {
        Self::Identity(e)
    }
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, cause } => write!(f, "{} cannot be read: {cause}", path.display()),
            Self::Identity(e) => e.fmt(f),
            Self::NoFiles => {
                f.write_str("the identity did not come from files, so that there is nothing to read again")
            }
        }
    }
}

impl std::error::Error for ReloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { cause, .. } => Some(cause),
            Self::Identity(e) => Some(e),
            Self::NoFiles => None,
        }
    }
}
