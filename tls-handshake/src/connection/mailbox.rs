//! What the receiver of a split connection leaves for its sender.
//!
//! The sender looks at one atomic before each record, and takes what is there only if it is not
//! zero. Nothing waits: no lock is on the way of data.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::error::Error;

/// Shared by both halves of a connection.
pub(super) struct Mailbox {
    /// What the sender has not taken yet: a combination of the constants below.
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

/// What the sender took out of the mailbox.
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
        self.write_error(e);
        self.post(FAILURE);
    }

    fn write_error(&self, e: &Error) {
        let _ = self.error.set(e.clone_error());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An atomic step of a half.
    type Action<'m> = Box<dyn Fn(&Mailbox, &mut Seen) + 'm>;

    /// What the sender of the model saw.
    #[derive(Default)]
    struct Seen {
        /// KeyUpdate requests posted, and those posted when the sender last took one.
        posted: u32,
        answered: u32,
        /// The error was posted; the sender found it.
        has_failed: bool,
        failed: Option<Error>,
        looked: bool,
    }

    /// Calls `with` with each order in which two sequences of this length can interleave: `true`
    /// for a step of the first.
    fn each_order(first: usize, second: usize, so_far: &mut Vec<bool>, with: &mut impl FnMut(&[bool])) {
        if first + second == 0 {
            with(so_far);
        }
        for (is_first, left) in [(true, first), (false, second)] {
            if left > 0 {
                so_far.push(is_first);
                each_order(first - usize::from(is_first), second - usize::from(!is_first), so_far, with);
                so_far.pop();
            }
        }
    }

    /// In each order of the steps, the sender answers each request after it was made, and finds the
    /// error whenever it sees the failure.
    #[test]
    fn mail_is_not_lost_in_any_order() {
        let e = Error::BadRecordMac;
        let request = || -> Action<'_> {
            Box::new(|mailbox, seen| {
                seen.posted += 1;
                mailbox.key_update_received(true);
            })
        };
        let receiver: Vec<Action<'_>> = vec![
            request(),
            request(),
            Box::new(|mailbox, _| mailbox.write_error(&e)),
            Box::new(|mailbox, seen| {
                mailbox.post(FAILURE);
                seen.has_failed = true;
            }),
        ];
        let look: fn(&Mailbox, &mut Seen) = |mailbox, seen| seen.looked = mailbox.has_mail();
        let take: fn(&Mailbox, &mut Seen) = |mailbox, seen| {
            if !std::mem::take(&mut seen.looked) {
                return;
            }
            let mail = mailbox.take();
            if mail.requests_key_update() {
                assert!(seen.posted > seen.answered, "an answer to no request");
                seen.answered = seen.posted;
            }
            if mail.is_failure() {
                seen.failed = mailbox.error().cloned();
                assert!(seen.failed.is_some(), "a failure without its error");
            }
        };
        let sender = [look, take, look, take, look, take];
        let mut orders = 0;
        each_order(receiver.len(), sender.len(), &mut Vec::new(), &mut |order| {
            orders += 1;
            let (mailbox, mut seen) = (Mailbox::new(false, 0), Seen::default());
            let (mut of_receiver, mut of_sender) = (receiver.iter(), sender.iter());
            for is_receiver in order {
                match is_receiver {
                    true => of_receiver.next().unwrap()(&mailbox, &mut seen),
                    false => of_sender.next().unwrap()(&mailbox, &mut seen),
                }
            }
            // The sender's next call.
            look(&mailbox, &mut seen);
            take(&mailbox, &mut seen);
            assert_eq!((seen.answered, seen.failed), (2, Some(Error::BadRecordMac)), "{order:?}");
            assert!(seen.has_failed && !mailbox.has_mail());
        });
        assert_eq!(orders, 210, "10 choose 4");
    }

    #[test]
    fn first_error_counts() {
        let mailbox = Mailbox::new(false, 0);
        mailbox.fail(&Error::BadRecordMac);
        mailbox.fail(&Error::EmptyRecord);
        assert_eq!(mailbox.error(), Some(&Error::BadRecordMac));
    }

    /// Otherwise the sender would return the error before it can send the alert.
    #[test]
    fn failure_shows_from_post_to_take() {
        let mailbox = Mailbox::new(false, 0);
        mailbox.write_error(&Error::BadRecordMac);
        mailbox.post(KEY_UPDATE);
        assert!(!mailbox.has_failure());
        mailbox.post(FAILURE);
        assert!(mailbox.has_failure() && mailbox.has_mail());
        assert!(mailbox.take().is_failure() && !mailbox.has_failure());
    }

    #[test]
    fn awaited_key_update_is_noted_once() {
        let mailbox = Mailbox::new(false, 0);
        assert!(!mailbox.key_update_received(false) && !mailbox.has_mail());
        mailbox.await_key_update();
        assert!(mailbox.awaits_key_update() && mailbox.key_update_received(false));
        assert!(!mailbox.awaits_key_update() && !mailbox.key_update_received(false));
    }
}
