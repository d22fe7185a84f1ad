//! ServerKeyExchange and ClientKeyExchange of all key exchanges up to TLS 1.2: RSA, DH, ECDH, PSK
//! and SRP. Read only: Strata negotiates ECDHE with certificates, whose messages are in
//! [`tls12`](super::tls12).
//!
//! The messages do not say what they contain: the selected cipher suite and version do.
//!
//! ```
//! use strata_tls_codec::handshake::key_exchange::{ClientKeyExchange, ClientSecret};
//! use strata_tls_codec::{CipherSuite, ProtocolVersion};
//!
//! let suite = CipherSuite(0x002f).info().unwrap(); // TLS_RSA_WITH_AES_128_CBC_SHA
//! let message = ClientKeyExchange::decode(&[0, 3, 7, 8, 9], suite, ProtocolVersion::TLS12)?;
//! assert_eq!(message.secret, ClientSecret::Rsa(&[7, 8, 9]));
//! # Ok::<(), strata_tls_codec::DecodeError>(())
//! ```

use crate::{
    code_points::{ProtocolVersion, SignatureScheme},
    error::{BufferFull, DecodeError},
    handshake::tls12::ServerEcdhParams,
    reader::{Decode, Reader},
    registry::{Authentication, CipherSuiteInfo, KeyExchange},
    writer::{Encode, Writer},
};

/// The key share of a server, its signature, and its hint for the choice of a pre-shared key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// RFC 4279 §2, in suites with a pre-shared key.
    pub psk_identity_hint: Option<&'a [u8]>,
    /// The parameters that the signature covers, after the two randoms.
    pub params: ServerParams<'a>,
    /// The signature, if the suite authenticates by certificate.
    pub signature: Option<ServerSignature<'a>>,
}

/// The parameters of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerParams<'a> {
    /// None: the key is in the certificate, or a pre-shared key only.
    None,
    /// Ephemeral Diffie-Hellman.
    Dh(ServerDhParams<'a>),
    /// Ephemeral elliptic-curve Diffie-Hellman in a named curve.
    Ecdh(ServerEcdhParams<'a>),
    /// The temporary RSA key of export suites (RFC 2246 §7.4.3).
    RsaExport(ServerRsaParams<'a>),
    /// RFC 5054 §2.5.3.
    Srp(ServerSrpParams<'a>),
    /// Those of another key exchange, and the rest of the message.
    Other(&'a [u8]),
}

/// A signature of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSignature<'a> {
    /// The scheme; `None` before TLS 1.2, where the certificate decides it.
    pub algorithm: Option<SignatureScheme>,
    /// The signature; its length is not checked.
    pub signature: &'a [u8],
}

impl<'a> ServerKeyExchange<'a> {
    /// Decodes the body of the message, in a handshake that selected `suite` and `version`.
    ///
    /// # Errors
    /// The decoding error; [`Fault::IllegalValue`](crate::Fault::IllegalValue) if a curve is given
    /// by its parameters, which RFC 8422 deprecates.
    pub fn decode(body: &'a [u8], suite: &CipherSuiteInfo, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let has_psk = matches!(suite.authentication, Authentication::Psk | Authentication::RsaAndPsk);
        let psk_identity_hint = match has_psk {
            true => Some(r.vec16(0..=0xffff, "ServerKeyExchange.psk_identity_hint")?.rest()),
            false => None,
        };
        let params = match suite.key_exchange {
            KeyExchange::Dhe => ServerParams::Dh(ServerDhParams::decode(&mut r)?),
            KeyExchange::Ecdhe => ServerParams::Ecdh(ServerEcdhParams::decode(&mut r)?),
            KeyExchange::Rsa if !has_psk => ServerParams::RsaExport(ServerRsaParams::decode(&mut r)?),
            KeyExchange::Srp => ServerParams::Srp(ServerSrpParams::decode(&mut r)?),
            KeyExchange::Rsa | KeyExchange::Psk => ServerParams::None,
            _ => ServerParams::Other(r.at("ServerKeyExchange.params").rest()),
        };
        let is_signed = match suite.authentication {
            Authentication::Rsa | Authentication::Dss | Authentication::Ecdsa => {
                !matches!(params, ServerParams::Other(_))
            }
            _ => false,
        };
        let signature = is_signed.then(|| ServerSignature::read(&mut r, version)).transpose()?;
        r.finish()?;
        Ok(Self { psk_identity_hint, params, signature })
    }
}

impl Encode for ServerKeyExchange<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        if let Some(hint) = self.psk_identity_hint {
            w.vec16_bytes(hint)?;
        }
        match &self.params {
            ServerParams::None => {}
            ServerParams::Dh(params) => params.encode(w)?,
            ServerParams::Ecdh(params) => params.encode(w)?,
            ServerParams::RsaExport(params) => params.encode(w)?,
            ServerParams::Srp(params) => params.encode(w)?,
            ServerParams::Other(params) => w.bytes(params)?,
        }
        let Some(signature) = self.signature else { return Ok(()) };
        if let Some(algorithm) = signature.algorithm {
            algorithm.encode(w)?;
        }
        w.vec16_bytes(signature.signature)
    }
}

impl<'a> ServerSignature<'a> {
    fn read(r: &mut Reader<'a>, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let algorithm = match version {
            ProtocolVersion::TLS12 | ProtocolVersion::DTLS12 => {
                Some(SignatureScheme::decode(r.at("ServerKeyExchange.algorithm"))?)
            }
            _ => None,
        };
        Ok(Self { algorithm, signature: r.vec16(0..=0xffff, "ServerKeyExchange.signature")?.rest() })
    }
}

