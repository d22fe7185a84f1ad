//! Verification of the peer's certificates: the traits, and the trust anchors.

pub(crate) mod client;
pub(crate) mod roots;
pub(crate) mod server;
