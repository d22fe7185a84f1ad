//! How this side authenticates: certificates with keys, external PSKs, and how one is chosen.

pub(crate) mod client_hello;
pub(crate) mod external_psk;
pub(crate) mod reloadable;
pub(crate) mod resolver;
pub(crate) mod served_name;
