//! Choosing the identity to show: a server's for a ClientHello, a client's for a server that asks.

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

/// Chooses the identity that a server shows to a client.
///
/// It is asked during the handshake, and has to answer at once.
pub trait ResolvesServerCert: fmt::Debug + Send + Sync {
    /// Returns the identity for this client.
    ///
    /// A session is resumed only while this is an identity with the [scope](Identity::session_scope) of the one that the session began
    /// with: it is asked for a client that wants to resume as well.
    ///
    /// # Errors
    /// [`NoIdentity`] ends the handshake with the alert that it chooses.
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity>;

    /// Returns the identity if it is the same for every client at present: a resumption is then spared the parsing of its ClientHello.
    /// Default: `None`.
    fn resolve_for_all(&self) -> Option<Arc<Identity>> {
        None
    }
}

/// Says that a server has no identity for a client. Default: told by the alert unrecognized_name, or by handshake_failure where an
/// external pre-shared key would have done without an identity.
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
    /// Tells the client by this alert. close_notify and the warnings user_canceled and no_renegotiation, which refuse nothing, cannot be
    /// chosen: unrecognized_name is sent then.
    #[must_use]
    pub const fn with_alert(alert: AlertDescription) -> Self {
        Self { alert: Some(alert) }
    }
}

/// Chooses the identity that a client shows to a server that asks for one.
///
/// It is asked during the handshake, and has to answer at once.
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::codec::{DistinguishedName, List};
/// use strata_tls::{Identity, ResolvesClientCert, SignatureScheme};
///
/// /// Shows itself to the servers of one organisation alone: `name` is that of its authority, in DER.
/// #[derive(Debug)]
/// struct ForColleagues {
///     name: Vec<u8>,
///     identity: Arc<Identity>,
/// }
///
/// impl ResolvesClientCert for ForColleagues {
///     fn resolve(&self, authorities: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
///         authorities.contains(DistinguishedName(&self.name)).then(|| Arc::clone(&self.identity))
///     }
/// }
/// ```
pub trait ResolvesClientCert: fmt::Debug + Send + Sync {
    /// The identity for a server that names these authorities (DER; perhaps none), and accepts these signature schemes of
    /// this client. `None`, or an identity that can sign with none of them, tells the server that there is no
    /// certificate; whether that is the end, the server decides.
    fn resolve(
        &self,
        authorities: List<'_, DistinguishedName<'_>>,
        schemes: &[SignatureScheme],
    ) -> Option<Arc<Identity>>;

    /// Returns a hash over all that the choice depends on now. A session is resumed only where the resolver returns the hash that it
    /// returned when the connection of that session began: return another one as soon as the choice changes. Default: `None`, which
    /// ends resumption with servers that ask for a certificate, and binds other sessions to the configuration that has this
    /// resolver, and its clones.
    ///
    /// Called for each connection when it begins, and when a server asks for a certificate: it must return quickly.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// The same identity for all, which each connection counts itself in.
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

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some(*self.0.original().session_scope())
    }
}

/// Several identities, of which the first that a client can verify is shown: RSA and ECDSA side by side. If it can verify none, the
/// first is shown, and the handshake ends with an error that says so.
#[derive(Debug)]
pub(crate) struct FirstCompatible(Vec<PerThread<Identity>>);

impl FirstCompatible {
    /// In order of preference.
    pub(crate) fn new(identities: impl IntoIterator<Item = Identity>) -> Self {
        Self(identities.into_iter().map(PerThread::new).collect())
    }
}

impl ResolvesServerCert for FirstCompatible {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        let usable = self.0.iter().find(|identity| hello.can_verify(identity.original()));
        usable.or(self.0.first()).map(PerThread::for_this_thread).ok_or(NoIdentity::default())
    }
}

/// Chooses by the host name that the client asks for; of several identities with that name by what the client can verify.
///
/// A name can be a wildcard such as `*.example.com`, which stands for one label: `a.example.com`, and neither `example.com`
/// nor `a.b.example.com` (RFC 9525 §6.3). What was added for the exact name comes first. Case and a trailing dot do not matter.
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
    /// By what [`ServedName`] makes of the name.
    by_name: HashMap<String, Vec<Shown>>,
    default: Vec<Shown>,
}

