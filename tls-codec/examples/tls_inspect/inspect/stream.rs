//! Puts the segments of one direction of TCP in order.

/// The most bytes and segments that wait for an earlier one. With more, the earlier one is taken
/// for lost.
const MAX_WAITING: usize = 1 << 16;
const MAX_SEGMENTS: usize = 512;

/// What comes next in a direction.
pub(crate) enum Piece<'a> {
    Data(&'a [u8]),
    /// This many bytes are not in the capture.
    Gap(usize),
}

/// One direction of a connection.
#[derive(Default)]
pub(crate) struct Stream {
    /// The sequence number of the next byte; `None` before the first segment.
    next: Option<u32>,
    waiting: Vec<(u32, Vec<u8>)>,
    bytes: usize,
}

impl Stream {
    /// Notes the number of a SYN, which counts as one byte.
    pub(crate) fn start(&mut self, sequence: u32) {
        self.next.get_or_insert(sequence.wrapping_add(1));
    }

    /// Adds the payload of a segment, and passes on what it completes.
    pub(crate) fn push(&mut self, sequence: u32, payload: &[u8], on_piece: &mut dyn FnMut(Piece<'_>)) {
        if payload.is_empty() {
            return;
        }
        let next = *self.next.get_or_insert(sequence);
        if ahead(next, sequence) == 0 {
            self.deliver(sequence, payload, on_piece);
            self.drain(on_piece);
        } else {
            self.bytes += payload.len();
            self.waiting.push((sequence, payload.to_vec()));
            if self.bytes > MAX_WAITING || self.waiting.len() > MAX_SEGMENTS {
                self.skip(on_piece);
            }
        }
    }

    /// Passes on what waits for segments that never came.
    pub(crate) fn finish(&mut self, on_piece: &mut dyn FnMut(Piece<'_>)) {
        while !self.waiting.is_empty() {
            self.skip(on_piece);
        }
    }

    /// Skips to the first segment that waits.
    fn skip(&mut self, on_piece: &mut dyn FnMut(Piece<'_>)) {
        let Some(next) = self.next else { return };
        let Some(missing) = self.waiting.iter().map(|(sequence, _)| ahead(next, *sequence)).min() else { return };
        on_piece(Piece::Gap(usize::try_from(missing).unwrap_or(usize::MAX)));
        self.next = Some(next.wrapping_add(missing));
        self.drain(on_piece);
    }

    /// Passes on the segments that no longer wait.
    fn drain(&mut self, on_piece: &mut dyn FnMut(Piece<'_>)) {
        while let Some(next) = self.next
            && let Some(at) = self.waiting.iter().position(|(sequence, _)| ahead(next, *sequence) == 0)
        {
            let (sequence, payload) = self.waiting.swap_remove(at);
            self.bytes -= payload.len();
            self.deliver(sequence, &payload, on_piece);
        }
    }

    /// Passes on the part of a segment that was not passed on before.
    fn deliver(&mut self, sequence: u32, payload: &[u8], on_piece: &mut dyn FnMut(Piece<'_>)) {
        let Some(next) = self.next else { return };
        let old = usize::try_from(next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
        if let Some(new) = payload.get(old..)
            && !new.is_empty()
        {
            on_piece(Piece::Data(new));
            self.next = Some(next.wrapping_add(u32::try_from(new.len()).unwrap_or_default()));
        }
    }
}

/// Returns how far `sequence` is after `next`; 0 if it is not.
fn ahead(next: u32, sequence: u32) -> u32 {
    let distance = sequence.wrapping_sub(next);
    if distance < 1 << 31 { distance } else { 0 }
}
