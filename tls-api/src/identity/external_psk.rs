//! Finds external pre-shared keys (RFC 9846 §4.3.11). Those of earlier connections are in
//! `resumption`.

use std::fmt;

use pki_types::ServerName;
use tls_handshake::ExternalPsk;

/// Finds the external keys that a client offers to a server.
///
/// Called for every connection; must return quickly.
pub trait ResolvesClientPsk: fmt::Debug + Send + Sync {
    /// Returns the keys for this server, in order of preference. Without any, the server
    /// authenticates with a certificate.
    fn resolve(&self, server: &ServerName<'_>) -> Vec<ExternalPsk>;
}

/// Finds the external key that a client offers.
///
/// Called during the handshake, before the client has proved that it holds the key; must return
/// quickly.
///
/// ```
/// use std::collections::HashMap;
/// use strata_tls::{ExternalPsk, ResolvesServerPsk};
///
/// #[derive(Debug)]
/// struct Sensors(HashMap<Vec<u8>, ExternalPsk>);
///
/// impl ResolvesServerPsk for Sensors {
///     fn resolve(&self, identity: &[u8]) -> Option<ExternalPsk> {
///         self.0.get(identity).cloned()
///     }
/// }
/// ```
pub trait ResolvesServerPsk: fmt::Debug + Send + Sync {
    /// Returns the key with this identity, or `None`. The identity is untrusted and public, and may
    /// be the ticket of a session instead.
    fn resolve(&self, identity: &[u8]) -> Option<ExternalPsk>;
}

/// The same keys for every peer.
#[derive(Debug)]
pub(crate) struct StaticPsks(pub(crate) Vec<ExternalPsk>);

impl ResolvesClientPsk for StaticPsks {
    fn resolve(&self, _: &ServerName<'_>) -> Vec<ExternalPsk> {
        self.0.clone()
    }
}

impl ResolvesServerPsk for StaticPsks {
    fn resolve(&self, identity: &[u8]) -> Option<ExternalPsk> {
        // Identities are public, so the comparison need not be constant-time.
        self.0.iter().find(|psk| psk.identity() == identity).cloned()
    }
}
