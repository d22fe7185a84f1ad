//! From the keys on: the client's proof, the change to the keys, and both sides' Finished (RFC 5246 §7.1, §7.4.8, §7.4.9).

use tls_codec::handshake::{CertificateVerify, Finished};

use super::key_exchange::Shared;
use super::session::Keeps;
use super::ticket::WaitTicket;
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
pub(super) struct Keyed {
    pub(super) shared: Box<Shared>,
    pub(super) keys: Box<Keys>,
    pub(super) order: Order,
}

/// Who finishes first (RFC 5246 §7.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The client does: the handshake is a full one.
    ClientFirst,
    /// We do: it goes on from a session.
    ServerFirst,
}

/// WAIT_CV: the client's chain is good.
pub struct WaitCertVerify {
    keyed: Keyed,
    cert: PeerCertVerified,
}

/// WAIT_CCS: all is known of the client but whether it has the keys.
pub struct WaitChangeCipherSpec {
    keyed: Keyed,
    peer: PeerAuth,
}

/// WAIT_FINISHED: the client's records are read under its key.
pub struct WaitFinished {
    keyed: Keyed,
    peer: PeerAuth,
}

/// CONNECTED.
pub struct Connected {
    keys: ApplicationKeys,
    negotiated: Negotiated,
    peer: Authenticated,
}

impl WaitCertVerify {
    pub(super) fn new(keyed: Keyed, cert: PeerCertVerified) -> Self {
        Self { keyed, cert }
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
        let transcript = &mut self.keyed.shared.transcript;
        let signed = DigitallySigned { algorithm: m.msg.algorithm, signature: m.msg.signature };
        let messages = transcript.messages().ok_or(Error::BadSignature)?;
        let offered = &self.keyed.shared.config.common.schemes;
        let signature = self.cert.check_signature(&signatures::RULES, offered, messages, signed)?;
        transcript.forget_messages();
        transcript.add(m.raw);
        Ok(WaitChangeCipherSpec::new(self.keyed, signature.into_peer()))
    }
}

impl WaitChangeCipherSpec {
    pub(super) fn new(keyed: Keyed, peer: PeerAuth) -> Self {
        Self { keyed, peer }
    }

    /// RFC 5246 §7.1: what comes behind `at` is under the client's key.
    #[must_use]
    pub fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> WaitFinished {
        out.install_read(self.keyed.keys.read_key(), at);
        WaitFinished { keyed: self.keyed, peer: self.peer }
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
        let Self { mut keyed, peer } = self;
        let peer = peer.check_finished(&*keyed.keys, &m.msg, &keyed.shared.transcript.hash())?;
        if keyed.order == Order::ServerFirst {
            // The client holds the session's key: it is more than somebody who saw the id.
            keyed.note_stored(out);
            return Ok(AfterFinished::Connected(Connected::new(keyed, peer)));
        }
        keyed.shared.negotiated.first_finished = m.msg.verify_data.try_into().ok();
        keyed.shared.transcript.add(m.raw);
        if let Some(session) = keyed.session(&peer) {
            let (state, need) = WaitTicket::ask(keyed, peer, session);
            return Ok(AfterFinished::Ticket(state, need));
        }
        if keyed.shared.keeps == Keeps::Ticket {
            keyed.send_ticket(None, out)?;
        }
        Ok(AfterFinished::Connected(keyed.finish(peer, out)?))
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

impl Keyed {
    /// Sends ChangeCipherSpec and Finished.
    pub(super) fn finish(mut self, peer: Authenticated, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        out.send_change_cipher_spec()?;
        out.install_write(self.keys.write_key())?;
        let transcript = &mut self.shared.transcript;
        let verify_data = self.keys.verify_data(&transcript.hash());
        flight::send_finished(out, transcript, &verify_data)?;
        Ok(Connected::new(self, peer))
    }
}

impl Connected {
    fn new(keyed: Keyed, peer: Authenticated) -> Box<Self> {
        Box::new(Self { keys: keyed.keys.unlock(&peer), negotiated: keyed.shared.negotiated, peer })
    }

    pub(super) fn established(&self) -> Established<'_> {
        Established { negotiated: &self.negotiated, peer: &self.peer, exporter: &self.keys }
    }
}
