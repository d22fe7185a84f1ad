//! Server-only parts of a connection: start, and the sessions that must be removed after a failure.

use std::sync::Arc;

use tls_codec::code_points::ProtocolVersion;

use super::sending::SenderSlot;
use super::{ServerConnection, record_sender};
use crate::config::ServerConfig;
use crate::record::{MessageJoiner, RecordReceiver};
use crate::resumption::StoredSessions;
use crate::server::Server;
use crate::server::hello::WaitClientHello;
use crate::server::session_tracker::SessionTracker;
use crate::transport::Transport;

impl ServerConnection {
    /// Waits for a ClientHello. If settings [contradict each other](ServerConfig::validate), the
    /// connection fails when the ClientHello arrives.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        let sender = SenderSlot::new(record_sender(&config.common, ProtocolVersion::TLS12));
        let (joiner, key_log) =
            (MessageJoiner::new(config.common.limits.handshake_message), config.common.key_log.clone());
        let random = config.common.backend.random();
        let state = Server::WaitClientHello(WaitClientHello::new(config, Transport::Records, random));
        Self::from_parts(Ok(state), RecordReceiver::new(), sender, joiner, key_log, SessionTracker::default())
    }

    /// Returns the IDs of the sessions that must be removed from the store after a fatal alert,
    /// sent or received (RFC 5246 §7.2.2, RFC 9846 §6.2). These are the sessions that this
    /// connection issued or, in TLS 1.2, resumed. Returns them once.
    ///
    /// Call it after an error. A TLS 1.2 session counts as resumed once the client's Finished
    /// proved possession of its key, so an observer of the ID cannot cause its removal. Sessions in
    /// tickets cannot be removed.
    pub fn failed_sessions(&mut self) -> impl Iterator<Item = [u8; 32]> + use<> {
        let failed = self.error().is_some();
        let stored = failed.then(|| self.session_tracker.take()).flatten();
        stored.into_iter().flat_map(StoredSessions::into_ids)
    }
}
