//! Answers that take time, from services over real sockets.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strata_tls::handshake::SessionLookup;
use strata_tls::tokio::{AnswersNeeds, StoresSessions, TlsAcceptor, TlsConnector, TlsStream};
use strata_tls::{
    Answer, ClientConfig, ClientSession, ClientSessionMemoryCache, Error, HandshakeKind, Identity, Need, NeedSession,
    Needs, NoClientSessionStorage, ProtocolVersion, ServerConfig, ServerSessionValue, Session, SignatureScheme,
    UnixTime,
};
use tls_crypto::{PrivateKey, SignatureAlgorithm};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::pki::{Ca, FAR, Kind, VERSIONS, configs};

/// A key-value store in another task, reached over TCP: a database, or a store of sessions.
#[derive(Clone)]
struct Store {
    address: std::net::SocketAddr,
    puts: Arc<AtomicUsize>,
}

impl Store {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut values = HashMap::new();
            loop {
                let (mut tcp, _) = listener.accept().await.unwrap();
                let (op, key, value) = read_request(&mut tcp).await.unwrap();
                let found = match op {
                    b'p' => values.insert(key, value),
                    b'g' => values.get(&key).cloned(),
                    _ => values.remove(&key),
                };
                // A byte that says whether there is a value.
                let answer = found.map_or(vec![0], |value| [&[1], &value[..]].concat());
                tcp.write_all(&answer).await.unwrap();
            }
        });
        Self { address, puts: Arc::default() }
    }

    async fn ask(&self, op: u8, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let answer = ask(self.address, op, key, value).await.unwrap();
        self.puts.fetch_add(usize::from(op == b'p'), Ordering::Relaxed);
        (answer[0] == 1).then(|| answer[1..].to_vec())
    }

    /// The number of values that were stored.
    fn puts(&self) -> usize {
        self.puts.load(Ordering::Relaxed)
    }
}

async fn read_request(tcp: &mut TcpStream) -> io::Result<(u8, Vec<u8>, Vec<u8>)> {
    let op = tcp.read_u8().await?;
    let mut parts = [Vec::new(), Vec::new()];
    for part in &mut parts {
        part.resize(usize::from(tcp.read_u16().await?), 0);
        tcp.read_exact(part).await?;
    }
    let [key, value] = parts;
    Ok((op, key, value))
}

async fn ask(service: std::net::SocketAddr, op: u8, key: &[u8], value: &[u8]) -> io::Result<Vec<u8>> {
    let mut tcp = TcpStream::connect(service).await?;
    tcp.write_u8(op).await?;
    for part in [key, value] {
        tcp.write_u16(u16::try_from(part.len()).unwrap()).await?;
        tcp.write_all(part).await?;
    }
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Connects in memory, and exchanges data.
async fn connect(
    name: &'static str,
    connector: &TlsConnector,
    acceptor: &TlsAcceptor,
) -> io::Result<(TlsStream<DuplexStream>, TlsStream<DuplexStream>)> {
    let (client, server) = duplex(1 << 16);
    let (client, server) = tokio::join!(connector.connect(name, client), acceptor.accept(server));
    let (mut client, mut server) = (client?, server?);
    client.write_all(b"question").await?;
    server.read_exact(&mut [0; 8]).await?;
    Ok((client, server))
}

/// An answer to the client, which carries the tickets.
async fn answer(client: &mut TlsStream<DuplexStream>, server: &mut TlsStream<DuplexStream>) {
    server.write_all(b"answer").await.unwrap();
    client.read_exact(&mut [0; 6]).await.unwrap();
}

/// Certificates and keys as PEM, by server name.
struct Tenants(Store);

impl AnswersNeeds for Tenants {
    async fn answer(&self, need: Need) -> Answer {
        let Need::Identity(need) = need else { return need.refuse() };
        let name = need.server_name().unwrap_or_default().to_owned();
        match self.0.ask(b'g', name.as_bytes(), b"").await {
            Some(pem) => need.answer(Arc::new(Identity::from_pem(&pem, &pem).unwrap())),
            None => need.refuse(),
        }
    }
}

#[tokio::test]
async fn identity_comes_from_a_database() {
    let ca = Ca::new(Kind::EcdsaP256);
    let store = Store::start().await;
    for name in ["a.test", "b.test"] {
        let (cert, key) = ca.issue(Kind::EcdsaP256, &[name], (2000, FAR));
        store.ask(b'p', name.as_bytes(), (cert + &key).as_bytes()).await;
    }
    let mut server = ServerConfig::with_identities([]);
    server.set_deferred_needs(Needs::IDENTITY);
    let mut acceptor = TlsAcceptor::from(Arc::new(server));
    acceptor.set_answers(Tenants(store));
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        connect("a.test", &connector, &acceptor).await.unwrap();
        connect("b.test", &connector, &acceptor).await.unwrap();
        let error = connect("c.test", &connector, &acceptor).await.unwrap_err();
        assert!(error.to_string().contains("unrecognized_name"), "{error}");
    }
}

