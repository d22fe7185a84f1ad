//! The ClientHello of SSL 2.0, which old clients and scanners send, also to offer a newer version
//! (RFC 5246 §E.2). Read only: TLS implementations must not accept it (RFC 6176).

use crate::{
    code_points::{CipherSuite, ProtocolVersion},
    error::{BufferFull, DecodeError, Fault},
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A ClientHello of SSL 2.0, with its record header of two bytes.
///
/// ```
/// use strata_tls_codec::{ProtocolVersion, decode_all, ssl2::Ssl2ClientHello};
///
/// let mut record = vec![0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80];
/// record.extend([7; 16]);
/// let hello: Ssl2ClientHello<'_> = decode_all(&record)?;
/// assert_eq!(hello.version, ProtocolVersion::TLS10);
/// let names: Vec<_> = hello.cipher_specs.iter().map(|spec| spec.name()).collect();
/// assert_eq!(names, [Some("TLS_RSA_WITH_AES_128_CBC_SHA"), Some("SSL_CK_RC4_128_WITH_MD5")]);
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssl2ClientHello<'a> {
    /// The newest version that the client supports.
    pub version: ProtocolVersion,
    /// The ciphers that the client supports.
    pub cipher_specs: List<'a, Ssl2CipherSpec>,
    /// Empty, or 16 bytes.
    pub session_id: &'a [u8],
    /// 16 to 32 random bytes.
    pub challenge: &'a [u8],
}

impl<'a> Decode<'a> for Ssl2ClientHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // The high bit marks a record without padding.
        let length = r.at("V2ClientHello.msg_length").u16()?;
        if length & 0x8000 == 0 {
            return Err(r.error(Fault::IllegalValue));
        }
        let mut r = r.sub(usize::from(length & 0x7fff))?;
        if r.at("V2ClientHello.msg_type").u8()? != 1 {
            return Err(r.error(Fault::IllegalValue));
        }
        let version = ProtocolVersion::decode(r.at("V2ClientHello.version"))?;
        let specs = usize::from(r.at("V2ClientHello.cipher_spec_length").u16()?);
        let session_id = usize::from(r.at("V2ClientHello.session_id_length").u16()?);
        let challenge = usize::from(r.at("V2ClientHello.challenge_length").u16()?);
        let hello = Self {
            version,
            cipher_specs: List::decode_body(r.at("V2ClientHello.cipher_specs").sub(specs)?)?,
            session_id: r.at("V2ClientHello.session_id").bytes(session_id)?,
            challenge: r.at("V2ClientHello.challenge").bytes(challenge)?,
        };
        r.finish()?;
        Ok(hello)
    }
}

impl Encode for Ssl2ClientHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        let lengths = [self.cipher_specs.bytes(), self.session_id, self.challenge].map(<[u8]>::len);
        let length = lengths.iter().fold(9_usize, |sum, length| sum.saturating_add(*length));
        if length > 0x7fff {
            return Err(BufferFull);
        }
        w.u16(u16::try_from(length).map_err(|_| BufferFull)? | 0x8000)?;
        w.u8(1)?;
        self.version.encode(w)?;
        for length in lengths {
            w.u16(u16::try_from(length).map_err(|_| BufferFull)?)?;
        }
        self.cipher_specs.encode(w)?;
        w.bytes(self.session_id)?;
        w.bytes(self.challenge)
    }
}

/// A cipher in 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ssl2CipherSpec(pub [u8; 3]);

impl Ssl2CipherSpec {
    /// Returns the cipher suite of SSL 3.0 or TLS, if it is one.
    #[must_use]
    pub const fn cipher_suite(self) -> Option<CipherSuite> {
        match self.0 {
            [0, high, low] => Some(CipherSuite(u16::from_be_bytes([high, low]))),
            _ => None,
        }
    }

    /// Returns the name of the cipher, or of the cipher suite.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            [1, 0, 0x80] => "SSL_CK_RC4_128_WITH_MD5",
            [2, 0, 0x80] => "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
            [3, 0, 0x80] => "SSL_CK_RC2_128_CBC_WITH_MD5",
            [4, 0, 0x80] => "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
            [5, 0, 0x80] => "SSL_CK_IDEA_128_CBC_WITH_MD5",
            [6, 0, 0x40] => "SSL_CK_DES_64_CBC_WITH_MD5",
            [7, 0, 0xc0] => "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
            _ => return self.cipher_suite().and_then(CipherSuite::registered_name),
        })
    }
}

impl<'a> Decode<'a> for Ssl2CipherSpec {
    const FIXED_SIZE: Option<usize> = Some(3);

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(*r.array()?))
    }
}
