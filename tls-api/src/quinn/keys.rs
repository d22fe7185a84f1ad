//! Packet and header keys as quinn calls them.

use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use quinn_proto::crypto::{self, CryptoError, KeyPair};
use quinn_proto::{ConnectionId, Side};

use crate::quic::{
    HeaderKey, Keys, NewPacketNumber, PacketKey, SAMPLE_LEN, TAG_LEN, Version, confidentiality_limit, initial_keys,
    integrity_limit,
};
use tls_crypto::{Backend, BulkAlgorithm};

/// A key, or the place of one that quinn gets before TLS releases it.
///
/// quinn takes the 1-RTT keys of both directions at once. A server may send before the client is
/// authenticated, but has no key to receive until then.
pub(super) enum Source<K> {
    Ready(K),
    Later(Place<K>),
}

/// The place of a key, filled once.
pub(super) type Place<K> = Arc<OnceLock<K>>;

impl<K> Source<K> {
    /// Returns a source without a key, and the place to put it.
    pub(super) fn later() -> (Self, Place<K>) {
        let place = Place::default();
        (Self::Later(Arc::clone(&place)), place)
    }

    fn get(&self) -> Option<&K> {
        match self {
            Self::Ready(key) => Some(key),
            Self::Later(place) => place.get(),
        }
    }
}

pub(super) struct QuinnPacketKey {
    key: Source<PacketKey>,
    aead: BulkAlgorithm,
}

pub(super) struct QuinnHeaderKey(Source<HeaderKey>);

pub(super) fn packet(key: Source<PacketKey>, aead: BulkAlgorithm) -> Box<dyn crypto::PacketKey> {
    Box::new(QuinnPacketKey { key, aead })
}

pub(super) fn packet_ready(key: PacketKey) -> Box<dyn crypto::PacketKey> {
    let aead = key.aead();
    packet(Source::Ready(key), aead)
}

pub(super) fn header(key: Source<HeaderKey>) -> Box<dyn crypto::HeaderKey> {
    Box::new(QuinnHeaderKey(key))
}

/// The keys of both directions.
pub(super) fn pair(local: Keys, remote: Keys) -> crypto::Keys {
    crypto::Keys {
        header: KeyPair { local: header(Source::Ready(local.header)), remote: header(Source::Ready(remote.header)) },
        packet: KeyPair { local: packet_ready(local.packet), remote: packet_ready(remote.packet) },
    }
}

/// The keys of Initial packets.
pub(super) fn initial(backend: Backend, version: Version, connection_id: &ConnectionId, side: Side) -> crypto::Keys {
    let keys = initial_keys(backend, version, connection_id);
    match side {
        Side::Client => pair(keys.client, keys.server),
        Side::Server => pair(keys.server, keys.client),
    }
}

impl crypto::PacketKey for QuinnPacketKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        let sealed = buf.split_at_mut_checked(header_len).is_some_and(|(header, payload)| {
            let (key, number) = (self.key.get(), NewPacketNumber::new(packet));
            key.zip(number).is_some_and(|(key, number)| key.seal(number, header, payload).is_ok())
        });
        // quinn has no way to fail here. It never sends without a key, nor so many packets.
        if !sealed {
            buf.fill(0);
        }
    }

    fn decrypt(&self, packet: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        let key = self.key.get().ok_or(CryptoError)?;
        let length = key.open(packet, header, payload).map_err(|_| CryptoError)?;
        payload.truncate(length);
        Ok(())
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn confidentiality_limit(&self) -> u64 {
        confidentiality_limit(self.aead)
    }

    fn integrity_limit(&self) -> u64 {
        integrity_limit(self.aead)
    }
}

impl crypto::HeaderKey for QuinnHeaderKey {
    fn decrypt(&self, pn_offset: usize, packet: &mut [u8]) {
        // Without a key or a sample the packet stays as it is, and does not open.
        if let Some(key) = self.0.get() {
            let _ = key.unprotect(packet, pn_offset);
        }
    }

    fn encrypt(&self, pn_offset: usize, packet: &mut [u8]) {
        if let Some(key) = self.0.get() {
            let _ = key.protect(packet, pn_offset);
        }
    }

    fn sample_size(&self) -> usize {
        SAMPLE_LEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::PacketKey as _;

    fn keys() -> Keys {
        initial_keys(Backend::ring(), Version::V1, b"connection").client
    }

    #[test]
    fn missing_key_seals_nothing_and_opens_nothing() {
        let (source, place) = Source::later();
        let key = QuinnPacketKey { key: source, aead: BulkAlgorithm::Aes128Gcm };
        let mut packet = [7; 40];
        key.encrypt(1, &mut packet, 10);
        assert_eq!(packet, [0; 40]);

        let mut sealed = [&b"header"[..], b"content", &[0; TAG_LEN]].concat();
        packet_ready(keys().packet).encrypt(1, &mut sealed, 6);
        let open = |key: &QuinnPacketKey| {
            let mut payload = BytesMut::from(&sealed[6..]);
            key.decrypt(1, b"header", &mut payload).map(|()| payload)
        };
        assert!(open(&key).is_err());
        assert!(place.set(keys().packet).is_ok());
        assert_eq!(open(&key).unwrap(), &b"content"[..]);
    }

    #[test]
    fn number_out_of_range_is_not_sealed() {
        let mut packet = [7; 40];
        packet_ready(keys().packet).encrypt(1 << 62, &mut packet, 10);
        assert_eq!(packet, [0; 40]);
        packet_ready(keys().packet).encrypt(1, &mut packet, 41);
        assert_eq!(packet, [0; 40]);
    }
}
