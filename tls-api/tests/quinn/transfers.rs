//! Long transfers: key updates, and packets that are lost, duplicated and reordered.

use std::sync::Arc;

use quinn::VarInt;

use crate::counting::Updates;
use crate::relay::{self, Counts};
use crate::stacks::{Link, PAIRINGS, Settings, echo, read_all};

const MIB: usize = 1 << 20;

/// 64 MiB there, with a key update after each 8 MiB that client and server begin in turns.
#[tokio::test]
async fn both_sides_update_keys_during_a_transfer() {
    for pairing in PAIRINGS {
        let (mut configs, updates) = (pairing.configs(&Settings::default()), Updates::default());
        updates.count(&mut configs.server);
        let [client, server] = Link::new(configs).connect().await;
        let sent: Vec<u8> = (0..=250).cycle().take(64 * MIB).collect();
        let send = async {
            let mut stream = client.open_uni().await.unwrap();
            for (part, side) in sent.chunks(8 * MIB).zip([&client, &server].into_iter().cycle()) {
                stream.write_all(part).await.unwrap();
                updates.force(side).await;
            }
            stream.finish().unwrap();
        };
        let receive = async { read_all(server.accept_uni().await.unwrap()).await };
        let ((), received) = tokio::join!(send, receive);
        assert!(received == sent, "{pairing:?}");
        // The keys of the first update exist in advance.
        assert!(updates.get() > 8, "{pairing:?}: {}", updates.get());
        echo(&client, &server, b"afterwards").await;
    }
}

/// The client's Initial packets arrive as one datagram, in reverse order, and each packet of the
/// server in a datagram of its own.
#[tokio::test]
async fn initial_packets_are_split_and_coalesced() {
    // The ClientHello takes two packets.
    let mut settings = Settings::default();
    settings.client_alpn = (0..120).map(|n| format!("protocol {n}")).chain(settings.client_alpn).collect();
    for pairing in PAIRINGS {
        for retries in [false, true] {
            let mut link = Link::new(pairing.configs(&settings));
            let counts = Arc::new(Counts::default());
            link.address = relay::reshape(link.address, &counts).await;
            link.retries = retries;
            let [client, server] = link.connect().await;
            echo(&client, &server, b"hello").await;
            let [_, _, _, split, joined] = counts.get();
            assert!(split > 0 && joined > 0, "{pairing:?}: {split} {joined}");
        }
    }
}

/// Several handshakes and transfers for each pairing, so that faults hit all kinds of packets.
#[tokio::test]
async fn faults_of_the_network_are_survived() {
    for pairing in PAIRINGS {
        let counts = Arc::new(Counts::default());
        for seed in 0..4 {
            // A new server each time: it may have a repeated first packet of the client left.
            let mut link = Link::new(pairing.configs(&Settings::default()));
            link.address = relay::start(link.address, seed, &counts).await;
            link.retries = seed % 2 == 1;
            let [client, server] = link.connect().await;
            echo(&client, &server, &vec![7; MIB / 4]).await;
            // Both, because a lost CONNECTION_CLOSE is not repeated.
            client.close(VarInt::from_u32(0), b"");
            server.close(VarInt::from_u32(0), b"");
        }
        assert!(counts.get()[..3].iter().all(|count| *count > 0), "{:?}", counts.get());
    }
}
