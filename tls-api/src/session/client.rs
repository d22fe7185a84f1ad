//! [`ClientSession`]: how a client answers the requests of the engine, and stores and removes
//! sessions.

use std::sync::Arc;
use std::time::Duration;

use pki_types::ServerName;
use tls_handshake::client::Client;
use tls_handshake::{Answer, Connection, Error, Need, Needs, Outgoing};

use crate::config::client::ClientConfig;
use crate::config::client_runtime::ClientRuntime;
use crate::session::core::{SessionCore, SessionRole};
use crate::session::early_data::WriteEarlyData;
use crate::session::impl_session;
use crate::session::send_buffer::SendBuffer;
use crate::session::server_name::IntoServerName;

/// A client's side of one connection. The trait [`Session`](crate::Session) explains how to drive
/// it.
///
/// A connection that fails ends the resumption of its server's sessions. All stored sessions with
/// that server and the same [scope](ClientConfig::session_scope) are removed in two cases:
/// * the handshake offered a session and did not complete, because of an error, a reset, or a
///   timeout on which the application dropped the connection;
/// * a fatal alert ends the connection later.
pub struct ClientSession(SessionCore<Client>);

impl ClientSession {
    /// Creates a connection to the server `name`, which its certificate must match: a host name or
    /// IP address, as text or as a type of its own (see [`IntoServerName`]). Queues the ClientHello
    /// and offers a stored session if there is one.
    ///
    /// # Errors
    /// [`Error::BadServerName`] if `name` is a URL, has a port, or is no server name for another
    /// reason; the text says what to write. [`Error::Config`] if settings [contradict each
    /// other](ClientConfig::validate). Others if the system has no randomness, or if the
    /// configuration does not fit into a ClientHello.
    pub fn new(config: &Arc<ClientConfig>, name: impl IntoServerName) -> Result<Self, Error> {
        Self::with_name(config, name.into_server_name()?)
    }

    fn with_name(config: &Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        config.validate_runtime()?;
        let mut outgoing = SendBuffer::default();
        let connection = begin(config, name, outgoing.for_messages())?;
        Ok(Self(SessionCore::new(config.runtime.for_this_thread(), connection, outgoing)))
    }

    /// Returns a writer for early data (0-RTT), which is sent before the server has answered.
    /// `None` unless the configuration [enables it](ClientConfig::enable_early_data), the offered
    /// session allows it, and the server has not answered yet.
    pub fn early_data(&mut self) -> Option<WriteEarlyData<'_>> {
        (self.0.connection().early_data_left() > 0).then_some(WriteEarlyData(&mut self.0))
    }

    /// Returns whether the server accepted early data; `false` until the handshake is complete.
    #[must_use]
    pub fn is_early_data_accepted(&self) -> bool {
        self.0.connection().is_early_data_accepted()
    }

    /// Returns the identity of the external pre-shared key that the handshake used, if it used one.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        self.0.connection().external_psk_identity()
    }
}

/// Starts the engine with external keys or a stored session for this server.
fn begin(
    config: &ClientConfig,
    name: ServerName<'static>,
    outgoing: &mut Outgoing,
) -> Result<Connection<Client>, Error> {
    let (engine, runtime) = (config.engine.for_this_thread(), config.runtime.original());
    let psks = runtime.psks_for(&name);
    let start = runtime.start(&name, &psks, |identity| engine.session_scope_with(identity));
    Connection::begin(engine, name, start, outgoing)
}

impl SessionRole for Client {
    type Runtime = ClientRuntime;

    fn idle_reset(runtime: &ClientRuntime) -> Option<Duration> {
        runtime.idle_reset
    }

    fn answer(runtime: &ClientRuntime, need: Need) -> Answer {
        match need {
            Need::Verdict(need) => runtime.verify(need),
            Need::ClientIdentity(need) => {
                let resolver = runtime.identity.as_ref();
                match resolver.and_then(|resolver| resolver.resolve(need.authorities(), need.schemes())) {
                    Some(identity) => need.answer(identity),
                    None => need.decline(),
                }
            }
            Need::Signature(need) => need.sign_locally(),
            other => other.refuse(),
        }
    }

    fn server_name(connection: &Connection<Self>) -> Option<&str> {
        match connection.server_name() {
            ServerName::DnsName(name) => Some(name.as_ref()),
            _ => None,
        }
    }

    fn deferred(runtime: &ClientRuntime) -> Needs {
        runtime.deferred
    }

    /// The sessions belong to the identity presented here. If their scope does not, do not store
    /// them.
    fn note_identity(runtime: &ClientRuntime, connection: &mut Connection<Self>) {
        let scope = runtime.identity_scope();
        if scope.is_none() || scope.as_ref() != connection.identity_scope() {
            connection.discard_sessions();
        }
    }

    fn store_sessions(runtime: &ClientRuntime, connection: &mut Connection<Self>) {
        if let Some(group) = connection.take_group() {
            runtime.sessions.put_group(connection.server_name(), group);
        }
        if !connection.has_sessions() {
            return;
        }
        // Without a clock the end of their lifetime is unknown.
        let Some(now) = runtime.clock.now() else { return };
        for session in connection.take_sessions(now) {
            runtime.sessions.put(session);
        }
    }

    fn remove_sessions(runtime: &ClientRuntime, connection: &mut Connection<Self>) {
        if let Some((server, scope)) = connection.failed_sessions() {
            runtime.sessions.remove(server, &scope);
        }
    }
}

impl Drop for ClientSession {
    fn drop(&mut self) {
        self.0.remove_failed_sessions();
    }
}

impl_session!(ClientSession, Client);