/// A key management service, which signs.
struct Kms(std::net::SocketAddr);

impl AnswersNeeds for Kms {
    async fn answer(&self, need: Need) -> Answer {
        let Need::Signature(need) = need else { return need.refuse() };
        match ask(self.0, b's', b"", need.message()).await {
            Ok(signature) => need.answer(signature),
            Err(_) => need.fail(),
        }
    }
}

#[tokio::test]
async fn signature_comes_from_another_process() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (cert, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let key = rcgen::KeyPair::from_pem(&key).unwrap().serialize_der();
    let key = PrivateKey::from_der(&key.as_slice().try_into().unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let (_, _, message) = read_request(&mut tcp).await.unwrap();
            let signature =
                key.sign(tls_crypto::Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, &message).unwrap();
            tcp.write_all(&signature).await.unwrap();
        }
    });
    // Requests of a key outside this process are always the application's.
    let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
    let identity = Identity::with_remote_key(chain, vec![SignatureScheme::ECDSA_SECP256R1_SHA256]).unwrap();
    let mut acceptor = TlsAcceptor::from(Arc::new(ServerConfig::new(identity)));
    acceptor.set_answers(Kms(address));
    let connectors = VERSIONS.map(|version| {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_session_storage(Arc::new(NoClientSessionStorage));
        TlsConnector::from(Arc::new(client))
    });
    for connector in &connectors {
        connect("server.test", connector, &acceptor).await.unwrap();
    }
    service.abort();
    let _ = service.await;
    let (client, server) = duplex(1 << 16);
    let (_, server) = tokio::join!(connectors[0].connect("server.test", client), acceptor.accept(server));
    assert_eq!(server.unwrap_err().tls_error(), Some(&Error::SignerFailed));
}

/// Calls the objects of the configuration, which block, on other threads.
struct OnThreads<C> {
    config: Arc<C>,
    answer: fn(&C, Need) -> Answer,
    calls: Arc<AtomicUsize>,
}

impl<C: Send + Sync + 'static> AnswersNeeds for OnThreads<C> {
    async fn answer(&self, need: Need) -> Answer {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (config, answer) = (Arc::clone(&self.config), self.answer);
        tokio::task::spawn_blocking(move || answer(&config, need)).await.unwrap()
    }
}

#[tokio::test]
async fn verifier_runs_on_another_thread() {
    for version in VERSIONS {
        let ca = Ca::new(Kind::EcdsaP256);
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_deferred_needs(Needs::VERIFICATION);
        let (config, calls) = (Arc::new(client), Arc::new(AtomicUsize::new(0)));
        let mut connector = TlsConnector::new(Arc::clone(&config));
        let answer = strata_tls::ClientConfig::answer;
        connector.set_answers(OnThreads { config, answer, calls: Arc::clone(&calls) });
        let acceptor = TlsAcceptor::from(Arc::new(ca.server_config(Kind::EcdsaP256)));
        connect("server.test", &connector, &acceptor).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let stranger = TlsAcceptor::from(configs().1);
        let error = connect("server.test", &connector, &stranger).await.unwrap_err();
        let error: &Error = error.get_ref().unwrap().downcast_ref().unwrap();
        assert!(matches!(error, Error::Certificate(_)), "{error}");
    }
}

/// Sessions in a store that is reached over the network.
struct Sessions {
    store: Store,
    identity: Arc<Identity>,
    removed: Arc<AtomicUsize>,
}

impl Sessions {
    async fn find(&self, need: NeedSession) -> Answer {
        let ids: Vec<_> = need.identities().map(<[u8]>::to_vec).collect();
        for (index, id) in ids.iter().enumerate().take(4) {
            if !need.is_store_id(id) {
                continue;
            }
            if let Some(session) = self.store.ask(b'g', id, b"").await {
                let session = ServerSessionValue::decode(&session).unwrap();
                return match need.version() {
                    ProtocolVersion::TLS13 => need.found_single_use(index, session, &self.identity, UnixTime::now()),
                    _ => need.found(index, session, &self.identity, UnixTime::now()),
                };
            }
        }
        need.not_found()
    }
}

