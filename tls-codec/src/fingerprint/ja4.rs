//! The parts of JA4 and its raw forms, as published by FoxIO under the BSD 3-clause licence.
//! `hashed` has JA4 itself. Its siblings for servers and other protocols have another licence and
//! are not here.

use super::text::{Text, decimal, hex, listed, types, values};
use crate::{
    code_points::ExtensionType, error::BufferFull, lenient::LenientClientHello, reader::Reader, writer::Writer,
};

/// The protocol that carries a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TLS, over a stream.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS.
    Dtls,
}

/// Writes JA4_r of a ClientHello: JA4 with the sorted values instead of their hashes.
///
/// # Errors
/// [`BufferFull`] if there is no room; nothing is written then.
pub fn write_ja4_raw<'a>(
    hello: impl Into<LenientClientHello<'a>>,
    transport: Transport,
    w: &mut Writer<'_>,
) -> Result<(), BufferFull> {
    raw(hello.into(), transport, Order::Sorted, w)
}

/// Writes JA4_ro of a ClientHello: all values in the order of the client.
///
/// # Errors
/// [`BufferFull`] if there is no room; nothing is written then.
pub fn write_ja4_raw_original_order<'a>(
    hello: impl Into<LenientClientHello<'a>>,
    transport: Transport,
    w: &mut Writer<'_>,
) -> Result<(), BufferFull> {
    raw(hello.into(), transport, Order::Original, w)
}

/// The order of suites and extensions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Sorted,
    Original,
}

/// The values that JA4 takes from a hello. One walk over the extensions collects it.
pub(super) struct Parts<'a> {
    hello: LenientClientHello<'a>,
    has_name: bool,
    extensions: usize,
    protocols: &'a [u8],
    versions: &'a [u8],
    algorithms: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn new(hello: LenientClientHello<'a>) -> Self {
        let empty: &[u8] = &[];
        let (mut extensions, mut has_name) = (0_usize, false);
        let (mut protocols, mut versions, mut algorithms) = (None, None, None);
        for (typ, data) in hello.extensions {
            if typ.is_grease() {
                continue;
            }
            extensions = extensions.saturating_add(1);
            let first = match typ {
                ExtensionType::SERVER_NAME => {
                    has_name = true;
                    continue;
                }
                ExtensionType::ALPN => &mut protocols,
                ExtensionType::SUPPORTED_VERSIONS => &mut versions,
                ExtensionType::SIGNATURE_ALGORITHMS => &mut algorithms,
                _ => continue,
            };
            first.get_or_insert(data);
        }
        let [protocols, versions, algorithms] = [protocols, versions, algorithms].map(|data| data.unwrap_or(empty));
        Self { hello, has_name, extensions, protocols, versions, algorithms }
    }

    /// Returns transport, version, whether there is a name, the numbers of suites and extensions,
    /// and the first application protocol.
    pub(super) fn a(&self, transport: Transport) -> [u8; 10] {
        let transport_mark = match transport {
            Transport::Tcp => b't',
            Transport::Quic => b'q',
            Transport::Dtls => b'd',
        };
        let [v1, v0] = *self.version(transport);
        let name = if self.has_name { b'd' } else { b'i' };
        let [s1, s0] = two_digits(self.suites().count());
        let [e1, e0] = two_digits(self.extensions);
        let [p1, p0] = ends_of_first_protocol(self.protocols);
        [transport_mark, v1, v0, name, s1, s0, e1, e0, p1, p0]
    }

    /// Writes the suites.
    pub(super) fn b(&self, order: Order, text: &mut Text<'_>) -> Result<(), BufferFull> {
        match order {
            Order::Sorted => sorted(self.suites(), text)?,
            Order::Original => text.hex_list(self.suites())?,
        }
        text.flush()
    }

    /// Writes the extensions, and the signature algorithms in the order of the client.
    pub(super) fn c(&self, order: Order, text: &mut Text<'_>) -> Result<(), BufferFull> {
        let types = types(self.hello.extensions);
        match order {
            // Name and protocol are in the first part.
            Order::Sorted => {
                let is_first_part = |typ| matches!(typ, ExtensionType::SERVER_NAME | ExtensionType::ALPN);
                sorted(types.filter(move |typ| !is_first_part(ExtensionType(*typ))), text)?;
            }
            Order::Original => text.hex_list(types)?,
        }
        let mut algorithms = listed(self.algorithms).peekable();
        if algorithms.peek().is_some() {
            text.char(b'_')?;
        }
        text.hex_list(algorithms)?;
        text.flush()
    }

    fn suites(&self) -> impl Iterator<Item = u16> + Clone + use<'a> {
        values(self.hello.cipher_suites.bytes())
    }

    /// Returns the newest version that the client offers. Newer versions of DTLS have lower
    /// numbers.
    fn version(&self, transport: Transport) -> &'static [u8; 2] {
        let list = Reader::new(self.versions).vec8(0..=0xff, "").map(|list| list.peek()).unwrap_or_default();
        let newest = match transport {
            Transport::Dtls => values(list).min(),
            Transport::Tcp | Transport::Quic => values(list).max(),
        };
        match newest.unwrap_or(self.hello.legacy_version.0) {
            0x0304 => b"13",
            0x0303 => b"12",
            0x0302 => b"11",
            0x0301 => b"10",
            0x0300 => b"s3",
            0x0002 => b"s2",
            0xfeff => b"d1",
            0xfefd => b"d2",
            0xfefc => b"d3",
            _ => b"00",
        }
    }
}

