//! The record header, and cutting a stream into records (RFC 9846 §5.1).

use core::{fmt, ops::Range};

use crate::{
    code_points::{ContentType, ProtocolVersion},
    error::{BufferFull, DecodeError},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The bytes before the body of every record.
pub const HEADER_LEN: usize = 5;

/// The most plaintext that a record may carry, in bytes (RFC 9846 §5.1).
pub const MAX_FRAGMENT: usize = 1 << 14;

/// The longest body of a protected record of TLS 1.3, in bytes (RFC 9846 §5.2). TLS 1.2 allows 2<sup>14</sup> + 2048.
pub const MAX_CIPHERTEXT: usize = (1 << 14) + 256;

/// What stands before the body of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the body holds; `application_data` for whatever is encrypted under TLS 1.3.
    pub content_type: ContentType,
    /// To be ignored by TLS 1.3, but for the sanity check in [`deframe`].
    pub legacy_record_version: ProtocolVersion,
    /// The length of the body in bytes.
    pub length: u16,
}

impl RecordHeader {
    /// The header as it goes on the wire.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [major, minor] = self.legacy_record_version.0.to_be_bytes();
        let [high, low] = self.length.to_be_bytes();
        [self.content_type.0, major, minor, high, low]
    }
}

impl<'a> Decode<'a> for RecordHeader {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            content_type: ContentType::decode(r.at("TLSPlaintext.type"))?,
            legacy_record_version: ProtocolVersion::decode(r.at("TLSPlaintext.legacy_record_version"))?,
            length: r.at("TLSPlaintext.length").u16()?,
        })
    }
}

impl Encode for RecordHeader {
    #[inline]
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(&self.to_bytes())
    }
}

/// What the beginning of a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deframed {
    /// No whole record yet, and nothing wrong with what there is.
    Incomplete {
        /// How many further bytes are needed, at least.
        need: usize,
    },
    /// A whole record.
    Record {
        /// Its header.
        header: RecordHeader,
        /// Where its body lies in the bytes that were given. What follows its end is the next record.
        body: Range<usize>,
    },
}

/// Finds the first record in `bytes`, whose body may be `limit` bytes long.
///
/// The answer is a range and not a slice, so that the body can be decrypted where it lies. What is wrong with a header
/// is told as soon as the bytes that show it are there; only what looks like the greeting of another protocol is waited
/// for, up to [`HEADER_LEN`] bytes, so that it can be named.
///
/// ```
/// use strata_tls_codec::record::{Deframed, MAX_FRAGMENT, Protocol, RecordError, deframe};
///
/// let stream = [21, 3, 3, 0, 2, 2, 40, 22];
/// let Deframed::Record { header, body } = deframe(&stream, MAX_FRAGMENT)? else { panic!("it is whole") };
/// assert_eq!(header.length, 2);
/// assert_eq!(stream[body.clone()], [2, 40]);
/// assert_eq!(deframe(&stream[body.end..], MAX_FRAGMENT)?, Deframed::Incomplete { need: 4 });
///
/// let plain = deframe(b"GET / HTTP/1.1\r\n", MAX_FRAGMENT);
/// assert_eq!(plain, Err(RecordError::NotTls(Protocol::Http)));
/// # Ok::<(), RecordError>(())
/// ```
///
/// # Errors
/// [`RecordError`], which the stream cannot recover from.
#[inline]
pub fn deframe(bytes: &[u8], limit: usize) -> Result<Deframed, RecordError> {
    let Some((head, _)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return deframe_partial(bytes);
    };
    let [typ, major, minor, high, low] = *head;
    if !is_content_type(typ) {
        return Err(not_a_record(typ, bytes));
    }
    let legacy_record_version = ProtocolVersion(u16::from_be_bytes([major, minor]));
    if major != 3 {
        return Err(RecordError::BadVersion(legacy_record_version.0));
    }
    let length = u16::from_be_bytes([high, low]);
    let got = usize::from(length);
    if got > limit {
        return Err(RecordError::Oversized { got, limit });
    }
    let end = HEADER_LEN.saturating_add(got);
    match end.checked_sub(bytes.len()) {
        None | Some(0) => {
            let header = RecordHeader { content_type: ContentType(typ), legacy_record_version, length };
            Ok(Deframed::Record { header, body: HEADER_LEN..end })
        }
        Some(need) => Ok(Deframed::Incomplete { need }),
    }
}

/// Fewer bytes than a header.
fn deframe_partial(bytes: &[u8]) -> Result<Deframed, RecordError> {
    let need = HEADER_LEN.saturating_sub(bytes.len());
    match *bytes {
        [typ, ..] if !is_content_type(typ) => {
            if Protocol::may_become(bytes) {
                Ok(Deframed::Incomplete { need })
            } else {
                Err(not_a_record(typ, bytes))
            }
        }
        [_, major, minor, ..] if major != 3 => Err(RecordError::BadVersion(u16::from_be_bytes([major, minor]))),
        _ => Ok(Deframed::Incomplete { need }),
    }
}

