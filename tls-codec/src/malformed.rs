//! Builders of hellos that a peer must reject: wrong lengths, repeated extensions, extensions in
//! forbidden places, bytes after the end.
//!
//! [`Writer`] writes the lengths that fit. These builders take a hello apart, and write what they
//! are given.
//!
//! ```
//! use strata_tls_codec::malformed::{ClientHelloBuilder, LengthOf};
//! use strata_tls_codec::{CipherSuite, ClientHello, decode_all, extension::ServerNameList};
//!
//! let mut builder = ClientHelloBuilder::default();
//! builder.cipher_suites.push(CipherSuite::TLS_AES_128_GCM_SHA256);
//! builder.extensions_mut().add(|w| ServerNameList::write(w, "one.example"))?;
//! assert!(decode_all::<ClientHello<'_>>(&builder.body()).is_ok());
//!
//! builder.extensions_mut().add(|w| ServerNameList::write(w, "two.example"))?;
//! assert!(decode_all::<ClientHello<'_>>(&builder.body()).is_err());
//!
//! builder.set_length(LengthOf::CipherSuites, 1);
//! assert!(ClientHello::lenient(&builder.body()).is_err());
//! # Ok::<(), strata_tls_codec::BufferFull>(())
//! ```

use alloc::vec::Vec;

use crate::{
    code_points::{CipherSuite, ContentType, ExtensionType, HandshakeType, ProtocolVersion},
    error::BufferFull,
    lenient::{LenientClientHello, LenientExtensions, LenientServerHello},
    record::{MAX_FRAGMENT, RecordHeader},
    writer::Writer,
};

/// A field with a length before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthOf {
    /// The message, in its header.
    Message,
    /// The session ID.
    SessionId,
    /// The cipher suites.
    CipherSuites,
    /// The compression methods.
    CompressionMethods,
    /// The extension block.
    Extensions,
    /// The extension at this index.
    Extension(usize),
}

/// Lengths that replace those that fit.
#[derive(Clone, Debug, Default)]
struct Lengths(Vec<(LengthOf, u32)>);

impl Lengths {
    fn set(&mut self, field: LengthOf, length: u32) {
        self.0.retain(|(other, _)| *other != field);
        self.0.push((field, length));
    }

    /// Writes the length of `body` in `size` bytes, and `body`. A length that does not fit is cut
    /// to its low bytes.
    fn write(&self, out: &mut Vec<u8>, field: LengthOf, size: usize, body: &[u8]) {
        let set = self.0.iter().find(|(other, _)| *other == field).map(|(_, length)| *length);
        let length = set.unwrap_or_else(|| u32::try_from(body.len()).unwrap_or(u32::MAX)).to_be_bytes();
        out.extend(length.iter().skip(length.len().saturating_sub(size)));
        out.extend_from_slice(body);
    }
}

/// Extensions in any number and order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionsBuilder {
    /// Types and data, in wire order.
    pub items: Vec<(ExtensionType, Vec<u8>)>,
}

impl ExtensionsBuilder {
    /// Adds extensions as their functions `write` write them.
    ///
    /// # Errors
    /// The error of `write`; [`BufferFull`] also if it writes no extensions.
    pub fn add(&mut self, write: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>) -> Result<(), BufferFull> {
        let mut block = Vec::new();
        Writer::append(&mut block).vec16(write)?;
        let written: crate::Extensions<'_> = crate::decode_all(&block).map_err(|_| BufferFull)?;
        self.items.extend(written.iter().map(|(typ, data)| (typ, data.to_vec())));
        Ok(())
    }

    /// Removes all extensions of a type.
    pub fn remove(&mut self, typ: ExtensionType) {
        self.items.retain(|(other, _)| *other != typ);
    }

    fn write(&self, out: &mut Vec<u8>, lengths: &Lengths) {
        let mut block = Vec::new();
        for (at, (typ, data)) in self.items.iter().enumerate() {
            block.extend(typ.0.to_be_bytes());
            lengths.write(&mut block, LengthOf::Extension(at), 2, data);
        }
        lengths.write(out, LengthOf::Extensions, 2, &block);
    }
}

impl From<LenientExtensions<'_>> for ExtensionsBuilder {
    fn from(extensions: LenientExtensions<'_>) -> Self {
        Self { items: extensions.iter().map(|(typ, data)| (typ, data.to_vec())).collect() }
    }
}

/// Builds a ClientHello from a valid one, or from the fields of TLS 1.2 without suites and
/// extensions (`default`).
#[derive(Clone, Debug)]
pub struct ClientHelloBuilder {
    /// The version.
    pub legacy_version: ProtocolVersion,
    /// The random.
    pub random: [u8; 32],
    /// The session ID.
    pub legacy_session_id: Vec<u8>,
    /// The suites.
    pub cipher_suites: Vec<CipherSuite>,
    /// The compression methods.
    pub legacy_compression_methods: Vec<u8>,
    /// The extensions. `None`: there is no block.
    pub extensions: Option<ExtensionsBuilder>,
    /// Bytes after the last field.
    pub trailing: Vec<u8>,
    lengths: Lengths,
}

impl Default for ClientHelloBuilder {
    fn default() -> Self {
        Self {
            legacy_version: ProtocolVersion::TLS12,
            random: [0; 32],
            legacy_session_id: Vec::new(),
            cipher_suites: Vec::new(),
            legacy_compression_methods: Vec::from([0]),
            extensions: None,
            trailing: Vec::new(),
            lengths: Lengths::default(),
        }
    }
}

