//! The client's half of a session as a value: what its store holds, and its encoding.

use std::sync::Arc;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_codec::Reader;
use tls_codec::code_points::ProtocolVersion;
use zeroize::Zeroizing;

use super::encoding::{self, CommonFields, SessionOwner, TIME_LEN};
use super::{MAX_LIFETIME, Scope, SessionError, SessionSecret};
use crate::suite::SupportedCipherSuite;

/// A session as the client stores it. Anyone holding it can resume the session; treat it as a
/// secret.
#[derive(Clone)]
pub struct ClientSessionValue {
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) secret: SessionSecret,
    /// RFC 7627, for TLS 1.2. Always true for TLS 1.3.
    pub(crate) extended_master_secret: bool,
    pub(crate) scope: Scope,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// The time of the full handshake, in seconds since 1970.
    pub(crate) authenticated: u64,
    /// The time at which the ticket arrived, in seconds since 1970.
    pub(crate) received: u64,
    /// Seconds from `received`.
    pub(crate) lifetime: u32,
    pub(crate) age_add: u32,
    /// The PSK identity (TLS 1.3), or the ticket of RFC 5077 (TLS 1.2), which may be empty.
    pub(crate) ticket: Vec<u8>,
    /// The session ID of a TLS 1.2 session without a ticket.
    pub(crate) session_id: Vec<u8>,
    /// The early data limit, in bytes; 0 for none.
    pub(crate) max_early_data: u32,
    /// The server's certificates, leaf first.
    pub(crate) server_chain: Arc<[CertificateDer<'static>]>,
    /// The end of validity of the server's chain, in seconds since 1970. At the latest when its
    /// first certificate expires.
    pub(crate) expires: u64,
    /// The server's transport parameters, if the session began over QUIC. The sessions of a
    /// connection share them.
    pub(crate) transport_parameters: Option<Arc<[u8]>>,
}

