//! An identity: a certificate chain and its key, which is local, the application's, or remote.

use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use tls_codec::code_points::SignatureScheme;
use tls_crypto::pem::Encoding;
use tls_crypto::{Backend, HashAlgorithm, PrivateKey};

use crate::error::Contradiction;
use crate::negotiate::scheme_of;
use crate::resumption::identity_scope;
use crate::verify::ocsp::check_own;

mod chain_order;
mod error;
mod key_der;
mod load;
mod ocsp_response;
mod signing_key;
mod trust_settings;

#[cfg(test)]
pub(crate) mod tests;

pub use error::IdentityError;
pub use key_der::AsKeyDer;
pub use load::{anchors_from_bytes, anchors_from_pem, certs_from_bytes, certs_from_pem, usable_anchors_from_bytes};
pub use signing_key::{SignError, Signer, SigningKey};

/// A certificate chain with its key, and the data that a server staples to it. It authenticates
/// this side to the peer.
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
    /// A key in memory.
    Local(Arc<PrivateKey>),
    /// A key of the application, which signs at once.
    Custom(Arc<dyn SigningKey>),
    /// The application answers [`NeedSignature`](crate::need::NeedSignature).
    Remote,
}

impl Identity {
    /// Reads an identity from PEM files: certificates in any order, and a key (PKCS#8, SEC1 or
    /// PKCS#1, whatever its label says). Both may be the same file. Sorts the chain: the key's
    /// certificate, then each one's issuer.
    ///
    /// Sections that are known to contain something else are skipped, such as parameters. A section
    /// that is damaged or has an unknown label is an error, which names its number, label and line.
    /// An elliptic curve key without its public key takes it from the certificate.
    ///
    /// Leaves no copy of the key in memory except those that sign, one for each backend that is
    /// compiled in, and what ring's parser leaves. The caller should overwrite the bytes of `key`
    /// after use, for example with `Zeroizing`.
    ///
    /// # Errors
    /// [`IdentityError`], for example if the key is encrypted, has another format, or belongs to
    /// none of the certificates.
    pub fn from_pem(certs: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let (chain, key) = load::chain_and_key(certs, key, Encoding::Pem)?;
        Self::new(chain, key)
    }

