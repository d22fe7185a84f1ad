//! CertificateStatus as a message (RFC 6066 §8); its form is that of the extension in TLS 1.3.

use crate::{code_points::HandshakeType, extension::CertificateStatus, handshake::HandshakeMessage};

impl<'a> HandshakeMessage<'a> for CertificateStatus<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_STATUS;
}
