//! TLS 1.3: the computations of each side by RFC 9846, full and resumed.

use std::hint::black_box;

use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768KeyPair, MlKem768PublicKey};
use ring::agreement::EphemeralPrivateKey;
use ring::digest::{self, SHA256};
use ring::hmac;

use super::pieces::{Material, TAG, Traffic, agree, agree_hybrid, expand, hash_of, key, transcript};
use super::trace::Trace;
use crate::{Certificates, Choice, Cost, Library, Memo, Sessions, Setup, Shown, timed};

/// The handshakes of one setup, using only primitives.
pub(super) struct Tls13 {
    material: Material,
    verify_chain: bool,
    client_auth: bool,
    resumed: bool,
    hybrid: bool,
    messages: Messages,
    wire: Wire,
    constants: Constants,
}

/// Messages of the handshake's sizes; their content does not affect the hash.
struct Messages {
    client_hello: Vec<u8>,
    server_hello: Vec<u8>,
    /// EncryptedExtensions and, with client certificates, CertificateRequest.
    extensions: Vec<u8>,
    certificate: Vec<u8>,
    certificate_verify: Vec<u8>,
    finished: Vec<u8>,
}

/// The bytes exchanged between the sides.
struct Wire {
    client_public: [u8; 32],
    server_public: [u8; 32],
    /// The share of ML-KEM of each side, in a hybrid handshake.
    client_ml_kem: Option<MlKem768PublicKey>,
    server_ml_kem: Option<MlKem768Ciphertext>,
    binder: [u8; 32],
    server_signature: Vec<u8>,
    client_signature: Vec<u8>,
    /// The verify_data is at the end, before the tag.
    server_flight: Vec<u8>,
    client_flight: Vec<u8>,
    /// All tickets in one record.
    tickets: Option<Tickets>,
    psk: [u8; 32],
}

struct Tickets {
    count: u8,
    record: Vec<u8>,
    sealed: Vec<u8>,
    nonce: [u8; 12],
}

/// The values that do not depend on the connection.
struct Constants {
    /// The key of an Extract without salt.
    no_salt: hmac::Key,
    /// The "derived" secret of the Early Secret without a PSK.
    salt_without_psk: hmac::Key,
    of_nothing: digest::Digest,
}

/// The secrets after ServerHello, each prepared as a key.
struct HandshakeKeys {
    client: hmac::Key,
    server: hmac::Key,
    salt: hmac::Key,
}

struct ApplicationKeys {
    main: hmac::Key,
    client: Traffic,
    server: Traffic,
}

struct Client {
    transcript: digest::Context,
    private: EphemeralPrivateKey,
    ml_kem: Option<MlKem768KeyPair>,
    salt: Option<hmac::Key>,
}

/// A side that waits for the other's last flight.
struct Waiting {
    transcript: digest::Context,
    client: hmac::Key,
    keys: ApplicationKeys,
    server_finished: digest::Digest,
}

impl Tls13 {
    pub(super) fn new<L: Library>(certificates: &Certificates, setup: Setup, library: &L) -> Self {
        let resumed = setup.resumes();
        if resumed {
            let _ = Trace::of(library);
        }
        let trace = Trace::of(library);
        let client_auth = setup.certificates == Shown::ByBoth;
        let messages = Messages::of(&trace, certificates, resumed, client_auth);
        let tickets = (setup.sessions != Sessions::Nowhere).then(|| Tickets::of(trace.tickets(), setup));
        let mut wire = Wire {
            client_public: [0; 32],
            server_public: [0; 32],
            client_ml_kem: None,
            server_ml_kem: None,
            binder: [0; 32],
            server_signature: Vec::new(),
            client_signature: Vec::new(),
            server_flight: vec![0; trace.server_flight() + 1 + TAG],
            client_flight: vec![0; trace.client_flight() + 1 + TAG],
            tickets,
            psk: [9; 32],
        };
        let material = certificates.material();
        if let Some(tickets) = wire.tickets.as_mut() {
            tickets.renew(&material);
        }
        let constants = Constants::new();
        let verify_chain = setup.memo == Memo::Off;
        let hybrid = setup.choice == Choice::Hybrid;
        Self { material, verify_chain, client_auth, resumed, hybrid, messages, wire, constants }
    }

