//! Judging a server's certificates.

use std::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_handshake::verify::chain::verify_server_chain;
use tls_handshake::{CertificateError, RootCertStore};

/// Judges a server's certificate chain.
///
/// The signature that proves possession of the leaf's key is checked in any case, whatever the verifier says. Only with
/// the feature `dangerous_configuration` can a client be given a verifier other than [`WebPkiVerifier`].
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
    ) -> Result<(), CertificateError>;

    /// A hash over all that the verdict depends on: sessions with servers that it found good are resumed by every configuration whose
    /// verifier says the same, without asking it again. `None`, which it is unless this says otherwise, binds them to the
    /// configuration that has this verifier, and its clones. Asked once, when a configuration is given the verifier.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// What a server sent beside its certificate. Nothing of it is checked yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stapled<'a> {
    /// The OCSP response (DER, RFC 6066 §8): asked for unless
    /// [`set_ocsp_request`](crate::ClientConfig::set_ocsp_request) says otherwise.
    pub ocsp_response: Option<&'a [u8]>,
    /// The signed certificate timestamps (RFC 6962 §3.2): asked for if
    /// [`set_sct_request`](crate::ClientConfig::set_sct_request) says so.
    pub scts: &'a [Vec<u8>],
}

/// The default: a path to a trust anchor, validity, names and purpose, checked by webpki.
#[derive(Clone, Debug)]
pub struct WebPkiVerifier {
    roots: RootCertStore,
}

impl WebPkiVerifier {
    /// Accepts what these trust anchors vouch for; with none of them it accepts nothing.
    #[must_use]
    pub fn new(roots: RootCertStore) -> Self {
        Self { roots }
    }
}

impl ServerCertVerifier for WebPkiVerifier {
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        verify_server_chain(chain, &self.roots, name, now)
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some(self.roots.digest())
    }
}
