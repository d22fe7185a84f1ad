//! What only a client's connection does: it begins, perhaps from a session, may send data early, and gets sessions to keep.

use std::sync::Arc;

use pki_types::{ServerName, UnixTime};
use tls_codec::code_points::ProtocolVersion;
use tls_crypto::SystemRandom;

use super::{ClientConnection, EngineSink, record_sender};
use crate::client::Client;
use crate::client::hello::WaitServerHello;
use crate::client::offered_psk::ResumptionOffer;
use crate::client::session_tracker::SessionTracker;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::record::{MessageJoiner, Outgoing, RecordReceiver};
use crate::resumption::{ClientSessionValue, ExternalPsk};
use crate::states::Versioned;

/// What a client's connection begins from, beside its configuration. Default: nothing.
#[derive(Default)]
pub struct ClientStart<'a> {
    /// The session to offer, and the time. It is not offered if it does not fit.
    pub session: Option<(ClientSessionValue, UnixTime)>,
    /// External keys to offer, in order of preference. With any of them, no session is offered.
    pub external_psks: &'a [ExternalPsk],
    /// A hash over all that the client's choice of a certificate depends on now. The sessions of this connection are bound to it: see
    /// [`ClientConfig::session_scope_with`].
    pub identity_scope: Option<[u8; 32]>,
}

impl std::fmt::Debug for ClientStart<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientStart").field("session", &self.session).finish_non_exhaustive()
    }
}

