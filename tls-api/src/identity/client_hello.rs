//! The ClientHello, as resolvers see it.

use std::fmt;

use tls_codec::ExtensionType;
use tls_codec::handshake::ClientHello;
use tls_handshake::{Identity, host_name};

use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// A client's ClientHello, parsed and raw, for choosing an identity.
///
/// Lists are in the client's order of preference. They include values that this library does not
/// support, and GREASE (RFC 8701). Nothing in them is authenticated yet.
///
/// A fingerprint like JA3, of version, cipher suites, extensions and groups:
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
/// A choice by application protocol:
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
    client_hello: Decoded<'a>,
    raw: &'a [u8],
    /// `None` before a configuration is chosen.
    can_use: Option<&'a CanUse<'a>>,
}

#[derive(Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "a view that is used at once; a handshake makes the small one")]
enum Decoded<'a> {
    Borrowed(&'a ClientHello<'a>),
    Held(ClientHello<'a>),
}

/// The engine's check whether a handshake with an identity can complete.
pub(crate) type CanUse<'a> = dyn Fn(&Identity) -> bool + Sync + 'a;

impl<'a> ClientHelloInfo<'a> {
    /// Describes a ClientHello to a resolver.
    pub(crate) fn new(client_hello: &'a ClientHello<'a>, raw: &'a [u8], can_use: &'a CanUse<'a>) -> Self {
        Self { client_hello: Decoded::Borrowed(client_hello), raw, can_use: Some(can_use) }
    }

    /// Describes a ClientHello before a configuration is chosen.
    pub(crate) fn without_config(client_hello: ClientHello<'a>, raw: &'a [u8]) -> Self {
        Self { client_hello: Decoded::Held(client_hello), raw, can_use: None }
    }

    /// Returns the requested host name (SNI, RFC 6066 §3): a valid DNS name of at most 253 bytes,
    /// in the case in which it was sent, without a trailing dot.
    ///
    /// `None` if there is none, if it is an IP address, or if it is invalid and
    /// [ignored](crate::ServerConfig::set_ignore_invalid_server_name). The names in
    /// [`client_hello`](Self::client_hello) and [`raw`](Self::raw) are unchecked.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        host_name(self.client_hello())
    }

    /// Returns the offered application protocols (ALPN, RFC 7301).
    pub fn alpn_protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.client_hello().extensions.alpn.into_iter().flat_map(|names| names.iter()).map(|name| name.0)
    }

    /// Returns the signature schemes that the client accepts in handshakes (RFC 9846 §4.3.3). Empty
    /// without the extension.
    pub fn signature_schemes(&self) -> impl Iterator<Item = SignatureScheme> + use<'a> {
        self.client_hello().extensions.signature_algorithms.into_iter().flat_map(|schemes| schemes.iter())
    }

    /// Returns the offered cipher suites of all versions.
    pub fn cipher_suites(&self) -> impl Iterator<Item = CipherSuite> + use<'a> {
        self.client_hello().cipher_suites.iter()
    }

    /// Returns the offered key exchange groups (RFC 9846 §4.3.7). Empty without the extension.
    pub fn groups(&self) -> impl Iterator<Item = NamedGroup> + use<'a> {
        self.client_hello().extensions.supported_groups.into_iter().flat_map(|groups| groups.iter())
    }

    /// Returns the offered versions (RFC 9846 §4.3.1). Without supported_versions, as in older
    /// clients, this is the highest version that the client supports.
    pub fn versions(&self) -> impl Iterator<Item = ProtocolVersion> + use<'a> {
        let hello = self.client_hello();
        let listed = hello.extensions.supported_versions;
        let legacy = listed.is_none().then_some(hello.legacy_version);
        listed.into_iter().flat_map(|versions| versions.iter()).chain(legacy)
    }

    /// Returns whether a handshake with this client can complete with `identity`.
    ///
    /// In the version that will be negotiated, both sides must support a signature scheme for its
    /// key. TLS 1.2 also requires a cipher suite for the kind of key, and that the client supports
    /// the key's curve (RFC 8422 §5.1). Of an [`Accepted`](crate::Accepted) connection, whose
    /// version is not known yet, only the signature schemes are compared.
    #[must_use]
    pub fn can_verify(&self, identity: &Identity) -> bool {
        match self.can_use {
            Some(can_use) => can_use(identity),
            None => self.signature_schemes().any(|scheme| identity.schemes().contains(&scheme)),
        }
    }

    /// Returns all extensions with their data, in wire order.
    pub fn extensions(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        self.client_hello().extensions.raw.iter()
    }

    /// Returns the [`extensions`](Self::extensions) that this library has no name for, GREASE
    /// included.
    pub fn unknown_extensions(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        self.extensions().filter(|(typ, _)| typ.name().is_none())
    }

    /// Returns the message body as received, without the four bytes of its header.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns the message as the codec parses it, for fields without an accessor here.
    #[must_use]
    pub fn client_hello(&self) -> &ClientHello<'a> {
        match &self.client_hello {
            Decoded::Borrowed(hello) => hello,
            Decoded::Held(hello) => hello,
        }
    }
}

impl fmt::Debug for ClientHelloInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHelloInfo").field("server_name", &self.server_name()).finish_non_exhaustive()
    }
}
