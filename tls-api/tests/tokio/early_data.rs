//! Early data of both sides.

use std::sync::Arc;

use strata_tls::tokio::{TlsAcceptor, TlsConnector};
use strata_tls::{HandshakeKind, ServerConfig, ServerSessionMemoryCache, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::handshakes::{Stream, connect, name};
use crate::pki::{Ca, Kind};
use crate::transport::{Wires, run_both, run_one};

/// Configurations that allow this much early data, with sessions in the client's cache.
fn configs(max: u32) -> (TlsConnector, ServerConfig) {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.enable_early_data(true);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_max_early_data_size(max);
    let connector = TlsConnector::from(Arc::new(client));
    let (mut at_client, mut at_server) = connect(&Wires::new(1 << 16), &connector, &acceptor(&server));
    // The tickets.
    run_one(at_server.write_all(b"x")).unwrap();
    run_one(at_client.read_exact(&mut [0])).unwrap();
    (connector, server)
}

fn acceptor(server: &ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(server.clone()))
}

async fn read_early(stream: &mut Stream) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), vec![0; 1000]);
    loop {
        match stream.read_early_data(&mut some).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&some[..n]),
        }
    }
}

/// Returns how much early data was accepted, and what the server received early and afterwards.
fn exchange(
    connector: &TlsConnector,
    acceptor: &TlsAcceptor,
    data: &[u8],
    capacity: usize,
) -> (usize, Vec<u8>, Vec<u8>) {
    let (client, server) = Wires::new(capacity).ends();
    let (accepted, (early, late)) = run_both(
        async {
            let (mut stream, accepted) = connector.connect_with_early_data(name(), client, data).await.unwrap();
            stream.write_all(&data[accepted..]).await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            accepted
        },
        async {
            let mut stream = acceptor.accept(server).await.unwrap();
            let early = read_early(&mut stream).await;
            let mut late = Vec::new();
            stream.read_to_end(&mut late).await.unwrap();
            stream.shutdown().await.unwrap();
            (early, late)
        },
    );
    (accepted, early, late)
}

#[test]
fn early_data_is_sent_up_to_the_limit() {
    let data: Vec<u8> = (0..150_000).map(|at: u32| u8::try_from(at % 251).unwrap()).collect();
    for capacity in [100, 1 << 20] {
        for (max, sent) in [(1000, 18), (1000, 3000), (200_000, 150_000)] {
            let (connector, server) = configs(max);
            let data = &data[..sent];
            let (accepted, early, late) = exchange(&connector, &acceptor(&server), data, capacity);
            // Over a transport that holds little, the server answers before all of it was sent.
            let most = sent.min(usize::try_from(max).unwrap());
            assert!(accepted == most || accepted > 1 << 16 && accepted < most && capacity < most, "{accepted}");
            assert!(early == data[..accepted] && late == data[accepted..]);
        }
    }
}

#[test]
fn rejected_early_data_is_reported() {
    let (connector, mut server) = configs(1000);
    server.set_max_early_data_size(0);
    for _ in 0..2 {
        // The second time, there is no session left that allows it.
        let (accepted, early, late) = exchange(&connector, &acceptor(&server), b"request", 1 << 16);
        assert_eq!((accepted, &early[..], &late[..]), (0, &b""[..], &b"request"[..]));
    }
}

/// The answer to early data does not wait for the client's Finished.
#[test]
fn server_answers_early_data_at_once() {
    let (connector, mut server) = configs(1000);
    server.set_send_half_rtt_data(true);
    let acceptor = acceptor(&server);
    let (client, server) = Wires::new(1 << 16).ends();
    run_both(
        async {
            let (mut stream, accepted) = connector.connect_with_early_data(name(), client, b"request").await.unwrap();
            assert_eq!((accepted, stream.session().handshake_kind()), (7, Some(HandshakeKind::Resumed)));
            stream.read_exact(&mut [0; 6]).await.unwrap();
        },
        async {
            let mut stream = acceptor.accept(server).await.unwrap();
            let mut request = [0; 7];
            assert_eq!(stream.read_early_data(&mut request).await.unwrap(), 7);
            assert!(stream.session().is_handshaking());
            stream.write_all(b"answer").await.unwrap();
            stream.flush().await.unwrap();
            assert!(stream.session().is_handshaking());
            stream.complete_handshake().await.unwrap();
            assert_eq!(stream.read_early_data(&mut request).await.unwrap(), 0);
        },
    );
}

/// Ordinary data waits for the end of the handshake, if the server cannot send before.
#[test]
fn write_after_early_data_completes_the_handshake() {
    let (connector, server) = configs(1000);
    let acceptor = acceptor(&server);
    let (client, server) = Wires::new(1 << 16).ends();
    run_both(
        async {
            let (mut stream, _) = connector.connect_with_early_data(name(), client, b"request").await.unwrap();
            stream.read_exact(&mut vec![0; 200_000]).await.unwrap();
        },
        async {
            let mut stream = acceptor.accept(server).await.unwrap();
            assert!(stream.session().is_handshaking());
            stream.write_all(&[1; 200_000]).await.unwrap();
            stream.flush().await.unwrap();
            assert!(!stream.session().is_handshaking());
        },
    );
}

#[test]
fn unread_early_data_is_an_error_of_reads() {
    let (connector, server) = configs(200_000);
    let acceptor = acceptor(&server);
    let (client, server) = Wires::new(1 << 20).ends();
    run_both(
        async {
            let data = vec![1; 150_000];
            let (mut stream, accepted) = connector.connect_with_early_data(name(), client, &data).await.unwrap();
            assert_eq!(accepted, data.len());
            stream.read_exact(&mut [0; 6]).await.unwrap();
        },
        async {
            let mut stream = acceptor.accept(server).await.unwrap();
            let error = stream.read(&mut [0]).await.unwrap_err();
            assert!(error.to_string().contains("read_early_data"), "{error}");
            assert_eq!(read_early(&mut stream).await.len(), 150_000);
            stream.write_all(b"answer").await.unwrap();
        },
    );
}
