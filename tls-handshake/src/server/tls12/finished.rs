//! From the keys on: the client's proof, the change to the keys, and both sides' Finished (RFC 5246 §7.1, §7.4.8, §7.4.9).

use tls_codec::handshake::{CertificateVerify, Finished};

use super::key_exchange::HandshakeContext;
use super::new_session_ticket::WaitTicket;
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
use crate::verify::tls12 as signatures;

opaque_debug!(WaitCertVerify, WaitChangeCipherSpec, WaitFinished, Connected);

/// The keys, which nobody uses yet, and what all states share.
pub(super) struct KeysReady {
    pub(super) context: Box<HandshakeContext>,
    pub(super) keys: Box<Keys>,
    pub(super) order: FinishedOrder,
}

/// Who finishes first (RFC 5246 §7.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FinishedOrder {
    /// The client does: the handshake is a full one.
    ClientFirst,
    /// We do: it goes on from a session.
    ServerFirst,
}

/// WAIT_CV: the client's chain is good.
pub struct WaitCertVerify {
    ready: KeysReady,
    cert: PeerCertVerified,
}

/// WAIT_CCS: all is known of the client but whether it has the keys.
pub struct WaitChangeCipherSpec {
    ready: KeysReady,
    peer: PeerAuth,
}

/// WAIT_FINISHED: the client's records are read under its key.
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

    /// RFC 5246 §7.4.8. The signature over all messages so far is checked against the leaf of the chain that was judged, and
    /// no other.
    ///
    /// # Errors
    /// [`Error::SignatureSchemeNotOffered`], [`Error::SignatureSchemeMismatch`], [`Error::BadSignature`].
    pub fn on_certificate_verify(
        mut self,
        m: Framed<'_, CertificateVerify<'_>>,
    ) -> Result<WaitChangeCipherSpec, Error> {
        let transcript = &mut self.ready.context.transcript;
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let messages = transcript.messages().ok_or(Error::BadSignature)?;
        let offered = &self.ready.context.config.common.schemes;
        let signature = self.cert.check_signature(&signatures::RULES, offered, messages, signed)?;
        transcript.forget_messages();
        transcript.add(m.raw);
        Ok(WaitChangeCipherSpec::new(self.ready, signature.into_peer()))
    }
}

impl WaitChangeCipherSpec {
    pub(super) fn new(ready: KeysReady, peer: PeerAuth) -> Self {
        Self { ready, peer }
    }

    /// RFC 5246 §7.1: what comes behind `at` is under the client's key.
    #[must_use]
    pub fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> WaitFinished {
        out.install_read(self.ready.keys.read_key(), at);
        WaitFinished { ready: self.ready, peer: self.peer }
    }
}

impl WaitFinished {
    /// RFC 5246 §7.4.9. Where the client finishes first, our own ChangeCipherSpec and Finished follow, behind the session's ticket
    /// if there is one.
    ///
    /// # Errors
    /// [`Error::BadFinished`]; [`Error::KeyChangeInsideRecord`]: it ends the client's flight.
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<AfterFinished, Error> {
        m.at_boundary()?;
        let Self { mut ready, peer } = self;
        let peer = peer.check_finished(&*ready.keys, &m.msg, &ready.context.transcript.hash())?;
        if ready.order == FinishedOrder::ServerFirst {
            // The client holds the session's key: it is more than somebody who saw the id.
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

/// Where the client's Finished leads.
#[derive(Debug)]
pub enum AfterFinished {
    /// The connection is there, once the ticket is that its session goes out under.
    Ticket(WaitTicket, Need),
    /// The connection is there.
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
