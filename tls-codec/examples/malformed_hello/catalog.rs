//! ClientHellos that a server must reject, and the alert that is expected.

use strata_tls_codec::{
    AlertDescription as Alert, BufferFull, CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup,
    ProtocolVersion, RecordHeader, SignatureScheme,
    extension::{
        Alpn, ExtendedMasterSecret, KeyShareClientHello, RenegotiationInfo, ServerNameList, SignatureAlgorithms,
        SupportedGroups, SupportedVersions,
    },
    malformed::{ClientHelloBuilder, LengthOf},
    record::MAX_FRAGMENT,
};

/// A way to malform a hello.
pub(crate) struct Malformation {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Expected by RFC 9846. `None`: a server accepts the hello.
    pub(crate) alert: Option<Alert>,
    build: Build,
}

enum Build {
    /// Changes the fields of a valid hello.
    Fields(fn(&mut ClientHelloBuilder)),
    /// Makes records of it.
    Records(fn(&ClientHelloBuilder) -> Vec<u8>),
}

use Build::{Fields, Records};

impl Malformation {
    /// Returns the one with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        CATALOG.iter().find(|malformation| malformation.name == name)
    }

    /// Returns the bytes to send to a server with this name.
    pub(crate) fn records(&self, server_name: &str) -> Result<Vec<u8>, BufferFull> {
        let mut hello = valid(server_name)?;
        Ok(match self.build {
            Fields(change) => {
                change(&mut hello);
                hello.records(u16::MAX)
            }
            Records(make) => make(&hello),
        })
    }
}

