//! Cryptography that counts the key updates of its connections.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quinn::crypto::{self, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, UnsupportedVersion};
use quinn::{ClientConfig, ConnectError, Connection, ConnectionId, ServerConfig, Side};
use quinn_proto::TransportError;
use quinn_proto::transport_parameters::TransportParameters;

/// Requests of a key update before a test fails. quinn needs some hundred.
const MAX_ATTEMPTS: u32 = 10_000;

/// How often quinn took keys of a next phase: once in advance, and once for each key update,
/// whichever side began it.
#[derive(Clone, Default)]
pub(crate) struct Updates(Arc<AtomicUsize>);

impl Updates {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts those of a server with this configuration.
    pub(crate) fn count(&self, config: &mut ServerConfig) {
        config.crypto = Arc::new(Counting { inner: Arc::clone(&config.crypto), updates: self.clone() });
    }

    /// Returns the configuration of a client whose updates are counted.
    pub(crate) fn client(&self, crypto: Arc<dyn crypto::ClientConfig>) -> ClientConfig {
        ClientConfig::new(Arc::new(Counting { inner: crypto, updates: self.clone() }))
    }

    /// Begins a key update, and waits until the side whose updates are counted has new keys. quinn
    /// ignores the request while it still has the keys before the last update, for some round
    /// trips.
    ///
    /// # Panics
    /// If no update happens.
    pub(crate) async fn force(&self, side: &Connection) {
        let before = self.get();
        for _ in 0..MAX_ATTEMPTS {
            side.force_key_update();
            // A packet shows the new phase to the other side. Some peers take no datagrams.
            let _ = side.send_datagram(b"update".as_slice().into());
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.get() != before {
                return;
            }
        }
        panic!("no key update after {MAX_ATTEMPTS} requests");
    }
}

struct Counting<C: ?Sized> {
    inner: Arc<C>,
    updates: Updates,
}

impl crypto::ClientConfig for Counting<dyn crypto::ClientConfig> {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        name: &str,
        parameters: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        let inner = Arc::clone(&self.inner).start_session(version, name, parameters)?;
        Ok(Box::new(Session { inner, updates: self.updates.clone() }))
    }
}

impl crypto::ServerConfig for Counting<dyn crypto::ServerConfig> {
    fn initial_keys(&self, version: u32, id: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.inner.initial_keys(version, id)
    }

    fn retry_tag(&self, version: u32, id: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.inner.retry_tag(version, id, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, parameters: &TransportParameters) -> Box<dyn crypto::Session> {
        let inner = Arc::clone(&self.inner).start_session(version, parameters);
        Box::new(Session { inner, updates: self.updates.clone() })
    }
}

struct Session {
    inner: Box<dyn crypto::Session>,
    updates: Updates,
}

impl crypto::Session for Session {
    fn initial_keys(&self, id: &ConnectionId, side: Side) -> Keys {
        self.inner.initial_keys(id, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.inner.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.inner.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.inner.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.inner.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    fn read_handshake(&mut self, data: &[u8]) -> Result<bool, TransportError> {
        self.inner.read_handshake(data)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.inner.transport_parameters()
    }

    fn write_handshake(&mut self, data: &mut Vec<u8>) -> Option<Keys> {
        self.inner.write_handshake(data)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.updates.0.fetch_add(1, Ordering::Relaxed);
        self.inner.next_1rtt_keys()
    }

    fn is_valid_retry(&self, id: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.inner.is_valid_retry(id, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.inner.export_keying_material(output, label, context)
    }
}
