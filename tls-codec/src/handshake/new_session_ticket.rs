//! NewSessionTicket of TLS 1.3 (RFC 9846 §4.7.1).

use core::fmt;

use crate::{
    code_points::{ExtensionType, HandshakeType},
    error::{BufferFull, DecodeError},
    extension::{Extensions, MaxEarlyDataSize, Place, reject_misplaced, view, walk},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A ticket for resumption.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewSessionTicket<'a> {
    /// Lifetime in seconds from issuance. The handshake limits it to seven days.
    pub ticket_lifetime: u32,
    /// Added to the ticket's age, so that observers cannot link connections by it.
    pub ticket_age_add: u32,
    /// At most 255 bytes, unique within the connection.
    pub ticket_nonce: &'a [u8],
    /// At least one byte.
    pub ticket: &'a [u8],
    /// `early_data`: the maximum early data with this ticket, in bytes.
    pub max_early_data_size: Option<u32>,
    /// All extensions in wire order. Encoding writes these.
    pub extensions: Extensions<'a>,
}

/// Omits the ticket and the values that identify it.
impl fmt::Debug for NewSessionTicket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSessionTicket")
            .field("ticket_lifetime", &self.ticket_lifetime)
            .field("ticket_bytes", &self.ticket.len())
            .field("max_early_data_size", &self.max_early_data_size)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}

impl<'a> HandshakeMessage<'a> for NewSessionTicket<'a> {
    const TYPE: HandshakeType = HandshakeType::NEW_SESSION_TICKET;
}

impl<'a> Decode<'a> for NewSessionTicket<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut ticket = Self {
            ticket_lifetime: r.at("NewSessionTicket.ticket_lifetime").u32()?,
            ticket_age_add: r.at("NewSessionTicket.ticket_age_add").u32()?,
            ticket_nonce: r.vec8(0..=255, "NewSessionTicket.ticket_nonce")?.rest(),
            ticket: r.vec16(1..=0xffff, "NewSessionTicket.ticket")?.rest(),
            max_early_data_size: None,
            extensions: Extensions::ABSENT,
        };
        let block = r.vec16(0..=0xffff, "NewSessionTicket.extensions")?;
        ticket.extensions = walk(block, &mut |typ, data| {
            match typ {
                ExtensionType::EARLY_DATA => ticket.max_early_data_size = Some(view::<MaxEarlyDataSize>(data)?),
                _ => reject_misplaced(typ, Place::NewSessionTicket, "NewSessionTicket.extensions")?,
            }
            Ok(())
        })?;
        Ok(ticket)
    }
}

impl Encode for NewSessionTicket<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.u32(self.ticket_lifetime)?;
        w.u32(self.ticket_age_add)?;
        w.vec8_bytes(self.ticket_nonce)?;
        w.vec16_bytes(self.ticket)?;
        self.extensions.encode(w)
    }
}
