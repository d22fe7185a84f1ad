//! Verifies signed certificate timestamps (SCTs, RFC 6962): promises of CT logs to publish a
//! certificate.
//!
//! ```text
//! TLS extension ─┐
//! OCSP response ─┼─▶ list of SCTs ─▶ configured log? signature? time? ─▶ enough operators?
//! certificate ───┘   (signed without the embedded SCTs)
//! ```

use std::fmt;
use std::time::Duration;

use pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use tls_codec::code_points::SignatureScheme;
use tls_codec::extension::SerializedSct;
use tls_codec::list::List;
use tls_crypto::Backend;
use tls_crypto::der::{self, Elements};
use tls_crypto::verify::{Algorithm, verifier};

use crate::certificate_error::{CertificateError, SctError, UnsupportedPart, UnsupportedSignature};
use crate::verify::algorithm::{Key, unsupported_signature};
use crate::verify::chain::ProvenPath;
use crate::verify::rejection_report::since_1970;
use crate::verify::sha256;
use crate::verify::x509::{Certificate, Extensions, Signed, oid, public_key, sole};

/// A trusted CT log.
///
/// ```no_run
/// use strata_tls_handshake::verify::CtLog;
///
/// let key = std::fs::read("log.spki.der")?;
/// let log = CtLog::new("Argon 2026h2", "Example Inc.", key)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CtLog {
    name: String,
    operator: String,
    key: SubjectPublicKeyInfoDer<'static>,
    /// SHA-256 of the key, which identifies the log in SCTs.
    id: [u8; 32],
    retired: Option<UnixTime>,
    period: Option<(UnixTime, UnixTime)>,
}

impl CtLog {
    /// Creates a log with this name, operator and key (a SubjectPublicKeyInfo in DER).
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`] if the key cannot be parsed.
    pub fn new(name: impl Into<String>, operator: impl Into<String>, key: Vec<u8>) -> Result<Self, CertificateError> {
        public_key(&key).ok_or(CertificateError::BadEncoding)?;
        let id = sha256(&key);
        let key = SubjectPublicKeyInfoDer::from(key);
        Ok(Self { name: name.into(), operator: operator.into(), key, id, retired: None, period: None })
    }

    /// Sets when the log was retired. Later SCTs are rejected. From then on, SCTs that are not
    /// embedded in the certificate are rejected too, since the holder of a retired log's key can
    /// backdate one. Default: `None`.
    pub fn set_retired(&mut self, at: Option<UnixTime>) {
        self.retired = at;
    }

    /// Accepts SCTs of the log only for certificates that expire in this period, from its start to
    /// before its end. Default: `None`, all certificates.
    pub fn set_period(&mut self, period: Option<(UnixTime, UnixTime)>) {
        self.period = period;
    }
}

/// The trusted CT logs, and how many operators must have issued an SCT. Enforced wherever it is
/// configured.
///
/// ```
/// use strata_tls_handshake::verify::{CtLog, CtPolicy};
///
/// # fn policy(logs: Vec<CtLog>, made: u64) -> CtPolicy {
/// let mut policy = CtPolicy::new(logs);
/// policy.set_minimum_operators(2);
/// // Without an update, the check ends 70 days after the list was made.
/// policy.set_expiry(Some(std::time::Duration::from_secs(made + 70 * 86_400)));
/// # policy }
/// ```
#[derive(Clone)]
pub struct CtPolicy {
    logs: Vec<CtLog>,
    minimum: usize,
    expiry: Option<Duration>,
}

impl CtPolicy {
    /// Requires SCTs from these logs, of at least two operators.
    #[must_use]
    pub fn new(logs: impl IntoIterator<Item = CtLog>) -> Self {
        Self { logs: logs.into_iter().collect(), minimum: 2, expiry: None }
    }

    /// Sets the number of operators that must have issued an SCT. Default: 2.
    pub fn set_minimum_operators(&mut self, minimum: usize) {
        self.minimum = minimum;
    }

    /// Sets when the list of logs becomes too old, since 1970-01-01 UTC. From then on, no SCT is
    /// required. Logs change, and a program that is not updated should not lock its users out.
    /// Default: never.
    pub fn set_expiry(&mut self, expiry: Option<Duration>) {
        self.expiry = expiry;
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut all = format!("ct{}{:?}", self.minimum, self.expiry).into_bytes();
        for log in &self.logs {
            all.extend_from_slice(&log.id);
            all.extend_from_slice(format!("{:?}{:?}{:?}", log.operator, log.retired, log.period).as_bytes());
        }
        sha256(&all)
    }

