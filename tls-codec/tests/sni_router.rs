//! Tests of the example sni-router.

#[path = "../examples/sni_router/router/mod.rs"]
mod router;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use router::{
    Router,
    config::{Config, ProxyVersion},
    proxy_header::Origin,
};
use strata_tls_codec::{
    Alert, AlertDescription, CipherSuite, ClientHello, decode_all,
    extension::{Alpn, ServerNameList},
    malformed::ClientHelloBuilder,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A hello with these names; it need not be one that a server would accept.
fn hello(name: Option<&str>, alpn: &[&str]) -> ClientHelloBuilder {
    let mut hello = ClientHelloBuilder::default();
    hello.cipher_suites = vec![CipherSuite::TLS_AES_128_GCM_SHA256];
    if let Some(name) = name {
        hello.extensions_mut().add(|w| ServerNameList::write(w, name)).unwrap();
    }
    if !alpn.is_empty() {
        hello.extensions_mut().add(|w| Alpn::write(w, alpn)).unwrap();
    }
    hello
}

/// Starts a router at a free port.
async fn start(config: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = Config::parse(&format!("listen {address}\n{config}")).unwrap();
    tokio::spawn(Arc::new(Router::new(config, |_| {})).accept(listener));
    address
}

async fn backend() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Connects, sends `bytes`, and returns all that comes back.
async fn exchange(router: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(router).await.unwrap();
    client.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    answer
}

fn alert(description: AlertDescription) -> Vec<u8> {
    Alert::fatal(description).to_record().to_vec()
}

#[test]
fn most_special_route_with_fitting_protocol_is_chosen() {
    let config = Config::parse(
        "listen [::1]:443
         route * alpn=h2 any:1
         route *.example.com wild:1   # a comment
         route WWW.example.com alpn=acme-tls/1,x acme:1
         route www.example.com alpn=h2 www:1
         route - none:1",
    )
    .unwrap();
    let choose = |name, alpn: &[&str]| {
        let body = hello(name, alpn).body();
        let hello: ClientHello<'_> = decode_all(&body).unwrap();
        config.choose(&hello).map(|target| target.address.clone())
    };
    let to = |address: &str| Ok(address.to_owned());
    assert_eq!(choose(Some("www.example.com"), &["h2"]), to("www:1"));
    assert_eq!(choose(Some("www.EXAMPLE.com"), &["h2", "acme-tls/1"]), to("acme:1"));
    assert_eq!(choose(Some("www.example.com"), &["h3"]), Err(AlertDescription::NO_APPLICATION_PROTOCOL));
    assert_eq!(choose(Some("www.example.com"), &[]), Err(AlertDescription::MISSING_EXTENSION));
    assert_eq!(choose(Some("a.example.com"), &[]), to("wild:1"));
    assert_eq!(choose(Some("example.com"), &["h2"]), to("any:1"));
    assert_eq!(choose(Some("a.b.example.com"), &["h2"]), to("any:1"));
    assert_eq!(choose(None, &["h2"]), to("none:1"));
    let narrow = Config::parse("listen a:1\nroute a.test a:1").unwrap();
    for (name, expected) in
        [(Some("b.test"), AlertDescription::UNRECOGNIZED_NAME), (None, AlertDescription::MISSING_EXTENSION)]
    {
        let body = hello(name, &[]).body();
        assert_eq!(narrow.choose(&decode_all(&body).unwrap()), Err(expected));
    }
}

#[test]
fn invalid_configuration_names_line_and_fault() {
    for (text, error) in [
        ("", "there is no line listen"),
        ("listen a:1", "there is no line route"),
        ("listen a:1\nroute a b", "line 2: expected an address such as 127.0.0.1:443, got \"b\""),
        ("\nlisten 443", "line 2: expected an address such as 127.0.0.1:443, got \"443\""),
        ("listen", "line 1: unknown line listen, or the wrong number of values"),
        ("lisden a:1", "line 1: unknown line lisden, or the wrong number of values"),
        ("route *.*.a b:1", "line 1: *.*.a is not a host name; expected NAME, *.NAME, - or *"),
        ("route a..b b:1", "line 1: a..b is not a host name; expected NAME, *.NAME, - or *"),
        ("route a b:1 proxy=v3", "line 1: unexpected proxy=v3"),
        ("route a alpn=h2, b:1", "line 1: alpn= has an empty name"),
        ("route a b:1\nroute A c:1", "line 2: an earlier route takes all clients of A"),
        ("hello-timeout 0", "line 1: expected a positive number, got 0"),
        ("hello-limit many", "line 1: expected a positive number, got many"),
        ("not-tls a:1 b:1", "line 1: unexpected b:1"),
    ] {
        assert_eq!(Config::parse(text).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn proxy_headers_have_their_published_form() {
    let origin = Origin {
        client: "[::ffff:192.0.2.1]:50000".parse().unwrap(),
        server: "192.0.2.2:443".parse().unwrap(),
        name: Some(b"a.test"),
    };
    assert_eq!(origin.header(ProxyVersion::V1), b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n");
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x15".to_vec();
    v2.extend([192, 0, 2, 1, 192, 0, 2, 2, 0xc3, 0x50, 0x01, 0xbb, 2, 0, 6]);
    v2.extend(b"a.test");
    assert_eq!(origin.header(ProxyVersion::V2), v2);
    let origin = Origin { client: "[2001:db8::1]:1".parse().unwrap(), name: None, ..origin };
    assert_eq!(origin.header(ProxyVersion::V1), b"PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 443\r\n");
    let v2 = origin.header(ProxyVersion::V2);
    assert_eq!((v2.len(), &v2[12..16]), (16 + 36, &[0x21, 0x21, 0, 36][..]));
}

/// Many clients at a time, two servers: each byte arrives at the right one and comes back, in both
/// directions, also after the other direction has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_pass_unchanged_under_load() {
    const CLIENTS: usize = 200;
    let mut config = "max-connections 40\n".to_owned();
    for name in ["a", "b"] {
        let (listener, address) = backend().await;
        config += &format!("route {name}.test {address}\n");
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    to.write_all(name.as_bytes()).await.unwrap();
                    tokio::io::copy(&mut from, &mut to).await.unwrap();
                    // Comes after the end of what the client sends.
                    to.write_all(b"the end").await.unwrap();
                });
            }
        });
    }
    let router = start(&config).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            tokio::spawn(async move {
                let name = if number % 2 == 0 { "a" } else { "b" };
                // Hellos in one to many records, in one or more writes.
                let size = [u16::MAX, 20, 1][number % 3];
                let mut sent = hello(Some(&format!("{name}.test")), &["h2"]).records(size);
                let first_write = [sent.len(), 7, 1][number % 3];
                sent.extend((0..100_000).map(|at| ((at + number) % 251).to_le_bytes()[0]));
                let mut stream = TcpStream::connect(router).await.unwrap();
                let (mut from, mut to) = stream.split();
                let send = async {
                    to.write_all(&sent[..first_write]).await.unwrap();
                    tokio::task::yield_now().await;
                    to.write_all(&sent[first_write..]).await.unwrap();
                    to.shutdown().await.unwrap();
                };
                let mut received = Vec::new();
                let (_, result) = tokio::join!(send, from.read_to_end(&mut received));
                result.unwrap();
                assert!(received == [name.as_bytes(), &sent, b"the end"].concat(), "client {number}");
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn end_of_server_reaches_client_that_still_sends() {
    let (listener, address) = backend().await;
    let router = start(&format!("route * {address}")).await;
    let mut client = TcpStream::connect(router).await.unwrap();
    let hello = hello(None, &[]).records(u16::MAX);
    client.write_all(&hello).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    client.write_all(b"more").await.unwrap();
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, [&hello[..], b"more"].concat());
}

#[tokio::test]
async fn reset_of_either_side_reaches_the_other() {
    let (listener, address) = backend().await;
    let router = start(&format!("route * {address}")).await;
    for is_client in [true, false] {
        let mut client = TcpStream::connect(router).await.unwrap();
        client.write_all(&hello(None, &[]).records(u16::MAX)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        // What was sent is there, so that nothing is lost by the reset.
        server.read_exact(&mut [0; 40]).await.unwrap();
        let (reset, mut other) = if is_client { (client, server) } else { (server, client) };
        reset.set_zero_linger().unwrap();
        drop(reset);
        let error = other.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{is_client}");
    }
}

#[tokio::test]
async fn client_without_route_gets_alert_of_a_server() {
    let (_listener, address) = backend().await;
    let config = format!("hello-limit 4000\nroute a.test alpn=h2 {address}\nroute b.test 127.0.0.1:1");
    let router = start(&config).await;
    let mut twice = hello(Some("a.test"), &[]);
    twice.extensions_mut().add(|w| ServerNameList::write(w, "b.test")).unwrap();
    let mut long = hello(Some("a.test"), &[]);
    long.legacy_session_id = vec![0; 32];
    long.cipher_suites = vec![CipherSuite(0x1301); 2000];
    for (bytes, expected) in [
        (hello(Some("c.test"), &[]).records(u16::MAX), AlertDescription::UNRECOGNIZED_NAME),
        (hello(None, &[]).records(3), AlertDescription::MISSING_EXTENSION),
        (hello(Some("a.test"), &["h3"]).records(50), AlertDescription::NO_APPLICATION_PROTOCOL),
        (hello(Some("b.test"), &[]).records(u16::MAX), AlertDescription::INTERNAL_ERROR),
        (twice.records(u16::MAX), AlertDescription::DECODE_ERROR),
        (long.records(u16::MAX), AlertDescription::DECODE_ERROR),
        (vec![21, 3, 1, 0, 2, 1, 0], AlertDescription::UNEXPECTED_MESSAGE),
        (vec![22, 3, 1, 0x40, 1, 1], AlertDescription::RECORD_OVERFLOW),
    ] {
        let mut client = TcpStream::connect(router).await.unwrap();
        client.write_all(&bytes).await.unwrap();
        let mut answer = vec![0; 7];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, alert(expected), "{expected}");
        // What the client sends meanwhile does not reset the connection, which could lose the
        // alert.
        for _ in 0..2 {
            client.write_all(&[0; 50_000]).await.unwrap();
        }
        client.shutdown().await.unwrap();
        assert_eq!(client.read(&mut answer).await.unwrap(), 0, "{expected}");
    }
}

#[tokio::test]
async fn other_protocols_have_their_server_or_are_disconnected() {
    let (listener, address) = backend().await;
    let request = b"GET / HTTP/1.1\r\n\r\n";
    let router = start("route * 127.0.0.1:1").await;
    assert_eq!(exchange(router, request).await, b"");

    let router = start(&format!("route * 127.0.0.1:1\nnot-tls {address} proxy=v1")).await;
    let mut client = TcpStream::connect(router).await.unwrap();
    client.write_all(request).await.unwrap();
    client.shutdown().await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    let client_port = client.local_addr().unwrap().port();
    let header = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {client_port} {}\r\n", router.port());
    assert_eq!(received, [header.as_bytes(), request].concat());
}

#[tokio::test]
async fn proxy_header_comes_before_hello() {
    let (listener, address) = backend().await;
    let router = start(&format!("route * {address} proxy=v2")).await;
    let mut client = TcpStream::connect(router).await.unwrap();
    let hello = hello(Some("a.test"), &[]).records(10);
    client.write_all(&hello).await.unwrap();
    client.shutdown().await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    let origin = Origin { client: client.local_addr().unwrap(), server: router, name: Some(b"a.test") };
    assert_eq!(received, [origin.header(ProxyVersion::V2), hello].concat());
}

/// Returns whether a stream ends without data. Bytes that were not read make it end with a reset.
async fn ends(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]).await {
        Ok(count) => count == 0,
        Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// The clock of the test moves on when all wait.
#[tokio::test(start_paused = true)]
async fn client_without_whole_hello_is_disconnected_in_time() {
    let router = start("route * 127.0.0.1:1").await;
    let hello = hello(None, &[]).records(u16::MAX);
    for length in [0, 1, 5, hello.len() - 1] {
        let mut client = TcpStream::connect(router).await.unwrap();
        client.write_all(&hello[..length]).await.unwrap();
        assert!(ends(&mut client).await, "{length}");
    }
}

/// The reset says that this is not the end of the data.
#[tokio::test]
async fn idle_connection_is_reset() {
    let (listener, address) = backend().await;
    let router = start(&format!("hello-timeout 100000\nidle-timeout 1\nroute * {address}")).await;
    let mut client = TcpStream::connect(router).await.unwrap();
    client.write_all(&hello(None, &[]).records(u16::MAX)).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    for stream in [&mut client, &mut server] {
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

/// Returns whether programs are installed. Where they must be, it fails.
fn are_installed(programs: &[&str]) -> bool {
    let is_installed = |program: &&str| {
        let version = if *program == "openssl" { "version" } else { "--version" };
        let run = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let all = programs.iter().all(is_installed);
    let required = std::env::var_os("TLS_INTEROP_REQUIRED").is_some_and(|value| value == "1");
    assert!(all || !required, "{programs:?} must be installed where TLS_INTEROP_REQUIRED=1 is set");
    all
}

/// A server of OpenSSL, which serves the files of a directory.
struct OpenSsl {
    process: Child,
    address: SocketAddr,
}

impl OpenSsl {
    fn start(directory: &Path, name: &str) -> Self {
        use std::io::BufRead as _;
        let certificate = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem"), "-subj", &format!("/CN={name}")])
            .args(["-addext", &format!("subjectAltName=DNS:{name}")])
            .current_dir(directory)
            .stderr(Stdio::null())
            .status();
        assert!(certificate.unwrap().success());
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-WWW"])
            .args(["-key", &format!("{name}.key"), "-cert", &format!("{name}.pem")])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = std::io::BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the server ended");
            if let Some(address) = line.trim().strip_prefix("ACCEPT ") {
                break address.parse().unwrap();
            }
        };
        // The server must not wait for a reader of its output.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self { process, address }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sni-router-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// curl verifies the certificates, so that it notices a wrong server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_reaches_two_openssl_servers_by_name() {
    if !are_installed(&["openssl", "curl"]) {
        return;
    }
    let directory = Directory::new();
    let content: Vec<u8> = (0..300_000_u32).map(|at| (at % 251).to_le_bytes()[0]).collect();
    std::fs::write(directory.0.join("file"), &content).unwrap();
    let servers = ["one.test", "two.test"].map(|name| (name, OpenSsl::start(&directory.0, name)));
    let [(_, one), (_, two)] = &servers;
    let router = start(&format!("route one.test {}\nroute *.test {}", one.address, two.address)).await;
    let path = &directory.0;
    let clients: Vec<_> = (0..24)
        .map(|number| {
            let (name, _) = servers[number % 2];
            let url = format!("https://{name}:{}/file", router.port());
            let mut curl = tokio::task::spawn_blocking({
                let path = path.clone();
                move || {
                    Command::new("curl")
                        .args(["--silent", "--show-error", "--http1.0", "--noproxy", "*", "--cacert"])
                        .arg(path.join(format!("{name}.pem")))
                        .args(["--resolve", &format!("{name}:{}:127.0.0.1", router.port()), &url])
                        .output()
                        .unwrap()
                }
            });
            async move { (&mut curl).await.unwrap() }
        })
        .collect();
    for client in clients {
        let output = client.await;
        assert!(output.stdout == content, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
