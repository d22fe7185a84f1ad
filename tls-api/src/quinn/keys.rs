//! Packet keys and header keys for quinn's traits. `session` hands them out.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::BytesMut;
use quinn_proto::crypto::{self, CryptoError, KeyPair};
use quinn_proto::{ConnectionId, Side};

use crate::quic::{
    HeaderKey, InitialKeys, KeyUpdates, Keys, NewPacketNumber, PacketKey, SAMPLE_LEN, TAG_LEN, Version,
    confidentiality_limit, initial_keys, integrity_limit,
};
use tls_crypto::{Backend, BulkAlgorithm};

/// Where a key is.
trait Source<K>: Send + Sync {
    /// Returns the key, or `None` before TLS releases it.
    fn get(&self) -> Option<&K>;
}

/// A key that exists.
struct Ready<K>(K);

impl<K: Send + Sync> Source<K> for Ready<K> {
    #[inline]
    fn get(&self) -> Option<&K> {
        Some(&self.0)
    }
}

/// The place of a key that quinn gets before TLS releases it, filled once.
///
/// quinn takes the 1-RTT keys of both directions at once. A server may send before the client is
/// authenticated, but has no key to receive until then.
pub(super) type Place<K> = Arc<OnceLock<K>>;

impl<K: Send + Sync> Source<K> for Place<K> {
    #[inline]
    fn get(&self) -> Option<&K> {
        OnceLock::get(self)
    }
}

/// The key that sends in a later key phase. quinn takes it in advance, and most connections never
/// use it: it is derived when quinn takes the one after it, which it does at each key update.
#[derive(Default)]
pub(super) struct NextWriteKey {
    key: OnceLock<PacketKey>,
    /// What the key is derived from, and then what follows it.
    updates: Mutex<Option<KeyUpdates>>,
}

impl NextWriteKey {
    /// Sets what the key is derived from.
    pub(super) fn set(&self, updates: KeyUpdates) {
        *self.lock() = Some(updates);
    }

    /// Derives the key, and returns the updates after it, once.
    pub(super) fn take_updates(&self) -> Option<KeyUpdates> {
        self.key()?;
        self.lock().take()
    }

    #[inline]
    fn key(&self) -> Option<&PacketKey> {
        self.key.get().or_else(|| self.derive())
    }

    fn lock(&self) -> MutexGuard<'_, Option<KeyUpdates>> {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn derive(&self) -> Option<&PacketKey> {
        let mut updates = self.lock();
        if self.key.get().is_none() {
            let (key, next) = updates.take()?.next();
            *updates = Some(next);
            // No other thread has set it: they take the lock first.
            let _ = self.key.set(key);
        }
        self.key.get()
    }
}

impl Source<PacketKey> for Arc<NextWriteKey> {
    #[inline]
    fn get(&self) -> Option<&PacketKey> {
        self.key()
    }
}

/// The keys of Initial packets, which a server's quinn takes twice: to read the first packet, and
/// for the connection.
#[derive(Clone, Debug)]
pub(super) struct SharedInitialKeys(Arc<InitialKeys>);

/// One direction of the keys of Initial packets.
struct InitialDirection(SharedInitialKeys, Side);

impl InitialDirection {
    fn keys(&self) -> &Keys {
        match self.1 {
            Side::Client => &self.0.0.client,
            Side::Server => &self.0.0.server,
        }
    }
}

impl Source<PacketKey> for InitialDirection {
    fn get(&self) -> Option<&PacketKey> {
        Some(&self.keys().packet)
    }
}

impl Source<HeaderKey> for InitialDirection {
    fn get(&self) -> Option<&HeaderKey> {
        Some(&self.keys().header)
    }
}

impl SharedInitialKeys {
    pub(super) fn new(backend: Backend, version: Version, connection_id: &ConnectionId) -> Self {
        Self(Arc::new(initial_keys(backend, version, connection_id)))
    }

    pub(super) fn of_side(&self, side: Side) -> crypto::Keys {
        let header = |of| header_of(InitialDirection(self.clone(), of));
        let packet = |of| packet_of(InitialDirection(self.clone(), of), BulkAlgorithm::Aes128Gcm);
        crypto::Keys {
            header: KeyPair { local: header(side), remote: header(!side) },
            packet: KeyPair { local: packet(side), remote: packet(!side) },
        }
    }
}

/// The keys of one direction. They are on the heap from the start, so that none is copied.
pub(super) struct Direction {
    pub(super) packet: Box<dyn crypto::PacketKey>,
    pub(super) header: Box<dyn crypto::HeaderKey>,
}

impl Direction {
    pub(super) fn ready(Keys { packet, header }: Keys) -> Self {
        Self { packet: packet_ready(packet), header: header_of(Ready(header)) }
    }

