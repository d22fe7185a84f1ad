//! Early data (0-RTT) on the server: whether to accept it (RFC 9846 §4.3.10, §8).
//!
//! The session must be single-use, so `resumption` requests its removal from the store before
//! EncryptedExtensions says that early data are accepted. `resumption::eligibility` compares the
//! age of the ticket. `record/receiver` counts the bytes that arrive, accepted or rejected, against
//! the limits of `config/server`. `client_flight` receives EndOfEarlyData. The facade limits what
//! the application has not read.

use pki_types::UnixTime;
use tls_codec::extension::PskIdentity;

use super::server_flight::WaitIdentity;
use crate::resumption::ServerSessionValue;
use crate::suite::SupportedCipherSuite;

impl WaitIdentity {
    /// Returns whether early data under this single-use `session` is accepted: only for the first
    /// key, with the same suite and protocol, and if it is not a replay.
    pub(super) fn accepts_early_data(
        &self,
        index: usize,
        session: &ServerSessionValue,
        identity: &PskIdentity<'_>,
        now: UnixTime,
    ) -> bool {
        let context = &self.context;
        self.early_data
            && index == 0
            && !self.kind.is_retried()
            && (1..=context.config.max_early_data).contains(&session.max_early_data)
            && session.suite == SupportedCipherSuite::from(self.suite)
            && session.alpn == self.alpn
            && session.is_fresh(identity.obfuscated_ticket_age, now)
            && context.transport.accepts_early_data(&session.application)
    }
}
