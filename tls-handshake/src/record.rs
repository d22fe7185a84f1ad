//! The record layer (RFC 9846 §5), between bytes on the wire and fragments of plaintext.
//!
//! ```text
//! incoming ─ RecordReceiver::open ─▶ range of plaintext, in the same bytes ─ MessageJoiner ─▶ whole handshake messages
//! Outgoing ◀─ RecordSender: a message is encoded at its end, and sealed where it lies when its flight ends
//! ```

mod message_joiner;
mod outgoing;
mod receiver;
mod sender;
mod sizing;

pub(crate) use message_joiner::{MessageJoiner, NextMessage};
pub use outgoing::Outgoing;
pub(crate) use receiver::{NextRecord, RecordReceiver};
pub use sender::RecordRoom;
pub(crate) use sender::RecordSender;
pub(crate) use sizing::RecordSizing;
