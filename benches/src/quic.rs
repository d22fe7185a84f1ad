//! Both libraries under quinn: connections in memory, packets, and data over sockets of one
//! machine.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use quinn::{EndpointConfig, TokioRuntime};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointEvent, Event, ServerConfig, Side,
    Transmit, TransportConfig,
    crypto::{self, HeaderKey, Keys, PacketKey, Session},
    transport_parameters::TransportParameters,
};
use strata_tls::quinn as strata;

use crate::{Cost, Library, Ours, Provider, Rustls, limit, timed};

/// A library with an adapter for quinn.
pub trait QuicLibrary: Library {
    /// Returns its part of quinn's configurations.
    fn crypto(&self) -> (Arc<dyn crypto::ClientConfig>, Arc<dyn crypto::ServerConfig>);
}

/// Returns quinn's configuration of a client, and that of a server.
fn configs<L: QuicLibrary>(library: &L) -> (ClientConfig, ServerConfig) {
    let (client, server) = library.crypto();
    let tokens = Arc::new(strata::TokenKey::generate().expect("randomness"));
    (ClientConfig::new(client), ServerConfig::new(server, tokens))
}

/// The same keys of stateless resets for both.
fn endpoint_config() -> EndpointConfig {
    strata::endpoint_config().expect("randomness")
}

impl QuicLibrary for Ours {
    fn crypto(&self) -> (Arc<dyn crypto::ClientConfig>, Arc<dyn crypto::ServerConfig>) {
        let (mut client, mut server) = ((*self.client_config().0).clone(), (*self.server_config()).clone());
        client.set_alpn_protocols([ALPN]).expect("a short name");
        server.set_alpn_protocols([ALPN]).expect("a short name");
        let client = strata::QuicClientConfig::try_from(Arc::new(client)).expect("a valid configuration");
        let server = strata::QuicServerConfig::try_from(Arc::new(server)).expect("a valid configuration");
        (Arc::new(client), Arc::new(server))
    }
}

impl<P: Provider> QuicLibrary for Rustls<P> {
    fn crypto(&self) -> (Arc<dyn crypto::ClientConfig>, Arc<dyn crypto::ServerConfig>) {
        let (mut client, mut server) = ((*self.client_config().0).clone(), (*self.server_config()).clone());
        client.alpn_protocols = vec![ALPN.into()];
        server.alpn_protocols = vec![ALPN.into()];
        let client = crypto::rustls::QuicClientConfig::try_from(client).expect("AES-128-GCM for Initial packets");
        let server = crypto::rustls::QuicServerConfig::try_from(server).expect("AES-128-GCM for Initial packets");
        (Arc::new(client), Arc::new(server))
    }
}

const ALPN: &str = "h3";
const NAME: &str = "localhost";
const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2);

/// A client's and a server's endpoint, without sockets. Datagrams are passed at once, and none is
/// lost.
#[derive(Debug)]
pub struct Quic {
    client: Endpoint,
    server: Endpoint,
    config: ClientConfig,
    /// The bytes of the last handshake.
    bytes: usize,
}

/// One side of a connection.
pub type QuicSide = Box<(ConnectionHandle, Connection)>;

/// Runs the calls of each side, to measure them.
pub trait Calls {
    /// Runs a call of one side.
    fn of<T>(&mut self, side: Side, call: impl FnOnce() -> T) -> T;
}

/// Measures time.
impl Calls for Cost {
    fn of<T>(&mut self, side: Side, call: impl FnOnce() -> T) -> T {
        match side {
            Side::Client => timed(&mut self.client, call),
            Side::Server => timed(&mut self.server, call),
        }
    }
}

impl Quic {
    /// Creates the endpoints.
    ///
    /// # Panics
    /// If the system has no randomness, as all of this module if the peer violates the protocol.
    #[must_use]
    pub fn new<L: QuicLibrary>(library: &L) -> Self {
        let (mut config, mut server) = configs(library);
        let mut transport = TransportConfig::default();
        transport.mtu_discovery_config(None);
        let transport = Arc::new(transport);
        config.transport_config(Arc::clone(&transport));
        server.transport_config(transport);
        let endpoint = |server| Endpoint::new(Arc::new(endpoint_config()), server, false, None);
        Self { client: endpoint(None), server: endpoint(Some(Arc::new(server))), config, bytes: 0 }
    }

