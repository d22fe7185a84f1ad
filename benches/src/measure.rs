//! Several contenders in turn, round by round, and the medians of each: what a noisy machine does to one it does to the others.

use std::time::Duration;

/// Who does the work, and how; each round gives the times of its `N` sides.
pub struct Contender<'a, const N: usize> {
    name: &'static str,
    work: Box<dyn FnMut() -> [Duration; N] + 'a>,
    samples: [Vec<Duration>; N],
}

impl<'a, const N: usize> Contender<'a, N> {
    /// One that does one round of this work. The names are those of tables: `ours`, `limit`, and the peers'.
    pub fn new(name: &'static str, work: impl FnMut() -> [Duration; N] + 'a) -> Self {
        Self { name, work: Box::new(work), samples: [const { Vec::new() }; N] }
    }

    /// The medians of the sides, in seconds.
    fn medians(&mut self) -> [f64; N] {
        self.samples.each_mut().map(|samples| median(samples))
    }
}

impl<const N: usize> std::fmt::Debug for Contender<'_, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Rounds that a contender does when it is its turn: as a program that is busy with this work would, it finds its code and data in the caches then, and
/// what happens to the machine for longer happens to all.
const TURN: usize = 8;

/// The medians of each contender, in seconds for a round. They are done in turns, a few each; each cycle of turns begins with another contender, so that none always
/// comes after the same one.
pub fn interleaved<const N: usize>(
    rounds: usize,
    mut contenders: Vec<Contender<'_, N>>,
) -> Vec<(&'static str, [f64; N])> {
    for contender in &mut contenders {
        (contender.work)();
    }
    let count = contenders.len();
    for cycle in 0..rounds.div_ceil(TURN) {
        for turn in 0..count {
            let contender = &mut contenders[(cycle + turn) % count];
            for _ in 0..TURN {
                for (samples, time) in contender.samples.iter_mut().zip((contender.work)()) {
                    samples.push(time);
                }
            }
        }
    }
    contenders.iter_mut().map(|contender| (contender.name, contender.medians())).collect()
}

fn median(samples: &mut [Duration]) -> f64 {
    let middle = samples.len() / 2;
    samples.select_nth_unstable(middle).1.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_each_contender_and_side_apart() {
        let mut time = 0;
        let mut counted = || {
            time += 1;
            [Duration::from_secs(time), Duration::from_secs(100)]
        };
        let fixed = || [7, 8].map(Duration::from_secs);
        let found = interleaved(TURN + 1, vec![Contender::new("ours", &mut counted), Contender::new("limit", fixed)]);
        // Two turns; the first round of all is not counted: 2 to 17.
        assert_eq!(found, [("ours", [10.0, 100.0]), ("limit", [7.0, 8.0])]);
    }
}