impl ClientSessionValue {
    /// Encodes the session for a file or a store, with a version. The result is secret.
    ///
    /// Returns an empty vector, which does not decode, if a part is too long: certificates of more
    /// than 64 KiB in total, more than 16 certificates, or a ticket longer than TLS allows.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let name = self.server_name.to_str();
        let lengths = [
            1,
            name.len(),
            2,
            self.ticket.len(),
            1,
            self.session_id.len(),
            TIME_LEN,
            encoding::application_len(self.transport_parameters()),
        ];
        let more_len = lengths.iter().sum::<usize>() + encoding::chain_len(&self.server_chain);
        encoding::write(SessionOwner::Client, &self.common(), more_len, |w| {
            w.vec8_bytes(name.as_bytes())?;
            w.vec16_bytes(&self.ticket)?;
            w.vec8_bytes(&self.session_id)?;
            encoding::write_chain(w, &self.server_chain)?;
            encoding::write_time(w, self.expires)?;
            encoding::write_application(w, self.transport_parameters())
        })
    }

    /// Decodes the output of [`encode`](Self::encode).
    ///
    /// # Errors
    /// [`SessionError`] for any other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, SessionError> {
        let mut r = Reader::new(bytes);
        let common = CommonFields::read(SessionOwner::Client, &mut r)?;
        if !common.has_chain || !common.has_expiry {
            return Err(SessionError::Malformed);
        }
        let name = r.vec8(1..=255, "server_name")?.rest();
        let session = Self {
            suite: common.suite,
            secret: common.secret()?,
            extended_master_secret: common.extended_master_secret,
            scope: common.scope,
            server_name: ServerName::try_from(name).map_err(|_| SessionError::Malformed)?.to_owned(),
            alpn: common.alpn.map(<[u8]>::to_vec),
            authenticated: common.authenticated,
            received: common.ticket_time,
            lifetime: common.lifetime,
            age_add: common.age_add,
            ticket: r.vec16(0..=0xffff, "ticket")?.rest().to_vec(),
            session_id: r.vec8(0..=32, "session_id")?.rest().to_vec(),
            max_early_data: common.max_early_data,
            server_chain: encoding::read_chain(&mut r)?,
            expires: encoding::read_time(&mut r)?,
            transport_parameters: encoding::read_application(&mut r, &common)?.map(Arc::from),
        };
        r.finish()?;
        let can_be_asked_for = match session.suite {
            SupportedCipherSuite::Tls13(_) => !session.ticket.is_empty() && session.session_id.is_empty(),
            SupportedCipherSuite::Tls12(_) => !session.ticket.is_empty() || !session.session_id.is_empty(),
        };
        if can_be_asked_for { Ok(session) } else { Err(SessionError::Malformed) }
    }

    /// Returns a copy that shares no memory with this session. A clone shares the server's chain
    /// and transport parameters. Threads that often resume one session would contend for their
    /// reference counts.
    #[must_use]
    pub fn deep_clone(&self) -> Self {
        let mut copy = self.clone();
        copy.server_chain = self.server_chain.iter().cloned().collect();
        copy.transport_parameters = self.transport_parameters.as_deref().map(Arc::from);
        copy
    }

    fn common(&self) -> CommonFields<'_> {
        CommonFields {
            suite: self.suite,
            extended_master_secret: self.extended_master_secret,
            secret: self.secret.bytes(),
            scope: self.scope,
            alpn: self.alpn.as_deref(),
            authenticated: self.authenticated,
            ticket_time: self.received,
            lifetime: self.lifetime,
            age_add: self.age_add,
            max_early_data: self.max_early_data,
            has_chain: true,
            has_expiry: true,
            has_application: !self.transport_parameters().is_empty(),
        }
    }

    /// Returns whether the session is usable at `now`: neither expired nor from the future, and no
    /// certificate of the server's chain has expired.
    #[must_use]
    pub fn is_usable_at(&self, now: UnixTime) -> bool {
        let lifetime = u64::from(self.lifetime.min(MAX_LIFETIME)) * 1000;
        let is_young = self.age(now).is_some_and(|age| age < lifetime);
        let now = now.as_secs();
        let since_full_handshake = now.checked_sub(self.authenticated);
        is_young && since_full_handshake.is_some_and(|age| age < u64::from(MAX_LIFETIME)) && now <= self.expires
    }

    /// Returns the server's certificates, leaf first.
    #[must_use]
    pub fn server_chain(&self) -> &[CertificateDer<'static>] {
        &self.server_chain
    }

    /// Returns the name of the server.
    #[must_use]
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }

    /// Returns the resumption scope. Only a configuration with the same
    /// [`session_scope`](crate::ClientConfig::session_scope) resumes the session.
    #[must_use]
    pub fn scope(&self) -> &[u8; 32] {
        self.scope.bytes()
    }

    /// Returns the version in which the session resumes.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// Returns the early data limit, in bytes; 0 for none.
    #[must_use]
    pub fn max_early_data(&self) -> u32 {
        self.max_early_data
    }

    /// Returns the server's transport parameters, as the connection that received the session had
    /// them. They limit early data over QUIC (RFC 9000 §7.4.1). Empty if the session did not begin
    /// over QUIC.
    #[must_use]
    pub fn transport_parameters(&self) -> &[u8] {
        self.transport_parameters.as_deref().unwrap_or_default()
    }

    /// Returns the age in milliseconds plus `ticket_age_add`, modulo 2^32 (RFC 9846 §4.3.11.1).
    pub(crate) fn obfuscated_age(&self, now: UnixTime) -> u32 {
        let [_, _, _, _, low @ ..] = self.age(now).unwrap_or(0).to_be_bytes();
        u32::from_be_bytes(low).wrapping_add(self.age_add)
    }

    /// Returns the milliseconds since the ticket arrived. `None` if the clock was set back.
    fn age(&self, now: UnixTime) -> Option<u64> {
        Some(now.as_secs().checked_sub(self.received)?.saturating_mul(1000))
    }
}

