//! What both roles can be told, once for all their connections.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use tls_codec::extension::RecordSizeLimit;
use tls_codec::record::{HEADER_LEN, MAX_FRAGMENT};
use tls_crypto::{Group, TAG_LEN};

use crate::negotiate::{CERTIFICATE_SCHEMES, GROUPS, group_id, group_of};
use crate::record_limits::max_size_limit;
use crate::resumption::{Scope, ScopeInputs};
use crate::suite::{ALL_CIPHERSUITES, SupportedCipherSuite};
use crate::verify::tls13;

/// The settings that both roles have, documented once.
macro_rules! setters {
    ($config:ty) => {
        impl $config {
            /// The protocol versions: TLS 1.3 and TLS 1.2 unless changed. The order does not matter: the newest that both
            /// sides have is used, always.
            ///
            /// # Errors
            /// [`ConfigError::UnsupportedVersion`] for any other; [`ConfigError`] for an empty list or a repetition.
            pub fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
                self.common_mut().set_versions(versions)
            }

            /// The cipher suites of all versions, in order of preference. A version without a suite is not used.
            ///
            /// # Errors
            /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
            pub fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
                self.common_mut().set_cipher_suites(suites)
            }

            /// Whether this version is enabled, and with a cipher suite of its own: whether it can be negotiated.
            #[must_use]
            pub fn has_version(&self, version: ProtocolVersion) -> bool {
                self.common.suites.iter().any(|suite| suite.version() == version)
            }

            /// The key exchange groups, in order of preference. A client sends a key share for the first.
            ///
            /// # Errors
            /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
            pub fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
                self.common_mut().set_groups(groups)
            }

            /// The signature schemes that the peer may sign the handshake with, in order of preference: all that are supported
            /// unless changed. What signs its certificates is not limited by them. TLS 1.3 does not sign with PKCS#1 v1.5: where
            /// there is nothing else, its handshakes fail.
            ///
            /// # Errors
            /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
            pub fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
                self.common_mut().set_signature_schemes(schemes)
            }

            /// The application protocols (RFC 7301), in order of preference; none means that ALPN is not used.
            ///
            /// # Errors
            /// [`ConfigError::BadProtocolName`], [`ConfigError::TooManyProtocols`].
            pub fn set_alpn_protocols(&mut self, protocols: &[&[u8]]) -> Result<(), ConfigError> {
                self.common_mut().set_alpn_protocols(protocols)
            }

            /// Requires that an application protocol is negotiated (RFC 7301): a peer that does not know the extension is refused
            /// with no_application_protocol. It keeps a connection from being taken for one of another protocol (ALPACA).
            ///
            /// Default: off. A server then accepts clients that offer no protocol, and a client servers that choose none.
            pub fn set_require_alpn(&mut self, require: bool) {
                self.common_mut().computed.forget();
                self.common_mut().require_alpn = require;
            }

            /// The most bytes that a record of ours has on the wire, all overhead counted; `None` for the RFC's maximum.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] below 64 bytes, or above the maximum.
            pub fn set_max_fragment_size(&mut self, bytes: Option<usize>) -> Result<(), ConfigError> {
                self.common_mut().set_max_fragment_size(bytes)
            }

            /// Sets the largest record to receive, in bytes of plaintext, counting the content type and the
            /// padding of TLS 1.3: from 64 to 16,385, which is no limit. Peers that support record_size_limit
            /// (RFC 8449) send no longer ones, and one that does is refused with record_overflow.
            ///
            /// A client offers the extension if this is set. A server answers those that offer it in any case.
            /// Default: `None`.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`].
            pub fn set_record_size_limit(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
                self.common_mut().set_record_size_limit(bytes)
            }

            /// Short records of application data at first, and again after a pause, for a peer that wants to use the first of it
            /// soon; `None`, unless this says otherwise: all may have the
            /// [maximum size](Self::set_max_fragment_size), which a short record does not exceed either. Early data does without.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] for records below 64 bytes, or above the maximum.
            pub fn set_record_ramp_up(&mut self, ramp_up: Option<RecordRampUp>) -> Result<(), ConfigError> {
                self.common_mut().set_record_ramp_up(ramp_up)
            }

            /// Whether records are padded, so that their lengths tell less: not unless this says so. It takes no more memory than
            /// what goes over the wire, and no effect in TLS 1.2.
            pub fn set_record_padding(&mut self, padding: RecordPadding) {
                self.common_mut().padding = padding;
            }

            /// Whether TLS 1.2 is refused to peers that do not bind the master secret to the handshake (RFC 7627). It is used
            /// with all others in any case.
            pub fn set_require_ems(&mut self, require: bool) {
                self.common_mut().require_ems = require;
            }

            /// What else sessions are bound to: whatever decides whom the application trusts, as it knows best. A session that was
            /// established under one context is never resumed under another (RFC 9846 Appendix C.4).
            pub fn set_session_context(&mut self, context: &[u8]) {
                self.common_mut().computed.forget();
                self.common_mut().session_context = context.to_vec();
            }

            /// Bounds on what a peer can make us hold.
            pub fn set_limits(&mut self, limits: Limits) {
                self.common_mut().limits = limits;
            }

            /// Sets after how many records of a key no more data is sent under it, unless the limit of the AEAD comes earlier
            /// (RFC 9846 §5.5). In TLS 1.3 a KeyUpdate comes then. TLS 1.2 cannot change keys: sending ends with
            /// [`Error::KeyExhausted`](crate::Error::KeyExhausted) (RFC 9325 §4.4), Finished and close_notify counted, so that
            /// fewer than 3 leave nothing for data. What cannot wait for another key may pass this limit: tickets, alerts, and data
            /// before the client's Finished. Fewer than 2 count as 2: one with data, and the KeyUpdate. Default: the limit of the
            /// AEAD.
            pub fn set_records_per_key(&mut self, records: u64) {
                self.common_mut().records_per_key = Some(records.max(2));
            }

            pub(crate) fn common_mut(&mut self) -> &mut Common {
                Arc::make_mut(&mut self.common)
            }
        }
    };
}
use setters;

