//! A server's CertificateRequest, in either version. The client keeps it until the application has
//! chosen an identity (`need/identity`).

use tls_codec::code_points::SignatureScheme;
use tls_codec::extension::DistinguishedName;
use tls_codec::list::List;
use tls_codec::owned::OwnedList;

use crate::config::ClientConfig;
use crate::need::{ConnectionId, Need, NeedClientIdentity};

/// The CAs and signature schemes that the server accepts.
pub(super) struct Request {
    authorities: OwnedList,
    schemes: Vec<SignatureScheme>,
}

impl Request {
    /// Copies the request only if `config` has an identity lookup.
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

    /// Turns it into a request to the application.
    pub(super) fn into_need(self, connection_id: ConnectionId) -> Need {
        Need::ClientIdentity(NeedClientIdentity::new(connection_id, self.authorities, self.schemes))
    }
}
