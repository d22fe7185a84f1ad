//! Record sizes: how much the next record holds, and what was negotiated.

use super::Connection;
use super::sending_side::SenderSlot;
use crate::record_size_limit::RecordLimits;
use crate::states::Role;

impl<R: Role> Connection<R> {
    /// Returns how many bytes the next [`send`](Self::send) takes at most: the capacity of one
    /// record now.
    #[must_use]
    pub fn record_capacity(&self) -> usize {
        self.sender.whole().map_or(0, |side| side.records.record_capacity())
    }

    /// Returns the maximum record content in each direction, as negotiated with record_size_limit
    /// (RFC 8449) or max_fragment_length (RFC 6066 §4). Without negotiation it is the maximum of
    /// the protocol.
    ///
    /// ```
    /// use strata_tls_handshake::ServerConnection;
    ///
    /// fn is_constrained(connection: &ServerConnection) -> bool {
    ///     connection.record_limits().send < 1 << 14
    /// }
    /// ```
    #[must_use]
    pub fn record_limits(&self) -> RecordLimits {
        let send = match &self.sender {
            SenderSlot::Whole(side) => side.records.negotiated_limit(),
            SenderSlot::Split(mailbox) => mailbox.send_limit,
        };
        RecordLimits { send, receive: self.receiver.negotiated_limit() }
    }

    /// Restarts the record size [ramp-up](crate::ServerConfig::set_record_ramp_up): the next
    /// records are short again. Call it after a pause in sending, since TCP may have reduced its
    /// congestion window. The caller has the clock and chooses the length of the pause, for example
    /// one second.
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use std::time::{Duration, Instant};
    /// use strata_tls_handshake::{Error, Outgoing, ServerConnection};
    ///
    /// fn send(
    ///     connection: &mut ServerConnection,
    ///     data: &[u8],
    ///     outgoing: &mut Outgoing,
    ///     last: &mut Instant,
    /// ) -> Result<usize, Error> {
    ///     let now = Instant::now();
    ///     if outgoing.is_empty() && now - *last > Duration::from_secs(1) {
    ///         connection.note_idle();
    ///     }
    ///     *last = now;
    ///     connection.send(&[IoSlice::new(data)], outgoing)
    /// }
    /// ```
    pub fn note_idle(&mut self) {
        if let Some(side) = self.sender.whole_mut() {
            side.records.note_idle();
        }
    }
}
