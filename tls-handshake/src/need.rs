//! What the application decides is a state as well: a question that owns everything it needs, and its answer.
//!
//! ```text
//! process ─▶ Progress::Need(need) ── across an .await or a thread ── need.answer(…) ─▶ resume(answer)
//! ```
//!
//! A question belongs to one connection, and so does its answer: given to another one it is refused.

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

use crate::config::ServerConfig;
use crate::error::{Error, Refusal};
use crate::identity::Identity;
use crate::negotiate::first_common;
use crate::sni;
use crate::verify::signature::SignatureRules;
use crate::verify::{ChainVerifier, PeerChain, ServerVerifier, Stapled, Staples};

mod session;

pub(crate) use session::{FoundKey, NewSessionAnswer, SessionAnswer, SessionReference, TakeAnswer};
pub use session::{NeedNewSession, NeedSession, NeedTakeSession, PskCandidate};

/// What the handshake waits for. Each question owns all it needs: it can cross a thread or an `.await`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Need {
    /// Which session does this ClientHello go on from, or which external key does it name?
    Session(NeedSession),
    /// The session that will be resumed may be used once: remove it from its store.
    TakeSession(NeedTakeSession),
    /// Under which tickets are new sessions given out?
    NewSession(NeedNewSession),
    /// Which identity answers this ClientHello?
    Identity(NeedIdentity),
    /// Which identity, if any, does this server get to see?
    ClientIdentity(NeedClientIdentity),
    /// A signature with the identity's key.
    Signature(NeedSignature),
    /// Is the server's certificate chain good?
    Verdict(NeedVerdict),
    /// Is the client's certificate chain good?
    ClientVerdict(NeedClientVerdict),
}

/// The answer to a [`Need`]; only the questions make it.
pub struct Answer(pub(crate) AnswerKind);

/// Which request it answers, and nothing of what it holds: tickets, keys, a peer's lists.
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

/// Ties an answer to the connection that asked: the beginning of our own random of that connection.
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
    /// Refuses an answer that was not made for this connection.
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

/// Asks a server which identity answers a ClientHello.
#[derive(Debug)]
pub struct NeedIdentity {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    /// Whether the server has external pre-shared keys, none of which the client named.
    has_external_psks: bool,
    rules: IdentityRules,
}

/// What decides whether an identity can complete a full handshake of the version that was chosen.
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

/// Where a part that was decoded out of a whole lies in it: looked up later, it need not be decoded again.
pub(crate) fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Whether a client can go on from a pre-shared key as we do it, with a key exchange (RFC 9846 §4.3.9).
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

    /// Returns whether a handshake can be completed with this identity: in the version that was chosen both sides have a signature
    /// scheme for its key, and in TLS 1.2 a cipher suite for it and, of a key on a curve, the client has the curve
    /// (RFC 8422 §5.1). By the same rules the handshake is made. The certificate's name is not looked at.
    #[must_use]
    pub fn can_use(&self, identity: &Identity) -> bool {
        self.rules.allow(&self.hello, identity)
    }

    /// The ClientHello, with all that is unknown in it, in its order.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, DecodeError> {
        self.hello.get()
    }

    /// The body of the message as it came, without its header.
    #[must_use]
    pub fn raw_client_hello(&self) -> &[u8] {
        self.hello.wire()
    }

    /// Returns the host name that the client asks for (SNI, RFC 6066 §3): a valid DNS name of at most 253 bytes, in the case
    /// in which it was sent and without a trailing dot. `None` if there is none, or an IP address, or one that
    /// [is ignored](ServerConfig::set_ignore_invalid_server_name). What [`client_hello`](Self::client_hello) has is not
    /// checked.
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

    /// There is none for this name: the handshake ends with unrecognized_name; or with handshake_failure where an external
    /// pre-shared key would have done without one.
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

    /// There is none for this client: the handshake ends with this alert, such as access_denied. close_notify and the
    /// warnings user_canceled and no_renegotiation, which refuse nothing, cannot be chosen: unrecognized_name is sent then.
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
    /// The hello comes back with the answer.
    pub(crate) fn into_parts(self) -> Result<(Arc<Identity>, Owned<ClientHelloView>), Error> {
        Ok((self.identity?, self.hello))
    }
}

