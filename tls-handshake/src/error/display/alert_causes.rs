//! The usual causes of each alert that a peer sends, as seen in practice.

use std::fmt;

use tls_codec::code_points::AlertDescription as A;

use crate::error::StateName;

/// Writes what an alert in this state usually means. Writes nothing for unknown alerts.
pub(super) fn write_causes(f: &mut fmt::Formatter<'_>, description: A, state: StateName) -> fmt::Result {
    if let Some(causes) = causes(description, state) {
        write!(f, "; {causes}")?;
    }
    if state.precedes_client_verdict() && can_reject_client(description) {
        f.write_str(
            "; a TLS 1.3 server checks the client's certificate only after the client has completed the handshake, so \
             this alert is probably about that certificate, or about its absence",
        )?;
    }
    Ok(())
}

/// Returns whether servers send this alert about a client's certificate or signature.
fn can_reject_client(description: A) -> bool {
    matches!(
        description,
        A::HANDSHAKE_FAILURE
            | A::BAD_CERTIFICATE
            | A::UNSUPPORTED_CERTIFICATE
            | A::CERTIFICATE_REVOKED
            | A::CERTIFICATE_EXPIRED
            | A::CERTIFICATE_UNKNOWN
            | A::UNKNOWN_CA
            | A::ACCESS_DENIED
            | A::DECRYPT_ERROR
            | A::CERTIFICATE_REQUIRED
    )
}

