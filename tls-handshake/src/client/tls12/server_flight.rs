//! The server's flight in TLS 1.2, from ServerHello to ServerHelloDone, as the client receives it
//! (RFC 5246 §7.4.1.3–§7.4.5).

use tls_codec::code_points::{CipherSuite, EcPointFormat, NamedGroup, ProtocolVersion, SignatureScheme};
use tls_codec::handshake::ServerHello;
use tls_codec::handshake::tls12::{
    Certificate, CertificateRequest, CertificateStatus, ServerHelloDone, ServerKeyExchange,
};
use tls_crypto::{Group, Tls12Suite, Transcript};

use super::super::certificate_request::Request;
use super::super::hello::Offer;
use super::super::offered_psk::ResumptionOffer;
use super::resumption::Resuming;
use super::{HandshakeContext, MasterSecretKind, Promise, State};
use crate::auth::{HandshakeSignatureValid, PeerCertVerified};
use crate::config::filtered;
use crate::error::{Error, Illegal};
use crate::framed::Framed;
use crate::need::{ConnectionId, Need, NeedVerdict, VerdictAnswer};
use crate::negotiate::group_of;
use crate::record_size_limit::RecordSizes;
use crate::schedule::tls12::Randoms;
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::signature::DigitallySigned;
use crate::verify::signature::tls12 as signatures;
use crate::verify::{PeerChain, Staples, x509};

opaque_debug!(WaitCertificate, WaitServerKeyExchange, WaitServerHelloDone, WaitVerdict);

/// WAIT_CERT: ServerHello selected version and suite.
pub struct WaitCertificate {
    context: Box<HandshakeContext>,
    status: Status,
    staples: Staples,
}

/// The possibility that a CertificateStatus follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// ServerHello promised one. The server may still omit it (RFC 6066 §8).
    Promised,
    /// ServerHello did not promise one, or it has arrived.
    None,
}

/// WAIT_SKE: waits for ServerKeyExchange.
pub struct WaitServerKeyExchange {
    context: Box<HandshakeContext>,
    status: Status,
    chain: PeerChain,
    staples: Staples,
}

/// The server's key exchange message. Its signature is not verified yet.
pub(super) struct UnverifiedKeyExchange {
    group: Group,
    public: Vec<u8>,
    params: Vec<u8>,
    algorithm: SignatureScheme,
    signature: Vec<u8>,
}

/// The key exchange after the end-entity key's signature was verified.
pub(super) struct VerifiedKeyExchange {
    pub(super) group: Group,
    pub(super) public: Vec<u8>,
    pub(super) proof: HandshakeSignatureValid,
}

/// WAIT_SHD: waits for ServerHelloDone.
pub struct WaitServerHelloDone {
    context: Box<HandshakeContext>,
    chain: PeerChain,
    staples: Staples,
    exchange: Box<UnverifiedKeyExchange>,
    request: Option<Request>,
}

/// WAIT_SHD: waits for the application to verify the chain.
pub struct WaitVerdict {
    pub(super) context: Box<HandshakeContext>,
    exchange: Box<UnverifiedKeyExchange>,
    pub(super) request: Option<Request>,
}

