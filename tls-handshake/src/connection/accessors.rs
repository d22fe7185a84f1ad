//! What can be asked of a connection.

use pki_types::CertificateDer;
use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use super::{ClientConnection, Connection, ServerConnection};
use crate::error::Error;
use crate::negotiated::{Established, HandshakeKind};
use crate::states::Role;

impl<R: Role> Connection<R> {
    /// Whether the peer said close_notify.
    #[must_use]
    pub fn close_notify_received(&self) -> bool {
        self.peer_closed
    }

    /// The error that ended the connection.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.state.as_ref().err()
    }

    /// Derives keying material for the application (RFC 9846 §7.5, RFC 5705). With TLS 1.3 no context and an empty one are the
    /// same, with TLS 1.2 they are not.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; [`Error::Crypto`] for an `out` or a context that is too long;
    /// [`Error::ExtendedMasterSecretRequired`] with TLS 1.2 and a peer that does not know it (RFC 7627 §5.4).
    pub fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.established().ok_or(Error::HandshakeNotComplete)?.exporter.export(label, context, out)
    }

    /// Derives keying material while early data is under way (RFC 9846 §7.5), with another secret than
    /// [`export_keying_material`](Self::export_keying_material). An attacker can replay it together with the data.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`] if there is no early data, not yet or no more; [`Error::Crypto`] for an `out` or a context
    /// that is too long.
    pub fn export_early_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), Error> {
        let exporter = self.state()?.early_exporter();
        exporter.ok_or(Error::HandshakeNotComplete)?.export(label, context, out)
    }

    /// The channel binding `tls-unique` of TLS 1.2 (RFC 5929 §3), for protocols that still ask for it: the first Finished message. `None`
    /// until the handshake is complete, with TLS 1.3, where it is not defined (RFC 9266: export 32 bytes under the label
    /// `EXPORTER-Channel-Binding`), and for a resumption that is not bound to its handshake (RFC 7627 §6.1).
    #[must_use]
    pub fn tls_unique(&self) -> Option<[u8; 12]> {
        self.established()?.negotiated.first_finished
    }

    /// The identity of the external pre-shared key that authenticates the peer, if it is that and not a certificate, once the
    /// handshake is complete.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        self.established()?.peer.external_psk_identity()
    }

    /// The peer's certificates, leaf first, once the handshake is complete.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.established()?.peer.chain().map(|chain| chain.certificates())
    }

    /// The scheme with which the peer signed the handshake, once it is complete; `None` where it signed nothing: a client that showed
    /// no certificate, a resumption, an external key.
    #[must_use]
    pub fn peer_signature_scheme(&self) -> Option<SignatureScheme> {
        self.established()?.peer.chain()?.signed_with()
    }

    /// The application protocol that was agreed on, once the handshake is complete.
    #[must_use]
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.established()?.negotiated.alpn.as_deref()
    }

    /// The version that was agreed on, once the handshake is complete.
    #[must_use]
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        Some(self.established()?.negotiated.suite.version())
    }

    /// The cipher suite that was agreed on, once the handshake is complete.
    #[must_use]
    pub fn negotiated_cipher_suite(&self) -> Option<CipherSuite> {
        Some(self.established()?.negotiated.suite.suite())
    }

    /// The group of the key exchange, once the handshake is complete; none if a session of TLS 1.2 was resumed, which exchanges no
    /// keys.
    #[must_use]
    pub fn negotiated_group(&self) -> Option<NamedGroup> {
        self.established()?.negotiated.group
    }

    /// How the handshake went, once it is complete.
    #[must_use]
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        Some(self.established()?.negotiated.kind)
    }

    pub(super) fn established(&self) -> Option<Established<'_>> {
        self.state.as_ref().ok()?.established()
    }
}

impl ClientConnection {
    /// Whether early data was sent, and the server took it. `false` until the handshake is complete.
    #[must_use]
    pub fn is_early_data_accepted(&self) -> bool {
        self.established().is_some_and(|established| established.negotiated.early_data)
    }
}

impl ServerConnection {
    /// Returns the host name that the client asked for (SNI), once the handshake is complete. It is a valid DNS name: see
    /// [`NeedIdentity::server_name`](crate::need::NeedIdentity::server_name).
    #[must_use]
    pub fn sni_hostname(&self) -> Option<&str> {
        self.established()?.negotiated.server_name.as_deref()
    }
}
