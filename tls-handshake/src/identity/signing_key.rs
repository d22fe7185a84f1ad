//! Keys that this library does not hold.

use std::fmt;

use tls_codec::code_points::SignatureScheme;

/// A private key that the application has somewhere: a token, a key store of the system, an agent.
///
/// It signs while the handshake waits for it, on the thread of the connection. For a key that is far away, make an identity
/// [with a remote key](super::Identity::with_remote_key): its signatures can come at any time, and nobody waits.
///
/// ```
/// use std::sync::Arc;
/// use strata_tls_handshake::identity::{SignError, Signer, SigningKey};
/// use strata_tls_handshake::tls_codec::code_points::SignatureScheme;
///
/// # struct Token;
/// # impl Token { fn sign(&self, _: u32, _: &[u8]) -> Result<Vec<u8>, String> { Err("no token".into()) } }
/// #[derive(Debug)]
/// struct TokenKey {
///     slot: u32,
/// }
///
/// impl SigningKey for TokenKey {
///     fn schemes(&self) -> Vec<SignatureScheme> {
///         vec![SignatureScheme::ECDSA_SECP256R1_SHA256]
///     }
///
///     fn signer(&self, scheme: SignatureScheme) -> Option<Box<dyn Signer>> {
///         (scheme == SignatureScheme::ECDSA_SECP256R1_SHA256).then(|| Box::new(TokenSigner(self.slot)) as _)
///     }
/// }
///
/// struct TokenSigner(u32);
///
/// impl Signer for TokenSigner {
///     fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, SignError> {
///         Token.sign(self.0, message).map_err(SignError::new)
///     }
/// }
/// ```
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The schemes that it can sign with, in order of preference; never empty. Asked once.
    fn schemes(&self) -> Vec<SignatureScheme>;

    /// The key's public half (a SubjectPublicKeyInfo in DER), if it can tell: then the certificates are checked to have it. `None` unless
    /// this says otherwise.
    fn subject_public_key_info(&self) -> Option<Vec<u8>> {
        None
    }

    /// What signs a single message with one of its schemes; `None` for another scheme.
    fn signer(&self, scheme: SignatureScheme) -> Option<Box<dyn Signer>>;
}

/// Signs a single message.
pub trait Signer {
    /// The signature over `message` itself (not over its hash), in the encoding of the scheme (ECDSA: DER).
    ///
    /// # Errors
    /// [`SignError`], which is logged; the handshake ends with internal_error.
    fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A key did not sign; the text, the application's own, says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(String);

impl SignError {
    /// For this reason.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SignError {}
