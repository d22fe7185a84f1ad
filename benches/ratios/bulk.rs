//! Bulk data under AES-128-GCM: throughput of the sender and of the receiver.

use std::time::Duration;

use tls_benches::{
    Buffered, Contender, Library, Ours, OursUnbuffered, Pair, RawAead, Row, RustlsRing, RustlsUnbuffered, Setup, Shape,
    Table, Target, Transfers, TransportCopy, Unbuffered, Unit, interleaved,
};

use crate::Run;

/// Rounds of 64 KiB.
const BURSTS: usize = 50_000;

pub(crate) fn rows(run: &Run) {
    for work in Transfers::ALL {
        let bulk = Bulk { run, setup: work.setup, shape: work.shape };
        bulk.buffered(&format!("{}, buffered", work.name), work.buffered);
        bulk.unbuffered(&format!("{}, unbuffered", work.name), work.unbuffered);
    }
}

struct Bulk<'a> {
    run: &'a Run,
    setup: Setup,
    shape: Shape,
}

impl Bulk<'_> {
    fn buffered(&self, name: &str, target: Option<Target>) {
        if !self.run.wants(name) {
            return;
        }
        let (mut raw, mut copy) = (RawAead::new(self.setup, self.shape), TransportCopy::new(self.setup, self.shape));
        let contenders = vec![
            self.library::<Ours>(),
            self.library::<RustlsRing>(),
            Contender::new("limit", move || {
                let [seal, open] = raw.round();
                [seal, open, open]
            }),
            Contender::new("copy", move || [Duration::ZERO, copy.round(), Duration::ZERO]),
            #[cfg(feature = "aws-lc-rs")]
            self.library::<tls_benches::RustlsAwsLc>(),
            #[cfg(feature = "openssl")]
            self.library::<tls_benches::OpenSsl>(),
        ];
        let medians = interleaved(self.rounds(), contenders);
        let copy = medians.iter().find(|(name, _)| *name == "copy").map_or(0.0, |(_, [_, copy, _])| *copy);
        let figures = |side: usize, copy: f64| -> Vec<(&str, f64)> {
            let libraries = medians.iter().filter(|(name, _)| *name != "copy");
            libraries
                .map(|(name, sides)| (*name, self.rate(sides[side] - if *name == "limit" { 0.0 } else { copy })))
                .collect()
        };
        self.print(name, "send", &figures(0, 0.0), target);
        self.print(name, "receive", &figures(1, copy), target);
        self.print(&format!("{name}, by Read"), "receive", &figures(2, copy), target);
        self.print(&format!("{name}, with the transport's copy"), "receive", &figures(1, 0.0), None);
        self.print(&format!("{name}, by Read, with the transport's copy"), "receive", &figures(2, 0.0), None);
    }

    fn unbuffered(&self, name: &str, target: Option<Target>) {
        if !self.run.wants(name) {
            return;
        }
        let mut raw = RawAead::new(self.setup, self.shape);
        let medians = interleaved(
            self.rounds(),
            vec![
                self.engine::<OursUnbuffered>(),
                self.engine::<RustlsUnbuffered>(),
                Contender::new("limit", move || raw.round()),
            ],
        );
        for (side, name_of_side) in ["send", "receive"].into_iter().enumerate() {
            let figures: Vec<_> = medians.iter().map(|(name, sides)| (*name, self.rate(sides[side]))).collect();
            self.print(name, name_of_side, &figures, target);
        }
    }

    fn library<L: Library>(&self) -> Contender<'static, 3>
    where
        L::Client: 'static,
        L::Server: 'static,
    {
        let mut bulk = Buffered::new(&L::new(&self.run.certificates, self.setup), self.shape);
        Contender::new(L::NAME, move || bulk.round())
    }

    fn engine<P: Pair>(&self) -> Contender<'static, 2>
    where
        P::Client: 'static,
        P::Server: 'static,
    {
        let mut bulk = Unbuffered::new::<P>(&self.run.certificates, self.setup, self.shape);
        Contender::new(P::NAME, move || bulk.round())
    }

    fn rounds(&self) -> usize {
        self.run.rounds(BURSTS / (self.shape.burst / Shape::RECORDS.burst))
    }

    fn rate(&self, seconds: f64) -> f64 {
        self.shape.burst as f64 / seconds / 1e9
    }

    fn print(&self, name: &str, side: &str, figures: &[(&str, f64)], target: Option<Target>) {
        let row = Row::of(Table::Bulk, Unit::GigabytesPerSecond, name, side, figures).expect("ours is there");
        row.with_target(target).print();
    }
}
