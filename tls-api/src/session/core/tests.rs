use std::io::{self, Cursor, Write};
use std::sync::Arc;

use tls_codec::record::MAX_FRAGMENT;
use tls_handshake::Error;

use crate::{ClientConfig, ClientSession, ProtocolVersion, ServerConfig, ServerSession, Session, StreamOwned};

/// Returns a TLS 1.2 client, connected, whose keys are exhausted after this many records.
fn client_with_record_limit(records: u64) -> ClientSession {
    let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = Arc::new(ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
    let mut client = ClientConfig::with_roots(crate::root_store_from_pem(cert.as_bytes()).unwrap());
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    client.engine_mut().set_records_per_key(records);
    let mut client = ClientSession::new(&Arc::new(client), "a.test").unwrap();
    let mut server = ServerSession::new(&server);
    while client.is_handshaking() || server.is_handshaking() {
        transfer(&mut client, &mut server);
        transfer(&mut server, &mut client);
    }
    client
}

fn transfer(from: &mut impl Session, to: &mut impl Session) {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut wire = &wire[..];
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
        to.process_new_packets().unwrap();
    }
}

fn is_key_exhausted(e: &io::Error) -> bool {
    e.get_ref().and_then(|e| e.downcast_ref::<Error>()) == Some(&Error::KeyExhausted)
}

#[test]
fn exhausted_key_fails_every_write() {
    let mut client = client_with_record_limit(3);
    client.set_buffer_limit(None);
    let data = vec![7; 10 * MAX_FRAGMENT];
    // The key is exhausted within this write, which returns what was encrypted before.
    let accepted = client.write(&data).unwrap();
    assert!(accepted > 0 && accepted < data.len(), "{accepted}");
    for _ in 0..2 {
        assert!(is_key_exhausted(&client.write(&data).unwrap_err()));
    }
    // Here it is exhausted in the first record of a write.
    let mut client = client_with_record_limit(3);
    let results: Vec<_> = (0..10).map(|_| client.write(b"data")).collect();
    let sent = results.iter().take_while(|result| result.is_ok()).count();
    assert!(sent > 0 && results[sent..].iter().all(|result| is_key_exhausted(result.as_ref().unwrap_err())));
}

#[test]
fn exhausted_key_fails_stream_write() {
    let mut stream = StreamOwned::new(client_with_record_limit(3), Cursor::new(Vec::new()));
    assert!(is_key_exhausted(&stream.write_all(&[7; 10 * MAX_FRAGMENT]).unwrap_err()));
}
