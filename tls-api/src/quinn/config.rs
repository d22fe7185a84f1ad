//! The configurations of both roles.

use std::sync::{Arc, Mutex, PoisonError};

use quinn_proto::crypto::{self, Keys, UnsupportedVersion};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side};
use tls_codec::extension::QuicTransportParameters;
use tls_handshake::{Contradiction, Error, Needs};

use super::keys::SharedInitialKeys;
use super::session::TlsSession;
use super::tokens::{ResetKey, TokenKey};
use crate::config::client::ClientConfig;
use crate::config::server::ServerConfig;
use crate::log::warn;
use crate::quic::{ClientConnection, ServerConnection, ServerStart, Version, retry_tag};

/// The cryptography of quinn's clients. See the [module](super).
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, quinn::QuicClientConfig};
///
/// let mut config = ClientConfig::new();
/// config.set_alpn_protocols(["h3"])?;
/// let crypto = QuicClientConfig::try_from(Arc::new(config))?;
/// let config = quinn_proto::ClientConfig::new(Arc::new(crypto));
/// # let _ = config;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuicClientConfig(Arc<ClientConfig>);

/// Fails if the settings contradict each other or quinn: TLS 1.3 is not enabled, there are no
/// application protocols, or requests are deferred.
impl TryFrom<Arc<ClientConfig>> for QuicClientConfig {
    type Error = Contradiction;

    fn try_from(config: Arc<ClientConfig>) -> Result<Self, Contradiction> {
        config.for_quic()?;
        check_deferred(config.runtime.original().deferred)?;
        Ok(Self(config))
    }
}

impl crypto::ClientConfig for QuicClientConfig {
    /// Returns [`ConnectError::EndpointStopping`] if the system has no randomness, or if the
    /// configuration does not fit into a ClientHello. The log has the reason.
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        let version = supported(version)?;
        match ClientConnection::new(&self.0, version, server_name, encode(params)) {
            Ok(connection) => Ok(Box::new(TlsSession::client(self.0.backend(), version, connection))),
            Err(Error::BadServerName(e)) => {
                warn!("{e}");
                Err(ConnectError::InvalidServerName(server_name.to_owned()))
            }
            Err(e) => {
                warn!("a QUIC connection cannot start: {e}");
                Err(ConnectError::EndpointStopping)
            }
        }
    }
}

/// The cryptography of quinn's servers. See the [module](super).
#[derive(Clone, Debug)]
pub struct QuicServerConfig {
    config: Arc<ServerConfig>,
    engine: tls_handshake::quic::Config<tls_handshake::ServerConfig>,
    first_packet: FirstPacket,
}

/// The keys of the last first packet of a client, until its connection takes them: quinn asks for
/// them twice. Anyone who sees the packet can compute them.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstPacket(Arc<Mutex<Option<(Version, ConnectionId, SharedInitialKeys)>>>);

impl FirstPacket {
    fn put(&self, version: Version, id: ConnectionId, keys: SharedInitialKeys) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, id, keys));
    }

    /// Returns the keys of this packet, once; `None` if another one came since.
    pub(super) fn take(&self, version: Version, id: &ConnectionId) -> Option<SharedInitialKeys> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, _, keys) = place.take_if(|(of_version, of, _)| (*of_version, &*of) == (version, id))?;
        Some(keys)
    }
}

/// Fails if the settings contradict each other or quinn: TLS 1.3 is not enabled, there are no
/// application protocols, requests are deferred, the identity has a remote key, or early data is
/// enabled without a [session storage](ServerConfig::set_session_storage).
impl TryFrom<Arc<ServerConfig>> for QuicServerConfig {
    type Error = Contradiction;

    fn try_from(config: Arc<ServerConfig>) -> Result<Self, Contradiction> {
        let engine = config.for_quic()?.clone();
        let runtime = config.runtime.original();
        check_deferred(runtime.deferred)?;
        if runtime.resolver.resolve_for_all().is_some_and(|identity| identity.is_remote()) {
            return Err(Contradiction::Settings {
                settings: ["quinn", "an identity with a remote key"],
                why: "quinn cannot wait for a signature; use a local key or a key that signs at once",
            });
        }
        if config.engine.original().max_early_data_size() > 0 && !runtime.backend.is_store() {
            return Err(Contradiction::Settings {
                settings: ["early data", "no session storage"],
                why: "only a storage detects replays; set one or disable early data",
            });
        }
        Ok(Self { config, engine, first_packet: FirstPacket::default() })
    }
}

