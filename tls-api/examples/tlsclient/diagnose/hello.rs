//! ClientHellos that offer what the library does not support, to find out what a server accepts.

use strata_tls::codec::extension::{
    EcPointFormats, ExtendedMasterSecret, KeyShareClientHello, RenegotiationInfo, ServerNameList, SignatureAlgorithms,
    SupportedGroups, SupportedVersions,
};
use strata_tls::codec::{BufferFull, CipherSuite, ContentType, EcPointFormat, HandshakeType, NamedGroup, Writer};
use strata_tls::{ProtocolVersion, ServerName, SignatureScheme};
use tls_crypto::{SecureRandom, SystemRandom};

/// What a ClientHello offers.
pub(super) struct Offer<'a> {
    /// The newest version, and the only one of TLS 1.3.
    pub(super) version: ProtocolVersion,
    pub(super) suites: &'a [CipherSuite],
    pub(super) groups: &'a [NamedGroup],
    pub(super) schemes: &'a [SignatureScheme],
    pub(super) name: Option<&'a ServerName<'static>>,
}

impl Offer<'_> {
    /// Returns the record with the ClientHello. It has no key share: a server of TLS 1.3 that finds
    /// a common group answers with HelloRetryRequest.
    pub(super) fn record(&self) -> Result<Vec<u8>, String> {
        let mut random = [[0; 32]; 2];
        SystemRandom.fill(random.as_flattened_mut()).map_err(|e| e.to_string())?;
        let mut record = Vec::new();
        self.write(&mut Writer::append(&mut record), random).map_err(|e| e.to_string())?;
        Ok(record)
    }

    fn write(&self, w: &mut Writer<'_>, [random, session_id]: [[u8; 32]; 2]) -> Result<(), BufferFull> {
        let legacy_version = self.version.min(ProtocolVersion::TLS12);
        w.u8(ContentType::HANDSHAKE.0)?;
        // RFC 9846 §5.1.
        w.u16(ProtocolVersion::TLS10.min(legacy_version).0)?;
        w.vec16(|w| {
            w.message(HandshakeType::CLIENT_HELLO, |w| {
                w.u16(legacy_version.0)?;
                w.bytes(&random)?;
                w.vec8_bytes(&session_id)?;
                w.vec16_each(self.suites)?;
                w.vec8_bytes(&[0])?;
                // SSL 3.0 has no extensions.
                if self.version == ProtocolVersion::SSL30 { Ok(()) } else { w.vec16(|w| self.extensions(w)) }
            })
        })
    }

    fn extensions(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        if let Some(ServerName::DnsName(name)) = self.name {
            ServerNameList::write(w, name.as_ref())?;
        }
        SupportedGroups::write(w, self.groups)?;
        EcPointFormats::write(w, &[EcPointFormat::UNCOMPRESSED])?;
        if self.version >= ProtocolVersion::TLS12 {
            SignatureAlgorithms::write(w, self.schemes)?;
        }
        ExtendedMasterSecret::write(w)?;
        RenegotiationInfo::write(w, &[])?;
        if self.version == ProtocolVersion::TLS13 {
            SupportedVersions::write(w, &[self.version])?;
            KeyShareClientHello::write(w, &[])?;
        }
        Ok(())
    }
}

/// Suites of TLS 1.2 and older that the library does not support, by kind: without forward secrecy,
/// with finite-field Diffie-Hellman, and with CBC.
pub(super) const OLD_SUITES: [&[CipherSuite]; 3] = [
    &[
        CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
        CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA,
        CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    ],
    &[CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384],
    &[
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    ],
];

/// Groups that the library does not support.
pub(super) const OTHER_GROUPS: &[NamedGroup] = &[
    NamedGroup::SECP521R1,
    NamedGroup::X448,
    NamedGroup::FFDHE2048,
    NamedGroup::FFDHE3072,
    NamedGroup::FFDHE4096,
    NamedGroup::FFDHE6144,
    NamedGroup::FFDHE8192,
];

/// Signature schemes that the library does not support.
pub(super) const OTHER_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP521R1_SHA512,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_PSS_SHA256,
    SignatureScheme::RSA_PSS_PSS_SHA384,
    SignatureScheme::RSA_PSS_PSS_SHA512,
    SignatureScheme::MLDSA44,
    SignatureScheme::MLDSA65,
    SignatureScheme::MLDSA87,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1,
];

/// Groups that the library supports, in its order.
pub(super) const GROUPS: &[NamedGroup] = &[
    NamedGroup::X25519MLKEM768,
    NamedGroup::X25519,
    NamedGroup::SECP256R1,
    NamedGroup::SECP384R1,
    NamedGroup::SECP256R1MLKEM768,
    NamedGroup::SECP384R1MLKEM1024,
    NamedGroup::MLKEM768,
    NamedGroup::MLKEM1024,
];

/// The groups that TLS 1.2 has, of those that the library supports.
pub(super) const TLS12_GROUPS: &[NamedGroup] = &[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// Signature schemes that the library supports.
pub(super) const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];