/// The share of a server in a Diffie-Hellman group of its choice (RFC 5246 §7.4.3). The group is
/// not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerDhParams<'a> {
    /// `dh_p`, the prime; at least one byte.
    pub p: &'a [u8],
    /// `dh_g`, the generator; at least one byte.
    pub g: &'a [u8],
    /// `dh_Ys`, the public key; at least one byte.
    pub public: &'a [u8],
}

impl<'a> Decode<'a> for ServerDhParams<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            p: r.vec16(1..=0xffff, "ServerKeyExchange.dh_p")?.rest(),
            g: r.vec16(1..=0xffff, "ServerKeyExchange.dh_g")?.rest(),
            public: r.vec16(1..=0xffff, "ServerKeyExchange.dh_Ys")?.rest(),
        })
    }
}

impl Encode for ServerDhParams<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        [self.p, self.g, self.public].into_iter().try_for_each(|field| w.vec16_bytes(field))
    }
}

/// A temporary RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRsaParams<'a> {
    /// The modulus; at least one byte.
    pub modulus: &'a [u8],
    /// The public exponent; at least one byte.
    pub exponent: &'a [u8],
}

impl<'a> Decode<'a> for ServerRsaParams<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            modulus: r.vec16(1..=0xffff, "ServerKeyExchange.rsa_modulus")?.rest(),
            exponent: r.vec16(1..=0xffff, "ServerKeyExchange.rsa_exponent")?.rest(),
        })
    }
}

impl Encode for ServerRsaParams<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.modulus)?;
        w.vec16_bytes(self.exponent)
    }
}

/// The parameters of SRP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSrpParams<'a> {
    /// `srp_N`, the prime; at least one byte.
    pub n: &'a [u8],
    /// `srp_g`, the generator; at least one byte.
    pub g: &'a [u8],
    /// `srp_s`, the salt; at least one byte.
    pub salt: &'a [u8],
    /// `srp_B`, the public value; at least one byte.
    pub public: &'a [u8],
}