    /// Performs one handshake.
    pub(super) fn round(&mut self) -> Cost {
        let mut cost = Cost::default();
        let client = timed(&mut cost.client, || self.client_hello());
        let server = timed(&mut cost.server, || self.server_flight());
        let client = timed(&mut cost.client, || self.client_flight(client));
        timed(&mut cost.server, || self.server_end(server));
        timed(&mut cost.client, || self.client_end(client));
        cost
    }

    fn client_hello(&mut self) -> Client {
        // `random` and the session ID of middlebox compatibility.
        self.messages.client_hello[6..70].copy_from_slice(&self.material.draw::<64>());
        let (private, public) = self.material.ephemeral();
        self.wire.client_public = public;
        let ml_kem = self.hybrid.then(|| self.material.ml_kem_key());
        self.wire.client_ml_kem = ml_kem.as_ref().map(|pair| pair.public_key().clone());
        let mut transcript = transcript();
        if !self.resumed {
            transcript.update(&self.messages.client_hello);
            return Client { transcript, private, ml_kem, salt: None };
        }
        let (truncated, binders) = self.messages.truncated();
        let early = key(hmac::sign(&self.constants.no_salt, &self.wire.psk));
        transcript.update(truncated);
        let binder = hmac::sign(&self.constants.binder_key(&early), hash_of(&transcript).as_ref());
        self.wire.binder.copy_from_slice(binder.as_ref());
        transcript.update(binders);
        let salt = Some(self.constants.salt_of(&early));
        Client { transcript, private, ml_kem, salt }
    }

    fn server_flight(&mut self) -> Waiting {
        let mut transcript = transcript();
        let salt = self.on_client_hello(&mut transcript);
        self.messages.server_hello[6..38].copy_from_slice(&self.material.draw::<32>());
        let (private, public) = self.material.ephemeral();
        self.wire.server_public = public;
        let ml_kem = self.wire.client_ml_kem.as_ref().map(|key| self.material.encapsulate(key));
        transcript.update(&self.messages.server_hello);
        let salt = salt.as_ref().unwrap_or(&self.constants.salt_without_psk);
        let agreed = match &ml_kem {
            Some((_, secret)) => agree_hybrid(private, &self.wire.client_public, secret, salt),
            None => agree(private, &self.wire.client_public, salt),
        };
        self.wire.server_ml_kem = ml_kem.map(|(ciphertext, _)| ciphertext);
        let keys = HandshakeKeys::new(agreed, &hash_of(&transcript), &self.constants);
        transcript.update(&self.messages.extensions);
        if !self.resumed {
            transcript.update(&self.messages.certificate);
            let signature = self.material.sign(&to_be_signed(&hash_of(&transcript)));
            keep(&mut self.wire.server_signature, signature.as_ref());
            transcript.update(&self.messages.certificate_verify);
        }
        let verify_data = hmac::sign(&finished_key(&keys.server), hash_of(&transcript).as_ref());
        put_finished(&mut self.wire.server_flight, &verify_data);
        Traffic::of_secret(&keys.server).seal(0, &mut self.wire.server_flight);
        self.waiting(transcript, keys)
    }

    /// Checks the ticket and its binder, if offered; returns the salt derived from it.
    fn on_client_hello(&mut self, transcript: &mut digest::Context) -> Option<hmac::Key> {
        if !self.resumed {
            transcript.update(&self.messages.client_hello);
            return None;
        }
        self.wire.tickets.as_mut()?.open(&self.material);
        let (truncated, binders) = self.messages.truncated();
        let early = key(hmac::sign(&self.constants.no_salt, &self.wire.psk));
        transcript.update(truncated);
        let binder_key = self.constants.binder_key(&early);
        hmac::verify(&binder_key, hash_of(transcript).as_ref(), &self.wire.binder).expect("a valid binder");
        transcript.update(binders);
        Some(self.constants.salt_of(&early))
    }

