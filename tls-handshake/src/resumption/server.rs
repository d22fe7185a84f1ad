//! A server's side of a session.

use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use tls_codec::Reader;
use zeroize::Zeroizing;

use super::encoding::{self, CommonFields, SessionOwner, u64_of};
use super::{Scope, SessionError, SessionSecret};
use crate::suite::SupportedCipherSuite;

/// What a server knows of a session: sealed in a ticket, or kept in a store.
///
/// Whoever has one can resume the session: it belongs under a key, or in a place that only servers reach.
#[derive(Clone)]
pub struct ServerSessionValue {
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) secret: SessionSecret,
    /// TLS 1.2: RFC 7627. Always true with TLS 1.3.
    pub(crate) extended_master_secret: bool,
    pub(crate) scope: Scope,
    /// The name that the client asked for, if any.
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// When the client's chain was verified, or else when the session of the full handshake was issued; seconds since 1970, 0
    /// before that is known.
    pub(crate) authenticated: u64,
    /// When this ticket was given out, milliseconds since 1970.
    pub(crate) issued: u64,
    /// Seconds from `issued`.
    pub(crate) lifetime: u32,
    pub(crate) age_add: u32,
    /// Bytes of early data that may come with it; 0 for none.
    pub(crate) max_early_data: u32,
    /// The client's certificates, leaf first; none if it showed none.
    pub(crate) client_chain: Option<Arc<[CertificateDer<'static>]>>,
    /// When the first certificate of the client's chain ends, seconds since 1970.
    pub(crate) expires: Option<u64>,
}

impl ServerSessionValue {
    /// The certificates that the client showed, leaf first; `None` of a client that was not asked, empty of one that has none.
    #[must_use]
    pub fn client_chain(&self) -> Option<&[CertificateDer<'static>]> {
        self.client_chain.as_deref()
    }

