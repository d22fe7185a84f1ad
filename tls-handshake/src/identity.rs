//! An identity: a certificate chain, and the key that goes with it, here or elsewhere.

use std::fmt;

use pki_types::CertificateDer;
use tls_codec::code_points::{HandshakeType, SignatureScheme};
use tls_codec::writer::Writer;
use tls_crypto::PrivateKey;

use crate::negotiate::scheme_of;

/// Who we are to the peer: a certificate chain with its key.
///
/// What does not change between connections is computed here once: the encoded Certificate message and the schemes.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Key,
    schemes: Vec<SignatureScheme>,
    certificate_message: Vec<u8>,
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
        let schemes = key.algorithms().iter().filter_map(|algorithm| scheme_of(*algorithm)).collect();
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
        let mut certificate_message = Vec::new();
        encode_certificate(&mut Writer::append(&mut certificate_message), &chain)
            .map_err(|_| IdentityError::TooLong)?;
        Ok(Self { chain, key, schemes, certificate_message })
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

    /// The whole Certificate message with an empty request context, header included.
    pub(crate) fn certificate_message(&self) -> &[u8] {
        &self.certificate_message
    }

    /// Signs with the key that is here; `None` if it is elsewhere, cannot do the scheme, or fails.
    pub(crate) fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        let Key::Here(key) = &self.key else { return None };
        let algorithm = key.algorithms().iter().copied().find(|algorithm| scheme_of(*algorithm) == Some(scheme))?;
        key.sign(algorithm, message).ok()
    }
}

/// RFC 9846 §4.5.1, without extensions: nothing is stapled yet.
fn encode_certificate(w: &mut Writer<'_>, chain: &[CertificateDer<'_>]) -> Result<(), tls_codec::error::BufferFull> {
    w.message(HandshakeType::CERTIFICATE, |w| {
        w.vec8(|_| Ok(()))?;
        w.vec24(|w| {
            chain.iter().try_for_each(|certificate| {
                w.vec24(|w| w.bytes(certificate))?;
                w.vec16(|_| Ok(()))
            })
        })
    })
}

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
    /// The chain does not fit a Certificate message (16 MiB).
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
            Self::TooLong => f.write_str("the chain is too long for a Certificate message"),
        }
    }
}

impl std::error::Error for IdentityError {}
