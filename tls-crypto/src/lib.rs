//! tls-crypto
