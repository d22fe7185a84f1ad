//! Record size limits: record_size_limit (RFC 8449) and max_fragment_length (RFC 6066 §4).
//!
//! Each handshake negotiates them again, including resumptions. `record/sender` and
//! `record/receiver` apply them. `record/size_and_padding` only chooses smaller sizes.

use tls_codec::code_points::ProtocolVersion;
use tls_codec::error::BufferFull;
use tls_codec::extension::{MaxFragmentLength, RecordSizeLimit};
use tls_codec::handshake::ClientHello;
use tls_codec::writer::Writer;

use crate::config::{ClientConfig, Common};
use crate::error::{Error, Illegal};
use crate::sink::Sink;

/// The maximum of the protocol: 2^14 bytes of content.
pub(crate) const UNLIMITED: u16 = 1 << 14;

/// The maximum record content in bytes, including padding. Does not count the content type of TLS
/// 1.3, which record_size_limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// For sent records.
    pub send: u16,
    /// For received records. Longer ones are rejected with record_overflow.
    pub receive: u16,
}

/// The records that a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedRecords {
    /// RFC 8449 §4: "Unprotected messages are not subject to this limit."
    Protected,
    /// RFC 6066 §4: all records, "including handshake messages".
    All,
}

/// The negotiated limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordSizes {
    /// None.
    Full,
    /// record_size_limit, with the value of the peer.
    Limited(u16),
    /// max_fragment_length, in bytes, for both directions.
    Fragments(u16),
}

/// The largest record_size_limit that the version defines (RFC 8449 §4).
pub(crate) fn max_size_limit(version: ProtocolVersion) -> u16 {
    UNLIMITED + content_type(version)
}

/// The number of bytes that record_size_limit counts in addition to content and padding.
fn content_type(version: ProtocolVersion) -> u16 {
    u16::from(version == ProtocolVersion::TLS13)
}

impl RecordSizes {
    /// Returns the limit that a server selects from the client's offer.
    ///
    /// # Errors
    /// [`Illegal::MaxFragmentLength`].
    pub(crate) fn from_client_hello(hello: &ClientHello<'_>) -> Result<Self, Error> {
        let extensions = &hello.extensions;
        match (extensions.record_size_limit, extensions.max_fragment_length) {
            // RFC 8449 §5: record_size_limit replaces max_fragment_length.
            (Some(limit), _) => Ok(Self::Limited(limit)),
            (None, Some(length)) => Ok(Self::Fragments(length.bytes().ok_or(Illegal::MaxFragmentLength(length))?)),
            (None, None) => Ok(Self::Full),
        }
    }

    /// Returns the limit from the server's response. The caller has checked that both extensions
    /// were offered.
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

    /// Limits all later records.
    pub(crate) fn apply(self, common: &Common, version: ProtocolVersion, out: &mut dyn Sink) {
        match self {
            Self::Full => {}
            Self::Limited(theirs) => {
                // A value above the maximum of this version means the maximum.
                let content = |limit: u16| limit.min(max_size_limit(version)) - content_type(version);
                let limits = RecordLimits { send: content(theirs), receive: content(local_limit(common, version)) };
                out.limit_records(limits, LimitedRecords::Protected);
            }
            Self::Fragments(length) => {
                out.limit_records(RecordLimits { send: length, receive: length }, LimitedRecords::All);
            }
        }
    }

    /// Writes the server's response.
    pub(crate) fn write(self, w: &mut Writer<'_>, common: &Common, version: ProtocolVersion) -> Result<(), BufferFull> {
        match self {
            Self::Full => Ok(()),
            Self::Limited(_) => RecordSizeLimit::write(w, local_limit(common, version)),
            Self::Fragments(length) => MaxFragmentLength::of(length).map_or(Ok(()), |length| length.write(w)),
        }
    }
}

/// The record_size_limit that this side sends.
fn local_limit(common: &Common, version: ProtocolVersion) -> u16 {
    let max = max_size_limit(version);
    common.record_size_limit.map_or(max, |limit| limit.min(max))
}
