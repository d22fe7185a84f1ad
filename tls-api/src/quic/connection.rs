//! The connections of both roles, and the core that they share.

use std::sync::Arc;

use pki_types::{CertificateDer, ServerName};
use tls_handshake::client::Client;
use tls_handshake::quic::{Connection, Level, Output, ServerStart, Version};
use tls_handshake::server::Server;
use tls_handshake::{Answer, Error, HandshakeKind, Need, NeedSignature, Needs};

use crate::config::client::ClientConfig;
use crate::config::client_runtime::ClientRuntime;
use crate::config::server::ServerConfig;
use crate::config::server_runtime::ServerRuntime;

use crate::session::connection_info::ConnectionInfo;
use crate::session::core::{PendingNeed, SessionRole};
use crate::session::server_name::IntoServerName;

/// A client's side of a QUIC connection.
///
/// A connection that fails ends the resumption of its server's sessions, as a
/// [`ClientSession`](crate::ClientSession) does. Drop a connection that timed out.
pub struct ClientConnection(Core<Client>);

/// A server's side of a QUIC connection.
pub struct ServerConnection(Core<Server>);

impl ClientConnection {
    /// Starts a handshake with the server `name`, which its certificate must match. The ClientHello
    /// is the first output. Offers a stored session if there is one, and early data if the
    /// configuration [enables it](ClientConfig::enable_early_data) and the session allows it.
    ///
    /// `transport_parameters` are this side's, encoded (RFC 9000 §18).
    ///
    /// # Errors
    /// [`Error::Config`] if the settings contradict each other or QUIC: TLS 1.3 is not enabled, or
    /// there are no [application protocols](ClientConfig::set_alpn_protocols).
    /// [`Error::BadServerName`] if `name` is no server name. Others if the system has no
    /// randomness, or if the configuration does not fit into a ClientHello.
    pub fn new(
        config: &Arc<ClientConfig>,
        version: Version,
        name: impl IntoServerName,
        transport_parameters: Vec<u8>,
    ) -> Result<Self, Error> {
        Self::with_name(config, version, name.into_server_name()?, transport_parameters)
    }

    fn with_name(
        config: &Arc<ClientConfig>,
        version: Version,
        name: ServerName<'static>,
        transport_parameters: Vec<u8>,
    ) -> Result<Self, Error> {
        let (engine, runtime) = (config.for_quic()?, config.runtime.for_this_thread());
        let psks = runtime.psks_for(&name);
        let start = runtime.start(&name, &psks, |identity| engine.session_scope_with(version, identity));
        let connection = Connection::client(engine, version, name, start, transport_parameters)?;
        Ok(Self(Core::new(runtime, connection)))
    }

    /// Returns the server's transport parameters of the earlier connection, which limit early data
    /// (RFC 9000 §7.4.1). `None` if no early data may be sent.
    #[must_use]
    pub fn early_transport_parameters(&self) -> Option<&[u8]> {
        self.0.connection.early_transport_parameters()
    }

    /// Returns whether the server accepted early data; `false` until the handshake is complete. If
    /// it did not, it has read none of it.
    #[must_use]
    pub fn is_early_data_accepted(&self) -> bool {
        self.0.connection.is_early_data_accepted()
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.0.remove_failed_sessions();
    }
}

impl ServerConnection {
    /// Creates a connection for a client. `start` has the encoded transport parameters, and decides
    /// on early data, which also needs [a limit](ServerConfig::set_max_early_data_size) other than
    /// 0 and [a session storage](ServerConfig::set_session_storage).
    ///
    /// # Errors
    /// [`Error::Config`] if the settings contradict each other or QUIC: TLS 1.3 is not enabled, or
    /// there are no [application protocols](ServerConfig::set_alpn_protocols).
    pub fn new(config: &Arc<ServerConfig>, version: Version, start: ServerStart) -> Result<Self, Error> {
        Ok(Self::with_engine(config, config.for_quic()?, version, start))
    }

    /// The same with the engine's configuration, which is valid.
    pub(crate) fn with_engine(
        config: &ServerConfig,
        engine: &tls_handshake::quic::Config<tls_handshake::ServerConfig>,
        version: Version,
        start: ServerStart,
    ) -> Self {
        let connection = Connection::server(engine, version, start);
        Self(Core::new(config.runtime.for_this_thread(), connection))
    }

    /// Returns the host name that the client requested (SNI, RFC 6066 §3), once the handshake is
    /// complete.
    #[must_use]
    pub fn sni_hostname(&self) -> Option<&str> {
        self.0.connection.sni_hostname()
    }

    /// Returns the IDs of the sessions that a failed connection created, for the application to
    /// remove from its store; see
    /// [`ServerSession::failed_sessions`](crate::ServerSession::failed_sessions).
    pub fn failed_sessions(&mut self) -> impl Iterator<Item = [u8; 32]> + use<> {
        self.0.connection.failed_sessions()
    }
}

