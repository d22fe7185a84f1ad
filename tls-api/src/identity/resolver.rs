//! Resolvers choose the identity to present: a server's for a ClientHello, a client's for a
//! CertificateRequest.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tls_codec::{DistinguishedName, List};
use tls_handshake::{Identity, IdentityError};

use crate::identity::client_hello::ClientHelloInfo;
use crate::identity::reloadable::ReloadableIdentity;
use crate::identity::served_name::ServedName;
use crate::sync::per_thread::PerThread;
use crate::{AlertDescription, SignatureScheme};

/// Chooses the identity that a server presents to a client.
///
/// Called during the handshake; must return quickly.
pub trait ResolvesServerCert: fmt::Debug + Send + Sync {
    /// Returns the identity for this client.
    ///
    /// Also called when a client resumes: a session is resumed only if this identity has the same
    /// [scope](Identity::session_scope) as the one that the session began with.
    ///
    /// # Errors
    /// [`NoIdentity`] ends the handshake with the alert that it chooses.
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity>;

    /// Returns the identity if it is currently the same for every client. A resumption then need
    /// not parse its ClientHello, and [`validate`](crate::ServerConfig::validate) rejects a
    /// configuration that cannot use it. Default: `None`.
    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        None
    }
}

/// Rejects a client that the server has no identity for.
///
/// Default: sends the alert unrecognized_name, or handshake_failure if the server also accepts
/// external pre-shared keys.
///
/// ```
/// use strata_tls::{AlertDescription, NoIdentity};
///
/// let banned = NoIdentity::with_alert(AlertDescription::ACCESS_DENIED);
/// assert_ne!(banned, NoIdentity::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoIdentity {
    pub(crate) alert: Option<AlertDescription>,
}

impl NoIdentity {
    /// Sends this alert instead. close_notify, user_canceled and no_renegotiation do not reject
    /// anything: for them unrecognized_name is sent.
    #[must_use]
    pub const fn with_alert(alert: AlertDescription) -> Self {
        Self { alert: Some(alert) }
    }
}

/// Chooses the identity that a client presents to a server that requests one.
///
/// Called during the handshake; must return quickly.
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::codec::{DistinguishedName, List};
/// use strata_tls::{Identity, ResolvesClientCert, SignatureScheme};
///
/// /// Presents an identity only to servers that accept one CA: `name` is its subject, in DER.
/// #[derive(Debug)]
/// struct OnlyForCa {
///     name: Vec<u8>,
///     identity: Arc<Identity>,
/// }
///
/// impl ResolvesClientCert for OnlyForCa {
///     fn resolve(&self, cas: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
///         cas.contains(DistinguishedName(&self.name)).then(|| Arc::clone(&self.identity))
///     }
/// }
/// ```
pub trait ResolvesClientCert: fmt::Debug + Send + Sync {
    /// Returns the identity for a server that accepts these CAs (subjects in DER, may be empty) and
    /// these signature schemes.
    ///
    /// `None`, or an identity that supports none of the schemes, sends an empty Certificate
    /// message. The server then decides whether the handshake goes on.
    fn resolve(&self, cas: List<'_, DistinguishedName<'_>>, schemes: &[SignatureScheme]) -> Option<Arc<Identity>>;

    /// Returns the identity if it is currently the same for every server. Then
    /// [`validate`](crate::ClientConfig::validate) and new sessions reject a configuration that
    /// cannot use it. Default: `None`.
    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        None
    }

    /// Returns a hash of everything the choice currently depends on. Return another hash as soon as
    /// the choice changes: a session is resumed only under the hash that it began with.
    ///
    /// Called when a connection begins, and when a server requests a certificate; must return
    /// quickly. Default: `None`, which ends resumption with servers that request a certificate and
    /// restricts other sessions to this configuration and its clones.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// The same identity for every peer. A copy for each thread keeps its reference count off other
/// threads' cache lines.
#[derive(Debug)]
pub(crate) struct SingleIdentity(PerThread<Identity>);

impl SingleIdentity {
    pub(crate) fn new(identity: Identity) -> Self {
        Self(PerThread::new(identity))
    }
}

impl ResolvesServerCert for SingleIdentity {
    fn resolve(&self, _: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        Ok(self.0.for_this_thread())
    }

    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        Some(self.0.for_this_thread())
    }
}

impl ResolvesClientCert for SingleIdentity {
    fn resolve(&self, _: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
        Some(self.0.for_this_thread())
    }

    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        Some(self.0.for_this_thread())
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some(*self.0.original().session_scope())
    }
}

/// Presents the first identity that the client can verify, for example ECDSA before RSA. If it can
/// verify none, the first one is presented, and the handshake fails with an error that says why.
#[derive(Debug)]
pub(crate) struct FirstCompatible(Vec<PerThread<Identity>>);

impl FirstCompatible {
    /// Takes the identities in order of preference.
    pub(crate) fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        Self(identities.into_iter().map(PerThread::new).collect())
    }
}

impl ResolvesServerCert for FirstCompatible {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        let compatible = self.0.iter().find(|identity| hello.can_verify(identity.original()));
        compatible.or(self.0.first()).map(PerThread::for_this_thread).ok_or(NoIdentity::default())
    }
}