const fn is_content_type(byte: u8) -> bool {
    matches!(byte, 20..=23)
}

#[cold]
fn not_a_record(first: u8, bytes: &[u8]) -> RecordError {
    Protocol::recognise(bytes).map_or(RecordError::UnknownContentType(first), RecordError::NotTls)
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The first byte is none of the four content types (RFC 9846 §5: `unexpected_message`).
    UnknownContentType(u8),
    /// The major version of the record is not 3, which no TLS and no SSL 3.0 ever sent.
    BadVersion(u16),
    /// The body would be too long (RFC 9846 §5.1: `record_overflow`).
    Oversized {
        /// The length that the header states, in bytes.
        got: usize,
        /// The longest body that is taken, in bytes.
        limit: usize,
    },
    /// The peer clearly speaks something else.
    NotTls(Protocol),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownContentType(typ) => write!(f, "no TLS record begins with the byte {typ:#04x}"),
            Self::BadVersion(version) => write!(f, "a record has the version {version:#06x}, which is not TLS"),
            Self::Oversized { got, limit } => write!(f, "a record of {got} bytes is longer than the allowed {limit}"),
            Self::NotTls(protocol) => write!(f, "the peer spoke {protocol}, not TLS"),
        }
    }
}

impl core::error::Error for RecordError {}

/// Protocols that are met where TLS was expected, and how each begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A request of HTTP/1 or the preface of HTTP/2.
    Http,
    /// A request of HTTP/1 to a proxy (CONNECT): whoever sends it takes us for one.
    HttpConnect,
    /// A response of HTTP/1.
    HttpResponse,
    /// The identification of SSH.
    Ssh,
    /// The greeting of an SMTP server, which an FTP server's resembles, or an SMTP client's.
    Smtp,
    /// The greeting of an IMAP server.
    Imap,
    /// The greeting of a POP3 server.
    Pop3,
    /// The ClientHello of SSL 2.0, which no version of TLS may accept any more (RFC 6176).
    SslV2,
}

impl Protocol {
    /// The first bytes, at most [`HEADER_LEN`] of them, that give a protocol away.
    const OPENINGS: &'static [(&'static [u8], Self)] = &[
        (b"GET ", Self::Http),
        (b"HEAD ", Self::Http),
        (b"POST ", Self::Http),
        (b"PUT ", Self::Http),
        (b"DELET", Self::Http),
        (b"OPTIO", Self::Http),
        (b"PATCH", Self::Http),
        (b"TRACE", Self::Http),
        (b"CONNE", Self::HttpConnect),
        (b"PRI *", Self::Http),
        (b"HTTP/", Self::HttpResponse),
        (b"SSH-", Self::Ssh),
        (b"220 ", Self::Smtp),
        (b"220-", Self::Smtp),
        (b"EHLO ", Self::Smtp),
        (b"HELO ", Self::Smtp),
        (b"* OK ", Self::Imap),
        (b"+OK ", Self::Pop3),
    ];

    /// The protocol that a stream beginning with `bytes` speaks, if these say so clearly.
    #[must_use]
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        // A ClientHello of SSL 2.0: a length with the high bit set, the message type 1, the version 0.2 or 3.x.
        if let [0x80..=0xff, _, 1, 0, 2, ..] | [0x80..=0xff, _, 1, 3, 0..=4, ..] = bytes {
            return Some(Self::SslV2);
        }
        let opening = Self::OPENINGS.iter().find(|(opening, _)| bytes.starts_with(opening));
        opening.map(|(_, protocol)| *protocol)
    }

    /// Whether further bytes could make these the beginning of one of the protocols. For SSL 2.0 only hellos of less
    /// than 256 bytes count, as nearly all were: not every stray byte is worth waiting for more.
    fn may_become(bytes: &[u8]) -> bool {
        matches!(bytes, [0x80] | [0x80, _] | [0x80, _, 1] | [0x80, _, 1, 0 | 3])
            || Self::OPENINGS.iter().any(|(opening, _)| opening.len() > bytes.len() && opening.starts_with(bytes))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http | Self::HttpResponse => "plain HTTP",
            Self::HttpConnect => "plain HTTP, as to a proxy",
            Self::Ssh => "SSH",
            Self::Smtp => "plain SMTP or FTP",
            Self::Imap => "plain IMAP",
            Self::Pop3 => "plain POP3",
            Self::SslV2 => "SSL 2.0",
        })
    }
}
