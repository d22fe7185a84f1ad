//! A client and a server connected in memory, with certificates made for the test.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(unreachable_patterns, reason = "inside the crate, a non-exhaustive enum is exhaustive")]

use std::io::IoSlice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use strata_tls_handshake::config::{ClientConfig, KeyLog, ServerConfig};
use strata_tls_handshake::error::Error;
use strata_tls_handshake::need::{Answer, Need};
use strata_tls_handshake::verify::ServerVerifier;
use strata_tls_handshake::{
    ClientConnection, ClientSessionValue, Connection, ExternalPsk, Identity, Outgoing, Progress, Role, RootCertStore,
    ServerConnection,
};
use tls_crypto::{Backend, PrivateKey, SignatureAlgorithm};

/// A CA, a server certificate for `a.test` and a client certificate.
pub struct Pki {
    pub verifier: ServerVerifier,
    pub identity: Arc<Identity>,
    pub leaf: CertificateDer<'static>,
    /// The client's identity, with a key of the same type.
    pub client: Arc<Identity>,
    key: Vec<u8>,
}

static CA_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Stapled data. These tests do not parse it.
pub const OCSP_RESPONSE: &[u8] = b"an OCSP response";
pub const SCTS: [&[u8]; 2] = [b"one SCT", b"another"];

impl Pki {
    pub fn new() -> Self {
        Self::with_key(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub fn with_key(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        Self::of(&|| KeyPair::generate_for(algorithm).unwrap(), &["a.test"])
    }

    /// Returns one for each key type, with its name.
    pub fn of_all_key_types() -> [(&'static str, Self); 4] {
        [
            ("ECDSA P-256", Self::with_key(&rcgen::PKCS_ECDSA_P256_SHA256)),
            ("ECDSA P-384", Self::with_key(&rcgen::PKCS_ECDSA_P384_SHA384)),
            ("Ed25519", Self::with_key(&rcgen::PKCS_ED25519)),
            ("RSA 2048", Self::with_rsa_key()),
        ]
    }

    /// Uses the 2,048-bit RSA key of the test data, which protects nothing.
    pub fn with_rsa_key() -> Self {
        let der = PrivatePkcs8KeyDer::from(include_bytes!("../data/rsa2048.pkcs8.der").as_slice());
        Self::of(&|| KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).unwrap(), &["a.test"])
    }

    /// Returns one whose server certificate has these names or IP addresses.
    pub fn for_names(names: &[&str]) -> Self {
        Self::of(&|| KeyPair::generate().unwrap(), names)
    }

    fn of(key: &dyn Fn() -> KeyPair, names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each CA has its own name, so the certificates of another have an unknown issuer.
        let number = CA_COUNT.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("CA {number}"));
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |names: &[&str]| {
            let (key, names): (_, Vec<String>) = (key(), names.iter().map(|name| (*name).to_owned()).collect());
            let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
            (leaf.der().clone(), key.serialize_der())
        };
        let ((leaf, key), (client_leaf, client_key)) = (issue(names), issue(&["client.test"]));
        let mut roots = RootCertStore::new();
        roots.add(ca.der()).unwrap();
        let identity = Identity::new(vec![leaf.clone()], private_key(&key)).unwrap();
        let client = Identity::new(vec![client_leaf], private_key(&client_key)).unwrap();
        Self { verifier: roots.into(), identity: Arc::new(identity), leaf, client: Arc::new(client), key }
    }

    /// Adds an OCSP response and SCTs.
    pub fn stapled(mut self) -> Self {
        let mut identity = Identity::new(vec![self.leaf.clone()], self.private_key()).unwrap();
        identity.set_unchecked_ocsp_response(Some(OCSP_RESPONSE.to_vec())).unwrap();
        identity.set_signed_certificate_timestamps(SCTS.map(<[u8]>::to_vec).to_vec()).unwrap();
        self.identity = Arc::new(identity);
        self
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        private_key(&self.key).sign(Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, message).unwrap()
    }

    pub fn private_key(&self) -> PrivateKey {
        private_key(&self.key)
    }

    /// The private scalar of a P-256 key, at its offset in PKCS#8.
    pub fn secret_scalar(&self) -> &[u8] {
        &self.key[36..68]
    }

    /// Answers a need as the facade does.
    pub fn answer(&self, need: Need) -> Answer {
        match need {
            Need::Identity(need) => need.answer(self.identity.clone()),
            Need::Signature(need) => need.sign_locally(),
            Need::Verdict(need) => need.verify(&self.verifier, now()),
            Need::ClientIdentity(need) => need.answer(self.client.clone()),
            Need::ClientVerdict(need) => need.verify(self.verifier.chain(), now()),
            Need::Session(need) => need.not_found(),
            Need::NewSession(need) => need.decline(),
            _ => panic!("an unexpected need"),
        }
    }
}

pub fn private_key(pkcs8: &[u8]) -> PrivateKey {
    PrivateKey::from_der(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()))).unwrap()
}

