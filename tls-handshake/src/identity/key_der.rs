//! The types that hold a private key in DER.

use pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::{Zeroize, Zeroizing};

/// A private key in DER: the types of [`pki_types`], bytes, and references to either. The content
/// determines the format, not the type.
pub trait AsKeyDer {
    /// Returns the DER.
    fn as_key_der(&self) -> &[u8];
}

impl AsKeyDer for [u8] {
    fn as_key_der(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> AsKeyDer for [u8; N] {
    fn as_key_der(&self) -> &[u8] {
        self
    }
}

impl AsKeyDer for Vec<u8> {
    fn as_key_der(&self) -> &[u8] {
        self
    }
}

impl<K: AsKeyDer + Zeroize> AsKeyDer for Zeroizing<K> {
    fn as_key_der(&self) -> &[u8] {
        (**self).as_key_der()
    }
}

impl<K: AsKeyDer + ?Sized> AsKeyDer for &K {
    fn as_key_der(&self) -> &[u8] {
        (**self).as_key_der()
    }
}

impl AsKeyDer for PrivateKeyDer<'_> {
    fn as_key_der(&self) -> &[u8] {
        self.secret_der()
    }
}

impl AsKeyDer for PrivatePkcs8KeyDer<'_> {
    fn as_key_der(&self) -> &[u8] {
        self.secret_pkcs8_der()
    }
}

impl AsKeyDer for PrivatePkcs1KeyDer<'_> {
    fn as_key_der(&self) -> &[u8] {
        self.secret_pkcs1_der()
    }
}

impl AsKeyDer for PrivateSec1KeyDer<'_> {
    fn as_key_der(&self) -> &[u8] {
        self.secret_sec1_der()
    }
}
