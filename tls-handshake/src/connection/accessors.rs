//! Accessors: what the handshake negotiated, the peer's identity, and exported keying material,
//! which `schedule` computes.

use std::sync::Arc;

use pki_types::{CertificateDer, ServerName};
use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use super::Connection;
use super::sending::SenderSlot;
use crate::client::Client;
use crate::error::Error;
use crate::negotiated::{Established, HandshakeKind};
use crate::record_size_limit::RecordLimits;
use crate::server::Server;
use crate::states::Role;

/// Implements the accessors of the state, over records and over QUIC. A module that uses it imports
/// what this file does.
macro_rules! accessors {
    ($connection:ident) => {
        impl<R: Role> $connection<R> {
            /// Returns the error that ended the connection.
            #[must_use]
            pub fn error(&self) -> Option<&Error> {
                self.state.as_ref().err()
            }

            /// Exports keying material (RFC 9846 §7.5, RFC 5705). In TLS 1.3 `None` and an empty
            /// context give the same result; in TLS 1.2 they differ.
            ///
            /// # Errors
            /// [`Error::HandshakeNotComplete`]; [`Error::Crypto`] if `out` or the context is too
            /// long; [`Error::ExtendedMasterSecretRequired`] in TLS 1.2 if the peer does not
            /// support extended master secret (RFC 7627 §5.4).
            pub fn export_keying_material(
                &self,
                out: &mut [u8],
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<(), Error> {
                self.established().ok_or(Error::HandshakeNotComplete)?.exporter.export(label, context, out)
            }

            /// Exports keying material of early data (RFC 9846 §7.5). The secret differs from that
            /// of [`export_keying_material`](Self::export_keying_material), and a replay of the
            /// early data exports the same bytes.
            ///
            /// # Errors
            /// [`Error::HandshakeNotComplete`] unless early data is in progress; [`Error::Crypto`]
            /// if `out` or the context is too long.
            pub fn export_early_keying_material(
                &self,
                out: &mut [u8],
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<(), Error> {
                let exporter = self.state()?.early_exporter();
                exporter.ok_or(Error::HandshakeNotComplete)?.export(label, context, out)
            }

            /// Returns the identity of the external pre-shared key that authenticated the peer,
            /// once the handshake is complete. `None` if a certificate did.
            #[must_use]
            pub fn external_psk_identity(&self) -> Option<&[u8]> {
                self.established()?.peer.external_psk_identity()
            }

            /// Returns the peer's certificate chain, end-entity certificate first, once the
            /// handshake is complete.
            #[must_use]
            pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
                self.established()?.peer.chain().map(|chain| chain.certificates())
            }

            /// Returns the [`peer_certificates`](Self::peer_certificates) without copying them.
            #[must_use]
            pub fn shared_peer_certificates(&self) -> Option<Arc<[CertificateDer<'static>]>> {
                self.established()?.peer.chain().map(|chain| Arc::clone(chain.shared()))
            }

            /// Returns the scheme with which the peer signed the handshake, once it is complete.
            /// `None` if the peer did not sign: an anonymous client, a resumption, or an external
            /// pre-shared key.
            #[must_use]
            pub fn peer_signature_scheme(&self) -> Option<SignatureScheme> {
                self.established()?.peer.chain()?.signed_with()
            }

            /// Returns the negotiated application protocol (ALPN), once the handshake is complete.
            #[must_use]
            pub fn alpn_protocol(&self) -> Option<&[u8]> {
                self.established()?.negotiated.alpn.as_deref()
            }

            /// Returns the negotiated protocol version, once the handshake is complete.
            #[must_use]
            pub fn protocol_version(&self) -> Option<ProtocolVersion> {
                Some(self.established()?.negotiated.suite.version())
            }

            /// Returns the negotiated cipher suite, once the handshake is complete.
            #[must_use]
            pub fn negotiated_cipher_suite(&self) -> Option<CipherSuite> {
                Some(self.established()?.negotiated.suite.suite())
            }

            /// Returns the key exchange group, once the handshake is complete. `None` after a TLS
            /// 1.2 resumption, which has no key exchange.
            #[must_use]
            pub fn negotiated_group(&self) -> Option<NamedGroup> {
                self.established()?.negotiated.group
            }

            /// Returns the kind of the handshake, once it is complete.
            #[must_use]
            pub fn handshake_kind(&self) -> Option<HandshakeKind> {
                Some(self.established()?.negotiated.kind)
            }

            pub(super) fn established(&self) -> Option<Established<'_>> {
                self.state.as_ref().ok()?.established()
            }
        }

        impl $connection<Client> {
            /// Returns the name of the server, which its certificate must match.
            #[must_use]
            pub fn server_name(&self) -> &ServerName<'static> {
                self.session_tracker.name()
            }

            /// Returns whether the server accepted early data. `false` until the handshake is
            /// complete.
            #[must_use]
            pub fn is_early_data_accepted(&self) -> bool {
                self.established().is_some_and(|established| established.negotiated.early_data)
            }

            /// Returns the [identity scope](crate::ClientStart::identity_scope) of the connection.
            #[must_use]
            pub fn identity_scope(&self) -> Option<&[u8; 32]> {
                self.session_tracker.identity()
            }

            /// Returns the group to set as
            /// [`ClientStart::last_group`](crate::ClientStart::last_group) of the next connection
            /// to this server, once after the handshake. `None` if what is known about the server
            /// stays true: it used the same group again, or needed no HelloRetryRequest.
            #[must_use]
            pub fn take_group(&mut self) -> Option<NamedGroup> {
                let (used, kind) = (self.negotiated_group()?, self.handshake_kind()?);
                if self.protocol_version()? != ProtocolVersion::TLS13 {
                    return None;
                }
                self.session_tracker.take_group(used, kind)
            }

            /// Makes [`take_sessions`](Self::take_sessions) return none from now on. Call it if the
            /// client's identity changed since the connection began: the scope of the sessions
            /// would name the wrong identity.
            pub fn discard_sessions(&mut self) {
                self.session_tracker.discard();
            }

            /// Returns the server name and the [scope](crate::ClientSessionValue::scope) whose
            /// stored sessions must all be removed before the next connection. This connection
            /// offered or received such sessions, and failed (RFC 5077 §3.2, RFC 5246 §7.2.2, RFC
            /// 9846 §6.2). Returns them once.
            ///
            /// Call it after an error and before dropping a connection. An incomplete handshake
            /// counts as failed, since the engine cannot see a reset or a timeout. After the
            /// handshake only a fatal alert counts, sent or received; close_notify and the end of
            /// input do not.
            ///
            /// Sessions of other connections to that server are removed too: they come from the
            /// same server under the same keys.
            #[must_use]
            pub fn failed_sessions(&mut self) -> Option<(&ServerName<'static>, [u8; 32])> {
                if self.established().is_some() || !self.session_tracker.fail() {
                    return None;
                }
                Some((self.session_tracker.name(), *self.session_tracker.scope().bytes()))
            }
        }

        impl $connection<Server> {
            /// Returns the host name that the client requested (SNI), once the handshake is
            /// complete. It is a valid DNS name; see
            /// [`NeedIdentity::server_name`](crate::need::NeedIdentity::server_name).
            #[must_use]
            pub fn sni_hostname(&self) -> Option<&str> {
                self.established()?.negotiated.server_name.as_deref()
            }
        }
    };
}
pub(crate) use accessors;