impl State {
    /// Checks ServerHello (RFC 5246 §7.4.1.3) with the extensions of RFC 5746, 7627, 7301, 6066 and
    /// 8422. `hello` is the ClientHello as sent.
    pub(in crate::client) fn start(
        offer: Offer,
        hello: &[u8],
        m: &Framed<'_, ServerHello<'_>>,
        out: &mut dyn Sink,
    ) -> Result<Self, Error> {
        let extensions = &m.msg.extensions;
        extensions.check_tls12()?;
        offer.check_solicited(&m.msg)?;
        let suite = check_suite(&offer, &m.msg)?;
        let id = m.msg.legacy_session_id_echo;
        // The server echoes the ID, so it resumes the session that was offered with it.
        let resumed = !id.is_empty() && id == offer.session_id;
        // RFC 9846 §4.2.2: without a session the ID is random, so the server has no session for it.
        if resumed && offer.resumption.tls12().is_none() {
            return Err(Illegal::SessionIdEchoed.into());
        }
        if m.msg.legacy_compression_method != 0 {
            return Err(Illegal::CompressionNotOffered(m.msg.legacy_compression_method).into());
        }
        // RFC 5746 §3.4: without this extension an attacker can prepend its own data to the
        // client's.
        match extensions.renegotiation_info {
            Some([]) => {}
            None if offer.config.allow_missing_renegotiation_info => {}
            None => return Err(Error::MissingRenegotiationInfo),
            Some(_) => return Err(Error::InsecureRenegotiation),
        }
        if extensions.ec_point_formats.is_some_and(|formats| !formats.contains(EcPointFormat::UNCOMPRESSED)) {
            return Err(Illegal::PointFormats.into());
        }
        let common = &offer.config.common;
        let master_secret = match (extensions.extended_master_secret, common.require_ems) {
            (true, _) => MasterSecretKind::Extended,
            (false, false) => MasterSecretKind::Plain,
            (false, true) => return Err(Error::ExtendedMasterSecretRequired),
        };
        let alpn = Offer::check_alpn(&offer.config, extensions.alpn)?;
        let answer = (extensions.record_size_limit, extensions.max_fragment_length);
        RecordSizes::from_server(&offer.config, answer)?.apply(&offer.config.common, ProtocolVersion::TLS12, out);
        let mut transcript = Transcript::new(common.backend, suite.hash);
        let randoms = Randoms { client: offer.random, server: *m.msg.random };
        let promise = Promise::of(extensions.session_ticket);
        if resumed {
            let ResumptionOffer::Tls12(session) = offer.resumption else { return Err(Illegal::SessionIdEchoed.into()) };
            transcript.add(hello);
            transcript.add(m.raw);
            let resuming = Resuming { config: offer.config, randoms, transcript, suite, master_secret, alpn };
            return resuming.from(*session, promise, out);
        }
        if offer.config.client_identity_lookup {
            // CertificateVerify signs the messages themselves.
            transcript = transcript.keep_messages();
        }
        transcript.add(hello);
        transcript.add(m.raw);
        let mut staples = Staples::default();
        if let Some(scts) = extensions.signed_certificate_timestamps {
            staples.add_scts(scts);
        }
        let status = if extensions.status_request { Status::Promised } else { Status::None };
        let context = Box::new(HandshakeContext {
            randoms,
            config: offer.config,
            name: offer.name,
            transcript,
            suite,
            shares: offer.shares,
            master_secret,
            alpn,
            session_id: id.to_vec(),
            promise,
        });
        Ok(Self::WaitCertificate(WaitCertificate { context, status, staples }))
    }
}

