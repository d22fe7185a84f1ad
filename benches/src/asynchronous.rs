//! Both libraries under tokio, over sockets of one machine or over memory.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use strata_tls::tokio as strata;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

use crate::{Library, Ours, Provider, Rustls};

/// A library with an adapter for tokio.
pub trait AsyncLibrary: Library {
    /// A connection of either role.
    type Stream<IO: Transport>: Transport;
    /// Connects a client. Panics if the handshake fails, as all of this module.
    fn connect<IO: Transport>(&self, io: IO) -> impl Future<Output = Self::Stream<IO>>;
    /// Accepts a client.
    fn accept<IO: Transport>(&self, io: IO) -> impl Future<Output = Self::Stream<IO>>;
}

/// What carries bytes.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for T {}

impl AsyncLibrary for Ours {
    type Stream<IO: Transport> = strata::TlsStream<IO>;

    async fn connect<IO: Transport>(&self, io: IO) -> Self::Stream<IO> {
        let (config, name) = self.client_config();
        strata::TlsConnector::from(config).connect(name, io).await.expect("a handshake")
    }

    async fn accept<IO: Transport>(&self, io: IO) -> Self::Stream<IO> {
        strata::TlsAcceptor::from(self.server_config()).accept(io).await.expect("a handshake")
    }
}

#[cfg(feature = "aws-lc-rs")]
impl AsyncLibrary for crate::OursAwsLc {
    type Stream<IO: Transport> = strata::TlsStream<IO>;

    async fn connect<IO: Transport>(&self, io: IO) -> Self::Stream<IO> {
        self.0.connect(io).await
    }

    async fn accept<IO: Transport>(&self, io: IO) -> Self::Stream<IO> {
        self.0.accept(io).await
    }
}

impl<P: Provider> AsyncLibrary for Rustls<P> {
    type Stream<IO: Transport> = tokio_rustls::TlsStream<IO>;

    async fn connect<IO: Transport>(&self, io: IO) -> Self::Stream<IO> {
        let (config, name) = self.client_config();
        tokio_rustls::TlsConnector::from(config).connect(name, io).await.expect("a handshake").into()
    }

    async fn accept<IO: Transport>(&self, io: IO) -> Self::Stream<IO> {
        tokio_rustls::TlsAcceptor::from(self.server_config()).accept(io).await.expect("a handshake").into()
    }
}

/// Returns a runtime of one thread.
///
/// # Panics
/// If the system provides none.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_io().build().expect("a runtime")
}

/// Connects both sides over a pair of sockets.
async fn connected<L: AsyncLibrary>(library: &L) -> (L::Stream<UnixStream>, L::Stream<UnixStream>) {
    let (client, server) = UnixStream::pair().expect("a pair of sockets");
    tokio::join!(library.connect(client), library.accept(server))
}

/// Returns the time of a connection with one request and one response, from opening to closing.
pub async fn connection_time<L: AsyncLibrary>(library: &L) -> Duration {
    let start = Instant::now();
    let (mut client, mut server) = connected(library).await;
    exchange(&mut client, &mut server).await;
    drop((client, server));
    start.elapsed()
}

/// An open connection, for requests.
#[derive(Debug)]
pub struct Requests<L: AsyncLibrary>(L::Stream<UnixStream>, L::Stream<UnixStream>);

impl<L: AsyncLibrary> Requests<L> {
    /// Connects.
    pub async fn new(library: &L) -> Self {
        let (client, server) = connected(library).await;
        Self(client, server)
    }

    /// Returns the time of one request and its response.
    pub async fn time(&mut self) -> Duration {
        let start = Instant::now();
        exchange(&mut self.0, &mut self.1).await;
        start.elapsed()
    }
}

/// 100 bytes there, and 1,000 back.
async fn exchange<S: Transport>(client: &mut S, server: &mut S) {
    let ask = async {
        client.write_all(&[1; 100]).await.and(client.flush().await).expect("an open connection");
        client.read_exact(&mut [0; 1000]).await.expect("a response");
    };
    let answer = async {
        server.read_exact(&mut [0; 100]).await.expect("a request");
        server.write_all(&[2; 1000]).await.and(server.flush().await).expect("an open connection");
    };
    tokio::join!(ask, answer);
}

/// How data flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The server sends too.
    pub both_ways: bool,
    /// Each side has a thread of its own.
    pub two_threads: bool,
}

/// The bytes of one write and one read.
const PIECE: usize = 64 * 1024;

/// Returns the time to send this many pieces of 64 KiB over a new connection, in each direction of
/// the flow.
///
/// # Panics
/// If the connection fails.
pub fn transfer_time<L: AsyncLibrary>(library: &L, flow: Flow, pieces: usize) -> Duration {
    if !flow.two_threads {
        return runtime().block_on(async {
            let (client, server) = connected(library).await;
            let start = Instant::now();
            tokio::join!(side(client, true, flow, pieces), side(server, false, flow, pieces));
            start.elapsed()
        });
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let (client, server) = connected(library).await;
        let start = Instant::now();
        let client = tokio::spawn(side(client, true, flow, pieces));
        let server = tokio::spawn(side(server, false, flow, pieces));
        client.await.and(server.await).expect("both sides");
        start.elapsed()
    })
}

/// Sends and receives as the flow says, and waits until the other side has received everything.
async fn side<S: Transport>(stream: S, is_client: bool, flow: Flow, pieces: usize) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (sends, receives) = (is_client || flow.both_ways, !is_client || flow.both_ways);
    let send = async {
        let data = vec![0x5a; PIECE];
        for _ in 0..if sends { pieces } else { 0 } {
            writer.write_all(&data).await.expect("an open connection");
        }
        writer.flush().await.expect("an open connection");
    };
    let receive = async {
        let (mut room, mut left) = (vec![0; PIECE], if receives { pieces * PIECE } else { 0 });
        while left > 0 {
            // Leaves the byte that marks the end.
            let n = reader.read(&mut room[..left.min(PIECE)]).await.expect("data");
            assert!(n > 0, "the connection has ended");
            left -= n;
        }
    };
    tokio::join!(send, receive);
    writer.write_all(&[1]).await.and(writer.flush().await).expect("an open connection");
    reader.read_exact(&mut [0]).await.expect("the end");
}

/// One end of a transport in memory that wakes no task: the caller polls both ends in turns. It
/// allocates before the connection exists.
#[derive(Debug)]
pub struct Memory {
    read: Arc<Mutex<VecDeque<u8>>>,
    written: Arc<Mutex<VecDeque<u8>>>,
}

impl Memory {
    /// Creates both ends.
    #[must_use]
    pub fn pair() -> (Self, Self) {
        let direction = || Arc::new(Mutex::new(VecDeque::with_capacity(1 << 20)));
        let (there, back) = (direction(), direction());
        (Self { read: Arc::clone(&back), written: Arc::clone(&there) }, Self { read: there, written: back })
    }
}

fn lock(bytes: &Mutex<VecDeque<u8>>) -> MutexGuard<'_, VecDeque<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut bytes = lock(&self.read);
        if bytes.is_empty() {
            return Poll::Pending;
        }
        let n = bytes.as_slices().0.len().min(buf.remaining());
        buf.put_slice(&bytes.as_slices().0[..n]);
        bytes.drain(..n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.written).extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
