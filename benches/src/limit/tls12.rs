//! TLS 1.2: the computations of each side by RFC 5246, RFC 7627 and RFC 5077, full and resumed.

use std::hint::black_box;

use ring::agreement::EphemeralPrivateKey;
use ring::digest;
use ring::hmac;

use super::pieces::{Material, TAG, Traffic, agree_with, hash_of, key, prf, transcript};
use super::trace::Trace;
use crate::{Certificates, Cost, Library, Memo, Sessions, Setup, timed};

/// The handshakes of one setup, using only primitives.
pub(super) struct Tls12 {
    material: Material,
    verify_chain: bool,
    session_id: bool,
    resumed: bool,
    messages: Messages,
    wire: Wire,
    /// The master secret of the session.
    master: [u8; 48],
}

struct Messages {
    client_hello: Vec<u8>,
    server_hello: Vec<u8>,
    certificate: Vec<u8>,
    /// ServerKeyExchange and ServerHelloDone.
    server_key_exchange: Vec<u8>,
    client_key_exchange: Vec<u8>,
    /// NewSessionTicket, if a resuming server renews the ticket; empty otherwise.
    new_ticket: Vec<u8>,
    finished: Vec<u8>,
}

/// The bytes exchanged between the sides.
struct Wire {
    client_random: [u8; 32],
    server_random: [u8; 32],
    client_public: [u8; 32],
    server_public: [u8; 32],
    signature: Vec<u8>,
    client_finished: Vec<u8>,
    server_finished: Vec<u8>,
    /// The sealed state of the ticket; empty if the session is in the server's store.
    ticket: Vec<u8>,
    ticket_nonce: [u8; 12],
}

/// The values derived from the master secret.
struct Keys {
    master: hmac::Key,
    client: Traffic,
    server: Traffic,
}

struct Waiting {
    transcript: digest::Context,
    keys: Keys,
}

impl Tls12 {
    pub(super) fn new<L: Library>(certificates: &Certificates, setup: Setup, library: &L) -> Self {
        let resumed = setup.resumes();
        let first = resumed.then(|| Trace::of(library));
        let messages = Messages::of(&Trace::of(library), resumed);
        // NewSessionTicket is the fifth message of a server: header, lifetime, the ticket's length;
        // the ticket starts with the nonce, which is not sealed.
        let new_ticket = first.and_then(|trace| trace.server_messages().get(4).copied());
        let ticket = new_ticket.map_or(0, |length| length - (4 + 4 + 2 + 12));
        let material = certificates.material();
        let mut wire = Wire {
            client_random: [0; 32],
            server_random: [0; 32],
            client_public: [0; 32],
            server_public: [0; 32],
            signature: Vec::new(),
            client_finished: vec![0; 16 + TAG],
            server_finished: vec![0; 16 + TAG],
            ticket: vec![0; ticket],
            ticket_nonce: [0; 12],
        };
        if ticket > 0 {
            material.seal_ticket(wire.ticket_nonce, &mut wire.ticket);
        }
        let (verify_chain, session_id) = (setup.memo == Memo::Off, setup.sessions == Sessions::Tickets);
        Self { material, verify_chain, session_id, resumed, messages, wire, master: [9; 48] }
    }

    /// Performs one handshake.
    pub(super) fn round(&mut self) -> Cost {
        let mut cost = Cost::default();
        let client = timed(&mut cost.client, || self.client_hello());
        if self.resumed {
            let server = timed(&mut cost.server, || self.resumed_server_flight());
            timed(&mut cost.client, || self.resumed_client_flight(client));
            timed(&mut cost.server, || self.resumed_server_end(server));
            if !self.wire.ticket.is_empty() && self.messages.new_ticket.is_empty() {
                // Opened in place, so copied first: the client still has it sealed.
                self.material.seal_ticket(self.wire.ticket_nonce, &mut self.wire.ticket);
            }
            return cost;
        }
        let (transcript, private) = timed(&mut cost.server, || self.server_flight());
        let client = timed(&mut cost.client, || self.client_flight(client));
        timed(&mut cost.server, || self.server_end(transcript, private));
        timed(&mut cost.client, || self.client_end(client));
        cost
    }