/// Asks a client which identity to show to a server that wants to know (RFC 9846 §4.4.2, RFC 5246 §7.4.4). It is asked only if
/// [`ClientConfig`](crate::config::ClientConfig::set_client_identity_lookup) says that there may be one.
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

    /// The distinguished names (DER) of the authorities that the server trusts for clients; none if it does not say.
    #[must_use]
    pub fn authorities(&self) -> List<'_, DistinguishedName<'_>> {
        self.authorities.get().unwrap_or(List::empty())
    }

    /// The signature schemes that the server accepts from this client, in its order of preference. An identity that has
    /// none of them in [`Identity::schemes`] cannot be used.
    #[must_use]
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// Shows this identity; but none, if it can sign with none of the schemes.
    #[must_use]
    pub fn answer(self, identity: Arc<Identity>) -> Answer {
        self.answered(Some(identity))
    }

    /// Shows none: the server decides whether it goes on.
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
    /// The identity, with the scheme to sign with: the first of its own that the server accepts and the version allows. `None`
    /// if there is no identity, or none that could sign.
    pub(crate) fn into_chosen(self, rules: &SignatureRules) -> Option<(Arc<Identity>, SignatureScheme)> {
        let identity = self.identity?;
        let usable = |scheme: &SignatureScheme| self.schemes.contains(scheme) && rules.schemes.contains(scheme);
        let scheme = first_common(identity.schemes(), &usable)?;
        Some((identity, scheme))
    }
}

/// Asks for a signature with an identity's key: from this process, a KMS, an HSM.
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

    /// The scheme to sign with.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// What is to be signed: the message itself, and not its hash (RFC 9846 §4.5.2, RFC 5246 §7.4.3). Less than 200 bytes, but
    /// for a client of TLS 1.2, which signs all messages of the handshake (RFC 5246 §7.4.8).
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Whose key is to sign.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Answers with the signature, in the encoding of the scheme (ECDSA: DER).
    #[must_use]
    pub fn answer(self, signature: Vec<u8>) -> Answer {
        Answer(AnswerKind::Signature(SignatureAnswer { connection_id: self.connection_id, signature: Some(signature) }))
    }

    /// The signer did not sign: the handshake ends with internal_error.
    #[must_use]
    pub fn fail(self) -> Answer {
        Answer(AnswerKind::Signature(SignatureAnswer { connection_id: self.connection_id, signature: None }))
    }

    /// Signs here and now with the key that the identity holds; fails if it holds none.
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

/// Asks a client whether the server's chain is good for the name that was asked for.
///
/// It can be verified and it can be refused, also by checks of the application's own that come before
/// [`verify`](Self::verify). To accept what was not verified takes the feature `dangerous_configuration`:
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

    /// The certificates as they were sent, leaf first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.chain.certificates()
    }

    /// The name that the certificate has to be valid for.
    #[must_use]
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// The OCSP response that the server stapled to its leaf, unchecked (RFC 6066 §8).
    #[must_use]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.staples.ocsp_response()
    }

    /// The signed certificate timestamps that came beside the leaf, unchecked (RFC 6962 §3.3).
    #[must_use]
    pub fn signed_certificate_timestamps(&self) -> List<'_, SerializedSct<'_>> {
        self.staples.scts()
    }

    /// What the server sent beside its chain.
    #[must_use]
    pub fn stapled(&self) -> Stapled<'_> {
        let stapled = Stapled::new(self.staples.ocsp_response(), self.staples.scts());
        Stapled { ocsp_requested: self.ocsp_requested, ..stapled }
    }

    /// Judges the chain by this verifier, at this time.
    #[must_use]
    pub fn verify(mut self, verifier: &ServerVerifier, now: UnixTime) -> Answer {
        let verdict = verifier.verify_until(self.chain(), &self.name, &self.stapled(), now);
        self.chain.set_verified(now, verdict.as_ref().ok().copied());
        self.into_answer(verdict.map(drop))
    }

    /// Refuses the chain: the handshake ends with the alert of this error.
    #[must_use]
    pub fn refuse(self, why: impl Into<Refusal>) -> Answer {
        self.into_answer(Err(why.into()))
    }

    /// Answers with a verdict of the application's own. `Ok` makes the leaf's key trusted for this connection: whoever
    /// gives it must have checked chain, name and validity.
    #[cfg(any(test, feature = "dangerous_configuration"))]
    #[must_use]
    pub fn answer(self, verdict: Result<(), Refusal>) -> Answer {
        self.into_answer(verdict)
    }

    /// As [`answer`](Self::answer), with the time that the chain was verified for: sessions of this
    /// connection end so long after it as the configuration says. Without it their time begins when
    /// they are taken.
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

