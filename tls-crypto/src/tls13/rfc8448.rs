//! Replays the traces of RFC 8448, sections 3 to 7, step by step.
//!
//! Each value of each step is removed and compared; a value left over fails the test. Each
//! derivation is checked twice: from the inputs in the trace, and as the result of the key
//! schedule's types. Each protected record is sealed and opened, and compared byte for byte.
//!
//! Not covered: RSA signatures in CertificateVerify, whose 1024-bit keys this crate rejects. The
//! ECDSA signature of section 5 is verified but cannot be reproduced, because its nonce is random.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::hkdf::{self, Expander, hkdf_expand_label};
use crate::{
    Backend, BulkAlgorithm, EphemeralKey, Group, HashAlgorithm, NONCE_LEN, OpenedRecord, Opener, Sealer, Transcript,
    verify::{Algorithm, verifier},
};

const SHA256: HashAlgorithm = HashAlgorithm::Sha256;
const AES: BulkAlgorithm = BulkAlgorithm::Aes128Gcm;

#[test]
fn section_3_simple_handshake_is_reproduced() {
    replay(3);
}

#[test]
fn section_4_resumption_with_early_data_is_reproduced() {
    replay(4);
}

#[test]
fn section_5_hello_retry_request_and_p256_is_reproduced() {
    replay(5);
}

#[test]
fn section_6_client_authentication_is_reproduced() {
    replay(6);
}

#[test]
fn section_7_compatibility_mode_is_reproduced() {
    replay(7);
}

#[test]
fn section_4_resumes_the_ticket_of_section_3() {
    let value = |section, title: &str, field: &str| {
        let steps = steps(section);
        let step = steps.iter().find(|step| step.title.contains(title) && !step.values.is_empty()).unwrap();
        step.values[field].clone()
    };
    assert_eq!(value(3, "generate resumption secret", "expanded"), value(4, "extract secret \"early\"", "IKM"));
}

fn replay(section: u8) {
    for &backend in Backend::ALL {
        let steps = steps(section);
        assert!(steps.len() > 40, "the trace is missing");
        let mut replay = Replay::new(backend);
        for mut step in steps {
            replay.step(&mut step);
            assert!(step.values.is_empty(), "{} has values that were not compared: {:?}", step.title, step.values);
        }
        let records = replay.records;
        let expected = match section {
            3 => 7,
            4 => 8,
            _ => 4,
        };
        assert_eq!(records, expected, "protected records");
    }
}

struct Step {
    title: String,
    values: BTreeMap<String, Vec<u8>>,
}

impl Step {
    fn take(&mut self, name: &str) -> Vec<u8> {
        self.values.remove(name).unwrap_or_else(|| panic!("{} has no {name}", self.title))
    }
}

fn steps(section: u8) -> Vec<Step> {
    let text = include_str!("../../tests/data/rfc8448.txt");
    let mut found = Vec::<Step>::new();
    let mut within = false;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            within = line.starts_with(&format!("[{section}]"));
        } else if !within {
        } else if line.starts_with('{') {
            found.push(Step { title: line.to_owned(), values: BTreeMap::new() });
        } else {
            let (name, hex) = line.split_once(" =").unwrap();
            let bytes = hex.trim().as_bytes().chunks(2);
            let bytes = bytes.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap()).collect();
            let former = found.last_mut().unwrap().values.insert(name.to_owned(), bytes);
            assert!(former.is_none(), "{name} twice");
        }
    }
    found
}

type Protection = (Sealer, Opener);

struct Replay {
    backend: Backend,
    transcript: Transcript,
    key_pairs: HashMap<String, EphemeralKey>,
    early: Option<EarlySecret>,
    early_traffic: Option<TrafficSecret>,
    handshake: Option<(HandshakeTraffic, Option<HandshakeSecret>)>,
    main: Option<MainSecret>,
    application: Option<ApplicationTraffic>,
    resumption: Option<ResumptionSecret>,
    protection: HashMap<String, Protection>,
    /// The public key of the certificate in the trace if it is an ECDSA key, and the transcript up
    /// to it.
    ecdsa: Option<(Vec<u8>, crate::Digest)>,
    /// The number of protected records compared.
    records: usize,
}

