//! Requests for an identity: of a server for a ClientHello, and of a client for a server's request.

use std::ops::Range;
use std::sync::Arc;

use tls_codec::code_points::{AlertDescription, PskKeyExchangeMode, SignatureScheme};
use tls_codec::error::DecodeError;
use tls_codec::extension::DistinguishedName;
use tls_codec::handshake::ClientHello;
use tls_codec::list::List;
use tls_codec::owned::{ClientHelloView, Owned, OwnedList};
use tls_crypto::Backend;

use super::{Answer, AnswerKind, ConnectionId};
use crate::config::ServerConfig;
use crate::error::Error;
use crate::identity::Identity;
use crate::negotiate::first_common;
use crate::sni;
use crate::verify::signature::SignatureRules;

/// Asks a server for the identity that answers a ClientHello.
#[derive(Debug)]
pub struct NeedIdentity {
    connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    /// True if the server has external pre-shared keys. The client named none of them.
    has_external_psks: bool,
    rules: IdentityRules,
}

/// Decides whether an identity can complete a full handshake in the selected version.
#[derive(Debug)]
pub(crate) struct IdentityRules {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) usable: fn(&ServerConfig, &ClientHello<'_>, &Identity) -> bool,
}

impl IdentityRules {
    pub(super) fn allow(&self, hello: &Owned<ClientHelloView>, identity: &Identity) -> bool {
        hello.get().is_ok_and(|hello| (self.usable)(&self.config, &hello, identity))
    }
}

/// Returns the range of `part` in `whole`, from which it was decoded. Later states use it instead
/// of decoding again.
pub(crate) fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Returns whether the client resumes with a key exchange, the only mode that this library supports
/// (RFC 9846 §4.3.9).
pub(crate) fn supports_psk_dhe_ke(hello: &ClientHello<'_>) -> bool {
    hello.extensions.psk_key_exchange_modes.is_some_and(|modes| modes.contains(PskKeyExchangeMode::PSK_DHE_KE))
}

impl NeedIdentity {
    pub(crate) fn new(
        connection_id: ConnectionId,
        hello: Owned<ClientHelloView>,
        has_external_psks: bool,
        rules: IdentityRules,
    ) -> Self {
        Self { connection_id, hello, has_external_psks, rules }
    }

    /// Returns whether a handshake can be completed with this identity. Both sides must support a
    /// signature scheme for its key in the selected version. TLS 1.2 also needs a cipher suite for
    /// the key, and the client must support its curve (RFC 8422 §5.1). The handshake uses the same
    /// rules. Does not check the names in the certificate.
    #[must_use]
    pub fn can_use(&self, identity: &Identity) -> bool {
        self.rules.allow(&self.hello, identity)
    }

    /// Returns the ClientHello, including unknown extensions, in the client's order.
    ///
    /// # Errors
    /// None in practice: the bytes were decoded before.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, DecodeError> {
        self.hello.get()
    }

    /// Returns the body of the message as received, without its header.
    #[must_use]
    pub fn raw_client_hello(&self) -> &[u8] {
        self.hello.wire()
    }

    /// Returns the host name that the client requests (SNI, RFC 6066 §3): a valid DNS name of at
    /// most 253 bytes, in the client's case and without a trailing dot. `None` if there is none, if
    /// it is an IP address, or if an invalid name [is
    /// ignored](ServerConfig::set_ignore_invalid_server_name). The name in
    /// [`client_hello`](Self::client_hello) is not checked.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        sni::host_name(&self.client_hello().ok()?)
    }

    /// Answers with this identity.
    #[must_use]
    pub fn answer(self, identity: Arc<Identity>) -> Answer {
        Answer(AnswerKind::Identity(IdentityAnswer {
            connection_id: self.connection_id,
            hello: self.hello,
            identity: Ok(identity),
        }))
    }

    /// Answers that no identity fits the name. The handshake ends with unrecognized_name. It ends
    /// with handshake_failure if the server has external pre-shared keys, which need no identity.
    #[must_use]
    pub fn refuse(self) -> Answer {
        let why = match self.has_external_psks {
            true => {
                Error::NoCommonPsk { psk_dhe_ke: self.client_hello().is_ok_and(|hello| supports_psk_dhe_ke(&hello)) }
            }
            false => return self.refuse_with(AlertDescription::UNRECOGNIZED_NAME),
        };
        self.refused(why)
    }

    /// Answers that no identity fits this client. The handshake ends with `alert`, for example
    /// access_denied. Alerts that reject nothing (close_notify, user_canceled and no_renegotiation)
    /// are replaced by unrecognized_name.
    #[must_use]
    pub fn refuse_with(self, alert: AlertDescription) -> Answer {
        let asked = self.server_name().map(str::to_owned);
        self.refused(Error::NoIdentity { asked, alert })
    }

    fn refused(self, why: Error) -> Answer {
        Answer(AnswerKind::Identity(IdentityAnswer {
            connection_id: self.connection_id,
            hello: self.hello,
            identity: Err(why),
        }))
    }
}

