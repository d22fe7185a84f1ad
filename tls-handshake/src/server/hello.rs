//! ClientHello, and what is chosen from it: the version, and for TLS 1.3 suite, group and application protocol (RFC 9846
//! §4.2.1, §4.2.2). Nothing else here knows both versions.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, ExtensionType, HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::extension::KeyShareEntry;
use tls_codec::handshake::{ClientHello, DOWNGRADE_TLS12};
use tls_codec::list::List;
use tls_codec::owned::Owned;
use tls_crypto::Group;
use tls_crypto::SecureRandom;
use tls_crypto::Tls13Suite;
use tls_crypto::Transcript;

use super::retry::WaitSecondClientHello;
use super::tls12;
use super::tls13::{self, HelloParts, WaitIdentity, WaitSession};
use crate::config::{Common, ServerConfig, SessionLookup};
use crate::error::{Error, Excerpt, Illegal};
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{ConnectionId, Need, NeedSession, SessionReference, range_in, supports_psk_dhe_ke};
use crate::negotiate::{GROUPS, choose_suite, first_common, group_id};
use crate::negotiated::HandshakeKind;
use crate::record_limits::RecordSizes;
use crate::resumption::Scope;
use crate::sink::Sink;
use crate::sni;
use crate::states::{Versioned, opaque_debug};
use crate::suite::SupportedCipherSuite;

/// What all states of a server of TLS 1.3 share.
pub(super) struct HandshakeContext {
    pub(super) config: Arc<ServerConfig>,
    /// ServerHello.random.
    pub(super) random: [u8; 32],
    /// ticket_age_add of the first tickets.
    pub(super) age_adds: [[u8; 4]; AGE_ADDS],
    pub(super) transcript: Transcript,
    /// What new sessions are bound to: the configuration, with the identity once one is shown.
    pub(super) scope: Scope,
    pub(super) source: &'static dyn SecureRandom,
}

/// As many tickets as most servers give out.
const AGE_ADDS: usize = 2;

/// START.
pub struct WaitClientHello {
    config: Arc<ServerConfig>,
    random: &'static dyn SecureRandom,
}

opaque_debug!(WaitClientHello);

/// Where a ClientHello leads.
#[derive(Debug)]
pub enum AfterClientHello {
    /// It has no key share that we can use, and was asked for one.
    Retry(WaitSecondClientHello),
    /// It has all that is needed, and raises a question.
    Proceed(VersionedState, Need),
}

/// The states that ClientHello decides between.
pub type VersionedState = Versioned<tls13::State, tls12::State>;

impl WaitClientHello {
    pub(crate) fn new(config: Arc<ServerConfig>, random: &'static dyn SecureRandom) -> Self {
        Self { config, random }
    }

    /// RFC 9846 §4.2.2.
    ///
    /// # Errors
    /// [`Error`] for whatever is missing, contradictory, or has nothing in common with our configuration; [`Error::Config`] if
    /// that contradicts itself.
    pub fn on_client_hello(
        self,
        m: Framed<'_, ClientHello<'_>>,
        out: &mut dyn Sink,
    ) -> Result<AfterClientHello, Error> {
        self.config.validate()?;
        let version = Version::choose(&self.config.common, &m.msg)?;
        let server_name = sni::check(&m.msg, self.config.ignore_invalid_server_name)?;
        // All that the handshake puts on the wire is drawn at once: it is a call of the operating system, which takes longer for more
        // than 32 bytes.
        match version {
            Version::Tls13 => {
                let [random @ .., a, b, c, d, e, f, g, h] = draw::<{ 32 + 4 * AGE_ADDS }>(self.random)?;
                let age_adds = [[a, b, c, d], [e, f, g, h]];
                start_tls13(self.config, self.random, (random, age_adds), server_name, &m, out)
            }
            Version::Tls12 => start_tls12(self.config, self.random, draw(self.random)?, server_name, &m),
        }
    }
}

