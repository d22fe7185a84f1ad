//! Crates and programs that speak over a `TlsStream`.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use strata_tls::tokio::{TlsAcceptor, TlsConnector, TlsStream};
use strata_tls::{ClientConfig, IntoServerName, ServerName, Session};
use tls_ecosystem::{Ca, listen};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn tungstenite_sends_messages_both_ways() {
    let ca = Ca::new();
    let (tcp, addr) = listen().await;
    let acceptor = TlsAcceptor::new(Arc::new(ca.server()));
    let server = tokio::spawn(async move {
        let stream = acceptor.accept(tcp.accept().await.unwrap().0).await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
        // Sends close_notify, which this crate leaves to its user.
        socket.get_mut().shutdown().await.unwrap();
    });

    let connector = TlsConnector::new(Arc::new(ca.client()));
    let tcp = TcpStream::connect(addr).await.unwrap();
    let stream = connector.connect(localhost(), tcp).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/", stream).await.unwrap();
    for size in [0, 5, 1 << 20] {
        let sent = Message::binary(vec![7; size]);
        socket.send(sent.clone()).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap() == sent, "{size}");
    }
    socket.close(None).await.unwrap();
    while let Some(message) = socket.next().await {
        assert!(message.unwrap().is_close());
    }
    server.await.unwrap();
}

#[tokio::test]
async fn redis_client_speaks_to_redis_server() {
    let ca = Ca::new();
    let files = Files::new(&ca);
    let port = free_port();
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--bind", "127.0.0.1", "--save", "", "--tls-auth-clients", "yes"]);
    command.arg("--tls-port").arg(port.to_string()).arg("--tls-ca-cert-file").arg(files.path("ca.pem"));
    command.arg("--tls-cert-file").arg(files.path("cert.pem")).arg("--tls-key-file").arg(files.path("key.pem"));
    let _server = start(command.stdout(Stdio::piped()), "Ready to accept connections").await;

    let connector = TlsConnector::new(Arc::new(ca.client_with_certificate("client")));
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let stream = connector.connect(localhost(), tcp).await.unwrap();
    let (info, config) = (redis::RedisConnectionInfo::default(), redis::AsyncConnectionConfig::default());
    let connected = redis::aio::MultiplexedConnection::new_with_config(&info, stream, config).await;
    let (mut redis, driver) = connected.unwrap();
    tokio::spawn(driver);
    let value = "x".repeat(1 << 18);
    let () = redis::cmd("SET").arg("key").arg(&value).query_async(&mut redis).await.unwrap();
    let got: String = redis::cmd("GET").arg("key").query_async(&mut redis).await.unwrap();
    assert!(got == value);
}

/// What tokio-postgres needs, for any stream.
#[derive(Clone)]
struct Postgres(TlsConnector);

