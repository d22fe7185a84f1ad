//! What carries the handshake: TLS records, or QUIC.
//!
//! The states ask this value at the few places where RFC 9001 differs from RFC 9846. What differs
//! for each message, such as change_cipher_spec records, is the [sink](crate::sink)'s.

use tls_codec::code_points::{ExtensionType, HandshakeType};
use tls_codec::error::BufferFull;
use tls_codec::extension::QuicTransportParameters;
use tls_codec::handshake::ClientHello;
use tls_codec::writer::Writer;
use tls_crypto::quic::Version;

use crate::error::{Error, QuicFault};
use crate::resumption::Scope;
use crate::sink::{Event, Sink};

/// Decides whether a server accepts early data. The argument is the
/// [`session_data`](crate::quic::ServerStart::session_data) of the connection that issued the
/// session.
pub type AcceptEarlyData = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// The transport of a handshake.
pub(crate) enum Transport {
    /// TLS records.
    Records,
    /// CRYPTO frames. Boxed, so that it costs connections over records one word.
    Quic(Box<Quic>),
}

/// The values of a connection over QUIC.
pub(crate) struct Quic {
    pub(crate) version: Version,
    /// This side's transport parameters, encoded.
    pub(crate) parameters: Vec<u8>,
    /// The data to keep with the sessions that a server issues.
    pub(crate) session_data: Vec<u8>,
    pub(crate) accept_early_data: Option<AcceptEarlyData>,
}

impl Transport {
    pub(crate) fn is_quic(&self) -> bool {
        matches!(self, Self::Quic(_))
    }

    /// Returns the scope of the sessions of this transport, from that of the configuration.
    pub(crate) fn scope(&self, scope: Scope) -> Scope {
        match self {
            Self::Records => scope,
            Self::Quic(quic) => scope.in_quic(quic.version),
        }
    }

    pub(crate) fn set_quic_version(&mut self, version: Version) {
        if let Self::Quic(quic) = self {
            quic.version = version;
        }
    }

    /// Writes quic_transport_parameters (RFC 9001 §8.2), over QUIC only.
    pub(crate) fn write_parameters(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self {
            Self::Records => Ok(()),
            Self::Quic(quic) => QuicTransportParameters::write(w, &quic.parameters),
        }
    }

    /// Checks that the peer sent transport parameters over QUIC, and only there (RFC 9001 §8.2).
    ///
    /// # Errors
    /// [`Error::MissingExtension`], [`Error::UnsolicitedExtension`].
    pub(crate) fn take_parameters(
        &self,
        message: HandshakeType,
        parameters: Option<&[u8]>,
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let extension = ExtensionType::QUIC_TRANSPORT_PARAMETERS;
        match (self, parameters) {
            (Self::Records, None) => Ok(()),
            (Self::Records, Some(_)) => Err(Error::UnsolicitedExtension { message, extension }),
            (Self::Quic(_), None) => Err(Error::MissingExtension { message, extension }),
            (Self::Quic(_), Some(parameters)) => {
                out.event(Event::TransportParameters(parameters));
                Ok(())
            }
        }
    }

    /// Checks the parts of a first ClientHello that depend on the transport.
    ///
    /// # Errors
    /// [`QuicFault::SessionId`], and those of [`take_parameters`](Self::take_parameters).
    pub(crate) fn check_client_hello(&self, hello: &ClientHello<'_>, out: &mut dyn Sink) -> Result<(), Error> {
        if self.is_quic() && !hello.legacy_session_id.is_empty() {
            return Err(QuicFault::SessionId.into());
        }
        self.take_parameters(HandshakeType::CLIENT_HELLO, hello.extensions.quic_transport_parameters, out)
    }

    /// The data to keep with new sessions; empty over records.
    pub(crate) fn session_data(&self) -> &[u8] {
        match self {
            Self::Records => &[],
            Self::Quic(quic) => &quic.session_data,
        }
    }

    /// Returns whether a server accepts early data with a session that was issued with this data.
    pub(crate) fn accepts_early_data(&self, remembered: &[u8]) -> bool {
        match self {
            Self::Records => true,
            Self::Quic(quic) => match &quic.accept_early_data {
                Some(accepts) => accepts(remembered),
                None => remembered == quic.session_data,
            },
        }
    }
}
