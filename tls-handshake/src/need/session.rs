//! Requests to the application about sessions: look one up, take a single-use one from its store,
//! and make tickets for new ones.

use std::ops::Range;

use pki_types::UnixTime;
use tls_codec::code_points::{ExtensionType, ProtocolVersion};
use tls_codec::error::DecodeError;
use tls_codec::extension::{OfferedPsks, PskBinder, PskIdentity};
use tls_codec::handshake::ClientHello;
use tls_codec::owned::{ClientHelloView, Owned};
use tls_codec::reader::decode_all;
use tls_crypto::HashAlgorithm;

use super::{Answer, AnswerKind, ConnectionId, IdentityRules, range_in};
use crate::identity::Identity;
use crate::resumption::{ExternalPsk, ServerSessionValue, StoreIds, StoredSessions, TLS13_ID};

/// The number of identities of a ClientHello that are considered. A client offers its tickets, or
/// an external key once for each hash. Each identity may cost a lookup.
const MAX_IDENTITIES: usize = 32;

/// Asks a server for the session or external pre-shared key that a ClientHello names (RFC 9846
/// §4.3.11, RFC 5077 §3.4, RFC 5246 §7.4.1.2).
///
/// Raised only if the configuration enables it
/// ([`set_session_lookup`](crate::ServerConfig::set_session_lookup),
/// [`set_external_psks`](crate::ServerConfig::set_external_psks)). The handshake checks the
/// session's scope and age itself and continues as a full one if they do not fit. The application
/// needs no checks of its own.
#[derive(Debug)]
pub struct NeedSession {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    reference: SessionReference,
    /// The range of pre_shared_key's data, of the ticket, or of the session ID.
    named: Range<usize>,
    hashes: Hashes,
    rules: IdentityRules,
}

/// The hashes of the suites that can be selected, the preferred one first.
pub(crate) type Hashes = [Option<HashAlgorithm>; 2];

/// The place in which a ClientHello names its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionReference {
    /// In the PSK identities of TLS 1.3.
    PskIdentity,
    /// In a ticket of RFC 5077.
    Ticket,
    /// In the session ID of TLS 1.2.
    SessionId,
}

impl NeedSession {
    /// `body` is the body of the message that `hello` was decoded from.
    pub(crate) fn new(
        connection_id: ConnectionId,
        reference: SessionReference,
        body: &[u8],
        hello: &ClientHello<'_>,
        hashes: Hashes,
        rules: IdentityRules,
    ) -> Self {
        let extensions = &hello.extensions;
        let named = match reference {
            SessionReference::PskIdentity => extensions.raw.find(ExtensionType::PRE_SHARED_KEY).unwrap_or_default(),
            SessionReference::Ticket => extensions.session_ticket.unwrap_or_default(),
            SessionReference::SessionId => hello.legacy_session_id,
        };
        Self { connection_id, hello: Owned::of_decoded(body), reference, named: range_in(body, named), hashes, rules }
    }

    /// Returns whether a full handshake can be completed with this identity, in place of a
    /// resumption: see [`NeedIdentity::can_use`](super::NeedIdentity::can_use).
    #[must_use]
    pub fn can_use(&self, identity: &Identity) -> bool {
        self.rules.allow(&self.hello, identity)
    }

