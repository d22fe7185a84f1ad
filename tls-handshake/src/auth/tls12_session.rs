//! A TLS 1.2 session as evidence. The session's peer is available only together with its master
//! secret, which Finished then confirms.

use tls_crypto::tls12::MasterSecret;

use super::{PeerAuth, of_session};
use crate::resumption::{ClientSessionValue, ServerSessionValue, SessionSecret};
use tls_crypto::{Backend, HashAlgorithm};

/// The master secret of a session, and the peer that it authenticates.
pub(crate) struct ResumedSecret {
    pub(crate) master: MasterSecret,
    pub(crate) peer: PeerAuth,
}

impl ResumedSecret {
    /// Resumes on the client. `None` if this is not a TLS 1.2 session.
    pub(crate) fn by_client(backend: Backend, session: ClientSessionValue) -> Option<Self> {
        let hash = session.suite.tls12()?.hash;
        Some(Self { master: master(backend, hash, &session.secret)?, peer: of_session(Some(session.server_chain)) })
    }

    /// Resumes on the server. `None` if this is not a TLS 1.2 session.
    pub(crate) fn by_server(backend: Backend, session: &ServerSessionValue) -> Option<Self> {
        let hash = session.suite.tls12()?.hash;
        Some(Self { master: master(backend, hash, &session.secret)?, peer: of_session(session.client_chain.clone()) })
    }
}

fn master(backend: Backend, hash: HashAlgorithm, secret: &SessionSecret) -> Option<MasterSecret> {
    Some(MasterSecret::from_bytes(backend, hash, secret.bytes().try_into().ok()?))
}