pub fn now() -> UnixTime {
    UnixTime::now()
}

/// Both ends and the bytes between them.
pub struct Pair {
    pub client: ClientConnection,
    pub server: ServerConnection,
    pub to_server: Outgoing,
    pub to_client: Outgoing,
    pub at_server: Vec<u8>,
    pub at_client: Vec<u8>,
    pub server_received: Vec<u8>,
    pub client_received: Vec<u8>,
    pub server_early: Vec<u8>,
    pub fragment: usize,
}

impl Pair {
    pub fn new(_: &Pki) -> Self {
        Self::with(ClientConfig::new(), ServerConfig::new())
    }

    /// Returns a connected pair with default configurations.
    pub fn connect(pki: &Pki) -> Self {
        let mut pair = Self::new(pki);
        pair.handshake(pki).unwrap();
        pair
    }

    pub fn with(client: ClientConfig, server: ServerConfig) -> Self {
        let mut to_server = Outgoing::new();
        let name = "a.test".try_into().unwrap();
        let client = ClientConnection::new(Arc::new(client), name, &mut to_server).unwrap();
        Self::of(client, to_server, server)
    }

    /// The client offers this session.
    pub fn resuming(client: ClientConfig, server: ServerConfig, session: ClientSessionValue, now: UnixTime) -> Self {
        Self::resuming_at("a.test", client, server, session, now)
    }

    /// The same with another server name.
    pub fn resuming_at(
        name: &'static str,
        client: ClientConfig,
        server: ServerConfig,
        session: ClientSessionValue,
        now: UnixTime,
    ) -> Self {
        let mut to_server = Outgoing::new();
        let (client, name) = (Arc::new(client), name.try_into().unwrap());
        let client = ClientConnection::resuming(client, name, session, now, &mut to_server).unwrap();
        Self::of(client, to_server, server)
    }

    /// The client offers external keys.
    pub fn with_psks(client: ClientConfig, server: ServerConfig, psks: &[ExternalPsk]) -> Self {
        let mut to_server = Outgoing::new();
        let name = "a.test".try_into().unwrap();
        let client = ClientConnection::with_external_psks(Arc::new(client), name, psks, &mut to_server).unwrap();
        Self::of(client, to_server, server)
    }

    fn of(client: ClientConnection, to_server: Outgoing, server: ServerConfig) -> Self {
        Self {
            client,
            server: ServerConnection::new(Arc::new(server)),
            to_server,
            to_client: Outgoing::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            server_received: Vec::new(),
            client_received: Vec::new(),
            server_early: Vec::new(),
            fragment: usize::MAX,
        }
    }

    /// Lets the server process its input up to its next need.
    pub fn step_server(&mut self) -> Result<Option<Need>, Error> {
        carry(&mut self.to_server, &mut self.at_server, self.fragment);
        let received = (&mut self.server_received, &mut self.server_early);
        pump_early(&mut self.server, &mut self.at_server, &mut self.to_client, received)
    }

    /// The same for the client.
    pub fn step_client(&mut self) -> Result<Option<Need>, Error> {
        carry(&mut self.to_client, &mut self.at_client, self.fragment);
        pump(&mut self.client, &mut self.at_client, &mut self.to_server, &mut self.client_received)
    }

    /// Lets the server process its input, and answers all its needs. Returns whether it had any.
    pub fn drive_server(&mut self, answer: &mut dyn FnMut(Need) -> Answer) -> Result<bool, Error> {
        let mut need = self.step_server()?;
        let had_need = need.is_some();
        while let Some(open) = need.take() {
            need = self.server.resume(answer(open), &mut self.to_client)?;
        }
        Ok(had_need)
    }

