//! QUIC in one file, with quinn: a server, and a client that fetches a file twice. The second
//! request is early data (0-RTT).
//!
//! ```text
//! cargo run --release -p strata-tls --features quinn --example quic [FILE]
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::{Endpoint, Incoming, TokioRuntime};
use strata_tls::{ClientConfig, ConnectionInfo, ServerConfig, ServerSessionMemoryCache};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const NAME: &str = "quic.test";
const PROTOCOL: &str = "file-transfer";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("quic: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let file: Arc<[u8]> = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path)?.into(),
        None => Arc::from(&include_bytes!("quic.rs")[..]),
    };
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());

    let server = endpoint(Some(server_config(&cert, &key)?))?;
    let address = server.local_addr()?;
    println!("serving a file of {} bytes at {address}\n", file.len());
    let served = Arc::clone(&file);
    tokio::spawn(async move {
        while let Some(incoming) = server.accept().await {
            let file = Arc::clone(&served);
            tokio::spawn(async move {
                if let Err(e) = respond(incoming, &file).await {
                    eprintln!("server: {e}");
                }
            });
        }
    });

    let mut client = endpoint(None)?;
    client.set_default_client_config(client_config(&cert)?);
    for connection in ["the first connection", "the second connection, with early data"] {
        println!("{connection}:");
        let (received, report) = fetch(&client, address).await?;
        if received != *file {
            return Err("the file arrived changed; please report this bug".into());
        }
        println!("{report}\n");
    }
    client.wait_idle().await;
    Ok(())
}

/// Creates an endpoint on a free port. Clients need one too.
fn endpoint(server: Option<quinn::ServerConfig>) -> Result<Endpoint> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    Ok(Endpoint::new(strata_tls::quinn::endpoint_config()?, server, socket, Arc::new(TokioRuntime))?)
}

fn server_config(cert: &[u8], key: &[u8]) -> Result<quinn::ServerConfig> {
    let mut config = ServerConfig::from_pem(cert, key)?;
    config.set_alpn_protocols([PROTOCOL])?;
    // Early data needs a store, which detects a second use of a session. QUIC limits its length.
    config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(1000)));
    config.set_max_early_data_size(u32::MAX);
    Ok(strata_tls::quinn::server_config(Arc::new(config))?)
}

fn client_config(cert: &[u8]) -> Result<quinn::ClientConfig> {
    let mut config = ClientConfig::with_roots(strata_tls::root_store_from_pem(cert)?);
    config.set_alpn_protocols([PROTOCOL])?;
    config.enable_early_data(true);
    Ok(strata_tls::quinn::client_config(Arc::new(config))?)
}

/// Answers the requests of one connection.
async fn respond(incoming: Incoming, file: &[u8]) -> Result<()> {
    // Reads early data at once. An attacker can delay it, which harms no request for a file.
    let (connection, _) = incoming.accept()?.into_0rtt().map_err(|_| "the connection cannot start")?;
    // Ends when the client closes the connection.
    while let Ok((mut response, mut request)) = connection.accept_bi().await {
        if request.read_to_end(100).await? == b"GET" {
            response.write_all(file).await?;
        }
        response.finish()?;
    }
    Ok(())
}

/// Fetches the file over a new connection, with early data if the last connection left a session.
async fn fetch(client: &Endpoint, server: SocketAddr) -> Result<(Vec<u8>, String)> {
    let start = Instant::now();
    let (connection, early) = match client.connect(server, NAME)?.into_0rtt() {
        Ok((connection, accepted)) => (connection, Some(accepted)),
        Err(connecting) => (connecting.await?, None),
    };
    let sent = start.elapsed();
    let mut file = request(&connection).await;
    let mut outcome = "not sent";
    if let Some(accepted) = early {
        outcome = "accepted";
        if !accepted.await {
            // The server has read nothing of it.
            outcome = "rejected, sent again";
            file = request(&connection).await;
        }
    }
    let (file, done) = (file?, start.elapsed());

    let info = connection.handshake_data().and_then(|data| data.downcast::<ConnectionInfo>().ok());
    let info = info.ok_or("the handshake is not complete")?;
    connection.close(0_u32.into(), b"done");
    let report = format!(
        "  \
         version      {}\n  \
         cipher suite {}\n  \
         group        {}\n  \
         handshake    {:?}\n  \
         protocol     {}\n  \
         early data   {outcome}\n  \
         received     {} bytes\n  \
         time         {} until the request was sent, {} until the file was complete",
        info.protocol_version(),
        info.cipher_suite(),
        info.group().map_or_else(|| "none".to_owned(), |group| group.to_string()),
        info.handshake_kind(),
        info.alpn_protocol().map_or("none".into(), String::from_utf8_lossy),
        file.len(),
        micros(sent),
        micros(done),
    );
    Ok((file, report))
}

async fn request(connection: &quinn::Connection) -> Result<Vec<u8>> {
    let (mut request, mut response) = connection.open_bi().await?;
    request.write_all(b"GET").await?;
    request.finish()?;
    Ok(response.read_to_end(usize::MAX).await?)
}

fn micros(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}
