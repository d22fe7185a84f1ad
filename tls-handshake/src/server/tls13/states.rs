//! TLS 1.3 after ClientHello: our flight, in two halves around the signature, and the client's Finished.

use tls_codec::code_points::{HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::extension;
use tls_codec::handshake::{Finished, KeyUpdate};
use tls_crypto::Tls13Suite;
use tls_crypto::Transcript;
use tls_crypto::{EphemeralKey, Group};

use super::super::hello::Shared;
use crate::auth::{Authenticated, PeerAuth};
use crate::error::{Error, Illegal};
use crate::established::{Established, HandshakeKind, Negotiated};
use crate::flight;
use crate::flight::tls13::Stapling;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Asker, IdentityAnswer, Need, NeedIdentity, NeedSignature, SessionAnswer, SignatureAnswer};
use crate::negotiate::{first_common, group_id};
use crate::role::opaque_debug;
use crate::schedule::Side;
use crate::schedule::tls13::{HandshakeKeys, LockedApplicationKeys, PeerFinishedKey};
use crate::sink::Sink;
use crate::traffic::Traffic;
use crate::verify::tls13 as signatures;

opaque_debug!(WaitSession, WaitIdentity, WaitSignature, WaitFinished, Connected);

/// RECVD_CH, while the session is looked up that the client wants to resume.
pub struct WaitSession {
    full: WaitIdentity,
}

/// RECVD_CH: all is chosen but the identity.
pub struct WaitIdentity {
    pub(in crate::server) shared: Box<Shared>,
    pub(in crate::server) transcript: Transcript,
    pub(in crate::server) suite: &'static Tls13Suite,
    pub(in crate::server) group: Group,
    pub(in crate::server) kind: HandshakeKind,
    pub(in crate::server) client_random: [u8; 32],
    pub(in crate::server) client_share: Vec<u8>,
    pub(in crate::server) session_id: Vec<u8>,
    pub(in crate::server) alpn: Option<Vec<u8>>,
    pub(in crate::server) schemes: Vec<SignatureScheme>,
    pub(in crate::server) server_name: Option<String>,
    pub(in crate::server) stapling: Stapling,
    pub(in crate::server) at: RecordBoundary,
}

/// NEGOTIATED: Certificate is written; the key signs what comes next.
pub struct WaitSignature {
    shared: Box<Shared>,
    transcript: Transcript,
    keys: HandshakeKeys,
    client_random: [u8; 32],
    scheme: SignatureScheme,
    negotiated: Negotiated,
}

/// WAIT_FINISHED: our flight is sent.
pub struct WaitFinished {
    peer: PeerAuth,
    transcript: Transcript,
    locked: LockedApplicationKeys,
    client_finished: PeerFinishedKey,
    negotiated: Negotiated,
}

/// CONNECTED.
pub struct Connected {
    traffic: Traffic,
    peer: Authenticated,
}

impl WaitSession {
    pub(in crate::server) fn new(full: WaitIdentity) -> Self {
        Self { full }
    }

    pub(in crate::server) fn asker(&self) -> Asker {
        self.full.asker()
    }

    /// Goes on with a full handshake.
    pub(in crate::server) fn on_session(self, answer: SessionAnswer) -> (WaitIdentity, Need) {
        let need = NeedIdentity::new(self.asker(), answer.into_hello());
        (self.full, Need::Identity(need))
    }
}

impl WaitIdentity {
    pub(in crate::server) fn asker(&self) -> Asker {
        Asker(self.shared.random)
    }

    /// Sends ServerHello, EncryptedExtensions and Certificate, and asks for the signature.
    pub(in crate::server) fn on_identity(
        mut self,
        answer: IdentityAnswer,
        out: &mut dyn Sink,
    ) -> Result<(WaitSignature, Need), Error> {
        let (identity, _) = answer.into_parts()?;
        let scheme = first_common(identity.schemes(), |scheme| {
            self.schemes.contains(scheme) && signatures::RULES.schemes.contains(scheme)
        })
        .ok_or_else(|| Error::NoCommonSignatureScheme {
            offered: self.schemes.clone(),
            able: identity.schemes().to_vec(),
        })?;
        let keys = self.send_server_hello(out)?;
        let transcript = &mut self.transcript;
        let (alpn, named) = (&self.alpn, self.server_name.is_some());
        flight::send(out, transcript, &mut |w| {
            w.message(HandshakeType::ENCRYPTED_EXTENSIONS, |w| {
                w.vec16(|w| {
                    if named {
                        // RFC 6066 §3: the name was used to choose the certificate.
                        w.extension(tls_codec::code_points::ExtensionType::SERVER_NAME, |_| Ok(()))?;
                    }
                    alpn.as_ref().map_or(Ok(()), |name| extension::Alpn::write(w, std::slice::from_ref(name)))
                })
            })
        })?;
        flight::send(out, transcript, &mut |w| flight::tls13::certificate(w, &[], &identity, self.stapling))?;
        let content = signatures::server_content(&transcript.hash());
        let need = NeedSignature::new(Asker(self.shared.random), identity, scheme, content);
        let negotiated = Negotiated {
            suite: self.suite.into(),
            group: group_id(self.group),
            alpn: self.alpn,
            kind: self.kind,
            server_name: self.server_name,
        };
        let state = WaitSignature {
            shared: self.shared,
            transcript: self.transcript,
            keys,
            client_random: self.client_random,
            scheme,
            negotiated,
        };
        Ok((state, Need::Signature(need)))
    }