struct PostgresHandshake(TlsConnector, ServerName<'static>);

struct PostgresStream<S>(TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Postgres {
    type Stream = PostgresStream<S>;
    type TlsConnect = PostgresHandshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<PostgresHandshake> {
        let name = host.into_server_name().map_err(io::Error::other)?;
        Ok(PostgresHandshake(self.0.clone(), name))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for PostgresHandshake {
    type Stream = PostgresStream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<PostgresStream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { Ok(PostgresStream(self.0.connect(self.1, stream).await?)) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> tokio_postgres::tls::TlsStream for PostgresStream<S> {
    /// RFC 5929 §4.1, for certificates that are signed with SHA-256.
    fn channel_binding(&self) -> ChannelBinding {
        match self.0.session().peer_certificates() {
            Some([end_entity, ..]) => ChannelBinding::tls_server_end_point(Sha256::digest(end_entity).to_vec()),
            _ => ChannelBinding::none(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PostgresStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PostgresStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The server requires a client certificate, and a password that is bound to the connection.
#[tokio::test]
async fn postgres_client_speaks_to_postgresql() {
    let ca = Ca::new();
    let files = Files::new(&ca);
    let port = free_port();
    std::fs::write(files.path("password"), "secret").unwrap();
    files.give_to_postgres();
    let data = files.path("data");
    let mut initdb = postgres_command("initdb");
    initdb.args(["--username=tester", "--auth=scram-sha-256", "--no-sync", "--pwfile"]).arg(files.path("password"));
    let made = initdb.arg("--pgdata").arg(&data).output().await.unwrap();
    assert!(made.status.success(), "{made:?}");
    std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n")
        .unwrap();

    let mut postgres = postgres_command("postgres");
    postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F", "-l"]);
    for (option, file) in [("ssl_cert_file", "cert.pem"), ("ssl_key_file", "key.pem"), ("ssl_ca_file", "ca.pem")] {
        postgres.arg("-c").arg(format!("{option}={}", files.path(file).display()));
    }
    let _server = start(postgres.stderr(Stdio::piped()), "ready to accept connections").await;

    let connect = async |tls: ClientConfig| -> Result<(String, bool), tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("localhost").hostaddr([127, 0, 0, 1].into()).port(port).user("tester").password("secret");
        config.dbname("postgres").ssl_mode(tokio_postgres::config::SslMode::Require);
        config.channel_binding(tokio_postgres::config::ChannelBinding::Require);
        let (client, connection) = config.connect(Postgres(TlsConnector::new(Arc::new(tls)))).await?;
        tokio::spawn(connection);
        let row = client
            .query_one("SELECT version, client_serial IS NOT NULL FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])
            .await?;
        Ok((row.get(0), row.get(1)))
    };
    let seen = connect(ca.client_with_certificate("client")).await.unwrap();
    assert_eq!(seen, ("TLSv1.3".to_owned(), true));
    assert!(connect(ca.client()).await.is_err());
    assert!(connect(Ca::new().client_with_certificate("client")).await.is_err());
}

#[tokio::test]
async fn smtp_server_continues_after_starttls() {
    let ca = Ca::new();
    let files = Files::new(&ca);
    let (tcp, addr) = listen().await;
    let acceptor = TlsAcceptor::new(Arc::new(ca.server()));
    let server = tokio::spawn(async move {
        let mut tcp = BufReader::new(tcp.accept().await.unwrap().0);
        tcp.write_all(b"220 localhost ESMTP\r\n").await.unwrap();
        for (command, reply) in [("EHLO", &b"250-localhost\r\n250 STARTTLS\r\n"[..]), ("STARTTLS", b"220 ready\r\n")] {
            let mut line = String::new();
            tcp.read_line(&mut line).await.unwrap();
            assert!(line.starts_with(command), "{line}");
            tcp.write_all(reply).await.unwrap();
        }
        // An attacker could have inserted what came unencrypted after STARTTLS.
        assert!(tcp.buffer().is_empty());
        let mut stream = acceptor.accept(tcp.into_inner()).await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        stream.write_all(b"250 encrypted\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        line
    });

    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-quiet", "-starttls", "smtp", "-verify_return_error", "-verify_hostname", "localhost"]);
    openssl.arg("-connect").arg(addr.to_string()).arg("-CAfile").arg(files.path("ca.pem"));
    let mut client = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"EHLO again\r\n").await.unwrap();
    let mut printed = String::new();
    client.stdout.as_mut().unwrap().read_to_string(&mut printed).await.unwrap();
    assert!(printed.contains("250 encrypted"), "{printed}");
    assert!(server.await.unwrap().starts_with("EHLO again"));
}

fn localhost() -> ServerName<'static> {
    "localhost".try_into().unwrap()
}

/// Starts a server and waits until it prints `ready`. Its output is piped.
async fn start(command: &mut Command, ready: &str) -> Child {
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let output: Pin<Box<dyn AsyncRead + Send>> = match (child.stdout.take(), child.stderr.take()) {
        (Some(output), _) => Box::pin(output),
        (None, Some(output)) => Box::pin(output),
        (None, None) => panic!("no output is piped"),
    };
    let mut lines = BufReader::new(output).lines();
    let mut seen = String::new();
    loop {
        let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it did not start: {seen}"));
        if line.contains(ready) {
            break;
        }
        seen += &line;
        seen += "\n";
    }
    // It must not block on a pipe without a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// PostgreSQL does not run as root.
fn is_root() -> bool {
    std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// Debian keeps the server's programs outside of PATH.
fn postgres_command(program: &str) -> Command {
    let path = std::fs::read_dir("/usr/lib/postgresql")
        .ok()
        .and_then(|versions| {
            versions.flatten().map(|version| version.path().join("bin").join(program)).find(|path| path.exists())
        })
        .unwrap_or_else(|| PathBuf::from(program));
    let mut command = match is_root() {
        true => Command::new("setpriv"),
        false => Command::new("env"),
    };
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
    }
    command.arg(path).current_dir(std::env::temp_dir());
    command
}

/// A folder with a CA, a certificate and a key.
struct Files(PathBuf);

impl Files {
    fn new(ca: &Ca) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("tls-ecosystem-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let files = Self(std::env::temp_dir().join(name));
        std::fs::create_dir(&files.0).unwrap();
        let (cert, key) = ca.issue(&tls_ecosystem::NAMES);
        for (file, text) in [("ca.pem", &ca.pem), ("cert.pem", &cert), ("key.pem", &key)] {
            std::fs::write(files.path(file), text).unwrap();
        }
        files
    }

    fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.0.join(file)
    }

    fn give_to_postgres(&self) {
        let run = |command: &mut std::process::Command| assert!(command.status().unwrap().success());
        run(std::process::Command::new("chmod").arg("600").arg(self.path("key.pem")));
        if is_root() {
            run(std::process::Command::new("chown").args(["-R", "postgres:postgres"]).arg(&self.0));
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A free port below those that the system gives out, so that no other program takes it meanwhile.
fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = std::process::id().wrapping_mul(61).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(20_000 + step % 10_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