    fn client_hello(&mut self) -> digest::Context {
        if self.session_id {
            // RFC 5077 §3.4: a session ID sent with the ticket shows whether it is accepted.
            let random: [u8; 64] = self.material.draw();
            self.wire.client_random.copy_from_slice(&random[..32]);
            black_box(&random[32..]);
        } else {
            self.wire.client_random = self.material.draw();
        }
        let mut transcript = transcript();
        transcript.update(&self.messages.client_hello);
        transcript
    }

    fn server_flight(&mut self) -> (digest::Context, EphemeralPrivateKey) {
        let mut transcript = transcript();
        transcript.update(&self.messages.client_hello);
        self.wire.server_random = self.material.draw();
        transcript.update(&self.messages.server_hello);
        transcript.update(&self.messages.certificate);
        let (private, public) = self.material.ephemeral();
        self.wire.server_public = public;
        let signature = self.material.sign(&self.wire.to_be_signed());
        self.wire.signature.clear();
        self.wire.signature.extend_from_slice(signature.as_ref());
        transcript.update(&self.messages.server_key_exchange);
        (transcript, private)
    }

    fn client_flight(&mut self, mut transcript: digest::Context) -> Waiting {
        transcript.update(&self.messages.server_hello);
        transcript.update(&self.messages.certificate);
        if self.verify_chain {
            self.material.verify_chain();
        }
        self.material.verify(&self.wire.to_be_signed(), &self.wire.signature);
        transcript.update(&self.messages.server_key_exchange);
        let (private, public) = self.material.ephemeral();
        self.wire.client_public = public;
        transcript.update(&self.messages.client_key_exchange);
        let session_hash = hash_of(&transcript);
        let master = master(private, &self.wire.server_public, &session_hash);
        let keys = Keys::new(&master, &self.wire);
        put_finished(&mut self.wire.client_finished, &keys.verify_data("client finished", &session_hash));
        keys.client.seal(0, &mut self.wire.client_finished);
        transcript.update(&self.messages.finished);
        Waiting { transcript, keys }
    }

    fn server_end(&mut self, mut transcript: digest::Context, private: EphemeralPrivateKey) {
        transcript.update(&self.messages.client_key_exchange);
        let session_hash = hash_of(&transcript);
        let master = master(private, &self.wire.client_public, &session_hash);
        let keys = Keys::new(&master, &self.wire);
        keys.client.open(0, &mut self.wire.client_finished);
        assert_eq!(keys.verify_data("client finished", &session_hash), finished(&self.wire.client_finished));
        transcript.update(&self.messages.finished);
        put_finished(&mut self.wire.server_finished, &keys.verify_data("server finished", &hash_of(&transcript)));
        keys.server.seal(0, &mut self.wire.server_finished);
    }

    fn client_end(&mut self, client: Waiting) {
        let Waiting { transcript, keys } = client;
        keys.server.open(0, &mut self.wire.server_finished);
        assert_eq!(keys.verify_data("server finished", &hash_of(&transcript)), finished(&self.wire.server_finished));
    }

    fn resumed_server_flight(&mut self) -> Waiting {
        let mut transcript = transcript();
        transcript.update(&self.messages.client_hello);
        if !self.wire.ticket.is_empty() {
            self.material.open_ticket(self.wire.ticket_nonce, &mut self.wire.ticket);
        }
        let renews = !self.messages.new_ticket.is_empty();
        if renews {
            let random: [u8; 44] = self.material.draw();
            self.wire.server_random.copy_from_slice(&random[..32]);
            self.wire.ticket_nonce.copy_from_slice(&random[32..]);
        } else {
            self.wire.server_random = self.material.draw();
        }
        transcript.update(&self.messages.server_hello);
        if renews {
            self.material.seal_ticket(self.wire.ticket_nonce, &mut self.wire.ticket);
            transcript.update(&self.messages.new_ticket);
        }
        let keys = Keys::new(&self.master, &self.wire);
        put_finished(&mut self.wire.server_finished, &keys.verify_data("server finished", &hash_of(&transcript)));
        keys.server.seal(0, &mut self.wire.server_finished);
        transcript.update(&self.messages.finished);
        Waiting { transcript, keys }
    }

