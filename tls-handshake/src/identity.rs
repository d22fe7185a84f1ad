//! An identity: a certificate chain, and the key that goes with it, here or elsewhere.

use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, PrivateKeyDer};
use tls_codec::code_points::SignatureScheme;
use tls_crypto::{HashAlgorithm, PrivateKey};

use crate::negotiate::scheme_of;
use crate::resumption::identity_scope;

mod error;
mod load;
mod order;
mod signing_key;

pub use error::IdentityError;
pub use load::certs_from_pem;
pub use signing_key::{SignError, Signer, SigningKey};

/// Who we are to the peer: a certificate chain with its key, and what a server staples to it.
///
/// ```no_run
/// use strata_tls_handshake::Identity;
///
/// let identity = Identity::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Key,
    schemes: Vec<SignatureScheme>,
    ocsp_response: Option<Vec<u8>>,
    scts: Vec<Vec<u8>>,
    session_scope: [u8; 32],
}

#[derive(Clone)]
enum Key {
    Here(Arc<PrivateKey>),
    /// The application's own, which signs at once.
    Custom(Arc<dyn SigningKey>),
    /// Signatures are answered to [`NeedSignature`](crate::need::NeedSignature) by somebody else.
    Elsewhere,
}

impl Identity {
    /// An identity from PEM files: certificates and a key (PKCS#8, SEC1 or PKCS#1), in any order, with whatever else there is
    /// between them; both may be the same file. The chain is put in order: the key's certificate, then each one's issuer.
    ///
    /// No copy of the key is left in memory but the one that it signs with, and what ring's own parser leaves. The files' bytes
    /// are the caller's: those of `key` should be overwritten after use too, for example by holding them in a `Zeroizing`.
    ///
    /// # Errors
    /// [`IdentityError`] says what is missing or wrong: above all that the key is encrypted, is in another format, or is that of
    /// none of the certificates.
    pub fn from_pem(certs: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        Self::new(certs_from_pem(certs)?, load::key_from_pem(key)?)
    }

