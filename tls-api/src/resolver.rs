//! Choosing the identity to show: a server's for a ClientHello, a client's for a server that asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use pki_types::{DnsName, ServerName};
use tls_handshake::{Identity, IdentityError};

use crate::SignatureScheme;
use crate::client_hello::ClientHelloInfo;

/// Chooses the identity that a server shows to a client.
///
/// It is asked during the handshake, and has to answer at once.
pub trait ResolvesServerCert: fmt::Debug + Send + Sync {
    /// The identity for this client; `None` ends the handshake with the alert unrecognized_name.
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Option<Arc<Identity>>;
}

/// Chooses the identity that a client shows to a server that asks for one.
///
/// It is asked during the handshake, and has to answer at once.
///
/// ```
/// use std::sync::Arc;
/// use tls_api::{Identity, ResolvesClientCert, SignatureScheme};
///
/// /// Shows itself to the servers of one organisation alone: `name` is that of its authority, in DER.
/// #[derive(Debug)]
/// struct ForColleagues {
///     name: Vec<u8>,
///     identity: Arc<Identity>,
/// }
///
/// impl ResolvesClientCert for ForColleagues {
///     fn resolve(&self, authorities: &[Vec<u8>], _: &[SignatureScheme]) -> Option<Arc<Identity>> {
///         authorities.contains(&self.name).then(|| Arc::clone(&self.identity))
///     }
/// }
/// ```
pub trait ResolvesClientCert: fmt::Debug + Send + Sync {
    /// The identity for a server that names these authorities (DER; perhaps none), and accepts these signature schemes of
    /// this client. `None`, or an identity that can sign with none of them, tells the server that there is no
    /// certificate; whether that is the end, the server decides.
    fn resolve(&self, authorities: &[Vec<u8>], schemes: &[SignatureScheme]) -> Option<Arc<Identity>>;
}

/// The same identity for all.
#[derive(Debug)]
pub(crate) struct OneIdentity(pub(crate) Arc<Identity>);

impl ResolvesServerCert for OneIdentity {
    fn resolve(&self, _: &ClientHelloInfo<'_>) -> Option<Arc<Identity>> {
        Some(Arc::clone(&self.0))
    }
}

impl ResolvesClientCert for OneIdentity {
    fn resolve(&self, _: &[Vec<u8>], _: &[SignatureScheme]) -> Option<Arc<Identity>> {
        Some(Arc::clone(&self.0))
    }
}

/// Chooses by the host name that the client asks for.
///
/// ```
/// # fn identities() -> (tls_api::Identity, tls_api::Identity) {
/// #     let make = |name: &str| {
/// #         let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
/// #         tls_api::identity_from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap()
/// #     };
/// #     (make("a.example"), make("b.example"))
/// # }
/// use std::sync::Arc;
/// use tls_api::{ResolvesServerCertUsingSni, ServerConfig};
///
/// let (a, b) = identities();
/// let mut resolver = ResolvesServerCertUsingSni::new();
/// resolver.add("a.example", a)?;
/// assert!(resolver.add("a.example", b).is_err(), "a certificate for another name");
/// let config = ServerConfig::with_resolver(Arc::new(resolver));
/// # Ok::<(), tls_api::IdentityError>(())
/// ```
#[derive(Debug, Default)]
pub struct ResolvesServerCertUsingSni {
    /// By the name in lower case.
    by_name: HashMap<String, Arc<Identity>>,
    default: Option<Arc<Identity>>,
}

impl ResolvesServerCertUsingSni {
    /// Knows no name yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows this identity to clients that ask for this host name, in whatever case. Replaces an earlier one.
    ///
    /// # Errors
    /// [`IdentityError::NotValidForName`] if the certificate is not valid for the name, or the name is none.
    pub fn add(&mut self, name: &str, identity: Identity) -> Result<(), IdentityError> {
        let refused = || IdentityError::NotValidForName { name: name.to_owned() };
        let host = DnsName::try_from(name).map_err(|_| refused())?;
        let leaf = identity.chain().first().ok_or(IdentityError::NoCertificate)?;
        let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|e| IdentityError::BadLeaf(e.to_string()))?;
        leaf.verify_is_valid_for_subject_name(&ServerName::DnsName(host)).map_err(|_| refused())?;
        self.by_name.insert(name.to_ascii_lowercase(), Arc::new(identity));
        Ok(())
    }

    /// Shows this identity to clients that ask for no name, or for one that is not known here.
    pub fn set_default(&mut self, identity: Identity) {
        self.default = Some(Arc::new(identity));
    }
}

impl ResolvesServerCert for ResolvesServerCertUsingSni {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Option<Arc<Identity>> {
        let asked = hello.server_name().map(str::to_ascii_lowercase);
        asked.and_then(|name| self.by_name.get(&name)).or(self.default.as_ref()).cloned()
    }
}