impl ClientConnection {
    /// Starts a handshake with the server of this name: ClientHello goes to `outgoing`.
    ///
    /// # Errors
    /// [`Error::Config`] if settings exclude each other, [`Error::Crypto`] if there is no randomness,
    /// [`Error::LocalMessageTooLong`].
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>, outgoing: &mut Outgoing) -> Result<Self, Error> {
        Self::begin(config, name, ClientStart::default(), outgoing)
    }

    /// As [`new`](Self::new), but offers to go on from a session, if it fits: one of another configuration, for another server, or
    /// out of date is silently left, and so is one that the server does not know any more. The handshake is a full one then.
    ///
    /// A session of TLS 1.3 should be used once: whoever watches could recognise its ticket (RFC 9846 Appendix C.4).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn resuming(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        session: ClientSessionValue,
        now: UnixTime,
        outgoing: &mut Outgoing,
    ) -> Result<Self, Error> {
        Self::begin(config, name, ClientStart { session: Some((session, now)), ..ClientStart::default() }, outgoing)
    }

    /// As [`new`](Self::new), but offers external pre-shared keys, in this order (TLS 1.3 alone). If the server knows none of them
    /// it has to show a certificate as always.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_external_psks(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        psks: &[ExternalPsk],
        outgoing: &mut Outgoing,
    ) -> Result<Self, Error> {
        Self::begin(config, name, ClientStart { external_psks: psks, ..ClientStart::default() }, outgoing)
    }

    /// As [`new`](Self::new), with all that a connection can begin from.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn begin(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        start: ClientStart<'_>,
        outgoing: &mut Outgoing,
    ) -> Result<Self, Error> {
        config.validate()?;
        let mut session_tracker = SessionTracker::new(Arc::clone(&config), name.clone(), start.identity_scope);
        let known = match start.session {
            _ if !start.external_psks.is_empty() => ResumptionOffer::external(&config, start.external_psks),
            Some((session, now)) => ResumptionOffer::of_session(&config, &session_tracker, session, now),
            None => ResumptionOffer::Nothing,
        };
        if known.is_session() {
            session_tracker.use_it();
        }
        let mut sender = record_sender(&config.common, ProtocolVersion::TLS10);
        let (joiner, key_log) =
            (MessageJoiner::new(config.common.limits.handshake_message), config.common.key_log.clone());
        let mut receiver = RecordReceiver::new();
        let mut sink = EngineSink {
            receiver: &mut receiver,
            sender: &mut sender,
            key_log: key_log.as_deref(),
            outgoing: &mut *outgoing,
            sessions: &mut session_tracker,
        };
        let state = WaitServerHello::start(config, name, known, &SystemRandom, &mut sink)?;
        sender.end_flight(outgoing)?;
        Ok(Self::from_parts(Ok(Client::WaitServerHello(state)), receiver, sender, joiner, key_log, session_tracker))
    }

    #[cfg(test)]
    pub(crate) fn replayed(state: Client, config: &ClientConfig) -> Self {
        let name = ServerName::try_from("server").expect("a name");
        let session_tracker = SessionTracker::new(Arc::new(config.clone()), name, None);
        let joiner = MessageJoiner::new(config.common.limits.handshake_message);
        let sender = record_sender(&config.common, ProtocolVersion::TLS10);
        Self::from_parts(
            Ok(state),
            RecordReceiver::new(),
            sender,
            joiner,
            config.common.key_log.clone(),
            session_tracker,
        )
    }

    /// Sends data before the server has answered (0-RTT, RFC 9846 §4.3.10), as much as one record holds and the session still
    /// allows; gives back how many bytes that were. 0 means that no more can be sent early: wait for the handshake's end.
    ///
    /// Whoever records it can send it again, and has no other proof that this server is the one that gets it than that the
    /// server knew the session: it should ask for nothing that must not happen twice. If it turns out that the server did
    /// [not accept](Self::is_early_data_accepted) it, nothing of it was read, and it has to be sent again.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`]; the connection's own error if it failed.
    pub fn send_early_data(&mut self, data: &[u8], outgoing: &mut Outgoing) -> Result<usize, Error> {
        self.state()?;
        if self.write_closed {
            return Err(Error::SendAfterClose);
        }
        self.sender.early_data(data, outgoing)
    }

    /// Bytes of early data that can still be sent, [padding](ClientConfig::set_record_padding) counted; 0 if none can.
    #[must_use]
    pub fn early_data_left(&self) -> u32 {
        if self.write_closed { 0 } else { self.sender.early_data_left().unwrap_or(0) }
    }

    /// Whether there are sessions to [take](Self::take_sessions).
    #[must_use]
    pub fn has_sessions(&self) -> bool {
        match &*self.state {
            Ok(Client::Versioned(Versioned::Tls13(state))) => state.has_sessions(),
            Ok(Client::Versioned(Versioned::Tls12(state))) => state.has_sessions(),
            _ => false,
        }
    }

    /// The sessions that came since the last call, for later connections to [go on from](Self::resuming), the oldest first. There
    /// are some only if [the configuration](ClientConfig::set_resumption) asks for them. Time begins to run for them `now`, so
    /// that they should be taken soon; of those that nobody takes 8 are kept.
    #[must_use]
    pub fn take_sessions(&mut self, now: UnixTime) -> Vec<ClientSessionValue> {
        let place = &mut self.session_tracker;
        let mut sessions = match &mut *self.state {
            Ok(Client::Versioned(Versioned::Tls13(state))) => state.take_sessions(place, now),
            Ok(Client::Versioned(Versioned::Tls12(state))) => state.take_sessions(place, now),
            _ => Vec::new(),
        };
        if place.discards() {
            sessions.clear();
        }
        if !sessions.is_empty() {
            place.use_it();
        }
        sessions
    }

    /// Returns the [identity scope](ClientStart::identity_scope) that the connection began with.
    #[must_use]
    pub fn identity_scope(&self) -> Option<&[u8; 32]> {
        self.session_tracker.identity()
    }

    /// Makes [`take_sessions`](Self::take_sessions) return none from now on. For a client whose identity changed since the connection
    /// began: its sessions stand for another client than their scope says.
    pub fn discard_sessions(&mut self) {
        self.session_tracker.discard();
    }

    /// Returns the server name and the [scope](ClientSessionValue::scope) whose stored sessions must be removed, all of them and
    /// before the next connection: this connection offered one or led to some, and it failed (RFC 5077 §3.2, RFC 5246 §7.2.2,
    /// RFC 9846 §6.2). Returns them once.
    ///
    /// Call it after an error, and before dropping a connection: a handshake that is not complete counts as failed, since a
    /// reset or a timeout is not visible here. After the handshake only a fatal alert counts, sent or received; close_notify and
    /// an end of input without it do not.
    ///
    /// The sessions of other connections to that server go too, since they came from the same server under the same keys.
    #[must_use]
    pub fn failed_sessions(&mut self) -> Option<(&ServerName<'static>, [u8; 32])> {
        if self.established().is_some() || !self.session_tracker.fail() {
            return None;
        }
        Some((self.session_tracker.name(), *self.session_tracker.scope().bytes()))
    }
}
