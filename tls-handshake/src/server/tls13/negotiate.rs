//! Selects from a TLS 1.3 ClientHello: suite, group, application protocol and record
//! sizes (RFC 9846 §4.2.2). It then asks the application for a session or an identity. The choices
//! that TLS 1.2 also makes are in the crate's `negotiate`.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, ExtensionType, HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::extension::KeyShareEntry;
use tls_codec::handshake::ClientHello;
use tls_codec::list::List;
use tls_codec::owned::Owned;
use tls_crypto::{Group, SecureRandom, Tls13Suite, Transcript};

use super::State;
use super::resumption::WaitSession;
use super::server_flight::{HelloParts, WaitIdentity};
use crate::config::{ServerConfig, SessionLookup};
use crate::error::{Error, Illegal};
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{ConnectionId, Need, NeedSession, SessionReference, range_in, supports_psk_dhe_ke};
use crate::negotiate::{choose_alpn, choose_suite, first_common, group_id};
use crate::negotiated::HandshakeKind;
use crate::record_size_limit::RecordSizes;
use crate::resumption::Scope;
use crate::suite::SupportedCipherSuite;
use crate::transport::Transport;

/// Data that all states of a TLS 1.3 server share.
pub(in crate::server) struct HandshakeContext {
    pub(in crate::server) config: Arc<ServerConfig>,
    pub(in crate::server) transport: Transport,
    /// ServerHello.random.
    pub(in crate::server) random: [u8; 32],
    /// ticket_age_add of the first tickets.
    pub(in crate::server) age_adds: [[u8; 4]; AGE_ADDS],
    pub(in crate::server) transcript: Transcript,
    /// The resumption scope of new sessions: the configuration's, combined with that of the
    /// presented identity.
    pub(in crate::server) scope: Scope,
    pub(in crate::server) source: &'static dyn SecureRandom,
}

/// As many as most servers issue tickets.
pub(in crate::server) const AGE_ADDS: usize = 2;

/// The parameters that the server selects from a ClientHello.
pub(in crate::server) struct Selection<'a> {
    pub(in crate::server) suite: &'static Tls13Suite,
    pub(in crate::server) group: Group,
    /// The client's key share for the group, if it sent one.
    pub(in crate::server) share: Option<&'a [u8]>,
    alpn: Option<Vec<u8>>,
    sizes: RecordSizes,
    /// `None` if the client offers pre-shared keys and no certificate authentication.
    schemes: Option<List<'a, SignatureScheme>>,
}

impl<'a> Selection<'a> {
    pub(in crate::server) fn from(
        config: &ServerConfig,
        transport: &Transport,
        hello: &ClientHello<'a>,
    ) -> Result<Self, Error> {
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
        // RFC 9846 §9.2: a client without a pre-shared key needs a certificate.
        if schemes.is_none() && extensions.pre_shared_key.is_none() {
            return Err(missing(ExtensionType::SIGNATURE_ALGORITHMS));
        }
        // RFC 9846 §9.2: a client whose pre-shared keys need no key exchange may omit both
        // extensions.
        let missing = |extension| match extensions.pre_shared_key.is_some() && !supports_psk_dhe_ke(hello) {
            true => Error::NoCommonPsk { psk_dhe_ke: false },
            false => missing(extension),
        };
        let groups = extensions.supported_groups.ok_or_else(|| missing(ExtensionType::SUPPORTED_GROUPS))?;
        let shares = extensions.key_share.ok_or_else(|| missing(ExtensionType::KEY_SHARE))?;
        check_shares(&shares, |entry| groups.contains(entry.group))?;
        let share_of = |group: &Group| shares.iter().find(|entry| entry.group == group_id(*group));
        // Prefers a group with a key share, which saves a round trip, unless the configuration
        // spends it on the preferred group.
        let offers = |group: &Group| groups.contains(group_id(*group));
        let preferred = common.groups.first().filter(|group| config.retry_for_preferred_group && offers(group));
        let group = match preferred {
            Some(group) => Some(*group),
            None => first_common(&common.groups, &|group| offers(group) && share_of(group).is_some()),
        };
        let group = group.or_else(|| first_common(&common.groups, &offers)).ok_or_else(|| Error::NoCommonGroup {
            offered: groups.iter().collect(),
            enabled: common.group_ids.clone(),
        })?;
        let share = share_of(&group).map(|entry| entry.key_exchange);
        let sizes = if transport.is_quic() { RecordSizes::Full } else { RecordSizes::from_client_hello(hello)? };
        Ok(Self { suite, group, share, alpn: choose_alpn(common, hello)?, sizes, schemes })
    }
}