accessors!(Connection);

impl<R: Role> Connection<R> {
    /// Returns whether the peer sent close_notify.
    #[must_use]
    pub fn close_notify_received(&self) -> bool {
        self.peer_closed
    }

    /// Returns the TLS 1.2 channel binding `tls-unique` (RFC 5929 §3), the first Finished message.
    ///
    /// Returns `None` until the handshake is complete, and after a resumption that is not bound to
    /// its handshake (RFC 7627 §6.1). Also `None` in TLS 1.3, which does not define it: export 32
    /// bytes under the label `EXPORTER-Channel-Binding` instead (RFC 9266).
    #[must_use]
    pub fn tls_unique(&self) -> Option<[u8; 12]> {
        self.established()?.negotiated.first_finished
    }

    /// Returns the maximum record content in each direction, as negotiated with record_size_limit
    /// (RFC 8449) or max_fragment_length (RFC 6066 §4). Without negotiation it is the maximum of
    /// the protocol.
    ///
    /// ```
    /// use strata_tls_handshake::ServerConnection;
    ///
    /// fn is_constrained(connection: &ServerConnection) -> bool {
    ///     connection.record_limits().send < 1 << 14
    /// }
    /// ```
    #[must_use]
    pub fn record_limits(&self) -> RecordLimits {
        let send = match &self.sender {
            SenderSlot::Whole(side) => side.records.negotiated_limit(),
            SenderSlot::Split(mailbox) => mailbox.send_limit,
        };
        RecordLimits { send, receive: self.receiver.negotiated_limit() }
    }
}
