//! A verifier of the application, in place of the default one for server certificates, which is in
//! the engine's `verify/server`.

use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_crypto::Backend;
use tls_handshake::Refusal;
use tls_handshake::verify::{ServerVerifier, Stapled};

/// Verifies a server's certificate chain in place of [`ServerVerifier`]. Setting one takes the
/// feature `dangerous_configuration`; to add a check, use [`CheckPath`](crate::CheckPath) instead.
///
/// The signature that proves possession of the leaf's key is always checked, whatever the verifier
/// returns.
pub trait ServerCertVerifier: fmt::Debug + Send + Sync {
    /// Verifies `chain`, leaf first and never empty, for `name` at the time `now`.
    ///
    /// # Errors
    /// The reason to reject it, which the server receives as an alert.
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal>;

    /// Verifies the chain of a stored session again before it is offered
    /// ([`set_reverify_on_resumption`](crate::ClientConfig::set_reverify_on_resumption)). Stapled
    /// data is not stored. Default: calls [`verify_server_cert`](Self::verify_server_cert) as for a
    /// server that was not asked to staple.
    ///
    /// # Errors
    /// The reason to discard the session.
    fn reverify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.verify_server_cert(chain, name, &Stapled::default(), now)
    }

    /// Returns this verifier with another backend, which checks the signatures of certificates. A
    /// configuration calls it when its backend or verifier is set. Default: `None`, which keeps
    /// this verifier.
    fn for_backend(&self, _backend: Backend) -> Option<Arc<dyn ServerCertVerifier>> {
        None
    }

    /// Returns whether a stored server chain is verified again before its session is offered.
    /// [`set_reverify_on_resumption`](crate::ClientConfig::set_reverify_on_resumption) overrides
    /// it. Default: `true`.
    fn needs_reverification(&self) -> bool {
        true
    }

    /// Returns a hash of everything the result depends on. Configurations whose verifiers return
    /// the same hash resume each other's sessions without verifying again. Called once, when the
    /// verifier is set. Default: `None`, which restricts resumption to this configuration and its
    /// clones.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// So that a verifier of the application can delegate to it.
impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.verify(chain, name, stapled, now)
    }

    fn reverify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.reverify(chain, name, now)
    }

    fn for_backend(&self, backend: Backend) -> Option<Arc<dyn ServerCertVerifier>> {
        let mut verifier = self.clone();
        verifier.set_backend(backend);
        Some(Arc::new(verifier))
    }

    fn needs_reverification(&self) -> bool {
        self.needs_reverification()
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        self.session_scope()
    }
}
