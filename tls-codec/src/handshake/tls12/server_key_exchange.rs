//! ServerKeyExchange with ephemeral ECDH (RFC 8422 §5.4).

use crate::{
    code_points::{EcCurveType, HandshakeType, NamedGroup, SignatureScheme},
    error::{BufferFull, DecodeError, Fault},
    handshake::HandshakeMessage,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The server's key share, with a signature.
///
/// ```
/// use strata_tls_codec::{NamedGroup, SignatureScheme, Writer, decode_all};
/// use strata_tls_codec::handshake::tls12::{ServerEcdhParams, ServerKeyExchange};
///
/// let mut storage = [0; 64];
/// let mut w = Writer::new(&mut storage);
/// ServerEcdhParams::write(&mut w, NamedGroup::X25519, &[9; 32])?;
/// let params = w.written(); // sign the two randoms and these bytes
/// let params: ServerEcdhParams<'_> = decode_all(params).unwrap();
/// let algorithm = SignatureScheme::ED25519;
/// let message = ServerKeyExchange { params, algorithm, signature: &[7; 64] };
///
/// let body = strata_tls_codec::Encode::to_vec(&message)?;
/// let received: ServerKeyExchange<'_> = decode_all(&body).unwrap();
/// assert_eq!(received, message);
/// assert_eq!(received.params.raw, &body[..36]);
/// # Ok::<(), strata_tls_codec::BufferFull>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// The signed parameters. The signature also covers the randoms of client and server, before
    /// them.
    pub params: ServerEcdhParams<'a>,
    /// The signature scheme.
    pub algorithm: SignatureScheme,
    /// The signature; its length is not checked.
    pub signature: &'a [u8],
}

impl<'a> HandshakeMessage<'a> for ServerKeyExchange<'a> {
    const TYPE: HandshakeType = HandshakeType::SERVER_KEY_EXCHANGE;
}

impl<'a> Decode<'a> for ServerKeyExchange<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            params: ServerEcdhParams::decode(r)?,
            algorithm: SignatureScheme::decode(r.at("ServerKeyExchange.algorithm"))?,
            signature: r.vec16(0..=0xffff, "ServerKeyExchange.signature")?.rest(),
        })
    }
}

impl Encode for ServerKeyExchange<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.params.encode(w)?;
        self.algorithm.encode(w)?;
        w.vec16_bytes(self.signature)
    }
}

/// The server's ephemeral public key and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerEcdhParams<'a> {
    /// The group.
    pub group: NamedGroup,
    /// The ephemeral public key, 1 to 255 bytes; its validity in the group is not checked.
    pub public: &'a [u8],
    /// The encoded structure: exactly the bytes that the signature covers. Encoding writes these.
    pub raw: &'a [u8],
}

impl ServerEcdhParams<'_> {
    /// Writes the structure.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the key is longer than 255 bytes.
    pub fn write(w: &mut Writer<'_>, group: NamedGroup, public: &[u8]) -> Result<(), BufferFull> {
        w.whole(|w| {
            EcCurveType::NAMED_CURVE.encode(w)?;
            group.encode(w)?;
            w.vec8_bytes(public)
        })
    }
}

impl<'a> Decode<'a> for ServerEcdhParams<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = *r;
        if EcCurveType::decode(r.at("ServerKeyExchange.curve_type"))? != EcCurveType::NAMED_CURVE {
            return Err(r.error(Fault::IllegalValue));
        }
        let group = NamedGroup::decode(r.at("ServerKeyExchange.namedcurve"))?;
        let public = r.vec8(1..=255, "ServerKeyExchange.public")?.rest();
        let raw = start.peek().get(..start.len().saturating_sub(r.len())).unwrap_or_default();
        Ok(Self { group, public, raw })
    }
}

impl Encode for ServerEcdhParams<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(self.raw)
    }
}
