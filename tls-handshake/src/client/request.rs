//! A server's CertificateRequest, whatever the version.

use tls_codec::code_points::SignatureScheme;

use crate::need::{Asker, Need, NeedClientIdentity};

/// What the server wants to know of us.
pub(super) struct Request {
    /// Distinguished names (DER), or none.
    pub(super) authorities: Vec<Vec<u8>>,
    pub(super) schemes: Vec<SignatureScheme>,
}

impl Request {
    /// Passes it on to the application.
    pub(super) fn into_need(self, asker: Asker) -> Need {
        Need::ClientIdentity(NeedClientIdentity::new(asker, self.authorities, self.schemes))
    }
}
