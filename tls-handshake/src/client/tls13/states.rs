//! TLS 1.3 after ServerHello: the server's parameters, its proof, and the keys (RFC 9846 §4.4, §4.5).

use tls_codec::code_points::{ExtensionType, HandshakeType};
use tls_codec::handshake::{
    Certificate, CertificateRequest, CertificateVerify, EncryptedExtensions, Finished, KeyUpdate, NewSessionTicket,
};
use tls_codec::owned::{NewSessionTicketView, Owned};

use super::super::hello::Offer;
use super::Shared;
use crate::auth::{Authenticated, HandshakeSignatureValid, PeerCertVerified};
use crate::error::{Error, Illegal};
use crate::established::{Established, Negotiated};
use crate::flight;
use crate::framed::Framed;
use crate::need::{Asker, Need, NeedVerdict, VerdictAnswer};
use crate::role::opaque_debug;
use crate::schedule::tls13::HandshakeKeys;
use crate::sink::Sink;
use crate::traffic::Traffic;
use crate::verify::signature::DigitallySigned;
use crate::verify::{PeerChain, tls13 as signatures};

opaque_debug!(
    WaitEncryptedExtensions,
    AfterEncryptedExtensions,
    WaitCert,
    WaitVerdict,
    WaitCertVerify,
    WaitFinished,
    Connected
);

/// WAIT_EE: the handshake's keys are installed.
pub struct WaitEncryptedExtensions {
    shared: Box<Shared>,
    keys: HandshakeKeys,
}

/// WAIT_CERT_CR: the server asks for a certificate, or shows its own.
pub struct AfterEncryptedExtensions {
    shared: Box<Shared>,
    keys: HandshakeKeys,
    alpn: Option<Vec<u8>>,
}

/// WAIT_CERT.
pub struct WaitCert {
    shared: Box<Shared>,
    keys: HandshakeKeys,
    alpn: Option<Vec<u8>>,
    request: CertificateRequested,
}

/// Whether the server asked for a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CertificateRequested {
    Yes,
    No,
}

/// WAIT_CERT, while the application judges the chain.
pub struct WaitVerdict {
    shared: Box<Shared>,
    keys: HandshakeKeys,
    alpn: Option<Vec<u8>>,
    request: CertificateRequested,
}

/// WAIT_CV: the chain is good.
pub struct WaitCertVerify {
    shared: Box<Shared>,
    keys: HandshakeKeys,
    alpn: Option<Vec<u8>>,
    request: CertificateRequested,
    cert: PeerCertVerified,
}

/// WAIT_FINISHED: the key of the chain's leaf signed this handshake.
pub struct WaitFinished {
    shared: Box<Shared>,
    keys: HandshakeKeys,
    alpn: Option<Vec<u8>>,
    request: CertificateRequested,
    signature: HandshakeSignatureValid,
}

/// CONNECTED.
pub struct Connected {
    traffic: Traffic,
    peer: Authenticated,
    tickets: Vec<Owned<NewSessionTicketView>>,
}

/// Tickets kept per connection, and bytes of each: what a server sends beyond is ignored.
const MAX_TICKETS: usize = 8;
const MAX_TICKET_BYTES: usize = 0x4000;

impl WaitEncryptedExtensions {
    pub(in crate::client) fn new(shared: Box<Shared>, keys: HandshakeKeys) -> Self {
        Self { shared, keys }
    }

    /// RFC 9846 §4.4.1.
    ///
    /// # Errors
    /// [`Error::UnsolicitedExtension`], [`Illegal::AlpnNotOffered`].
    pub fn on_encrypted_extensions(
        mut self,
        m: Framed<'_, EncryptedExtensions<'_>>,
    ) -> Result<AfterEncryptedExtensions, Error> {
        let Shared { config, name, .. } = &*self.shared;
        if let Some((extension, _)) = m.msg.raw.iter().find(|(extension, _)| !Offer::offered(config, name, *extension))
        {
            return Err(Error::UnsolicitedExtension { message: HandshakeType::ENCRYPTED_EXTENSIONS, extension });
        }
        let alpn = match m.msg.alpn {
            Some(chosen) => {
                let offered = config.common.alpn.iter().find(|name| name.as_slice() == chosen.0);
                Some(offered.ok_or(Illegal::AlpnNotOffered)?.clone())
            }
            None => None,
        };
        self.shared.transcript.add(m.raw);
        Ok(AfterEncryptedExtensions { shared: self.shared, keys: self.keys, alpn })
    }
}

impl AfterEncryptedExtensions {
    /// RFC 9846 §4.4.2. There is no client certificate to show yet, so that an empty Certificate will answer.
    ///
    /// # Errors
    /// [`Illegal::CertificateRequestContext`] if it is not empty; [`Error::MissingExtension`].
    pub fn on_certificate_request(mut self, m: Framed<'_, CertificateRequest<'_>>) -> Result<WaitCert, Error> {
        if !m.msg.certificate_request_context.is_empty() {
            return Err(Illegal::CertificateRequestContext.into());
        }
        if m.msg.extensions.signature_algorithms.is_none() {
            return Err(Error::MissingExtension {
                message: HandshakeType::CERTIFICATE_REQUEST,
                extension: ExtensionType::SIGNATURE_ALGORITHMS,
            });
        }
        self.shared.transcript.add(m.raw);
        Ok(WaitCert { shared: self.shared, keys: self.keys, alpn: self.alpn, request: CertificateRequested::Yes })
    }

