//! The limit: only the primitives of ring and libcrux that a handshake or a record requires.
//!
//! Both sides of each handshake compute on consistent values: what is sealed is opened, what is
//! signed is verified, and each `Finished` is compared. So no work can be omitted or optimized away
//! unnoticed. There is no parsing, no encoding, and no allocation except ring's own. Messages are
//! filler of the sizes of our handshakes.
//!
//! Counted on each side:
//!
//! * randomness: one draw for all random bytes of a flight (`random` and the session ID; `random`
//!   and the nonce of a ticket; a second ticket has its own draw), and ring's own draws for keys
//!   and signatures;
//! * X25519: a private key, its public key, one agreement;
//! * ML-KEM-768, in X25519MLKEM768: on the client a key pair and one decapsulation, on the server
//!   one check of the key and one encapsulation, each with an own draw;
//! * SHA-256: each byte of the transcript once, and one finish for each transcript hash in the RFC.
//!   TLS 1.3: at the binder, ServerHello, Certificate, CertificateVerify, the server's Finished
//!   and, with tickets, the client's. TLS 1.2: at ClientKeyExchange and before each Finished;
//! * HMAC: one key setup per secret, however often it is used, and one HMAC for each derived value
//!   (RFC 9846 §7.1). Values independent of the connection are computed in advance: the Early
//!   Secret without a PSK and its "derived", and the key of an Extract without salt. Exporter
//!   secrets are not counted, because they can be derived on request. The PRF of TLS 1.2 takes two
//!   HMACs per 32 bytes; its master secret is set up once for the key block and both Finished;
//! * AEAD: key setup of both directions, in TLS 1.3 for handshake and data; sealing or opening one
//!   record per flight, and one for all tickets;
//! * ECDSA P-256: the handshake signature and, without the signature cache, both signatures of the
//!   chain;
//! * tickets: opened and sealed with ChaCha20-Poly1305, which both libraries use for its random
//!   nonces, with a prepared key. In TLS 1.3 each handshake issues a new ticket, because a client
//!   should not reuse one. In TLS 1.2 the client keeps its ticket; our server does not renew it.

mod pieces;
mod tls12;
mod tls13;
mod trace;

pub(crate) use pieces::{Material, PacketKey, RecordKey, Signed};

use crate::{Certificates, Cost, LeafKey, Library, Setup, Shown, Version};

/// The handshakes of one setup, using only primitives.
pub struct Limit(Kind);

enum Kind {
    Tls13(Box<tls13::Tls13>),
    Tls12(Box<tls12::Tls12>),
}

impl Limit {
    /// Creates the limit of a setup, with the message sizes of our handshakes. Returns `None` for
    /// an unsupported setup: TLS 1.2 with client certificates, and RSA.
    pub fn new<L: Library>(certificates: &Certificates, setup: Setup, library: &L) -> Option<Self> {
        if setup.key == LeafKey::Rsa2048 {
            return None;
        }
        Some(Self(match (setup.version, setup.certificates) {
            (Version::Tls13, _) => Kind::Tls13(Box::new(tls13::Tls13::new(certificates, setup, library))),
            (Version::Tls12, Shown::ByServer) => Kind::Tls12(Box::new(tls12::Tls12::new(certificates, setup, library))),
            (Version::Tls12, Shown::ByBoth) => return None,
        }))
    }

    /// Performs one handshake.
    pub fn handshake_cost(&mut self) -> Cost {
        match &mut self.0 {
            Kind::Tls13(handshake) => handshake.round(),
            Kind::Tls12(handshake) => handshake.round(),
        }
    }
}

/// Shows only sizes.
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
    fn handshakes_complete_repeatedly() {
        let certificates = Certificates::make();
        for setup in [
            Setup::TLS13,
            Setup::TLS13.without_memo(),
            Setup::TLS13_CLIENT_AUTH,
            Setup::TLS13.with_defaults(),
            Setup::TLS13.hybrid(),
            Setup::TLS13.resumed(Sessions::Tickets),
            Setup::TLS13.resumed(Sessions::Store),
            Setup::TLS12,
            Setup::TLS12.without_memo(),
            Setup::TLS12.resumed(Sessions::Tickets),
            Setup::TLS12.resumed(Sessions::Store),
        ] {
            let mut limit =
                Limit::new(&certificates, setup, &Ours::new(&certificates, setup)).expect("a supported setup");
            for _ in 0..3 {
                let cost = limit.handshake_cost();
                assert!(!cost.client.is_zero() && !cost.server.is_zero(), "{setup:?}");
            }
        }
    }
}
