//! Advice about a peer that does not speak TLS. The codec recognized its protocol.

use tls_codec::record::{Protocol, RecordError};

/// Returns what to do about bytes that are not a TLS record; `None` for a record that is too long.
pub(super) fn advice(e: &RecordError) -> Option<&'static str> {
    let protocol = match e {
        RecordError::NotTls(protocol) => protocol,
        RecordError::Oversized { .. } => return None,
        _ => return Some("the peer may speak another protocol on this port, or other data was mixed into the stream"),
    };
    Some(match protocol {
        Protocol::Http => "connect with https://, or serve plain HTTP on a port of its own",
        Protocol::HttpConnect => "the client takes this server for an HTTP proxy; correct its proxy settings",
        Protocol::HttpResponse => "the server, or a proxy before it, speaks plain HTTP on this port; use its TLS port",
        Protocol::Ssh => "check the port: this is the one of SSH",
        Protocol::Smtp => "use the port for TLS (465 for SMTP, 990 for FTP), or send STARTTLS (FTP: AUTH TLS) first",
        Protocol::Imap => "use the port for TLS, usually 993, or send STARTTLS first",
        Protocol::Pop3 => "use the port for TLS, usually 995, or send STLS first",
        Protocol::SslV2 => "update the client, which offers an obsolete version",
        Protocol::Proxy => {
            "a load balancer sends it before TLS: read and remove it before the handshake, or turn it off in the load \
             balancer"
        }
        Protocol::PostgreSql => {
            "the client expects the answer S before TLS: send it, or set sslnegotiation=direct in the client \
             (PostgreSQL 17)"
        }
        Protocol::MySql => "the server upgrades to TLS in its own protocol; connect with a MySQL client library",
        Protocol::Mqtt => "use the port for TLS, usually 8883, and mqtts:// in the client",
        Protocol::Ldap => "use ldaps://, usually port 636, or StartTLS first",
        Protocol::Rdp => "RDP negotiates TLS in its own protocol first; answer its connection request before TLS",
        Protocol::Redis => "use rediss:// or --tls in the client, and the server's tls-port",
        Protocol::Xmpp => "use the port for direct TLS, usually 5223, or negotiate STARTTLS first",
        Protocol::Amqp => "use amqps://, usually port 5671",
        Protocol::Tds => "the client upgrades to TLS in its own protocol; set Encrypt=Strict in it to start with TLS",
        Protocol::Dtls => "DTLS is another protocol, for datagrams; use TLS over TCP on both sides",
        Protocol::Quic => "QUIC and HTTP/3 are not supported; use TLS over TCP on both sides",
        _ => "use the peer's port for TLS",
    })
}
