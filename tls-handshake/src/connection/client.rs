//! Client-only parts of a connection: start, resumption, early data, and sessions for later
//! connections.

use std::sync::Arc;

use pki_types::{ServerName, UnixTime};
use tls_codec::code_points::{NamedGroup, ProtocolVersion};

use super::sending::SenderSlot;
use super::{ClientConnection, EngineSink, record_sender};
use crate::client::Client;
use crate::client::hello::WaitServerHello;
use crate::client::offered_psk::ResumptionOffer;
use crate::client::session_tracker::SessionTracker;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::record::{MessageJoiner, Outgoing, RecordReceiver};
use crate::resumption::{ClientSessionValue, ExternalPsk};
use crate::transport::Transport;

/// Optional inputs of a client connection, besides its configuration. Default: none.
#[derive(Default)]
pub struct ClientStart<'a> {
    /// The session to offer and the current time. A session that does not match is not offered.
    pub session: Option<(ClientSessionValue, UnixTime)>,
    /// External pre-shared keys to offer, in order of preference. If there are any, `session` is
    /// not offered.
    pub external_psks: &'a [ExternalPsk],
    /// A hash of everything that the choice of a client certificate depends on now. The sessions of
    /// this connection are bound to it; see [`ClientConfig::session_scope_with`].
    pub identity_scope: Option<[u8; 32]>,
    /// The group that this server used last time, as [`take_group`](ClientConnection::take_group)
    /// returned it. ClientHello then has a share of it, which saves a round trip.
    pub last_group: Option<NamedGroup>,
}

impl std::fmt::Debug for ClientStart<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientStart").field("session", &self.session).finish_non_exhaustive()
    }
}

impl ClientConnection {
    /// Starts a handshake with the server `name` and queues the ClientHello in `outgoing`.
    ///
    /// # Errors
    /// [`Error::Config`] if settings contradict each other, [`Error::Crypto`] if the random number
    /// generator fails, [`Error::LocalMessageTooLong`] if the ClientHello exceeds its length
    /// fields.
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>, outgoing: &mut Outgoing) -> Result<Self, Error> {
        Self::begin(config, name, ClientStart::default(), outgoing)
    }

    /// Like [`new`](Self::new), and offers to resume `session`. A session of another configuration
    /// or server, or an expired one, is silently not offered. If the server does not accept the
    /// session, the handshake is a full one.
    ///
    /// Use a TLS 1.3 session only once: an observer can link connections by a reused ticket (RFC
    /// 9846 Appendix C.4).
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

    /// Like [`new`](Self::new), and offers external pre-shared keys in this order (TLS 1.3 only). A
    /// server that accepts none of them must present a certificate.
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

    /// Like [`new`](Self::new), with the optional inputs of [`ClientStart`].
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
        session_tracker.last_group = start.last_group;
        let known = match start.session {
            _ if !start.external_psks.is_empty() => ResumptionOffer::external(&config, start.external_psks),
            Some((session, now)) => ResumptionOffer::of_session(&config, &session_tracker, session, now),
            None => ResumptionOffer::Nothing,
        };
        if known.is_session() {
            session_tracker.use_it();
        }
        let mut sender = SenderSlot::new(record_sender(&config.common, ProtocolVersion::TLS10));
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
        let random = config.common.backend.random();
        let state =
            WaitServerHello::start(config, name, known, Transport::Records, start.last_group, random, &mut sink)?;
        sender.end_flight(outgoing)?;
        Ok(Self::from_parts(Ok(Client::WaitServerHello(state)), receiver, sender, joiner, key_log, session_tracker))
    }

    #[cfg(test)]
    pub(crate) fn replayed(state: Client, config: &ClientConfig) -> Self {
        let name = ServerName::try_from("server").expect("a name");
        let session_tracker = SessionTracker::new(Arc::new(config.clone()), name, None);
        let joiner = MessageJoiner::new(config.common.limits.handshake_message);
        let sender = SenderSlot::new(record_sender(&config.common, ProtocolVersion::TLS10));
        Self::from_parts(
            Ok(state),
            RecordReceiver::new(),
            sender,
            joiner,
            config.common.key_log.clone(),
            session_tracker,
        )
    }

    /// Sends data before the server answers (0-RTT, RFC 9846 §4.3.10). Seals as much of `data` as
    /// fits one record and the session's limit, and returns the number of bytes taken. 0 means that
    /// no more early data can be sent; wait for the end of the handshake.
    ///
    /// An attacker can replay early data, so send only requests that are harmless when repeated.
    /// The server is authenticated only by the session's key. If the server does [not
    /// accept](Self::is_early_data_accepted) early data, it has read none of it; send the data
    /// again.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`]; the connection's own error if it failed.
    pub fn send_early_data(&mut self, data: &[u8], outgoing: &mut Outgoing) -> Result<usize, Error> {
        self.state()?;
        if self.sender.is_closed() {
            return Err(Error::SendAfterClose);
        }
        self.sender.get()?.records.early_data(data, outgoing)
    }

    /// Returns the number of bytes of early data that can still be sent, 0 if none.
    /// [Padding](ClientConfig::set_record_padding) counts.
    #[must_use]
    pub fn early_data_left(&self) -> u32 {
        let side = self.sender.whole().filter(|side| !side.is_closed);
        side.and_then(|side| side.records.early_data_left()).unwrap_or(0)
    }

    /// Returns whether [`take_sessions`](Self::take_sessions) would return any.
    #[must_use]
    pub fn has_sessions(&self) -> bool {
        self.state.as_ref().is_ok_and(Client::has_sessions)
    }

    /// Returns the sessions received since the last call, oldest first, for later connections to
    /// [resume](Self::resuming). There are some only if the
    /// [configuration](ClientConfig::set_resumption) enables resumption.
    ///
    /// Their lifetime starts at `now`, so take them soon. At most 8 are held until they are taken.
    #[must_use]
    pub fn take_sessions(&mut self, now: UnixTime) -> Vec<ClientSessionValue> {
        self.state.as_mut().map(|state| state.take_sessions(&mut self.session_tracker, now)).unwrap_or_default()
    }
}
