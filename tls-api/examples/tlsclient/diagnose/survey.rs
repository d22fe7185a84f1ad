//! Asks the server one question per connection: does it accept this version, suite, group or
//! signature scheme?

use strata_tls::handshake::ALL_CIPHERSUITES;
use strata_tls::{
    AlertDescription, CipherSuite, ClientConfig, NamedGroup, ProtocolVersion, ServerName, SignatureScheme,
};

use super::attempt::{Attempt, Dialer, End, Goal};
use super::hello::{GROUPS, OLD_SUITES, OTHER_GROUPS, OTHER_SCHEMES, Offer, SCHEMES, TLS12_GROUPS};
use crate::capture::{Facts, Secrets};

/// Whether the server accepts something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    /// It answered with this alert.
    Alert(AlertDescription),
    /// It closed or reset the connection.
    Closed,
    /// It sent nothing until the deadline.
    Silent,
    /// It answered, with something else.
    Other,
    /// It was not asked.
    NotTested(String),
}

/// What the server accepts. Each entry is one connection, except those that were found together.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) versions: Vec<(ProtocolVersion, Answer)>,
    pub(super) suites: Vec<(CipherSuite, Answer)>,
    pub(super) groups: Vec<(ProtocolVersion, NamedGroup, Answer)>,
    pub(super) schemes: Vec<(ProtocolVersion, SignatureScheme, Answer)>,
    /// What it accepts and the library never supports.
    pub(super) other_suites: Vec<CipherSuite>,
    pub(super) other_groups: Vec<NamedGroup>,
    pub(super) other_schemes: Vec<SignatureScheme>,
    /// The group that it selects if it may choose.
    pub(super) preferred_group: Option<NamedGroup>,
    /// Its answer to max_fragment_length.
    pub(super) max_fragment_length: Option<bool>,
}

/// The most connections that look for things of one kind that the library does not support.
const MOST_OTHERS: usize = 4;

/// The same for each kind of old cipher suites.
const MOST_OF_A_KIND: usize = 2;

pub(super) struct Surveyor<'a> {
    pub(super) dialer: &'a mut Dialer,
    pub(super) config: &'a ClientConfig,
    pub(super) name: &'a ServerName<'static>,
    pub(super) sni: bool,
}

impl Answer {
    pub(super) fn is_accepted(&self) -> bool {
        *self == Self::Accepted
    }

    /// Returns the text for people and programs.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Accepted => "accepted".into(),
            Self::Alert(alert) => format!("refused ({alert})"),
            Self::Closed => "refused (closed)".into(),
            Self::Silent => "no answer".into(),
            Self::Other => "refused".into(),
            Self::NotTested(why) => format!("not tested: {why}"),
        }
    }

    fn of(attempt: &Attempt, accepted: impl FnOnce(&Facts) -> bool) -> Self {
        match &attempt.end {
            _ if accepted(attempt.facts()) => Self::Accepted,
            End::NotTried(why) => Self::NotTested((*why).into()),
            End::NotConnected(_) => Self::NotTested("no TCP connection".into()),
            _ if attempt.facts().alert.is_some() => attempt.facts().alert.map_or(Self::Other, Self::Alert),
            End::Closed | End::Broken(_) => Self::Closed,
            End::Silent => Self::Silent,
            End::Failed(e) => Self::NotTested(e.to_string()),
            End::Established | End::Answered => Self::Other,
        }
    }
}

impl Survey {
    pub(super) fn accepts(&self, version: ProtocolVersion) -> bool {
        self.versions.iter().any(|(known, answer)| *known == version && answer.is_accepted())
    }

    /// Returns whether it accepts anything at all that the library supports.
    pub(super) fn has_common_version(&self) -> bool {
        self.accepts(ProtocolVersion::TLS13) || self.accepts(ProtocolVersion::TLS12)
    }
}

