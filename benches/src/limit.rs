//! The limit: the primitives of ring that a handshake or a record cannot do without, and nothing else.
//!
//! Both sides of each handshake are played on consistent values, so that what is sealed is opened, what is signed is verified, and
//! each `Finished` is compared: nothing can be left out or optimised away unseen. There is no parsing, no encoding and no
//! allocation (but for what ring allocates itself). Messages are filler of the sizes that a handshake of ours has on the wire.
//!
//! What is counted, on each side:
//!
//! * randomness: one draw for all random bytes of a flight (`random` and the session id, `random` and the nonce of a ticket; a second ticket
//!   draws for itself), and what ring draws itself for keys and signatures;
//! * X25519: a private key, its public key, one agreement;
//! * SHA-256 over each byte of the transcript once, and a finish for each point where the RFC takes its hash: TLS 1.3 at the binder,
//!   ServerHello, Certificate, CertificateVerify, the server's Finished and, if there are tickets, the client's; TLS 1.2 at
//!   ClientKeyExchange and before each Finished;
//! * HMAC: setting up each secret as a key once, however often it is used, and one HMAC for each value derived (RFC 9846 §7.1). What does
//!   not depend on the connection was computed before: the Early Secret without a PSK and its "derived", the key of an Extract
//!   without salt. Exporter secrets are not counted, as they can be derived when they are asked for. The PRF of TLS 1.2 takes two HMACs
//!   for each 32 bytes, and its master secret is set up once for the key block and both Finished;
//! * AEAD: setting up the keys of both directions, for TLS 1.3 those of the handshake and those of the data; sealing or opening one record for each
//!   flight, and one for all tickets;
//! * ECDSA P-256: the signature of the handshake, and where the memo of signatures is off both of the chain;
//! * tickets: opened and sealed with ChaCha20-Poly1305, as both libraries do whose nonces are random, under a key that was set up before. With TLS 1.3 each handshake gives the client a new one, as
//!   it should not use one twice; with TLS 1.2 the client keeps the old one, unless our server renews it on the wire.

mod pieces;
mod tls12;
mod tls13;
mod trace;

pub(crate) use pieces::{Material, RecordKey, Signed};

use crate::{Certificates, Cost, Library, Setup, Shown, Version};

/// The handshakes of one setup, in primitives alone.
pub struct Limit(Kind);

enum Kind {
    Tls13(Box<tls13::Tls13>),
    Tls12(Box<tls12::Tls12>),
}

impl Limit {
    /// For the handshakes that this library does with this setup, whose messages it takes the sizes of. `None` for what is not
    /// played here: TLS 1.2 with a client's certificate.
    pub fn new<L: Library>(certificates: &Certificates, setup: Setup, library: &L) -> Option<Self> {
        Some(Self(match (setup.version, setup.certificates) {
            (Version::Tls13, _) => Kind::Tls13(Box::new(tls13::Tls13::new(certificates, setup, library))),
            (Version::Tls12, Shown::ByServer) => Kind::Tls12(Box::new(tls12::Tls12::new(certificates, setup, library))),
            (Version::Tls12, Shown::ByBoth) => return None,
        }))
    }

    /// One handshake.
    pub fn handshake_cost(&mut self) -> Cost {
        match &mut self.0 {
            Kind::Tls13(handshake) => handshake.round(),
            Kind::Tls12(handshake) => handshake.round(),
        }
    }
}

/// How much there is, and not what.
impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limit").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ours, Sessions};

    #[test]
    fn each_handshake_runs_to_its_end_again_and_again() {
        let certificates = Certificates::make();
        for setup in [
            Setup::TLS13,
            Setup::TLS13.without_memo(),
            Setup::TLS13_CLIENT_AUTH,
            Setup::TLS13.with_defaults(),
            Setup::TLS13.resumed(Sessions::Tickets),
            Setup::TLS13.resumed(Sessions::Store),
            Setup::TLS12,
            Setup::TLS12.without_memo(),
            Setup::TLS12.resumed(Sessions::Tickets),
            Setup::TLS12.resumed(Sessions::Store),
        ] {
            let mut limit = Limit::new(&certificates, setup, &Ours::new(&certificates, setup)).expect("it is played");
            for _ in 0..3 {
                let cost = limit.handshake_cost();
                assert!(!cost.client.is_zero() && !cost.server.is_zero(), "{setup:?}");
            }
        }
    }
}
