//! HTTPS for the client of hyper-util. Requires the feature `hyper`.
#![cfg_attr(feature = "axum", doc = "\nThe [manual](crate::manual::http) shows how it is used.")]

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::hyper::Uri;
use ::hyper::http::uri::Scheme;
use ::hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use pki_types::ServerName;
use tower_service::Service;

use crate::tokio::{TlsConnector, TlsStream};
use crate::{ClientConfig, IntoServerName, Session};

/// Connects the client of hyper-util, or that of tonic, to HTTPS servers. Cheap to clone if the
/// transport's connector is.
///
/// HTTP/2 is used if ALPN selects `h2`, and HTTP/1 otherwise. Only `https` is allowed, unless
/// [`set_allow_http`](Self::set_allow_http) says otherwise. The [`ConnectionInfo`] is an extension
/// of each response.
///
/// ```no_run
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use strata_tls::{ClientConfig, hyper::HttpsConnector};
///
/// # async fn get(config: ClientConfig, body: String) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(TokioExecutor::new()).build(HttpsConnector::new(config));
/// # let _: &Client<_, String> = &client;
/// let response = client.get("https://www.example.com/".parse()?).await?;
/// # Ok(())
/// # }
/// ```
///
/// [`ConnectionInfo`]: crate::ConnectionInfo
#[derive(Clone, Debug)]
pub struct HttpsConnector<C> {
    transport: C,
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
    allow_http: bool,
}

impl HttpsConnector<HttpConnector> {
    /// Creates a connector over TCP that offers HTTP/2 and HTTP/1.1: it replaces the
    /// [ALPN protocols](ClientConfig::set_alpn_protocols) of `config`. For other protocols, a
    /// timeout or another transport, use [`with_transport`](Self::with_transport).
    #[must_use]
    pub fn new(mut config: ClientConfig) -> Self {
        // Two short names are never an error. Without them, the client would use HTTP/1.
        let _ = config.set_alpn_protocols(["h2", "http/1.1"]);
        let mut tls = TlsConnector::new(Arc::new(config));
        // An HTTP client sends at once.
        tls.set_delay_finished(true);
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // Its own check would reject `https`. This connector has another.
        tcp.enforce_http(false);
        Self::with_transport(tcp, tls)
    }
}

impl<C> HttpsConnector<C> {
    /// Creates a connector over the connections of `transport`, for example through a proxy. An
    /// [`HttpConnector`] needs `enforce_http(false)`.
    ///
    /// HTTP/2 requires that the configuration of `tls` offers `h2`
    /// ([`set_alpn_protocols`](ClientConfig::set_alpn_protocols)).
    #[must_use]
    pub fn with_transport(transport: C, tls: impl Into<TlsConnector>) -> Self {
        Self { transport, tls: tls.into(), server_name: None, allow_http: false }
    }

    /// Sets whether `http` is allowed: such connections are not encrypted. Default: off.
    pub fn set_allow_http(&mut self, allow: bool) {
        self.allow_http = allow;
    }

    /// Sets the name that the certificate of every server must match, and that is sent as SNI,
    /// whatever the host of the URI is. Default: the host of the URI.
    pub fn set_server_name(&mut self, name: ServerName<'static>) {
        self.server_name = Some(name);
    }

    /// Returns the server name if the connection is to be encrypted.
    fn server_name(&self, uri: &Uri) -> io::Result<Option<ServerName<'static>>> {
        let host = uri.host().unwrap_or_default();
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => {}
            Some(scheme) if *scheme == Scheme::HTTP && self.allow_http => return Ok(None),
            Some(scheme) if *scheme == Scheme::HTTP => {
                return Err(invalid(format!(
                    "http to {host:?} is not encrypted; write https, or call HttpsConnector::set_allow_http"
                )));
            }
            _ => return Err(invalid("the URI has another scheme than https; write https".to_owned())),
        }
        if let Some(name) = &self.server_name {
            return Ok(Some(name.clone()));
        }
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let name = address.unwrap_or(host).into_server_name();
        name.map(Some).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

type BoxError = Box<dyn Error + Send + Sync>;

/// The errors are those of the transport's connector, or an [`io::Error`] as of
/// [`TlsConnector::connect`].
impl<C> Service<Uri> for HttpsConnector<C>
where
    C: Service<Uri, Response: Read + Write + Unpin + Send + 'static, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = MaybeHttpsStream<C::Response>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.transport.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let name = match self.server_name(&uri) {
            Ok(name) => name,
            Err(e) => return Box::pin(async { Err(e.into()) }),
        };
        let connecting = self.transport.call(uri);
        let Some(name) = name else {
            return Box::pin(async { Ok(MaybeHttpsStream::Http(connecting.await.map_err(Into::into)?)) });
        };
        let tls = self.tls.clone();
        Box::pin(async move {
            let transport = connecting.await.map_err(Into::into)?;
            let stream = tls.connect(name, TokioIo::new(transport)).await.map_err(io::Error::from)?;
            Ok(MaybeHttpsStream::Https(TokioIo::new(stream)))
        })
    }
}

/// A connection of [`HttpsConnector`].
#[expect(clippy::large_enum_variant, reason = "nearly all are encrypted; a box would be an allocation for nothing")]
#[derive(Debug)]
#[non_exhaustive]
pub enum MaybeHttpsStream<IO> {
    /// Not encrypted, which [`HttpsConnector::set_allow_http`] allowed.
    Http(IO),
    /// Encrypted.
    Https(TokioIo<TlsStream<TokioIo<IO>>>),
}

impl<IO: Connection> Connection for MaybeHttpsStream<IO> {
    fn connected(&self) -> Connected {
        let stream = match self {
            Self::Http(io) => return io.connected(),
            Self::Https(stream) => stream.inner(),
        };
        let mut connected = stream.get_ref().inner().connected();
        if stream.session().alpn_protocol() == Some(b"h2") {
            connected = connected.negotiated_h2();
        }
        match stream.session().connection_info() {
            Some(info) => connected.extra(info),
            None => connected,
        }
    }
}

impl<IO: Read + Write + Unpin> Read for MaybeHttpsStream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Http(io) => Pin::new(io).poll_read(cx, buf),
            Self::Https(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<IO: Read + Write + Unpin> Write for MaybeHttpsStream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Http(io) => Pin::new(io).poll_write(cx, buf),
            Self::Https(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Http(io) => Pin::new(io).poll_flush(cx),
            Self::Https(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Http(io) => Pin::new(io).poll_shutdown(cx),
            Self::Https(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Http(io) => io.is_write_vectored(),
            Self::Https(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Http(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Https(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }
}
