//! What no connection of ours would do, for the tests of those that do it.

use std::io::IoSlice;

use tls_codec::code_points::ContentType;

use super::Connection;
use crate::record::{Outgoing, RecordReceiver};
use crate::record_limits::{LimitedRecords, UNLIMITED};
use crate::states::{Role, StateMachine};

impl<R: Role> Connection<R> {
    /// Seals what no state of ours would send.
    pub(crate) fn send_raw_record(&mut self, content_type: ContentType, content: &[u8], outgoing: &mut Outgoing) {
        self.sender.abandon_flight(outgoing);
        self.sender.record(content_type, &[IoSlice::new(content)], outgoing).expect("a usable key");
    }

    /// Sends records as long as the protocol allows, whatever was negotiated.
    pub(crate) fn ignore_record_limit(&mut self) {
        self.sender.limit(UNLIMITED, LimitedRecords::Protected);
    }

    /// Sends a KeyUpdate that asks for none.
    pub(crate) fn send_key_update(&mut self, outgoing: &mut Outgoing) {
        let (mut sink, state) = self.sink_and_state(outgoing);
        let traffic = state.as_mut().ok().and_then(StateMachine::traffic_mut).expect("a connection");
        traffic.update_write_key(&mut sink).expect("a usable key");
    }

    /// Sends a KeyUpdate that asks for one, however often that was done before.
    pub(crate) fn request_key_update(&mut self, outgoing: &mut Outgoing) {
        let (mut sink, state) = self.sink_and_state(outgoing);
        let traffic = state.as_mut().ok().and_then(StateMachine::traffic_mut).expect("a connection");
        traffic.forget_request();
        traffic.refresh(&mut sink).expect("a usable key");
    }

    /// The receiving half by itself.
    pub(crate) fn receive_half(&mut self) -> &mut RecordReceiver {
        &mut self.receiver
    }

    /// Seals this TLSInnerPlaintext.
    pub(crate) fn send_raw_inner_plaintext(&mut self, inner: &[u8], outgoing: &mut Outgoing) {
        self.sender.abandon_flight(outgoing);
        self.sender.inner_plaintext(inner, outgoing);
    }
}