/// A role, with what differs between QUIC and records.
trait QuicRole: SessionRole {
    fn server_name(connection: &Connection<Self>) -> Option<&str>;
    fn note_identity(runtime: &Self::Runtime, connection: &mut Connection<Self>);
    fn store_sessions(runtime: &Self::Runtime, connection: &mut Connection<Self>);
    fn remove_sessions(runtime: &Self::Runtime, connection: &mut Connection<Self>);
}

impl QuicRole for Client {
    fn server_name(connection: &Connection<Self>) -> Option<&str> {
        match connection.server_name() {
            ServerName::DnsName(name) => Some(name.as_ref()),
            _ => None,
        }
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
        if connection.has_sessions() {
            // Without a clock the end of their lifetime is unknown.
            let Some(now) = runtime.clock.now() else { return };
            connection.take_sessions(now).into_iter().for_each(|session| runtime.sessions.put(session));
        }
    }

    fn remove_sessions(runtime: &ClientRuntime, connection: &mut Connection<Self>) {
        if let Some((server, scope)) = connection.failed_sessions() {
            runtime.sessions.remove(server, &scope);
        }
    }
}

impl QuicRole for Server {
    fn server_name(connection: &Connection<Self>) -> Option<&str> {
        connection.sni_hostname()
    }

    fn note_identity(_: &ServerRuntime, _: &mut Connection<Self>) {}

    fn store_sessions(_: &ServerRuntime, _: &mut Connection<Self>) {}

    fn remove_sessions(runtime: &ServerRuntime, connection: &mut Connection<Self>) {
        // A deferred store may be slow, so the application calls it.
        if !runtime.backend.is_of_application() && !runtime.deferred.contains(Needs::SESSION) {
            runtime.backend.remove(connection.failed_sessions());
        }
    }
}

/// The part that both roles share: it answers requests from the configuration.
struct Core<R: QuicRole> {
    runtime: Arc<R::Runtime>,
    connection: Connection<R>,
    need: PendingNeed,
    /// True once QUIC has taken any output.
    has_sent: bool,
}

impl<R: QuicRole> Core<R> {
    fn new(runtime: Arc<R::Runtime>, connection: Connection<R>) -> Self {
        Self { runtime, connection, need: PendingNeed::None, has_sent: false }
    }

    fn receive(&mut self, level: Level, data: &[u8]) -> Result<(), Error> {
        let result = self.connection.receive(level, data).and_then(|need| self.answer_needs(need));
        self.finish(result)
    }

    fn answer(&mut self, answer: Answer) -> Result<(), Error> {
        let Some(kind) = self.need.kind() else {
            return Err(self.connection.error().map_or(Error::WrongAnswer, Error::clone_error));
        };
        let result = match self.resume(kind, answer) {
            // The answer belongs to another request; this connection still waits for its own.
            Err(e) if self.connection.error().is_none() => return Err(e),
            Err(e) => Err(e),
            Ok(next) => {
                self.need = PendingNeed::None;
                self.answer_needs(next)
            }
        };
        self.finish(result)
    }

    /// Answers this request and those that follow it, up to one that the application answers.
    fn answer_needs(&mut self, mut open: Option<Need>) -> Result<(), Error> {
        while let Some(need) = open {
            let kind = need.kind();
            let is_remote = matches!(&need, Need::Signature(need) if need.identity().is_remote());
            if is_remote || R::deferred(&self.runtime).contains(kind) {
                self.need = PendingNeed::Waiting(Box::new(need));
                return Ok(());
            }
            let answer = R::answer(&self.runtime, need);
            open = self.resume(kind, answer)?;
        }
        Ok(())
    }

    fn resume(&mut self, kind: Needs, answer: Answer) -> Result<Option<Need>, Error> {
        if kind == Needs::IDENTITY {
            <R as QuicRole>::note_identity(&self.runtime, &mut self.connection);
        }
        self.connection.resume(answer)
    }

    /// Stores new sessions, or removes those of a connection that failed.
    fn finish(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if self.connection.error().is_some() {
            self.need = PendingNeed::None;
            self.remove_failed_sessions();
        } else {
            <R as QuicRole>::store_sessions(&self.runtime, &mut self.connection);
        }
        result
    }

    fn closed_by_peer(&mut self, code: u64) -> Option<Error> {
        let e = self.connection.closed_by_peer(code)?;
        self.finish(Err(e)).err()
    }

    /// A connection that sent nothing has not failed: its server has not seen the session that it
    /// offers.
    fn remove_failed_sessions(&mut self) {
        if self.has_sent {
            <R as QuicRole>::remove_sessions(&self.runtime, &mut self.connection);
        }
    }

    fn next_output(&mut self) -> Option<Output> {
        let output = self.connection.next_output();
        self.has_sent |= output.is_some();
        output
    }
}

