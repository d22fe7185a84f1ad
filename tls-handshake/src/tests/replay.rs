//! Replays RFC 8448: this client in the place of the traces' client, with their server records.
//!
//! The traces' server signs with RSA of 1,024 bits, which this library rejects. The engine
//! therefore processes the records up to CertificateVerify, and only the key schedule is checked
//! beyond it.

use std::sync::Arc;

use tls_codec::code_points::{AlertDescription, ExtensionType, HandshakeType, SignatureScheme};
use tls_codec::decode_all;
use tls_codec::handshake::{ClientHello, Split, split_message};
use tls_crypto::tls13::EarlySecret;
use tls_crypto::{ALL_TLS13, Digest, EphemeralKey, Group, HashAlgorithm, SharedSecret, Tls13Suite, Transcript};

use super::pair::Secrets;
use crate::client::Client;
use crate::client::hello::WaitServerHello;
use crate::client::hello_retry_request::WaitServerHelloAfterRetry;
use crate::config::ClientConfig;
use crate::config::RecordPadding;
use crate::connection::{ClientConnection, Progress};
use crate::error::Error;
use crate::need::Need;
use crate::record::{NextRecord, Outgoing, RecordReceiver, RecordSender, RecordSizing};
use crate::schedule::Side;
use crate::schedule::tls13::{HandshakeKeys, Hello};
use crate::sink::{EncodeMessage, Event, LimitedRecords, RecordLimits, Sink};

const TRACES: &str = include_str!("../../tests/data/rfc8448.txt");