fn raw(
    hello: LenientClientHello<'_>,
    transport: Transport,
    order: Order,
    w: &mut Writer<'_>,
) -> Result<(), BufferFull> {
    let parts = Parts::new(hello);
    w.whole(|w| {
        w.bytes(&parts.a(transport))?;
        w.u8(b'_')?;
        parts.b(order, &mut Text::new(&mut |text| w.bytes(text)))?;
        w.u8(b'_')?;
        parts.c(order, &mut Text::new(&mut |text| w.bytes(text)))
    })
}

/// Returns a number in two digits, 99 at most.
fn two_digits(count: usize) -> [u8; 2] {
    let count = u16::try_from(count).unwrap_or(99).min(99);
    [decimal(count / 10), decimal(count)]
}

/// Returns the first and the last character of the first application protocol, or of its bytes in
/// hexadecimal if one of them is not alphanumeric.
fn ends_of_first_protocol(data: &[u8]) -> [u8; 2] {
    let first = Reader::new(data).vec16(0..=0xffff, "").and_then(|mut list| list.vec8(0..=0xff, ""));
    match first.map(|name| name.peek()).unwrap_or_default() {
        [] => *b"00",
        [first, .., last] | [first @ last] if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            [*first, *last]
        }
        [first, .., last] | [first @ last] => {
            let ([first, _], [_, last]) = (hex(*first), hex(*last));
            [first, last]
        }
    }
}

/// Writes values in ascending order; equal ones as often as they occur.
fn sorted(values: impl Iterator<Item = u16> + Clone, text: &mut Text<'_>) -> Result<(), BufferFull> {
    // More than any program sends.
    let mut few = [0; 128];
    let mut count = 0_usize;
    for value in values.clone() {
        match few.get_mut(count) {
            Some(free) => *free = value,
            None => return sorted_many(values, text),
        }
        count = count.saturating_add(1);
    }
    let few = few.get_mut(..count).unwrap_or_default();
    few.sort_unstable();
    text.hex_list(few.iter().copied())
}

/// Counts the values with the same high byte, for each high byte: bounded memory, and time linear
/// in their number.
#[cold]
#[inline(never)]
fn sorted_many(values: impl Iterator<Item = u16> + Clone, text: &mut Text<'_>) -> Result<(), BufferFull> {
    let mut present = [false; 256];
    for value in values.clone() {
        let [high, _] = value.to_be_bytes();
        if let Some(present) = present.get_mut(usize::from(high)) {
            *present = true;
        }
    }
    let mut is_first = true;
    for (high, _) in (0..=u8::MAX).zip(present).filter(|(_, present)| *present) {
        let mut counts = [0_u16; 256];
        for value in values.clone() {
            let [value_high, low] = value.to_be_bytes();
            if value_high == high
                && let Some(count) = counts.get_mut(usize::from(low))
            {
                *count = count.saturating_add(1);
            }
        }
        for (low, count) in (0..=u8::MAX).zip(counts) {
            for _ in 0..count {
                text.hex(u16::from_be_bytes([high, low]), core::mem::take(&mut is_first))?;
            }
        }
    }
    Ok(())
}
