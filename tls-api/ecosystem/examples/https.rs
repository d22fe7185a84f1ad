//! An axum server with HTTP/2 that authenticates its clients, and a client of hyper for it.
//!
//! Prints the page. With `serve`, continues to serve, and prints where.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::{Router, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use strata_tls::axum::{TlsConnectInfo, TlsListener};
use strata_tls::hyper::HttpsConnector;
use tls_ecosystem::Ca;
use tokio::net::TcpListener;

async fn hello(ConnectInfo(client): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
    let chain = client.tls.peer_certificates().unwrap_or_default();
    format!("{} presented {} certificate\n{:?}", client.remote_addr, chain.len(), client.tls)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A program loads its certificates from files: `ServerConfig::from_files`.
    let ca = Ca::new();
    let app = Router::new().route("/", get(hello));
    let app = app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>();
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let port = tcp.local_addr()?.port();
    let listener = TlsListener::new(tcp, Arc::new(ca.server_with_client_certificates()));
    let server = tokio::spawn(async { axum::serve(listener, app).await });

    let connector = HttpsConnector::new(ca.client_with_certificate("client"));
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let response = client.get(format!("https://localhost:{port}/").parse()?).await?;
    println!("{:?}", response.version());
    println!("{}", String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()));

    if std::env::args().any(|argument| argument == "serve") {
        println!("https://localhost:{port}/");
        server.await??;
    }
    Ok(())
}