impl Replay {
    fn new(backend: Backend) -> Self {
        Self {
            backend,
            transcript: Transcript::new(backend, SHA256),
            key_pairs: HashMap::new(),
            early: None,
            early_traffic: None,
            handshake: None,
            main: None,
            application: None,
            resumption: None,
            protection: HashMap::new(),
            ecdsa: None,
            records: 0,
        }
    }

    fn step(&mut self, step: &mut Step) {
        let title = step.title.clone();
        let (role, title) = title.strip_prefix('{').unwrap().split_once("} ").unwrap();
        if step.values.is_empty() && !title.starts_with("derive write traffic keys") {
            // The trace notes that both sides compute the same values.
            assert!(title.contains("(same as "), "{title}");
        } else if let Some(group) = title.strip_prefix("create an ephemeral ") {
            self.create_key_pair(role, group, step);
        } else if title.starts_with("construct ") {
            self.construct(step);
        } else if title.starts_with("extract secret ") {
            self.extract(title, step);
        } else if let Some(title) = title.strip_prefix("derive secret ") {
            self.derive_secret(title, step);
        } else if title.contains(" traffic keys for ") {
            self.traffic_keys(role, title, step);
        } else if title.starts_with("calculate ") {
            self.finished(role, title, step);
        } else if title.starts_with("generate resumption secret") {
            self.ticket(step);
        } else {
            self.record(role, title, step);
        }
    }

    fn create_key_pair(&mut self, role: &str, group: &str, step: &mut Step) {
        let group = if group.starts_with("x25519") { Group::X25519 } else { Group::Secp256r1 };
        let pair = EphemeralKey::from_private_key(self.backend, group, &step.take("private key")).unwrap();
        assert_eq!(pair.public_key(), step.take("public key"));
        self.key_pairs.insert(role.to_owned(), pair);
    }

    fn construct(&mut self, step: &mut Step) {
        let (name, message) = step.values.pop_first().unwrap();
        // A ClientHello without binders is completed in the record that contains it.
        if name == "ClientHello" && self.early.is_some() {
            return;
        }
        if name == "NewSessionTicket" {
            return;
        }
        if name == "ServerHello" && message[6..10] == [0xcf, 0x21, 0xad, 0x74] {
            self.transcript.replace_with_message_hash();
        }
        if name == "CertificateVerify" && message[4..6] == [4, 3] {
            let (public_key, hash) = self.ecdsa.take().unwrap();
            let content = [&[0x20; 64], &b"TLS 1.3, server CertificateVerify\0"[..], hash.as_ref()].concat();
            verifier(self.backend, Algorithm::EcdsaP256Sha256)
                .unwrap()
                .verify_signature(&public_key, &content, &message[8..])
                .unwrap();
            verifier(self.backend, Algorithm::EcdsaP256Sha256)
                .unwrap()
                .verify_signature(&public_key, &content[1..], &message[8..])
                .unwrap_err();
        }
        self.transcript.add(&message);
        if name == "Certificate" {
            let bit_string_of_a_point = [0x03, 0x42, 0x00, 0x04];
            let at = message.windows(4).position(|window| window == bit_string_of_a_point);
            self.ecdsa = at.map(|at| (message[at + 3..at + 68].to_vec(), self.transcript.hash()));
        }
    }

