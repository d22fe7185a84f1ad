//! Which sessions of a server's connection a store has.

use crate::resumption::StoredSessions;
use crate::states::RemembersSessions;

/// The sessions that the connection led to or resumed. Without a store it holds nothing.
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
