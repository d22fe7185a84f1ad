//! tls-parser as a second opinion on a ClientHello: where both read a field, they read the same.

use tls_codec::{
    ClientHello, LenientClientHello,
    lenient::ClientHelloExtension::{self, *},
};
use tls_parser::{TlsExtension, parse_tls_client_hello_extension, parse_tls_handshake_client_hello};

/// Compares the fields of the body of a ClientHello, which the lenient decoder accepts and possibly
/// the strict one.
pub fn check(body: &[u8], hello: &LenientClientHello<'_>, strict: Option<ClientHello<'_>>) {
    let Ok((rest, other)) = parse_tls_handshake_client_hello(body) else {
        assert!(strict.is_none(), "only tls-parser rejects the hello");
        return;
    };
    // tls-parser takes an extension block that is cut off for the end of the message.
    assert!(rest.is_empty(), "tls-parser leaves {} bytes", rest.len());
    assert_eq!(other.version.0, hello.legacy_version.0);
    assert_eq!(other.random, hello.random);
    assert_eq!(other.session_id.unwrap_or_default(), hello.legacy_session_id);
    assert!(other.ciphers.iter().map(|suite| suite.0).eq(hello.cipher_suites.iter().map(|suite| suite.0)));
    assert!(other.comp.iter().map(|method| method.0).eq(hello.legacy_compression_methods.iter().copied()));
    assert_eq!(other.ext, (!hello.extensions.is_absent()).then(|| hello.extensions.bytes()));

    let mut rest = other.ext.unwrap_or_default();
    for (typ, decoded) in hello.decoded() {
        let length = 4 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let (extension, after) = rest.split_at(length);
        rest = after;
        if let (Ok(ours), Ok(([], theirs))) = (decoded, parse_tls_client_hello_extension(extension)) {
            assert!(agree(&ours, &theirs), "{typ}: {ours:?}, {theirs:?}");
        }
    }
    assert!(rest.is_empty());
}

/// Returns whether both have the same content. Extensions that only one of them decodes agree.
fn agree(ours: &ClientHelloExtension<'_>, theirs: &TlsExtension<'_>) -> bool {
    match (ours, theirs) {
        (ServerName(ours), TlsExtension::SNI(theirs)) => {
            let host = theirs.iter().find(|(typ, _)| typ.0 == 0);
            ours.host_name() == host.map(|(_, name)| *name)
        }
        (SupportedGroups(ours), TlsExtension::EllipticCurves(theirs)) => {
            ours.iter().map(|group| group.0).eq(theirs.iter().map(|group| group.0))
        }
        (SignatureAlgorithms(ours), TlsExtension::SignatureAlgorithms(theirs)) => {
            ours.iter().map(|scheme| scheme.0).eq(theirs.iter().copied())
        }
        (Alpn(ours), TlsExtension::ALPN(theirs)) => ours.iter().map(|name| name.0).eq(theirs.iter().copied()),
        (SupportedVersions(ours), TlsExtension::SupportedVersions(theirs)) => {
            ours.iter().map(|version| version.0).eq(theirs.iter().map(|version| version.0))
        }
        (PskKeyExchangeModes(ours), TlsExtension::PskExchangeModes(theirs)) => {
            ours.iter().map(|mode| mode.0).eq(theirs.iter().copied())
        }
        (EcPointFormats(ours), TlsExtension::EcPointFormats(theirs)) => {
            ours.iter().map(|format| format.0).eq(theirs.iter().copied())
        }
        (RecordSizeLimit(ours), TlsExtension::RecordSizeLimit(theirs)) => ours == theirs,
        (SessionTicket(ours), TlsExtension::SessionTicket(theirs)) => ours == theirs,
        (RenegotiationInfo(ours), TlsExtension::RenegotiationInfo(theirs)) => ours == theirs,
        _ => true,
    }
}
