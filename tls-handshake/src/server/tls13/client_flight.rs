//! The client's flight, from EndOfEarlyData or Certificate to Finished, as a TLS 1.3 server
//! receives it (RFC 9846 §4.5, §4.6). Then the connected state. `record/receiver` counts early
//! data.

use tls_codec::code_points::{HandshakeType, ProtocolVersion};
use tls_codec::handshake::{Certificate, CertificateVerify, EndOfEarlyData, Finished, KeyUpdate};
use tls_crypto::Digest;

use super::negotiate::HandshakeContext;
use super::new_session::WaitTickets;
use super::resumption::FullHandshake;
use crate::auth::{Authenticated, PeerAuth, PeerCertVerified};
use crate::error::{Error, Illegal};
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{ConnectionId, Need, NeedClientVerdict, VerdictAnswer};
use crate::negotiated::{Established, Exporter, Negotiated};
use crate::schedule::tls13::{EarlyExporter, LockedApplicationKeys};
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::PeerChain;
use crate::verify::signature::DigitallySigned;
use crate::verify::signature::tls13 as signatures;

opaque_debug!(WaitCert, WaitVerdict, WaitCertVerify, WaitEndOfEarlyData, WaitFinished, Connected);

/// Data that all states share after the server's flight is sent.
pub(super) struct SentFlight {
    pub(super) context: Box<HandshakeContext>,
    /// The transcript hash so far.
    pub(super) hash: Digest,
    pub(super) locked: Box<LockedApplicationKeys>,
    pub(super) negotiated: Negotiated,
    pub(super) can_resume: bool,
    /// The full handshake that began the resumed session.
    pub(super) full_handshake: Option<FullHandshake>,
    pub(super) early: Option<EarlyExporter>,
    pub(super) half_rtt: bool,
}

/// WAIT_CERT: the server requested a certificate.
pub struct WaitCert {
    sent: Box<SentFlight>,
}

/// WAIT_CERT: waits for the application to verify the chain.
pub struct WaitVerdict {
    sent: Box<SentFlight>,
}

/// WAIT_CV: the client's chain is verified.
pub struct WaitCertVerify {
    sent: Box<SentFlight>,
    cert: PeerCertVerified,
}

/// WAIT_FINISHED: the client has still to prove that it saw the same handshake.
pub struct WaitFinished {
    sent: Box<SentFlight>,
    peer: PeerAuth,
}

/// CONNECTED.
pub struct Connected {
    traffic: Traffic,
    peer: Authenticated,
}

impl SentFlight {
    /// Adds a message of the client to the transcript.
    fn add(&mut self, message: &[u8]) {
        self.context.transcript.add(message);
        self.hash = self.context.transcript.hash();
    }
}

impl WaitCert {
    pub(super) fn new(sent: Box<SentFlight>) -> Self {
        Self { sent }
    }

    /// Requests verification of the client's chain (RFC 9846 §4.5.1), which is trusted only after
    /// that.
    ///
    /// # Errors
    /// [`Error::NoClientCertificate`], [`Error::ChainTooLong`], [`Error::UnsolicitedExtension`],
    /// [`Illegal::CertificateRequestContext`].
    pub fn on_certificate(mut self, m: Framed<'_, Certificate<'_>>) -> Result<AfterCertificate, Error> {
        let config = &self.sent.context.config;
        if !m.msg.certificate_request_context.is_empty() {
            return Err(Illegal::CertificateRequestContext.into());
        }
        let entries = m.msg.certificate_list;
        let chain = PeerChain::of(entries, |entry| entry.cert_data, config.common.limits.chain_length)?;
        for entry in entries {
            if let Some((extension, _)) = entry.extensions.raw.iter().next() {
                return Err(Error::UnsolicitedExtension { message: HandshakeType::CERTIFICATE, extension });
            }
        }
        self.sent.add(m.raw);
        let Some(chain) = chain else {
            let peer = PeerAuth::declined(self.sent.context.config.client_auth, ProtocolVersion::TLS13)?;
            return Ok(AfterCertificate::Declined(WaitFinished { sent: self.sent, peer }));
        };
        let need = NeedClientVerdict::new(ConnectionId::of(&self.sent.context.random), chain);
        Ok(AfterCertificate::Verdict(WaitVerdict { sent: self.sent }, Need::ClientVerdict(need)))
    }
}

/// The states that can follow the client's Certificate.
#[derive(Debug)]
pub enum AfterCertificate {
    /// It holds a chain, which the application must verify.
    Verdict(WaitVerdict, Need),
    /// It is empty.
    Declined(WaitFinished),
}

