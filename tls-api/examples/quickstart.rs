//! TLS in one file: creates a CA and a server certificate, serves HTTPS on localhost, fetches a
//! page and prints what was negotiated. Then it shows three certificates that a client rejects.
//!
//! ```text
//! cargo run --release -p strata-tls --example quickstart
//! ```

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use strata_tls::{ClientConfig, ClientSession, ServerConfig, ServerSession, Session, StreamOwned, is_truncation};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The name in the server's certificates.
const NAME: &str = "quickstart.test";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("quickstart: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let ca = CertificateAuthority::new("Quickstart CA")?;
    let other_ca = CertificateAuthority::new("Other CA")?;

    let server = serve(ca.server_config(Validity::Current)?)?;
    let expired_server = serve(ca.server_config(Validity::Expired)?)?;
    println!("serving https://{NAME}/ at {server}\n");

    println!("a client that trusts \"{}\" fetches the page:", ca.name);
    let config = client_config(&ca)?;
    println!("{}", fetch(&config, server, NAME)?);

    println!("\na client rejects:");
    let other_config = client_config(&other_ca)?;
    let cases = [
        ("a certificate for another name", fetch(&config, server, "bank.test")),
        ("a certificate from an unknown CA", fetch(&other_config, server, NAME)),
        ("an expired certificate", fetch(&config, expired_server, NAME)),
    ];
    for (what, outcome) in cases {
        match outcome {
            Ok(_) => return Err(format!("the client accepted {what}; please report this bug").into()),
            Err(e) => println!("  {what}:\n    {e}"),
        }
    }
    Ok(())
}

/// Creates a client configuration. It needs trust anchors; every other setting has a secure
/// default.
fn client_config(ca: &CertificateAuthority) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::with_roots(strata_tls::root_store_from_pem(ca.pem.as_bytes())?);
    config.set_alpn_protocols(["http/1.1"])?;
    Ok(Arc::new(config))
}

/// Fetches `/` and returns a report.
fn fetch(config: &Arc<ClientConfig>, server: SocketAddr, name: &str) -> Result<String> {
    let start = Instant::now();
    let socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    let connected = start.elapsed();

    let mut session = ClientSession::new(config, name)?;
    let mut transport = CountRoundTrips::new(socket);
    session.complete_io(&mut transport)?;
    let (established, round_trips) = (start.elapsed(), transport.round_trips);

    let mut stream = StreamOwned::new(session, transport);
    write!(stream, "GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    // Fails unless the server ends with close_notify. Protocols with their own framing can ignore
    // errors for which `is_truncation` returns true.
    stream.read_to_string(&mut response)?;
    stream.close()?;
    let done = start.elapsed();

    let page = response.split("\r\n\r\n").nth(1).unwrap_or_default().trim_end();
    let session = &stream.session;
    Ok(format!(
        "  \"{page}\"\n  \
         version      {}\n  \
         cipher suite {}\n  \
         group        {}\n  \
         handshake    {}\n  \
         protocol     {}\n  \
         round trips  1 for TCP, {round_trips} for the handshake, {} for the page\n  \
         time         {} to connect, {} for the handshake, {} for the page",
        or_none(session.protocol_version()),
        or_none(session.negotiated_cipher_suite()),
        or_none(session.negotiated_group()),
        session.handshake_kind().map_or_else(|| "none".to_owned(), |kind| format!("{kind:?}")),
        or_none(session.alpn_protocol().map(String::from_utf8_lossy)),
        stream.transport.round_trips - round_trips,
        micros(connected),
        micros(established - connected),
        micros(done - established),
    ))
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn micros(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}

/// Starts a server on a free port, in a background thread.
fn serve(mut config: ServerConfig) -> Result<SocketAddr> {
    config.set_alpn_protocols(["http/1.1"])?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // The client reports its own errors.
            let _ = respond(ServerSession::new(&config), socket);
        }
    });
    Ok(address)
}

/// Answers one request.
fn respond(session: ServerSession, socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut request = BufReader::new(StreamOwned::new(session, socket));
    let mut line = String::new();
    while request.read_line(&mut line)? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    let mut stream = request.into_inner();
    let page = "Hello over TLS.\n";
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len())?;
    // Sends close_notify, so that the client can detect truncation. Then waits until the client
    // closes.
    stream.close()?;
    match stream.read(&mut [0; 64]) {
        Err(e) if is_truncation(&e) => Ok(()),
        other => other.map(drop),
    }
}

/// Counts round trips: the times that a read follows a write.
struct CountRoundTrips {
    socket: TcpStream,
    wrote: bool,
    round_trips: u32,
}

impl CountRoundTrips {
    fn new(socket: TcpStream) -> Self {
        Self { socket, wrote: false, round_trips: 0 }
    }
}

impl Read for CountRoundTrips {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.wrote) {
            self.round_trips += 1;
        }
        self.socket.read(buf)
    }
}

impl Write for CountRoundTrips {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wrote = true;
        self.socket.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A CA that exists during this run.
struct CertificateAuthority {
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

enum Validity {
    Current,
    Expired,
}

impl CertificateAuthority {
    fn new(name: &'static str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { name, issuer: Issuer::new(params, key), pem })
    }

    /// Issues a certificate for [`NAME`] and returns a configuration with it.
    fn server_config(&self, validity: Validity) -> Result<ServerConfig> {
        let mut params = CertificateParams::new([NAME.to_owned()])?;
        params.distinguished_name = distinguished_name(NAME);
        if let Validity::Expired = validity {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerConfig::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())?)
    }
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}
