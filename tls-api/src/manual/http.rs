//! HTTP with hyper and axum, and other crates that accept a foreign TLS.
//!
//! # A server with axum
//!
//! Feature `axum`. A [`TlsListener`](crate::axum::TlsListener) stands between axum and a listener
//! of tokio:
//!
//! ```no_run
//! use std::{error::Error, net::SocketAddr, sync::Arc};
//! use axum::{Router, extract::ConnectInfo, routing::get};
//! use strata_tls::ServerConfig;
//! use strata_tls::axum::{TlsConnectInfo, TlsListener};
//! use tokio::net::TcpListener;
//!
//! async fn hello(ConnectInfo(client): ConnectInfo<TlsConnectInfo<SocketAddr>>) -> String {
//!     format!("{} asked for {:?}", client.remote_addr, client.tls.server_name())
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn Error>> {
//! let mut config = ServerConfig::from_files("chain.pem", "key.pem")?;
//! config.set_alpn_protocols(["h2", "http/1.1"])?; // h2 only with axum's feature `http2`
//!
//! let app = Router::new().route("/", get(hello));
//! let app = app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>();
//! let tcp = TcpListener::bind("[::]:8443").await?;
//! axum::serve(TlsListener::new(tcp, Arc::new(config)), app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! * With [client certificates](super::client_certificates), handlers find them in
//!   [`TlsConnectInfo::tls`](crate::axum::TlsConnectInfo::tls).
//! * Silent clients are bounded in
//!   [time](crate::axum::TlsListener::set_handshake_timeout) and
//!   [number](crate::axum::TlsListener::set_max_handshakes), and give way to others. To bound the
//!   work of handshakes too, pass a `TlsAcceptor` with
//!   [`set_max_handshakes`](crate::tokio::TlsAcceptor::set_max_handshakes).
//! * To set socket options, wrap the TCP listener:
//!   `TlsListener::new(tcp.tap_io(|tcp| drop(tcp.set_nodelay(true))), ..)`.
//! * A gRPC service of tonic is an axum router too: `Routes::new(service).into_axum_router()`.
//!
//! # A client with hyper
//!
//! Feature `hyper`. An [`HttpsConnector`](crate::hyper::HttpsConnector) connects the client of
//! hyper-util, with connection pool, HTTP/1 and HTTP/2:
//!
//! ```no_run
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use strata_tls::{ClientConfig, hyper::HttpsConnector};
//!
//! # async fn get() -> Result<(), Box<dyn std::error::Error>> {
//! # let roots = strata_tls::root_store_from_file("ca.pem")?;
//! let connector = HttpsConnector::new(ClientConfig::with_roots(roots));
//! let client: Client<_, String> = Client::builder(TokioExecutor::new()).build(connector);
//! let response = client.get("https://www.example.com/".parse()?).await?;
//! println!("{:?}", response.extensions().get::<strata_tls::ConnectionInfo>());
//! # Ok(())
//! # }
//! ```
//!
//! tonic takes the same connector:
//! `Endpoint::from_static("https://..").connect_with_connector(connector)`.
//!
//! # Other crates
//!
//! A [`TlsStream`](crate::tokio::TlsStream) is a stream of tokio, so it fits wherever a crate
//! accepts one. The folder `tls-api/ecosystem` of the repository tests all of these, and has the
//! example `https`: an axum server with client certificates, and a client for it.
//!
//! | crate | how |
//! |---|---|
//! | tonic | server: as an axum router, with [`TlsListener`](crate::axum::TlsListener); client: `connect_with_connector` |
//! | tokio-tungstenite | `accept_async(stream)`, `client_async(url, stream)`; call `shutdown` of the stream after the closing handshake |
//! | redis | `aio::MultiplexedConnection::new_with_config(&info, stream, config)` |
//! | tokio-postgres | implement `MakeTlsConnect` by [`TlsConnector::connect`](crate::tokio::TlsConnector::connect); the test `streams.rs` has it, with channel binding |
//! | SMTP, IMAP and others with STARTTLS | speak over the TCP stream up to the reply, check that nothing else was received, then `connect` or `accept` |
//! | reqwest | It accepts only TLS of its own choice. Use the client of hyper-util, on which it is built, as above. |