fn check_suite(offer: &Offer, m: &ServerHello<'_>) -> Result<&'static Tls12Suite, Error> {
    let offered = offer.config.common.suites.iter().find(|suite| suite.suite() == m.cipher_suite);
    offered.and_then(|suite| suite.tls12()).ok_or_else(|| Illegal::CipherSuiteNotOffered(m.cipher_suite).into())
}

impl WaitCertificate {
    /// Copies the chain (RFC 5246 §7.4.2). It is trusted only after verification.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::ChainTooLong`].
    pub fn on_certificate(mut self, m: Framed<'_, Certificate<'_>>) -> Result<WaitServerKeyExchange, Error> {
        let limit = self.context.config.common.limits.chain_length;
        let Some(chain) = PeerChain::of(m.msg.certificate_list, |entry| entry.cert_data, limit)? else {
            return Err(Error::NoCertificate { version: ProtocolVersion::TLS12 });
        };
        self.context.transcript.add(m.raw);
        Ok(WaitServerKeyExchange { context: self.context, status: self.status, chain, staples: self.staples })
    }
}

impl WaitServerKeyExchange {
    pub(super) fn may_have_status(&self) -> bool {
        self.status == Status::Promised
    }

    /// Keeps the stapled OCSP response (RFC 6066 §8).
    #[must_use]
    pub fn on_certificate_status(mut self, m: Framed<'_, CertificateStatus<'_>>) -> Self {
        self.staples.add_ocsp_response(m.msg.ocsp_response);
        self.context.transcript.add(m.raw);
        Self { status: Status::None, ..self }
    }

    /// Keeps the key exchange (RFC 5246 §7.4.3, RFC 8422 §5.4). Its signature is verified after the
    /// chain.
    ///
    /// # Errors
    /// [`Illegal::GroupNotOffered`]; [`Error::CertificateKeyMismatch`],
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`].
    pub fn on_server_key_exchange(
        mut self,
        m: Framed<'_, ServerKeyExchange<'_>>,
    ) -> Result<WaitServerHelloDone, Error> {
        let ServerKeyExchange { params, algorithm, signature } = m.msg;
        let group = self.offered_group(params.group)?;
        if !signatures::is_for(self.context.suite.authentication, algorithm) {
            let suite = self.context.suite;
            return Err(match self.chain.leaf().and_then(|leaf| x509::is_for(suite.authentication, leaf)) {
                Some(false) => Error::CertificateKeyMismatch(CipherSuite(suite.id)),
                _ if signatures::kind_of(algorithm).is_none() => Error::SignatureSchemeNotOffered(algorithm),
                Some(true) | None => Error::SignatureSchemeMismatch(algorithm),
            });
        }
        self.context.transcript.add(m.raw);
        let exchange = Box::new(UnverifiedKeyExchange {
            group,
            public: params.public.to_vec(),
            params: params.raw.to_vec(),
            algorithm,
            signature: signature.to_vec(),
        });
        let Self { context, chain, staples, .. } = self;
        Ok(WaitServerHelloDone { context, chain, staples, exchange, request: None })
    }

    fn offered_group(&self, chosen: NamedGroup) -> Result<Group, Error> {
        let offered = &self.context.config.common.groups;
        let usable = |group: &Group| offered.contains(group) && !group.is_post_quantum();
        group_of(chosen).filter(usable).ok_or_else(|| Illegal::GroupNotOffered(chosen).into())
    }
}

impl WaitServerHelloDone {
    pub(super) fn was_requested(&self) -> bool {
        self.request.is_some()
    }

    /// Keeps the request (RFC 5246 §7.4.4). Drops schemes whose certificate type the server does
    /// not list.
    #[must_use]
    pub fn on_certificate_request(mut self, m: Framed<'_, CertificateRequest<'_>>) -> Self {
        let kinds = m.msg.certificate_types;
        let usable = |scheme: &SignatureScheme| signatures::kind_of(*scheme).is_some_and(|kind| kinds.contains(kind));
        let schemes = || filtered(&m.msg.signature_algorithms.to_vec(), &usable);
        let request = Request::new(&self.context.config, Some(m.msg.certificate_authorities), schemes);
        self.context.transcript.add(m.raw);
        Self { request: Some(request), ..self }
    }

    /// Requests verification of the chain (RFC 5246 §7.4.5).
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`] if data follows in the same record, because the client must
    /// answer first.
    pub fn on_server_hello_done(mut self, m: Framed<'_, ServerHelloDone>) -> Result<(WaitVerdict, Need), Error> {
        m.at_boundary()?;
        self.context.transcript.add(m.raw);
        let (name, asked) = (self.context.name.clone(), self.context.config.request_ocsp);
        let need = NeedVerdict::new(self.context.connection_id(), self.chain, self.staples, name, asked);
        let state = WaitVerdict { context: self.context, exchange: self.exchange, request: self.request };
        Ok((state, Need::Verdict(need)))
    }
}

impl HandshakeContext {
    pub(super) fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.randoms.client)
    }
}

impl WaitVerdict {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.context.connection_id()
    }

    /// Verifies the key exchange's signature with the end-entity certificate of the verified chain
    /// (RFC 5246 §7.4.3).
    pub(super) fn check_exchange(
        self,
        verdict: VerdictAnswer,
    ) -> Result<(Box<HandshakeContext>, VerifiedKeyExchange, Option<Request>), Error> {
        let Self { context, exchange, request } = self;
        let content = signatures::server_params(&context.randoms.client, &context.randoms.server, &exchange.params);
        let signed = DigitallySigned { algorithm: exchange.algorithm, signature: &exchange.signature };
        let offered = &context.config.common.schemes12;
        let cert = PeerCertVerified::check(verdict)?;
        let proof =
            cert.check_signature(context.config.common.backend, &signatures::RULES, offered, &content, signed)?;
        Ok((context, VerifiedKeyExchange { group: exchange.group, public: exchange.public, proof }, request))
    }
}