/// Chooses by the requested host name (SNI). Of several identities for a name, the first that the
/// client can verify is presented.
///
/// A name can be a wildcard such as `*.example.com`, which matches one label: `a.example.com`, but
/// not `example.com` or `a.b.example.com` (RFC 9525 §6.3). An exact name takes precedence. Case and
/// a trailing dot are ignored.
///
/// ```
/// # fn identities() -> (strata_tls::Identity, strata_tls::Identity) {
/// #     let make = |name: &str| {
/// #         let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
/// #         strata_tls::Identity::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap()
/// #     };
/// #     (make("a.example"), make("b.example"))
/// # }
/// use std::sync::Arc;
/// use strata_tls::{ResolvesServerCertUsingSni, ServerConfig};
///
/// let (a, b) = identities();
/// let mut resolver = ResolvesServerCertUsingSni::new();
/// resolver.add("a.example", a)?;
/// assert!(resolver.add("a.example", b).is_err(), "a certificate for another name");
/// let config = ServerConfig::with_resolver(Arc::new(resolver));
/// # Ok::<(), strata_tls::IdentityError>(())
/// ```
#[derive(Debug, Default)]
pub struct ResolvesServerCertUsingSni {
    /// Keys are normalized by [`ServedName`].
    by_name: HashMap<String, Vec<Source>>,
    default: Vec<Source>,
}

/// The source of an identity.
#[derive(Clone, Debug)]
enum Source {
    Fixed(Arc<Identity>),
    Reloadable(Arc<ReloadableIdentity>),
}

impl Source {
    fn current(&self) -> Arc<Identity> {
        match self {
            Self::Fixed(identity) => Arc::clone(identity),
            Self::Reloadable(identity) => identity.current(),
        }
    }
}

impl ResolvesServerCertUsingSni {
    /// Creates a resolver without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Presents `identity` to clients that request this host name, or one that this wildcard
    /// matches.
    ///
    /// A name can have several identities with keys of different kinds, in order of preference. One
    /// with the same signature schemes replaces the earlier one.
    ///
    /// # Errors
    /// [`IdentityError::BadServerName`] if `name` is neither a host name nor a wildcard.
    /// [`IdentityError::NotValidForName`] if it is an IP address, or if the certificate is not
    /// valid for it. For a wildcard, the certificate must contain the same one.
    pub fn add(&mut self, name: &str, identity: Identity) -> Result<(), IdentityError> {
        let name = ServedName::new(name)?;
        name.check(&identity)?;
        self.insert(name, Source::Fixed(Arc::new(identity)));
        Ok(())
    }

    /// Adds an identity that can be reloaded. From then on, it accepts only certificates that are
    /// valid for the name.
    ///
    /// # Errors
    /// As [`add`](Self::add), for the current certificate.
    pub fn add_reloadable(&mut self, name: &str, identity: Arc<ReloadableIdentity>) -> Result<(), IdentityError> {
        let name = ServedName::new(name)?;
        identity.add_name(&name)?;
        self.insert(name, Source::Reloadable(identity));
        Ok(())
    }

    /// Presents `identity` to clients without SNI, or with a name that was not added. Several can
    /// be added, as for a name. Default: none; such clients are rejected with unrecognized_name.
    pub fn add_default(&mut self, identity: Identity) {
        insert(&mut self.default, Source::Fixed(Arc::new(identity)));
    }

    /// Adds a default identity that can be reloaded.
    pub fn add_default_reloadable(&mut self, identity: Arc<ReloadableIdentity>) {
        insert(&mut self.default, Source::Reloadable(identity));
    }

    fn insert(&mut self, name: ServedName, source: Source) {
        insert(self.by_name.entry(name.into_string()).or_default(), source);
    }

    /// Returns the identities of the exact name, else of its wildcard, else the default ones.
    fn sources(&self, name: Option<&str>) -> &[Source] {
        let by_name = |name: &str| {
            let name = name.to_ascii_lowercase();
            self.by_name.get(&name).or_else(|| self.by_name.get(&ServedName::wildcard_of(&name)?))
        };
        name.and_then(by_name).unwrap_or(&self.default)
    }
}

fn insert(sources: &mut Vec<Source>, source: Source) {
    let identity = source.current();
    match sources.iter_mut().find(|other| other.current().schemes() == identity.schemes()) {
        Some(same) => *same = source,
        None => sources.push(source),
    }
}

impl ResolvesServerCert for ResolvesServerCertUsingSni {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        let sources = self.sources(hello.server_name());
        // `current` is called once for each, so that a reload in between changes nothing.
        let mut identities = sources.iter().map(Source::current);
        let first = identities.next().ok_or(NoIdentity::default())?;
        if hello.can_verify(&first) {
            return Ok(first);
        }
        Ok(identities.find(|identity| hello.can_verify(identity)).unwrap_or(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_an_identity_but_not_its_reference_count() {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let identity = SingleIdentity::new(Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
        let resolve = || ResolvesClientCert::resolve(&identity, List::empty(), &[]).unwrap();
        let (mine, again) = (resolve(), resolve());
        assert!(Arc::ptr_eq(&mine, &again));
        // At the same time, so that no thread reuses another's slot.
        let barrier = std::sync::Barrier::new(4);
        let others = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| (resolve(), barrier.wait()).0));
            threads.map(|thread| thread.join().unwrap())
        });
        assert!(others.iter().all(|other| other.chain() == mine.chain()));
        assert!(others.iter().any(|other| !Arc::ptr_eq(&mine, other)));
    }
}
