//! Notes under which server name and scope a client's connection uses stored sessions, and whether
//! it failed. The facade then removes the sessions (`session/client` in tls-api).

use std::sync::Arc;

use pki_types::ServerName;
use tls_codec::code_points::NamedGroup;
use tls_crypto::quic::Version;

use crate::config::ClientConfig;
use crate::negotiated::HandshakeKind;
use crate::resumption::{Scope, StoredSessions};
use crate::states::RemembersSessions;

/// The name and scope of a connection's sessions, and whether the application uses any of them.
pub(crate) struct SessionTracker {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// The scope of the client's identity, if it has one.
    identity: Option<Box<[u8; 32]>>,
    /// True once a session was offered or taken. If the connection fails, the application must
    /// remove the server's sessions.
    in_use: bool,
    /// The group that the server is known to use.
    pub(crate) last_group: Option<NamedGroup>,
    /// True if sessions of this connection must not be stored.
    discards: bool,
    /// The version of QUIC; without meaning over records.
    pub(crate) quic_version: Version,
}

impl SessionTracker {
    pub(crate) fn new(config: Arc<ClientConfig>, name: ServerName<'static>, identity: Option<[u8; 32]>) -> Self {
        Self {
            config,
            name,
            identity: identity.map(Box::new),
            in_use: false,
            last_group: None,
            discards: false,
            quic_version: Version::V1,
        }
    }

    pub(crate) fn identity(&self) -> Option<&[u8; 32]> {
        self.identity.as_deref()
    }

    /// Notes the group of a TLS 1.3 handshake. Returns it if the next connection to this server
    /// should know it.
    pub(crate) fn take_group(&mut self, used: NamedGroup, kind: HandshakeKind) -> Option<NamedGroup> {
        let is_news = self.last_group.is_some() || kind.is_retried();
        if self.last_group == Some(used) || !is_news {
            return None;
        }
        self.last_group = Some(used);
        Some(used)
    }

    pub(crate) fn discard(&mut self) {
        self.discards = true;
    }

    pub(crate) fn discards(&self) -> bool {
        self.discards
    }

    pub(crate) fn name(&self) -> &ServerName<'static> {
        &self.name
    }

    pub(crate) fn scope(&self) -> Scope {
        self.config.scope_of_identity(self.identity()).in_quic(self.quic_version)
    }

    /// Notes that a session was offered, or that the application stores sessions of this
    /// connection.
    pub(crate) fn use_it(&mut self) {
        self.in_use = true;
    }

    /// Returns whether sessions must be removed, and clears that mark.
    pub(crate) fn fail(&mut self) -> bool {
        std::mem::take(&mut self.in_use)
    }
}

impl RemembersSessions for SessionTracker {
    /// Does nothing: the application takes a client's sessions itself and needs no IDs.
    fn remember(&mut self, _: StoredSessions) {}
}
