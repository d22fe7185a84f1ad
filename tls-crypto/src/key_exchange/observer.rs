//! Shows the secrets of key exchanges to a test that searches memory for copies.

/// Receives the name and the bytes of a secret.
#[cfg(feature = "fixed-ephemeral-keys")]
pub type SecretObserver = fn(&'static str, &[u8]);

#[cfg(feature = "fixed-ephemeral-keys")]
static OBSERVER: std::sync::OnceLock<SecretObserver> = std::sync::OnceLock::new();

/// Calls `observer` with each secret of the later key exchanges in this process: shared secrets,
/// and the seed, message and decapsulation key of ML-KEM. The first observer stays.
///
/// Only for tests that search memory for copies of them.
#[cfg(feature = "fixed-ephemeral-keys")]
pub fn observe_key_exchanges(observer: SecretObserver) {
    let _ = OBSERVER.set(observer);
}

/// Shows a secret to the observer. Does nothing without the feature.
#[inline]
#[cfg_attr(not(feature = "fixed-ephemeral-keys"), expect(unused_variables, reason = "there is no observer"))]
pub(super) fn show(name: &'static str, secret: &[u8]) {
    #[cfg(feature = "fixed-ephemeral-keys")]
    if let Some(observer) = OBSERVER.get() {
        observer(name, secret);
    }
}