/// Implements what both roles offer.
macro_rules! connection {
    ($connection:ident, $role:ty) => {
        impl $connection {
            /// Processes CRYPTO data of one level: the bytes after those of earlier calls, in order
            /// and without repetitions. Then take the output.
            ///
            /// Data may also arrive while the handshake waits for the application
            /// ([`take_need`](Self::take_need)). It is kept until the answer, up to
            /// [`Limits::handshake_message`](crate::Limits::handshake_message) bytes.
            ///
            /// # Errors
            /// An error if the peer violates the protocol or is rejected. Close the connection with
            /// [`Error::quic_code`]; all later calls return the same error. Data at another level
            /// than [`reading_level`](Self::reading_level) is such an error.
            pub fn receive(&mut self, level: Level, data: &[u8]) -> Result<(), Error> {
                self.0.receive(level, data)
            }

            /// Returns the next output, in wire order: data to send, or keys. `None` if there is
            /// none until more data or an answer arrives.
            pub fn next_output(&mut self) -> Option<Output> {
                self.0.next_output()
            }

            /// Returns whether the handshake is incomplete. It stays `true` after a failed
            /// handshake.
            #[must_use]
            pub fn is_handshaking(&self) -> bool {
                self.0.connection.is_handshaking()
            }

            /// Returns the level at which the handshake reads CRYPTO data. Keep data of later
            /// levels until the handshake reaches them.
            #[must_use]
            pub fn reading_level(&self) -> Level {
                self.0.connection.reading_level()
            }

            /// Returns the peer's encoded transport parameters: a server has them from ClientHello
            /// on, a client from EncryptedExtensions on. They are authenticated only when the
            /// handshake is complete (RFC 9001 §8.2).
            #[must_use]
            pub fn peer_transport_parameters(&self) -> Option<&[u8]> {
                self.0.connection.peer_transport_parameters()
            }

            /// Changes the version that derives all later keys, after compatible version
            /// negotiation (RFC 9368). The connection's new sessions then belong to this version:
            /// sessions of one version do not resume in another (RFC 9369 §5).
            ///
            /// A client calls it when the first packet of the new version arrives, before its
            /// CRYPTO data is passed; a server before the ClientHello is passed. Keys that were
            /// output before do not change.
            pub fn set_version(&mut self, version: Version) {
                self.0.connection.set_version(version);
            }

            /// Reports the peer's CONNECTION_CLOSE (type 0x1c) with this error code. Returns the
            /// error if the code is CRYPTO_ERROR: the connection has then failed as with a TLS
            /// alert.
            pub fn closed_by_peer(&mut self, code: u64) -> Option<Error> {
                self.0.closed_by_peer(code)
            }

            /// Returns the error that ended the connection.
            #[must_use]
            pub fn error(&self) -> Option<&Error> {
                self.0.connection.error()
            }

            /// Takes the request that the application answers, once: one that the configuration
            /// [defers](crate::ClientConfig::set_deferred_needs), or a signature with a remote key.
            /// Pass the answer to [`answer`](Self::answer), from any thread.
            pub fn take_need(&mut self) -> Option<Need> {
                self.0.need.take()
            }

            /// Like [`take_need`](Self::take_need), for a signature only.
            pub fn take_signature_request(&mut self) -> Option<NeedSignature> {
                self.0.need.take_signature()
            }

            /// Continues the handshake with the answer to a request, and with the data that arrived
            /// since. Then take the output.
            ///
            /// # Errors
            /// [`Error::WrongAnswer`] if the answer belongs to another request; the connection is
            /// unchanged. Otherwise as for [`receive`](Self::receive).
            pub fn answer(&mut self, answer: Answer) -> Result<(), Error> {
                self.0.answer(answer)
            }

            /// Returns what the handshake negotiated, once it is complete.
            #[must_use]
            pub fn connection_info(&self) -> Option<ConnectionInfo> {
                let connection = &self.0.connection;
                ConnectionInfo::of_quic(connection, <$role as QuicRole>::server_name(connection))
            }

            /// Returns the negotiated application protocol, once the handshake is complete.
            #[must_use]
            pub fn alpn_protocol(&self) -> Option<&[u8]> {
                self.0.connection.alpn_protocol()
            }

            /// Returns the peer's certificates, the end-entity certificate first, once the
            /// handshake is complete.
            #[must_use]
            pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
                self.0.connection.peer_certificates()
            }

            /// Returns the kind of the handshake, once it is complete.
            #[must_use]
            pub fn handshake_kind(&self) -> Option<HandshakeKind> {
                self.0.connection.handshake_kind()
            }

            /// Exports keying material (RFC 9846 §7.5).
            ///
            /// # Errors
            /// [`Error::HandshakeNotComplete`]; [`Error::Crypto`] if `out` or the context is too
            /// long.
            pub fn export_keying_material(
                &self,
                out: &mut [u8],
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<(), Error> {
                self.0.connection.export_keying_material(out, label, context)
            }

            /// Exports keying material of early data (RFC 9846 §7.5). A replay of the early data
            /// exports the same bytes.
            ///
            /// # Errors
            /// [`Error::HandshakeNotComplete`] unless early data is in progress; [`Error::Crypto`]
            /// if `out` or the context is too long.
            pub fn export_early_keying_material(
                &self,
                out: &mut [u8],
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<(), Error> {
                self.0.connection.export_early_keying_material(out, label, context)
            }
        }

        impl std::fmt::Debug for $connection {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($connection)).field("connection", &self.0.connection).finish_non_exhaustive()
            }
        }
    };
}

connection!(ClientConnection, Client);
connection!(ServerConnection, Server);
