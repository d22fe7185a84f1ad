//! [`ConnectionInfo`]: what a handshake negotiated, as a value.

use std::fmt;
use std::sync::Arc;

use pki_types::CertificateDer;
use tls_handshake::{Connection, HandshakeKind, Role};

use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// A summary of a connection after its handshake. It outlives the connection, is cheap to clone,
/// and can be shared between threads, for example as an extension of each request.
///
/// [`Session::connection_info`](crate::Session::connection_info) returns it.
///
/// ```
/// use strata_tls::{ConnectionInfo, ProtocolVersion};
///
/// /// A line for the access log.
/// fn describe(info: &ConnectionInfo) -> String {
///     let client = if info.peer_certificates().is_some() { "authenticated" } else { "anonymous" };
///     format!("{} {client} {:?}", info.protocol_version(), info.server_name())
/// }
/// ```
#[derive(Clone)]
pub struct ConnectionInfo(Arc<Facts>);

struct Facts {
    version: ProtocolVersion,
    suite: CipherSuite,
    group: Option<NamedGroup>,
    kind: HandshakeKind,
    alpn: Option<Box<[u8]>>,
    server_name: Option<Box<str>>,
    peer_certificates: Option<Arc<[CertificateDer<'static>]>>,
    peer_signature_scheme: Option<SignatureScheme>,
    external_psk_identity: Option<Box<[u8]>>,
}

/// Collects the facts from an engine's accessors, which are the same over records and over QUIC.
macro_rules! facts {
    ($connection:ident, $server_name:ident) => {
        Some(Self(Arc::new(Facts {
            version: $connection.protocol_version()?,
            suite: $connection.negotiated_cipher_suite()?,
            group: $connection.negotiated_group(),
            kind: $connection.handshake_kind()?,
            alpn: $connection.alpn_protocol().map(Box::from),
            server_name: $server_name.map(Box::from),
            peer_certificates: $connection.shared_peer_certificates(),
            peer_signature_scheme: $connection.peer_signature_scheme(),
            external_psk_identity: $connection.external_psk_identity().map(Box::from),
        })))
    };
}

impl ConnectionInfo {
    /// Returns `None` until the handshake is complete.
    pub(crate) fn of<R: Role>(connection: &Connection<R>, server_name: Option<&str>) -> Option<Self> {
        facts!(connection, server_name)
    }

    /// The same over QUIC.
    #[cfg(feature = "quic")]
    pub(crate) fn of_quic<R: Role>(
        connection: &tls_handshake::quic::Connection<R>,
        server_name: Option<&str>,
    ) -> Option<Self> {
        facts!(connection, server_name)
    }

    /// Returns the negotiated protocol version.
    #[must_use]
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.0.version
    }

    /// Returns the negotiated cipher suite.
    #[must_use]
    pub fn cipher_suite(&self) -> CipherSuite {
        self.0.suite
    }

    /// Returns the key exchange group. `None` after a TLS 1.2 resumption, which has no key
    /// exchange.
    #[must_use]
    pub fn group(&self) -> Option<NamedGroup> {
        self.0.group
    }

    /// Returns the kind of the handshake: full, resumed, or with an external pre-shared key.
    #[must_use]
    pub fn handshake_kind(&self) -> HandshakeKind {
        self.0.kind
    }

    /// Returns the negotiated application protocol (ALPN, RFC 7301).
    #[must_use]
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.0.alpn.as_deref()
    }

    /// Returns the host name of the server: the one that the client requested (SNI), or at a client
    /// the one that the certificate matched. `None` if there is none, or at a client if it
    /// connected to an IP address.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.0.server_name.as_deref()
    }

    /// Returns the peer's certificates, the end-entity certificate first. `None` if the peer
    /// presented none.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.0.peer_certificates.as_deref()
    }

    /// Returns the scheme of the peer's handshake signature; `None` if it signed nothing, as in a
    /// resumption.
    #[must_use]
    pub fn peer_signature_scheme(&self) -> Option<SignatureScheme> {
        self.0.peer_signature_scheme
    }

    /// Returns the identity of the external pre-shared key that the handshake used, if it used one.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        self.0.external_psk_identity.as_deref()
    }
}

/// Shows the number of certificates, not their bytes.
impl fmt::Debug for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionInfo")
            .field("protocol_version", &self.0.version)
            .field("cipher_suite", &self.0.suite)
            .field("group", &self.0.group)
            .field("handshake_kind", &self.0.kind)
            .field("server_name", &self.0.server_name)
            .field("peer_certificates", &self.peer_certificates().map_or(0, <[_]>::len))
            .finish_non_exhaustive()
    }
}
