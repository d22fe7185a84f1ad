//! Resumes a TLS 1.2 session on the server, by ticket or id: the server finishes first and sends no
//! certificate (RFC 5246 §7.3, RFC 5077 §3.1). Also selects how a new session is stored.

use tls_codec::code_points::CipherSuite;
use tls_codec::handshake::ClientHello;
use tls_codec::list::List;
use tls_codec::reader::Reader;
use tls_crypto::SecureRandom;

use super::State;
use super::finished::{FinishedOrder, KeysReady, WaitChangeCipherSpec};
use super::server_flight::WaitIdentity;
use crate::auth::tls12_session::ResumedSecret;
use crate::config::{ServerConfig, SessionLookup};
use crate::error::Error;
use crate::flight;
use crate::need::{ConnectionId, FoundKey, Need, NeedIdentity, PskCandidate, SessionAnswer, SessionReference};
use crate::negotiated::HandshakeKind;
use crate::resumption::{ResumptionCriteria, ServerSessionValue, TLS13_ID};
use crate::schedule::Side;
use crate::schedule::tls12::Keys;
use crate::sink::Sink;
use crate::states::{Step, opaque_debug};

opaque_debug!(WaitSession);

/// RECVD_CH: waits for the application to look up the session that the client names.
pub struct WaitSession {
    full: WaitIdentity,
    reference: SessionReference,
}

/// The fields of ClientHello before the extensions.
struct HelloHead<'a> {
    random: &'a [u8; 32],
    session_id: &'a [u8],
    cipher_suites: List<'a, CipherSuite>,
}

impl<'a> HelloHead<'a> {
    /// Decoding the whole ClientHello a second time costs a resumption 1.5 % of its instructions.
    fn of(body: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(body);
        r.u16()?;
        Ok(Self {
            random: r.array()?,
            session_id: r.vec8(0..=32, "ClientHello.legacy_session_id")?.rest(),
            cipher_suites: List::decode_body(r.vec16(2..=0xfffe, "ClientHello.cipher_suites")?)?,
        })
    }
}

/// The storage of this handshake's session, new or resumed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    Nothing,
    /// By the client, in a ticket (RFC 5077 §3.3).
    Ticket,
    /// By the server, under this ID (RFC 5246 §7.4.1.3).
    Id([u8; 32]),
}

impl SessionKind {
    /// Selects how to store a new session. A session without extended master secret is not stored,
    /// because RFC 7627 §5.3 advises against resuming it.
    pub(super) fn choose(
        config: &ServerConfig,
        hello: &ClientHello<'_>,
        source: &dyn SecureRandom,
    ) -> Result<Self, Error> {
        let extensions = &hello.extensions;
        if !config.has_lifetime() || !extensions.extended_master_secret {
            return Ok(Self::Nothing);
        }
        Ok(match config.session_lookup {
            SessionLookup::Tickets | SessionLookup::TicketsOrIds if extensions.session_ticket.is_some() => Self::Ticket,
            SessionLookup::Ids | SessionLookup::TicketsOrIds => {
                let mut id = [0; 32];
                source.fill(&mut id).map_err(|_| Error::Crypto("drawing random bytes"))?;
                let [first, ..] = &mut id;
                *first &= !TLS13_ID;
                Self::Id(id)
            }
            SessionLookup::Never | SessionLookup::Tickets => Self::Nothing,
        })
    }

    /// A resumed session is not issued again. Only its ID in the store matters, if it has one.
    fn resumed(reference: SessionReference, session_id: &[u8]) -> Self {
        let id = session_id.try_into().ok().filter(|_| reference == SessionReference::SessionId);
        id.map_or(Self::Nothing, Self::Id)
    }

    /// Returns the session ID for ServerHello.
    pub(super) fn id(&self) -> &[u8] {
        match self {
            Self::Id(id) => id,
            Self::Nothing | Self::Ticket => &[],
        }
    }
}