    /// Performs a handshake and passes everything that follows it: tickets, and the confirmation.
    ///
    /// # Panics
    /// If the handshake fails.
    pub fn connect(&mut self, calls: &mut impl Calls) -> [QuicSide; 2] {
        let mut wire = Wire::default();
        let (mut at_client, mut at_server) = (None, None);
        calls.of(Side::Client, || {
            let started = self.client.connect(Instant::now(), self.config.clone(), SERVER, NAME);
            let mut side = Box::new(started.expect("a valid name"));
            transmit(&mut side, &mut wire);
            at_client = Some(side);
        });
        while !wire.datagrams.is_empty() {
            for (side, endpoint, connection, from) in [
                (Side::Server, &mut self.server, &mut at_server, CLIENT),
                (Side::Client, &mut self.client, &mut at_client, SERVER),
            ] {
                let datagrams = std::mem::take(&mut wire.datagrams);
                calls.of(side, || {
                    for datagram in datagrams {
                        receive(endpoint, connection, from, datagram);
                    }
                    if let Some(connection) = connection {
                        transmit(connection, &mut wire);
                    }
                });
            }
        }
        self.bytes = wire.bytes;
        let [client, server] = [at_client, at_server].map(|side| side.expect("a connection"));
        for side in [&client, &server] {
            assert!(!side.1.is_handshaking() && !side.1.is_closed(), "the handshake is incomplete");
        }
        [client, server]
    }

    /// Drops both sides.
    pub fn drop(&mut self, [client, server]: [QuicSide; 2], calls: &mut impl Calls) {
        for (side, endpoint, connection) in
            [(Side::Client, &mut self.client, client), (Side::Server, &mut self.server, server)]
        {
            calls.of(side, || {
                endpoint.handle_event(connection.0, EndpointEvent::drained());
                drop(connection);
            });
        }
    }

    /// Returns the time of each side for a connection from opening to dropping it.
    pub fn cost(&mut self) -> Cost {
        let mut cost = Cost::default();
        let sides = self.connect(&mut cost);
        self.drop(sides, &mut cost);
        cost
    }
}

/// Datagrams on their way.
#[derive(Default)]
struct Wire {
    datagrams: Vec<BytesMut>,
    buffer: Vec<u8>,
    bytes: usize,
}

fn receive(endpoint: &mut Endpoint, connection: &mut Option<QuicSide>, from: SocketAddr, datagram: BytesMut) {
    let mut response = Vec::new();
    match endpoint.handle(Instant::now(), from, None, None, datagram, &mut response) {
        Some(DatagramEvent::NewConnection(incoming)) => {
            let accepted = endpoint.accept(incoming, Instant::now(), &mut response, None);
            *connection = Some(Box::new(accepted.expect("a conforming client")));
        }
        Some(DatagramEvent::ConnectionEvent(_, event)) => {
            connection.as_mut().expect("a connection").1.handle_event(event);
        }
        _ => panic!("a datagram of no connection"),
    }
    let Some(connection) = connection else { return };
    let (handle, connection) = &mut **connection;
    while let Some(event) = connection.poll_endpoint_events() {
        if let Some(event) = endpoint.handle_event(*handle, event) {
            connection.handle_event(event);
        }
    }
    while let Some(event) = connection.poll() {
        assert!(!matches!(event, Event::ConnectionLost { .. }), "{event:?}");
    }
}

fn transmit(connection: &mut QuicSide, wire: &mut Wire) {
    let Wire { datagrams, buffer, bytes } = wire;
    loop {
        buffer.clear();
        let Some(Transmit { size, .. }) = connection.1.poll_transmit(Instant::now(), 1, buffer) else { return };
        *bytes += size;
        datagrams.push(buffer[..size].into());
    }
}

/// The length of a packet in bytes, with header and tag.
pub const PACKET: usize = 1200;
/// The header of a 1-RTT packet: first byte, connection ID of 8 bytes, packet number of 4 bytes.
const HEADER: usize = 13;
const NUMBER_AT: usize = HEADER - 4;
/// The packets of one measurement: they fit into the first-level cache.
pub const PACKETS: usize = 12;

/// Packets with the 1-RTT keys of a connection, or with those of the bare primitives.
pub struct Packets<P> {
    protection: P,
    packets: Vec<Vec<u8>>,
    payloads: Vec<BytesMut>,
    number: u64,
}

/// Seals and opens packets.
pub trait Protection {
    /// Seals a packet at the client: its payload, and then its header.
    fn seal(&self, number: u64, packet: &mut [u8]);
    /// Removes the protection of a packet's header at the server.
    fn open_header(&self, packet: &mut [u8]);
    /// Opens its payload.
    fn open(&self, number: u64, header: &[u8], payload: &mut BytesMut);
}

