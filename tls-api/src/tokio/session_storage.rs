//! [`StoresSessions`]: storage of a server's sessions for which its tasks wait, such as a database.
//! The storage that answers at once is in `resumption`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::answers::{StartAnswers, Started, Work};
use crate::resumption::StoresServerSessions;
use crate::resumption::server_session_lookup::MAX_LOOKUPS;
use crate::{Answer, Need, NeedNewSession, NeedSession, ServerConfig, SessionBackend};

/// Stores a server's sessions where the task must wait for them: in a database that a fleet shares.
/// The asynchronous form of [`StoresServerSessions`].
///
/// `async fn` implements the methods:
///
/// ```
/// use std::collections::HashMap;
/// use strata_tls::tokio::{StoresSessions, TlsAcceptor};
/// use tokio::sync::Mutex;
/// use zeroize::Zeroizing;
///
/// #[derive(Default)]
/// struct Database(Mutex<HashMap<Vec<u8>, Zeroizing<Vec<u8>>>>);
///
/// impl StoresSessions for Database {
///     async fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, _lifetime: u32) {
///         self.0.lock().await.insert(id.to_vec(), session);
///     }
///
///     async fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
///         self.0.lock().await.get(id).cloned()
///     }
///
///     async fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
///         self.0.lock().await.remove(id)
///     }
/// }
///
/// fn use_database(acceptor: &mut TlsAcceptor) {
///     acceptor.set_session_storage(Database::default());
/// }
/// ```
///
/// A session is a byte string and a secret: anyone holding it can resume it. A lost or altered
/// session costs the client a full handshake. On an error, return as if the session were missing,
/// and soon: a handshake waits for `get` and `take`.
pub trait StoresSessions: Send + Sync + 'static {
    /// Stores a session. It cannot be resumed after `lifetime` seconds, when a store should remove
    /// it. IDs are random and 32 bytes long.
    ///
    /// In TLS 1.3 the ticket and data pass meanwhile; only `shutdown` waits. A stream that is
    /// dropped drops this future.
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> impl Future<Output = ()> + Send;

    /// Returns a copy of the session with this ID.
    fn get(&self, id: &[u8]) -> impl Future<Output = Option<Zeroizing<Vec<u8>>>> + Send;

    /// Removes and returns the session with this ID. Of all concurrent callers, on all machines
    /// that share the store, only one may get it: this prevents replays of early data (RFC 9846
    /// §8.1). Also called to remove the sessions of a failed connection.
    fn take(&self, id: &[u8]) -> impl Future<Output = Option<Zeroizing<Vec<u8>>>> + Send;
}

impl<S: StoresSessions> StoresSessions for Arc<S> {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> impl Future<Output = ()> + Send {
        (**self).put(id, session, lifetime)
    }

    fn get(&self, id: &[u8]) -> impl Future<Output = Option<Zeroizing<Vec<u8>>>> + Send {
        (**self).get(id)
    }

    fn take(&self, id: &[u8]) -> impl Future<Output = Option<Zeroizing<Vec<u8>>>> + Send {
        (**self).take(id)
    }
}

/// Answers the requests about sessions from a store. The configuration verifies what was found.
pub(super) struct Stored<S> {
    pub(super) config: Arc<ServerConfig>,
    pub(super) store: S,
}

impl<S: StoresSessions> Stored<S> {
    async fn find(&self, need: NeedSession) -> Answer {
        let ids: Vec<Vec<u8>> =
            need.identities().filter(|id| need.is_store_id(id)).take(MAX_LOOKUPS).map(<[u8]>::to_vec).collect();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(session) = self.store.get(&id).await {
                found.push((id, session));
            }
        }
        self.config.answer_from(&SessionBackend::Store(Arc::new(Snapshot(found))), Need::Session(need))
    }

    /// Names the sessions by their IDs at once, so that tickets go out with the first data. A
    /// session that is not stored costs a full handshake.
    fn issue(self: Arc<Self>, mut need: NeedNewSession) -> Started {
        let ids = need.store_ids().zip(self.config.now());
        let sessions: Vec<_> = ids.map_or_else(Vec::new, |(ids, now)| {
            let sessions = need.sessions(now).iter().enumerate();
            sessions.map(|(index, session)| (ids.id(index), session.encode(), session.lifetime())).collect()
        });
        let answer = need.answer(sessions.iter().map(|(id, ..)| id.to_vec()).collect());
        let work = Work::new(async move {
            for (id, session, lifetime) in sessions {
                self.store.put(&id, session, lifetime).await;
            }
            None
        });
        Started { answer: Some(answer), work }
    }
}

impl<S: StoresSessions> StartAnswers for Stored<S> {
    fn start(self: Arc<Self>, need: Need) -> Result<Started, Need> {
        Ok(match need {
            Need::Session(need) => Work::new(async move { Some(self.find(need).await) }).into(),
            Need::TakeSession(need) => Work::new(async move {
                let is_there = self.store.take(need.identity()).await.is_some();
                Some(if is_there { need.taken() } else { need.gone() })
            })
            .into(),
            Need::NewSession(need) => self.issue(need),
            other => return Err(other),
        })
    }

    fn start_removal(self: Arc<Self>, ids: Vec<[u8; 32]>) -> Work {
        Work::new(async move {
            for id in ids {
                drop(self.store.take(&id).await);
            }
            None
        })
    }
}

/// The sessions that one ClientHello offers.
struct Snapshot(Vec<(Vec<u8>, Zeroizing<Vec<u8>>)>);

impl StoresServerSessions for Snapshot {
    fn put(&self, _: &[u8], _: Zeroizing<Vec<u8>>, _: u32) -> bool {
        false
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.iter().find(|(found, _)| found == id).map(|(_, session)| session.clone())
    }

    fn take(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("len", &self.0.len()).finish_non_exhaustive()
    }
}
