//! Handshake messages from record fragments: borrowed in place if whole, joined if fragmented, up
//! to the limit in `config::Limits`.

use tls_codec::handshake::{RawMessage, Split, message_length, split_message};

use crate::error::Error;

/// Buffers the one message that is fragmented over records, up to a limit. Otherwise it is empty
/// and has no allocation.
pub(crate) struct MessageJoiner {
    partial: Vec<u8>,
    limit: usize,
}

/// The start of a fragment.
pub(crate) enum NextMessage<'a> {
    /// A whole message, borrowed from the fragment, and the rest of the fragment.
    InPlace { message: RawMessage<'a>, rest: &'a [u8] },
    /// The end of a buffered message, which [`MessageJoiner::take`] returns, and the rest of the
    /// fragment.
    Completed { rest: &'a [u8] },
    /// The whole fragment was buffered; the message is incomplete.
    Partial,
}

impl MessageJoiner {
    pub(crate) fn new(limit: usize) -> Self {
        Self { partial: Vec::new(), limit }
    }

    /// Returns whether an incomplete message is buffered.
    pub(crate) fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Takes the next message from the front of a fragment.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] as soon as a header declares more than the limit.
    pub(crate) fn next<'a>(&mut self, mut fragment: &'a [u8]) -> Result<NextMessage<'a>, Error> {
        if !self.is_partial() {
            return match split_message(fragment) {
                Split::Message { message, rest } => {
                    check_length(message.raw, self.limit)?;
                    Ok(NextMessage::InPlace { message, rest })
                }
                Split::Incomplete { .. } => {
                    check_length(fragment, self.limit)?;
                    self.partial.extend_from_slice(fragment);
                    Ok(NextMessage::Partial)
                }
            };
        }
        // First completes the header, which has the length; then the message.
        loop {
            let whole = check_length(&self.partial, self.limit)?;
            let missing = whole.saturating_sub(self.partial.len());
            let (taken, rest) = fragment.split_at(missing.min(fragment.len()));
            self.partial.extend_from_slice(taken);
            fragment = rest;
            if self.partial.len() < whole {
                return Ok(NextMessage::Partial);
            }
            if check_length(&self.partial, self.limit)? == self.partial.len() && self.partial.len() >= HEADER {
                return Ok(NextMessage::Completed { rest: fragment });
            }
        }
    }

    /// Returns the message after [`NextMessage::Completed`], and its memory with it.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

const HEADER: usize = 4;

/// The number of bytes to buffer: the length of the message if its header is complete, else that of
/// a header.
fn check_length(begin: &[u8], limit: usize) -> Result<usize, Error> {
    let Some(header) = begin.first_chunk::<HEADER>() else { return Ok(HEADER) };
    let (message, got) = message_length(*header);
    if got > limit { Err(Error::MessageTooLarge { message, got, limit }) } else { Ok(got) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_codec::code_points::HandshakeType;

    /// Two messages, fragmented at every size.
    #[test]
    fn fragmentation_does_not_change_messages() {
        let mut wire = vec![8, 0, 0, 3, b'a', b'b', b'c'];
        wire.extend_from_slice(&[20, 0, 0, 0]);
        wire.extend_from_slice(&[11, 0, 1, 44]);
        wire.extend_from_slice(&[7; 300]);
        for size in 1..=wire.len() {
            let mut joiner = MessageJoiner::new(1000);
            let mut found = Vec::new();
            for mut fragment in wire.chunks(size) {
                while !fragment.is_empty() {
                    match joiner.next(fragment).unwrap() {
                        NextMessage::InPlace { message, rest } => {
                            found.push(message.raw.to_vec());
                            fragment = rest;
                        }
                        NextMessage::Completed { rest } => {
                            found.push(joiner.take());
                            fragment = rest;
                        }
                        NextMessage::Partial => fragment = &[],
                    }
                }
            }
            assert_eq!(found.concat(), wire, "fragments of {size}");
            assert_eq!(found.len(), 3);
            assert!(!joiner.is_partial());
        }
    }

    #[test]
    fn header_over_limit_is_rejected_at_once() {
        let expected = Error::MessageTooLarge { message: HandshakeType::CERTIFICATE, got: 101, limit: 100 };
        for begin in [&[11, 0, 0, 97][..], &[11, 0, 0, 97, 0]] {
            let mut joiner = MessageJoiner::new(100);
            assert_eq!(joiner.next(begin).err(), Some(expected.clone()));
            assert!(!joiner.is_partial());
        }
    }

    #[test]
    fn limit_includes_header() {
        for (declared, fits) in [(95u8, true), (96, true), (97, false)] {
            let mut wire = vec![11, 0, 0, declared];
            wire.extend(vec![0; usize::from(declared)]);
            for size in [1, 2, 3, 4, 5, wire.len()] {
                let mut joiner = MessageJoiner::new(100);
                let mut outcome = Ok(());
                for fragment in wire.chunks(size) {
                    if let Err(e) = joiner.next(fragment) {
                        outcome = Err(e);
                        break;
                    }
                }
                let expected = Error::MessageTooLarge {
                    message: HandshakeType::CERTIFICATE,
                    got: usize::from(declared) + 4,
                    limit: 100,
                };
                assert_eq!(outcome, if fits { Ok(()) } else { Err(expected) });
                assert!(joiner.partial.len() <= 100);
            }
        }
    }
}