/// Asks a server whether a client's chain is good.
///
/// Whom a server lets in is its own decision: [`answer`](Self::answer) takes any verdict. That the client holds the leaf's key
/// is checked in any case.
#[derive(Debug)]
pub struct NeedClientVerdict {
    connection_id: ConnectionId,
    chain: PeerChain,
}

impl NeedClientVerdict {
    pub(crate) fn new(connection_id: ConnectionId, chain: PeerChain) -> Self {
        Self { connection_id, chain }
    }

    /// The certificates as they were sent, leaf first; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.chain.certificates()
    }

    /// Judges the chain by this verifier, at this time: a path to a trust anchor, validity, and that it is meant for
    /// clients. Which client it is, and what it may do, is the application's business.
    #[must_use]
    pub fn verify(self, verifier: &ChainVerifier, now: UnixTime) -> Answer {
        let verdict = verifier.verify_client_until(self.chain(), now);
        self.answer_until(verdict.map(Some), now)
    }

    /// Refuses the chain: the handshake ends with the alert of this error.
    #[must_use]
    pub fn refuse(self, why: impl Into<Refusal>) -> Answer {
        self.into_answer(Err(why.into()))
    }

    /// Answers with a verdict of the application's own, for example one on pinned keys. `Ok` makes the leaf's key trusted for
    /// this connection.
    ///
    /// Other than [`NeedVerdict`]'s this takes no feature: a server that accepts a chain unseen authenticates nobody, but
    /// that endangers itself alone, and no client's secrets go to an impostor.
    ///
    /// The lifetime of the connection's sessions begins when they are issued; use [`answer_at`](Self::answer_at) to have it begin
    /// with the verdict.
    #[must_use]
    pub fn answer(self, verdict: Result<(), Refusal>) -> Answer {
        self.into_answer(verdict)
    }

    /// As [`answer`](Self::answer), with the time that the chain was verified for: the
    /// [lifetime](crate::ServerConfig::set_session_lifetime) of the connection's sessions begins then, whenever they are issued.
    #[must_use]
    pub fn answer_at(self, verdict: Result<(), Refusal>, now: UnixTime) -> Answer {
        self.answer_until(verdict.map(|()| None), now)
    }

    /// As [`answer_at`](Self::answer_at), with the time at which the verdict ends, if that is known
    /// ([`ProvenPath::valid_until`](crate::verify::ProvenPath::valid_until)): no session of the connection lasts longer.
    #[must_use]
    pub fn answer_until(mut self, verdict: Result<Option<UnixTime>, Refusal>, now: UnixTime) -> Answer {
        self.chain.set_verified(now, verdict.as_ref().ok().copied().flatten());
        self.into_answer(verdict.map(drop))
    }

    fn into_answer(self, verdict: Result<(), Refusal>) -> Answer {
        Answer(AnswerKind::Verdict(VerdictAnswer { connection_id: self.connection_id, chain: self.chain, verdict }))
    }
}

/// A verdict, with the chain that it is about: it cannot be used for another one.
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