mod client;
mod records;
mod server;
mod validate;

pub use crate::auth::ClientAuth;
pub use crate::negotiate::SuitePreference;
pub use client::ClientConfig;
pub use records::{RecordPadding, RecordRampUp};
pub use server::{ServerConfig, SessionLookup};

/// Bounds on what a peer can make us hold.
///
/// ```
/// let mut limits = strata_tls_handshake::config::Limits::default();
/// limits.chain_length = 4;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one handshake message, header included. It is checked on the header, before anything is held.
    pub handshake_message: usize,
    /// Certificates in the peer's chain.
    pub chain_length: usize,
}

impl Default for Limits {
    /// 131,400 bytes, which is the largest ClientHello that its length fields allow, and holds the
    /// largest chains of the public web many times; 16 certificates.
    fn default() -> Self {
        Self { handshake_message: MAX_CLIENT_HELLO, chain_length: 16 }
    }
}

/// The largest ClientHello: header, version, random, and every vector at its longest (RFC 9846 §4.2.2).
const MAX_CLIENT_HELLO: usize = 4 + 2 + 32 + (1 + 32) + (2 + 0xfffe) + (1 + 0xff) + (2 + 0xffff);

/// Receives the secrets of connections, so that a capture can be decrypted (RFC 9850).
pub trait KeyLog: fmt::Debug + Send + Sync {
    /// Takes one secret: `label` as in `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, the connection's ClientHello.random, the secret.
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// Logs nothing: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyLog;

impl KeyLog for NoKeyLog {
    fn log(&self, _: &str, _: &[u8; 32], _: &[u8]) {}
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// This version is not supported.
    UnsupportedVersion(ProtocolVersion),
    /// This cipher suite is not supported.
    UnsupportedCipherSuite(CipherSuite),
    /// This group is not supported.
    UnsupportedGroup(NamedGroup),
    /// This signature scheme is not supported.
    UnsupportedSignatureScheme(SignatureScheme),
    /// The list of these has to hold at least one, and each only once.
    EmptyOrRepeated(&'static str),
    /// The names of authorities for clients do not fit their message, or one is empty.
    HintsTooLong,
    /// An application protocol's name has 1 to 255 bytes (RFC 7301 §3.1).
    BadProtocolName,
    /// The application protocols do not fit their extension (65,535 bytes).
    TooManyProtocols,
    /// The maximum record size, or the limit on received records, is out of bounds.
    BadFragmentSize {
        /// Bytes asked for.
        got: usize,
        /// Bytes at least.
        min: usize,
        /// Bytes at most.
        max: usize,
    },
    /// max_fragment_length knows 512, 1024, 2048 and 4096 bytes (RFC 6066 §4).
    BadMaxFragmentLength(u16),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVersion(version) => write!(f, "{version} is not supported; choose TLSv1.3 or TLSv1.2"),
            Self::UnsupportedCipherSuite(suite) => {
                write!(f, "the cipher suite {suite} is not supported; choose from:")?;
                ALL_CIPHERSUITES.iter().try_for_each(|suite| write!(f, " {}", suite.suite()))
            }
            Self::UnsupportedGroup(group) => {
                write!(f, "the group {group} is not supported; choose from:")?;
                GROUPS.iter().try_for_each(|group| write!(f, " {}", group_id(*group)))
            }
            Self::UnsupportedSignatureScheme(scheme) => {
                write!(f, "the signature scheme {scheme} is not supported; choose from:")?;
                CERTIFICATE_SCHEMES.iter().try_for_each(|scheme| write!(f, " {scheme}"))
            }
            Self::EmptyOrRepeated(what) => write!(f, "invalid list of {what}: expected at least one, each only once"),
            Self::HintsTooLong => {
                f.write_str("invalid CA names for clients: one is empty, or all are longer than 32 KiB")
            }
            Self::BadProtocolName => f.write_str("invalid application protocol name: expected 1 to 255 bytes"),
            Self::TooManyProtocols => {
                f.write_str("too many application protocols: expected at most 65,535 bytes in all")
            }
            Self::BadFragmentSize { got, min, max } => {
                write!(f, "invalid maximum record size: expected {min} to {max} bytes, got {got}")
            }
            Self::BadMaxFragmentLength(got) => {
                write!(f, "invalid max_fragment_length: expected 512, 1024, 2048 or 4096 bytes, got {got}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// What both roles have. Every list is checked when it is set: it is never empty, and holds only what is supported. What the
/// settings mean for each other is checked by `validate`, so that their order does not matter.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// The newest first.
    versions: Vec<ProtocolVersion>,
    /// All that were set; those of versions that are enabled are in `suites`, which may be none.
    set_suites: Vec<SupportedCipherSuite>,
    pub(crate) suites: Vec<SupportedCipherSuite>,
    pub(crate) require_ems: bool,
    pub(crate) groups: Vec<Group>,
    /// The same as they go over the wire, converted once.
    pub(crate) group_ids: Vec<NamedGroup>,
    /// The signature schemes that peers may sign with, and those of them that TLS 1.3 knows.
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) schemes13: Vec<SignatureScheme>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) require_alpn: bool,
    pub(crate) limits: Limits,
    pub(crate) max_record: usize,
    /// Bytes, as record_size_limit counts them.
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) ramp_up: Option<RecordRampUp>,
    pub(crate) padding: RecordPadding,
    /// None by default, which connections need not count themselves in.
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) records_per_key: Option<u64>,
    pub(crate) session_context: Vec<u8>,
    pub(crate) computed: Computed,
}