    /// Returns keys that do not exist yet, and the places to put them.
    pub(super) fn later(aead: BulkAlgorithm) -> (Self, KeyPlaces) {
        let places = KeyPlaces::default();
        let (packet, header) = (Arc::clone(&places.packet), Arc::clone(&places.header));
        (Self { packet: packet_of(packet, aead), header: header_of(header) }, places)
    }

    pub(super) fn pair(local: Self, remote: Self) -> crypto::Keys {
        crypto::Keys {
            header: KeyPair { local: local.header, remote: remote.header },
            packet: KeyPair { local: local.packet, remote: remote.packet },
        }
    }
}

/// Where to put the keys of a direction.
#[derive(Default)]
pub(super) struct KeyPlaces {
    packet: Place<PacketKey>,
    header: Place<HeaderKey>,
}

impl KeyPlaces {
    /// Each place is filled once, so `set` does not fail.
    pub(super) fn fill(self, Keys { packet, header }: Keys) {
        let _ = self.packet.set(packet);
        let _ = self.header.set(header);
    }
}

struct QuinnPacketKey<S> {
    key: S,
    aead: BulkAlgorithm,
}

struct QuinnHeaderKey<S>(S);

fn packet_of(key: impl Source<PacketKey> + 'static, aead: BulkAlgorithm) -> Box<dyn crypto::PacketKey> {
    Box::new(QuinnPacketKey { key, aead })
}

fn header_of(key: impl Source<HeaderKey> + 'static) -> Box<dyn crypto::HeaderKey> {
    Box::new(QuinnHeaderKey(key))
}

pub(super) fn packet_ready(key: PacketKey) -> Box<dyn crypto::PacketKey> {
    let aead = key.aead();
    packet_of(Ready(key), aead)
}

pub(super) fn packet_later(place: &Place<PacketKey>, aead: BulkAlgorithm) -> Box<dyn crypto::PacketKey> {
    packet_of(Arc::clone(place), aead)
}

pub(super) fn packet_at_update(key: &Arc<NextWriteKey>, aead: BulkAlgorithm) -> Box<dyn crypto::PacketKey> {
    packet_of(Arc::clone(key), aead)
}

impl<S: Source<PacketKey>> crypto::PacketKey for QuinnPacketKey<S> {
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

impl<S: Source<HeaderKey>> crypto::HeaderKey for QuinnHeaderKey<S> {
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
    use tls_crypto::HashAlgorithm;
    use tls_crypto::tls13::TrafficSecret;

    use super::*;
    fn keys() -> Keys {
        initial_keys(Backend::ring(), Version::V1, b"connection").client
    }

    #[test]
    fn missing_key_seals_nothing_and_opens_nothing() {
        let place = Place::default();
        let key = packet_later(&place, BulkAlgorithm::Aes128Gcm);
        let mut packet = [7; 40];
        key.encrypt(1, &mut packet, 10);
        assert_eq!(packet, [0; 40]);

        let mut sealed = [&b"header"[..], b"content", &[0; TAG_LEN]].concat();
        packet_ready(keys().packet).encrypt(1, &mut sealed, 6);
        let open = |key: &dyn crypto::PacketKey| {
            let mut payload = BytesMut::from(&sealed[6..]);
            key.decrypt(1, b"header", &mut payload).map(|()| payload)
        };
        assert!(open(&*key).is_err());
        assert!(place.set(keys().packet).is_ok());
        assert_eq!(open(&*key).unwrap(), &b"content"[..]);
    }

    /// quinn may also use a key before it takes the one after it.
    #[test]
    fn next_write_key_is_derived_once_when_it_is_used() {
        let secret = || TrafficSecret::from_key_log(Backend::ring(), HashAlgorithm::Sha256, &[7; 32]).unwrap();
        let updates = || KeyUpdates::new(Version::V1, BulkAlgorithm::Aes128Gcm, secret().into_stored());
        let (expected, after) = updates().next();
        let (expected_after, _) = after.next();
        let sealed = |key: &dyn crypto::PacketKey| {
            let mut packet = [7; 40];
            key.encrypt(1, &mut packet, 10);
            packet
        };
        let [expected, expected_after] = [expected, expected_after].map(|key| sealed(&*packet_ready(key)));
        for uses_before in [false, true] {
            let next = Arc::<NextWriteKey>::default();
            let key = packet_at_update(&next, BulkAlgorithm::Aes128Gcm);
            assert_eq!(sealed(&*key), [0; 40]);
            assert!(next.take_updates().is_none());
            next.set(updates());
            if uses_before {
                assert_eq!(sealed(&*key), expected);
            }
            let (after, _) = next.take_updates().unwrap().next();
            assert_eq!([sealed(&*key), sealed(&*packet_ready(after))], [expected, expected_after]);
            assert!(next.take_updates().is_none());
        }
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
