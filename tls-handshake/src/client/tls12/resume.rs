//! A session that both sides go on from: the server finishes first, and shows no certificate (RFC 5246 §7.3, RFC 5077 §3.1).

use std::sync::Arc;

use tls_codec::code_points::CipherSuite;
use tls_crypto::{Tls12Suite, Transcript};

use super::super::known::FullHandshake;
use super::answer::{Exchanged, Order};
use super::session::Origin;
use super::{MasterSecretKind, Promised, State};
use crate::auth::tls12::Resumed;
use crate::config::ClientConfig;
use crate::error::{Error, Illegal};
use crate::need::Asker;
use crate::negotiated::{HandshakeKind, Negotiated};
use crate::resumption::ClientSessionValue;
use crate::schedule::Side;
use crate::schedule::tls12::{Keys, Randoms};
use crate::sink::Sink;

/// What ServerHello settled.
pub(super) struct GoingOn {
    pub(super) config: Arc<ClientConfig>,
    pub(super) randoms: Randoms,
    pub(super) transcript: Transcript,
    pub(super) suite: &'static Tls12Suite,
    pub(super) master_secret: MasterSecretKind,
    pub(super) alpn: Option<Vec<u8>>,
}

impl GoingOn {
    /// Derives the keys of this connection from the session's master secret.
    ///
    /// # Errors
    /// [`Illegal::ResumedCipherSuite`], [`Illegal::ResumedMasterSecret`] (RFC 7627 §5.3).
    pub(super) fn from(
        self,
        session: ClientSessionValue,
        promised: Promised,
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
        let Resumed { master, peer } = Resumed::by_client(session).ok_or_else(refused)?;
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
        let origin = Origin { config: self.config, session_id: Vec::new(), full, ticket: None };
        let (asker, order) = (Asker::of(&self.randoms.client), Order::ServerFirst);
        let transcript = self.transcript;
        Ok(Box::new(Exchanged { transcript, asker, keys, peer, negotiated, order, promised, origin }).wait())
    }
}
