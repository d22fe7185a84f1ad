//! What is particular to TLS 1.3.

mod labels;
mod schedule;
mod traffic;

pub use schedule::{ApplicationTraffic, BinderKind, EarlySecret, HandshakeSecret, HandshakeTraffic, MainSecret};
pub use traffic::{ExporterSecret, FinishedKey, Psk, ResumptionSecret, TrafficSecret};
