//! Evidence types: values that exist only after the check that they name has succeeded.
//!
//! ```text
//! VerdictAnswer ─▶ PeerCertVerified ─ signature ─▶ HandshakeSignatureValid ─┐
//! no client certificate, allowed by ClientAuth (server) ────────────────────┤
//! session secret (`tls12_session`), key with its binder (`psk_binder`) ─────┤
//!                                                                           ▼
//!                      application keys ◀─ Authenticated ◀─ Finished ─ PeerAuth
//! ```
//!
//! The signature is that of CertificateVerify, or of ServerKeyExchange from a TLS 1.2 server.
//!
//! All fields are private to this file, which has the only constructors. Forging evidence does not
//! compile:
//!
//! ```compile_fail,E0451
//! use strata_tls_handshake::{auth::PeerCertVerified, verify::PeerChain};
//! fn send_raw_record(chain: PeerChain) -> PeerCertVerified {
//!     PeerCertVerified { chain }
//! }
//! ```
//!
//! Using a verified certificate without its signature does not compile:
//!
//! ```compile_fail,E0599
//! fn skip(cert: strata_tls_handshake::auth::PeerCertVerified) {
//!     let peer = cert.into_peer();
//! }
//! ```
//!
//! Using a signature twice does not compile:
//!
//! ```compile_fail,E0382
//! use strata_tls_handshake::auth::*;
//! fn twice(proof: HandshakeSignatureValid) -> (PeerAuth, PeerAuth) {
//!     (proof.into_peer(), proof.into_peer())
//! }
//! ```

use std::sync::Arc;

use pki_types::CertificateDer;
use tls_codec::code_points::{ProtocolVersion, SignatureScheme};
use tls_codec::handshake::Finished;
use tls_crypto::{Backend, Digest};

use crate::error::Error;
use crate::need::VerdictAnswer;
use crate::verify::PeerChain;
use crate::verify::signature::{self, DigitallySigned, SignatureRules};

pub(crate) mod psk_binder;
pub(crate) mod tls12_session;

/// The server's policy on client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Requests none: clients are anonymous.
    #[default]
    Disabled,
    /// Requests one, and accepts clients without it as anonymous.
    Optional,
    /// Requests one, and rejects clients without it.
    Required,
}

/// The peer's chain is verified: for the name that the client connects to, or as a client's chain.
#[derive(Debug)]
pub struct PeerCertVerified {
    chain: PeerChain,
}

impl PeerCertVerified {
    /// Takes the chain from the verification result.
    ///
    /// # Errors
    /// [`Error::Certificate`] if the chain was rejected.
    pub(crate) fn check(verdict: VerdictAnswer) -> Result<Self, Error> {
        Ok(Self { chain: verdict.into_chain()? })
    }

