//! Requests of the handshake to the application. Each request owns its data, and
//! only the request can create its answer.
//!
//! ```text
//! process ─▶ Progress::Need(need) ─ across an .await or thread ─ need.answer(…) ─▶ resume(answer)
//! ```
//!
//! A request and its answer belong to one connection. Other connections reject the answer.

use crate::certificate_error::CertificateError;
use crate::error::Error;

mod identity;
mod kinds;
mod session;
mod signature;
mod verdict;

pub(crate) use identity::{ClientIdentityAnswer, IdentityAnswer, IdentityRules, range_in, supports_psk_dhe_ke};
pub use identity::{NeedClientIdentity, NeedIdentity};
pub use kinds::Needs;
pub(crate) use session::{FoundKey, NewSessionAnswer, SessionAnswer, SessionReference, TakeAnswer};
pub use session::{NeedNewSession, NeedSession, NeedTakeSession, PskCandidate};
pub use signature::NeedSignature;
pub(crate) use signature::SignatureAnswer;
pub use verdict::{NeedClientVerdict, NeedVerdict, VerdictAnswer};

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