    fn client_flight(&mut self, client: Client) -> Waiting {
        let Client { mut transcript, private, ml_kem, salt } = client;
        transcript.update(&self.messages.server_hello);
        let salt = salt.as_ref().unwrap_or(&self.constants.salt_without_psk);
        let agreed = match (&ml_kem, &self.wire.server_ml_kem) {
            (Some(pair), Some(ciphertext)) => {
                let secret = mlkem768::decapsulate(pair.private_key(), ciphertext);
                agree_hybrid(private, &self.wire.server_public, &secret, salt)
            }
            _ => agree(private, &self.wire.server_public, salt),
        };
        let keys = HandshakeKeys::new(agreed, &hash_of(&transcript), &self.constants);
        Traffic::of_secret(&keys.server).open(0, &mut self.wire.server_flight);
        transcript.update(&self.messages.extensions);
        if !self.resumed {
            transcript.update(&self.messages.certificate);
            self.verify_chain();
            self.material.verify(&to_be_signed(&hash_of(&transcript)), &self.wire.server_signature);
            transcript.update(&self.messages.certificate_verify);
        }
        let verify_data = finished(&self.wire.server_flight);
        hmac::verify(&finished_key(&keys.server), hash_of(&transcript).as_ref(), verify_data)
            .expect("a valid Finished");
        let mut waiting = self.waiting(transcript, keys);
        let mut hash = waiting.server_finished;
        if self.client_auth {
            waiting.transcript.update(&self.messages.certificate);
            let signature = self.material.sign(&to_be_signed(&hash_of(&waiting.transcript)));
            keep(&mut self.wire.client_signature, signature.as_ref());
            waiting.transcript.update(&self.messages.certificate_verify);
            hash = hash_of(&waiting.transcript);
        }
        put_finished(&mut self.wire.client_flight, &hmac::sign(&finished_key(&waiting.client), hash.as_ref()));
        Traffic::of_secret(&waiting.client).seal(0, &mut self.wire.client_flight);
        waiting
    }

    /// The server's Finished is sent; both sides now compute these values.
    fn waiting(&self, mut transcript: digest::Context, keys: HandshakeKeys) -> Waiting {
        transcript.update(&self.messages.finished);
        let server_finished = hash_of(&transcript);
        let zeros = [0; 32];
        let main = key(hmac::sign(&keys.salt, &zeros));
        let secret = |label| key(expand(&main, label, server_finished.as_ref(), 32));
        let client = Traffic::of_secret(&secret("c ap traffic"));
        let server = Traffic::of_secret(&secret("s ap traffic"));
        Waiting { transcript, client: keys.client, keys: ApplicationKeys { main, client, server }, server_finished }
    }

    fn server_end(&mut self, server: Waiting) {
        let Waiting { mut transcript, client, keys, mut server_finished } = server;
        Traffic::of_secret(&client).open(0, &mut self.wire.client_flight);
        if self.client_auth {
            transcript.update(&self.messages.certificate);
            self.verify_chain();
            self.material.verify(&to_be_signed(&hash_of(&transcript)), &self.wire.client_signature);
            transcript.update(&self.messages.certificate_verify);
            server_finished = hash_of(&transcript);
        }
        let verify_data = finished(&self.wire.client_flight);
        hmac::verify(&finished_key(&client), server_finished.as_ref(), verify_data).expect("a valid Finished");
        black_box(&keys.client);
        let Some(tickets) = self.wire.tickets.as_mut() else { return };
        transcript.update(&self.messages.finished);
        let resumption = key(expand(&keys.main, "res master", hash_of(&transcript).as_ref(), 32));
        for count in 0..tickets.count {
            black_box(expand(&resumption, "resumption", &[count], 32));
            tickets.renew(&self.material);
        }
        keys.server.seal(0, &mut tickets.record);
    }

    fn client_end(&mut self, client: Waiting) {
        let Waiting { mut transcript, keys, .. } = client;
        black_box(&keys.client);
        let Some(tickets) = self.wire.tickets.as_mut() else { return };
        transcript.update(&self.messages.finished);
        let resumption = key(expand(&keys.main, "res master", hash_of(&transcript).as_ref(), 32));
        keys.server.open(0, &mut tickets.record);
        for count in 0..tickets.count {
            let psk = expand(&resumption, "resumption", &[count], 32);
            self.wire.psk.copy_from_slice(psk.as_ref());
        }
    }

    fn verify_chain(&self) {
        if self.verify_chain {
            self.material.verify_chain();
        }
    }
}

impl HandshakeKeys {
    fn new(agreed: hmac::Tag, hash: &digest::Digest, constants: &Constants) -> Self {
        let secret = key(agreed);
        Self {
            client: key(expand(&secret, "c hs traffic", hash.as_ref(), 32)),
            server: key(expand(&secret, "s hs traffic", hash.as_ref(), 32)),
            salt: key(expand(&secret, "derived", constants.of_nothing.as_ref(), 32)),
        }
    }
}

