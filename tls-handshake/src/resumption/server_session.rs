//! The server's half of a session as a value: what a ticket or the store holds, and its encoding.
//! [`Need::Session`](crate::Need) requests it; `eligibility` checks it.

use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use tls_codec::Reader;
use zeroize::Zeroizing;

use super::encoding::{self, CommonFields, SessionOwner, TIME_LEN};
use super::{Scope, SessionError, SessionSecret};
use crate::suite::SupportedCipherSuite;

/// A session as the server stores it: sealed in a ticket, or in a store.
///
/// Anyone holding it can resume the session; treat it as a secret. Encrypt it, or keep it where
/// only servers have access.
#[derive(Clone)]
pub struct ServerSessionValue {
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) secret: SessionSecret,
    /// RFC 7627, for TLS 1.2. Always true for TLS 1.3.
    pub(crate) extended_master_secret: bool,
    pub(crate) scope: Scope,
    /// The name that the client requested, if any.
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// The time at which the client's chain was verified, or without one, at which the first
    /// session was issued. In seconds since 1970; 0 until then.
    pub(crate) authenticated: u64,
    /// The time at which this ticket was issued, in seconds since 1970.
    pub(crate) issued: u64,
    /// Seconds from `issued`.
    pub(crate) lifetime: u32,
    /// Not encoded without early data, because only its check reads it.
    pub(crate) age_add: u32,
    /// The early data limit, in bytes; 0 for none.
    pub(crate) max_early_data: u32,
    /// The client's certificates, leaf first; `None` if it presented none.
    pub(crate) client_chain: Option<Arc<[CertificateDer<'static>]>>,
    /// The end of validity of the client's chain, in seconds since 1970.
    pub(crate) expires: Option<u64>,
    /// Data of the application, which a server over QUIC checks before it accepts early data.
    pub(crate) application: Box<[u8]>,
}

impl ServerSessionValue {
    /// Returns the client's certificates, leaf first. `None` if the client was not asked; empty if
    /// it has none.
    #[must_use]
    pub fn client_chain(&self) -> Option<&[CertificateDer<'static>]> {
        self.client_chain.as_deref()
    }

