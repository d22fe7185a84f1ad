//! Resumes a TLS 1.3 session on the server, or uses an external pre-shared key (RFC 9846 §2.2,
//! §2.3). `auth/psk_binder` checks the binder. The server's flight has no certificate then.
//! `early_data` decides whether to accept early data.

use std::ops::Range;

use tls_codec::code_points::HandshakeType;
use tls_codec::extension::PskIdentity;
use tls_codec::owned::{ClientHelloView, Owned};
use tls_crypto::{Digest, Tls13Suite, Transcript};

use super::State;
use super::client_flight::{SentFlight, WaitEndOfEarlyData, WaitFinished};
use super::negotiate::other_suite;
use super::server_flight::WaitIdentity;
use crate::auth::psk_binder::{BoundPsk, NamedPsk};
use crate::error::Error;
use crate::need::{ConnectionId, FoundKey, Need, NeedTakeSession, PskCandidate, SessionAnswer, TakeAnswer, range_in};
use crate::negotiated::HandshakeKind;
use crate::resumption::{ResumptionCriteria, Scope};
use crate::schedule::tls13::{EarlyKeys, Hello};
use crate::sink::Sink;
use crate::states::{Step, opaque_debug};

opaque_debug!(WaitSession, WaitTakeSession);

/// RECVD_CH: waits for the application to look up the session or key.
pub struct WaitSession {
    full: Box<WaitIdentity>,
    /// The hash of ClientHello up to the binders.
    truncated_hash: Digest,
}

/// RECVD_CH: waits for the application to remove a single-use session from its store.
pub struct WaitTakeSession {
    full: Box<WaitIdentity>,
    accepted: AcceptedPsk,
}

/// The data that the sessions of a connection inherit from the full handshake that began them.
#[derive(Clone, Copy, Default)]
pub(super) struct FullHandshake {
    /// The time at which the client's chain was verified, in seconds since 1970. 0 if the client
    /// has no chain, or the time is unknown.
    pub(super) authenticated: u64,
    /// The end of validity of the client's chain, in seconds since 1970.
    pub(super) expires: Option<u64>,
}

/// An eligible key that the client has proved to hold.
struct AcceptedPsk {
    index: u16,
    psk: BoundPsk,
    kind: HandshakeKind,
    full_handshake: Option<FullHandshake>,
    /// The resumption scope of the sessions that this connection issues.
    scope: Scope,
    /// The early data limit, in bytes, if early data is accepted.
    early: Option<u32>,
}

/// A key that fits this handshake. Its binder is not checked yet.
struct EligiblePsk {
    psk: NamedPsk,
    kind: HandshakeKind,
    full_handshake: Option<FullHandshake>,
    /// The resumption scope of the sessions that this connection issues.
    scope: Scope,
    early: Option<u32>,
    single_use: bool,
}

/// A key, and if it is single-use, the place of its identity in ClientHello.
type ChosenPsk = (AcceptedPsk, Option<Range<usize>>);

impl WaitSession {
    pub(in crate::server) fn new(full: Box<WaitIdentity>, truncated_hash: Digest) -> Self {
        Self { full, truncated_hash }
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.full.connection_id()
    }

    /// Resumes with the first eligible key; without one continues with a full handshake.
    ///
    /// # Errors
    /// [`Error::BadBinder`].
    pub(super) fn on_session(mut self, answer: SessionAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let selection = self.choose(&answer)?;
        let (hello, _) = answer.into_parts();
        match selection {
            Some((accepted, Some(identity))) => {
                let need = NeedTakeSession::new(self.connection_id(), hello, identity);
                let state = Box::new(WaitTakeSession { full: self.full, accepted });
                Ok(Step::Ask(State::WaitTakeSession(state), Need::TakeSession(need)))
            }
            Some((accepted, None)) => Ok(Step::Next(self.full.resume(hello.wire(), accepted, out)?)),
            None => Ok(self.full.ask_identity(hello)),
        }
    }

