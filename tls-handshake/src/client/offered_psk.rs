//! The session or keys that ClientHello offers to resume: a stored session, or external pre-shared
//! keys. A session fits if its scope, suite and name are those of the connection.
//!
//! ```text
//! session, if it fits ─▶ ResumptionOffer ─ identities, binders in ClientHello ─▶ Selected
//!                              └─ early data, if the session allows it ─▶ EarlyData
//! ```

use pki_types::UnixTime;
use tls_codec::code_points::{CipherSuite, ProtocolVersion};
use tls_codec::error::BufferFull;
use tls_codec::extension::{OfferedPsks, PskIdentity};
use tls_codec::writer::Writer;
use tls_crypto::tls13::EarlySecret;
use tls_crypto::{Backend, HashAlgorithm, Tls13Suite, Transcript};

use super::session_tracker::SessionTracker;
use crate::auth::PeerAuth;
use crate::auth::psk_binder::OfferedPsk;
use crate::config::ClientConfig;
use crate::error::{Error, Illegal};
use crate::negotiated::HandshakeKind;
use crate::resumption::{ClientSessionValue, ExternalPsk};
use crate::verify::PeerChain;

/// The session or keys that ClientHello offers.
pub(crate) enum ResumptionOffer {
    /// Nothing: the handshake will be a full one.
    Nothing,
    /// TLS 1.3 keys, in order of preference.
    Psks(Vec<Psk>),
    /// A TLS 1.2 session.
    Tls12(Box<ClientSessionValue>),
}

/// A pre-shared key with the identity that ClientHello sends for it.
pub(crate) struct Psk {
    pub(super) offered: OfferedPsk,
    identity: Vec<u8>,
    obfuscated_age: u32,
    pub(super) session: Option<PskSession>,
}

/// The parameters of the session that a key belongs to.
pub(super) struct PskSession {
    pub(super) suite: &'static Tls13Suite,
    pub(super) alpn: Option<Vec<u8>>,
    full: FullHandshake,
    max_early_data: u32,
}

/// The full handshake that began a session.
#[derive(Clone, Copy)]
pub(super) struct FullHandshake {
    /// The time at which it took place, in seconds since 1970.
    pub(super) authenticated: u64,
    /// The end of validity of the server's chain, in seconds since 1970.
    pub(super) expires: u64,
}

impl FullHandshake {
    /// Returns `None` if the end of the chain's validity cannot be read. Such a session is not
    /// stored.
    pub(super) fn of(chain: &PeerChain, now: UnixTime) -> Option<Self> {
        Some(Self { authenticated: chain.verified_at(now), expires: chain.end()? })
    }
}

/// The key that the server selected.
pub(super) struct Selected {
    pub(super) early: EarlySecret,
    pub(super) peer: PeerAuth,
    pub(super) kind: HandshakeKind,
    /// The full handshake of the session; `None` for an external key.
    pub(super) full: Option<FullHandshake>,
}

impl ResumptionOffer {
    /// Offers `session` if scope, name, settings and expiry match; otherwise offers nothing.
    pub(crate) fn of_session(
        config: &ClientConfig,
        tracker: &SessionTracker,
        mut session: ClientSessionValue,
        now: UnixTime,
    ) -> Self {
        let enabled = config.common.suites.contains(&session.suite);
        let ours = session.scope == tracker.scope() && session.server_name == *tracker.name();
        // With tickets disabled ClientHello has no extension that could carry a TLS 1.2 ticket.
        let takes = config.tickets || session.ticket.is_empty() || session.suite.tls13().is_some();
        let since_verdict = now.as_secs().saturating_sub(session.authenticated);
        let lives = since_verdict < u64::from(config.session_lifetime);
        if !enabled || !ours || !takes || !lives || !session.is_usable_at(now) {
            return Self::Nothing;
        }
        let Some((suite, offered)) = session.suite.tls13().zip(OfferedPsk::of_session(config.common.backend, &session))
        else {
            return Self::Tls12(Box::new(session));
        };
        let obfuscated_age = session.obfuscated_age(now);
        let identity = std::mem::take(&mut session.ticket);
        let ClientSessionValue { alpn, authenticated, expires, max_early_data, .. } = session;
        let full = FullHandshake { authenticated, expires };
        let session = Some(PskSession { suite, alpn, full, max_early_data });
        Self::Psks(vec![Psk { offered, identity, obfuscated_age, session }])
    }

    /// Offers external keys in this order. Skips keys whose hash no enabled suite uses.
    pub(crate) fn external(config: &ClientConfig, psks: &[ExternalPsk]) -> Self {
        let has_suite = |hash| config.common.suites.iter().filter_map(|suite| suite.tls13()).any(|s| s.hash == hash);
        let mut offered = Vec::new();
        for psk in psks {
            if has_suite(psk.hash) {
                let identity = psk.identity.clone();
                let psk = OfferedPsk::external(config.common.backend, psk);
                offered.push(Psk { offered: psk, identity, obfuscated_age: 0, session: None });
            }
        }
        if offered.is_empty() { Self::Nothing } else { Self::Psks(offered) }
    }

    pub(super) fn tls12(&self) -> Option<&ClientSessionValue> {
        match self {
            Self::Tls12(session) => Some(session),
            Self::Nothing | Self::Psks(_) => None,
        }
    }