    fn extract(&mut self, title: &str, step: &mut Step) {
        let (salt, ikm, secret) = (step.take("salt"), step.take("IKM"), step.take("secret"));
        assert_eq!(hkdf::extract(self.backend, SHA256, &salt, &ikm).as_ref(), secret);
        if title.contains("early") {
            self.early = Some(if ikm == [0; 32] {
                EarlySecret::new(self.backend, SHA256)
            } else {
                EarlySecret::with_psk(self.backend, SHA256, &ikm)
            });
        } else if title.contains("handshake") {
            let client = self.key_pairs.remove("client").unwrap();
            let server = self.key_pairs.remove("server").unwrap();
            let (client_share, server_share) = (client.public_key().to_vec(), server.public_key().to_vec());
            let at_client = client.agree(&server_share).unwrap();
            let at_server = server.agree(&client_share).unwrap();
            assert_eq!(at_client.as_bytes(), ikm);
            assert_eq!(at_server.as_bytes(), ikm);
            let early = self.early.take().unwrap();
            let (traffic, next) = early.into_handshake(at_server, &self.transcript.hash());
            self.handshake = Some((traffic, Some(next)));
        } else {
            let (_, handshake) = self.handshake.as_mut().unwrap();
            self.main = Some(handshake.take().unwrap().into_main());
        }
    }

    fn derive_secret(&mut self, title: &str, step: &mut Step) {
        let label = title.split('"').nth(1).unwrap().strip_prefix("tls13 ").unwrap();
        let (prk, info, expanded) = (step.take("PRK"), step.take("info"), step.take("expanded"));
        let hash = match label {
            "derived" => SHA256.hash(b""),
            _ => self.transcript.hash(),
        };
        assert_eq!(hash.as_ref(), step.take("hash"), "{label}");
        check_expansion(self.backend, &prk, label, hash.as_ref(), &info, &expanded);

        let by_schedule = match label {
            // Internal to the key schedule; the values derived from it are compared.
            "derived" => return,
            "c e traffic" => {
                let secret = self.early.as_ref().unwrap().client_early_traffic_secret(&hash);
                self.early_traffic.insert(secret).expose_for_key_log()
            }
            "e exp master" => {
                let exporter = self.early.as_ref().unwrap().early_exporter(&hash);
                assert_eq!(exporter.expose_for_key_log(), expanded);
                return;
            }
            "c hs traffic" => self.handshake.as_ref().unwrap().0.client.expose_for_key_log(),
            "s hs traffic" => self.handshake.as_ref().unwrap().0.server.expose_for_key_log(),
            "c ap traffic" => {
                let application = self.main.as_ref().unwrap().application(&hash);
                self.application.insert(application).client.expose_for_key_log()
            }
            "s ap traffic" => self.application.as_ref().unwrap().server.expose_for_key_log(),
            "exp master" => self.application.as_ref().unwrap().exporter.expose_for_key_log(),
            "res master" => {
                let secret = self.main.take().unwrap().into_resumption(&hash);
                self.resumption.insert(secret).expose()
            }
            other => panic!("{other}"),
        };
        assert_eq!(by_schedule, expanded, "{label}");
    }

    fn traffic_keys(&mut self, role: &str, title: &str, step: &mut Step) {
        if !step.values.is_empty() {
            let prk = step.take("PRK");
            check_expansion(self.backend, &prk, "key", b"", &step.take("key info"), &step.take("key expanded"));
            let iv = step.take("iv expanded");
            assert_eq!(iv.len(), NONCE_LEN);
            check_expansion(self.backend, &prk, "iv", b"", &step.take("iv info"), &iv);
        }
        if !title.starts_with("derive write") {
            return;
        }
        let both = |traffic: &TrafficSecret| (traffic.sealer(AES), traffic.opener(AES));
        let protection = if title.contains("early application data") {
            both(self.early_traffic.as_ref().unwrap())
        } else if title.contains("keys for handshake data") {
            let (traffic, _) = self.handshake.as_ref().unwrap();
            both(if role == "client" { &traffic.client } else { &traffic.server })
        } else {
            let traffic = self.application.as_ref().unwrap();
            both(if role == "client" { &traffic.client } else { &traffic.server })
        };
        self.protection.insert(role.to_owned(), protection);
    }

