//! A server and a client under tokio: the server echoes lines, the client sends one.
//!
//! ```sh
//! cargo run -p strata-tls --features tokio --example async_echo
//! ```

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use strata_tls::tokio::{TlsAcceptor, TlsConnector};
use strata_tls::{ClientConfig, ServerConfig, Session};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Echoes lines until the client closes.
async fn echo_lines(acceptor: TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await?;
        line.clear();
    }
    stream.shutdown().await // sends close_notify
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<()> {
    loop {
        let (tcp, from) = listener.accept().await?;
        let acceptor = acceptor.clone();
        // The handshake too is in a task of its own, so that a slow client does not hold up others.
        tokio::spawn(async move {
            if let Err(e) = echo_lines(acceptor, tcp).await {
                eprintln!("{from}: {e}");
            }
        });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());

    let mut acceptor = TlsAcceptor::new(Arc::new(ServerConfig::from_pem(cert.as_bytes(), key.as_bytes())?));
    acceptor.set_handshake_timeout(Duration::from_secs(10));
    acceptor.set_max_handshakes(1000);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(listener, acceptor));

    let roots = strata_tls::root_store_from_pem(cert.as_bytes())?;
    let connector = TlsConnector::new(Arc::new(ClientConfig::with_roots(roots)));
    let mut stream = connector.connect("localhost", TcpStream::connect(address).await?).await?;
    stream.write_all(b"hello\n").await?;
    stream.flush().await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    stream.shutdown().await?;
    println!("{:?} sent back: {line}", stream.session().connection_info());
    Ok(())
}
