//! The TLS 1.3 key schedule (RFC 9846 §7.1).
//!
//! ```text
//! EarlyKeys (with a pre-shared key, for early data)
//! HandshakeKeys ─▶ LockedApplicationKeys (from our Finished on)
//!                     └─ unlock(&Authenticated) ─▶ ApplicationKeys
//! ```
//!
//! Handshake secrets are boxed, so that the states that carry them stay small. They are taken out
//! of the box instead of moved, so that the freed memory keeps no copy. An idle connection keeps
//! only stored traffic secrets.

use tls_crypto::BulkAlgorithm;
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
use crate::framed::RecordBoundary;
use crate::negotiated::Exporter;
use crate::sink::{Event, LoggedSecret, Sink};

/// The values to which keys are bound: the transcript hash up to a hello, and ClientHello.random
/// for key logs.
pub(crate) struct Hello<'a> {
    pub(crate) hash: &'a Digest,
    pub(crate) client_random: &'a [u8; 32],
}

/// The keys of early data, which depend only on the ClientHello (RFC 9846 §7.1).
pub(crate) struct EarlyKeys {
    suite: &'static Tls13Suite,
    traffic: TrafficSecret,
    exporter: ExporterSecret,
    /// Maximum number of bytes of early data under them.
    limit: u32,
}

impl EarlyKeys {
    /// Derives the keys from the early secret of a pre-shared key, and logs them.
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

    /// The key of the server.
    pub(crate) fn read_key(&self) -> ReadKey<'_> {
        ReadKey::tls13(&self.traffic, self.suite.aead, Epoch::EarlyData { limit: self.limit })
    }

    /// The key of the client.
    pub(crate) fn write_key(&self) -> WriteKey<'_> {
        WriteKey::tls13(&self.traffic, self.suite.aead, Epoch::EarlyData { limit: self.limit })
    }

    /// Drops all but the exporter, once the key of early data is installed.
    pub(crate) fn into_exporter(mut self) -> EarlyExporter {
        EarlyExporter(self.exporter.take())
    }
}

/// The early exporter, which outlives the other early keys.
///
/// It is stored without them: their HMAC keys contain bytes that ring leaves uninitialized, and so
/// old stack memory, which would reach the heap with the state.
pub(crate) struct EarlyExporter(ExporterSecret);

impl Exporter for EarlyExporter {
    /// RFC 9846 §7.5.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        self.0.export(label, context.unwrap_or_default(), out).map_err(|_| Error::Crypto("exporting keys"))
    }
}

/// The keys between ServerHello and Finished (RFC 9846 §7.1).
pub(crate) struct HandshakeKeys {
    suite: &'static Tls13Suite,
    side: Side,
    read: TrafficSecret,
    write: TrafficSecret,
    secret: HandshakeSecret,
    /// Identifies the connection in key logs.
    client_random: [u8; 32],
}

impl HandshakeKeys {
    /// Derives the keys from the early secret, the (EC)DHE shared secret, and the transcript hash
    /// up to ServerHello. Logs them.
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

