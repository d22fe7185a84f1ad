//! The end of a TLS 1.2 handshake on the server: CertificateVerify, ChangeCipherSpec and both
//! sides' Finished (RFC 5246 §7.1, §7.4.8, §7.4.9).

use tls_codec::handshake::{CertificateVerify, Finished};

use super::key_exchange::HandshakeContext;
use super::new_session::WaitTicket;
use super::resumption::SessionKind;
use crate::auth::{Authenticated, PeerAuth, PeerCertVerified};
use crate::error::Error;
use crate::flight;
use crate::framed::{Framed, RecordBoundary};
use crate::need::Need;
use crate::negotiated::{Established, Negotiated};
use crate::schedule::tls12::{ApplicationKeys, Keys};
use crate::sink::Sink;
use crate::states::opaque_debug;
use crate::verify::signature::DigitallySigned;
use crate::verify::signature::tls12 as signatures;

opaque_debug!(WaitCertVerify, WaitChangeCipherSpec, WaitFinished, Connected);

/// The derived keys, which no record from the client uses yet, with what all states share.
pub(super) struct KeysReady {
    pub(super) context: Box<HandshakeContext>,
    pub(super) keys: Box<Keys>,
    pub(super) order: FinishedOrder,
}

/// Which side sends Finished first (RFC 5246 §7.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FinishedOrder {
    /// The client: a full handshake.
    ClientFirst,
    /// The server: a resumed handshake.
    ServerFirst,
}

/// WAIT_CV: the client's chain is verified.
pub struct WaitCertVerify {
    ready: KeysReady,
    cert: PeerCertVerified,
}

/// WAIT_CCS: the client has still to prove that it has the keys.
pub struct WaitChangeCipherSpec {
    ready: KeysReady,
    peer: PeerAuth,
}

/// WAIT_FINISHED: the client's key is installed for reading.
pub struct WaitFinished {
    ready: KeysReady,
    peer: PeerAuth,
}

/// CONNECTED.
pub struct Connected {
    keys: ApplicationKeys,
    negotiated: Negotiated,
    peer: Authenticated,
}

impl WaitCertVerify {
    pub(super) fn new(ready: KeysReady, cert: PeerCertVerified) -> Self {
        Self { ready, cert }
    }

    /// Verifies the signature over all messages so far with the end-entity certificate of the
    /// verified chain (RFC 5246 §7.4.8).
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`],
    /// [`Error::BadSignature`].
    pub fn on_certificate_verify(
        mut self,
        m: Framed<'_, CertificateVerify<'_>>,
    ) -> Result<WaitChangeCipherSpec, Error> {
        let transcript = &mut self.ready.context.transcript;
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let Some(messages) = transcript.messages() else { return Err(Error::BadSignature) };
        let common = &self.ready.context.config.common;
        let (backend, offered) = (common.backend, &common.schemes12);
        let signature = self.cert.check_signature(backend, &signatures::RULES, offered, messages, signed)?;
        transcript.forget_messages();
        transcript.add(m.raw);
        Ok(WaitChangeCipherSpec::new(self.ready, signature.into_peer()))
    }
}

impl WaitChangeCipherSpec {
    pub(super) fn new(ready: KeysReady, peer: PeerAuth) -> Self {
        Self { ready, peer }
    }

    /// RFC 5246 §7.1: the records after `at` are under the client's key.
    #[must_use]
    pub fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> WaitFinished {
        out.install_read(self.ready.keys.read_key(), at);
        WaitFinished { ready: self.ready, peer: self.peer }
    }
}

impl WaitFinished {
    /// Checks the client's Finished (RFC 5246 §7.4.9). If the client finishes first, the server
    /// sends the session's ticket, if any, then ChangeCipherSpec and Finished.
    ///
    /// # Errors
    /// [`Error::BadFinished`]; [`Error::KeyChangeInsideRecord`] if data follows in the same record,
    /// because Finished ends the client's flight.
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<AfterFinished, Error> {
        m.at_boundary()?;
        let Self { mut ready, peer } = self;
        let peer = peer.check_finished(&*ready.keys, &m.msg, &ready.context.transcript.hash())?;
        if ready.order == FinishedOrder::ServerFirst {
            // Only now: Finished proves that the client has the session's key. An observer knows
            // only the ID.
            ready.note_stored(out);
            return Ok(AfterFinished::Connected(Connected::new(ready, peer)));
        }
        ready.context.negotiated.first_finished = m.msg.verify_data.try_into().ok();
        ready.context.transcript.add(m.raw);
        if let Some(session) = ready.session(&peer) {
            let (state, need) = WaitTicket::ask(ready, peer, session);
            return Ok(AfterFinished::Ticket(state, need));
        }
        if ready.context.session_kind == SessionKind::Ticket {
            ready.send_ticket(None, out)?;
        }
        Ok(AfterFinished::Connected(ready.finish(peer, out)?))
    }
}

/// The states that can follow the client's Finished.
#[derive(Debug)]
pub enum AfterFinished {
    /// The server has still to issue the ticket of the new session.
    Ticket(WaitTicket, Need),
    /// The handshake is complete.
    Connected(Box<Connected>),
}

impl KeysReady {
    /// Sends ChangeCipherSpec and Finished.
    pub(super) fn finish(mut self, peer: Authenticated, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        out.send_change_cipher_spec()?;
        out.install_write(self.keys.write_key())?;
        let transcript = &mut self.context.transcript;
        let verify_data = self.keys.verify_data(&transcript.hash());
        flight::send_finished(out, transcript, &verify_data)?;
        Ok(Connected::new(self, peer))
    }
}

impl Connected {
    fn new(ready: KeysReady, peer: Authenticated) -> Box<Self> {
        Box::new(Self { keys: ready.keys.unlock(&peer), negotiated: ready.context.negotiated, peer })
    }

    pub(super) fn established(&self) -> Established<'_> {
        Established { negotiated: &self.negotiated, peer: &self.peer, exporter: &self.keys }
    }
}