    /// RFC 9846 §4.2.3; the handshake's keys are installed behind it.
    fn send_server_hello(&mut self, out: &mut dyn Sink) -> Result<HandshakeKeys, Error> {
        let key = EphemeralKey::generate(self.group).map_err(|_| Error::Crypto("generating a key share"))?;
        let (random, session_id, suite) = (self.shared.random, &self.session_id, self.suite);
        let group = group_id(self.group);
        flight::send(out, &mut self.transcript, &mut |w| {
            w.message(HandshakeType::SERVER_HELLO, |w| {
                w.u16(ProtocolVersion::TLS12.0)?;
                w.bytes(&random)?;
                w.vec8(|w| w.bytes(session_id))?;
                w.u16(suite.id)?;
                w.u8(0)?;
                w.vec16(|w| {
                    extension::SelectedVersion::write(w, ProtocolVersion::TLS13)?;
                    extension::KeyShareServerHello::write(w, group, key.public_key())
                })
            })
        })?;
        let secret = key.agree(&self.client_share).map_err(|_| Illegal::KeyShare(group))?;
        // RFC 9846 Appendix E.4: behind our first message, which after a retry was HelloRetryRequest.
        if self.kind == HandshakeKind::Full && !self.session_id.is_empty() {
            out.send_change_cipher_spec()?;
        }
        let keys =
            HandshakeKeys::derive(Side::Server, suite, secret, &self.transcript.hash(), &self.client_random, out);
        out.install_read(keys.read_key(), self.at);
        out.install_write(keys.write_key())?;
        Ok(keys)
    }
}

impl WaitSignature {
    pub(in crate::server) fn asker(&self) -> Asker {
        Asker(self.shared.random)
    }

    /// Sends CertificateVerify and Finished, and moves on to the application's keys for what we send.
    pub(in crate::server) fn on_signature(
        mut self,
        answer: SignatureAnswer,
        out: &mut dyn Sink,
    ) -> Result<WaitFinished, Error> {
        let (signature, scheme) = (answer.into_signature()?, self.scheme);
        let transcript = &mut self.transcript;
        flight::send_certificate_verify(out, transcript, scheme, &signature)?;
        let verify_data = self.keys.verify_data(&transcript.hash());
        flight::send_finished(out, transcript, verify_data.as_ref())?;
        let (locked, client_finished) = self.keys.into_application(&transcript.hash(), &self.client_random, out);
        out.install_write(locked.write_key())?;
        let peer = PeerAuth::not_asked(self.shared.config.client_auth, ProtocolVersion::TLS13)?;
        Ok(WaitFinished { peer, transcript: self.transcript, locked, client_finished, negotiated: self.negotiated })
    }
}

impl WaitFinished {
    /// RFC 9846 §4.5.3: from here on the client's application data is read.
    ///
    /// # Errors
    /// [`Error::BadFinished`], [`Error::KeyChangeInsideRecord`].
    pub fn on_finished(mut self, m: Framed<'_, Finished<'_>>, out: &mut dyn Sink) -> Result<Connected, Error> {
        let at = m.at_boundary()?;
        let peer = self.peer.check_finished(&self.client_finished, &m.msg, &self.transcript.hash())?;
        self.transcript.add(m.raw);
        let keys = self.locked.unlock(&peer);
        out.install_read(keys.read_key(), at);
        Ok(Connected { traffic: Traffic::new(keys, self.negotiated), peer })
    }
}

impl Connected {
    /// RFC 9846 §4.7.3.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`], [`Error::Flood`].
    pub fn on_key_update(mut self, m: Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<Self, Error> {
        self.traffic.on_key_update(&m, out)?;
        Ok(self)
    }

    pub(super) fn established(&self) -> Established<'_> {
        self.traffic.established(&self.peer)
    }

    pub(in crate::server) fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}
