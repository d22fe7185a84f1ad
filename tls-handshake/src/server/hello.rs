//! ClientHello, and what is chosen from it: suite, group, application protocol (RFC 9846 §4.2.1, §4.2.2).

use std::sync::Arc;

use tls_codec::code_points::{
    CipherSuite, ExtensionType, HandshakeType, ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
};
use tls_codec::extension::KeyShareEntry;
use tls_codec::handshake::ClientHello;
use tls_codec::list::List;
use tls_codec::owned::Owned;
use tls_crypto::BulkAlgorithm;
use tls_crypto::Group;
use tls_crypto::SecureRandom;
use tls_crypto::Tls13Suite;
use tls_crypto::Transcript;

use super::retry::WaitSecondClientHello;
use super::tls13::{self, WaitIdentity, WaitSession};
use crate::config::ServerConfig;
use crate::error::{Error, Illegal};
use crate::established::HandshakeKind;
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Asker, Need, NeedIdentity, NeedSession};
use crate::negotiate::{choose_suite, first_common, group_id};
use crate::role::opaque_debug;
use crate::sink::Sink;

/// What all states of a server share.
pub(super) struct Shared {
    pub(super) config: Arc<ServerConfig>,
    /// ServerHello.random.
    pub(super) random: [u8; 32],
    pub(super) transcript: Transcript,
}

/// START.
pub struct WaitClientHello {
    config: Arc<ServerConfig>,
    random: &'static dyn SecureRandom,
}

opaque_debug!(WaitClientHello);

/// Where a ClientHello leads.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "passed on at once, and never kept")]
pub enum AfterClientHello {
    /// It has no key share that we can use, and was asked for one.
    Retry(WaitSecondClientHello),
    /// It has all that is needed for TLS 1.3, and raises a question.
    Tls13(tls13::State, Need),
}

impl WaitClientHello {
    pub(crate) fn new(config: Arc<ServerConfig>, random: &'static dyn SecureRandom) -> Self {
        Self { config, random }
    }

    /// RFC 9846 §4.2.2.
    ///
    /// # Errors
    /// [`Error`] for whatever is missing, contradictory, or has nothing in common with our configuration.
    pub fn on_client_hello(
        self,
        m: Framed<'_, ClientHello<'_>>,
        out: &mut dyn Sink,
    ) -> Result<AfterClientHello, Error> {
        let at = m.at_boundary()?;
        let chosen = Chosen::from(&self.config, &m.msg)?;
        let mut random = [0; 32];
        self.random.fill(&mut random).map_err(|_| Error::Crypto("drawing random bytes"))?;
        let shared = Box::new(Shared { config: self.config, random, transcript: Transcript::new(chosen.suite.hash) });
        match chosen.share {
            None => Ok(AfterClientHello::Retry(WaitSecondClientHello::ask(shared, chosen, &m, out)?)),
            Some(share) => {
                let (state, need) = proceed(shared, &chosen, share, HandshakeKind::Full, &m, at)?;
                Ok(AfterClientHello::Tls13(state, need))
            }
        }
    }
}

/// What we choose from a ClientHello.
pub(super) struct Chosen<'a> {
    pub(super) suite: &'static Tls13Suite,
    pub(super) group: Group,
    /// The client's share of that group, if it sent one.
    pub(super) share: Option<&'a [u8]>,
    alpn: Option<Vec<u8>>,
    schemes: List<'a, SignatureScheme>,
}

impl<'a> Chosen<'a> {
    pub(super) fn from(config: &ServerConfig, hello: &ClientHello<'a>) -> Result<Self, Error> {
        check_version(config, hello)?;
        if hello.legacy_compression_methods != [0] {
            return Err(Illegal::Compression.into());
        }
        let extensions = &hello.extensions;
        if extensions.pre_shared_key.is_some() && extensions.psk_key_exchange_modes.is_none() {
            return Err(missing(ExtensionType::PSK_KEY_EXCHANGE_MODES));
        }
        let common = &config.common;
        let suite = choose_suite(
            config.suite_preference,
            common.suites.iter().filter_map(|suite| suite.tls13()),
            hello.cipher_suites.iter(),
            |suite| CipherSuite(suite.id),
            |suite| suite.aead == BulkAlgorithm::ChaCha20Poly1305,
        );
        let suite = suite.ok_or_else(|| Error::NoCommonCipherSuite {
            offered: hello.cipher_suites.iter().collect(),
            enabled: common.suite_ids(),
        })?;
        let schemes = extensions.signature_algorithms.ok_or_else(|| missing(ExtensionType::SIGNATURE_ALGORITHMS))?;
        let groups = extensions.supported_groups.ok_or_else(|| missing(ExtensionType::SUPPORTED_GROUPS))?;
        let shares = extensions.key_share.ok_or_else(|| missing(ExtensionType::KEY_SHARE))?;
        check_shares(&shares, |entry| groups.contains(entry.group))?;
        let share_of = |group: &Group| shares.iter().find(|entry| entry.group == group_id(*group));
        // A share that is there saves a round trip: the groups differ too little in strength to spend one.
        let group =
            first_common(&common.groups, |group| groups.contains(group_id(*group)) && share_of(group).is_some())
                .or_else(|| first_common(&common.groups, |group| groups.contains(group_id(*group))))
                .ok_or_else(|| Error::NoCommonGroup {
                    offered: groups.iter().collect(),
                    enabled: common.group_ids.clone(),
                })?;
        let share = share_of(&group).map(|entry| entry.key_exchange);
        Ok(Self { suite, group, share, alpn: choose_alpn(&common.alpn, hello)?, schemes })
    }
}

