//! Tests with complete handshakes between OpenSSL client and server. tests/data/tls12/README.md
//! describes how they were captured.

use super::MasterSecret;
use crate::{ALL_TLS12, Backend, Digest, Error, HashAlgorithm, Opener, SharedSecret, Tls12Suite, Transcript};

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap()).collect()
}

const AES_128_GCM: &str = include_str!("../../tests/data/tls12/aes128_gcm.txt");
const AES_256_GCM: &str = include_str!("../../tests/data/tls12/aes256_gcm.txt");
const CHACHA20: &str = include_str!("../../tests/data/tls12/chacha20.txt");
const NO_EXTENDED_MASTER_SECRET: &str = include_str!("../../tests/data/tls12/no_extended_master_secret.txt");
const ALL: [&str; 4] = [AES_128_GCM, AES_256_GCM, CHACHA20, NO_EXTENDED_MASTER_SECRET];

struct Capture {
    backend: Backend,
    text: &'static str,
    suite: &'static Tls12Suite,
    client_random: [u8; 32],
    server_random: [u8; 32],
    /// ClientHello, ClientKeyExchange, ChangeCipherSpec; then protected: Finished, application
    /// data, close_notify.
    client: [Vec<u8>; 6],
    /// ServerHello, Certificate, ServerKeyExchange, ServerHelloDone, ChangeCipherSpec; then the
    /// same protected records.
    server: [Vec<u8>; 8],
}

impl Capture {
    fn read(backend: Backend, text: &'static str) -> Self {
        let records = |from| -> Vec<_> { values(text, from).collect() };
        let client: [Vec<u8>; 6] = records("client record").try_into().unwrap();
        let server: [Vec<u8>; 8] = records("server record").try_into().unwrap();
        let (client_random, server_random) =
            (client[0][11..43].try_into().unwrap(), server[0][11..43].try_into().unwrap());
        // After the random: the session ID and its length.
        let at = 44 + usize::from(server[0][43]);
        let id = u16::from_be_bytes([server[0][at], server[0][at + 1]]);
        let suite = ALL_TLS12.iter().find(|suite| suite.id == id).unwrap();
        Self { backend, text, suite, client_random, server_random, client, server }
    }

    fn value(&self, name: &'static str) -> Vec<u8> {
        values(self.text, name).next().unwrap()
    }

    /// The unencrypted messages in order; each has its own record.
    fn transcript(&self) -> Transcript {
        let [hello, key_exchange, ..] = &self.client;
        let mut transcript = Transcript::new(self.backend, self.suite.hash).keep_messages();
        for record in [hello].into_iter().chain(&self.server[..4]).chain([key_exchange]) {
            transcript.add(&record[5..]);
        }
        transcript
    }

    fn shared(&self) -> SharedSecret {
        SharedSecret::copied_from(&self.value("pre-master secret"))
    }

    fn master(&self) -> MasterSecret {
        MasterSecret::from_bytes(self.backend, self.suite.hash, &self.value("master secret").try_into().unwrap())
    }

    fn openers(&self) -> [Opener; 2] {
        let keys = self.master().key_block(self.suite.aead, &self.client_random, &self.server_random);
        [keys.client_opener(), keys.server_opener()]
    }
}

fn values(text: &'static str, name: &'static str) -> impl Iterator<Item = Vec<u8>> {
    let pairs = text.lines().map(|line| line.split_once(" = ").unwrap());
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| hex(value))
}

fn opened(opener: &mut Opener, content_type: u8, record: &[u8]) -> Vec<u8> {
    let mut record = record.to_vec();
    let found = opener.open(&mut record).unwrap();
    assert_eq!(found.content_type, content_type);
    record[found.content].to_vec()
}

#[test]
fn captures_have_the_expected_suites() {
    for &backend in Backend::ALL {
        let names = ALL.map(|text| Capture::read(backend, text).suite.name);
        assert_eq!(
            names,
            [
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            ]
        );
        for capture in ALL.map(|text| Capture::read(backend, text)) {
            assert_eq!(capture.client_random.to_vec(), capture.value("client random"));
        }
    }
}

#[test]
fn master_secret_matches_openssl_with_and_without_ems() {
    for &backend in Backend::ALL {
        for capture in ALL.map(|text| Capture::read(backend, text)) {
            let hash = capture.suite.hash;
            let extended = MasterSecret::extended(backend, hash, capture.shared(), &capture.transcript().hash());
            let of_randoms = MasterSecret::from_randoms(
                backend,
                hash,
                capture.shared(),
                &capture.client_random,
                &capture.server_random,
            );
            let (right, wrong) =
                if capture.text == NO_EXTENDED_MASTER_SECRET { (of_randoms, extended) } else { (extended, of_randoms) };
            let expected = capture.value("master secret");
            assert_eq!(right.expose_for_key_log(), expected, "{}", capture.suite.name);
            assert_ne!(wrong.expose_for_key_log(), expected);
            assert_eq!(right.algorithm(), hash);
        }
    }
}

