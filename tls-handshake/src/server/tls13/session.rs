//! TLS 1.3 from a pre-shared key: that of a session, or an external one. Our flight needs no certificate then, and the client may
//! have sent data early (RFC 9846 §2.2, §2.3).

use tls_codec::extension::{PskBinder, PskIdentity};
use tls_codec::handshake::EndOfEarlyData;
use tls_crypto::Digest;

use super::State;
use super::states::{Sent, WaitFinished, WaitIdentity};
use crate::auth::tls13::{BoundPsk, NamedPsk};
use crate::error::Error;
use crate::established::{Exporter, HandshakeKind};
use crate::framed::Framed;
use crate::need::{Asker, Found, FoundKey, Need, NeedIdentity, SessionAnswer};
use crate::resumption::Wanted;
use crate::role::{Step, opaque_debug};
use crate::schedule::tls13::{EarlyKeys, Hello};
use crate::sink::Sink;

opaque_debug!(WaitSession, WaitEndOfEarlyData);

/// RECVD_CH, while the session is looked up that the client wants to go on from.
pub struct WaitSession {
    full: Box<WaitIdentity>,
    /// Over the hello up to the binders.
    truncated_hash: Digest,
}

/// WAIT_EOED: our flight is sent, and the client's early data comes.
pub struct WaitEndOfEarlyData {
    next: WaitFinished,
}

/// A key that the client holds, and that fits this handshake.
struct Accepted {
    index: u16,
    psk: BoundPsk,
    kind: HandshakeKind,
    authenticated: Option<u64>,
    /// Bytes of early data that are accepted.
    early: Option<u32>,
}

impl WaitSession {
    pub(in crate::server) fn new(full: Box<WaitIdentity>, truncated_hash: Digest) -> Self {
        Self { full, truncated_hash }
    }

    pub(super) fn asker(&self) -> Asker {
        self.full.asker()
    }

    /// Goes on from what was found, if it fits, and with a full handshake otherwise.
    ///
    /// # Errors
    /// [`Error::BadBinder`].
    pub(super) fn on_session(self, mut answer: SessionAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let accepted = match answer.found_psk() {
            Some((offered, found)) => self.accept(offered, found)?,
            None => None,
        };
        let (hello, _) = answer.into_parts();
        match accepted {
            Some(accepted) => Ok(Step::Next(self.full.resume(hello.wire(), accepted, out)?)),
            None => {
                let knows_psks = self.full.shared.config.external_psks;
                let need = NeedIdentity::new(self.asker(), hello, knows_psks);
                Ok(Step::Ask(State::WaitIdentity(self.full), Need::Identity(need)))
            }
        }
    }

    /// Whether what was found fits, and the client holds its key.
    fn accept(
        &self,
        (identity, binder): (PskIdentity<'_>, PskBinder<'_>),
        Found { index, key }: Found,
    ) -> Result<Option<Accepted>, Error> {
        let Ok(index) = u16::try_from(index) else { return Ok(None) };
        let WaitIdentity { shared, suite, server_name, kind, .. } = &*self.full;
        let (psk, kind, authenticated, early) = match key {
            FoundKey::Session { session, now, once } => {
                let scope = &shared.config.scope();
                let (server_name, client_auth) = (server_name.as_deref(), shared.config.client_auth);
                let wanted = Wanted { suite: (*suite).into(), scope, server_name, client_auth };
                if let Err(_why) = session.check(&wanted, now) {
                    log_debug!("a session is not resumed: {_why:?}");
                    return Ok(None);
                }
                let Some(psk) = NamedPsk::of_session(&session) else { return Ok(None) };
                // RFC 9846 §4.3.10, §8: for the first key alone, under the same suite and protocol, and not a second time.
                let accepts = self.full.early_data
                    && index == 0
                    && once
                    && !kind.is_retried()
                    && (1..=shared.config.max_early_data).contains(&session.max_early_data)
                    && session.suite == (*suite).into()
                    && session.alpn == self.full.alpn
                    && session.is_fresh(identity.obfuscated_ticket_age, now);
                let early = accepts.then_some(session.max_early_data);
                (psk, kind.resumed(), Some(session.authenticated), early)
            }
            FoundKey::External(psk) if psk.hash == suite.hash => {
                (NamedPsk::external(&psk), kind.external_psk(), None, None)
            }
            FoundKey::External(_) => return Ok(None),
        };
        let psk = psk.check_binder(&self.truncated_hash, binder.0)?;
        Ok(Some(Accepted { index, psk, kind, authenticated, early }))
    }
}

impl WaitIdentity {
    /// Sends ServerHello, EncryptedExtensions and Finished.
    fn resume(mut self, client_hello: &[u8], accepted: Accepted, out: &mut dyn Sink) -> Result<State, Error> {
        let Accepted { index, psk, kind, authenticated, early } = accepted;
        let early = early.map(|limit| {
            let hello = Hello { hash: &self.shared.transcript.hash(), client_random: &self.client_random };
            EarlyKeys::derive(self.suite, psk.early(), limit, &hello, out)
        });
        let (schedule, peer) = psk.accept();
        let keys = self.send_server_hello(client_hello, schedule, Some(index), early.as_ref(), out)?;
        // RFC 6066 §3: a resumed session has the name that it began with, and it is not acknowledged again.
        self.shared.send_encrypted_extensions(self.alpn.as_ref(), false, early.is_some(), out)?;
        let can_resume = self.can_resume;
        let (mut shared, negotiated) = self.into_negotiated(kind, early.is_some());
        let (locked, hash) = shared.send_finished(keys, out)?;
        let (half_rtt, has_early) = (shared.config.half_rtt, early.is_some());
        let sent = Sent { shared, hash, locked, negotiated, can_resume, authenticated, early, half_rtt };
        let next = WaitFinished::new(Box::new(sent), peer);
        Ok(if has_early { State::WaitEndOfEarlyData(WaitEndOfEarlyData { next }) } else { State::WaitFinished(next) })
    }
}

impl WaitEndOfEarlyData {
    pub(super) fn may_send(&self) -> bool {
        self.next.may_send()
    }

    pub(super) fn early_exporter(&self) -> Option<&dyn Exporter> {
        self.next.early_exporter()
    }

    /// RFC 9846 §4.6: what comes behind it is under the handshake's keys.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`].
    pub fn on_end_of_early_data(
        self,
        m: Framed<'_, EndOfEarlyData>,
        out: &mut dyn Sink,
    ) -> Result<WaitFinished, Error> {
        let at = m.at_boundary()?;
        let mut next = self.next;
        next.end_early_data(m.raw, at, out);
        Ok(next)
    }
}
