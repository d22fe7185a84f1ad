//! How the peer's certificates are verified: the verifier traits and the trust anchors.

pub(crate) mod client;
pub(crate) mod roots;
pub(crate) mod server;
#[cfg(feature = "system-roots")]
mod system_files;
