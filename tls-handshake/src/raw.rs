//! Vectors whose contents are bytes that there are already.

use tls_codec::error::BufferFull;
use tls_codec::writer::Writer;

/// Fills a vector with these bytes. What is around a vector is compiled with each kind of contents: so these are of one kind.
pub(crate) fn raw(bytes: &[u8]) -> impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull> {
    |w| w.bytes(bytes)
}
