//! Bulk data with AES-128-GCM: throughput of sender and receiver.

use tls_benches::{
    Buffered, BufferedTimes, Contender, Library, Ours, OursUnbuffered, Pair, RawAead, Row, RustlsRing,
    RustlsUnbuffered, Setup, Shape, Table, Target, Transfers, Unbuffered, Unit, interleaved,
};

use crate::Run;

/// The column of the limit with a copy.
const LIMIT_WITH_COPY: &str = "limit with a copy";

const UNIT: Unit = Unit::GigabytesPerSecond;

/// Rounds of 256 KiB.
const BURSTS: usize = 10_000;

pub(crate) fn rows(run: &Run) {
    for work in Transfers::ALL {
        let bulk = Bulk { run, setup: work.setup, shape: work.shape, aws_lc: work.aws_lc };
        bulk.buffered(&format!("{}, buffered", work.name), work.buffered);
        bulk.unbuffered(&format!("{}, unbuffered", work.name), work.unbuffered);
    }
}

struct Bulk<'a> {
    run: &'a Run,
    setup: Setup,
    shape: Shape,
    aws_lc: [Option<Target>; 3],
}

impl Bulk<'_> {
    fn buffered(&self, name: &str, target: Option<Target>) {
        if !self.run.wants(name) {
            return;
        }
        let (mut raw, mut copying) = (RawAead::new(self.setup, self.shape), RawAead::new(self.setup, self.shape));
        let contenders = vec![
            self.library::<Ours>(),
            self.library::<RustlsRing>(),
            Contender::new("limit", move || {
                let [seal, open, ..] = raw.round();
                [seal, open, open, open, open]
            }),
            Contender::new(LIMIT_WITH_COPY, move || {
                let [_, open, copy_and_seal, open_and_copy] = copying.round();
                [copy_and_seal, open, open_and_copy, open, open_and_copy]
            }),
            #[cfg(feature = "aws-lc-rs")]
            {
                let mut raw = RawAead::aws_lc(self.setup, self.shape);
                Contender::new("limit, aws-lc-rs", move || {
                    let [seal, open, ..] = raw.round();
                    [seal, open, open, open, open]
                })
            },
            #[cfg(feature = "aws-lc-rs")]
            self.library::<tls_benches::RustlsAwsLc>(),
            #[cfg(feature = "aws-lc-rs")]
            self.library::<tls_benches::OursAwsLc>(),
            #[cfg(feature = "openssl")]
            self.library::<tls_benches::OpenSsl>(),
        ];
        let medians = interleaved(self.rounds(), contenders);
        for (at, (part, side, target)) in [
            ("", "send", target),
            ("", "receive", target),
            (", by Read", "receive", target),
            (", with the transport's copy", "receive", None),
            (", by Read, with the transport's copy", "receive", None),
        ]
        .into_iter()
        .enumerate()
        {
            let copies = side == "send" || part.starts_with(", by Read");
            let figures = medians.iter().filter(|(name, _)| copies || *name != LIMIT_WITH_COPY);
            let figures: Vec<_> = figures.map(|(name, times)| (*name, self.rate(times[at]))).collect();
            let name = format!("{name}{part}");
            self.print(&name, side, &figures, target);
            let target = self.aws_lc.get(at).copied().flatten();
            let row = target.and_then(|_| Row::of_aws_lc(Table::Bulk, UNIT, &name, side, &figures));
            if let Some(row) = row {
                row.with_target(target).print();
            }
        }
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
                Contender::new("limit", move || {
                    let [seal, open, ..] = raw.round();
                    [seal, open]
                }),
            ],
        );
        for (side, name_of_side) in ["send", "receive"].into_iter().enumerate() {
            let figures: Vec<_> = medians.iter().map(|(name, sides)| (*name, self.rate(sides[side]))).collect();
            self.print(name, name_of_side, &figures, target);
        }
    }

    fn library<L: Library>(&self) -> Contender<'static, 5>
    where
        L::Client: 'static,
        L::Server: 'static,
    {
        let mut bulk = Buffered::new(&L::new(&self.run.certificates, self.setup), self.shape);
        Contender::new(L::NAME, move || {
            let BufferedTimes { send, receive, receive_by_read, transport: [to_buf_read, to_read] } = bulk.round();
            [send, receive, receive_by_read, receive + to_buf_read, receive_by_read + to_read]
        })
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
        let row = Row::of(Table::Bulk, UNIT, name, side, figures).expect("ours is there");
        row.with_target(target).print();
    }
}
