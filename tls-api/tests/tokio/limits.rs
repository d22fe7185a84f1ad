//! The timeout of handshakes, and the limit on those in progress.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use strata_tls::tokio::{AnswersNeeds, HandshakeError, LazyAcceptor, TlsAcceptor, TlsConnector};
use strata_tls::{Answer, ClientConfig, Need, Needs, NoClientSessionStorage, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::handshakes::name;
use crate::pki::configs;
use crate::transport::{Wires, run};

const LIMIT: Duration = Duration::from_secs(10);

fn check_timeout<T>(result: Result<T, HandshakeError<DuplexStream>>) -> DuplexStream {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.error().kind(), io::ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "the peer did not complete the handshake within 10s");
    error.into_io().0
}

/// The clock is virtual: it advances when no task can go on.
#[tokio::test(start_paused = true)]
async fn silent_peer_ends_the_handshake_by_timeout() {
    let (client, server) = configs();
    let mut connector = TlsConnector::from(client);
    connector.set_handshake_timeout(LIMIT);
    let (end, _silent) = duplex(1 << 16);
    check_timeout(connector.connect(name(), end).await);

    let mut acceptor = TlsAcceptor::from(server);
    acceptor.set_handshake_timeout(LIMIT);
    for max_handshakes in [None, Some(1)] {
        max_handshakes.into_iter().for_each(|max| acceptor.set_max_handshakes(max));
        let (end, mut slow) = duplex(1 << 16);
        slow.write_all(&[22, 3, 1]).await.unwrap();
        // The transport still works.
        let mut end = check_timeout(acceptor.accept(end).await);
        end.write_all(b"bye").await.unwrap();
        slow.read_exact(&mut [0; 3]).await.unwrap();
    }

    let (end, mut slow) = duplex(1 << 16);
    slow.write_all(&[22, 3, 1]).await.unwrap();
    let mut lazy = LazyAcceptor::new(end);
    lazy.set_handshake_timeout(LIMIT);
    let error = lazy.client_hello().await.unwrap_err();
    assert_eq!((error.error().kind(), error.into_io().1), (io::ErrorKind::TimedOut, vec![22, 3, 1]));
}

/// One deadline covers the ClientHello, the choice of the configuration, and the rest.
#[tokio::test(start_paused = true)]
async fn lazy_acceptor_has_one_deadline() {
    let (client, server) = configs();
    let connector = TlsConnector::from(client);
    for pause in [LIMIT / 2, LIMIT * 2] {
        let (at_client, at_server) = duplex(1 << 16);
        let mut lazy = LazyAcceptor::new(at_server);
        lazy.set_handshake_timeout(LIMIT);
        let accept = async {
            let start = lazy.client_hello().await.unwrap();
            tokio::time::sleep(pause).await;
            start.into_stream(&server).await
        };
        let (_client, accepted) = tokio::join!(connector.connect(name(), at_client), accept);
        assert_eq!(accepted.is_ok(), pause < LIMIT);
        if let Err(e) = accepted {
            check_timeout::<()>(Err(e));
        }
    }
}

/// Answers late, and counts how many handshakes wait for it at once.
struct Counting {
    config: Arc<ServerConfig>,
    current: AtomicUsize,
    most: AtomicUsize,
}

impl AnswersNeeds for Counting {
    async fn answer(&self, need: Need) -> Answer {
        let current = 1 + self.current.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(current, Ordering::Relaxed);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.current.fetch_sub(1, Ordering::Relaxed);
        self.config.answer(need)
    }
}

