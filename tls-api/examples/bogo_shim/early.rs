//! One trait for what differs between client and server sessions: early data.

use std::io::{Read, Write};

use strata_tls::{ClientSession, ServerSession, Session};

/// A session of either role.
pub(crate) trait SessionExt: Session {
    /// Sends as much early data as the session allows. Returns the number of bytes sent.
    fn write_early(&mut self, text: &[u8]) -> std::io::Result<usize>;
    /// Returns whether the server accepted early data of this client.
    fn sent_early_data_accepted(&self) -> bool;
    /// Returns whether this client can send early data.
    fn can_send_early_data(&mut self) -> bool;
    /// Returns early data received since the last call.
    fn read_early(&mut self) -> Vec<u8>;
}

impl SessionExt for ClientSession {
    fn write_early(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.early_data().map_or(Ok(0), |mut writer| writer.write(text))
    }

    fn sent_early_data_accepted(&self) -> bool {
        self.is_early_data_accepted()
    }

    fn can_send_early_data(&mut self) -> bool {
        self.early_data().is_some()
    }

    fn read_early(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

impl SessionExt for ServerSession {
    fn write_early(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Ok(0)
    }

    fn sent_early_data_accepted(&self) -> bool {
        false
    }

    fn can_send_early_data(&mut self) -> bool {
        false
    }

    fn read_early(&mut self) -> Vec<u8> {
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        if let Some(mut reader) = self.early_data() {
            while let Ok(n @ 1..) = reader.read(&mut some) {
                all.extend_from_slice(&some[..n]);
            }
        }
        all
    }
}
