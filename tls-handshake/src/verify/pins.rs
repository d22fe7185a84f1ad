//! Pinned keys: the SHA-256 of a SubjectPublicKeyInfo that has to be in the chain (RFC 7469 §2.4).

use std::fmt;
use std::sync::Arc;

use crate::certificate_error::{CertificateError, Pin};
use crate::verify::sha256;

/// Keys of which every chain has to have one: its leaf's, an intermediate's, or its trust anchor's.
///
/// Pins that no chain has any more lock their users out: pin a backup key, which is kept elsewhere, as well.
///
/// ```
/// use strata_tls_handshake::verify::Pins;
/// use strata_tls_handshake::Pin;
///
/// let pin: Pin = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=".parse()?;
/// let backup: Pin = "sha256/E9CZ9INDbd+2eRQozYqqbQ2yXLVKB9+xcprMF+44U1g=".parse()?;
/// let pins = Pins::new([pin, backup]);
/// # Ok::<(), strata_tls_handshake::BadPin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins(Vec<Pin>);

impl Pins {
    /// Demands one of these keys; with none of them, no chain has one.
    #[must_use]
    pub fn new(pins: impl IntoIterator<Item = Pin>) -> Self {
        let mut pins: Vec<_> = pins.into_iter().collect();
        pins.sort();
        pins.dedup();
        Self(pins)
    }

    /// Whether one of these keys, of a chain, is pinned.
    pub(crate) fn check(&self, keys: &[Pin]) -> Result<(), CertificateError> {
        match keys.iter().any(|key| self.0.contains(key)) {
            true => Ok(()),
            false => Err(CertificateError::NotPinned { keys: keys.to_vec() }),
        }
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut all = b"pins".to_vec();
        for pin in &self.0 {
            all.extend_from_slice(&pin.0);
        }
        sha256(&all)
    }
}

/// The pin of a key: a SubjectPublicKeyInfo, in DER.
pub(crate) fn pin_of(spki: &[u8]) -> Pin {
    Pin(sha256(spki))
}

type Report = Arc<dyn Fn(&[Pin]) + Send + Sync>;

/// Pins that are tried out: chains without one are told of, and accepted.
#[derive(Clone)]
pub(crate) struct ReportOnlyPins {
    pub(crate) pins: Pins,
    report: Report,
}

impl ReportOnlyPins {
    pub(crate) fn new(pins: Pins, report: impl Fn(&[Pin]) + Send + Sync + 'static) -> Self {
        Self { pins, report: Arc::new(report) }
    }

    /// Tells of a chain with these keys if none is pinned.
    pub(crate) fn check(&self, keys: &[Pin]) {
        if self.pins.check(keys).is_err() {
            log_warn!("no key of the chain is pinned: {keys:?}");
            (self.report)(keys);
        }
    }
}

impl fmt::Debug for ReportOnlyPins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReportOnlyPins").field(&self.pins).finish()
    }
}
