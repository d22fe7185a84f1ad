//! How long the next record may be.

use super::Connection;
use crate::record_limits::RecordLimits;
use crate::states::Role;

impl<R: Role> Connection<R> {
    /// How many bytes the next [`send`](Self::send) takes at most: those of one record, as long as it may be now.
    #[must_use]
    pub fn record_capacity(&self) -> usize {
        self.sender.record_capacity()
    }

    /// Returns how much a record holds at most in each direction, as negotiated with record_size_limit
    /// (RFC 8449) or max_fragment_length (RFC 6066 §4); what the protocol allows if neither was.
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
        RecordLimits { send: self.sender.negotiated_limit(), receive: self.receiver.negotiated_limit() }
    }

    /// Tells that nothing was sent for so long that TCP may have to feel its way anew: where records
    /// [ramp up](crate::ServerConfig::set_record_ramp_up), the next ones are short again. How long that is, a second perhaps, is for
    /// the caller to say, who has a clock.
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
        self.sender.note_idle();
    }
}
