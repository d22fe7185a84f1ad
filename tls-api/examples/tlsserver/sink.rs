//! The `sink` service: reads until the client sends close_notify, then sends the byte count and the
//! SHA-256.

use std::fmt::Write as _;
use std::io;

use strata_tls::ServerSession;
use tls_crypto::{HashAlgorithm, Transcript};

use crate::transfer::{ReadOutcome, Resources, Step, Unsent, read_some};

pub(crate) struct Sink {
    count: u64,
    /// A transcript hash serves as SHA-256.
    hash: Transcript,
    report: Option<Unsent>,
}

impl Default for Sink {
    fn default() -> Self {
        Self { count: 0, hash: Transcript::new(tls_crypto::Backend::ring(), HashAlgorithm::Sha256), report: None }
    }
}

impl Sink {
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        self.hash.add(data);
        self.count += data.len() as u64;
    }

    pub(crate) fn advance(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<Step> {
        if let Some(report) = &mut self.report {
            let sent = report.send(session)?;
            return Ok(match (report.is_empty(), sent) {
                (true, _) => Step::Finished,
                (false, 0) => Step::Idle,
                (false, _) => Step::Moved,
            });
        }
        Ok(match read_some(session, resources.scratch)? {
            ReadOutcome::Bytes(n) => {
                self.hash.add(&resources.scratch[..n]);
                // Cannot overflow: no connection carries 2^64 bytes.
                self.count += n as u64;
                Step::Moved
            }
            ReadOutcome::WouldBlock => Step::Idle,
            ReadOutcome::Eof => {
                self.report = Some(Unsent::new(self.report_line().into_bytes()));
                Step::Moved
            }
        })
    }

    /// Returns `<count> <hash in hex>` and a line end.
    fn report_line(&self) -> String {
        let mut line = format!("{} ", self.count);
        for byte in self.hash.hash().as_ref() {
            // Writing to a String does not fail.
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        line
    }
}