/// What follows from the settings, computed when it is first needed. Whatever changes a setting of which a session or a hello tells
/// [forgets](Self::forget) it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Computed {
    pub(crate) scope: OnceLock<Scope>,
    pub(crate) hello: OnceLock<HelloTemplate>,
}

impl Computed {
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// What every ClientHello of a configuration has in common, as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct HelloTemplate {
    /// `cipher_suites` and `legacy_compression_methods`.
    pub(crate) suites: Vec<u8>,
    /// The extensions that depend on neither the server's name, nor on what is known of it, nor on the key share.
    pub(crate) extensions: Vec<u8>,
}

/// The smallest maximum record size: whatever is smaller would be mostly overhead.
pub(crate) const MIN_RECORD: usize = 64;
/// The largest: a full fragment, with the most that a version puts around it (header, explicit nonce, tag).
pub(crate) const MAX_RECORD: usize = MAX_FRAGMENT + HEADER_LEN + 8 + TAG_LEN;

impl Default for Common {
    fn default() -> Self {
        Self {
            versions: vec![ProtocolVersion::TLS13, ProtocolVersion::TLS12],
            set_suites: ALL_CIPHERSUITES.to_vec(),
            suites: ALL_CIPHERSUITES.to_vec(),
            require_ems: false,
            groups: GROUPS.to_vec(),
            group_ids: group_ids(&GROUPS),
            schemes: CERTIFICATE_SCHEMES.to_vec(),
            schemes13: tls13::RULES.schemes.to_vec(),
            alpn: Vec::new(),
            require_alpn: false,
            limits: Limits::default(),
            max_record: MAX_RECORD,
            record_size_limit: None,
            ramp_up: None,
            padding: RecordPadding::None,
            key_log: None,
            records_per_key: None,
            session_context: Vec::new(),
            computed: Computed::default(),
        }
    }
}

