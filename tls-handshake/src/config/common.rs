//! The settings that both roles have.

use std::sync::{Arc, OnceLock};

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use tls_codec::extension::RecordSizeLimit;
use tls_codec::record::{HEADER_LEN, MAX_FRAGMENT};
use tls_crypto::{Backend, Group, TAG_LEN};

use super::{ConfigError, KeyLog, Limits, RecordPadding, RecordRampUp};
use crate::negotiate::{certificate_schemes, group_id, group_of};
use crate::record_size_limit::max_size_limit;
use crate::resumption::{Scope, ScopeInputs};
use crate::suite::{ALL_CIPHERSUITES, SupportedCipherSuite};
use crate::verify::signature::{tls12, tls13};

/// The settings of both roles. Setters check each list: it is not empty and contains only supported
/// items. `validate` checks how settings combine, so the order of setters does not matter.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) backend: Backend,
    /// Newest first.
    pub(super) versions: Vec<ProtocolVersion>,
    /// The suites that were set. `suites` contains those of enabled versions, possibly none.
    pub(super) set_suites: Vec<SupportedCipherSuite>,
    pub(crate) suites: Vec<SupportedCipherSuite>,
    pub(crate) require_ems: bool,
    pub(crate) groups: Vec<Group>,
    /// The same groups as code points.
    pub(crate) group_ids: Vec<NamedGroup>,
    /// The first group and the first scheme that the backend lacks.
    pub(super) lacks_group: Option<NamedGroup>,
    pub(super) lacks_scheme: Option<SignatureScheme>,
    /// The signature schemes that were set; otherwise all of the backend.
    set_schemes: Option<Vec<SignatureScheme>>,
    /// The signature schemes that peers may sign with, and those of them that TLS 1.2 and TLS 1.3
    /// allow.
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) schemes12: Vec<SignatureScheme>,
    pub(crate) schemes13: Vec<SignatureScheme>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) require_alpn: bool,
    pub(crate) limits: Limits,
    pub(crate) max_record: usize,
    /// In bytes, as record_size_limit counts them.
    pub(crate) record_size_limit: Option<u16>,
    pub(crate) ramp_up: Option<RecordRampUp>,
    pub(crate) padding: RecordPadding,
    /// `None` by default, so that connections need not update its reference count.
    pub(crate) key_log: Option<Arc<dyn KeyLog>>,
    pub(crate) records_per_key: Option<u64>,
    pub(crate) session_context: Vec<u8>,
    /// Derived for connections over QUIC, whose sessions have another scope.
    over_quic: bool,
    pub(crate) computed: Computed,
}

/// Values derived from the settings on first use. A setter that changes an input of them calls
/// [`forget`](Self::forget).
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

/// The encoded parts that all ClientHellos of a configuration share.
#[derive(Clone, Debug)]
pub(crate) struct HelloTemplate {
    /// `cipher_suites` and `legacy_compression_methods`.
    pub(crate) suites: Vec<u8>,
    /// The extensions that do not depend on the server name, a session, or the key share.
    pub(crate) extensions: Vec<u8>,
}

/// The smallest maximum record size. Smaller records would be mostly overhead.
pub(crate) const MIN_RECORD: usize = 64;
/// The largest record: a full fragment with the largest overhead of either version (header,
/// explicit nonce, tag).
pub(crate) const MAX_RECORD: usize = MAX_FRAGMENT + HEADER_LEN + 8 + TAG_LEN;

impl Default for Common {
    fn default() -> Self {
        let mut common = Self {
            backend: Backend::default(),
            versions: vec![ProtocolVersion::TLS13, ProtocolVersion::TLS12],
            set_suites: ALL_CIPHERSUITES.to_vec(),
            suites: ALL_CIPHERSUITES.to_vec(),
            require_ems: false,
            groups: Group::DEFAULT.to_vec(),
            group_ids: group_ids(Group::DEFAULT),
            lacks_group: None,
            lacks_scheme: None,
            set_schemes: None,
            schemes: Vec::new(),
            schemes12: Vec::new(),
            schemes13: Vec::new(),
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
            over_quic: false,
            computed: Computed::default(),
        };
        common.update_schemes();
        common
    }
}

impl Common {
    pub(crate) fn set_backend(&mut self, backend: Backend) {
        self.computed.forget();
        self.backend = backend;
        self.update_groups();
        self.update_schemes();
    }

