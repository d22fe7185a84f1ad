//! The halves of a connection, for two threads or tasks: [`Receiver`] and [`Sender`].
//!
//! Each owns its keys. They share one small mailbox for the four events in which they meet: a
//! KeyUpdate that the peer requests, a renegotiation to decline, an error that ends both, and the
//! KeyUpdate that this side requested.

use std::fmt;
use std::io::IoSlice;
use std::ops::Deref;
use std::sync::Arc;

use pki_types::{ServerName, UnixTime};

use super::mailbox::Mailbox;
use super::sending::{SenderSlot, SendingSide};
use super::{Connection, Processed};
use crate::client::Client;
use crate::error::Error;
use crate::key_update::{Traffic, WriteTraffic};
use crate::record::{Outgoing, RecordRoom};
use crate::resumption::ClientSessionValue;
use crate::server::Server;
use crate::states::{Role, StateMachine};

/// The receiving half of a connection, from [`Connection::split`].
///
/// It dereferences to a [`Connection`], for its accessors. There is one receiver:
///
/// ```compile_fail,E0599
/// fn twice(receiver: strata_tls_handshake::Receiver<strata_tls_handshake::client::Client>) {
///     let _ = (receiver.clone(), receiver);
/// }
/// ```
pub struct Receiver<R: Role>(Connection<R>);

/// The sending half of a connection, from [`Connection::split`].
///
/// It needs the caller for what the [`Receiver`] leaves to it: the KeyUpdate that the peer
/// requested, a warning, or the alert of an error. Each call that sends begins with that. If the
/// application has nothing to send, call [`process_mail`](Self::process_mail) when
/// [`has_mail`](Self::has_mail) returns `true`.
///
/// There is one sender, so that no two records have the same nonce:
///
/// ```compile_fail,E0599
/// fn twice(sender: &strata_tls_handshake::Sender) -> strata_tls_handshake::Sender {
///     sender.clone()
/// }
/// ```
pub struct Sender {
    side: SendingSide,
    /// `None` in TLS 1.2, which has no KeyUpdate.
    keys: Option<Box<WriteTraffic>>,
    mailbox: Arc<Mailbox>,
    /// The failure was taken out of the mailbox.
    has_failed: bool,
}

