//! The server name that a client asks for (RFC 6066 §3). Only a host name gets past this file.

use pki_types::{DnsName, ServerName};
use tls_codec::handshake::ClientHello;

use crate::error::{Error, Illegal};

/// The host name, as it was sent but for a trailing dot. `None` if there is none, or what there is is not a host name.
pub(crate) fn host_name<'a>(hello: &ClientHello<'a>) -> Option<&'a str> {
    let name = hello.extensions.server_name?.host_name()?;
    DnsName::try_from(name).ok()?;
    let name = str::from_utf8(name).ok()?;
    Some(name.strip_suffix('.').unwrap_or(name))
}

/// Refuses a name that is neither a host name nor an IP address. Some clients send addresses, against the RFC.
pub(crate) fn check(hello: &ClientHello<'_>) -> Result<(), Error> {
    match hello.extensions.server_name.and_then(|names| names.host_name()) {
        Some(name) if ServerName::try_from(name).is_err() => Err(Illegal::ServerName.into()),
        _ => Ok(()),
    }
}