/// The keys of a client that seals and of a server that opens.
pub struct QuinnKeys {
    seal: (Box<dyn HeaderKey>, Box<dyn PacketKey>),
    open: (Box<dyn HeaderKey>, Box<dyn PacketKey>),
}

impl std::fmt::Debug for QuinnKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuinnKeys").finish_non_exhaustive()
    }
}

impl<P> std::fmt::Debug for Packets<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packets").finish_non_exhaustive()
    }
}

impl QuinnKeys {
    /// Performs a handshake without packets.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn new<L: QuicLibrary>(library: &L) -> Self {
        let (client, server) = library.crypto();
        let parameters = TransportParameters::read(Side::Client, &mut &[][..]).expect("the defaults");
        let mut client = client.start_session(1, NAME, &parameters).expect("a valid name");
        let mut server = server.start_session(1, &parameters);
        let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
        // The second keys of each side are those of 1-RTT.
        while of_client.len() < 2 || of_server.len() < 2 || server.is_handshaking() {
            pass(&mut *client, &mut *server, &mut of_client);
            pass(&mut *server, &mut *client, &mut of_server);
        }
        let [client, server] = [of_client, of_server].map(|mut keys| keys.pop().expect("keys of 1-RTT"));
        let (Keys { header: h1, packet: p1 }, Keys { header: h2, packet: p2 }) = (client, server);
        Self { seal: (h1.local, p1.local), open: (h2.remote, p2.remote) }
    }
}

/// Passes what one side sends at one level. As quinn, each side then takes its own output before it
/// reads more.
fn pass(from: &mut dyn Session, to: &mut dyn Session, all: &mut Vec<Keys>) {
    let mut data = Vec::new();
    all.extend(from.write_handshake(&mut data));
    if !data.is_empty() {
        to.read_handshake(&data).expect("a conforming peer");
    }
}

impl Protection for QuinnKeys {
    fn seal(&self, number: u64, packet: &mut [u8]) {
        self.seal.1.encrypt(number, packet, HEADER);
        self.seal.0.encrypt(NUMBER_AT, packet);
    }

    fn open_header(&self, packet: &mut [u8]) {
        self.open.0.decrypt(NUMBER_AT, packet);
    }

    fn open(&self, number: u64, header: &[u8], payload: &mut BytesMut) {
        assert!(self.open.1.decrypt(number, header, payload).is_ok(), "a packet that does not open");
    }
}

/// The bare AEAD, and the mask of the header.
pub struct BarePacketKey(limit::PacketKey);

impl std::fmt::Debug for BarePacketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BarePacketKey").finish_non_exhaustive()
    }
}

impl Default for BarePacketKey {
    fn default() -> Self {
        Self(limit::PacketKey::new())
    }
}

impl Protection for BarePacketKey {
    fn seal(&self, number: u64, packet: &mut [u8]) {
        let (header, payload) = packet.split_at_mut(HEADER);
        self.0.seal(number, header, payload);
        self.0.mask(packet, NUMBER_AT);
    }

    fn open_header(&self, packet: &mut [u8]) {
        self.0.mask(packet, NUMBER_AT);
    }

    fn open(&self, number: u64, header: &[u8], payload: &mut BytesMut) {
        self.0.open(number, header, payload);
    }
}

impl<P: Protection> Packets<P> {
    /// Creates packets with these keys.
    pub fn new(protection: P) -> Self {
        Self {
            protection,
            packets: vec![vec![0; PACKET]; PACKETS],
            payloads: vec![BytesMut::with_capacity(PACKET); PACKETS],
            number: 0,
        }
    }

    /// Seals all packets.
    pub fn seal(&mut self) {
        for packet in &mut self.packets {
            self.number += 1;
            // A short header with a packet number of four bytes.
            packet[0] = 0x43;
            let [.., a, b, c, d] = self.number.to_be_bytes();
            packet[NUMBER_AT..HEADER].copy_from_slice(&[a, b, c, d]);
            self.protection.seal(self.number, packet);
        }
    }

    /// Puts the sealed payloads into the buffers of quinn, which passes them apart from the header.
    pub fn receive(&mut self) {
        for (packet, payload) in self.packets.iter().zip(&mut self.payloads) {
            payload.clear();
            payload.extend_from_slice(&packet[HEADER..]);
        }
    }

