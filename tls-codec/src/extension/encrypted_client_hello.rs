//! `encrypted_client_hello` and `ech_outer_extensions` (RFC 9849), and the configurations of ECH.

use crate::{
    code_points::{ExtensionType, HpkeAead, HpkeKdf, HpkeKem},
    error::{BufferFull, DecodeError, Fault},
    extension::{Extension, Extensions},
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The extension of a ClientHello. Browsers also send [`Outer`](Self::Outer) with random content
/// (GREASE), which looks like a real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptedClientHello<'a> {
    /// The ClientHello carries an encrypted one.
    Outer {
        /// The algorithms that encrypt it.
        cipher_suite: HpkeSymmetricCipherSuite,
        /// The key that encrypts it.
        config_id: u8,
        /// The encapsulated key. Empty in the answer to a HelloRetryRequest.
        enc: &'a [u8],
        /// The encrypted ClientHello, at least one byte.
        payload: &'a [u8],
    },
    /// The ClientHello was encrypted, or comes from a front end that decrypted it.
    Inner,
}

impl Extension for EncryptedClientHello<'_> {
    const TYPE: ExtensionType = ExtensionType::ENCRYPTED_CLIENT_HELLO;
    type View<'a> = EncryptedClientHello<'a>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        EncryptedClientHello::decode(data)
    }
}

impl<'a> Decode<'a> for EncryptedClientHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match r.at("encrypted_client_hello.type").u8()? {
            0 => Ok(Self::Outer {
                cipher_suite: HpkeSymmetricCipherSuite::decode(r)?,
                config_id: r.at("encrypted_client_hello.config_id").u8()?,
                enc: r.vec16(0..=0xffff, "encrypted_client_hello.enc")?.rest(),
                payload: r.vec16(1..=0xffff, "encrypted_client_hello.payload")?.rest(),
            }),
            1 => Ok(Self::Inner),
            _ => Err(r.error(Fault::IllegalValue)),
        }
    }
}

impl Encode for EncryptedClientHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self {
            Self::Outer { cipher_suite, config_id, enc, payload } => {
                w.u8(0)?;
                cipher_suite.encode(w)?;
                w.u8(*config_id)?;
                w.vec16_bytes(enc)?;
                w.vec16_bytes(payload)
            }
            Self::Inner => w.u8(1),
        }
    }
}

/// The extension of a HelloRetryRequest: shows whether the server decrypted the inner ClientHello.
#[derive(Clone, Copy, Debug)]
pub struct EchConfirmation;

impl Extension for EchConfirmation {
    const TYPE: ExtensionType = ExtensionType::ENCRYPTED_CLIENT_HELLO;
    type View<'a> = &'a [u8; 8];

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("encrypted_client_hello.confirmation").array()
    }
}

/// The configurations of a server: in its HTTPS record in the DNS, in files, and in
/// EncryptedExtensions for a client whose configuration is outdated.
///
/// ```
/// use strata_tls_codec::{Reader, extension::{EchConfigList, view}};
///
/// // A configuration of a version that is not known.
/// let configs = view::<EchConfigList>(Reader::new(&[0, 5, 0xfe, 0x0a, 0, 1, 7]))?;
/// assert_eq!(configs.first().unwrap().contents, [7]);
/// assert!(configs.first().unwrap().decode().is_none());
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EchConfigList;

impl Extension for EchConfigList {
    const TYPE: ExtensionType = ExtensionType::ENCRYPTED_CLIENT_HELLO;
    type View<'a> = List<'a, EchConfig<'a>>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(4..=0xffff, "ECHConfigList")?)
    }
}

/// One configuration of any version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchConfig<'a> {
    /// The version; `0xfe0d` in RFC 9849.
    pub version: u16,
    /// The encoded contents.
    pub contents: &'a [u8],
}

impl<'a> EchConfig<'a> {
    /// Decodes the contents; `None` if the version is another.
    #[must_use]
    pub fn decode(&self) -> Option<Result<EchConfigContents<'a>, DecodeError>> {
        (self.version == ExtensionType::ENCRYPTED_CLIENT_HELLO.0).then(|| crate::reader::decode_all(self.contents))
    }
}

impl<'a> Decode<'a> for EchConfig<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: r.at("ECHConfig.version").u16()?,
            contents: r.vec16(0..=0xffff, "ECHConfig.contents")?.rest(),
        })
    }
}

impl Encode for EchConfig<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.u16(self.version)?;
        w.vec16_bytes(self.contents)
    }
}

/// The contents of a configuration of RFC 9849.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchConfigContents<'a> {
    /// The number by which clients name the key.
    pub config_id: u8,
    /// The algorithm of the key.
    pub kem_id: HpkeKem,
    /// The public key, at least one byte.
    pub public_key: &'a [u8],
    /// The algorithms that the server accepts, at least one pair.
    pub cipher_suites: List<'a, HpkeSymmetricCipherSuite>,
    /// The length of the longest server name, in bytes; 0 if unknown.
    pub maximum_name_length: u8,
    /// The server name for the outer ClientHello, at least one byte. Not checked to be a DNS name.
    pub public_name: &'a [u8],
    /// The extensions of the configuration, whose types are no TLS extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> Decode<'a> for EchConfigContents<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            config_id: r.at("ECHConfig.config_id").u8()?,
            kem_id: HpkeKem::decode(r.at("ECHConfig.kem_id"))?,
            public_key: r.vec16(1..=0xffff, "ECHConfig.public_key")?.rest(),
            cipher_suites: List::decode_body(r.vec16(4..=0xfffc, "ECHConfig.cipher_suites")?)?,
            maximum_name_length: r.at("ECHConfig.maximum_name_length").u8()?,
            public_name: r.vec8(1..=255, "ECHConfig.public_name")?.rest(),
            extensions: Extensions::decode(r)?,
        })
    }
}

impl Encode for EchConfigContents<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.u8(self.config_id)?;
        self.kem_id.encode(w)?;
        w.vec16_bytes(self.public_key)?;
        w.vec16(|w| self.cipher_suites.encode(w))?;
        w.u8(self.maximum_name_length)?;
        w.vec8_bytes(self.public_name)?;
        self.extensions.encode(w)
    }
}

/// The algorithms that encrypt a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpkeSymmetricCipherSuite {
    /// The key derivation.
    pub kdf_id: HpkeKdf,
    /// The encryption.
    pub aead_id: HpkeAead,
}

impl<'a> Decode<'a> for HpkeSymmetricCipherSuite {
    const FIXED_SIZE: Option<usize> = Some(4);

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            kdf_id: HpkeKdf::decode(r.at("HpkeSymmetricCipherSuite.kdf_id"))?,
            aead_id: HpkeAead::decode(r.at("HpkeSymmetricCipherSuite.aead_id"))?,
        })
    }
}

impl Encode for HpkeSymmetricCipherSuite {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.kdf_id.encode(w)?;
        self.aead_id.encode(w)
    }
}

/// The extensions that an inner ClientHello takes from the outer one; at least one.
#[derive(Clone, Copy, Debug)]
pub struct EchOuterExtensions;

impl Extension for EchOuterExtensions {
    const TYPE: ExtensionType = ExtensionType::ECH_OUTER_EXTENSIONS;
    type View<'a> = List<'a, ExtensionType>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(2..=254, "ech_outer_extensions.outer_extensions")?)
    }
}
