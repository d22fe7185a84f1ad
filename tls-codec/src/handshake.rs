//! Handshake messages: how they are framed, and one file for each (RFC 9846 §4). Those that TLS 1.2 has in another form
//! are in [`tls12`].

mod certificate;
mod certificate_request;
mod certificate_verify;
mod client_hello;
mod encrypted_extensions;
mod end_of_early_data;
mod finished;
mod key_update;
mod new_session_ticket;
mod server_hello;
pub mod tls12;

pub use self::{
    certificate::{Certificate, CertificateEntry, CertificateEntryExtensions},
    certificate_request::{CertificateRequest, CertificateRequestExtensions},
    certificate_verify::CertificateVerify,
    client_hello::{ClientHello, ClientHelloExtensions},
    encrypted_extensions::EncryptedExtensions,
    end_of_early_data::EndOfEarlyData,
    finished::Finished,
    key_update::KeyUpdate,
    new_session_ticket::NewSessionTicket,
    server_hello::{
        DOWNGRADE_TLS11, DOWNGRADE_TLS12, Downgrade, HELLO_RETRY_REQUEST_RANDOM, HelloRetryRequest,
        HelloRetryRequestExtensions, ServerHello, ServerHelloExtensions, ServerHelloMessage,
    },
};
use crate::{
    code_points::HandshakeType,
    error::{DecodeError, Fault},
    reader::{Decode, Reader, decode_all},
};

/// The bytes before the body of every handshake message.
pub const MESSAGE_HEADER_LEN: usize = 4;

/// A message that was cut out of the stream and not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// What the header says that it is.
    pub typ: HandshakeType,
    /// What follows the header.
    pub body: &'a [u8],
    /// Header and body: what the transcript takes.
    pub raw: &'a [u8],
}

impl<'a> RawMessage<'a> {
    /// Reads the message.
    ///
    /// # Errors
    /// [`Fault::IllegalValue`] at `"Handshake.msg_type"` if it is of another type; else what is wrong with its body.
    pub fn decode<M: HandshakeMessage<'a>>(&self) -> Result<M, DecodeError> {
        if self.typ == M::TYPE {
            decode_all(self.body)
        } else {
            Err(DecodeError { fault: Fault::IllegalValue, at: "Handshake.msg_type" })
        }
    }
}

/// A message that a header can announce.
pub trait HandshakeMessage<'a>: Decode<'a> {
    /// What the header calls it.
    const TYPE: HandshakeType;
}

/// What the beginning of the handshake stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// No whole message yet.
    Incomplete {
        /// How many further bytes are needed, at least.
        need: usize,
    },
    /// A whole message.
    Message {
        /// The message.
        message: RawMessage<'a>,
        /// What follows it.
        rest: &'a [u8],
    },
}

/// Cuts the first message off `bytes`, which hold plaintext of handshake records. Allocates nothing, and believes no
/// length: it is for the caller to bound what it gathers, by [`message_length`].
///
/// ```
/// use strata_tls_codec::{HandshakeType, KeyUpdate, KeyUpdateRequest, handshake::{Split, split_message}};
///
/// let stream = [24, 0, 0, 1, 1, 20, 0, 0];
/// let Split::Message { message, rest } = split_message(&stream) else { panic!("it is whole") };
/// assert_eq!(message.typ, HandshakeType::KEY_UPDATE);
/// assert_eq!(message.decode::<KeyUpdate>()?.request_update, KeyUpdateRequest::UPDATE_REQUESTED);
/// assert_eq!(split_message(rest), Split::Incomplete { need: 1 });
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[inline]
#[must_use]
pub fn split_message(bytes: &[u8]) -> Split<'_> {
    let Some((header, _)) = bytes.split_first_chunk::<MESSAGE_HEADER_LEN>() else {
        return Split::Incomplete { need: MESSAGE_HEADER_LEN.saturating_sub(bytes.len()) };
    };
    let (typ, length) = message_length(*header);
    match bytes.split_at_checked(length) {
        Some((raw, rest)) => {
            let body = raw.get(MESSAGE_HEADER_LEN..).unwrap_or_default();
            Split::Message { message: RawMessage { typ, body, raw }, rest }
        }
        None => Split::Incomplete { need: length.saturating_sub(bytes.len()) },
    }
}

/// What a header announces: the type, and the length of the whole message in bytes, header included.
#[inline]
#[must_use]
pub fn message_length(header: [u8; 4]) -> (HandshakeType, usize) {
    let [typ, high, middle, low] = header;
    let body = u32::from_be_bytes([0, high, middle, low]);
    // Saturates on 16-bit machines, where such a message cannot be held anyway.
    let length = usize::try_from(body).unwrap_or(usize::MAX).saturating_add(MESSAGE_HEADER_LEN);
    (HandshakeType(typ), length)
}

/// `opaque legacy_session_id<0..32>` and its echo.
pub(crate) const SESSION_ID: core::ops::RangeInclusive<usize> = 0..=32;

/// The body of an extension block that a message of TLS 1.2 may also lack altogether.
#[inline]
fn optional_block<'a>(r: &mut Reader<'a>, at: &'static str) -> Result<Option<Reader<'a>>, DecodeError> {
    if r.is_empty() { Ok(None) } else { r.vec16(0..=0xffff, at).map(Some) }
}