impl<'a, T: Into<LenientClientHello<'a>>> From<T> for ClientHelloBuilder {
    fn from(hello: T) -> Self {
        let hello = hello.into();
        Self {
            legacy_version: hello.legacy_version,
            random: *hello.random,
            legacy_session_id: hello.legacy_session_id.to_vec(),
            cipher_suites: hello.cipher_suites.to_vec(),
            legacy_compression_methods: hello.legacy_compression_methods.to_vec(),
            extensions: (!hello.extensions.is_absent()).then(|| hello.extensions.into()),
            trailing: Vec::new(),
            lengths: Lengths::default(),
        }
    }
}

impl ClientHelloBuilder {
    /// Returns the extensions, and adds an empty block if there is none.
    pub fn extensions_mut(&mut self) -> &mut ExtensionsBuilder {
        self.extensions.get_or_insert_default()
    }

    /// Writes `length` before a field, whatever its bytes are.
    pub fn set_length(&mut self, field: LengthOf, length: u32) {
        self.lengths.set(field, length);
    }

    /// Returns the body of the message.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.legacy_version.0.to_be_bytes());
        out.extend(self.random);
        self.lengths.write(&mut out, LengthOf::SessionId, 1, &self.legacy_session_id);
        let suites: Vec<u8> = self.cipher_suites.iter().flat_map(|suite| suite.0.to_be_bytes()).collect();
        self.lengths.write(&mut out, LengthOf::CipherSuites, 2, &suites);
        self.lengths.write(&mut out, LengthOf::CompressionMethods, 1, &self.legacy_compression_methods);
        if let Some(extensions) = &self.extensions {
            extensions.write(&mut out, &self.lengths);
        }
        out.extend_from_slice(&self.trailing);
        out
    }

    /// Returns the message with its header.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        message(HandshakeType::CLIENT_HELLO, &self.body(), &self.lengths)
    }

    /// Returns records with the message, of at most `size` bytes each.
    #[must_use]
    pub fn records(&self, size: u16) -> Vec<u8> {
        records(&self.message(), size)
    }
}

/// Builds a ServerHello or HelloRetryRequest from a valid one, or from the version of TLS 1.2
/// without the other fields (`default`).
#[derive(Clone, Debug)]
pub struct ServerHelloBuilder {
    /// The version.
    pub legacy_version: ProtocolVersion,
    /// The random.
    pub random: [u8; 32],
    /// The session ID.
    pub legacy_session_id_echo: Vec<u8>,
    /// The suite.
    pub cipher_suite: Option<CipherSuite>,
    /// The compression method.
    pub legacy_compression_method: Option<u8>,
    /// The extensions. `None`: there is no block.
    pub extensions: Option<ExtensionsBuilder>,
    /// Bytes after the last field.
    pub trailing: Vec<u8>,
    lengths: Lengths,
}

impl Default for ServerHelloBuilder {
    fn default() -> Self {
        Self {
            legacy_version: ProtocolVersion::TLS12,
            random: [0; 32],
            legacy_session_id_echo: Vec::new(),
            cipher_suite: None,
            legacy_compression_method: None,
            extensions: None,
            trailing: Vec::new(),
            lengths: Lengths::default(),
        }
    }
}

impl<'a, T: Into<LenientServerHello<'a>>> From<T> for ServerHelloBuilder {
    fn from(hello: T) -> Self {
        let hello = hello.into();
        Self {
            legacy_version: hello.legacy_version,
            random: *hello.random,
            legacy_session_id_echo: hello.legacy_session_id_echo.to_vec(),
            cipher_suite: hello.cipher_suite,
            legacy_compression_method: hello.legacy_compression_method,
            extensions: (!hello.extensions.is_absent()).then(|| hello.extensions.into()),
            trailing: Vec::new(),
            lengths: Lengths::default(),
        }
    }
}

impl ServerHelloBuilder {
    /// Returns the extensions, and adds an empty block if there is none.
    pub fn extensions_mut(&mut self) -> &mut ExtensionsBuilder {
        self.extensions.get_or_insert_default()
    }

    /// Writes `length` before a field, whatever its bytes are.
    pub fn set_length(&mut self, field: LengthOf, length: u32) {
        self.lengths.set(field, length);
    }

    /// Returns the body of the message.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.legacy_version.0.to_be_bytes());
        out.extend(self.random);
        self.lengths.write(&mut out, LengthOf::SessionId, 1, &self.legacy_session_id_echo);
        out.extend(self.cipher_suite.into_iter().flat_map(|suite| suite.0.to_be_bytes()));
        out.extend(self.legacy_compression_method);
        if let Some(extensions) = &self.extensions {
            extensions.write(&mut out, &self.lengths);
        }
        out.extend_from_slice(&self.trailing);
        out
    }

    /// Returns the message with its header.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        message(HandshakeType::SERVER_HELLO, &self.body(), &self.lengths)
    }

    /// Returns records with the message, of at most `size` bytes each.
    #[must_use]
    pub fn records(&self, size: u16) -> Vec<u8> {
        records(&self.message(), size)
    }
}

fn message(typ: HandshakeType, body: &[u8], lengths: &Lengths) -> Vec<u8> {
    let mut out = Vec::from([typ.0]);
    lengths.write(&mut out, LengthOf::Message, 3, body);
    out
}

fn records(message: &[u8], size: u16) -> Vec<u8> {
    let mut out = Vec::new();
    for part in message.chunks(usize::from(size).clamp(1, MAX_FRAGMENT)) {
        let header = RecordHeader {
            content_type: ContentType::HANDSHAKE,
            legacy_record_version: ProtocolVersion::TLS10,
            length: u16::try_from(part.len()).unwrap_or_default(),
        };
        out.extend(header.to_bytes());
        out.extend_from_slice(part);
    }
    out
}