    /// The server goes on without asking for a certificate.
    #[must_use]
    pub fn without_request(self) -> WaitCert {
        WaitCert { shared: self.shared, keys: self.keys, alpn: self.alpn, request: CertificateRequested::No }
    }
}

impl WaitCert {
    /// RFC 9846 §4.5.1. The chain goes to whoever judges it; nothing of it is believed before the verdict.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::ChainTooLong`], [`Error::UnsolicitedExtension`].
    pub fn on_certificate(mut self, m: Framed<'_, Certificate<'_>>) -> Result<(WaitVerdict, Need), Error> {
        if !m.msg.certificate_request_context.is_empty() {
            return Err(Illegal::CertificateRequestContext.into());
        }
        let entries = m.msg.certificate_list;
        let certificates: Vec<&[u8]> = entries.iter().map(|entry| entry.cert_data).collect();
        let limit = self.shared.config.common.limits.chain_length;
        let mut chain = PeerChain::of(&certificates, limit)?.ok_or(Error::NoCertificate)?;
        let extensions = m.msg.certificate_list.iter().flat_map(|entry| entry.extensions.raw.iter());
        if let Some((extension, _)) =
            extensions.into_iter().find(|(extension, _)| *extension != ExtensionType::STATUS_REQUEST)
        {
            return Err(Error::UnsolicitedExtension { message: HandshakeType::CERTIFICATE, extension });
        }
        self.shared.transcript.add(m.raw);
        let need = NeedVerdict::new(Asker(self.shared.client_random), chain, self.shared.name.clone());
        let state = WaitVerdict { shared: self.shared, keys: self.keys, alpn: self.alpn, request: self.request };
        Ok((state, Need::Verdict(need)))
    }
}

impl WaitVerdict {
    pub(super) fn asker(&self) -> Asker {
        Asker(self.shared.client_random)
    }

    /// Goes on with the chain that was judged, which the verdict brings back.
    pub(super) fn on_verdict(self, verdict: VerdictAnswer) -> Result<WaitCertVerify, Error> {
        let cert = PeerCertVerified::check(verdict)?;
        Ok(WaitCertVerify { shared: self.shared, keys: self.keys, alpn: self.alpn, request: self.request, cert })
    }
}

impl WaitCertVerify {
    /// RFC 9846 §4.5.2. The signature is checked against the leaf of the chain that was judged, and no other.
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::BadSignature`].
    pub fn on_certificate_verify(mut self, m: Framed<'_, CertificateVerify<'_>>) -> Result<WaitFinished, Error> {
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let content = signatures::server_content(&self.shared.transcript.hash());
        let rules = &signatures::RULES;
        let signature = self.cert.check_signature(rules, rules.schemes, &content, signed)?;
        self.shared.transcript.add(m.raw);
        Ok(WaitFinished { shared: self.shared, keys: self.keys, alpn: self.alpn, request: self.request, signature })
    }
}

impl WaitFinished {
    /// RFC 9846 §4.5.3. Answers with our own Finished, still under the handshake's keys, and moves on to the application's.
    ///
    /// # Errors
    /// [`Error::BadFinished`], [`Error::KeyChangeInsideRecord`].
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Connected, Error> {
        let at = m.at_boundary()?;
        let Shared { mut transcript, client_random, suite, group, kind, .. } = *self.shared;
        let peer = self.signature.into_peer().check_finished(&self.keys, &m.msg, &transcript.hash())?;
        transcript.add(m.raw);
        let server_finished_hash = transcript.hash();
        if self.request == CertificateRequested::Yes {
            flight::send(out, &mut transcript, &mut |w| flight::tls13::no_certificate(w, &[]))?;
        }
        let verify_data = self.keys.verify_data(&transcript.hash());
        flight::send_finished(out, &mut transcript, verify_data.as_ref())?;
        let (locked, _) = self.keys.into_application(&server_finished_hash, &client_random, out);
        let keys = locked.unlock(&peer);
        out.install_write(keys.write_key())?;
        out.install_read(keys.read_key(), at);
        let negotiated = Negotiated { suite: suite.into(), group, alpn: self.alpn, kind, server_name: None };
        Ok(Connected { traffic: Traffic::new(keys, negotiated), peer, tickets: Vec::new() })
    }
}

impl Connected {
    /// RFC 9846 §4.7.1. Kept, up to a bound, for a later connection to resume with.
    #[must_use]
    pub fn on_new_session_ticket(mut self, m: Framed<'_, NewSessionTicket<'_>>) -> Self {
        if self.tickets.len() < MAX_TICKETS
            && m.raw.len() <= MAX_TICKET_BYTES
            && m.msg.ticket_lifetime > 0
            && let Some(body) = m.raw.get(4..)
            && let Ok(ticket) = Owned::parse(body)
        {
            self.tickets.push(ticket);
        }
        self
    }

    /// RFC 9846 §4.7.3.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`], [`Error::Flood`].
    pub fn on_key_update(mut self, m: Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<Self, Error> {
        self.traffic.on_key_update(&m, out)?;
        Ok(self)
    }

    /// The tickets that came so far, the oldest first.
    #[must_use]
    pub fn tickets(&self) -> &[Owned<NewSessionTicketView>] {
        &self.tickets
    }

    pub(super) fn established(&self) -> Established<'_> {
        self.traffic.established(&self.peer)
    }

    pub(super) fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}
