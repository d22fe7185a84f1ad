//! Accepts connections, and passes each on to the server of its route.

pub(crate) mod config;
pub(crate) mod proxy_header;

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use strata_tls_codec::{Alert, AlertDescription, ClientHelloPeeker, Peek, PeekError};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use config::{Config, Target};
use proxy_header::Origin;

/// Routes the connections of any number of listeners.
pub(crate) struct Router {
    config: Config,
    free: Arc<Semaphore>,
    log: fn(&str),
}

impl Router {
    /// `log` gets a line for each connection when it ends.
    pub(crate) fn new(config: Config, log: fn(&str)) -> Self {
        let free = Arc::new(Semaphore::new(config.max_connections));
        Self { config, free, log }
    }

    /// Serves a listener, and never returns.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            // Clients above the limit wait in the queue of the listener.
            let Ok(permit) = self.free.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((client, address)) => {
                    let router = self.clone();
                    tokio::spawn(async move {
                        let end = router.serve(client, address).await;
                        (router.log)(&format!("{address} {end}"));
                        drop(permit);
                    });
                }
                Err(e) => {
                    (self.log)(&format!("cannot accept a connection: {e}"));
                    // Most likely, there are too many open files.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Serves a client; returns how its connection ended.
    async fn serve(&self, mut client: TcpStream, address: SocketAddr) -> String {
        let mut received = Vec::new();
        let mut peeker = ClientHelloPeeker::with_limit(self.config.hello_limit);
        let started =
            match timeout(self.config.hello_timeout, read_start(&mut client, &mut peeker, &mut received)).await {
                Ok(Ok(started)) => started,
                Ok(Err(e)) => return format!("failed before its first message: {e}"),
                Err(_) => return "sent no ClientHello in time".into(),
            };
        if !started {
            return "closed before its first message".into();
        }
        let (target, name) = match peeker.peek(&received) {
            Ok(Peek::ClientHello(hello)) => {
                let name = hello.extensions.server_name.and_then(|names| names.host_name()).map(<[u8]>::to_vec);
                match self.config.choose(&hello) {
                    Ok(target) => (target, name),
                    Err(alert) => {
                        self.answer(&mut client, alert).await;
                        let name = name.map_or("without a name".into(), |name| name.escape_ascii().to_string());
                        return format!("{name}: no route, answered with {alert}");
                    }
                }
            }
            Err(error) => match (&self.config.not_tls, error, error.alert()) {
                (Some(target), PeekError::NotTls(_), _) => (target, None),
                (_, _, Some(alert)) => {
                    self.answer(&mut client, alert).await;
                    return format!("{error}; answered with {alert}");
                }
                (_, _, None) => return format!("{error}; disconnected"),
            },
            Ok(Peek::Incomplete { .. }) => return "closed inside of its first message".into(),
        };
        let label = name.as_ref().map_or("-".into(), |name| name.escape_ascii().to_string());
        let mut server = match self.connect(target, &client, address, name.as_deref(), &received).await {
            Ok(server) => server,
            Err(e) => {
                // Clients of other protocols would take an alert for garbage.
                if self.config.not_tls.as_ref() != Some(target) {
                    self.answer(&mut client, AlertDescription::INTERNAL_ERROR).await;
                }
                return format!("{label} {}: cannot be reached: {e}", target.address);
            }
        };
        drop(received);
        drop(peeker);
        let end = match pass(&mut client, &mut server, self.config.idle_timeout).await {
            Ok([sent, returned]) => format!("sent {sent}, received {returned} bytes"),
            Err(e) => {
                // The other side gets a reset too, which no peer takes for the end of data.
                let _ = client.set_zero_linger();
                let _ = server.set_zero_linger();
                format!("failed: {e}")
            }
        };
        format!("{label} {}: {end}", target.address)
    }

    /// Connects to a server, and sends what the client sent so far.
    async fn connect(
        &self,
        target: &Target,
        client: &TcpStream,
        address: SocketAddr,
        name: Option<&[u8]>,
        received: &[u8],
    ) -> io::Result<TcpStream> {
        let connecting = async {
            let mut server = TcpStream::connect(&target.address).await?;
            // Records are passed on as they come.
            server.set_nodelay(true)?;
            client.set_nodelay(true)?;
            let mut start = Vec::new();
            if let Some(version) = target.proxy {
                start = Origin { client: address, server: client.local_addr()?, name }.header(version);
            }
            start.extend_from_slice(received);
            server.write_all(&start).await?;
            Ok(server)
        };
        timeout(self.config.connect_timeout, connecting).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }

    /// Sends an alert, and waits until the client has closed or the time is over: a connection that
    /// is closed with unread bytes is reset, and the alert lost.
    async fn answer(&self, client: &mut TcpStream, alert: AlertDescription) {
        let answering = async {
            client.write_all(&Alert::fatal(alert).to_record()).await?;
            client.shutdown().await?;
            let mut rest = client.take(1 << 20);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // A failure changes nothing: the connection ends.
        let _ = timeout(self.config.hello_timeout, answering).await;
    }
}

/// Reads until the peeker has an answer. Returns `false` if the client closed and sent nothing.
async fn read_start(
    client: &mut TcpStream,
    peeker: &mut ClientHelloPeeker,
    received: &mut Vec<u8>,
) -> io::Result<bool> {
    loop {
        // The peeker answers before more than its limit is there.
        if client.read_buf(received).await? == 0 {
            return Ok(!received.is_empty());
        }
        match peeker.peek(received) {
            Ok(Peek::Incomplete { .. }) => {}
            _ => return Ok(true),
        }
    }
}

/// Passes bytes on in both directions until both have ended; returns their numbers.
async fn pass(client: &mut TcpStream, server: &mut TcpStream, idle_timeout: Duration) -> io::Result<[u64; 2]> {
    let passed = [AtomicU64::new(0), AtomicU64::new(0)];
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let both =
        async { tokio::try_join!(pump(from_client, to_server, &passed[0]), pump(from_server, to_client, &passed[1])) };
    let count = || [0, 1].map(|at| passed[at].load(Ordering::Relaxed));
    let idle = async {
        let mut before = count();
        loop {
            sleep(idle_timeout).await;
            let now = count();
            if now == before {
                return;
            }
            before = now;
        }
    };
    tokio::select! {
        result = both => result.map(|_| count()),
        () = idle => Err(ErrorKind::TimedOut.into()),
    }
}

/// Passes bytes on in one direction until its end, and then the end.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, passed: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
        passed.fetch_add(count.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
