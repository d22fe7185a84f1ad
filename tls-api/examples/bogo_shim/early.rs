//! Early data, which clients write and servers read.

use std::io::{Read, Write};

use strata_tls::{ClientSession, ServerSession, Session};

/// A session of either role.
pub(crate) trait Early: Session {
    /// Sends as much of this before the server has answered as a session allows, and gives back how many bytes that are.
    fn write_early(&mut self, text: &[u8]) -> std::io::Result<usize>;
    /// Whether what was sent early was taken, or what came early was.
    fn is_accepted(&self) -> bool;
    /// Whether early data can be sent.
    fn offers(&mut self) -> bool;
    /// What came early since.
    fn read_early(&mut self) -> Vec<u8>;
    /// The identity of the external key that the handshake went by.
    fn psk_identity(&self) -> Option<&[u8]>;
}

impl Early for ClientSession {
    fn write_early(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.early_data().map_or(Ok(0), |mut writer| writer.write(text))
    }

    fn is_accepted(&self) -> bool {
        self.is_early_data_accepted()
    }

    fn offers(&mut self) -> bool {
        self.early_data().is_some()
    }

    fn read_early(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn psk_identity(&self) -> Option<&[u8]> {
        self.external_psk_identity()
    }
}

impl Early for ServerSession {
    fn write_early(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Ok(0)
    }

    fn is_accepted(&self) -> bool {
        false
    }

    fn offers(&mut self) -> bool {
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

    fn psk_identity(&self) -> Option<&[u8]> {
        self.external_psk_identity()
    }
}