/// "It" is the peer.
fn causes(description: A, state: StateName) -> Option<&'static str> {
    Some(match description {
        A::CLOSE_NOTIFY => {
            "it ended the connection in order, before the handshake was complete: usual causes are a server that shuts \
             down, a proxy without a backend, and a client that no longer needs the connection"
        }
        A::UNEXPECTED_MESSAGE => {
            "it does not allow the last message or record in its state: usual causes are a fault in one of the two TLS \
             stacks, and another program that writes to the same socket"
        }
        A::BAD_RECORD_MAC => {
            "it cannot decrypt a record: usual causes are bytes changed on the way, two writers on one socket, and a \
             device that inspects TLS"
        }
        A::DECRYPTION_FAILED => "it cannot decrypt a record, and is an old TLS stack; update it",
        A::RECORD_OVERFLOW => {
            "a record is too long for it: usual causes are a peer that does not support 2^14 bytes (limit records with \
             set_max_fragment_size), and bytes that are not TLS"
        }
        A::DECOMPRESSION_FAILURE => "it cannot decompress a record, although compression is forbidden; update it",
        A::HANDSHAKE_FAILURE | A::INSUFFICIENT_SECURITY if state.is_client() => {
            "it found no common cipher suite, group or signature scheme, or requires a client certificate; \
             it may support only CBC or RSA key exchange, which this library does not"
        }
        A::HANDSHAKE_FAILURE | A::INSUFFICIENT_SECURITY => {
            "it does not accept the cipher suite, group, key size or signature scheme that this server chose"
        }
        A::NO_CERTIFICATE => "it has no certificate (SSL 3.0); update it",
        A::BAD_CERTIFICATE if state.is_client() => {
            "it rejects the client's certificate: usual causes are an invalid signature in the chain, a chain without \
             its intermediate certificates, and a certificate that it cannot parse"
        }
        A::BAD_CERTIFICATE => {
            "it rejects the server's certificate: usual causes are a name that the certificate does not list, because \
             the client connected by another name or address, an invalid signature in the chain, and a certificate that \
             it cannot parse"
        }
        A::UNSUPPORTED_CERTIFICATE => {
            "it does not support the certificate's type of key, or the certificate's purposes do not fit (extended key \
             usage: servers need serverAuth, clients clientAuth)"
        }
        A::CERTIFICATE_REVOKED => "the certificate's CA has revoked it; have a new one issued",
        A::CERTIFICATE_EXPIRED => {
            "by its clock, a certificate of the chain has expired or is not valid yet: usual causes are a certificate \
             that was renewed but not loaded, an expired intermediate or cross-certificate, and a wrong clock"
        }
        A::CERTIFICATE_UNKNOWN => {
            "it rejects the certificate without a more precise reason: usual causes are a CA that it does not trust \
             (browsers and Java send this alert for it), a self-signed certificate, and a name that does not match"
        }
        A::ILLEGAL_PARAMETER => {
            "a value contradicts its handshake: usual causes are a fault in one of the two TLS stacks, and a device \
             between them that changes handshakes"
        }
        A::UNKNOWN_CA => {
            "it does not trust the CA that issued the certificate: add that CA to its trust anchors, or send the missing \
             intermediate certificates"
        }
        A::ACCESS_DENIED => "the certificate is valid, but its owner is not allowed to connect",
        A::DECODE_ERROR => {
            "it cannot parse a message: usual causes are a fault in one of the two TLS stacks, an old device that cannot \
             read long or unknown extensions, and a message that is too long for it"
        }
        A::DECRYPT_ERROR => {
            "a signature, a Finished message or a PSK binder is invalid for it: usual causes are two different \
             pre-shared keys under one identity, a key that does not belong to the certificate, and a handshake that was \
             changed on the way"
        }
        A::EXPORT_RESTRICTION => "it applies export restrictions of the last century; update it",
        A::PROTOCOL_VERSION if state.is_client() => {
            "it supports none of the offered protocol versions: usual causes are a server with TLS 1.0 or 1.1 only, and \
             a server that does not speak TLS on this port"
        }
        A::PROTOCOL_VERSION => "it does not accept the protocol version that this server chose",
        A::INTERNAL_ERROR => {
            "it failed for a reason of its own, which its log may say: usual causes are a server without a certificate \
             for the requested name, a key that cannot sign, and a backend that is down"
        }
        A::INAPPROPRIATE_FALLBACK => {
            "it supports a newer version than this retry offers; do not retry with older versions"
        }
        A::USER_CANCELED => "its user or application canceled the handshake",
        A::NO_RENEGOTIATION => "it declines another handshake within the connection",
        A::MISSING_EXTENSION => "it requires an extension that is absent: often the server name (SNI)",
        A::UNSUPPORTED_EXTENSION => "it received an extension that it did not offer: a fault in one of the TLS stacks",
        A::CERTIFICATE_UNOBTAINABLE => "it cannot fetch the certificate from its URL (client_certificate_url)",
        A::UNRECOGNIZED_NAME if state.is_client() => {
            "it does not serve the requested server name: check the name, and that the server has a certificate for it"
        }
        A::UNRECOGNIZED_NAME => "it does not accept the server name in this server's answer",
        A::BAD_CERTIFICATE_STATUS_RESPONSE => {
            "it rejects the stapled OCSP response, or requires one: staple a current one for this certificate"
        }
        A::BAD_CERTIFICATE_HASH_VALUE => "the certificate at its URL has another hash (client_certificate_url)",
        A::UNKNOWN_PSK_IDENTITY => {
            "it does not know the pre-shared key's identity: configure the same identity on both sides"
        }
        A::CERTIFICATE_REQUIRED => {
            "it requires a client certificate and received none: configure one that a CA in its list issued"
        }
        A::GENERAL_ERROR => "it gives no reason; its log may say more",
        A::NO_APPLICATION_PROTOCOL => {
            "it supports none of the offered application protocols (ALPN), or requires one and none was offered"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::error::{Error, Side, StateName};

    use super::*;

    fn text(description: A, state: StateName) -> String {
        Error::AlertReceived { description, state }.to_string()
    }

    #[test]
    fn every_known_alert_has_its_causes() {
        let is_named = |alert: &A| alert.to_string().chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let states = [StateName::client("WAIT_SH", "x"), StateName::server("WAIT_CERT", "x")];
        let mut seen = 0;
        for alert in (0..=u8::MAX).map(A).filter(is_named) {
            seen += 1;
            for state in states {
                assert!(causes(alert, state).is_some(), "{alert}");
            }
        }
        assert_eq!(seen, 35);
        assert_eq!(causes(A(200), states[0]), None);
    }

    #[test]
    fn state_is_told_in_words() {
        let waits = StateName::client("WAIT_FINISHED", "waited for the server's Finished");
        let shown = text(A::INTERNAL_ERROR, waits);
        let words =
            "the alert internal_error while the client waited for the server's Finished (WAIT_FINISHED); it failed";
        assert!(shown.contains(words), "{shown}");
        let shown = text(A(200), StateName::server("WAIT_CERT (verdict)", "verified the client's certificate"));
        assert!(shown.ends_with("while the server verified the client's certificate (WAIT_CERT)"), "{shown}");
        let shown = text(A(200), StateName::connected12(Side::Server));
        assert!(shown.ends_with("after the server had completed the handshake (CONNECTED)"), "{shown}");
    }

    #[test]
    fn late_alert_to_a_client_is_about_its_certificate() {
        let words = "a TLS 1.3 server checks the client's certificate only after";
        for (alert, state, told) in [
            (A::BAD_CERTIFICATE, StateName::connected13(Side::Client), true),
            (A::CERTIFICATE_REQUIRED, StateName::connected13(Side::Client), true),
            (A::BAD_RECORD_MAC, StateName::connected13(Side::Client), false),
            (A::BAD_CERTIFICATE, StateName::connected12(Side::Client), false),
            (A::BAD_CERTIFICATE, StateName::connected13(Side::Server), false),
            (A::BAD_CERTIFICATE, StateName::client("WAIT_SH", ""), false),
        ] {
            let shown = text(alert, state);
            assert_eq!(shown.contains(words), told, "{shown}");
        }
    }

    #[test]
    fn bad_certificate_at_a_server_names_the_wrong_name() {
        let at_server = text(A::BAD_CERTIFICATE, StateName::server("WAIT_FINISHED", ""));
        assert!(at_server.contains("a name that the certificate does not list"), "{at_server}");
        let at_client = text(A::BAD_CERTIFICATE, StateName::connected13(Side::Client));
        assert!(at_client.contains("rejects the client's certificate") && !at_client.contains("does not list"));
    }
}
