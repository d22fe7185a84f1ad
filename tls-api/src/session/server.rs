//! [`ServerSession`], and how a server answers the requests of the engine.

use std::sync::Arc;
use std::time::Duration;

use tls_handshake::server::Server;
use tls_handshake::{Answer, CertificateError, Connection, Identity, Need, NeedIdentity, Needs};

use crate::config::server::ServerConfig;
use crate::config::server_runtime::ServerRuntime;
use crate::identity::client_hello::ClientHelloInfo;
use crate::identity::resolver::NoIdentity;
use crate::resumption::server_session_lookup::SessionBackend;
use crate::session::core::{SessionCore, SessionRole};
use crate::session::early_data::ReadEarlyData;
use crate::session::impl_session;
use crate::session::send_buffer::SendBuffer;

/// A server's side of one connection. The trait [`Session`](crate::Session) explains how to drive
/// it.
pub struct ServerSession(SessionCore<Server>);

impl ServerSession {
    /// Creates a connection for a client. It fails with [`Error::Config`](crate::Error::Config)
    /// when the ClientHello arrives if settings [contradict each other](ServerConfig::validate).
    #[must_use]
    pub fn new(config: &Arc<ServerConfig>) -> Self {
        let connection = Connection::<Server>::new(config.engine.for_this_thread());
        Self(SessionCore::new(config.runtime.for_this_thread(), connection, SendBuffer::default()))
    }

    /// Creates a connection for a client that has sent `received`. An error in it ends the
    /// connection as any other does: the next call returns it.
    pub(crate) fn with_received(config: &Arc<ServerConfig>, received: Vec<u8>) -> Self {
        let mut session = Self::new(config);
        let _ = session.0.process_received(received);
        session
    }

    /// Returns a reader for the client's early data (0-RTT) while any is unread. It is kept apart
    /// from all other data.
    pub fn early_data(&mut self) -> Option<ReadEarlyData<'_>> {
        self.0.has_early().then_some(ReadEarlyData(&mut self.0))
    }

    /// Returns whether data can be sent before the client's Finished: the server's flight is
    /// complete, and the configuration [allows it](ServerConfig::set_send_half_rtt_data).
    #[must_use]
    pub fn can_send_half_rtt(&self) -> bool {
        self.0.connection().is_handshaking() && self.0.connection().can_send()
    }

    /// Returns the host name that the client requested (SNI, RFC 6066 §3), once the handshake is
    /// complete. It is a valid DNS name of at most 253 bytes, in the case in which it was sent,
    /// without a trailing dot.
    ///
    /// `None` if the client sent none, an IP address, or a name that
    /// [is ignored](ServerConfig::set_ignore_invalid_server_name).
    #[must_use]
    pub fn sni_hostname(&self) -> Option<&str> {
        self.0.connection().sni_hostname()
    }

    /// Returns the IDs of the sessions that a failed connection created or, in TLS 1.2, resumed,
    /// for the application to remove from its store (RFC 5246 §7.2.2, RFC 9846 §6.2). Call it after
    /// an error. Returns them once, and only if the application stores the sessions
    /// ([`ServerConfig::set_session_lookup`]) or defers [`Needs::SESSION`]. Otherwise the
    /// connection has removed them itself.
    pub fn failed_sessions(&mut self) -> impl Iterator<Item = [u8; 32]> + use<> {
        self.0.connection_mut().failed_sessions()
    }

    /// Returns the identity of the external pre-shared key that the handshake used, if it used one.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        self.0.connection().external_psk_identity()
    }
}

impl SessionRole for Server {
    type Runtime = ServerRuntime;

    fn idle_reset(runtime: &ServerRuntime) -> Option<Duration> {
        runtime.idle_reset
    }

    fn answer(runtime: &ServerRuntime, need: Need) -> Answer {
        answer_from(runtime, &runtime.backend, need)
    }

    fn server_name(connection: &Connection<Self>) -> Option<&str> {
        connection.sni_hostname()
    }

    fn deferred(runtime: &ServerRuntime) -> Needs {
        runtime.deferred
    }

    fn remove_sessions(runtime: &ServerRuntime, connection: &mut Connection<Self>) {
        // A deferred store may be slow, so the application calls it.
        if !runtime.backend.is_of_application() && !runtime.deferred.contains(Needs::SESSION) {
            runtime.backend.remove(connection.failed_sessions());
        }
    }
}

/// Answers a request, with the sessions of this backend.
pub(crate) fn answer_from(runtime: &ServerRuntime, backend: &SessionBackend, need: Need) -> Answer {
    match need {
        Need::Identity(need) => select_identity(runtime, need),
        Need::ClientVerdict(need) => match runtime.clock.now() {
            Some(now) => {
                let result = runtime.client_verifier.verify_client_cert_until(need.chain(), now);
                need.answer_until(result, now)
            }
            None => need.refuse(CertificateError::TimeUnknown),
        },
        Need::Session(need) => backend.find_with(
            runtime.psks.as_ref(),
            need,
            runtime.clock.now(),
            |session, now| runtime.reverify(session, now),
            |need| runtime.identity_for(need),
        ),
        Need::TakeSession(need) => backend.take(need),
        Need::NewSession(need) => match runtime.clock.now() {
            Some(now) => backend.issue_tickets(need, now),
            None => need.decline(),
        },
        Need::Signature(need) => need.sign_locally(),
        other => other.refuse(),
    }
}

fn select_identity(runtime: &ServerRuntime, need: NeedIdentity) -> Answer {
    // The engine has decoded it before, so this does not fail.
    let Ok(client_hello) = need.client_hello() else { return need.refuse() };
    let can_use = |identity: &Identity| need.can_use(identity);
    let info = ClientHelloInfo::new(&client_hello, need.raw_client_hello(), &can_use);
    match runtime.resolver.resolve(&info) {
        Ok(identity) => need.answer(identity),
        Err(NoIdentity { alert: Some(alert) }) => need.refuse_with(alert),
        Err(NoIdentity { alert: None }) => need.refuse(),
    }
}

impl_session!(ServerSession, Server);
