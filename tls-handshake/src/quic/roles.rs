//! What only one role has: its start, and its sessions.

use std::sync::Arc;

use pki_types::{ServerName, UnixTime};
use tls_crypto::quic::Version;

use super::sink::{Levels, QuicSink};
use super::{ClientConnection, Config, KeyChange, Output, ServerConnection, ServerStart};
use crate::client::Client;
use crate::client::hello::WaitServerHello;
use crate::client::offered_psk::ResumptionOffer;
use crate::client::session_tracker::SessionTracker;
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::ClientStart;
use crate::error::{Error, Level};
use crate::resumption::{ClientSessionValue, StoredSessions};
use crate::server::Server;
use crate::server::hello::WaitClientHello;
use crate::transport::{Quic, Transport};

impl ClientConnection {
    /// Starts a handshake with the server `name`. The ClientHello is the first output, and the keys
    /// of 0-RTT the second, if early data may be sent: `start` has a session that allows it, and
    /// the configuration enables it. The [parameters of the
    /// session](ClientSessionValue::transport_parameters) limit it.
    ///
    /// `parameters` are this side's encoded transport parameters (RFC 9000 §18).
    ///
    /// # Errors
    /// [`Error::Crypto`] if the random number generator fails, [`Error::LocalMessageTooLong`] if
    /// the ClientHello exceeds its length fields.
    pub fn client(
        config: &Config<ClientConfig>,
        version: Version,
        name: ServerName<'static>,
        start: ClientStart<'_>,
        parameters: Vec<u8>,
    ) -> Result<Self, Error> {
        let config = Arc::clone(config.get());
        let mut session_tracker = SessionTracker::new(Arc::clone(&config), name.clone(), start.identity_scope);
        session_tracker.last_group = start.last_group;
        session_tracker.quic_version = version;
        let remembered = start.session.as_ref().and_then(|(session, _)| session.transport_parameters.clone());
        let known = match start.session {
            _ if !start.external_psks.is_empty() => ResumptionOffer::external(&config, start.external_psks),
            Some((mut session, now)) => {
                // RFC 9000 §7.4.1: early data needs the parameters of the earlier connection.
                if session.transport_parameters().is_empty() {
                    session.max_early_data = 0;
                }
                ResumptionOffer::of_session(&config, &session_tracker, session, now)
            }
            None => ResumptionOffer::Nothing,
        };
        if known.is_session() {
            session_tracker.use_it();
        }
        let mut levels = Levels::new(version);
        let key_log = config.common.key_log.clone();
        let limit = config.common.limits.handshake_message;
        let mut sink = QuicSink {
            levels: &mut levels,
            key_log: key_log.as_deref(),
            sessions: &mut session_tracker,
            has_data_left: false,
            misaligned: None,
        };
        let quic = Quic { version, parameters, session_data: Vec::new(), accept_early_data: None };
        let transport = Transport::Quic(Box::new(quic));
        let random = config.common.backend.random();
        let state = WaitServerHello::start(config, name, known, transport, start.last_group, random, &mut sink)?;
        let is_early = |output: &Output| matches!(output, Output::Keys(KeyChange::Write(Level::ZeroRtt, _)));
        levels.early_parameters = remembered.filter(|_| levels.output.iter().any(is_early));
        Ok(Self::from_parts(Client::WaitServerHello(state), levels, session_tracker, limit, key_log))
    }

    /// Changes the version whose labels derive all later keys, after compatible version negotiation
    /// (RFC 9368). The connection's new sessions then belong to this version. Keys that were output
    /// before do not change, such as those of 0-RTT.
    ///
    /// Call it when the first packet of the new version arrives, before its CRYPTO data is passed.
    pub fn set_version(&mut self, version: Version) {
        self.levels.version = version;
        self.session_tracker.quic_version = version;
    }

    /// Returns the server's transport parameters of the earlier connection, which limit early data
    /// (RFC 9000 §7.4.1). `None` if no early data may be sent.
    #[must_use]
    pub fn early_transport_parameters(&self) -> Option<&[u8]> {
        self.levels.early_parameters.as_deref()
    }

    /// Returns whether [`take_sessions`](Self::take_sessions) would return any.
    #[must_use]
    pub fn has_sessions(&self) -> bool {
        self.state.as_ref().is_ok_and(Client::has_sessions)
    }

    /// Returns the sessions received since the last call, with the server's transport parameters.
    /// See [`ClientConnection::take_sessions`](crate::ClientConnection::take_sessions).
    #[must_use]
    pub fn take_sessions(&mut self, now: UnixTime) -> Vec<ClientSessionValue> {
        let Ok(state) = self.state.as_mut() else { return Vec::new() };
        let mut sessions = state.take_sessions(&mut self.session_tracker, now);
        for session in &mut sessions {
            session.transport_parameters.clone_from(&self.levels.peer_parameters);
        }
        sessions
    }
}

impl ServerConnection {
    /// Waits for a ClientHello.
    #[must_use]
    pub fn server(config: &Config<ServerConfig>, version: Version, start: ServerStart) -> Self {
        let config = Arc::clone(config.get());
        let key_log = config.common.key_log.clone();
        let limit = config.common.limits.handshake_message;
        let random = config.common.backend.random();
        let state = Server::WaitClientHello(WaitClientHello::new(config, start.into_transport(version), random));
        Self::from_parts(
            state,
            Levels::new(version),
            crate::server::session_tracker::SessionTracker::default(),
            limit,
            key_log,
        )
    }

    /// Changes the version whose labels derive all later keys, after compatible version negotiation
    /// (RFC 9368). The connection then resumes and issues sessions of this version only, so a
    /// session of the client's first version leads to a full handshake (RFC 9369 §5).
    ///
    /// Call it before the ClientHello is passed: the call that passes it outputs keys.
    pub fn set_version(&mut self, version: Version) {
        self.levels.version = version;
        if let Ok(Server::WaitClientHello(state)) = self.state.as_mut() {
            state.set_quic_version(version);
        }
    }

    /// Returns the ids of the sessions that must be removed from the store after a failure, once.
    /// See [`ServerConnection::failed_sessions`](crate::ServerConnection::failed_sessions).
    pub fn failed_sessions(&mut self) -> impl Iterator<Item = [u8; 32]> + use<> {
        let failed = self.error().is_some();
        let stored = failed.then(|| self.session_tracker.take()).flatten();
        stored.into_iter().flat_map(StoredSessions::into_ids)
    }
}
