//! The engine's [`Sink`]: record layer, output buffer, key log.

use super::sending::SenderSlot;
use crate::config::KeyLog;
use crate::error::Error;
use crate::framed::RecordBoundary;
use crate::record::{Outgoing, RecordReceiver};
use crate::schedule::{ReadKey, WriteKey};
use crate::sink::{EncodeMessage, Event, LimitedRecords, RecordLimits, Sink};
use crate::states::RemembersSessions;

/// The parts of a connection that states act on.
pub(super) struct EngineSink<'c> {
    pub(super) receiver: &'c mut RecordReceiver,
    pub(super) sender: &'c mut SenderSlot,
    pub(super) key_log: Option<&'c dyn KeyLog>,
    pub(super) outgoing: &'c mut Outgoing,
    pub(super) sessions: &'c mut dyn RemembersSessions,
}

impl Sink for EngineSink<'_> {
    fn send(&mut self, encode: &mut EncodeMessage<'_>) -> Result<&[u8], Error> {
        let message = self.sender.get()?.records.message(self.outgoing, encode)?;
        log_trace!("sent {} ({} bytes)", sent_type(message), message.len());
        Ok(message)
    }

    fn send_change_cipher_spec(&mut self) -> Result<(), Error> {
        self.sender.get()?.records.change_cipher_spec(self.outgoing)
    }

    fn queue_change_cipher_spec(&mut self) -> Result<(), Error> {
        self.sender.get()?.records.queue_change_cipher_spec(self.outgoing)
    }

    fn install_read(&mut self, key: ReadKey<'_>, _: RecordBoundary) {
        self.receiver.install(key);
    }

    fn key_update_received(&mut self, is_requested: bool) -> bool {
        match self.sender {
            SenderSlot::Whole(side) => {
                side.has_pending_key_update |= is_requested;
                std::mem::take(&mut side.awaits_key_update)
            }
            SenderSlot::Split(mailbox) => mailbox.key_update_received(is_requested),
        }
    }

    fn install_write(&mut self, key: WriteKey<'_>) -> Result<(), Error> {
        self.sender.get()?.records.install(key, self.outgoing)
    }

    fn remove_write(&mut self) {
        if let Some(side) = self.sender.whole_mut() {
            side.records.remove_key();
        }
    }

    fn limit_records(&mut self, limits: RecordLimits, limited: LimitedRecords) {
        if let Some(side) = self.sender.whole_mut() {
            side.records.limit(limits.send, limited);
        }
        self.receiver.limit(limits.receive, limited);
    }

    fn skip_early_data(&mut self, limit: u32) {
        self.receiver.skip_early_data(limit);
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Secret(secret) => {
                if let Some(key_log) = self.key_log {
                    key_log.log(secret.label, secret.client_random, secret.secret);
                }
            }
            Event::Stored(sessions) => self.sessions.remember(sessions),
            Event::TransportParameters(_) => {}
        }
    }
}

#[cfg(feature = "logging")]
fn sent_type(message: &[u8]) -> tls_codec::code_points::HandshakeType {
    tls_codec::code_points::HandshakeType(message.first().copied().unwrap_or_default())
}
