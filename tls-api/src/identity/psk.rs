//! Finding external pre-shared keys (RFC 9846 §4.3.11).

use std::fmt;

use pki_types::ServerName;
use tls_handshake::ExternalPsk;

/// Finds the external keys that a client offers to a server.
///
/// It is asked for every connection, and has to answer at once.
pub trait ResolvesClientPsk: fmt::Debug + Send + Sync {
    /// The keys for this server, in order of preference; with none of them the handshake goes by certificates.
    fn resolve(&self, server: &ServerName<'_>) -> Vec<ExternalPsk>;
}

/// Finds the external key that a client names.
///
/// It is asked during the handshake, before the client has shown that it holds the key, and has to answer at once.
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
    /// The key with this identity, which is untrusted and public; `None` if there is none, which may well be because the identity is
    /// a session's ticket.
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
        // Identities are public: no secret decides how long this takes.
        self.0.iter().find(|psk| psk.identity() == identity).cloned()
    }
}
