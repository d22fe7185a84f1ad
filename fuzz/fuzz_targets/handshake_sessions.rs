//! Bytes of any kind in the place of a session: from a ticket whose key was lost, a store, a client's file. What can be read is
//! written back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_handshake::{ClientSessionValue, ServerSessionValue};

fuzz_target!(|input: &[u8]| {
    if let Ok(session) = ServerSessionValue::decode(input) {
        assert_eq!(session.encode().as_slice(), input);
    }
    if let Ok(session) = ClientSessionValue::decode(input) {
        let written = session.encode();
        // An address has several spellings.
        let again = ClientSessionValue::decode(&written).expect("our own bytes");
        assert_eq!(again.encode(), written);
    }
});
