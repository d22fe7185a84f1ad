//! The server name that a client asks for (RFC 6066 §3). Only a host name gets past this file.

use pki_types::{DnsName, ServerName};
use tls_codec::handshake::ClientHello;

use crate::error::{Error, Illegal};

/// Returns the host name that a client asks for (SNI, RFC 6066 §3): a valid DNS name of at most 253 bytes, in the case in which it was
/// sent and without a trailing dot. `None` if there is none, or what there is is not a host name.
#[must_use]
pub fn host_name<'a>(hello: &ClientHello<'a>) -> Option<&'a str> {
    let name = str::from_utf8(hello.extensions.server_name?.host_name()?).ok()?;
    DnsName::try_from(name).ok()?;
    Some(name.strip_suffix('.').unwrap_or(name))
}

/// Returns the [`host_name`]. Refuses what is neither that nor an IP address, which some clients send against the RFC, unless
/// `ignores_invalid`.
pub(crate) fn check<'a>(hello: &ClientHello<'a>, ignores_invalid: bool) -> Result<Option<&'a str>, Error> {
    let host_name = host_name(hello);
    match hello.extensions.server_name.and_then(|names| names.host_name()) {
        Some(name) if host_name.is_none() && !ignores_invalid && ServerName::try_from(name).is_err() => {
            Err(Illegal::ServerName.into())
        }
        _ => Ok(host_name),
    }
}