#[derive(Debug)]
pub(crate) struct IdentityAnswer {
    pub(super) connection_id: ConnectionId,
    hello: Owned<ClientHelloView>,
    identity: Result<Arc<Identity>, Error>,
}

impl IdentityAnswer {
    /// Returns the identity with the ClientHello.
    pub(crate) fn into_parts(self) -> Result<(Arc<Identity>, Owned<ClientHelloView>), Error> {
        Ok((self.identity?, self.hello))
    }
}

/// Asks a client for the identity to present to a server that requested a certificate (RFC 9846
/// §4.4.2, RFC 5246 §7.4.4). Raised only if
/// [`ClientConfig`](crate::config::ClientConfig::set_client_identity_lookup) enables the lookup.
#[derive(Debug)]
pub struct NeedClientIdentity {
    connection_id: ConnectionId,
    authorities: OwnedList,
    schemes: Vec<SignatureScheme>,
}

impl NeedClientIdentity {
    pub(crate) fn new(connection_id: ConnectionId, authorities: OwnedList, schemes: Vec<SignatureScheme>) -> Self {
        Self { connection_id, authorities, schemes }
    }

    /// Returns the distinguished names (DER) of the CAs that the server accepts for clients. Empty
    /// if the server sent none.
    #[must_use]
    pub fn authorities(&self) -> List<'_, DistinguishedName<'_>> {
        self.authorities.get().unwrap_or(List::empty())
    }

    /// Returns the signature schemes that the server accepts from this client, in its order of
    /// preference. An identity cannot be used if [`Identity::schemes`] contains none of them.
    #[must_use]
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// Presents this identity. Presents none if it supports none of the schemes.
    #[must_use]
    pub fn answer(self, identity: Arc<Identity>) -> Answer {
        self.answered(Some(identity))
    }

    /// Presents no identity. The server decides whether to continue.
    #[must_use]
    pub fn decline(self) -> Answer {
        self.answered(None)
    }

    fn answered(self, identity: Option<Arc<Identity>>) -> Answer {
        Answer(AnswerKind::ClientIdentity(ClientIdentityAnswer {
            connection_id: self.connection_id,
            schemes: self.schemes,
            identity,
        }))
    }
}

#[derive(Debug)]
pub(crate) struct ClientIdentityAnswer {
    pub(super) connection_id: ConnectionId,
    schemes: Vec<SignatureScheme>,
    identity: Option<Arc<Identity>>,
}

impl ClientIdentityAnswer {
    /// Returns the identity with the first of its schemes that the server accepts and the version
    /// allows. `None` if there is no identity, or no such scheme.
    ///
    /// # Errors
    /// [`Error::Config`] if the backend cannot sign with its key.
    pub(crate) fn into_chosen(
        self,
        backend: Backend,
        rules: &SignatureRules,
    ) -> Result<Option<(Arc<Identity>, SignatureScheme)>, Error> {
        let Some(identity) = self.identity else { return Ok(None) };
        identity.check_key(backend)?;
        let usable = |scheme: &SignatureScheme| self.schemes.contains(scheme) && rules.allow(backend, *scheme);
        let scheme = first_common(identity.schemes(), &usable);
        Ok(scheme.map(|scheme| (identity, scheme)))
    }
}