    /// Opens all packets.
    ///
    /// # Panics
    /// If they were not sealed.
    pub fn open(&mut self) {
        let first = self.number + 1 - PACKETS as u64;
        for ((packet, payload), number) in self.packets.iter_mut().zip(&mut self.payloads).zip(first..) {
            self.protection.open_header(packet);
            self.protection.open(number, &packet[..HEADER], payload);
        }
    }

    /// Returns the time to seal and to open all packets.
    ///
    /// # Panics
    /// If one does not open.
    pub fn round(&mut self) -> [Duration; 2] {
        let (mut seal, mut open) = Default::default();
        timed(&mut seal, || self.seal());
        self.receive();
        timed(&mut open, || self.open());
        [seal, open]
    }
}

/// The piece of a write.
const PIECE: usize = 64 * 1024;

/// Two endpoints over sockets of one machine, and their runtime of one thread.
#[derive(Debug)]
pub struct QuicTransfer {
    runtime: tokio::runtime::Runtime,
    client: quinn::Connection,
    server: quinn::Connection,
    /// They serve the connection.
    _endpoints: [quinn::Endpoint; 2],
}

impl QuicTransfer {
    /// Connects.
    ///
    /// # Panics
    /// If the system has no sockets.
    #[must_use]
    pub fn new<L: QuicLibrary>(library: &L) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (config, server) = configs(library);
        let (client, server, endpoints) = runtime.block_on(async {
            let endpoint = |server| {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
                quinn::Endpoint::new(endpoint_config(), server, socket, Arc::new(TokioRuntime)).expect("an endpoint")
            };
            let [client, server] = [endpoint(None), endpoint(Some(server))];
            let connecting = client.connect_with(config, server.local_addr().expect("an address"), NAME);
            let accept = async { server.accept().await.expect("a client").await.expect("a handshake") };
            let (at_client, at_server) = tokio::join!(connecting.expect("a valid name"), accept);
            (at_client.expect("a handshake"), at_server, [client, server])
        });
        Self { runtime, client, server, _endpoints: endpoints }
    }

    /// Returns the time to send this many pieces of 64 KiB to the server on a new stream.
    ///
    /// # Panics
    /// If the connection fails.
    pub fn time(&self, pieces: usize) -> Duration {
        let data = vec![0x5a; PIECE];
        self.runtime.block_on(async {
            let start = Instant::now();
            let send = async {
                let mut stream = self.client.open_uni().await.expect("an open connection");
                for _ in 0..pieces {
                    stream.write_all(&data).await.expect("an open connection");
                }
                stream.finish().expect("an open stream");
            };
            let receive = async {
                let mut stream = self.server.accept_uni().await.expect("an open connection");
                let (mut received, mut room) = (0, vec![0; PIECE]);
                while let Some(n) = stream.read(&mut room).await.expect("an open connection") {
                    received += n;
                }
                assert_eq!(received, pieces * PIECE);
            };
            tokio::join!(send, receive);
            start.elapsed()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificates, RustlsRing, Sessions, Setup};

    /// A resumed handshake has no certificates.
    #[test]
    fn second_connection_resumes_with_each_library() {
        fn bytes<L: QuicLibrary>() -> [usize; 2] {
            let setup = Setup::TLS13.resumed(Sessions::Tickets);
            let mut endpoints = Quic::new(&L::new(&Certificates::make(), setup));
            [(); 2].map(|()| {
                let _ = endpoints.cost();
                endpoints.bytes
            })
        }
        for [full, resumed] in [bytes::<Ours>(), bytes::<RustlsRing>()] {
            assert!(full > resumed, "{full} {resumed}");
        }
    }

    #[test]
    fn packets_open_with_each_library() {
        let certificates = Certificates::make();
        let mut ours = Packets::new(QuinnKeys::new(&Ours::new(&certificates, Setup::TLS13)));
        let mut rustls = Packets::new(QuinnKeys::new(&RustlsRing::new(&certificates, Setup::TLS13)));
        let mut bare = Packets::new(BarePacketKey::default());
        for _ in 0..3 {
            let _ = (ours.round(), rustls.round(), bare.round());
        }
        for payloads in [ours.payloads, rustls.payloads] {
            assert!(payloads.iter().all(|payload| payload.len() == PACKET - HEADER - 16));
        }
    }

    #[test]
    fn transfers_arrive_with_each_library() {
        let certificates = Certificates::make();
        let _ = QuicTransfer::new(&Ours::new(&certificates, Setup::TLS13)).time(2);
        let _ = QuicTransfer::new(&RustlsRing::new(&certificates, Setup::TLS13)).time(2);
    }
}
