//! How much a record may hold: record_size_limit (RFC 8449) and max_fragment_length (RFC 6066 §4).
//!
//! Each handshake negotiates it anew, also one that resumes a session.

use tls_codec::code_points::ProtocolVersion;
use tls_codec::error::BufferFull;
use tls_codec::extension::{MaxFragmentLength, RecordSizeLimit};
use tls_codec::handshake::ClientHello;
use tls_codec::writer::Writer;

use crate::config::{ClientConfig, Common};
use crate::error::{Error, Illegal};
use crate::sink::Sink;

/// What the protocol allows: 2^14 bytes of content.
pub(crate) const UNLIMITED: u16 = 1 << 14;

/// How much a record holds at most: bytes of content and padding, without the content type that TLS 1.3 adds
/// and record_size_limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// For what we send.
    pub send: u16,
    /// For what we receive. Longer records are refused with record_overflow.
    pub receive: u16,
}

/// Which records a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedRecords {
    /// RFC 8449 §4: "Unprotected messages are not subject to this limit."
    Protected,
    /// RFC 6066 §4: all, "including handshake messages".
    All,
}

/// What was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordSizes {
    /// Nothing.
    Full,
    /// record_size_limit, with the peer's value.
    Limited(u16),
    /// max_fragment_length, with its value in bytes for both directions.
    Fragments(u16),
}

/// The largest record_size_limit that a version has a meaning for (RFC 8449 §4).
pub(crate) fn max_size_limit(version: ProtocolVersion) -> u16 {
    UNLIMITED + content_type(version)
}

/// Bytes that record_size_limit counts beside content and padding.
fn content_type(version: ProtocolVersion) -> u16 {
    u16::from(version == ProtocolVersion::TLS13)
}

impl RecordSizes {
    /// What a server makes of a client's offer.
    ///
    /// # Errors
    /// [`Illegal::MaxFragmentLength`].
    pub(crate) fn from_client_hello(hello: &ClientHello<'_>) -> Result<Self, Error> {
        let extensions = &hello.extensions;
        match (extensions.record_size_limit, extensions.max_fragment_length) {
            // RFC 8449 §5: max_fragment_length is ignored then.
            (Some(limit), _) => Ok(Self::Limited(limit)),
            (None, Some(length)) => Ok(Self::Fragments(length.bytes().ok_or(Illegal::MaxFragmentLength(length))?)),
            (None, None) => Ok(Self::Full),
        }
    }

    /// What a client makes of a server's answer, of which nothing is unsolicited.
    ///
    /// # Errors
    /// [`Illegal::TwoRecordSizes`], [`Illegal::MaxFragmentLength`].
    pub(crate) fn from_server(
        config: &ClientConfig,
        answer: (Option<u16>, Option<MaxFragmentLength>),
    ) -> Result<Self, Error> {
        match answer {
            (Some(_), Some(_)) => Err(Illegal::TwoRecordSizes.into()),
            (Some(limit), None) => Ok(Self::Limited(limit)),
            (None, Some(length)) => {
                let agreed = length.bytes().filter(|_| config.max_fragment_length == Some(length));
                Ok(Self::Fragments(agreed.ok_or(Illegal::MaxFragmentLength(length))?))
            }
            (None, None) => Ok(Self::Full),
        }
    }

    /// Limits records from now on.
    pub(crate) fn apply(self, common: &Common, version: ProtocolVersion, out: &mut dyn Sink) {
        match self {
            Self::Full => {}
            Self::Limited(theirs) => {
                // A larger value means something in a version to come, and the maximum in this one.
                let content = |limit: u16| limit.min(max_size_limit(version)) - content_type(version);
                let limits = RecordLimits { send: content(theirs), receive: content(local_limit(common, version)) };
                out.limit_records(limits, LimitedRecords::Protected);
            }
            Self::Fragments(length) => {
                out.limit_records(RecordLimits { send: length, receive: length }, LimitedRecords::All);
            }
        }
    }

    /// Writes the server's answer.
    pub(crate) fn write(self, w: &mut Writer<'_>, common: &Common, version: ProtocolVersion) -> Result<(), BufferFull> {
        match self {
            Self::Full => Ok(()),
            Self::Limited(_) => RecordSizeLimit::write(w, local_limit(common, version)),
            Self::Fragments(length) => MaxFragmentLength::of(length).map_or(Ok(()), |length| length.write(w)),
        }
    }
}

/// The limit of our own that we state.
fn local_limit(common: &Common, version: ProtocolVersion) -> u16 {
    let max = max_size_limit(version);
    common.record_size_limit.map_or(max, |limit| limit.min(max))
}