impl Constants {
    fn new() -> Self {
        let of_nothing = digest::digest(&SHA256, &[]);
        let no_salt = key([0; 32]);
        let early = key(hmac::sign(&no_salt, &[0; 32]));
        let salt_without_psk = key(expand(&early, "derived", of_nothing.as_ref(), 32));
        Self { no_salt, salt_without_psk, of_nothing }
    }

    /// RFC 9846 §4.3.11.2.
    fn binder_key(&self, early: &hmac::Key) -> hmac::Key {
        finished_key(&key(expand(early, "res binder", self.of_nothing.as_ref(), 32)))
    }

    /// Returns the salt of the Extract of the shared secret.
    fn salt_of(&self, early: &hmac::Key) -> hmac::Key {
        key(expand(early, "derived", self.of_nothing.as_ref(), 32))
    }
}

impl Messages {
    fn of(trace: &Trace, certificates: &Certificates, resumed: bool, client_auth: bool) -> Self {
        let (client, server) = (trace.client_messages(), trace.server_messages());
        // Header, context, length; for each certificate its length and its extensions' length (RFC
        // 9846 §4.5.1).
        let certificate = 4 + 1 + 3 + certificates.der_lengths().map(|length| 3 + length + 2).sum::<usize>();
        let certificate_verify = 4 + 2 + 2 + 71;
        let finished = 4 + 32;
        let authentication = if resumed { 0 } else { certificate + certificate_verify };
        assert!(!(resumed && client_auth), "a resuming client presents no certificate");
        Self {
            client_hello: vec![1; client[0]],
            server_hello: vec![2; server[0]],
            extensions: vec![8; trace.server_flight() - authentication - finished],
            certificate: vec![11; certificate],
            certificate_verify: vec![15; certificate_verify],
            finished: vec![20; finished],
        }
    }

    /// Returns ClientHello up to its only binder, and the rest.
    fn truncated(&self) -> (&[u8], &[u8]) {
        self.client_hello.split_at(self.client_hello.len() - (2 + 1 + 32))
    }
}

impl Tickets {
    fn of(length: usize, setup: Setup) -> Self {
        let count = setup.tickets();
        // NewSessionTicket: header, lifetime, age_add, nonce of one byte, the ticket's length and
        // that of the extensions.
        let ticket = length / usize::from(count) - (4 + 4 + 4 + 2 + 2 + 2);
        // The nonce is not sealed. With a store the ticket contains no state.
        let state = if setup.sessions == Sessions::Store { 0 } else { ticket - 12 };
        Self { count, record: vec![4; length + 1 + TAG], sealed: vec![5; state], nonce: [0; 12] }
    }

    /// Issues another ticket: a nonce and the random ticket_age_add, or the session's name in the
    /// store.
    fn renew(&mut self, material: &Material) {
        if self.sealed.is_empty() {
            black_box(material.draw::<36>());
            return;
        }
        let random: [u8; 16] = material.draw();
        self.nonce.copy_from_slice(&random[..12]);
        black_box(&random[12..]);
        material.seal_ticket(self.nonce, &mut self.sealed);
    }

    fn open(&mut self, material: &Material) {
        if !self.sealed.is_empty() {
            material.open_ticket(self.nonce, &mut self.sealed);
        }
    }
}

fn finished_key(secret: &hmac::Key) -> hmac::Key {
    key(expand(secret, "finished", &[], 32))
}

/// RFC 9846 §4.5.2.
fn to_be_signed(hash: &digest::Digest) -> [u8; 64 + 33 + 1 + 32] {
    let mut message = [0x20; 64 + 33 + 1 + 32];
    message[64..97].copy_from_slice(b"TLS 1.3, server CertificateVerify");
    message[97] = 0;
    message[98..].copy_from_slice(hash.as_ref());
    message
}

fn keep(place: &mut Vec<u8>, signature: &[u8]) {
    place.clear();
    place.extend_from_slice(signature);
}

fn put_finished(flight: &mut [u8], verify_data: &hmac::Tag) {
    let end = flight.len() - TAG;
    flight[end - 32..end].copy_from_slice(verify_data.as_ref());
}

fn finished(flight: &[u8]) -> &[u8] {
    let end = flight.len() - TAG;
    &flight[end - 32..end]
}