impl<'a> Decode<'a> for ServerSrpParams<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            n: r.vec16(1..=0xffff, "ServerKeyExchange.srp_N")?.rest(),
            g: r.vec16(1..=0xffff, "ServerKeyExchange.srp_g")?.rest(),
            salt: r.vec8(1..=255, "ServerKeyExchange.srp_s")?.rest(),
            public: r.vec16(1..=0xffff, "ServerKeyExchange.srp_B")?.rest(),
        })
    }
}

impl Encode for ServerSrpParams<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.n)?;
        w.vec16_bytes(self.g)?;
        w.vec8_bytes(self.salt)?;
        w.vec16_bytes(self.public)
    }
}

/// The key share of a client, or the secret that it encrypts, and the pre-shared key that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// RFC 4279 §2, in suites with a pre-shared key.
    pub psk_identity: Option<&'a [u8]>,
    /// The client's contribution.
    pub secret: ClientSecret<'a>,
}

/// The contribution of a client to the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientSecret<'a> {
    /// Nothing: a pre-shared key only, or the key in the client's certificate.
    None,
    /// `EncryptedPreMasterSecret`, encrypted with the server's RSA key.
    Rsa(&'a [u8]),
    /// The same in SSL 3.0, which has no length before it.
    RsaSsl3(&'a [u8]),
    /// `dh_Yc`, at least one byte.
    Dh(&'a [u8]),
    /// `ecdh_Yc`, at least one byte.
    Ecdh(&'a [u8]),
    /// `srp_A`, at least one byte.
    Srp(&'a [u8]),
    /// That of another key exchange.
    Other(&'a [u8]),
}

impl<'a> ClientKeyExchange<'a> {
    /// Decodes the body of the message, in a handshake that selected `suite` and `version`.
    ///
    /// # Errors
    /// The decoding error.
    pub fn decode(body: &'a [u8], suite: &CipherSuiteInfo, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let psk_identity = match suite.authentication {
            Authentication::Psk | Authentication::RsaAndPsk => {
                Some(r.vec16(0..=0xffff, "ClientKeyExchange.psk_identity")?.rest())
            }
            _ => None,
        };
        let secret = match suite.key_exchange {
            KeyExchange::Rsa if version == ProtocolVersion::SSL30 => {
                ClientSecret::RsaSsl3(r.at("ClientKeyExchange.encrypted_pre_master_secret").rest())
            }
            KeyExchange::Rsa => {
                ClientSecret::Rsa(r.vec16(0..=0xffff, "ClientKeyExchange.encrypted_pre_master_secret")?.rest())
            }
            // The key is in the certificate: "implicit".
            KeyExchange::Dh | KeyExchange::Ecdh if r.is_empty() => ClientSecret::None,
            KeyExchange::Dh | KeyExchange::Dhe => {
                ClientSecret::Dh(r.vec16(1..=0xffff, "ClientKeyExchange.dh_Yc")?.rest())
            }
            KeyExchange::Ecdh | KeyExchange::Ecdhe => {
                ClientSecret::Ecdh(r.vec8(1..=255, "ClientKeyExchange.ecdh_Yc")?.rest())
            }
            KeyExchange::Srp => ClientSecret::Srp(r.vec16(1..=0xffff, "ClientKeyExchange.srp_A")?.rest()),
            KeyExchange::Psk => ClientSecret::None,
            _ => ClientSecret::Other(r.at("ClientKeyExchange.exchange_keys").rest()),
        };
        r.finish()?;
        Ok(Self { psk_identity, secret })
    }
}

impl Encode for ClientKeyExchange<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        if let Some(identity) = self.psk_identity {
            w.vec16_bytes(identity)?;
        }
        match self.secret {
            ClientSecret::None => Ok(()),
            ClientSecret::Rsa(secret) | ClientSecret::Dh(secret) | ClientSecret::Srp(secret) => w.vec16_bytes(secret),
            ClientSecret::Ecdh(public) => w.vec8_bytes(public),
            ClientSecret::RsaSsl3(secret) | ClientSecret::Other(secret) => w.bytes(secret),
        }
    }
}
