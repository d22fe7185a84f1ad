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
    /// Whether `chain`, leaf first and never empty, is good for `name` at the time `now`. `ocsp` is the response that the server
    /// stapled, unchecked.
    ///
    /// # Errors
    /// The reason to refuse it, which the peer is told by an alert.
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: Option<&[u8]>,
        now: UnixTime,
    ) -> Result<(), CertificateError>;
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
        _ocsp: Option<&[u8]>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        verify_server_chain(chain, &self.roots, name, now)
    }
}
