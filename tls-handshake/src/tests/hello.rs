//! Hello messages whose fields tests edit, also to what a peer must reject.

use tls_codec::code_points::{AlertDescription, CipherSuite, ExtensionType as X, HandshakeType, ProtocolVersion};
use tls_codec::handshake::{Split, split_message};
use tls_codec::lenient::{LenientClientHello, LenientExtensions, LenientServerHello};
use tls_codec::malformed::{ClientHelloBuilder, ExtensionsBuilder, ServerHelloBuilder};

use super::flow::{End, answers, client, server};
use super::pair::Pki;
use crate::client::Client;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::Error;
use crate::server::Server;

/// The fields of a ClientHello, ServerHello or HelloRetryRequest.
#[derive(Clone)]
pub(super) struct Hello {
    pub(super) typ: HandshakeType,
    pub(super) version: [u8; 2],
    pub(super) random: Vec<u8>,
    pub(super) session_id: Vec<u8>,
    /// The list of a ClientHello, or the suite of a ServerHello.
    pub(super) suites: Vec<u8>,
    pub(super) compression: Vec<u8>,
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    pub(super) fn parse(message: &[u8]) -> Self {
        let Split::Message { message, .. } = split_message(message) else { panic!("no message") };
        let plain = |extensions: LenientExtensions<'_>| {
            extensions.iter().map(|(typ, data)| (typ.0, data.to_vec())).collect::<Vec<_>>()
        };
        if message.typ == HandshakeType::CLIENT_HELLO {
            let hello: LenientClientHello<'_> = message.decode().unwrap();
            return Self {
                typ: message.typ,
                version: hello.legacy_version.0.to_be_bytes(),
                random: hello.random.to_vec(),
                session_id: hello.legacy_session_id.to_vec(),
                suites: hello.cipher_suites.bytes().to_vec(),
                compression: hello.legacy_compression_methods.to_vec(),
                extensions: plain(hello.extensions),
            };
        }
        let hello: LenientServerHello<'_> = message.decode().unwrap();
        Self {
            typ: message.typ,
            version: hello.legacy_version.0.to_be_bytes(),
            random: hello.random.to_vec(),
            session_id: hello.legacy_session_id_echo.to_vec(),
            suites: hello.cipher_suite.unwrap().0.to_be_bytes().to_vec(),
            compression: vec![hello.legacy_compression_method.unwrap()],
            extensions: plain(hello.extensions),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let version = ProtocolVersion(u16::from_be_bytes(self.version));
        let random = self.random[..].try_into().unwrap();
        let suites: Vec<CipherSuite> =
            self.suites.chunks(2).map(|suite| CipherSuite(u16::from_be_bytes(suite.try_into().unwrap()))).collect();
        let items = self.extensions.iter().map(|(typ, data)| (X(*typ), data.clone())).collect();
        let extensions = Some(ExtensionsBuilder { items });
        if self.typ == HandshakeType::CLIENT_HELLO {
            let mut builder = ClientHelloBuilder::default();
            builder.legacy_version = version;
            builder.random = random;
            builder.legacy_session_id.clone_from(&self.session_id);
            builder.cipher_suites = suites;
            builder.legacy_compression_methods.clone_from(&self.compression);
            builder.extensions = extensions;
            return builder.message();
        }
        let mut builder = ServerHelloBuilder::default();
        builder.legacy_version = version;
        builder.random = random;
        builder.legacy_session_id_echo.clone_from(&self.session_id);
        builder.cipher_suite = suites.first().copied();
        builder.legacy_compression_method = self.compression.first().copied();
        builder.extensions = extensions;
        builder.message()
    }

    /// Edits a message if it is a ClientHello or a ServerHello.
    pub(super) fn edit(message: &mut Vec<u8>, change: HelloEdit<'_>) {
        if matches!(message[0], 1 | 2) {
            let mut hello = Self::parse(message);
            change(&mut hello);
            *message = hello.encode();
        }
    }

    pub(super) fn has(&self, typ: X) -> bool {
        self.extensions.iter().any(|(t, _)| *t == typ.0)
    }

    pub(super) fn get(&mut self, typ: X) -> &mut Vec<u8> {
        &mut self.extensions.iter_mut().find(|(t, _)| *t == typ.0).unwrap_or_else(|| panic!("no {typ}")).1
    }

