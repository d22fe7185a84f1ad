//! The effects of a state, in wire order.
//!
//! States do no I/O and do not see the record layer. They call a [`Sink`] to send messages, install
//! keys and report events. The [connection](crate::connection) implements it; tests record the
//! calls and compare whole flights as lists.

use tls_codec::error::BufferFull;
use tls_codec::writer::Writer;

use crate::error::Error;
use crate::framed::RecordBoundary;
pub use crate::record_size_limit::{LimitedRecords, RecordLimits};
use crate::resumption::StoredSessions;
use crate::schedule::{ReadKey, WriteKey};

/// Writes one handshake message, including its header.
pub type EncodeMessage<'e> = dyn FnMut(&mut Writer<'_>) -> Result<(), BufferFull> + 'e;

/// Receives the effects of a state.
pub trait Sink {
    /// Appends one handshake message to the flight. Returns its bytes, for the transcript.
    ///
    /// # Errors
    /// [`Error::LocalMessageTooLong`] if the message does not fit its length fields; nothing is
    /// sent then.
    fn send(&mut self, encode: &mut EncodeMessage<'_>) -> Result<&[u8], Error>;

    /// Ends the current flight and sends an unencrypted change_cipher_spec record (RFC 5246 §7.1).
    /// In TLS 1.3 it serves only middleboxes (RFC 9846 Appendix E.4).
    ///
    /// # Errors
    /// As for [`Sink::install_write`].
    fn send_change_cipher_spec(&mut self) -> Result<(), Error>;

    /// As [`send_change_cipher_spec`](Self::send_change_cipher_spec), but only with the next
    /// record. A client would otherwise write in the middle of the server's flight, and over a
    /// transport without buffers both sides would wait for each other.
    ///
    /// # Errors
    /// As for [`Sink::install_write`].
    fn queue_change_cipher_spec(&mut self) -> Result<(), Error>;

    /// Decrypts the records after this boundary with `key`.
    fn install_read(&mut self, key: ReadKey<'_>, at: RecordBoundary);

    /// Notes that the peer updated its key, and whether it requests that this side update its own.
    /// Returns whether this side had requested the peer's update (RFC 9846 §4.7.3).
    fn key_update_received(&mut self, is_requested: bool) -> bool;

    /// Ends the current flight and encrypts all later records with `key`.
    ///
    /// # Errors
    /// [`Error::Crypto`] if the flight cannot be sealed.
    fn install_write(&mut self, key: WriteKey<'_>) -> Result<(), Error>;

    /// Sends unencrypted records again: HelloRetryRequest rejected the early data (RFC 9846
    /// §4.3.10).
    fn remove_write(&mut self);

    /// Applies the negotiated record size limits to both directions (RFC 8449 §4, RFC 6066 §4).
    fn limit_records(&mut self, limits: RecordLimits, limited: LimitedRecords);

    /// Drops up to `limit` bytes of rejected early data. The data ends with an unencrypted
    /// ClientHello, or with a record that the handshake key decrypts (RFC 9846 §4.3.10).
    fn skip_early_data(&mut self, limit: u32);

    /// Reports an event.
    fn event(&mut self, event: Event<'_>);
}

/// An event that a state reports.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A secret for the key log (RFC 9850).
    Secret(LoggedSecret<'a>),
    /// The sessions of a server connection that a store now holds. They must be removed if the
    /// connection fails (RFC 5246 §7.2.2, RFC 9846 §6.2).
    Stored(StoredSessions),
    /// The peer's transport parameters, over QUIC (RFC 9001 §8.2). Not authenticated until the
    /// handshake is complete.
    TransportParameters(&'a [u8]),
}

/// A secret with its key log label (RFC 9850 §2). `Debug` shows only the label.
#[derive(Clone, Copy)]
pub struct LoggedSecret<'a> {
    /// For example, `CLIENT_HANDSHAKE_TRAFFIC_SECRET`.
    pub label: &'static str,
    /// ClientHello.random, which identifies the connection.
    pub client_random: &'a [u8; 32],
    /// The secret. Anyone holding it can decrypt the connection.
    pub secret: &'a [u8],
}

impl std::fmt::Debug for LoggedSecret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedSecret").field("label", &self.label).finish_non_exhaustive()
    }
}
