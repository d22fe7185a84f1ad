//! NewSessionTicket (RFC 5077 §3.3).

use core::fmt;

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A ticket for resumption.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewSessionTicket<'a> {
    /// The lifetime in seconds from receipt; 0 if unspecified.
    pub ticket_lifetime_hint: u32,
    /// The ticket; empty if the server announced a ticket but does not issue one.
    pub ticket: &'a [u8],
}

/// Omits the ticket, which identifies the session.
impl fmt::Debug for NewSessionTicket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSessionTicket")
            .field("ticket_lifetime_hint", &self.ticket_lifetime_hint)
            .field("ticket_bytes", &self.ticket.len())
            .finish()
    }
}

impl<'a> HandshakeMessage<'a> for NewSessionTicket<'a> {
    const TYPE: HandshakeType = HandshakeType::NEW_SESSION_TICKET;
}

impl<'a> Decode<'a> for NewSessionTicket<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            ticket_lifetime_hint: r.at("NewSessionTicket.ticket_lifetime_hint").u32()?,
            ticket: r.vec16(0..=0xffff, "NewSessionTicket.ticket")?.rest(),
        })
    }
}

impl Encode for NewSessionTicket<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.u32(self.ticket_lifetime_hint)?;
        w.vec16_bytes(self.ticket)
    }
}
