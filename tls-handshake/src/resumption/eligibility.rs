//! Whether a handshake may go on from a session.

use pki_types::UnixTime;

use super::{MAX_LIFETIME, Scope, ServerSessionValue};
use crate::auth::ClientAuth;
use crate::suite::SupportedCipherSuite;

/// What the present handshake demands of a session.
pub(crate) struct ResumptionCriteria<'a> {
    /// The suite that was chosen. TLS 1.3: its hash has to be the session's. TLS 1.2: it has to be the session's.
    pub(crate) suite: SupportedCipherSuite,
    /// That of the configuration with the identity that would be shown now.
    pub(crate) scope: &'a Scope,
    pub(crate) server_name: Option<&'a str>,
    pub(crate) client_auth: ClientAuth,
    /// Seconds from the full handshake.
    pub(crate) session_lifetime: u32,
}

/// Why a session is not resumed. The handshake is a full one then: none of it is a fault of the client's. In the order of the
/// checks.
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
    /// Whether a handshake may go on from it.
    ///
    /// # Errors
    /// [`NotResumed`]: the first reason in the order of that type.
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
        // Certificates whose end could not be read are taken as expired: they cannot be trusted for longer than now.
        if has_chain && self.expires.is_none_or(|end| now.as_secs() > end) {
            return Err(NotResumed::CertificateExpired);
        }
        Ok(())
    }

    /// RFC 9846 §4.7.1 and §4.3.11: the same hash is enough. RFC 5246 §7.4.1.3: the same suite.
    fn fits_suite(&self, chosen: SupportedCipherSuite) -> bool {
        match (self.suite, chosen) {
            (SupportedCipherSuite::Tls13(ours), SupportedCipherSuite::Tls13(chosen)) => ours.hash == chosen.hash,
            (SupportedCipherSuite::Tls12(ours), SupportedCipherSuite::Tls12(chosen)) => ours == chosen,
            (SupportedCipherSuite::Tls13(_), SupportedCipherSuite::Tls12(_))
            | (SupportedCipherSuite::Tls12(_), SupportedCipherSuite::Tls13(_)) => false,
        }
    }

    /// Neither too old nor from the future.
    fn is_current(&self, now: UnixTime, session_lifetime: u32) -> bool {
        let lifetime = self.lifetime.min(MAX_LIFETIME);
        is_within(self.issued / 1000, lifetime, now)
            && is_within(self.authenticated, session_lifetime.min(MAX_LIFETIME), now)
    }

    /// Whether early data that says this of the ticket's age was sent just now: its age, as the client sees it, and ours, differ by
    /// no more than 10 seconds (RFC 9846 §8.3).
    pub(crate) fn is_fresh(&self, obfuscated_age: u32, now: UnixTime) -> bool {
        let claimed = u64::from(obfuscated_age.wrapping_sub(self.age_add));
        let expected_arrival = self.issued.saturating_add(claimed);
        let lifetime = u64::from(self.lifetime.min(MAX_LIFETIME)) * 1000;
        claimed <= lifetime && now.as_secs().saturating_mul(1000).abs_diff(expected_arrival) <= EARLY_DATA_WINDOW
    }
}

/// Whether `now` lies in the `seconds` that begin at `start`, or so shortly before that the clocks of a fleet explain it.
fn is_within(start: u64, seconds: u32, now: UnixTime) -> bool {
    let now = now.as_secs();
    now.saturating_add(CLOCK_SKEW) >= start && now.saturating_sub(start) < u64::from(seconds)
}

/// Seconds that the clocks of servers with the same ticket keys may differ.
const CLOCK_SKEW: u64 = 60;

/// Milliseconds by which early data may come later, or earlier, than the age of its ticket says.
const EARLY_DATA_WINDOW: u64 = 10_000;

#[cfg(test)]
mod tests {
    use tls_codec::code_points::ProtocolVersion;

