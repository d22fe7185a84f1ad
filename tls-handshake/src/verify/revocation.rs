//! Certificate revocation lists (RFC 5280 §5): webpki reads them and looks certificates up in them.

use pki_types::pem::PemObject;
use pki_types::{CertificateRevocationListDer, UnixTime};
use tls_crypto::der::{self, Elements};
use webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use crate::certificate_error::CertificateError;
use crate::verify::explain::explain;
use crate::verify::sha256;
use crate::verify::x509::read_time;

/// Revocation lists, and what to do where they do not say.
///
/// Of several lists that cover a certificate the newest counts. A certificate that it names is refused whatever the policy, unless it is
/// an authority's and [only end entities are looked up](Self::set_end_entity_only). The strict policy, which it is unless changed, also refuses what
/// no list covers, in the whole chain below the trust anchor, and what is covered by a list that is out of date. The lists are for the
/// application to fetch: when a new one is there, make a new configuration, which also ends the resumption of sessions
/// that were judged by the old ones.
///
/// ```no_run
/// use tls_handshake::verify::Crls;
///
/// let mut crls = Crls::from_pem(&std::fs::read("crls.pem")?)?;
/// crls.set_accept_unknown_status(true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Crls {
    lists: Vec<CertRevocationList<'static>>,
    hash: [u8; 32],
    depth: RevocationCheckDepth,
    unknown: UnknownStatusPolicy,
    expired: ExpirationPolicy,
}

impl Crls {
    /// These lists, each in DER. Without any, no status is known.
    ///
    /// # Errors
    /// [`CertificateError::BadCrl`] for one that cannot be parsed or is of a kind that is not supported.
    pub fn from_der(lists: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self, CertificateError> {
        let mut hashes = Vec::new();
        let mut updated: Vec<u64> = Vec::new();
        let mut read: Vec<CertRevocationList<'static>> = Vec::new();
        for (at, list) in lists.into_iter().enumerate() {
            let der = list.as_ref();
            hashes.extend_from_slice(&sha256(der));
            let list = OwnedCertRevocationList::from_der(der).map_err(|e| unreadable(e, at))?;
            let this_update = this_update(der).map_or(0, |time| time.as_secs());
            // webpki asks the first list that covers a certificate, and no other: an older one must not hide what a newer one says.
            let newer = updated.partition_point(|other| *other >= this_update);
            updated.insert(newer, this_update);
            read.insert(newer, list.into());
        }
        let hash = sha256(&hashes);
        let (depth, unknown) = (RevocationCheckDepth::Chain, UnknownStatusPolicy::Deny);
        Ok(Self { lists: read, hash, depth, unknown, expired: ExpirationPolicy::Enforce })
    }

    /// The lists of a PEM file.
    ///
    /// # Errors
    /// [`CertificateError::BadCrl`] if there is none in it, or one cannot be parsed.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|e| CertificateError::BadCrl(format!("this is not a PEM file as it should be: {e}")))?;
        if lists.is_empty() {
            let none = "there is no list in the file; PEM has it between BEGIN X509 CRL lines";
            return Err(CertificateError::BadCrl(none.into()));
        }
        Self::from_der(lists)
    }

    /// Whether a certificate that no list covers is accepted.
    pub fn set_accept_unknown_status(&mut self, accept: bool) {
        self.unknown = if accept { UnknownStatusPolicy::Allow } else { UnknownStatusPolicy::Deny };
    }

    /// Whether a list counts after its next one was due.
    pub fn set_accept_expired(&mut self, accept: bool) {
        self.expired = if accept { ExpirationPolicy::Ignore } else { ExpirationPolicy::Enforce };
    }

    /// Whether the peer's own certificate alone is looked up, and the authorities' are not.
    pub fn set_end_entity_only(&mut self, only: bool) {
        self.depth = if only { RevocationCheckDepth::EndEntity } else { RevocationCheckDepth::Chain };
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let policy = format!("crls{:?}{:?}{:?}", self.depth, self.unknown, self.expired);
        sha256(&[policy.as_bytes(), &self.hash].concat())
    }

    /// Calls `verify` with what webpki takes.
    pub(crate) fn with_options<T>(
        &self,
        verify: impl FnOnce(Option<RevocationOptions<'_>>) -> Result<T, webpki::Error>,
    ) -> Result<T, webpki::Error> {
        let lists: Vec<_> = self.lists.iter().collect();
        match RevocationOptionsBuilder::new(&lists) {
            Ok(options) => verify(Some(
                options
                    .with_depth(self.depth)
                    .with_status_policy(self.unknown)
                    .with_expiration_policy(self.expired)
                    .build(),
            )),
            // There is no list.
            Err(_) if self.unknown == UnknownStatusPolicy::Allow => verify(None),
            Err(_) => Err(webpki::Error::UnknownRevocationStatus),
        }
    }
}

fn unreadable(e: webpki::Error, at: usize) -> CertificateError {
    let why = match explain(e, 0, 0) {
        CertificateError::BadCrl(why) => why,
        _ => "it cannot be parsed as a list of version 2 with its number; `openssl ca` makes those where `crlnumber` is set".into(),
    };
    CertificateError::BadCrl(format!("list number {}: {why}", at.saturating_add(1)))
}

/// When a list was made: behind version, algorithm and issuer (RFC 5280 §5.1.2).
fn this_update(list: &[u8]) -> Option<UnixTime> {
    let mut fields = Elements::new(Elements::new(list).optional(der::SEQUENCE)?);
    let mut fields = Elements::new(fields.optional(der::SEQUENCE)?);
    fields.optional(der::INTEGER);
    fields.expect(der::SEQUENCE)?;
    fields.expect(der::SEQUENCE)?;
    read_time(&mut fields)
}
