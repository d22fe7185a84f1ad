//! Certificates and servers of the tests and examples.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use strata_tls::axum::{TlsConnectInfo, TlsListener};
use strata_tls::{AllowAnyAuthenticatedClient, ClientConfig, Identity, RootCertStore, ServerConfig};
use tokio::net::TcpListener;

/// The names of every server.
pub const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A CA for servers and clients.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

impl Ca {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Returns certificate and key as PEM.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "end entity");
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    pub fn roots(&self) -> RootCertStore {
        strata_tls::root_store_from_pem(self.pem.as_bytes()).unwrap()
    }

    /// A server of all [`NAMES`], with both versions of HTTP.
    pub fn server(&self) -> ServerConfig {
        let (cert, key) = self.issue(&NAMES);
        let mut config = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
        config.set_alpn_protocols(["h2", "http/1.1"]).unwrap();
        config
    }

    /// A server that requires a certificate of this CA.
    pub fn server_with_client_certificates(&self) -> ServerConfig {
        let mut config = self.server();
        config.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(self.roots()))).unwrap();
        config
    }

    pub fn client(&self) -> ClientConfig {
        ClientConfig::with_roots(self.roots())
    }

    /// A client with a certificate for `name`.
    pub fn client_with_certificate(&self, name: &str) -> ClientConfig {
        let (cert, key) = self.issue(&[name]);
        let mut config = self.client();
        config.set_client_identity(Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
        config
    }
}

impl Default for Ca {
    fn default() -> Self {
        Self::new()
    }
}

/// A TCP listener on a free port of this machine.
pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Serves `app` until the runtime ends.
pub async fn serve(app: Router, config: ServerConfig) -> SocketAddr {
    let (tcp, addr) = listen().await;
    serve_on(app, TlsListener::new(tcp, Arc::new(config)));
    addr
}

/// Serves `app` on this listener until the runtime ends.
pub fn serve_on(app: Router, listener: TlsListener<TcpListener>) {
    let app = app.into_make_service_with_connect_info::<TlsConnectInfo<SocketAddr>>();
    tokio::spawn(async { axum::serve(listener, app).await });
}
