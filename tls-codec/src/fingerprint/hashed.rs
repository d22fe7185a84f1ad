//! JA4, JA3 and JA3S: the fingerprints that hash their text.

use core::fmt;

use sha2::Digest as _;

use super::{
    Transport,
    ja3::{client, server},
    ja4::{Order, Parts},
    text::{Text, hex},
};
use crate::{
    error::BufferFull,
    lenient::{LenientClientHello, LenientServerHello},
};

/// A fingerprint of `N` ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint<const N: usize>([u8; N]);

/// A JA4 fingerprint, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
pub type Ja4 = Fingerprint<36>;

/// A JA3 or JA3S fingerprint: 32 hexadecimal digits.
pub type Ja3 = Fingerprint<32>;

impl<const N: usize> Fingerprint<N> {
    /// Returns the fingerprint as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Never an error: all bytes are ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the bytes of the text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Display for Fingerprint<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Fingerprint<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> AsRef<str> for Fingerprint<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> PartialEq<str> for Fingerprint<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for Fingerprint<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// Returns JA4 of a ClientHello.
///
/// The version is the newest that the client offers. Of a hello with a type twice, the values of
/// the first extension count; the types count as often as they occur.
///
/// ```
/// # let stream = include_bytes!("../../tests/data/rfc8448_simple_client_hello_record.bin");
/// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, Peek, peek_client_hello};
/// use strata_tls_codec::fingerprint::{Transport, ja4};
///
/// let Peek::ClientHello(hello) = peek_client_hello(stream, DEFAULT_LIMIT)? else { panic!() };
/// assert_eq!(ja4(hello, Transport::Tcp), "t13d030900_55b375c5d22e_59cd3dafc54d");
/// # Ok::<(), strata_tls_codec::client_hello_peeker::PeekError>(())
/// ```
#[must_use]
pub fn ja4<'a>(hello: impl Into<LenientClientHello<'a>>, transport: Transport) -> Ja4 {
    ordered(hello.into(), transport, Order::Sorted)
}

/// Returns JA4_o of a ClientHello: JA4 of all values in the order of the client.
#[must_use]
pub fn ja4_original_order<'a>(hello: impl Into<LenientClientHello<'a>>, transport: Transport) -> Ja4 {
    ordered(hello.into(), transport, Order::Original)
}

/// Returns JA3 of a ClientHello: the MD5 hash of what [`write_ja3`](super::write_ja3) writes.
#[must_use]
pub fn ja3<'a>(hello: impl Into<LenientClientHello<'a>>) -> Ja3 {
    let hello = hello.into();
    md5(|text| client(&hello, text))
}

/// Returns JA3S of a ServerHello: the MD5 hash of what [`write_ja3s`](super::write_ja3s) writes.
#[must_use]
pub fn ja3s<'a>(hello: impl Into<LenientServerHello<'a>>) -> Ja3 {
    let hello = hello.into();
    md5(|text| server(&hello, text))
}

fn ordered(hello: LenientClientHello<'_>, transport: Transport, order: Order) -> Ja4 {
    let parts = Parts::new(hello);
    let b = sha256(|text| parts.b(order, text));
    let c = sha256(|text| parts.c(order, text));
    let mut out = [b'_'; 36];
    for (part, bytes) in [(0..10, &parts.a(transport)[..]), (11..23, &b), (24..36, &c)] {
        if let Some(part) = out.get_mut(part) {
            part.copy_from_slice(bytes);
        }
    }
    Fingerprint(out)
}

/// Returns the first 12 digits of the hash of a text; zeros if it is empty.
fn sha256(write: impl FnOnce(&mut Text<'_>) -> Result<(), BufferFull>) -> [u8; 12] {
    let mut hash = sha2::Sha256::new();
    let mut is_empty = true;
    let mut update = |text: &[u8]| {
        is_empty = false;
        hash.update(text);
        Ok(())
    };
    // Never an error: a hash has room for all text.
    let _ = write(&mut Text::new(&mut update));
    if is_empty { [b'0'; 12] } else { digits(&hash.finalize()) }
}

fn md5(write: impl FnOnce(&mut Text<'_>) -> Result<(), BufferFull>) -> Ja3 {
    let mut hash = md5::Md5::new();
    let mut update = |text: &[u8]| {
        hash.update(text);
        Ok(())
    };
    // Never an error: a hash has room for all text.
    let _ = write(&mut Text::new(&mut update));
    Fingerprint(digits(&hash.finalize()))
}

/// Returns the first `N` hexadecimal digits of a hash.
fn digits<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut digits = [b'0'; N];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
        pair.copy_from_slice(&hex(*byte));
    }
    digits
}
