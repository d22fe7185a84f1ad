//! TLS 1.3 after ClientHello: our flight, in two halves around the signature, and the client's answer.

use tls_codec::code_points::{HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::error::BufferFull;
use tls_codec::extension;
use tls_codec::handshake::{Certificate, CertificateVerify, Finished, KeyUpdate};
use tls_codec::writer::Writer;
use tls_crypto::Tls13Suite;
use tls_crypto::{EphemeralKey, Group};

use super::super::hello::Shared;
use crate::auth::{Authenticated, ClientAuth, PeerAuth, PeerCertVerified};
use crate::config::ServerConfig;
use crate::error::{Error, Illegal};
use crate::established::{Established, HandshakeKind, Negotiated};
use crate::flight;
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{
    Asker, IdentityAnswer, Need, NeedClientVerdict, NeedIdentity, NeedSignature, SessionAnswer, SignatureAnswer,
    VerdictAnswer,
};
use crate::negotiate::{CERTIFICATE_SCHEMES, first_common, group_id};
use crate::role::opaque_debug;
use crate::schedule::Side;
use crate::schedule::tls13::{HandshakeKeys, LockedApplicationKeys, PeerFinishedKey};
use crate::sink::Sink;
use crate::traffic::Traffic;
use crate::verify::signature::DigitallySigned;
use crate::verify::{PeerChain, tls13 as signatures};

opaque_debug!(WaitSession, WaitIdentity, WaitSignature, WaitCert, WaitVerdict, WaitCertVerify, WaitFinished, Connected);

/// RECVD_CH, while the session is looked up that the client wants to resume.
pub struct WaitSession {
    full: WaitIdentity,
}

/// RECVD_CH: all is chosen but the identity.
pub struct WaitIdentity {
    pub(in crate::server) shared: Box<Shared>,
    pub(in crate::server) suite: &'static Tls13Suite,
    pub(in crate::server) group: Group,
    pub(in crate::server) kind: HandshakeKind,
    pub(in crate::server) client_random: [u8; 32],
    pub(in crate::server) client_share: Vec<u8>,
    pub(in crate::server) session_id: Vec<u8>,
    pub(in crate::server) alpn: Option<Vec<u8>>,
    pub(in crate::server) schemes: Vec<SignatureScheme>,
    pub(in crate::server) server_name: Option<String>,
    pub(in crate::server) stapling: Stapling,
    pub(in crate::server) at: RecordBoundary,
}

/// NEGOTIATED: Certificate is written; the key signs what comes next.
pub struct WaitSignature {
    shared: Box<Shared>,
    keys: HandshakeKeys,
    client_random: [u8; 32],
    scheme: SignatureScheme,
    negotiated: Negotiated,
}

/// What a sent flight waits for.
#[derive(Debug)]
pub enum AfterSignature {
    /// A certificate, or the client's word that it has none.
    Asked(WaitCert),
    /// The client's Finished.
    NotAsked(WaitFinished),
}

/// What all states share once our flight is sent.
struct Sent {
    shared: Box<Shared>,
    locked: LockedApplicationKeys,
    client_finished: PeerFinishedKey,
    negotiated: Negotiated,
}

/// WAIT_CERT: the client was asked for a certificate.
pub struct WaitCert {
    sent: Box<Sent>,
}

/// WAIT_CERT, while the application judges the chain.
pub struct WaitVerdict {
    sent: Box<Sent>,
}

/// WAIT_CV: the client's chain is good.
pub struct WaitCertVerify {
    sent: Box<Sent>,
    cert: PeerCertVerified,
}

/// WAIT_FINISHED: all is known of the client but whether it saw the same handshake.
pub struct WaitFinished {
    sent: Box<Sent>,
    peer: PeerAuth,
}

/// CONNECTED.
pub struct Connected {
    traffic: Traffic,
    peer: Authenticated,
}

impl WaitSession {
    pub(in crate::server) fn new(full: WaitIdentity) -> Self {
        Self { full }
    }

    pub(in crate::server) fn asker(&self) -> Asker {
        self.full.asker()
    }

    /// Goes on with a full handshake.
    pub(in crate::server) fn on_session(self, answer: SessionAnswer) -> (WaitIdentity, Need) {
        let need = NeedIdentity::new(self.asker(), answer.into_hello());
        (self.full, Need::Identity(need))
    }
}

impl WaitIdentity {
    pub(in crate::server) fn asker(&self) -> Asker {
        Asker(self.shared.random)
    }

    /// Sends ServerHello, EncryptedExtensions and Certificate, and asks for the signature.
    pub(in crate::server) fn on_identity(
        mut self,
        answer: IdentityAnswer,
        out: &mut dyn Sink,
    ) -> Result<(WaitSignature, Need), Error> {
        let (identity, _) = answer.into_parts()?;
        let scheme = first_common(identity.schemes(), |scheme| {
            self.schemes.contains(scheme) && signatures::RULES.schemes.contains(scheme)
        })
        .ok_or_else(|| Error::NoCommonSignatureScheme {
            offered: self.schemes.clone(),
            able: identity.schemes().to_vec(),
        })?;
        let keys = self.send_server_hello(out)?;
        let Shared { config, transcript, .. } = &mut *self.shared;
        let (alpn, named) = (&self.alpn, self.server_name.is_some());
        flight::send(out, transcript, &mut |w| {
            w.message(HandshakeType::ENCRYPTED_EXTENSIONS, |w| {
                w.vec16(|w| {
                    if named {
                        // RFC 6066 §3: the name was used to choose the certificate.
                        w.extension(tls_codec::code_points::ExtensionType::SERVER_NAME, |_| Ok(()))?;
                    }
                    alpn.as_ref().map_or(Ok(()), |name| extension::Alpn::write(w, std::slice::from_ref(name)))
                })
            })
        })?;
        if config.client_auth != ClientAuth::NotAsked {
            flight::send(out, transcript, &mut |w| certificate_request(w, config))?;
        }
        flight::send(out, transcript, &mut |w| flight::tls13::certificate(w, &[], &identity, self.stapling))?;
        let content = signatures::server_content(&transcript.hash());
        let need = NeedSignature::new(Asker(self.shared.random), identity, scheme, content);
        let negotiated = Negotiated {
            suite: self.suite.into(),
            group: group_id(self.group),
            alpn: self.alpn,
            kind: self.kind,
            server_name: self.server_name,
        };
        let state = WaitSignature { shared: self.shared, keys, client_random: self.client_random, scheme, negotiated };
        Ok((state, Need::Signature(need)))
    }

    /// RFC 9846 §4.2.3; the handshake's keys are installed behind it.
    fn send_server_hello(&mut self, out: &mut dyn Sink) -> Result<HandshakeKeys, Error> {
        let key = EphemeralKey::generate(self.group).map_err(|_| Error::Crypto("generating a key share"))?;
        let (random, session_id, suite) = (self.shared.random, &self.session_id, self.suite);
        let group = group_id(self.group);
        flight::send(out, &mut self.shared.transcript, &mut |w| {
            w.message(HandshakeType::SERVER_HELLO, |w| {
                w.u16(ProtocolVersion::TLS12.0)?;
                w.bytes(&random)?;
                w.vec8(|w| w.bytes(session_id))?;
                w.u16(suite.id)?;
                w.u8(0)?;
                w.vec16(|w| {
                    extension::SelectedVersion::write(w, ProtocolVersion::TLS13)?;
                    extension::KeyShareServerHello::write(w, group, key.public_key())
                })
            })
        })?;
        let secret = key.agree(&self.client_share).map_err(|_| Illegal::KeyShare(group))?;
        // RFC 9846 Appendix E.4: behind our first message, which after a retry was HelloRetryRequest.
        if self.kind == HandshakeKind::Full && !self.session_id.is_empty() {
            out.send_change_cipher_spec()?;
        }
        let keys = HandshakeKeys::derive(
            Side::Server,
            suite,
            secret,
            &self.shared.transcript.hash(),
            &self.client_random,
            out,
        );
        out.install_read(keys.read_key(), self.at);
        out.install_write(keys.write_key())?;
        Ok(keys)
    }
}

impl WaitSignature {
    pub(in crate::server) fn asker(&self) -> Asker {
        Asker(self.shared.random)
    }

    /// Sends CertificateVerify and Finished, and moves on to the application's keys for what we send.
    pub(in crate::server) fn on_signature(
        mut self,
        answer: SignatureAnswer,
        out: &mut dyn Sink,
    ) -> Result<AfterSignature, Error> {
        let (signature, scheme) = (answer.into_signature()?, self.scheme);
        let transcript = &mut self.shared.transcript;
        flight::send_certificate_verify(out, transcript, scheme, &signature)?;
        let verify_data = self.keys.verify_data(&transcript.hash());
        flight::send_finished(out, transcript, verify_data.as_ref())?;
        let (locked, client_finished) = self.keys.into_application(&transcript.hash(), &self.client_random, out);
        out.install_write(locked.write_key())?;
        let client_auth = self.shared.config.client_auth;
        let Self { shared, negotiated, .. } = self;
        let sent = Box::new(Sent { shared, locked, client_finished, negotiated });
        if client_auth != ClientAuth::NotAsked {
            return Ok(AfterSignature::Asked(WaitCert { sent }));
        }
        let peer = PeerAuth::not_asked(client_auth, ProtocolVersion::TLS13)?;
        Ok(AfterSignature::NotAsked(WaitFinished { sent, peer }))
    }
}

/// CertificateRequest (RFC 9846 §4.4.2). Nothing is asked for beside the certificate.
fn certificate_request(w: &mut Writer<'_>, config: &ServerConfig) -> Result<(), BufferFull> {
    w.message(HandshakeType::CERTIFICATE_REQUEST, |w| {
        w.vec8(|_| Ok(()))?;
        w.vec16(|w| {
            extension::SignatureAlgorithms::write(w, signatures::RULES.schemes)?;
            extension::SignatureAlgorithmsCert::write(w, &CERTIFICATE_SCHEMES)?;
            if config.client_auth_hints.is_empty() {
                return Ok(());
            }
            extension::CertificateAuthorities::write(w, &config.client_auth_hints)
        })
    })
}

impl WaitCert {
    /// RFC 9846 §4.5.1. The chain goes to whoever judges it; nothing of it is believed before the verdict.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`], [`Error::ChainTooLong`], [`Error::UnsolicitedExtension`],
    /// [`Illegal::CertificateRequestContext`].
    pub fn on_certificate(mut self, m: Framed<'_, Certificate<'_>>) -> Result<AfterCertificate, Error> {
        let config = &self.sent.shared.config;
        if !m.msg.certificate_request_context.is_empty() {
            return Err(Illegal::CertificateRequestContext.into());
        }
        let entries = m.msg.certificate_list;
        let certificates: Vec<&[u8]> = entries.iter().map(|entry| entry.cert_data).collect();
        let chain = PeerChain::of(&certificates, config.common.limits.chain_length)?;
        let mut extensions = entries.iter().flat_map(|entry| entry.extensions.raw.iter());
        if let Some((extension, _)) = extensions.next() {
            return Err(Error::UnsolicitedExtension { message: HandshakeType::CERTIFICATE, extension });
        }
        self.sent.shared.transcript.add(m.raw);
        let Some(chain) = chain else {
            let peer = PeerAuth::declined(config.client_auth, ProtocolVersion::TLS13)?;
            return Ok(AfterCertificate::Declined(WaitFinished { sent: self.sent, peer }));
        };
        let need = NeedClientVerdict::new(Asker(self.sent.shared.random), chain);
        Ok(AfterCertificate::Verdict(WaitVerdict { sent: self.sent }, Need::ClientVerdict(need)))
    }
}

/// Where the client's Certificate leads.
#[derive(Debug)]
pub enum AfterCertificate {
    /// It holds a chain, which is to be judged.
    Verdict(WaitVerdict, Need),
    /// It is empty.
    Declined(WaitFinished),
}

impl WaitVerdict {
    pub(super) fn asker(&self) -> Asker {
        Asker(self.sent.shared.random)
    }

    /// Goes on with the chain that was judged, which the verdict brings back.
    pub(super) fn on_verdict(self, verdict: VerdictAnswer) -> Result<WaitCertVerify, Error> {
        Ok(WaitCertVerify { sent: self.sent, cert: PeerCertVerified::check(verdict)? })
    }
}

impl WaitCertVerify {
    /// RFC 9846 §4.5.2. The signature is checked against the leaf of the chain that was judged, and no other.
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`], [`Error::BadSignature`].
    pub fn on_certificate_verify(mut self, m: Framed<'_, CertificateVerify<'_>>) -> Result<WaitFinished, Error> {
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let content = signatures::client_content(&self.sent.shared.transcript.hash());
        let rules = &signatures::RULES;
        let signature = self.cert.check_signature(rules, rules.schemes, &content, signed)?;
        self.sent.shared.transcript.add(m.raw);
        Ok(WaitFinished { sent: self.sent, peer: signature.into_peer() })
    }
}

impl WaitFinished {
    /// RFC 9846 §4.5.3: from here on the client's application data is read.
    ///
    /// # Errors
    /// [`Error::BadFinished`], [`Error::KeyChangeInsideRecord`].
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Connected, Error> {
        let at = m.at_boundary()?;
        let Sent { shared, locked, client_finished, negotiated } = *self.sent;
        let peer = self.peer.check_finished(&client_finished, &m.msg, &shared.transcript.hash())?;
        let keys = locked.unlock(&peer);
        out.install_read(keys.read_key(), at);
        Ok(Connected { traffic: Traffic::new(keys, negotiated), peer })
    }
}

impl Connected {
    /// RFC 9846 §4.7.3.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`], [`Error::Flood`].
    pub fn on_key_update(mut self, m: Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<Self, Error> {
        self.traffic.on_key_update(&m, out)?;
        Ok(self)
    }

    pub(super) fn established(&self) -> Established<'_> {
        self.traffic.established(&self.peer)
    }

    pub(in crate::server) fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}