    fn finished(&mut self, role: &str, title: &str, step: &mut Step) {
        let (prk, info, expanded) = (step.take("PRK"), step.take("info"), step.take("expanded"));
        let finished = step.take("finished");
        assert_eq!(step.take("hash"), b"", "the context of the label");
        check_expansion(self.backend, &prk, "finished", b"", &info, &expanded);

        if title.contains("binder") {
            let prefix = SHA256.hash(&step.take("ClientHello prefix"));
            assert_eq!(prefix.as_ref(), step.take("binder hash"));
            let early = self.early.as_ref().unwrap();
            let binder = early.binder_key(BinderKind::Resumption);
            assert_eq!(binder.verify_data(&prefix).as_ref(), finished);
            assert!(binder.verify(&prefix, &finished));
            assert!(!early.binder_key(BinderKind::External).verify(&prefix, &finished));
            return;
        }
        let (traffic, _) = self.handshake.as_ref().unwrap();
        let secret = if role == "client" { &traffic.client } else { &traffic.server };
        assert_eq!(secret.expose_for_key_log(), prk);
        let hash = self.transcript.hash();
        assert_eq!(secret.finished(&hash).as_ref(), finished);
        assert!(secret.verify_finished(&hash, &finished));
        for bit in 0..finished.len() * 8 {
            let mut wrong = finished.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret.verify_finished(&hash, &wrong));
        }
        assert!(!secret.verify_finished(&hash, &finished[..31]));
    }

    fn ticket(&mut self, step: &mut Step) {
        let (prk, nonce, expanded) = (step.take("PRK"), step.take("hash"), step.take("expanded"));
        check_expansion(self.backend, &prk, "resumption", &nonce, &step.take("info"), &expanded);
        let resumption = self.resumption.as_ref().unwrap();
        assert_eq!(resumption.expose(), prk);
        assert_eq!(resumption.ticket_psk(&nonce).as_ref(), expanded);
    }

    fn record(&mut self, role: &str, title: &str, step: &mut Step) {
        let content_type = match title {
            "send handshake record:" => 22,
            "send alert record:" => 21,
            "send application_data record:" => 23,
            "send change_cipher_spec record:" => 20,
            other => panic!("{other}"),
        };
        let (payload, complete) = (step.take("payload"), step.take("complete record"));
        let (header, body) = complete.split_first_chunk::<5>().unwrap();
        assert_eq!(usize::from(u16::from_be_bytes([header[3], header[4]])), body.len());
        if header[0] != 23 {
            assert_eq!((header[0], body), (content_type, &payload[..]));
            // The ClientHello of section 4, which was constructed without its binders.
            if content_type == 22 && payload[0] == 1 && self.early.is_some() {
                self.transcript.add(&payload);
            }
            return;
        }
        let (sealer, opener) = self.protection.get_mut(role).unwrap();
        let mut record = [&[0; 5], &payload[..], &[0; 17]].concat();
        sealer.seal(content_type, &mut record).unwrap();
        assert_eq!(record, complete, "{role} {title}");

        let opened = opener.open(&mut record).unwrap();
        assert_eq!(opened, OpenedRecord { content_type, content: 5..5 + payload.len() });
        assert_eq!(record[opened.content], payload);
        self.records += 1;
    }
}

/// Checks HKDF-Expand with the info in the trace, and HKDF-Expand-Label with the parts of the info.
fn check_expansion(backend: Backend, prk: &[u8], label: &str, context: &[u8], info: &[u8], expected: &[u8]) {
    let mut out = vec![0; expected.len()];
    hkdf::expand(backend, SHA256, prk, info, &mut out).unwrap();
    assert_eq!(out, expected, "{label}: from info");
    out.fill(0);
    Expander::new(backend, SHA256, prk).expand_label(label.as_bytes(), context, &mut out).unwrap();
    assert_eq!(out, expected, "{label}: from label");
}

#[test]
fn expand_agrees_with_the_expander() {
    for &backend in Backend::ALL {
        let secret = hkdf::extract(backend, SHA256, b"salt", b"ikm");
        let (mut once, mut prepared) = ([0; 77], [0; 77]);
        hkdf_expand_label(&secret, b"label", b"context", &mut once).unwrap();
        secret.expander().expand_label(b"label", b"context", &mut prepared).unwrap();
        assert_eq!(once, prepared);
        assert_ne!(once, [0; 77]);
    }
}
