//! Requests to verify the peer's chain. `verify` has the verifiers that answer them.

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_codec::extension::SerializedSct;
use tls_codec::list::List;

use super::{Answer, AnswerKind, ConnectionId};
use crate::error::{Error, Refusal};
use crate::verify::{ChainVerifier, PeerChain, ServerVerifier, Stapled, Staples};

/// Asks a client to verify the server's chain for the name that it connects to.
///
/// The chain can be verified or rejected, also by checks of the application before
/// [`verify`](Self::verify). Accepting an unverified chain needs the feature
/// `dangerous_configuration`:
///
#[cfg_attr(not(feature = "dangerous_configuration"), doc = "```compile_fail,E0599")]
#[cfg_attr(feature = "dangerous_configuration", doc = "```")]
/// fn wave_through(need: strata_tls_handshake::NeedVerdict) -> strata_tls_handshake::Answer {
///     need.answer(Ok(()))
/// }
/// ```
#[derive(Debug)]
pub struct NeedVerdict {
    connection_id: ConnectionId,
    chain: PeerChain,
    staples: Staples,
    name: ServerName<'static>,
    ocsp_requested: bool,
}

impl NeedVerdict {
    pub(crate) fn new(
        connection_id: ConnectionId,
        chain: PeerChain,
        staples: Staples,
        name: ServerName<'static>,
        ocsp_requested: bool,
    ) -> Self {
        Self { connection_id, chain, staples, name, ocsp_requested }
    }

    /// Returns the certificates as received, leaf first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.chain.certificates()
    }

    /// Returns the name for which the certificate must be valid.
    #[must_use]
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// Returns the stapled OCSP response for the end-entity certificate, unverified (RFC 6066 §8).
    #[must_use]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.staples.ocsp_response()
    }

    /// Returns the SCTs in the extension of the end-entity certificate's entry or of ServerHello,
    /// unverified (RFC 6962 §3.3).
    #[must_use]
    pub fn signed_certificate_timestamps(&self) -> List<'_, SerializedSct<'_>> {
        self.staples.scts()
    }

    /// Returns what the server stapled to its chain.
    #[must_use]
    pub fn stapled(&self) -> Stapled<'_> {
        let stapled = Stapled::new(self.staples.ocsp_response(), self.staples.scts());
        Stapled { ocsp_requested: self.ocsp_requested, ..stapled }
    }

    /// Verifies the chain with `verifier` at `now`.
    #[must_use]
    pub fn verify(mut self, verifier: &ServerVerifier, now: UnixTime) -> Answer {
        let verdict = verifier.verify_until(self.chain(), &self.name, &self.stapled(), now);
        self.chain.set_verified(now, verdict.as_ref().ok().copied());
        self.into_answer(verdict.map(drop))
    }

    /// Rejects the chain. The handshake ends with the alert of this error.
    #[must_use]
    pub fn refuse(self, why: impl Into<Refusal>) -> Answer {
        self.into_answer(Err(why.into()))
    }

    /// Answers with a result of the application's own. `Ok` makes the end-entity key trusted for
    /// this connection: check chain, name and validity first.
    #[cfg(any(test, feature = "dangerous_configuration"))]
    #[must_use]
    pub fn answer(self, verdict: Result<(), Refusal>) -> Answer {
        self.into_answer(verdict)
    }

    /// As [`answer`](Self::answer), with the time for which the chain was verified. The session
    /// lifetime of the configuration begins then. Without it the lifetime begins when the sessions
    /// are taken.
    #[cfg(any(test, feature = "dangerous_configuration"))]
    #[must_use]
    pub fn answer_at(mut self, verdict: Result<(), Refusal>, now: UnixTime) -> Answer {
        self.chain.set_verified(now, None);
        self.into_answer(verdict)
    }

    fn into_answer(self, verdict: Result<(), Refusal>) -> Answer {
        Answer(AnswerKind::Verdict(VerdictAnswer { connection_id: self.connection_id, chain: self.chain, verdict }))
    }
}

/// Asks a server to verify a client's chain.
///
/// The server decides which clients it accepts: [`answer`](Self::answer) takes any result. The
/// handshake always checks that the client holds the end-entity key.
#[derive(Debug)]
pub struct NeedClientVerdict {
    connection_id: ConnectionId,
    chain: PeerChain,
}

impl NeedClientVerdict {
    pub(crate) fn new(connection_id: ConnectionId, chain: PeerChain) -> Self {
        Self { connection_id, chain }
    }

    /// Returns the certificates as received, leaf first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.chain.certificates()
    }

    /// Verifies the chain with `verifier` at `now`: the path to a trust anchor, validity, and
    /// client authentication as extended key usage. The application decides which client it is, and
    /// what it may do.
    #[must_use]
    pub fn verify(self, verifier: &ChainVerifier, now: UnixTime) -> Answer {
        let verdict = verifier.verify_client_until(self.chain(), now);
        self.answer_until(verdict.map(Some), now)
    }

    /// Rejects the chain. The handshake ends with the alert of this error.
    #[must_use]
    pub fn refuse(self, why: impl Into<Refusal>) -> Answer {
        self.into_answer(Err(why.into()))
    }

    /// Answers with a result of the application's own, for example a check of pinned keys. `Ok`
    /// makes the end-entity key trusted for this connection.
    ///
    /// Unlike that of [`NeedVerdict`], this needs no feature. A server that accepts an unverified
    /// chain authenticates no client, but it endangers only itself; no client sends secrets to an
    /// impostor.
    ///
    /// The lifetime of the connection's sessions begins when they are issued. Use
    /// [`answer_at`](Self::answer_at) to begin it with the verification.
    #[must_use]
    pub fn answer(self, verdict: Result<(), Refusal>) -> Answer {
        self.into_answer(verdict)
    }

    /// As [`answer`](Self::answer), with the time for which the chain was verified. The
    /// [lifetime](crate::ServerConfig::set_session_lifetime) of the connection's sessions begins
    /// then, whenever they are issued.
    #[must_use]
    pub fn answer_at(self, verdict: Result<(), Refusal>, now: UnixTime) -> Answer {
        self.answer_until(verdict.map(|()| None), now)
    }

    /// As [`answer_at`](Self::answer_at), with the time until which the result is valid, if known
    /// ([`ProvenPath::valid_until`](crate::verify::ProvenPath::valid_until)). No session of the
    /// connection lasts longer.
    #[must_use]
    pub fn answer_until(mut self, verdict: Result<Option<UnixTime>, Refusal>, now: UnixTime) -> Answer {
        self.chain.set_verified(now, verdict.as_ref().ok().copied().flatten());
        self.into_answer(verdict.map(drop))
    }

    fn into_answer(self, verdict: Result<(), Refusal>) -> Answer {
        Answer(AnswerKind::Verdict(VerdictAnswer { connection_id: self.connection_id, chain: self.chain, verdict }))
    }
}

/// A verification result with its chain. It cannot be used for another chain.
#[derive(Debug)]
pub struct VerdictAnswer {
    pub(super) connection_id: ConnectionId,
    chain: PeerChain,
    verdict: Result<(), Refusal>,
}

impl VerdictAnswer {
    pub(crate) fn into_chain(self) -> Result<PeerChain, Error> {
        self.verdict?;
        Ok(self.chain)
    }
}
