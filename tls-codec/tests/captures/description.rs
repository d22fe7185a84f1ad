//! Describes messages as `expect` does with what tshark reads.

use std::fmt::Write as _;

use strata_tls_codec::{
    dtls::{DtlsClientHello, HelloVerifyRequest},
    fingerprint::{Transport, ja3, ja3s, ja4},
    handshake::{
        key_exchange::{ClientKeyExchange, ClientSecret, ServerKeyExchange, ServerParams},
        tls12,
    },
    lenient::{ClientHelloExtension, LenientClientHello, LenientServerHello, ServerHelloExtension},
    *,
};

/// What the messages of a connection depend on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Negotiated {
    suite: Option<CipherSuite>,
    version: Option<ProtocolVersion>,
}

impl Negotiated {
    /// Returns what the server selected.
    pub(crate) fn parts(self) -> (&'static registry::CipherSuiteInfo, ProtocolVersion) {
        (self.suite.unwrap().info().unwrap(), self.version.unwrap())
    }

    /// Describes the message with this body, and encodes again what it decodes to. `position` is
    /// what DTLS has after the length.
    pub(crate) fn describe(
        &mut self,
        transport: Transport,
        (typ, position): (HandshakeType, &str),
        body: &[u8],
    ) -> (String, Vec<u8>) {
        let mut out = format!("message {} {}{position}\n", typ.0, body.len());
        let encoded = match typ {
            HandshakeType::CLIENT_HELLO if transport == Transport::Dtls => {
                let message: DtlsClientHello<'_> = decode_all(body).unwrap();
                client_hello(&mut out, &message.hello, Some(message.cookie), transport);
                message.to_vec().unwrap()
            }
            HandshakeType::CLIENT_HELLO => {
                let hello: ClientHello<'_> = decode_all(body).unwrap();
                let lenient = ClientHello::lenient(body).unwrap();
                assert_eq!(lenient.strict(), Ok(hello));
                assert_eq!(lenient.to_vec().unwrap(), body);
                client_hello(&mut out, &lenient, None, transport);
                hello.to_vec().unwrap()
            }
            HandshakeType::SERVER_HELLO => {
                let message: ServerHelloMessage<'_> = decode_all(body).unwrap();
                let lenient = ServerHello::lenient(body).unwrap();
                assert_eq!(lenient, message.into());
                assert_eq!(lenient.to_vec().unwrap(), body);
                let selected = lenient.extensions.get::<extension::SelectedVersion>().unwrap();
                self.version = selected.or(Some(lenient.legacy_version));
                self.suite = lenient.cipher_suite;
                server_hello(&mut out, &lenient);
                message.to_vec().unwrap()
            }
            HandshakeType::HELLO_VERIFY_REQUEST => {
                let message: HelloVerifyRequest<'_> = decode_all(body).unwrap();
                line(&mut out, "version", &[hex(&message.server_version)]);
                length(&mut out, "cookie_length", message.cookie);
                message.to_vec().unwrap()
            }
            HandshakeType::NEW_SESSION_TICKET => {
                let message: tls12::NewSessionTicket<'_> = decode_all(body).unwrap();
                line(&mut out, "lifetime", &[format!("{:08x}", message.ticket_lifetime_hint)]);
                length(&mut out, "ticket_length", message.ticket);
                message.to_vec().unwrap()
            }
            HandshakeType::CERTIFICATE => {
                let message: tls12::Certificate<'_> = decode_all(body).unwrap();
                let lengths = message.certificate_list.iter().map(|entry| entry.cert_data.len().to_string());
                line(&mut out, "certificate_length", &lengths.collect::<Vec<_>>());
                message.to_vec().unwrap()
            }
            HandshakeType::CERTIFICATE_STATUS => {
                let message: tls12::CertificateStatus<'_> = decode_all(body).unwrap();
                line(&mut out, "status_type", &["01".into()]);
                length(&mut out, "response_length", message.ocsp_response);
                message.to_vec().unwrap()
            }
            HandshakeType::SERVER_KEY_EXCHANGE => self.server_key_exchange(&mut out, body),
            HandshakeType::CERTIFICATE_REQUEST => {
                let message: tls12::CertificateRequest<'_> = decode_all(body).unwrap();
                each(&mut out, "types", message.certificate_types);
                each(&mut out, "schemes", message.signature_algorithms);
                // tshark counts the names with their length.
                let names = message.certificate_authorities.iter().map(|name| name.0.len().to_string());
                line(&mut out, "name_length", &names.collect::<Vec<_>>());
                message.to_vec().unwrap()
            }
            HandshakeType::SERVER_HELLO_DONE => decode_all::<tls12::ServerHelloDone>(body).unwrap().to_vec().unwrap(),
            HandshakeType::CERTIFICATE_VERIFY => self.certificate_verify(&mut out, body),
            HandshakeType::CLIENT_KEY_EXCHANGE => self.client_key_exchange(&mut out, body),
            other => panic!("no test describes {other}"),
        };
        (out, encoded)
    }

