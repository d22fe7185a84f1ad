//! Tests whether the server resumes sessions: two connections for each way.

use std::sync::{Arc, Mutex, PoisonError};

use strata_tls::pki_types::CertificateDer;
use strata_tls::{
    ChainVerifier, ClientConfig, ClientSessionValue, Error, HandshakeKind, ProtocolVersion, RootCertStore, ServerName,
    Session, StoresClientSessions, TimeProvider, UnixTime,
};

use super::attempt::{Attempt, Dialer, End, Goal};
use super::survey::Survey;
use crate::arguments::Target;
use crate::capture::{Secrets, Ticket};

/// What is known about resumption.
pub(super) struct Resumption {
    pub(super) tls13: Resumed,
    pub(super) tls12_ticket: Resumed,
    pub(super) tls12_id: Resumed,
    /// The tickets of the first TLS 1.3 connection.
    pub(super) tickets: Vec<Ticket>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resumed {
    Yes,
    /// The server gave no session.
    NothingToResume,
    /// The server gave a session and made a full handshake nevertheless.
    Full,
    NotTested(String),
}

impl Resumed {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Yes => "yes".into(),
            Self::NothingToResume => "no: the server offers none".into(),
            Self::Full => "no: the server does not accept what it issued".into(),
            Self::NotTested(why) => format!("not tested: {why}"),
        }
    }
}

impl Resumption {
    pub(super) fn not_tested(why: &str) -> Self {
        let not_tested = Resumed::NotTested(why.into());
        Self { tls13: not_tested.clone(), tls12_ticket: not_tested.clone(), tls12_id: not_tested, tickets: Vec::new() }
    }
}

/// The sessions of one test.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Vec<ClientSessionValue>>);

impl Sessions {
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl StoresClientSessions for Sessions {
    fn put(&self, session: ClientSessionValue) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Tests with the server's certificate as the only trusted one, at the time `now`: a server
/// whose chain is rejected may resume sessions nevertheless. No data is sent to it.
pub(super) fn test_rejected(
    dialer: &mut Dialer,
    config: &ClientConfig,
    target: &Target,
    der: &[u8],
    now: UnixTime,
    survey: &Survey,
) -> Resumption {
    let mut verifier = ChainVerifier::new(RootCertStore::new());
    if let Err(e) = verifier.trust_exact_certificate(CertificateDer::from(der.to_vec())) {
        return Resumption::not_tested(&format!("not even a test accepts the certificate: {e}"));
    }
    let (mut config, sessions) = (config.clone(), Arc::new(Sessions::default()));
    config.set_server_verifier(verifier);
    config.set_time_provider(Arc::new(StoppedClock(now)));
    let mut with_sessions = config.clone();
    with_sessions.set_session_storage(Arc::clone(&sessions) as _);
    let first = dialer.handshake(&with_sessions, Secrets::default(), &target.name, Goal::Tickets);
    match first.is_established() {
        true => test(dialer, &config, &with_sessions, &sessions, target, &first, survey),
        false => Resumption::not_tested(&why_failed(&first)),
    }
}

/// A clock that always shows this time.
#[derive(Debug)]
struct StoppedClock(UnixTime);

impl TimeProvider for StoppedClock {
    fn now(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// Tests each way that the versions allow. The first connection stored its sessions in `sessions`.
pub(super) fn test(
    dialer: &mut Dialer,
    config: &ClientConfig,
    with_sessions: &ClientConfig,
    sessions: &Sessions,
    target: &Target,
    first: &Attempt,
    survey: &Survey,
) -> Resumption {
    let name = &target.name;
    let tls13 = if first.facts().version != Some(ProtocolVersion::TLS13) {
        Resumed::NotTested("the server chose TLSv1.2".into())
    } else if sessions.is_empty() {
        Resumed::NothingToResume
    } else {
        of(&dialer.handshake(with_sessions, Secrets::default(), name, Goal::Handshake))
    };
    let mut tls12 = |tickets| {
        if !survey.accepts(ProtocolVersion::TLS12) {
            return Resumed::NotTested("the server does not accept TLSv1.2".into());
        }
        let sessions = Arc::new(Sessions::default());
        let mut config = config.clone();
        if let Err(e) = config.set_versions(&[ProtocolVersion::TLS12]) {
            return Resumed::NotTested(e.to_string());
        }
        config.set_tickets(tickets);
        config.set_session_storage(Arc::clone(&sessions) as _);
        let first = dialer.handshake(&config, Secrets::default(), name, Goal::Handshake);
        if !first.is_established() {
            return of(&first);
        }
        if sessions.is_empty() || (tickets && first.facts().tickets.is_empty()) {
            return Resumed::NothingToResume;
        }
        of(&dialer.handshake(&config, Secrets::default(), name, Goal::Handshake))
    };
    let tls12_ticket = tls12(true);
    Resumption { tls13, tls12_ticket, tls12_id: tls12(false), tickets: first.facts().tickets.clone() }
}

fn of(attempt: &Attempt) -> Resumed {
    let kind = attempt.session.as_ref().and_then(Session::handshake_kind);
    match kind.filter(|_| attempt.is_established()) {
        Some(kind) if kind.is_resumed() => Resumed::Yes,
        Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) => Resumed::Full,
        _ => Resumed::NotTested(why_failed(attempt)),
    }
}

/// Returns why a connection failed, without what to do about it.
fn why_failed(attempt: &Attempt) -> String {
    match &attempt.end {
        End::Failed(e) => match &**e {
            Error::Certificate(refusal) => {
                let why = refusal.why.to_string();
                format!("not even a test accepts the certificate: {}", why.split("; ").next().unwrap_or_default())
            }
            e => format!("a connection failed: {e}"),
        },
        _ => "a connection failed".into(),
    }
}
