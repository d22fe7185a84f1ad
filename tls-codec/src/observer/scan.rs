//! Searches for a record in bytes whose framing is unknown.

use crate::{
    code_points::HandshakeType,
    record::{HEADER_LEN, MAX_FRAGMENT},
};

/// The maximum body of a record in bytes, in any version (RFC 5246 §6.2.3).
pub(super) const MAX_BODY: usize = MAX_FRAGMENT + 2048;

/// The number of bytes that [`look`] needs: the headers of a record and of a message.
pub(super) const WINDOW: usize = HEADER_LEN + 4;

/// The possible meanings of [`WINDOW`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// The start of a record with a hello.
    Hello,
    /// The header of a record whose body has this length.
    Header {
        length: usize,
    },
}

/// Returns what starts with the bytes.
pub(super) fn look(window: &[u8; WINDOW]) -> Found {
    let [typ, major, minor, l1, l0, message, m2, m1, m0] = *window;
    let Some(length) = body_length([typ, major, minor, l1, l0]) else { return Found::Nothing };
    let hello = matches!(HandshakeType(message), HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO);
    let message_length = u32::from_be_bytes([0, m2, m1, m0]);
    // A hello starts its record and is seldom longer than a few kilobytes.
    if typ == 22 && length >= 4 && hello && m2 == 0 && usize::try_from(message_length).is_ok_and(|length| length >= 38)
    {
        Found::Hello
    } else {
        Found::Header { length }
    }
}

/// Returns the length of the body if these bytes can be the header of a record.
pub(super) fn body_length([typ, major, minor, l1, l0]: [u8; HEADER_LEN]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    (matches!(typ, 20..=23) && major == 3 && minor <= 4 && (1..=MAX_BODY).contains(&length)).then_some(length)
}
