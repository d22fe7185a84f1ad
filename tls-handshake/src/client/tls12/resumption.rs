//! Resumes a TLS 1.2 session on the client: the server finishes first and sends no certificate (RFC
//! 5246 §7.3, RFC 5077 §3.1).

use std::sync::Arc;

use tls_codec::code_points::CipherSuite;
use tls_crypto::{Tls12Suite, Transcript};

use super::super::offered_psk::FullHandshake;
use super::client_flight::{FinishedOrder, KeysReady};
use super::new_session::SessionOrigin;
use super::{MasterSecretKind, Promise, State};
use crate::auth::tls12_session::ResumedSecret;
use crate::config::ClientConfig;
use crate::error::{Error, Illegal};
use crate::need::ConnectionId;
use crate::negotiated::{HandshakeKind, Negotiated};
use crate::resumption::ClientSessionValue;
use crate::schedule::Side;
use crate::schedule::tls12::{Keys, Randoms};
use crate::sink::Sink;

/// The parameters that ServerHello selected.
pub(super) struct Resuming {
    pub(super) config: Arc<ClientConfig>,
    pub(super) randoms: Randoms,
    pub(super) transcript: Transcript,
    pub(super) suite: &'static Tls12Suite,
    pub(super) master_secret: MasterSecretKind,
    pub(super) alpn: Option<Vec<u8>>,
}

impl Resuming {
    /// Derives the keys of this connection from the session's master secret.
    ///
    /// # Errors
    /// [`Illegal::ResumedCipherSuite`], [`Illegal::ResumedMasterSecret`] (RFC 7627 §5.3).
    pub(super) fn from(
        self,
        session: ClientSessionValue,
        promise: Promise,
        out: &mut dyn Sink,
    ) -> Result<State, Error> {
        let suite = self.suite;
        let refused = || Illegal::ResumedCipherSuite(CipherSuite(suite.id));
        if session.suite != suite.into() {
            return Err(refused().into());
        }
        let extended = self.master_secret == MasterSecretKind::Extended;
        if session.extended_master_secret != extended {
            return Err(Illegal::ResumedMasterSecret { session_had_it: !extended }.into());
        }
        let full = Some(FullHandshake { authenticated: session.authenticated, expires: session.expires });
        let ResumedSecret { master, peer } =
            ResumedSecret::by_client(self.config.common.backend, session).ok_or_else(refused)?;
        let keys = Keys::resume(Side::Client, suite, master, extended, self.randoms, out);
        let negotiated = Negotiated {
            suite: suite.into(),
            group: None,
            alpn: self.alpn,
            kind: HandshakeKind::Resumed,
            server_name: None,
            early_data: false,
            first_finished: None,
        };
        let origin = SessionOrigin { config: self.config, session_id: Vec::new(), full, ticket: None };
        let (connection_id, order) = (ConnectionId::of(&self.randoms.client), FinishedOrder::ServerFirst);
        let transcript = self.transcript;
        Ok(Box::new(KeysReady { transcript, connection_id, keys, peer, negotiated, order, promise, origin }).wait())
    }
}
