//! Relays between a client and a server: one that loses, duplicates and reorders datagrams, as a
//! seed determines, and one that splits and coalesces packets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;

/// How many datagrams were lost, duplicated, held back, split, and coalesced.
#[derive(Default)]
pub(crate) struct Counts([AtomicUsize; 5]);

impl Counts {
    pub(crate) fn get(&self) -> [usize; 5] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn add(&self, fault: usize) {
        self.0[fault].fetch_add(1, Ordering::Relaxed);
    }
}

/// A socket for the client, and one for the server.
async fn sockets(server: SocketAddr) -> [UdpSocket; 2] {
    let outside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let inside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    inside.connect(server).await.unwrap();
    [outside, inside]
}

/// Starts a relay in the background, and returns its address. It serves one client.
pub(crate) async fn start(server: SocketAddr, seed: u64, counts: &Arc<Counts>) -> SocketAddr {
    let [outside, inside] = sockets(server).await;
    let address = outside.local_addr().unwrap();
    let counts = Arc::clone(counts);
    tokio::spawn(async move {
        // The first datagram determines the client.
        let mut buffer = vec![0; 65_536];
        let (n, client) = outside.recv_from(&mut buffer).await.unwrap();
        outside.connect(client).await.unwrap();
        inside.send(&buffer[..n]).await.unwrap();
        tokio::join!(
            forward(&outside, &inside, Faults::new(seed), &counts),
            forward(&inside, &outside, Faults::new(!seed), &counts)
        );
    });
    address
}

/// Starts a relay that coalesces the client's first two datagrams, the later one first, and splits
/// the server's datagrams into packets.
pub(crate) async fn reshape(server: SocketAddr, counts: &Arc<Counts>) -> SocketAddr {
    let [outside, inside] = sockets(server).await;
    let address = outside.local_addr().unwrap();
    let counts = Arc::clone(counts);
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        let (n, client) = outside.recv_from(&mut buffer).await.unwrap();
        outside.connect(client).await.unwrap();
        let there = coalesce(&outside, &inside, buffer[..n].to_vec(), &counts);
        tokio::join!(there, split(&inside, &outside, &counts));
    });
    address
}

async fn coalesce(from: &UdpSocket, to: &UdpSocket, first: Vec<u8>, counts: &Counts) {
    let (mut held, mut buffer) = (Some(first), vec![0; 65_536]);
    while let Ok(n) = from.recv(&mut buffer).await {
        let mut datagram = buffer[..n].to_vec();
        // Packets without a length are the last of their datagram.
        if let Some(held) = held.take_if(|_| packets(&datagram).len() == 1 && is_initial(&datagram)) {
            datagram.extend(held);
            counts.add(4);
        }
        let _ = to.send(&datagram).await;
    }
}

async fn split(from: &UdpSocket, to: &UdpSocket, counts: &Counts) {
    let mut buffer = vec![0; 65_536];
    while let Ok(n) = from.recv(&mut buffer).await {
        let packets = packets(&buffer[..n]);
        if packets.len() > 1 {
            counts.add(3);
        }
        for packet in packets {
            let _ = to.send(packet).await;
        }
    }
}

fn is_initial(packet: &[u8]) -> bool {
    packet[0] & 0xb0 == 0x80
}

/// The packets of a datagram (RFC 9000 §12.2, §17.2). One without a length takes the rest.
fn packets(mut datagram: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while !datagram.is_empty() {
        let (packet, rest) = datagram.split_at(packet_len(datagram).unwrap_or(datagram.len()));
        packets.push(packet);
        datagram = rest;
    }
    packets
}

fn packet_len(datagram: &[u8]) -> Option<usize> {
    let (is_long, is_retry) = (datagram[0] & 0x80 != 0, datagram[0] & 0x30 == 0x30);
    if !is_long || is_retry {
        return None;
    }
    let mut at = 5;
    for _ in 0..2 {
        at += 1 + usize::from(datagram[at]);
    }
    if is_initial(datagram) {
        let token = varint(datagram, &mut at);
        at += token;
    }
    let length = varint(datagram, &mut at);
    Some(at + length)
}

/// RFC 9000 §16.
fn varint(bytes: &[u8], at: &mut usize) -> usize {
    let length = 1 << (bytes[*at] >> 6);
    let value = bytes[*at..*at + length].iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
    *at += length;
    value & ((1 << (8 * length - 2)) - 1)
}

async fn forward(from: &UdpSocket, to: &UdpSocket, mut faults: Faults, counts: &Counts) {
    let mut buffer = vec![0; 65_536];
    let mut held = None;
    // Ends when the test does, or when one side has closed its socket.
    while let Ok(n) = from.recv(&mut buffer).await {
        let datagram = &buffer[..n];
        match faults.next() {
            Fault::Lose => counts.add(0),
            // Sent after the next one.
            Fault::Hold if held.is_none() => {
                counts.add(2);
                held = Some(datagram.to_vec());
            }
            Fault::Duplicate => {
                counts.add(1);
                let _ = to.send(datagram).await;
                let _ = to.send(datagram).await;
            }
            Fault::Hold | Fault::None => {
                let _ = to.send(datagram).await;
                if let Some(late) = held.take() {
                    let _ = to.send(&late).await;
                }
            }
        }
    }
}

enum Fault {
    None,
    Lose,
    Duplicate,
    Hold,
}

/// Each fault hits 2 % of the datagrams (xorshift64).
struct Faults(u64);

impl Faults {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> Fault {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        match self.0 % 50 {
            0 => Fault::Lose,
            1 => Fault::Duplicate,
            2 => Fault::Hold,
            _ => Fault::None,
        }
    }
}
