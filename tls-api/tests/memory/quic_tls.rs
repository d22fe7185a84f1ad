//! What both roles over QUIC offer, for tests with packets of their own.

use strata_tls::Error;
use strata_tls::quic::{ClientConnection, Level, Output, ServerConnection};

pub(crate) trait Tls {
    fn receive(&mut self, level: Level, data: &[u8]) -> Result<(), Error>;
    fn next_output(&mut self) -> Option<Output>;
    fn is_handshaking(&self) -> bool;
}

macro_rules! implement {
    ($($role:ty),*) => {$(
        impl Tls for $role {
            fn receive(&mut self, level: Level, data: &[u8]) -> Result<(), Error> {
                self.receive(level, data)
            }

            fn next_output(&mut self) -> Option<Output> {
                self.next_output()
            }

            fn is_handshaking(&self) -> bool {
                self.is_handshaking()
            }
        }
    )*};
}

implement!(ClientConnection, ServerConnection);
