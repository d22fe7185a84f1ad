//! What a state may ask of the world, called in wire order.
//!
//! States do no I/O, and never see the record layer. They tell a [`Sink`] what to send, which keys to install and what
//! happened; the [connection](crate::connection) does it, and tests record it and compare whole flights as lists.

use tls_codec::error::BufferFull;
use tls_codec::writer::Writer;

use crate::error::Error;
use crate::framed::RecordBoundary;
pub use crate::record_limits::{LimitedRecords, RecordLimits};
use crate::resumption::StoredSessions;
use crate::schedule::{ReadKey, WriteKey};

/// Writes one handshake message, header included.
pub type EncodeMessage<'e> = dyn FnMut(&mut Writer<'_>) -> Result<(), BufferFull> + 'e;

/// The world, as a state sees it.
pub trait Sink {
    /// Has one handshake message written to the end of the flight, and gives its bytes back, for the transcript.
    ///
    /// # Errors
    /// [`Error::LocalMessageTooLong`] if it does not fit its length fields; nothing is sent then.
    fn send(&mut self, encode: &mut EncodeMessage<'_>) -> Result<&[u8], Error>;

    /// Ends the flight so far, and sends a change_cipher_spec record, as it is (RFC 5246 §7.1; RFC 9846 Appendix E.4 for middleboxes
    /// alone).
    ///
    /// # Errors
    /// As for [`Sink::install_write`].
    fn send_change_cipher_spec(&mut self) -> Result<(), Error>;

    /// Opens the records after this boundary with `key`.
    fn install_read(&mut self, key: ReadKey, at: RecordBoundary);

    /// Ends the flight so far, and seals what is sent from now on with `key`.
    ///
    /// # Errors
    /// [`Error::Crypto`] if what was sent so far cannot be sealed.
    fn install_write(&mut self, key: WriteKey) -> Result<(), Error>;

    /// Sends in the clear again: early data was sent, and HelloRetryRequest refuses it (RFC 9846 §4.3.10).
    fn remove_write(&mut self);

    /// Limits the records of both directions from now on, as was negotiated (RFC 8449 §4, RFC 6066 §4).
    fn limit_records(&mut self, limits: RecordLimits, limited: LimitedRecords);

    /// Drops the client's early data, which was not accepted, up to a bound: until a ClientHello comes in the clear, or a record that
    /// the key of the handshake opens (RFC 9846 §4.3.10).
    fn skip_early_data(&mut self, limit: u32);

    /// Tells what happened.
    fn event(&mut self, event: Event<'_>);
}

/// What a state tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A secret for the key log (RFC 9850).
    Secret(LoggedSecret<'a>),
    /// A store has these sessions of a server's connection: they end with it if it fails (RFC 5246 §7.2.2, RFC 9846 §6.2).
    Stored(StoredSessions),
}

/// A secret under its name in the key log (RFC 9850 §2). `Debug` shows the name alone.
#[derive(Clone, Copy)]
pub struct LoggedSecret<'a> {
    /// For example `CLIENT_HANDSHAKE_TRAFFIC_SECRET`.
    pub label: &'static str,
    /// ClientHello.random, by which the connection is found again.
    pub client_random: &'a [u8; 32],
    /// The secret: whoever has it can read the connection.
    pub secret: &'a [u8],
}

impl std::fmt::Debug for LoggedSecret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedSecret").field("label", &self.label).finish_non_exhaustive()
    }
}
