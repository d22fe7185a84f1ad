//! Checks on the server whether a handshake may resume a session, and whether its early data is
//! fresh.

use pki_types::UnixTime;

use super::{MAX_LIFETIME, Scope, ServerSessionValue};
use crate::auth::ClientAuth;
use crate::suite::SupportedCipherSuite;

/// The requirements of the current handshake on a session.
pub(crate) struct ResumptionCriteria<'a> {
    /// The selected suite. TLS 1.3 needs the same hash as the session's suite; TLS 1.2 needs the
    /// same suite.
    pub(crate) suite: SupportedCipherSuite,
    /// The configuration's scope, combined with that of the identity that a full handshake would
    /// present.
    pub(crate) scope: &'a Scope,
    pub(crate) server_name: Option<&'a str>,
    pub(crate) client_auth: ClientAuth,
    /// Seconds from the full handshake.
    pub(crate) session_lifetime: u32,
}

/// Why a session is not resumed, in the order of the checks. The handshake continues as a full one,
/// because none of this is the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotResumed {
    Suite,
    Configuration,
    ServerName,
    NoClientCertificate,
    TooOld,
    CertificateExpired,
}

impl ServerSessionValue {
    /// Checks whether a handshake may resume this session.
    ///
    /// # Errors
    /// [`NotResumed`] with the first reason, in the order of that type.
    pub(crate) fn check(&self, criteria: &ResumptionCriteria<'_>, now: UnixTime) -> Result<(), NotResumed> {
        if !self.fits_suite(criteria.suite) {
            return Err(NotResumed::Suite);
        }
        if self.scope != *criteria.scope {
            return Err(NotResumed::Configuration);
        }
        let same_name = match (self.server_name.as_deref(), criteria.server_name) {
            (Some(ours), Some(theirs)) => ours == theirs || ours.eq_ignore_ascii_case(theirs),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !same_name {
            return Err(NotResumed::ServerName);
        }
        let has_chain = self.client_chain.as_deref().is_some_and(|chain| !chain.is_empty());
        if criteria.client_auth == ClientAuth::Required && !has_chain {
            return Err(NotResumed::NoClientCertificate);
        }
        if !self.is_current(now, criteria.session_lifetime) {
            return Err(NotResumed::TooOld);
        }
        // Rejects a chain whose end of validity cannot be read, because it could never expire.
        if has_chain && self.expires.is_none_or(|end| now.as_secs() > end) {
            return Err(NotResumed::CertificateExpired);
        }
        Ok(())
    }

    /// RFC 9846 §4.7.1 and §4.3.11 need the same hash. RFC 5246 §7.4.1.3 needs the same suite.
    fn fits_suite(&self, chosen: SupportedCipherSuite) -> bool {
        match (self.suite, chosen) {
            (SupportedCipherSuite::Tls13(ours), SupportedCipherSuite::Tls13(chosen)) => ours.hash == chosen.hash,
            (SupportedCipherSuite::Tls12(ours), SupportedCipherSuite::Tls12(chosen)) => ours == chosen,
            (SupportedCipherSuite::Tls13(_), SupportedCipherSuite::Tls12(_))
            | (SupportedCipherSuite::Tls12(_), SupportedCipherSuite::Tls13(_)) => false,
        }
    }

    /// Returns whether the session is neither expired nor from the future.
    fn is_current(&self, now: UnixTime, session_lifetime: u32) -> bool {
        let lifetime = self.lifetime.min(MAX_LIFETIME);
        is_within(self.issued, lifetime, now) && is_within(self.authenticated, session_lifetime.min(MAX_LIFETIME), now)
    }

    /// Returns whether the client sent early data just now: its ticket age and the server's differ
    /// by at most 10 seconds (RFC 9846 §8.3).
    pub(crate) fn is_fresh(&self, obfuscated_age: u32, now: UnixTime) -> bool {
        let claimed = u64::from(obfuscated_age.wrapping_sub(self.age_add));
        let expected_arrival = self.issued.saturating_mul(1000).saturating_add(claimed);
        let lifetime = u64::from(self.lifetime.min(MAX_LIFETIME)) * 1000;
        claimed <= lifetime && now.as_secs().saturating_mul(1000).abs_diff(expected_arrival) <= EARLY_DATA_WINDOW
    }
}

/// Returns whether `now` is within `seconds` from `start`. Tolerates a `start` slightly in the
/// future, because clocks of a fleet differ.
fn is_within(start: u64, seconds: u32, now: UnixTime) -> bool {
    let now = now.as_secs();
    now.saturating_add(CLOCK_SKEW) >= start && now.saturating_sub(start) < u64::from(seconds)
}

/// Seconds by which the clocks of servers with the same ticket keys may differ.
const CLOCK_SKEW: u64 = 60;

/// Milliseconds by which early data may arrive earlier or later than its ticket age says.
const EARLY_DATA_WINDOW: u64 = 10_000;

#[cfg(test)]
mod tests {
    use tls_codec::code_points::ProtocolVersion;

