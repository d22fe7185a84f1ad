//! The key schedule, RFC 9846 §7.1.

use super::labels;
use super::traffic::{ExporterSecret, FinishedKey, ResumptionSecret, TrafficSecret};
use crate::hkdf::{self, Expander, PublicKeys, Secret};
use crate::secret_bytes::with_zeroized_stack;
use crate::{Backend, Digest, HashAlgorithm, SharedSecret};

/// The kind of a pre-shared key, which determines the label of its binder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinderKind {
    /// An external key that is used directly.
    External,
    /// An external key that was [imported](super::import_psk) (RFC 9258 §5.2).
    Imported,
    /// The key of a ticket.
    Resumption,
}

/// The first stage: the Early Secret, from a pre-shared key or none. Zeroized on drop.
///
/// It stays where it is on the heap, however often it moves: offers and lookups hold it in lists
/// and states, and an inline secret would remain in the memory that they free.
#[derive(Debug)]
pub struct EarlySecret {
    backend: Backend,
    algorithm: HashAlgorithm,
    /// `None` without a pre-shared key: the secret, and the salt derived from it, are then public
    /// constants.
    psk: Option<Box<Expander>>,
}

impl EarlySecret {
    /// Starts the key schedule without a pre-shared key.
    #[must_use]
    pub fn new(backend: Backend, algorithm: HashAlgorithm) -> Self {
        Self { backend, algorithm, psk: None }
    }

    /// Starts the key schedule with a pre-shared key for `algorithm`.
    #[must_use]
    pub fn with_psk(backend: Backend, algorithm: HashAlgorithm, psk: &[u8]) -> Self {
        let expander = || Box::new(hkdf::extract_without_salt(backend, algorithm, psk).expander());
        Self { backend, algorithm, psk: Some(with_zeroized_stack(expander)) }
    }

    /// Returns the key of the binder, RFC 9846 §4.3.11.2.
    #[must_use]
    pub fn binder_key(&self, kind: BinderKind) -> FinishedKey {
        let label = match kind {
            BinderKind::External => &labels::EXTERNAL_BINDER,
            BinderKind::Imported => &labels::IMPORTED_BINDER,
            BinderKind::Resumption => &labels::RESUMPTION_BINDER,
        };
        with_zeroized_stack(|| FinishedKey::of(&self.derive(label, self.algorithm.of_empty()).expander()))
    }

    /// Returns the secret of early data. `client_hello_hash` is the transcript hash of only the
    /// ClientHello.
    #[must_use]
    pub fn client_early_traffic_secret(&self, client_hello_hash: &Digest) -> TrafficSecret {
        with_zeroized_stack(|| TrafficSecret::new(self.derive(&labels::CLIENT_EARLY_TRAFFIC, client_hello_hash)))
    }

    /// Returns the exporter for use with early data, RFC 9846 §7.5.
    #[must_use]
    pub fn early_exporter(&self, client_hello_hash: &Digest) -> ExporterSecret {
        with_zeroized_stack(|| ExporterSecret::new(self.derive(&labels::EARLY_EXPORTER, client_hello_hash)))
    }

    /// Moves to the next stage with the shared secret of the key exchange. `hello_hash` is the
    /// transcript hash from ClientHello to ServerHello.
    #[must_use]
    pub fn into_handshake(self, shared: SharedSecret, hello_hash: &Digest) -> (HandshakeTraffic, HandshakeSecret) {
        with_zeroized_stack(|| {
            let secret = match &self.psk {
                None => salt_without_psk(self.backend, self.algorithm).extract(shared.as_bytes()),
                Some(early) => derived(early).extract(shared.as_bytes()),
            };
            let handshake = secret.expander();
            let traffic = HandshakeTraffic {
                client: TrafficSecret::new(handshake.derive_secret(&labels::CLIENT_HANDSHAKE_TRAFFIC, hello_hash)),
                server: TrafficSecret::new(handshake.derive_secret(&labels::SERVER_HANDSHAKE_TRAFFIC, hello_hash)),
            };
            (traffic, HandshakeSecret(handshake))
        })
    }

