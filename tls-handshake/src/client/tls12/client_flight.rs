//! The client's flight in TLS 1.2, from Certificate to Finished, and the server's Finished (RFC
//! 5246 §7.4.6–§7.4.9, §7.1).

use pki_types::UnixTime;
use tls_codec::code_points::{HandshakeType, SignatureScheme};
use tls_codec::handshake::Finished;
use tls_codec::handshake::tls12::NewSessionTicket;
use tls_crypto::{EphemeralKey, Transcript};

use super::super::session_tracker::SessionTracker;
use super::new_session::{PendingSession, SessionOrigin};
use super::server_flight::{VerifiedKeyExchange, WaitVerdict};
use super::{HandshakeContext, MasterSecretKind, Promise, State};
use crate::auth::{Authenticated, PeerAuth};
use crate::error::{Error, Illegal};
use crate::flight;
use crate::framed::{Framed, RecordBoundary};
use crate::identity::Identity;
use crate::need::{ClientIdentityAnswer, ConnectionId, Need, NeedSignature, SignatureAnswer, VerdictAnswer};
use crate::negotiate::group_id;
use crate::negotiated::{Established, HandshakeKind, Negotiated};
use crate::resumption::ClientSessionValue;
use crate::schedule::Side;
use crate::schedule::tls12::{ApplicationKeys, Binding, Keys};
use crate::sink::Sink;
use crate::states::{Step, opaque_debug};
use crate::verify::signature::tls12 as signatures;

opaque_debug!(WaitClientIdentity, WaitSignature, WaitNewSessionTicket, WaitChangeCipherSpec, WaitFinished, Connected);

/// WAIT_SHD: waits for the application to select an identity.
pub struct WaitClientIdentity {
    context: Box<HandshakeContext>,
    signed: VerifiedKeyExchange,
}

/// WAIT_SHD: waits for the signature. Certificate and ClientKeyExchange are sent.
pub struct WaitSignature {
    ready: Box<KeysReady>,
    scheme: SignatureScheme,
}

/// The keys of this connection, derived after ClientKeyExchange or the ServerHello of a resumption.
/// No record uses them yet.
pub(super) struct KeysReady {
    pub(super) transcript: Transcript,
    pub(super) connection_id: ConnectionId,
    pub(super) keys: Box<Keys>,
    pub(super) peer: PeerAuth,
    pub(super) negotiated: Negotiated,
    pub(super) order: FinishedOrder,
    pub(super) promise: Promise,
    pub(super) origin: SessionOrigin,
}

/// Which side sends Finished first (RFC 5246 §7.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FinishedOrder {
    /// The client: a full handshake.
    ClientFirst,
    /// The server: a resumed handshake.
    ServerFirst,
}

/// WAIT_TICKET: waits for the promised NewSessionTicket.
pub struct WaitNewSessionTicket {
    ready: Box<KeysReady>,
}

/// WAIT_CCS: waits for the server's ChangeCipherSpec.
pub struct WaitChangeCipherSpec {
    ready: Box<KeysReady>,
}

/// WAIT_FINISHED: the server's new key is installed.
pub struct WaitFinished {
    ready: Box<KeysReady>,
}

/// CONNECTED.
pub struct Connected {
    negotiated: Negotiated,
    keys: ApplicationKeys,
    peer: Authenticated,
    session: Option<Box<PendingSession>>,
}

impl WaitVerdict {
    /// Continues with the verified chain. Asks for an identity if the server requested a
    /// certificate; otherwise sends the flight.
    pub(super) fn on_verdict(self, verdict: VerdictAnswer, out: &mut dyn Sink) -> Result<Step<State>, Error> {
        let (mut context, signed, request) = self.check_exchange(verdict)?;
        match request {
            Some(request) if context.config.client_identity_lookup => {
                let need = request.into_need(context.connection_id());
                Ok(Step::Ask(State::WaitClientIdentity(WaitClientIdentity { context, signed }), need))
            }
            request => {
                if request.is_some() {
                    context.send_certificate(None, out)?;
                }
                Ok(Step::Next(KeysReady::after(context, signed, out)?.finish(out)?))
            }
        }
    }
}

impl WaitClientIdentity {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.context.connection_id()
    }

    /// Presents the identity if the server accepts one of its schemes, and no certificate
    /// otherwise.
    pub(super) fn on_identity(
        mut self,
        answer: ClientIdentityAnswer,
        out: &mut dyn Sink,
    ) -> Result<Step<State>, Error> {
        let backend = self.context.config.common.backend;
        let chosen = answer.into_chosen(backend, &signatures::RULES)?;
        self.context.send_certificate(chosen.as_ref().map(|(identity, _)| &**identity), out)?;
        let ready = KeysReady::after(self.context, self.signed, out)?;
        let Some((identity, scheme)) = chosen else {
            return Ok(Step::Next(ready.finish(out)?));
        };
        // RFC 5246 §7.4.8: CertificateVerify signs all messages so far, not their hash. The
        // transcript has kept them.
        let messages = ready.transcript.messages().unwrap_or_default().to_vec();
        let need = NeedSignature::new(ready.connection_id, backend, identity, scheme, messages);
        Ok(Step::Ask(State::WaitSignature(WaitSignature { ready, scheme }), Need::Signature(need)))
    }
}

impl WaitSignature {
    pub(super) fn connection_id(&self) -> ConnectionId {
        self.ready.connection_id
    }

    pub(super) fn on_signature(mut self, answer: SignatureAnswer, out: &mut dyn Sink) -> Result<State, Error> {
        let signature = answer.into_signature()?;
        flight::send_certificate_verify(out, &mut self.ready.transcript, self.scheme, &signature)?;
        self.ready.finish(out)
    }
}

