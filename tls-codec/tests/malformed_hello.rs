//! Tests of the example malformed-hello. `tls-handshake/tests/malformed_hellos.rs` sends its hellos
//! to a server.

#[path = "../examples/malformed_hello/catalog.rs"]
mod catalog;
#[path = "../examples/malformed_hello/probe.rs"]
mod probe;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use catalog::{CATALOG, Malformation};
use probe::{Answer, probe};
use strata_tls_codec::{Alert, AlertDescription, client_hello_peeker::*};

/// What the codec accepts and a handshake must not.
const WELL_FORMED: [&str; 11] = [
    "key-share-short",
    "key-share-zero",
    "key-share-twice",
    "key-share-not-offered",
    "compression-without-null",
    "schemes-missing",
    "groups-missing",
    "key-share-missing",
    "psk-modes-missing",
    "versions-unknown",
    "suites-unknown",
];

#[test]
fn codec_rejects_each_malformed_hello_with_its_alert() {
    let mut well_formed = BTreeSet::from(WELL_FORMED);
    for malformation in CATALOG {
        let records = malformation.records("example.com").unwrap();
        let mut peeker = ClientHelloPeeker::new();
        match peeker.peek(&records) {
            Ok(Peek::ClientHello(_)) => {
                let is_control = malformation.alert.is_none();
                assert!(is_control || well_formed.remove(malformation.name), "{} is accepted", malformation.name);
            }
            Ok(Peek::Incomplete { need }) => panic!("{} lacks {need} bytes", malformation.name),
            Err(e) => assert_eq!(e.alert(), malformation.alert, "{}: {e}", malformation.name),
        }
    }
    assert!(well_formed.is_empty(), "{well_formed:?}");
}

#[test]
fn malformations_are_found_by_unique_names() {
    let names: BTreeSet<&str> = CATALOG.iter().map(|malformation| malformation.name).collect();
    assert_eq!(names.len(), CATALOG.len());
    for malformation in CATALOG {
        assert_eq!(Malformation::find(malformation.name).map(|found| found.about), Some(malformation.about));
    }
    assert!(Malformation::find("no such").is_none());
}

/// Sends a hello to a server that answers with `bytes` and closes.
fn answer_to(bytes: &[u8]) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bytes = bytes.to_vec();
    let hello = Malformation::find("valid").unwrap().records("example.com").unwrap();
    let length = hello.len();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut vec![0; length]).unwrap();
        stream.write_all(&bytes).unwrap();
    });
    let answer = probe(address, &hello, Duration::from_secs(60)).unwrap();
    server.join().unwrap();
    answer
}

#[test]
fn answers_of_servers_are_told_apart() {
    let alert = Alert::fatal(AlertDescription::ILLEGAL_PARAMETER).to_record();
    assert_eq!(answer_to(&alert), Answer::Alert(AlertDescription::ILLEGAL_PARAMETER));
    let hello = [&[22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3][..], &[7; 32], &[0, 0x13, 1, 0, 0, 0]].concat();
    assert_eq!(answer_to(&hello), Answer::Accepted);
    assert_eq!(answer_to(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Answer::Other);
    assert_eq!(answer_to(&[]), Answer::Closed);
    assert_eq!(answer_to(&alert[..6]), Answer::Closed);
}