impl crypto::ServerConfig for QuicServerConfig {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        let version = supported(version)?;
        let keys = SharedInitialKeys::new(self.config.backend(), version, dst_cid);
        let of_server = keys.of_side(Side::Server);
        self.first_packet.put(version, *dst_cid, keys);
        Ok(of_server)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        // A connection ID has at most 20 bytes, so this does not fail. Clients discard a Retry
        // with another tag.
        retry_tag(self.config.backend(), supported_or_v1(version), orig_dst_cid, packet).unwrap_or_default()
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn crypto::Session> {
        let (version, transport_parameters) = (supported_or_v1(version), encode(params));
        // Sessions without early data need none.
        let session_data = match self.config.engine.original().max_early_data_size() {
            0 => Vec::new(),
            _ => limits_of_early_data(&transport_parameters),
        };
        let start = ServerStart { transport_parameters, session_data, accept_early_data: None };
        let connection = ServerConnection::with_engine(&self.config, &self.engine, version, start);
        let first_packet = self.first_packet.clone();
        Box::new(TlsSession::server(self.config.backend(), version, connection, first_packet))
    }
}

/// Returns quinn's configuration of an endpoint, with a new [`ResetKey`] and the versions that are
/// supported.
///
/// # Errors
/// [`Error::Crypto`] if the system has no randomness.
pub fn endpoint_config() -> Result<quinn_proto::EndpointConfig, Error> {
    let mut config = quinn_proto::EndpointConfig::new(Arc::new(ResetKey::generate()?));
    config.supported_versions(vec![Version::V1.to_wire()]);
    Ok(config)
}

/// Returns quinn's configuration of a server, with a new [`TokenKey`].
///
/// # Errors
/// [`Error::Config`] as for [`QuicServerConfig`]; [`Error::Crypto`] if the system has no
/// randomness.
pub fn server_config(config: Arc<ServerConfig>) -> Result<quinn_proto::ServerConfig, Error> {
    let crypto = QuicServerConfig::try_from(config)?;
    Ok(quinn_proto::ServerConfig::new(Arc::new(crypto), Arc::new(TokenKey::generate()?)))
}

/// Returns quinn's configuration of a client.
///
/// # Errors
/// [`Error::Config`] as for [`QuicClientConfig`].
pub fn client_config(config: Arc<ClientConfig>) -> Result<quinn_proto::ClientConfig, Error> {
    Ok(quinn_proto::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?)))
}

fn check_deferred(deferred: Needs) -> Result<(), Contradiction> {
    if deferred == Needs::NONE {
        return Ok(());
    }
    Err(Contradiction::Settings {
        settings: ["quinn", "deferred requests"],
        why: "quinn does not wait for an answer; answer from the configuration",
    })
}

/// quinn 0.11 writes the packets of version 1 only, whatever version is set.
fn supported(version: u32) -> Result<Version, UnsupportedVersion> {
    Version::from_wire(version).filter(|version| *version == Version::V1).ok_or(UnsupportedVersion)
}

/// quinn does not use the server's configuration with a version that it rejected.
fn supported_or_v1(version: u32) -> Version {
    supported(version).unwrap_or(Version::V1)
}

fn encode(params: &TransportParameters) -> Vec<u8> {
    let mut bytes = Vec::new();
    params.write(&mut bytes);
    bytes
}

/// Returns the transport parameters that early data relies on (RFC 9000 §7.4.1), in order: quinn
/// shuffles them, and the others differ in each connection.
fn limits_of_early_data(parameters: &[u8]) -> Vec<u8> {
    // Parameters that do not decode contain a connection ID, so they equal no others.
    let Ok(list) = QuicTransportParameters::decode(parameters) else { return parameters.to_vec() };
    let mut limits: Vec<_> = list.iter().filter(|parameter| EARLY_LIMITS.contains(&parameter.id)).collect();
    limits.sort_unstable_by_key(|parameter| parameter.id);
    let mut encoded = Vec::new();
    for limit in limits {
        let length = u64::try_from(limit.value.len()).unwrap_or(u64::MAX);
        encoded.extend_from_slice(&limit.id.to_be_bytes());
        encoded.extend_from_slice(&length.to_be_bytes());
        encoded.extend_from_slice(limit.value);
    }
    encoded
}

/// max_udp_payload_size, initial_max_data, initial_max_stream_data_*, initial_max_streams_*,
/// active_connection_id_limit, max_datagram_frame_size (RFC 9221 §3).
const EARLY_LIMITS: [u64; 9] = [0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0e, 0x20];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_ignore_order_and_other_parameters() {
        let limits = [0x04, 1, 9, 0x08, 2, 0x40, 7];
        let shuffled = [0x08, 2, 0x40, 7, 0x0f, 3, 1, 2, 3, 0x04, 1, 9];
        assert_eq!(limits_of_early_data(&limits), limits_of_early_data(&shuffled));
        for other in
            [&[0x04, 1, 8, 0x08, 2, 0x40, 7][..], &[0x04, 1, 9], &[0x04, 1, 9, 0x09, 2, 0x40, 7], &[0x04, 2, 9]]
        {
            assert_ne!(limits_of_early_data(&limits), limits_of_early_data(other), "{other:?}");
        }
    }
}