    fn derive(&self, label: &hkdf::Label, hash: &Digest) -> Secret {
        match &self.psk {
            Some(early) => early.derive_secret(label, hash),
            None => {
                let early = Expander::new(self.backend, self.algorithm, early_secret_without_psk(self.algorithm));
                early.derive_secret(label, hash)
            }
        }
    }
}

/// The secrets that protect the handshake after ServerHello.
#[derive(Debug)]
pub struct HandshakeTraffic {
    /// Protects what the client sends.
    pub client: TrafficSecret,
    /// Protects what the server sends.
    pub server: TrafficSecret,
}

/// The second stage: the Handshake Secret. The key exchange is complete, and neither side is
/// authenticated.
#[derive(Debug)]
pub struct HandshakeSecret(Expander);

impl HandshakeSecret {
    /// Moves the secret and overwrites the old memory, which a plain move does not. Drop the
    /// remaining value: its keys are public.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Moves to the last stage.
    #[must_use]
    pub fn into_main(self) -> MainSecret {
        let zeros = [0; crate::hash::MAX_HASH_LEN];
        let zeros = zeros.get(..self.0.algorithm().output_len()).unwrap_or(&zeros);
        with_zeroized_stack(|| MainSecret(derived(&self.0).extract(zeros).expander()))
    }
}

/// The last stage: the Main Secret, called master secret in RFC 8446.
#[derive(Debug)]
pub struct MainSecret(Expander);

impl MainSecret {
    /// Moves the secret and overwrites the old memory, which a plain move does not. Drop the
    /// remaining value: its keys are public.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Returns the secrets of application data. `server_finished_hash` is the transcript hash from
    /// ClientHello to the server's Finished.
    #[must_use]
    pub fn application(&self, server_finished_hash: &Digest) -> ApplicationTraffic {
        let derive = |label| self.0.derive_secret(label, server_finished_hash);
        with_zeroized_stack(|| ApplicationTraffic {
            client: TrafficSecret::new(derive(&labels::CLIENT_APPLICATION_TRAFFIC)),
            server: TrafficSecret::new(derive(&labels::SERVER_APPLICATION_TRAFFIC)),
            exporter: ExporterSecret::new(derive(&labels::EXPORTER)),
        })
    }

    /// Returns the secret for resumption. `client_finished_hash` is the transcript hash from
    /// ClientHello to the client's Finished.
    #[must_use]
    pub fn into_resumption(self, client_finished_hash: &Digest) -> ResumptionSecret {
        let derive = || self.0.derive_secret(&labels::RESUMPTION_MAIN, client_finished_hash);
        ResumptionSecret::new(with_zeroized_stack(derive))
    }
}

/// The secrets of an established connection.
#[derive(Debug)]
pub struct ApplicationTraffic {
    /// Protects what the client sends.
    pub client: TrafficSecret,
    /// Protects what the server sends.
    pub server: TrafficSecret,
    /// Derives the application's own keys.
    pub exporter: ExporterSecret,
}

/// Returns the salt of the next HKDF-Extract.
fn derived(stage: &Expander) -> Expander {
    stage.derive_secret(&labels::DERIVED, stage.algorithm().of_empty()).expander()
}

/// `HKDF-Extract(0, 0)`.
fn early_secret_without_psk(algorithm: HashAlgorithm) -> &'static [u8] {
    match algorithm {
        HashAlgorithm::Sha256 => &EARLY_SHA256,
        HashAlgorithm::Sha384 => &EARLY_SHA384,
    }
}

/// `Derive-Secret(HKDF-Extract(0, 0), "derived", "")`: public, and prepared once per process.
fn salt_without_psk(backend: Backend, algorithm: HashAlgorithm) -> &'static Expander {
    static KEYS: PublicKeys = PublicKeys::new();
    let salt: &[u8] = match algorithm {
        HashAlgorithm::Sha256 => &DERIVED_SHA256,
        HashAlgorithm::Sha384 => &DERIVED_SHA384,
    };
    KEYS.get(backend, algorithm, salt)
}

