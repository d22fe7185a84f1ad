//! Which of a server connection's sessions are in a store, so that they can be removed if the
//! connection fails.

use crate::resumption::StoredSessions;
use crate::states::RemembersSessions;

/// The stored sessions that the connection established or resumed. Empty if the server has no
/// store.
#[derive(Default)]
pub(crate) struct SessionTracker(Option<Box<StoredSessions>>);

impl SessionTracker {
    pub(crate) fn take(&mut self) -> Option<StoredSessions> {
        self.0.take().map(|sessions| *sessions)
    }
}

impl RemembersSessions for SessionTracker {
    fn remember(&mut self, sessions: StoredSessions) {
        self.0 = Some(Box::new(sessions));
    }
}