impl AnswersNeeds for Sessions {
    async fn answer(&self, need: Need) -> Answer {
        match need {
            Need::Session(need) => self.find(need).await,
            Need::TakeSession(need) => match self.store.ask(b't', need.identity(), b"").await {
                Some(_) => need.taken(),
                None => need.gone(),
            },
            Need::NewSession(mut need) => {
                let Some(ids) = need.store_ids() else { return need.decline() };
                let sessions: Vec<_> = need.sessions(UnixTime::now()).iter().map(|session| session.encode()).collect();
                let mut tickets = Vec::new();
                for (index, session) in sessions.iter().enumerate() {
                    self.store.ask(b'p', &ids.id(index), session).await;
                    tickets.push(ids.id(index).to_vec());
                }
                need.answer(tickets)
            }
            other => other.refuse(),
        }
    }

    async fn remove_sessions(&self, ids: Vec<[u8; 32]>) {
        for id in ids {
            let was_there = self.store.ask(b't', &id, b"").await.is_some();
            self.removed.fetch_add(usize::from(was_there), Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn sessions_come_from_a_remote_store() {
    for version in VERSIONS {
        let ca = Ca::new(Kind::EcdsaP256);
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let identity = ca.identity(Kind::EcdsaP256, &["server.test"]);
        let mut server = ServerConfig::new(identity.clone());
        server.set_session_lookup(SessionLookup::Ids);
        server.set_deferred_needs(Needs::SESSION | Needs::NEW_SESSION);
        server.set_send_tls13_tickets(1);
        let store = Store::start().await;
        let removed = Arc::new(AtomicUsize::new(0));
        let mut acceptor = TlsAcceptor::from(Arc::new(server));
        acceptor.set_answers(Arc::new(Sessions {
            store: store.clone(),
            identity: Arc::new(identity),
            removed: Arc::clone(&removed),
        }));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let before = store.puts();
            let (mut client, mut server) = connect("server.test", &connector, &acceptor).await.unwrap();
            assert_eq!(server.session().handshake_kind(), Some(kind), "{version}");
            await_tickets(&mut server, &store, before).await;
            answer(&mut client, &mut server).await;
        }
        // A connection that fails removes its sessions before the application learns of it.
        let before = store.puts();
        let (mut client, mut server) = connect("server.test", &connector, &acceptor).await.unwrap();
        await_tickets(&mut server, &store, before).await;
        answer(&mut client, &mut server).await;
        let (mut transport, _) = client.into_inner();
        transport.write_all(&[&[23, 3, 3, 0, 30][..], &[0; 30]].concat()).await.unwrap();
        let error = server.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(removed.load(Ordering::Relaxed) > 0, "{version}");
    }
}

/// What `TlsAcceptor::set_session_storage` takes.
struct Database {
    store: Store,
    taken: Arc<AtomicUsize>,
}

impl StoresSessions for Database {
    async fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) {
        assert!(lifetime > 0);
        self.store.ask(b'p', id, &session).await;
    }

    async fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.store.ask(b'g', id, b"").await.map(Zeroizing::new)
    }

    async fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let taken = self.store.ask(b't', id, b"").await.map(Zeroizing::new);
        self.taken.fetch_add(usize::from(taken.is_some()), Ordering::Relaxed);
        taken
    }
}