/// RFC 9846 §4.3.1: supported_versions alone decides.
fn check_version(config: &ServerConfig, hello: &ClientHello<'_>) -> Result<(), Error> {
    let Some(versions) = hello.extensions.supported_versions else {
        return Err(Error::NoCommonVersion {
            offered: vec![hello.legacy_version],
            enabled: config.common.enabled_versions(),
        });
    };
    if !versions.contains(ProtocolVersion::TLS13) {
        return Err(Error::NoCommonVersion {
            offered: versions.iter().collect(),
            enabled: config.common.enabled_versions(),
        });
    }
    if hello.legacy_version != ProtocolVersion::TLS12 {
        return Err(Error::NoCommonVersion {
            offered: vec![hello.legacy_version],
            enabled: config.common.enabled_versions(),
        });
    }
    Ok(())
}

/// RFC 9846 §4.3.8: no two shares for one group, and none for a group that is not supported.
fn check_shares(
    shares: &List<'_, KeyShareEntry<'_>>,
    supported: impl Fn(&KeyShareEntry<'_>) -> bool,
) -> Result<(), Error> {
    // Bounded: a hello with more shares than there are groups has a repetition, or is absurd.
    for (at, entry) in shares.iter().enumerate() {
        let repeated = shares.iter().take(at).any(|before| before.group == entry.group);
        if repeated || at >= MAX_SHARES || !supported(&entry) {
            return Err(Illegal::KeyShares(entry.group).into());
        }
    }
    Ok(())
}

const MAX_SHARES: usize = 32;

/// RFC 7301 §3.2, in our order of preference.
fn choose_alpn(ours: &[Vec<u8>], hello: &ClientHello<'_>) -> Result<Option<Vec<u8>>, Error> {
    let Some(theirs) = hello.extensions.alpn else { return Ok(None) };
    if ours.is_empty() {
        return Ok(None);
    }
    match ours.iter().find(|name| theirs.iter().any(|their| their.0 == name.as_slice())) {
        Some(name) => Ok(Some(name.clone())),
        None => Err(Error::NoCommonAlpn {
            offered: theirs.iter().map(|name| name.0.to_vec()).collect(),
            enabled: ours.to_vec(),
        }),
    }
}

fn missing(extension: ExtensionType) -> Error {
    Error::MissingExtension { message: HandshakeType::CLIENT_HELLO, extension }
}

/// Keeps of the hello what is needed later, and asks for a session or an identity.
pub(super) fn proceed(
    mut shared: Box<Shared>,
    chosen: &Chosen<'_>,
    share: &[u8],
    kind: HandshakeKind,
    m: &Framed<'_, ClientHello<'_>>,
    at: RecordBoundary,
) -> Result<(tls13::State, Need), Error> {
    shared.transcript.add(m.raw);
    // The question owns the hello: it may outlive the buffer that the hello came in.
    let hello = Owned::parse(m.raw.get(4..).unwrap_or_default())?;
    let asker = Asker(shared.random);
    let extensions = &m.msg.extensions;
    // RFC 9846 §4.3.9: a session is resumed with a key exchange alone.
    let modes = extensions.psk_key_exchange_modes.filter(|modes| modes.contains(PskKeyExchangeMode::PSK_DHE_KE));
    let resumes = shared.config.session_lookup && extensions.pre_shared_key.is_some() && modes.is_some();
    let server_name = extensions.server_name.and_then(|names| std::str::from_utf8(names.host_name()?).ok());
    let state = WaitIdentity {
        shared,
        suite: chosen.suite,
        group: chosen.group,
        kind,
        client_random: *m.msg.random,
        client_share: share.to_vec(),
        session_id: m.msg.legacy_session_id.to_vec(),
        alpn: chosen.alpn.clone(),
        schemes: chosen.schemes.iter().collect(),
        server_name: server_name.map(str::to_owned),
        stapling: Stapling { ocsp: extensions.status_request.is_some(), scts: extensions.signed_certificate_timestamp },
        at,
    };
    Ok(if resumes {
        (tls13::State::WaitSession(WaitSession::new(state)), Need::Session(NeedSession::new(asker, hello)))
    } else {
        (tls13::State::WaitIdentity(state), Need::Identity(NeedIdentity::new(asker, hello)))
    })
}