    /// Encodes the session for a ticket or a store, with a version. The result is secret.
    ///
    /// Returns an empty vector, which does not decode, if a part is too long: certificates of more
    /// than 64 KiB in total, more than 16 certificates, a server name longer than DNS allows, or
    /// application data of more than 64 KiB.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let name = self.server_name.as_deref().unwrap_or_default();
        let chain = self.chain_if_any();
        let more_len = chain.map_or(0, encoding::chain_len) + self.expires.map_or(0, |_| TIME_LEN) + 1 + name.len();
        let more_len = more_len + encoding::application_len(&self.application);
        encoding::write(SessionOwner::Server, &self.common(), more_len, |w| {
            chain.map_or(Ok(()), |chain| encoding::write_chain(w, chain))?;
            self.expires.map_or(Ok(()), |at| encoding::write_time(w, at))?;
            w.vec8_bytes(name.as_bytes())?;
            encoding::write_application(w, &self.application)
        })
    }

    /// Decodes the output of [`encode`](Self::encode).
    ///
    /// # Errors
    /// [`SessionError`] for any other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, SessionError> {
        let mut r = Reader::new(bytes);
        let common = CommonFields::read(SessionOwner::Server, &mut r)?;
        let client_chain = if common.has_chain { Some(encoding::read_chain(&mut r)?) } else { None };
        let expires = if common.has_expiry { Some(encoding::read_time(&mut r)?) } else { None };
        let name = r.vec8(0..=255, "server_name")?.rest();
        let name = str::from_utf8(name).map_err(|_| SessionError::Malformed)?;
        let application = encoding::read_application(&mut r, &common)?;
        r.finish()?;
        if client_chain.is_none() && expires.is_some() {
            return Err(SessionError::Malformed);
        }
        Ok(Self {
            suite: common.suite,
            secret: common.secret()?,
            extended_master_secret: common.extended_master_secret,
            scope: common.scope,
            server_name: Some(name).filter(|name| !name.is_empty()).map(str::to_owned),
            alpn: common.alpn.map(<[u8]>::to_vec),
            authenticated: common.authenticated,
            issued: common.ticket_time,
            lifetime: common.lifetime,
            age_add: common.age_add,
            max_early_data: common.max_early_data,
            client_chain,
            expires,
            application: application.unwrap_or_default().into(),
        })
    }

    fn chain_if_any(&self) -> Option<&[CertificateDer<'static>]> {
        self.client_chain().filter(|chain| !chain.is_empty())
    }

    fn common(&self) -> CommonFields<'_> {
        CommonFields {
            suite: self.suite,
            extended_master_secret: self.extended_master_secret,
            secret: self.secret.bytes(),
            scope: self.scope,
            alpn: self.alpn.as_deref(),
            authenticated: self.authenticated,
            ticket_time: self.issued,
            lifetime: self.lifetime,
            age_add: self.age_add,
            max_early_data: self.max_early_data,
            has_chain: self.chain_if_any().is_some(),
            has_expiry: self.expires.is_some(),
            has_application: !self.application.is_empty(),
        }
    }

    /// Returns how long the session can be resumed, in seconds after it is issued.
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        self.lifetime
    }

    /// Issues the session at `now`, which also is the time of the full handshake unless that is
    /// known. The lifetime ends at most `session_lifetime` seconds after the full handshake.
    /// Returns `false` if nothing of it is left.
    pub(crate) fn begin(&mut self, now: UnixTime, session_lifetime: u32) -> bool {
        self.authenticated = match self.authenticated {
            0 => now.as_secs(),
            before => before.min(now.as_secs()),
        };
        self.issued = now.as_secs();
        let end = self.authenticated.saturating_add(session_lifetime.into());
        let left = end.saturating_sub(now.as_secs());
        self.lifetime = self.lifetime.min(u32::try_from(left).unwrap_or(u32::MAX));
        self.lifetime > 0
    }
}

