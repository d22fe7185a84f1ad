//! Requests of the handshake to the application. Each request owns its data, and
//! only the request can create its answer.
//!
//! ```text
//! process ─▶ Progress::Need(need) ─ across an .await or thread ─ need.answer(…) ─▶ resume(answer)
//! ```
//!
//! A request and its answer belong to one connection. Other connections reject the answer.

use std::ops::Range;
use std::sync::Arc;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_codec::code_points::{AlertDescription, PskKeyExchangeMode, SignatureScheme};
use tls_codec::error::DecodeError;
use tls_codec::extension::{DistinguishedName, SerializedSct};
use tls_codec::handshake::ClientHello;
use tls_codec::list::List;
use tls_codec::owned::ClientHelloView;
use tls_codec::owned::Owned;
use tls_codec::owned::OwnedList;

use crate::certificate_error::CertificateError;
use crate::config::ServerConfig;
use crate::error::{Error, Refusal};
use crate::identity::Identity;
use crate::negotiate::first_common;
use crate::sni;
use crate::verify::signature::SignatureRules;
use crate::verify::{ChainVerifier, PeerChain, ServerVerifier, Stapled, Staples};

mod kinds;
mod session;

pub use kinds::Needs;
pub(crate) use session::{FoundKey, NewSessionAnswer, SessionAnswer, SessionReference, TakeAnswer};
pub use session::{NeedNewSession, NeedSession, NeedTakeSession, PskCandidate};

/// A request to the application, which the handshake waits for. Each one owns its data, so it can
/// be moved to another thread or across an `.await`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Need {
    /// Look up the session or the external key that this ClientHello names.
    Session(NeedSession),
    /// Remove a single-use session from its store. The handshake is about to resume it.
    TakeSession(NeedTakeSession),
    /// Make the tickets of the new sessions.
    NewSession(NeedNewSession),
    /// Select the identity for this ClientHello.
    Identity(NeedIdentity),
    /// Select the identity to present to this server, if any.
    ClientIdentity(NeedClientIdentity),
    /// Sign with the identity's key.
    Signature(NeedSignature),
    /// Verify the server's certificate chain.
    Verdict(NeedVerdict),
    /// Verify the client's certificate chain.
    ClientVerdict(NeedClientVerdict),
}

impl Need {
    /// Returns the kind of the request: a set of one.
    #[must_use]
    pub fn kind(&self) -> Needs {
        match self {
            Self::Session(_) | Self::TakeSession(_) => Needs::SESSION,
            Self::NewSession(_) => Needs::NEW_SESSION,
            Self::Identity(_) | Self::ClientIdentity(_) => Needs::IDENTITY,
            Self::Signature(_) => Needs::SIGNATURE,
            Self::Verdict(_) | Self::ClientVerdict(_) => Needs::VERIFICATION,
        }
    }

    /// Answers no. Use it in the last arm of a `match`, for requests that the application does not
    /// expect.
    ///
    /// Without a session, a ticket or a client's certificate the handshake continues. Without a
    /// server's identity, a signature or a verified chain it ends with an error.
    ///
    /// ```
    /// use strata_tls_handshake::{Answer, Need, RootCertStore};
    /// use pki_types::UnixTime;
    /// use strata_tls_handshake::verify::ServerVerifier;
    ///
    /// fn answer(need: Need, verifier: &ServerVerifier) -> Answer {
    ///     match need {
    ///         Need::Verdict(need) => need.verify(verifier, UnixTime::now()),
    ///         other => other.refuse(),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn refuse(self) -> Answer {
        let rejection = || CertificateError::Application("the application did not verify it".to_owned());
        match self {
            Self::Session(need) => need.not_found(),
            Self::TakeSession(need) => need.gone(),
            Self::NewSession(need) => need.decline(),
            Self::Identity(need) => need.refuse(),
            Self::ClientIdentity(need) => need.decline(),
            Self::Signature(need) => need.fail(),
            Self::Verdict(need) => need.refuse(rejection()),
            Self::ClientVerdict(need) => need.refuse(rejection()),
        }
    }
}

/// The answer to a [`Need`]. Only the requests create it.
pub struct Answer(pub(crate) AnswerKind);

/// Shows only which request it answers. The content is secret or long.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            AnswerKind::Session(_) => "Answer(Session)",
            AnswerKind::TakeSession(_) => "Answer(TakeSession)",
            AnswerKind::NewSession(_) => "Answer(NewSession)",
            AnswerKind::Identity(_) => "Answer(Identity)",
            AnswerKind::ClientIdentity(_) => "Answer(ClientIdentity)",
            AnswerKind::Signature(_) => "Answer(Signature)",
            AnswerKind::Verdict(_) => "Answer(Verdict)",
        })
    }
}

#[derive(Debug)]
pub(crate) enum AnswerKind {
    Session(SessionAnswer),
    TakeSession(TakeAnswer),
    NewSession(NewSessionAnswer),
    Identity(IdentityAnswer),
    ClientIdentity(ClientIdentityAnswer),
    Signature(SignatureAnswer),
    Verdict(VerdictAnswer),
}

