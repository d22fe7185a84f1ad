//! An identity: a certificate chain, and the key that goes with it, here or elsewhere.

use std::fmt;

use pki_types::CertificateDer;
use tls_codec::code_points::SignatureScheme;
use tls_crypto::PrivateKey;

use crate::negotiate::scheme_of;

/// Who we are to the peer: a certificate chain with its key, and what a server staples to it.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Key,
    schemes: Vec<SignatureScheme>,
    ocsp_response: Option<Vec<u8>>,
    scts: Vec<Vec<u8>>,
}

enum Key {
    Here(Box<PrivateKey>),
    /// Signatures are answered to [`NeedSignature`](crate::need::NeedSignature) by somebody else.
    Elsewhere,
}

impl Identity {
    /// An identity whose key is here.
    ///
    /// # Errors
    /// [`IdentityError`] if the chain is empty, the leaf cannot be parsed, or the key is not the leaf's.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKey) -> Result<Self, IdentityError> {
        let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
        let spki = public_key_of(leaf)?;
        if spki != key.subject_public_key_info() {
            return Err(IdentityError::KeyMismatch);
        }
        let schemes = key.algorithms().iter().map(|algorithm| scheme_of(*algorithm)).collect();
        Self::build(chain, Key::Here(Box::new(key)), schemes)
    }

    /// An identity whose key is elsewhere, and can sign with these schemes, in order of preference.
    ///
    /// # Errors
    /// [`IdentityError`] if the chain or the list of schemes is empty, or the leaf cannot be parsed.
    pub fn with_remote_key(
        chain: Vec<CertificateDer<'static>>,
        schemes: Vec<SignatureScheme>,
    ) -> Result<Self, IdentityError> {
        public_key_of(chain.first().ok_or(IdentityError::NoCertificate)?)?;
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
        Ok(Self { chain, key, schemes, ocsp_response: None, scts: Vec::new() })
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

    /// Signs with the key that is here; `None` if it is elsewhere, cannot do the scheme, or fails.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        let Key::Here(key) = &self.key else { return None };
        let algorithm = key.algorithms().iter().copied().find(|algorithm| scheme_of(*algorithm) == scheme)?;
        key.sign(algorithm, message).ok()
    }
}

/// Bytes around each certificate in a Certificate message: its length, and the length of its extensions.
const ENTRY_OVERHEAD: usize = 5;
/// What is left of a message's 2^24 - 1 bytes beside all else that may be in it.
const MAX_CHAIN: usize = 0xf0_0000;
/// What a block of extensions holds beside the fields around it.
const MAX_STAPLED: usize = 0xffe0;

fn public_key_of(leaf: &CertificateDer<'_>) -> Result<Vec<u8>, IdentityError> {
    let certificate = webpki::EndEntityCert::try_from(leaf).map_err(|e| IdentityError::BadLeaf(e.to_string()))?;
    Ok(certificate.subject_public_key_info().to_vec())
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.chain.len())
            .field("schemes", &self.schemes)
            .finish_non_exhaustive()
    }
}

/// Why an identity cannot be made of a chain and a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate.
    NoCertificate,
    /// There is no private key.
    NoKey,
    /// The first certificate cannot be parsed; the text says why.
    BadLeaf(String),
    /// The key cannot be used; the text says why.
    BadKey(String),
    /// A file is not what it should be; the text says how.
    BadPem(String),
    /// The key is not that of the first certificate.
    KeyMismatch,
    /// A remote key without a scheme to sign with.
    NoScheme,
    /// The certificate is not valid for the name that it was configured for.
    NotValidForName {
        /// The name.
        name: String,
    },
    /// The chain does not fit a Certificate message (15 MiB), or what is stapled to it does not fit an extension (64 KiB).
    TooLong,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => {
                f.write_str("there is no certificate; a PEM file has it between BEGIN CERTIFICATE lines")
            }
            Self::NoKey => f.write_str("there is no private key; a PEM file has it between BEGIN PRIVATE KEY lines"),
            Self::BadLeaf(why) => write!(f, "the first certificate cannot be parsed: {why}"),
            Self::BadKey(why) => write!(f, "the private key cannot be used: {why}"),
            Self::BadPem(why) => write!(f, "this is not a PEM file as it should be: {why}"),
            Self::KeyMismatch => f.write_str(
                "the private key is not that of the first certificate; \
                 the server's own certificate has to come first, and the authorities' after it",
            ),
            Self::NoScheme => f.write_str("a remote key needs at least one signature scheme"),
            Self::NotValidForName { name } => write!(f, "the certificate is not valid for the name {name:?}"),
            Self::TooLong => {
                f.write_str("the chain, or what is stapled to it, is empty or too long for a Certificate message")
            }
        }
    }
}

impl std::error::Error for IdentityError {}
