//! Code that does not depend on the role, and summaries that outlive a connection.

use std::io::{self, Read, Write};
use std::sync::Arc;

use strata_tls::{
    AllowAnyAuthenticatedClient, AnySession, ClientSession, ConnectionInfo, HandshakeKind, NamedGroup, ProtocolVersion,
    ServerSession, Session, Stream, StreamOwned,
};

use crate::pair::{Pair, carry, drain, feed, read_all};
use crate::pki::{Ca, Kind, VERSIONS, configs, configs_of};

/// Uses every method, and returns what it saw as text.
fn describe(session: &mut impl Session) -> String {
    let mut exported = [0; 16];
    session.export_keying_material(&mut exported, b"EXPORTER-test", Some(b"")).unwrap();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {exported:?} {} {} {} {}",
        session.peer_certificates().map(<[_]>::len),
        session.peer_signature_scheme(),
        session.tls_unique(),
        session.alpn_protocol(),
        session.protocol_version(),
        session.negotiated_cipher_suite(),
        session.negotiated_group(),
        session.record_limits(),
        session.handshake_kind(),
        session.connection_info(),
        session.wants_read(),
        session.wants_write(),
        session.must_write(),
        session.is_handshaking(),
    )
}

#[test]
fn every_form_of_a_session_is_the_same() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        for session in [&mut pair.client as &mut dyn Session, &mut pair.server] {
            let boxed: &mut Box<&mut dyn Session> = &mut Box::new(session);
            let expected = describe(boxed);
            assert!(expected.contains("TLS"), "{expected}");
        }
        let of_client = describe(&mut pair.client);
        let of_server = describe(&mut pair.server);
        assert_ne!(of_client, of_server);
        assert_eq!(describe(&mut &mut pair.client), of_client);
        let (mut client, mut server) = (AnySession::from(pair.client), AnySession::from(pair.server));
        assert!(matches!((&client, &server), (AnySession::Client(_), AnySession::Server(_))));
        assert_eq!((describe(&mut client), describe(&mut server)), (of_client, of_server));
        exchange(&mut client, &mut server);
        let mut boxed: Box<dyn Session> = Box::new(server);
        exchange(&mut &mut client, &mut boxed);
        assert!(client.take_need().is_none() && client.take_signature_request().is_none());
    }
}

/// Carries data both ways, and closes.
fn exchange<C: Session, S: Session>(client: &mut C, server: &mut S) {
    client.set_buffer_limit(None);
    client.write_all(b"question").unwrap();
    client.flush().unwrap();
    let n = client.write_vectored(&[io::IoSlice::new(b"?"), io::IoSlice::new(b"!")]).unwrap();
    assert_eq!(n, 2);
    let wire = drain(client);
    feed(server, &wire).unwrap();
    assert_eq!(server.fill_buf().unwrap(), b"question?!");
    server.consume(1);
    let mut parts = [[0; 4], [0; 4]];
    let [one, other] = &mut parts;
    assert_eq!(server.read_vectored(&mut [io::IoSliceMut::new(one), io::IoSliceMut::new(other)]).unwrap(), 8);
    assert_eq!(read_all(server), b"!");
    if server.protocol_version() == Some(ProtocolVersion::TLS13) {
        server.refresh_traffic_keys().unwrap();
    }
    carry(server, client).unwrap();
    carry(client, server).unwrap();
}

/// Carries what it writes to a session and back.
struct Wire<'a, S: ?Sized>(&'a mut S, Vec<u8>);

impl<S: Session + ?Sized> Write for Wire<'_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut rest = buf;
        self.0.read_tls(&mut rest)?;
        self.0.process_new_packets().map_err(io::Error::other)?;
        let _ = self.0.flush_tls(&mut io::sink());
        while self.0.wants_write() {
            self.0.write_tls(&mut self.1)?;
        }
        Ok(buf.len() - rest.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: ?Sized> Read for Wire<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (&self.1[..]).read(buf)?;
        self.1.drain(..n);
        if n == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
    }
}