#[test]
fn protected_records_open_and_both_finished_verify() {
    for &backend in Backend::ALL {
        for capture in ALL.map(|text| Capture::read(backend, text)) {
            let master = capture.master();
            let [mut client, mut server] = capture.openers();
            let mut transcript = capture.transcript();

            let message = opened(&mut client, 22, &capture.client[3]);
            assert_eq!(message[..4], [20, 0, 0, 12]);
            assert_eq!(message[4..], master.client_finished(&transcript.hash()));
            assert!(master.verify_client_finished(&transcript.hash(), &message[4..]));
            assert!(!master.verify_server_finished(&transcript.hash(), &message[4..]));

            transcript.add(&message);
            let message = opened(&mut server, 22, &capture.server[5]);
            assert_eq!(message[4..], master.server_finished(&transcript.hash()));
            assert!(master.verify_server_finished(&transcript.hash(), &message[4..]));
            assert!(!master.verify_client_finished(&transcript.hash(), &message[4..]));
            assert_eq!(capture.suite.hash.hash(transcript.messages().unwrap()), transcript.hash());

            assert_eq!(opened(&mut client, 23, &capture.client[4]), b"hello\n");
            assert_eq!(opened(&mut client, 21, &capture.client[5]), [1, 0]);
            assert_eq!(opened(&mut server, 23, &capture.server[6]), b"olleh\n");
            assert_eq!(opened(&mut server, 21, &capture.server[7]), [1, 0]);
        }
    }
}

#[test]
fn openssl_records_open_only_in_direction_and_order() {
    for &backend in Backend::ALL {
        for capture in ALL.map(|text| Capture::read(backend, text)) {
            let [mut client, mut server] = capture.openers();
            assert_eq!(server.open(&mut capture.client[3].clone()), Err(Error::Open), "of the client");
            assert_eq!(client.open(&mut capture.server[5].clone()), Err(Error::Open), "of the server");
            assert_eq!(client.open(&mut capture.client[4].clone()), Err(Error::Open), "before its turn");
            opened(&mut client, 22, &capture.client[3]);
            assert_eq!(client.open(&mut capture.client[3].clone()), Err(Error::Open), "replayed");
            let mut of_another_type = capture.client[4].clone();
            of_another_type[0] = 22;
            assert_eq!(client.open(&mut of_another_type), Err(Error::Open));
            opened(&mut client, 23, &capture.client[4]);
        }
    }
}

#[test]
fn chacha20_records_equal_openssl_records() {
    for &backend in Backend::ALL {
        let capture = Capture::read(backend, CHACHA20);
        let keys = capture.master().key_block(capture.suite.aead, &capture.client_random, &capture.server_random);
        let directions = [
            (keys.client_sealer(), keys.client_opener(), &capture.client[3..]),
            (keys.server_sealer(), keys.server_opener(), &capture.server[5..]),
        ];
        for (mut sealer, mut opener, records) in directions {
            for record in records {
                let mut ours = [&[0; 5], &opened(&mut opener, record[0], record)[..], &[0; 16]].concat();
                sealer.seal(record[0], &mut ours).unwrap();
                assert_eq!(ours, *record);
            }
        }
    }
}

#[test]
fn explicit_nonces_are_sequence_numbers_unlike_openssl() {
    for &backend in Backend::ALL {
        let capture = Capture::read(backend, AES_128_GCM);
        let explicit = |record: &[u8]| u64::from_be_bytes(record[5..13].try_into().unwrap());
        let [finished, data] = [3, 4].map(|at| explicit(&capture.client[at]));
        assert_eq!(finished + 1, data);
        assert!(finished > 1 << 32);

        let keys = capture.master().key_block(capture.suite.aead, &capture.client_random, &capture.server_random);
        let (mut sealer, mut opener) = (keys.client_sealer(), keys.client_opener());
        for record in &capture.client[3..] {
            let content = opened(&mut opener, record[0], record);
            let mut ours = [&[0; 13], &content[..], &[0; 16]].concat();
            sealer.seal(record[0], &mut ours).unwrap();
            assert_eq!((ours.len(), &ours[..5]), (record.len(), &record[..5]));
            assert_eq!(explicit(&ours), sealer.sequence() - 1);
        }
    }
}

#[test]
fn exporter_matches_openssl() {
    for &backend in Backend::ALL {
        for capture in ALL.map(|text| Capture::read(backend, text)) {
            let mut out = [0; 42];
            let (client, server) = (&capture.client_random, &capture.server_random);
            capture.master().exporter().export(b"EXPORTER-test", client, server, None, &mut out).unwrap();
            assert_eq!(out.as_slice(), capture.value("keying material"), "{}", capture.suite.name);
        }
    }
}

#[test]
fn empty_exporter_context_is_hashed_with_its_length() {
    for &backend in Backend::ALL {
        let capture = Capture::read(backend, AES_128_GCM);
        let cases: [(&[u8], &str); 2] = [
            (b"", "04f1d98b2d3fa3f30ca731f0431059023cbbf44981d792880efa5147a8f5f137787abd59f5dc288cb5b4"),
            (b"context", "1292834ff8fd9aaf95af83c1c3f46e53a9117daa3149002b1180d3b4de1ff3ca132dae8551a78e7ada42"),
        ];
        for (context, expected) in cases {
            let mut out = [0; 42];
            let (client, server) = (&capture.client_random, &capture.server_random);
            capture.master().exporter().export(b"EXPORTER-test", client, server, Some(context), &mut out).unwrap();
            assert_eq!(out.as_slice(), hex(expected));
        }
    }
}

#[test]
fn extended_master_secret_depends_on_every_message() {
    for &backend in Backend::ALL {
        let capture = Capture::read(backend, AES_128_GCM);
        let messages = capture.transcript().messages().unwrap().to_vec();
        let secret_after = |hash: Digest| {
            MasterSecret::extended(backend, HashAlgorithm::Sha256, capture.shared(), &hash)
                .expose_for_key_log()
                .to_vec()
        };
        let expected = secret_after(HashAlgorithm::Sha256.hash(&messages));
        for at in [0, 40, messages.len() / 2, messages.len() - 1] {
            let mut changed = messages.clone();
            changed[at] ^= 1;
            assert_ne!(secret_after(HashAlgorithm::Sha256.hash(&changed)), expected);
        }
    }
}
