//! The byte encoding of sessions. Only this library reads it.
//!
//! ```text
//! format, suite │ owner, flags │ common to both sides │ specific to one side
//!   4 bits each │   u8         │    CommonFields      │ chain, expiry, names, tickets
//! ```
//!
//! Compact, because a client returns its ticket in each ClientHello. What follows from the suite
//! (the length of the secret) or is absent (a flag is clear) takes no byte. Times are seconds in
//! five bytes.
//!
//! Decoding and encoding again gives the same bytes. Decoding allocates only the fields that
//! outlive the input.

use std::sync::Arc;

use pki_types::CertificateDer;
use tls_codec::code_points::CipherSuite;
use tls_codec::error::{BufferFull, DecodeError};
use tls_codec::{Reader, Writer};
use zeroize::Zeroizing;

use super::{MAX_LIFETIME, Scope, SessionError, SessionSecret};
use crate::suite::SupportedCipherSuite;

/// The version of the encoding, of 4 bits; every change increments it. A server of another version
/// does not resume the session, so a fleet can be updated one machine at a time.
///
/// Version 2 had a whole byte with this value, which is version 0 here.
const FORMAT: u8 = 3;

/// The suites by their number in the encoding. Append only: another order needs another
/// [`FORMAT`].
const SUITES: [CipherSuite; 9] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Which side stores the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionOwner {
    Client,
    Server,
}

/// The bits of the second byte.
mod flag {
    pub(super) const SERVER: u8 = 1;
    pub(super) const EXTENDED_MASTER_SECRET: u8 = 1 << 1;
    /// The full handshake was not in the second of `ticket_time`.
    pub(super) const RENEWED: u8 = 1 << 2;
    pub(super) const ALPN: u8 = 1 << 3;
    pub(super) const EARLY_DATA: u8 = 1 << 4;
    pub(super) const CHAIN: u8 = 1 << 5;
    pub(super) const EXPIRES: u8 = 1 << 6;
    pub(super) const APPLICATION: u8 = 1 << 7;
}

/// The fields that both sides store, in the order of the encoding.
pub(super) struct CommonFields<'a> {
    pub(super) suite: SupportedCipherSuite,
    pub(super) extended_master_secret: bool,
    pub(super) secret: &'a [u8],
    pub(super) scope: Scope,
    /// The time at which the ticket was issued or received, in seconds since 1970.
    pub(super) ticket_time: u64,
    pub(super) lifetime: u32,
    /// Seconds since 1970.
    pub(super) authenticated: u64,
    pub(super) alpn: Option<&'a [u8]>,
    /// The client needs it in each resumption. The server needs it only to check early data, and
    /// otherwise stores 0 bytes of it.
    pub(super) age_add: u32,
    pub(super) max_early_data: u32,
    pub(super) has_chain: bool,
    pub(super) has_expiry: bool,
    pub(super) has_application: bool,
}

impl<'a> CommonFields<'a> {
    pub(super) fn encoded_len(&self, owner: SessionOwner) -> usize {
        let has = |condition: bool, length: usize| if condition { length } else { 0 };
        let always = 1 + 1 + self.secret.len() + self.scope.bytes().len() + TIME_LEN + 3;
        always
            + has(self.is_renewed(), TIME_LEN)
            + self.alpn.map_or(0, |alpn| 1 + alpn.len())
            + has(self.has_age_add(owner), 4)
            + has(self.max_early_data > 0, 4)
    }

    fn is_renewed(&self) -> bool {
        self.authenticated != self.ticket_time
    }

    fn has_age_add(&self, owner: SessionOwner) -> bool {
        owner == SessionOwner::Client || self.max_early_data > 0
    }

    fn flags(&self, owner: SessionOwner) -> u8 {
        let all = [
            (flag::SERVER, owner == SessionOwner::Server),
            (flag::EXTENDED_MASTER_SECRET, self.extended_master_secret),
            (flag::RENEWED, self.is_renewed()),
            (flag::ALPN, self.alpn.is_some()),
            (flag::EARLY_DATA, self.max_early_data > 0),
            (flag::CHAIN, self.has_chain),
            (flag::EXPIRES, self.has_expiry),
            (flag::APPLICATION, self.has_application),
        ];
        all.iter().fold(0, |flags, (bit, is_set)| if *is_set { flags | bit } else { flags })
    }

    fn write(&self, owner: SessionOwner, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        let number = SUITES.iter().zip(0..).find(|(suite, _)| **suite == self.suite.suite());
        let (_, number): (_, u8) = number.ok_or(BufferFull)?;
        w.bytes(&[(FORMAT << 4) | number, self.flags(owner)])?;
        // Reading takes the length from the suite.
        if self.secret.len() != secret_len(self.suite) {
            return Err(BufferFull);
        }
        w.bytes(self.secret)?;
        w.bytes(self.scope.bytes())?;
        write_time(w, self.ticket_time)?;
        w.u24(self.lifetime)?;
        if self.is_renewed() {
            write_time(w, self.authenticated)?;
        }
        if let Some(alpn) = self.alpn {
            w.vec8_bytes(alpn)?;
        }
        if self.has_age_add(owner) {
            w.u32(self.age_add)?;
        }
        if self.max_early_data > 0 { w.u32(self.max_early_data) } else { Ok(()) }
    }

