//! The server's flight in TLS 1.3, from EncryptedExtensions to Finished, as the client receives it
//! (RFC 9846 §4.4, §4.5).

use tls_codec::code_points::{ExtensionType, HandshakeType, ProtocolVersion};
use tls_codec::handshake::{Certificate, CertificateRequest, CertificateVerify, EncryptedExtensions, Finished};

use super::super::certificate_request::Request;
use super::super::hello::Offer;
use super::HandshakeContext;
use super::client_flight::ClientFlight;
use crate::auth::{PeerAuth, PeerCertVerified};
use crate::error::{Error, Illegal};
use crate::framed::Framed;
use crate::need::{ConnectionId, Need, NeedVerdict, VerdictAnswer};
use crate::negotiated::Exporter;
use crate::record_size_limit::RecordSizes;
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::signature::DigitallySigned;
use crate::verify::signature::tls13 as signatures;
use crate::verify::{PeerChain, Staples};

opaque_debug!(WaitEncryptedExtensions, WaitCertOrCertRequest, WaitCert, WaitVerdict, WaitCertVerify, WaitFinished);

/// WAIT_EE: the handshake keys are installed.
pub struct WaitEncryptedExtensions {
    context: Box<HandshakeContext>,
    /// Set if the server selected a pre-shared key. It sends no certificate then.
    peer: Option<PeerAuth>,
}

/// The states that can follow EncryptedExtensions.
#[derive(Debug)]
pub enum AfterEncryptedExtensions {
    /// The server must send a certificate.
    Certificate(WaitCertOrCertRequest),
    /// The server has selected a pre-shared key.
    PreSharedKey(WaitFinished),
}

/// WAIT_CERT_CR: waits for CertificateRequest or Certificate.
pub struct WaitCertOrCertRequest {
    context: Box<HandshakeContext>,
}

/// WAIT_CERT: waits for Certificate.
pub struct WaitCert {
    context: Box<HandshakeContext>,
}

/// WAIT_CERT: waits for the application to verify the chain.
pub struct WaitVerdict {
    context: Box<HandshakeContext>,
}

/// WAIT_CV: the chain is verified.
pub struct WaitCertVerify {
    context: Box<HandshakeContext>,
    cert: PeerCertVerified,
}

/// WAIT_FINISHED: the end-entity key signed this handshake, or the pre-shared key authenticates the
/// server.
pub struct WaitFinished {
    context: Box<HandshakeContext>,
    peer: PeerAuth,
}

impl WaitEncryptedExtensions {
    pub(in crate::client) fn new(context: Box<HandshakeContext>, peer: Option<PeerAuth>) -> Self {
        Self { context, peer }
    }

    pub(super) fn early_exporter(&self) -> Option<&dyn Exporter> {
        self.context.early.exporter()
    }

    /// Checks the server's extensions and applies them (RFC 9846 §4.4.1).
    ///
    /// # Errors
    /// [`Error::UnsolicitedExtension`], [`Illegal::AlpnNotOffered`], [`Error::AlpnRequired`],
    /// [`Illegal::EarlyDataNotOffered`], [`Illegal::MaxFragmentLength`].
    pub fn on_encrypted_extensions(
        mut self,
        m: Framed<'_, EncryptedExtensions<'_>>,
        out: &mut dyn Sink,
    ) -> Result<AfterEncryptedExtensions, Error> {
        let HandshakeContext { config, name, early, transport, .. } = &*self.context;
        let unsolicited = |extension: &ExtensionType| match *extension {
            ExtensionType::EARLY_DATA => !early.was_offered(),
            ExtensionType::QUIC_TRANSPORT_PARAMETERS => !transport.is_quic(),
            extension => !Offer::offered(config, name, extension),
        };
        if let Some(extension) = m.msg.raw.iter().map(|(extension, _)| extension).find(unsolicited) {
            return Err(Error::UnsolicitedExtension { message: HandshakeType::ENCRYPTED_EXTENSIONS, extension });
        }
        transport.take_parameters(HandshakeType::ENCRYPTED_EXTENSIONS, m.msg.quic_transport_parameters, out)?;
        let alpn = Offer::check_alpn(config, m.msg.alpn)?;
        let answer = (m.msg.record_size_limit, m.msg.max_fragment_length);
        RecordSizes::from_server(config, answer)?.apply(&config.common, ProtocolVersion::TLS13, out);
        self.context.transcript.add(m.raw);
        self.context.apply_early_data_response(m.msg.early_data, alpn.as_deref(), out)?;
        self.context.alpn = alpn;
        let context = self.context;
        Ok(match self.peer {
            Some(peer) => AfterEncryptedExtensions::PreSharedKey(WaitFinished { context, peer }),
            None => AfterEncryptedExtensions::Certificate(WaitCertOrCertRequest { context }),
        })
    }
}

