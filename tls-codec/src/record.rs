//! Record headers, and splitting a stream into records (RFC 9846 §5.1). Recognizes the first bytes
//! of HTTP, SSH and other protocols, which are no record.

use core::{fmt, ops::Range};

use crate::{
    code_points::{AlertDescription, ContentType, ProtocolVersion},
    error::{BufferFull, DecodeError},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The length of a record header in bytes.
pub const HEADER_LEN: usize = 5;

/// The maximum plaintext of a record, in bytes (RFC 9846 §5.1).
pub const MAX_FRAGMENT: usize = 1 << 14;

/// The maximum body of a protected record in TLS 1.3, in bytes (RFC 9846 §5.2). TLS 1.2 allows
/// 2<sup>14</sup> + 2048.
pub const MAX_CIPHERTEXT: usize = (1 << 14) + 256;

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The type of the content; `application_data` for every encrypted record in TLS 1.3.
    pub content_type: ContentType,
    /// Ignored in TLS 1.3, except for the check in [`deframe`].
    pub legacy_record_version: ProtocolVersion,
    /// The length of the body in bytes.
    pub length: u16,
}

impl RecordHeader {
    /// Returns the encoded header.
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

/// The content at the start of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deframed {
    /// The record is incomplete, and the bytes so far are valid.
    Incomplete {
        /// The minimum number of bytes still needed.
        need: usize,
    },
    /// A complete record.
    Record {
        /// Its header.
        header: RecordHeader,
        /// The range of its body in the given bytes. The next record starts at the range's end.
        body: Range<usize>,
    },
}

/// Finds the first record in `bytes`; its body may be at most `limit` bytes long.
///
/// Returns a range, not a slice, so that the caller can decrypt the body in place. A fault in the
/// header is reported as soon as the bytes that show it are present. Bytes that may become the
/// greeting of another protocol are not rejected until that protocol is recognized or
/// [`HEADER_LEN`] bytes are present.
///
/// ```
/// use strata_tls_codec::record::{Deframed, MAX_FRAGMENT, Protocol, RecordError, deframe};
///
/// let stream = [21, 3, 3, 0, 2, 2, 40, 22];
/// let Deframed::Record { header, body } = deframe(&stream, MAX_FRAGMENT)? else { panic!() };
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
/// [`RecordError`]; the stream cannot recover.
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
        return Err(bad_version(legacy_record_version.0, bytes));
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

/// Handles fewer bytes than a header.
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
        // Perhaps DTLS.
        [_, 0xfe] | [_, 0xfe, 0xfd..=0xff] | [_, 0xfe, 0xfd..=0xff, 0] => Ok(Deframed::Incomplete { need }),
        [_, major, minor, ..] if major != 3 => Err(RecordError::BadVersion(u16::from_be_bytes([major, minor]))),
        _ => Ok(Deframed::Incomplete { need }),
    }
}

const fn is_content_type(byte: u8) -> bool {
    matches!(byte, 20..=23)
}

#[cold]
fn not_a_record(first: u8, bytes: &[u8]) -> RecordError {
    Protocol::recognize(bytes).map_or(RecordError::UnknownContentType(first), RecordError::NotTls)
}

/// DTLS has the content types of TLS, and the length of a MySQL packet can be one.
#[cold]
fn bad_version(version: u16, bytes: &[u8]) -> RecordError {
    Protocol::recognize(bytes).map_or(RecordError::BadVersion(version), RecordError::NotTls)
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The first byte is not a content type (RFC 9846 §5: `unexpected_message`).
    UnknownContentType(u8),
    /// The major version of the record is not 3, the value of every TLS version and SSL 3.0.
    BadVersion(u16),
    /// The body is too long (RFC 9846 §5.1: `record_overflow`).
    Oversized {
        /// The length in the header, in bytes.
        got: usize,
        /// The maximum body length, in bytes.
        limit: usize,
    },
    /// The peer uses another, recognized protocol.
    NotTls(Protocol),
}