const EARLY_SHA256: [u8; 32] = [
    0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b, 0x09, 0xe6, 0xcd, 0x98, 0x93, 0x68, 0x0c, 0xe2, 0x10, 0xad, 0xf3,
    0x00, 0xaa, 0x1f, 0x26, 0x60, 0xe1, 0xb2, 0x2e, 0x10, 0xf1, 0x70, 0xf9, 0x2a,
];

const DERIVED_SHA256: [u8; 32] = [
    0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f, 0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97, 0x16, 0xc0, 0x76,
    0x18, 0x9c, 0x48, 0x25, 0x0c, 0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba,
];

const EARLY_SHA384: [u8; 48] = [
    0x7e, 0xe8, 0x20, 0x6f, 0x55, 0x70, 0x02, 0x3e, 0x6d, 0xc7, 0x51, 0x9e, 0xb1, 0x07, 0x3b, 0xc4, 0xe7, 0x91, 0xad,
    0x37, 0xb5, 0xc3, 0x82, 0xaa, 0x10, 0xba, 0x18, 0xe2, 0x35, 0x7e, 0x71, 0x69, 0x71, 0xf9, 0x36, 0x2f, 0x2c, 0x2f,
    0xe2, 0xa7, 0x6b, 0xfd, 0x78, 0xdf, 0xec, 0x4e, 0xa9, 0xb5,
];