/// One section of the RFC, as named values in order.
struct Trace(Vec<(&'static str, Vec<u8>)>);

impl Trace {
    fn section(number: u8) -> Self {
        let head = format!("[{number}] ");
        let lines = TRACES.lines().skip_while(|line| !line.starts_with(&head)).skip(1);
        let values = lines.take_while(|line| !line.is_empty()).map(|line| {
            let (name, hex) = line.split_once(" = ").unwrap();
            let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            (name, bytes.collect())
        });
        Self(values.collect())
    }

    fn all(&self, name: &str) -> Vec<&[u8]> {
        self.0.iter().filter(|(n, _)| *n == name).map(|(_, bytes)| bytes.as_slice()).collect()
    }

    /// Returns the last value of this name. After a retry, that is the one in use.
    fn last(&self, name: &str) -> &[u8] {
        self.all(name).last().unwrap_or_else(|| panic!("no {name} in this section"))
    }

    fn key(&self, group: Group) -> EphemeralKey {
        EphemeralKey::from_private_key(tls_crypto::Backend::ring(), group, self.last("private key client")).unwrap()
    }

    fn log_entries(&self, labels: &[&str]) -> Vec<(String, [u8; 32], Vec<u8>)> {
        let random = *hello(self.last("ClientHello client")).random;
        labels.iter().map(|label| ((*label).to_owned(), random, self.last(label).to_vec())).collect()
    }
}

const HANDSHAKE_LABELS: [&str; 2] = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"];
const LABELS: [&str; 5] = [
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
    "EXPORTER_SECRET",
];

fn hello(message: &[u8]) -> ClientHello<'_> {
    decode_all(&message[4..]).unwrap()
}

/// Returns a client that sent the trace's ClientHello.
fn client(trace: &Trace, first: &[u8], key: EphemeralKey, secrets: &Arc<Secrets>) -> (WaitServerHello, ClientConfig) {
    let mut config = ClientConfig::new();
    config.set_key_log(secrets.clone());
    config.also_offered = vec![ExtensionType::RECORD_SIZE_LIMIT];
    let sent = hello(first);
    assert!(trace.all("ClientHello client").contains(&first));
    let name = "server".try_into().unwrap();
    let (random, session_id) = (*sent.random, sent.legacy_session_id.to_vec());
    (WaitServerHello::replayed(Arc::new(config.clone()), name, random, session_id, key, first.to_vec()), config)
}

/// Processes the trace's server records up to the encrypted flight. The chain must equal the
/// trace's, and its signature is rejected.
fn play_to_certificate_verify(mut connection: ClientConnection, trace: &Trace, records: &[&[u8]], secrets: &Secrets) {
    let mut outgoing = Outgoing::new();
    let (flight, before) = records.split_last().unwrap();
    for record in before {
        let mut incoming = record.to_vec();
        let processed = connection.process(&mut incoming, &mut outgoing).unwrap();
        assert_eq!(processed.consumed, record.len());
        assert!(matches!(processed.progress, Progress::Continue));
    }
    assert_eq!(secrets.all(), trace.log_entries(&HANDSHAKE_LABELS));

    let mut incoming = flight.to_vec();
    let processed = connection.process(&mut incoming, &mut outgoing).unwrap();
    // The client accepted EncryptedExtensions and Certificate. The record holds further messages.
    let Progress::Need(Need::Verdict(need)) = processed.progress else { panic!("{:?}", processed.progress) };
    assert_eq!(processed.consumed, 0);
    let message = trace.last("Certificate server");
    let [chain] = need.chain() else { panic!("one certificate") };
    // Before it: header, empty context, list length, certificate length. After it: no extensions.
    assert_eq!(chain.as_ref(), &message[4 + 1 + 3 + 3..message.len() - 2]);
    assert!(connection.resume(need.answer(Ok(())), &mut outgoing).unwrap().is_none());

    // ring, and so this library, verifies no RSA signature of less than 2,048 bits.
    let error = connection.process(&mut incoming, &mut outgoing).unwrap_err();
    let (scheme, key) = (SignatureScheme::RSA_PSS_RSAE_SHA256, "an RSA key of 1024 bits".to_owned());
    assert_eq!(error, Error::UnsupportedKey { scheme, key });
    assert_eq!(error.alert(), Some(AlertDescription::UNSUPPORTED_CERTIFICATE));
    assert_eq!(secrets.all().len(), 2, "application keys without proof of the certificate");
}

#[test]
fn rfc8448_section_3_is_accepted_until_certificate_verify() {
    let (trace, secrets) = (Trace::section(3), Secrets::new());
    let (state, config) = client(&trace, trace.last("ClientHello client"), trace.key(Group::X25519), &secrets);
    let connection = ClientConnection::replayed(Client::WaitServerHello(state), &config);
    play_to_certificate_verify(connection, &trace, &trace.all("record server")[..2], &secrets);
}

#[test]
fn rfc8448_section_7_is_accepted_until_certificate_verify() {
    let (trace, secrets) = (Trace::section(7), Secrets::new());
    let (state, config) = client(&trace, trace.last("ClientHello client"), trace.key(Group::X25519), &secrets);
    let connection = ClientConnection::replayed(Client::WaitServerHello(state), &config);
    let records = trace.all("record server");
    assert_eq!(records[1], [20, 3, 3, 0, 1, 1]);
    play_to_certificate_verify(connection, &trace, &records[..3], &secrets);
}

/// Returns a client that sent the first hello of section 5.
fn before_retry(trace: &Trace, secrets: &Arc<Secrets>) -> (WaitServerHello, ClientConfig) {
    let key =
        EphemeralKey::from_private_key(tls_crypto::Backend::ring(), Group::X25519, trace.all("private key client")[0])
            .unwrap();
    client(trace, trace.all("ClientHello client")[0], key, secrets)
}

#[test]
fn rfc8448_section_5_retry_is_answered_with_group_and_cookie() {
    let (trace, secrets) = (Trace::section(5), Secrets::new());
    let (state, config) = before_retry(&trace, &secrets);
    let mut connection = ClientConnection::replayed(Client::WaitServerHello(state), &config);
    let (mut incoming, mut outgoing) = (trace.all("record server")[0].to_vec(), Outgoing::new());
    connection.process(&mut incoming, &mut outgoing).unwrap();
    let (ccs, hello_record) = outgoing.ready().split_at(6);
    assert_eq!(ccs, [20, 3, 3, 0, 1, 1]);
    // This client offers what it supports itself. Only the answers to the server's requests must
    // equal the trace's.
    let (ours, theirs) = (hello(&hello_record[5..]), hello(trace.last("ClientHello client")));
    assert_eq!(ours.random, theirs.random);
    assert_eq!(ours.extensions.cookie, theirs.extensions.cookie);
    assert!(ours.extensions.cookie.is_some());
    let group = |hello: &ClientHello<'_>| -> Vec<_> {
        hello.extensions.key_share.unwrap().iter().map(|entry| entry.group).collect()
    };
    assert_eq!(group(&ours), group(&theirs));
}

