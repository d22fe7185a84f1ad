//! Where a client's sessions are stored: under its server's name and the scope that they are bound to.

use std::sync::Arc;

use pki_types::ServerName;

use crate::config::ClientConfig;
use crate::resumption::{Scope, StoredSessions};
use crate::states::RemembersSessions;

/// Name and scope of a connection's sessions, and whether the store has, or had, some of them.
pub(crate) struct SessionTracker {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// What the client's identity is bound to, where it has one.
    identity: Option<Box<[u8; 32]>>,
    /// A session was offered, or the caller took one: if the connection fails, they must not be offered again.
    in_use: bool,
    /// Sessions of this connection are not to be stored.
    discards: bool,
}

impl SessionTracker {
    pub(crate) fn new(config: Arc<ClientConfig>, name: ServerName<'static>, identity: Option<[u8; 32]>) -> Self {
        Self { config, name, identity: identity.map(Box::new), in_use: false, discards: false }
    }

    pub(crate) fn identity(&self) -> Option<&[u8; 32]> {
        self.identity.as_deref()
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
        self.config.scope_of_identity(self.identity())
    }

    /// A session was offered, or the caller stores sessions of this connection.
    pub(crate) fn use_it(&mut self) {
        self.in_use = true;
    }

    /// Returns whether sessions must be removed, once.
    pub(crate) fn fail(&mut self) -> bool {
        std::mem::take(&mut self.in_use)
    }
}

impl RemembersSessions for SessionTracker {
    /// A client takes its sessions itself, and has no store with ids.
    fn remember(&mut self, _: StoredSessions) {}
}
