//! Who this side is: certificates with their keys, external pre-shared keys, and how one is chosen for a peer.

pub(crate) mod client_hello;
pub(crate) mod psk;
pub(crate) mod reloadable;
pub(crate) mod resolver;
pub(crate) mod served_name;
