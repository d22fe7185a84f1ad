//! The work that rows of handshakes and of bulk data are about, with what is to be reached in each.

use crate::{Sessions, Setup, Shape, Target};

/// Handshakes of one setup: a row for the client and one for the server.
#[derive(Clone, Copy, Debug)]
pub struct Handshakes {
    /// As in tables.
    pub name: &'static str,
    /// What both libraries are set up to do.
    pub setup: Setup,
    /// What the client should reach.
    pub client: Option<Target>,
    /// What the server should reach.
    pub server: Option<Target>,
}

impl Handshakes {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 13] = [
        Self::new("full TLS 1.3, memo off", Setup::TLS13.without_memo())
            .client(Target::at_most_limit(1.03))
            .server(Target::at_most_limit(1.05)),
        Self::new("full TLS 1.3, memo warm", Setup::TLS13).client(Target::at_most_peer(0.65)),
        Self::new("full TLS 1.3 with client certificates, memo warm", Setup::TLS13_CLIENT_AUTH)
            .server(Target::at_most_peer(0.70)),
        Self::new("full TLS 1.3, each library's defaults", Setup::TLS13.with_defaults())
            .server(Target::at_most_limit(1.10)),
        Self::new("resumed TLS 1.3, ticket", Setup::TLS13.resumed(Sessions::Tickets)).both(Target::at_most_limit(1.06)),
        // 1.20 times a limit that took 4.0 and 3.7 µs where rustls took 6.3 and 5.4 µs, by ticket 6.9 and 6.8. The limit of these benches is
        // stricter: it takes two fifths of what rustls takes, and not three fifths.
        Self::new("resumed TLS 1.2, id", Setup::TLS12.resumed(Sessions::Store))
            .client(Target::at_most_peer(1.20 * 4.0 / 6.3))
            .server(Target::at_most_peer(1.20 * 3.7 / 5.4)),
        Self::new("resumed TLS 1.2, ticket", Setup::TLS12.resumed(Sessions::Tickets))
            .client(Target::at_most_peer(1.20 * 4.0 / 6.9))
            .server(Target::at_most_peer(1.20 * 3.7 / 6.8)),
        Self::new("resumed TLS 1.3, store", Setup::TLS13.resumed(Sessions::Store)),
        Self::new("full TLS 1.2, memo off", Setup::TLS12.without_memo()),
        Self::new("full TLS 1.2, memo warm", Setup::TLS12),
        Self::new("full TLS 1.3 with client certificates, memo off", Setup::TLS13_CLIENT_AUTH.without_memo()),
        Self::new("full TLS 1.2 with client certificates, memo warm", Setup::TLS12_CLIENT_AUTH),
        Self::new("full TLS 1.2 with client certificates, memo off", Setup::TLS12_CLIENT_AUTH.without_memo()),
    ];

    const fn new(name: &'static str, setup: Setup) -> Self {
        Self { name, setup, client: None, server: None }
    }

    const fn client(self, target: Target) -> Self {
        Self { client: Some(target), ..self }
    }

    const fn server(self, target: Target) -> Self {
        Self { server: Some(target), ..self }
    }

    const fn both(self, target: Target) -> Self {
        self.client(target).server(target)
    }
}

/// Bulk data of one shape: rows for the sender and for the receiver, buffered and unbuffered.
#[derive(Clone, Copy, Debug)]
pub struct Transfers {
    /// As in tables.
    pub name: &'static str,
    /// What both libraries are set up to do.
    pub setup: Setup,
    /// How the data flows.
    pub shape: Shape,
    /// What sender and receiver should reach through the buffered sessions.
    pub buffered: Option<Target>,
    /// What they should reach through the engines on the caller's buffers.
    pub unbuffered: Option<Target>,
}

impl Transfers {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 4] = [
        Self::new("bulk TLS 1.3, 16 KiB writes", Setup::TLS13, Shape::RECORDS).targets(0.90, 0.96),
        Self::new("bulk TLS 1.3, 1 MiB writes", Setup::TLS13, Shape::LARGE).targets(0.90, 0.96),
        Self::new("bulk TLS 1.3, 1 KiB writes", Setup::TLS13, Shape::SMALL).targets(0.75, 0.75),
        Self::new("bulk TLS 1.2, 16 KiB writes", Setup::TLS12, Shape::RECORDS),
    ];

    const fn new(name: &'static str, setup: Setup, shape: Shape) -> Self {
        Self { name, setup, shape, buffered: None, unbuffered: None }
    }

    /// As parts of what the bare AEAD does.
    const fn targets(self, buffered: f64, unbuffered: f64) -> Self {
        let (buffered, unbuffered) = (Target::at_least_limit(buffered), Target::at_least_limit(unbuffered));
        Self { buffered: Some(buffered), unbuffered: Some(unbuffered), ..self }
    }
}