impl Surveyor<'_> {
    pub(super) fn run(mut self, first: &Facts) -> Survey {
        let mut survey = Survey::default();
        self.versions(first, &mut survey);
        for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
            if survey.accepts(version) {
                self.suites(version, &mut survey);
                self.groups(version, &mut survey);
                self.schemes(version, &mut survey);
            }
        }
        survey.other_suites = self.old_suites();
        survey.other_schemes = self.other_schemes(&survey);
        let common = survey.has_common_version();
        if survey.accepts(ProtocolVersion::TLS13) || !common {
            survey.other_groups = self.other_groups();
        }
        if survey.accepts(ProtocolVersion::TLS13) {
            survey.preferred_group = self.raw(ProtocolVersion::TLS13, &TLS13_SUITES, GROUPS, SCHEMES).facts().group;
        }
        if common {
            survey.max_fragment_length = self.max_fragment_length();
        }
        survey
    }

    /// Reads the answer to a ClientHello of the library with changed settings.
    fn ask(
        &mut self,
        change: impl FnOnce(&mut ClientConfig) -> Result<(), String>,
        accepted: impl FnOnce(&Facts) -> bool,
    ) -> Answer {
        if let Some(why) = self.dialer.stopped() {
            return Answer::NotTested(why.into());
        }
        let mut config = self.config.clone();
        if let Err(e) = change(&mut config) {
            return Answer::NotTested(e);
        }
        let attempt = self.dialer.handshake(&config, Secrets::default(), self.name, Goal::Answer);
        Answer::of(&attempt, accepted)
    }

    fn raw(
        &mut self,
        version: ProtocolVersion,
        suites: &[CipherSuite],
        groups: &[NamedGroup],
        schemes: &[SignatureScheme],
    ) -> Attempt {
        let name = self.sni.then_some(self.name);
        // Only a system without randomness fails here.
        let hello = Offer { version, suites, groups, schemes, name }.record().unwrap_or_default();
        self.dialer.answer_to(&hello)
    }

    fn versions(&mut self, first: &Facts, survey: &mut Survey) {
        for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
            let answer = if first.version == Some(version) && !first.retried {
                Answer::Accepted
            } else {
                let change = |config: &mut ClientConfig| config.set_versions(&[version]).map_err(|e| e.to_string());
                self.ask(change, |facts| facts.version == Some(version))
            };
            survey.versions.push((version, answer));
        }
        let suites = old_suites();
        for version in [ProtocolVersion::TLS11, ProtocolVersion::TLS10, ProtocolVersion::SSL30] {
            let attempt =
                self.raw(version, &suites, &[GROUPS, OTHER_GROUPS].concat(), &[SCHEMES, OTHER_SCHEMES].concat());
            survey.versions.push((version, Answer::of(&attempt, |facts| facts.version == Some(version))));
        }
    }

    fn suites(&mut self, version: ProtocolVersion, survey: &mut Survey) {
        for suite in ALL_CIPHERSUITES.iter().filter(|suite| suite.version() == version) {
            let suite = suite.suite();
            let change = |config: &mut ClientConfig| {
                config
                    .set_versions(&[version])
                    .and_then(|()| config.set_cipher_suites(&[suite]))
                    .map_err(|e| e.to_string())
            };
            survey.suites.push((suite, self.ask(change, |facts| facts.suite == Some(suite))));
        }
    }

    fn groups(&mut self, version: ProtocolVersion, survey: &mut Survey) {
        let groups = if version == ProtocolVersion::TLS13 { GROUPS } else { TLS12_GROUPS };
        for group in groups {
            let change = |config: &mut ClientConfig| {
                config.set_versions(&[version]).and_then(|()| config.set_groups(&[*group])).map_err(|e| e.to_string())
            };
            survey.groups.push((version, *group, self.ask(change, |facts| facts.group == Some(*group))));
        }
    }

    fn schemes(&mut self, version: ProtocolVersion, survey: &mut Survey) {
        // RFC 9846 §4.3.3: TLS 1.3 has no PKCS#1 v1.5 in the handshake.
        let allowed = |scheme: &&SignatureScheme| version != ProtocolVersion::TLS13 || !is_pkcs1(**scheme);
        for scheme in SCHEMES.iter().filter(allowed) {
            let change = |config: &mut ClientConfig| {
                config
                    .set_versions(&[version])
                    .and_then(|()| config.set_signature_schemes(&[*scheme]))
                    .map_err(|e| e.to_string())
            };
            survey.schemes.push((version, *scheme, self.ask(change, |facts| facts.scheme == Some(*scheme))));
        }
    }

    /// Offers only unsupported suites of one kind, and removes each that the server selects.
    fn old_suites(&mut self) -> Vec<CipherSuite> {
        let mut found = Vec::new();
        for kind in OLD_SUITES {
            let mut left = kind.to_vec();
            for _ in 0..MOST_OF_A_KIND {
                let attempt = self.raw(ProtocolVersion::TLS12, &left, GROUPS, &[SCHEMES, OTHER_SCHEMES].concat());
                let Some(suite) = attempt.facts().suite.filter(|suite| left.contains(suite)) else { break };
                left.retain(|one| *one != suite);
                found.push(suite);
            }
        }
        found
    }

    fn other_groups(&mut self) -> Vec<NamedGroup> {
        let (mut left, mut found) = (OTHER_GROUPS.to_vec(), Vec::new());
        while found.len() < MOST_OTHERS && !left.is_empty() {
            let attempt = self.raw(ProtocolVersion::TLS13, &TLS13_SUITES, &left, SCHEMES);
            let Some(group) = attempt.facts().group.filter(|group| left.contains(group)) else { break };
            left.retain(|one| *one != group);
            found.push(group);
        }
        found
    }

    /// Asks in TLS 1.2, where the signature is not encrypted.
    fn other_schemes(&mut self, survey: &Survey) -> Vec<SignatureScheme> {
        let (mut left, mut found) = (OTHER_SCHEMES.to_vec(), Vec::new());
        if survey.has_common_version() && !survey.accepts(ProtocolVersion::TLS12) {
            return found;
        }
        while found.len() < MOST_OTHERS && !left.is_empty() {
            // RFC 8422 §5.1.1: also the curve of its certificate.
            let groups = [GROUPS, OTHER_GROUPS].concat();
            let attempt = self.raw(ProtocolVersion::TLS12, &old_suites(), &groups, &left);
            let Some(scheme) = attempt.facts().scheme.filter(|scheme| left.contains(scheme)) else { break };
            left.retain(|one| *one != scheme);
            found.push(scheme);
        }
        found
    }

    fn max_fragment_length(&mut self) -> Option<bool> {
        let change = |config: &mut ClientConfig| {
            config
                .set_record_size_limit(None)
                .and_then(|()| config.set_max_fragment_length(Some(4096)))
                .map_err(|e| e.to_string())
        };
        let mut accepted = None;
        self.ask(change, |facts| {
            accepted = facts.answered.then_some(facts.max_fragment_length);
            facts.answered
        });
        accepted
    }
}

fn is_pkcs1(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256 | SignatureScheme::RSA_PKCS1_SHA384 | SignatureScheme::RSA_PKCS1_SHA512
    )
}

/// All suites of TLS 1.2 and older.
fn old_suites() -> Vec<CipherSuite> {
    let supported = ALL_CIPHERSUITES.iter().filter(|suite| suite.version() == ProtocolVersion::TLS12);
    supported.map(|suite| suite.suite()).chain(OLD_SUITES.concat()).collect()
}

const TLS13_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];
