//! Reads until the client closes its side, then answers with what it heard.

use std::fmt::Write as _;
use std::io;

use strata_tls::ServerSession;
use tls_crypto::{HashAlgorithm, Transcript};

use crate::transfer::{ReadOutcome, Resources, Step, Unsent, read_some};

pub(crate) struct Sink {
    count: u64,
    /// A transcript is a running hash, and SHA-256 is all that is wanted of it here.
    hash: Transcript,
    answer: Option<Unsent>,
}

impl Default for Sink {
    fn default() -> Self {
        Self { count: 0, hash: Transcript::new(HashAlgorithm::Sha256), answer: None }
    }
}

impl Sink {
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        self.hash.add(data);
        self.count += data.len() as u64;
    }

    pub(crate) fn advance(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<Step> {
        if let Some(answer) = &mut self.answer {
            let sent = answer.send(session)?;
            return Ok(match (answer.is_empty(), sent) {
                (true, _) => Step::Finished,
                (false, 0) => Step::Idle,
                (false, _) => Step::Moved,
            });
        }
        Ok(match read_some(session, resources.scratch)? {
            ReadOutcome::Bytes(n) => {
                self.hash.add(&resources.scratch[..n]);
                // No connection lives for 2^64 bytes.
                self.count += n as u64;
                Step::Moved
            }
            ReadOutcome::WouldBlock => Step::Idle,
            ReadOutcome::Eof => {
                self.answer = Some(Unsent::new(self.answer().into_bytes()));
                Step::Moved
            }
        })
    }

    /// `<count> <hash in hex>` and a line's end.
    fn answer(&self) -> String {
        let mut line = format!("{} ", self.count);
        for byte in self.hash.hash().as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        line
    }
}
