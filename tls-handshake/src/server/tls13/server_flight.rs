//! The server's flight in TLS 1.3, in two parts: before and after the signature (RFC 9846
//! §4.3–§4.5).

use std::ops::Range;
use std::sync::Arc;

use tls_codec::code_points::{ExtensionType, HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::error::BufferFull;
use tls_codec::extension;
use tls_codec::list::List;
use tls_codec::owned::{ClientHelloView, Owned};
use tls_codec::reader::Reader;
use tls_codec::writer::Writer;
use tls_crypto::tls13::EarlySecret;
use tls_crypto::{Backend, Digest, Group, KeyExchangeResponse, Tls13Suite};

use super::client_flight::{SentFlight, WaitCert, WaitFinished};
use super::negotiate::{HandshakeContext, missing};
use crate::auth::{ClientAuth, PeerAuth};
use crate::config::ServerConfig;
use crate::error::Error;
use crate::flight;
use crate::flight::tls13::Stapling;
use crate::framed::RecordBoundary;
use crate::identity::Identity;
use crate::need::{ConnectionId, IdentityAnswer, IdentityRules, Need, NeedIdentity, NeedSignature, SignatureAnswer};
use crate::negotiate::{certificate_schemes, first_common, group_id, key_exchange_error, no_common_scheme};
use crate::negotiated::{HandshakeKind, Negotiated};
use crate::record_size_limit::RecordSizes;
use crate::schedule::Side;
use crate::schedule::tls13::{EarlyKeys, HandshakeKeys, Hello, LockedApplicationKeys};
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::signature::tls13 as signatures;

/// Returns the first of the identity's schemes that the client accepts and TLS 1.3 allows.
fn scheme_for(backend: Backend, identity: &Identity, offered: &List<'_, SignatureScheme>) -> Option<SignatureScheme> {
    let usable = |scheme: &SignatureScheme| offered.contains(*scheme) && signatures::RULES.allow(backend, *scheme);
    first_common(identity.schemes(), &usable)
}

opaque_debug!(WaitIdentity, WaitSignature);

/// RECVD_CH: everything but the identity is selected.
pub struct WaitIdentity {
    pub(in crate::server) context: Box<HandshakeContext>,
    pub(in crate::server) suite: &'static Tls13Suite,
    pub(in crate::server) group: Group,
    pub(in crate::server) kind: HandshakeKind,
    pub(in crate::server) client_random: [u8; 32],
    /// The places of parts of ClientHello, which each answer returns.
    pub(in crate::server) parts: HelloParts,
    pub(in crate::server) alpn: Option<Vec<u8>>,
    pub(in crate::server) sizes: RecordSizes,
    pub(in crate::server) server_name: Option<String>,
    pub(in crate::server) stapling: Stapling,
    /// True if the client can resume a session of this connection.
    pub(in crate::server) can_resume: bool,
    /// True if the client sends early data.
    pub(in crate::server) early_data: bool,
    pub(in crate::server) at: RecordBoundary,
}

/// Ranges in the body of a ClientHello.
pub(in crate::server) struct HelloParts {
    /// The client's key share for the selected group.
    pub(in crate::server) share: Range<usize>,
    pub(in crate::server) session_id: Range<usize>,
    /// The list of signature_algorithms; empty if the client sent none.
    pub(in crate::server) schemes: Range<usize>,
}

/// NEGOTIATED: Certificate is sent. Waits for the signature of CertificateVerify.
pub struct WaitSignature {
    begun: Box<WaitIdentity>,
    keys: Box<HandshakeKeys>,
    scheme: SignatureScheme,
}

/// The states that can follow the server's flight.
#[derive(Debug)]
pub enum AfterSignature {
    /// Waits for the client's Certificate, which may be empty.
    Requested(WaitCert),
    /// Waits for the client's Finished.
    NotRequested(WaitFinished),
}

impl WaitIdentity {
    pub(in crate::server) fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.context.random)
    }

    /// Requests an identity for this ClientHello.
    pub(in crate::server) fn need_identity(context: &HandshakeContext, hello: Owned<ClientHelloView>) -> NeedIdentity {
        NeedIdentity::new(ConnectionId::of(&context.random), hello, context.config.external_psks, Self::rules(context))
    }

    pub(in crate::server) fn rules(context: &HandshakeContext) -> IdentityRules {
        IdentityRules {
            config: Arc::clone(&context.config),
            usable: |config, hello, identity| {
                let schemes = hello.extensions.signature_algorithms;
                schemes.is_some_and(|schemes| scheme_for(config.common.backend, identity, &schemes).is_some())
            },
        }
    }

    /// Sends ServerHello, EncryptedExtensions and Certificate, and requests the signature.
    pub(in crate::server) fn on_identity(
        mut self: Box<Self>,
        answer: IdentityAnswer,
        out: &mut dyn Sink,
    ) -> Result<(WaitSignature, Need), Error> {
        let (identity, hello) = answer.into_parts()?;
        self.context.scope = self.context.scope.with_identity(identity.session_scope());
        let schemes = hello.wire().get(self.parts.schemes.clone()).unwrap_or_default();
        // RFC 9846 §9.2: the client omitted it for its pre-shared keys, none of which the server
        // supports.
        if schemes.is_empty() {
            return Err(missing(ExtensionType::SIGNATURE_ALGORITHMS));
        }
        let schemes = List::<SignatureScheme>::decode_body(Reader::new(schemes))?;
        let backend = self.context.config.common.backend;
        let scheme = scheme_for(backend, &identity, &schemes)
            .ok_or_else(|| no_common_scheme(backend, &identity, schemes.iter()))?;
        let keys = self.send_server_hello(hello.wire(), EarlySecret::new(backend, self.suite.hash), None, None, out)?;
        // RFC 6066 §3: acknowledges that the name selected the certificate.
        let (named, config) = (self.server_name.is_some(), &self.context.config);
        let asks = config.client_auth != ClientAuth::Disabled;
        self.context.send_encrypted_extensions(self.alpn.as_ref(), named, false, self.sizes, out)?;
        let HandshakeContext { config, transcript, .. } = &mut *self.context;
        if asks {
            flight::send(out, transcript, &mut |w| certificate_request(w, config))?;
        }
        flight::send(out, transcript, &mut |w| flight::tls13::certificate(w, &[], &identity, self.stapling))?;
        let content = signatures::server_content(&transcript.hash());
        let need = NeedSignature::new(ConnectionId::of(&self.context.random), backend, identity, scheme, content);
        Ok((WaitSignature { begun: self, keys, scheme }, Need::Signature(need)))
    }

    /// Returns what is negotiated once ServerHello and EncryptedExtensions are sent.
    pub(super) fn into_negotiated(self, kind: HandshakeKind, early_data: bool) -> (Box<HandshakeContext>, Negotiated) {
        let negotiated = Negotiated {
            suite: self.suite.into(),
            group: Some(group_id(self.group)),
            alpn: self.alpn,
            kind,
            server_name: self.server_name,
            early_data,
            first_finished: None,
        };
        (self.context, negotiated)
    }

    /// Sends ServerHello (RFC 9846 §4.2.3), with the selected pre-shared key if any, and installs
    /// the handshake keys. If early data is accepted, the read key is that of early data.
    /// `client_hello` is the body of the message.
    pub(super) fn send_server_hello(
        &mut self,
        client_hello: &[u8],
        schedule: EarlySecret,
        selected: Option<u16>,
        early: Option<&EarlyKeys>,
        out: &mut dyn Sink,
    ) -> Result<Box<HandshakeKeys>, Error> {
        let part = |range: &Range<usize>| client_hello.get(range.clone()).unwrap_or_default();
        let (random, session_id, suite) = (self.context.random, part(&self.parts.session_id), self.suite);
        let group = group_id(self.group);
        // max_fragment_length also limits ServerHello, which is long with a post-quantum share.
        self.sizes.apply(&self.context.config.common, ProtocolVersion::TLS13, out);
        let exchange = KeyExchangeResponse::to(self.context.config.common.backend, self.group, part(&self.parts.share));
        let exchange = exchange.map_err(|error| key_exchange_error(error, group))?;
        flight::send(out, &mut self.context.transcript, &mut |w| {
            w.message(HandshakeType::SERVER_HELLO, |w| {
                w.u16(ProtocolVersion::TLS12.0)?;
                w.bytes(&random)?;
                w.vec8_bytes(session_id)?;
                w.u16(suite.id)?;
                w.u8(0)?;
                w.vec16(|w| {
                    extension::SelectedVersion::write(w, ProtocolVersion::TLS13)?;
                    extension::KeyShareServerHello::write(w, group, exchange.share())?;
                    selected.map_or(Ok(()), |index| extension::SelectedPsk::write(w, index))
                })
            })
        })?;
        // RFC 9846 Appendix E.4: after the server's first message. After a retry that was
        // HelloRetryRequest.
        if !self.kind.is_retried() && !session_id.is_empty() {
            out.send_change_cipher_spec()?;
        }
        let hello = Hello { hash: &self.context.transcript.hash(), client_random: &self.client_random };
        let keys = HandshakeKeys::derive(Side::Server, suite, schedule, exchange.into_secret(), &hello, out);
        if let Some(early) = early {
            out.install_read(early.read_key(), self.at);
        }
        // QUIC receives 0-RTT and Handshake packets side by side (RFC 9001 §4.1.4).
        if early.is_none() || self.context.transport.is_quic() {
            out.install_read(keys.read_key(), self.at);
        }
        if self.early_data && early.is_none() && !self.kind.is_retried() {
            out.skip_early_data(self.context.config.early_data_to_skip());
        }
        out.install_write(keys.write_key())?;
        Ok(keys)
    }
}

