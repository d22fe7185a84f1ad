//! A server's cryptography that counts the key updates of its connections.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quinn::crypto::{self, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, UnsupportedVersion};
use quinn::{ConnectionId, ServerConfig, Side};
use quinn_proto::TransportError;
use quinn_proto::transport_parameters::TransportParameters;

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
}

struct Counting {
    inner: Arc<dyn crypto::ServerConfig>,
    updates: Updates,
}

impl crypto::ServerConfig for Counting {
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