    /// For a ticket or a store: versioned, and secret.
    ///
    /// It is empty, which is no session, for one that holds more than can be written: certificates of more than 64 KiB, or
    /// more than 16; a longer server name than DNS has.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let name = self.server_name.as_deref().unwrap_or_default();
        let chain = self.client_chain.as_deref().unwrap_or_default();
        let more_len = 1 + name.len() + encoding::chain_len(chain) + 1 + self.expires.map_or(0, |_| 8);
        encoding::write(SessionOwner::Server, &self.common(), more_len, |w| {
            w.vec8_bytes(name.as_bytes())?;
            encoding::write_chain(w, chain)?;
            w.vec8(|w| self.expires.map_or(Ok(()), |at| w.bytes(&at.to_be_bytes())))
        })
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`SessionError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, SessionError> {
        let mut r = Reader::new(bytes);
        let common = CommonFields::read(SessionOwner::Server, &mut r)?;
        let name = r.vec8(0..=255, "server_name")?.rest();
        let name = str::from_utf8(name).map_err(|_| SessionError::Malformed)?;
        let client_chain = encoding::read_chain(&mut r)?;
        let mut expires = r.vec8(0..=8, "expires")?;
        r.finish()?;
        let expires = if expires.is_empty() { None } else { Some(u64_of(&mut expires)?) };
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
        })
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
        }
    }

    /// How long it can be resumed, in seconds from when it is given out.
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        self.lifetime
    }

    /// Issues it now. Its lineage begins now as well, unless it began before. It ends no later than `session_lifetime` seconds
    /// after that; `false` if nothing is left.
    pub(crate) fn begin(&mut self, now: UnixTime, session_lifetime: u32) -> bool {
        self.authenticated = match self.authenticated {
            0 => now.as_secs(),
            before => before.min(now.as_secs()),
        };
        self.issued = now.as_secs().saturating_mul(1000);
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

    /// TLS 1.3 with SHA-256, which was given out an hour after the full handshake.
    pub(in crate::resumption) fn session() -> ServerSessionValue {
        ServerSessionValue {
            suite: ALL_CIPHERSUITES[0],
            secret: SessionSecret::new(&[0x5e; 32]).unwrap(),
            extended_master_secret: true,
            scope: Scope::from_bytes([0x5c; 32]),
            server_name: Some("a.test".to_owned()),
            alpn: Some(b"h2".to_vec()),
            authenticated: ISSUED - 3600,
            issued: ISSUED * 1000,
            lifetime: 7200,
            age_add: 0xffff_ff00,
            max_early_data: 0x4000,
            client_chain: Some([CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4])].into()),
            expires: Some(ISSUED + 5000),
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
        vec![session(), anonymous(), tls12(), plain, legacy, endless]
    }

    #[test]
    fn sessions_are_read_as_they_were_written() {
        for session in variants() {
            let bytes = session.encode();
            let read = ServerSessionValue::decode(&bytes).unwrap();
            assert_eq!(read.encode(), bytes);
            assert_eq!((read.suite, read.secret.bytes()), (session.suite, session.secret.bytes()));
            assert_eq!(read.extended_master_secret, session.extended_master_secret);
            assert_eq!((read.scope, read.server_name), (session.scope, session.server_name));
            assert_eq!((read.alpn, read.client_chain), (session.alpn, session.client_chain));
            assert_eq!((read.authenticated, read.issued), (session.authenticated, session.issued));
            assert_eq!((read.lifetime, read.age_add), (session.lifetime, session.age_add));
            assert_eq!((read.max_early_data, read.expires), (session.max_early_data, session.expires));
        }
    }

    /// Sessions in tickets outlive the process: another layout needs another number at the head.
    #[test]
    fn the_layout_is_that_of_format_1() {
        let mut expected = b"\x01\x02\x13\x01\x01\x20".to_vec();
        expected.extend([[0x5e; 32], [0x5c; 32]].concat());
        expected.extend(b"\x02h2");
        expected.extend((ISSUED - 3600).to_be_bytes());
        expected.extend((ISSUED * 1000).to_be_bytes());
        expected.extend(b"\0\0\x1c\x20\xff\xff\xff\0\0\0\x40\0");
        expected.extend(b"\x06a.test\0\x08\0\x03\x01\x02\x03\0\x01\x04\x08");
        expected.extend((ISSUED + 5000).to_be_bytes());
        assert_eq!(*session().encode(), expected);
    }

    #[test]
    fn room_is_reserved_once_so_that_no_copy_of_the_secret_stays_behind() {
        for session in variants() {
            let bytes = session.encode();
            assert_eq!(bytes.capacity(), bytes.len());
        }
    }

    #[test]
    fn no_part_of_a_session_and_nothing_longer_is_one() {
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
    fn whatever_is_read_with_a_bit_flipped_is_written_the_same() {
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
    fn sessions_that_contradict_themselves_are_refused() {
        let secret = |length| SessionSecret::new(&[1; 48][..length]).unwrap();
        let cases = [
            ServerSessionValue { secret: secret(48), ..session() },
            ServerSessionValue { secret: secret(31), ..session() },
            ServerSessionValue { secret: secret(32), suite: ALL_CIPHERSUITES[1], ..session() },
            ServerSessionValue { secret: secret(32), ..tls12() },
            ServerSessionValue { extended_master_secret: false, ..session() },
            ServerSessionValue { max_early_data: 1, ..tls12() },
            ServerSessionValue { lifetime: MAX_LIFETIME + 1, ..session() },
            ServerSessionValue { client_chain: None, ..session() },
        ];
        for (case, session) in cases.iter().enumerate() {
            let read = ServerSessionValue::decode(&session.encode());
            assert_eq!(read.err(), Some(SessionError::Malformed), "{case}");
        }
    }

    #[test]
    fn another_format_side_or_suite_is_told_apart_from_damage() {
        let with = |place: usize, byte| {
            let mut bytes = session().encode();
            bytes[place] = byte;
            ServerSessionValue::decode(&bytes).err()
        };
        assert_eq!([with(0, 2), with(1, 1)], [Some(SessionError::Format); 2]);
        // TLS_RSA_WITH_AES_128_GCM_SHA256.
        let mut bytes = session().encode();
        bytes[2..4].copy_from_slice(&[0x00, 0x9c]);
        assert_eq!(ServerSessionValue::decode(&bytes).err(), Some(SessionError::CipherSuite));
        assert_eq!(with(4, 2), Some(SessionError::Malformed));
        // The last byte of the name's text.
        let name = session().encode().windows(6).position(|text| text == b"a.test").unwrap();
        assert_eq!(with(name + 5, 0xff), Some(SessionError::Malformed));
    }

    #[test]
    fn what_cannot_be_written_is_written_as_nothing() {
        let chain = |count, length| Some(vec![CertificateDer::from(vec![0; length]); count].into());
        let cases = [
            ServerSessionValue { client_chain: chain(17, 1), ..session() },
            ServerSessionValue { client_chain: chain(2, 40_000), ..session() },
            ServerSessionValue { server_name: Some("a".repeat(256)), ..session() },
            ServerSessionValue { alpn: Some(vec![b'a'; 256]), ..session() },
        ];
        for session in cases {
            assert!(session.encode().is_empty());
        }
        assert_eq!(ServerSessionValue::decode(&[]).err(), Some(SessionError::Format));
    }

    #[test]
    fn a_session_begins_when_it_is_given_out_and_keeps_its_full_handshake() {
        let mut first = ServerSessionValue { authenticated: 0, issued: 0, ..session() };
        assert!(first.begin(at(ISSUED), 10_000));
        assert_eq!((first.authenticated, first.issued, first.lifetime), (ISSUED, ISSUED * 1000, 7200));
        assert!(first.begin(at(ISSUED + 5), 10_000));
        assert_eq!((first.authenticated, first.issued, first.lifetime), (ISSUED, (ISSUED + 5) * 1000, 7200));
        // What is left of the lineage bounds the ticket.
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
