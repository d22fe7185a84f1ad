//! A session of TLS 1.2 as evidence: whom it stands for cannot be had without its master secret, which Finished then confirms.

use tls_crypto::tls12::MasterSecret;

use super::{PeerAuth, of_session};
use crate::resumption::{ClientSessionValue, ServerSessionValue, SessionSecret};
use tls_crypto::HashAlgorithm;

/// The master secret of a session, and whom it stands for.
pub(crate) struct ResumedSecret {
    pub(crate) master: MasterSecret,
    pub(crate) peer: PeerAuth,
}

impl ResumedSecret {
    /// A client goes on with the server of its session; `None` if the session is not of TLS 1.2.
    pub(crate) fn by_client(session: ClientSessionValue) -> Option<Self> {
        let hash = session.suite.tls12()?.hash;
        Some(Self { master: master(hash, &session.secret)?, peer: of_session(Some(session.server_chain)) })
    }

    /// A server goes on with the client of its session; `None` if the session is not of TLS 1.2.
    pub(crate) fn by_server(session: &ServerSessionValue) -> Option<Self> {
        let hash = session.suite.tls12()?.hash;
        Some(Self { master: master(hash, &session.secret)?, peer: of_session(session.client_chain.clone()) })
    }
}

fn master(hash: HashAlgorithm, secret: &SessionSecret) -> Option<MasterSecret> {
    Some(MasterSecret::from_bytes(hash, secret.bytes().try_into().ok()?))
}
