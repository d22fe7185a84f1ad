//! The log at trace level names the messages and contains no secret and no plaintext.

#![cfg(feature = "logging")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use strata_tls::{Error, KeyLog, ProtocolVersion, Session};

#[path = "memory/pair.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pair;
#[path = "memory/pki.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pki;

use pair::Pair;
use pki::{Ca, Kind};

static LINES: Mutex<String> = Mutex::new(String::new());

struct CollectingLogger;

impl log::Log for CollectingLogger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(LINES.lock().unwrap(), "{} {}: {}", record.level(), record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}

#[derive(Default)]
struct RecordingKeyLog(Mutex<Vec<(String, Vec<u8>)>>);

impl std::fmt::Debug for RecordingKeyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordingKeyLog")
    }
}

impl KeyLog for RecordingKeyLog {
    fn log(&self, label: &str, _: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), secret.to_vec()));
    }
}

/// The formats in which bytes could be printed by accident.
fn spellings(secret: &[u8]) -> [String; 4] {
    let lower: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{secret:?}");
    let spaced = secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    [lower.to_uppercase(), lower, list, spaced]
}

#[test]
fn trace_log_names_the_messages_and_holds_no_secret() {
    log::set_logger(&CollectingLogger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let secrets = Arc::new(RecordingKeyLog::default());
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_key_log(secrets.clone());
    server.set_key_log(secrets.clone());
    let (client, server) = (Arc::new(client), Arc::new(server));
    let mut pair = Pair::connected(&client, &server);
    pair.client.write_all(b"plaintext of the application").unwrap();
    pair.client.refresh_traffic_keys().unwrap();
    pair.settle().unwrap();
    pair::read_all(&mut pair.server);
    writeln!(LINES.lock().unwrap(), "{:?} {:?} {client:?} {server:?}", pair.client, pair.server).unwrap();
    let mut exported = [0; 32];
    pair.client.export_keying_material(&mut exported, b"label", None).unwrap();
    pair.client.send_close_notify();
    pair.settle().unwrap();

    // A TLS 1.2 connection.
    let mut older = ca.client_config();
    older.set_key_log(secrets.clone());
    older.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let mut pair = Pair::connected(&Arc::new(older), &server);
    pair.client.write_all(b"plaintext of the application").unwrap();
    pair.settle().unwrap();
    pair::read_all(&mut pair.server);
    writeln!(LINES.lock().unwrap(), "{:?} {:?}", pair.client, pair.server).unwrap();

    // A handshake that fails, to log its errors.
    let stranger = Arc::new(Ca::named("a stranger", Kind::EcdsaP256).client_config());
    assert!(matches!(Pair::new(&stranger, &server).settle(), Err(Error::Certificate(_))));

    let log = LINES.lock().unwrap();
    for word in ["client_hello", "server_hello", "server_key_exchange", "finished", "close_notify", "DEBUG", "TRACE"] {
        assert!(log.contains(word), "{word} is missing in:\n{log}");
    }
    // A peer can make any handshake fail, so a failure is not a warning.
    assert!(!log.contains("WARN"), "{log}");
    assert!(log.contains("certificate was rejected"), "{log}");
    let secrets = secrets.0.lock().unwrap();
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
        "CLIENT_RANDOM",
    ] {
        let logged: Vec<_> = secrets.iter().filter(|(of, _)| of == label).collect();
        assert!(logged.len() >= 2 && logged[0].1 == logged[1].1, "both sides log the same {label}");
    }
    assert!(!log.contains("plaintext of the application"));
    for secret in secrets.iter().map(|(_, secret)| &secret[..]).chain([&exported[..]]) {
        for spelling in spellings(secret) {
            assert!(!log.contains(&spelling), "a secret is in the log");
        }
    }
}