fn draw<const N: usize>(random: &dyn SecureRandom) -> Result<[u8; N], Error> {
    let mut fresh = [0; N];
    random.fill(&mut fresh).map_err(|_| Error::Crypto("drawing random bytes"))?;
    Ok(fresh)
}

/// The version of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Tls13,
    Tls12,
}

impl Version {
    const NEWEST_FIRST: [Self; 2] = [Self::Tls13, Self::Tls12];

    const fn id(self) -> ProtocolVersion {
        match self {
            Self::Tls13 => ProtocolVersion::TLS13,
            Self::Tls12 => ProtocolVersion::TLS12,
        }
    }

    /// The newest that both sides have (RFC 9846 §4.3.1): supported_versions alone decides, and without it TLS 1.2 is the
    /// newest.
    fn choose(common: &Common, hello: &ClientHello<'_>) -> Result<Self, Error> {
        let versions = hello.extensions.supported_versions;
        let offers = |version: Self| match versions {
            Some(versions) => versions.contains(version.id()),
            None => version == Self::Tls12 && hello.legacy_version.0 >= ProtocolVersion::TLS12.0,
        };
        let mut enabled = Self::NEWEST_FIRST.into_iter().filter(|version| common.enables(version.id()));
        let newest = enabled.clone().next();
        let chosen = enabled.find(|version| offers(*version));
        // RFC 7507 §3: a client that was refused newer versions on the way here tells so.
        if hello.cipher_suites.contains(CipherSuite::TLS_FALLBACK_SCSV) {
            let best = chosen.map(Self::id).or_else(|| versions.is_none().then_some(hello.legacy_version));
            if let Some(offered) = best.filter(|best| newest.is_some_and(|newest| best.0 < newest.id().0)) {
                return Err(Error::InappropriateFallback { offered });
            }
        }
        chosen.ok_or_else(|| Error::NoCommonVersion {
            offered: versions.map_or_else(|| vec![hello.legacy_version].into(), |versions| versions.iter().collect()),
            enabled: common.enabled_versions(),
        })
    }
}

fn start_tls13(
    config: Arc<ServerConfig>,
    source: &'static dyn SecureRandom,
    (random, age_adds): ([u8; 32], [[u8; 4]; AGE_ADDS]),
    server_name: Option<&str>,
    m: &Framed<'_, ClientHello<'_>>,
    out: &mut dyn Sink,
) -> Result<AfterClientHello, Error> {
    let at = m.at_boundary()?;
    let chosen = Selection::from(&config, &m.msg)?;
    let (transcript, scope) = (Transcript::new(chosen.suite.hash), config.scope());
    let context = Box::new(HandshakeContext { config, random, age_adds, transcript, scope, source });
    match chosen.share {
        None => Ok(AfterClientHello::Retry(WaitSecondClientHello::ask(context, chosen, m, out)?)),
        Some(share) => {
            let (state, need) = proceed(context, &chosen, share, HandshakeKind::Full, server_name, m, at)?;
            Ok(AfterClientHello::Proceed(Versioned::Tls13(state), need))
        }
    }
}

fn start_tls12(
    config: Arc<ServerConfig>,
    source: &'static dyn SecureRandom,
    mut random: [u8; 32],
    server_name: Option<&str>,
    m: &Framed<'_, ClientHello<'_>>,
) -> Result<AfterClientHello, Error> {
    // What the client says next goes by our answer, which it has not seen yet.
    m.at_boundary()?;
    // RFC 9846 §4.2.3: a client that offered TLS 1.3 learns that its hello was edited on the way.
    if let (true, Some(end)) = (config.common.enables(ProtocolVersion::TLS13), random.last_chunk_mut()) {
        *end = DOWNGRADE_TLS12;
    }
    let alpn = choose_alpn(&config.common, &m.msg)?;
    let (state, need) = tls12::WaitIdentity::ask(config, source, random, alpn, server_name, m)?;
    Ok(AfterClientHello::Proceed(Versioned::Tls12(state), need))
}

