//! Builds identities and external keys from the flags.

use std::sync::Arc;

use strata_tls::{ExternalPsk, Identity, SignError, SignatureScheme, Signer, SigningKey};
use tls_crypto::{HashAlgorithm, PrivateKey};

use crate::configure::backend;
use crate::options::{Credential, Kind, Level};
use crate::policy::policy;
use crate::stop::Stop;

/// An identity, and the condition under which the resolver may select it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) identity: Arc<Identity>,
    /// Whether the peer must list its issuer.
    pub(crate) must_match_issuer: bool,
    /// Its position among the credentials; -1 for the default.
    pub(crate) number: i32,
}

impl Candidate {
    /// Returns whether one of these CAs, each a DER Name, issued a certificate of the chain.
    pub(crate) fn is_issued_by(&self, authorities: &[Vec<u8>]) -> bool {
        let is_listed =
            |der: &[u8]| authorities.iter().any(|name| der.windows(name.len()).any(|window| window == name));
        !self.must_match_issuer || self.identity.chain().iter().any(|certificate| is_listed(certificate))
    }
}

/// Returns all identities in order of preference. The default is last.
pub(crate) fn candidates(level: &Level) -> Result<Vec<Candidate>, Stop> {
    let numbered = level.credentials.iter().zip(0..).chain([(&level.default, -1)]);
    let mut candidates = Vec::new();
    for (credential, number) in numbered.filter(|(credential, _)| credential.kind == Kind::X509) {
        if let Some(identity) = identity(credential, level)? {
            let must_match_issuer = credential.has("must-match-issuer");
            candidates.push(Candidate { identity: Arc::new(identity), must_match_issuer, number });
        }
    }
    Ok(candidates)
}

/// Returns all external keys, imported (RFC 9258), with the positions of their credentials.
pub(crate) fn psks(level: &Level) -> Result<Vec<(ExternalPsk, i32)>, Stop> {
    let mut psks = Vec::new();
    let numbered = level.credentials.iter().zip(0..);
    for (credential, number) in numbered.filter(|(credential, _)| credential.kind == Kind::Psk) {
        let hash = if credential.has("psk-importer-sha384") { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
        let part = |key| credential.bytes(key).map(Option::unwrap_or_default);
        let (identity, key, context) =
            (part("psk-importer-identity")?, part("psk-importer-key")?, part("psk-importer-context")?);
        let imported = ExternalPsk::import(&identity, &key, hash, &context);
        let imported = imported.map_err(|e| Stop::Unimplemented(format!("-psk-importer-key: {e}")))?;
        psks.extend(imported.into_iter().map(|psk| (psk, number)));
    }
    Ok(psks)
}

fn identity(credential: &Credential, level: &Level) -> Result<Option<Identity>, Stop> {
    let (Some(certs), Some(key)) = (credential.text("cert-file"), credential.text("key-file")) else {
        return Ok(None);
    };
    // Unsupported keys, for example P-521 and RSA with 1,024 bits.
    let unsupported = |e: &dyn std::fmt::Display| Stop::Unimplemented(format!("-key-file: {e}"));
    let key = PrivateKey::from_pem(&std::fs::read(key)?).map_err(|e| unsupported(&e))?;
    let chain = strata_tls::certs_from_pem(&std::fs::read(certs)?).map_err(|e| unsupported(&e))?;
    let preferred = match credential.numbers("signing-prefs")? {
        Some(numbers) => numbers.into_iter().map(SignatureScheme).collect(),
        None => {
            let schemes = key.algorithms().iter().map(|algorithm| SignatureScheme(algorithm.id()));
            let policy = policy(level);
            schemes.filter(|scheme| policy.as_ref().is_none_or(|policy| policy.schemes.contains(scheme))).collect()
        }
    };
    let mut identity = Identity::with_signing_key(chain, Arc::new(RestrictedKey { key: Arc::new(key), preferred }))
        .map_err(|e| unsupported(&e))?;
    // With -decline-ocsp-callback BoringSSL's callback removes the configured response.
    if let Some(response) = credential.bytes("ocsp-response")?.filter(|_| !level.has("decline-ocsp-callback")) {
        identity.set_unchecked_ocsp_response(Some(response)).map_err(|e| unsupported(&e))?;
    }
    if let Some(list) = credential.bytes("signed-cert-timestamps")? {
        let scts = sct_list(&list).filter(|scts| !scts.is_empty());
        let scts = scts.ok_or_else(|| Stop::failed(":INVALID_SCT_LIST: not an SCT list"))?;
        identity.set_signed_certificate_timestamps(scts).map_err(|e| unsupported(&e))?;
    }
    Ok(Some(identity))
}

/// Parses an SCT list: a length-prefixed list of length-prefixed SCTs.
pub(crate) fn sct_list(list: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (length, mut rest) = list.split_first_chunk()?;
    if usize::from(u16::from_be_bytes(*length)) != rest.len() {
        return None;
    }
    let mut scts = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (sct, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        scts.push(sct.to_vec());
        rest = after;
    }
    rest.is_empty().then_some(scts)
}

/// A signing key that is restricted to the schemes that the runner requests.
#[derive(Debug)]
struct RestrictedKey {
    key: Arc<PrivateKey>,
    preferred: Vec<SignatureScheme>,
}

impl SigningKey for RestrictedKey {
    fn schemes(&self) -> Vec<SignatureScheme> {
        let able = |scheme: &&SignatureScheme| self.key.algorithms().iter().any(|algorithm| algorithm.id() == scheme.0);
        let schemes: Vec<_> = self.preferred.iter().filter(able).copied().collect();
        // An empty list is invalid. A scheme that no peer accepts has the same effect.
        if schemes.is_empty() { vec![SignatureScheme(0xffff)] } else { schemes }
    }

    fn subject_public_key_info(&self) -> Option<Vec<u8>> {
        Some(self.key.subject_public_key_info())
    }

    fn signer(&self, scheme: SignatureScheme) -> Option<Box<dyn Signer>> {
        Some(Box::new(KeySigner(Arc::clone(&self.key), scheme)))
    }
}

struct KeySigner(Arc<PrivateKey>, SignatureScheme);

impl Signer for KeySigner {
    fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let algorithm = self.0.algorithms().iter().copied().find(|algorithm| algorithm.id() == self.1.0);
        let algorithm = algorithm.ok_or_else(|| SignError::new("the key does not support the scheme"))?;
        let backend = backend().map_err(|_| SignError::new("the backend is not compiled in"))?;
        self.0.sign(backend, algorithm, message).map_err(|e| SignError::new(e.to_string()))
    }
}