impl HandshakeContext {
    /// RFC 9846 §4.4.1.
    pub(super) fn send_encrypted_extensions(
        &mut self,
        alpn: Option<&Vec<u8>>,
        named: bool,
        early_data: bool,
        sizes: RecordSizes,
        out: &mut dyn Sink,
    ) -> Result<(), Error> {
        let (common, transport) = (&self.config.common, &self.transport);
        flight::send(out, &mut self.transcript, &mut |w| {
            w.message(HandshakeType::ENCRYPTED_EXTENSIONS, |w| {
                w.vec16(|w| {
                    if named {
                        extension::ServerNameAck::write(w)?;
                    }
                    if early_data {
                        extension::EarlyData::write(w)?;
                    }
                    transport.write_parameters(w)?;
                    sizes.write(w, common, ProtocolVersion::TLS13)?;
                    alpn.map_or(Ok(()), |name| extension::Alpn::write(w, std::slice::from_ref(name)))
                })
            })
        })
    }

    /// Sends Finished and installs the application write key (RFC 9846 §4.5.3). Also returns the
    /// transcript hash, which the client's Finished covers if the client sends no message before
    /// it.
    pub(super) fn send_finished(
        &mut self,
        keys: Box<HandshakeKeys>,
        out: &mut dyn Sink,
    ) -> Result<(Box<LockedApplicationKeys>, Digest), Error> {
        let transcript = &mut self.transcript;
        let verify_data = keys.verify_data(&transcript.hash());
        flight::send_finished(out, transcript, verify_data.as_ref())?;
        let hash = transcript.hash();
        Ok((keys.into_application(&hash, out)?, hash))
    }
}

