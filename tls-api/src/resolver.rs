//! Choosing a server's identity for a ClientHello.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use pki_types::{DnsName, ServerName};
use tls_codec::handshake::ClientHello;
use tls_handshake::{Identity, IdentityError};

/// What is known of a client when an identity has to be chosen.
#[derive(Clone, Copy)]
pub struct ClientHelloInfo<'a> {
    pub(crate) server_name: Option<&'a str>,
    pub(crate) client_hello: &'a ClientHello<'a>,
}

impl<'a> ClientHelloInfo<'a> {
    /// The host name that the client asks for (SNI), as it was sent.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        self.server_name
    }

    /// The whole message: groups, signature schemes, application protocols, and what is not known to this library.
    #[must_use]
    pub fn client_hello(&self) -> &'a ClientHello<'a> {
        self.client_hello
    }
}

impl fmt::Debug for ClientHelloInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHelloInfo").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// Chooses the identity that a server shows to a client.
///
/// It is asked during the handshake, and has to answer at once.
pub trait ResolvesServerCert: fmt::Debug + Send + Sync {
    /// The identity for this client; `None` ends the handshake with the alert unrecognized_name.
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Option<Arc<Identity>>;
}

/// The same identity for all.
#[derive(Debug)]
pub(crate) struct OneIdentity(pub(crate) Arc<Identity>);

impl ResolvesServerCert for OneIdentity {
    fn resolve(&self, _: &ClientHelloInfo<'_>) -> Option<Arc<Identity>> {
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