    use super::super::server_session::tests::{ISSUED, anonymous, at, session, tls12};
    use super::*;
    use crate::suite::ALL_CIPHERSUITES;

    fn check(
        session: &ServerSessionValue,
        change: impl FnOnce(&mut ResumptionCriteria<'_>),
        now: u64,
    ) -> Result<(), NotResumed> {
        let scope = Scope::from_bytes([0x5c; 32]);
        let mut criteria = ResumptionCriteria {
            suite: session.suite,
            scope: &scope,
            server_name: Some("a.test"),
            client_auth: ClientAuth::Optional,
            session_lifetime: MAX_LIFETIME,
        };
        change(&mut criteria);
        session.check(&criteria, at(now))
    }

    #[test]
    fn tls13_resumes_with_same_hash_tls12_with_same_suite() {
        for session in [session(), tls12()] {
            for suite in ALL_CIPHERSUITES {
                let fits = match suite.version() {
                    version if version != session.suite.version() => false,
                    version if version == ProtocolVersion::TLS13 => suite.hash() == session.suite.hash(),
                    _ => suite == session.suite,
                };
                let expected = if fits { Ok(()) } else { Err(NotResumed::Suite) };
                assert_eq!(check(&session, |criteria| criteria.suite = suite, ISSUED), expected, "{suite:?}");
            }
        }
    }

    #[test]
    fn session_resumes_only_with_its_scope_and_name() {
        let other = Scope::from_bytes([0x5d; 32]);
        let resumed = session().check(
            &ResumptionCriteria {
                suite: session().suite,
                scope: &other,
                server_name: Some("a.test"),
                client_auth: ClientAuth::Optional,
                session_lifetime: MAX_LIFETIME,
            },
            at(ISSUED),
        );
        assert_eq!(resumed, Err(NotResumed::Configuration));

        assert_eq!(check(&session(), |criteria| criteria.server_name = Some("A.Test"), ISSUED), Ok(()));
        for name in [Some("b.test"), Some("a.test."), Some(""), None] {
            let checked = check(&session(), |criteria| criteria.server_name = name, ISSUED);
            assert_eq!(checked, Err(NotResumed::ServerName), "{name:?}");
        }
        let nameless = ServerSessionValue { server_name: None, ..session() };
        assert_eq!(check(&nameless, |criteria| criteria.server_name = None, ISSUED), Ok(()));
        assert_eq!(check(&nameless, |_| (), ISSUED), Err(NotResumed::ServerName));
    }

    #[test]
    fn required_client_certificate_must_be_in_session() {
        let required = |criteria: &mut ResumptionCriteria<'_>| criteria.client_auth = ClientAuth::Required;
        assert_eq!(check(&session(), required, ISSUED), Ok(()));
        let empty = ServerSessionValue { client_chain: Some([].into()), ..session() };
        for session in [anonymous(), empty] {
            assert_eq!(check(&session, required, ISSUED), Err(NotResumed::NoClientCertificate));
            assert_eq!(check(&session, |_| (), ISSUED), Ok(()));
        }
    }

    #[test]
    fn session_is_rejected_outside_its_lifetime_and_a_week() {
        let session = anonymous();
        for now in [ISSUED - 60, ISSUED, ISSUED + 7199] {
            assert_eq!(check(&session, |_| (), now), Ok(()), "{now}");
        }
        for now in [0, ISSUED - 61, ISSUED + 7200, u64::MAX] {
            assert_eq!(check(&session, |_| (), now), Err(NotResumed::TooOld), "{now}");
        }

        let week = u64::from(MAX_LIFETIME);
        let renewed = ServerSessionValue { authenticated: ISSUED + 10 - week, ..anonymous() };
        assert_eq!(check(&renewed, |_| (), ISSUED + 9), Ok(()));
        assert_eq!(check(&renewed, |_| (), ISSUED + 10), Err(NotResumed::TooOld));
        let endless = ServerSessionValue { lifetime: u32::MAX, authenticated: ISSUED, ..anonymous() };
        assert_eq!(check(&endless, |_| (), ISSUED + week - 1), Ok(()));
        assert_eq!(check(&endless, |_| (), ISSUED + week), Err(NotResumed::TooOld));
        let early = ServerSessionValue { authenticated: ISSUED + 61, ..anonymous() };
        assert_eq!(check(&early, |_| (), ISSUED), Err(NotResumed::TooOld));
        let short = |criteria: &mut ResumptionCriteria<'_>| criteria.session_lifetime = 3605;
        assert_eq!(check(&session, short, ISSUED + 4), Ok(()));
        assert_eq!(check(&session, short, ISSUED + 5), Err(NotResumed::TooOld));
        // Neither the setting nor the session's own lifetime can exceed a week.
        let unlimited = |criteria: &mut ResumptionCriteria<'_>| criteria.session_lifetime = u32::MAX;
        let old = ServerSessionValue { lifetime: u32::MAX, authenticated: ISSUED - week, ..anonymous() };
        assert_eq!(check(&old, unlimited, ISSUED), Err(NotResumed::TooOld));
        let old = ServerSessionValue { issued: ISSUED - week, authenticated: ISSUED, ..old };
        assert_eq!(check(&old, unlimited, ISSUED), Err(NotResumed::TooOld));
        let never_begun = ServerSessionValue { authenticated: 0, issued: 0, ..anonymous() };
        assert_eq!(check(&never_begun, |_| (), ISSUED), Err(NotResumed::TooOld));
    }

    #[test]
    fn session_expires_with_client_certificate() {
        assert_eq!(check(&session(), |_| (), ISSUED + 5000), Ok(()));
        assert_eq!(check(&session(), |_| (), ISSUED + 5001), Err(NotResumed::CertificateExpired));
        let unreadable = ServerSessionValue { expires: None, ..session() };
        assert_eq!(check(&unreadable, |_| (), ISSUED), Err(NotResumed::CertificateExpired));
    }

    #[test]
    fn early_data_is_fresh_within_ten_seconds_of_claimed_age() {
        let session = session();
        let obfuscated = |age: u32| age.wrapping_add(session.age_add);
        // The sum wraps around after 0x100 milliseconds.
        assert_eq!(obfuscated(0x100), 0);
        for (age, now, fresh) in [
            (0, ISSUED, true),
            (0, ISSUED + 10, true),
            (0, ISSUED + 11, false),
            (100_000, ISSUED + 90, true),
            (100_001, ISSUED + 90, false),
            (100_000, ISSUED + 110, true),
            (99_999, ISSUED + 110, false),
            // The server's clock was set back, or the clock of another server is behind.
            (0, ISSUED - 10, true),
            (0, ISSUED - 11, false),
            // Within the window, but after the lifetime.
            (7_200_000, ISSUED + 7199, true),
            (7_200_001, ISSUED + 7200, false),
        ] {
            assert_eq!(session.is_fresh(obfuscated(age), at(now)), fresh, "{age} {now}");
        }
        // A ticket lives at most a week.
        let week = 604_800_000;
        let endless = ServerSessionValue { lifetime: u32::MAX, ..session.clone() };
        assert!(endless.is_fresh(obfuscated(week), at(ISSUED + u64::from(week) / 1000)));
        assert!(!endless.is_fresh(obfuscated(week + 1), at(ISSUED + u64::from(week) / 1000)));
        // The age must be obfuscated.
        let session = ServerSessionValue { age_add: 0x5000_0000, ..session };
        assert!(session.is_fresh(0x5000_0000 + 100_000, at(ISSUED + 100)));
        assert!(!session.is_fresh(100_000, at(ISSUED + 100)));
    }
}