    pub(crate) fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
        check_list(versions, "versions")?;
        let supported = |version: &ProtocolVersion| ALL_CIPHERSUITES.iter().any(|suite| suite.version() == *version);
        if let Some(other) = versions.iter().find(|version| !supported(version)) {
            return Err(ConfigError::UnsupportedVersion(*other));
        }
        let newest_first =
            filtered(&[ProtocolVersion::TLS13, ProtocolVersion::TLS12], &|version| versions.contains(version));
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
        self.suites = filtered(&self.set_suites, &|suite| self.versions.contains(&suite.version()));
    }

    /// Returns whether the version is enabled and has a suite.
    pub(crate) fn enables(&self, version: ProtocolVersion) -> bool {
        self.suites.iter().any(|suite| suite.version() == version)
    }

    /// The enabled versions that have a suite, newest first.
    pub(crate) fn enabled_versions(&self) -> Vec<ProtocolVersion> {
        filtered(&self.versions, &|version| self.enables(*version))
    }

    pub(crate) fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
        check_list(groups, "groups")?;
        self.computed.forget();
        let mut found = Vec::new();
        for id in groups {
            let group = group_of(*id).filter(|group| Backend::ALL.iter().any(|backend| backend.supports_group(*group)));
            found.push(group.ok_or(ConfigError::UnsupportedGroup(*id))?);
        }
        self.groups = found;
        self.group_ids = groups.to_vec();
        self.update_groups();
        Ok(())
    }

    fn update_groups(&mut self) {
        let lacks = self.groups.iter().find(|group| !self.backend.supports_group(**group));
        self.lacks_group = lacks.map(|group| group_id(*group));
    }

    /// The groups that ClientHello lists. A client of only TLS 1.2 lists no post-quantum ones.
    pub(crate) fn offered_groups(&self) -> Vec<NamedGroup> {
        if self.enables(ProtocolVersion::TLS13) { self.group_ids.clone() } else { self.tls12_groups() }
    }

    /// The enabled groups that TLS 1.2 has.
    pub(crate) fn tls12_groups(&self) -> Vec<NamedGroup> {
        group_ids(&filtered(&self.groups, &|group| !group.is_post_quantum()))
    }

    pub(crate) fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
        check_list(schemes, "signature schemes")?;
        let supported = |scheme: &SignatureScheme| {
            Backend::ALL.iter().any(|backend| certificate_schemes(*backend).contains(scheme))
        };
        if let Some(other) = schemes.iter().find(|scheme| !supported(scheme)) {
            return Err(ConfigError::UnsupportedSignatureScheme(*other));
        }
        self.computed.forget();
        self.set_schemes = Some(schemes.to_vec());
        self.update_schemes();
        Ok(())
    }

    fn update_schemes(&mut self) {
        self.schemes = self.set_schemes.clone().unwrap_or_else(|| certificate_schemes(self.backend).to_vec());
        self.lacks_scheme =
            self.schemes.iter().find(|scheme| !certificate_schemes(self.backend).contains(scheme)).copied();
        self.schemes12 = filtered(&self.schemes, &|scheme| tls12::RULES.allow(self.backend, *scheme));
        self.schemes13 = filtered(&self.schemes, &|scheme| tls13::RULES.allow(self.backend, *scheme));
    }

    /// The supported_signature_algorithms of TLS 1.2, which has no ML-DSA. Never empty, which would
    /// be malformed; without a TLS 1.2 scheme, no client of that version can sign.
    pub(crate) fn tls12_schemes(&self) -> &[SignatureScheme] {
        if self.schemes12.is_empty() { &self.schemes } else { &self.schemes12 }
    }

    /// The signature_algorithms of TLS 1.3. Never empty, which would be malformed: without a TLS
    /// 1.3 scheme it contains PKCS#1 v1.5, which applies only to certificates.
    pub(crate) fn tls13_schemes(&self) -> &[SignatureScheme] {
        if self.schemes13.is_empty() { &self.schemes } else { &self.schemes13 }
    }

    pub(crate) fn set_alpn_protocols(&mut self, protocols: Vec<Vec<u8>>) -> Result<(), ConfigError> {
        if protocols.iter().any(|name| name.is_empty() || u8::try_from(name.len()).is_err()) {
            return Err(ConfigError::BadProtocolName);
        }
        // Leaves room in the extension block for the other extensions of a ClientHello.
        if protocols.iter().map(|name| name.len().saturating_add(1)).sum::<usize>() > 0x8000 {
            return Err(ConfigError::TooManyProtocols);
        }
        self.computed.forget();
        self.alpn = protocols;
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

    /// Restricts the settings to what QUIC allows: TLS 1.3 without records, and an application
    /// protocol (RFC 9001 §4.2, §8.1).
    pub(super) fn restrict_to_quic(&mut self) {
        self.computed.forget();
        self.versions.retain(|version| *version == ProtocolVersion::TLS13);
        self.update_suites();
        self.require_alpn = true;
        self.record_size_limit = None;
        self.over_quic = true;
    }

    pub(crate) fn scope_of(&self, role: &'static str, settings: &[&[u8]]) -> Scope {
        // A session must not outlive the acceptance of the scheme that authenticated it.
        let mut schemes = Vec::new();
        // The default is the same for all backends, so that a session of one resumes with another.
        let default = certificate_schemes(Backend::ring());
        for scheme in self.set_schemes.as_deref().unwrap_or(default) {
            schemes.extend_from_slice(&scheme.0.to_be_bytes());
        }
        let require_alpn = [self.require_alpn.into()];
        let mut settings = [settings, &[&schemes, &require_alpn]].concat();
        if self.over_quic {
            settings.push(b"QUIC");
        }
        // Early data and resumptions of TLS 1.2 have no key exchange of their own: they are as
        // secret as the one that began the session.
        if self.groups.iter().all(|group| group.is_post_quantum()) {
            settings.push(b"post-quantum");
        }
        Scope::of(&ScopeInputs { role, alpn: &self.alpn, settings: &settings, application: &self.session_context })
    }

    /// The code points of the suites of a version.
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

/// Checks a maximum record size.
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

/// Returns the items that `keep` selects.
pub(crate) fn filtered<T: Copy>(items: &[T], keep: &dyn Fn(&T) -> bool) -> Vec<T> {
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
    fn invalid_setting_is_rejected_and_changes_nothing() {
        let mut common = Common::default();
        assert_eq!(common.set_cipher_suites(&[]), Err(ConfigError::EmptyOrRepeated("cipher suites")));
        let cbc = CipherSuite(0xc013);
        assert_eq!(common.set_cipher_suites(&[cbc]), Err(ConfigError::UnsupportedCipherSuite(cbc)));
        assert_eq!(common.suites.len(), ALL_CIPHERSUITES.len());
        assert!(common.set_groups(&[NamedGroup::X25519, NamedGroup::X25519]).is_err());
        assert!(common.set_alpn_protocols(vec![Vec::new()]).is_err());
        assert!(common.set_alpn_protocols(vec![vec![b'a'; 256]]).is_err());
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
    fn version_without_suite_is_disabled() {
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
