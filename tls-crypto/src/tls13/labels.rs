//! The labels of RFC 9846 §7 and RFC 9258 §5 as HKDF encodes them: length, prefix, name.

use crate::hkdf::Label;

pub(super) static EXTERNAL_BINDER: Label = Label::new(b"\x10tls13 ext binder");
pub(super) static IMPORTED_BINDER: Label = Label::new(b"\x10tls13 imp binder");
pub(super) static RESUMPTION_BINDER: Label = Label::new(b"\x10tls13 res binder");
pub(super) static CLIENT_EARLY_TRAFFIC: Label = Label::new(b"\x11tls13 c e traffic");
pub(super) static EARLY_EXPORTER: Label = Label::new(b"\x12tls13 e exp master");
pub(super) static DERIVED: Label = Label::new(b"\x0dtls13 derived");
pub(super) static CLIENT_HANDSHAKE_TRAFFIC: Label = Label::new(b"\x12tls13 c hs traffic");
pub(super) static SERVER_HANDSHAKE_TRAFFIC: Label = Label::new(b"\x12tls13 s hs traffic");
pub(super) static CLIENT_APPLICATION_TRAFFIC: Label = Label::new(b"\x12tls13 c ap traffic");
pub(super) static SERVER_APPLICATION_TRAFFIC: Label = Label::new(b"\x12tls13 s ap traffic");
pub(super) static EXPORTER: Label = Label::new(b"\x10tls13 exp master");
pub(super) static RESUMPTION_MAIN: Label = Label::new(b"\x10tls13 res master");

pub(super) static KEY: Label = Label::new(b"\x09tls13 key");
pub(super) static IV: Label = Label::new(b"\x08tls13 iv");
pub(super) static FINISHED: Label = Label::new(b"\x0etls13 finished");
pub(super) static TRAFFIC_UPDATE: Label = Label::new(b"\x11tls13 traffic upd");
pub(super) static RESUMPTION: Label = Label::new(b"\x10tls13 resumption");

/// The label of the second step of an exporter (RFC 9846 §7.5). Its output may be longer than the
/// hash.
pub(super) const EXPORTER_OUTPUT: &[u8] = b"exporter";

/// The label of an imported key (RFC 9258 §5.1). Its output may be longer than the hash.
pub(super) const DERIVED_PSK: &[u8] = b"derived psk";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_start_with_their_length_and_prefix() {
        let labels = [
            &EXTERNAL_BINDER,
            &IMPORTED_BINDER,
            &RESUMPTION_BINDER,
            &CLIENT_EARLY_TRAFFIC,
            &EARLY_EXPORTER,
            &DERIVED,
            &CLIENT_HANDSHAKE_TRAFFIC,
            &SERVER_HANDSHAKE_TRAFFIC,
            &CLIENT_APPLICATION_TRAFFIC,
            &SERVER_APPLICATION_TRAFFIC,
            &EXPORTER,
            &RESUMPTION_MAIN,
            &KEY,
            &IV,
            &FINISHED,
            &TRAFFIC_UPDATE,
            &RESUMPTION,
        ];
        for label in labels {
            let wire = label.wire();
            assert_eq!(usize::from(wire[0]), wire.len() - 1, "{:?}", str::from_utf8(wire));
            assert!(wire[1..].starts_with(b"tls13 "), "{:?}", str::from_utf8(wire));
        }
    }
}