    /// The approximate length of the encoded identities or ticket, in bytes.
    pub(super) fn identities_len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Psks(psks) => {
                psks.iter().fold(0, |sum, psk| sum.saturating_add(psk.identity.len()).saturating_add(64))
            }
            Self::Tls12(session) => session.ticket.len(),
        }
    }

    /// Returns whether a session is offered, not external keys.
    pub(crate) fn is_session(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Psks(psks) => psks.iter().any(|psk| psk.session.is_some()),
            Self::Tls12(_) => true,
        }
    }

    pub(super) fn offers_psks(&self) -> bool {
        matches!(self, Self::Psks(_))
    }

    /// Returns the early data limit in bytes. Only the first key allows early data, and only if it
    /// belongs to a session.
    pub(super) fn early_data_limit(&self, config: &ClientConfig) -> Option<u32> {
        let Self::Psks(psks) = self else { return None };
        let session = psks.first()?.session.as_ref()?;
        let alpn = session.alpn.as_ref();
        // RFC 9846 §4.3.10: the server must select the session's protocol again, so the client must
        // offer it.
        let offered = alpn.is_none_or(|alpn| config.common.alpn.contains(alpn));
        Some(session.max_early_data).filter(|limit| config.early_data && offered && *limit > 0)
    }

    /// Keeps the keys that fit the suite of HelloRetryRequest, for the second ClientHello (RFC 9846
    /// §4.2.2).
    pub(super) fn keep_hash(&mut self, hash: HashAlgorithm) {
        if let Self::Psks(psks) = self {
            psks.retain(|psk| psk.offered.hash() == hash);
            if psks.is_empty() {
                *self = Self::Nothing;
            }
        }
    }

    /// Writes pre_shared_key, with zeros as binders (RFC 9846 §4.3.11). It must be the last
    /// extension.
    pub(super) fn write_psks(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        let Self::Psks(psks) = self else { return Ok(()) };
        let (mut identities, mut binders) = (Vec::new(), Vec::new());
        for psk in psks {
            identities.push(PskIdentity { identity: &psk.identity, obfuscated_ticket_age: psk.obfuscated_age });
            binders.push(ZEROS.get(..psk.offered.hash().output_len()).unwrap_or_default());
        }
        OfferedPsks::write(w, &identities, &binders)
    }

    /// Replaces the zeros at the end of a ClientHello with binders (RFC 9846 §4.3.11.2). `before`
    /// is the transcript before this message: empty, or the hash of the first ClientHello with
    /// HelloRetryRequest. Returns the transcript after it, under the hash of the last key.
    pub(super) fn bind(
        &self,
        backend: Backend,
        hello: &mut [u8],
        before: Option<&Transcript>,
    ) -> Option<Box<Transcript>> {
        let Self::Psks(psks) = self else { return None };
        let lengths = psks.iter().map(|psk| psk.offered.hash().output_len().saturating_add(1));
        let binders = lengths.fold(2usize, usize::saturating_add);
        let (truncated, binders) = hello.split_at_mut_checked(hello.len().saturating_sub(binders))?;
        let mut room = binders.get_mut(2..)?;
        let mut transcript: Option<Box<Transcript>> = None;
        for psk in psks {
            let hash = psk.offered.hash();
            let same = transcript.take().filter(|transcript| transcript.algorithm() == hash);
            let transcript = transcript.insert(same.unwrap_or_else(|| {
                let mut transcript = before.cloned().unwrap_or_else(|| Transcript::new(backend, hash));
                transcript.add(truncated);
                Box::new(transcript)
            }));
            let binder = psk.offered.binder(&transcript.hash());
            let binder = binder.as_ref();
            // After the length byte, which is already set.
            let (place, rest) = room.split_at_mut_checked(binder.len().saturating_add(1))?;
            place.get_mut(1..)?.copy_from_slice(binder);
            room = rest;
        }
        transcript.as_mut()?.add(binders);
        transcript
    }

    /// Returns the key that the server selected (RFC 9846 §4.3.11).
    ///
    /// # Errors
    /// [`Illegal::PskNotOffered`]; [`Illegal::ResumedCipherSuite`] if the hash of the suite differs
    /// from that of the key.
    pub(super) fn select(self, index: u16, suite: &'static Tls13Suite, kind: HandshakeKind) -> Result<Selected, Error> {
        let Self::Psks(psks) = self else { return Err(Illegal::PskNotOffered(index).into()) };
        let psk = psks.into_iter().nth(usize::from(index)).ok_or(Illegal::PskNotOffered(index))?;
        if psk.offered.hash() != suite.hash {
            return Err(Illegal::ResumedCipherSuite(CipherSuite(suite.id)).into());
        }
        let (early, peer) = psk.offered.select();
        let kind = if psk.session.is_some() { kind.resumed() } else { kind.external_psk() };
        Ok(Selected { early, peer, kind, full: psk.session.map(|session| session.full) })
    }
}

/// Placeholder for a binder, as long as the longest one.
const ZEROS: [u8; 48] = [0; 48];

/// Returns whether the client can store and offer tickets of this version.
pub(super) fn takes_tickets(config: &ClientConfig, version: ProtocolVersion) -> bool {
    config.resumption && config.tickets && config.common.enables(version)
}