    /// Verifies the handshake signature with the end-entity certificate of the verified chain (RFC
    /// 9846 §4.5.2, RFC 5246 §7.4.3 and §7.4.8).
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`],
    /// [`Error::BadSignature`].
    pub(crate) fn check_signature(
        mut self,
        backend: Backend,
        rules: &SignatureRules,
        offered: &[SignatureScheme],
        content: &[u8],
        signed: DigitallySigned<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !offered.contains(&signed.algorithm) {
            return Err(Error::SignatureSchemeNotOffered(signed.algorithm));
        }
        let Some(leaf) = self.chain.leaf() else { return Err(Error::BadSignature) };
        signature::check(backend, rules, leaf, content, signed)?;
        self.chain.set_signed_with(signed.algorithm);
        Ok(HandshakeSignatureValid { chain: self.chain })
    }
}

/// The end-entity key of the verified chain signed this transcript.
#[derive(Debug)]
pub struct HandshakeSignatureValid {
    chain: PeerChain,
}

impl HandshakeSignatureValid {
    /// Returns the peer's authentication, which Finished must confirm.
    #[must_use]
    pub fn into_peer(self) -> PeerAuth {
        PeerAuth(PeerKind::Certificate(self.chain))
    }
}

/// The peer's authentication before its Finished. Only the checks of this file create it.
#[derive(Debug)]
pub struct PeerAuth(PeerKind);

#[derive(Debug)]
enum PeerKind {
    Certificate(PeerChain),
    /// A client without a certificate, which the configuration allows.
    AnonymousClient,
    /// A peer that holds this external key.
    ExternalPsk {
        identity: Vec<u8>,
    },
}

/// Returns the authentication of the full handshake that began the session.
fn of_session(chain: Option<Arc<[CertificateDer<'static>]>>) -> PeerAuth {
    PeerAuth(chain.map_or(PeerKind::AnonymousClient, |chain| PeerKind::Certificate(PeerChain::of_session(chain))))
}

impl PeerAuth {
    /// Creates an anonymous client that was not asked for a certificate.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`] if the configuration requests one.
    pub(crate) fn not_requested(client_auth: ClientAuth, version: ProtocolVersion) -> Result<Self, Error> {
        match client_auth {
            ClientAuth::Disabled => Ok(Self(PeerKind::AnonymousClient)),
            ClientAuth::Optional | ClientAuth::Required => Err(Error::NoClientCertificate { version }),
        }
    }

    /// Creates an anonymous client that sent an empty Certificate.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`] if the configuration requires one.
    pub(crate) fn declined(client_auth: ClientAuth, version: ProtocolVersion) -> Result<Self, Error> {
        match client_auth {
            ClientAuth::Disabled | ClientAuth::Optional => Ok(Self(PeerKind::AnonymousClient)),
            ClientAuth::Required => Err(Error::NoClientCertificate { version }),
        }
    }

    /// Checks Finished. Only the result unlocks the application keys (RFC 9846 §4.5.3).
    ///
    /// # Errors
    /// [`Error::FinishedLength`], [`Error::BadFinished`].
    pub(crate) fn check_finished(
        self,
        keys: &dyn PeerFinished,
        message: &Finished<'_>,
        transcript_hash: &Digest,
    ) -> Result<Authenticated, Error> {
        // RFC 9846 §6.2: a wrong length is decode_error; a wrong MAC is decrypt_error.
        let (got, expected) = (message.verify_data.len(), keys.verify_data_len(transcript_hash));
        if got != expected {
            return Err(Error::FinishedLength { got, expected });
        }
        if keys.is_right(transcript_hash, message.verify_data) {
            Ok(Authenticated { peer: self })
        } else {
            Err(Error::BadFinished)
        }
    }
}

/// A key schedule that can check the peer's Finished.
pub(crate) trait PeerFinished {
    /// Compares in constant time.
    fn is_right(&self, transcript_hash: &Digest, received: &[u8]) -> bool;

    /// Returns the length of Finished's verify_data, in bytes.
    fn verify_data_len(&self, transcript_hash: &Digest) -> usize;
}

/// The peer is fully authenticated for one transcript.
#[derive(Debug)]
pub struct Authenticated {
    peer: PeerAuth,
}

impl Authenticated {
    /// Returns the peer's chain, leaf first. `None` for a client without one, and with an external
    /// key.
    #[must_use]
    pub fn chain(&self) -> Option<&PeerChain> {
        match &self.peer.0 {
            PeerKind::Certificate(chain) => Some(chain),
            PeerKind::AnonymousClient | PeerKind::ExternalPsk { .. } => None,
        }
    }

    /// Returns the identity of the external key that authenticated the peer, if one did.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        match &self.peer.0 {
            PeerKind::ExternalPsk { identity } => Some(identity),
            PeerKind::Certificate(_) | PeerKind::AnonymousClient => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_client_is_accepted_only_if_configured() {
        for version in [ProtocolVersion::TLS12, ProtocolVersion::TLS13] {
            let missing = Error::NoClientCertificate { version };
            for (client_auth, not_asked, declined) in [
                (ClientAuth::Disabled, Ok(()), Ok(())),
                (ClientAuth::Optional, Err(missing.clone()), Ok(())),
                (ClientAuth::Required, Err(missing.clone()), Err(missing.clone())),
            ] {
                assert_eq!(PeerAuth::not_requested(client_auth, version).map(|_| ()), not_asked, "{client_auth:?}");
                assert_eq!(PeerAuth::declined(client_auth, version).map(|_| ()), declined, "{client_auth:?}");
            }
        }
    }
}
