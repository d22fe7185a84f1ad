//! How errors print: in one line, with their causes once; and what programs read from them.

use std::error::Error as _;
use std::io::Write;

use strata_tls::{
    Acceptor, AlertDescription, Error, ErrorKind, IdentityFiles, ServerSession, Session, root_store_from_pem,
};

use crate::pair::{Pair, carry, drain, feed};
use crate::pki::configs;

/// The text of an error and of its sources, as programs that print the whole chain write it.
fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn assert_says_once(e: &dyn std::error::Error, words: &str) {
    let text = chain(e);
    assert_eq!(text.matches(words).count(), 1, "{text}");
}

/// A client that does not trust the server's CA.
fn rejected() -> Error {
    let (_, server) = configs();
    let (other, _) = configs();
    let mut pair = Pair::new(&other, &server);
    carry(&mut pair.client, &mut pair.server).unwrap();
    carry(&mut pair.server, &mut pair.client).unwrap_err()
}

#[test]
fn printed_source_chain_says_each_cause_once() {
    let rejected = rejected();
    let Error::Certificate(refusal) = &rejected else { panic!("{rejected}") };
    assert_says_once(&rejected, &refusal.why.to_string());
    assert_says_once(refusal, &refusal.why.to_string());
    let (_, server) = configs();
    let not_tls = feed(&mut ServerSession::new(&server), b"GET / HTTP/1.1\r\n").unwrap_err();
    assert_says_once(&not_tls, "plain HTTP;");
    let mut acceptor = Acceptor::default();
    acceptor.read_tls(&mut &b"GET / HTTP/1.1\r\n"[..]).unwrap();
    assert_says_once(&acceptor.accept().unwrap_err(), "plain HTTP;");
    let malformed = [&[22, 3, 1, 0, 5, 1, 0, 0, 1, 3][..]].concat();
    assert_says_once(&feed(&mut ServerSession::new(&server), &malformed).unwrap_err(), "ClientHello");
    let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_says_once(&root_store_from_pem(pem.as_bytes()).unwrap_err(), "cannot be parsed");
    let missing = IdentityFiles::new("/nowhere/chain.pem", "/nowhere/key.pem").load().unwrap_err();
    assert_says_once(&missing, "cannot read /nowhere");
    assert!(missing.source().is_none(), "{missing:?}");
}

#[test]
fn debug_is_one_line_and_alternate_adds_the_report() {
    let rejected = rejected();
    let line = format!("{rejected:?}");
    assert!(line.starts_with("CertificateRejected: the peer's certificate was rejected: "), "{line}");
    assert!(!line.contains('\n') && !rejected.to_string().contains('\n'));
    for report in [format!("{rejected:#}"), format!("{rejected:#?}")] {
        assert!(
            report.contains("\nchain as sent") && report.contains(": CN=rcgen self signed cert, issued by CN="),
            "{report}"
        );
    }
    // As `fn main() -> std::io::Result<()>` prints it.
    let io = std::io::Error::other(rejected);
    assert!(format!("{io:?}").contains("the peer's certificate was rejected") && !format!("{io:?}").contains('\n'));
    assert!(format!("{io:#}").contains("\nchain as sent"));
}

#[test]
fn kind_tells_programs_who_is_at_fault() {
    let rejected = rejected();
    assert_eq!(rejected.kind(), ErrorKind::CertificateRejected);
    assert!(matches!(&rejected, Error::Certificate(refusal) if rejected.alert() == Some(refusal.alert())));
    let (client, server) = configs();
    let server_fails = |input: &[u8]| feed(&mut ServerSession::new(&server), input).unwrap_err();
    let not_tls = server_fails(b"SSH-2.0-");
    assert_eq!((not_tls.kind(), not_tls.alert()), (ErrorKind::NotTls, None));
    let alert = server_fails(&[21, 3, 3, 0, 2, 2, 48]);
    assert_eq!((alert.kind(), alert.alert()), (ErrorKind::AlertReceived, None));
    let wrong = server_fails(&[22, 3, 1, 0, 4, 2, 0, 0, 0]);
    assert_eq!((wrong.kind(), wrong.alert()), (ErrorKind::PeerMisbehaved, Some(AlertDescription::UNEXPECTED_MESSAGE)));
    let large = server_fails(&[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]);
    assert_eq!((large.kind(), large.alert()), (ErrorKind::LimitExceeded, Some(AlertDescription::DECODE_ERROR)));
    let mut session = ServerSession::new(&server);
    assert_eq!(session.read_tls(&mut &b""[..]).unwrap(), 0);
    let closed = session.process_new_packets().unwrap_err();
    assert_eq!((closed.kind(), closed.alert()), (ErrorKind::Closed, None));
    let mut pair = Pair::new(&client, &server);
    let early = pair.client.export_keying_material(&mut [0; 8], b"EXPERIMENTAL", None).unwrap_err();
    assert_eq!((early.kind(), early.alert()), (ErrorKind::LocalMisuse, None));
    // It ended nothing.
    assert!(!drain(&mut pair.client).is_empty() && pair.client.wants_read());
    pair.client.write_all(b"still usable").unwrap();
}
