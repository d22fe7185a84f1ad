//! Sessions: which one a client goes on from, and under which tickets new ones are given out.

use std::ops::Range;

use pki_types::UnixTime;
use tls_codec::code_points::{ExtensionType, ProtocolVersion};
use tls_codec::error::DecodeError;
use tls_codec::extension::{OfferedPsks, PskBinder, PskIdentity};
use tls_codec::handshake::ClientHello;
use tls_codec::owned::{ClientHelloView, Owned};
use tls_codec::reader::decode_all;

use super::{Answer, Answered, Asker, range_in};
use crate::resumption::{ExternalPsk, ServerSessionValue};

/// Identities that are shown of a ClientHello: honest clients offer one or two, and each may cost a lookup.
const MAX_IDENTITIES: usize = 4;

/// Asks a server which session a ClientHello goes on from, or which external pre-shared key it names (RFC 9846 §4.3.11, RFC 5077
/// §3.4, RFC 5246 §7.4.1.2).
///
/// It is asked only if the configuration says that there may be one ([`set_session_lookup`](crate::ServerConfig::set_session_lookup),
/// [`set_external_psks`](crate::ServerConfig::set_external_psks)). A session that does not fit the present configuration, or
/// is too old, leads to a full handshake by itself: whoever answers needs no checks of his own.
#[derive(Debug)]
pub struct NeedSession {
    asker: Asker,
    hello: Owned<ClientHelloView>,
    by: By,
    /// Where the hello names what it goes on from: the data of pre_shared_key, the ticket, or the session id.
    named: Range<usize>,
}

/// Where a ClientHello names its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// In the PSK identities of TLS 1.3.
    Psk,
    /// In a ticket of RFC 5077.
    Ticket,
    /// In the session id of TLS 1.2.
    Id,
}

impl NeedSession {
    /// `body` is that of the message that was decoded.
    pub(crate) fn new(asker: Asker, by: By, body: &[u8], hello: &ClientHello<'_>) -> Self {
        let extensions = &hello.extensions;
        let named = match by {
            By::Psk => extensions.raw.find(ExtensionType::PRE_SHARED_KEY).unwrap_or_default(),
            By::Ticket => extensions.session_ticket.unwrap_or_default(),
            By::Id => hello.legacy_session_id,
        };
        Self { asker, hello: Owned::of_decoded(body), by, named: range_in(body, named) }
    }

    /// The ClientHello.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, DecodeError> {
        self.hello.get()
    }

    /// The version that the handshake is of.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        match self.by {
            By::Psk => ProtocolVersion::TLS13,
            By::Ticket | By::Id => ProtocolVersion::TLS12,
        }
    }

    /// Whether that is the session id of a TLS 1.2 client, and no ticket.
    #[must_use]
    pub fn is_by_session_id(&self) -> bool {
        matches!(self.by, By::Id)
    }

    /// What the client offers to go on from, in its order of preference, 4 at most: tickets, keys of a store, names of external
    /// keys (TLS 1.3 alone).
    #[must_use]
    pub fn identities(&self) -> Vec<&[u8]> {
        let mut identities = Vec::with_capacity(MAX_IDENTITIES);
        match self.by {
            By::Psk => {
                let psks = offered_psks(&self.hello, &self.named);
                for psk in psks.iter().flat_map(|psks| psks.identities.iter()).take(MAX_IDENTITIES) {
                    identities.push(psk.identity);
                }
            }
            By::Ticket | By::Id => identities.extend(self.hello.wire().get(self.named.clone())),
        }
        identities
    }

    /// Whether the client sends early data, which is accepted only with [`found_once`](Self::found_once).
    #[must_use]
    pub fn offers_early_data(&self) -> bool {
        self.client_hello().is_ok_and(|hello| hello.extensions.early_data)
    }

    /// This session belongs to the identity at `index`. It may be found again.
    #[must_use]
    pub fn found(self, index: usize, session: ServerSessionValue, now: UnixTime) -> Answer {
        self.answered(index, FoundKey::Session { session: Box::new(session), now, once: false })
    }

    /// This session belonged to the identity at `index`, and was taken out of its store: whoever asks for it again, here or on any
    /// other machine, does not find it. So early data that comes with it cannot be replayed (RFC 9846 §8.1).
    #[must_use]
    pub fn found_once(self, index: usize, session: ServerSessionValue, now: UnixTime) -> Answer {
        self.answered(index, FoundKey::Session { session: Box::new(session), now, once: true })
    }

    /// This external key belongs to the identity at `index`. With TLS 1.2 it is none.
    #[must_use]
    pub fn external(self, index: usize, psk: ExternalPsk) -> Answer {
        self.answered(index, FoundKey::External(psk))
    }

    /// None of them is known: the handshake goes on as a full one.
    #[must_use]
    pub fn not_found(self) -> Answer {
        Answer(Answered::Session(SessionAnswer {
            asker: self.asker,
            hello: self.hello,
            named: self.named,
            found: None,
        }))
    }

    fn answered(self, index: usize, key: FoundKey) -> Answer {
        let found = Some(Found { index, key });
        Answer(Answered::Session(SessionAnswer { asker: self.asker, hello: self.hello, named: self.named, found }))
    }
}

