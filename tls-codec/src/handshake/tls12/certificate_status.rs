//! CertificateStatus as a message (RFC 6066 §8). Its encoding is that of the TLS 1.3 extension.

use crate::{code_points::HandshakeType, extension::CertificateStatus, handshake::HandshakeMessage};

impl<'a> HandshakeMessage<'a> for CertificateStatus<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_STATUS;
}