impl<R: Role> Connection<R> {
    /// Splits the connection after its handshake, so that one thread receives while another one
    /// sends, without a lock.
    ///
    /// ```
    /// use std::thread;
    /// use strata_tls_handshake::{Outgoing, Progress, ServerConnection};
    ///
    /// /// Discards what the peer sends, and sends `data`.
    /// fn serve(connection: ServerConnection, mut incoming: Vec<u8>, data: &'static [u8]) {
    ///     let Ok((mut receiver, mut sender)) = connection.split() else { return };
    ///     let received = thread::spawn(move || {
    ///         while let Ok(done) = receiver.process(&mut incoming) {
    ///             incoming.drain(..done.consumed);
    ///             if let Progress::NeedMoreInput { .. } = done.progress {
    ///                 break; // read from the transport
    ///             }
    ///         }
    ///     });
    ///     let mut outgoing = Outgoing::new();
    ///     let _ = sender.send(&[std::io::IoSlice::new(data)], &mut outgoing);
    ///     // … write `outgoing` to the transport …
    ///     let _ = received.join();
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SplitError`], which returns the connection unchanged, before the end of the handshake,
    /// while a request waits for its answer, and after a failure.
    pub fn split(mut self) -> Result<(Receiver<R>, Sender), SplitError<Self>> {
        match self.take_sender() {
            Ok(sender) => Ok((Receiver(self), sender)),
            Err(obstacle) => Err(SplitError::new(self, obstacle)),
        }
    }

    /// [Splits](Self::split) the connection in place, for code that does not tell a whole
    /// connection from the half that receives. Afterwards this connection only receives: its calls
    /// that send return [`Error::SendAfterClose`] or do nothing.
    ///
    /// # Errors
    /// [`SplitObstacle`]; the connection is unchanged.
    pub fn take_sender(&mut self) -> Result<Sender, SplitObstacle> {
        if let Some(obstacle) = self.obstacle() {
            return Err(obstacle);
        }
        let side = self.sender.get().map_err(SplitObstacle::Failed)?;
        let mailbox = Arc::new(Mailbox::new(side.awaits_key_update, side.records.negotiated_limit()));
        match std::mem::replace(&mut self.sender, SenderSlot::Split(Arc::clone(&mailbox))) {
            SenderSlot::Whole(side) => {
                let traffic = self.state.as_mut().ok().and_then(StateMachine::traffic_mut);
                Ok(Sender { side, keys: traffic.and_then(Traffic::take_write), mailbox, has_failed: false })
            }
            SenderSlot::Split(_) => Err(SplitObstacle::Failed(Error::SendAfterClose)),
        }
    }

    /// Returns whether the [`Sender`] has something to send because of what was received, and has
    /// not taken it yet. Wake the task that sends if this returns `true` after
    /// [`process`](Self::process). `false` for a connection that is not split.
    #[must_use]
    pub fn has_mail_for_sender(&self) -> bool {
        matches!(&self.sender, SenderSlot::Split(mailbox) if mailbox.has_mail())
    }

    /// Why the connection cannot be split now.
    fn obstacle(&self) -> Option<SplitObstacle> {
        if let Err(e) = &*self.state {
            Some(SplitObstacle::Failed(e.clone_error()))
        } else if self.is_handshaking() {
            Some(SplitObstacle::Handshake)
        } else if self.awaiting_answer {
            Some(SplitObstacle::Answer)
        } else {
            None
        }
    }
}

impl<R: Role> Receiver<R> {
    /// Processes the record at the front of `incoming`, as [`Connection::process`] does. What must
    /// be sent is left to the [`Sender`]: see
    /// [`has_mail_for_sender`](Connection::has_mail_for_sender).
    ///
    /// # Errors
    /// As for [`Connection::process`]. The sender fails with the same error, and sends the alert.
    pub fn process(&mut self, incoming: &mut [u8]) -> Result<Processed, Error> {
        // Stays empty, and so allocates nothing.
        self.0.process(incoming, &mut Outgoing::new())
    }

    /// Signals that the transport reached its end. The sender can still send.
    ///
    /// # Errors
    /// [`Error::Truncated`] without close_notify.
    pub fn end_of_input(&mut self) -> Result<(), Error> {
        self.0.end_of_input()
    }
}

impl Receiver<Client> {
    /// Returns the sessions received since the last call, as
    /// [`Connection::take_sessions`](crate::ClientConnection::take_sessions) does.
    #[must_use]
    pub fn take_sessions(&mut self, now: UnixTime) -> Vec<ClientSessionValue> {
        self.0.take_sessions(now)
    }

    /// Returns the server name and the scope whose sessions must be removed after a failure, as
    /// [`Connection::failed_sessions`](crate::ClientConnection::failed_sessions) does.
    #[must_use]
    pub fn failed_sessions(&mut self) -> Option<(&ServerName<'static>, [u8; 32])> {
        self.0.failed_sessions()
    }
}

impl Receiver<Server> {
    /// Returns the ids of the sessions that must be removed after a failure, as
    /// [`Connection::failed_sessions`](crate::ServerConnection::failed_sessions) does.
    pub fn failed_sessions(&mut self) -> impl Iterator<Item = [u8; 32]> + use<> {
        self.0.failed_sessions()
    }
}

impl<R: Role> Deref for Receiver<R> {
    type Target = Connection<R>;

    fn deref(&self) -> &Connection<R> {
        &self.0
    }
}

impl Sender {
    /// Seals as much of `data` as fits one record, as [`Connection::send`] does.
    ///
    /// # Errors
    /// As for [`Connection::send`]. After an error of the receiver, that error; `outgoing` then
    /// holds the alert.
    pub fn send(&mut self, data: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error> {
        self.may_send(outgoing)?;
        if data.iter().all(|slice| slice.is_empty()) {
            return Ok(0);
        }
        self.prepare_to_send(outgoing)?;
        self.side.records.application_data(data, outgoing)
    }

    /// Returns the room around `content` bytes of application data, as
    /// [`Connection::room_around`] does.
    #[must_use]
    pub fn room_around(&self, content: usize) -> Option<RecordRoom> {
        let fits = (1..=self.record_capacity()).contains(&content);
        (fits && self.can_send()).then(|| self.side.records.room_around(content))
    }

    /// Seals application data in place, as [`Connection::send_in_place`] does.
    ///
    /// # Errors
    /// [`Error::RecordRoom`]; otherwise as for [`send`](Self::send).
    pub fn send_in_place(&mut self, record: &mut [u8], content: usize, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.may_send(outgoing)?;
        let Some(room) = self.room_around(content) else {
            return Err(Error::RecordRoom { got: record.len(), need: None });
        };
        room.check(record, content)?;
        self.prepare_to_send(outgoing)?;
        self.side.records.in_place(content, record)
    }

    /// Returns how many bytes the next [`send`](Self::send) takes at most.
    #[must_use]
    pub fn record_capacity(&self) -> usize {
        self.side.records.record_capacity()
    }

    /// Returns whether [`send`](Self::send) takes data: until close_notify or an error.
    #[must_use]
    pub fn can_send(&self) -> bool {
        !self.side.is_closed && self.error().is_none()
    }

    /// Returns the receiver's error that ended the connection. Its alert is then in `outgoing`, or
    /// [`has_mail`](Self::has_mail) returns `true`.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        if self.has_failed || self.mailbox.has_failure() { self.mailbox.error() } else { None }
    }

    /// Returns whether [`process_mail`](Self::process_mail) has something to do.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.mailbox.has_mail() || (self.side.has_pending_key_update && !self.side.is_closed)
    }

    /// Sends what the receiver left: the KeyUpdate that the peer requested, a warning, or the alert
    /// of an error. The KeyUpdate waits until `outgoing` is empty, or for the next data, so that
    /// the peer cannot grow the queue. One answers any number of requests.
    ///
    /// # Errors
    /// The error of the receiver, after `outgoing` got the alert.
    pub fn process_mail(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.take_mail(outgoing)?;
        match &mut self.keys {
            Some(keys) if self.side.has_pending_key_update && !self.side.is_closed && outgoing.is_empty() => {
                self.side.send_pending_key_update(keys, outgoing)
            }
            _ => Ok(()),
        }
    }

    /// Sends close_notify: no more data will be sent. The receiver continues (RFC 9846 §6.1). Does
    /// nothing after an error, whose alert it sends instead.
    pub fn send_close_notify(&mut self, outgoing: &mut Outgoing) {
        if self.take_mail(outgoing).is_ok() {
            self.side.close(outgoing);
        }
    }

    /// Updates the sending keys and requests that the peer updates its own, as
    /// [`Connection::refresh_traffic_keys`] does.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`]; [`Error::NoKeyUpdate`] in TLS 1.2; the receiver's error.
    pub fn refresh_traffic_keys(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.may_send(outgoing)?;
        let keys = self.keys.as_deref_mut().ok_or(Error::NoKeyUpdate)?;
        if self.side.refresh(keys, self.mailbox.awaits_key_update(), outgoing)? {
            // The request is still in `outgoing`, so its answer cannot come before this.
            self.mailbox.await_key_update();
        }
        Ok(())
    }

    /// Restarts the record size ramp-up, as [`Connection::note_idle`] does.
    pub fn note_idle(&mut self) {
        self.side.records.note_idle();
    }

    /// Handles the mail. Returns the error that prevents sending for good.
    #[inline]
    fn may_send(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.take_mail(outgoing)?;
        if self.side.is_closed { Err(Error::SendAfterClose) } else { Ok(()) }
    }

    /// Looks into the mailbox: one atomic read if it is empty.
    #[inline]
    fn take_mail(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        if self.has_failed || self.mailbox.has_mail() { self.handle_mail(outgoing) } else { Ok(()) }
    }

    #[cold]
    fn handle_mail(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let mail = self.mailbox.take();
        self.has_failed |= mail.is_failure();
        self.side.has_pending_key_update |= mail.requests_key_update();
        if mail.refuses_renegotiation() {
            self.side.refuse_renegotiation(outgoing)?;
        }
        match self.mailbox.error().filter(|_| self.has_failed) {
            Some(e) => {
                if mail.is_failure() {
                    self.side.fail(e, outgoing);
                }
                Err(e.clone_error())
            }
            None => Ok(()),
        }
    }

    #[inline]
    fn prepare_to_send(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let is_key_exhausted = self.side.is_key_exhausted(true);
        match &mut self.keys {
            Some(keys) => self.side.prepare(keys, is_key_exhausted, outgoing),
            None if is_key_exhausted => {
                self.side.close(outgoing);
                Err(Error::KeyExhausted)
            }
            None => Ok(()),
        }
    }
}

