//! A client's settings.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion};

use super::{Common, ConfigError, KeyLog, Limits};

/// What a client offers and accepts. The default is secure, and needs no change.
///
/// Trust anchors are not among it: whoever answers [`NeedVerdict`](crate::need::NeedVerdict) has them.
///
/// ```
/// let mut config = tls_handshake::config::ClientConfig::new();
/// config.set_alpn_protocols(&[b"h2", b"http/1.1"])?;
/// # Ok::<(), tls_handshake::config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(crate) common: Common,
    pub(crate) send_server_name: bool,
    pub(crate) client_identity_lookup: bool,
    pub(crate) request_ocsp: bool,
    pub(crate) request_scts: bool,
    /// What the ClientHello of a replayed trace offered beyond ours.
    #[cfg(test)]
    pub(crate) also_offered: Vec<tls_codec::code_points::ExtensionType>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            common: Common::default(),
            send_server_name: true,
            client_identity_lookup: false,
            request_ocsp: true,
            request_scts: false,
            #[cfg(test)]
            also_offered: Vec::new(),
        }
    }
}

impl ClientConfig {
    /// All suites and groups, SNI sent, records of full size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the server's DNS name is told to it (RFC 6066 §3). An IP address never is.
    pub fn set_server_name_indication(&mut self, send: bool) {
        self.send_server_name = send;
    }

    /// Whether there may be an identity for servers that ask for one, so that [`NeedClientIdentity`](crate::need::NeedClientIdentity) is
    /// asked. Otherwise they are told that there is none.
    pub fn set_client_identity_lookup(&mut self, ask: bool) {
        self.client_identity_lookup = ask;
    }

    /// Whether the server is asked to staple an OCSP response (RFC 6066 §8). It is, unless this says otherwise.
    pub fn set_ocsp_request(&mut self, ask: bool) {
        self.request_ocsp = ask;
    }

    /// Whether the server is asked for signed certificate timestamps (RFC 6962 §3.3). It is not, unless this says so: most
    /// certificates have theirs inside.
    pub fn set_sct_request(&mut self, ask: bool) {
        self.request_scts = ask;
    }

    /// Where the secrets of connections go.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common.key_log = key_log;
    }
}

super::setters!(ClientConfig);
