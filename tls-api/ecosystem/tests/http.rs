//! The connector for hyper-util and the listener for axum, against each other and against curl.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Request, Response, Uri, Version};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Extension, Router};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, connect::Connect};
use hyper_util::rt::TokioExecutor;
use strata_tls::axum::{TlsConnectInfo, TlsListener};
use strata_tls::hyper::HttpsConnector;
use strata_tls::tokio::TlsConnector;
use strata_tls::{ClientConfig, ClientSession, ConnectionInfo, HandshakeKind, ServerSessionMemoryCache, Session};
use tls_ecosystem::{Ca, listen, serve, serve_on};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_service::Service;

type Body = Empty<axum::body::Bytes>;

/// Shows what a handler sees: version of HTTP, ALPN, SNI, client certificates.
fn app() -> Router {
    Router::new().route(
        "/",
        get(async |ConnectInfo(client): ConnectInfo<TlsConnectInfo<SocketAddr>>, version: Version| {
            assert!(client.remote_addr.ip().is_loopback());
            let alpn = client.tls.alpn_protocol().map(String::from_utf8_lossy);
            let certificates = client.tls.peer_certificates().map_or(0, <[_]>::len);
            format!("{version:?} {alpn:?} {:?} {certificates}", client.tls.server_name())
        }),
    )
}

fn build<C: Connect + Clone>(connector: C) -> Client<C, Body> {
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn fetch<C>(connector: C, uri: &str) -> Result<Response<String>, Box<dyn Error + Send + Sync>>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let response = build(connector).get(uri.parse()?).await?;
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    Ok(Response::from_parts(parts, body))
}

async fn body<C: Connect + Clone + Send + Sync + 'static>(connector: C, uri: &str) -> String {
    fetch(connector, uri).await.unwrap().into_body()
}

/// The text of an error with its sources.
fn report(mut error: &dyn Error) -> String {
    let mut text = error.to_string();
    while let Some(source) = error.source() {
        text += &format!(": {source}");
        error = source;
    }
    text
}

/// Connects to one address, whatever the URI says.
#[derive(Clone)]
struct Always {
    tcp: HttpConnector,
    addr: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Always {
    fn to(addr: SocketAddr) -> Self {
        Self { tcp: HttpConnector::new(), addr, calls: Arc::default() }
    }
}

impl Service<Uri> for Always {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx)
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.tcp.call(format!("http://{}/", self.addr).parse().unwrap())
    }
}