impl std::fmt::Debug for ServerSessionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSessionValue")
            .field("suite", &self.suite.suite())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::MAX_LIFETIME;
    use super::*;
    use crate::suite::ALL_CIPHERSUITES;

    pub(in crate::resumption) const ISSUED: u64 = 1_700_000_000;

    pub(in crate::resumption) fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    /// TLS 1.3 with SHA-256, issued an hour after the full handshake.
    pub(in crate::resumption) fn session() -> ServerSessionValue {
        ServerSessionValue {
            suite: ALL_CIPHERSUITES[0],
            secret: SessionSecret::new(&[0x5e; 32]).unwrap(),
            extended_master_secret: true,
            scope: Scope::from_bytes([0x5c; 32]),
            server_name: Some("a.test".to_owned()),
            alpn: Some(b"h2".to_vec()),
            authenticated: ISSUED - 3600,
            issued: ISSUED,
            lifetime: 7200,
            age_add: 0xffff_ff00,
            max_early_data: 0x4000,
            client_chain: Some([CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4])].into()),
            expires: Some(ISSUED + 5000),
            application: [].into(),
        }
    }

    pub(in crate::resumption) fn anonymous() -> ServerSessionValue {
        ServerSessionValue { client_chain: None, expires: None, ..session() }
    }

    pub(in crate::resumption) fn tls12() -> ServerSessionValue {
        let secret = SessionSecret::new(&[0x12; 48]).unwrap();
        ServerSessionValue { suite: ALL_CIPHERSUITES[3], secret, max_early_data: 0, ..anonymous() }
    }

    fn variants() -> Vec<ServerSessionValue> {
        let plain = ServerSessionValue { server_name: None, alpn: None, ..anonymous() };
        let legacy = ServerSessionValue { extended_master_secret: false, ..tls12() };
        let endless = ServerSessionValue { expires: None, ..session() };
        let quic = ServerSessionValue { application: b"limits".as_slice().into(), ..session() };
        vec![session(), anonymous(), tls12(), plain, legacy, endless, quic]
    }

    #[test]
    fn server_session_round_trips() {
        for session in variants() {
            let bytes = session.encode();
            let read = ServerSessionValue::decode(&bytes).unwrap();
            assert_eq!(read.encode(), bytes);
            assert_eq!((read.suite, read.secret.bytes()), (session.suite, session.secret.bytes()));
            assert_eq!(read.extended_master_secret, session.extended_master_secret);
            assert_eq!((read.scope, read.server_name), (session.scope, session.server_name));
            assert_eq!((read.alpn, read.client_chain), (session.alpn, session.client_chain));
            assert_eq!((read.authenticated, read.issued), (session.authenticated, session.issued));
            let age_add = if session.max_early_data > 0 { session.age_add } else { 0 };
            assert_eq!((read.lifetime, read.age_add), (session.lifetime, age_add));
            assert_eq!((read.max_early_data, read.expires), (session.max_early_data, session.expires));
            assert_eq!(read.application, session.application);
        }
    }

    /// Tickets outlive the process, so another layout needs another version in its first byte.
    #[test]
    fn encoding_has_layout_of_format_3() {
        // The first suite; all flags.
        let mut expected = b"\x30\xff".to_vec();
        expected.extend([[0x5e; 32], [0x5c; 32]].concat());
        expected.extend(&ISSUED.to_be_bytes()[3..]);
        expected.extend(b"\0\x1c\x20");
        expected.extend(&(ISSUED - 3600).to_be_bytes()[3..]);
        expected.extend(b"\x02h2\xff\xff\xff\0\0\0\x40\0\0\x08\0\x03\x01\x02\x03\0\x01\x04");
        expected.extend(&(ISSUED + 5000).to_be_bytes()[3..]);
        expected.extend(b"\x06a.test\0\x06limits");
        let session = ServerSessionValue { application: b"limits".as_slice().into(), ..session() };
        assert_eq!(*session.encode(), expected);
    }

    /// What a ticket of a first handshake holds, without a client certificate and ALPN. Only the
    /// name, the secret and the scope have more than five bytes.
    #[test]
    fn absent_fields_take_no_byte() {
        let suites = [(ALL_CIPHERSUITES[0], 32), (ALL_CIPHERSUITES[1], 48), (ALL_CIPHERSUITES[3], 48)];
        for (number, (suite, secret_len)) in [0x30, 0x31, 0x33].into_iter().zip(suites) {
            let session = ServerSessionValue {
                suite,
                secret: SessionSecret::new(&[0x5e; 48][..secret_len]).unwrap(),
                alpn: None,
                authenticated: ISSUED,
                max_early_data: 0,
                ..anonymous()
            };
            let mut expected = vec![number, 0b11];
            expected.extend(&[0x5e; 48][..secret_len]);
            expected.extend([0x5c; 32]);
            expected.extend(&ISSUED.to_be_bytes()[3..]);
            expected.extend(b"\0\x1c\x20\x06a.test");
            assert_eq!(*session.encode(), expected);
            assert_eq!(ServerSessionValue::decode(&expected).unwrap().age_add, 0, "only early data needs it");
        }
    }

    #[test]
    fn encoding_allocates_once() {
        for session in variants() {
            let bytes = session.encode();
            assert_eq!(bytes.capacity(), bytes.len());
        }
    }

    #[test]
    fn truncated_or_extended_session_is_rejected() {
        for session in variants() {
            let mut bytes = session.encode();
            for end in 0..bytes.len() {
                assert!(ServerSessionValue::decode(&bytes[..end]).is_err(), "{end}");
            }
            bytes.push(0);
            assert_eq!(ServerSessionValue::decode(&bytes).err(), Some(SessionError::Malformed));
        }
    }

    #[test]
    fn decoded_bit_flips_encode_to_same_bytes() {
        for session in variants() {
            let mut bytes = session.encode();
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                if let Ok(read) = ServerSessionValue::decode(&bytes) {
                    assert_eq!(read.encode(), bytes, "{bit}");
                }
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn contradictory_session_is_rejected() {
        let cases = [
            ServerSessionValue { extended_master_secret: false, ..session() },
            ServerSessionValue { max_early_data: 1, ..tls12() },
            ServerSessionValue { lifetime: MAX_LIFETIME + 1, ..session() },
            ServerSessionValue { client_chain: None, ..session() },
            ServerSessionValue { client_chain: Some([].into()), ..session() },
        ];
        for (case, session) in cases.iter().enumerate() {
            let read = ServerSessionValue::decode(&session.encode());
            assert_eq!(read.err(), Some(SessionError::Malformed), "{case}");
        }
    }

    /// Only one encoding of each session: a flag says that a field is there, and it has a value.
    #[test]
    fn redundant_field_is_rejected() {
        let session = session();
        let bytes = session.encode();
        let (renewed, alpn, early) = (74, 79, 86);
        let same_time = [&bytes[..renewed], &bytes[66..71], &bytes[renewed + 5..]].concat();
        let empty_alpn = [&bytes[..alpn], &[0], &bytes[alpn + 3..]].concat();
        let no_early_data = [&bytes[..early], &[0; 4], &bytes[early + 4..]].concat();
        for changed in [same_time, empty_alpn, no_early_data] {
            assert_eq!(ServerSessionValue::decode(&changed).err(), Some(SessionError::Malformed), "{changed:?}");
        }
    }

    #[test]
    fn decode_error_separates_format_suite_and_damage() {
        let with = |place: usize, byte| {
            let mut bytes = session().encode();
            bytes[place] = byte;
            ServerSessionValue::decode(&bytes).err()
        };
        assert_eq!([with(0, 0x20), with(0, 0x40), with(1, 0)], [Some(SessionError::Format); 3]);
        assert_eq!([with(0, 0x39), with(0, 0x3f)], [Some(SessionError::CipherSuite); 2]);
        // The last byte of the name.
        let name = session().encode().windows(6).position(|text| text == b"a.test").unwrap();
        assert_eq!(with(name + 5, 0xff), Some(SessionError::Malformed));
    }

    #[test]
    fn unencodable_session_encodes_to_nothing() {
        let secret = |length| SessionSecret::new(&[1; 48][..length]).unwrap();
        let chain = |count, length| Some(vec![CertificateDer::from(vec![0; length]); count].into());
        let cases = [
            ServerSessionValue { client_chain: chain(17, 1), ..session() },
            ServerSessionValue { client_chain: chain(2, 40_000), ..session() },
            ServerSessionValue { server_name: Some("a".repeat(256)), ..session() },
            ServerSessionValue { alpn: Some(vec![b'a'; 256]), ..session() },
            ServerSessionValue { secret: secret(48), ..session() },
            ServerSessionValue { secret: secret(31), ..session() },
            ServerSessionValue { secret: secret(32), suite: ALL_CIPHERSUITES[1], ..session() },
            ServerSessionValue { secret: secret(32), ..tls12() },
        ];
        for session in cases {
            assert!(session.encode().is_empty());
        }
        assert_eq!(ServerSessionValue::decode(&[]).err(), Some(SessionError::Format));
    }

    #[test]
    fn issuing_sets_times_and_keeps_full_handshake_time() {
        let mut first = ServerSessionValue { authenticated: 0, issued: 0, ..session() };
        assert!(first.begin(at(ISSUED), 10_000));
        assert_eq!((first.authenticated, first.issued, first.lifetime), (ISSUED, ISSUED, 7200));
        assert!(first.begin(at(ISSUED + 5), 10_000));
        assert_eq!((first.authenticated, first.issued, first.lifetime), (ISSUED, ISSUED + 5, 7200));
        // The rest of the session lifetime limits the ticket.
        assert!(first.begin(at(ISSUED + 9_000), 10_000));
        assert_eq!((first.authenticated, first.lifetime), (ISSUED, 1000));
        assert!(first.begin(at(ISSUED + 9_999), 10_000));
        assert!(!first.begin(at(ISSUED + 10_000), 10_000));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", session());
        assert!(shown.contains("a.test") && !shown.contains("94") && !shown.to_lowercase().contains("5e"), "{shown}");
    }
}
