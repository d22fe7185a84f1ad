//! The request for a signature with an identity's key. `need` ties the answer to its connection.

use std::sync::Arc;

use tls_codec::code_points::SignatureScheme;
use tls_crypto::Backend;

use super::{Answer, AnswerKind, ConnectionId};
use crate::error::Error;
use crate::identity::Identity;

/// Asks for a signature with an identity's key, which may be in this process, a KMS or an HSM.
pub struct NeedSignature {
    connection_id: ConnectionId,
    backend: Backend,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    message: Vec<u8>,
}

impl NeedSignature {
    pub(crate) fn new(
        connection_id: ConnectionId,
        backend: Backend,
        identity: Arc<Identity>,
        scheme: SignatureScheme,
        message: Vec<u8>,
    ) -> Self {
        Self { connection_id, backend, identity, scheme, message }
    }

    /// Returns the scheme to sign with.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Returns the message to sign, not its hash (RFC 9846 §4.5.2, RFC 5246 §7.4.3). It has fewer
    /// than 200 bytes, except on a TLS 1.2 client, which signs all messages of the handshake (RFC
    /// 5246 §7.4.8).
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Returns the identity whose key must sign.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Answers with the signature, in the encoding of the scheme (ECDSA: DER).
    #[must_use]
    pub fn answer(self, signature: Vec<u8>) -> Answer {
        Answer(AnswerKind::Signature(SignatureAnswer { connection_id: self.connection_id, signature: Some(signature) }))
    }

    /// Answers that signing failed. The handshake ends with internal_error.
    #[must_use]
    pub fn fail(self) -> Answer {
        Answer(AnswerKind::Signature(SignatureAnswer { connection_id: self.connection_id, signature: None }))
    }

    /// Signs with the key that the identity holds. Fails if it holds none.
    #[must_use]
    pub fn sign_locally(self) -> Answer {
        match self.identity.sign(self.backend, self.scheme, &self.message) {
            Some(signature) => self.answer(signature),
            None => self.fail(),
        }
    }
}

impl std::fmt::Debug for NeedSignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NeedSignature").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct SignatureAnswer {
    pub(super) connection_id: ConnectionId,
    signature: Option<Vec<u8>>,
}

impl SignatureAnswer {
    pub(crate) fn into_signature(self) -> Result<Vec<u8>, Error> {
        match self.signature {
            Some(signature) => Ok(signature),
            None => Err(Error::SignerFailed),
        }
    }
}