#[tokio::test]
async fn connector_and_listener_speak_h2_by_alpn() {
    let ca = Ca::new();
    let port = serve(app(), ca.server()).await.port();
    let response = fetch(HttpsConnector::new(ca.client()), &format!("https://localhost:{port}/")).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let info: &ConnectionInfo = response.extensions().get().unwrap();
    assert_eq!((info.alpn_protocol(), info.server_name()), (Some(&b"h2"[..]), Some("localhost")));
    assert_eq!(response.body(), r#"HTTP/2.0 Some("h2") Some("localhost") 0"#);
}

#[tokio::test]
async fn connector_speaks_http1_to_a_server_of_http1() {
    let ca = Ca::new();
    let mut config = ca.server();
    config.set_alpn_protocols(["http/1.1"]).unwrap();
    let port = serve(app(), config).await.port();
    let response = fetch(HttpsConnector::new(ca.client()), &format!("https://localhost:{port}/")).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!(response.body(), r#"HTTP/1.1 Some("http/1.1") Some("localhost") 0"#);
}

#[tokio::test]
async fn connector_reuses_and_resumes_connections() {
    let ca = Ca::new();
    let port = serve(app(), ca.server()).await.port();
    let uri = format!("https://localhost:{port}/");
    let connector = HttpsConnector::new(ca.client());
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let client = build(connector.clone());
        for _ in 0..3 {
            let response = client.get(uri.parse().unwrap()).await.unwrap();
            assert_eq!(response.extensions().get::<ConnectionInfo>().unwrap().handshake_kind(), kind);
            response.into_body().collect().await.unwrap();
        }
    }
}

/// Connections that wait for a request end, in HTTP/1 with close_notify, and a client that has sent
/// no ClientHello does not delay the end.
#[tokio::test]
async fn graceful_shutdown_ends_connections_cleanly() {
    let ca = Ca::new();
    let (tcp, addr) = listen().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = app().into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>();
    let server = axum::serve(TlsListener::new(tcp, Arc::new(ca.server())), service)
        .with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());

    let _silent = TcpStream::connect(addr).await.unwrap();
    let h2 = build(HttpsConnector::new(ca.client()));
    let response = h2.get(format!("https://localhost:{}/", addr.port()).parse().unwrap()).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    response.into_body().collect().await.unwrap();
    let connector = TlsConnector::new(Arc::new(ca.client()));
    let mut http1 = connector.connect("localhost", TcpStream::connect(addr).await.unwrap()).await.unwrap();
    http1.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    http1.read_exact(&mut [0; 100]).await.unwrap();

    stop.send(()).unwrap();
    // Without close_notify this is an error.
    http1.read_to_end(&mut Vec::new()).await.unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn connector_without_permission_rejects_http() {
    let (_tcp, addr) = listen().await;
    let transport = Always::to(addr);
    let mut connector = HttpsConnector::with_transport(transport.clone(), Arc::new(ClientConfig::new()));
    let e = fetch(connector.clone(), "http://localhost/").await.unwrap_err();
    let why = r#"http to "localhost" is not encrypted; write https, or call HttpsConnector::set_allow_http"#;
    assert!(report(&*e).contains(why), "{}", report(&*e));
    for uri in ["ftp://localhost/", "localhost:80", "/"] {
        assert!(connector.call(uri.parse().unwrap()).await.is_err(), "{uri}");
    }
    assert_eq!(transport.calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn connector_with_permission_connects_to_http() {
    let (tcp, addr) = listen().await;
    tokio::spawn(async { axum::serve(tcp, Router::new().route("/", get(async || "plain"))).await });
    let mut connector = HttpsConnector::new(ClientConfig::new());
    connector.set_allow_http(true);
    assert_eq!(body(connector, &format!("http://{addr}/")).await, "plain");
}

#[tokio::test]
async fn connector_accepts_addresses_as_hosts() {
    let ca = Ca::new();
    let addr = serve(app(), ca.server()).await;
    for uri in ["https://127.0.0.1/", "https://[::1]/"] {
        let connector = HttpsConnector::with_transport(Always::to(addr), Arc::new(ca.client()));
        assert_eq!(body(connector, uri).await, "HTTP/1.1 None None 0", "{uri}");
    }
    let connector = HttpsConnector::with_transport(Always::to(addr), Arc::new(ca.client()));
    let e = fetch(connector, "https://[::2]/").await.unwrap_err();
    assert!(report(&*e).contains("::2"), "{}", report(&*e));
}

#[tokio::test]
async fn connector_verifies_the_name_it_was_given() {
    let ca = Ca::new();
    let addr = serve(app(), ca.server()).await;
    let mut connector = HttpsConnector::new(ca.client());
    connector.set_server_name("localhost".try_into().unwrap());
    let text = body(connector.clone(), &format!("https://{addr}/")).await;
    assert_eq!(text, r#"HTTP/2.0 Some("h2") Some("localhost") 0"#);
    connector.set_server_name("other.example".try_into().unwrap());
    let e = fetch(connector, &format!("https://{addr}/")).await.unwrap_err();
    assert!(report(&*e).contains("other.example"), "{}", report(&*e));
}

#[tokio::test]
async fn handler_sees_the_client_certificate() {
    let ca = Ca::new();
    let port = serve(app(), ca.server_with_client_certificates()).await.port();
    let uri = format!("https://localhost:{port}/");
    let text = body(HttpsConnector::new(ca.client_with_certificate("client")), &uri).await;
    assert_eq!(text, r#"HTTP/2.0 Some("h2") Some("localhost") 1"#);
    assert!(fetch(HttpsConnector::new(ca.client()), &uri).await.is_err());
}

#[tokio::test]
async fn connection_info_is_connect_info() {
    let ca = Ca::new();
    let (tcp, addr) = listen().await;
    let handler = async |Extension(ConnectInfo(tls)): Extension<ConnectInfo<ConnectionInfo>>| {
        tls.server_name().unwrap_or_default().to_owned()
    };
    let app = Router::new().route("/", get(handler)).into_make_service_with_connect_info::<ConnectionInfo>();
    let listener = TlsListener::new(tcp, Arc::new(ca.server()));
    assert_eq!(listener.local_addr().unwrap(), addr);
    tokio::spawn(async { axum::serve(listener, app).await });
    let text = body(HttpsConnector::new(ca.client()), &format!("https://localhost:{}/", addr.port())).await;
    assert_eq!(text, "localhost");
}

#[tokio::test]
async fn failed_handshakes_do_not_stop_the_listener() {
    let ca = Ca::new();
    let addr = serve(app(), ca.server()).await;
    for sent in [&b"GET / HTTP/1.0\r\n\r\n"[..], b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", b""] {
        let mut tcp = TcpStream::connect(addr).await.unwrap();
        tcp.write_all(sent).await.unwrap();
        tcp.shutdown().await.unwrap();
        // Closed, and not kept until the timeout.
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    }
    body(HttpsConnector::new(ca.client()), &format!("https://localhost:{}/", addr.port())).await;
}

/// A listener whose timeout never ends a handshake.
async fn patient(ca: &Ca, max_handshakes: usize) -> SocketAddr {
    let (tcp, addr) = listen().await;
    let mut listener = TlsListener::new(tcp, Arc::new(ca.server()));
    listener.set_handshake_timeout(Duration::from_secs(1 << 20));
    listener.set_max_handshakes(max_handshakes);
    serve_on(app(), listener);
    addr
}

#[tokio::test]
async fn silent_clients_give_way_to_others() {
    let ca = Ca::new();
    let addr = patient(&ca, 4).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        let mut tcp = TcpStream::connect(addr).await.unwrap();
        // The start of a ClientHello.
        tcp.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
        silent.push(tcp);
    }
    body(HttpsConnector::new(ca.client()), &format!("https://localhost:{}/", addr.port())).await;
    // All but the last four at most were dropped.
    for tcp in &mut silent[..36] {
        let end = tcp.read(&mut [0]).await;
        assert!(matches!(&end, Ok(0)) || end.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset));
    }
}

#[tokio::test]
async fn clients_with_a_hello_do_not_give_way() {
    let ca = Ca::new();
    let addr = patient(&ca, 1).await;
    let mut first = TcpStream::connect(addr).await.unwrap();
    let mut hello = Vec::new();
    let mut session = ClientSession::new(&Arc::new(ca.client()), "localhost").unwrap();
    session.write_tls(&mut hello).unwrap();
    first.write_all(&hello).await.unwrap();
    // The server has answered, so the ClientHello has arrived.
    let mut answer = vec![0; 1 << 14];
    let n = first.read(&mut answer).await.unwrap();
    assert!(n > 0);

    let uri = format!("https://localhost:{}/", addr.port());
    let second = tokio::spawn(body_owned(HttpsConnector::new(ca.client()), uri));
    let _silent = TcpStream::connect(addr).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    // The first one completes its handshake all the same, and is served.
    let mut received = answer[..n].to_vec();
    while session.is_handshaking() {
        session.read_tls(&mut &received[..]).unwrap();
        session.process_new_packets().unwrap();
        received.clear();
        if session.is_handshaking() {
            assert!(first.read_buf(&mut received).await.unwrap() > 0);
        }
    }
    io::Write::write_all(&mut session, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut request = Vec::new();
    session.write_tls(&mut request).unwrap();
    first.write_all(&request).await.unwrap();
    let mut response = Vec::new();
    first.read_to_end(&mut response).await.unwrap();
    assert!(!response.is_empty());
    assert!(second.await.unwrap().starts_with("HTTP/2.0"));
}

async fn body_owned(connector: HttpsConnector<HttpConnector>, uri: String) -> String {
    body(connector, &uri).await
}

#[tokio::test]
async fn silent_clients_end_with_the_timeout() {
    let ca = Ca::new();
    let (tcp, addr) = listen().await;
    let mut listener = TlsListener::new(tcp, Arc::new(ca.server()));
    listener.set_handshake_timeout(Duration::from_millis(1));
    serve_on(app(), listener);
    let mut tcp = TcpStream::connect(addr).await.unwrap();
    assert_eq!(tcp.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn listener_accepts_no_early_data() {
    let ca = Ca::new();
    let mut config = ca.server();
    config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(16)));
    config.set_max_early_data_size(1 << 14);
    let addr = serve(app(), config).await;
    let mut client = ca.client();
    client.enable_early_data(true);
    let connector = TlsConnector::new(Arc::new(client));
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for _ in 0..2 {
        let tcp = TcpStream::connect(addr).await.unwrap();
        let (mut stream, accepted) = connector.connect_with_early_data("localhost", tcp, request).await.unwrap();
        assert_eq!(accepted, 0);
        stream.write_all(request).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    }
}

async fn curl(ca: &Ca, port: u16, options: &[&str]) -> Output {
    let file = std::env::temp_dir().join(format!("tls-ecosystem-{}-{port}.pem", std::process::id()));
    std::fs::write(&file, &ca.pem).unwrap();
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--resolve", &format!("localhost:{port}:127.0.0.1")]);
    curl.arg("--cacert").arg(&file).args(options).arg(format!("https://localhost:{port}/"));
    let output = curl.output().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    output
}

#[tokio::test]
async fn curl_gets_pages_in_both_versions_of_http() {
    let ca = Ca::new();
    let port = serve(app(), ca.server()).await.port();
    for (option, expected) in [
        ("--http2", r#"HTTP/2.0 Some("h2") Some("localhost") 0"#),
        ("--http1.1", r#"HTTP/1.1 Some("http/1.1") Some("localhost") 0"#),
    ] {
        let output = curl(&ca, port, &[option]).await;
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
    }
    let output = curl(&Ca::new(), port, &[]).await;
    assert!(!output.status.success(), "another CA: {output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_loads_the_page_over_h2() {
    let port = serve(app(), Ca::new().server()).await.port();
    let profile = std::env::temp_dir().join(format!("tls-chromium-{}", std::process::id()));
    let mut chromium = tokio::process::Command::new("chromium");
    chromium.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]);
    chromium.args(["--ignore-certificate-errors", "--host-resolver-rules=MAP localhost 127.0.0.1"]);
    chromium.arg(format!("--user-data-dir={}", profile.display())).arg(format!("https://localhost:{port}/"));
    let output = chromium.stdin(std::process::Stdio::null()).output().await;
    let _ = std::fs::remove_dir_all(&profile);
    let output = output.unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(page.contains(r#"HTTP/2.0 Some("h2") Some("localhost") 0"#), "{output:?}");
}

#[tokio::test]
async fn request_body_arrives_whole_in_both_versions() {
    let ca = Ca::new();
    let app = Router::new().route("/", axum::routing::post(async |body: axum::body::Bytes| body));
    for protocol in ["h2", "http/1.1"] {
        let mut config = ca.server();
        config.set_alpn_protocols([protocol]).unwrap();
        let limit = axum::extract::DefaultBodyLimit::disable();
        let port = serve(app.clone().layer(limit), config).await.port();
        let data: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let client: Client<_, axum::body::Body> =
            Client::builder(TokioExecutor::new()).build(HttpsConnector::new(ca.client()));
        let request = Request::post(format!("https://localhost:{port}/")).body(data.clone().into()).unwrap();
        let echoed = client.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert!(echoed == data, "{protocol}");
    }
}
