//! rustls with its ring provider, set up to do the same work.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
    client::{Resumption, Tls12Resumption},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier},
};

use crate::{Certificates, Endpoint, Library, SESSIONS, Sessions, Setup, Shown, Side, Version};

/// rustls with its ring provider.
#[derive(Debug)]
pub struct Rustls {
    setup: Setup,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
}

impl Library for Rustls {
    const NAME: &'static str = "rustls";
    type Client = Connection;
    type Server = Connection;

    fn new(certificates: &Certificates, setup: Setup) -> Self {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: vec![match setup.version {
                Version::Tls13 => ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
                Version::Tls12 => ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            }],
            kx_groups: vec![ring::kx_group::X25519, ring::kx_group::SECP256R1],
            ..ring::default_provider()
        });
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificates.root.as_bytes()).expect("PEM")).expect("our own root");
        let versions: &[&rustls::SupportedProtocolVersion] = match setup.version {
            Version::Tls13 => &[&rustls::version::TLS13],
            Version::Tls12 => &[&rustls::version::TLS12],
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates.chain.as_bytes()).collect();
        let chain = chain.expect("PEM");
        let key = || PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).expect("PEM");
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .expect("a version with a suite")
            .with_root_certificates(roots.clone());
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .expect("a version with a suite");
        let (mut client, server) = match setup.certificates {
            Shown::ByServer => (client.with_no_client_auth(), server.with_no_client_auth()),
            Shown::ByBoth => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                (
                    client.with_client_auth_cert(chain.clone(), key()).expect("our own certificate and key"),
                    server.with_client_cert_verifier(verifier.expect("a root")),
                )
            }
        };
        let mut server = server.with_single_cert(chain, key()).expect("our own certificate and key");
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 1;
        match setup.sessions {
            Sessions::Nowhere => {
                client.resumption = Resumption::disabled();
                server.send_tls13_tickets = 0;
            }
            Sessions::Tickets => server.ticketer = ring::Ticketer::new().expect("randomness"),
            Sessions::Store => {
                client.resumption = resumption(setup);
                server.session_storage = ServerSessionMemoryCache::new(SESSIONS);
            }
        }

        let name = ServerName::try_from("localhost").expect("a name");
        Self { setup, client: Arc::new(client), server: Arc::new(server), name }
    }

    fn sharing(&self, side: Side) -> Self {
        // A clone has its own counts, and shares what sessions are kept in.
        let (client, server) = match side {
            Side::Client => (self.client.clone(), Arc::new(ServerConfig::clone(&self.server))),
            Side::Server => {
                let mut client = ClientConfig::clone(&self.client);
                if self.setup.sessions != Sessions::Nowhere {
                    client.resumption = resumption(self.setup);
                }
                (Arc::new(client), self.server.clone())
            }
        };
        Self { setup: self.setup, client, server, name: self.name.clone() }
    }

    fn client(&self) -> Connection {
        ClientConnection::new(self.client.clone(), self.name.clone()).expect("a client").into()
    }

    fn server(&self) -> Connection {
        ServerConnection::new(self.server.clone()).expect("a server").into()
    }
}

/// Its default, but for the ids of TLS 1.2, which it would not use where it takes tickets.
fn resumption(setup: Setup) -> Resumption {
    let default = Resumption::default();
    match setup.sessions {
        Sessions::Store => default.tls12_resumption(Tls12Resumption::SessionIdOnly),
        Sessions::Nowhere | Sessions::Tickets => default,
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

    fn is_resumed(&self) -> bool {
        self.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
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