    /// Returns the ClientHello.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, DecodeError> {
        self.hello.get()
    }

    /// Returns the body of the message as received, without its header.
    #[must_use]
    pub fn raw_client_hello(&self) -> &[u8] {
        self.hello.wire()
    }

    /// Returns the version of the handshake.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        match self.reference {
            SessionReference::PskIdentity => ProtocolVersion::TLS13,
            SessionReference::Ticket | SessionReference::SessionId => ProtocolVersion::TLS12,
        }
    }

    /// Returns whether the client names its session by a TLS 1.2 session ID, not by a ticket.
    #[must_use]
    pub fn is_by_session_id(&self) -> bool {
        matches!(self.reference, SessionReference::SessionId)
    }

    /// Returns the identities that the client offers, in its order of preference, at most 32:
    /// tickets, IDs of a store, or identities of external keys (only TLS 1.3). An attacker can
    /// choose them, so limit slow lookups; `strata-tls` looks up at most four sessions.
    pub fn identities(&self) -> impl Iterator<Item = &[u8]> {
        let named = self.hello.wire().get(self.named.clone()).unwrap_or_default();
        let (psks, one) = match self.reference {
            SessionReference::PskIdentity => (decode_all::<OfferedPsks<'_>>(named).ok(), None),
            SessionReference::Ticket | SessionReference::SessionId => (None, Some(named)),
        };
        let psks = psks.into_iter().flat_map(|psks| psks.identities.iter()).take(MAX_IDENTITIES);
        psks.map(|psk| psk.identity).chain(one)
    }

    /// Returns whether an identity has the form of a store ID of this version: 32 bytes from
    /// [`NeedNewSession::store_ids`]. A store need not look up any other.
    #[must_use]
    pub fn is_store_id(&self, identity: &[u8]) -> bool {
        let tls13 = matches!(self.reference, SessionReference::PskIdentity);
        identity.len() == 32 && identity.first().is_some_and(|first| (first & TLS13_ID != 0) == tls13)
    }

    /// Returns the hashes of the cipher suites that can be selected for this client, that of the
    /// preferred suite first. A pre-shared key needs one of these hashes (RFC 9846 §4.3.11). Only
    /// one remains after HelloRetryRequest. Empty for TLS 1.2.
    pub fn hashes(&self) -> impl Iterator<Item = HashAlgorithm> {
        self.hashes.into_iter().flatten()
    }

    /// Returns whether the client sends early data. The server accepts it only with
    /// [`found_single_use`](Self::found_single_use).
    #[must_use]
    pub fn offers_early_data(&self) -> bool {
        self.client_hello().is_ok_and(|hello| hello.extensions.early_data)
    }

    /// Answers with the session of the identity at `index`. A later lookup may return it again.
    #[must_use]
    pub fn found(self, index: usize, session: ServerSessionValue, identity: &Identity, now: UnixTime) -> Answer {
        self.answer(vec![PskCandidate::session(index, session, identity, now)])
    }

    /// Answers with the session of the identity at `index`, which is single-use and still in its
    /// store: see [`PskCandidate::single_use`]. Only this allows early data (RFC 9846 §8.1).
    #[must_use]
    pub fn found_single_use(
        self,
        index: usize,
        session: ServerSessionValue,
        identity: &Identity,
        now: UnixTime,
    ) -> Answer {
        self.answer(vec![PskCandidate::single_use(index, session, identity, now)])
    }

    /// Answers with the external key of the identity at `index`. TLS 1.2 ignores it.
    #[must_use]
    pub fn found_psk(self, index: usize, psk: ExternalPsk) -> Answer {
        self.answer(vec![PskCandidate::external(index, psk)])
    }

    /// Answers that no identity is known. The handshake continues as a full one.
    #[must_use]
    pub fn not_found(self) -> Answer {
        self.answer(Vec::new())
    }

    /// Answers with the sessions and keys that were found, in order of preference. The handshake
    /// uses the first eligible one, and prefers those whose hash fits the [preferred
    /// suite](Self::hashes). If none is eligible it continues as a full one.
    #[must_use]
    pub fn answer(self, candidates: Vec<PskCandidate>) -> Answer {
        let Self { connection_id, hello, named, .. } = self;
        Answer(AnswerKind::Session(SessionAnswer { connection_id, hello, named, candidates }))
    }
}

/// A session or external key found for an identity of a ClientHello.
#[derive(Debug)]
pub struct PskCandidate {
    pub(crate) index: usize,
    pub(crate) key: FoundKey,
}

impl PskCandidate {
    /// Creates a candidate from the session of the identity at `index`, which may be found again.
    /// `identity` is the one that a full handshake would present now. A session that began with
    /// another [scope](Identity::session_scope) is not resumed.
    #[must_use]
    pub fn session(index: usize, session: ServerSessionValue, identity: &Identity, now: UnixTime) -> Self {
        Self::of(index, session, identity, now, false)
    }

