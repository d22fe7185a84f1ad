//! The binders of TLS 1.3 pre-shared keys: a client computes them, and a server checks that of the
//! key that it selects. Only then is the key's peer available, together with the key schedule,
//! which Finished confirms.

use std::sync::Arc;

use tls_crypto::tls13::{BinderKind, EarlySecret};
use tls_crypto::{Backend, Digest, HashAlgorithm};

use super::{PeerAuth, PeerKind, of_session};
use crate::error::Error;
use crate::resumption::{ClientSessionValue, ExternalPsk, ServerSessionValue};

/// A key schedule that begins with a pre-shared key, and the peer that the key authenticates.
struct Schedule {
    hash: HashAlgorithm,
    early: EarlySecret,
    binder: BinderKind,
    peer: PeerAuth,
}

impl Schedule {
    fn new(backend: Backend, hash: HashAlgorithm, secret: &[u8], binder: BinderKind, peer: PeerAuth) -> Self {
        Self { hash, early: EarlySecret::with_psk(backend, hash, secret), binder, peer }
    }

    fn external(backend: Backend, psk: &ExternalPsk) -> Self {
        let peer = PeerAuth(PeerKind::ExternalPsk { identity: psk.identity.clone() });
        Self::new(backend, psk.hash, &psk.key, psk.kind.binder(), peer)
    }
}

/// A key that a client offers. If the server selects it, only a holder of the key can send the
/// server's Finished.
pub(crate) struct OfferedPsk(Schedule);

impl OfferedPsk {
    /// `None` if this is not a TLS 1.3 session.
    pub(crate) fn of_session(backend: Backend, session: &ClientSessionValue) -> Option<Self> {
        let hash = session.suite.tls13()?.hash;
        let peer = of_session(Some(Arc::clone(&session.server_chain)));
        Some(Self(Schedule::new(backend, hash, session.secret.bytes(), BinderKind::Resumption, peer)))
    }

    pub(crate) fn external(backend: Backend, psk: &ExternalPsk) -> Self {
        Self(Schedule::external(backend, psk))
    }

    /// Returns the key's hash. Only suites with the same hash can select the key.
    pub(crate) fn hash(&self) -> HashAlgorithm {
        self.0.hash
    }

    /// Computes the binder over the hash of ClientHello up to the binders (RFC 9846 §4.3.11.2).
    pub(crate) fn binder(&self, truncated_hash: &Digest) -> Digest {
        self.0.early.binder_key(self.0.binder).verify_data(truncated_hash)
    }

    /// Returns the early secret, from which early data keys are derived.
    pub(crate) fn early(&self) -> &EarlySecret {
        &self.0.early
    }

    /// Turns the key that the server selected into its schedule and peer.
    pub(crate) fn select(self) -> (EarlySecret, PeerAuth) {
        (self.0.early, self.0.peer)
    }
}

/// A key found for an identity in ClientHello. The client has not yet proved to hold it.
pub(crate) struct NamedPsk(Schedule);

impl NamedPsk {
    /// `None` if this is not a TLS 1.3 session.
    pub(crate) fn of_session(backend: Backend, session: &ServerSessionValue) -> Option<Self> {
        let hash = session.suite.tls13()?.hash;
        let peer = of_session(session.client_chain.clone());
        Some(Self(Schedule::new(backend, hash, session.secret.bytes(), BinderKind::Resumption, peer)))
    }

    pub(crate) fn external(backend: Backend, psk: &ExternalPsk) -> Self {
        Self(Schedule::external(backend, psk))
    }

    /// Checks the binder over the hash of ClientHello up to the binders, in constant time (RFC 9846
    /// §4.3.11.2).
    ///
    /// # Errors
    /// [`Error::BadBinder`].
    pub(crate) fn check_binder(self, truncated_hash: &Digest, received: &[u8]) -> Result<BoundPsk, Error> {
        let Self(schedule) = self;
        if schedule.early.binder_key(schedule.binder).verify(truncated_hash, received) {
            Ok(BoundPsk(schedule))
        } else {
            Err(Error::BadBinder)
        }
    }
}

/// A key that the client has proved to hold by binding ClientHello to it.
pub(crate) struct BoundPsk(Schedule);

impl BoundPsk {
    /// Returns the early secret, from which early data keys are derived.
    pub(crate) fn early(&self) -> &EarlySecret {
        &self.0.early
    }

    pub(crate) fn accept(self) -> (EarlySecret, PeerAuth) {
        (self.0.early, self.0.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9846 §4.3.11.2, RFC 9258 §5.2. Two endpoints with the same wrong label would agree, so
    /// handshakes cannot show the mistake.
    #[test]
    fn external_psk_binder_uses_label_of_its_kind() {
        let hash = HashAlgorithm::Sha256;
        let plain = ExternalPsk::plain(b"name".to_vec(), &[7; 32], hash).unwrap();
        let [imported, _] = ExternalPsk::import(b"name", &[7; 32], hash, b"").unwrap().try_into().unwrap();
        let hello = hash.hash(b"a ClientHello");
        for (psk, label) in [(plain, BinderKind::External), (imported, BinderKind::Imported)] {
            let expected = EarlySecret::with_psk(Backend::ring(), hash, &psk.key).binder_key(label).verify_data(&hello);
            assert_eq!(OfferedPsk::external(Backend::ring(), &psk).binder(&hello).as_ref(), expected.as_ref());
            assert!(NamedPsk::external(Backend::ring(), &psk).check_binder(&hello, expected.as_ref()).is_ok());
        }
    }
}
