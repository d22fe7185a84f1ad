//! The key schedule of TLS 1.3.
//!
//! ```text
//! EarlyKeys (with a pre-shared key, for early data)
//! HandshakeKeys ─ our Finished is next ─▶ LockedApplicationKeys ─ unlock(&Authenticated) ─▶ ApplicationKeys
//! ```
//!
//! What is prepared for deriving from it lies on the heap, so that the states that carry it stay small, and is taken from there, not
//! moved, as the place would be given back with a copy in it; what an idle connection keeps
//! are secrets at rest.

use tls_crypto::Digest;
use tls_crypto::SharedSecret;
use tls_crypto::Tls13Suite;
use tls_crypto::tls13::{
    ApplicationTraffic, EarlySecret, ExporterSecret, HandshakeSecret, HandshakeTraffic, MainSecret,
    StoredTrafficSecret, TrafficSecret,
};

use super::{Epoch, ReadKey, Side, WriteKey};
use crate::auth::{Authenticated, PeerFinished};
use crate::error::Error;
use crate::negotiated::Exporter;
use crate::sink::{Event, LoggedSecret, Sink};

/// What keys are bound to: the hash of the messages up to a hello, and the connection's name in key logs.
pub(crate) struct Hello<'a> {
    pub(crate) hash: &'a Digest,
    pub(crate) client_random: &'a [u8; 32],
}

/// The keys of early data, which go by the ClientHello alone (RFC 9846 §7.1).
pub(crate) struct EarlyKeys {
    suite: &'static Tls13Suite,
    traffic: TrafficSecret,
    exporter: ExporterSecret,
    /// Bytes that may be sent under them.
    limit: u32,
}

impl EarlyKeys {
    /// Derives them from a pre-shared key's schedule, and logs them.
    pub(crate) fn derive(
        suite: &'static Tls13Suite,
        early: &EarlySecret,
        limit: u32,
        hello: &Hello<'_>,
        out: &mut dyn Sink,
    ) -> Self {
        let traffic = early.client_early_traffic_secret(hello.hash);
        let exporter = early.early_exporter(hello.hash);
        let client_random = hello.client_random;
        let mut log = |label, secret: &[u8]| out.event(Event::Secret(LoggedSecret { label, client_random, secret }));
        log("CLIENT_EARLY_TRAFFIC_SECRET", traffic.expose_for_key_log());
        log("EARLY_EXPORTER_SECRET", exporter.expose_for_key_log());
        Self { suite, traffic, exporter, limit }
    }

    /// The server's half.
    pub(crate) fn read_key(&self) -> ReadKey {
        ReadKey { opener: self.traffic.opener(self.suite.aead), epoch: Epoch::EarlyData { limit: self.limit } }
    }

    /// The client's half.
    pub(crate) fn write_key(&self) -> WriteKey {
        WriteKey { sealer: self.traffic.sealer(self.suite.aead), epoch: Epoch::EarlyData { limit: self.limit } }
    }
}

impl Exporter for EarlyKeys {
    /// RFC 9846 §7.5.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        self.exporter.export(label, context.unwrap_or_default(), out).map_err(|_| Error::Crypto("exporting keys"))
    }
}

/// The keys between ServerHello and Finished (RFC 9846 §7.1).
pub(crate) struct HandshakeKeys {
    suite: &'static Tls13Suite,
    side: Side,
    read: TrafficSecret,
    write: TrafficSecret,
    secret: HandshakeSecret,
    /// By which key logs name the connection.
    client_random: [u8; 32],
}