    /// Replaces the extension of this type, or appends it.
    pub(super) fn set(&mut self, typ: X, data: &[u8]) {
        match self.extensions.iter_mut().find(|(t, _)| *t == typ.0) {
            Some((_, old)) => *old = data.to_vec(),
            None => self.extensions.push((typ.0, data.to_vec())),
        }
    }

    pub(super) fn remove(&mut self, typ: X) {
        self.extensions.retain(|(t, _)| *t != typ.0);
    }
}

/// Returns the bytes with a length of two bytes before them.
pub(super) fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

pub(super) type HelloEdit<'a> = &'a dyn Fn(&mut Hello);

/// Returns a server that received the edited ClientHello of a client with `client_config`.
pub(super) fn server_after_hello(
    client_config: ClientConfig,
    config: ServerConfig,
    pki: &Pki,
    change: HelloEdit<'_>,
) -> Result<End<Server>, Error> {
    let mut hello = Hello::parse(&client(client_config).pop());
    assert_eq!(Hello::parse(&hello.encode()).encode(), hello.encode());
    change(&mut hello);
    let mut server = server(config);
    server.deliver(&hello.encode(), &mut answers(pki))?;
    Ok(server)
}

/// Returns a client that received the edited first response of a server with `server_config`.
pub(super) fn client_after_hello(
    config: ClientConfig,
    server_config: ServerConfig,
    pki: &Pki,
    change: HelloEdit<'_>,
) -> Result<End<Client>, Error> {
    let (mut client, mut server) = (client(config), server(server_config));
    server.deliver(&client.pop(), &mut answers(pki)).unwrap();
    let mut hello = Hello::parse(&server.pop());
    change(&mut hello);
    client.deliver(&hello.encode(), &mut answers(pki))?;
    Ok(client)
}

/// Checks the alert of an error, and that its text contains `texts`.
pub(super) fn assert_error(error: &Error, alert: AlertDescription, texts: &[&str]) {
    assert_eq!(error.alert(), Some(alert), "{error}");
    for text in texts {
        assert!(error.to_string().contains(text), "{error}: {text} is missing");
    }
}

/// Returns the suites and extensions that do not change from hello to hello.
fn fixed_offer(config: &ClientConfig) -> (Vec<u8>, Vec<(u16, Vec<u8>)>) {
    let mut outgoing = crate::Outgoing::new();
    let name = "example.com".try_into().unwrap();
    crate::ClientConnection::new(std::sync::Arc::new(config.clone()), name, &mut outgoing).unwrap();
    let mut hello = Hello::parse(&outgoing.ready()[5..]);
    hello.extensions.retain(|(typ, _)| *typ != X::KEY_SHARE.0);
    (hello.suites, hello.extensions)
}

#[test]
fn changed_setting_appears_in_next_client_hello() {
    use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
    let settings: [fn(&mut ClientConfig); 10] = [
        |config| config.set_versions(&[ProtocolVersion::TLS13]).unwrap(),
        |config| config.set_versions(&[ProtocolVersion::TLS12]).unwrap(),
        |config| config.set_cipher_suites(&[CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap(),
        |config| config.set_groups(&[NamedGroup::SECP384R1]).unwrap(),
        |config| config.set_signature_schemes(&[SignatureScheme::ED25519]).unwrap(),
        |config| config.set_alpn_protocols(["h2"]).unwrap(),
        |config| config.set_server_name_indication(false),
        |config| config.set_ocsp_request(false),
        |config| config.set_sct_request(true),
        |config| config.set_resumption(true),
    ];
    let unchanged = fixed_offer(&ClientConfig::new());
    for (at, set) in settings.iter().enumerate() {
        let (mut used, mut fresh) = (ClientConfig::new(), ClientConfig::new());
        let shared = std::sync::Arc::new(used.clone());
        crate::ClientConnection::new(shared.clone(), "a".try_into().unwrap(), &mut crate::Outgoing::new()).unwrap();
        used = std::sync::Arc::unwrap_or_clone(shared);
        assert!(used.common.computed.hello.get().is_some());
        set(&mut used);
        set(&mut fresh);
        assert_eq!(fixed_offer(&used), fixed_offer(&fresh), "setting {at}");
        assert_ne!(fixed_offer(&used), unchanged, "setting {at}");
        // The same without tickets.
        used.set_tickets(false);
        fresh.set_tickets(false);
        assert_eq!(fixed_offer(&used), fixed_offer(&fresh), "setting {at} without tickets");
    }
}