/// Selects another suite than `chosen`, for pre-shared keys with another hash. `None` after
/// HelloRetryRequest, which fixed the suite.
pub(in crate::server) fn other_suite(
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

/// RFC 9846 §4.3.8: at most one share for each group, and only for groups in supported_groups.
/// Checks only the groups that this library supports, because a client may send many shares.
fn check_shares(
    shares: &List<'_, KeyShareEntry<'_>>,
    supported: impl Fn(&KeyShareEntry<'_>) -> bool,
) -> Result<(), Error> {
    let mut seen = [false; Group::ALL.len()];
    for entry in shares.iter() {
        let known = Group::ALL.iter().zip(&mut seen).find(|(group, _)| group_id(**group) == entry.group);
        let Some((_, seen)) = known else { continue };
        if std::mem::replace(seen, true) || !supported(&entry) {
            return Err(Illegal::KeyShares(entry.group).into());
        }
    }
    Ok(())
}

pub(in crate::server) fn missing(extension: ExtensionType) -> Error {
    Error::MissingExtension { message: HandshakeType::CLIENT_HELLO, extension }
}

/// Keeps what later states need of ClientHello, and requests a session or an identity.
pub(in crate::server) fn proceed(
    mut context: Box<HandshakeContext>,
    selection: &Selection<'_>,
    share: &[u8],
    kind: HandshakeKind,
    server_name: Option<&str>,
    m: &Framed<'_, ClientHello<'_>>,
    at: RecordBoundary,
) -> Result<(State, Need), Error> {
    let extensions = &m.msg.extensions;
    // The server resumes only with a key exchange (RFC 9846 §4.3.9). Other clients get no tickets.
    let can_resume = supports_psk_dhe_ke(&m.msg);
    let config = &context.config;
    let asks = can_resume && (config.session_lookup != SessionLookup::Never || config.external_psks);
    let psks = extensions.pre_shared_key.filter(|_| asks);
    let binders_len = psks.map_or(0, |psks| psks.binders_wire_len());
    let (truncated, binders) = m.raw.split_at(m.raw.len().saturating_sub(binders_len));
    context.transcript.add(truncated);
    let truncated_hash = psks.map(|_| context.transcript.hash());
    context.transcript.add(binders);
    // The request owns ClientHello, because it may outlive the receive buffer.
    let body = m.raw.get(4..).unwrap_or_default();
    let connection_id = ConnectionId::of(&context.random);
    let state = Box::new(WaitIdentity {
        context,
        suite: selection.suite,
        group: selection.group,
        kind,
        client_random: *m.msg.random,
        parts: HelloParts {
            share: range_in(body, share),
            session_id: range_in(body, m.msg.legacy_session_id),
            schemes: range_in(body, selection.schemes.as_ref().map(List::bytes).unwrap_or_default()),
        },
        alpn: selection.alpn.clone(),
        sizes: selection.sizes,
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
            (State::WaitSession(WaitSession::new(state, hash)), Need::Session(need))
        }
        None => {
            let need = WaitIdentity::need_identity(&state.context, Owned::of_decoded(body));
            (State::WaitIdentity(state), Need::Identity(need))
        }
    })
}