    /// Returns the first eligible key after checking its binder, and if it is single-use, where
    /// ClientHello has its identity. Keys that fit the selected suite come first. An external key
    /// with another hash changes the suite (RFC 9846 §4.3.11).
    fn choose(&mut self, answer: &SessionAnswer) -> Result<Option<ChosenPsk>, Error> {
        let candidates = answer.candidates();
        if candidates.is_empty() {
            return Ok(None);
        }
        let mut next = Some(self.full.suite);
        while let Some(suite) = next.take() {
            for candidate in candidates {
                let Some((identity, binder)) = answer.offered(candidate.index) else { continue };
                let Ok(index) = u16::try_from(candidate.index) else { continue };
                let Some(eligible) = self.eligible(candidate, &identity, suite) else { continue };
                if suite != self.full.suite {
                    self.change_suite(suite, answer);
                }
                let EligiblePsk { psk, kind, full_handshake, scope, early, single_use } = eligible;
                let psk = psk.check_binder(&self.truncated_hash, binder.0)?;
                let to_take = single_use.then(|| range_in(answer.hello().wire(), identity.identity));
                return Ok(Some((AcceptedPsk { index, psk, kind, full_handshake, scope, early }, to_take)));
            }
            if suite == self.full.suite {
                let config = &self.full.context.config;
                let offered = answer.hello().get()?.cipher_suites;
                next = other_suite(config, suite, self.full.kind, offered);
            }
        }
        Ok(None)
    }

    /// Returns what `candidate` resumes, if it is eligible with this suite.
    fn eligible(
        &self,
        candidate: &PskCandidate,
        identity: &PskIdentity<'_>,
        suite: &'static Tls13Suite,
    ) -> Option<EligiblePsk> {
        let WaitIdentity { context, server_name, kind, .. } = &*self.full;
        match &candidate.key {
            // Only an external key can change the suite. For sessions the configured preference
            // decides.
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
                    log_debug!("session not resumed: {_why:?}");
                    return None;
                }
                let accepts = *single_use && self.full.accepts_early_data(candidate.index, session, identity, *now);
                Some(EligiblePsk {
                    psk: NamedPsk::of_session(context.config.common.backend, session)?,
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
                psk: NamedPsk::external(context.config.common.backend, psk),
                kind: kind.external_psk(),
                full_handshake: None,
                scope: context.scope,
                early: None,
                single_use: false,
            }),
            FoundKey::External(_) => None,
        }
    }

    /// Hashes ClientHello again. No other message is in the transcript yet.
    fn change_suite(&mut self, suite: &'static Tls13Suite, answer: &SessionAnswer) {
        let body = answer.hello().wire();
        let binders = answer.binders_wire_len();
        let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
        let (truncated, binders) = body.split_at(body.len().saturating_sub(binders));
        let mut transcript = Transcript::new(self.full.context.config.common.backend, suite.hash);
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

    /// Resumes the session if this connection took it from the store; otherwise continues with a
    /// full handshake.
    ///
    /// # Errors
    /// [`Error`] if ServerHello cannot be sent.
    pub(super) fn on_taken(self, answer: TakeAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let (hello, taken) = answer.into_parts();
        let Self { full, accepted } = self;
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
        // RFC 6066 §3: a resumed session keeps its name, and the server does not acknowledge it
        // again.
        self.context.send_encrypted_extensions(self.alpn.as_ref(), false, early.is_some(), self.sizes, out)?;
        let can_resume = self.can_resume;
        let (mut context, negotiated) = self.into_negotiated(kind, early.is_some());
        let (locked, hash) = context.send_finished(keys, out)?;
        // QUIC has no EndOfEarlyData (RFC 9001 §8.3).
        let waits_for_end = early.is_some() && !context.transport.is_quic();
        let half_rtt = context.config.half_rtt;
        let sent = SentFlight {
            context,
            hash,
            locked,
            negotiated,
            can_resume,
            full_handshake,
            early: early.map(EarlyKeys::into_exporter),
            half_rtt,
        };
        let next = WaitFinished::new(Box::new(sent), peer);
        Ok(match waits_for_end {
            true => State::WaitEndOfEarlyData(WaitEndOfEarlyData::new(next)),
            false => State::WaitFinished(next),
        })
    }
}
