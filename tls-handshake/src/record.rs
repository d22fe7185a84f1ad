//! The record layer (RFC 9846 §5), between bytes on the wire and fragments of plaintext.
//!
//! ```text
//! incoming ─ Receive::open ─▶ range of plaintext, in the same bytes ─ Joiner ─▶ whole handshake messages
//! Outgoing ◀─ Transmit: a message is encoded at its end, and sealed where it lies when its flight ends
//! ```

mod join;
mod outgoing;
mod receive;
mod size;
mod transmit;

pub(crate) use join::{Joined, Joiner};
pub use outgoing::Outgoing;
pub(crate) use receive::{Opened, Receive};
pub(crate) use size::Sizing;
pub use transmit::RecordRoom;
pub(crate) use transmit::Transmit;