    pub(super) fn read(owner: SessionOwner, r: &mut Reader<'a>) -> Result<Self, SessionError> {
        let [format, flags] = *r.array().map_err(|_| SessionError::Format)?;
        let has = |bit: u8| flags & bit != 0;
        if format >> 4 != FORMAT || has(flag::SERVER) != (owner == SessionOwner::Server) {
            return Err(SessionError::Format);
        }
        let suite = SUITES.get(usize::from(format & 0xf)).ok_or(SessionError::CipherSuite)?;
        let suite = SupportedCipherSuite::of(*suite).ok_or(SessionError::CipherSuite)?;
        let secret = r.bytes(secret_len(suite))?;
        let scope = Scope::from_bytes(*r.array()?);
        let ticket_time = read_time(r)?;
        let lifetime = r.u24()?;
        let authenticated = if has(flag::RENEWED) { read_time(r)? } else { ticket_time };
        let alpn = if has(flag::ALPN) { Some(r.vec8(1..=255, "alpn")?.rest()) } else { None };
        let has_age_add = owner == SessionOwner::Client || has(flag::EARLY_DATA);
        let common = Self {
            suite,
            extended_master_secret: has(flag::EXTENDED_MASTER_SECRET),
            secret,
            scope,
            ticket_time,
            lifetime,
            authenticated,
            alpn,
            age_add: if has_age_add { r.u32()? } else { 0 },
            max_early_data: if has(flag::EARLY_DATA) { r.u32()? } else { 0 },
            has_chain: has(flag::CHAIN),
            has_expiry: has(flag::EXPIRES),
            has_application: has(flag::APPLICATION),
        };
        // Flags that contradict the fields would have a second encoding.
        if common.flags(owner) != flags || common.contradicts_itself() {
            return Err(SessionError::Malformed);
        }
        Ok(common)
    }

    fn contradicts_itself(&self) -> bool {
        let of_version = match self.suite {
            SupportedCipherSuite::Tls13(_) => self.extended_master_secret,
            // Early data exists only in TLS 1.3.
            SupportedCipherSuite::Tls12(_) => self.max_early_data == 0,
        };
        !of_version || self.lifetime > MAX_LIFETIME
    }

    pub(super) fn secret(&self) -> Result<SessionSecret, SessionError> {
        SessionSecret::new(self.secret).ok_or(SessionError::Malformed)
    }
}

/// The length of a session's secret, in bytes. A master secret has 48 (RFC 5246 §8.1).
fn secret_len(suite: SupportedCipherSuite) -> usize {
    match suite {
        SupportedCipherSuite::Tls13(suite) => suite.hash.output_len(),
        SupportedCipherSuite::Tls12(_) => 48,
    }
}

/// Encodes a session: the common fields, then the `more_len` bytes that `more` writes. Returns an
/// empty vector if that fails.
pub(super) fn write(
    owner: SessionOwner,
    common: &CommonFields<'_>,
    more_len: usize,
    more: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>,
) -> Zeroizing<Vec<u8>> {
    // Allocates once: a growing buffer would leave copies of the secret behind.
    let mut out = Zeroizing::new(Vec::with_capacity(common.encoded_len(owner) + more_len));
    let written = Writer::append(&mut out).whole(|w| {
        common.write(owner, w)?;
        more(w)
    });
    written.map_or_else(|BufferFull| Zeroizing::default(), |()| out)
}

/// Writes seconds since 1970. Five bytes last for 34,000 years.
pub(super) fn write_time(w: &mut Writer<'_>, seconds: u64) -> Result<(), BufferFull> {
    let [0, 0, 0, time @ ..] = seconds.to_be_bytes() else { return Err(BufferFull) };
    w.bytes(&time)
}

pub(super) fn read_time(r: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let [a, b, c, d, e] = *r.array()?;
    Ok(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
}

/// The length of a time, in bytes.
pub(super) const TIME_LEN: usize = 5;

/// Writes application data, if there is any.
pub(super) fn write_application(w: &mut Writer<'_>, application: &[u8]) -> Result<(), BufferFull> {
    if application.is_empty() { Ok(()) } else { w.vec16_bytes(application) }
}

pub(super) fn application_len(application: &[u8]) -> usize {
    if application.is_empty() { 0 } else { application.len() + 2 }
}

pub(super) fn read_application<'a>(
    r: &mut Reader<'a>,
    common: &CommonFields<'_>,
) -> Result<Option<&'a [u8]>, SessionError> {
    if !common.has_application {
        return Ok(None);
    }
    Ok(Some(r.vec16(1..=0xffff, "application")?.rest()))
}

