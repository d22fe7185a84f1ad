//! The keys of a recorded connection, in the order in which each side uses them.

use strata_tls::codec::record::HEADER_LEN;
use strata_tls::codec::{CipherSuite, ContentType, ProtocolVersion};
use tls_crypto::tls12::MasterSecret;
use tls_crypto::tls13::TrafficSecret;
use tls_crypto::{ALL_TLS12, ALL_TLS13, BulkAlgorithm, Opener};

use super::{Secrets, Side};

/// What the keys of a connection depend on.
pub(super) struct KeySource<'a> {
    pub(super) secrets: &'a Secrets,
    pub(super) client_random: [u8; 32],
    pub(super) server_random: [u8; 32],
    pub(super) version: ProtocolVersion,
    pub(super) suite: CipherSuite,
}

/// The keys of one side that are left: the first opens the next record, or one that follows it.
#[derive(Default)]
pub(super) struct Keys {
    left: Vec<Opener>,
    /// The secret after the next KeyUpdate, and its algorithm.
    update: Option<(TrafficSecret, BulkAlgorithm)>,
}

impl KeySource<'_> {
    pub(super) fn keys(&self, side: Side) -> Keys {
        if self.version == ProtocolVersion::TLS13 { self.tls13(side) } else { self.tls12(side).unwrap_or_default() }
    }

    fn tls13(&self, side: Side) -> Keys {
        let labels = match side {
            Side::Client => {
                &["CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"][..]
            }
            Side::Server => &["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
        };
        let Some(suite) = ALL_TLS13.iter().find(|known| known.id == self.suite.0) else { return Keys::default() };
        let secret = |label: &&str| {
            let logged = self.secrets.get(label, &self.client_random)?;
            TrafficSecret::from_key_log(tls_crypto::Backend::ring(), suite.hash, &logged)
        };
        let mut secrets: Vec<TrafficSecret> = labels.iter().filter_map(secret).collect();
        let left = secrets.iter().map(|secret| secret.opener(suite.aead)).collect();
        // Only the last one is updated: it protects application data, if the handshake completed.
        Keys { left, update: secrets.pop().map(|last| (last.into_stored().next(), suite.aead)) }
    }

    fn tls12(&self, side: Side) -> Option<Keys> {
        let suite = ALL_TLS12.iter().find(|known| known.id == self.suite.0)?;
        let logged = self.secrets.get("CLIENT_RANDOM", &self.client_random)?;
        let master =
            MasterSecret::from_bytes(tls_crypto::Backend::ring(), suite.hash, logged.as_slice().try_into().ok()?);
        let block = master.key_block(suite.aead, &self.client_random, &self.server_random);
        let opener = match side {
            Side::Client => block.client_opener(),
            Side::Server => block.server_opener(),
        };
        Some(Keys { left: vec![opener], update: None })
    }
}

impl Keys {
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Decrypts a whole record. Keys before the one that opens it are not used again.
    pub(super) fn open(&mut self, record: &[u8]) -> Option<(ContentType, Vec<u8>)> {
        record.get(HEADER_LEN..)?;
        for at in 0..self.left.len() {
            // A failed attempt leaves the record in an unspecified state.
            let mut copy = record.to_vec();
            let Ok(opened) = self.left.get_mut(at)?.open(&mut copy) else { continue };
            self.left.drain(..at);
            return Some((ContentType(opened.content_type), copy.get(opened.content)?.to_vec()));
        }
        None
    }

    /// Moves to the keys after a KeyUpdate.
    pub(super) fn update(&mut self) {
        let Some((secret, algorithm)) = self.update.take() else { return };
        self.left = vec![secret.opener(algorithm)];
        self.update = Some((secret.into_stored().next(), algorithm));
    }
}