/// What we choose from a ClientHello of TLS 1.3.
pub(super) struct Selection<'a> {
    pub(super) suite: &'static Tls13Suite,
    pub(super) group: Group,
    /// The client's share of that group, if it sent one.
    pub(super) share: Option<&'a [u8]>,
    alpn: Option<Vec<u8>>,
    sizes: RecordSizes,
    /// `None` from a client that offers pre-shared keys, and does without certificates.
    schemes: Option<List<'a, SignatureScheme>>,
}

impl<'a> Selection<'a> {
    pub(super) fn from(config: &ServerConfig, hello: &ClientHello<'a>) -> Result<Self, Error> {
        // RFC 9846 §4.2.2: any other is an error, though it decides nothing.
        if hello.legacy_version != ProtocolVersion::TLS12 {
            return Err(Error::LegacyVersion(hello.legacy_version));
        }
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
            &common.suites,
            &|suite| suite.tls13().is_some(),
            hello.cipher_suites,
        );
        let suite = suite.and_then(SupportedCipherSuite::tls13).ok_or_else(|| Error::NoCommonCipherSuite {
            offered: hello.cipher_suites.iter().collect(),
            enabled: common.suite_ids(ProtocolVersion::TLS13),
        })?;
        let schemes = extensions.signature_algorithms;
        // RFC 9846 §9.2: whoever offers no pre-shared key wants a certificate.
        if schemes.is_none() && extensions.pre_shared_key.is_none() {
            return Err(missing(ExtensionType::SIGNATURE_ALGORITHMS));
        }
        // RFC 9846 §9.2: a client that uses pre-shared keys without a key exchange lacks neither of them.
        let missing = |extension| match extensions.pre_shared_key.is_some() && !supports_psk_dhe_ke(hello) {
            true => Error::NoCommonPsk { psk_dhe_ke: false },
            false => missing(extension),
        };
        let groups = extensions.supported_groups.ok_or_else(|| missing(ExtensionType::SUPPORTED_GROUPS))?;
        let shares = extensions.key_share.ok_or_else(|| missing(ExtensionType::KEY_SHARE))?;
        check_shares(&shares, |entry| groups.contains(entry.group))?;
        let share_of = |group: &Group| shares.iter().find(|entry| entry.group == group_id(*group));
        // A share that is there saves a round trip: the groups differ too little in strength to spend one.
        let group =
            first_common(&common.groups, &|group| groups.contains(group_id(*group)) && share_of(group).is_some())
                .or_else(|| first_common(&common.groups, &|group| groups.contains(group_id(*group))))
                .ok_or_else(|| Error::NoCommonGroup {
                    offered: groups.iter().collect(),
                    enabled: common.group_ids.clone(),
                })?;
        let share = share_of(&group).map(|entry| entry.key_exchange);
        let sizes = RecordSizes::from_client_hello(hello)?;
        Ok(Self { suite, group, share, alpn: choose_alpn(common, hello)?, sizes, schemes })
    }
}

/// A suite of TLS 1.3 that is usable in place of the `chosen` one, for pre-shared keys with another
/// hash. HelloRetryRequest fixed the suite.
pub(super) fn other_suite(
    config: &ServerConfig,
    chosen: &Tls13Suite,
    kind: HandshakeKind,
    offered: List<'_, CipherSuite>,
) -> Option<&'static Tls13Suite> {
    if kind.is_retried() {
        return None;
    }
    let usable = |suite: SupportedCipherSuite| suite.tls13().is_some_and(|suite| suite.hash != chosen.hash);
    choose_suite(config.suite_preference, &config.common.suites, &usable, offered)?.tls13()
}

