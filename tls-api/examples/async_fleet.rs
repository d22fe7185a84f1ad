//! A server under tokio that stores sessions in a Redis. No thread waits for the Redis: the task of
//! a connection does, while the others continue. Run two servers, and clients of one resume at the
//! other:
//!
//! ```text
//! redis-server --port 6379 --save ""
//! cargo run --release -p strata-tls --features redis-tokio --example async_fleet -- \
//!   --certs chain.pem --key key.pem --redis redis://127.0.0.1:6379 --port 8443
//! cargo run --release -p strata-tls --features redis-tokio --example async_fleet -- \
//!   --certs chain.pem --key key.pem --redis redis://127.0.0.1:6379 --port 8444
//! tlsclient --cafile ca.pem --cache sessions --http / --port 8443 localhost   # handshake: Full
//! tlsclient --cafile ca.pem --cache sessions --http / --port 8444 localhost   # handshake: Resumed
//! ```

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use strata_tls::redis::{Redis, RedisSessions};
use strata_tls::tokio::{TlsAcceptor, TlsStream};
use strata_tls::{Identity, ServerConfig, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that stores sessions in a Redis, under tokio
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
    #[arg(long, value_name = "SECONDS", default_value = "2")]
    redis_timeout: f64,

    /// Accept early data (0-RTT) up to this many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    max_early_data: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let key = zeroize::Zeroizing::new(std::fs::read(&arguments.key)?);
    let mut config = ServerConfig::new(Identity::from_bytes(&std::fs::read(&arguments.certs)?, &key)?);
    config.set_max_early_data_size(arguments.max_early_data);
    let mut redis = Redis::new(arguments.redis.as_str())?;
    redis.set_timeout(Duration::try_from_secs_f64(arguments.redis_timeout)?);

    let mut acceptor = TlsAcceptor::new(Arc::new(config));
    acceptor.set_session_storage(RedisSessions::new(Arc::new(redis)));
    acceptor.set_handshake_timeout(Duration::from_secs(10));
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (tcp, from) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(e) = serve(&acceptor, tcp).await {
                eprintln!("async_fleet: {from}: {e}");
            }
        });
    }
}

/// Sends the same response to every request.
async fn serve(acceptor: &TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    let request = read_request(&mut stream).await?;
    let kind = stream.session().handshake_kind().map(|kind| format!("{kind:?}")).unwrap_or_default();
    let page = format!("handshake: {kind}\nrequest: {request}\n");
    let response = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// Reads what came first. Says whether it was early data, which an attacker can replay.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> io::Result<&'static str> {
    let mut chunk = [0; 4096];
    if stream.read_early_data(&mut chunk).await? > 0 {
        return Ok("early");
    }
    match stream.read(&mut chunk).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok("ordinary"),
    }
}
