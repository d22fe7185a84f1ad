//! The size of the next record, and its padding. The limit that the peer asked for is applied in
//! `sender`.

use crate::config::{RecordPadding, RecordRampUp};

/// Sizes of sent records on the wire.
#[derive(Clone, Copy)]
pub(crate) struct RecordSizing {
    full: u16,
    short: u16,
    /// Bytes of application data to send in short records after a pause; 0 without a ramp-up.
    ramp_up: u32,
    /// The number of them that are left.
    left: u32,
    /// Contents are padded to a multiple of this; 0 means no padding.
    block: u16,
}

impl RecordSizing {
    /// Sizes of at most `full` bytes, and shorter ones during the ramp-up.
    pub(crate) fn new(full: usize, ramp_up: Option<RecordRampUp>, padding: RecordPadding) -> Self {
        let (short, ramp_up) = ramp_up.map_or((full, 0), |ramp_up| (ramp_up.record_size.min(full), ramp_up.bytes));
        let length = |size| u16::try_from(size).unwrap_or(u16::MAX);
        let (full, short) = (length(full), length(short));
        let block = match padding {
            RecordPadding::None => 0,
            RecordPadding::ToMultipleOf(block) => block,
        };
        Self { full, short, ramp_up, left: ramp_up, block }
    }

    /// The size of records that are not application data.
    pub(crate) fn full(&self) -> usize {
        self.full.into()
    }

    /// The size of the next record of application data.
    pub(crate) fn next(&self) -> usize {
        usize::from(if self.left == 0 { self.full } else { self.short })
    }

    /// Counts sent application data.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// The number of padding bytes after `content` bytes, in a record that holds at most `room`.
    pub(crate) fn padding(&self, content: usize, room: usize) -> usize {
        if self.block == 0 {
            return 0;
        }
        let padded = content.checked_next_multiple_of(self.block.into()).unwrap_or(content);
        padded.min(room).saturating_sub(content)
    }

    /// Restarts the ramp-up after a pause.
    pub(crate) fn restart(&mut self) {
        self.left = self.ramp_up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_short_at_first_and_after_a_pause() {
        let mut sizing =
            RecordSizing::new(16_000, Some(RecordRampUp { record_size: 1000, bytes: 2500 }), RecordPadding::None);
        for _ in 0..2 {
            for expected in [1000, 1000, 1000, 16_000, 16_000] {
                assert_eq!((sizing.next(), sizing.full()), (expected, 16_000));
                sizing.sent(expected);
            }
            sizing.restart();
        }
        // A pause during the ramp-up restarts it.
        sizing.sent(2499);
        sizing.restart();
        sizing.sent(2499);
        assert_eq!(sizing.next(), 1000);
        sizing.sent(1);
        assert_eq!(sizing.next(), 16_000);
    }

    #[test]
    fn ramp_up_obeys_the_maximum_size() {
        let short = RecordSizing::new(500, Some(RecordRampUp::default()), RecordPadding::None);
        assert_eq!((short.next(), short.full()), (500, 500));
        let mut plain = RecordSizing::new(500, None, RecordPadding::None);
        plain.restart();
        assert_eq!((plain.next(), plain.full()), (500, 500));
    }

    #[test]
    fn oversized_values_saturate() {
        let mut sizing =
            RecordSizing::new(70_000, Some(RecordRampUp { record_size: 1000, bytes: u32::MAX }), RecordPadding::None);
        assert_eq!((sizing.next(), sizing.full()), (1000, 65_535));
        sizing.sent(usize::MAX);
        assert_eq!(sizing.next(), 65_535);
    }

    #[test]
    fn padding_fills_the_block_or_the_record() {
        let padded = |block, content, room| {
            content + RecordSizing::new(500, None, RecordPadding::ToMultipleOf(block)).padding(content, room)
        };
        for content in 0..=40 {
            assert_eq!(padded(0, content, 40), content);
            assert_eq!(padded(1, content, 40), content);
            assert_eq!(padded(u16::MAX, content, 40), if content == 0 { 0 } else { 40 });
            let whole = content.div_ceil(16) * 16;
            assert_eq!(padded(16, content, 40), whole.min(40));
            assert_eq!(RecordSizing::new(500, None, RecordPadding::None).padding(content, 40), 0);
        }
    }
}