impl Common {
    pub(crate) fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
        check_list(versions, "versions")?;
        let supported = |version: &ProtocolVersion| ALL_CIPHERSUITES.iter().any(|suite| suite.version() == *version);
        if let Some(other) = versions.iter().find(|version| !supported(version)) {
            return Err(ConfigError::UnsupportedVersion(*other));
        }
        let newest_first =
            kept(&[ProtocolVersion::TLS13, ProtocolVersion::TLS12], &|version| versions.contains(version));
        self.computed.forget();
        self.versions = newest_first;
        self.update_suites();
        Ok(())
    }

    pub(crate) fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
        check_list(suites, "cipher suites")?;
        let mut found = Vec::new();
        for id in suites {
            found.push(SupportedCipherSuite::of(*id).ok_or(ConfigError::UnsupportedCipherSuite(*id))?);
        }
        self.computed.forget();
        self.set_suites = found;
        self.update_suites();
        Ok(())
    }

    fn update_suites(&mut self) {
        self.suites = kept(&self.set_suites, &|suite| self.versions.contains(&suite.version()));
    }

    /// Whether the version is enabled, and has a suite.
    pub(crate) fn enables(&self, version: ProtocolVersion) -> bool {
        self.suites.iter().any(|suite| suite.version() == version)
    }

    /// The versions that are enabled and have a suite, the newest first.
    pub(crate) fn enabled_versions(&self) -> Vec<ProtocolVersion> {
        kept(&self.versions, &|version| self.enables(*version))
    }

    pub(crate) fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
        check_list(groups, "groups")?;
        self.computed.forget();
        let mut found = Vec::new();
        for id in groups {
            found.push(group_of(*id).ok_or(ConfigError::UnsupportedGroup(*id))?);
        }
        self.groups = found;
        self.group_ids = groups.to_vec();
        Ok(())
    }

    pub(crate) fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
        check_list(schemes, "signature schemes")?;
        if let Some(other) = schemes.iter().find(|scheme| !CERTIFICATE_SCHEMES.contains(scheme)) {
            return Err(ConfigError::UnsupportedSignatureScheme(*other));
        }
        self.computed.forget();
        self.schemes = schemes.to_vec();
        self.schemes13 = kept(schemes, &|scheme| tls13::RULES.schemes.contains(scheme));
        Ok(())
    }

    /// What a peer of TLS 1.3 is told: never nothing, which would be malformed. PKCS#1 v1.5 means certificates there.
    pub(crate) fn tls13_schemes(&self) -> &[SignatureScheme] {
        if self.schemes13.is_empty() { &self.schemes } else { &self.schemes13 }
    }

    pub(crate) fn set_alpn_protocols(&mut self, protocols: &[&[u8]]) -> Result<(), ConfigError> {
        if protocols.iter().any(|name| name.is_empty() || u8::try_from(name.len()).is_err()) {
            return Err(ConfigError::BadProtocolName);
        }
        // Room is left in the extension block for all else that a hello has.
        if protocols.iter().map(|name| name.len().saturating_add(1)).sum::<usize>() > 0x8000 {
            return Err(ConfigError::TooManyProtocols);
        }
        self.computed.forget();
        self.alpn.clear();
        for name in protocols {
            self.alpn.push(name.to_vec());
        }
        Ok(())
    }

    pub(crate) fn set_max_fragment_size(&mut self, bytes: Option<usize>) -> Result<(), ConfigError> {
        self.max_record = record_size(bytes.unwrap_or(MAX_RECORD))?;
        Ok(())
    }

    pub(crate) fn set_record_size_limit(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
        let (min, max) = (RecordSizeLimit::MIN, max_size_limit(ProtocolVersion::TLS13));
        if let Some(got) = bytes.filter(|bytes| !(min..=max).contains(bytes)) {
            return Err(ConfigError::BadFragmentSize { got: got.into(), min: min.into(), max: max.into() });
        }
        self.computed.forget();
        self.record_size_limit = bytes;
        Ok(())
    }

    pub(crate) fn set_record_ramp_up(&mut self, ramp_up: Option<RecordRampUp>) -> Result<(), ConfigError> {
        ramp_up.map(|ramp_up| record_size(ramp_up.record_size)).transpose()?;
        self.ramp_up = ramp_up;
        Ok(())
    }

    pub(crate) fn scope_of(&self, role: &'static str, settings: &[&[u8]]) -> Scope {
        // Whoever stops accepting a scheme does not go on from what was signed with it.
        let mut schemes = Vec::new();
        for scheme in &self.schemes {
            schemes.extend_from_slice(&scheme.0.to_be_bytes());
        }
        let require_alpn = [self.require_alpn.into()];
        let settings = [settings, &[&schemes, &require_alpn]].concat();
        Scope::of(&ScopeInputs { role, alpn: &self.alpn, settings: &settings, application: &self.session_context })
    }

    /// The suites of a version, as they go over the wire.
    pub(crate) fn suite_ids(&self, version: ProtocolVersion) -> Vec<CipherSuite> {
        let mut ids = Vec::new();
        for suite in &self.suites {
            if suite.version() == version {
                ids.push(suite.suite());
            }
        }
        ids
    }
}

