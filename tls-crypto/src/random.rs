//! Random bytes: a trait, so that tests can choose them, and the operating system's source.

use core::fmt;

use ring::rand::SecureRandom as _;

use crate::Error;

/// A source of random bytes that nobody can foresee.
///
/// What the handshake puts on the wire (randoms, session ids, GREASE) is drawn from a source handed to it, so that a
/// test can fix it. Private keys are drawn from the operating system always.
pub trait SecureRandom: Send + Sync + fmt::Debug {
    /// Fills all of `dest`.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] if there are no random bytes to be had; `dest` must not be used then.
    fn fill(&self, dest: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's random number generator.
///
/// ```
/// use strata_tls_crypto::{SecureRandom, SystemRandom};
///
/// let mut random = [0; 32];
/// SystemRandom.fill(&mut random)?;
/// assert_ne!(random, [0; 32]);
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, dest: &mut [u8]) -> Result<(), Error> {
        ring::rand::SystemRandom::new().fill(dest).map_err(|_| Error::Random)
    }
}