/// Two servers share a database. Each connection ends right after the answer.
#[tokio::test]
async fn sessions_are_found_by_another_server() {
    for version in VERSIONS {
        let ca = Ca::new(Kind::EcdsaP256);
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let (store, taken) = (Store::start().await, Arc::new(AtomicUsize::new(0)));
        let mut config = ca.server_config(Kind::EcdsaP256);
        config.set_send_tls13_tickets(1);
        let config = Arc::new(config);
        let acceptors = [0, 1].map(|_| {
            let mut acceptor = TlsAcceptor::from(Arc::clone(&config));
            acceptor.set_session_storage(Database { store: store.clone(), taken: Arc::clone(&taken) });
            acceptor
        });
        for (at, kind) in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed].into_iter().enumerate()
        {
            let (mut client, mut server) = connect("server.test", &connector, &acceptors[at % 2]).await.unwrap();
            assert_eq!(server.session().handshake_kind(), Some(kind), "{version}");
            answer(&mut client, &mut server).await;
            // It waits until the session is stored.
            server.shutdown().await.unwrap();
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        }
        // Sessions of TLS 1.3 are used once.
        let is_single_use = version == ProtocolVersion::TLS13;
        assert_eq!(taken.load(Ordering::Relaxed), if is_single_use { 2 } else { 0 }, "{version}");
        // A connection that fails removes its sessions.
        let stored = store.puts();
        let (client, mut server) = connect("server.test", &connector, &acceptors[0]).await.unwrap();
        await_tickets(&mut server, &store, stored).await;
        let (mut transport, _) = client.into_inner();
        transport.write_all(&[&[23, 3, 3, 0, 30][..], &[0; 30]].concat()).await.unwrap();
        let before = taken.load(Ordering::Relaxed);
        assert_eq!(server.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(taken.load(Ordering::Relaxed) > before, "{version}");
    }
}

/// Never stores anything.
struct Stuck;

impl StoresSessions for Stuck {
    async fn put(&self, _: &[u8], _: Zeroizing<Vec<u8>>, _: u32) {
        std::future::pending::<()>().await;
    }

    async fn get(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    async fn take(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}

/// The client may close when it has the answer, so the tickets come with it.
#[tokio::test]
async fn tickets_do_not_wait_for_the_store() {
    let (client, server) = configs();
    let sessions = Arc::new(ClientSessionMemoryCache::new(10));
    let mut client = ClientConfig::clone(&client);
    client.set_session_storage(sessions.clone());
    let mut acceptor = TlsAcceptor::from(server);
    acceptor.set_session_storage(Stuck);
    let (mut client, mut server) = connect("server.test", &Arc::new(client).into(), &acceptor).await.unwrap();
    answer(&mut client, &mut server).await;
    assert!(!sessions.is_empty());
}

/// Replays the first flight of a client at two servers of one database, one after the other.
#[tokio::test]
async fn early_data_is_accepted_once_by_all_servers() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.enable_early_data(true);
    let client = Arc::new(client);
    let connector = TlsConnector::from(Arc::clone(&client));
    let (store, taken) = (Store::start().await, Arc::new(AtomicUsize::new(0)));
    let mut config = ca.server_config(Kind::EcdsaP256);
    config.set_max_early_data_size(100);
    let config = Arc::new(config);
    let acceptors = [0, 1].map(|_| {
        let mut acceptor = TlsAcceptor::from(Arc::clone(&config));
        acceptor.set_session_storage(Database { store: store.clone(), taken: Arc::clone(&taken) });
        acceptor
    });
    let (mut at_client, mut at_server) = connect("server.test", &connector, &acceptors[0]).await.unwrap();
    at_server.shutdown().await.unwrap();
    assert_eq!(at_client.read(&mut [0]).await.unwrap(), 0);

    let mut session = ClientSession::new(&client, "server.test").unwrap();
    session.early_data().unwrap().write_all(b"buy").unwrap();
    let mut flight = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut flight).unwrap();
    }
    for (acceptor, accepted) in [(&acceptors[1], 3), (&acceptors[0], 0), (&acceptors[1], 0)] {
        let (mut replayed, end) = duplex(1 << 16);
        replayed.write_all(&flight).await.unwrap();
        let serve = async {
            match acceptor.accept(end).await {
                Ok(mut stream) => stream.read_early_data(&mut [0; 10]).await.unwrap_or(0),
                Err(_) => 0,
            }
        };
        let close = async {
            // The server's answer. Without early data it waits for a Finished that never comes.
            replayed.read_exact(&mut [0; 100]).await.unwrap();
            replayed.shutdown().await.unwrap();
        };
        assert_eq!(tokio::join!(serve, close).0, accepted);
    }
}