    fn server_key_exchange(&self, out: &mut String, body: &[u8]) -> Vec<u8> {
        let (suite, version) = self.parts();
        let message = ServerKeyExchange::decode(body, suite, version).unwrap();
        if message.psk_identity_hint.is_some() {
            // tshark 4.0 reads this message only without Diffie-Hellman.
            return message.to_vec().unwrap();
        }
        match message.params {
            ServerParams::Ecdh(params) => {
                line(out, "curve_type", &["03".into()]);
                line(out, "curve", &[hex(&params.group)]);
                length(out, "public_length", params.public);
            }
            ServerParams::Dh(params) => {
                length(out, "p_length", params.p);
                length(out, "g_length", params.g);
                length(out, "public_length", params.public);
            }
            other => panic!("no test describes {other:?}"),
        }
        let signature = message.signature.unwrap();
        if let Some(scheme) = signature.algorithm {
            line(out, "scheme", &[hex(&scheme)]);
        }
        length(out, "signature_length", signature.signature);
        message.to_vec().unwrap()
    }

    fn client_key_exchange(&self, out: &mut String, body: &[u8]) -> Vec<u8> {
        let (suite, version) = self.parts();
        let message = ClientKeyExchange::decode(body, suite, version).unwrap();
        if message.psk_identity.is_some() {
            return message.to_vec().unwrap();
        }
        match message.secret {
            ClientSecret::Rsa(secret) => length(out, "secret_length", secret),
            ClientSecret::Dh(public) | ClientSecret::Ecdh(public) => length(out, "public_length", public),
            other => panic!("no test describes {other:?}"),
        }
        message.to_vec().unwrap()
    }

    fn certificate_verify(self, out: &mut String, body: &[u8]) -> Vec<u8> {
        let message: CertificateVerify<'_> = decode_all(body).unwrap();
        line(out, "scheme", &[hex(&message.algorithm)]);
        length(out, "signature_length", message.signature);
        message.to_vec().unwrap()
    }
}

fn client_hello(out: &mut String, hello: &LenientClientHello<'_>, cookie: Option<&[u8]>, transport: Transport) {
    line(out, "version", &[hex(&hello.legacy_version)]);
    line(out, "random", &[hex_of(hello.random)]);
    optional(out, "session_id", hello.legacy_session_id);
    if let Some(cookie) = cookie {
        length(out, "cookie_length", cookie);
    }
    each(out, "cipher_suites", hello.cipher_suites);
    let methods: Vec<String> = hello.legacy_compression_methods.iter().map(|method| format!("{method:02x}")).collect();
    line(out, "compression_methods", &methods);
    for ((typ, data), (_, decoded)) in hello.extensions.iter().zip(hello.decoded()) {
        writeln!(out, "  extension {} {}", hex(&typ), data.len()).unwrap();
        client_extension(out, decoded.unwrap());
    }
    writeln!(out, "  ja3 {}", ja3(hello)).unwrap();
    writeln!(out, "  ja4 {}", ja4(hello, transport)).unwrap();
}

