//! A connection whose handshake is complete, as everybody but its own version's states sees it.

use tls_codec::code_points::NamedGroup;

use crate::auth::Authenticated;
use crate::error::Error;
use crate::suite::SupportedCipherSuite;

/// How a handshake went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeKind {
    /// All of it, without a detour.
    Full,
    /// One round trip more: the server asked for another key share (TLS 1.3).
    FullWithHelloRetryRequest,
    /// It went on from a session: the peer's certificates are those of that time.
    Resumed,
    /// It went on from a session, with one round trip more (TLS 1.3).
    ResumedWithHelloRetryRequest,
    /// It began from an external pre-shared key: nobody showed a certificate (TLS 1.3).
    ExternalPsk,
    /// It began from an external pre-shared key, with one round trip more (TLS 1.3).
    ExternalPskWithHelloRetryRequest,
}

impl HandshakeKind {
    /// Whether HelloRetryRequest was sent.
    #[must_use]
    pub fn is_retried(self) -> bool {
        matches!(
            self,
            Self::FullWithHelloRetryRequest
                | Self::ResumedWithHelloRetryRequest
                | Self::ExternalPskWithHelloRetryRequest
        )
    }

    /// Whether it went on from a session.
    #[must_use]
    pub fn is_resumed(self) -> bool {
        matches!(self, Self::Resumed | Self::ResumedWithHelloRetryRequest)
    }

    /// The same handshake, from a session.
    pub(crate) fn resumed(self) -> Self {
        if self.is_retried() { Self::ResumedWithHelloRetryRequest } else { Self::Resumed }
    }

    /// The same handshake, from an external key.
    pub(crate) fn external_psk(self) -> Self {
        if self.is_retried() { Self::ExternalPskWithHelloRetryRequest } else { Self::ExternalPsk }
    }
}

/// What the handshake settled.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) suite: SupportedCipherSuite,
    /// None if a session of TLS 1.2 was resumed, which exchanges no keys.
    pub(crate) group: Option<NamedGroup>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) kind: HandshakeKind,
    /// The name that the client asked for, at a server.
    pub(crate) server_name: Option<String>,
    /// Whether early data was sent and accepted.
    pub(crate) early_data: bool,
    /// The first Finished of a handshake of TLS 1.2, unless it went on from a session without extended master secret.
    pub(crate) first_finished: Option<[u8; 12]>,
}

/// What can be asked of such a connection.
pub(crate) struct Established<'s> {
    pub(crate) negotiated: &'s Negotiated,
    pub(crate) peer: &'s Authenticated,
    pub(crate) exporter: &'s dyn Exporter,
}

/// Derives keying material for the application.
pub(crate) trait Exporter {
    /// Fills `out`. Whether no context and an empty one differ is the version's business.
    ///
    /// # Errors
    /// [`Error::Crypto`] for an `out` or a context that is too long; [`Error::ExtendedMasterSecretRequired`] where the secret
    /// is not bound to the handshake.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error>;
}
