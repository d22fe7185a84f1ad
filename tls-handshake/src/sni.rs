//! The server name that a client requests (SNI, RFC 6066 §3). Later code sees only valid host
//! names.

use pki_types::{DnsName, ServerName};
use tls_codec::handshake::ClientHello;

use crate::error::{Error, Illegal};

/// Returns the host name that a client requests (SNI, RFC 6066 §3): a valid DNS name of at most 253
/// bytes, in its original case and without a trailing dot. `None` without SNI, or if it is not a
/// host name.
#[must_use]
pub fn host_name<'a>(hello: &ClientHello<'a>) -> Option<&'a str> {
    let name = str::from_utf8(hello.extensions.server_name?.host_name()?).ok()?;
    DnsName::try_from(name).ok()?;
    Some(name.strip_suffix('.').unwrap_or(name))
}

/// Returns the [`host_name`]. Rejects a name that is neither a host name nor an IP address, unless
/// `ignores_invalid`. Some clients send an IP address, which the RFC forbids.
pub(crate) fn check<'a>(hello: &ClientHello<'a>, ignores_invalid: bool) -> Result<Option<&'a str>, Error> {
    let host_name = host_name(hello);
    match hello.extensions.server_name.and_then(|names| names.host_name()) {
        Some(name) if host_name.is_none() && !ignores_invalid && ServerName::try_from(name).is_err() => {
            Err(Illegal::ServerName.into())
        }
        _ => Ok(host_name),
    }
}