/// Returns a hello that servers of TLS 1.3 and 1.2 accept.
fn valid(server_name: &str) -> Result<ClientHelloBuilder, BufferFull> {
    let mut hello = ClientHelloBuilder::default();
    hello.random = [7; 32];
    hello.legacy_session_id = vec![8; 32];
    hello.cipher_suites = vec![
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    // Any 32 bytes are a key of X25519. The private key of these is unknown.
    let key = [9; 32];
    hello.extensions_mut().add(|w| {
        ServerNameList::write(w, server_name)?;
        SupportedVersions::write(w, &[ProtocolVersion::TLS13, ProtocolVersion::TLS12])?;
        SupportedGroups::write(w, &[NamedGroup::X25519, NamedGroup::SECP256R1])?;
        SignatureAlgorithms::write(
            w,
            &[
                SignatureScheme::ECDSA_SECP256R1_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::ED25519,
                SignatureScheme::RSA_PKCS1_SHA256,
            ],
        )?;
        KeyShareClientHello::write(w, &[(NamedGroup::X25519, &key)])?;
        Alpn::write(w, &["h2", "http/1.1"])?;
        ExtendedMasterSecret::write(w)?;
        RenegotiationInfo::write(w, &[])
    })?;
    Ok(hello)
}

/// All malformations, the control first.
pub(crate) const CATALOG: &[Malformation] = &[
    accepted("valid", "nothing is malformed", Fields(|_| {})),
    accepted("split", "valid, one byte in each record", Records(|hello| hello.records(1))),
    // Lengths.
    decode_error("message-too-short", "the length in the header is one too low", |hello| {
        let length = hello.body().len() - 1;
        set_length(hello, LengthOf::Message, length);
    }),
    decode_error("session-id-too-long", "a session ID of 33 bytes", |hello| hello.legacy_session_id = vec![8; 33]),
    decode_error("session-id-beyond-end", "a session ID of 255 bytes, of which 32 are there", |hello| {
        hello.set_length(LengthOf::SessionId, 255);
    }),
    decode_error("cipher-suites-empty", "no cipher suites", |hello| hello.cipher_suites.clear()),
    decode_error("cipher-suites-odd", "cipher suites of an odd number of bytes", |hello| {
        let length = 2 * hello.cipher_suites.len() - 1;
        set_length(hello, LengthOf::CipherSuites, length);
    }),
    decode_error("compression-empty", "no compression methods", |hello| hello.legacy_compression_methods.clear()),
    decode_error("extensions-too-short", "the length of all extensions is one too low", |hello| {
        let length = block_length(hello) - 1;
        set_length(hello, LengthOf::Extensions, length);
    }),
    decode_error("extensions-too-long", "the length of all extensions is one too high", |hello| {
        let length = block_length(hello) + 1;
        set_length(hello, LengthOf::Extensions, length);
    }),
    decode_error("extension-too-long", "the length of the last extension is 65535", |hello| {
        let last = hello.extensions_mut().items.len() - 1;
        hello.set_length(LengthOf::Extension(last), 0xffff);
    }),
    decode_error("trailing-byte", "a byte after the extensions", |hello| hello.trailing.push(0)),
    wrong_records(
        "truncated",
        "a message of 20 bytes, which ends inside of its random",
        Alert::DECODE_ERROR,
        |hello| {
            let body = &hello.body()[..20];
            record(ContentType::HANDSHAKE, 0x0301, &[&[HandshakeType::CLIENT_HELLO.0, 0, 0, 20], body].concat())
        },
    ),
    // Extensions.
    decode_error("extension-twice", "server_name twice", |hello| {
        let first = hello.extensions_mut().items[0].clone();
        hello.extensions_mut().items.push(first);
    }),
    decode_error("server-name-empty", "server_name without a name", |hello| {
        set(hello, ExtensionType::SERVER_NAME, &[0, 0]);
    }),
    decode_error("server-name-no-bytes", "a host name of no bytes", |hello| {
        set(hello, ExtensionType::SERVER_NAME, &[0, 3, 0, 0, 0]);
    }),
    decode_error("alpn-empty", "no application protocols", |hello| set(hello, ExtensionType::ALPN, &[0, 0])),
    decode_error("alpn-empty-name", "an application protocol of no bytes", |hello| {
        set(hello, ExtensionType::ALPN, &[0, 4, 2, b'h', b'2', 0]);
    }),
    decode_error("supported-versions-empty", "no versions", |hello| {
        set(hello, ExtensionType::SUPPORTED_VERSIONS, &[0]);
    }),
    decode_error("groups-empty", "no groups", |hello| set(hello, ExtensionType::SUPPORTED_GROUPS, &[0, 0])),
    decode_error("groups-odd", "groups of three bytes", |hello| {
        set(hello, ExtensionType::SUPPORTED_GROUPS, &[0, 3, 0, 29, 0]);
    }),
    decode_error("schemes-empty", "no signature schemes", |hello| {
        set(hello, ExtensionType::SIGNATURE_ALGORITHMS, &[0, 0]);
    }),
    decode_error("status-request-empty", "status_request without data", |hello| {
        set(hello, ExtensionType::STATUS_REQUEST, &[]);
    }),
    decode_error("key-share-no-bytes", "a key share of no bytes", |hello| {
        set(hello, ExtensionType::KEY_SHARE, &[0, 4, 0, 29, 0, 0]);
    }),
    illegal("key-share-short", "a key share of X25519 with 31 bytes", |hello| {
        let key = [&[0, 35, 0, 29, 0, 31][..], &[9; 31]].concat();
        set(hello, ExtensionType::KEY_SHARE, &key);
    }),
    illegal("key-share-zero", "a key share of X25519 that is zero", |hello| {
        let key = [&[0, 36, 0, 29, 0, 32][..], &[0; 32]].concat();
        set(hello, ExtensionType::KEY_SHARE, &key);
    }),
    illegal("key-share-twice", "two key shares of one group", |hello| {
        let share = [&[0, 29, 0, 32][..], &[9; 32]].concat();
        let shares = [&[0, 72][..], &share, &share].concat();
        set(hello, ExtensionType::KEY_SHARE, &shares);
    }),
    illegal("key-share-not-offered", "a key share of a group that is not in supported_groups", |hello| {
        set(hello, ExtensionType::SUPPORTED_GROUPS, &[0, 2, 0, 23]);
    }),
    illegal("extension-forbidden", "oid_filters, which belongs to CertificateRequest", |hello| {
        set(hello, ExtensionType::OID_FILTERS, &[0, 0]);
    }),
    illegal("psk-not-last", "pre_shared_key before other extensions", |hello| {
        let psk = [&[0, 7, 0, 1, b'i', 0, 0, 0, 0, 0, 33, 32][..], &[7; 32]].concat();
        hello.extensions_mut().items.insert(0, (ExtensionType::PRE_SHARED_KEY, psk));
        set(hello, ExtensionType::PSK_KEY_EXCHANGE_MODES, &[1, 1]);
    }),
    illegal("compression-without-null", "only the compression method 1", |hello| {
        hello.legacy_compression_methods = vec![1];
    }),
    rejected("schemes-missing", "no signature_algorithms", Alert::MISSING_EXTENSION, |hello| {
        hello.extensions_mut().remove(ExtensionType::SIGNATURE_ALGORITHMS);
    }),
    rejected("groups-missing", "no supported_groups", Alert::MISSING_EXTENSION, |hello| {
        hello.extensions_mut().remove(ExtensionType::SUPPORTED_GROUPS);
    }),
    rejected("key-share-missing", "no key_share", Alert::MISSING_EXTENSION, |hello| {
        hello.extensions_mut().remove(ExtensionType::KEY_SHARE);
    }),
    rejected("psk-modes-missing", "pre_shared_key without psk_key_exchange_modes", Alert::MISSING_EXTENSION, |hello| {
        let psk = [&[0, 7, 0, 1, b'i', 0, 0, 0, 0, 0, 33, 32][..], &[7; 32]].concat();
        set(hello, ExtensionType::PRE_SHARED_KEY, &psk);
    }),
    rejected("versions-unknown", "only the version 0x7f00", Alert::PROTOCOL_VERSION, |hello| {
        set(hello, ExtensionType::SUPPORTED_VERSIONS, &[2, 0x7f, 0]);
    }),
    rejected("suites-unknown", "only the cipher suite 0xfffe", Alert::HANDSHAKE_FAILURE, |hello| {
        hello.cipher_suites = vec![CipherSuite(0xfffe)];
    }),
    // Records.
    wrong_records("record-empty", "a record without content", Alert::UNEXPECTED_MESSAGE, |hello| {
        [record(ContentType::HANDSHAKE, 0x0301, &[]), hello.records(u16::MAX)].concat()
    }),
    wrong_records("record-type-unknown", "a record of type 99", Alert::UNEXPECTED_MESSAGE, |hello| {
        record(ContentType(99), 0x0301, &hello.message())
    }),
    wrong_records("record-application-data", "a record of application_data", Alert::UNEXPECTED_MESSAGE, |hello| {
        record(ContentType::APPLICATION_DATA, 0x0303, &hello.message())
    }),
    wrong_records("record-version", "a record of version 4.0", Alert::PROTOCOL_VERSION, |hello| {
        record(ContentType::HANDSHAKE, 0x0400, &hello.message())
    }),
    wrong_records("record-too-long", "a record with one byte too many", Alert::RECORD_OVERFLOW, |_| {
        record(ContentType::HANDSHAKE, 0x0301, &[1; MAX_FRAGMENT + 1])
    }),
    wrong_records("message-type", "the message says that it is a Finished", Alert::UNEXPECTED_MESSAGE, |hello| {
        let mut message = hello.message();
        message[0] = HandshakeType::FINISHED.0;
        record(ContentType::HANDSHAKE, 0x0301, &message)
    }),
    wrong_records("interrupted", "an alert between two records of the hello", Alert::UNEXPECTED_MESSAGE, |hello| {
        let message = hello.message();
        let (head, rest) = message.split_at(100);
        let warning = record(ContentType::ALERT, 0x0301, &[1, 90]);
        [record(ContentType::HANDSHAKE, 0x0301, head), warning, record(ContentType::HANDSHAKE, 0x0301, rest)].concat()
    }),
];

const fn accepted(name: &'static str, about: &'static str, build: Build) -> Malformation {
    Malformation { name, about, alert: None, build }
}

const fn rejected(
    name: &'static str,
    about: &'static str,
    alert: Alert,
    change: fn(&mut ClientHelloBuilder),
) -> Malformation {
    Malformation { name, about, alert: Some(alert), build: Fields(change) }
}

const fn decode_error(name: &'static str, about: &'static str, change: fn(&mut ClientHelloBuilder)) -> Malformation {
    rejected(name, about, Alert::DECODE_ERROR, change)
}

const fn illegal(name: &'static str, about: &'static str, change: fn(&mut ClientHelloBuilder)) -> Malformation {
    rejected(name, about, Alert::ILLEGAL_PARAMETER, change)
}

const fn wrong_records(
    name: &'static str,
    about: &'static str,
    alert: Alert,
    make: fn(&ClientHelloBuilder) -> Vec<u8>,
) -> Malformation {
    Malformation { name, about, alert: Some(alert), build: Records(make) }
}

/// Replaces the data of an extension, or adds it at the end.
fn set(hello: &mut ClientHelloBuilder, typ: ExtensionType, data: &[u8]) {
    let items = &mut hello.extensions_mut().items;
    match items.iter_mut().find(|(other, _)| *other == typ) {
        Some((_, old)) => *old = data.to_vec(),
        None => items.push((typ, data.to_vec())),
    }
}

/// Returns the length of all extensions, with their headers.
fn block_length(hello: &mut ClientHelloBuilder) -> usize {
    hello.extensions_mut().items.iter().map(|(_, data)| 4 + data.len()).sum()
}

fn set_length(hello: &mut ClientHelloBuilder, field: LengthOf, length: usize) {
    hello.set_length(field, u32::try_from(length).unwrap_or(u32::MAX));
}

/// Returns one record, of any length.
fn record(content_type: ContentType, version: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    let header = RecordHeader { content_type, legacy_record_version: ProtocolVersion(version), length };
    [&header.to_bytes(), body].concat()
}
