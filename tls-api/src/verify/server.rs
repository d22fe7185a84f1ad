//! Judging a server's certificates by a verifier of the application's own.

use std::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_handshake::Refusal;
use tls_handshake::verify::{ServerVerifier, Stapled};

/// Judges a server's certificate chain in place of [`ServerVerifier`], which this takes the feature `dangerous_configuration` for.
/// Whoever wants to be stricter does without: see [`CheckPath`](crate::CheckPath).
///
/// The signature that proves possession of the leaf's key is checked in any case, whatever the verifier says.
pub trait ServerCertVerifier: fmt::Debug + Send + Sync {
    /// Whether `chain`, leaf first and never empty, is good for `name` at the time `now`.
    ///
    /// # Errors
    /// The reason to refuse it, which the peer is told by an alert.
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal>;

    /// Whether the server of a session would still be found good, where a configuration asks that before it offers the session
    /// ([`set_reverify_on_resumption`](crate::ClientConfig::set_reverify_on_resumption)). What was stapled then is gone; unless this
    /// says otherwise it is judged as a server that staples nothing and was not asked to.
    ///
    /// # Errors
    /// The reason to forget the session.
    fn reverify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.verify_server_cert(chain, name, &Stapled::default(), now)
    }

    /// Returns whether a stored session is verified again before it is offered, unless
    /// [`set_reverify_on_resumption`](crate::ClientConfig::set_reverify_on_resumption) says otherwise. Default: `true`.
    fn needs_reverification(&self) -> bool {
        true
    }

    /// A hash over all that the verdict depends on: sessions with servers that it found good are resumed by every configuration whose
    /// verifier says the same, without asking it again. `None`, which it is unless this says otherwise, binds them to the
    /// configuration that has this verifier, and its clones. Asked once, when a configuration is given the verifier.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// So that a verifier can ask it.
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

    fn needs_reverification(&self) -> bool {
        self.needs_reverification()
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        self.session_scope()
    }
}
