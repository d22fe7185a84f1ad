//! Several contenders in turn, round by round, and the medians of each: what a noisy machine does to one it does to the others.

use std::time::Duration;

/// Times of two sides: client and server, or sender and receiver.
pub type Both = (Duration, Duration);

/// Who does the work, and how.
pub struct Contender<'a> {
    /// As in tables: `ours`, `limit`, and the peers by their names.
    pub name: &'static str,
    work: Box<dyn FnMut() -> Both + 'a>,
    samples: [Vec<Duration>; 2],
}

impl<'a> Contender<'a> {
    /// One that does one round of this work.
    pub fn new(name: &'static str, work: impl FnMut() -> Both + 'a) -> Self {
        Self { name, work: Box::new(work), samples: Default::default() }
    }

    /// The medians of both sides, in seconds.
    fn medians(&mut self) -> [f64; 2] {
        self.samples.each_mut().map(|samples| median(samples))
    }
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The medians of each contender, in seconds for a round. Each round begins with another contender, so that none always comes after the same one.
pub fn interleaved(rounds: usize, mut contenders: Vec<Contender<'_>>) -> Vec<(&'static str, [f64; 2])> {
    for contender in &mut contenders {
        (contender.work)();
    }
    let count = contenders.len();
    for round in 0..rounds {
        for turn in 0..count {
            let contender = &mut contenders[(round + turn) % count];
            let (one, other) = (contender.work)();
            contender.samples[0].push(one);
            contender.samples[1].push(other);
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
            (Duration::from_secs(time), Duration::from_secs(100))
        };
        let fixed = || (Duration::from_secs(7), Duration::from_secs(8));
        let found = interleaved(3, vec![Contender::new("ours", &mut counted), Contender::new("limit", fixed)]);
        // The first round of all is not counted: 2, 3, 4.
        assert_eq!(found, [("ours", [3.0, 100.0]), ("limit", [7.0, 8.0])]);
    }
}
