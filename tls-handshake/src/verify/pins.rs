//! Pinned keys (RFC 7469 §2.4): a chain must contain one of them. `chain` checks them after the
//! path.

use std::fmt;
use std::sync::Arc;

use crate::certificate_error::{CertificateError, Pin};
use crate::verify::sha256;

/// Keys of which every chain must contain one: in its leaf, an intermediate, or its trust anchor.
///
/// Once no valid chain contains a pinned key, every connection fails. Also pin a backup key that is
/// stored elsewhere.
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
    /// Requires one of these keys. An empty set rejects every chain.
    #[must_use]
    pub fn new(pins: impl IntoIterator<Item = Pin>) -> Self {
        let mut pins: Vec<_> = pins.into_iter().collect();
        pins.sort();
        pins.dedup();
        Self(pins)
    }

    /// Checks that one of the keys of a chain is pinned.
    pub(crate) fn check(&self, keys: &[Pin]) -> Result<(), CertificateError> {
        match keys.iter().any(|key| self.0.contains(key)) {
            true => Ok(()),
            false => Err(CertificateError::NotPinned { wanted: self.0.iter().copied().collect(), keys: keys.to_vec() }),
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

/// Returns the pin of a SubjectPublicKeyInfo in DER.
pub(crate) fn pin_of(spki: &[u8]) -> Pin {
    Pin(sha256(spki))
}

type Report = Arc<dyn Fn(&[Pin]) + Send + Sync>;

/// Pins under trial: chains without one are reported and accepted.
#[derive(Clone)]
pub(crate) struct ReportOnlyPins {
    pub(crate) pins: Pins,
    report: Report,
}

impl ReportOnlyPins {
    pub(crate) fn new(pins: Pins, report: impl Fn(&[Pin]) + Send + Sync + 'static) -> Self {
        Self { pins, report: Arc::new(report) }
    }

    /// Reports a chain with these keys if none is pinned.
    pub(crate) fn check(&self, keys: &[Pin]) {
        if self.pins.check(keys).is_err() {
            log_warn!("no key in the chain is pinned (report only): {keys:?}");
            (self.report)(keys);
        }
    }
}

impl fmt::Debug for ReportOnlyPins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReportOnlyPins").field(&self.pins).finish()
    }
}
