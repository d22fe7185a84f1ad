//! Sending without a copy: seals data in the buffer that the caller writes to the transport.

use super::Connection;
use crate::error::Error;
use crate::record::{Outgoing, RecordRoom};
use crate::states::Role;

impl<R: Role> Connection<R> {
    /// Returns the room that the next record needs around `content` bytes of application data.
    /// `None` if nothing can be [sent](Self::can_send), if `content` is 0, and if it exceeds
    /// [`record_capacity`](Self::record_capacity).
    #[must_use]
    pub fn room_around(&self, content: usize) -> Option<RecordRoom> {
        let fits = (1..=self.record_capacity()).contains(&content);
        let side = self.sender.whole().filter(|_| fits && self.can_send())?;
        Some(side.records.room_around(content))
    }

    /// Seals application data in place. `record` consists of the [room](Self::room_around) before
    /// the data, `content` bytes of data, and the room after it. Send the whole of `record` after
    /// the bytes in `outgoing`, which hold earlier records and possibly a KeyUpdate (RFC 9846
    /// §4.7.3).
    ///
    /// [`send`](Self::send) copies data into `outgoing`, which suits most programs. This method is
    /// for programs that read a file into the buffer that they write to the socket.
    ///
    /// ```
    /// use strata_tls_handshake::{Error, Outgoing, ServerConnection};
    ///
    /// /// Seals `data`, which has room around it. Write `outgoing` first, then the record.
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
    /// [`Error::HandshakeNotComplete`]; [`Error::RecordRoom`] if `record` has another length;
    /// otherwise as for [`send`](Self::send). After an error, do not send `record`.
    pub fn send_in_place(&mut self, record: &mut [u8], content: usize, outgoing: &mut Outgoing) -> Result<(), Error> {
        if !self.may_send()? {
            return Err(Error::HandshakeNotComplete);
        }
        let Some(room) = self.room_around(content) else {
            return Err(Error::RecordRoom { got: record.len(), need: None });
        };
        room.check(record, content)?;
        self.prepare_to_send(outgoing)?;
        self.sender.get()?.records.in_place(content, record)
    }
}
