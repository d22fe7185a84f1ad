//! Hellos whose extensions are decoded one by one, for readers that do not take part in the
//! handshake.
//!
//! A TLS endpoint must reject a hello with one malformed or repeated extension, and [`ClientHello`]
//! does. A router or a fingerprint needs what is left. A [`LenientClientHello`] requires only that
//! lengths fit into each other, keeps all extensions in wire order with their bytes, and decodes
//! each for itself. A hello that does not arrive in whole gives what is there
//! ([`ClientHello::lenient_prefix`]).
//!
//! ```
//! use strata_tls_codec::lenient::ClientHelloExtension;
//! use strata_tls_codec::{ClientHello, ExtensionType, decode_all, extension::ServerNameList};
//!
//! let mut body = vec![3, 3];
//! body.extend([7; 32]); // random
//! body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
//! body.extend([0, 15, 0, 5, 0, 0]); // an empty status_request
//! body.extend([0, 0, 0, 7, 0, 5, 0, 0, 2, b'a', b'b']); // server_name
//! assert!(decode_all::<ClientHello<'_>>(&body).is_err());
//!
//! let hello = ClientHello::lenient(&body)?;
//! assert_eq!(hello.host_name(), Some(&b"ab"[..]));
//! let results: Vec<_> = hello.decoded().map(|(typ, result)| (typ, result.is_ok())).collect();
//! assert_eq!(results, [(ExtensionType::STATUS_REQUEST, false), (ExtensionType::SERVER_NAME, true)]);
//! # Ok::<(), strata_tls_codec::DecodeError>(())
//! ```

mod extensions;
mod prefix;

use self::prefix::Partial;
pub use self::{
    extensions::{ClientHelloExtension, LenientExtensions, ServerHelloExtension},
    prefix::{Missing, Prefix},
};
use crate::{
    code_points::{CipherSuite, ExtensionType, HandshakeType, ProtocolVersion},
    error::{BufferFull, DecodeError, Fault},
    extension::ServerNameList,
    handshake::{
        ClientHello, ClientHelloExtensions, HELLO_RETRY_REQUEST_RANDOM, HandshakeMessage, SESSION_ID, ServerHello,
        ServerHelloMessage,
    },
    list::List,
    reader::{Decode, Reader, decode_all},
    writer::{Encode, Writer},
};

/// A ClientHello whose extensions are not decoded yet. See [`lenient`](self).
///
/// It encodes to the bytes that it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LenientClientHello<'a> {
    /// TLS 1.2, or lower for older clients.
    pub legacy_version: ProtocolVersion,
    /// 32 random bytes.
    pub random: &'a [u8; 32],
    /// At most 32 bytes, unless malformed.
    pub legacy_session_id: &'a [u8],
    /// The suites, in order of preference. Empty only if malformed.
    pub cipher_suites: List<'a, CipherSuite>,
    /// At least one method, unless malformed.
    pub legacy_compression_methods: &'a [u8],
    /// The extensions.
    pub extensions: LenientExtensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Decodes the body of a ClientHello and leaves its extensions for later. See
    /// [`lenient`](crate::lenient).
    ///
    /// # Errors
    /// [`Fault::Truncated`] if a length exceeds what contains it, [`Fault::BadLength`] if the list
    /// of suites has an odd length, [`Fault::TrailingData`] if bytes follow.
    pub fn lenient(body: &'a [u8]) -> Result<LenientClientHello<'a>, DecodeError> {
        decode_all(body)
    }

    /// Decodes what was received of a ClientHello: the first bytes of its body, which has `length`
    /// bytes by its header.
    ///
    /// ```
    /// use strata_tls_codec::lenient::Prefix;
    /// use strata_tls_codec::{ClientHello, ExtensionType};
    ///
    /// let mut body = vec![3, 3];
    /// body.extend([7; 32]); // random
    /// body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    /// body.extend([0, 15, 0, 0, 0, 7, 0, 5, 0, 0, 2, b'a', b'b']); // server_name
    /// body.extend([0, 51, 0, 0]);
    /// let Prefix::Cut { received, missing } = ClientHello::lenient_prefix(&body[..56], body.len())? else { panic!() };
    /// assert_eq!(received.host_name(), Some(&b"ab"[..]));
    /// assert_eq!((missing.at, missing.need), ("ClientHello.extensions", body.len() - 56));
    /// # Ok::<(), strata_tls_codec::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`lenient`](Self::lenient), for what was received.
    pub fn lenient_prefix(
        received: &'a [u8],
        length: usize,
    ) -> Result<Prefix<'a, LenientClientHello<'a>>, DecodeError> {
        let mut r = Partial::new(received, length);
        if let Some(need) = r.missing_start() {
            return Ok(Prefix::Incomplete { need });
        }
        let hello = LenientClientHello::read(&mut r)?;
        r.finish(hello)
    }
}

