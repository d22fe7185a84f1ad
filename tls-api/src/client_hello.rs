//! What a client says of itself, for whoever chooses how to answer it.

use std::fmt;

use tls_codec::ExtensionType;
use tls_codec::handshake::ClientHello;

use tls_crypto::Tls12Authentication;
use tls_handshake::Identity;

use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// What is known of a client when an identity has to be chosen: its ClientHello, read and raw.
///
/// All lists are in the client's order of preference, and hold what is unknown to this library and GREASE values
/// (RFC 8701) as well. Nothing of it is authenticated yet.
///
/// A fingerprint of clients in the manner of JA3, from the version, the suites, the extensions and the groups:
///
/// ```
/// use tls_api::ClientHelloInfo;
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
/// use tls_api::{ClientHelloInfo, Identity, ResolvesServerCert};
///
/// #[derive(Debug)]
/// struct ByProtocol {
///     acme: Arc<Identity>,
///     all_else: Arc<Identity>,
/// }
///
/// impl ResolvesServerCert for ByProtocol {
///     fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Option<Arc<Identity>> {
///         let acme = hello.alpn_protocols().any(|protocol| protocol == b"acme-tls/1");
///         Some(Arc::clone(if acme { &self.acme } else { &self.all_else }))
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct ClientHelloInfo<'a> {
    client_hello: &'a ClientHello<'a>,
    raw: &'a [u8],
    /// Whether the server that chooses speaks TLS 1.3.
    has_tls13: bool,
}

impl<'a> ClientHelloInfo<'a> {
    pub(crate) fn new(client_hello: &'a ClientHello<'a>, raw: &'a [u8], has_tls13: bool) -> Self {
        Self { client_hello, raw, has_tls13 }
    }

    /// The host name that the client asks for (SNI, RFC 6066 §3), as it was sent.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        std::str::from_utf8(self.client_hello.extensions.server_name?.host_name()?).ok()
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

    /// Whether the client can verify what this identity's key signs: in the version that will be negotiated it has a
    /// signature scheme for it, and before TLS 1.3 a cipher suite as well.
    #[must_use]
    pub fn can_verify(&self, identity: &Identity) -> bool {
        let in_common = |usable: &dyn Fn(SignatureScheme) -> bool| {
            self.signature_schemes().any(|scheme| usable(scheme) && identity.schemes().contains(&scheme))
        };
        if self.has_tls13 && self.versions().any(|version| version == ProtocolVersion::TLS13) {
            // RFC 9846 §4.3.3: those of PKCS#1 are for certificates alone.
            return in_common(&|scheme| !is_pkcs1(scheme));
        }
        let has_suites = |kind: Tls12Authentication| {
            let is_one =
                |suite| tls_crypto::ALL_TLS12.iter().any(|known| known.id == suite && known.authentication == kind);
            self.cipher_suites().any(|suite| is_one(suite.0))
        };
        let (rsa, ecdsa) = (has_suites(Tls12Authentication::Rsa), has_suites(Tls12Authentication::Ecdsa));
        in_common(&|scheme| if is_rsa(scheme) { rsa } else { ecdsa })
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

fn is_pkcs1(scheme: SignatureScheme) -> bool {
    use SignatureScheme as S;
    [S::RSA_PKCS1_SHA256, S::RSA_PKCS1_SHA384, S::RSA_PKCS1_SHA512].contains(&scheme)
}

fn is_rsa(scheme: SignatureScheme) -> bool {
    use SignatureScheme as S;
    is_pkcs1(scheme) || [S::RSA_PSS_RSAE_SHA256, S::RSA_PSS_RSAE_SHA384, S::RSA_PSS_RSAE_SHA512].contains(&scheme)
}

impl fmt::Debug for ClientHelloInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHelloInfo").field("server_name", &self.server_name()).finish_non_exhaustive()
    }
}
