//! A server that asks for a client certificate, as far as a client's tests need one.

use tls_codec::code_points::{HandshakeType, ProtocolVersion, SignatureScheme};
use tls_codec::decode_all;
use tls_codec::error::BufferFull;
use tls_codec::extension;
use tls_codec::handshake::ClientHello;
use tls_codec::writer::Writer;
use tls_crypto::{ALL_TLS13, EphemeralKey, Group, Transcript};

use super::flow::Recorder;
use super::pair::Pki;
use crate::auth::PeerFinished;
use crate::flight::tls13::{Stapling, certificate};
use crate::negotiate::group_id;
use crate::schedule::Side;
use crate::schedule::tls13::{HandshakeKeys, PeerFinishedKey};
use crate::verify::tls13;

pub(super) struct AskingServer {
    transcript: Transcript,
    client_finished: PeerFinishedKey,
}

impl AskingServer {
    /// ServerHello to Finished, with a CertificateRequest among them.
    pub(super) fn answer(client_hello: &[u8], pki: &Pki) -> (Self, Vec<Vec<u8>>) {
        let hello: ClientHello<'_> = decode_all(&client_hello[4..]).unwrap();
        let share = hello.extensions.key_share.unwrap().first().unwrap();
        let suite = ALL_TLS13[0];
        let key = EphemeralKey::generate(Group::X25519).unwrap();
        let mut transcript = Transcript::new(suite.hash);
        transcript.add(client_hello);
        let mut flight = Vec::new();
        let mut send = |transcript: &mut Transcript, typ, body: &dyn Fn(&mut Writer<'_>) -> Result<(), BufferFull>| {
            let mut message = Vec::new();
            Writer::append(&mut message).message(typ, |w| body(w)).unwrap();
            transcript.add(&message);
            flight.push(message);
        };
        send(&mut transcript, HandshakeType::SERVER_HELLO, &|w| {
            w.u16(ProtocolVersion::TLS12.0)?;
            w.bytes(&[7; 32])?;
            w.vec8(|w| w.bytes(hello.legacy_session_id))?;
            w.u16(suite.id)?;
            w.u8(0)?;
            w.vec16(|w| {
                extension::SelectedVersion::write(w, ProtocolVersion::TLS13)?;
                extension::KeyShareServerHello::write(w, group_id(Group::X25519), key.public_key())
            })
        });
        let shared = key.agree(share.key_exchange).unwrap();
        let log = &mut Recorder::default();
        let keys = HandshakeKeys::derive(Side::Server, suite, shared, &transcript.hash(), hello.random, log);
        send(&mut transcript, HandshakeType::ENCRYPTED_EXTENSIONS, &|w| w.vec16(|_| Ok(())));
        send(&mut transcript, HandshakeType::CERTIFICATE_REQUEST, &|w| {
            w.vec8(|_| Ok(()))?;
            w.vec16(|w| extension::SignatureAlgorithms::write(w, &[SignatureScheme::ED25519]))
        });
        let mut chain = Vec::new();
        certificate(&mut Writer::append(&mut chain), &[], &pki.identity, Stapling::default()).unwrap();
        send(&mut transcript, HandshakeType::CERTIFICATE, &|w| w.bytes(&chain[4..]));
        let content = tls13::server_content(&transcript.hash());
        let scheme = pki.identity.schemes()[0];
        let signature = pki.identity.sign(scheme, content.as_ref()).unwrap();
        send(&mut transcript, HandshakeType::CERTIFICATE_VERIFY, &|w| {
            w.u16(scheme.0)?;
            w.vec16(|w| w.bytes(&signature))
        });
        let verify_data = keys.verify_data(&transcript.hash());
        send(&mut transcript, HandshakeType::FINISHED, &|w| w.bytes(verify_data.as_ref()));
        let (_, client_finished) = keys.into_application(&transcript.hash(), hello.random, log);
        (Self { transcript, client_finished }, flight)
    }

    pub(super) fn accepts(&mut self, certificate: &[u8], finished: &[u8]) -> bool {
        self.transcript.add(certificate);
        self.client_finished.is_right(&self.transcript.hash(), &finished[4..])
    }
}