    pub(crate) fn read_key(&self) -> ReadKey<'_> {
        ReadKey::tls13(&self.read, self.suite.aead, Epoch::Handshake)
    }

    pub(crate) fn write_key(&self) -> WriteKey<'_> {
        WriteKey::tls13(&self.write, self.suite.aead, Epoch::Handshake)
    }

    /// The verify_data of this side's Finished (RFC 9846 §4.5.3).
    pub(crate) fn verify_data(&self, transcript_hash: &Digest) -> Digest {
        self.write.finished(transcript_hash)
    }

    /// Derives the application keys, which depend on the server's Finished, and installs the write
    /// key. The read key stays locked until the peer's Finished is verified.
    pub(crate) fn into_application(
        mut self: Box<Self>,
        server_finished_hash: &Digest,
        out: &mut dyn Sink,
    ) -> Result<Box<LockedApplicationKeys>, Error> {
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
        out.install_write(WriteKey::tls13(&write, suite.aead, Epoch::Application))?;
        let write = write.into_stored();
        let locked = LockedApplicationKeys { suite, handshake_read: self.read.take(), read, write, exporter, main };
        Ok(Box::new(locked))
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

/// Application keys before the peer's Finished, which the handshake key still protects.
pub(crate) struct LockedApplicationKeys {
    suite: &'static Tls13Suite,
    handshake_read: TrafficSecret,
    read: TrafficSecret,
    write: StoredTrafficSecret,
    exporter: ExporterSecret,
    main: MainSecret,
}

impl LockedApplicationKeys {
    /// The key of the peer's Finished.
    pub(crate) fn handshake_read_key(&self) -> ReadKey<'_> {
        ReadKey::tls13(&self.handshake_read, self.suite.aead, Epoch::Handshake)
    }

    /// Installs the read key. Returns the keys that the connection keeps, and the secret that
    /// sessions are derived from. Requires evidence that the peer is authenticated.
    pub(crate) fn unlock(
        mut self: Box<Self>,
        _: &Authenticated,
        at: RecordBoundary,
        out: &mut dyn Sink,
    ) -> (ApplicationKeys, MainSecret) {
        let suite = self.suite;
        out.install_read(ReadKey::tls13(&self.read, suite.aead, Epoch::Application), at);
        let read = self.read.take().into_stored();
        let keys = ApplicationKeys {
            read: ReadKeys { aead: suite.aead, secret: read, exporter: self.exporter.take() },
            write: WriteKeys { aead: suite.aead, secret: self.write.take() },
        };
        (keys, self.main.take())
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

/// The keys after the handshake, one part for each direction.
pub(crate) struct ApplicationKeys {
    pub(crate) read: ReadKeys,
    pub(crate) write: WriteKeys,
}

/// The peer's keys after the handshake, and the exporter.
pub(crate) struct ReadKeys {
    aead: BulkAlgorithm,
    secret: StoredTrafficSecret,
    exporter: ExporterSecret,
}

impl ReadKeys {
    /// Installs the peer's next key (RFC 9846 §7.2).
    pub(crate) fn update(&mut self, at: RecordBoundary, out: &mut dyn Sink) {
        let next = self.secret.next();
        out.install_read(ReadKey::tls13(&next, self.aead, Epoch::Application), at);
        self.secret = next.into_stored();
    }

    /// Takes the secrets of later keys, for QUIC, which updates keys itself (RFC 9001 §6). No
    /// KeyUpdate is possible after that.
    pub(crate) fn take_secrets(&mut self, write: &mut WriteKeys) -> TakenSecrets {
        TakenSecrets { aead: self.aead, read: self.secret.take(), write: write.secret.take() }
    }
}

/// The secrets from which the next keys of both directions follow.
pub(crate) struct TakenSecrets {
    pub(crate) aead: BulkAlgorithm,
    pub(crate) read: StoredTrafficSecret,
    pub(crate) write: StoredTrafficSecret,
}

/// This side's keys after the handshake.
pub(crate) struct WriteKeys {
    aead: BulkAlgorithm,
    secret: StoredTrafficSecret,
}

impl WriteKeys {
    /// Passes this side's next key to `install` (RFC 9846 §7.2).
    pub(crate) fn update(&mut self, install: impl FnOnce(WriteKey<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let next = self.secret.next();
        install(WriteKey::tls13(&next, self.aead, Epoch::Application))?;
        self.secret = next.into_stored();
        Ok(())
    }

    /// Moves the keys, and overwrites the old memory.
    pub(crate) fn take(&mut self) -> Self {
        Self { aead: self.aead, secret: self.secret.take() }
    }
}

impl Exporter for ReadKeys {
    /// RFC 9846 §7.5: `None` and an empty context are equal.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        self.exporter.export(label, context.unwrap_or_default(), out).map_err(|_| Error::Crypto("exporting keys"))
    }
}
