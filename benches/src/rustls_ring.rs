//! rustls with its ring provider, set up to do the same work.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::NoServerSessionStorage,
};

use crate::{Certificates, Endpoint, Library};

/// rustls with its ring provider.
#[derive(Debug)]
pub struct Rustls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
}

impl Library for Rustls {
    const NAME: &'static str = "rustls";
    type Client = Connection;
    type Server = Connection;

    fn new(certificates: &Certificates) -> Self {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![ring::kx_group::X25519],
            ..ring::default_provider()
        });
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificates.root.as_bytes()).expect("PEM")).expect("our own root");
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();

        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates.chain.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).expect("PEM");
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(chain.expect("PEM"), key)
            .expect("our own certificate and key");
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;

        let name = ServerName::try_from("localhost").expect("a name");
        Self { client: Arc::new(client), server: Arc::new(server), name }
    }

    fn client(&self) -> Connection {
        ClientConnection::new(self.client.clone(), self.name.clone()).expect("a client").into()
    }

    fn server(&self) -> Connection {
        ServerConnection::new(self.server.clone()).expect("a server").into()
    }
}

impl Endpoint for Connection {
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        self.read_tls(from)
    }

    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        self.write_tls(to)
    }

    fn process(&mut self) {
        self.process_new_packets().expect("the peer keeps to the protocol");
    }

    fn is_handshaking(&self) -> bool {
        (**self).is_handshaking()
    }

    fn wants_write(&self) -> bool {
        (**self).wants_write()
    }

    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.writer().write(plaintext)
    }

    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize> {
        self.reader().read(plaintext)
    }
}
