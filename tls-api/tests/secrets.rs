//! Secrets must be wiped before their memory is freed. The tests search freed heap memory; the
//! stack is not searched.

use std::sync::{Arc, Mutex};

use freed_memory::{watch, watching};
use strata_tls::{
    CipherSuite, ClientConfig, ClientSession, ClientSessionMemoryCache, ClientSessionValue, ExternalPsk, HandshakeKind,
    Identity, IdentityFiles, KeyLog, NamedGroup, ProducesTickets, ProtocolVersion, ReloadableIdentity, ServerConfig,
    ServerName, ServerSession, ServerSessionMemoryCache, Session, StoresClientSessions, StoresServerSessions, Ticketer,
};
use tls_crypto::der::{self, Elements};
use tls_crypto::hkdf::{self, Expander};
use tls_crypto::pem::Sections;
use tls_crypto::tls13::import_psk;
use tls_crypto::{HashAlgorithm, PrivateKey};
use zeroize::Zeroizing;

#[path = "memory/pair.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pair;
#[path = "memory/pki.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pki;

use pair::{Pair, drain, feed, read_all};
use pki::{Ca, FAR, KINDS, Kind, VERSIONS, suites};

fn expect_no_secret_left(what: &str, work: impl FnOnce()) {
    let found = watching(work);
    assert!(found.is_empty(), "{what}: {found:#?}");
}

// Private keys.

/// The PKCS#8 key as DER in each format for its key type, with the PEM label.
fn formats(kind: Kind, pkcs8: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let inner = fields(pkcs8)[2];
    let mut all = vec![("PRIVATE KEY", pkcs8.to_vec())];
    match kind {
        Kind::EcdsaP256 | Kind::EcdsaP384 => all.push(("EC PRIVATE KEY", inner.to_vec())),
        Kind::Rsa2048 => all.push(("RSA PRIVATE KEY", inner.to_vec())),
        Kind::Ed25519 => {}
    }
    all
}

/// The contents of the elements in a SEQUENCE.
fn fields(der: &[u8]) -> Vec<&[u8]> {
    let mut elements = Elements::new(Elements::new(der).expect(der::SEQUENCE).unwrap());
    std::iter::from_fn(|| elements.next()).map(|(_, contents)| contents).collect()
}

