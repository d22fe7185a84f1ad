//! The limits that a trust anchor's own certificate sets: validity, CA or not, path length, key
//! usage.
//!
//! webpki keeps only an anchor's name, key and name constraints. RFC 5280 §6.2 allows an
//! implementation to apply the rest, as OpenSSL and Go do.

use pki_types::{CertificateDer, UnixTime};

use crate::certificate_error::{AnchorFault, CertificateError};
use crate::error::bounded;
use crate::verify::rejection_report::since_1970;
use crate::verify::sha256;
use crate::verify::x509::{Certificate, KeyUse, ReadableName, dotted};

/// The limits of a trust anchor. Default: none, as for an anchor without a certificate.
#[derive(Clone, Debug)]
pub(crate) struct AnchorLimits {
    /// notBefore and notAfter.
    validity: Option<(UnixTime, UnixTime)>,
    /// The number of CA certificates allowed below it.
    path_length: Option<u64>,
    /// True if it may sign CRLs.
    pub(crate) signs_lists: bool,
    /// The SHA-256 of its certificate if it vouches only for itself.
    itself: Option<[u8; 32]>,
}

impl Default for AnchorLimits {
    fn default() -> Self {
        Self { validity: None, path_length: None, signs_lists: true, itself: None }
    }
}

impl AnchorLimits {
    /// Reads the limits from a certificate.
    pub(crate) fn of(der: &CertificateDer<'_>, read: &Certificate<'_>) -> Result<Self, CertificateError> {
        let mut limits = Self { validity: Some((read.not_before, read.not_after)), ..Self::default() };
        // Version 1 has no extensions, so it sets no other limits.
        if read.version < 2 {
            return Ok(limits);
        }
        let unusable =
            |fault| CertificateError::Anchor { anchor: bounded(ReadableName(read.subject).to_string()), fault };
        for extension in read.extensions().filter(|extension| extension.critical) {
            if !is_supported(extension.oid) {
                return Err(unusable(AnchorFault::CriticalExtension { oid: dotted(extension.oid) }));
            }
        }
        if !read.is_ca() {
            if read.subject != read.issuer {
                return Err(unusable(AnchorFault::NotCa));
            }
            limits.itself = Some(sha256(der));
            return Ok(limits);
        }
        if !read.allows(KeyUse::KeyCertSign) {
            return Err(unusable(AnchorFault::KeyUsage { found: read.key_usages() }));
        }
        limits.path_length = read.path_length();
        limits.signs_lists = read.allows(KeyUse::CrlSign);
        Ok(limits)
    }

    /// Checks that the anchor may vouch for a path: `leaf`, and `above`, the CA certificates from
    /// the leaf's issuer on.
    pub(crate) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[Certificate<'_>],
        now: UnixTime,
    ) -> Result<(), AnchorFault> {
        if self.itself.is_some_and(|itself| !above.is_empty() || itself != sha256(leaf)) {
            return Err(AnchorFault::NotCa);
        }
        check_validity(self, now)?;
        let Some(allowed) = self.path_length else { return Ok(()) };
        // RFC 5280 §6.1.4 (l): self-issued certificates do not count.
        let found = above.iter().filter(|certificate| certificate.subject != certificate.issuer).count();
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        if found > allowed { Err(AnchorFault::PathLength { allowed, found }) } else { Ok(()) }
    }

    /// Returns the end of its validity; `None` if unknown.
    pub(crate) fn not_after(&self) -> Option<UnixTime> {
        self.validity.map(|(_, not_after)| not_after)
    }

    /// Appends the limits to the input of a digest.
    pub(crate) fn add_to(&self, all: &mut Vec<u8>) {
        let (from, until) = self.validity.map_or((0, u64::MAX), |(from, until)| (from.as_secs(), until.as_secs()));
        for number in [from, until, self.path_length.unwrap_or(u64::MAX), u64::from(self.signs_lists)] {
            all.extend_from_slice(&number.to_be_bytes());
        }
        all.extend_from_slice(&self.itself.unwrap_or_default());
    }
}

/// Checks that an anchor is valid at `now`.
pub(crate) fn check_validity(anchor: &AnchorLimits, now: UnixTime) -> Result<(), AnchorFault> {
    match anchor.validity {
        Some((not_before, _)) if now < not_before => {
            Err(AnchorFault::NotYetValid { now: since_1970(now), not_before: since_1970(not_before) })
        }
        Some((_, not_after)) if now > not_after => {
            Err(AnchorFault::Expired { now: since_1970(now), not_after: since_1970(not_after) })
        }
        _ => Ok(()),
    }
}

/// Returns whether an anchor may have this critical extension: those of RFC 5280 §4.2.1.
/// Verification requires no policy, so every path satisfies the policy extensions.
fn is_supported(oid: &[u8]) -> bool {
    matches!(oid, [0x55, 0x1d, 14 | 15 | 17 | 18 | 19 | 30 | 31 | 32 | 33 | 35 | 36 | 37 | 46 | 54])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn anchor_is_valid_in_its_first_and_last_second() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let anchor = AnchorLimits { validity: Some((at(100), at(200))), ..AnchorLimits::default() };
        for (now, valid) in [(99, false), (100, true), (200, true), (201, false)] {
            assert_eq!(check_validity(&anchor, at(now)).is_ok(), valid, "{now}");
        }
        assert_eq!(check_validity(&AnchorLimits::default(), at(0)), Ok(()));
    }
}