    /// Checks that enough operators issued an SCT for the leaf.
    pub(crate) fn check(
        &self,
        path: &ProvenPath<'_>,
        of_extension: List<'_, SerializedSct<'_>>,
        of_ocsp: Option<&[u8]>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        if self.expiry.is_some_and(|expiry| since_1970(now) >= expiry) {
            log_warn!("the list of CT logs is too old: SCTs are not checked");
            return Ok(());
        }
        let der = path.leaf();
        let leaf = Certificate::read(&der).ok_or(CertificateError::BadEncoding)?;
        let issuer_key = path.issuer().map(|(_, spki)| sha256(&spki));
        let entry = Entry::Certificate(&der);
        let precertificate = without_scts(&leaf);
        let pre_entry = match (&precertificate, &issuer_key) {
            (Some(tbs), Some(issuer)) => Some(Entry::Precertificate { issuer_key_hash: issuer, tbs }),
            _ => None,
        };
        let inside = leaf.extension(oid::SCT_LIST);
        let mut scts = Vec::new();
        for sct in of_extension.iter().take(MAX_SCTS) {
            scts.push((Some(sct.0), &entry));
        }
        for (value, entry) in [of_ocsp.zip(Some(&entry)), inside.zip(pre_entry.as_ref())].into_iter().flatten() {
            for sct in list(value).take(MAX_SCTS) {
                scts.push((sct, entry));
            }
        }
        scts.truncate(MAX_SCTS);
        let (mut operators, mut rejected) = (Vec::new(), Vec::new());
        for (sct, entry) in scts {
            match self.verify(path.backend(), sct, entry, leaf.not_after, now) {
                Ok(log) if operators.contains(&&log.operator) => {}
                Ok(log) => operators.push(&log.operator),
                Err(e) => rejected.push(e),
            }
        }
        let found = operators.len();
        if found >= self.minimum {
            return Ok(());
        }
        Err(CertificateError::Transparency { wanted: self.minimum, found, rejected: rejected.into() })
    }

    /// Verifies an SCT, and returns its log.
    fn verify(
        &self,
        backend: Backend,
        sct: Option<&[u8]>,
        entry: &Entry<'_>,
        not_after: UnixTime,
        now: UnixTime,
    ) -> Result<&CtLog, SctError> {
        let sct = sct.and_then(Sct::read).ok_or(SctError::Malformed)?;
        let log = self.logs.iter().find(|log| log.id == *sct.log_id);
        let log = log.ok_or(SctError::UnknownLog { log_id: *sct.log_id })?;
        let name = || log.name.clone();
        let message = sct.signed_message(entry);
        let unsupported = |signature| SctError::UnsupportedSignature { log: name(), signature };
        // SHA-256 with ECDSA or RSA are the only algorithms (RFC 6962 §2.1.4).
        let name_of = |scheme| match scheme {
            SignatureScheme::ECDSA_SECP256R1_SHA256 => Some(Algorithm::EcdsaP256Sha256),
            SignatureScheme::RSA_PKCS1_SHA256 => Some(Algorithm::RsaPkcs1Sha256),
            _ => None,
        };
        let Some(algorithm) = name_of(sct.algorithm).and_then(|algorithm| verifier(backend, algorithm)) else {
            let (part, key) = (UnsupportedPart::Algorithm, Some(Key::read(backend, &log.key).text));
            return Err(unsupported(UnsupportedSignature { part, algorithm: sct.algorithm.to_string(), key }.into()));
        };
        let verified = webpki::RawPublicKeyEntity::try_from(&log.key)
            .and_then(|key| key.verify_signature(algorithm, &message, sct.signature));
        if let Err(e) = verified {
            let id = algorithm.signature_alg_id();
            let signed = Signed { message: &message, algorithm: id.as_ref(), signature: sct.signature };
            let fault = unsupported_signature(backend, &e, &log.key, &signed);
            return Err(fault.map_or_else(|| SctError::BadSignature { log: name() }, unsupported));
        }
        let timestamp = Duration::from_millis(sct.timestamp);
        if timestamp > since_1970(now).saturating_add(SKEW) {
            return Err(SctError::Future { log: name(), now: since_1970(now), timestamp });
        }
        let dated = match entry {
            Entry::Certificate(_) => since_1970(now),
            Entry::Precertificate { .. } => timestamp,
        };
        if let Some(retired) = log.retired.map(since_1970).filter(|retired| timestamp.max(dated) >= *retired) {
            return Err(SctError::Retired { log: name(), retired, timestamp });
        }
        if let Some((begin, end)) = log.period.filter(|(begin, end)| !(*begin..*end).contains(&not_after)) {
            let (period, not_after) = ((since_1970(begin), since_1970(end)), since_1970(not_after));
            return Err(SctError::OtherPeriod { log: name(), period, not_after });
        }
        Ok(log)
    }
}

/// The allowed clock difference; the local time has only seconds.
const SKEW: Duration = Duration::from_secs(300);
/// The maximum number of SCTs verified: each costs a signature.
const MAX_SCTS: usize = 16;

impl fmt::Debug for CtPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CtPolicy").field("logs", &self.logs.len()).field("minimum", &self.minimum).finish()
    }
}

