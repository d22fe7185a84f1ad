//! Test support: sends records that no state of this engine sends.

use std::io::IoSlice;

use tls_codec::code_points::ContentType;

use super::Connection;
use crate::record::{Outgoing, RecordReceiver};
use crate::record_limits::{LimitedRecords, UNLIMITED};
use crate::states::{Role, StateMachine};

impl<R: Role> Connection<R> {
    /// Seals any content under any content type.
    pub(crate) fn send_raw_record(&mut self, content_type: ContentType, content: &[u8], outgoing: &mut Outgoing) {
        self.sender.abandon_flight(outgoing);
        self.sender.record(content_type, &[IoSlice::new(content)], outgoing).expect("a usable key");
    }

    /// Lifts the negotiated record size limit for sending.
    pub(crate) fn ignore_record_limit(&mut self) {
        self.sender.limit(UNLIMITED, LimitedRecords::Protected);
    }

    /// Sends a KeyUpdate that does not request one.
    pub(crate) fn send_key_update(&mut self, outgoing: &mut Outgoing) {
        let (mut sink, state) = self.sink_and_state(outgoing);
        let traffic = state.as_mut().ok().and_then(StateMachine::traffic_mut).expect("a connection");
        traffic.update_write_key(&mut sink).expect("a usable key");
    }

    /// Sends a KeyUpdate that requests one, without a limit on repetitions.
    pub(crate) fn request_key_update(&mut self, outgoing: &mut Outgoing) {
        let (mut sink, state) = self.sink_and_state(outgoing);
        let traffic = state.as_mut().ok().and_then(StateMachine::traffic_mut).expect("a connection");
        traffic.forget_request();
        traffic.refresh(&mut sink).expect("a usable key");
    }

    /// Returns the receiving half of the record layer.
    pub(crate) fn receive_half(&mut self) -> &mut RecordReceiver {
        &mut self.receiver
    }

    /// Seals a TLSInnerPlaintext, including its content type and padding.
    pub(crate) fn send_raw_inner_plaintext(&mut self, inner: &[u8], outgoing: &mut Outgoing) {
        self.sender.abandon_flight(outgoing);
        self.sender.inner_plaintext(inner, outgoing);
    }
}