/// The secret numbers of a PKCS#8 private key.
fn secret_numbers(kind: Kind, pkcs8: &[u8]) -> Vec<&[u8]> {
    let inner = fields(pkcs8)[2];
    match kind {
        Kind::EcdsaP256 | Kind::EcdsaP384 => vec![fields(inner)[1]],
        Kind::Ed25519 => vec![Elements::new(inner).expect(der::OCTET_STRING).unwrap()],
        // d, p, q, d mod p-1, d mod q-1, 1/q mod p.
        Kind::Rsa2048 => fields(inner)[3..].iter().map(|number| number.strip_prefix(&[0]).unwrap_or(number)).collect(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for (at, group) in bytes.chunks(3).enumerate() {
        let bits = group.iter().chain([0, 0].iter()).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let digit = |at: usize| if at <= group.len() { char::from(ALPHABET[bits >> (18 - 6 * at) & 63]) } else { '=' };
        out.extend((0..4).map(digit));
        if at % 16 == 15 {
            out.push('\n');
        }
    }
    out
}

#[test]
fn dropped_identity_leaves_no_copy_of_its_key() {
    let folder = std::env::temp_dir().join(format!("strata-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (cert_file, key_file, both_file) = (folder.join("cert"), folder.join("key"), folder.join("both"));
    let ca = Ca::new(Kind::EcdsaP256);
    for kind in KINDS {
        let (cert, key) = ca.issue(kind, &["server.test"], (2000, FAR));
        let pkcs8 = Sections::new(key.as_bytes()).next().unwrap().unwrap().decode().unwrap();
        for (label, der) in formats(kind, &pkcs8) {
            // These copies belong to the test and are freed after the search.
            let body = base64(&der);
            let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
            let both = format!("{cert}{pem}{cert}");
            let damaged = pem.replace("\n-----END", "!\n-----END");
            std::fs::write(&cert_file, &cert).unwrap();
            std::fs::write(&key_file, &pem).unwrap();
            std::fs::write(&both_file, &both).unwrap();
            let watch_all = || {
                secret_numbers(kind, &pkcs8).iter().for_each(|number| watch("the key's DER", number));
                body.lines().filter(|line| line.len() == 64).for_each(|line| watch("the key's PEM", line.as_bytes()));
            };
            let what = format!("{kind:?}, {label}");
            let is_watched = watching(|| {
                watch_all();
                drop((der.clone(), both.clone()));
            });
            assert!(
                is_watched.iter().any(|found| found.contains("DER"))
                    && is_watched.iter().any(|found| found.contains("PEM")),
                "{what}"
            );
            expect_no_secret_left(&what, || {
                watch_all();
                let chain = || strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
                drop(Identity::from_pem(cert.as_bytes(), pem.as_bytes()).unwrap());
                drop(Identity::from_pem(both.as_bytes(), both.as_bytes()).unwrap());
                drop(Identity::from_der(chain(), &der).unwrap());
                drop(PrivateKey::from_pem(pem.as_bytes()).unwrap());
                drop(ServerConfig::from_pem(cert.as_bytes(), pem.as_bytes()).unwrap());
                drop(strata_tls::root_store_from_pem(both.as_bytes()).map(|_| ()));
                drop(IdentityFiles::new(&cert_file, &key_file).load().unwrap());
                drop(IdentityFiles::new(&both_file, &both_file).load().unwrap());
                let reloadable = ReloadableIdentity::from_files(IdentityFiles::new(&cert_file, &key_file)).unwrap();
                reloadable.reload().unwrap();
                reloadable.reload().unwrap();
                // Also when the identity is rejected.
                Identity::from_pem(ca.pem.as_bytes(), pem.as_bytes()).unwrap_err();
                Identity::from_pem(cert.as_bytes(), damaged.as_bytes()).unwrap_err();
                Identity::from_der(chain(), &der[..der.len() - 1]).unwrap_err();
            });
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(feature = "encrypted-keys")]
macro_rules! data {
    ($($name:literal),*) => {
        [$(include_bytes!(concat!("../../tls-crypto/tests/data/", $name)).as_slice()),*]
    };
}

/// The secret number of the keys in the test data of tls-crypto.
#[cfg(feature = "encrypted-keys")]
fn watch_key_of_data() {
    let [plain] = data!("keys/p256.pkcs8.der");
    secret_numbers(Kind::EcdsaP256, plain).iter().for_each(|number| watch("a decrypted key", number));
}

#[cfg(feature = "encrypted-keys")]
#[test]
fn decrypted_key_leaves_no_copy() {
    let [plain] = data!("keys/p256.pkcs8.der");
    let key = rcgen::KeyPair::try_from(plain).unwrap();
    let cert = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let files = data!(
        "keys/encrypted/openssl.aes256.pem",
        "keys/encrypted/openssl.topk8.der",
        "keys/encrypted/openssl.des3-sha1.pem",
        "keys/encrypted/openssl.aes128-sha512.pem",
        "keys/encrypted/gnutls.aes-256.pem"
    );
    for file in files {
        expect_no_secret_left("an encrypted key", || {
            watch_key_of_data();
            drop(Identity::from_encrypted(cert.as_bytes(), file, "secret").unwrap());
            Identity::from_encrypted(cert.as_bytes(), file, "other").unwrap_err();
            // The key is decrypted before the chain is found to be another's.
            let other = Ca::new(Kind::EcdsaP256).pem;
            Identity::from_encrypted(other.as_bytes(), file, "secret").unwrap_err();
        });
    }
}

#[cfg(feature = "pkcs12")]
#[test]
fn pkcs12_key_leaves_no_copy() {
    let [encrypted, plain] = data!("pkcs12/openssl.p12", "pkcs12/openssl.no-mac.p12");
    for (file, password) in [(encrypted, "secret"), (plain, "")] {
        expect_no_secret_left("PKCS#12", || {
            watch_key_of_data();
            drop(Identity::from_pkcs12(file, password).unwrap());
        });
    }
}

// Connections.

/// Watches the secrets that each connection logs and the record keys derived from them.
#[derive(Debug, Default)]
struct SecretWatcher {
    /// The ServerHello.random of the current connection, once known.
    server_random: Mutex<Option<[u8; 32]>>,
}

impl KeyLog for SecretWatcher {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        watch(label, secret);
        if label == "CLIENT_RANDOM" {
            watch_hmac_key(label, secret);
            let server_random =
                self.server_random.lock().unwrap().expect("the ServerHello must come before the key log");
            let seed = [b"key expansion", &server_random[..], client_random].concat();
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                // RFC 5246 §5: both keys are in the first 64 bytes.
                let hmac = |message: &[u8]| hkdf::extract(tls_crypto::Backend::ring(), hash, secret, message);
                let mut a = hmac(&seed);
                let mut block = Zeroizing::new(Vec::with_capacity(128));
                while block.len() < 64 {
                    block.extend_from_slice(hmac(&Zeroizing::new([a.as_ref(), &seed].concat())).as_ref());
                    a = hmac(a.as_ref());
                }
                watch("a record key of TLS 1.2", &block[..64]);
            }
        } else if label.contains("TRAFFIC_SECRET") {
            let hash = if secret.len() == 48 { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
            if hash == HashAlgorithm::Sha256 {
                watch_hmac_key(label, secret);
            }
            let mut secret = Zeroizing::new(secret.to_vec());
            // Also the secrets and keys after KeyUpdates.
            for _ in 0..3 {
                let expander = Expander::new(tls_crypto::Backend::ring(), hash, &secret);
                let mut short = Zeroizing::new([0; 16]);
                expander.expand_label(b"key", b"", &mut *short).unwrap();
                let mut long = Zeroizing::new([0; 32]);
                expander.expand_label(b"key", b"", &mut *long).unwrap();
                watch("a record key of TLS 1.3", &*short);
                watch("a record key of TLS 1.3", &*long);
                expander.expand_label(b"traffic upd", b"", &mut secret).unwrap();
                watch("a secret after a KeyUpdate", &secret);
            }
        }
    }
}

/// Watches the secret in an encoded session of either side, which follows the suite and flags. In
/// the numbers of the encoding, suites 0 and 2 are those of TLS 1.3 with SHA-256.
fn watch_session(name: &str, encoded: &[u8]) {
    assert_eq!(encoded[0] >> 4, 3, "another format; find the secret in it");
    let secret = match encoded[0] & 0xf {
        0 | 2 => &encoded[2..][..32],
        _ => &encoded[2..][..48],
    };
    watch(name, secret);
    watch_early_secret(name, secret);
}

/// Watches the early secret of TLS 1.3, which a pre-shared key is kept as.
fn watch_early_secret(name: &str, psk: &[u8]) {
    if psk.len() == 32 {
        watch_hmac_key(name, hkdf::extract(tls_crypto::Backend::ring(), HashAlgorithm::Sha256, &[], psk).as_ref());
    }
}

/// Watches `key` as ring prepares it for HMAC-SHA-256: the hash states after one block. Who has
/// them can derive all that the key derives.
#[inline(never)]
fn watch_hmac_key(name: &str, key: &[u8]) {
    for pad in [0x36, 0x5c] {
        let mut block = Zeroizing::new([pad; 64]);
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let state = sha256_state(&block);
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.chunks_exact_mut(4).zip(*state).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_ne_bytes()));
        watch(&format!("{name}, as an HMAC key,"), &*bytes);
    }
}

/// The state of SHA-256 after its first block (FIPS 180-4 §6.2.2).
fn sha256_state(block: &[u8; 64]) -> Zeroizing<[u32; 8]> {
    let primes = (2_u128..).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
    // The first 32 bits of the fractional part of a root.
    let root = |power: u32, of: u128| {
        let scaled = of << (32 * power);
        let whole = (0..40).rev().fold(0_u128, |root, bit| {
            let next = root | 1 << bit;
            if next.pow(power) <= scaled { next } else { root }
        });
        u32::try_from(whole & 0xffff_ffff).unwrap()
    };
    let mut words = Zeroizing::new([0_u32; 64]);
    words.iter_mut().zip(block.chunks_exact(4)).for_each(|(word, b)| *word = u32::from_be_bytes(b.try_into().unwrap()));
    for at in 16..64 {
        let (a, b) = (words[at - 15], words[at - 2]);
        let a = a.rotate_right(7) ^ a.rotate_right(18) ^ a >> 3;
        let b = b.rotate_right(17) ^ b.rotate_right(19) ^ b >> 10;
        words[at] = [words[at - 16], a, words[at - 7], b].into_iter().fold(0, u32::wrapping_add);
    }
    let mut state = Zeroizing::new([0_u32; 8]);
    state.iter_mut().zip(primes.clone()).for_each(|(word, prime)| *word = root(2, prime));
    let initial = *state;
    for (word, prime) in words.iter().zip(primes) {
        let [a, b, c, _, e, f, g, h] = *state;
        let (low, high) = (
            a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22),
            e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25),
        );
        let first = [h, high, (e & f) ^ (!e & g), root(3, prime), *word].into_iter().fold(0, u32::wrapping_add);
        let second = low.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        state.rotate_right(1);
        state[0] = first.wrapping_add(second);
        state[4] = state[4].wrapping_add(first);
    }
    state.iter_mut().zip(initial).for_each(|(word, before)| *word = word.wrapping_add(before));
    state
}

/// Without this, the test would not notice that ring changed how it stores keys.
#[test]
fn forgotten_hmac_key_is_found() {
    let found = watching(|| {
        watch_hmac_key("a secret", &TICKET_KEYS[0]);
        // Not dropped, so not overwritten.
        let key = Box::new(std::mem::ManuallyDrop::new(Expander::new(
            tls_crypto::Backend::ring(),
            HashAlgorithm::Sha256,
            &TICKET_KEYS[0],
        )));
        // Optimized code would not allocate an unused box.
        drop(std::hint::black_box(key));
    });
    assert!(found.iter().any(|found| found.contains("HMAC key")), "{found:?}");
}

#[derive(Debug)]
struct WatchedClientStore(ClientSessionMemoryCache);

impl StoresClientSessions for WatchedClientStore {
    fn put(&self, session: ClientSessionValue) {
        watch_session("a client's session", &session.encode());
        self.0.put(session);
    }

    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue> {
        self.0.take(server, scope)
    }

    fn remove(&self, server: &ServerName<'_>, scope: &[u8; 32]) {
        self.0.remove(server, scope);
    }
}

#[derive(Debug)]
struct WatchedServerStore(ServerSessionMemoryCache);

impl StoresServerSessions for WatchedServerStore {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
        watch_session("a server's session", &session);
        self.0.put(id, session, lifetime)
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.get(id)
    }

    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.take(id)
    }
}