    use super::super::server::tests::{ISSUED, anonymous, at, session, tls12};
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
    fn tls13_goes_on_with_any_suite_of_the_same_hash_and_tls12_with_the_same_suite() {
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
    fn a_session_goes_on_only_in_its_configuration_and_under_its_name() {
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
    fn a_client_that_must_have_a_certificate_needs_one_in_its_session() {
        let required = |criteria: &mut ResumptionCriteria<'_>| criteria.client_auth = ClientAuth::Required;
        assert_eq!(check(&session(), required, ISSUED), Ok(()));
        let empty = ServerSessionValue { client_chain: Some([].into()), ..session() };
        for session in [anonymous(), empty] {
            assert_eq!(check(&session, required, ISSUED), Err(NotResumed::NoClientCertificate));
            assert_eq!(check(&session, |_| (), ISSUED), Ok(()));
        }
    }

    #[test]
    fn a_session_ends_with_its_lifetime_a_week_after_its_full_handshake_and_before_it_began() {
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
        // Neither a setting nor a lifetime in the session reaches beyond a week.
        let unlimited = |criteria: &mut ResumptionCriteria<'_>| criteria.session_lifetime = u32::MAX;
        let old = ServerSessionValue { lifetime: u32::MAX, authenticated: ISSUED - week, ..anonymous() };
        assert_eq!(check(&old, unlimited, ISSUED), Err(NotResumed::TooOld));
        let old = ServerSessionValue { issued: (ISSUED - week) * 1000, authenticated: ISSUED, ..old };
        assert_eq!(check(&old, unlimited, ISSUED), Err(NotResumed::TooOld));
        let never_begun = ServerSessionValue { authenticated: 0, issued: 0, ..anonymous() };
        assert_eq!(check(&never_begun, |_| (), ISSUED), Err(NotResumed::TooOld));
    }

    #[test]
    fn a_session_ends_with_the_certificate_of_its_client() {
        assert_eq!(check(&session(), |_| (), ISSUED + 5000), Ok(()));
        assert_eq!(check(&session(), |_| (), ISSUED + 5001), Err(NotResumed::CertificateExpired));
        let unreadable = ServerSessionValue { expires: None, ..session() };
        assert_eq!(check(&unreadable, |_| (), ISSUED), Err(NotResumed::CertificateExpired));
    }

    #[test]
    fn early_data_is_fresh_within_ten_seconds_of_the_age_that_it_claims() {
        let session = session();
        let obfuscated = |age: u32| age.wrapping_add(session.age_add);
        // The sum wraps around: 0x100 milliseconds is all that fits before.
        assert_eq!(obfuscated(0x100), 0);
        for (age, now, fresh) in [
            (0, ISSUED, true),
            (0, ISSUED + 10, true),
            (0, ISSUED + 11, false),
            (100_000, ISSUED + 90, true),
            (100_001, ISSUED + 90, false),
            (100_000, ISSUED + 110, true),
            (99_999, ISSUED + 110, false),
            // Our clock went back, or another server's is behind.
            (0, ISSUED - 10, true),
            (0, ISSUED - 11, false),
            // Within the window, but beyond the lifetime.
            (7_200_000, ISSUED + 7199, true),
            (7_200_001, ISSUED + 7200, false),
        ] {
            assert_eq!(session.is_fresh(obfuscated(age), at(now)), fresh, "{age} {now}");
        }
        // No ticket is older than a week.
        let week = 604_800_000;
        let endless = ServerSessionValue { lifetime: u32::MAX, ..session.clone() };
        assert!(endless.is_fresh(obfuscated(week), at(ISSUED + u64::from(week) / 1000)));
        assert!(!endless.is_fresh(obfuscated(week + 1), at(ISSUED + u64::from(week) / 1000)));
        // The age as it is, not obfuscated.
        let session = ServerSessionValue { age_add: 0x5000_0000, ..session };
        assert!(session.is_fresh(0x5000_0000 + 100_000, at(ISSUED + 100)));
        assert!(!session.is_fresh(100_000, at(ISSUED + 100)));
    }
}