/// RFC 9846 §4.3.8: no two shares for one group, and none for a group that is not supported. Only
/// groups that exist here are considered: a client may send a share for each of its groups.
fn check_shares(
    shares: &List<'_, KeyShareEntry<'_>>,
    supported: impl Fn(&KeyShareEntry<'_>) -> bool,
) -> Result<(), Error> {
    let mut seen = [false; GROUPS.len()];
    for entry in shares.iter() {
        let known = GROUPS.iter().zip(&mut seen).find(|(group, _)| group_id(**group) == entry.group);
        let Some((_, seen)) = known else { continue };
        if std::mem::replace(seen, true) || !supported(&entry) {
            return Err(Illegal::KeyShares(entry.group).into());
        }
    }
    Ok(())
}

/// RFC 7301 §3.2, in our order of preference.
fn choose_alpn(common: &Common, hello: &ClientHello<'_>) -> Result<Option<Vec<u8>>, Error> {
    let ours = common.alpn.as_slice();
    let Some(theirs) = hello.extensions.alpn else {
        return if common.require_alpn { Err(Error::AlpnRequired) } else { Ok(None) };
    };
    if ours.is_empty() {
        return Ok(None);
    }
    match ours.iter().find(|name| theirs.iter().any(|their| their.0 == name.as_slice())) {
        Some(name) => Ok(Some(name.clone())),
        None => {
            let offered: Excerpt<&[u8]> = theirs.iter().map(|name| name.0).collect();
            Err(Error::NoCommonAlpn { offered: offered.map(<[u8]>::to_vec), enabled: ours.to_vec() })
        }
    }
}

pub(super) fn missing(extension: ExtensionType) -> Error {
    Error::MissingExtension { message: HandshakeType::CLIENT_HELLO, extension }
}

/// Keeps of the hello what is needed later, and asks for a session or an identity.
pub(super) fn proceed(
    mut context: Box<HandshakeContext>,
    chosen: &Selection<'_>,
    share: &[u8],
    kind: HandshakeKind,
    server_name: Option<&str>,
    m: &Framed<'_, ClientHello<'_>>,
    at: RecordBoundary,
) -> Result<(tls13::State, Need), Error> {
    let extensions = &m.msg.extensions;
    // RFC 9846 §4.3.9: a session is resumed with a key exchange alone, and tickets are for those who can.
    let can_resume = supports_psk_dhe_ke(&m.msg);
    let config = &context.config;
    let asks = can_resume && (config.session_lookup != SessionLookup::Never || config.external_psks);
    let psks = extensions.pre_shared_key.filter(|_| asks);
    let binders_len = psks.map_or(0, |psks| psks.binders_wire_len());
    let (truncated, binders) = m.raw.split_at(m.raw.len().saturating_sub(binders_len));
    context.transcript.add(truncated);
    let truncated_hash = psks.map(|_| context.transcript.hash());
    context.transcript.add(binders);
    // The question owns the hello: it may outlive the buffer that the hello came in.
    let body = m.raw.get(4..).unwrap_or_default();
    let connection_id = ConnectionId::of(&context.random);
    let state = Box::new(WaitIdentity {
        context,
        suite: chosen.suite,
        group: chosen.group,
        kind,
        client_random: *m.msg.random,
        parts: HelloParts {
            share: range_in(body, share),
            session_id: range_in(body, m.msg.legacy_session_id),
            schemes: range_in(body, chosen.schemes.as_ref().map(List::bytes).unwrap_or_default()),
        },
        alpn: chosen.alpn.clone(),
        sizes: chosen.sizes,
        server_name: server_name.map(str::to_owned),
        stapling: Stapling { ocsp: extensions.status_request.is_some(), scts: extensions.signed_certificate_timestamp },
        can_resume,
        early_data: extensions.early_data,
        at,
    });
    Ok(match truncated_hash {
        Some(hash) => {
            let other = other_suite(&state.context.config, state.suite, state.kind, m.msg.cipher_suites);
            let hashes = [Some(state.suite.hash), other.map(|suite| suite.hash)];
            let need = NeedSession::new(
                connection_id,
                SessionReference::PskIdentity,
                body,
                &m.msg,
                hashes,
                WaitIdentity::rules(&state.context),
            );
            (tls13::State::WaitSession(WaitSession::new(state, hash)), Need::Session(need))
        }
        None => {
            let need = WaitIdentity::need_identity(&state.context, Owned::of_decoded(body));
            (tls13::State::WaitIdentity(state), Need::Identity(need))
        }
    })
}
