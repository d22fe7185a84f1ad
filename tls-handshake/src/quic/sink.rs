//! The [`Sink`] of QUIC: messages and keys of encryption levels.

use std::collections::VecDeque;
use std::sync::Arc;

use tls_codec::writer::Writer;
use tls_crypto::BulkAlgorithm;
use tls_crypto::quic::{Keys, Version};
use tls_crypto::tls13::TrafficSecret;

use super::output::{KeyChange, Output};
use crate::config::KeyLog;
use crate::error::{Error, Level};
use crate::framed::RecordBoundary;
use crate::schedule::{Epoch, ReadKey, WriteKey};
use crate::sink::{EncodeMessage, Event, LimitedRecords, RecordLimits, Sink};
use crate::states::RemembersSessions;

/// The part of a connection that states act on.
pub(super) struct Levels {
    pub(super) version: Version,
    /// The level of the messages that are read.
    pub(super) reading: Level,
    /// The level of the messages that are sent.
    writing: Level,
    pub(super) output: VecDeque<Output>,
    /// The client's sessions share them.
    pub(super) peer_parameters: Option<Arc<[u8]>>,
    /// The server's parameters that limit early data, if a client may send it.
    pub(super) early_parameters: Option<Arc<[u8]>>,
}

impl Levels {
    pub(super) fn new(version: Version) -> Self {
        let (reading, writing) = (Level::Initial, Level::Initial);
        Self { version, reading, writing, output: VecDeque::new(), peer_parameters: None, early_parameters: None }
    }

    fn keys(&self, secret: Option<(&TrafficSecret, BulkAlgorithm)>) -> Result<Keys, Error> {
        let (secret, aead) = secret.ok_or(Error::Crypto("deriving packet keys"))?;
        Ok(Keys::new(self.version, aead, secret))
    }
}

/// The sink of one call.
pub(super) struct QuicSink<'c> {
    pub(super) levels: &'c mut Levels,
    pub(super) key_log: Option<&'c dyn KeyLog>,
    pub(super) sessions: &'c mut dyn RemembersSessions,
    /// True if CRYPTO data of the level that is read is left.
    pub(super) has_data_left: bool,
    /// The level whose keys changed although data of it was left.
    pub(super) misaligned: Option<Level>,
}

impl Sink for QuicSink<'_> {
    fn send(&mut self, encode: &mut EncodeMessage<'_>) -> Result<&[u8], Error> {
        let Levels { writing, output, .. } = &mut *self.levels;
        if !matches!(output.back(), Some(Output::Crypto(level, _)) if level == writing) {
            output.push_back(Output::Crypto(*writing, Vec::new()));
        }
        let Some(Output::Crypto(_, bytes)) = output.back_mut() else { return Err(Error::LocalMessageTooLong) };
        let start = bytes.len();
        if let Err(e) = encode(&mut Writer::append(bytes)) {
            bytes.truncate(start);
            return Err(e.into());
        }
        Ok(bytes.get(start..).unwrap_or_default())
    }

    /// Nothing: QUIC has no such record (RFC 9001 §8.4).
    fn send_change_cipher_spec(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn queue_change_cipher_spec(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn install_read(&mut self, key: ReadKey<'_>, _: RecordBoundary) {
        let level = level_of(key.epoch);
        if level != Level::ZeroRtt {
            // The boundary was that of a message; data that came later is left all the same.
            if self.has_data_left {
                self.misaligned = Some(self.levels.reading);
                return;
            }
            self.levels.reading = level;
        }
        if let Ok(keys) = self.levels.keys(key.secret()) {
            self.levels.output.push_back(Output::Keys(KeyChange::Read(level, keys)));
        }
    }

    /// QUIC has no KeyUpdate messages (RFC 9001 §6).
    fn key_update_received(&mut self, _: bool) -> bool {
        false
    }

    fn install_write(&mut self, key: WriteKey<'_>) -> Result<(), Error> {
        let (level, keys) = (level_of(key.epoch), self.levels.keys(key.secret())?);
        // 0-RTT packets carry no messages.
        if level != Level::ZeroRtt {
            self.levels.writing = level;
        }
        self.levels.output.push_back(Output::Keys(KeyChange::Write(level, keys)));
        Ok(())
    }

    /// Nothing: the second ClientHello is sent at the Initial level as the first.
    fn remove_write(&mut self) {}

    fn limit_records(&mut self, _: RecordLimits, _: LimitedRecords) {}

    /// Nothing: QUIC discards packets of 0-RTT without keys.
    fn skip_early_data(&mut self, _: u32) {}

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Secret(secret) => {
                if let Some(key_log) = self.key_log {
                    key_log.log(secret.label, secret.client_random, secret.secret);
                }
            }
            Event::Stored(sessions) => self.sessions.remember(sessions),
            Event::TransportParameters(parameters) => self.levels.peer_parameters = Some(parameters.into()),
        }
    }
}

fn level_of(epoch: Epoch) -> Level {
    match epoch {
        Epoch::EarlyData { .. } => Level::ZeroRtt,
        Epoch::Handshake => Level::Handshake,
        Epoch::Application => Level::OneRtt,
    }
}