    /// Creates a candidate from the session of the identity at `index`, which is single-use and
    /// still in its store.
    ///
    /// The handshake resumes it only after the client proved to hold the session's key and
    /// [`Need::TakeSession`](super::Need::TakeSession) was answered. So an observer of an identity
    /// cannot end its session, and early data cannot be replayed (RFC 9846 §8.1).
    #[must_use]
    pub fn single_use(index: usize, session: ServerSessionValue, identity: &Identity, now: UnixTime) -> Self {
        Self::of(index, session, identity, now, true)
    }

    fn of(index: usize, session: ServerSessionValue, identity: &Identity, now: UnixTime, single_use: bool) -> Self {
        let identity = *identity.session_scope();
        Self { index, key: FoundKey::Session { session: Box::new(session), identity, now, single_use } }
    }

    /// Creates a candidate from the external key of the identity at `index` (only TLS 1.3).
    #[must_use]
    pub fn external(index: usize, psk: ExternalPsk) -> Self {
        Self { index, key: FoundKey::External(psk) }
    }
}

/// Decodes only the pre-shared keys. The whole ClientHello was decoded before.
fn offered_psks<'a>(hello: &'a Owned<ClientHelloView>, named: &Range<usize>) -> Option<OfferedPsks<'a>> {
    decode_all(hello.wire().get(named.clone())?).ok()
}

#[derive(Debug)]
pub(crate) struct SessionAnswer {
    pub(super) connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    named: Range<usize>,
    candidates: Vec<PskCandidate>,
}

/// The session or key found for an identity.
#[derive(Debug)]
pub(crate) enum FoundKey {
    Session {
        session: Box<ServerSessionValue>,
        /// The scope of the identity that a full handshake would present now.
        identity: [u8; 32],
        now: UnixTime,
        single_use: bool,
    },
    External(ExternalPsk),
}

impl SessionAnswer {
    pub(crate) fn candidates(&self) -> &[PskCandidate] {
        &self.candidates
    }

    /// Returns the identity and binder at `index` in ClientHello.
    pub(crate) fn offered(&self, index: usize) -> Option<(PskIdentity<'_>, PskBinder<'_>)> {
        offered_psks(&self.hello, &self.named)?.iter().nth(index)
    }

    /// Returns the length of the binders, with which ClientHello ends, in bytes.
    pub(crate) fn binders_wire_len(&self) -> usize {
        offered_psks(&self.hello, &self.named).map_or(0, |psks| psks.binders_wire_len())
    }

    pub(crate) fn hello(&self) -> &Owned<ClientHelloView> {
        &self.hello
    }

    /// Returns ClientHello, for the next request, and the candidates.
    pub(crate) fn into_parts(self) -> (Owned<ClientHelloView>, Vec<PskCandidate>) {
        (self.hello, self.candidates)
    }
}

/// Asks a server to remove a single-use session from its store. The client has proved to hold the
/// session's key.
///
/// Several connections may request the same session at the same time, on all machines that share
/// the store. Only one of them may answer [`taken`](Self::taken): this prevents the replay of early
/// data (RFC 9846 §8.1).
#[derive(Debug)]
pub struct NeedTakeSession {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    identity: Range<usize>,
}

impl NeedTakeSession {
    pub(crate) fn new(connection_id: ConnectionId, hello: Owned<ClientHelloView>, identity: Range<usize>) -> Self {
        Self { connection_id, hello, identity }
    }

    /// Returns the identity under which the session was found.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        self.hello.wire().get(self.identity.clone()).unwrap_or_default()
    }

    /// Answers that this call removed the session from the store. The handshake resumes it.
    #[must_use]
    pub fn taken(self) -> Answer {
        self.answer(true)
    }

    /// Answers that the session was gone. The handshake continues as a full one.
    #[must_use]
    pub fn gone(self) -> Answer {
        self.answer(false)
    }

    fn answer(self, taken: bool) -> Answer {
        let Self { connection_id, hello, .. } = self;
        Answer(AnswerKind::TakeSession(TakeAnswer { connection_id, hello, taken }))
    }
}

#[derive(Debug)]
pub(crate) struct TakeAnswer {
    pub(super) connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    taken: bool,
}

