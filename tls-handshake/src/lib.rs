//! tls-handshake
