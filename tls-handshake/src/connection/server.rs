//! What only a server's connection does: it waits for a client.

use std::sync::Arc;

use tls_codec::code_points::ProtocolVersion;
use tls_crypto::SystemRandom;

use super::{ServerConnection, transmit};
use crate::config::ServerConfig;
use crate::record::{Joiner, Receive};
use crate::server::Server;
use crate::server::hello::WaitClientHello;

impl ServerConnection {
    /// Waits for a ClientHello. If settings [exclude each other](ServerConfig::validate) the connection fails when it comes.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        let transmit = transmit(&config.common, ProtocolVersion::TLS12);
        let (joiner, key_log) = (Joiner::new(config.common.limits.handshake_message), config.common.key_log.clone());
        let state = Server::WaitClientHello(WaitClientHello::new(config, &SystemRandom));
        Self::with(Ok(state), Receive::new(), transmit, joiner, key_log, ())
    }
}
