//! The record layer (RFC 9846 §5), between bytes on the wire and fragments of plaintext.
//!
//! ```text
//! incoming ─ Receive::open ─▶ range of plaintext, in the same bytes ─ Joiner ─▶ whole handshake messages
//! Outgoing ◀─ Transmit: a message is encoded at its end, and sealed where it lies when its flight ends
//! ```

mod message_joiner;
mod outgoing;
mod receiver;
mod sender;
mod sizing;

pub(crate) use message_joiner::{Joined, Joiner};
pub use outgoing::Outgoing;
pub(crate) use receiver::{Opened, Receive};
pub use sender::RecordRoom;
pub(crate) use sender::Transmit;
pub(crate) use sizing::Sizing;
