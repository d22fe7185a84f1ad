//! A server whose sessions lie in a Redis, and that never waits for it: one thread serves all connections, and while one of them
//! waits for its session the others go on.
//!
//! ```text
//!                      ┌ event loop (this thread) ┐   Job::Find(NeedSession)    ┌ worker ┐
//! clients ── TLS ────▶ │ ServerConnection …       │ ──────────────────────────▶ │ Redis  │
//!                      │   resume(answer)         │ ◀────────────────────────── │        │
//!                      └──────────────────────────┘   Found, and a wake-up      └────────┘
//! ```
//!
//! It is what the engine's questions are for: [`Need::Session`] owns all that it needs, goes to the worker as it is, and its answer comes
//! back. The same way leads to a remote signer, or to a verifier elsewhere. Run two of them, and clients of one resume at the other:
//!
//! ```text
//! cargo run --release -p tls-api --example fleet -- --certs chain.pem --key key.pem --redis redis://127.0.0.1:6379 --port 8443
//! curl --cacert ca.pem https://localhost:8443/ https://localhost:8444/
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

use clap::Parser;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use tls_api::handshake::{Answer, ServerConfig, SessionLookup};
use tls_api::{Identity, identity_from_pem};

use crate::connection::Connection;
use crate::options::{Context, Failure, run_program};
use crate::worker::{Wanted, Worker};

/// A server that looks up sessions in a Redis without waiting for it
#[derive(Debug, Parser)]
struct Arguments {
    /// The port to listen on; 0 takes a free one, which is printed
    #[arg(long, value_name = "N", default_value_t = 8443)]
    port: u16,

    /// The server's certificate and the intermediate ones after it
    #[arg(long, value_name = "PEM")]
    certs: PathBuf,

    /// The certificate's private key
    #[arg(long, value_name = "PEM")]
    key: PathBuf,

    /// Where sessions are kept
    #[arg(long, value_name = "redis://HOST:PORT")]
    redis: String,
}

const LISTENER: Token = Token(0);
const WORKER: Token = Token(1);
/// The first connection's. None is used twice, so that no answer reaches a connection that came later.
const FIRST: usize = 2;

/// What every connection shares.
struct Shared {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
    worker: Worker,
}

fn main() -> ExitCode {
    run_program("fleet", run)
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let read = |path: &PathBuf| std::fs::read(path).context(format!("cannot read {}", path.display()));
    let identity = identity_from_pem(&read(&arguments.certs)?, &read(&arguments.key)?).context("--certs and --key")?;
    let mut config = ServerConfig::new();
    config.set_session_lookup(SessionLookup::Ids);
    let address = ([127, 0, 0, 1], arguments.port).into();
    let mut listener = TcpListener::bind(address).context(format!("cannot listen on {address}"))?;
    let mut poll = Poll::new().context("the event queue")?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).context("the event queue")?;
    let waker = Waker::new(poll.registry(), WORKER).context("the event queue")?;
    let (worker, found) = Worker::start(&arguments.redis, waker).context("--redis")?;
    println!("listening on {}", listener.local_addr().context("the address")?);
    let shared = Shared { config: Arc::new(config), identity: Arc::new(identity), worker };
    serve(&mut poll, &listener, &shared, &found)
}

fn serve(
    poll: &mut Poll,
    listener: &TcpListener,
    shared: &Shared,
    found: &Receiver<(Wanted, Answer)>,
) -> Result<(), Failure> {
    let mut connections: HashMap<usize, Connection> = HashMap::new();
    let mut next = FIRST;
    let mut events = Events::with_capacity(256);
    loop {
        match poll.poll(&mut events, None) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
            _ => {}
        }
        for event in &events {
            match event.token() {
                LISTENER => {
                    while let Ok((mut socket, _)) = listener.accept() {
                        let interest = Interest::READABLE | Interest::WRITABLE;
                        poll.registry().register(&mut socket, Token(next), interest).context("the event queue")?;
                        connections.insert(next, Connection::new(socket, Wanted(next), shared));
                        next += 1;
                    }
                }
                // The connection may be gone, or the answer come too late: then nobody is there to take it.
                WORKER => found.try_iter().for_each(|(Wanted(token), answer)| {
                    drive(&mut connections, token, |connection| connection.answer(answer, shared));
                }),
                Token(token) => drive(&mut connections, token, |connection| connection.ready(shared)),
            }
        }
    }
}

/// Does something with a connection, and drops it once it is over.
fn drive(
    connections: &mut HashMap<usize, Connection>,
    token: usize,
    work: impl FnOnce(&mut Connection) -> io::Result<bool>,
) {
    let Some(connection) = connections.get_mut(&token) else { return };
    match work(connection) {
        Ok(true) => {}
        Ok(false) => drop(connections.remove(&token)),
        Err(e) => {
            eprintln!("{token}: {e}");
            connections.remove(&token);
        }
    }
}
