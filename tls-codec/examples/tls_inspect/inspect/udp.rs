//! DTLS and QUIC. Of QUIC, only the version is read: its packets are encrypted from the first.

use std::net::SocketAddr;

use strata_tls_codec::{
    Alert, ContentType, Decode as _, HandshakeType, LenientServerHello, Reader, decode_all,
    dtls::{self, DtlsClientHello, DtlsHandshake, DtlsRecord},
    observer::Sender,
    record::Protocol,
};

use super::report::Summary;

/// Reads a datagram of a connection.
pub(crate) fn datagram(summary: &mut Summary, source: SocketAddr, payload: &[u8]) {
    match summary.protocol {
        Some(Protocol::Quic) => {
            // A long header. Version 0 stands for the list of versions that a server supports.
            if let [0x80..=0xff, v3, v2, v1, v0, ..] = *payload {
                let version = u32::from_be_bytes([v3, v2, v1, v0]);
                if version != 0 {
                    summary.quic_version = Some(version);
                }
            }
        }
        _ => {
            let sender = if source == summary.client { Sender::Client } else { Sender::Server };
            for record in dtls::records(payload, 0).map_while(Result::ok) {
                if let DtlsRecord::Plaintext { content_type, epoch: 0, body, .. } = record {
                    self::record(summary, sender, content_type, body);
                }
            }
        }
    }
}

/// Reads an unencrypted record. Fragments of messages are not joined.
fn record(summary: &mut Summary, sender: Sender, content_type: ContentType, body: &[u8]) {
    if content_type == ContentType::ALERT {
        if let Ok(alert) = decode_all::<Alert>(body) {
            summary.note_alert(sender, alert);
        }
        return;
    }
    let mut r = Reader::new(body);
    while content_type == ContentType::HANDSHAKE
        && let Ok(message) = DtlsHandshake::decode(&mut r)
    {
        let Some(body) = message.whole() else { continue };
        match message.typ {
            HandshakeType::CLIENT_HELLO => {
                if let Ok(message) = decode_all::<DtlsClientHello<'_>>(body) {
                    summary.note_client_hello(&message.hello);
                }
            }
            HandshakeType::SERVER_HELLO => {
                if let Ok(hello) = decode_all::<LenientServerHello<'_>>(body) {
                    summary.note_server_hello(&hello);
                }
            }
            HandshakeType::CERTIFICATE => {
                if let Ok(chain) = decode_all(body) {
                    summary.note_certificates(sender, &chain);
                }
            }
            _ => {}
        }
    }
}
