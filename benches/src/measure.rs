//! Measures several contenders in turns and returns the medians of each, so that noise on the
//! machine affects all alike.

use std::time::Duration;

/// A contender and its work; each round returns the times of its `N` sides.
pub struct Contender<'a, const N: usize> {
    name: &'static str,
    work: Box<dyn FnMut() -> [Duration; N] + 'a>,
    samples: [Vec<Duration>; N],
}

impl<'a, const N: usize> Contender<'a, N> {
    /// Creates a contender; `work` does one round. Names are those of tables: `ours`, `limit`, and
    /// the peers'.
    pub fn new(name: &'static str, work: impl FnMut() -> [Duration; N] + 'a) -> Self {
        Self { name, work: Box::new(work), samples: [const { Vec::new() }; N] }
    }

    /// The median of each side, in seconds.
    fn medians(&mut self) -> [f64; N] {
        self.samples.each_mut().map(|samples| median(samples))
    }
}

impl<const N: usize> std::fmt::Debug for Contender<'_, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The number of rounds per turn. As in a program busy with this work, code and data are then in
/// the caches, while longer disturbances affect all contenders.
const TURN: usize = 8;

/// Returns the medians of each contender, in seconds per round. Contenders take turns of a few
/// rounds; each cycle starts with another one, so that none always follows the same one.
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
        // Two turns; the first round is not counted: 2 to 17.
        assert_eq!(found, [("ours", [10.0, 100.0]), ("limit", [7.0, 8.0])]);
    }
}
