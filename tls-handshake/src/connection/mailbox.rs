//! What the receiving half of a connection leaves for the sending half.
//!
//! The sender looks at one atomic before each record, and takes what is there only if it is not
//! zero. Nothing waits: no lock is on the way of data.

use super::sync::{AtomicBool, AtomicU8, OnceLock, Ordering};
use crate::error::Error;

/// Shared by both halves of a connection.
pub(super) struct Mailbox {
    /// The mail that the sender has not taken yet: a combination of the constants below.
    mail: AtomicU8,
    /// The sender requested a KeyUpdate that the receiver has not got yet.
    awaits_key_update: AtomicBool,
    /// The maximum content of a sent record, as negotiated.
    pub(super) send_limit: u16,
    /// The error that ended the connection. Written before [`FAILURE`] is set.
    error: OnceLock<Error>,
}

/// The peer requested a KeyUpdate.
const KEY_UPDATE: u8 = 1;
/// The peer requested a renegotiation, to be declined.
const RENEGOTIATION: u8 = 2;
/// The connection failed.
const FAILURE: u8 = 4;

/// The mail that the sender took out of the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mail(u8);

impl Mail {
    pub(super) fn requests_key_update(self) -> bool {
        self.0 & KEY_UPDATE != 0
    }

    pub(super) fn refuses_renegotiation(self) -> bool {
        self.0 & RENEGOTIATION != 0
    }

    pub(super) fn is_failure(self) -> bool {
        self.0 & FAILURE != 0
    }
}

impl Mailbox {
    pub(super) fn new(awaits_key_update: bool, send_limit: u16) -> Self {
        Self {
            mail: AtomicU8::new(0),
            awaits_key_update: AtomicBool::new(awaits_key_update),
            send_limit,
            error: OnceLock::new(),
        }
    }

    // --- The receiver ---

    /// Notes a KeyUpdate of the peer. Returns whether this side had requested it.
    pub(super) fn key_update_received(&self, is_requested: bool) -> bool {
        if is_requested {
            self.post(KEY_UPDATE);
        }
        self.awaits_key_update.swap(false, Ordering::AcqRel)
    }

    pub(super) fn refuse_renegotiation(&self) {
        self.post(RENEGOTIATION);
    }

    /// Ends the sender with this error. The first one counts.
    pub(super) fn fail(&self, e: &Error) {
        let _ = self.error.set(e.clone_error());
        self.post(FAILURE);
    }

    fn post(&self, mail: u8) {
        self.mail.fetch_or(mail, Ordering::Release);
    }

    // --- The sender ---

    /// Returns whether the sender has something to take.
    #[inline]
    pub(super) fn has_mail(&self) -> bool {
        self.mail.load(Ordering::Acquire) != 0
    }

    /// Takes everything.
    pub(super) fn take(&self) -> Mail {
        Mail(self.mail.swap(0, Ordering::AcqRel))
    }

    /// Returns whether a failure was posted that the sender has not taken yet.
    pub(super) fn has_failure(&self) -> bool {
        self.mail.load(Ordering::Acquire) & FAILURE != 0
    }

    /// The error that ended the connection. There is one once the sender has taken a failure.
    pub(super) fn error(&self) -> Option<&Error> {
        self.error.get()
    }

    pub(super) fn awaits_key_update(&self) -> bool {
        self.awaits_key_update.load(Ordering::Acquire)
    }

    pub(super) fn await_key_update(&self) {
        self.awaits_key_update.store(true, Ordering::Release);
    }
}