/// Ties an answer to its connection: the first bytes of the endpoint's own random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId([u8; 8]);

impl ConnectionId {
    pub(crate) fn of(random: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *random;
        Self([a, b, c, d, e, f, g, h])
    }

    fn check(self, answer: Self) -> Result<(), Error> {
        if self == answer { Ok(()) } else { Err(Error::WrongAnswer) }
    }
}

impl Answer {
    /// Rejects an answer that was made for another connection.
    pub(crate) fn check(&self, connection_id: ConnectionId) -> Result<(), Error> {
        connection_id.check(match &self.0 {
            AnswerKind::Session(a) => a.connection_id,
            AnswerKind::TakeSession(a) => a.connection_id,
            AnswerKind::NewSession(a) => a.connection_id,
            AnswerKind::Identity(a) => a.connection_id,
            AnswerKind::ClientIdentity(a) => a.connection_id,
            AnswerKind::Signature(a) => a.connection_id,
            AnswerKind::Verdict(a) => a.connection_id,
        })
    }
}

/// Asks a server for the identity that answers a ClientHello.
#[derive(Debug)]
pub struct NeedIdentity {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    /// True if the server has external pre-shared keys. The client named none of them.
    has_external_psks: bool,
    rules: IdentityRules,
}

/// Decides whether an identity can complete a full handshake in the selected version.
#[derive(Debug)]
pub(crate) struct IdentityRules {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) usable: fn(&ServerConfig, &ClientHello<'_>, &Identity) -> bool,
}

impl IdentityRules {
    fn allow(&self, hello: &Owned<ClientHelloView>, identity: &Identity) -> bool {
        hello.get().is_ok_and(|hello| (self.usable)(&self.config, &hello, identity))
    }
}

/// Returns the range of `part` in `whole`, from which it was decoded. Later states use it instead
/// of decoding again.
pub(crate) fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Returns whether the client resumes with a key exchange, the only mode that this library supports
/// (RFC 9846 §4.3.9).
pub(crate) fn supports_psk_dhe_ke(hello: &ClientHello<'_>) -> bool {
    hello.extensions.psk_key_exchange_modes.is_some_and(|modes| modes.contains(PskKeyExchangeMode::PSK_DHE_KE))
}

impl NeedIdentity {
    pub(crate) fn new(
        connection_id: ConnectionId,
        hello: Owned<ClientHelloView>,
        has_external_psks: bool,
        rules: IdentityRules,
    ) -> Self {
        Self { connection_id, hello, has_external_psks, rules }
    }

    /// Returns whether a handshake can be completed with this identity. Both sides must support a
    /// signature scheme for its key in the selected version. TLS 1.2 also needs a cipher suite for
    /// the key, and the client must support its curve (RFC 8422 §5.1). The handshake uses the same
    /// rules. Does not check the names in the certificate.
    #[must_use]
    pub fn can_use(&self, identity: &Identity) -> bool {
        self.rules.allow(&self.hello, identity)
    }

    /// Returns the ClientHello, including unknown extensions, in the client's order.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, DecodeError> {
        self.hello.get()
    }

    /// Returns the body of the message as received, without its header.
    #[must_use]
    pub fn raw_client_hello(&self) -> &[u8] {
        self.hello.wire()
    }

    /// Returns the host name that the client requests (SNI, RFC 6066 §3): a valid DNS name of at
    /// most 253 bytes, in the client's case and without a trailing dot. `None` if there is none, if
    /// it is an IP address, or if an invalid name [is
    /// ignored](ServerConfig::set_ignore_invalid_server_name). The name in
    /// [`client_hello`](Self::client_hello) is not checked.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        sni::host_name(&self.client_hello().ok()?)
    }

    /// Answers with this identity.
    #[must_use]
    pub fn answer(self, identity: Arc<Identity>) -> Answer {
        Answer(AnswerKind::Identity(IdentityAnswer {
            connection_id: self.connection_id,
            hello: self.hello,
            identity: Ok(identity),
        }))
    }

    /// Answers that no identity fits the name. The handshake ends with unrecognized_name. It ends
    /// with handshake_failure if the server has external pre-shared keys, which need no identity.
    #[must_use]
    pub fn refuse(self) -> Answer {
        let why = match self.has_external_psks {
            true => {
                Error::NoCommonPsk { psk_dhe_ke: self.client_hello().is_ok_and(|hello| supports_psk_dhe_ke(&hello)) }
            }
            false => return self.refuse_with(AlertDescription::UNRECOGNIZED_NAME),
        };
        self.refused(why)
    }

    /// Answers that no identity fits this client. The handshake ends with `alert`, for example
    /// access_denied. Alerts that reject nothing (close_notify, user_canceled and no_renegotiation)
    /// are replaced by unrecognized_name.
    #[must_use]
    pub fn refuse_with(self, alert: AlertDescription) -> Answer {
        let asked = self.server_name().map(str::to_owned);
        self.refused(Error::NoIdentity { asked, alert })
    }

    fn refused(self, why: Error) -> Answer {
        Answer(AnswerKind::Identity(IdentityAnswer {
            connection_id: self.connection_id,
            hello: self.hello,
            identity: Err(why),
        }))
    }
}

