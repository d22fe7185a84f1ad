//! The client's Certificate, if requested, and its ClientKeyExchange (RFC 5246 §7.4.6, §7.4.7).

use std::sync::Arc;

use tls_codec::code_points::ProtocolVersion;
use tls_codec::handshake::tls12::{Certificate, ClientKeyExchange};
use tls_crypto::{EphemeralKey, Tls12Suite, Transcript};

use super::finished::{FinishedOrder, KeysReady, WaitCertVerify, WaitChangeCipherSpec};
use super::resumption::SessionKind;
use super::server_flight::OfferedExtensions;
use crate::auth::{PeerAuth, PeerCertVerified};
use crate::config::ServerConfig;
use crate::error::{Error, Illegal};
use crate::framed::Framed;
use crate::need::{ConnectionId, Need, NeedClientVerdict, VerdictAnswer};
use crate::negotiate::group_id;
use crate::negotiated::Negotiated;
use crate::record_size_limit::RecordSizes;
use crate::resumption::Scope;
use crate::schedule::Side;
use crate::schedule::tls12::{Binding, Keys, Randoms};
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::PeerChain;

/// Data that all states share after suite and group are selected.
pub(super) struct HandshakeContext {
    pub(super) config: Arc<ServerConfig>,
    pub(super) randoms: Randoms,
    /// Keeps its messages if the client may have to sign them.
    pub(super) transcript: Transcript,
    pub(super) suite: &'static Tls12Suite,
    pub(super) offers: OfferedExtensions,
    pub(super) negotiated: Negotiated,
    pub(super) sizes: RecordSizes,
    /// The storage of the session.
    pub(super) session_kind: SessionKind,
    /// The resumption scope of the session: the configuration's, combined with that of the
    /// presented identity.
    pub(super) scope: Scope,
}

impl HandshakeContext {
    pub(super) fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.randoms.server)
    }
}

/// The server's half of the key exchange.
pub(super) struct KeyExchange {
    pub(super) context: Box<HandshakeContext>,
    /// On the heap, to keep the states small.
    pub(super) key: Box<EphemeralKey>,
}

impl KeyExchange {
    /// Derives the keys (RFC 5246 §7.4.7, RFC 8422 §5.7, RFC 7627 §4).
    fn agree(self, m: &Framed<'_, ClientKeyExchange<'_>>, out: &mut dyn Sink) -> Result<KeysReady, Error> {
        let Self { mut context, key } = self;
        let group = group_id(key.group());
        let secret = key.agree(m.msg.public).map_err(|_| Illegal::KeyShare(group))?;
        context.transcript.add(m.raw);
        let binding = if context.offers.extended_master_secret {
            Binding::ExtendedMasterSecret(context.transcript.hash())
        } else {
            Binding::Randoms
        };
        let keys = Keys::derive(
            Side::Server,
            context.config.common.backend,
            context.suite,
            secret,
            &binding,
            context.randoms,
            out,
        );
        Ok(KeysReady { context, keys, order: FinishedOrder::ClientFirst })
    }
}

opaque_debug!(WaitCertificate, WaitVerdict, WaitClientKeyExchange, WaitCertifiedKeyExchange);

/// WAIT_CERT: the server requested a certificate.
pub struct WaitCertificate {
    exchange: KeyExchange,
}

/// WAIT_CERT: waits for the application to verify the chain.
pub struct WaitVerdict {
    exchange: KeyExchange,
}

/// WAIT_CKE: the client has no certificate.
pub struct WaitClientKeyExchange {
    exchange: KeyExchange,
    peer: PeerAuth,
}

/// WAIT_CKE: the client's chain is verified, and its key must sign.
pub struct WaitCertifiedKeyExchange {
    exchange: KeyExchange,
    cert: PeerCertVerified,
}

/// The states that can follow the client's Certificate.
#[derive(Debug)]
pub enum AfterCertificate {
    /// It holds a chain, which the application must verify.
    Verdict(WaitVerdict, Need),
    /// It is empty.
    Declined(WaitClientKeyExchange),
}

impl WaitCertificate {
    pub(super) fn new(exchange: KeyExchange) -> Self {
        Self { exchange }
    }

    /// Requests verification of the client's chain (RFC 5246 §7.4.6), which is trusted only after
    /// that.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`], [`Error::ChainTooLong`].
    pub fn on_certificate(mut self, m: Framed<'_, Certificate<'_>>) -> Result<AfterCertificate, Error> {
        let HandshakeContext { config, transcript, .. } = &mut *self.exchange.context;
        let limit = config.common.limits.chain_length;
        let chain = PeerChain::of(m.msg.certificate_list, |entry| entry.cert_data, limit)?;
        transcript.add(m.raw);
        let Some(chain) = chain else {
            let peer = PeerAuth::declined(config.client_auth, ProtocolVersion::TLS12)?;
            // Without a certificate the client signs no messages.
            transcript.forget_messages();
            return Ok(AfterCertificate::Declined(WaitClientKeyExchange::new(self.exchange, peer)));
        };
        let need = NeedClientVerdict::new(self.exchange.context.connection_id(), chain);
        Ok(AfterCertificate::Verdict(WaitVerdict { exchange: self.exchange }, Need::ClientVerdict(need)))
    }
}

impl WaitVerdict {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.exchange.context.connection_id()
    }

    /// Continues with the verified chain, which the answer returns.
    pub(super) fn on_verdict(self, verdict: VerdictAnswer) -> Result<WaitCertifiedKeyExchange, Error> {
        Ok(WaitCertifiedKeyExchange { exchange: self.exchange, cert: PeerCertVerified::check(verdict)? })
    }
}

impl WaitClientKeyExchange {
    pub(super) fn new(exchange: KeyExchange, peer: PeerAuth) -> Self {
        Self { exchange, peer }
    }

    /// Derives the keys (RFC 5246 §7.4.7).
    ///
    /// # Errors
    /// [`Illegal::KeyShare`].
    pub fn on_client_key_exchange(
        self,
        m: Framed<'_, ClientKeyExchange<'_>>,
        out: &mut dyn Sink,
    ) -> Result<WaitChangeCipherSpec, Error> {
        Ok(WaitChangeCipherSpec::new(self.exchange.agree(&m, out)?, self.peer))
    }
}

impl WaitCertifiedKeyExchange {
    /// Derives the keys (RFC 5246 §7.4.7).
    ///
    /// # Errors
    /// [`Illegal::KeyShare`].
    pub fn on_client_key_exchange(
        self,
        m: Framed<'_, ClientKeyExchange<'_>>,
        out: &mut dyn Sink,
    ) -> Result<WaitCertVerify, Error> {
        Ok(WaitCertVerify::new(self.exchange.agree(&m, out)?, self.cert))
    }
}
