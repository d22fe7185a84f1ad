//! Short messages for HMAC.

/// The concatenation of short parts, none of them a secret: one call of HMAC with it costs less than one for each part, though they are
/// copied.
pub(crate) struct Joined {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Joined {
    /// An HkdfLabel with the longest hash takes 74 bytes (RFC 9846 §7.1), "key expansion" with both randoms 77 (RFC 5246 §6.3).
    const ROOM: usize = 80;

    /// `None` if they are too long, as labels and contexts of an application may be.
    #[inline]
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a &'a [u8]>) -> Option<Self> {
        let mut joined = Self { bytes: [0; Self::ROOM], len: 0 };
        for part in parts {
            let end = joined.len.checked_add(part.len())?;
            joined.bytes.get_mut(joined.len..end)?.copy_from_slice(part);
            joined.len = end;
        }
        Some(joined)
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_joined_and_nothing_is_cut() {
        let long = [7; Joined::ROOM];
        for length in 0..=long.len() {
            let (head, tail) = long.split_at(length);
            assert_eq!(Joined::of(&[head, &[], tail]).unwrap().as_slice(), long);
            assert_eq!(Joined::of(&[head]).unwrap().as_slice(), head);
            assert!(Joined::of(&[head, &[1], tail]).is_none());
        }
        assert_eq!(Joined::of(&[]).unwrap().as_slice(), []);
    }
}
