//! Handshake messages (RFC 9846 §4): their framing, and one file for each message. [`tls12`]
//! contains the messages that TLS 1.2 encodes differently.

mod certificate;
mod certificate_request;
mod certificate_verify;
mod client_hello;
mod compressed_certificate;
mod encrypted_extensions;
mod end_of_early_data;
mod finished;
pub mod key_exchange;
mod key_update;
mod new_session_ticket;
mod server_hello;
pub mod tls12;

pub use self::{
    certificate::{Certificate, CertificateEntry, CertificateEntryExtensions},
    certificate_request::{CertificateRequest, CertificateRequestExtensions},
    certificate_verify::CertificateVerify,
    client_hello::{ClientHello, ClientHelloExtensions},
    compressed_certificate::CompressedCertificate,
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

/// The length of a handshake message header in bytes.
pub const MESSAGE_HEADER_LEN: usize = 4;

/// A handshake message whose body is not decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// The type in its header.
    pub typ: HandshakeType,
    /// The body.
    pub body: &'a [u8],
    /// Header and body, which the transcript covers.
    pub raw: &'a [u8],
}

impl<'a> RawMessage<'a> {
    /// Decodes the message.
    ///
    /// # Errors
    /// [`Fault::IllegalValue`] at `"Handshake.msg_type"` if the type differs; otherwise the
    /// decoding error of its body.
    pub fn decode<M: HandshakeMessage<'a>>(&self) -> Result<M, DecodeError> {
        if self.typ == M::TYPE {
            decode_all(self.body)
        } else {
            Err(DecodeError { fault: Fault::IllegalValue, at: "Handshake.msg_type" })
        }
    }
}

/// A handshake message that has a type of its own.
pub trait HandshakeMessage<'a>: Decode<'a> {
    /// Its type in the header.
    const TYPE: HandshakeType;
}

/// The content at the start of the handshake stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// The message is incomplete.
    Incomplete {
        /// The minimum number of bytes still needed.
        need: usize,
    },
    /// A complete message.
    Message {
        /// The message.
        message: RawMessage<'a>,
        /// The bytes after it.
        rest: &'a [u8],
    },
}

/// Splits the first message off `bytes`, the plaintext of handshake records. It allocates nothing
/// and does not limit the announced length: the caller must bound what it buffers, using
/// [`message_length`].
///
/// ```
/// use strata_tls_codec::handshake::{Split, split_message};
/// use strata_tls_codec::{HandshakeType, KeyUpdate, KeyUpdateRequest};
///
/// let stream = [24, 0, 0, 1, 1, 20, 0, 0];
/// let Split::Message { message, rest } = split_message(&stream) else { panic!() };
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

/// Returns the type that a header announces, and the length of the message in bytes, header
/// included.
#[inline]
#[must_use]
pub fn message_length(header: [u8; 4]) -> (HandshakeType, usize) {
    let [typ, high, middle, low] = header;
    let body = u32::from_be_bytes([0, high, middle, low]);
    // Saturates on 16-bit targets, which cannot store such a message anyway.
    let length = usize::try_from(body).unwrap_or(usize::MAX).saturating_add(MESSAGE_HEADER_LEN);
    (HandshakeType(typ), length)
}

/// The bounds of `legacy_session_id` and its echo, in bytes.
pub(crate) const SESSION_ID: core::ops::RangeInclusive<usize> = 0..=32;

/// Reads an extension block that a TLS 1.2 message may omit.
#[inline]
fn optional_block<'a>(r: &mut Reader<'a>, at: &'static str) -> Result<Option<Reader<'a>>, DecodeError> {
    if r.is_empty() { Ok(None) } else { r.vec16(0..=0xffff, at).map(Some) }
}
