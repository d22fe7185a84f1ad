//! What is particular to TLS 1.3.

mod labels;
#[cfg(test)]
mod rfc8448;
mod schedule;
mod traffic;

pub use schedule::{ApplicationTraffic, BinderKind, EarlySecret, HandshakeSecret, HandshakeTraffic, MainSecret};
pub use traffic::{ExporterSecret, FinishedKey, Psk, ResumptionSecret, TrafficSecret};
