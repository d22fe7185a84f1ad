//! A pre-shared key of TLS 1.3 as evidence: whom it stands for cannot be had without the key schedule that begins with it, which
//! Finished then confirms; and at a server not before its binder was checked.

use std::sync::Arc;

use tls_crypto::tls13::{BinderKind, EarlySecret};
use tls_crypto::{Digest, HashAlgorithm};

use super::{PeerAuth, PeerKind, of_session};
use crate::error::Error;
use crate::resumption::{ClientSessionValue, ExternalPsk, ServerSessionValue};

/// A key schedule that begins with a pre-shared key, and whom that key stands for.
struct Schedule {
    hash: HashAlgorithm,
    early: EarlySecret,
    binder: BinderKind,
    peer: PeerAuth,
}

impl Schedule {
    fn new(hash: HashAlgorithm, secret: &[u8], binder: BinderKind, peer: PeerAuth) -> Self {
        Self { hash, early: EarlySecret::with_psk(hash, secret), binder, peer }
    }

    fn external(psk: &ExternalPsk) -> Self {
        let peer = PeerAuth(PeerKind::ExternalPsk { identity: psk.identity.clone() });
        Self::new(psk.hash, &psk.key, psk.kind.binder(), peer)
    }
}

/// A key that a client offers. If the server selects it, only who holds it as well can send the server's Finished.
pub(crate) struct OfferedPsk(Schedule);

impl OfferedPsk {
    /// `None` if the session is not of TLS 1.3.
    pub(crate) fn of_session(session: &ClientSessionValue) -> Option<Self> {
        let hash = session.suite.tls13()?.hash;
        let peer = of_session(Some(Arc::clone(&session.server_chain)));
        Some(Self(Schedule::new(hash, session.secret.bytes(), BinderKind::Resumption, peer)))
    }

    pub(crate) fn external(psk: &ExternalPsk) -> Self {
        Self(Schedule::external(psk))
    }

    /// The hash that the key goes with: only suites with the same can select it.
    pub(crate) fn hash(&self) -> HashAlgorithm {
        self.0.hash
    }

    /// RFC 9846 §4.3.11.2, over the hash of the hello up to the binders.
    pub(crate) fn binder(&self, truncated_hash: &Digest) -> Digest {
        self.0.early.binder_key(self.0.binder).verify_data(truncated_hash)
    }

    /// The schedule that early data goes by.
    pub(crate) fn early(&self) -> &EarlySecret {
        &self.0.early
    }

    /// The server selected it.
    pub(crate) fn select(self) -> (EarlySecret, PeerAuth) {
        (self.0.early, self.0.peer)
    }
}

/// A key that was found for an identity in a ClientHello, whose sender may or may not hold it.
pub(crate) struct NamedPsk(Schedule);

impl NamedPsk {
    /// `None` if the session is not of TLS 1.3.
    pub(crate) fn of_session(session: &ServerSessionValue) -> Option<Self> {
        let hash = session.suite.tls13()?.hash;
        let peer = of_session(session.client_chain.clone());
        Some(Self(Schedule::new(hash, session.secret.bytes(), BinderKind::Resumption, peer)))
    }

    pub(crate) fn external(psk: &ExternalPsk) -> Self {
        Self(Schedule::external(psk))
    }

    /// Checks the binder, in constant time, over the hash of the hello up to the binders (RFC 9846 §4.3.11.2).
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

/// A key that the sender of a ClientHello holds, and bound that hello to.
pub(crate) struct BoundPsk(Schedule);

impl BoundPsk {
    /// The schedule that early data goes by.
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

    /// RFC 9846 §4.3.11.2, RFC 9258 §5.2: both sides of a wrong label would agree.
    #[test]
    fn binders_of_external_keys_have_the_label_of_their_kind() {
        let hash = HashAlgorithm::Sha256;
        let plain = ExternalPsk::plain(b"name".to_vec(), &[7; 32], hash).unwrap();
        let [imported, _] = ExternalPsk::import(b"name", &[7; 32], hash, b"").unwrap().try_into().unwrap();
        let hello = hash.hash(b"a ClientHello");
        for (psk, label) in [(plain, BinderKind::External), (imported, BinderKind::Imported)] {
            let expected = EarlySecret::with_psk(hash, &psk.key).binder_key(label).verify_data(&hello);
            assert_eq!(OfferedPsk::external(&psk).binder(&hello).as_ref(), expected.as_ref());
            assert!(NamedPsk::external(&psk).check_binder(&hello, expected.as_ref()).is_ok());
        }
    }
}
