//! The TLS registries as newtypes with constants, so unknown and GREASE values are preserved.

use core::fmt;

use crate::{
    error::{BufferFull, DecodeError},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Not generic: compiled once for all types.
fn named(f: &mut fmt::Formatter<'_>, name: Option<&str>, number: fmt::Arguments<'_>) -> fmt::Result {
    match name {
        Some(name) => f.pad(name),
        None => f.write_fmt(number),
    }
}

/// Defines the newtypes from one table of constants, values and the RFC's names.
macro_rules! code_points {
    ($($(#[$doc:meta])* $kind:ident $type:ident { $($constant:ident = $value:literal $name:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(
            /// The registered number. A peer may send any value.
            pub $kind,
        );

        impl $type {
            $(
                #[doc = concat!("`", $name, "`, ", stringify!($value), ".")]
                pub const $constant: Self = Self($value);
            )*

            /// All constants, in order of declaration.
            pub const KNOWN: &'static [Self] = &[$(Self::$constant,)*];

            /// Returns the RFC's name of the value, if it has a constant.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)*
                    _ => None,
                }
            }

            /// Returns the value with this name; case-sensitive.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                for known in Self::KNOWN {
                    if known.name() == Some(name) {
                        return Some(*known);
                    }
                }
                None
            }
        }

        code_points!(@$kind $type);
    )*};
    (@u8 $type:ident) => {
        code_points!(@wire u8 $type 1);

        /// Writes the RFC's name, or the type and the number.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                named(f, self.name(), format_args!("{}({})", stringify!($type), self.0))
            }
        }
    };
    (@u16 $type:ident) => {
        code_points!(@wire u16 $type 2);

        impl $type {
            /// Returns whether this is a GREASE value (RFC 8701 §2): `0x0a0a`, `0x1a1a`, …
            /// `0xfafa`.
            #[inline]
            #[must_use]
            pub const fn is_grease(self) -> bool {
                let [high, low] = self.0.to_be_bytes();
                high == low && low & 0x0f == 0x0a
            }
        }

        /// Writes the RFC's name, or the type and the number.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                named(f, self.name(), format_args!("{}({:#06x})", stringify!($type), self.0))
            }
        }
    };
    (@wire $kind:ident $type:ident $size:literal) => {
        impl<'a> Decode<'a> for $type {
            const FIXED_SIZE: Option<usize> = Some($size);

            #[inline]
            fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
                Ok(Self(r.$kind()?))
            }
        }

        impl Encode for $type {
            #[inline]
            fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
                w.$kind(self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

code_points! {
    /// RFC 9846 §B.4. TLS 1.2 suites are from RFC 5289 and RFC 7905. Older suites are listed only
    /// for their names.
    ///
    /// ```
    /// use strata_tls_codec::CipherSuite;
    ///
    /// assert_eq!(CipherSuite(0x1301).name(), Some("TLS_AES_128_GCM_SHA256"));
    /// let suite = CipherSuite::from_name("TLS_AES_128_GCM_SHA256");
    /// assert_eq!(suite, Some(CipherSuite::TLS_AES_128_GCM_SHA256));
    /// assert_eq!(CipherSuite(0x1a1a).to_string(), "CipherSuite(0x1a1a)");
    /// assert!(CipherSuite(0x1a1a).is_grease());
    /// ```
    u16 CipherSuite {
        TLS_AES_128_GCM_SHA256 = 0x1301 "TLS_AES_128_GCM_SHA256",
        TLS_AES_256_GCM_SHA384 = 0x1302 "TLS_AES_256_GCM_SHA384",
        TLS_CHACHA20_POLY1305_SHA256 = 0x1303 "TLS_CHACHA20_POLY1305_SHA256",
        TLS_AES_128_CCM_SHA256 = 0x1304 "TLS_AES_128_CCM_SHA256",
        TLS_AES_128_CCM_8_SHA256 = 0x1305 "TLS_AES_128_CCM_8_SHA256",
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030 "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8 "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9 "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
        TLS_FALLBACK_SCSV = 0x5600 "TLS_FALLBACK_SCSV",
        TLS_RSA_WITH_3DES_EDE_CBC_SHA = 0x000a "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        TLS_RSA_WITH_AES_128_CBC_SHA = 0x002f "TLS_RSA_WITH_AES_128_CBC_SHA",
        TLS_RSA_WITH_AES_256_CBC_SHA = 0x0035 "TLS_RSA_WITH_AES_256_CBC_SHA",
        TLS_RSA_WITH_AES_128_GCM_SHA256 = 0x009c "TLS_RSA_WITH_AES_128_GCM_SHA256",
        TLS_RSA_WITH_AES_256_GCM_SHA384 = 0x009d "TLS_RSA_WITH_AES_256_GCM_SHA384",
        TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x009e "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x009f "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0xc009 "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0xc00a "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0xc013 "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0xc014 "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = 0xc023 "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384 = 0xc024 "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 = 0xc027 "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 = 0xc028 "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    }

    /// Protocol versions; their names are the usual ones, such as `TLSv1.3`.
    u16 ProtocolVersion {
        TLS13 = 0x0304 "TLSv1.3",
        TLS12 = 0x0303 "TLSv1.2",
        TLS11 = 0x0302 "TLSv1.1",
        TLS10 = 0x0301 "TLSv1.0",
        SSL30 = 0x0300 "SSLv3",
        SSL20 = 0x0002 "SSLv2",
        DTLS13 = 0xfefc "DTLSv1.3",
        DTLS12 = 0xfefd "DTLSv1.2",
        DTLS10 = 0xfeff "DTLSv1.0",
    }

    /// RFC 9846 §4.3.7; the hybrids with ML-KEM from draft-ietf-tls-ecdhe-mlkem.
    u16 NamedGroup {
        SECP256R1 = 0x0017 "secp256r1",
        SECP384R1 = 0x0018 "secp384r1",
        SECP521R1 = 0x0019 "secp521r1",
        X25519 = 0x001d "x25519",
        X448 = 0x001e "x448",
        FFDHE2048 = 0x0100 "ffdhe2048",
        FFDHE3072 = 0x0101 "ffdhe3072",
        FFDHE4096 = 0x0102 "ffdhe4096",
        FFDHE6144 = 0x0103 "ffdhe6144",
        FFDHE8192 = 0x0104 "ffdhe8192",
        MLKEM512 = 0x0200 "MLKEM512",
        MLKEM768 = 0x0201 "MLKEM768",
        MLKEM1024 = 0x0202 "MLKEM1024",
        SECP256R1MLKEM768 = 0x11eb "SecP256r1MLKEM768",
        X25519MLKEM768 = 0x11ec "X25519MLKEM768",
        SECP384R1MLKEM1024 = 0x11ed "SecP384r1MLKEM1024",
    }

    /// RFC 9846 §4.3.3.
    u16 SignatureScheme {
        RSA_PKCS1_SHA256 = 0x0401 "rsa_pkcs1_sha256",
        RSA_PKCS1_SHA384 = 0x0501 "rsa_pkcs1_sha384",
        RSA_PKCS1_SHA512 = 0x0601 "rsa_pkcs1_sha512",
        ECDSA_SECP256R1_SHA256 = 0x0403 "ecdsa_secp256r1_sha256",
        ECDSA_SECP384R1_SHA384 = 0x0503 "ecdsa_secp384r1_sha384",
        ECDSA_SECP521R1_SHA512 = 0x0603 "ecdsa_secp521r1_sha512",
        RSA_PSS_RSAE_SHA256 = 0x0804 "rsa_pss_rsae_sha256",
        RSA_PSS_RSAE_SHA384 = 0x0805 "rsa_pss_rsae_sha384",
        RSA_PSS_RSAE_SHA512 = 0x0806 "rsa_pss_rsae_sha512",
        ED25519 = 0x0807 "ed25519",
        ED448 = 0x0808 "ed448",
        RSA_PSS_PSS_SHA256 = 0x0809 "rsa_pss_pss_sha256",
        RSA_PSS_PSS_SHA384 = 0x080a "rsa_pss_pss_sha384",
        RSA_PSS_PSS_SHA512 = 0x080b "rsa_pss_pss_sha512",
        MLDSA44 = 0x0904 "mldsa44",
        MLDSA65 = 0x0905 "mldsa65",
        MLDSA87 = 0x0906 "mldsa87",
        RSA_PKCS1_SHA1 = 0x0201 "rsa_pkcs1_sha1",
        ECDSA_SHA1 = 0x0203 "ecdsa_sha1",
    }

    /// RFC 9846 §5.1, RFC 6520 §3, and those of DTLS (RFC 9146 §3, RFC 9147 §4).
    u8 ContentType {
        INVALID = 0 "invalid",
        CHANGE_CIPHER_SPEC = 20 "change_cipher_spec",
        ALERT = 21 "alert",
        HANDSHAKE = 22 "handshake",
        APPLICATION_DATA = 23 "application_data",
        HEARTBEAT = 24 "heartbeat",
        TLS12_CID = 25 "tls12_cid",
        ACK = 26 "ACK",
    }

    /// RFC 9846 §4, and the reserved messages of TLS 1.2.
    u8 HandshakeType {
        HELLO_REQUEST = 0 "hello_request",
        CLIENT_HELLO = 1 "client_hello",
        SERVER_HELLO = 2 "server_hello",
        HELLO_VERIFY_REQUEST = 3 "hello_verify_request",
        NEW_SESSION_TICKET = 4 "new_session_ticket",
        END_OF_EARLY_DATA = 5 "end_of_early_data",
        HELLO_RETRY_REQUEST = 6 "hello_retry_request",
        ENCRYPTED_EXTENSIONS = 8 "encrypted_extensions",
        CERTIFICATE = 11 "certificate",
        SERVER_KEY_EXCHANGE = 12 "server_key_exchange",
        CERTIFICATE_REQUEST = 13 "certificate_request",
        SERVER_HELLO_DONE = 14 "server_hello_done",
        CERTIFICATE_VERIFY = 15 "certificate_verify",
        CLIENT_KEY_EXCHANGE = 16 "client_key_exchange",
        FINISHED = 20 "finished",
        CERTIFICATE_URL = 21 "certificate_url",
        CERTIFICATE_STATUS = 22 "certificate_status",
        SUPPLEMENTAL_DATA = 23 "supplemental_data",
        KEY_UPDATE = 24 "key_update",
        COMPRESSED_CERTIFICATE = 25 "compressed_certificate",
        MESSAGE_HASH = 254 "message_hash",
    }

    /// RFC 9846 §4.3, and the extensions of TLS 1.2 and older.
    u16 ExtensionType {
        SERVER_NAME = 0 "server_name",
        MAX_FRAGMENT_LENGTH = 1 "max_fragment_length",
        STATUS_REQUEST = 5 "status_request",
        SUPPORTED_GROUPS = 10 "supported_groups",
        EC_POINT_FORMATS = 11 "ec_point_formats",
        SIGNATURE_ALGORITHMS = 13 "signature_algorithms",
        USE_SRTP = 14 "use_srtp",
        HEARTBEAT = 15 "heartbeat",
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16 "application_layer_protocol_negotiation",
        STATUS_REQUEST_V2 = 17 "status_request_v2",
        SIGNED_CERTIFICATE_TIMESTAMP = 18 "signed_certificate_timestamp",
        CLIENT_CERTIFICATE_TYPE = 19 "client_certificate_type",
        SERVER_CERTIFICATE_TYPE = 20 "server_certificate_type",
        PADDING = 21 "padding",
        ENCRYPT_THEN_MAC = 22 "encrypt_then_mac",
        EXTENDED_MASTER_SECRET = 23 "extended_master_secret",
        TOKEN_BINDING = 24 "token_binding",
        COMPRESS_CERTIFICATE = 27 "compress_certificate",
        RECORD_SIZE_LIMIT = 28 "record_size_limit",
        DELEGATED_CREDENTIAL = 34 "delegated_credential",
        SESSION_TICKET = 35 "session_ticket",
        SUPPORTED_EKT_CIPHERS = 39 "supported_ekt_ciphers",
        PRE_SHARED_KEY = 41 "pre_shared_key",
        EARLY_DATA = 42 "early_data",
        SUPPORTED_VERSIONS = 43 "supported_versions",
        COOKIE = 44 "cookie",
        PSK_KEY_EXCHANGE_MODES = 45 "psk_key_exchange_modes",
        CERTIFICATE_AUTHORITIES = 47 "certificate_authorities",
        OID_FILTERS = 48 "oid_filters",
        POST_HANDSHAKE_AUTH = 49 "post_handshake_auth",
        SIGNATURE_ALGORITHMS_CERT = 50 "signature_algorithms_cert",
        KEY_SHARE = 51 "key_share",
        TRANSPARENCY_INFO = 52 "transparency_info",
        CONNECTION_ID = 54 "connection_id",
        EXTERNAL_ID_HASH = 55 "external_id_hash",
        EXTERNAL_SESSION_ID = 56 "external_session_id",
        QUIC_TRANSPORT_PARAMETERS = 57 "quic_transport_parameters",
        TICKET_REQUEST = 58 "ticket_request",
        APPLICATION_SETTINGS_OLD = 17513 "application_settings_old",
        APPLICATION_SETTINGS = 17613 "application_settings",
        TRUST_ANCHORS = 51764 "trust_anchors",
        ECH_OUTER_EXTENSIONS = 64768 "ech_outer_extensions",
        ENCRYPTED_CLIENT_HELLO = 65037 "encrypted_client_hello",
        RENEGOTIATION_INFO = 0xff01 "renegotiation_info",
    }

    /// RFC 9846 §6. TLS 1.3 uses only the description.
    u8 AlertLevel {
        WARNING = 1 "warning",
        FATAL = 2 "fatal",
    }

    /// RFC 9846 §6, and the reserved alerts of older versions under their names there.
    u8 AlertDescription {
        CLOSE_NOTIFY = 0 "close_notify",
        UNEXPECTED_MESSAGE = 10 "unexpected_message",
        BAD_RECORD_MAC = 20 "bad_record_mac",
        DECRYPTION_FAILED = 21 "decryption_failed",
        RECORD_OVERFLOW = 22 "record_overflow",
        DECOMPRESSION_FAILURE = 30 "decompression_failure",
        HANDSHAKE_FAILURE = 40 "handshake_failure",
        NO_CERTIFICATE = 41 "no_certificate",
        BAD_CERTIFICATE = 42 "bad_certificate",
        UNSUPPORTED_CERTIFICATE = 43 "unsupported_certificate",
        CERTIFICATE_REVOKED = 44 "certificate_revoked",
        CERTIFICATE_EXPIRED = 45 "certificate_expired",
        CERTIFICATE_UNKNOWN = 46 "certificate_unknown",
        ILLEGAL_PARAMETER = 47 "illegal_parameter",
        UNKNOWN_CA = 48 "unknown_ca",
        ACCESS_DENIED = 49 "access_denied",
        DECODE_ERROR = 50 "decode_error",
        DECRYPT_ERROR = 51 "decrypt_error",
        EXPORT_RESTRICTION = 60 "export_restriction",
        PROTOCOL_VERSION = 70 "protocol_version",
        INSUFFICIENT_SECURITY = 71 "insufficient_security",
        INTERNAL_ERROR = 80 "internal_error",
        INAPPROPRIATE_FALLBACK = 86 "inappropriate_fallback",
        USER_CANCELED = 90 "user_canceled",
        NO_RENEGOTIATION = 100 "no_renegotiation",
        MISSING_EXTENSION = 109 "missing_extension",
        UNSUPPORTED_EXTENSION = 110 "unsupported_extension",
        CERTIFICATE_UNOBTAINABLE = 111 "certificate_unobtainable",
        UNRECOGNIZED_NAME = 112 "unrecognized_name",
        BAD_CERTIFICATE_STATUS_RESPONSE = 113 "bad_certificate_status_response",
        BAD_CERTIFICATE_HASH_VALUE = 114 "bad_certificate_hash_value",
        UNKNOWN_PSK_IDENTITY = 115 "unknown_psk_identity",
        CERTIFICATE_REQUIRED = 116 "certificate_required",
        GENERAL_ERROR = 117 "general_error",
        NO_APPLICATION_PROTOCOL = 120 "no_application_protocol",
    }

    /// RFC 9846 §4.3.9.
    u8 PskKeyExchangeMode {
        PSK_KE = 0 "psk_ke",
        PSK_DHE_KE = 1 "psk_dhe_ke",
    }

    /// RFC 9846 §4.5.1, RFC 7250.
    u8 CertificateType {
        X509 = 0 "X509",
        OPENPGP = 1 "OpenPGP",
        RAW_PUBLIC_KEY = 2 "RawPublicKey",
    }

    /// RFC 6066 §8, RFC 6961 §2.2.
    u8 CertificateStatusType {
        OCSP = 1 "ocsp",
        OCSP_MULTI = 2 "ocsp_multi",
    }

    /// RFC 8879 §3.
    u16 CertificateCompressionAlgorithm {
        ZLIB = 1 "zlib",
        BROTLI = 2 "brotli",
        ZSTD = 3 "zstd",
    }

    /// RFC 9180 §7.1.
    u16 HpkeKem {
        P256_SHA256 = 0x0010 "DHKEM(P-256, HKDF-SHA256)",
        P384_SHA384 = 0x0011 "DHKEM(P-384, HKDF-SHA384)",
        P521_SHA512 = 0x0012 "DHKEM(P-521, HKDF-SHA512)",
        X25519_SHA256 = 0x0020 "DHKEM(X25519, HKDF-SHA256)",
        X448_SHA512 = 0x0021 "DHKEM(X448, HKDF-SHA512)",
    }

    /// RFC 9180 §7.2.
    u16 HpkeKdf {
        HKDF_SHA256 = 1 "HKDF-SHA256",
        HKDF_SHA384 = 2 "HKDF-SHA384",
        HKDF_SHA512 = 3 "HKDF-SHA512",
    }

    /// RFC 9180 §7.3.
    u16 HpkeAead {
        AES_128_GCM = 1 "AES-128-GCM",
        AES_256_GCM = 2 "AES-256-GCM",
        CHACHA20_POLY1305 = 3 "ChaCha20Poly1305",
        EXPORT_ONLY = 0xffff "Export-only",
    }

    /// RFC 6520 §2.
    u8 HeartbeatMode {
        PEER_ALLOWED_TO_SEND = 1 "peer_allowed_to_send",
        PEER_NOT_ALLOWED_TO_SEND = 2 "peer_not_allowed_to_send",
    }

    /// RFC 6520 §3.
    u8 HeartbeatMessageType {
        HEARTBEAT_REQUEST = 1 "heartbeat_request",
        HEARTBEAT_RESPONSE = 2 "heartbeat_response",
    }

    /// RFC 5764 §4.1.2, RFC 7714 §14.2.
    u16 SrtpProtectionProfile {
        SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001 "SRTP_AES128_CM_HMAC_SHA1_80",
        SRTP_AES128_CM_HMAC_SHA1_32 = 0x0002 "SRTP_AES128_CM_HMAC_SHA1_32",
        SRTP_NULL_HMAC_SHA1_80 = 0x0005 "SRTP_NULL_HMAC_SHA1_80",
        SRTP_NULL_HMAC_SHA1_32 = 0x0006 "SRTP_NULL_HMAC_SHA1_32",
        SRTP_AEAD_AES_128_GCM = 0x0007 "SRTP_AEAD_AES_128_GCM",
        SRTP_AEAD_AES_256_GCM = 0x0008 "SRTP_AEAD_AES_256_GCM",
    }

    /// RFC 8471 §3.1.
    u8 TokenBindingKeyParameters {
        RSA2048_PKCS1_5 = 0 "rsa2048_pkcs1.5",
        RSA2048_PSS = 1 "rsa2048_pss",
        ECDSAP256 = 2 "ecdsap256",
    }

    /// RFC 9846 §4.7.3.
    u8 KeyUpdateRequest {
        UPDATE_NOT_REQUESTED = 0 "update_not_requested",
        UPDATE_REQUESTED = 1 "update_requested",
    }

    /// RFC 6066 §3.
    u8 NameType {
        HOST_NAME = 0 "host_name",
    }

    /// RFC 8422 §5.1.2.
    u8 EcPointFormat {
        UNCOMPRESSED = 0 "uncompressed",
    }

    /// RFC 8422 §5.4; only `named_curve` is not deprecated.
    u8 EcCurveType {
        EXPLICIT_PRIME = 1 "explicit_prime",
        EXPLICIT_CHAR2 = 2 "explicit_char2",
        NAMED_CURVE = 3 "named_curve",
    }

    /// The key types that a TLS 1.2 CertificateRequest lists (RFC 5246 §7.4.4, RFC 8422 §5.5). The
    /// RFC calls them `ClientCertificateType`, which is also the name of an extension (RFC 7250).
    u8 ClientCertificateKind {
        RSA_SIGN = 1 "rsa_sign",
        DSS_SIGN = 2 "dss_sign",
        RSA_FIXED_DH = 3 "rsa_fixed_dh",
        DSS_FIXED_DH = 4 "dss_fixed_dh",
        ECDSA_SIGN = 64 "ecdsa_sign",
        RSA_FIXED_ECDH = 65 "rsa_fixed_ecdh",
        ECDSA_FIXED_ECDH = 66 "ecdsa_fixed_ecdh",
    }
}

impl ExtensionType {
    /// Short name of [`Self::APPLICATION_LAYER_PROTOCOL_NEGOTIATION`].
    pub const ALPN: Self = Self::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
}

impl PskKeyExchangeMode {
    /// Returns whether this is a GREASE value (RFC 8701 §2): one of the eight values `0x0b`,
    /// `0x2a`, … `0xe4`.
    #[inline]
    #[must_use]
    pub const fn is_grease(self) -> bool {
        self.0 % 0x1f == 0x0b && self.0 <= 0xe4
    }
}

impl AlertDescription {
    /// Returns whether this is a closure alert: `close_notify` or `user_canceled` (RFC 9846 §6.1).
    #[inline]
    #[must_use]
    pub const fn is_closure(self) -> bool {
        matches!(self, Self::CLOSE_NOTIFY | Self::USER_CANCELED)
    }
}
