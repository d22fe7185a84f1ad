//! Sending what the caller has put where it is sealed and sent from: without a copy.

use super::Connection;
use crate::error::Error;
use crate::record::{Outgoing, RecordRoom};
use crate::states::Role;

impl<R: Role> Connection<R> {
    /// The room that the next record needs around this many bytes of application data; `None` while nothing can be
    /// [sent](Self::can_send), for no bytes, and for more than [fit](Self::record_capacity).
    #[must_use]
    pub fn room_around(&self, content: usize) -> Option<RecordRoom> {
        let fits = (1..=self.record_capacity()).contains(&content);
        (fits && self.can_send()).then(|| self.sender.room_around(content))
    }

    /// Seals application data where it lies: `record` is [room](Self::room_around), then `content` bytes of data, then room. All of it
    /// is to be sent afterwards, behind what is in `outgoing`: a KeyUpdate may have to come before it (RFC 9846 §4.7.3), and
    /// earlier records have to.
    ///
    /// [`send`](Self::send) copies data into `outgoing`, which is what most programs need. This is for those that read it from a
    /// file into the buffer that they write to the socket.
    ///
    /// ```
    /// use strata_tls_handshake::{Error, Outgoing, ServerConnection};
    ///
    /// /// Of a buffer into which a file was read behind some room: what to write to the socket, once `outgoing` is written.
    /// fn seal<'b>(
    ///     connection: &mut ServerConnection,
    ///     buffer: &'b mut [u8],
    ///     data: std::ops::Range<usize>,
    ///     outgoing: &mut Outgoing,
    /// ) -> Result<&'b [u8], Error> {
    ///     let room = connection.room_around(data.len()).ok_or(Error::HandshakeNotComplete)?;
    ///     let record = &mut buffer[data.start - room.before..data.end + room.after];
    ///     connection.send_in_place(record, data.len(), outgoing)?;
    ///     Ok(record)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; [`Error::RecordRoom`] if `record` is not just that long; as for [`send`](Self::send) otherwise. Nothing is
    /// to be sent of `record` then.
    pub fn send_in_place(&mut self, record: &mut [u8], content: usize, outgoing: &mut Outgoing) -> Result<(), Error> {
        if !self.may_send()? {
            return Err(Error::HandshakeNotComplete);
        }
        let room = self.room_around(content).ok_or(Error::RecordRoom { got: record.len(), need: None })?;
        let need = room.before.saturating_add(content).saturating_add(room.after);
        if record.len() != need {
            return Err(Error::RecordRoom { got: record.len(), need: Some(need) });
        }
        self.prepare_to_send(outgoing)?;
        self.sender.in_place(content, record)
    }
}