impl WaitVerdict {
    pub(super) fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.sent.context.random)
    }

    /// Continues with the verified chain, which the answer returns.
    pub(super) fn on_verdict(self, verdict: VerdictAnswer) -> Result<WaitCertVerify, Error> {
        Ok(WaitCertVerify { sent: self.sent, cert: PeerCertVerified::check(verdict)? })
    }
}

impl WaitCertVerify {
    /// Verifies the signature with the end-entity certificate of the verified chain (RFC 9846
    /// §4.5.2).
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`],
    /// [`Error::BadSignature`].
    pub fn on_certificate_verify(mut self, m: Framed<'_, CertificateVerify<'_>>) -> Result<WaitFinished, Error> {
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let content = signatures::client_content(&self.sent.hash);
        let common = &self.sent.context.config.common;
        let (backend, offered) = (common.backend, &common.schemes13);
        let signature = self.cert.check_signature(backend, &signatures::RULES, offered, &content, signed)?;
        self.sent.add(m.raw);
        Ok(WaitFinished { sent: self.sent, peer: signature.into_peer() })
    }
}

impl WaitFinished {
    pub(super) fn new(sent: Box<SentFlight>, peer: PeerAuth) -> Self {
        Self { sent, peer }
    }

    /// Switches to the client's handshake key at `at`, where its early data ends.
    pub(super) fn end_early_data(&mut self, message: &[u8], at: RecordBoundary, out: &mut dyn Sink) {
        self.sent.add(message);
        out.install_read(self.sent.locked.handshake_read_key(), at);
    }

    pub(super) fn may_send(&self) -> bool {
        self.sent.half_rtt
    }

    pub(super) fn early_exporter(&self) -> Option<&dyn Exporter> {
        self.sent.early.as_ref().map(|exporter| -> &dyn Exporter { exporter })
    }

    /// Checks Finished (RFC 9846 §4.5.3). The client's application data is read from here on.
    ///
    /// # Errors
    /// [`Error::BadFinished`], [`Error::KeyChangeInsideRecord`].
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<AfterFinished, Error> {
        let at = m.at_boundary()?;
        let SentFlight { mut context, hash, locked, negotiated, can_resume, full_handshake, .. } = *self.sent;
        let peer = self.peer.check_finished(&*locked, &m.msg, &hash)?;
        let (keys, main) = locked.unlock(&peer, at, out);
        let connected = Box::new(Connected { traffic: Traffic::new(keys, negotiated), peer });
        if !can_resume || !context.issues_tickets(&connected.peer) {
            return Ok(AfterFinished::Connected(connected));
        }
        context.transcript.add(m.raw);
        let secret = main.into_resumption(&context.transcript.hash());
        let (state, need) = WaitTickets::ask(connected, &context, &secret, full_handshake)?;
        Ok(AfterFinished::Tickets(state, need))
    }
}

/// The states that can follow the client's Finished.
#[derive(Debug)]
pub enum AfterFinished {
    /// The handshake is complete. The application has still to make the tickets of the new
    /// sessions.
    Tickets(WaitTickets, Need),
    /// The handshake is complete.
    Connected(Box<Connected>),
}

impl Connected {
    /// Updates the read key (RFC 9846 §4.7.3).
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`], [`Error::Flood`].
    pub fn on_key_update(
        mut self: Box<Self>,
        m: Framed<'_, KeyUpdate>,
        out: &mut dyn Sink,
    ) -> Result<Box<Self>, Error> {
        self.traffic.on_key_update(&m, out)?;
        Ok(self)
    }

    pub(super) fn negotiated(&self) -> &Negotiated {
        self.traffic.negotiated()
    }

    pub(super) fn peer(&self) -> &Authenticated {
        &self.peer
    }

    pub(super) fn established(&self) -> Established<'_> {
        self.traffic.established(&self.peer)
    }

    pub(in crate::server) fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}

/// WAIT_EOED: the server's flight is sent. Reads early data until EndOfEarlyData.
pub struct WaitEndOfEarlyData {
    next: WaitFinished,
}

impl WaitEndOfEarlyData {
    pub(super) fn new(next: WaitFinished) -> Self {
        Self { next }
    }

    pub(super) fn may_send(&self) -> bool {
        self.next.may_send()
    }

    pub(super) fn early_exporter(&self) -> Option<&dyn Exporter> {
        self.next.early_exporter()
    }

    /// RFC 9846 §4.6: the records after this message are under the handshake keys.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`].
    pub fn on_end_of_early_data(
        self,
        m: Framed<'_, EndOfEarlyData>,
        out: &mut dyn Sink,
    ) -> Result<WaitFinished, Error> {
        let at = m.at_boundary()?;
        let mut next = self.next;
        next.end_early_data(m.raw, at, out);
        Ok(next)
    }
}