#[derive(Debug)]
pub(crate) struct IdentityAnswer {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    identity: Result<Arc<Identity>, Error>,
}

impl IdentityAnswer {
    /// Returns the identity with the ClientHello.
    pub(crate) fn into_parts(self) -> Result<(Arc<Identity>, Owned<ClientHelloView>), Error> {
        Ok((self.identity?, self.hello))
    }
}

/// Asks a client for the identity to present to a server that requested a certificate (RFC 9846
/// §4.4.2, RFC 5246 §7.4.4). Raised only if
/// [`ClientConfig`](crate::config::ClientConfig::set_client_identity_lookup) enables the lookup.
#[derive(Debug)]
pub struct NeedClientIdentity {
    connection_id: ConnectionId,
    authorities: OwnedList,
    schemes: Vec<SignatureScheme>,
}

impl NeedClientIdentity {
    pub(crate) fn new(connection_id: ConnectionId, authorities: OwnedList, schemes: Vec<SignatureScheme>) -> Self {
        Self { connection_id, authorities, schemes }
    }

    /// Returns the distinguished names (DER) of the CAs that the server accepts for clients. Empty
    /// if the server sent none.
    #[must_use]
    pub fn authorities(&self) -> List<'_, DistinguishedName<'_>> {
        self.authorities.get().unwrap_or(List::empty())
    }

    /// Returns the signature schemes that the server accepts from this client, in its order of
    /// preference. An identity cannot be used if [`Identity::schemes`] contains none of them.
    #[must_use]
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// Presents this identity. Presents none if it supports none of the schemes.
    #[must_use]
    pub fn answer(self, identity: Arc<Identity>) -> Answer {
        self.answered(Some(identity))
    }

    /// Presents no identity. The server decides whether to continue.
    #[must_use]
    pub fn decline(self) -> Answer {
        self.answered(None)
    }

    fn answered(self, identity: Option<Arc<Identity>>) -> Answer {
        Answer(AnswerKind::ClientIdentity(ClientIdentityAnswer {
            connection_id: self.connection_id,
            schemes: self.schemes,
            identity,
        }))
    }
}

#[derive(Debug)]
pub(crate) struct ClientIdentityAnswer {
    connection_id: ConnectionId,
    schemes: Vec<SignatureScheme>,
    identity: Option<Arc<Identity>>,
}

impl ClientIdentityAnswer {
    /// Returns the identity with the first of its schemes that the server accepts and the version
    /// allows. `None` if there is no identity, or no such scheme.
    pub(crate) fn into_chosen(self, rules: &SignatureRules) -> Option<(Arc<Identity>, SignatureScheme)> {
        let identity = self.identity?;
        let usable = |scheme: &SignatureScheme| self.schemes.contains(scheme) && rules.schemes.contains(scheme);
        let scheme = first_common(identity.schemes(), &usable)?;
        Some((identity, scheme))
    }
}

/// Asks for a signature with an identity's key, which may be in this process, a KMS or an HSM.
pub struct NeedSignature {
    connection_id: ConnectionId,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    message: Vec<u8>,
}

impl NeedSignature {
    pub(crate) fn new(
        connection_id: ConnectionId,
        identity: Arc<Identity>,
        scheme: SignatureScheme,
        message: Vec<u8>,
    ) -> Self {
        Self { connection_id, identity, scheme, message }
    }

    /// Returns the scheme to sign with.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Returns the message to sign, not its hash (RFC 9846 §4.5.2, RFC 5246 §7.4.3). It has fewer
    /// than 200 bytes, except on a TLS 1.2 client, which signs all messages of the handshake (RFC
    /// 5246 §7.4.8).
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Returns the identity whose key must sign.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Answers with the signature, in the encoding of the scheme (ECDSA: DER).
    #[must_use]
    pub fn answer(self, signature: Vec<u8>) -> Answer {
        Answer(AnswerKind::Signature(SignatureAnswer { connection_id: self.connection_id, signature: Some(signature) }))
    }

    /// Answers that signing failed. The handshake ends with internal_error.
    #[must_use]
    pub fn fail(self) -> Answer {
        Answer(AnswerKind::Signature(SignatureAnswer { connection_id: self.connection_id, signature: None }))
    }

    /// Signs with the key that the identity holds. Fails if it holds none.
    #[must_use]
    pub fn sign_locally(self) -> Answer {
        match self.identity.sign(self.scheme, &self.message) {
            Some(signature) => self.answer(signature),
            None => self.fail(),
        }
    }
}

impl std::fmt::Debug for NeedSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NeedSignature").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct SignatureAnswer {
    connection_id: ConnectionId,
    signature: Option<Vec<u8>>,
}

impl SignatureAnswer {
    pub(crate) fn into_signature(self) -> Result<Vec<u8>, Error> {
        self.signature.ok_or(Error::SignerFailed)
    }
}

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
    connection_id: ConnectionId,
    chain: PeerChain,
    verdict: Result<(), Refusal>,
}

impl VerdictAnswer {
    pub(crate) fn into_chain(self) -> Result<PeerChain, Error> {
        self.verdict?;
        Ok(self.chain)
    }
}
