//! The result of a handshake: what was negotiated, the authenticated peer, and the exporter. Both
//! versions provide it.

use tls_codec::code_points::NamedGroup;

use crate::auth::Authenticated;
use crate::error::Error;
use crate::suite::SupportedCipherSuite;

/// The kind of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeKind {
    /// A full handshake.
    Full,
    /// A full handshake with one more round trip: the server requested another key share (TLS 1.3).
    FullWithHelloRetryRequest,
    /// A resumption. The peer's certificates are those of the original handshake.
    Resumed,
    /// A resumption with one more round trip (TLS 1.3).
    ResumedWithHelloRetryRequest,
    /// A handshake with an external pre-shared key and without certificates (TLS 1.3).
    ExternalPsk,
    /// A handshake with an external pre-shared key and one more round trip (TLS 1.3).
    ExternalPskWithHelloRetryRequest,
}

impl HandshakeKind {
    /// Returns whether the server sent HelloRetryRequest.
    #[must_use]
    pub fn is_retried(self) -> bool {
        matches!(
            self,
            Self::FullWithHelloRetryRequest
                | Self::ResumedWithHelloRetryRequest
                | Self::ExternalPskWithHelloRetryRequest
        )
    }

    /// Returns whether the handshake resumed a session.
    #[must_use]
    pub fn is_resumed(self) -> bool {
        matches!(self, Self::Resumed | Self::ResumedWithHelloRetryRequest)
    }

    /// Returns the kind of the same handshake as a resumption.
    pub(crate) fn resumed(self) -> Self {
        if self.is_retried() { Self::ResumedWithHelloRetryRequest } else { Self::Resumed }
    }

    /// Returns the kind of the same handshake with an external pre-shared key.
    pub(crate) fn external_psk(self) -> Self {
        if self.is_retried() { Self::ExternalPskWithHelloRetryRequest } else { Self::ExternalPsk }
    }
}

/// The negotiated parameters.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) suite: SupportedCipherSuite,
    /// `None` after a TLS 1.2 resumption, which has no key exchange.
    pub(crate) group: Option<NamedGroup>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) kind: HandshakeKind,
    /// The host name that the client requested; only at a server.
    pub(crate) server_name: Option<String>,
    /// True if early data was sent and accepted.
    pub(crate) early_data: bool,
    /// The first Finished of a TLS 1.2 handshake. `None` if it resumed a session without extended
    /// master secret.
    pub(crate) first_finished: Option<[u8; 12]>,
}

/// The result of a complete handshake.
pub(crate) struct Established<'s> {
    pub(crate) negotiated: &'s Negotiated,
    pub(crate) peer: &'s Authenticated,
    pub(crate) exporter: &'s dyn Exporter,
}

/// Exports keying material.
pub(crate) trait Exporter {
    /// Fills `out`. Whether `None` and an empty context differ depends on the version.
    ///
    /// # Errors
    /// [`Error::Crypto`] if `out` or the context is too long;
    /// [`Error::ExtendedMasterSecretRequired`] if the secret is not bound to the handshake.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error>;
}
