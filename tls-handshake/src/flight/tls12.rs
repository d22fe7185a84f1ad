//! TLS 1.2 messages that both roles send.

use tls_codec::code_points::HandshakeType;
use tls_codec::error::BufferFull;
use tls_codec::handshake::tls12::Certificate;
use tls_codec::writer::Writer;

use crate::identity::Identity;

/// Certificate (RFC 5246 §7.4.2). A client without an identity sends it empty (§7.4.6).
pub(crate) fn certificate(w: &mut Writer<'_>, identity: Option<&Identity>) -> Result<(), BufferFull> {
    let chain = identity.map(Identity::chain).unwrap_or_default();
    w.message(HandshakeType::CERTIFICATE, |w| Certificate::write(w, chain))
}
