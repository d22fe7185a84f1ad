//! `ticket_request` (RFC 9149).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The number of tickets that a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    /// The number of tickets after a full handshake.
    pub new_session_count: u8,
    /// The number of tickets after a resumption.
    pub resumption_count: u8,
}

impl Extension for TicketRequest {
    const TYPE: ExtensionType = ExtensionType::TICKET_REQUEST;
    type View<'a> = Self;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Self::decode(data)
    }
}

impl<'a> Decode<'a> for TicketRequest {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            new_session_count: r.at("ticket_request.new_session_count").u8()?,
            resumption_count: r.at("ticket_request.resumption_count").u8()?,
        })
    }
}

impl Encode for TicketRequest {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(&[self.new_session_count, self.resumption_count])
    }
}

/// The number of tickets that a server expects to send, in EncryptedExtensions.
#[derive(Clone, Copy, Debug)]
pub struct TicketRequestHint;

impl Extension for TicketRequestHint {
    const TYPE: ExtensionType = ExtensionType::TICKET_REQUEST;
    type View<'a> = u8;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("ticket_request.expected_count").u8()
    }
}
