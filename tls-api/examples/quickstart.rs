//! TLS in one file: makes a certificate authority and a certificate, serves HTTPS on this machine, fetches a page from
//! it, tells what was negotiated, and shows how impostors and mistakes are refused.
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

/// The name that the server's certificates are for.
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
    let authority = Authority::new("Quickstart's authority")?;
    let somebody_else = Authority::new("Somebody else's authority")?;

    let server = serve(authority.identity(Validity::Current)?)?;
    let expired_server = serve(authority.identity(Validity::Expired)?)?;
    println!("serving https://{NAME}/ at {server}\n");

    println!("a page, fetched by a client that trusts \"{}\":", authority.name);
    let config = trust(&authority)?;
    let report = fetch(&config, server, NAME)?;
    println!("{report}");

    println!("\nand what a client refuses:");
    let other_roots = trust(&somebody_else)?;
    let cases = [
        ("another name", fetch(&config, server, "bank.test")),
        ("an unknown authority", fetch(&other_roots, server, NAME)),
        ("an expired certificate", fetch(&config, expired_server, NAME)),
    ];
    for (what, outcome) in cases {
        match outcome {
            Ok(_) => return Err(format!("{what} was accepted, and must not be: please report this").into()),
            Err(e) => println!("  {what}:\n    {e}"),
        }
    }
    Ok(())
}

/// A client's configuration: whom to trust is all that it has to be told.
fn trust(authority: &Authority) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::with_roots(strata_tls::root_store_from_pem(authority.pem.as_bytes())?);
    config.set_alpn_protocols(&[b"http/1.1"])?;
    Ok(Arc::new(config))
}

/// Fetches `/` and tells how it went.
fn fetch(config: &Arc<ClientConfig>, server: SocketAddr, name: &str) -> Result<String> {
    let start = Instant::now();
    let socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    let connected = start.elapsed();

    let mut session = ClientSession::new(config, name.to_owned().try_into()?)?;
    let mut transport = CountTurns::new(socket);
    session.complete_io(&mut transport)?;
    let (established, round_trips) = (start.elapsed(), transport.turns);

    let mut stream = StreamOwned::new(session, transport);
    write!(stream, "GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    // Ends well only if the server said that this is all; `is_truncation` would tell, for protocols that can do without.
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
        stream.transport.turns - round_trips,
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

/// Starts a server on a free port, in a thread that ends with the program.
fn serve(config: ServerConfig) -> Result<SocketAddr> {
    let mut config = config;
    config.set_alpn_protocols(&[b"http/1.1"])?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // That a client refused us is shown from its side.
            let _ = answer(ServerSession::new(&config), socket);
        }
    });
    Ok(address)
}

/// Answers one request.
fn answer(session: ServerSession, socket: TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut request = BufReader::new(StreamOwned::new(session, socket));
    let mut line = String::new();
    while request.read_line(&mut line)? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    let mut stream = request.into_inner();
    let page = "Hello over TLS.\n";
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len())?;
    // This is what tells the client that nothing was cut off; then its own last word is waited for.
    stream.close()?;
    match stream.read(&mut [0; 64]) {
        Err(e) if is_truncation(&e) => Ok(()),
        other => other.map(drop),
    }
}

/// A socket that counts how often it was turned from writing to reading: each time a round trip is waited for.
struct CountTurns {
    socket: TcpStream,
    wrote: bool,
    turns: u32,
}

impl CountTurns {
    fn new(socket: TcpStream) -> Self {
        Self { socket, wrote: false, turns: 0 }
    }
}

impl Read for CountTurns {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.wrote) {
            self.turns += 1;
        }
        self.socket.read(buf)
    }
}

impl Write for CountTurns {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wrote = true;
        self.socket.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A certificate authority, made for this run.
struct Authority {
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

enum Validity {
    Current,
    Expired,
}

impl Authority {
    fn new(name: &'static str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = called(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { name, issuer: Issuer::new(params, key), pem })
    }

    /// A server that has a certificate for [`NAME`] from this authority.
    fn identity(&self, validity: Validity) -> Result<ServerConfig> {
        let mut params = CertificateParams::new([NAME.to_owned()])?;
        params.distinguished_name = called(NAME);
        if let Validity::Expired = validity {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerConfig::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())?)
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}
