//! tls-api