fn client_extension(out: &mut String, extension: ClientHelloExtension<'_>) {
    use ClientHelloExtension as E;
    let mut block = String::new();
    let out_of_extension = &mut block;
    match extension {
        E::ServerName(names) => line(out_of_extension, "names", &[text(names.host_name().unwrap())]),
        E::StatusRequest(request) => line(out_of_extension, "status_type", &[hex(&request)[..2].into()]),
        E::SupportedGroups(groups) => each(out_of_extension, "groups", groups),
        E::EcPointFormats(formats) => each(out_of_extension, "formats", formats),
        E::SignatureAlgorithms(schemes) | E::SignatureAlgorithmsCert(schemes) | E::DelegatedCredential(schemes) => {
            each(out_of_extension, "schemes", schemes);
        }
        E::Alpn(names) => {
            line(out_of_extension, "protocols", &names.iter().map(|name| text(name.0)).collect::<Vec<_>>());
        }
        E::CompressCertificate(algorithms) => each(out_of_extension, "algorithms", algorithms),
        E::RecordSizeLimit(limit) => line(out_of_extension, "limit", &[format!("{limit:04x}")]),
        E::PreSharedKey(offered) => {
            let lengths = offered.identities.iter().map(|identity| identity.identity.len().to_string());
            line(out_of_extension, "identity_length", &lengths.collect::<Vec<_>>());
            let ages = offered.identities.iter().map(|identity| format!("{:08x}", identity.obfuscated_ticket_age));
            line(out_of_extension, "age", &ages.collect::<Vec<_>>());
        }
        E::SupportedVersions(versions) => each(out_of_extension, "versions", versions),
        E::PskKeyExchangeModes(modes) => each(out_of_extension, "modes", modes),
        E::KeyShare(shares) => {
            let groups = shares.iter().map(|share| hex(&share.group));
            line(out_of_extension, "groups", &groups.collect::<Vec<_>>());
            let lengths = shares.iter().map(|share| share.key_exchange.len().to_string());
            line(out_of_extension, "key_length", &lengths.collect::<Vec<_>>());
        }
        E::QuicTransportParameters(parameters) => {
            let ids = parameters.iter().map(|parameter| format!("{:x}", parameter.id));
            line(out_of_extension, "parameters", &ids.collect::<Vec<_>>());
            assert!(parameters.iter().all(|parameter| parameter.decode().is_ok()));
        }
        _ => {}
    }
    out.extend(block.lines().map(|line| format!("  {line}\n")));
}

fn server_hello(out: &mut String, hello: &LenientServerHello<'_>) {
    line(out, "version", &[hex(&hello.legacy_version)]);
    line(out, "random", &[hex_of(hello.random)]);
    optional(out, "session_id", hello.legacy_session_id_echo);
    line(out, "cipher_suite", &[hex(&hello.cipher_suite.unwrap())]);
    line(out, "compression_method", &[format!("{:02x}", hello.legacy_compression_method.unwrap())]);
    for ((typ, data), (_, decoded)) in hello.extensions.iter().zip(hello.decoded()) {
        use ServerHelloExtension as E;
        writeln!(out, "  extension {} {}", hex(&typ), data.len()).unwrap();
        let mut block = String::new();
        match decoded.unwrap() {
            E::SelectedVersion(version) => line(&mut block, "versions", &[hex(&version)]),
            E::KeyShare(share) => {
                line(&mut block, "groups", &[hex(&share.group)]);
                length(&mut block, "key_length", share.key_exchange);
            }
            E::KeyShareGroup(group) => line(&mut block, "selected", &[hex(&group)]),
            E::PreSharedKey(index) => line(&mut block, "selected", &[format!("{index:04x}")]),
            E::EcPointFormats(formats) => each(&mut block, "formats", formats),
            E::Alpn(name) => line(&mut block, "protocols", &[text(name.0)]),
            E::RecordSizeLimit(limit) => line(&mut block, "limit", &[format!("{limit:04x}")]),
            _ => {}
        }
        out.extend(block.lines().map(|line| format!("  {line}\n")));
    }
    writeln!(out, "  ja3s {}", ja3s(hello)).unwrap();
}

fn line(out: &mut String, name: &str, values: &[String]) {
    if !values.is_empty() {
        writeln!(out, "  {name} {}", values.join(" ")).unwrap();
    }
}

fn optional(out: &mut String, name: &str, value: &[u8]) {
    if !value.is_empty() {
        line(out, name, &[hex_of(value)]);
    }
}

fn length(out: &mut String, name: &str, value: &[u8]) {
    line(out, name, &[value.len().to_string()]);
}

fn each<'a, T: Decode<'a> + Encode>(out: &mut String, name: &str, list: List<'a, T>) {
    line(out, name, &list.iter().map(|value| hex(&value)).collect::<Vec<_>>());
}

fn text(name: &[u8]) -> String {
    String::from_utf8(name.to_vec()).unwrap()
}

fn hex(value: &impl Encode) -> String {
    hex_of(&value.to_vec().unwrap())
}

pub(crate) fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