impl HandshakeContext {
    /// RFC 5246 §7.4.6.
    fn send_certificate(&mut self, identity: Option<&Identity>, out: &mut dyn Sink) -> Result<(), Error> {
        flight::send(out, &mut self.transcript, &mut |w| flight::tls12::certificate(w, identity))
    }
}

impl KeysReady {
    /// Sends ClientKeyExchange (RFC 8422 §5.7) and derives the keys.
    fn after(
        context: Box<HandshakeContext>,
        signed: VerifiedKeyExchange,
        out: &mut dyn Sink,
    ) -> Result<Box<Self>, Error> {
        let HandshakeContext {
            config,
            randoms,
            mut transcript,
            suite,
            shares,
            master_secret,
            alpn,
            session_id,
            promise,
            ..
        } = *context;
        let group = group_id(signed.group);
        let key = match shares.and_then(|shares| shares.into_key(group)) {
            Some(key) => key,
            None => EphemeralKey::generate(config.common.backend, signed.group)
                .map_err(|_| Error::Crypto("generating a key share"))?,
        };
        flight::send(out, &mut transcript, &mut |w| {
            w.message(HandshakeType::CLIENT_KEY_EXCHANGE, |w| w.vec8_bytes(&key.public_key()))
        })?;
        let secret = key.agree(&signed.public).map_err(|_| Illegal::KeyShare(group))?;
        let binding = match master_secret {
            MasterSecretKind::Extended => Binding::ExtendedMasterSecret(transcript.hash()),
            MasterSecretKind::Plain => Binding::Randoms,
        };
        let keys = Keys::derive(Side::Client, config.common.backend, suite, secret, &binding, randoms, out);
        let negotiated = Negotiated {
            suite: suite.into(),
            group: Some(group),
            alpn,
            kind: HandshakeKind::Full,
            server_name: None,
            early_data: false,
            first_finished: None,
        };
        let connection_id = ConnectionId::of(&randoms.client);
        let origin = SessionOrigin { config, session_id, full: None, ticket: None };
        let (peer, order) = (signed.proof.into_peer(), FinishedOrder::ClientFirst);
        Ok(Box::new(Self { transcript, connection_id, keys, peer, negotiated, order, promise, origin }))
    }

    /// Ends the client's flight with ChangeCipherSpec and Finished.
    fn finish(mut self: Box<Self>, out: &mut dyn Sink) -> Result<State, Error> {
        self.transcript.forget_messages();
        self.negotiated.first_finished = Some(send_finished(&mut self.transcript, &self.keys, out)?);
        Ok(self.wait())
    }

    /// Waits for the server's ticket, if promised, or its ChangeCipherSpec.
    pub(super) fn wait(self: Box<Self>) -> State {
        match self.promise {
            Promise::Ticket => State::WaitNewSessionTicket(WaitNewSessionTicket { ready: self }),
            Promise::Nothing => State::WaitChangeCipherSpec(WaitChangeCipherSpec { ready: self }),
        }
    }
}

/// Sends ChangeCipherSpec and Finished (RFC 5246 §7.1, §7.4.9).
fn send_finished(transcript: &mut Transcript, keys: &Keys, out: &mut dyn Sink) -> Result<[u8; 12], Error> {
    out.send_change_cipher_spec()?;
    out.install_write(keys.write_key())?;
    let verify_data = keys.verify_data(&transcript.hash());
    flight::send_finished(out, transcript, &verify_data)?;
    Ok(verify_data)
}

impl WaitNewSessionTicket {
    /// Keeps the ticket (RFC 5077 §3.3).
    #[must_use]
    pub fn on_new_session_ticket(mut self, m: Framed<'_, NewSessionTicket<'_>>) -> WaitChangeCipherSpec {
        self.ready.origin.add_ticket(&m.msg);
        self.ready.transcript.add(m.raw);
        WaitChangeCipherSpec { ready: self.ready }
    }
}

impl WaitChangeCipherSpec {
    /// RFC 5246 §7.1: the records after this one are under the new keys.
    pub(super) fn on_change_cipher_spec(self, at: RecordBoundary, out: &mut dyn Sink) -> WaitFinished {
        out.install_read(self.ready.keys.read_key(), at);
        WaitFinished { ready: self.ready }
    }
}

impl WaitFinished {
    /// Checks the server's Finished (RFC 5246 §7.4.9). If the server finishes first, sends the
    /// client's Finished.
    ///
    /// # Errors
    /// [`Error::BadFinished`]; [`Error::KeyChangeInsideRecord`] if data follows in the same record,
    /// because Finished ends the server's flight.
    pub fn on_finished(self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        m.at_boundary()?;
        let KeysReady { mut transcript, keys, peer, mut negotiated, order, origin, .. } = *self.ready;
        let peer = peer.check_finished(&*keys, &m.msg, &transcript.hash())?;
        if order == FinishedOrder::ServerFirst {
            let bound = keys.has_extended_master_secret();
            negotiated.first_finished = m.msg.verify_data.try_into().ok().filter(|_| bound);
            transcript.add(m.raw);
            send_finished(&mut transcript, &keys, out)?;
        }
        let session = origin.into_pending(&keys);
        Ok(Box::new(Connected { keys: keys.unlock(&peer), negotiated, peer, session }))
    }
}

impl Connected {
    pub(super) fn established(&self) -> Established<'_> {
        Established { negotiated: &self.negotiated, peer: &self.peer, exporter: &self.keys }
    }

    pub(super) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    pub(super) fn take_session(&mut self, tracker: &SessionTracker, now: UnixTime) -> Option<ClientSessionValue> {
        self.session.take()?.into_session(tracker, &self.negotiated, &self.peer, now)
    }
}
