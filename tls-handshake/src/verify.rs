//! Verifies the peer's certificate chain and its handshake signature.
//!
//! ```text
//! Certificate ─▶ PeerChain ─▶ ServerVerifier: ChainVerifier, name, OCSP, SCTs
//!                         └─▶ ChainVerifier of clients: path, validity, purpose, CRLs, pins
//! CertificateVerify, ServerKeyExchange ─▶ signature: always checked, whatever verified the chain
//! ```

use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use tls_codec::code_points::SignatureScheme;
use tls_codec::extension::SerializedSct;
use tls_codec::list::List;
use tls_codec::owned::OwnedList;
use tls_codec::reader::Decode;
use tls_crypto::HashAlgorithm;

use crate::error::Error;

mod algorithm;
mod anchor_limits;
mod chain;
mod diagnosis;
mod malformed_names;
mod name_constraint;
pub(crate) mod ocsp;
mod path;
mod pins;
mod rejection_report;
mod revocation;
mod roots;
mod sct;
mod server;
pub(crate) mod signature;
mod webpki_error;
pub(crate) mod x509;

#[cfg(feature = "dangerous_configuration")]
pub use chain::VerifyPath;
pub use chain::{ChainVerifier, CheckPath, ProvenPath, Purpose};
pub use ocsp::OcspPolicy;
pub use pins::Pins;
pub use revocation::Crls;
pub(crate) use revocation::LIST_SIGNATURES;
pub use roots::RootCertStore;
pub use sct::{CtLog, CtPolicy};
#[cfg(feature = "dangerous_configuration")]
pub use server::VerifyName;
pub use server::{ServerVerifier, Stapled};

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    HashAlgorithm::Sha256.hash(bytes).as_ref().try_into().unwrap_or([0; 32])
}

/// The certificates that the peer sent, leaf first, with when and how they were verified.
#[derive(Debug)]
pub struct PeerChain {
    /// Shared with the sessions stored from this connection.
    certificates: Arc<[CertificateDer<'static>]>,
    /// The scheme that the peer signed the handshake with, once verified.
    signed_with: Option<SignatureScheme>,
    /// The time of verification, in seconds since 1970; 0 if unknown.
    verified_at: u64,
    /// The time for which the verification result stays valid after `verified_at`, in seconds; 0 if
    /// unknown.
    holds_for: u32,
}

impl PeerChain {
    /// Copies the chain of a Certificate message; `None` if it is empty.
    ///
    /// # Errors
    /// [`Error::ChainTooLong`].
    pub(crate) fn of<'a, T: Decode<'a>>(
        list: List<'a, T>,
        der: fn(T) -> &'a [u8],
        limit: usize,
    ) -> Result<Option<Self>, Error> {
        let got = list.len();
        if got > limit {
            return Err(Error::ChainTooLong { got, limit });
        }
        let mut certificates = Vec::with_capacity(got);
        for entry in list {
            certificates.push(CertificateDer::from(der(entry).to_vec()));
        }
        Ok((!certificates.is_empty()).then(|| Self::of_session(certificates.into())))
    }

    /// Returns the chain of a session, which an earlier connection verified.
    pub(crate) fn of_session(certificates: Arc<[CertificateDer<'static>]>) -> Self {
        Self { certificates, signed_with: None, verified_at: 0, holds_for: 0 }
    }

    /// Stores the time of verification, and until when the result is valid, if known.
    pub(crate) fn set_verified(&mut self, now: UnixTime, until: Option<UnixTime>) {
        self.verified_at = now.as_secs();
        let seconds = until.map(|until| until.as_secs().saturating_sub(now.as_secs()));
        self.holds_for = seconds.map_or(0, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX).max(1));
    }

    /// Returns when sessions with this chain expire, in seconds since 1970: when the first
    /// certificate or the verification result expires. `None` if a certificate's notAfter cannot be
    /// read, or there is no certificate.
    ///
    /// Counts every certificate sent, also those not on the path. A session that expires too early
    /// costs only a full handshake.
    pub(crate) fn end(&self) -> Option<u64> {
        let mut end = None;
        for certificate in &*self.certificates {
            let not_after = x509::not_after(certificate)?;
            end = Some(end.map_or(not_after, |earliest: u64| earliest.min(not_after)));
        }
        let end = end?;
        Some(if self.holds_for == 0 { end } else { end.min(self.verified_at.saturating_add(self.holds_for.into())) })
    }

    /// Returns the time of verification, at most `now`, in seconds since 1970; `now` if unknown.
    pub(crate) fn verified_at(&self, now: UnixTime) -> u64 {
        if self.verified_at == 0 { now.as_secs() } else { self.verified_at.min(now.as_secs()) }
    }

    /// Returns the time of verification, in seconds since 1970; 0 if unknown.
    pub(crate) fn verification_time(&self) -> u64 {
        self.verified_at
    }

    pub(crate) fn shared(&self) -> &Arc<[CertificateDer<'static>]> {
        &self.certificates
    }

    /// Stores the scheme of a verified handshake signature.
    pub(crate) fn set_signed_with(&mut self, scheme: SignatureScheme) {
        self.signed_with = Some(scheme);
    }

    /// Returns the scheme that the peer signed the handshake with; `None` before that, and after a
    /// resumption.
    #[must_use]
    pub fn signed_with(&self) -> Option<SignatureScheme> {
        self.signed_with
    }

    /// Returns the certificates, leaf first.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// Returns the end-entity certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.certificates.first()
    }
}

/// Data that a server stapled to its chain, unverified. Dropped once the chain is verified.
#[derive(Debug, Default)]
pub(crate) struct Staples(Option<Box<StaplesContent>>);

/// Boxed: most servers staple nothing, and each state moves it.
#[derive(Debug, Default)]
struct StaplesContent {
    ocsp_response: Option<Box<[u8]>>,
    scts: OwnedList,
}

impl Staples {
    pub(crate) fn add_ocsp_response(&mut self, response: &[u8]) {
        self.0.get_or_insert_default().ocsp_response = Some(response.into());
    }

    pub(crate) fn add_scts(&mut self, scts: List<'_, SerializedSct<'_>>) {
        self.0.get_or_insert_default().scts = OwnedList::new(scts);
    }

    pub(crate) fn ocsp_response(&self) -> Option<&[u8]> {
        self.0.as_ref()?.ocsp_response.as_deref()
    }

    pub(crate) fn scts(&self) -> List<'_, SerializedSct<'_>> {
        self.0.as_ref().map_or(List::empty(), |content| content.scts.get().unwrap_or(List::empty()))
    }
}