    fn resumed_client_flight(&mut self, mut transcript: digest::Context) {
        transcript.update(&self.messages.server_hello);
        if !self.messages.new_ticket.is_empty() {
            transcript.update(&self.messages.new_ticket);
        }
        let keys = Keys::new(&self.master, &self.wire);
        keys.server.open(0, &mut self.wire.server_finished);
        assert_eq!(keys.verify_data("server finished", &hash_of(&transcript)), finished(&self.wire.server_finished));
        transcript.update(&self.messages.finished);
        put_finished(&mut self.wire.client_finished, &keys.verify_data("client finished", &transcript.finish()));
        keys.client.seal(0, &mut self.wire.client_finished);
    }

    fn resumed_server_end(&mut self, server: Waiting) {
        let Waiting { transcript, keys } = server;
        keys.client.open(0, &mut self.wire.client_finished);
        assert_eq!(keys.verify_data("client finished", &transcript.finish()), finished(&self.wire.client_finished));
    }
}

/// The extended master secret, RFC 7627 §4.
fn master(private: EphemeralPrivateKey, public: &[u8; 32], session_hash: &digest::Digest) -> [u8; 48] {
    agree_with(private, public, |shared| prf(&key(shared), "extended master secret", &[session_hash.as_ref()]))
}

impl Keys {
    /// RFC 5246 §6.3: two keys of 16 bytes, two salts of 4.
    fn new(master: &[u8; 48], wire: &Wire) -> Self {
        let master = key(master);
        let block: [u8; 40] = prf(&master, "key expansion", &[&wire.server_random, &wire.client_random]);
        let direction = |key: usize, salt: usize| {
            let mut iv = [0; 12];
            iv[..4].copy_from_slice(&block[salt..salt + 4]);
            Traffic::new(&block[key..key + 16], iv)
        };
        let (client, server) = (direction(0, 32), direction(16, 36));
        Self { master, client, server }
    }

    fn verify_data(&self, label: &str, hash: &digest::Digest) -> [u8; 12] {
        prf(&self.master, label, &[hash.as_ref()])
    }
}

impl Wire {
    /// RFC 8422 §5.4: both randoms, and the server's key with its curve.
    fn to_be_signed(&self) -> [u8; 32 + 32 + 4 + 32] {
        let mut message = [3; 100];
        message[..32].copy_from_slice(&self.client_random);
        message[32..64].copy_from_slice(&self.server_random);
        message[68..].copy_from_slice(&self.server_public);
        message
    }
}

impl Messages {
    fn of(trace: &Trace, resumed: bool) -> Self {
        let (client, server) = (trace.client_messages(), trace.server_messages());
        let of = |typ: u8, lengths: Option<&[usize]>| vec![typ; lengths.unwrap_or_default().iter().sum()];
        Self {
            client_hello: vec![1; client[0]],
            server_hello: vec![2; server[0]],
            certificate: of(11, server.get(1..2).filter(|_| !resumed)),
            server_key_exchange: of(12, server.get(2..4).filter(|_| !resumed)),
            client_key_exchange: of(16, client.get(1..2).filter(|_| !resumed)),
            new_ticket: of(4, server.get(1..2).filter(|_| resumed)),
            finished: vec![20; 16],
        }
    }
}

fn put_finished(record: &mut [u8], verify_data: &[u8; 12]) {
    record[4..16].copy_from_slice(verify_data);
}

fn finished(record: &[u8]) -> &[u8] {
    &record[4..16]
}
