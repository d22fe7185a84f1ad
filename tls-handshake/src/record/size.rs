//! How long the next record may be.

use crate::config::RecordRampUp;

/// The sizes of our records, as they are on the wire.
#[derive(Clone, Copy)]
pub(crate) struct Sizing {
    full: u16,
    short: u16,
    /// Bytes of application data that go out in short records after a pause; 0 where all records may be full.
    ramp_up: u32,
    /// How many of these are left.
    left: u32,
}

impl Sizing {
    /// At most `full` bytes each, and fewer while sending ramps up.
    pub(crate) fn new(full: usize, ramp_up: Option<RecordRampUp>) -> Self {
        let (short, ramp_up) = ramp_up.map_or((full, 0), |ramp_up| (ramp_up.record_size.min(full), ramp_up.bytes));
        let [full, short] = [full, short].map(|size| u16::try_from(size).unwrap_or(u16::MAX));
        Self { full, short, ramp_up, left: ramp_up }
    }

    /// For everything but application data.
    pub(crate) fn full(&self) -> usize {
        self.full.into()
    }

    /// For the next record of application data.
    pub(crate) fn next(&self) -> usize {
        usize::from(if self.left == 0 { self.full } else { self.short })
    }

    /// This many bytes of application data were sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// There was a pause.
    pub(crate) fn restart(&mut self) {
        self.left = self.ramp_up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_short_until_enough_was_sent_and_again_after_a_pause() {
        let mut sizing = Sizing::new(16_000, Some(RecordRampUp { record_size: 1000, bytes: 2500 }));
        for _ in 0..2 {
            for expected in [1000, 1000, 1000, 16_000, 16_000] {
                assert_eq!((sizing.next(), sizing.full()), (expected, 16_000));
                sizing.sent(expected);
            }
            sizing.restart();
        }
        // A pause in the middle begins it anew.
        sizing.sent(2499);
        sizing.restart();
        sizing.sent(2499);
        assert_eq!(sizing.next(), 1000);
        sizing.sent(1);
        assert_eq!(sizing.next(), 16_000);
    }

    #[test]
    fn nothing_is_longer_than_the_maximum_and_without_a_ramp_nothing_shorter() {
        let short = Sizing::new(500, Some(RecordRampUp::default()));
        assert_eq!((short.next(), short.full()), (500, 500));
        let mut plain = Sizing::new(500, None);
        plain.restart();
        assert_eq!((plain.next(), plain.full()), (500, 500));
    }
}