/// Writes certificates, leaf first. At most 16, none empty, and at most 65,535 bytes in total with
/// a two-byte length for each.
pub(super) fn write_chain(w: &mut Writer<'_>, chain: &[CertificateDer<'_>]) -> Result<(), BufferFull> {
    if chain.len() > MAX_CHAIN || chain.iter().any(|certificate| certificate.is_empty()) {
        return Err(BufferFull);
    }
    w.vec16(|w| chain.iter().try_for_each(|certificate| w.vec16_bytes(certificate)))
}

pub(super) fn chain_len(chain: &[CertificateDer<'_>]) -> usize {
    chain.iter().map(|certificate| certificate.len() + 2).sum::<usize>() + 2
}

/// A flag says that there is no chain, so an empty one is an error.
pub(super) fn read_chain(r: &mut Reader<'_>) -> Result<Arc<[CertificateDer<'static>]>, SessionError> {
    let mut list = r.vec16(1..=0xffff, "chain")?;
    let mut chain: [&[u8]; MAX_CHAIN] = [&[]; MAX_CHAIN];
    let mut count = 0;
    while !list.is_empty() {
        *chain.get_mut(count).ok_or(SessionError::Malformed)? = list.vec16(1..=0xffff, "certificate")?.rest();
        count += 1;
    }
    let mut certificates = Vec::with_capacity(count);
    for der in chain.iter().take(count) {
        certificates.push(CertificateDer::from(der.to_vec()));
    }
    Ok(certificates.into())
}

const MAX_CHAIN: usize = 16;

impl From<DecodeError> for SessionError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::ALL_CIPHERSUITES;

    fn chain_of(lengths: &[usize]) -> Vec<CertificateDer<'static>> {
        lengths.iter().map(|length| CertificateDer::from(vec![7; *length])).collect()
    }

    fn write_only_chain(chain: &[CertificateDer<'_>]) -> Result<Vec<u8>, BufferFull> {
        let mut out = Vec::new();
        write_chain(&mut Writer::append(&mut out), chain).map(|()| out)
    }

    #[test]
    fn chain_round_trips() {
        for lengths in [&[1][..], &[900, 1200], &[65_533], &[4000; 16]] {
            let chain = chain_of(lengths);
            let bytes = write_only_chain(&chain).unwrap();
            assert_eq!(bytes.len(), chain_len(&chain));
            let mut r = Reader::new(&bytes);
            assert_eq!(read_chain(&mut r).unwrap()[..], chain);
            assert!(r.is_empty());
        }
    }

    #[test]
    fn chain_with_bad_count_or_length_is_rejected() {
        for lengths in [&[1; 17][..], &[65_534], &[65_000, 600], &[5, 0]] {
            assert_eq!(write_only_chain(&chain_of(lengths)), Err(BufferFull), "{lengths:?}");
        }
        let mut seventeen = vec![0, 51];
        seventeen.extend([0, 1, 7].repeat(17));
        for bytes in [&seventeen[..], &[0, 0], &[0, 2, 0, 0], &[0, 1, 0], &[0, 3, 0, 2, 7], &[0, 4, 0, 1, 7]] {
            assert_eq!(read_chain(&mut Reader::new(bytes)), Err(SessionError::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn other_format_or_owner_is_rejected() {
        let (format, client, server) = (FORMAT << 4, 0, flag::SERVER);
        // Format 2 began with a byte of this value.
        for head in [&[][..], &[format], &[format, server], &[format + 0x10, client], &[2, client], &[0, client]] {
            let read = CommonFields::read(SessionOwner::Client, &mut Reader::new(head));
            assert_eq!(read.err(), Some(SessionError::Format), "{head:?}");
        }
        let read = CommonFields::read(SessionOwner::Server, &mut Reader::new(&[format, client])).err();
        assert_eq!(read, Some(SessionError::Format));
    }

    #[test]
    fn every_suite_has_a_number() {
        assert_eq!(SUITES.len(), ALL_CIPHERSUITES.len());
        for suite in ALL_CIPHERSUITES {
            assert_eq!(SUITES.iter().filter(|number| **number == suite.suite()).count(), 1, "{suite:?}");
        }
    }

    #[test]
    fn time_has_five_bytes_or_is_not_encoded() {
        for (time, fits) in
            [(0, true), (1_700_000_000, true), ((1 << 40) - 1, true), (1 << 40, false), (u64::MAX, false)]
        {
            let mut bytes = Vec::new();
            assert_eq!(write_time(&mut Writer::append(&mut bytes), time).is_ok(), fits, "{time}");
            if fits {
                assert_eq!((bytes.len(), read_time(&mut Reader::new(&bytes))), (TIME_LEN, Ok(time)));
            }
        }
    }
}
