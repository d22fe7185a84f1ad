//! A static library that brings its own panic handler and no allocator. If `tls-codec`, or anything below it, linked std,
//! the panic handler would be defined twice; if it linked alloc, the global allocator would be missing. Either fails the build.

#![no_std]

use tls_codec::RecordHeader;

/// Uses the codec, so that it is linked and not only named.
pub fn header_of(length: u16) -> [u8; tls_codec::record::HEADER_LEN] {
    RecordHeader {
        content_type: tls_codec::ContentType::HANDSHAKE,
        legacy_record_version: tls_codec::ProtocolVersion::TLS12,
        length,
    }
    .to_bytes()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
