//! A relay between a client and a server that loses, duplicates and reorders datagrams. A seed
//! determines which.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;

/// How many datagrams were lost, duplicated and held back.
#[derive(Default)]
pub(crate) struct Counts([AtomicUsize; 3]);

impl Counts {
    pub(crate) fn get(&self) -> [usize; 3] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn add(&self, fault: usize) {
        self.0[fault].fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a relay in the background, and returns its address. It serves one client.
pub(crate) async fn start(server: SocketAddr, seed: u64, counts: &Arc<Counts>) -> SocketAddr {
    let outside = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let inside = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    inside.connect(server).await.unwrap();
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
