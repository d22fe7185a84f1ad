//! [`ClientRuntime`]: what a client's connections use of its configuration. It verifies servers,
//! and looks up sessions to offer.

use std::sync::Arc;
use std::time::Duration;

use pki_types::{ServerName, UnixTime};
#[cfg(feature = "dangerous_configuration")]
use tls_crypto::Backend;
use tls_handshake::verify::{OcspPolicy, ServerVerifier};
use tls_handshake::{Answer, CertificateError, ClientSessionValue, ClientStart, ExternalPsk, NeedVerdict, Needs};

use crate::config::clock::TimeProvider;
use crate::identity::external_psk::ResolvesClientPsk;
use crate::identity::resolver::ResolvesClientCert;
use crate::resumption::StoresClientSessions;
#[cfg(feature = "dangerous_configuration")]
use crate::verify::server::ServerCertVerifier;

#[derive(Clone, Debug)]
pub(crate) struct ClientRuntime {
    pub(crate) trust: ServerTrust,
    pub(crate) clock: Arc<dyn TimeProvider>,
    /// Selects the identity for servers that request one.
    pub(crate) identity: Option<Arc<dyn ResolvesClientCert>>,
    pub(crate) sessions: Arc<dyn StoresClientSessions>,
    pub(crate) psks: Option<Arc<dyn ResolvesClientPsk>>,
    /// Re-verifies stored sessions if true; `None` leaves it to the verifier.
    pub(crate) reverify: Option<bool>,
    /// The requests that the application answers.
    pub(crate) deferred: Needs,
    /// The idle time after which records are short again, with dynamic record sizing.
    pub(crate) idle_reset: Option<Duration>,
}

/// Which servers a client accepts.
#[derive(Clone, Debug)]
pub(crate) enum ServerTrust {
    Policy(Arc<ServerVerifier>),
    #[cfg(feature = "dangerous_configuration")]
    Custom(Arc<dyn ServerCertVerifier>),
}

impl ServerTrust {
    /// Returns `None` for a custom verifier, whose policy is unknown.
    pub(crate) fn ocsp_policy(&self) -> Option<OcspPolicy> {
        match self {
            Self::Policy(verifier) => Some(verifier.ocsp_policy()),
            #[cfg(feature = "dangerous_configuration")]
            Self::Custom(_) => None,
        }
    }

    /// Returns a custom verifier, for this backend if it has one for it.
    #[cfg(feature = "dangerous_configuration")]
    pub(crate) fn custom(verifier: Arc<dyn ServerCertVerifier>, backend: Backend) -> Self {
        Self::Custom(verifier.for_backend(backend).unwrap_or(verifier))
    }

    pub(crate) fn wants_scts(&self) -> bool {
        match self {
            Self::Policy(verifier) => verifier.wants_scts(),
            #[cfg(feature = "dangerous_configuration")]
            Self::Custom(_) => false,
        }
    }
}

impl ClientRuntime {
    /// Verifies the server's certificates.
    pub(crate) fn verify(&self, need: NeedVerdict) -> Answer {
        let Some(now) = self.clock.now() else { return need.refuse(CertificateError::TimeUnknown) };
        match &self.trust {
            ServerTrust::Policy(verifier) => need.verify(verifier, now),
            #[cfg(feature = "dangerous_configuration")]
            ServerTrust::Custom(verifier) => {
                let result = verifier.verify_server_cert(need.chain(), need.server_name(), &need.stapled(), now);
                need.answer_at(result, now)
            }
        }
    }

    /// Returns the hash of what the current identity depends on, as part of the resumption scope.
    pub(crate) fn identity_scope(&self) -> Option<[u8; 32]> {
        self.identity.as_ref()?.session_scope()
    }

    /// Returns the external keys for this server.
    pub(crate) fn psks_for(&self, name: &ServerName<'_>) -> Vec<ExternalPsk> {
        self.psks.as_ref().map(|psks| psks.resolve(name)).unwrap_or_default()
    }

    /// Returns what a connection offers: these external keys, or a stored session of the scope that
    /// `scope_of` returns for the client's identity.
    pub(crate) fn start<'p>(
        &self,
        name: &ServerName<'_>,
        psks: &'p [ExternalPsk],
        scope_of: impl Fn(Option<&[u8; 32]>) -> [u8; 32],
    ) -> ClientStart<'p> {
        let identity_scope = self.identity_scope();
        // A session that is taken from the storage must be offered, so take it only here.
        let session = match psks.is_empty() {
            true => self.take_session(name, &scope_of(identity_scope.as_ref())),
            false => None,
        };
        ClientStart { session, external_psks: psks, identity_scope, last_group: self.sessions.group(name) }
    }

    /// Takes a session to offer to this server from the storage, and the current time. Returns
    /// `None` if there is none, its server no longer verifies, or the time is unknown.
    pub(crate) fn take_session(
        &self,
        name: &ServerName<'_>,
        scope: &[u8; 32],
    ) -> Option<(ClientSessionValue, UnixTime)> {
        let now = self.clock.now()?;
        let session = self.sessions.take(name, scope)?;
        (!self.needs_reverification() || self.reverify(&session, now)).then_some((session, now))
    }

    /// Returns whether the session's server is accepted now.
    fn reverify(&self, session: &ClientSessionValue, now: UnixTime) -> bool {
        let (chain, name) = (session.server_chain(), session.server_name());
        let result = match &self.trust {
            ServerTrust::Policy(verifier) => verifier.reverify(chain, name, now),
            #[cfg(feature = "dangerous_configuration")]
            ServerTrust::Custom(verifier) => verifier.reverify_server_cert(chain, name, now),
        };
        result.is_ok()
    }

    fn needs_reverification(&self) -> bool {
        self.reverify.unwrap_or_else(|| match &self.trust {
            ServerTrust::Policy(verifier) => verifier.needs_reverification(),
            #[cfg(feature = "dangerous_configuration")]
            ServerTrust::Custom(verifier) => verifier.needs_reverification(),
        })
    }
}
