//! The server's flight in TLS 1.2, in two parts: before and after the signature (RFC 5246
//! §7.4.1.3–§7.4.5).

use std::sync::Arc;

use tls_codec::code_points::{
    CipherSuite, ClientCertificateKind, EcPointFormat, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use tls_codec::error::BufferFull;
use tls_codec::extension::{self, CertificateStatus, StatusRequest};
use tls_codec::handshake::ClientHello;
use tls_codec::handshake::tls12::{CertificateRequest, ServerEcdhParams};
use tls_codec::owned::Owned;
use tls_codec::writer::{Encode, Writer};
use tls_crypto::{EphemeralKey, SecureRandom, Tls12Suite, Transcript};

use super::State;
use super::key_exchange::{HandshakeContext, KeyExchange, WaitCertificate, WaitClientKeyExchange};
use super::negotiate::{self, Selection};
use super::resumption::{self, SessionKind, WaitSession};
use crate::auth::{ClientAuth, PeerAuth};
use crate::config::ServerConfig;
use crate::error::Error;
use crate::flight;
use crate::framed::Framed;
use crate::identity::Identity;
use crate::need::{
    ConnectionId, IdentityAnswer, IdentityRules, Need, NeedIdentity, NeedSession, NeedSignature, SignatureAnswer,
};
use crate::negotiate::group_id;
use crate::negotiated::{HandshakeKind, Negotiated};
use crate::record_size_limit::RecordSizes;
use crate::schedule::tls12::Randoms;
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::signature::tls12 as signatures;

opaque_debug!(WaitIdentity, WaitSignature);

/// RECVD_CH: waits for the identity, which decides suite, signature scheme and group.
pub struct WaitIdentity {
    pub(super) config: Arc<ServerConfig>,
    /// ServerHello.random.
    random: [u8; 32],
    source: &'static dyn SecureRandom,
    alpn: Option<Vec<u8>>,
    pub(super) server_name: Option<Box<str>>,
    sizes: RecordSizes,
    pub(super) offers: OfferedExtensions,
    /// The header of ClientHello. The answer returns the body.
    header: [u8; 4],
}

/// Which extensions the client offers that ServerHello answers in every handshake. Stored, so that
/// a resumption decodes no extension twice.
#[derive(Clone, Copy)]
pub(super) struct OfferedExtensions {
    pub(super) extended_master_secret: bool,
    /// As an extension or as a cipher suite value (RFC 5746 §3.6).
    renegotiation_info: bool,
    ec_point_formats: bool,
}

impl OfferedExtensions {
    fn of(hello: &ClientHello<'_>) -> Self {
        let offered = &hello.extensions;
        let scsv = CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV;
        Self {
            extended_master_secret: offered.extended_master_secret,
            renegotiation_info: offered.renegotiation_info.is_some() || hello.cipher_suites.contains(scsv),
            ec_point_formats: offered.ec_point_formats.is_some(),
        }
    }
}

/// NEGOTIATED: Certificate is sent. Waits for the signature of ServerKeyExchange.
pub struct WaitSignature {
    exchange: KeyExchange,
    scheme: SignatureScheme,
    /// The parameters of ServerKeyExchange.
    params: Vec<u8>,
}

/// The states that can follow the server's flight.
#[derive(Debug)]
pub enum AfterSignature {
    /// Waits for the client's Certificate, which may be empty.
    Requested(WaitCertificate),
    /// Waits for ClientKeyExchange.
    NotRequested(WaitClientKeyExchange),
}

impl WaitIdentity {
    /// Checks ClientHello (RFC 5246 §7.4.1.2). Requests the session that it names, or else an
    /// identity.
    pub(in crate::server) fn ask(
        config: Arc<ServerConfig>,
        source: &'static dyn SecureRandom,
        random: [u8; 32],
        alpn: Option<Vec<u8>>,
        server_name: Option<&str>,
        m: &Framed<'_, ClientHello<'_>>,
    ) -> Result<(State, Need), Error> {
        negotiate::check(&config, &m.msg)?;
        let Some((header, body)) = m.raw.split_first_chunk() else {
            return Err(Error::Crypto("hashing the ClientHello"));
        };
        let by = resumption::named(&config, &m.msg);
        let sizes = RecordSizes::from_client_hello(&m.msg)?;
        let server_name = server_name.map(Box::from);
        let offers = OfferedExtensions::of(&m.msg);
        let state = Self { config, random, source, alpn, server_name, sizes, offers, header: *header };
        Ok(match by {
            Some(by) => {
                let need = NeedSession::new(ConnectionId::of(&random), by, body, &m.msg, [None; 2], state.rules());
                (State::WaitSession(WaitSession::new(state, by)), Need::Session(need))
            }
            None => {
                let need = NeedIdentity::new(ConnectionId::of(&random), Owned::of_decoded(body), false, state.rules());
                (State::WaitIdentity(state), Need::Identity(need))
            }
        })
    }

    pub(super) fn rules(&self) -> IdentityRules {
        IdentityRules { config: Arc::clone(&self.config), usable: Selection::is_usable }
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.random)
    }

    /// Sends ServerHello, Certificate and CertificateStatus, and requests the signature.
    pub(super) fn on_identity(
        self,
        answer: IdentityAnswer,
        out: &mut dyn Sink,
    ) -> Result<(WaitSignature, Need), Error> {
        let (identity, wire) = answer.into_parts()?;
        let hello = wire.get()?;
        let Selection { suite, scheme, group } = Selection::from(&self.config, &hello, &identity)?;
        let key = EphemeralKey::generate(self.config.common.backend, group)
            .map_err(|_| Error::Crypto("generating a key share"))?;
        let session_kind = SessionKind::choose(&self.config, &hello, self.source)?;
        let mut context = self.into_context(
            suite,
            Some(group_id(group)),
            HandshakeKind::Full,
            session_kind,
            wire.wire(),
            hello.random,
        );
        context.scope = context.scope.with_identity(identity.session_scope());
        let params = context.send_hello_and_certificate(&hello, &identity, &key, out)?;
        let content = signatures::server_params(&context.randoms.client, &context.randoms.server, &params);
        let need =
            NeedSignature::new(context.connection_id(), context.config.common.backend, identity, scheme, content);
        Ok((
            WaitSignature { exchange: KeyExchange { context, key: Box::new(key) }, scheme, params },
            Need::Signature(need),
        ))
    }

    /// Creates what all later states share.
    pub(super) fn into_context(
        self,
        suite: &'static Tls12Suite,
        group: Option<NamedGroup>,
        kind: HandshakeKind,
        session_kind: SessionKind,
        body: &[u8],
        client_random: &[u8; 32],
    ) -> Box<HandshakeContext> {
        let mut transcript = Transcript::new(self.config.common.backend, suite.hash);
        if self.config.client_auth != ClientAuth::Disabled {
            transcript = transcript.keep_messages();
        }
        transcript.add(&self.header);
        transcript.add(body);
        Box::new(HandshakeContext {
            randoms: Randoms { client: *client_random, server: self.random },
            transcript,
            suite,
            offers: self.offers,
            negotiated: Negotiated {
                suite: suite.into(),
                group,
                alpn: self.alpn,
                kind,
                server_name: self.server_name.map(String::from),
                early_data: false,
                first_finished: None,
            },
            sizes: self.sizes,
            session_kind,
            scope: self.config.scope(),
            config: self.config,
        })
    }
}