impl<'a> LenientClientHello<'a> {
    /// Returns the host name in the first `server_name` extension, if it is valid. Chosen by the
    /// client: check that it is a DNS name before using it in a log, a path or a lookup.
    ///
    /// The receiver of the same bytes rejects a hello with two such extensions, or serves another
    /// name. [`LenientExtensions::duplicate`] finds them.
    #[must_use]
    pub fn host_name(&self) -> Option<&'a [u8]> {
        self.extensions.get::<ServerNameList<'_>>().ok().flatten().and_then(|names| names.host_name())
    }

    /// Returns an iterator over the extensions in wire order, each decoded for itself.
    pub fn decoded(
        &self,
    ) -> impl Iterator<Item = (ExtensionType, Result<ClientHelloExtension<'a>, DecodeError>)> + use<'a> {
        self.extensions.iter().map(|(typ, data)| (typ, ClientHelloExtension::decode(typ, data)))
    }

    /// Returns the hello as an endpoint decodes it.
    ///
    /// # Errors
    /// Why an endpoint rejects it: what [`decode_all`] of a [`ClientHello`] returns, where more
    /// than one field is malformed possibly for another of them.
    pub fn strict(&self) -> Result<ClientHello<'a>, DecodeError> {
        let bounds = |valid: bool, at| valid.then_some(()).ok_or(DecodeError { fault: Fault::BadLength, at });
        bounds(SESSION_ID.contains(&self.legacy_session_id.len()), "ClientHello.legacy_session_id")?;
        bounds(!self.cipher_suites.is_empty(), "ClientHello.cipher_suites")?;
        bounds(!self.legacy_compression_methods.is_empty(), "ClientHello.legacy_compression_methods")?;
        let mut hello = ClientHello {
            legacy_version: self.legacy_version,
            random: self.random,
            legacy_session_id: self.legacy_session_id,
            cipher_suites: self.cipher_suites,
            legacy_compression_methods: self.legacy_compression_methods,
            extensions: ClientHelloExtensions::NONE,
        };
        if !self.extensions.is_absent() {
            hello.extensions.read(*Reader::new(self.extensions.bytes()).at(CLIENT))?;
        }
        Ok(hello)
    }

    /// Decodes a ClientHello of DTLS: its cookie, and the other fields.
    pub(crate) fn decode_dtls(r: &mut Reader<'a>) -> Result<(&'a [u8], Self), DecodeError> {
        let mut cookie: &[u8] = &[];
        let hello = Partial::whole(r, |r| {
            Self::read_with(r, |r| {
                cookie = r.vec8("ClientHello.cookie")?;
                Ok(())
            })
        })?;
        Ok((cookie, hello))
    }

    fn read(r: &mut Partial<'a>) -> Result<Self, DecodeError> {
        Self::read_with(r, |_| Ok(()))
    }

    /// Reads the fields, and what `cookie` reads after the session ID.
    fn read_with(
        r: &mut Partial<'a>,
        cookie: impl FnOnce(&mut Partial<'a>) -> Result<(), DecodeError>,
    ) -> Result<Self, DecodeError> {
        let (legacy_version, random) = r.start("ClientHello.legacy_version", "ClientHello.random")?;
        let legacy_session_id = r.vec8("ClientHello.legacy_session_id")?;
        cookie(r)?;
        Ok(Self {
            legacy_version,
            random,
            legacy_session_id,
            cipher_suites: r.list16("ClientHello.cipher_suites")?,
            legacy_compression_methods: r.vec8("ClientHello.legacy_compression_methods")?,
            extensions: r.extensions(CLIENT)?,
        })
    }

    /// Writes the fields, and a cookie of DTLS.
    pub(crate) fn encode_with(&self, w: &mut Writer<'_>, cookie: Option<&[u8]>) -> Result<(), BufferFull> {
        self.legacy_version.encode(w)?;
        w.bytes(self.random)?;
        w.vec8_bytes(self.legacy_session_id)?;
        if let Some(cookie) = cookie {
            w.vec8_bytes(cookie)?;
        }
        w.vec16(|w| self.cipher_suites.encode(w))?;
        w.vec8_bytes(self.legacy_compression_methods)?;
        self.extensions.encode(w)
    }
}

