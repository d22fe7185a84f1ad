//! Sessions: which one a client goes on from, and under which tickets new ones are given out.

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

/// Identities of a ClientHello that are considered. Clients offer their tickets, or an external
/// key once for each hash; each identity may cost a lookup.
const MAX_IDENTITIES: usize = 32;

/// Asks a server which session a ClientHello goes on from, or which external pre-shared key it names (RFC 9846 §4.3.11, RFC 5077
/// §3.4, RFC 5246 §7.4.1.2).
///
/// It is asked only if the configuration says that there may be one ([`set_session_lookup`](crate::ServerConfig::set_session_lookup),
/// [`set_external_psks`](crate::ServerConfig::set_external_psks)). A session that does not fit the present configuration, or
/// is too old, leads to a full handshake by itself: whoever answers needs no checks of his own.
#[derive(Debug)]
pub struct NeedSession {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    reference: SessionReference,
    /// Where the hello names what it goes on from: the data of pre_shared_key, the ticket, or the session id.
    named: Range<usize>,
    hashes: Hashes,
    rules: IdentityRules,
}

/// The hashes of the suites that are possible, that of the chosen suite first.
pub(crate) type Hashes = [Option<HashAlgorithm>; 2];

/// Where a ClientHello names its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionReference {
    /// In the PSK identities of TLS 1.3.
    PskIdentity,
    /// In a ticket of RFC 5077.
    Ticket,
    /// In the session id of TLS 1.2.
    SessionId,
}

impl NeedSession {
    /// `body` is that of the message that was decoded.
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

    /// Returns whether a full handshake in place of a resumption can be completed with this identity: see
    /// [`NeedIdentity::can_use`](super::NeedIdentity::can_use).
    #[must_use]
    pub fn can_use(&self, identity: &Identity) -> bool {
        self.rules.allow(&self.hello, identity)
    }

    /// The ClientHello.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, DecodeError> {
        self.hello.get()
    }

    /// The body of the message as it came, without its header.
    #[must_use]
    pub fn raw_client_hello(&self) -> &[u8] {
        self.hello.wire()
    }

    /// The version that the handshake is of.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        match self.reference {
            SessionReference::PskIdentity => ProtocolVersion::TLS13,
            SessionReference::Ticket | SessionReference::SessionId => ProtocolVersion::TLS12,
        }
    }

    /// Whether that is the session id of a TLS 1.2 client, and no ticket.
    #[must_use]
    pub fn is_by_session_id(&self) -> bool {
        matches!(self.reference, SessionReference::SessionId)
    }

    /// Returns what the client offers, in its order of preference and at most 32: tickets, keys of a
    /// store, identities of external keys (only TLS 1.3). An attacker chooses them, so bound the
    /// lookups that are slow; the facade looks up four sessions.
    pub fn identities(&self) -> impl Iterator<Item = &[u8]> {
        let named = self.hello.wire().get(self.named.clone()).unwrap_or_default();
        let (psks, one) = match self.reference {
            SessionReference::PskIdentity => (decode_all::<OfferedPsks<'_>>(named).ok(), None),
            SessionReference::Ticket | SessionReference::SessionId => (None, Some(named)),
        };
        let psks = psks.into_iter().flat_map(|psks| psks.identities.iter()).take(MAX_IDENTITIES);
        psks.map(|psk| psk.identity).chain(one)
    }

    /// Returns whether an identity has the form of a store's id of this version: 32 bytes from
    /// [`NeedNewSession::store_ids`]. A store need not be asked for any other.
    #[must_use]
    pub fn is_store_id(&self, identity: &[u8]) -> bool {
        let tls13 = matches!(self.reference, SessionReference::PskIdentity);
        identity.len() == 32 && identity.first().is_some_and(|first| (first & TLS13_ID != 0) == tls13)
    }

    /// Returns the hashes of the cipher suites that are possible with this client (TLS 1.3), that of
    /// the preferred suite first. A pre-shared key with another hash cannot be used (RFC 9846
    /// §4.3.11). After a HelloRetryRequest there is one. Empty for TLS 1.2.
    pub fn hashes(&self) -> impl Iterator<Item = HashAlgorithm> {
        self.hashes.into_iter().flatten()
    }

    /// Returns whether the client sends early data, which is accepted only with
    /// [`found_single_use`](Self::found_single_use).
    #[must_use]
    pub fn offers_early_data(&self) -> bool {
        self.client_hello().is_ok_and(|hello| hello.extensions.early_data)
    }

    /// Answers with the session of the identity at `index`, which may be found again.
    #[must_use]
    pub fn found(self, index: usize, session: ServerSessionValue, identity: &Identity, now: UnixTime) -> Answer {
        self.answer(vec![PskCandidate::session(index, session, identity, now)])
    }

    /// Answers with the session of the identity at `index`, which is still in its store and may be
    /// used once: see [`PskCandidate::single_use`].
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

    /// Answers that no identity is known: the handshake continues as a full one.
    #[must_use]
    pub fn not_found(self) -> Answer {
        self.answer(Vec::new())
    }

    /// Answers with what the identities stand for, in order of preference. The first that fits is
    /// used: those whose hash goes with the [preferred suite](Self::hashes) before those that need
    /// another suite. Without any the handshake continues as a full one.
    #[must_use]
    pub fn answer(self, candidates: Vec<PskCandidate>) -> Answer {
        let Self { connection_id, hello, named, .. } = self;
        Answer(AnswerKind::Session(SessionAnswer { connection_id, hello, named, candidates }))
    }
}