impl HandshakeContext {
    /// Sends ServerHello, Certificate and CertificateStatus (RFC 5246 §7.4.1.3, §7.4.2, RFC 6066
    /// §8). Returns the parameters of ServerKeyExchange.
    fn send_hello_and_certificate(
        &mut self,
        hello: &ClientHello<'_>,
        identity: &Identity,
        key: &EphemeralKey,
        out: &mut dyn Sink,
    ) -> Result<Vec<u8>, Error> {
        let answers = HelloExtensions::with_identity(hello, identity, self);
        // The ID of the new session, never the one that the client sent (RFC 5246 §7.4.1.3).
        self.send_hello(None, &answers, out)?;
        let (transcript, group) = (&mut self.transcript, group_id(key.group()));
        flight::send(out, transcript, &mut |w| flight::tls12::certificate(w, Some(identity)))?;
        if let Some(ocsp_response) = answers.ocsp_response {
            flight::send(out, transcript, &mut |w| {
                w.message(HandshakeType::CERTIFICATE_STATUS, |w| CertificateStatus { ocsp_response }.encode(w))
            })?;
        }
        let mut params = Vec::new();
        ServerEcdhParams::write(&mut Writer::append(&mut params), group, &key.public_key())?;
        Ok(params)
    }

    /// Sends the ServerHello that resumes a session (RFC 5246 §7.4.1.3). Echoing the client's ID
    /// informs the client, also if it sent a ticket (RFC 5077 §3.4).
    pub(super) fn send_resumption_hello(&mut self, session_id: &[u8], out: &mut dyn Sink) -> Result<(), Error> {
        let answers = HelloExtensions::without_identity(self);
        self.send_hello(Some(session_id), &answers, out)
    }

