//! The key schedule of TLS 1.3.

mod labels;
mod psk_import;
#[cfg(test)]
mod rfc8448;
mod schedule;
mod traffic;

pub use psk_import::{ImportedPsk, import_psk};
pub use schedule::{ApplicationTraffic, BinderKind, EarlySecret, HandshakeSecret, HandshakeTraffic, MainSecret};
pub use traffic::{ExporterSecret, FinishedKey, Psk, ResumptionSecret, StoredTrafficSecret, TrafficSecret};