/// The pre-shared keys of a hello, decoded without the rest of it: it was before.
fn offered_psks<'a>(hello: &'a Owned<ClientHelloView>, named: &Range<usize>) -> Option<OfferedPsks<'a>> {
    decode_all(hello.wire().get(named.clone())?).ok()
}

#[derive(Debug)]
pub(crate) struct SessionAnswer {
    pub(super) asker: Asker,
    hello: Owned<ClientHelloView>,
    named: Range<usize>,
    found: Option<Found>,
}

/// What an identity stands for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) index: usize,
    pub(crate) key: FoundKey,
}

#[derive(Debug)]
pub(crate) enum FoundKey {
    Session { session: Box<ServerSessionValue>, now: UnixTime, once: bool },
    External(ExternalPsk),
}

impl SessionAnswer {
    /// The pre-shared key that was found, as the client offered it, and what it stands for.
    pub(crate) fn found_psk(&mut self) -> Option<((PskIdentity<'_>, PskBinder<'_>), Found)> {
        let found = self.found.take()?;
        Some((offered_psks(&self.hello, &self.named)?.iter().nth(found.index)?, found))
    }

    /// The hello comes back with the answer, for the next question.
    pub(crate) fn into_parts(self) -> (Owned<ClientHelloView>, Option<Found>) {
        (self.hello, self.found)
    }
}

/// Asks a server under which tickets it gives out the sessions that a complete handshake leads to (RFC 9846 §4.7.1, RFC 5077 §3.3,
/// RFC 5246 §7.3).
///
/// A ticket is the session itself, [encoded](ServerSessionValue::encode) and sealed, or the key under which a store keeps it. With
/// sessions by id (TLS 1.2) the key is [`session_id`](Self::session_id), and the answer's tickets do not matter.
#[derive(Debug)]
pub struct NeedNewSession {
    asker: Asker,
    session_id: Option<[u8; 32]>,
    sessions: Vec<ServerSessionValue>,
}

impl NeedNewSession {
    pub(crate) fn new(asker: Asker, session_id: Option<[u8; 32]>, sessions: Vec<ServerSessionValue>) -> Self {
        Self { asker, session_id, sessions }
    }

    /// The id under which the client will ask for the session, if it was told one already.
    #[must_use]
    pub fn session_id(&self) -> Option<&[u8; 32]> {
        self.session_id.as_ref()
    }

    /// The sessions to give out, one for each ticket. Their lifetime begins `now`.
    pub fn sessions(&mut self, now: UnixTime) -> &[ServerSessionValue] {
        for session in &mut self.sessions {
            session.begin(now);
        }
        &self.sessions
    }

    /// Gives out one ticket for each of the [`sessions`](Self::sessions), in their order; for those beyond the last none.
    #[must_use]
    pub fn answer(self, tickets: Vec<Vec<u8>>) -> Answer {
        let Self { asker, sessions, .. } = self;
        Answer(Answered::NewSession(NewSessionAnswer { asker, sessions, tickets }))
    }

    /// Gives out none: the client makes a full handshake next time.
    #[must_use]
    pub fn none(self) -> Answer {
        self.answer(Vec::new())
    }
}

#[derive(Debug)]
pub(crate) struct NewSessionAnswer {
    pub(super) asker: Asker,
    sessions: Vec<ServerSessionValue>,
    tickets: Vec<Vec<u8>>,
}

impl NewSessionAnswer {
    /// Each session with its ticket; none with an empty one, or one that does not fit its message.
    pub(crate) fn into_tickets(self) -> impl Iterator<Item = (ServerSessionValue, Vec<u8>)> {
        let fits = |(_, ticket): &(_, Vec<u8>)| (1..=MAX_TICKET).contains(&ticket.len());
        self.sessions.into_iter().zip(self.tickets).filter(fits)
    }
}

/// The most bytes of a ticket: a ClientHello that brings it back has to fit what peers read (ours: 64 KiB in all).
const MAX_TICKET: usize = 0x8000;