    /// Sends ServerHello with `resumed_id`, or with the ID of the new session.
    fn send_hello(
        &mut self,
        resumed_id: Option<&[u8]>,
        answers: &HelloExtensions<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let Self { config, randoms, transcript, suite, sizes, session_kind, .. } = self;
        let session_id = resumed_id.unwrap_or_else(|| session_kind.id());
        // RFC 6066 §4: the negotiated length applies to handshake messages, from this one on.
        sizes.apply(&config.common, ProtocolVersion::TLS12, out);
        flight::send(out, transcript, &mut |w| {
            w.message(HandshakeType::SERVER_HELLO, |w| {
                w.u16(ProtocolVersion::TLS12.0)?;
                w.bytes(&randoms.server)?;
                w.vec8_bytes(session_id)?;
                w.u16(suite.id)?;
                w.u8(0)?;
                w.vec16(|w| {
                    sizes.write(w, &config.common, ProtocolVersion::TLS12)?;
                    answers.encode(w)
                })
            })
        })
    }
}

/// The extensions of ServerHello: only answers to extensions that the client offered.
struct HelloExtensions<'a> {
    /// RFC 6066 §3: acknowledges that the name selected the certificate. A resumption does not
    /// acknowledge it.
    server_name: bool,
    offers: OfferedExtensions,
    alpn: Option<Vec<u8>>,
    session_ticket: bool,
    ocsp_response: Option<&'a [u8]>,
    scts: &'a [Vec<u8>],
}

impl<'a> HelloExtensions<'a> {
    /// Returns those of a resumption.
    fn without_identity(context: &HandshakeContext) -> Self {
        Self {
            server_name: false,
            offers: context.offers,
            alpn: context.negotiated.alpn.clone(),
            session_ticket: context.session_kind == SessionKind::Ticket,
            ocsp_response: None,
            scts: &[],
        }
    }

    /// Returns those of a full handshake.
    fn with_identity(hello: &ClientHello<'_>, identity: &'a Identity, context: &HandshakeContext) -> Self {
        let offered = &hello.extensions;
        let asks_ocsp = matches!(offered.status_request, Some(StatusRequest::Ocsp { .. }));
        let asks_scts = offered.signed_certificate_timestamp;
        Self {
            server_name: context.negotiated.server_name.is_some(),
            ocsp_response: identity.ocsp_response().filter(|_| asks_ocsp),
            scts: if asks_scts { identity.signed_certificate_timestamps() } else { &[] },
            ..Self::without_identity(context)
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        if self.server_name {
            extension::ServerNameAck::write(w)?;
        }
        if self.offers.extended_master_secret {
            extension::ExtendedMasterSecret::write(w)?;
        }
        if self.offers.renegotiation_info {
            extension::RenegotiationInfo::write(w, &[])?;
        }
        if self.offers.ec_point_formats {
            extension::EcPointFormats::write(w, &[EcPointFormat::UNCOMPRESSED])?;
        }
        if let Some(name) = &self.alpn {
            extension::SelectedAlpn::write(w, name)?;
        }
        if self.session_ticket {
            extension::SessionTicket::write(w, &[])?;
        }
        if self.ocsp_response.is_some() {
            extension::StatusRequest::write_empty(w)?;
        }
        if !self.scts.is_empty() {
            extension::SignedCertificateTimestamps::write(w, self.scts)?;
        }
        Ok(())
    }
}

impl WaitSignature {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.exchange.context.connection_id()
    }

    /// Sends ServerKeyExchange, CertificateRequest if the configuration requests a certificate, and
    /// ServerHelloDone.
    pub(super) fn on_signature(self, answer: SignatureAnswer, out: &mut dyn Sink) -> Result<AfterSignature, Error> {
        let (signature, mut exchange) = (answer.into_signature()?, self.exchange);
        let HandshakeContext { config, transcript, .. } = &mut *exchange.context;
        flight::send(out, transcript, &mut |w| {
            w.message(HandshakeType::SERVER_KEY_EXCHANGE, |w| {
                w.bytes(&self.params)?;
                w.u16(self.scheme.0)?;
                w.vec16_bytes(&signature)
            })
        })?;
        let asks = config.client_auth != ClientAuth::Disabled;
        if asks {
            let (schemes, authorities) = (config.common.tls12_schemes(), &config.client_auth_hints);
            flight::send(out, transcript, &mut |w| {
                w.message(HandshakeType::CERTIFICATE_REQUEST, |w| {
                    CertificateRequest::write(w, &CERTIFICATE_KINDS, schemes, authorities)
                })
            })?;
        }
        flight::send(out, transcript, &mut |w| w.message(HandshakeType::SERVER_HELLO_DONE, |_| Ok(())))?;
        if asks {
            return Ok(AfterSignature::Requested(WaitCertificate::new(exchange)));
        }
        let peer = PeerAuth::not_requested(config.client_auth, ProtocolVersion::TLS12)?;
        Ok(AfterSignature::NotRequested(WaitClientKeyExchange::new(exchange, peer)))
    }
}

/// The key types that may sign CertificateVerify. ECDSA_SIGN includes Ed25519 (RFC 8422 §5.5).
const CERTIFICATE_KINDS: [ClientCertificateKind; 2] =
    [ClientCertificateKind::ECDSA_SIGN, ClientCertificateKind::RSA_SIGN];
