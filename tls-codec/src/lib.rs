//! tls-codec
