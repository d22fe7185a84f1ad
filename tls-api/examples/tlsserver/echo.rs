//! Sends back what comes.

use std::io;

use strata_tls::ServerSession;

use crate::service::{Heard, Step, Tools, Unsent, read_some};

#[derive(Default)]
pub(crate) struct Echo {
    unsent: Unsent,
}

impl Echo {
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        self.unsent.push(data);
    }

    pub(crate) fn advance(&mut self, session: &mut ServerSession, tools: &mut Tools<'_>) -> io::Result<Step> {
        if !self.unsent.is_empty() {
            let sent = self.unsent.send(session)?;
            // Nothing more is read before this is sent, so that a peer that does not read cannot fill our memory.
            return Ok(if sent > 0 { Step::Moved } else { Step::Idle });
        }
        Ok(match read_some(session, tools.scratch)? {
            Heard::Bytes(n) => {
                self.unsent.send_after(&tools.scratch[..n], session)?;
                Step::Moved
            }
            Heard::Nothing => Step::Idle,
            Heard::End => Step::Finished,
        })
    }
}
