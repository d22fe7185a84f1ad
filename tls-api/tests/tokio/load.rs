//! Many connections at once, and what they leave behind. `TLS_LOAD=40` opens 40 times as many:
//! 10,000 idle ones.
//!
//! All run on one thread, so that [`measure`] counts both sides. No clock of the machine is
//! involved.

use std::io;
use std::task::{Context, Waker};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use strata_tls::tokio::{TlsAcceptor, TlsConnector, TlsStream};
use strata_tls::{ProtocolVersion, Session};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};

use crate::handshakes::name;
use crate::pki::{VERSIONS, configs_of};

/// The bytes that the transport holds in one direction.
const CAPACITY: usize = 4096;

fn scaled(n: usize) -> usize {
    let factor = std::env::var("TLS_LOAD").ok().and_then(|factor| factor.parse().ok());
    n * factor.unwrap_or(1)
}

fn sides(version: ProtocolVersion) -> (TlsConnector, TlsAcceptor) {
    let (client, server) = configs_of(version);
    (client.into(), server.into())
}

/// A runtime of one thread whose clock is advanced by the test.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Runs `work` with few connections, so that threads and configurations have what they keep, and
/// then with `n`. Checks that it leaves nothing, and returns what it allocated.
fn measure_load(n: usize, work: impl Fn(usize)) -> AllocationInfo {
    work(20);
    let info = measure(|| work(n));
    assert!(info.bytes_current.unsigned_abs() < 16 * 1024, "{} bytes are left", info.bytes_current);
    info
}

type Streams = (TlsStream<DuplexStream>, TlsStream<DuplexStream>);

async fn connect(connector: &TlsConnector, acceptor: &TlsAcceptor) -> Streams {
    let (client, server) = duplex(CAPACITY);
    let (client, server) = tokio::join!(connector.connect(name(), client), acceptor.accept(server));
    (client.unwrap(), server.unwrap())
}

async fn exchange((client, server): &mut Streams) {
    client.write_all(b"question").await.unwrap();
    server.read_exact(&mut [0; 8]).await.unwrap();
    server.write_all(b"answer").await.unwrap();
    client.read_exact(&mut [0; 6]).await.unwrap();
}

fn is_waiting(stream: &mut TlsStream<DuplexStream>) -> bool {
    let mut room = [0];
    let mut read = std::pin::pin!(stream.read(&mut room));
    read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[test]
fn idle_connections_leave_no_memory_behind() {
    for version in VERSIONS {
        let (connector, acceptor) = sides(version);
        let n = scaled(250);
        let info = measure_load(n, |n| {
            runtime().block_on(async {
                let mut idle = Vec::with_capacity(n);
                for _ in 0..n {
                    let mut streams = connect(&connector, &acceptor).await;
                    exchange(&mut streams).await;
                    assert!(is_waiting(&mut streams.0) && is_waiting(&mut streams.1));
                    idle.push(streams);
                }
                for streams in &mut idle {
                    exchange(streams).await;
                }
            });
        });
        // Both sides, and two directions of the transport.
        let each = info.bytes_max / u64::try_from(n).unwrap();
        assert!(each < 20_000, "{each} bytes for each connection");
    }
}

#[test]
fn connections_that_begin_at_once_are_served() {
    let n = scaled(250);
    let (connector, mut acceptor) = sides(ProtocolVersion::TLS13);
    acceptor.set_max_handshakes(16);
    measure_load(n, |n| {
        runtime().block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..n {
                let (client, server) = duplex(CAPACITY);
                let (connector, acceptor) = (connector.clone(), acceptor.clone());
                tasks.spawn(async move {
                    let mut stream = connector.connect(name(), client).await?;
                    stream.write_all(b"question").await?;
                    stream.shutdown().await?;
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).await?;
                    Ok::<_, io::Error>(answer)
                });
                tasks.spawn(async move {
                    let mut stream = acceptor.accept(server).await?;
                    let mut question = String::new();
                    stream.read_to_string(&mut question).await?;
                    stream.write_all(question.as_bytes()).await?;
                    stream.shutdown().await?;
                    Ok(question)
                });
            }
            let mut served = 0;
            while let Some(text) = tasks.join_next().await {
                assert_eq!(text.unwrap().unwrap(), "question");
                served += 1;
            }
            assert_eq!(served, 2 * n);
        });
    });
}

/// A slow loris: clients that send half a ClientHello and stay. Others are served meanwhile.
#[test]
fn half_hellos_are_held_off() {
    let n = scaled(2000);
    let (connector, mut acceptor) = sides(ProtocolVersion::TLS13);
    acceptor.set_max_handshakes(1);
    acceptor.set_handshake_timeout(Duration::from_secs(10));
    let mut hello = Vec::new();
    let mut session = strata_tls::ClientSession::new(&configs_of(ProtocolVersion::TLS13).0, "server.test").unwrap();
    session.write_tls(&mut hello).unwrap();
    let half = &hello[..hello.len() / 2];
    let info = measure_load(n, |n| {
        runtime().block_on(async {
            let (mut tasks, mut clients) = (JoinSet::new(), Vec::new());
            for _ in 0..n {
                let (mut client, server) = duplex(CAPACITY);
                let acceptor = acceptor.clone();
                tasks.spawn(async move { acceptor.accept(server).await.map(drop).unwrap_err().error().kind() });
                client.write_all(half).await.unwrap();
                clients.push(client);
                yield_now().await;
            }
            for _ in 0..10 {
                exchange(&mut connect(&connector, &acceptor).await).await;
            }
            assert!(tasks.try_join_next().is_none(), "the time has not passed yet");
            tokio::time::advance(Duration::from_secs(11)).await;
            while let Some(kind) = tasks.join_next().await {
                assert_eq!(kind.unwrap(), io::ErrorKind::TimedOut);
            }
        });
    });
    let each = info.bytes_max / u64::try_from(n).unwrap();
    assert!(each < 12_000, "{each} bytes for each half of a hello");
}

/// The peer sends requests and key updates, and reads nothing.
#[test]
fn peers_that_never_read_cost_bounded_memory() {
    for version in VERSIONS {
        let n = scaled(50);
        let (connector, acceptor) = sides(version);
        let info = measure_load(n, |n| {
            runtime().block_on(async {
                let mut all = Vec::new();
                for _ in 0..n {
                    let mut streams = connect(&connector, &acceptor).await;
                    exchange(&mut streams).await;
                    let (client, server) = &mut streams;
                    fill(server);
                    // The server still reads, and cannot send its answers.
                    for _ in 0..20 {
                        if version == ProtocolVersion::TLS13 {
                            client.session_mut().refresh_traffic_keys().unwrap();
                        }
                        client.write_all(b"question").await.unwrap();
                        server.read_exact(&mut [0; 8]).await.unwrap();
                        fill(server);
                    }
                    all.push(streams);
                }
            });
        });
        let each = info.bytes_max / u64::try_from(n).unwrap();
        assert!(each < 200_000, "{each} bytes for each peer");
    }
}

/// Writes until the stream accepts no more.
fn fill(stream: &mut TlsStream<DuplexStream>) {
    let context = &mut Context::from_waker(Waker::noop());
    while std::pin::Pin::new(&mut *stream).poll_write(context, &[7; 10_000]).is_ready() {}
}
