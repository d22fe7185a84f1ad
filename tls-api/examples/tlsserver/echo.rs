//! The `echo` service: sends received data back.

use std::io;

use strata_tls::ServerSession;

use crate::transfer::{ReadOutcome, Resources, Step, Unsent, read_some};

#[derive(Default)]
pub(crate) struct Echo {
    unsent: Unsent,
}

impl Echo {
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        self.unsent.push(data);
    }

    pub(crate) fn advance(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<Step> {
        if !self.unsent.is_empty() {
            let sent = self.unsent.send(session)?;
            // Reads no more before this is sent. So a peer that does not read cannot exhaust
            // memory.
            return Ok(if sent > 0 { Step::Moved } else { Step::Idle });
        }
        Ok(match read_some(session, resources.scratch)? {
            ReadOutcome::Bytes(n) => {
                self.unsent.send_after(&resources.scratch[..n], session)?;
                Step::Moved
            }
            ReadOutcome::WouldBlock => Step::Idle,
            ReadOutcome::Eof => Step::Finished,
        })
    }
}