/// The tickets of TLS 1.3 follow when they are ready. A read waits for them too.
async fn await_tickets(server: &mut TlsStream<DuplexStream>, store: &Store, before: usize) {
    let has_tickets = server.session().protocol_version() == Some(ProtocolVersion::TLS13);
    while has_tickets && store.puts() == before {
        let mut room = [0];
        tokio::select! {
            biased;
            result = server.read(&mut room) => panic!("{result:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
}

/// Never answers.
struct Never;

impl AnswersNeeds for Never {
    async fn answer(&self, _: Need) -> Answer {
        std::future::pending().await
    }
}

/// In TLS 1.3 no data waits for tickets. Only close_notify does, which nothing can follow.
#[tokio::test]
async fn data_passes_before_tickets_are_ready() {
    let (client, server) = configs();
    let mut server = ServerConfig::clone(&server);
    server.set_deferred_needs(Needs::NEW_SESSION);
    let mut acceptor = TlsAcceptor::from(Arc::new(server));
    acceptor.set_answers(Never);
    let connector = TlsConnector::from(client);
    let (mut client, mut server) = connect("server.test", &connector, &acceptor).await.unwrap();
    answer(&mut client, &mut server).await;
    server.write_all(b"answer").await.unwrap();
    server.flush().await.unwrap();
    let mut room = [0; 6];
    tokio::select! {
        biased;
        closed = server.shutdown() => panic!("{closed:?}"),
        read = client.read_exact(&mut room) => drop(read.unwrap()),
    }
}

/// Answers on request.
struct Later(Arc<Notify>, Arc<ServerConfig>);

impl AnswersNeeds for Later {
    async fn answer(&self, need: Need) -> Answer {
        self.0.notified().await;
        self.1.answer(need)
    }
}

/// One task closes, and another one reads, which drives the answer.
#[tokio::test]
async fn closing_task_is_woken_when_tickets_are_ready() {
    let (client, server) = configs();
    let mut server = ServerConfig::clone(&server);
    server.set_deferred_needs(Needs::NEW_SESSION);
    let server = Arc::new(server);
    let ready = Arc::new(Notify::new());
    let mut acceptor = TlsAcceptor::from(Arc::clone(&server));
    acceptor.set_answers(Later(Arc::clone(&ready), server));
    let connector = TlsConnector::from(client);
    let (mut client, server) = connect("server.test", &connector, &acceptor).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(server);
    let closing = tokio::spawn(async move { writer.shutdown().await });
    tokio::task::yield_now().await;
    let reading = tokio::spawn(async move { reader.read(&mut [0]).await });
    tokio::task::yield_now().await;
    ready.notify_one();
    closing.await.unwrap().unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    drop(client);
    drop(reading.await.unwrap());
    // The tickets arrived.
    let (_client, server) = connect("server.test", &connector, &acceptor).await.unwrap();
    assert_eq!(server.session().handshake_kind(), Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn handshake_without_answers_fails_and_says_why() {
    let (client, server) = configs();
    let mut server = ServerConfig::clone(&server);
    server.set_deferred_needs(Needs::IDENTITY);
    let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(Arc::new(server)));
    let (at_client, at_server) = duplex(1 << 16);
    let (_, error) = tokio::join!(async { drop(connector.connect("server.test", at_client).await) }, async {
        acceptor.accept(at_server).await.map(drop).map_err(io::Error::from).unwrap_err()
    },);
    let expected = "the handshake waits for an identity, which the configuration defers; call set_answers";
    assert_eq!(error.to_string(), expected);
}

/// Gives each connection the answer of the one before.
struct Confused(std::sync::Mutex<Option<Answer>>);

impl AnswersNeeds for Confused {
    async fn answer(&self, need: Need) -> Answer {
        let own = need.refuse();
        self.0.lock().unwrap().replace(own).unwrap()
    }
}

#[tokio::test]
async fn answer_of_another_connection_is_an_error() {
    let (client, server) = configs();
    let mut server = ServerConfig::clone(&server);
    server.set_deferred_needs(Needs::IDENTITY);
    let server = Arc::new(server);
    // An answer of some other connection.
    let mut other = strata_tls::ServerSession::new(&server);
    let mut hello = strata_tls::ClientSession::new(&client, "server.test").unwrap();
    let mut wire = Vec::new();
    hello.write_tls(&mut wire).unwrap();
    other.read_tls(&mut &wire[..]).unwrap();
    other.process_new_packets().unwrap();
    let answer = other.take_need().unwrap().refuse();
    let mut acceptor = TlsAcceptor::from(server);
    acceptor.set_answers(Confused(std::sync::Mutex::new(Some(answer))));
    let (at_client, at_server) = duplex(1 << 16);
    let connector = TlsConnector::from(client);
    let (_, error) = tokio::join!(async { drop(connector.connect("server.test", at_client).await) }, async {
        acceptor.accept(at_server).await.map(drop).map_err(io::Error::from).unwrap_err()
    },);
    assert_eq!(error.to_string(), Error::WrongAnswer.to_string());
}
