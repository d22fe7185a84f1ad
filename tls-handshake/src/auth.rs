//! Evidence: values that carry what was checked, and can be had in no other way than by the check.
//!
//! ```text
//! VerdictAnswer ─▶ ServerCertVerified ─ CertificateVerify ─▶ HandshakeSignatureValid ─┐
//!                                                            (server: no client cert) ─┴─ Finished ─▶ Authenticated
//!                                                                                                      └─▶ application keys
//! ```
//!
//! Every field is private to this file, and there is no other constructor. Forging evidence does not compile:
//!
//! ```compile_fail,E0451
//! use tls_handshake::{auth::ServerCertVerified, verify::PeerChain};
//! fn forge(chain: PeerChain) -> ServerCertVerified {
//!     ServerCertVerified { chain }
//! }
//! ```
//!
//! Nor does using a verified certificate without its signature:
//!
//! ```compile_fail,E0599
//! fn skip(cert: tls_handshake::auth::ServerCertVerified) {
//!     let peer = cert.into_peer();
//! }
//! ```
//!
//! Nor using it twice:
//!
//! ```compile_fail,E0382
//! use tls_handshake::auth::*;
//! fn twice(proof: HandshakeSignatureValid) -> (PeerAuth, PeerAuth) {
//!     (proof.into_peer(), proof.into_peer())
//! }
//! ```

use tls_codec::code_points::SignatureScheme;
use tls_codec::handshake::{CertificateVerify, Finished};
use tls_crypto::Digest;

use crate::error::Error;
use crate::need::VerdictAnswer;
use crate::verify::{PeerChain, signature};

/// The chain was judged, and found good for the server that we asked for.
#[derive(Debug)]
pub struct ServerCertVerified {
    chain: PeerChain,
}

impl ServerCertVerified {
    /// Takes the verdict on the chain that was asked about.
    ///
    /// # Errors
    /// [`Error::Certificate`] if the verdict is against it.
    pub(crate) fn check(verdict: VerdictAnswer) -> Result<Self, Error> {
        Ok(Self { chain: verdict.into_chain()? })
    }

    /// Checks CertificateVerify against the leaf of the chain that was judged, and no other (RFC 9846 §4.5.2).
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::BadSignature`].
    pub(crate) fn check_signature(
        self,
        message: &CertificateVerify<'_>,
        offered: &[SignatureScheme],
        transcript_hash: &Digest,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !offered.contains(&message.algorithm) {
            return Err(Error::SignatureSchemeNotOffered(message.algorithm));
        }
        let leaf = self.chain.leaf().ok_or(Error::NoCertificate)?;
        let signed = signature::server_content(transcript_hash);
        signature::check(message.algorithm, leaf, signed.as_ref(), message.signature)?;
        Ok(HandshakeSignatureValid { chain: self.chain })
    }
}

/// The leaf of the judged chain signed this very transcript.
#[derive(Debug)]
pub struct HandshakeSignatureValid {
    chain: PeerChain,
}

impl HandshakeSignatureValid {
    /// What is known of the peer now.
    #[must_use]
    pub fn into_peer(self) -> PeerAuth {
        PeerAuth(Kind::Certificate(self.chain))
    }
}

/// How the peer proves who it is; only the way through the checks leads here.
#[derive(Debug)]
pub struct PeerAuth(Kind);

#[derive(Debug)]
enum Kind {
    Certificate(PeerChain),
    /// A client that we did not ask for a certificate.
    AnonymousClient,
}

impl PeerAuth {
    /// A client that was not asked who it is. Servers alone can use it: a client's states take a
    /// [`HandshakeSignatureValid`].
    pub(crate) fn anonymous_client() -> Self {
        Self(Kind::AnonymousClient)
    }

    /// Checks Finished; the result is the only key to the application keys (RFC 9846 §4.5.3).
    ///
    /// # Errors
    /// [`Error::BadFinished`].
    pub(crate) fn check_finished(
        self,
        keys: &dyn PeerFinished,
        message: &Finished<'_>,
        transcript_hash: &Digest,
    ) -> Result<Authenticated, Error> {
        if keys.is_right(transcript_hash, message.verify_data) {
            Ok(Authenticated { peer: self })
        } else {
            Err(Error::BadFinished)
        }
    }
}

/// Whoever holds the key of the peer's Finished.
pub(crate) trait PeerFinished {
    /// Compares in constant time.
    fn is_right(&self, transcript_hash: &Digest, received: &[u8]) -> bool;
}

/// All that has to hold of the peer holds, for one transcript.
#[derive(Debug)]
pub struct Authenticated {
    peer: PeerAuth,
}

impl Authenticated {
    /// The peer's chain, leaf first; `None` for a client that was not asked for one.
    #[must_use]
    pub fn chain(&self) -> Option<&PeerChain> {
        match &self.peer.0 {
            Kind::Certificate(chain) => Some(chain),
            Kind::AnonymousClient => None,
        }
    }
}