/// A session or external key that an identity of a ClientHello stands for.
#[derive(Debug)]
pub struct PskCandidate {
    pub(crate) index: usize,
    pub(crate) key: FoundKey,
}

impl PskCandidate {
    /// The session of the identity at `index`, which may be found again. `identity` is what this client would be shown now, in a
    /// full handshake: a session that began with another [scope](Identity::session_scope) is not resumed.
    #[must_use]
    pub fn session(index: usize, session: ServerSessionValue, identity: &Identity, now: UnixTime) -> Self {
        Self::of(index, session, identity, now, false)
    }

    /// The session of the identity at `index`, which is still in its store and may be used once.
    ///
    /// It is resumed only after the client proved that it holds the session's key, and
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

    /// The external key of the identity at `index` (only TLS 1.3).
    #[must_use]
    pub fn external(index: usize, psk: ExternalPsk) -> Self {
        Self { index, key: FoundKey::External(psk) }
    }
}

/// The pre-shared keys of a hello, decoded without the rest of it: it was before.
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

/// What an identity stands for.
#[derive(Debug)]
pub(crate) enum FoundKey {
    Session {
        session: Box<ServerSessionValue>,
        /// The scope of the identity that the client would be shown now.
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

    /// The pre-shared key at this place in the hello.
    pub(crate) fn offered(&self, index: usize) -> Option<(PskIdentity<'_>, PskBinder<'_>)> {
        offered_psks(&self.hello, &self.named)?.iter().nth(index)
    }

    /// Bytes of the binders, with which the hello ends.
    pub(crate) fn binders_wire_len(&self) -> usize {
        offered_psks(&self.hello, &self.named).map_or(0, |psks| psks.binders_wire_len())
    }

    pub(crate) fn hello(&self) -> &Owned<ClientHelloView> {
        &self.hello
    }

    /// The hello comes back with the answer, for the next request.
    pub(crate) fn into_parts(self) -> (Owned<ClientHelloView>, Vec<PskCandidate>) {
        (self.hello, self.candidates)
    }
}

/// Asks a server to take a session out of its store: the client proved that it holds the session's
/// key, and the session may be used once.
///
/// Of all connections that ask for one session at the same time, on all machines that share the
/// store, only one may get [`taken`](Self::taken): early data is not replayed because of that (RFC
/// 9846 §8.1).
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

    /// Answers that this call removed the session from the store. It is resumed.
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

/// Asks a server under which tickets it gives out the sessions that a complete handshake leads to (RFC 9846 §4.7.1, RFC 5077 §3.3,
/// RFC 5246 §7.3).
///
/// A ticket is the session itself, [encoded](ServerSessionValue::encode) and sealed, or the key under which a store keeps it. With
/// sessions by id (TLS 1.2) the key is [`session_id`](Self::session_id), and the answer's tickets do not matter.
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

    /// The id under which the client will ask for the session, if it was told one already.
    #[must_use]
    pub fn session_id(&self) -> Option<&[u8; 32]> {
        self.ids.as_ref()?.session_id()
    }

    /// Returns the ids under which to store the [`sessions`](Self::sessions), which are their tickets as well. `None` if sessions
    /// go into tickets ([`SessionLookup`](crate::SessionLookup)).
    ///
    /// Use no others: these are [looked up](NeedSession::is_store_id) only in their version, and returned by
    /// [`failed_sessions`](crate::ServerConnection::failed_sessions) if the connection fails.
    #[must_use]
    pub fn store_ids(&self) -> Option<StoreIds> {
        self.ids
    }

    /// Returns the sessions to issue, one for each ticket, whose lifetime begins `now`. There are none if the full handshake is so
    /// long ago that nothing is left of their lifetime.
    pub fn sessions(&mut self, now: UnixTime) -> &[ServerSessionValue] {
        let lifetime = self.session_lifetime;
        self.sessions.retain_mut(|session| session.begin(now, lifetime));
        &self.sessions
    }

    /// Gives out one ticket for each of the [`sessions`](Self::sessions), in their order; for those beyond the last none.
    #[must_use]
    pub fn answer(self, tickets: Vec<Vec<u8>>) -> Answer {
        let Self { connection_id, ids, sessions, .. } = self;
        Answer(AnswerKind::NewSession(NewSessionAnswer { connection_id, ids, sessions, tickets }))
    }

    /// Gives out none: the client makes a full handshake next time.
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
    /// What the store has of it.
    pub(crate) fn stored(&self) -> Option<StoredSessions> {
        let count = self.tickets.len().min(self.sessions.len());
        self.ids.filter(|_| count > 0).map(|ids| StoredSessions::new(ids, count))
    }

    /// Each session with its number, from which its secret was derived, and its ticket; none with an
    /// empty ticket, or one that does not fit its message.
    pub(crate) fn into_tickets(self) -> impl Iterator<Item = (u8, ServerSessionValue, Vec<u8>)> {
        let fits = |ticket: &[u8]| (1..=MAX_TICKET).contains(&ticket.len());
        let numbered = (0..=u8::MAX).zip(self.sessions.into_iter().zip(self.tickets));
        numbered.filter_map(move |(nonce, (session, ticket))| fits(&ticket).then_some((nonce, session, ticket)))
    }
}

/// The most bytes of a ticket: a ClientHello that brings it back has to fit what peers read (ours: 64 KiB in all).
const MAX_TICKET: usize = 0x8000;
