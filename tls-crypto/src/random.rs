//! Random bytes: a trait, so that tests can supply fixed bytes, and the operating system's
//! generator.

use core::fmt;

use crate::{Backend, Error};

/// A source of unpredictable random bytes.
///
/// Handshakes use this source for the random values that they send (randoms, session IDs, GREASE),
/// so that tests can fix them. Private keys always come from the operating system's generator.
pub trait SecureRandom: Send + Sync + fmt::Debug {
    /// Fills all of `dest`.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] if no random bytes are available; do not use `dest` then.
    fn fill(&self, dest: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's random number generator, by ring. A [`Backend`] is a source as well.
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
        Backend::ring().fill(dest)
    }
}
