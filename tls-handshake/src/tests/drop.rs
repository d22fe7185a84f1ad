//! Dropping a connection frees everything it holds, although its state is dropped by hand.

use std::sync::Arc;

use super::pair::{Pair, Pki};
use crate::config::{ClientConfig, ServerConfig};
use crate::record::Outgoing;
use crate::{ClientConnection, ServerConnection};

#[test]
fn dropped_connection_frees_its_configuration() {
    let pki = Pki::new();
    for answered in [false, true] {
        let (client, server) = (Arc::new(ClientConfig::new()), Arc::new(ServerConfig::new()));
        let mut pair = Pair::new(&pki);
        pair.to_server = Outgoing::new();
        let name = "a.test".try_into().unwrap();
        pair.client = ClientConnection::new(Arc::clone(&client), name, &mut pair.to_server).unwrap();
        pair.server = ServerConnection::new(Arc::clone(&server));
        assert_eq!(
            (Arc::strong_count(&client), Arc::strong_count(&server)),
            (3, 2),
            "each state holds its configuration, and a client also for its session store"
        );
        if answered {
            // The server waits for its identity, the client for ServerHello.
            assert!(pair.step_server().unwrap().is_some());
            assert_eq!(Arc::strong_count(&server), 2);
        }
        drop(pair);
        assert_eq!((Arc::strong_count(&client), Arc::strong_count(&server)), (1, 1), "answered: {answered}");
    }
}
