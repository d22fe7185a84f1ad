//! Lists that outlive their message.

use tls_codec::list::List;
use tls_codec::reader::{Decode, Reader};

/// The elements as they came, in one allocation: what a peer lists takes no more memory than it took on the wire.
#[derive(Debug, Default)]
pub(crate) struct OwnedList(Box<[u8]>);

impl OwnedList {
    pub(crate) fn new<T>(list: List<'_, T>) -> Self {
        Self(list.bytes().into())
    }

    /// The list again, of the same `T` that it was made of.
    pub(crate) fn view<'a, T: Decode<'a>>(&'a self) -> List<'a, T> {
        // The same bytes decoded before, so that this is never an error.
        List::decode_body(Reader::new(&self.0)).unwrap_or(List::empty())
    }
}
