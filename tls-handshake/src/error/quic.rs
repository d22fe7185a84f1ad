//! Faults that only QUIC has, and its encryption levels.

use std::fmt;

/// An encryption level of QUIC: a stream of CRYPTO data, and the packets that carry it (RFC 9001
/// §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Initial packets, whose keys anyone can compute.
    Initial,
    /// 0-RTT packets. They carry no CRYPTO data.
    ZeroRtt,
    /// Handshake packets.
    Handshake,
    /// 1-RTT packets.
    OneRtt,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initial => "Initial",
            Self::ZeroRtt => "0-RTT",
            Self::Handshake => "Handshake",
            Self::OneRtt => "1-RTT",
        })
    }
}

/// A violation of the rules for TLS within QUIC. QUIC has error codes of its own for them
/// ([`Error::quic_code`](super::Error::quic_code)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuicFault {
    /// CRYPTO data arrived at another level than the handshake reads (RFC 9001 §4.1.3).
    WrongLevel {
        /// The level of the data.
        got: Level,
        /// The level that the handshake reads.
        expected: Level,
    },
    /// CRYPTO data of this level was left when its keys changed (RFC 9001 §4.1.3).
    DataAtKeyChange(Level),
    /// More CRYPTO data arrived than is buffered while the handshake waits for an answer.
    BufferExceeded {
        /// The maximum in bytes.
        limit: usize,
    },
    /// The client's legacy_session_id is not empty, as for middleboxes (RFC 9001 §8.4).
    SessionId,
    /// max_early_data_size of a ticket is not 0xffffffff (RFC 9001 §4.6.1).
    EarlyDataSize(u32),
    /// The server requested a client certificate after the handshake (RFC 9001 §4.4).
    PostHandshakeAuth,
}

impl fmt::Display for QuicFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongLevel { got, expected } => {
                write!(f, "CRYPTO data at the {got} level; expected the {expected} level")
            }
            Self::DataAtKeyChange(level) => write!(f, "CRYPTO data is left at the {level} level, whose keys change"),
            Self::BufferExceeded { limit } => {
                write!(f, "more than {limit} bytes of CRYPTO data while the handshake waits for an answer")
            }
            Self::SessionId => f.write_str("legacy_session_id is not empty; QUIC has no middlebox compatibility mode"),
            Self::EarlyDataSize(got) => write!(f, "max_early_data_size of a ticket is {got}; expected 4294967295"),
            Self::PostHandshakeAuth => f.write_str("the server requested a client certificate after the handshake"),
        }
    }
}

impl super::Error {
    /// Returns the error code of the CONNECTION_CLOSE frame (type 0x1c) that reports this error
    /// over QUIC.
    ///
    /// It is CRYPTO_ERROR, 0x0100 plus the [alert](Self::alert) (RFC 9001 §4.8), unless QUIC has a
    /// code of its own: PROTOCOL_VIOLATION or CRYPTO_BUFFER_EXCEEDED. INTERNAL_ERROR for errors
    /// without an alert.
    ///
    /// ```
    /// use strata_tls_handshake::Error;
    ///
    /// assert_eq!(Error::AlpnRequired.quic_code(), 0x0178);
    /// ```
    #[must_use]
    pub fn quic_code(&self) -> u64 {
        match self {
            Self::Quic(QuicFault::BufferExceeded { .. }) => CRYPTO_BUFFER_EXCEEDED,
            Self::Quic(
                QuicFault::WrongLevel { .. }
                | QuicFault::DataAtKeyChange(_)
                | QuicFault::SessionId
                | QuicFault::EarlyDataSize(_)
                | QuicFault::PostHandshakeAuth,
            ) => PROTOCOL_VIOLATION,
            other => other.alert().map_or(INTERNAL_ERROR, |alert| CRYPTO_ERROR | u64::from(alert.0)),
        }
    }
}

/// RFC 9000 §20.1.
const INTERNAL_ERROR: u64 = 0x01;
const PROTOCOL_VIOLATION: u64 = 0x0a;
const CRYPTO_BUFFER_EXCEEDED: u64 = 0x0d;
pub(crate) const CRYPTO_ERROR: u64 = 0x0100;
