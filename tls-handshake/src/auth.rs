//! Evidence: values that carry what was checked, and can be had in no other way than by the check.
//!
//! ```text
//! VerdictAnswer ─▶ PeerCertVerified ─ signature ─▶ HandshakeSignatureValid ─┐
//!                   (server: ClientAuth lets the client go without) ────────┤
//! a session's secret, an external key: in the key schedule (`tls12`, `tls13`) ─┴─▶ PeerAuth ─ Finished ─▶ Authenticated
//!                                                                                                         └─▶ application keys
//! ```
//!
//! The signature is that of CertificateVerify, or of a TLS 1.2 server's ServerKeyExchange.
//!
//! Every field is private to this file, and there is no other constructor. Forging evidence does not compile:
//!
//! ```compile_fail,E0451
//! use strata_tls_handshake::{auth::PeerCertVerified, verify::PeerChain};
//! fn send_raw_record(chain: PeerChain) -> PeerCertVerified {
//!     PeerCertVerified { chain }
//! }
//! ```
//!
//! Nor does using a verified certificate without its signature:
//!
//! ```compile_fail,E0599
//! fn skip(cert: strata_tls_handshake::auth::PeerCertVerified) {
//!     let peer = cert.into_peer();
//! }
//! ```
//!
//! Nor using it twice:
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
use tls_crypto::Digest;

use crate::error::Error;
use crate::need::VerdictAnswer;
use crate::verify::PeerChain;
use crate::verify::signature::{self, DigitallySigned, SignatureRules};

pub(crate) mod tls12;
pub(crate) mod tls13;

/// Whether a server asks its clients for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// It does not: clients are anonymous.
    #[default]
    Disabled,
    /// It asks, and a client without a certificate is accepted as anonymous.
    Optional,
    /// It asks, and refuses a client without a certificate.
    Required,
}

/// The chain was judged, and found good: for the server that we asked for, or for a client of ours.
#[derive(Debug)]
pub struct PeerCertVerified {
    chain: PeerChain,
}

impl PeerCertVerified {
    /// Takes the verdict on the chain that was asked about.
    ///
    /// # Errors
    /// [`Error::Certificate`] if the verdict is against it.
    pub(crate) fn check(verdict: VerdictAnswer) -> Result<Self, Error> {
        Ok(Self { chain: verdict.into_chain()? })
    }

    /// Checks the handshake's signature against the leaf of the chain that was judged, and no other (RFC 9846 §4.5.2,
    /// RFC 5246 §7.4.3 and §7.4.8).
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`], [`Error::BadSignature`].
    pub(crate) fn check_signature(
        mut self,
        rules: &SignatureRules,
        offered: &[SignatureScheme],
        content: &[u8],
        signed: DigitallySigned<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !offered.contains(&signed.algorithm) {
            return Err(Error::SignatureSchemeNotOffered(signed.algorithm));
        }
        let leaf = self.chain.leaf().ok_or(Error::BadSignature)?;
        signature::check(rules, leaf, content, signed)?;
        self.chain.set_signed_with(signed.algorithm);
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
        PeerAuth(PeerKind::Certificate(self.chain))
    }
}

/// How the peer proves who it is; only the way through the checks leads here.
#[derive(Debug)]
pub struct PeerAuth(PeerKind);

#[derive(Debug)]
enum PeerKind {
    Certificate(PeerChain),
    /// A client that showed no certificate, as our configuration allows.
    AnonymousClient,
    /// Whoever holds this external key.
    ExternalPsk {
        identity: Vec<u8>,
    },
}

/// Whom a session stands for: whoever was there when it began.
fn of_session(chain: Option<Arc<[CertificateDer<'static>]>>) -> PeerAuth {
    PeerAuth(chain.map_or(PeerKind::AnonymousClient, |chain| PeerKind::Certificate(PeerChain::of_session(chain))))
}

impl PeerAuth {
    /// A client that was not asked who it is, by this configuration.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`] if the configuration asks.
    pub(crate) fn not_requested(client_auth: ClientAuth, version: ProtocolVersion) -> Result<Self, Error> {
        match client_auth {
            ClientAuth::Disabled => Ok(Self(PeerKind::AnonymousClient)),
            ClientAuth::Optional | ClientAuth::Required => Err(Error::NoClientCertificate { version }),
        }
    }

    /// A client that was asked, and answered that it has no certificate.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`] if the configuration requires one.
    pub(crate) fn declined(client_auth: ClientAuth, version: ProtocolVersion) -> Result<Self, Error> {
        match client_auth {
            ClientAuth::Disabled | ClientAuth::Optional => Ok(Self(PeerKind::AnonymousClient)),
            ClientAuth::Required => Err(Error::NoClientCertificate { version }),
        }
    }

    /// Checks Finished; the result is the only key to the application keys (RFC 9846 §4.5.3).
    ///
    /// # Errors
    /// [`Error::FinishedLength`], [`Error::BadFinished`].
    pub(crate) fn check_finished(
        self,
        keys: &dyn PeerFinished,
        message: &Finished<'_>,
        transcript_hash: &Digest,
    ) -> Result<Authenticated, Error> {
        // RFC 9846 §6.2: a length out of range is decode_error, and not a wrong MAC.
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

/// Whoever holds the key of the peer's Finished.
pub(crate) trait PeerFinished {
    /// Compares in constant time.
    fn is_right(&self, transcript_hash: &Digest, received: &[u8]) -> bool;

    /// Bytes that Finished has.
    fn verify_data_len(&self, transcript_hash: &Digest) -> usize;
}

/// All that has to hold of the peer holds, for one transcript.
#[derive(Debug)]
pub struct Authenticated {
    peer: PeerAuth,
}

impl Authenticated {
    /// The peer's chain, leaf first; `None` for a client that showed none, and with an external key.
    #[must_use]
    pub fn chain(&self) -> Option<&PeerChain> {
        match &self.peer.0 {
            PeerKind::Certificate(chain) => Some(chain),
            PeerKind::AnonymousClient | PeerKind::ExternalPsk { .. } => None,
        }
    }

    /// The identity of the external key that the peer holds, if that is what it was authenticated by.
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
    fn client_stays_anonymous_only_as_configured() {
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
