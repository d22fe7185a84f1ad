//! The traits for private keys that the application holds.

use std::fmt;

use tls_codec::code_points::SignatureScheme;

/// A private key that the application holds, for example in a token, the system's key store, or an
/// agent.
///
/// It signs on the connection's thread while the handshake waits. For a slow key, create an
/// identity [with a remote key](super::Identity::with_remote_key), whose signatures do not block a
/// thread.
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
    /// Returns the supported schemes in order of preference; never empty. Called once.
    fn schemes(&self) -> Vec<SignatureScheme>;

    /// Returns the public key (a SubjectPublicKeyInfo in DER), so that the certificates can be
    /// checked against it. Default: `None`, no check.
    fn subject_public_key_info(&self) -> Option<Vec<u8>> {
        None
    }

    /// Returns a signer for one message with this scheme; `None` if the scheme is not supported.
    fn signer(&self, scheme: SignatureScheme) -> Option<Box<dyn Signer>>;
}

/// Signs one message.
pub trait Signer {
    /// Returns the signature over `message` (not over its hash) in the scheme's encoding (ECDSA:
    /// DER).
    ///
    /// # Errors
    /// [`SignError`], which is logged. The handshake fails with the alert internal_error.
    fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The reason why a key failed to sign. The text is the application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(String);

impl SignError {
    /// Creates an error with this reason.
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
