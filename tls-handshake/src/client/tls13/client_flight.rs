//! The client's flight in TLS 1.3: EndOfEarlyData, Certificate and CertificateVerify where needed,
//! and Finished (RFC 9846 §4.5, §4.6).

use tls_codec::code_points::{HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::handshake::Finished;
use tls_crypto::Digest;

use super::super::early_data::EarlyData;
use super::super::offered_psk::takes_tickets;
use super::connected::Connected;
use super::new_session::Tickets;
use super::server_flight::WaitFinished;
use super::{HandshakeContext, State};
use crate::auth::Authenticated;
use crate::error::Error;
use crate::flight;
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::key_update::Traffic;
use crate::need::{ClientIdentityAnswer, ConnectionId, Need, NeedSignature, SignatureAnswer};
use crate::negotiated::Negotiated;
use crate::sink::Sink;
use crate::states::{Step, opaque_debug};
use crate::verify::signature::tls13 as signatures;

opaque_debug!(WaitClientIdentity, WaitSignature);

/// The client's flight while it is sent, under the handshake keys.
pub(super) struct ClientFlight {
    pub(super) context: Box<HandshakeContext>,
    pub(super) peer: Authenticated,
    pub(super) server_finished_hash: Digest,
    /// True if the client sends a message before its Finished.
    pub(super) sends_before_finished: bool,
    /// The place where the server's Finished ended, and its application keys begin.
    pub(super) at: RecordBoundary,
}

/// WAIT_FINISHED is over: waits for the application to select an identity.
pub struct WaitClientIdentity {
    client_flight: Box<ClientFlight>,
}

/// Waits for the signature of the identity's key.
pub struct WaitSignature {
    client_flight: Box<ClientFlight>,
    scheme: SignatureScheme,
}

impl WaitFinished {
    /// Completes the handshake. First asks for an identity if the server requested a certificate
    /// and an identity lookup is set.
    pub(super) fn on_last_message(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let mut client_flight = self.on_finished(m)?;
        client_flight.end_early_data(out)?;
        match client_flight.context.request.take() {
            Some(request) if client_flight.context.config.client_identity_lookup => {
                let need = request.into_need(client_flight.connection_id());
                return Ok(Step::Ask(State::WaitClientIdentity(WaitClientIdentity { client_flight }), need));
            }
            Some(_) => client_flight.send_no_certificate(out)?,
            None => {}
        }
        Ok(Step::Next(State::Connected(client_flight.finish(out)?)))
    }
}

impl WaitClientIdentity {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.client_flight.connection_id()
    }

    /// Presents the identity if the server accepts one of its schemes, and no certificate
    /// otherwise.
    pub(super) fn on_identity(self, answer: ClientIdentityAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let mut client_flight = self.client_flight;
        let backend = client_flight.context.config.common.backend;
        let Some((identity, scheme)) = answer.into_chosen(backend, &signatures::RULES)? else {
            client_flight.send_no_certificate(out)?;
            return Ok(Step::Next(State::Connected(client_flight.finish(out)?)));
        };
        client_flight.sends_before_finished = true;
        let transcript = &mut client_flight.context.transcript;
        flight::send(out, transcript, &mut |w| flight::tls13::certificate(w, &[], &identity, Stapling::default()))?;
        let content = signatures::client_content(&transcript.hash());
        let need = NeedSignature::new(client_flight.connection_id(), backend, identity, scheme, content);
        Ok(Step::Ask(State::WaitSignature(WaitSignature { client_flight, scheme }), Need::Signature(need)))
    }
}

impl WaitSignature {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.client_flight.connection_id()
    }

    pub(super) fn on_signature(mut self, answer: SignatureAnswer, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        let signature = answer.into_signature()?;
        flight::send_certificate_verify(out, &mut self.client_flight.context.transcript, self.scheme, &signature)?;
        self.client_flight.finish(out)
    }
}

impl ClientFlight {
    fn connection_id(&self) -> ConnectionId {
        ConnectionId::of(&self.context.client_random)
    }

    /// RFC 9846 §4.6: EndOfEarlyData is the last message under the early data key. QUIC has no such
    /// message (RFC 9001 §8.3).
    fn end_early_data(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        if self.context.transport.is_quic() {
            return Ok(());
        }
        let HandshakeContext { early: EarlyData::Accepted(_), transcript, keys, .. } = &mut *self.context else {
            return Ok(());
        };
        flight::send(out, transcript, &mut |w| w.message(HandshakeType::END_OF_EARLY_DATA, |_| Ok(())))?;
        self.sends_before_finished = true;
        out.install_write(keys.write_key())
    }

    fn send_no_certificate(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        self.sends_before_finished = true;
        flight::send(out, &mut self.context.transcript, &mut |w| flight::tls13::no_certificate(w, &[]))
    }

    /// Sends Finished under the handshake keys and switches to the application keys.
    fn finish(self, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        let HandshakeContext { config, mut transcript, keys, suite, group, kind, early, alpn, full, .. } =
            *self.context;
        let early_data = matches!(early, EarlyData::Accepted(_));
        let hash = if self.sends_before_finished { transcript.hash() } else { self.server_finished_hash };
        let verify_data = keys.verify_data(&hash);
        flight::send_finished(out, &mut transcript, verify_data.as_ref())?;
        let locked = keys.into_application(&self.server_finished_hash, out)?;
        let (keys, main) = locked.unlock(&self.peer, self.at, out);
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