    /// An identity from certificates and a key (PKCS#8, SEC1 or PKCS#1) in DER, the certificates in any order.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(certs: Vec<CertificateDer<'static>>, key: &[u8]) -> Result<Self, IdentityError> {
        let key = PrivateKeyDer::try_from(key).map_err(|_| load::not_a_key(key))?;
        let key = PrivateKey::from_der(&key).map_err(|e| IdentityError::BadKey(e.to_string()))?;
        Self::new(certs, key)
    }

    /// An identity whose key is here; the certificates are in any order, and put in theirs.
    ///
    /// # Errors
    /// [`IdentityError`] if there is no certificate, the key's cannot be parsed, or none is the key's.
    pub fn new(mut chain: Vec<CertificateDer<'static>>, key: PrivateKey) -> Result<Self, IdentityError> {
        order::sort(&mut chain, &key.subject_public_key_info())?;
        let mut schemes = Vec::new();
        for algorithm in key.algorithms() {
            schemes.push(scheme_of(*algorithm));
        }
        Self::build(chain, Key::Here(Arc::new(key)), schemes)
    }

    /// An identity whose key the application has, in a token or a key store of the system, and which signs while the handshake waits:
    /// see [`SigningKey`].
    ///
    /// # Errors
    /// [`IdentityError`] if there is no certificate or scheme, or, of a key that tells its public one, none of the certificates is
    /// the key's; otherwise the first has to be.
    pub fn with_signing_key(
        mut chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, IdentityError> {
        match key.subject_public_key_info() {
            Some(spki) => order::sort(&mut chain, &spki)?,
            None => order::check_leaf(&chain)?,
        }
        let schemes = key.schemes();
        if schemes.is_empty() {
            return Err(IdentityError::NoScheme);
        }
        Self::build(chain, Key::Custom(key), schemes)
    }

    /// An identity whose key is elsewhere, and can sign with these schemes, in order of preference. Its signatures are asked for
    /// by [`NeedSignature`](crate::need::NeedSignature), and can be long in coming: the connection waits, and nobody else does. The
    /// first certificate is the key's.
    ///
    /// # Errors
    /// [`IdentityError`] if the chain or the list of schemes is empty, or the leaf cannot be parsed.
    pub fn with_remote_key(
        chain: Vec<CertificateDer<'static>>,
        schemes: Vec<SignatureScheme>,
    ) -> Result<Self, IdentityError> {
        order::check_leaf(&chain)?;
        if schemes.is_empty() {
            return Err(IdentityError::NoScheme);
        }
        Self::build(chain, Key::Elsewhere, schemes)
    }

    fn build(
        chain: Vec<CertificateDer<'static>>,
        key: Key,
        schemes: Vec<SignatureScheme>,
    ) -> Result<Self, IdentityError> {
        let length: usize = chain.iter().map(|certificate| certificate.len().saturating_add(ENTRY_OVERHEAD)).sum();
        if length > MAX_CHAIN {
            return Err(IdentityError::TooLong);
        }
        let leaf = chain.first().map(|leaf| leaf.as_ref()).unwrap_or_default();
        let mut session_scope = [0; 32];
        let hash = HashAlgorithm::Sha256.hash(leaf);
        session_scope.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self { chain, key, schemes, ocsp_response: None, scts: Vec::new(), session_scope })
    }

    /// The OCSP response (DER) that a server staples to its certificate for clients that ask for it (RFC 6066 §8); `None`
    /// for none. It is not looked into.
    ///
    /// # Errors
    /// [`IdentityError::TooLong`] for one that is empty, or longer than 64 KiB together with the timestamps.
    pub fn set_ocsp_response(&mut self, response: Option<Vec<u8>>) -> Result<(), IdentityError> {
        if response.as_ref().is_some_and(Vec::is_empty) {
            return Err(IdentityError::TooLong);
        }
        let before = std::mem::replace(&mut self.ocsp_response, response);
        if self.stapled_len() > MAX_STAPLED {
            self.ocsp_response = before;
            return Err(IdentityError::TooLong);
        }
        Ok(())
    }

    /// The signed certificate timestamps (RFC 6962 §3.2, each as a log gave it) that a server sends beside its certificate
    /// to clients that ask for them. They are not looked into.
    ///
    /// # Errors
    /// [`IdentityError::TooLong`] if one is empty, or all together, with the OCSP response, are longer than 64 KiB.
    pub fn set_signed_certificate_timestamps(&mut self, scts: Vec<Vec<u8>>) -> Result<(), IdentityError> {
        if scts.iter().any(Vec::is_empty) {
            return Err(IdentityError::TooLong);
        }
        let before = std::mem::replace(&mut self.scts, scts);
        if self.stapled_len() > MAX_STAPLED {
            self.scts = before;
            return Err(IdentityError::TooLong);
        }
        Ok(())
    }

    /// Sets what sessions of a server with this identity are bound to: they are resumed only while clients would be shown an identity
    /// with the same scope. Machines of one service that have certificates of their own, and share tickets or a store, give all of
    /// them one scope. Default: the SHA-256 hash of the leaf certificate, so that sessions end when it is replaced.
    pub fn set_session_scope(&mut self, scope: [u8; 32]) {
        // Hashed, as it is joined with other scopes by exclusive or: it may be any value, and one of those.
        self.session_scope = identity_scope(&scope);
    }

    /// Returns what sessions of a server with this identity are bound to: a hash of what was set.
    #[must_use]
    pub fn session_scope(&self) -> &[u8; 32] {
        &self.session_scope
    }

    /// TLS 1.3 has both in one block of extensions.
    fn stapled_len(&self) -> usize {
        let scts: usize = self.scts.iter().map(|sct| sct.len().saturating_add(2)).sum();
        scts.saturating_add(self.ocsp_response.as_ref().map_or(0, Vec::len))
    }

    /// What is stapled to the certificate.
    #[must_use]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.ocsp_response.as_deref()
    }

    /// The timestamps that go beside the certificate.
    #[must_use]
    pub fn signed_certificate_timestamps(&self) -> &[Vec<u8>] {
        &self.scts
    }

    /// The certificates, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The schemes that the key can sign with, in order of preference.
    #[must_use]
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// Whether signatures are answered to [`NeedSignature`](crate::need::NeedSignature) by somebody else.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self.key, Key::Elsewhere)
    }

    /// Signs with the key that is here; `None` if it is elsewhere, cannot do the scheme, or fails.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        match &self.key {
            Key::Here(key) => {
                let algorithm = key.algorithms().iter().copied().find(|algorithm| scheme_of(*algorithm) == scheme)?;
                key.sign(algorithm, message).ok()
            }
            Key::Custom(key) => {
                let signature = key.signer(scheme)?.sign(message);
                if let Err(_e) = &signature {
                    log_warn!("the private key failed to sign: {_e}");
                }
                signature.ok()
            }
            Key::Elsewhere => None,
        }
    }
}

/// Bytes around each certificate in a Certificate message: its length, and the length of its extensions.
const ENTRY_OVERHEAD: usize = 5;
/// What is left of a message's 2^24 - 1 bytes beside all else that may be in it.
const MAX_CHAIN: usize = 0xf0_0000;
/// What a block of extensions holds beside the fields around it.
const MAX_STAPLED: usize = 0xffe0;

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.chain.len())
            .field("schemes", &self.schemes)
            .finish_non_exhaustive()
    }
}
