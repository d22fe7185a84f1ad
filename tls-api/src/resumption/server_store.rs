//! Provisional.
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use zeroize::Zeroizing;

/// Keeps a server's sessions.
pub trait StoresServerSessions: fmt::Debug + Send + Sync {
    /// Keeps.
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool;
    /// Finds.
    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
    /// Takes out.
    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
    /// Whether it keeps at all.
    fn can_cache(&self) -> bool;
}

/// In memory.
#[derive(Default)]
pub struct ServerSessionMemoryCache(Mutex<HashMap<Vec<u8>, Zeroizing<Vec<u8>>>>);
impl fmt::Debug for ServerSessionMemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSessionMemoryCache")
    }
}
impl ServerSessionMemoryCache {
    /// Bounded.
    #[must_use]
    pub fn new(_: usize) -> Self {
        Self::default()
    }
}
impl StoresServerSessions for ServerSessionMemoryCache {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, _: u32) -> bool {
        self.0.lock().is_ok_and(|mut map| map.insert(id.to_vec(), session).is_none())
    }
    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.lock().ok()?.get(id).cloned()
    }
    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.lock().ok()?.remove(id)
    }
    fn can_cache(&self) -> bool {
        true
    }
}
/// None.
#[derive(Debug)]
pub struct NoServerSessionStorage;
impl StoresServerSessions for NoServerSessionStorage {
    fn put(&self, _: &[u8], _: Zeroizing<Vec<u8>>, _: u32) -> bool {
        false
    }
    fn get(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
    fn take(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
    fn can_cache(&self) -> bool {
        false
    }
}
