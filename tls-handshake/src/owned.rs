//! Copies of what a message lists, which outlive the message.

use tls_codec::list::List;
use tls_codec::reader::Decode;

/// The bytes of each element; none of a list that is not there.
pub(crate) fn each<'a, T: Decode<'a>>(list: Option<List<'a, T>>, bytes: fn(T) -> &'a [u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let Some(list) = list else { return all };
    for element in list {
        all.push(bytes(element).to_vec());
    }
    all
}
