//! From the keys on: the client's proof, the change to the keys, and both sides' Finished (RFC 5246 §7.1, §7.4.8, §7.4.9).

use tls_codec::handshake::{CertificateVerify, Finished};

use super::key_exchange::Shared;
use crate::auth::{Authenticated, PeerAuth, PeerCertVerified};
use crate::error::Error;
use crate::established::{Established, Negotiated};
use crate::flight;
use crate::framed::{Framed, RecordBoundary};
use crate::role::opaque_debug;
use crate::schedule::tls12::{ApplicationKeys, Keys};
use crate::sink::Sink;
use crate::verify::signature::DigitallySigned;
use crate::verify::tls12 as signatures;

opaque_debug!(WaitCertVerify, WaitChangeCipherSpec, WaitFinished, Connected);

/// The keys, which nobody uses yet, and what all states share.
pub(super) struct Keyed {
    pub(super) shared: Box<Shared>,
    pub(super) keys: Keys,
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
        let rules = &signatures::RULES;
        let messages = transcript.messages().ok_or(Error::BadSignature)?;
        let signature = self.cert.check_signature(rules, rules.schemes, messages, signed)?;
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
    /// RFC 5246 §7.4.9. Answers with ChangeCipherSpec and our own Finished.
    ///
    /// # Errors
    /// [`Error::BadFinished`].
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Connected, Error> {
        let Keyed { shared, keys } = self.keyed;
        let Shared { mut transcript, negotiated, .. } = *shared;
        let peer = self.peer.check_finished(&keys, &m.msg, &transcript.hash())?;
        transcript.add(m.raw);
        out.send_change_cipher_spec()?;
        out.install_write(keys.write_key())?;
        let verify_data = keys.verify_data(&transcript.hash());
        flight::send_finished(out, &mut transcript, &verify_data)?;
        Ok(Connected { keys: keys.unlock(&peer), negotiated, peer })
    }
}

impl Connected {
    pub(super) fn established(&self) -> Established<'_> {
        Established { negotiated: &self.negotiated, peer: &self.peer, exporter: &self.keys }
    }
}