impl std::fmt::Debug for ClientSessionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSessionValue")
            .field("suite", &self.suite.suite())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::suite::ALL_CIPHERSUITES;

    const RECEIVED: u64 = 1_700_000_000;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    /// TLS 1.3 with SHA-384. The ticket arrived an hour after the full handshake.
    fn session() -> ClientSessionValue {
        ClientSessionValue {
            suite: ALL_CIPHERSUITES[1],
            secret: SessionSecret::new(&[0x5e; 48]).unwrap(),
            extended_master_secret: true,
            scope: Scope::from_bytes([0x5c; 32]),
            server_name: ServerName::try_from("a.test").unwrap(),
            alpn: Some(b"h2".to_vec()),
            authenticated: RECEIVED - 3600,
            received: RECEIVED,
            lifetime: 7200,
            age_add: 0xffff_ff00,
            ticket: vec![0x71; 300],
            session_id: Vec::new(),
            max_early_data: 0x4000,
            server_chain: [CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4])].into(),
            expires: RECEIVED + 7000,
            transport_parameters: None,
        }
    }

    fn tls12() -> ClientSessionValue {
        ClientSessionValue {
            suite: ALL_CIPHERSUITES[3],
            ticket: Vec::new(),
            session_id: vec![0x1d; 32],
            max_early_data: 0,
            ..session()
        }
    }

    fn variants() -> Vec<ClientSessionValue> {
        let named = |name: &'static str| ServerName::try_from(name).unwrap();
        let v4 = ClientSessionValue { server_name: named("192.0.2.1"), alpn: None, ..session() };
        let v6 = ClientSessionValue { server_name: named("2001:db8::1"), ..session() };
        let with_ticket = ClientSessionValue { ticket: vec![1], extended_master_secret: false, ..tls12() };
        let quic = ClientSessionValue { transport_parameters: Some(b"limits".as_slice().into()), ..session() };
        vec![session(), tls12(), v4, v6, with_ticket, quic]
    }

    #[test]
    fn client_session_round_trips() {
        for session in variants() {
            let bytes = session.encode();
            let read = ClientSessionValue::decode(&bytes).unwrap();
            assert_eq!(read.encode(), bytes);
            assert_eq!((read.suite, read.secret.bytes()), (session.suite, session.secret.bytes()));
            assert_eq!(read.extended_master_secret, session.extended_master_secret);
            assert_eq!((read.scope, read.server_name), (session.scope, session.server_name));
            assert_eq!((read.alpn, read.server_chain), (session.alpn, session.server_chain));
            assert_eq!((read.authenticated, read.received), (session.authenticated, session.received));
            assert_eq!((read.lifetime, read.age_add), (session.lifetime, session.age_add));
            assert_eq!((read.ticket, read.session_id), (session.ticket, session.session_id));
            assert_eq!((read.max_early_data, read.expires), (session.max_early_data, session.expires));
            assert_eq!(read.transport_parameters, session.transport_parameters);
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
                assert!(ClientSessionValue::decode(&bytes[..end]).is_err(), "{end}");
            }
            bytes.push(0);
            assert_eq!(ClientSessionValue::decode(&bytes).err(), Some(SessionError::Malformed));
        }
    }

    #[test]
    fn decoded_bit_flips_encode_to_same_bytes() {
        for session in variants() {
            let mut bytes = session.encode();
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                if let Ok(read) = ClientSessionValue::decode(&bytes) {
                    let again = read.encode();
                    // Only an IP address has several text forms; it is encoded in one.
                    assert!(matches!(read.server_name, ServerName::IpAddress(_)) || again == bytes, "{bit}");
                    assert_eq!(ClientSessionValue::decode(&again).unwrap().encode(), again);
                }
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn contradictory_session_is_rejected() {
        let cases = [
            ClientSessionValue { extended_master_secret: false, ..session() },
            ClientSessionValue { lifetime: MAX_LIFETIME + 1, ..session() },
            ClientSessionValue { ticket: Vec::new(), ..session() },
            ClientSessionValue { session_id: vec![1], ..session() },
            ClientSessionValue { session_id: Vec::new(), ..tls12() },
            ClientSessionValue { session_id: vec![1; 33], ..tls12() },
            ClientSessionValue { max_early_data: 1, ..tls12() },
            ClientSessionValue { server_chain: [].into(), ..session() },
        ];
        for (case, session) in cases.iter().enumerate() {
            let read = ClientSessionValue::decode(&session.encode());
            assert_eq!(read.err(), Some(SessionError::Malformed), "{case}");
        }
    }

    #[test]
    fn server_session_unknown_suite_and_bad_name_are_rejected() {
        let with = |place: usize, byte| {
            let mut bytes = session().encode();
            bytes[place] = byte;
            ClientSessionValue::decode(&bytes).err()
        };
        let flags = session().encode()[1];
        assert_eq!([with(0, 0x21), with(1, flags | 1)], [Some(SessionError::Format); 2]);
        assert_eq!(with(0, 0x39), Some(SessionError::CipherSuite));
        // Without a chain, and without its end.
        assert_eq!([with(1, flags & !(1 << 5)), with(1, flags & !(1 << 6))], [Some(SessionError::Malformed); 2]);
        let name = session().encode().windows(6).position(|text| text == b"a.test").unwrap();
        assert_eq!([with(name, 0xff), with(name, b' ')], [Some(SessionError::Malformed); 2]);
    }

    #[test]
    fn unencodable_session_encodes_to_nothing() {
        let long_ticket = ClientSessionValue { ticket: vec![0; 0x1_0000], ..session() };
        let longest = ClientSessionValue { ticket: vec![0; 0xffff], ..session() };
        assert!(long_ticket.encode().is_empty());
        assert_eq!(ClientSessionValue::decode(&longest.encode()).unwrap().ticket.len(), 0xffff);
        let chain = vec![CertificateDer::from(vec![0; 40_000]); 2].into();
        assert!(ClientSessionValue { server_chain: chain, ..session() }.encode().is_empty());
        for other in [session(), tls12()] {
            let secret = SessionSecret::new(&[1; 32]).unwrap();
            assert!(ClientSessionValue { secret, ..other }.encode().is_empty());
        }
    }

    #[test]
    fn session_is_usable_only_during_its_lifetime() {
        for (now, usable) in [
            (0, false),
            (RECEIVED - 1, false),
            (RECEIVED, true),
            (RECEIVED + 7000, true),
            // The server's certificate expires.
            (RECEIVED + 7001, false),
            (u64::MAX, false),
        ] {
            assert_eq!(session().is_usable_at(at(now)), usable, "{now}");
        }
        let long_certificate = ClientSessionValue { expires: u64::MAX, ..session() };
        assert!(long_certificate.is_usable_at(at(RECEIVED + 7199)));
        assert!(!long_certificate.is_usable_at(at(RECEIVED + 7200)));
        // RFC 9846 §4.7.1: lifetime 0 means to discard the ticket at once.
        assert!(!ClientSessionValue { lifetime: 0, ..session() }.is_usable_at(at(RECEIVED)));
    }

    #[test]
    fn renewed_session_expires_a_week_after_full_handshake() {
        let week = u64::from(MAX_LIFETIME);
        let renewed = ClientSessionValue { authenticated: RECEIVED + 10 - week, ..session() };
        assert!(renewed.is_usable_at(at(RECEIVED + 9)));
        assert!(!renewed.is_usable_at(at(RECEIVED + 10)));
        let endless =
            ClientSessionValue { lifetime: u32::MAX, expires: u64::MAX, authenticated: RECEIVED, ..session() };
        assert!(endless.is_usable_at(at(RECEIVED + week - 1)));
        assert!(!endless.is_usable_at(at(RECEIVED + week)));
        let from_the_future = ClientSessionValue { authenticated: RECEIVED + 1, ..session() };
        assert!(!from_the_future.is_usable_at(at(RECEIVED)));
    }

    #[test]
    fn obfuscated_age_is_milliseconds_modulo_2_to_32() {
        let session = session();
        assert_eq!(session.obfuscated_age(at(RECEIVED)), 0xffff_ff00);
        assert_eq!(session.obfuscated_age(at(RECEIVED + 1)), 1000 - 0x100);
        assert_eq!(ClientSessionValue { age_add: 0, ..session }.obfuscated_age(at(RECEIVED + 4_294_968)), 704);
    }

    #[test]
    fn debug_shows_neither_secret_nor_ticket() {
        let shown = format!("{:?}", session());
        assert!(shown.contains("a.test"), "{shown}");
        for secret in ["94", "5e", "113", "71"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