/// Returns where ClientHello names a session that the server could look up.
pub(super) fn named(config: &ServerConfig, hello: &ClientHello<'_>) -> Option<SessionReference> {
    let ticket = hello.extensions.session_ticket;
    let by_ticket = || ticket.filter(|ticket| !ticket.is_empty()).map(|_| SessionReference::Ticket);
    // A client that supports TLS 1.3 may send a random ID (RFC 9846 Appendix E.4). The lookup finds
    // nothing then.
    let by_id = || (!hello.legacy_session_id.is_empty()).then_some(SessionReference::SessionId);
    match config.session_lookup {
        SessionLookup::Tickets => by_ticket(),
        SessionLookup::Ids => by_id(),
        // A client that supports tickets may have received an ID earlier (RFC 5077 §3.4).
        SessionLookup::TicketsOrIds => by_ticket().or_else(by_id),
        SessionLookup::Never => None,
    }
}

impl WaitSession {
    pub(super) fn new(full: WaitIdentity, reference: SessionReference) -> Self {
        Self { full, reference }
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.full.connection_id()
    }

    /// Resumes the session if it is eligible; otherwise continues with a full handshake.
    ///
    /// # Errors
    /// [`Error::ExtendedMasterSecretRequired`] if the session used it and the client no longer
    /// offers it (RFC 7627 §5.3).
    pub(super) fn on_session(self, answer: SessionAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let (wire, candidates) = answer.into_parts();
        for candidate in candidates {
            let front = HelloHead::of(wire.wire())?;
            if let Some(session) = self.eligible(candidate, &front)? {
                let session_kind = SessionKind::resumed(self.reference, front.session_id);
                let state = self.full.resume(&session, session_kind, wire.wire(), &front, out)?;
                return Ok(Step::Next(State::WaitChangeCipherSpec(state)));
            }
        }
        let need = NeedIdentity::new(self.connection_id(), wire, false, self.full.rules());
        Ok(Step::Ask(State::WaitIdentity(self.full), Need::Identity(need)))
    }

    fn eligible(&self, found: PskCandidate, front: &HelloHead<'_>) -> Result<Option<Box<ServerSessionValue>>, Error> {
        // External keys are only for TLS 1.3.
        let FoundKey::Session { session, identity, now, .. } = found.key else { return Ok(None) };
        let (config, suite) = (&self.full.config, session.suite);
        let usable = config.common.suites.contains(&suite) && front.cipher_suites.contains(suite.suite());
        if suite.tls12().is_none() || !usable {
            return Ok(None);
        }
        let criteria = ResumptionCriteria {
            suite,
            scope: &config.scope().with_identity(&identity),
            server_name: self.full.server_name.as_deref(),
            client_auth: config.client_auth,
            session_lifetime: config.session_lifetime,
        };
        if let Err(_why) = session.check(&criteria, now) {
            log_debug!("session not resumed: {_why:?}");
            return Ok(None);
        }
        match (session.extended_master_secret, self.full.offers.extended_master_secret) {
            (true, true) => Ok(Some(session)),
            (true, false) => Err(Error::ExtendedMasterSecretRequired),
            (false, _) => Ok(None),
        }
    }
}

impl WaitIdentity {
    /// Sends ServerHello, ChangeCipherSpec and Finished. The ticket is not renewed: the session
    /// ends after its lifetime.
    fn resume(
        self,
        session: &ServerSessionValue,
        session_kind: SessionKind,
        body: &[u8],
        front: &HelloHead<'_>,
        out: &mut dyn Sink,
    ) -> Result<WaitChangeCipherSpec, Error> {
        let failed = || Error::Crypto("resuming a session");
        let suite = session.suite.tls12().ok_or_else(failed)?;
        let ResumedSecret { master, peer } =
            ResumedSecret::by_server(self.config.common.backend, session).ok_or_else(failed)?;
        let mut context = self.into_context(suite, None, HandshakeKind::Resumed, session_kind, body, front.random);
        context.transcript.forget_messages();
        context.send_resumption_hello(front.session_id, out)?;
        let keys = Keys::resume(Side::Server, suite, master, session.extended_master_secret, context.randoms, out);
        out.send_change_cipher_spec()?;
        out.install_write(keys.write_key())?;
        let verify_data = keys.verify_data(&context.transcript.hash());
        flight::send_finished(out, &mut context.transcript, &verify_data)?;
        context.negotiated.first_finished = Some(verify_data);
        Ok(WaitChangeCipherSpec::new(KeysReady { context, keys, order: FinishedOrder::ServerFirst }, peer))
    }
}
