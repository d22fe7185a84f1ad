//! Provisional.
use std::fmt;
use tls_crypto::TicketKey;
use zeroize::Zeroizing;

/// Seals sessions into tickets.
pub trait ProducesTickets: fmt::Debug + Send + Sync {
    /// Whether tickets are given out.
    fn enabled(&self) -> bool;
    /// Seconds.
    fn lifetime(&self) -> u32;
    /// Seals.
    fn encrypt(&self, state: &[u8]) -> Option<Vec<u8>>;
    /// Opens.
    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// The default.
#[derive(Debug)]
pub struct Ticketer(TicketKey);

impl Ticketer {
    /// Random keys.
    ///
    /// # Errors
    /// No randomness.
    pub fn new() -> Result<Self, tls_crypto::Error> {
        TicketKey::generate().map(Self)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }
    fn lifetime(&self) -> u32 {
        12 * 3600
    }
    fn encrypt(&self, state: &[u8]) -> Option<Vec<u8>> {
        self.0.seal(state).ok()
    }
    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.open(ticket)
    }
}
