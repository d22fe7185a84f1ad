//! The names that an identity is shown for.

use pki_types::{DnsName, ServerName};
use tls_handshake::{Identity, IdentityError};

/// A host name, or with `*` in the place of its first label all names of a domain: in lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServedName(String);

impl ServedName {
    /// # Errors
    /// [`IdentityError::NotValidForName`] if it is neither.
    pub(crate) fn new(name: &str) -> Result<Self, IdentityError> {
        let normal = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let host = normal.strip_prefix("*.").unwrap_or(&normal);
        match DnsName::try_from(host) {
            Ok(_) if !host.ends_with('.') => Ok(Self(normal)),
            _ => Err(IdentityError::NotValidForName { name: name.to_owned() }),
        }
    }

    /// The wildcard that stands for a host name in lower case (RFC 9525 §6.3): for its first label, and for no more.
    pub(crate) fn wildcard_of(host: &str) -> Option<String> {
        let (_, domain) = host.split_once('.')?;
        Some(format!("*.{domain}"))
    }

    /// Checks that clients accept the identity for this name; for a wildcard, that the certificate has the same one.
    ///
    /// # Errors
    /// [`IdentityError::NotValidForName`], or what is wrong with the certificate.
    pub(crate) fn check(&self, identity: &Identity) -> Result<(), IdentityError> {
        let refused = || IdentityError::NotValidForName { name: self.0.clone() };
        let leaf = identity.chain().first().ok_or(IdentityError::NoCertificate)?;
        let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|e| IdentityError::BadLeaf(e.to_string()))?;
        if self.0.starts_with('*') {
            let mut names = leaf.valid_dns_names();
            return if names.any(|name| name.eq_ignore_ascii_case(&self.0)) { Ok(()) } else { Err(refused()) };
        }
        let host = DnsName::try_from(self.0.as_str()).map_err(|_| refused())?;
        leaf.verify_is_valid_for_subject_name(&ServerName::DnsName(host)).map_err(|_| refused())
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}
