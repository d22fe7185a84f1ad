//! The record layer (RFC 9846 §5), between bytes on the wire and plaintext fragments.
//!
//! ```text
//! incoming ─ RecordReceiver::open ─▶ plaintext, in place ─ MessageJoiner ─▶ handshake messages
//! Outgoing ◀─ RecordSender: appends each message, and seals the flight in place at its end
//! ```

mod message_joiner;
mod outgoing;
mod receiver;
mod sender;
mod size_and_padding;

pub(crate) use message_joiner::{MessageJoiner, NextMessage};
pub use outgoing::Outgoing;
pub(crate) use receiver::{NextRecord, RecordReceiver};
pub use sender::RecordRoom;
pub(crate) use sender::RecordSender;
pub(crate) use size_and_padding::RecordSizing;
