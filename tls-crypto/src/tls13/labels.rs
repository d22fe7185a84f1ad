//! The labels of RFC 9846 §7 and of RFC 9258 §5, in the form in which they enter HKDF: length, prefix, name.

use crate::hkdf::Label;

pub(super) const EXTERNAL_BINDER: Label = Label(b"\x10tls13 ext binder");
pub(super) const IMPORTED_BINDER: Label = Label(b"\x10tls13 imp binder");
pub(super) const RESUMPTION_BINDER: Label = Label(b"\x10tls13 res binder");
pub(super) const CLIENT_EARLY_TRAFFIC: Label = Label(b"\x11tls13 c e traffic");
pub(super) const EARLY_EXPORTER: Label = Label(b"\x12tls13 e exp master");
pub(super) const DERIVED: Label = Label(b"\x0dtls13 derived");
pub(super) const CLIENT_HANDSHAKE_TRAFFIC: Label = Label(b"\x12tls13 c hs traffic");
pub(super) const SERVER_HANDSHAKE_TRAFFIC: Label = Label(b"\x12tls13 s hs traffic");
pub(super) const CLIENT_APPLICATION_TRAFFIC: Label = Label(b"\x12tls13 c ap traffic");
pub(super) const SERVER_APPLICATION_TRAFFIC: Label = Label(b"\x12tls13 s ap traffic");
pub(super) const EXPORTER: Label = Label(b"\x10tls13 exp master");
pub(super) const RESUMPTION_MAIN: Label = Label(b"\x10tls13 res master");

pub(super) const KEY: Label = Label(b"\x09tls13 key");
pub(super) const IV: Label = Label(b"\x08tls13 iv");
pub(super) const FINISHED: Label = Label(b"\x0etls13 finished");
pub(super) const TRAFFIC_UPDATE: Label = Label(b"\x11tls13 traffic upd");
pub(super) const RESUMPTION: Label = Label(b"\x10tls13 resumption");

/// The label of the second step of an exporter (RFC 9846 §7.5), whose output may be longer than the hash.
pub(super) const EXPORTER_OUTPUT: &[u8] = b"exporter";

/// The label of a key that is imported (RFC 9258 §5.1), whose output may be longer than the hash.
pub(super) const DERIVED_PSK: &[u8] = b"derived psk";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_starts_with_its_own_length_and_the_prefix() {
        let labels = [
            EXTERNAL_BINDER,
            IMPORTED_BINDER,
            RESUMPTION_BINDER,
            CLIENT_EARLY_TRAFFIC,
            EARLY_EXPORTER,
            DERIVED,
            CLIENT_HANDSHAKE_TRAFFIC,
            SERVER_HANDSHAKE_TRAFFIC,
            CLIENT_APPLICATION_TRAFFIC,
            SERVER_APPLICATION_TRAFFIC,
            EXPORTER,
            RESUMPTION_MAIN,
            KEY,
            IV,
            FINISHED,
            TRAFFIC_UPDATE,
            RESUMPTION,
        ];
        for label in labels {
            assert_eq!(usize::from(label.0[0]), label.0.len() - 1, "{:?}", str::from_utf8(label.0));
            assert!(label.0[1..].starts_with(b"tls13 "), "{:?}", str::from_utf8(label.0));
        }
    }
}
