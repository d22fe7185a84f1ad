//! ClientHello on the server: selects the version and starts the handshake of that version (RFC
//! 9846 §4.2.1, §4.2.2). On the server only this file handles both versions.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, ProtocolVersion};
use tls_codec::handshake::{ClientHello, DOWNGRADE_TLS12};
use tls_crypto::SecureRandom;
use tls_crypto::Transcript;

use super::hello_retry_request::WaitSecondClientHello;
use super::tls12;
use super::tls13;
use super::tls13::negotiate::{AGE_ADDS, HandshakeContext, Selection, proceed};
use crate::config::{Common, ServerConfig};
use crate::error::Error;
use crate::framed::Framed;
use crate::need::Need;
use crate::negotiate::choose_alpn;
use crate::negotiated::HandshakeKind;
use crate::sink::Sink;
use crate::sni;
use crate::states::{Versioned, opaque_debug};
use crate::transport::Transport;

/// START.
pub struct WaitClientHello {
    config: Arc<ServerConfig>,
    transport: Transport,
    random: &'static dyn SecureRandom,
}

opaque_debug!(WaitClientHello);

/// The states that can follow a ClientHello.
#[derive(Debug)]
pub enum AfterClientHello {
    /// ClientHello has no usable key share. HelloRetryRequest was sent.
    Retry(WaitSecondClientHello),
    /// The handshake continues with a request to the application.
    Proceed(VersionedState, Need),
}

/// The states that ClientHello selects between.
pub type VersionedState = Versioned<tls13::State, tls12::State>;

impl WaitClientHello {
    pub(crate) fn new(config: Arc<ServerConfig>, transport: Transport, random: &'static dyn SecureRandom) -> Self {
        Self { config, transport, random }
    }

    /// Changes the version of QUIC.
    pub(crate) fn set_quic_version(&mut self, version: tls_crypto::quic::Version) {
        self.transport.set_quic_version(version);
    }

    /// Selects the version and continues in it (RFC 9846 §4.2.2).
    ///
    /// # Errors
    /// [`Error`] if something is missing, contradictory, or has nothing in common with the
    /// configuration; [`Error::Config`] if the configuration contradicts itself.
    pub fn on_client_hello(
        self,
        m: Framed<'_, ClientHello<'_>>,
        out: &mut dyn Sink,
    ) -> Result<AfterClientHello, Error> {
        self.config.validate()?;
        let version = Version::choose(&self.config.common, &m.msg)?;
        self.transport.check_client_hello(&m.msg, out)?;
        let server_name = sni::check(&m.msg, self.config.ignore_invalid_server_name)?;
        // Draws everything that the handshake sends in one call, which is one system call. It is
        // slower for more than 32 bytes.
        match version {
            Version::Tls13 => {
                let [random @ .., a, b, c, d, e, f, g, h] = draw::<{ 32 + 4 * AGE_ADDS }>(self.random)?;
                let age_adds = [[a, b, c, d], [e, f, g, h]];
                let source = (self.config, self.transport, self.random);
                start_tls13(source, (random, age_adds), server_name, &m, out)
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

    /// Selects the newest common version (RFC 9846 §4.3.1). Only supported_versions counts; a
    /// client without it supports at most TLS 1.2.
    fn choose(common: &Common, hello: &ClientHello<'_>) -> Result<Self, Error> {
        let versions = hello.extensions.supported_versions;
        let offers = |version: Self| match versions {
            Some(versions) => versions.contains(version.id()),
            None => version == Self::Tls12 && hello.legacy_version.0 >= ProtocolVersion::TLS12.0,
        };
        let mut enabled = Self::NEWEST_FIRST.into_iter().filter(|version| common.enables(version.id()));
        let newest = enabled.clone().next();
        let chosen = enabled.find(|version| offers(*version));
        // RFC 7507 §3: the client retries with an older version after a failure, which an attacker
        // may have caused.
        if hello.cipher_suites.contains(CipherSuite::TLS_FALLBACK_SCSV) {
            let best = chosen.map(Self::id).or_else(|| versions.is_none().then_some(hello.legacy_version));
            if let Some(offered) = best.filter(|best| newest.is_some_and(|newest| best.0 < newest.id().0)) {
                return Err(Error::InappropriateFallback { offered });
            }
        }
        let chosen = chosen.ok_or_else(|| Error::NoCommonVersion {
            offered: versions.map_or_else(|| vec![hello.legacy_version].into(), |versions| versions.iter().collect()),
            enabled: common.enabled_versions(),
        })?;
        if versions.is_some() {
            check_legacy_version(hello)?;
        }
        Ok(chosen)
    }
}

/// Checks legacy_version beside supported_versions (RFC 9846 §4.2.2, Appendix E.5). Any other value
/// is an error, although no version depends on it.
pub(super) fn check_legacy_version(hello: &ClientHello<'_>) -> Result<(), Error> {
    match hello.legacy_version {
        ProtocolVersion::TLS12 => Ok(()),
        other => Err(Error::LegacyVersion(other)),
    }
}

fn start_tls13(
    (config, transport, source): (Arc<ServerConfig>, Transport, &'static dyn SecureRandom),
    (random, age_adds): ([u8; 32], [[u8; 4]; AGE_ADDS]),
    server_name: Option<&str>,
    m: &Framed<'_, ClientHello<'_>>,
    out: &mut dyn Sink,
) -> Result<AfterClientHello, Error> {
    let at = m.at_boundary()?;
    let selection = Selection::from(&config, &transport, &m.msg)?;
    let transcript = Transcript::new(config.common.backend, selection.suite.hash);
    let scope = transport.scope(config.scope());
    let context = Box::new(HandshakeContext { config, transport, random, age_adds, transcript, scope, source });
    match selection.share {
        None => Ok(AfterClientHello::Retry(WaitSecondClientHello::ask(context, selection, m, out)?)),
        Some(share) => {
            let (state, need) = proceed(context, &selection, share, HandshakeKind::Full, server_name, m, at)?;
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
    // The client must see the server's answer before it sends more.
    m.at_boundary()?;
    // RFC 9846 §4.2.3: shows a client that offered TLS 1.3 that somebody changed its ClientHello.
    if let (true, Some(end)) = (config.common.enables(ProtocolVersion::TLS13), random.last_chunk_mut()) {
        *end = DOWNGRADE_TLS12;
    }
    let alpn = choose_alpn(&config.common, &m.msg)?;
    let (state, need) = tls12::WaitIdentity::ask(config, source, random, alpn, server_name, m)?;
    Ok(AfterClientHello::Proceed(Versioned::Tls12(state), need))
}