impl<'a> HandshakeMessage<'a> for LenientClientHello<'a> {
    const TYPE: HandshakeType = HandshakeType::CLIENT_HELLO;
}

impl<'a> Decode<'a> for LenientClientHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Partial::whole(r, Self::read)
    }
}

impl Encode for LenientClientHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.encode_with(w, None)
    }
}

impl<'a> From<ClientHello<'a>> for LenientClientHello<'a> {
    fn from(hello: ClientHello<'a>) -> Self {
        Self {
            legacy_version: hello.legacy_version,
            random: hello.random,
            legacy_session_id: hello.legacy_session_id,
            cipher_suites: hello.cipher_suites,
            legacy_compression_methods: hello.legacy_compression_methods,
            extensions: hello.extensions.raw.into(),
        }
    }
}

impl<'a> From<&ClientHello<'a>> for LenientClientHello<'a> {
    fn from(hello: &ClientHello<'a>) -> Self {
        Self::from(*hello)
    }
}

impl From<&Self> for LenientClientHello<'_> {
    fn from(hello: &Self) -> Self {
        *hello
    }
}

/// A ServerHello or HelloRetryRequest whose extensions are not decoded yet. See [`lenient`](self).
///
/// It encodes to the bytes that it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LenientServerHello<'a> {
    /// TLS 1.2 if the server selected TLS 1.3; otherwise the selected version.
    pub legacy_version: ProtocolVersion,
    /// 32 random bytes, or the mark of a HelloRetryRequest.
    pub random: &'a [u8; 32],
    /// At most 32 bytes, unless malformed.
    pub legacy_session_id_echo: &'a [u8],
    /// The selected suite. `None` if it was not received.
    pub cipher_suite: Option<CipherSuite>,
    /// Zero in TLS 1.3. `None` if it was not received.
    pub legacy_compression_method: Option<u8>,
    /// The extensions.
    pub extensions: LenientExtensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Decodes the body of a ServerHello or HelloRetryRequest and leaves its extensions for later.
    /// See [`lenient`](crate::lenient).
    ///
    /// # Errors
    /// [`Fault::Truncated`] if a length exceeds what contains it, [`Fault::TrailingData`] if bytes
    /// follow.
    pub fn lenient(body: &'a [u8]) -> Result<LenientServerHello<'a>, DecodeError> {
        decode_all(body)
    }

    /// Decodes what was received of a ServerHello or HelloRetryRequest. See
    /// [`ClientHello::lenient_prefix`].
    ///
    /// # Errors
    /// As [`lenient`](Self::lenient), for what was received.
    pub fn lenient_prefix(
        received: &'a [u8],
        length: usize,
    ) -> Result<Prefix<'a, LenientServerHello<'a>>, DecodeError> {
        let mut r = Partial::new(received, length);
        if let Some(need) = r.missing_start() {
            return Ok(Prefix::Incomplete { need });
        }
        let hello = LenientServerHello::read(&mut r)?;
        r.finish(hello)
    }
}