#[derive(Debug)]
struct WatchedTicketer(Ticketer);

impl ProducesTickets for WatchedTicketer {
    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        watch_session("a ticket's session", session);
        self.0.encrypt(session)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.decrypt(ticket)
    }
}

/// Ticket keys with distinct bytes. They are static, because copies on the stack could end up in
/// padding of values that move to the heap.
static TICKET_KEYS: [[u8; 48]; 4] = {
    let mut keys = [[0; 48]; 4];
    let (mut at, mut byte) = (0, 0x35_u8);
    while at < 4 * 48 {
        keys[at / 48][at % 48] = byte;
        byte = byte.wrapping_add(167);
        at += 1;
    }
    keys
};

fn watch_ticket_keys() {
    TICKET_KEYS.iter().for_each(|key| watch("a ticket key", &key[16..]));
}

const NAMES: [&str; 3] = ["a.test", "b.test", "c.test"];

struct Setup {
    client: ClientConfig,
    server: ServerConfig,
    log: Arc<SecretWatcher>,
}

impl Setup {
    fn new(version: ProtocolVersion, suite: CipherSuite) -> Self {
        tls_crypto::observe_key_exchanges(watch);
        let ca = Ca::new(Kind::EcdsaP256);
        let (mut client, mut server) = (ca.client_config(), ServerConfig::new(ca.identity(Kind::EcdsaP256, &NAMES)));
        let log = Arc::new(SecretWatcher::default());
        client.set_versions(&[version]).unwrap();
        client.set_cipher_suites(&[suite]).unwrap();
        client.set_key_log(Arc::clone(&log) as _);
        server.set_key_log(Arc::clone(&log) as _);
        client.set_session_storage(Arc::new(WatchedClientStore(ClientSessionMemoryCache::new(2))));
        Self { client, server, log }
    }

