//! [`ServedName`]: a host name or wildcard that a server presents an identity for.

use pki_types::{DnsName, ServerName};
use tls_handshake::{Identity, IdentityError, server_name};

/// A host name or a wildcard such as `*.example.com`, in lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServedName(String);

impl ServedName {
    /// # Errors
    /// [`IdentityError::BadServerName`] if it is neither a host name nor a wildcard,
    /// [`IdentityError::NotValidForName`] if it is an IP address, which clients cannot request.
    pub(crate) fn new(name: &str) -> Result<Self, IdentityError> {
        let normal = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let host = normal.strip_prefix("*.").unwrap_or(&normal);
        match server_name(host).map_err(IdentityError::BadServerName)? {
            ServerName::DnsName(_) if !host.ends_with('.') => Ok(Self(normal)),
            _ => Err(IdentityError::NotValidForName { name: name.to_owned() }),
        }
    }

    /// Returns the wildcard that matches a host name in lower case: exactly one label
    /// (RFC 9525 §6.3).
    pub(crate) fn wildcard_of(host: &str) -> Option<String> {
        let (_, domain) = host.split_once('.')?;
        Some(format!("*.{domain}"))
    }

    /// Checks that the certificate is valid for this name. For a wildcard, the certificate must
    /// contain the same wildcard.
    ///
    /// # Errors
    /// [`IdentityError::NotValidForName`], or [`IdentityError::BadLeaf`].
    pub(crate) fn check(&self, identity: &Identity) -> Result<(), IdentityError> {
        let refused = || IdentityError::NotValidForName { name: self.0.clone() };
        let leaf = identity.chain().first().ok_or_else(refused)?;
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