const DERIVED_SHA384: [u8; 48] = [
    0x15, 0x91, 0xda, 0xc5, 0xcb, 0xbf, 0x03, 0x30, 0xa4, 0xa8, 0x4d, 0xe9, 0xc7, 0x53, 0x33, 0x0e, 0x92, 0xd0, 0x1f,
    0x0a, 0x88, 0x21, 0x4b, 0x44, 0x64, 0x97, 0x2f, 0xd6, 0x68, 0x04, 0x9e, 0x93, 0xe5, 0x2f, 0x2b, 0x16, 0xfa, 0xd9,
    0x22, 0xfd, 0xc0, 0x58, 0x44, 0x78, 0x42, 0x8f, 0x28, 0x2b,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EphemeralKey, Group};

    const HASHES: [HashAlgorithm; 2] = [HashAlgorithm::Sha256, HashAlgorithm::Sha384];

    fn shared(backend: Backend) -> SharedSecret {
        let key = |byte| EphemeralKey::from_private_key(backend, Group::X25519, &[byte; 32]).unwrap();
        key(1).agree(&key(2).public_key()).unwrap()
    }

    #[test]
    fn constants_match_the_schedule_without_psk() {
        for &backend in Backend::ALL {
            for hash in HASHES {
                let zeros = vec![0; hash.output_len()];
                let early = hkdf::extract(backend, hash, &zeros, &zeros);
                assert_eq!(early.as_ref(), early_secret_without_psk(hash));
                let mut salt = vec![0; hash.output_len()];
                hkdf::hkdf_expand_label(&early, b"derived", hash.hash(b"").as_ref(), &mut salt).unwrap();
                let expected: &[u8] = match hash {
                    HashAlgorithm::Sha256 => &DERIVED_SHA256,
                    HashAlgorithm::Sha384 => &DERIVED_SHA384,
                };
                assert_eq!(salt, expected);
            }
        }
    }

    #[test]
    fn no_psk_equals_a_psk_of_zeros() {
        for &backend in Backend::ALL {
            for hash in HASHES {
                let at = hash.hash(b"messages");
                let zeros = EarlySecret::with_psk(backend, hash, &vec![0; hash.output_len()]);
                let none = EarlySecret::new(backend, hash);
                assert_eq!(
                    zeros.client_early_traffic_secret(&at).expose_for_key_log(),
                    none.client_early_traffic_secret(&at).expose_for_key_log()
                );
                let (a, main_a) = zeros.into_handshake(shared(backend), &at);
                let (b, main_b) = none.into_handshake(shared(backend), &at);
                assert_eq!(a.client.expose_for_key_log(), b.client.expose_for_key_log());
                let (a, b) = (main_a.into_main().application(&at), main_b.into_main().application(&at));
                assert_eq!(a.server.expose_for_key_log(), b.server.expose_for_key_log());
            }
        }
    }

    #[test]
    fn binder_kinds_use_the_labels_of_their_rfcs() {
        for &backend in Backend::ALL {
            let kinds = [
                (BinderKind::External, &b"ext binder"[..]),
                (BinderKind::Imported, b"imp binder"),
                (BinderKind::Resumption, b"res binder"),
            ];
            for hash in HASHES {
                let transcript = hash.hash(b"a truncated ClientHello");
                for (kind, label) in kinds {
                    // RFC 9846 §7.1 and §4.3.11.2, step by step.
                    let mut binder_key = vec![0; hash.output_len()];
                    let early = hkdf::extract(backend, hash, &[], b"psk");
                    hkdf::hkdf_expand_label(&early, label, hash.hash(b"").as_ref(), &mut binder_key).unwrap();
                    let mut finished_key = vec![0; hash.output_len()];
                    Expander::new(backend, hash, &binder_key)
                        .expand_label(b"finished", b"", &mut finished_key)
                        .unwrap();
                    let expected = Expander::new(backend, hash, &finished_key).hmac(transcript.as_ref());

                    let binder_of = |kind| EarlySecret::with_psk(backend, hash, b"psk").binder_key(kind);
                    assert_eq!(binder_of(kind).verify_data(&transcript), expected);
                    for (other, _) in kinds.into_iter().filter(|(other, _)| *other != kind) {
                        assert!(!binder_of(other).verify(&transcript, expected.as_ref()), "{kind:?} {other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn key_update_derives_the_next_secret_of_the_rfc() {
        for &backend in Backend::ALL {
            for hash in HASHES {
                let (traffic, _) =
                    EarlySecret::new(backend, hash).into_handshake(shared(backend), &hash.hash(b"messages"));
                let mut expected = vec![0; hash.output_len()];
                let before = Expander::new(backend, hash, traffic.client.expose_for_key_log());
                before.expand_label(b"traffic upd", b"", &mut expected).unwrap();
                let next = traffic.client.into_stored().next();
                assert_eq!(next.expose_for_key_log(), expected);
                assert_ne!(next.into_stored().next().expose_for_key_log(), expected);
            }
        }
    }

    #[test]
    fn exporter_depends_on_label_context_and_length() {
        for &backend in Backend::ALL {
            for hash in HASHES {
                let at = hash.hash(b"messages");
                let (_, handshake) = EarlySecret::new(backend, hash).into_handshake(shared(backend), &at);
                let exporter = handshake.into_main().application(&at).exporter;

                // RFC 9846 §7.5, step by step.
                let mut for_label = vec![0; hash.output_len()];
                let secret = Expander::new(backend, hash, exporter.expose_for_key_log());
                secret.expand_label(b"label", hash.hash(b"").as_ref(), &mut for_label).unwrap();
                let mut expected = [0; 100];
                let secret = Expander::new(backend, hash, &for_label);
                secret.expand_label(b"exporter", hash.hash(b"context").as_ref(), &mut expected).unwrap();

                let mut out = [0; 100];
                exporter.export(b"label", b"context", &mut out).unwrap();
                assert_eq!(out, expected);
                exporter.export(b"label", b"", &mut out).unwrap();
                assert_ne!(out, expected);
                assert_eq!(exporter.export(&[0; 250], b"", &mut out), Err(crate::Error::OutputTooLong));
                let mut long = vec![0; 255 * hash.output_len() + 1];
                assert_eq!(exporter.export(b"label", b"", &mut long), Err(crate::Error::OutputTooLong));
            }
        }
    }
}
