//! What a client says of itself, for whoever chooses how to answer it.

use std::fmt;

use tls_codec::ExtensionType;
use tls_codec::handshake::ClientHello;
use tls_handshake::{Identity, host_name};

use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// What is known of a client when an identity has to be chosen: its ClientHello, read and raw.
///
/// All lists are in the client's order of preference, and hold what is unknown to this library and GREASE values
/// (RFC 8701) as well. Nothing of it is authenticated yet.
///
/// A fingerprint of clients in the manner of JA3, from the version, the suites, the extensions and the groups:
///
/// ```
/// use strata_tls::ClientHelloInfo;
///
/// fn fingerprint(hello: &ClientHelloInfo<'_>) -> String {
///     let joined = |numbers: Vec<u16>| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join("-");
///     let suites = hello.cipher_suites().filter(|suite| !suite.is_grease()).map(|suite| suite.0);
///     let extensions = hello.extensions().filter(|(typ, _)| !typ.is_grease()).map(|(typ, _)| typ.0);
///     let groups = hello.groups().filter(|group| !group.is_grease()).map(|group| group.0);
///     let version = hello.client_hello().legacy_version.0;
///     format!("{version},{},{},{}", joined(suites.collect()), joined(extensions.collect()), joined(groups.collect()))
/// }
/// ```
///
/// A choice by the application protocol:
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::{ClientHelloInfo, Identity, NoIdentity, ResolvesServerCert};
///
/// #[derive(Debug)]
/// struct ByProtocol {
///     acme: Arc<Identity>,
///     all_else: Arc<Identity>,
/// }
///
/// impl ResolvesServerCert for ByProtocol {
///     fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
///         let acme = hello.alpn_protocols().any(|protocol| protocol == b"acme-tls/1");
///         Ok(Arc::clone(if acme { &self.acme } else { &self.all_else }))
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct ClientHelloInfo<'a> {
    pub(crate) client_hello: &'a ClientHello<'a>,
    pub(crate) raw: &'a [u8],
    pub(crate) can_use: &'a CanUse<'a>,
}

/// What the engine says of an identity for the client.
pub(crate) type CanUse<'a> = dyn Fn(&Identity) -> bool + Sync + 'a;

impl<'a> ClientHelloInfo<'a> {
    /// Returns the host name that the client asks for (SNI, RFC 6066 §3): a valid DNS name of at most 253 bytes, in the case in
    /// which it was sent and without a trailing dot. `None` if there is none, or an IP address, or one that
    /// [is ignored](crate::ServerConfig::set_ignore_invalid_server_name). What [`client_hello`](Self::client_hello) and
    /// [`raw`](Self::raw) have is not checked.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        host_name(self.client_hello)
    }

    /// The application protocols that the client offers (RFC 7301).
    pub fn alpn_protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.client_hello.extensions.alpn.into_iter().flat_map(|names| names.iter()).map(|name| name.0)
    }

    /// The signature schemes that the client accepts in handshakes (RFC 9846 §4.3.3); none if it does not say.
    pub fn signature_schemes(&self) -> impl Iterator<Item = SignatureScheme> + use<'a> {
        self.client_hello.extensions.signature_algorithms.into_iter().flat_map(|schemes| schemes.iter())
    }

    /// The cipher suites that the client offers, of whatever version.
    pub fn cipher_suites(&self) -> impl Iterator<Item = CipherSuite> + use<'a> {
        self.client_hello.cipher_suites.iter()
    }

    /// The groups for the key exchange that the client offers (RFC 9846 §4.3.7); none if it does not say.
    pub fn groups(&self) -> impl Iterator<Item = NamedGroup> + use<'a> {
        self.client_hello.extensions.supported_groups.into_iter().flat_map(|groups| groups.iter())
    }

    /// The versions that the client offers (RFC 9846 §4.3.1). Of a client that is older than that list, the highest that it has.
    pub fn versions(&self) -> impl Iterator<Item = ProtocolVersion> + use<'a> {
        let listed = self.client_hello.extensions.supported_versions;
        let legacy = listed.is_none().then_some(self.client_hello.legacy_version);
        listed.into_iter().flat_map(|versions| versions.iter()).chain(legacy)
    }

    /// Returns whether a handshake with this client can be completed with this identity, by the rules that the handshake is made
    /// by: in the version that will be negotiated both sides have a signature scheme for its key, and in TLS 1.2 a cipher
    /// suite for it and, of a key on a curve, the client has the curve (RFC 8422 §5.1).
    #[must_use]
    pub fn can_verify(&self, identity: &Identity) -> bool {
        (self.can_use)(identity)
    }

    /// All extensions with their data, in the order of the wire.
    pub fn extensions(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        self.client_hello.extensions.raw.iter()
    }

    /// Those of [`extensions`](Self::extensions) that have no name here, GREASE among them.
    pub fn unknown_extensions(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        self.extensions().filter(|(typ, _)| typ.name().is_none())
    }

    /// The body of the message as it came, without the four bytes of its header.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The message as the codec reads it, with all that has no accessor here.
    #[must_use]
    pub fn client_hello(&self) -> &'a ClientHello<'a> {
        self.client_hello
    }
}

impl fmt::Debug for ClientHelloInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHelloInfo").field("server_name", &self.server_name()).finish_non_exhaustive()
    }
}
