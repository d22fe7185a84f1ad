//! This library.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use tls_api::{
    AllowAnyAuthenticatedClient, CipherSuite, ClientConfig, ClientSession, NamedGroup, NoClientSessionStorage,
    ServerConfig, ServerName, ServerSession, ServerSessionMemoryCache, Session, identity_from_pem,
};

use crate::{Certificates, Endpoint, Library, SESSIONS, Sessions, Setup, Shown, Version};

/// This library, through its buffered sessions.
#[derive(Debug)]
pub struct Ours {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
}

impl Library for Ours {
    const NAME: &'static str = "ours";
    type Client = Side<ClientSession>;
    type Server = Side<ServerSession>;

    fn new(certificates: &Certificates, setup: Setup) -> Self {
        let roots = tls_api::root_store_from_pem(certificates.root.as_bytes()).expect("our own root");
        let identity = || {
            identity_from_pem(certificates.chain.as_bytes(), certificates.key.as_bytes()).expect("our own certificate")
        };
        let mut client = ClientConfig::with_roots(roots.clone());
        let mut server = ServerConfig::new(identity());
        let suites = [match setup.version {
            Version::Tls13 => CipherSuite::TLS_AES_128_GCM_SHA256,
            Version::Tls12 => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        }];
        client.set_cipher_suites(&suites).expect("supported");
        server.set_cipher_suites(&suites).expect("supported");
        if setup.certificates == Shown::ByBoth {
            client.set_client_identity(identity());
            let verifier = AllowAnyAuthenticatedClient::new(roots);
            server.set_client_cert_verifier(Arc::new(verifier)).expect("one short name");
        }
        match setup.sessions {
            Sessions::Nowhere => {
                client.set_session_storage(Arc::new(NoClientSessionStorage));
                server.disable_resumption();
            }
            Sessions::Tickets => {}
            Sessions::Store => server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(SESSIONS))),
        }
        if setup.sessions == Sessions::Store && setup.version == Version::Tls12 {
            client.set_tickets(false);
        }
        server.set_send_tls13_tickets(1);
        // The second is for the certificates: in TLS 1.2 the list is about their curves as well.
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
        client.set_groups(&groups).expect("supported");
        server.set_groups(&groups).expect("supported");
        let name = ServerName::try_from("localhost").expect("a name");
        Self { client: Arc::new(client), server: Arc::new(server), name }
    }

    fn client(&self) -> Self::Client {
        Side(ClientSession::new(&self.client, self.name.clone()).expect("a client"))
    }

    fn server(&self) -> Self::Server {
        Side(ServerSession::new(&self.server))
    }
}

/// A session of this library.
#[derive(Debug)]
pub struct Side<S>(S);

impl<S: Session> Endpoint for Side<S> {
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        self.0.read_tls(from)
    }

    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        self.0.write_tls(to)
    }

    fn process(&mut self) {
        self.0.process_new_packets().expect("the peer keeps to the protocol");
    }

    fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    fn is_resumed(&self) -> bool {
        self.0.handshake_kind() == Some(tls_api::HandshakeKind::Resumed)
    }

    fn wants_write(&self) -> bool {
        self.0.wants_write()
    }

    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.0.write(plaintext)
    }

    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize> {
        self.0.read(plaintext)
    }
}