    /// The same for the client.
    pub fn drive_client(&mut self, answer: &mut dyn FnMut(Need) -> Answer) -> Result<bool, Error> {
        let mut need = self.step_client()?;
        let had_need = need.is_some();
        while let Some(open) = need.take() {
            need = self.client.resume(answer(open), &mut self.to_server)?;
        }
        Ok(had_need)
    }

    /// Delivers bytes to the server, which must not need anything for them.
    pub fn deliver_to_server(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.at_server.extend_from_slice(bytes);
        self.step_server().map(|need| assert!(need.is_none()))
    }

    /// The same for the client.
    pub fn deliver_to_client(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.at_client.extend_from_slice(bytes);
        self.step_client().map(|need| assert!(need.is_none()))
    }

    /// Runs both ends until both wait for input.
    pub fn run(&mut self, answer: &mut dyn FnMut(Need) -> Answer) -> Result<(), Error> {
        loop {
            let had_need = self.drive_server(answer)? | self.drive_client(answer)?;
            // Input after a need is processed in the next round.
            if !had_need && self.to_server.is_empty() && self.to_client.is_empty() {
                return Ok(());
            }
        }
    }

    pub fn handshake(&mut self, pki: &Pki) -> Result<(), Error> {
        self.run(&mut |need| pki.answer(need))?;
        assert!(!self.client.is_handshaking() && !self.server.is_handshaking());
        Ok(())
    }

    /// Sends data both ways and checks that it arrives.
    pub fn exchange(&mut self, question: &[u8], answer: &[u8]) {
        send_all(&mut self.client, question, &mut self.to_server);
        send_all(&mut self.server, answer, &mut self.to_client);
        self.run(&mut |_| panic!("a need after the handshake")).unwrap();
        assert_eq!(std::mem::take(&mut self.server_received), question);
        assert_eq!(std::mem::take(&mut self.client_received), answer);
    }
}

impl Pair {
    /// Sends data from the client only.
    pub fn exchange_one_way(&mut self, data: &[u8]) {
        send_all(&mut self.client, data, &mut self.to_server);
        assert!(self.step_server().unwrap().is_none());
        assert_eq!(std::mem::take(&mut self.server_received), data);
    }
}

pub fn send_all<R: Role>(connection: &mut Connection<R>, mut data: &[u8], outgoing: &mut Outgoing) {
    while !data.is_empty() {
        let sent = connection.send(&[IoSlice::new(data)], outgoing).unwrap();
        assert!(sent > 0, "the connection does not send");
        data = &data[sent..];
    }
}

/// Moves at most `max` bytes over the wire.
fn carry(from: &mut Outgoing, to: &mut Vec<u8>, max: usize) {
    let moved = from.len().min(max);
    to.extend_from_slice(&from.ready()[..moved]);
    from.consume(moved);
}

/// Processes input like a caller, until there is a need or too little input.
pub fn pump<R: Role>(
    connection: &mut Connection<R>,
    incoming: &mut Vec<u8>,
    outgoing: &mut Outgoing,
    received: &mut Vec<u8>,
) -> Result<Option<Need>, Error> {
    pump_early(connection, incoming, outgoing, (received, &mut Vec::new()))
}

/// The same, with early data stored separately.
pub fn pump_early<R: Role>(
    connection: &mut Connection<R>,
    incoming: &mut Vec<u8>,
    outgoing: &mut Outgoing,
    (received, early): (&mut Vec<u8>, &mut Vec<u8>),
) -> Result<Option<Need>, Error> {
    loop {
        let processed = connection.process(incoming, outgoing)?;
        match &processed.progress {
            Progress::ApplicationData(range) => received.extend_from_slice(&incoming[range.clone()]),
            Progress::EarlyData(range) => early.extend_from_slice(&incoming[range.clone()]),
            _ => {}
        }
        incoming.drain(..processed.consumed);
        match processed.progress {
            Progress::Need(need) => return Ok(Some(need)),
            Progress::NeedMoreInput { .. } | Progress::Paused => return Ok(None),
            _ => {}
        }
    }
}

/// A label, ClientHello.random and a secret.
pub type LogEntry = (String, [u8; 32], Vec<u8>);

/// A key log that stores every secret of a connection, in order. `Debug` hides them.
#[derive(Default)]
pub struct Secrets(Mutex<Vec<LogEntry>>);

impl Secrets {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn all(&self) -> Vec<LogEntry> {
        self.0.lock().unwrap().clone()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), *client_random, secret.to_vec()));
    }
}
