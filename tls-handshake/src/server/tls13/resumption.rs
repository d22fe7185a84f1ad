//! TLS 1.3 from a pre-shared key: that of a session, or an external one. Our flight needs no certificate then, and the client may
//! have sent data early (RFC 9846 §2.2, §2.3).

use tls_codec::code_points::HandshakeType;
use tls_codec::extension::PskIdentity;
use tls_codec::owned::{ClientHelloView, Owned};
use tls_crypto::{Digest, Tls13Suite, Transcript};

use super::State;
use super::client_flight::{SentFlight, WaitEndOfEarlyData, WaitFinished};
use super::negotiate::other_suite;
use super::server_flight::WaitIdentity;
use crate::auth::tls13::{BoundPsk, NamedPsk};
use crate::error::Error;
use crate::need::{ConnectionId, FoundKey, Need, NeedTakeSession, PskCandidate, SessionAnswer, TakeAnswer, range_in};
use crate::negotiated::HandshakeKind;
use crate::resumption::{ResumptionCriteria, Scope};
use crate::schedule::tls13::{EarlyKeys, Hello};
use crate::sink::Sink;
use crate::states::{Step, opaque_debug};

opaque_debug!(WaitSession, WaitTakeSession);

/// RECVD_CH, while the session is looked up that the client wants to go on from.
pub struct WaitSession {
    full: Box<WaitIdentity>,
    /// Over the hello up to the binders.
    truncated_hash: Digest,
}

/// RECVD_CH, while a session that may be used once is removed from its store.
pub struct WaitTakeSession {
    full: Box<WaitIdentity>,
    accepted: AcceptedPsk,
}

/// What the sessions of a connection have from the full handshake that they go back to.
#[derive(Clone, Copy, Default)]
pub(super) struct FullHandshake {
    /// When the client's chain was verified, in seconds since 1970; 0 if there is none, or it is not known.
    pub(super) authenticated: u64,
    /// When the verdict on the chain ends, in seconds since 1970.
    pub(super) expires: Option<u64>,
}

/// A key that the client holds, and that fits this handshake.
struct AcceptedPsk {
    index: u16,
    psk: BoundPsk,
    kind: HandshakeKind,
    full_handshake: Option<FullHandshake>,
    /// What its successors are bound to.
    scope: Scope,
    /// Bytes of early data that are accepted.
    early: Option<u32>,
}

/// A key that fits, before its binder was checked.
struct EligiblePsk {
    psk: NamedPsk,
    kind: HandshakeKind,
    full_handshake: Option<FullHandshake>,
    /// What its successors are bound to.
    scope: Scope,
    early: Option<u32>,
    single_use: bool,
}

impl WaitSession {
    pub(in crate::server) fn new(full: Box<WaitIdentity>, truncated_hash: Digest) -> Self {
        Self { full, truncated_hash }
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.full.connection_id()
    }

    /// Goes on from the first key that fits, and with a full handshake without one.
    ///
    /// # Errors
    /// [`Error::BadBinder`].
    pub(super) fn on_session(mut self, answer: SessionAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let chosen = self.choose(&answer)?;
        let identity = chosen.as_ref().and_then(|(AcceptedPsk { index, .. }, _)| answer.offered((*index).into()));
        let identity = identity.map(|(identity, _)| range_in(answer.hello().wire(), identity.identity));
        let (hello, _) = answer.into_parts();
        match (chosen, identity) {
            (Some((accepted, true)), Some(identity)) => {
                let need = NeedTakeSession::new(self.connection_id(), hello, identity);
                let state = Box::new(WaitTakeSession { full: self.full, accepted });
                Ok(Step::Ask(State::WaitTakeSession(state), Need::TakeSession(need)))
            }
            (Some((accepted, _)), _) => Ok(Step::Next(self.full.resume(hello.wire(), accepted, out)?)),
            (None, _) => Ok(self.full.ask_identity(hello)),
        }
    }

    /// The key to go on from, whose binder was checked, and whether it may be used once. Of the keys
    /// that fit, those that go with the chosen suite come first; for an external key with another hash
    /// the suite changes (RFC 9846 §4.3.11).
    fn choose(&mut self, answer: &SessionAnswer) -> Result<Option<(AcceptedPsk, bool)>, Error> {
        let candidates = answer.candidates();
        if candidates.is_empty() {
            return Ok(None);
        }
        let mut next = Some(self.full.suite);
        while let Some(suite) = next.take() {
            for candidate in candidates {
                let Some((identity, binder)) = answer.offered(candidate.index) else { continue };
                let Ok(index) = u16::try_from(candidate.index) else { continue };
                let Some(fitting) = self.fitting(candidate, &identity, suite) else { continue };
                if suite != self.full.suite {
                    self.change_suite(suite, answer);
                }
                let EligiblePsk { psk, kind, full_handshake, scope, early, single_use } = fitting;
                let psk = psk.check_binder(&self.truncated_hash, binder.0)?;
                return Ok(Some((AcceptedPsk { index, psk, kind, full_handshake, scope, early }, single_use)));
            }
            if suite == self.full.suite {
                let config = &self.full.context.config;
                let offered = answer.hello().get()?.cipher_suites;
                next = other_suite(config, suite, self.full.kind, offered);
            }
        }
        Ok(None)
    }