impl RecordError {
    /// Returns the alert with which an endpoint answers the error. `None` for a peer of another
    /// protocol, which would take an alert for garbage.
    #[must_use]
    pub const fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            Self::Oversized { .. } => AlertDescription::RECORD_OVERFLOW,
            Self::UnknownContentType(_) => AlertDescription::UNEXPECTED_MESSAGE,
            Self::BadVersion(_) | Self::NotTls(Protocol::SslV2) => AlertDescription::PROTOCOL_VERSION,
            Self::NotTls(_) => return None,
        })
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownContentType(typ) => write!(f, "not a TLS record: invalid content type {typ:#04x}"),
            Self::BadVersion(version) => write!(f, "not a TLS record: invalid version {version:#06x}"),
            Self::Oversized { got, limit } => write!(f, "record of {got} bytes exceeds the limit of {limit}"),
            Self::NotTls(protocol) => write!(f, "expected TLS, got {protocol}"),
        }
    }
}

impl core::error::Error for RecordError {}

/// Protocols that peers use by mistake where TLS is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// An HTTP/1 request or the HTTP/2 preface.
    Http,
    /// An HTTP/1 request to a proxy (CONNECT): the peer takes this endpoint for a proxy.
    HttpConnect,
    /// An HTTP/1 response.
    HttpResponse,
    /// The SSH identification string.
    Ssh,
    /// The greeting of an SMTP or FTP server, or of an SMTP client.
    Smtp,
    /// The greeting of an IMAP server.
    Imap,
    /// The greeting of a POP3 server.
    Pop3,
    /// The ClientHello of SSL 2.0, which TLS implementations must not accept (RFC 6176).
    SslV2,
    /// The header of the PROXY protocol, version 1 or 2, which load balancers send before TLS.
    Proxy,
    /// A PostgreSQL client: its request for TLS or GSSAPI encryption, or an unencrypted start.
    PostgreSql,
    /// The greeting of a MySQL or MariaDB server, or its error.
    MySql,
    /// The CONNECT packet of MQTT.
    Mqtt,
    /// An LDAP message: a bind, search or StartTLS request, or a response.
    Ldap,
    /// The connection request or confirmation of RDP (X.224).
    Rdp,
    /// A Redis command, or the rejection of a client by the server.
    Redis,
    /// The opening of an XMPP stream.
    Xmpp,
    /// The header of AMQP.
    Amqp,
    /// The PRELOGIN message of a Microsoft SQL Server client (TDS).
    Tds,
    /// A record of DTLS, which runs over datagrams.
    Dtls,
    /// A long header packet of QUIC, which runs over datagrams.
    Quic,
}

