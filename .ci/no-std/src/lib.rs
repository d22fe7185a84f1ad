//! A static library with its own panic handler and no allocator. If `tls-codec` or a dependency
//! linked std, the panic handler would be defined twice. If it linked alloc, the global allocator
//! would be missing. Both fail the build.

#![no_std]

use tls_codec::RecordHeader;

/// Uses the codec, so that it is linked.
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