impl<'a> LenientServerHello<'a> {
    /// Returns whether the random marks this as a HelloRetryRequest.
    #[must_use]
    pub fn is_hello_retry_request(&self) -> bool {
        *self.random == HELLO_RETRY_REQUEST_RANDOM
    }

    /// Returns an iterator over the extensions in wire order, each decoded for itself.
    pub fn decoded(
        &self,
    ) -> impl Iterator<Item = (ExtensionType, Result<ServerHelloExtension<'a>, DecodeError>)> + use<'a> {
        let is_retry = self.is_hello_retry_request();
        self.extensions.iter().map(move |(typ, data)| (typ, ServerHelloExtension::decode(typ, data, is_retry)))
    }

    fn read(r: &mut Partial<'a>) -> Result<Self, DecodeError> {
        let (legacy_version, random) = r.start("ServerHello.legacy_version", "ServerHello.random")?;
        Ok(Self {
            legacy_version,
            random,
            legacy_session_id_echo: r.vec8("ServerHello.legacy_session_id_echo")?,
            cipher_suite: r.u16("ServerHello.cipher_suite")?.map(CipherSuite),
            legacy_compression_method: r.u8("ServerHello.legacy_compression_method")?,
            extensions: r.extensions("ServerHello.extensions")?,
        })
    }
}

impl<'a> HandshakeMessage<'a> for LenientServerHello<'a> {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO;
}

impl<'a> Decode<'a> for LenientServerHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Partial::whole(r, Self::read)
    }
}

impl Encode for LenientServerHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.legacy_version.encode(w)?;
        w.bytes(self.random)?;
        w.vec8_bytes(self.legacy_session_id_echo)?;
        if let Some(suite) = self.cipher_suite {
            suite.encode(w)?;
        }
        if let Some(method) = self.legacy_compression_method {
            w.u8(method)?;
        }
        self.extensions.encode(w)
    }
}

impl<'a> From<ServerHello<'a>> for LenientServerHello<'a> {
    fn from(hello: ServerHello<'a>) -> Self {
        Self {
            legacy_version: hello.legacy_version,
            random: hello.random,
            legacy_session_id_echo: hello.legacy_session_id_echo,
            cipher_suite: Some(hello.cipher_suite),
            legacy_compression_method: Some(hello.legacy_compression_method),
            extensions: hello.extensions.raw.into(),
        }
    }
}

impl<'a> From<&ServerHello<'a>> for LenientServerHello<'a> {
    fn from(hello: &ServerHello<'a>) -> Self {
        Self::from(*hello)
    }
}

impl From<&Self> for LenientServerHello<'_> {
    fn from(hello: &Self) -> Self {
        *hello
    }
}

impl<'a> From<ServerHelloMessage<'a>> for LenientServerHello<'a> {
    fn from(message: ServerHelloMessage<'a>) -> Self {
        match message {
            ServerHelloMessage::ServerHello(hello) => hello.into(),
            ServerHelloMessage::HelloRetryRequest(retry) => Self {
                legacy_version: retry.legacy_version,
                random: &HELLO_RETRY_REQUEST_RANDOM,
                legacy_session_id_echo: retry.legacy_session_id_echo,
                cipher_suite: Some(retry.cipher_suite),
                legacy_compression_method: Some(retry.legacy_compression_method),
                extensions: retry.extensions.raw.into(),
            },
        }
    }
}

const CLIENT: &str = "ClientHello.extensions";
