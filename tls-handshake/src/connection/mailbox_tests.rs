//! Tests the mailbox under loom, which tries the orders in which two threads can run, and the
//! values that each of their reads may return.

use std::sync::Arc;

use loom::model;
use loom::thread::spawn;

use self::mailbox::Mailbox;
use crate::error::Error;

/// The same source, with loom's atomics.
#[path = "mailbox.rs"]
#[expect(clippy::duplicate_mod, reason = "loom")]
#[expect(dead_code, reason = "`send_limit` does not change")]
mod mailbox;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};

    /// Loom has none. The threads of a model run in turns, so that only the flag decides what a
    /// thread sees. It has the orders of the standard library's.
    #[derive(Debug)]
    pub(super) struct OnceLock<T> {
        value: std::sync::OnceLock<T>,
        is_set: AtomicBool,
    }

    impl<T> OnceLock<T> {
        pub(super) fn new() -> Self {
            Self { value: std::sync::OnceLock::new(), is_set: AtomicBool::new(false) }
        }

        pub(super) fn set(&self, value: T) -> Result<(), T> {
            let result = self.value.set(value);
            self.is_set.store(true, Ordering::Release);
            result
        }

        pub(super) fn get(&self) -> Option<&T> {
            self.value.get().filter(|_| self.is_set.load(Ordering::Acquire))
        }
    }
}

/// What the sender found in the mailbox.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    key_updates: u32,
    renegotiations: u32,
    failures: u32,
}

impl Found {
    /// Looks and takes, as the sender does before each record.
    fn take_from(&mut self, mailbox: &Mailbox) {
        if !mailbox.has_mail() {
            return;
        }
        let mail = mailbox.take();
        self.key_updates += u32::from(mail.requests_key_update());
        self.renegotiations += u32::from(mail.refuses_renegotiation());
        if mail.is_failure() {
            self.failures += 1;
            assert_eq!(mailbox.error(), Some(&Error::BadRecordMac), "a failure without its error");
        }
    }
}

#[test]
fn mail_is_taken_once_and_with_its_error() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(false, 0));
        let at_receiver = Arc::clone(&mailbox);
        let receiver = spawn(move || {
            at_receiver.key_update_received(true);
            at_receiver.refuse_renegotiation();
            at_receiver.fail(&Error::BadRecordMac);
        });
        let mut found = Found::default();
        found.take_from(&mailbox);
        found.take_from(&mailbox);
        receiver.join().unwrap();
        found.take_from(&mailbox);
        assert_eq!(found, Found { key_updates: 1, renegotiations: 1, failures: 1 });
        assert!(!mailbox.has_mail());
    });
}

/// The error shows as long as the failure was not taken, so that the alert goes out first.
#[test]
fn failure_shows_until_it_is_taken() {
    model(|| {
        let mailbox = Arc::new(Mailbox::new(false, 0));
        let at_receiver = Arc::clone(&mailbox);
        let receiver = spawn(move || at_receiver.fail(&Error::BadRecordMac));
        if mailbox.has_failure() {
            assert_eq!(mailbox.error(), Some(&Error::BadRecordMac), "a failure without its error");
        }
        receiver.join().unwrap();
        assert!(mailbox.has_failure() && mailbox.take().is_failure() && !mailbox.has_failure());
    });
}

#[test]
fn first_error_counts() {
    model(|| {
        let mailbox = Mailbox::new(false, 0);
        mailbox.fail(&Error::BadRecordMac);
        mailbox.fail(&Error::EmptyRecord);
        assert_eq!(mailbox.error(), Some(&Error::BadRecordMac));
    });
}

/// The peer answers what the sender has noted before: the receiver expects the answer, and the
/// sender may request again.
#[test]
fn awaited_key_update_is_noted_once() {
    use self::sync::{AtomicBool, Ordering};

    model(|| {
        let (mailbox, wire) = (Arc::new(Mailbox::new(false, 0)), Arc::new(AtomicBool::new(false)));
        let (at_receiver, at_peer) = (Arc::clone(&mailbox), Arc::clone(&wire));
        let receiver = spawn(move || {
            let is_answer = at_peer.load(Ordering::Acquire);
            let was_awaited = at_receiver.key_update_received(false);
            assert!(was_awaited || !is_answer, "an answer to no request");
            was_awaited
        });
        mailbox.await_key_update();
        wire.store(true, Ordering::Release);
        let was_awaited = receiver.join().unwrap();
        assert!(!was_awaited || !mailbox.awaits_key_update(), "the sender may request again");
        assert!(!mailbox.has_mail());
    });
}
