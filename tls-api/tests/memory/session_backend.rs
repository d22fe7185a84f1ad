//! Sessions of servers that use the engine.

use std::sync::Arc;

use strata_tls::handshake::{Need, Outgoing, Progress, ServerConfig as EngineConfig, ServerConnection};
use strata_tls::{
    ClientConfig, ClientSession, HandshakeKind, Identity, ProtocolVersion, ServerSessionMemoryCache, Session,
    SessionBackend, Ticketer, UnixTime,
};

use crate::pair::{drain, feed};
use crate::pki::{Ca, Kind, VERSIONS};

/// A server of the engine, with what it sends.
struct Server<'a> {
    connection: ServerConnection,
    outgoing: Outgoing,
    sessions: &'a SessionBackend,
    identity: &'a Arc<Identity>,
}

impl<'a> Server<'a> {
    fn new(sessions: &'a SessionBackend, identity: &'a Arc<Identity>) -> Self {
        let mut config = EngineConfig::new();
        config.set_session_lookup(sessions.lookup());
        let connection = ServerConnection::new(Arc::new(config));
        Self { connection, outgoing: Outgoing::new(), sessions, identity }
    }

    /// Processes what the client sent.
    fn receive(&mut self, mut incoming: Vec<u8>) -> Result<(), strata_tls::Error> {
        loop {
            let processed = self.connection.process(&mut incoming, &mut self.outgoing)?;
            incoming.drain(..processed.consumed);
            let mut next = match processed.progress {
                Progress::Need(need) => Some(need),
                Progress::NeedMoreInput { .. } => return Ok(()),
                _ => None,
            };
            while let Some(need) = next {
                let now = UnixTime::now();
                let answer = match need {
                    Need::Session(need) => self.sessions.find(need, self.identity, now),
                    Need::TakeSession(need) => self.sessions.take(need),
                    Need::NewSession(need) => self.sessions.issue_tickets(need, now),
                    Need::Identity(need) => need.answer(Arc::clone(self.identity)),
                    Need::Signature(need) => need.sign_locally(),
                    other => other.refuse(),
                };
                next = self.connection.resume(answer, &mut self.outgoing)?;
            }
        }
    }
}

fn connect<'a>(client: &Arc<ClientConfig>, sessions: &'a SessionBackend, identity: &'a Arc<Identity>) -> Server<'a> {
    let mut client = ClientSession::new(client, "server.test").unwrap();
    let mut server = Server::new(sessions, identity);
    while client.wants_write() {
        server.receive(drain(&mut client)).unwrap();
        let wire = server.outgoing.ready().to_vec();
        server.outgoing.consume(wire.len());
        feed(&mut client, &wire).unwrap();
    }
    assert_eq!(client.handshake_kind(), server.connection.handshake_kind());
    server
}

#[test]
fn engine_resumes_sessions_of_every_backend() {
    let ca = Ca::new(Kind::EcdsaP256);
    let identity = Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"]));
    let other = Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"]));
    let ticketer = || Arc::new(Ticketer::new().unwrap());
    let store = || Arc::new(ServerSessionMemoryCache::new(10));
    for version in VERSIONS {
        for (sessions, resumes) in [
            (SessionBackend::Disabled, false),
            (SessionBackend::Tickets(ticketer()), true),
            (SessionBackend::Store(store()), true),
            (SessionBackend::TicketsOrStore(ticketer(), store()), true),
        ] {
            let mut client = ca.client_config();
            client.set_versions(&[version]).unwrap();
            let client = Arc::new(client);
            let kind = |identity| connect(&client, &sessions, identity).connection.handshake_kind();
            assert_eq!(kind(&identity), Some(HandshakeKind::Full));
            let again = if resumes { HandshakeKind::Resumed } else { HandshakeKind::Full };
            assert_eq!(kind(&identity), Some(again), "{version} {sessions:?}");
            // The session began with another identity.
            assert_eq!(kind(&other), Some(HandshakeKind::Full), "{version} {sessions:?}");
        }
    }
}

#[test]
fn engine_removes_sessions_of_failed_connections() {
    let ca = Ca::new(Kind::EcdsaP256);
    let identity = Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"]));
    for fails in [false, true] {
        let sessions = SessionBackend::Store(Arc::new(ServerSessionMemoryCache::new(10)));
        let mut client = ca.client_config();
        client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
        let client = Arc::new(client);
        let mut first = connect(&client, &sessions, &identity);
        if fails {
            first.receive([&[23, 3, 3, 0, 30][..], &[0; 30]].concat()).unwrap_err();
        }
        sessions.remove(first.connection.failed_sessions());
        let expected = if fails { HandshakeKind::Full } else { HandshakeKind::Resumed };
        assert_eq!(connect(&client, &sessions, &identity).connection.handshake_kind(), Some(expected));
    }
}