    /// What a candidate stands for, if it fits this handshake under this suite.
    fn fitting(
        &self,
        candidate: &PskCandidate,
        identity: &PskIdentity<'_>,
        suite: &'static Tls13Suite,
    ) -> Option<EligiblePsk> {
        let WaitIdentity { context, server_name, kind, .. } = &*self.full;
        match &candidate.key {
            // Only an external key decides the suite: a session follows the configured preference.
            FoundKey::Session { .. } if suite != self.full.suite => None,
            FoundKey::Session { session, identity: scope, now, single_use } => {
                let criteria = ResumptionCriteria {
                    suite: suite.into(),
                    scope: &context.scope.with_identity(scope),
                    server_name: server_name.as_deref(),
                    client_auth: context.config.client_auth,
                    session_lifetime: context.config.session_lifetime,
                };
                if let Err(_why) = session.check(&criteria, *now) {
                    log_debug!("a session is not resumed: {_why:?}");
                    return None;
                }
                // RFC 9846 §4.3.10, §8: for the first key alone, under the same suite and protocol, and not a second time.
                let accepts = self.full.early_data
                    && candidate.index == 0
                    && *single_use
                    && !kind.is_retried()
                    && (1..=context.config.max_early_data).contains(&session.max_early_data)
                    && session.suite == suite.into()
                    && session.alpn == self.full.alpn
                    && session.is_fresh(identity.obfuscated_ticket_age, *now);
                Some(EligiblePsk {
                    psk: NamedPsk::of_session(session)?,
                    kind: kind.resumed(),
                    full_handshake: Some(FullHandshake {
                        authenticated: session.authenticated,
                        expires: session.expires,
                    }),
                    scope: session.scope,
                    early: accepts.then_some(session.max_early_data),
                    single_use: *single_use,
                })
            }
            FoundKey::External(psk) if psk.hash == suite.hash => Some(EligiblePsk {
                psk: NamedPsk::external(psk),
                kind: kind.external_psk(),
                full_handshake: None,
                scope: context.scope,
                early: None,
                single_use: false,
            }),
            FoundKey::External(_) => None,
        }
    }

    /// Hashes the hello anew, as nothing else was sent or received.
    fn change_suite(&mut self, suite: &'static Tls13Suite, answer: &SessionAnswer) {
        let body = answer.hello().wire();
        let binders = answer.binders_wire_len();
        let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
        let (truncated, binders) = body.split_at(body.len().saturating_sub(binders));
        let mut transcript = Transcript::new(suite.hash);
        let [_, high, middle, low] = length;
        transcript.add(&[HandshakeType::CLIENT_HELLO.0, high, middle, low]);
        transcript.add(truncated);
        self.truncated_hash = transcript.hash();
        transcript.add(binders);
        self.full.context.transcript = transcript;
        self.full.suite = suite;
    }
}

impl WaitTakeSession {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.full.connection_id()
    }

    /// Resumes the session if this connection is the one that took it, with a full handshake
    /// otherwise.
    ///
    /// # Errors
    /// As sending ServerHello.
    pub(super) fn on_taken(self: Box<Self>, answer: TakeAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let (hello, taken) = answer.into_parts();
        let Self { full, accepted } = *self;
        if taken { Ok(Step::Next(full.resume(hello.wire(), accepted, out)?)) } else { Ok(full.ask_identity(hello)) }
    }
}

impl WaitIdentity {
    /// Continues with a full handshake.
    fn ask_identity(self: Box<Self>, hello: Owned<ClientHelloView>) -> Step<State> {
        let need = Self::need_identity(&self.context, hello);
        Step::Ask(State::WaitIdentity(self), Need::Identity(need))
    }

    /// Sends ServerHello, EncryptedExtensions and Finished.
    fn resume(mut self, client_hello: &[u8], accepted: AcceptedPsk, out: &mut dyn Sink) -> Result<State, Error> {
        let AcceptedPsk { index, psk, kind, full_handshake, scope, early } = accepted;
        self.context.scope = scope;
        let early = early.map(|limit| {
            let hello = Hello { hash: &self.context.transcript.hash(), client_random: &self.client_random };
            EarlyKeys::derive(self.suite, psk.early(), limit, &hello, out)
        });
        let (schedule, peer) = psk.accept();
        let keys = self.send_server_hello(client_hello, schedule, Some(index), early.as_ref(), out)?;
        // RFC 6066 §3: a resumed session has the name that it began with, and it is not acknowledged again.
        self.context.send_encrypted_extensions(self.alpn.as_ref(), false, early.is_some(), self.sizes, out)?;
        let can_resume = self.can_resume;
        let (mut context, negotiated) = self.into_negotiated(kind, early.is_some());
        let (locked, hash) = context.send_finished(keys, out)?;
        let (half_rtt, has_early) = (context.config.half_rtt, early.is_some());
        let sent = SentFlight { context, hash, locked, negotiated, can_resume, full_handshake, early, half_rtt };
        let next = WaitFinished::new(Box::new(sent), peer);
        Ok(if has_early { State::WaitEndOfEarlyData(WaitEndOfEarlyData::new(next)) } else { State::WaitFinished(next) })
    }
}