/// What is shown under a name.
#[derive(Clone, Debug)]
enum Shown {
    Always(Arc<Identity>),
    AtPresent(Arc<ReloadableIdentity>),
}

impl Shown {
    fn present(&self) -> Arc<Identity> {
        match self {
            Self::Always(identity) => Arc::clone(identity),
            Self::AtPresent(identity) => identity.present(),
        }
    }
}

impl ResolvesServerCertUsingSni {
    /// Knows no name yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows this identity to clients that ask for this host name, or for one that this wildcard stands for. A name can have several,
    /// with keys of different kinds, in order of preference; one with the same signature schemes replaces the earlier one.
    ///
    /// # Errors
    /// [`IdentityError::NotValidForName`] if the certificate is not valid for the name (for a wildcard: does not have the same one),
    /// or the name is neither.
    pub fn add(&mut self, name: &str, identity: Identity) -> Result<(), IdentityError> {
        let name = ServedName::new(name)?;
        name.check(&identity)?;
        self.put(name, Shown::Always(Arc::new(identity)));
        Ok(())
    }

    /// Does the same with an identity that is replaced while it is shown, as often as it is. For as long as it
    /// lives, it can be replaced only by one that is valid for the name too.
    ///
    /// # Errors
    /// As [`add`](Self::add), by the present certificate.
    pub fn add_reloadable(&mut self, name: &str, identity: Arc<ReloadableIdentity>) -> Result<(), IdentityError> {
        let name = ServedName::new(name)?;
        identity.show_under(&name)?;
        self.put(name, Shown::AtPresent(identity));
        Ok(())
    }

    /// Shows this identity to clients that ask for no name, or for one that is not known here; without any such identity they are
    /// refused with unrecognized_name. There can be several, as for a name.
    pub fn add_default(&mut self, identity: Identity) {
        put(&mut self.default, Shown::Always(Arc::new(identity)));
    }

    /// Does the same with an identity that is replaced while it is shown.
    pub fn add_default_reloadable(&mut self, identity: Arc<ReloadableIdentity>) {
        put(&mut self.default, Shown::AtPresent(identity));
    }

    fn put(&mut self, name: ServedName, shown: Shown) {
        put(self.by_name.entry(name.into_string()).or_default(), shown);
    }

    /// What is shown for a name: for the name itself, for its wildcard, or for all others.
    fn named(&self, name: Option<&str>) -> &[Shown] {
        let by_name = |name: &str| {
            let name = name.to_ascii_lowercase();
            self.by_name.get(&name).or_else(|| self.by_name.get(&ServedName::wildcard_of(&name)?))
        };
        name.and_then(by_name).unwrap_or(&self.default)
    }
}

fn put(known: &mut Vec<Shown>, shown: Shown) {
    let schemes = shown.present();
    match known.iter_mut().find(|known| known.present().schemes() == schemes.schemes()) {
        Some(same) => *same = shown,
        None => known.push(shown),
    }
}

impl ResolvesServerCert for ResolvesServerCertUsingSni {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        let named = self.named(hello.server_name());
        let mut present = named.iter().map(Shown::present);
        // Each is asked once, which of it is present: a reload in between changes nothing.
        let first = present.next().ok_or(NoIdentity::default())?;
        if hello.can_verify(&first) {
            return Ok(first);
        }
        Ok(present.find(|identity| hello.can_verify(identity)).unwrap_or(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_show_the_same_identity_and_count_in_different_places() {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let identity = SingleIdentity::new(Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
        let resolve = || ResolvesClientCert::resolve(&identity, List::empty(), &[]).unwrap();
        let (mine, again) = (resolve(), resolve());
        assert!(Arc::ptr_eq(&mine, &again));
        // Threads that live at the same time.
        let barrier = std::sync::Barrier::new(4);
        let others = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| (resolve(), barrier.wait()).0));
            threads.map(|thread| thread.join().unwrap())
        });
        assert!(others.iter().all(|other| other.chain() == mine.chain()));
        assert!(others.iter().any(|other| !Arc::ptr_eq(&mine, other)));
    }
}
