//! A server that stores sessions in a Redis and never blocks on it. One thread serves all
//! connections. While one connection waits for its session, the others continue.
//!
//! ```text
//!               ┌ event loop (this thread) ┐   Need             ┌ worker ┐
//! clients ─TLS─▶│ take_need                │ ──────────────────▶│ Redis  │
//!               │ answer                   │ ◀──────────────────│        │
//!               └──────────────────────────┘   Answer + wake-up └────────┘
//! ```
//!
//! A [`Need`](strata_tls::Need) owns all its data, so the event loop sends it to the worker, and
//! the worker sends back its `Answer`. Remote signers and verifiers work the same way. Run two
//! servers, and clients of one resume at the other:
//!
//! ```text
//! redis-server --port 6379 --save ""
//! cargo run --release -p strata-tls --example fleet -- \
//!   --certs chain.pem --key key.pem --redis redis://127.0.0.1:6379 --port 8443
//! cargo run --release -p strata-tls --example fleet -- \
//!   --certs chain.pem --key key.pem --redis redis://127.0.0.1:6379 --port 8444
//! tlsclient --cafile ca.pem --cache sessions --http / --port 8443 localhost   # handshake: Full
//! tlsclient --cafile ca.pem --cache sessions --http / --port 8444 localhost   # handshake: Resumed
//! ```

mod connection;
#[path = "../options/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the options about the protocol are those of the other programs")]
mod options;
mod worker;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use clap::Parser;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use strata_tls::redis::{Redis, RedisSessions};
use strata_tls::{Identity, Needs, ServerConfig};

use crate::connection::Connection;
use crate::options::{Context, Failure, run_program};
use crate::worker::{Reply, Worker};

/// A server that looks up sessions in a Redis without blocking
#[derive(Debug, Parser)]
struct Arguments {
    /// The port to listen on. 0 takes a free port; the program prints it
    #[arg(long, value_name = "N", default_value_t = 8443)]
    port: u16,

    /// The server's end-entity certificate, then the intermediates
    #[arg(long, value_name = "PEM")]
    certs: PathBuf,

    /// The certificate's private key
    #[arg(long, value_name = "PEM")]
    key: PathBuf,

    /// The Redis that stores sessions
    #[arg(long, value_name = "redis://HOST:PORT")]
    redis: String,

    /// Wait this long for the Redis, then continue with a full handshake
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    redis_timeout: Duration,
}

fn seconds(word: &str) -> Result<Duration, String> {
    let time = word.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| "expected a number of seconds above 0, like 2 or 0.5".into())
}

const LISTENER: Token = Token(0);
const WORKER: Token = Token(1);
/// The token of the first connection. Tokens are not reused, so a reply cannot reach a later
/// connection.
const FIRST: usize = 2;

/// How often the server closes expired connections.
const TICK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    run_program("fleet", run)
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let read = |path: &PathBuf| std::fs::read(path).context(format!("cannot read {}", path.display()));
    let key = zeroize::Zeroizing::new(read(&arguments.key)?);
    let identity = Identity::from_bytes(&read(&arguments.certs)?, &key).context("--certs and --key")?;
    let mut redis = Redis::new(arguments.redis.as_str()).context("--redis")?;
    redis.set_timeout(arguments.redis_timeout);
    let store = Arc::new(RedisSessions::new(Arc::new(redis)));
    let mut config = ServerConfig::new(identity);
    config.set_session_storage(store.clone());
    config.set_deferred_needs(Needs::SESSION | Needs::NEW_SESSION);
    let config = Arc::new(config);
    let address = ([127, 0, 0, 1], arguments.port).into();
    let mut listener = TcpListener::bind(address).context(format!("cannot listen on {address}"))?;
    let poll = Poll::new().context("the event queue")?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).context("the event queue")?;
    let waker = Waker::new(poll.registry(), WORKER).context("the event queue")?;
    let (worker, replies) = Worker::start(config.clone(), store, arguments.redis_timeout, waker);
    println!("listening on {}", listener.local_addr().context("the address")?);
    Server { poll, listener, config, worker, replies, connections: HashMap::new(), next: FIRST }.serve()
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    worker: Worker,
    replies: Receiver<Reply>,
    connections: HashMap<usize, Connection>,
    next: usize,
}

impl Server {
    fn serve(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(256);
        let mut swept = Instant::now();
        loop {
            match self.poll.poll(&mut events, Some(TICK)) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER | WORKER => {}
                    Token(token) => self.with(token, Connection::drive),
                }
            }
            while let Ok((token, answer)) = self.replies.try_recv() {
                // Ignored if the connection has closed.
                self.with(token, |connection, worker| connection.answer(answer, worker));
            }
            // In every turn, because no event reports that file descriptors are available again.
            while let Ok((socket, _)) = self.listener.accept() {
                self.begin(socket);
            }
            if swept.elapsed() >= TICK {
                self.connections.retain(|_, connection| !connection.is_expired());
                swept = Instant::now();
            }
        }
    }

    fn begin(&mut self, mut socket: TcpStream) {
        let token = self.next;
        self.next += 1;
        match self.poll.registry().register(&mut socket, Token(token), Interest::READABLE | Interest::WRITABLE) {
            // The first event arrives at once, because the socket is writable.
            Ok(()) => drop(self.connections.insert(token, Connection::new(socket, token, &self.config))),
            Err(e) => eprintln!("fleet: connection {token}: {e}"),
        }
    }

    /// Calls `work` on a connection, and drops the connection if it has ended.
    fn with(&mut self, token: usize, work: impl FnOnce(&mut Connection, &Worker) -> io::Result<bool>) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let more = work(connection, &self.worker).unwrap_or_else(|e| {
            eprintln!("fleet: connection {token}: {e}");
            false
        });
        if !more {
            self.connections.remove(&token);
        }
    }
}
