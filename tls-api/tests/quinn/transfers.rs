//! Long transfers: key updates, and packets that are lost, duplicated and reordered.

use std::sync::Arc;

use quinn::VarInt;

use crate::relay::{self, Counts};
use crate::stacks::{Link, PAIRINGS, Settings, echo, read_all};

const MIB: usize = 1 << 20;

/// 8 MiB take thousands of packets. quinn updates keys after at most 1,000, and here after each
/// MiB, in turns.
#[tokio::test]
async fn keys_are_updated_during_a_transfer() {
    for pairing in PAIRINGS {
        let [client, server] = Link::new(pairing.configs(&Settings::default())).connect().await;
        let sent: Vec<u8> = (0..=250).cycle().take(8 * MIB).collect();
        let send = async {
            let mut stream = client.open_uni().await.unwrap();
            for (part, side) in sent.chunks(MIB).zip([&client, &server].into_iter().cycle()) {
                stream.write_all(part).await.unwrap();
                side.force_key_update();
            }
            stream.finish().unwrap();
        };
        let receive = async { read_all(server.accept_uni().await.unwrap()).await };
        let ((), received) = tokio::join!(send, receive);
        assert!(received == sent, "{pairing:?}");
        echo(&client, &server, b"afterwards").await;
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
        assert!(counts.get().iter().all(|count| *count > 0), "{:?}", counts.get());
    }
}
