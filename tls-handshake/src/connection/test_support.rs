//! Test support: sends records that no state of this engine sends.

use std::io::IoSlice;

use tls_codec::code_points::ContentType;

use super::Connection;
use crate::record::{Outgoing, RecordReceiver};
use crate::record_size_limit::{LimitedRecords, UNLIMITED};
use crate::states::Role;

impl<R: Role> Connection<R> {
    /// Seals any content under any content type.
    pub(crate) fn send_raw_record(&mut self, content_type: ContentType, content: &[u8], outgoing: &mut Outgoing) {
        let side = self.sender.get().expect("a whole connection");
        side.records.abandon_flight(outgoing);
        side.records.record(content_type, &[IoSlice::new(content)], outgoing).expect("a usable key");
    }

    /// Lifts the negotiated record size limit for sending.
    pub(crate) fn ignore_record_limit(&mut self) {
        self.sender.get().expect("a whole connection").records.limit(UNLIMITED, LimitedRecords::Protected);
    }

    /// Sends a KeyUpdate that does not request one.
    pub(crate) fn send_key_update(&mut self, outgoing: &mut Outgoing) {
        let (side, keys) = self.sending().expect("a connection");
        side.update_key(keys.expect("TLS 1.3"), outgoing).expect("a usable key");
    }

    /// Sends a KeyUpdate that requests one, without a limit on repetitions.
    pub(crate) fn request_key_update(&mut self, outgoing: &mut Outgoing) {
        let (side, keys) = self.sending().expect("a connection");
        let keys = keys.expect("TLS 1.3");
        keys.data_sent();
        side.awaits_key_update = side.refresh(keys, false, outgoing).expect("a usable key");
    }

    /// Returns the receiving half of the record layer.
    pub(crate) fn receive_half(&mut self) -> &mut RecordReceiver {
        &mut self.receiver
    }

    /// Seals a TLSInnerPlaintext, including its content type and padding.
    pub(crate) fn send_raw_inner_plaintext(&mut self, inner: &[u8], outgoing: &mut Outgoing) {
        let side = self.sender.get().expect("a whole connection");
        side.records.abandon_flight(outgoing);
        side.records.inner_plaintext(inner, outgoing);
    }
}