/// The entry that an SCT covers.
enum Entry<'a> {
    /// The final certificate.
    Certificate(&'a [u8]),
    /// The certificate without its embedded SCTs.
    Precertificate { issuer_key_hash: &'a [u8], tbs: &'a [u8] },
}

/// SignedCertificateTimestamp (RFC 6962 §3.2).
struct Sct<'a> {
    log_id: &'a [u8; 32],
    /// Milliseconds since 1970.
    timestamp: u64,
    extensions: &'a [u8],
    algorithm: SignatureScheme,
    signature: &'a [u8],
}

impl<'a> Sct<'a> {
    fn read(sct: &'a [u8]) -> Option<Self> {
        let (&[0], rest) = sct.split_first_chunk()? else { return None };
        let (log_id, rest) = rest.split_first_chunk()?;
        let (timestamp, rest) = rest.split_first_chunk()?;
        let (extensions, rest) = opaque(rest)?;
        let (algorithm, rest) = rest.split_first_chunk()?;
        let algorithm = SignatureScheme(u16::from_be_bytes(*algorithm));
        let (signature, []) = opaque(rest)? else { return None };
        Some(Self { log_id, timestamp: u64::from_be_bytes(*timestamp), extensions, algorithm, signature })
    }

    /// Returns what the log signed: the digitally-signed struct of RFC 6962 §3.2.
    fn signed_message(&self, entry: &Entry<'_>) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        // Version 1, and certificate_timestamp.
        let mut message = vec![0, 0];
        message.extend_from_slice(&self.timestamp.to_be_bytes());
        let content = match entry {
            Entry::Certificate(der) => {
                message.extend_from_slice(&[0, 0]);
                der
            }
            Entry::Precertificate { issuer_key_hash, tbs } => {
                message.extend_from_slice(&[0, 1]);
                message.extend_from_slice(issuer_key_hash);
                tbs
            }
        };
        message.extend(length(content).iter().skip(1));
        message.extend_from_slice(content);
        message.extend(length(self.extensions).iter().skip(2));
        message.extend_from_slice(self.extensions);
        message
    }
}

/// Reads bytes after a two-byte length; also returns the rest.
fn opaque(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Iterates over the SCTs in an extension of a certificate or OCSP response: an OCTET STRING with a
/// list. `None` stands for a part that cannot be parsed.
fn list(value: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let whole = sole(value, der::OCTET_STRING).and_then(opaque).filter(|(_, rest)| rest.is_empty());
    let mut rest = whole.map(|(list, _)| list);
    std::iter::from_fn(move || match rest {
        Some([]) => None,
        Some(list) => Some(
            opaque(list)
                .map(|(sct, after)| {
                    rest = Some(after);
                    sct
                })
                .or_else(|| {
                    rest = Some(&[]);
                    None
                }),
        ),
        None => {
            rest = Some(&[]);
            Some(None)
        }
    })
}

/// Returns the TBSCertificate without its embedded SCTs, as the logs saw it (RFC 6962 §3.2); `None`
/// if it has none.
fn without_scts(leaf: &Certificate<'_>) -> Option<Vec<u8>> {
    let mut fields = Elements::new(leaf.tbs);
    let mut kept: Vec<u8> = Vec::with_capacity(leaf.tbs.len());
    loop {
        let before = fields;
        let (tag, contents) = fields.next()?;
        if tag == der::CONTEXT_3 {
            let listed = sole(contents, der::SEQUENCE)?;
            let mut removed = false;
            let mut others = Vec::with_capacity(listed.len());
            for extension in Extensions::new(listed) {
                if extension.oid == oid::SCT_LIST {
                    removed = true;
                } else {
                    others.extend_from_slice(extension.whole);
                }
            }
            // Nothing follows the extensions.
            let is_whole = removed && fields.is_empty();
            kept.extend(der::element(der::CONTEXT_3, &[&der::element(der::SEQUENCE, &[&others])]));
            return is_whole.then(|| der::element(der::SEQUENCE, &[&kept]));
        }
        kept.extend_from_slice(before.rest().get(..before.rest().len().checked_sub(fields.rest().len())?)?);
    }
}