impl Protocol {
    /// Openings without variable bytes, at most [`HEADER_LEN`] bytes of each.
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
        (b"PROXY", Self::Proxy),
        (b"\r\n\r\n\0", Self::Proxy),
        // SSLRequest and GSSENCRequest, CancelRequest: a length, and a number that starts with 4.
        (b"\0\0\0\x08\x04", Self::PostgreSql),
        (b"\0\0\0\x10\x04", Self::PostgreSql),
        // An array of one to nine bulk strings.
        (b"*1\r\n$", Self::Redis),
        (b"*2\r\n$", Self::Redis),
        (b"*3\r\n$", Self::Redis),
        (b"*4\r\n$", Self::Redis),
        (b"*5\r\n$", Self::Redis),
        (b"*6\r\n$", Self::Redis),
        (b"*7\r\n$", Self::Redis),
        (b"*8\r\n$", Self::Redis),
        (b"*9\r\n$", Self::Redis),
        (b"-DENI", Self::Redis),
        (b"-NOAU", Self::Redis),
        (b"<?xml", Self::Xmpp),
        (b"<stre", Self::Xmpp),
        (b"AMQP\0", Self::Amqp),
    ];

    /// Recognizes the protocol of a stream, or a datagram, that starts with `bytes`. Never
    /// recognizes a TLS record. Some protocols need up to 8 bytes.
    #[must_use]
    pub fn recognize(bytes: &[u8]) -> Option<Self> {
        Some(match *bytes {
            // A length with the high bit set, message type 1, version 0.2 or 3.x.
            [0x80..=0xff, _, 1, 0, 2, ..] | [0x80..=0xff, _, 1, 3, 0..=4, ..] => Self::SslV2,
            // RFC 6347 §4.1, RFC 9147 §4: the version, and the first epoch.
            [20..=23, 0xfe, 0xfd..=0xff, 0, 0, ..] => Self::Dtls,
            // RFC 9000 §17.2, RFC 9369 §3.1: a long header with version 1 or 2.
            [0xc0..=0xff, 0, 0, 0, 1, ..] | [0xc0..=0xff, 0x6b, 0x33, 0x43, 0xcf, ..] => Self::Quic,
            // StartupMessage: its length, and version 3.0 or 3.2.
            [0, 0, _, _, 0, 3, 0, 0 | 2, ..] => Self::PostgreSql,
            // A length, sequence number 0, then version 10 and the server's version in digits, or
            // an error from 1000 on.
            [_, _, 0, 0, 10, b'1'..=b'9', ..] | [_, _, 0, 0, 0xff, _, 3..=0x0f, ..] => Self::MySql,
            // MQTT 3.1.1 and 5 §3.1: a length of one or two bytes, then "MQTT" or "MQIsdp".
            [0x10, 0..=0x7f, 0, 4 | 6, b'M', ..] | [0x10, 0x80..=0xff, 0..=0x7f, 0, 4 | 6, b'M', ..] => Self::Mqtt,
            // RFC 4511 §4.1.1: a SEQUENCE of a message ID and an operation. Active Directory writes
            // lengths in four bytes.
            [0x30, 0..=0x7f, 2, 1, _, op, ..] | [0x30, 0x84, 0, 0, _, _, 2, 1, _, op, ..] if is_ldap(op) => Self::Ldap,
            // TPKT with a length below 256, then X.224 with the rest of it.
            [3, 0, 0, length @ 11..=0xff, rest, ..] if length.checked_sub(5) == Some(rest) => Self::Rdp,
            // The last packet of its message, at most 511 bytes long, of process 0.
            [0x12, 1, 0 | 1, _, 0, ..] => Self::Tds,
            _ => {
                let opening = Self::OPENINGS.iter().find(|(opening, _)| bytes.starts_with(opening));
                return opening.map(|(_, protocol)| *protocol);
            }
        })
    }

    /// Returns whether `bytes`, which are shorter than a header, may start one of the protocols.
    /// For SSL 2.0 only ClientHellos shorter than 256 bytes count, as nearly all were: otherwise
    /// every stray byte would delay the error. For that reason MySQL and QUIC do not count.
    fn may_become(bytes: &[u8]) -> bool {
        let is_binary = match bytes.split_first() {
            Some((0x80, rest)) => matches!(rest, [] | [_] | [_, 1] | [_, 1, 0 | 3]),
            Some((0, rest)) => matches!(rest, [] | [0, ..]),
            Some((0x10, rest)) => {
                matches!(rest, [] | [_] | [0..=0x7f, 0] | [0..=0x7f, 0, 4 | 6] | [0x80..=0xff, 0..=0x7f])
                    || matches!(rest, [0x80..=0xff, 0..=0x7f, 0])
            }
            Some((0x30, rest)) => {
                matches!(rest, [] | [0..=0x7f] | [0..=0x7f, 2] | [0..=0x7f, 2, 1] | [0x84] | [0x84, 0] | [0x84, 0, 0])
            }
            Some((3, rest)) => matches!(rest, [] | [0] | [0, 0] | [0, 0, _]),
            Some((0x12, rest)) => matches!(rest, [] | [1] | [1, 0 | 1] | [1, 0 | 1, _]),
            _ => false,
        };
        is_binary || Self::OPENINGS.iter().any(|(opening, _)| opening.len() > bytes.len() && opening.starts_with(bytes))
    }
}

/// Returns whether a tag is that of an LDAP operation that can come first: BindRequest,
/// BindResponse, SearchRequest, ExtendedRequest, ExtendedResponse.
const fn is_ldap(tag: u8) -> bool {
    matches!(tag, 0x60 | 0x61 | 0x63 | 0x77 | 0x78)
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http | Self::HttpResponse => "plain HTTP",
            Self::HttpConnect => "a plain HTTP proxy request",
            Self::Ssh => "SSH",
            Self::Smtp => "plain SMTP or FTP",
            Self::Imap => "plain IMAP",
            Self::Pop3 => "plain POP3",
            Self::SslV2 => "SSL 2.0",
            Self::Proxy => "a header of the PROXY protocol",
            Self::PostgreSql => "a PostgreSQL request",
            Self::MySql => "the greeting of a MySQL server",
            Self::Mqtt => "plain MQTT",
            Self::Ldap => "plain LDAP",
            Self::Rdp => "an RDP negotiation",
            Self::Redis => "plain Redis",
            Self::Xmpp => "plain XMPP",
            Self::Amqp => "plain AMQP",
            Self::Tds => "a login to Microsoft SQL Server",
            Self::Dtls => "DTLS",
            Self::Quic => "QUIC",
        })
    }
}
