//! Handshake messages (RFC 6347 §4.2, RFC 9147 §5).

use crate::{
    code_points::{HandshakeType, ProtocolVersion},
    error::{BufferFull, DecodeError, Fault},
    lenient::LenientClientHello,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A handshake message, or a fragment of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtlsHandshake<'a> {
    /// The type.
    pub typ: HandshakeType,
    /// The length of the message without header, in bytes.
    pub length: u32,
    /// The number of the message; a repeated message has the same.
    pub message_seq: u16,
    /// Where the fragment starts in the message.
    pub fragment_offset: u32,
    /// The fragment, which is within the message.
    pub fragment: &'a [u8],
}

impl<'a> DtlsHandshake<'a> {
    /// Returns the body of the message if the fragment is all of it. It decodes as in TLS, except
    /// for a ClientHello ([`DtlsClientHello`]) and a [`HelloVerifyRequest`].
    #[must_use]
    pub fn whole(&self) -> Option<&'a [u8]> {
        let length = u32::try_from(self.fragment.len()).ok()?;
        (self.fragment_offset == 0 && length == self.length).then_some(self.fragment)
    }
}

impl<'a> Decode<'a> for DtlsHandshake<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let typ = HandshakeType::decode(r.at("Handshake.msg_type"))?;
        let length = r.at("Handshake.length").u24()?;
        let message_seq = r.at("Handshake.message_seq").u16()?;
        let fragment_offset = r.at("Handshake.fragment_offset").u24()?;
        let fragment = r.vec24(0..=0xff_ffff, "Handshake.fragment")?.rest();
        let end = u32::try_from(fragment.len()).ok().and_then(|size| fragment_offset.checked_add(size));
        if end.is_none_or(|end| end > length) {
            return Err(r.error(Fault::BadLength));
        }
        Ok(Self { typ, length, message_seq, fragment_offset, fragment })
    }
}

impl Encode for DtlsHandshake<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.typ.encode(w)?;
        w.u24(self.length)?;
        w.u16(self.message_seq)?;
        w.u24(self.fragment_offset)?;
        w.vec24_bytes(self.fragment)
    }
}

/// A ClientHello of DTLS, which has a cookie between session ID and suites.
///
/// ```
/// use strata_tls_codec::{decode_all, dtls::DtlsClientHello, fingerprint::{Transport, write_ja4_raw}, Writer};
///
/// let mut body = vec![0xfe, 0xfd];
/// body.extend([7; 32]); // random
/// body.extend([0, 2, 0xaa, 0xbb, 0, 2, 0xc0, 0x2b, 1, 0]);
/// let message: DtlsClientHello<'_> = decode_all(&body)?;
/// assert_eq!(message.cookie, [0xaa, 0xbb]);
/// let mut storage = [0; 64];
/// let mut w = Writer::new(&mut storage);
/// write_ja4_raw(message.hello, Transport::Dtls, &mut w)?;
/// assert_eq!(w.written(), b"dd2i010000_c02b_");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtlsClientHello<'a> {
    /// The cookie of a HelloVerifyRequest. Empty before one, and in DTLS 1.3.
    pub cookie: &'a [u8],
    /// The other fields.
    pub hello: LenientClientHello<'a>,
}

impl<'a> Decode<'a> for DtlsClientHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (cookie, hello) = LenientClientHello::decode_dtls(r)?;
        Ok(Self { cookie, hello })
    }
}

impl Encode for DtlsClientHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.hello.encode_with(w, Some(self.cookie))
    }
}

/// A request to repeat the ClientHello with a cookie, in DTLS 1.2 and older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloVerifyRequest<'a> {
    /// Not negotiated: "DTLS 1.2 server implementations SHOULD use DTLS version 1.0".
    pub server_version: ProtocolVersion,
    /// The cookie.
    pub cookie: &'a [u8],
}

impl<'a> Decode<'a> for HelloVerifyRequest<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            server_version: ProtocolVersion::decode(r.at("HelloVerifyRequest.server_version"))?,
            cookie: r.vec8(0..=255, "HelloVerifyRequest.cookie")?.rest(),
        })
    }
}

impl Encode for HelloVerifyRequest<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.server_version.encode(w)?;
        w.vec8_bytes(self.cookie)
    }
}
