//! CertificateStatus as a message (RFC 6066 §8). It is encoded as in TLS 1.3's extension
//! (`extension/status_request`).

use crate::{code_points::HandshakeType, extension::CertificateStatus, handshake::HandshakeMessage};

impl<'a> HandshakeMessage<'a> for CertificateStatus<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_STATUS;
}
