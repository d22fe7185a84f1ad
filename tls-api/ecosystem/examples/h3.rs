//! An HTTP/3 server: h3 on quinn, with the cryptography of this library. Browsers can load its
//! page.
//!
//! Prints the address of the page, and how Chromium loads it although no browser trusts the
//! certificate. Serves until its stdin is closed.

use std::error::Error;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use h3::server::RequestResolver;
use http::{Request, Response, StatusCode};
use quinn::{ConnectionError, Endpoint, Incoming, TokioRuntime};
use rcgen::{KeyPair, PublicKeyData};
use sha2::{Digest, Sha256};
use strata_tls::{ConnectionInfo, ServerConfig, ServerSessionMemoryCache};
use tls_ecosystem::{Ca, NAMES};
use tokio::io::AsyncReadExt;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    // A program loads its certificates from files: `ServerConfig::from_files`.
    let (cert, key) = Ca::new().issue(&NAMES);
    let server = endpoint(server_config(&cert, &key)?)?;
    let port = server.local_addr()?.port();
    let key = BASE64_STANDARD.encode(Sha256::digest(KeyPair::from_pem(&key)?.subject_public_key_info()));
    println!("https://localhost:{port}/");
    println!(
        "chromium --user-data-dir=h3-profile --origin-to-force-quic-on=localhost:{port} \
         --ignore-certificate-errors-spki-list={key} --host-resolver-rules='MAP localhost 127.0.0.1' https://localhost:{port}/"
    );

    tokio::spawn(serve(server.clone()));
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    server.close(0_u32.into(), b"the server ends");
    server.wait_idle().await;
    Ok(())
}

fn server_config(cert: &str, key: &str) -> Result<quinn::ServerConfig> {
    let mut config = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes())?;
    config.set_alpn_protocols(["h3"])?;
    // Browsers resume sessions and send their requests as early data. Only GET is served here, so
    // a delayed request does no harm.
    config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(1000)));
    config.set_max_early_data_size(u32::MAX);
    Ok(strata_tls::quinn::server_config(Arc::new(config))?)
}

pub fn endpoint(config: quinn::ServerConfig) -> Result<Endpoint> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    Ok(Endpoint::new(strata_tls::quinn::endpoint_config()?, Some(config), socket, Arc::new(TokioRuntime))?)
}

async fn serve(server: Endpoint) {
    while let Some(incoming) = server.accept().await {
        tokio::spawn(async move {
            if let Err(e) = serve_connection(incoming).await {
                eprintln!("connection: {e}");
            }
        });
    }
}

pub async fn serve_connection(incoming: Incoming) -> Result<()> {
    let connection = incoming.await?;
    let info = connection.handshake_data().and_then(|data| data.downcast::<ConnectionInfo>().ok());
    let info = Arc::new(*info.ok_or("no handshake data")?);
    let mut requests = h3::server::Connection::new(h3_quinn::Connection::new(connection.clone())).await?;
    loop {
        let request = match requests.accept().await {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            // Chromium closes with NO_ERROR of QUIC instead of HTTP/3.
            Err(e) if e.is_h3_no_error() || is_closed_without_error(&connection) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let info = Arc::clone(&info);
        tokio::spawn(async move {
            if let Err(e) = respond(request, &info).await {
                eprintln!("request: {e}");
            }
        });
    }
}

fn is_closed_without_error(connection: &quinn::Connection) -> bool {
    matches!(connection.close_reason(), Some(ConnectionError::ConnectionClosed(close)) if u64::from(close.error_code) == 0)
}

async fn respond(request: RequestResolver<h3_quinn::Connection, Bytes>, info: &ConnectionInfo) -> Result<()> {
    let (request, mut stream) = request.resolve_request().await?;
    let response = Response::builder().header("content-type", "text/html; charset=utf-8");
    let (response, body) = match request.uri().path() {
        "/" => (response.body(())?, page(&request, info)),
        _ => (response.status(StatusCode::NOT_FOUND).body(())?, "not found".to_owned()),
    };
    // Of a request that is not read to its end, QUIC would tell the client to stop.
    while stream.recv_data().await?.is_some() {}
    stream.send_response(response).await?;
    stream.send_data(Bytes::from(body)).await?;
    stream.finish().await?;
    Ok(())
}

/// Shows what the server and the browser see of the connection.
fn page(request: &Request<()>, info: &ConnectionInfo) -> String {
    format!(
        "<!doctype html><title>Strata</title><p>The server sees {:?}, {} with {}, {:?}, for {}.\
         <p>The browser sees <span id=\"seen\">nothing</span>.\
         <script>seen.textContent = performance.getEntriesByType('navigation')[0].nextHopProtocol</script>\n",
        request.version(),
        info.protocol_version(),
        info.cipher_suite(),
        info.handshake_kind(),
        info.server_name().unwrap_or("no name"),
    )
}