/// A connection that was not split, and why.
pub struct SplitError<C>(Box<(C, SplitObstacle)>);

/// Why a connection cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitObstacle {
    /// The handshake is not complete.
    Handshake,
    /// A request waits for its answer, for example one for the tickets of a server.
    Answer,
    /// Early data is unread.
    EarlyData,
    /// The connection failed with this error.
    Failed(Error),
}

impl<C> SplitError<C> {
    /// Creates an error that returns `connection`.
    #[must_use]
    pub fn new(connection: C, obstacle: SplitObstacle) -> Self {
        Self(Box::new((connection, obstacle)))
    }

    /// Returns why the connection was not split.
    #[must_use]
    pub fn obstacle(&self) -> &SplitObstacle {
        &self.0.1
    }

    /// Returns the connection, unchanged, and why it was not split.
    #[must_use]
    pub fn into_parts(self) -> (C, SplitObstacle) {
        *self.0
    }

    /// Returns the same error for what contains the connection.
    #[must_use]
    pub fn map<D>(self, into: impl FnOnce(C) -> D) -> SplitError<D> {
        let (connection, obstacle) = *self.0;
        SplitError::new(into(connection), obstacle)
    }
}

impl fmt::Display for SplitObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot split the connection: ")?;
        match self {
            Self::Handshake => f.write_str("the handshake is not complete; complete it first"),
            Self::Answer => f.write_str("a request waits for its answer; answer it first"),
            Self::EarlyData => f.write_str("early data is unread; read it first"),
            Self::Failed(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for SplitObstacle {}

impl<C> fmt::Display for SplitError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.1.fmt(f)
    }
}

impl<C> fmt::Debug for SplitError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SplitError").field(&self.0.1).finish()
    }
}

impl<C> std::error::Error for SplitError<C> {}

/// Omits the state, which contains secrets.
impl<R: Role> fmt::Debug for Receiver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("error", &self.0.error()).finish_non_exhaustive()
    }
}

/// Omits the keys.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("error", &self.error()).finish_non_exhaustive()
    }
}
