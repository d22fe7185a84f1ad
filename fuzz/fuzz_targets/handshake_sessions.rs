//! Decodes arbitrary bytes as a session, as from a ticket with a leaked key, a store, or a client's
//! file. An accepted session must encode to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_handshake::{ClientSessionValue, ServerSessionValue};

fuzz_target!(|input: &[u8]| {
    if let Ok(session) = ServerSessionValue::decode(input) {
        assert_eq!(session.encode().as_slice(), input);
    }
    if let Ok(session) = ClientSessionValue::decode(input) {
        let written = session.encode();
        // IP addresses have several text forms.
        let again = ClientSessionValue::decode(&written).expect("an encoded session");
        assert_eq!(again.encode(), written);
    }
});
