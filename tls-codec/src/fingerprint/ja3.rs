//! JA3 and JA3S, as published by Salesforce.

use super::text::{Text, listed, types, values};
use crate::{
    code_points::{ExtensionType, ProtocolVersion},
    error::BufferFull,
    lenient::{LenientClientHello, LenientServerHello},
    reader::Reader,
    writer::Writer,
};

/// Writes the JA3 text of a ClientHello: version, suites, extensions, groups and point formats, in
/// decimal, such as `771,4866-4865,43-13,,`. JA3 itself is the MD5 hash of this text.
///
/// ```
/// # let stream = include_bytes!("../../tests/data/rfc8448_simple_client_hello_record.bin");
/// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, Peek, peek_client_hello};
/// use strata_tls_codec::{Writer, fingerprint::write_ja3};
///
/// let Peek::ClientHello(hello) = peek_client_hello(stream, DEFAULT_LIMIT)? else { panic!() };
/// let mut storage = [0; 128];
/// let mut w = Writer::new(&mut storage);
/// write_ja3(hello, &mut w)?;
/// assert_eq!(w.written(), b"771,4865-4867-4866,0-65281-10-35-51-43-13-45-28,29-23-24-25-256-257-258-259-260,");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`BufferFull`] if there is no room; nothing is written then.
pub fn write_ja3<'a>(hello: impl Into<LenientClientHello<'a>>, w: &mut Writer<'_>) -> Result<(), BufferFull> {
    let hello = hello.into();
    w.whole(|w| client(&hello, &mut Text::new(&mut |text| w.bytes(text))))
}

/// Writes the JA3S text of a ServerHello: version, suite and extensions, in decimal. JA3S itself is
/// the MD5 hash of this text.
///
/// # Errors
/// [`BufferFull`] if there is no room; nothing is written then.
pub fn write_ja3s<'a>(hello: impl Into<LenientServerHello<'a>>, w: &mut Writer<'_>) -> Result<(), BufferFull> {
    let hello = hello.into();
    w.whole(|w| server(&hello, &mut Text::new(&mut |text| w.bytes(text))))
}

pub(super) fn client(hello: &LenientClientHello<'_>, text: &mut Text<'_>) -> Result<(), BufferFull> {
    let ProtocolVersion(version) = hello.legacy_version;
    text.decimal(version)?;
    text.char(b',')?;
    text.decimal_list(values(hello.cipher_suites.bytes()))?;
    text.char(b',')?;
    text.decimal_list(types(hello.extensions))?;
    text.char(b',')?;
    let data = |typ| hello.extensions.find(typ).unwrap_or_default();
    text.decimal_list(listed(data(ExtensionType::SUPPORTED_GROUPS)))?;
    text.char(b',')?;
    let mut formats = Reader::new(data(ExtensionType::EC_POINT_FORMATS));
    let formats = formats.vec8(0..=0xff, "").map(|list| list.peek()).unwrap_or_default();
    text.decimal_list(formats.iter().map(|format| u16::from(*format)))?;
    text.flush()
}

pub(super) fn server(hello: &LenientServerHello<'_>, text: &mut Text<'_>) -> Result<(), BufferFull> {
    let ProtocolVersion(version) = hello.legacy_version;
    text.decimal(version)?;
    text.char(b',')?;
    text.decimal_list(hello.cipher_suite.map(|suite| suite.0))?;
    text.char(b',')?;
    text.decimal_list(types(hello.extensions))?;
    text.flush()
}
