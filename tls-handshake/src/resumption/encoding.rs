//! The byte encoding of sessions. Only this library reads it.
//!
//! ```text
//! format, owner │ common to both sides │ specific to one side │ chain, expiry
//!  u8      u8   │    CommonFields      │   names, tickets     │
//! ```
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

/// The version of the encoding; every change increments it. A server of another version does not
/// resume the session, so a fleet can be updated one machine at a time.
const FORMAT: u8 = 2;

/// Which side stores the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionOwner {
    Client,
    Server,
}

impl SessionOwner {
    const fn byte(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }
}

/// The fields that both sides store, in the order of the encoding.
pub(super) struct CommonFields<'a> {
    pub(super) suite: SupportedCipherSuite,
    pub(super) extended_master_secret: bool,
    pub(super) secret: &'a [u8],
    pub(super) scope: Scope,
    pub(super) alpn: Option<&'a [u8]>,
    /// Seconds since 1970.
    pub(super) authenticated: u64,
    /// The time at which the ticket was issued or received, in milliseconds since 1970.
    pub(super) ticket_time: u64,
    pub(super) lifetime: u32,
    pub(super) age_add: u32,
    pub(super) max_early_data: u32,
    /// True if application data ends the encoding; most sessions have none, and no byte for it.
    pub(super) has_application: bool,
}

impl<'a> CommonFields<'a> {
    /// The length of the encoding without `alpn` and `secret`, in bytes.
    const FIXED_LEN: usize = 2 + 2 + 1 + 1 + 32 + 1 + 8 + 8 + 4 + 4 + 4;

    pub(super) fn encoded_len(&self) -> usize {
        Self::FIXED_LEN + self.secret.len() + self.alpn.map_or(0, <[u8]>::len)
    }

    fn write(&self, owner: SessionOwner, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(&[FORMAT, owner.byte()])?;
        w.u16(self.suite.suite().0)?;
        w.u8(u8::from(self.extended_master_secret) | (u8::from(self.has_application) << 1))?;
        w.vec8_bytes(self.secret)?;
        w.bytes(self.scope.bytes())?;
        w.vec8_bytes(self.alpn.unwrap_or_default())?;
        w.bytes(&self.authenticated.to_be_bytes())?;
        w.bytes(&self.ticket_time.to_be_bytes())?;
        w.u32(self.lifetime)?;
        w.u32(self.age_add)?;
        w.u32(self.max_early_data)
    }

    pub(super) fn read(owner: SessionOwner, r: &mut Reader<'a>) -> Result<Self, SessionError> {
        if r.array() != Ok(&[FORMAT, owner.byte()]) {
            return Err(SessionError::Format);
        }
        let suite = SupportedCipherSuite::of(CipherSuite(r.u16()?)).ok_or(SessionError::CipherSuite)?;
        let (extended_master_secret, has_application) = match r.u8()? {
            0 => (false, false),
            1 => (true, false),
            3 => (true, true),
            _ => return Err(SessionError::Malformed),
        };
        let common = Self {
            suite,
            extended_master_secret,
            has_application,
            secret: r.vec8(1..=SessionSecret::MAX, "secret")?.rest(),
            scope: Scope::from_bytes(*r.array()?),
            alpn: Some(r.vec8(0..=255, "alpn")?.rest()).filter(|name| !name.is_empty()),
            authenticated: u64_of(r)?,
            ticket_time: u64_of(r)?,
            lifetime: r.u32()?,
            age_add: r.u32()?,
            max_early_data: r.u32()?,
        };
        if common.contradicts_itself() { Err(SessionError::Malformed) } else { Ok(common) }
    }

    fn contradicts_itself(&self) -> bool {
        let of_version = match self.suite {
            SupportedCipherSuite::Tls13(suite) => {
                self.secret.len() == suite.hash.output_len() && self.extended_master_secret
            }
            // A master secret has 48 bytes (RFC 5246 §8.1). Early data exists only in TLS 1.3.
            SupportedCipherSuite::Tls12(_) => self.secret.len() == 48 && self.max_early_data == 0,
        };
        !of_version || self.lifetime > MAX_LIFETIME
    }

    pub(super) fn secret(&self) -> Result<SessionSecret, SessionError> {
        SessionSecret::new(self.secret).ok_or(SessionError::Malformed)
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
    let mut out = Zeroizing::new(Vec::with_capacity(common.encoded_len() + more_len));
    let written = Writer::append(&mut out).whole(|w| {
        common.write(owner, w)?;
        more(w)
    });
    written.map_or_else(|BufferFull| Zeroizing::default(), |()| out)
}

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

/// Returns `None` for an empty chain.
pub(super) fn read_chain(r: &mut Reader<'_>) -> Result<Option<Arc<[CertificateDer<'static>]>>, SessionError> {
    let mut list = r.vec16(0..=0xffff, "chain")?;
    let mut chain: [&[u8]; MAX_CHAIN] = [&[]; MAX_CHAIN];
    let mut count = 0;
    while !list.is_empty() {
        *chain.get_mut(count).ok_or(SessionError::Malformed)? = list.vec16(1..=0xffff, "certificate")?.rest();
        count += 1;
    }
    let chain = chain.get(..count).filter(|chain| !chain.is_empty());
    let Some(chain) = chain else { return Ok(None) };
    let mut certificates = Vec::with_capacity(count);
    for der in chain {
        certificates.push(CertificateDer::from(der.to_vec()));
    }
    Ok(Some(certificates.into()))
}

pub(super) fn u64_of(r: &mut Reader<'_>) -> Result<u64, DecodeError> {
    Ok(u64::from_be_bytes(*r.array()?))
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
            assert_eq!(read_chain(&mut r).unwrap().unwrap()[..], chain);
            assert!(r.is_empty());
        }
        assert_eq!(write_only_chain(&[]), Ok(vec![0, 0]));
        assert_eq!(read_chain(&mut Reader::new(&[0, 0])), Ok(None));
    }

    #[test]
    fn chain_with_bad_count_or_length_is_rejected() {
        for lengths in [&[1; 17][..], &[65_534], &[65_000, 600], &[5, 0]] {
            assert_eq!(write_only_chain(&chain_of(lengths)), Err(BufferFull), "{lengths:?}");
        }
        let mut seventeen = vec![0, 51];
        seventeen.extend([0, 1, 7].repeat(17));
        for bytes in [&seventeen[..], &[0, 2, 0, 0], &[0, 1, 0], &[0, 3, 0, 2, 7], &[0, 4, 0, 1, 7]] {
            assert_eq!(read_chain(&mut Reader::new(bytes)), Err(SessionError::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn other_format_or_owner_is_rejected() {
        for head in
            [&[][..], &[FORMAT], &[FORMAT, SessionOwner::Server.byte()], &[FORMAT + 1, 1], &[0, 1], &[FORMAT, 0]]
        {
            let read = CommonFields::read(SessionOwner::Client, &mut Reader::new(head));
            assert_eq!(read.err(), Some(SessionError::Format), "{head:?}");
        }
    }
}