#[test]
fn rfc8448_section_5_continues_after_second_client_hello() {
    let (trace, secrets) = (Trace::section(5), Secrets::new());
    let (first, config) = before_retry(&trace, &secrets);
    let (retry, second) = (trace.all("ServerHello server")[0], trace.last("ClientHello client"));
    let state = WaitServerHelloAfterRetry::replayed(first, trace.key(Group::Secp256r1), retry, second);
    let connection = ClientConnection::replayed(Client::WaitServerHelloAfterRetry(state), &config);
    play_to_certificate_verify(connection, &trace, &trace.all("record server")[1..3], &secrets);
}

/// A sink that accepts only secrets, and the client's application key.
struct Log(Arc<Secrets>, Option<tls_crypto::Sealer>);

impl Sink for Log {
    fn send(&mut self, _: &mut EncodeMessage<'_>) -> Result<&[u8], Error> {
        panic!("the key schedule sends nothing")
    }

    fn send_change_cipher_spec(&mut self) -> Result<(), Error> {
        panic!("the key schedule sends nothing")
    }

    fn queue_change_cipher_spec(&mut self) -> Result<(), Error> {
        self.send_change_cipher_spec()
    }

    fn install_read(&mut self, _: crate::schedule::ReadKey<'_>, _: crate::framed::RecordBoundary) {
        panic!("the key schedule installs nothing")
    }

    fn key_update_received(&mut self, _: bool) -> bool {
        panic!("the key schedule receives nothing")
    }

    fn install_write(&mut self, key: crate::schedule::WriteKey<'_>) -> Result<(), Error> {
        assert_eq!(key.epoch, crate::schedule::Epoch::Application);
        self.1 = Some(key.into_sealer());
        Ok(())
    }

    fn remove_write(&mut self) {
        panic!("the key schedule installs nothing")
    }

    fn limit_records(&mut self, _: RecordLimits, _: LimitedRecords) {
        panic!("the key schedule reads nothing")
    }

    fn skip_early_data(&mut self, _: u32) {
        panic!("the key schedule reads nothing")
    }

    fn event(&mut self, event: Event<'_>) {
        let Event::Secret(secret) = event else { return };
        crate::config::KeyLog::log(&*self.0, secret.label, secret.client_random, secret.secret);
    }
}

fn aes_128() -> &'static Tls13Suite {
    ALL_TLS13.iter().copied().find(|suite| suite.id == 0x1301).unwrap()
}

fn key_exchange(trace: &Trace, group: Group) -> SharedSecret {
    let hello = trace.last("ServerHello server");
    let Split::Message { message, .. } = split_message(hello) else { panic!("a whole message") };
    assert_eq!(message.typ, HandshakeType::SERVER_HELLO);
    let tls_codec::handshake::ServerHelloMessage::ServerHello(hello) = message.decode().unwrap() else {
        panic!("a ServerHello")
    };
    trace.key(group).agree(hello.extensions.key_share.unwrap().key_exchange).unwrap()
}

fn hash_of(messages: &[&[u8]], retried: bool) -> Digest {
    let mut transcript = Transcript::new(tls_crypto::Backend::ring(), HashAlgorithm::Sha256);
    for (at, message) in messages.iter().enumerate() {
        transcript.add(message);
        if at == 0 && retried {
            transcript.replace_with_message_hash();
        }
    }
    transcript.hash()
}