#[test]
fn streams_take_any_form_of_a_session() {
    let (client, server) = configs();
    let new = || -> (ClientSession, ServerSession) {
        let pair = Pair::new(&client, &server);
        (pair.client, pair.server)
    };
    // A borrowed `dyn Session`, over a `dyn` transport.
    let (mut session, mut peer) = new();
    let mut wire = Wire(&mut peer, Vec::new());
    let session: &mut dyn Session = &mut session;
    let transport: &mut dyn strata_tls::Transport = &mut wire;
    let mut stream = Stream::new(session, transport);
    stream.write_all(b"question").unwrap();
    stream.close().unwrap();
    assert_eq!(read_all(&mut peer), b"question");
    // Owned: a box, an enum, a reference.
    let (session, mut peer) = new();
    let boxed: Box<dyn Session> = Box::new(session);
    StreamOwned::new(boxed, Wire(&mut peer, Vec::new())).write_all(b"question").unwrap();
    assert_eq!(read_all(&mut peer), b"question");
    let (session, peer) = new();
    let mut peer = AnySession::from(peer);
    StreamOwned::new(AnySession::from(session), Wire(&mut peer, Vec::new())).write_all(b"question").unwrap();
    assert_eq!(read_all(&mut peer), b"question");
    let (mut session, mut peer) = new();
    StreamOwned::new(&mut session, Wire(&mut peer, Vec::new())).write_all(b"question").unwrap();
    assert_eq!(read_all(&mut peer), b"question");
}

#[test]
fn connection_info_outlives_its_connection() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_versions(&[version]).unwrap();
        client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
        client.set_alpn_protocols(["h2"]).unwrap();
        server.set_alpn_protocols(["h2"]).unwrap();
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        let (client, server) = (Arc::new(client), Arc::new(server));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut pair = Pair::new(&client, &server);
            assert!(pair.client.connection_info().is_none() && pair.server.connection_info().is_none());
            pair.settle().unwrap();
            for session in [&pair.client as &dyn Session, &pair.server] {
                let info = session.connection_info().unwrap();
                assert_eq!(info.protocol_version(), version);
                assert_eq!(Some(info.cipher_suite()), session.negotiated_cipher_suite());
                assert_eq!(info.group(), session.negotiated_group());
                assert_eq!(info.handshake_kind(), kind);
                assert_eq!(info.alpn_protocol(), Some(&b"h2"[..]));
                assert_eq!(info.server_name(), Some("server.test"));
                assert_eq!(info.peer_certificates(), session.peer_certificates());
                assert_eq!(info.peer_signature_scheme(), session.peer_signature_scheme());
                assert_eq!(info.external_psk_identity(), None);
                // The certificates are shared with the connection.
                let certificates = session.peer_certificates().unwrap().as_ptr();
                assert_eq!(info.peer_certificates().unwrap().as_ptr(), certificates);
            }
            let info = pair.server.connection_info().unwrap();
            drop(pair);
            let there: ConnectionInfo = std::thread::spawn(move || info.clone()).join().unwrap();
            assert!(format!("{there:?}").contains("server.test"));
            let expected = if cfg!(feature = "post-quantum") { NamedGroup::X25519MLKEM768 } else { NamedGroup::X25519 };
            assert!(version == ProtocolVersion::TLS12 || there.group() == Some(expected));
        }
    }
}

#[test]
fn connection_info_of_an_address_has_no_name() {
    let (client, server) = configs();
    let client = ClientSession::new(&client, "127.0.0.1").unwrap();
    let mut pair = Pair { client, server: ServerSession::new(&server) };
    pair.settle().unwrap();
    let info = [pair.client.connection_info().unwrap(), pair.server.connection_info().unwrap()];
    assert!(info.iter().all(|info| info.server_name().is_none()));
}
