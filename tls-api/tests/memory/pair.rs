//! A client and a server in memory. The test carries the bytes between them.

use std::io::Read;
use std::sync::Arc;

use strata_tls::{ClientConfig, ClientSession, Error, ServerConfig, ServerSession, Session};

pub(crate) struct Pair {
    pub(crate) client: ClientSession,
    pub(crate) server: ServerSession,
}

impl Pair {
    pub(crate) fn new(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let client = ClientSession::new(client, "server.test").unwrap();
        Self { client, server: ServerSession::new(server) }
    }

    /// A pair after its handshake.
    pub(crate) fn connected(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let mut pair = Self::new(client, server);
        pair.settle().unwrap();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
        pair
    }

    /// Carries bytes both ways until neither side has any to send.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        while carry(&mut self.client, &mut self.server)? + carry(&mut self.server, &mut self.client)? > 0 {}
        Ok(())
    }
}

/// Takes all pending output.
pub(crate) fn drain(from: &mut impl Session) -> Vec<u8> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    wire
}

/// Feeds bytes to a session while it wants to read. Returns how many it took.
pub(crate) fn feed(to: &mut impl Session, wire: &[u8]) -> Result<usize, Error> {
    let mut rest = wire;
    while !rest.is_empty() && to.wants_read() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets()?;
    }
    Ok(wire.len() - rest.len())
}

/// Carries all pending output of `from` to `to`. Returns the number of bytes.
pub(crate) fn carry(from: &mut impl Session, to: &mut impl Session) -> Result<usize, Error> {
    let wire = drain(from);
    assert_eq!(feed(to, &wire)?, wire.len(), "the session must take everything");
    Ok(wire.len())
}

/// Reads all plaintext that is available now.
pub(crate) fn read_all(from: &mut impl Session) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(n) = from.read(&mut some) {
        if n == 0 {
            break;
        }
        all.extend_from_slice(&some[..n]);
    }
    all
}

/// Test data with a long period.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

/// The lengths of the records in `wire`, each with its header.
pub(crate) fn record_lengths(wire: &[u8]) -> Vec<usize> {
    let (mut rest, mut lengths) = (wire, Vec::new());
    while rest.len() >= 5 {
        let len = 5 + usize::from(u16::from_be_bytes([rest[3], rest[4]]));
        lengths.push(len);
        rest = &rest[len..];
    }
    assert!(rest.is_empty(), "the stream must end with a whole record");
    lengths
}

pub(crate) fn is_would_block<T: std::fmt::Debug>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
}

/// One read of at most 100 bytes.
pub(crate) fn read_some(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut some = [0; 100];
    let n = from.read(&mut some)?;
    Ok(some[..n].to_vec())
}