impl TakeAnswer {
    pub(crate) fn into_parts(self) -> (Owned<ClientHelloView>, bool) {
        (self.hello, self.taken)
    }
}

/// Asks a server for the tickets of the sessions that a complete handshake establishes (RFC 9846
/// §4.7.1, RFC 5077 §3.3, RFC 5246 §7.3).
///
/// A ticket is the session itself, [encoded](ServerSessionValue::encode) and sealed, or its ID in a
/// store. With TLS 1.2 session IDs the ID is [`session_id`](Self::session_id), and the content of
/// the tickets is ignored.
#[derive(Debug)]
pub struct NeedNewSession {
    connection_id: ConnectionId,
    ids: Option<StoreIds>,
    sessions: Vec<ServerSessionValue>,
    /// Seconds from the full handshake.
    session_lifetime: u32,
}

impl NeedNewSession {
    pub(crate) fn new(
        connection_id: ConnectionId,
        ids: Option<StoreIds>,
        sessions: Vec<ServerSessionValue>,
        session_lifetime: u32,
    ) -> Self {
        Self { connection_id, ids, sessions, session_lifetime }
    }

    /// Returns the ID by which the client will name the session, if ServerHello contained one.
    #[must_use]
    pub fn session_id(&self) -> Option<&[u8; 32]> {
        self.ids.as_ref()?.session_id()
    }

    /// Returns the IDs under which to store the [`sessions`](Self::sessions); they also are the
    /// tickets. `None` if the sessions go into tickets ([`SessionLookup`](crate::SessionLookup)).
    ///
    /// Use no other IDs. These are [looked up](NeedSession::is_store_id) only in their version, and
    /// [`failed_sessions`](crate::ServerConnection::failed_sessions) returns them if the connection
    /// fails.
    #[must_use]
    pub fn store_ids(&self) -> Option<StoreIds> {
        self.ids
    }

    /// Returns the sessions to issue, one for each ticket. Their lifetime begins at `now`. Empty if
    /// the full handshake is too long ago to leave any lifetime.
    pub fn sessions(&mut self, now: UnixTime) -> &[ServerSessionValue] {
        let lifetime = self.session_lifetime;
        self.sessions.retain_mut(|session| session.begin(now, lifetime));
        &self.sessions
    }

    /// Issues one ticket for each of the [`sessions`](Self::sessions), in their order. Sessions
    /// without a ticket are not issued.
    #[must_use]
    pub fn answer(self, tickets: Vec<Vec<u8>>) -> Answer {
        let Self { connection_id, ids, sessions, .. } = self;
        Answer(AnswerKind::NewSession(NewSessionAnswer { connection_id, ids, sessions, tickets }))
    }

    /// Issues none. The client makes a full handshake next time.
    #[must_use]
    pub fn decline(self) -> Answer {
        self.answer(Vec::new())
    }
}

#[derive(Debug)]
pub(crate) struct NewSessionAnswer {
    pub(super) connection_id: ConnectionId,
    ids: Option<StoreIds>,
    sessions: Vec<ServerSessionValue>,
    tickets: Vec<Vec<u8>>,
}

impl NewSessionAnswer {
    /// Returns the sessions that the store holds now.
    pub(crate) fn stored(&self) -> Option<StoredSessions> {
        let count = self.tickets.len().min(self.sessions.len());
        self.ids.filter(|_| count > 0).map(|ids| StoredSessions::new(ids, count))
    }

    /// Returns each session with its ticket and its number, from which its secret was derived.
    /// Skips empty tickets, and tickets that do not fit the message.
    pub(crate) fn into_tickets(self) -> impl Iterator<Item = (u8, ServerSessionValue, Vec<u8>)> {
        let fits = |ticket: &[u8]| (1..=MAX_TICKET).contains(&ticket.len());
        let numbered = (0..=u8::MAX).zip(self.sessions.into_iter().zip(self.tickets));
        numbered.filter_map(move |(nonce, (session, ticket))| fits(&ticket).then_some((nonce, session, ticket)))
    }
}

/// The maximum length of a ticket, in bytes. The ClientHello that returns it must fit what servers
/// accept (this one: 64 KiB).
const MAX_TICKET: usize = 0x8000;