/// Clients that have sent half a ClientHello do not delay others.
#[test]
fn concurrent_handshakes_are_limited() {
    let (client, server) = configs();
    let mut client = ClientConfig::clone(&client);
    // Only full handshakes need a signature.
    client.set_session_storage(Arc::new(NoClientSessionStorage));
    let connector = TlsConnector::from(Arc::new(client));
    let mut server = ServerConfig::clone(&server);
    server.set_deferred_needs(Needs::SIGNATURE);
    let server = Arc::new(server);
    for (max, most) in [(Some(1), 1), (Some(3), 3), (None, 10)] {
        let (current, config) = (AtomicUsize::new(0), Arc::clone(&server));
        let counting = Arc::new(Counting { config, current, most: AtomicUsize::new(0) });
        let mut acceptor = TlsAcceptor::new(Arc::clone(&server));
        acceptor.set_answers(Arc::clone(&counting));
        max.into_iter().for_each(|max| acceptor.set_max_handshakes(max));
        let served = Cell::new(0);
        let (connector, acceptor, served) = (&connector, &acceptor.clone(), &served);
        let mut jobs: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for _ in 0..20 {
            let (mut client, end) = Wires::new(1 << 16).ends();
            jobs.push(Box::pin(async move {
                client.write_all(&[22, 3, 1]).await.unwrap();
                while served.get() < 10 {
                    tokio::task::yield_now().await;
                }
            }));
            jobs.push(Box::pin(async move { drop(acceptor.accept(end).await.unwrap_err()) }));
        }
        for _ in 0..10 {
            let (client, end) = Wires::new(1 << 16).ends();
            jobs.push(Box::pin(async move {
                let mut stream = connector.connect(name(), client).await.unwrap();
                stream.read_exact(&mut [0; 6]).await.unwrap();
            }));
            jobs.push(Box::pin(async move {
                let mut stream = acceptor.accept(end).await.unwrap();
                served.set(served.get() + 1);
                stream.write_all(b"answer").await.unwrap();
            }));
        }
        run(jobs);
        assert_eq!(counting.most.load(Ordering::Relaxed), most);
    }
}

/// Never answers. Counts the answers that have begun, minus those that were dropped.
#[derive(Default)]
struct Endless(AtomicUsize);

impl AnswersNeeds for Endless {
    async fn answer(&self, _: Need) -> Answer {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        let _leave = Leave(&self.0);
        std::future::pending().await
    }
}

/// The future of a handshake ends with its answer, its turn and its transport.
#[test]
fn dropped_handshake_leaves_nothing_behind() {
    let (client, server) = configs();
    let (mut slow_client, mut slow_server) = (ClientConfig::clone(&client), ServerConfig::clone(&server));
    slow_client.set_deferred_needs(Needs::VERIFICATION);
    slow_server.set_deferred_needs(Needs::SIGNATURE);
    for is_lazy in [false, true] {
        let mut acceptor = TlsAcceptor::new(Arc::new(slow_server.clone()));
        acceptor.set_max_handshakes(1);
        let wires = Wires::new(1 << 16);
        let (at_client, at_server) = wires.ends();
        let waits = Arc::new(Endless::default());
        let mut slow = acceptor.clone();
        slow.set_answers(Arc::clone(&waits));
        let mut accept = Box::pin(async move {
            if is_lazy {
                slow.accept_after_hello(LazyAcceptor::new(at_server).client_hello().await.unwrap()).await
            } else {
                slow.accept(at_server).await
            }
        });
        let connector = TlsConnector::from(Arc::clone(&client));
        let mut connect = Box::pin(connector.connect(name(), at_client));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(connect.as_mut().poll(&mut cx).is_pending() && accept.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(waits.0.load(Ordering::Relaxed), 1);
        drop(accept);
        assert_eq!(waits.0.load(Ordering::Relaxed), 0);
        let Poll::Ready(Err(e)) = connect.as_mut().poll(&mut cx) else { panic!("the transport is closed") };
        assert_eq!(e.error().kind(), io::ErrorKind::UnexpectedEof);

        // Its turn is free for another, whose client is dropped.
        let answers = Arc::new(Endless::default());
        let mut connector = TlsConnector::new(Arc::new(slow_client.clone()));
        connector.set_answers(Arc::clone(&answers));
        let wires = Wires::new(1 << 16);
        let (at_client, at_server) = wires.ends();
        let mut connect = Box::pin(connector.connect(name(), at_client));
        let mut acceptor = acceptor.clone();
        acceptor.set_answers(Configured(Arc::clone(&server)));
        let mut accept = Box::pin(acceptor.accept(at_server));
        for _ in 0..3 {
            assert!(connect.as_mut().poll(&mut cx).is_pending() && accept.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(answers.0.load(Ordering::Relaxed), 1);
        drop(connect);
        assert_eq!(answers.0.load(Ordering::Relaxed), 0);
        let Poll::Ready(Err(e)) = accept.as_mut().poll(&mut cx) else { panic!("the transport is closed") };
        assert_eq!(e.error().kind(), io::ErrorKind::UnexpectedEof);
    }
}

/// Answers as its configuration does.
struct Configured(Arc<ServerConfig>);

impl AnswersNeeds for Configured {
    async fn answer(&self, need: Need) -> Answer {
        self.0.answer(need)
    }
}
