//! Our flight: Certificate and CertificateVerify if they were requested, and Finished (RFC 9846 §4.5).

use tls_codec::code_points::{HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::handshake::Finished;
use tls_crypto::Digest;

use super::super::known::{Early, takes_tickets};
use super::states::{Connected, WaitFinished};
use super::tickets::Tickets;
use super::{Shared, State};
use crate::auth::Authenticated;
use crate::error::Error;
use crate::flight;
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{Asker, ClientIdentityAnswer, Need, NeedSignature, SignatureAnswer};
use crate::negotiated::Negotiated;
use crate::sink::Sink;
use crate::states::{Step, opaque_debug};
use crate::verify::tls13 as signatures;

opaque_debug!(WaitClientIdentity, WaitSignature);

/// The server's flight is over, and ours begins: still under the handshake's keys.
pub(super) struct Ending {
    pub(super) shared: Box<Shared>,
    pub(super) peer: Authenticated,
    pub(super) server_finished_hash: Digest,
    /// Whether messages of ours come before our Finished.
    pub(super) goes_on: bool,
    /// Where the server's Finished ended, and its application keys begin.
    pub(super) at: RecordBoundary,
}

/// WAIT_FINISHED is over, and the application chooses an identity to show.
pub struct WaitClientIdentity {
    ending: Box<Ending>,
}

/// The identity's key signs.
pub struct WaitSignature {
    ending: Box<Ending>,
    scheme: SignatureScheme,
}

impl WaitFinished {
    /// Ends the handshake, after a question if the server wants to know who we are and there may be an identity.
    pub(super) fn on_last_message(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let mut ending = self.on_finished(m)?;
        ending.end_early_data(out)?;
        match ending.shared.request.take() {
            Some(request) if ending.shared.config.client_identity_lookup => {
                let need = request.into_need(ending.asker());
                return Ok(Step::Ask(State::WaitClientIdentity(WaitClientIdentity { ending }), need));
            }
            Some(_) => ending.send_no_certificate(out)?,
            None => {}
        }
        Ok(Step::Next(State::Connected(ending.finish(out)?)))
    }
}

impl WaitClientIdentity {
    pub(super) fn asker(&self) -> Asker {
        self.ending.asker()
    }

    /// Shows the identity, if it can sign with what the server accepts, and none otherwise.
    pub(super) fn on_identity(self, answer: ClientIdentityAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let mut ending = self.ending;
        let Some((identity, scheme)) = answer.into_chosen(&signatures::RULES) else {
            ending.send_no_certificate(out)?;
            return Ok(Step::Next(State::Connected(ending.finish(out)?)));
        };
        ending.goes_on = true;
        let transcript = &mut ending.shared.transcript;
        flight::send(out, transcript, &mut |w| flight::tls13::certificate(w, &[], &identity, Stapling::default()))?;
        let content = signatures::client_content(&transcript.hash());
        let need = NeedSignature::new(ending.asker(), identity, scheme, content);
        Ok(Step::Ask(State::WaitSignature(WaitSignature { ending, scheme }), Need::Signature(need)))
    }
}

impl WaitSignature {
    pub(super) fn asker(&self) -> Asker {
        self.ending.asker()
    }

    pub(super) fn on_signature(mut self, answer: SignatureAnswer, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        let signature = answer.into_signature()?;
        flight::send_certificate_verify(out, &mut self.ending.shared.transcript, self.scheme, &signature)?;
        self.ending.finish(out)
    }
}

impl Ending {
    fn asker(&self) -> Asker {
        Asker::of(&self.shared.client_random)
    }

    /// RFC 9846 §4.6: EndOfEarlyData is the last under the key for early data.
    fn end_early_data(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        let Shared { early: Early::Accepted(_), transcript, keys, .. } = &mut *self.shared else { return Ok(()) };
        flight::send(out, transcript, &mut |w| w.message(HandshakeType::END_OF_EARLY_DATA, |_| Ok(())))?;
        self.goes_on = true;
        out.install_write(keys.write_key())
    }

    fn send_no_certificate(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        self.goes_on = true;
        flight::send(out, &mut self.shared.transcript, &mut |w| flight::tls13::no_certificate(w, &[]))
    }

    /// Sends Finished, still under the handshake's keys, and moves on to the application's.
    fn finish(self, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        let Shared { config, mut transcript, keys, suite, group, kind, early, alpn, full, .. } = *self.shared;
        let early_data = matches!(early, Early::Accepted(_));
        let hash = if self.goes_on { transcript.hash() } else { self.server_finished_hash };
        let verify_data = keys.verify_data(&hash);
        flight::send_finished(out, &mut transcript, verify_data.as_ref())?;
        let (write_key, locked) = keys.into_application(&self.server_finished_hash, out);
        out.install_write(write_key)?;
        let (read_key, keys, main) = locked.unlock(&self.peer);
        out.install_read(read_key, self.at);
        let tickets = takes_tickets(&config, ProtocolVersion::TLS13).then(|| {
            let secret = main.into_resumption(&transcript.hash());
            Tickets::new(secret, full)
        });
        let negotiated = Negotiated {
            suite: suite.into(),
            group: Some(group),
            alpn,
            kind,
            server_name: None,
            early_data,
            first_finished: None,
        };
        Ok(Connected::new(Traffic::new(keys, negotiated), self.peer, tickets))
    }
}