impl WaitCertOrCertRequest {
    /// Keeps the request (RFC 9846 §4.4.2). The client answers it after the server's Finished.
    ///
    /// # Errors
    /// [`Illegal::CertificateRequestContext`] if the context is not empty;
    /// [`Error::MissingExtension`].
    pub fn on_certificate_request(mut self, m: Framed<'_, CertificateRequest<'_>>) -> Result<WaitCert, Error> {
        if !m.msg.certificate_request_context.is_empty() {
            return Err(Illegal::CertificateRequestContext.into());
        }
        let extensions = &m.msg.extensions;
        let schemes = extensions.signature_algorithms.ok_or(Error::MissingExtension {
            message: HandshakeType::CERTIFICATE_REQUEST,
            extension: ExtensionType::SIGNATURE_ALGORITHMS,
        })?;
        let request = Request::new(&self.context.config, extensions.certificate_authorities, || schemes.to_vec());
        self.context.transcript.add(m.raw);
        self.context.request = Some(request);
        Ok(WaitCert { context: self.context })
    }

    /// Continues without a CertificateRequest.
    #[must_use]
    pub fn without_request(self) -> WaitCert {
        WaitCert { context: self.context }
    }
}

impl WaitCert {
    /// Requests verification of the chain (RFC 9846 §4.5.1), which is trusted only after that.
    ///
    /// # Errors
    /// [`Error::NoCertificate`], [`Error::ChainTooLong`], [`Error::UnsolicitedExtension`].
    pub fn on_certificate(mut self, m: Framed<'_, Certificate<'_>>) -> Result<(WaitVerdict, Need), Error> {
        if !m.msg.certificate_request_context.is_empty() {
            return Err(Illegal::CertificateRequestContext.into());
        }
        let entries = m.msg.certificate_list;
        let limit = self.context.config.common.limits.chain_length;
        let Some(chain) = PeerChain::of(entries, |entry| entry.cert_data, limit)? else {
            return Err(Error::NoCertificate { version: ProtocolVersion::TLS13 });
        };
        let HandshakeContext { config, name, .. } = &*self.context;
        for entry in entries {
            for (extension, _) in entry.extensions.raw {
                if !Offer::offered(config, name, extension) {
                    return Err(Error::UnsolicitedExtension { message: HandshakeType::CERTIFICATE, extension });
                }
            }
        }
        let mut staples = Staples::default();
        if let Some(leaf) = entries.first() {
            if let Some(response) = leaf.extensions.ocsp_response {
                staples.add_ocsp_response(response);
            }
            if let Some(scts) = leaf.extensions.signed_certificate_timestamps {
                staples.add_scts(scts);
            }
        }
        self.context.transcript.add(m.raw);
        let need = NeedVerdict::new(
            ConnectionId::of(&self.context.client_random),
            chain,
            staples,
            self.context.name.clone(),
            self.context.config.request_ocsp,
        );
        let state = WaitVerdict { context: self.context };
        Ok((state, Need::Verdict(need)))
    }
}

impl WaitVerdict {
    pub(super) fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.context.client_random)
    }

    /// Continues with the verified chain, which the answer returns.
    pub(super) fn on_verdict(self, verdict: VerdictAnswer) -> Result<WaitCertVerify, Error> {
        let cert = PeerCertVerified::check(verdict)?;
        Ok(WaitCertVerify { context: self.context, cert })
    }
}

impl WaitCertVerify {
    /// Verifies the signature with the end-entity certificate of the verified chain (RFC 9846
    /// §4.5.2).
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::BadSignature`].
    pub fn on_certificate_verify(mut self, m: Framed<'_, CertificateVerify<'_>>) -> Result<WaitFinished, Error> {
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let content = signatures::server_content(&self.context.transcript.hash());
        let offered = &self.context.config.common.schemes13;
        let signature = self.cert.check_signature(
            self.context.config.common.backend,
            &signatures::RULES,
            offered,
            &content,
            signed,
        )?;
        self.context.transcript.add(m.raw);
        let peer = signature.into_peer();
        Ok(WaitFinished { context: self.context, peer })
    }
}

impl WaitFinished {
    pub(super) fn early_exporter(&self) -> Option<&dyn Exporter> {
        self.context.early.exporter()
    }

    /// Checks Finished (RFC 9846 §4.5.3), which completes the server's authentication. The client's
    /// flight follows.
    ///
    /// # Errors
    /// [`Error::BadFinished`], [`Error::KeyChangeInsideRecord`].
    pub(super) fn on_finished(mut self, m: Framed<'_, Finished<'_>>) -> Result<Box<ClientFlight>, Error> {
        let at = m.at_boundary()?;
        let HandshakeContext { transcript, keys, .. } = &mut *self.context;
        let peer = self.peer.check_finished(&**keys, &m.msg, &transcript.hash())?;
        transcript.add(m.raw);
        let server_finished_hash = transcript.hash();
        Ok(Box::new(ClientFlight {
            context: self.context,
            peer,
            server_finished_hash,
            sends_before_finished: false,
            at,
        }))
    }
}