/// Checks every secret of the key log, both Finished and the later records, without the
/// certificate's signature.
fn check_schedule(section: u8, group: Group, protected_from: usize, client_finished_at: usize) {
    let (trace, secrets) = (Trace::section(section), Secrets::new());
    let (hellos, answers) = (trace.all("ClientHello client"), trace.all("ServerHello server"));
    let mut messages: Vec<&[u8]> = hellos.iter().zip(&answers).flat_map(|(hello, answer)| [*hello, *answer]).collect();
    let retried = hellos.len() == 2;
    let random = *hello(hellos[0]).random;
    let log = &mut Log(secrets.clone(), None);
    let shared = key_exchange(&trace, group);
    let keys = {
        let hello = Hello { hash: &hash_of(&messages, retried), client_random: &random };
        HandshakeKeys::derive(
            Side::Client,
            aes_128(),
            EarlySecret::new(tls_crypto::Backend::ring(), aes_128().hash),
            shared,
            &hello,
            log,
        )
    };
    let mut receive = RecordReceiver::new();
    receive.install(keys.read_key());
    for name in ["EncryptedExtensions server", "Certificate server", "CertificateVerify server"] {
        messages.push(trace.last(name));
    }
    let records = trace.all("record server");
    assert_eq!(
        open_record(&mut receive, records[protected_from]),
        [&messages[messages.len() - 3..], &[trace.last("Finished server")]].concat().concat()
    );
    let before_finished = hash_of(&messages, retried);
    use crate::auth::PeerFinished as _;
    assert!(keys.is_right(&before_finished, &trace.last("Finished server")[4..]));
    messages.push(trace.last("Finished server"));
    let server_finished = hash_of(&messages, retried);
    let verify_data = keys.verify_data(&server_finished);
    assert_eq!(verify_data.as_ref(), &trace.last("Finished client")[4..]);

    let sizing = RecordSizing::new(crate::config::MAX_RECORD, None, RecordPadding::None);
    let mut transmit = RecordSender::new(sizing, None, tls_codec::code_points::ProtocolVersion::TLS12);
    let mut outgoing = Outgoing::new();
    transmit.install(keys.write_key(), &mut outgoing).unwrap();
    let finished = std::io::IoSlice::new(trace.last("Finished client"));
    transmit.record(tls_codec::code_points::ContentType::HANDSHAKE, &[finished], &mut outgoing).unwrap();
    assert_eq!(outgoing.ready(), trace.all("record client")[client_finished_at]);

    keys.into_application(&server_finished, log).unwrap();
    assert_eq!(secrets.all(), trace.log_entries(&LABELS));
    outgoing.consume(usize::MAX);
    let sealer = log.1.take().unwrap();
    transmit.install(crate::schedule::WriteKey::tls12(sealer), &mut outgoing).unwrap();
    // The client's last record is close_notify. In section 3, a record of data precedes it.
    if section == 3 {
        let data: Vec<u8> = (0..50).collect();
        let slice = std::io::IoSlice::new(&data);
        transmit.record(tls_codec::code_points::ContentType::APPLICATION_DATA, &[slice], &mut outgoing).unwrap();
        assert_eq!(outgoing.ready(), trace.all("record client")[2]);
        outgoing.consume(usize::MAX);
    }
    let close = [1, 0];
    let slice = std::io::IoSlice::new(&close);
    transmit.record(tls_codec::code_points::ContentType::ALERT, &[slice], &mut outgoing).unwrap();
    assert_eq!(outgoing.ready(), trace.last("record client"));
}

fn open_record(receive: &mut RecordReceiver, record: &[u8]) -> Vec<u8> {
    let mut bytes = record.to_vec();
    let Ok(NextRecord::Record { content, total, .. }) = receive.open(&mut bytes, &|| crate::error::StateName::ENDED)
    else {
        panic!("no record")
    };
    assert_eq!(total, record.len());
    bytes[content].to_vec()
}

#[test]
fn key_schedule_gives_rfc8448_secrets_and_records() {
    check_schedule(3, Group::X25519, 1, 1);
    check_schedule(5, Group::Secp256r1, 2, 2);
    check_schedule(7, Group::X25519, 2, 2);
}