impl HandshakeKeys {
    /// Derives them from the pre-shared key, if any, the shared secret and the hash over ClientHello to ServerHello, and logs them.
    pub(crate) fn derive(
        side: Side,
        suite: &'static Tls13Suite,
        early: EarlySecret,
        shared: SharedSecret,
        hello: &Hello<'_>,
        out: &mut dyn Sink,
    ) -> Box<Self> {
        let (HandshakeTraffic { client, server }, secret) = early.into_handshake(shared, hello.hash);
        let client_random = hello.client_random;
        let mut log = |label, secret: &TrafficSecret| {
            out.event(Event::Secret(LoggedSecret { label, client_random, secret: secret.expose_for_key_log() }));
        };
        log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &client);
        log("SERVER_HANDSHAKE_TRAFFIC_SECRET", &server);
        let (read, write) = match side {
            Side::Client => (server, client),
            Side::Server => (client, server),
        };
        Box::new(Self { suite, side, read, write, secret, client_random: *client_random })
    }

    pub(crate) fn read_key(&self) -> ReadKey {
        ReadKey { opener: self.read.opener(self.suite.aead), epoch: Epoch::Handshake }
    }

    pub(crate) fn write_key(&self) -> WriteKey {
        WriteKey { sealer: self.write.sealer(self.suite.aead), epoch: Epoch::Handshake }
    }

    /// Our verify_data (RFC 9846 §4.5.3).
    pub(crate) fn verify_data(&self, transcript_hash: &Digest) -> Digest {
        self.write.finished(transcript_hash)
    }

    /// The application keys, which exist from the server's Finished on: the one to write with, and the rest. The one to read with stays
    /// locked away until the peer's Finished was checked.
    pub(crate) fn into_application(
        mut self: Box<Self>,
        server_finished_hash: &Digest,
        out: &mut dyn Sink,
    ) -> (WriteKey, Box<LockedApplicationKeys>) {
        let main = self.secret.take().into_main();
        let ApplicationTraffic { client, server, exporter } = main.application(server_finished_hash);
        let client_random = &self.client_random;
        let mut log = |label, secret: &[u8]| out.event(Event::Secret(LoggedSecret { label, client_random, secret }));
        log("CLIENT_TRAFFIC_SECRET_0", client.expose_for_key_log());
        log("SERVER_TRAFFIC_SECRET_0", server.expose_for_key_log());
        log("EXPORTER_SECRET", exporter.expose_for_key_log());
        let (read, write) = match self.side {
            Side::Client => (server, client),
            Side::Server => (client, server),
        };
        let suite = self.suite;
        let write_key = WriteKey { sealer: write.sealer(suite.aead), epoch: Epoch::Application };
        let write = write.into_stored();
        let locked = LockedApplicationKeys { suite, handshake_read: self.read.take(), read, write, exporter, main };
        (write_key, Box::new(locked))
    }
}

impl PeerFinished for HandshakeKeys {
    fn is_right(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        self.read.verify_finished(transcript_hash, received)
    }

    fn verify_data_len(&self, transcript_hash: &Digest) -> usize {
        transcript_hash.as_ref().len()
    }
}

/// Application keys whose reading half waits for evidence: for the peer's Finished, which comes under the handshake's.
pub(crate) struct LockedApplicationKeys {
    suite: &'static Tls13Suite,
    handshake_read: TrafficSecret,
    read: TrafficSecret,
    write: StoredTrafficSecret,
    exporter: ExporterSecret,
    main: MainSecret,
}

impl LockedApplicationKeys {
    /// What the peer's Finished comes under.
    pub(crate) fn handshake_read_key(&self) -> ReadKey {
        ReadKey { opener: self.handshake_read.opener(self.suite.aead), epoch: Epoch::Handshake }
    }

    /// The key to read with; what the connection keeps; and what sessions are derived from. The evidence is what makes it safe to
    /// believe the peer.
    pub(crate) fn unlock(mut self: Box<Self>, _: &Authenticated) -> (ReadKey, ApplicationKeys, MainSecret) {
        let suite = self.suite;
        let read_key = ReadKey { opener: self.read.opener(suite.aead), epoch: Epoch::Application };
        let read = self.read.take().into_stored();
        let keys = ApplicationKeys { suite, read, write: self.write.take(), exporter: self.exporter.take() };
        (read_key, keys, self.main.take())
    }
}

impl PeerFinished for LockedApplicationKeys {
    fn is_right(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        self.handshake_read.verify_finished(transcript_hash, received)
    }

    fn verify_data_len(&self, transcript_hash: &Digest) -> usize {
        transcript_hash.as_ref().len()
    }
}

/// The keys of a connection whose handshake is complete.
pub(crate) struct ApplicationKeys {
    suite: &'static Tls13Suite,
    read: StoredTrafficSecret,
    write: StoredTrafficSecret,
    exporter: ExporterSecret,
}

impl ApplicationKeys {
    /// The peer's next generation (RFC 9846 §7.2).
    pub(crate) fn next_read_key(&mut self) -> ReadKey {
        let next = self.read.next();
        let opener = next.opener(self.suite.aead);
        self.read = next.into_stored();
        ReadKey { opener, epoch: Epoch::Application }
    }

    /// Our next generation (RFC 9846 §7.2).
    pub(crate) fn next_write_key(&mut self) -> WriteKey {
        let next = self.write.next();
        let sealer = next.sealer(self.suite.aead);
        self.write = next.into_stored();
        WriteKey { sealer, epoch: Epoch::Application }
    }
}

impl Exporter for ApplicationKeys {
    /// RFC 9846 §7.5: no context and an empty one are the same.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        self.exporter.export(label, context.unwrap_or_default(), out).map_err(|_| Error::Crypto("exporting keys"))
    }
}