    /// Reads an identity from the contents of two files, each PEM or DER, which the content shows:
    /// certificates ([`certs_from_bytes`]) and a key (PKCS#8, SEC1 or PKCS#1). Otherwise like
    /// [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    ///
    /// ```no_run
    /// use strata_tls_handshake::Identity;
    ///
    /// let identity = Identity::from_bytes(&std::fs::read("chain.p7b")?, &std::fs::read("key.der")?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(certs: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let (chain, key) = load::chain_and_key(certs, key, Encoding::PemOrDer)?;
        Self::new(chain, key)
    }

    /// Reads an identity like [`from_bytes`](Self::from_bytes), with a key that is encrypted with
    /// `password`: PKCS#8 with PBES2, which `openssl genpkey -aes256`, `openssl pkcs8 -topk8` (also
    /// with `-scrypt`) and GnuTLS write. A key that is not encrypted loads as well. The password is
    /// not kept; the caller should overwrite it. With the feature `pkcs12`, both may be the same
    /// PKCS#12 file.
    ///
    /// Decryption takes as long as the file says, up to a few seconds: see
    /// [`decrypt_key`](tls_crypto::decrypt_key) for the bounds.
    ///
    /// # Errors
    /// [`IdentityError::WrongPassword`], and as [`from_bytes`](Self::from_bytes). OpenSSL's old
    /// format (`Proc-Type: 4,ENCRYPTED`) and PBES1 are rejected with the command that converts
    /// them.
    ///
    /// ```no_run
    /// use strata_tls_handshake::Identity;
    ///
    /// let (certs, key) = (std::fs::read("chain.pem")?, std::fs::read("key.pem")?);
    /// let identity = Identity::from_encrypted(&certs, &key, "password")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "encrypted-keys")]
    pub fn from_encrypted(certs: &[u8], key: &[u8], password: impl AsRef<[u8]>) -> Result<Self, IdentityError> {
        #[cfg(feature = "pkcs12")]
        if certs == key && tls_crypto::pem::is_pkcs12(key) {
            return Self::from_pkcs12(key, password);
        }
        let (chain, key) = load::chain_and_encrypted_key(certs, key, password.as_ref())?;
        Self::new(chain, key)
    }

    /// Reads an identity from a PKCS#12 file (`.p12`, `.pfx`; RFC 7292), which holds the key and
    /// its certificates under a password (UTF-8), as OpenSSL 3, Java (from 16) and GnuTLS write it.
    /// Sorts the chain like [`from_pem`](Self::from_pem). The password is not kept; the caller
    /// should overwrite it.
    ///
    /// The file's MAC is checked before anything of its content is used. A file without a MAC is
    /// read only with the empty password. The encryption of older programs (Triple DES and RC2,
    /// which is `openssl pkcs12 -legacy`) is not supported, because it is not secure. The work is
    /// bounded as for [`decrypt_key`](tls_crypto::decrypt_key).
    ///
    /// # Errors
    /// [`IdentityError::WrongPassword`]; [`IdentityError::BadPkcs12`], whose text names the command
    /// that converts an unsupported file; [`IdentityError::NoKey`] and
    /// [`IdentityError::NoCertificate`]; and as [`from_der`](Self::from_der).
    ///
    /// ```no_run
    /// use strata_tls_handshake::Identity;
    ///
    /// let identity = Identity::from_pkcs12(&std::fs::read("server.p12")?, "password")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "pkcs12")]
    pub fn from_pkcs12(file: &[u8], password: impl AsRef<[u8]>) -> Result<Self, IdentityError> {
        let (chain, key) = load::pkcs12(file, password.as_ref())?;
        Self::new(chain, key)
    }

    /// Reads an identity from DER: certificates in any order, and a key (PKCS#8, SEC1 or PKCS#1).
    /// Certificates may be of the type [`CertificateDer`] or vectors of bytes, and the key of any
    /// type of [`AsKeyDer`], such as [`PrivateKeyDer`](pki_types::PrivateKeyDer).
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    ///
    /// ```no_run
    /// use pki_types::pem::PemObject;
    /// use pki_types::{CertificateDer, PrivateKeyDer};
    /// use strata_tls_handshake::Identity;
    ///
    /// let chain = CertificateDer::pem_file_iter("chain.pem")?.collect::<Result<Vec<_>, _>>()?;
    /// let identity = Identity::from_der(chain, PrivateKeyDer::from_pem_file("key.pem")?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_der(
        certs: impl IntoIterator<Item: Into<CertificateDer<'static>>>,
        key: impl AsKeyDer,
    ) -> Result<Self, IdentityError> {
        Self::read_der(certs.into_iter().map(Into::into).collect(), key.as_key_der())
    }

    fn read_der(certs: Vec<CertificateDer<'static>>, key: &[u8]) -> Result<Self, IdentityError> {
        chain_order::check(&certs)?;
        let key = load::key_from_der(key, &certs)?;
        Self::new(certs, key)
    }

    /// Creates an identity from certificates in any order, and a key. Sorts the chain.
    ///
    /// # Errors
    /// [`IdentityError`] if there is no certificate or more than 10, one cannot be parsed, or none
    /// belongs to the key.
    pub fn new(mut chain: Vec<CertificateDer<'static>>, key: PrivateKey) -> Result<Self, IdentityError> {
        chain_order::sort(&mut chain, &key.subject_public_key_info())?;
        let mut schemes = Vec::new();
        for algorithm in key.algorithms() {
            schemes.push(scheme_of(*algorithm));
        }
        Self::build(chain, Key::Local(Arc::new(key)), schemes)
    }

    /// Creates an identity whose key the application holds, for example in a token or the system's
    /// key store. The key signs while the handshake waits: see [`SigningKey`].
    ///
    /// # Errors
    /// [`IdentityError`] if there is no certificate or scheme, or if none of the certificates
    /// belongs to the key. A key that does not return its public key is not checked; then the first
    /// certificate must be the key's.
    pub fn with_signing_key(
        mut chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, IdentityError> {
        match key.subject_public_key_info() {
            Some(spki) => chain_order::sort(&mut chain, &spki)?,
            None => chain_order::check(&chain)?,
        }
        let schemes = key.schemes();
        if schemes.is_empty() {
            return Err(IdentityError::NoScheme);
        }
        Self::build(chain, Key::Custom(key), schemes)
    }

    /// Creates an identity with a remote key that supports these schemes, in order of preference.
    /// The connection requests signatures with [`NeedSignature`](crate::need::NeedSignature) and
    /// waits for them without blocking a thread. The first certificate must be the key's.
    ///
    /// # Errors
    /// [`IdentityError`] if the chain or the list of schemes is empty, a certificate cannot be
    /// parsed, or there are more than 10.
    pub fn with_remote_key(
        chain: Vec<CertificateDer<'static>>,
        schemes: Vec<SignatureScheme>,
    ) -> Result<Self, IdentityError> {
        chain_order::check(&chain)?;
        if schemes.is_empty() {
            return Err(IdentityError::NoScheme);
        }
        Self::build(chain, Key::Remote, schemes)
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

    /// Sets the OCSP response that a server staples to its certificate for clients that request it
    /// (RFC 6066 §8): in DER, or in PEM as the section `OCSP RESPONSE`. Default: none.
    ///
    /// It must be one that clients accept at the time `now`: successful, for this certificate,
    /// fresh, and of status good. If the chain contains the issuer, its signature must be valid.
    /// Replace it before it expires: some clients reject the server otherwise.
    ///
    /// ```no_run
    /// # fn load(mut identity: strata_tls_handshake::Identity) -> Result<(), Box<dyn std::error::Error>> {
    /// use pki_types::UnixTime;
    ///
    /// identity.set_ocsp_response(&std::fs::read("ocsp.der")?, UnixTime::now())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`IdentityError::OcspResponse`] with the reason, [`IdentityError::Revoked`], or
    /// [`IdentityError::TooLong`] if it is longer than 64 KiB together with the SCTs. The earlier
    /// response stays. [`set_unchecked_ocsp_response`](Self::set_unchecked_ocsp_response) insists.
    pub fn set_ocsp_response(&mut self, response: &[u8], now: UnixTime) -> Result<(), IdentityError> {
        let der = ocsp_response::der_of(response)?;
        match check_own(&der, &self.chain, now) {
            Ok(false) => self.set_unchecked_ocsp_response(Some(der)),
            Ok(true) => Err(IdentityError::Revoked),
            Err(e) => Err(IdentityError::OcspResponse(e)),
        }
    }

    /// Sets the OCSP response as [`set_ocsp_response`](Self::set_ocsp_response) does, but checks
    /// nothing: for a device without a clock, or for tests. `None` removes it.
    ///
    /// # Errors
    /// [`IdentityError::TooLong`] if it is empty, or longer than 64 KiB together with the SCTs.
    pub fn set_unchecked_ocsp_response(&mut self, response: Option<Vec<u8>>) -> Result<(), IdentityError> {
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

    /// Sets the SCTs (RFC 6962 §3.2, each as a log issued it) that a server sends in the SCT
    /// extension to clients that request them. They are not checked. Default: none.
    ///
    /// # Errors
    /// [`IdentityError::TooLong`] if one is empty, or all are longer than 64 KiB together with the
    /// OCSP response.
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

    /// Sets the resumption scope of a server with this identity. A session is resumed only if the
    /// server would now send an identity with the same scope. Servers of one service with different
    /// certificates that share tickets or a store should set one scope. Default: the SHA-256 of the
    /// leaf, so sessions end when it is replaced.
    pub fn set_session_scope(&mut self, scope: [u8; 32]) {
        // Hashed, since scopes are combined by exclusive or, and this value could equal another
        // scope.
        self.session_scope = identity_scope(&scope);
    }

    /// Returns the resumption scope: a hash of the value that was set.
    #[must_use]
    pub fn session_scope(&self) -> &[u8; 32] {
        &self.session_scope
    }

    /// TLS 1.3 sends both in one block of extensions.
    fn stapled_len(&self) -> usize {
        let scts: usize = self.scts.iter().map(|sct| sct.len().saturating_add(2)).sum();
        scts.saturating_add(self.ocsp_response.as_ref().map_or(0, Vec::len))
    }

    /// Returns the stapled OCSP response.
    #[must_use]
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.ocsp_response.as_deref()
    }

    /// Returns the SCTs for the SCT extension.
    #[must_use]
    pub fn signed_certificate_timestamps(&self) -> &[Vec<u8>] {
        &self.scts
    }

    /// Returns the certificates, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Returns the schemes that the key supports, in order of preference.
    #[must_use]
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// Checks that the backend can sign with the key.
    pub(crate) fn check_key(&self, backend: Backend) -> Result<(), Contradiction> {
        match &self.key {
            Key::Local(key) if !key.supports(backend) => {
                Err(Contradiction::UnsupportedKey { key: key.name(), backend: backend.name() })
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a backend can sign with the key: ring lacks P-521 and ML-DSA. Always true
    /// for a key that is not in this library.
    #[must_use]
    pub fn supports(&self, backend: Backend) -> bool {
        match &self.key {
            Key::Local(key) => key.supports(backend),
            Key::Custom(_) | Key::Remote => true,
        }
    }

    /// Returns whether the application must answer [`NeedSignature`](crate::need::NeedSignature).
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self.key, Key::Remote)
    }

    /// Signs with a local key or a key of the application; `None` if the key is remote, does not
    /// support the scheme, or fails.
    pub(crate) fn sign(&self, backend: Backend, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        match &self.key {
            Key::Local(key) => {
                let algorithm = key.algorithms().iter().copied().find(|algorithm| scheme_of(*algorithm) == scheme)?;
                key.sign(backend, algorithm, message).ok()
            }
            Key::Custom(key) => {
                let signature = key.signer(scheme)?.sign(message);
                if let Err(_e) = &signature {
                    log_warn!("the private key failed to sign: {_e}");
                }
                signature.ok()
            }
            Key::Remote => None,
        }
    }
}

/// The bytes that a Certificate message adds to each certificate: its length, and the length of its
/// extensions.
const ENTRY_OVERHEAD: usize = 5;
/// The maximum length of a chain in bytes: a message's 2^24 - 1 less everything else in it.
const MAX_CHAIN: usize = 0xf0_0000;
/// The maximum length of the stapled data in bytes: a block of extensions less the fields around
/// the data.
const MAX_STAPLED: usize = 0xffe0;

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.chain.len())
            .field("schemes", &self.schemes)
            .finish_non_exhaustive()
    }
}
