//! Provisional.
use pki_types::ServerName;
use std::fmt;
use std::sync::Mutex;
use tls_handshake::{ClientSessionValue, SessionError};
use zeroize::Zeroizing;

/// Keeps a client's sessions.
pub trait StoresClientSessions: fmt::Debug + Send + Sync {
    /// Keeps.
    fn put(&self, session: ClientSessionValue);
    /// Takes.
    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue>;
}
/// In memory.
#[derive(Debug, Default)]
pub struct ClientSessionMemoryCache(Mutex<Vec<ClientSessionValue>>);
impl ClientSessionMemoryCache {
    /// Bounded.
    #[must_use]
    pub fn new(_: usize) -> Self {
        Self::default()
    }
    /// All.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::default()
    }
    /// All.
    ///
    /// # Errors
    /// Garbage.
    pub fn from_bytes(_: usize, _: &[u8]) -> Result<Self, SessionError> {
        Ok(Self::default())
    }
}
impl StoresClientSessions for ClientSessionMemoryCache {
    fn put(&self, session: ClientSessionValue) {
        if let Ok(mut all) = self.0.lock() {
            all.push(session);
        }
    }
    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue> {
        let mut all = self.0.lock().ok()?;
        let at = all.iter().position(|s| s.server_name() == server && s.scope() == scope)?;
        Some(all.swap_remove(at))
    }
}
/// None.
#[derive(Debug)]
pub struct NoClientSessionStorage;
impl StoresClientSessions for NoClientSessionStorage {
    fn put(&self, _: ClientSessionValue) {}
    fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
        None
    }
}