impl WaitSignature {
    pub(in crate::server) fn connection_id(&self) -> ConnectionId {
        self.begun.connection_id()
    }

    /// Sends CertificateVerify and Finished, and installs the application write key.
    pub(in crate::server) fn on_signature(
        self,
        answer: SignatureAnswer,
        out: &mut dyn Sink,
    ) -> Result<AfterSignature, Error> {
        let (signature, scheme) = (answer.into_signature()?, self.scheme);
        let Self { begun, keys, .. } = self;
        let (kind, can_resume) = (begun.kind, begun.can_resume);
        let (mut context, negotiated) = begun.into_negotiated(kind, false);
        flight::send_certificate_verify(out, &mut context.transcript, scheme, &signature)?;
        let (locked, hash) = context.send_finished(keys, out)?;
        let client_auth = context.config.client_auth;
        let asks = client_auth != ClientAuth::Disabled;
        let half_rtt = context.config.half_rtt && !asks;
        let sent = Box::new(SentFlight {
            context,
            hash,
            locked,
            negotiated,
            can_resume,
            full_handshake: None,
            early: None,
            half_rtt,
        });
        if asks {
            return Ok(AfterSignature::Requested(WaitCert::new(sent)));
        }
        let peer = PeerAuth::not_requested(client_auth, ProtocolVersion::TLS13)?;
        Ok(AfterSignature::NotRequested(WaitFinished::new(sent, peer)))
    }
}

/// Writes CertificateRequest (RFC 9846 §4.4.2).
fn certificate_request(w: &mut Writer<'_>, config: &ServerConfig) -> Result<(), BufferFull> {
    w.message(HandshakeType::CERTIFICATE_REQUEST, |w| {
        w.vec8(|_| Ok(()))?;
        w.vec16(|w| {
            extension::SignatureAlgorithms::write(w, config.common.tls13_schemes())?;
            extension::SignatureAlgorithmsCert::write(w, certificate_schemes(config.common.backend))?;
            if config.client_auth_hints.is_empty() {
                return Ok(());
            }
            extension::CertificateAuthorities::write(w, &config.client_auth_hints)
        })
    })
}