    /// Connects to each of `names` in turn and uses each connection in every way. Returns the
    /// number of resumed connections.
    fn connect(&self, names: &[&'static str], early: bool) -> usize {
        let (client, server) = (Arc::new(self.client.clone()), Arc::new(self.server.clone()));
        let mut resumed = 0;
        for (round, name) in names.iter().enumerate() {
            let client = ClientSession::new(&client, ServerName::try_from(*name).unwrap()).unwrap();
            // On the heap, so that the memory of the sessions themselves is searched too.
            let mut pair = Box::new(Pair { client, server: ServerSession::new(&server) });
            if let Some(mut writer) = pair.client.early_data().filter(|_| early) {
                std::io::Write::write_all(&mut writer, b"early").unwrap();
            }
            let hello = drain(&mut pair.client);
            feed(&mut pair.server, &hello).unwrap();
            let flight = drain(&mut pair.server);
            *self.log.server_random.lock().unwrap() = flight.get(11..43).map(|random| random.try_into().unwrap());
            feed(&mut pair.client, &flight).unwrap();
            if let Some(mut reader) = pair.server.early_data() {
                std::io::Read::read_to_end(&mut reader, &mut Vec::new()).unwrap();
            }
            pair.settle().unwrap();
            assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
            resumed += usize::from(pair.client.handshake_kind() != Some(HandshakeKind::Full));
            let is_tls13 = pair.client.protocol_version() == Some(ProtocolVersion::TLS13);
            for _ in 0..3 {
                exchange(&mut pair);
                if is_tls13 {
                    pair.client.refresh_traffic_keys().unwrap();
                    exchange(&mut pair);
                    pair.server.refresh_traffic_keys().unwrap();
                }
            }
            let mut exported = [0; 32];
            pair.client.export_keying_material(&mut exported, b"EXPORTER-test", None).unwrap();
            pair.server.export_keying_material(&mut exported, b"EXPORTER-test", None).unwrap();
            match round % 3 {
                0 => {
                    pair.client.send_close_notify();
                    pair.settle().unwrap();
                }
                // Make the connection fail.
                1 if round > 3 => drop(feed(
                    &mut pair.server,
                    &[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0],
                )),
                _ => {}
            }
        }
        resumed
    }

    /// Starts connections that end before the server answers, and with X25519MLKEM768 also in the
    /// key exchange: the X25519 share of a hello is zero, which shows after ML-KEM was used.
    fn fail(&self, used: NamedGroup) {
        let (client, server) = (Arc::new(self.client.clone()), Arc::new(self.server.clone()));
        let client = || Box::new(ClientSession::new(&client, NAMES[2]).unwrap());
        drop(client());
        if used != NamedGroup::X25519MLKEM768 {
            return;
        }
        for (group_and_length, is_client_hello) in [([0x11, 0xec, 4, 0xc0], true), ([0x11, 0xec, 4, 0x60], false)] {
            let (mut client, mut server) = (client(), Box::new(ServerSession::new(&server)));
            let clear = |mut hello: Vec<u8>| {
                let share = 4 + hello.windows(4).position(|bytes| bytes == group_and_length).unwrap();
                let end = share + usize::from(u16::from_be_bytes([group_and_length[2], group_and_length[3]]));
                hello[end - 32..end].fill(0);
                hello
            };
            let hello = drain(&mut *client);
            if is_client_hello {
                feed(&mut *server, &clear(hello)).unwrap_err();
            } else {
                feed(&mut *server, &hello).unwrap();
                feed(&mut *client, &clear(drain(&mut *server))).unwrap_err();
            }
        }
    }
}

fn exchange(pair: &mut Pair) {
    use std::io::Write as _;
    pair.client.write_all(b"question").unwrap();
    pair.settle().unwrap();
    assert_eq!(read_all(&mut pair.server), b"question");
    pair.server.write_all(b"answer").unwrap();
    pair.settle().unwrap();
    assert_eq!(read_all(&mut pair.client), b"answer");
}

/// More visits than the caches hold sessions.
const VISITS: [&str; 14] = [
    NAMES[0], NAMES[0], NAMES[0], NAMES[1], NAMES[1], NAMES[2], NAMES[2], NAMES[2], NAMES[2], NAMES[2], NAMES[2],
    NAMES[2], NAMES[2], NAMES[0],
];

#[test]
fn connections_leave_no_secret() {
    for version in VERSIONS {
        for suite in suites(version, Kind::EcdsaP256) {
            expect_no_secret_left(&format!("{suite:?} with a store"), || {
                let mut setup = Setup::new(version, suite);
                setup.server.set_session_storage(Arc::new(WatchedServerStore(ServerSessionMemoryCache::new(8))));
                assert!(setup.connect(&VISITS, false) > 5);
            });
            expect_no_secret_left(&format!("{suite:?} with tickets"), || {
                let mut setup = Setup::new(version, suite);
                watch_ticket_keys();
                let ticketer = Ticketer::from_keys(&TICKET_KEYS[0], &TICKET_KEYS[1..2]).unwrap();
                setup.server.set_ticketer(Arc::new(WatchedTicketer(ticketer)));
                assert!(setup.connect(&VISITS, false) > 5);
            });
        }
    }
}

#[test]
fn early_data_leaves_no_secret() {
    for suite in suites(ProtocolVersion::TLS13, Kind::EcdsaP256) {
        expect_no_secret_left(&format!("{suite:?}"), || {
            let mut setup = Setup::new(ProtocolVersion::TLS13, suite);
            setup.server.set_session_storage(Arc::new(WatchedServerStore(ServerSessionMemoryCache::new(100))));
            setup.server.set_max_early_data_size(1000);
            setup.client.enable_early_data(true);
            assert!(setup.connect(&VISITS, true) > 5);
        });
    }
}

/// Also if the server does not use a share, retries, or fails.
#[test]
fn key_exchanges_leave_no_secret() {
    let [x25519, p256, p384] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let mut pairs = vec![(vec![x25519], x25519), (vec![p256, p384], p384)];
    if cfg!(feature = "post-quantum") {
        let hybrids = [NamedGroup::X25519MLKEM768, NamedGroup::SECP256R1MLKEM768, NamedGroup::SECP384R1MLKEM1024];
        pairs.extend(hybrids.map(|group| (vec![group], group)));
        pairs.extend([NamedGroup::MLKEM768, NamedGroup::MLKEM1024].map(|group| (vec![group], group)));
        pairs.extend([x25519, p384].map(|group| (vec![hybrids[0], x25519, p384], group)));
        pairs.push((vec![p256, hybrids[2]], hybrids[2]));
    }
    for (groups, used) in pairs {
        expect_no_secret_left(&format!("{groups:?}, {used}"), || {
            let mut setup = Setup::new(ProtocolVersion::TLS13, CipherSuite::TLS_AES_128_GCM_SHA256);
            setup.client.set_groups(&groups).unwrap();
            setup.server.set_groups(&[used]).unwrap();
            setup.connect(&VISITS[..3], false);
            setup.fail(used);
        });
    }
}

/// Watches the secrets that each connection over QUIC logs and the keys derived from them.
#[cfg(feature = "quic")]
#[derive(Debug)]
struct QuicSecretWatcher;

#[cfg(feature = "quic")]
impl KeyLog for QuicSecretWatcher {
    fn log(&self, label: &str, _: &[u8; 32], secret: &[u8]) {
        watch(label, secret);
        let hash = if secret.len() == 48 { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
        let mut secret = Zeroizing::new(secret.to_vec());
        for _ in 0..3 {
            let expander = Expander::new(tls_crypto::Backend::ring(), hash, &secret);
            for label in [&b"quic key"[..], b"quic hp"] {
                let (mut short, mut long) = (Zeroizing::new([0; 16]), Zeroizing::new([0; 32]));
                expander.expand_label(label, b"", &mut *short).unwrap();
                expander.expand_label(label, b"", &mut *long).unwrap();
                watch("a key of QUIC", &*short);
                watch("a key of QUIC", &*long);
            }
            expander.expand_label(b"quic ku", b"", &mut secret).unwrap();
            watch("a secret after a key update of QUIC", &secret);
        }
    }
}

#[cfg(feature = "quic")]
#[test]
fn quic_connections_leave_no_secret() {
    use strata_tls::quic::{ClientConnection, KeyChange, Output, ServerConnection, ServerStart, Version};
    for suite in suites(ProtocolVersion::TLS13, Kind::EcdsaP256) {
        expect_no_secret_left(&format!("{suite:?} over QUIC"), || {
            let Setup { mut client, mut server, .. } = Setup::new(ProtocolVersion::TLS13, suite);
            client.set_key_log(Arc::new(QuicSecretWatcher));
            server.set_key_log(Arc::new(QuicSecretWatcher));
            client.set_alpn_protocols(&["h3"]).unwrap();
            server.set_alpn_protocols(&["h3"]).unwrap();
            client.enable_early_data(true);
            server.set_session_storage(Arc::new(WatchedServerStore(ServerSessionMemoryCache::new(8))));
            server.set_max_early_data_size(1);
            let (client, server) = (Arc::new(client), Arc::new(server));
            for round in 0..6 {
                let client = ClientConnection::new(&client, Version::V1, NAMES[0], Vec::new()).unwrap();
                let start = ServerStart { transport_parameters: b"limits".to_vec(), ..ServerStart::default() };
                let server = ServerConnection::new(&server, Version::V1, start).unwrap();
                let (mut client, mut server, mut keys) = (Box::new(client), Box::new(server), Vec::new());
                loop {
                    let from_client = std::iter::from_fn(|| client.next_output()).collect::<Vec<_>>();
                    let from_server = std::iter::from_fn(|| server.next_output()).collect::<Vec<_>>();
                    if from_client.is_empty() && from_server.is_empty() {
                        break;
                    }
                    for (is_client, output) in
                        from_client.into_iter().map(|o| (true, o)).chain(from_server.into_iter().map(|o| (false, o)))
                    {
                        match output {
                            Output::Crypto(level, data) if is_client => server.receive(level, &data).unwrap(),
                            Output::Crypto(level, data) => client.receive(level, &data).unwrap(),
                            Output::Keys(KeyChange::Updates { read, write }) => {
                                let (key, read) = read.next();
                                keys.push(KeyChange::Updates { read, write });
                                drop(key);
                            }
                            Output::Keys(change) => keys.push(change),
                        }
                    }
                }
                assert!(!client.is_handshaking() && !server.is_handshaking());
                let expected = if round == 0 { HandshakeKind::Full } else { HandshakeKind::Resumed };
                assert_eq!(client.handshake_kind(), Some(expected));
                assert_eq!(client.early_transport_parameters().is_some(), round > 0);
                drop(keys.split_off(keys.len() / 2));
            }
        });
    }
}

#[test]
fn external_psks_leave_no_secret() {
    // Ticket keys serve as external keys, because they are static too.
    let [one, two, ..] = &TICKET_KEYS;
    for suite in suites(ProtocolVersion::TLS13, Kind::EcdsaP256) {
        expect_no_secret_left(&format!("{suite:?}"), || {
            [one, two].into_iter().for_each(|key| watch("an external key", key));
            let mut psks = ExternalPsk::import(b"imported", one, HashAlgorithm::Sha256, b"").unwrap();
            for psk in &psks {
                let key =
                    import_psk(tls_crypto::Backend::ring(), HashAlgorithm::Sha256, one, psk.identity(), psk.hash())
                        .unwrap();
                watch("an imported key", key.as_ref());
                watch_early_secret("an imported key", key.as_ref());
            }
            let hash = if suite == CipherSuite::TLS_AES_256_GCM_SHA384 {
                HashAlgorithm::Sha384
            } else {
                HashAlgorithm::Sha256
            };
            psks.push(ExternalPsk::plain(b"plain".to_vec(), two, hash).unwrap());
            for psks in [psks.clone(), vec![psks.pop().unwrap()]] {
                let mut setup = Setup::new(ProtocolVersion::TLS13, suite);
                setup.client.set_external_psks(psks.clone());
                setup.server.set_external_psks(psks);
                assert_eq!(setup.connect(&VISITS[..4], false), 4);
            }
        });
    }
}

#[test]
fn replaced_ticket_keys_leave_no_copy() {
    for version in VERSIONS {
        expect_no_secret_left(&format!("{version:?}"), || {
            watch_ticket_keys();
            let mut setup = Setup::new(version, suites(version, Kind::EcdsaP256)[0]);
            let tickets = Arc::new(WatchedTicketer(Ticketer::from_keys(&TICKET_KEYS[0], &TICKET_KEYS[1..2]).unwrap()));
            setup.server.set_ticketer(Arc::clone(&tickets) as _);
            for keys in TICKET_KEYS.windows(2) {
                assert!(setup.connect(&VISITS[..3], false) > 0);
                tickets.0.update(&keys[1], &keys[..1]).unwrap();
                assert!(setup.connect(&VISITS[..3], false) > 0);
            }
        });
    }
}
