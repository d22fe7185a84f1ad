//! A server's CertificateRequest, whatever the version.

use tls_codec::code_points::SignatureScheme;
use tls_codec::extension::DistinguishedName;
use tls_codec::list::List;
use tls_codec::owned::OwnedList;

use crate::config::ClientConfig;
use crate::need::{ConnectionId, Need, NeedClientIdentity};

/// What the server wants to know of us.
pub(super) struct Request {
    authorities: OwnedList,
    schemes: Vec<SignatureScheme>,
}

impl Request {
    /// Holds what was requested only if `config` has somebody to ask.
    pub(super) fn new(
        config: &ClientConfig,
        authorities: Option<List<'_, DistinguishedName<'_>>>,
        schemes: impl FnOnce() -> Vec<SignatureScheme>,
    ) -> Self {
        if !config.client_identity_lookup {
            return Self { authorities: OwnedList::default(), schemes: Vec::new() };
        }
        Self { authorities: authorities.map(OwnedList::new).unwrap_or_default(), schemes: schemes() }
    }

    /// Passes it on to the application.
    pub(super) fn into_need(self, connection_id: ConnectionId) -> Need {
        Need::ClientIdentity(NeedClientIdentity::new(connection_id, self.authorities, self.schemes))
    }
}
