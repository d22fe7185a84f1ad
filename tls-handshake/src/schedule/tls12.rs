//! The TLS 1.2 key schedule (RFC 5246 §6.3, §8.1; RFC 7627).
//!
//! ```text
//! ClientKeyExchange ─▶ MasterSecret ─▶ Keys ─ ChangeCipherSpec ─▶ read, write
//!                                         └─ Finished ─▶ unlock(&Authenticated) ─▶ ApplicationKeys
//! ```
//!
//! One pair of keys protects Finished and all later records. Only the last state sends or accepts
//! application data, so nothing but Finished is sent under these keys before the peer's Finished is
//! verified.

use tls_crypto::tls12::{ExporterSecret, KeyBlock, MasterSecret};
use tls_crypto::{Backend, Digest, SharedSecret, Tls12Suite};

use super::{ReadKey, Side, WriteKey};
use crate::auth::{Authenticated, PeerFinished};
use crate::error::Error;
use crate::negotiated::Exporter;
use crate::resumption::SessionSecret;
use crate::sink::{Event, LoggedSecret, Sink};

/// The random values of both sides, an input of each derivation.
#[derive(Clone, Copy)]
pub(crate) struct Randoms {
    pub(crate) client: [u8; 32],
    pub(crate) server: [u8; 32],
}

/// The value to which the master secret is bound.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding {
    /// The hash of the handshake up to ClientKeyExchange (RFC 7627 §4).
    ExtendedMasterSecret(Digest),
    /// Only the random values (RFC 5246 §8.1), for peers without extended master secret.
    Randoms,
}

/// Keys before the peer proved that it has them too. Boxed, so that states that carry them stay
/// small.
pub(crate) struct Keys {
    side: Side,
    master: MasterSecret,
    block: KeyBlock,
    randoms: Randoms,
    exports: Exports,
}

/// The permission to export keying material.
#[derive(Clone, Copy)]
enum Exports {
    Allowed,
    /// RFC 7627 §5.4: a man in the middle can give two connections the same master secret if it is
    /// not bound to the handshake.
    Disabled,
}

impl Keys {
    /// Derives the master secret and all keys.
    pub(crate) fn derive(
        side: Side,
        backend: Backend,
        suite: &'static Tls12Suite,
        shared: SharedSecret,
        binding: &Binding,
        randoms: Randoms,
        out: &mut dyn Sink,
    ) -> Box<Self> {
        let (master, exports) = match binding {
            Binding::ExtendedMasterSecret(hash) => {
                (MasterSecret::extended(backend, suite.hash, shared, hash), Exports::Allowed)
            }
            Binding::Randoms => {
                let master = MasterSecret::from_randoms(backend, suite.hash, shared, &randoms.client, &randoms.server);
                (master, Exports::Disabled)
            }
        };
        Self::of(side, suite, master, exports, randoms, out)
    }

    /// Derives the keys from the master secret of a session (RFC 5246 §8.1, RFC 7627 §5.3).
    pub(crate) fn resume(
        side: Side,
        suite: &'static Tls12Suite,
        master: MasterSecret,
        extended_master_secret: bool,
        randoms: Randoms,
        out: &mut dyn Sink,
    ) -> Box<Self> {
        let exports = if extended_master_secret { Exports::Allowed } else { Exports::Disabled };
        Self::of(side, suite, master, exports, randoms, out)
    }

    fn of(
        side: Side,
        suite: &'static Tls12Suite,
        master: MasterSecret,
        exports: Exports,
        randoms: Randoms,
        out: &mut dyn Sink,
    ) -> Box<Self> {
        out.event(Event::Secret(LoggedSecret {
            label: "CLIENT_RANDOM",
            client_random: &randoms.client,
            secret: master.expose_for_key_log(),
        }));
        let block = master.key_block(suite.aead, &randoms.client, &randoms.server);
        Box::new(Self { side, master, block, randoms, exports })
    }

    /// Used after the peer's ChangeCipherSpec.
    pub(crate) fn read_key(&self) -> ReadKey<'static> {
        let opener = match self.side {
            Side::Client => self.block.server_opener(),
            Side::Server => self.block.client_opener(),
        };
        ReadKey::tls12(opener)
    }

    /// Used after this side's ChangeCipherSpec.
    pub(crate) fn write_key(&self) -> WriteKey<'static> {
        let sealer = match self.side {
            Side::Client => self.block.client_sealer(),
            Side::Server => self.block.server_sealer(),
        };
        WriteKey::tls12(sealer)
    }

    /// The verify_data of this side's Finished (RFC 5246 §7.4.9).
    pub(crate) fn verify_data(&self, transcript_hash: &Digest) -> [u8; 12] {
        match self.side {
            Side::Client => self.master.client_finished(transcript_hash),
            Side::Server => self.master.server_finished(transcript_hash),
        }
    }

    /// The secret to store with a session.
    pub(crate) fn session_secret(&self) -> Option<SessionSecret> {
        SessionSecret::new(self.master.expose_for_key_log())
    }

    /// Returns whether the master secret is bound to its handshake.
    pub(crate) fn has_extended_master_secret(&self) -> bool {
        matches!(self.exports, Exports::Allowed)
    }

    /// Keeps what the connection needs later. Requires evidence that the peer is authenticated.
    pub(crate) fn unlock(self: Box<Self>, _: &Authenticated) -> ApplicationKeys {
        ApplicationKeys { exporter: self.master.exporter(), randoms: self.randoms, exports: self.exports }
    }
}

impl PeerFinished for Keys {
    fn is_right(&self, transcript_hash: &Digest, received: &[u8]) -> bool {
        match self.side {
            Side::Client => self.master.verify_server_finished(transcript_hash, received),
            Side::Server => self.master.verify_client_finished(transcript_hash, received),
        }
    }

    /// RFC 5246 §7.4.9.
    fn verify_data_len(&self, _: &Digest) -> usize {
        12
    }
}

/// The rest once the record layer has its keys: the inputs of exported keying material.
pub(crate) struct ApplicationKeys {
    exporter: ExporterSecret,
    randoms: Randoms,
    exports: Exports,
}

impl Exporter for ApplicationKeys {
    /// RFC 5705 §4: `None` and an empty context differ.
    fn export(&self, label: &[u8], context: Option<&[u8]>, out: &mut [u8]) -> Result<(), Error> {
        if matches!(self.exports, Exports::Disabled) {
            return Err(Error::ExtendedMasterSecretRequired);
        }
        let Randoms { client, server } = &self.randoms;
        self.exporter.export(label, client, server, context, out).map_err(|_| Error::Crypto("exporting keys"))
    }
}
