//! The key schedule of TLS 1.3.

mod import;
mod labels;
#[cfg(test)]
mod rfc8448;
mod schedule;
mod traffic;

pub use import::{ImportedPsk, import_psk};
pub use schedule::{ApplicationTraffic, BinderKind, EarlySecret, HandshakeSecret, HandshakeTraffic, MainSecret};
pub use traffic::{ExporterSecret, FinishedKey, Psk, ResumptionSecret, StoredTrafficSecret, TrafficSecret};