fn group_ids(groups: &[Group]) -> Vec<NamedGroup> {
    let mut ids = Vec::with_capacity(groups.len());
    for group in groups {
        ids.push(group_id(*group));
    }
    ids
}

/// A size that records can have.
fn record_size(got: usize) -> Result<usize, ConfigError> {
    let (min, max) = (MIN_RECORD, MAX_RECORD);
    if (min..=max).contains(&got) { Ok(got) } else { Err(ConfigError::BadFragmentSize { got, min, max }) }
}

fn check_list<T: PartialEq>(items: &[T], what: &'static str) -> Result<(), ConfigError> {
    let mut rest = items;
    let mut fits = !items.is_empty();
    while let Some((item, behind)) = rest.split_first() {
        fits &= !behind.contains(item);
        rest = behind;
    }
    if fits { Ok(()) } else { Err(ConfigError::EmptyOrRepeated(what)) }
}

/// Those of the items that are to be kept.
pub(crate) fn kept<T: Copy>(items: &[T], keep: &dyn Fn(&T) -> bool) -> Vec<T> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        if keep(item) {
            kept.push(*item);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let mut common = Common::default();
        assert_eq!(common.set_cipher_suites(&[]), Err(ConfigError::EmptyOrRepeated("cipher suites")));
        let cbc = CipherSuite(0xc013);
        assert_eq!(common.set_cipher_suites(&[cbc]), Err(ConfigError::UnsupportedCipherSuite(cbc)));
        assert_eq!(common.suites.len(), ALL_CIPHERSUITES.len());
        assert!(common.set_groups(&[NamedGroup::X25519, NamedGroup::X25519]).is_err());
        assert!(common.set_alpn_protocols(&[b""]).is_err());
        assert!(common.set_alpn_protocols(&[&[b'a'; 256]]).is_err());
        assert!(common.set_max_fragment_size(Some(63)).is_err());
        assert!(common.set_max_fragment_size(Some(MAX_RECORD + 1)).is_err());
        for record_size in [0, MIN_RECORD - 1, MAX_RECORD + 1] {
            assert!(common.set_record_ramp_up(Some(RecordRampUp { record_size, bytes: 1 })).is_err());
            assert_eq!(common.ramp_up, None);
        }
        for version in [ProtocolVersion::TLS11, ProtocolVersion::TLS10, ProtocolVersion(0x0300)] {
            assert_eq!(common.set_versions(&[version]), Err(ConfigError::UnsupportedVersion(version)));
        }
        assert_eq!(common.enabled_versions(), [ProtocolVersion::TLS13, ProtocolVersion::TLS12]);
    }

    #[test]
    fn a_version_without_a_suite_is_not_used() {
        let mut common = Common::default();
        common.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256]).unwrap();
        assert_eq!(common.enabled_versions(), [ProtocolVersion::TLS13]);
        let tls12 = [ProtocolVersion::TLS12];
        common.set_versions(&tls12).unwrap();
        assert_eq!(common.enabled_versions(), []);
        common.set_cipher_suites(&[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]).unwrap();
        assert_eq!(common.enabled_versions(), tls12);
    }
}
