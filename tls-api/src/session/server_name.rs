//! [`IntoServerName`]: the types that a client accepts as the name of its server. The error for an
//! invalid name is in the engine's `error/invalid_server_name`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pki_types::{DnsName, ServerName};
use tls_handshake::{BadServerName, server_name};

/// The name of a server to connect to: a text, an IP address, or a [`ServerName`]. A text is a host
/// name or an IP address, without brackets, port or scheme.
///
/// ```
/// use std::net::Ipv6Addr;
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, ClientSession};
///
/// let config = Arc::new(ClientConfig::new());
/// ClientSession::new(&config, "www.example.com")?;
/// ClientSession::new(&config, Ipv6Addr::LOCALHOST)?;
/// let e = ClientSession::new(&config, "https://www.example.com/").unwrap_err();
/// assert!(e.to_string().ends_with("it is a URL; write only its host, \"www.example.com\""));
/// # Ok::<(), strata_tls::Error>(())
/// ```
pub trait IntoServerName {
    /// Converts it.
    ///
    /// # Errors
    /// [`BadServerName`] says what to write instead.
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName>;
}

impl IntoServerName for &str {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        server_name(self)
    }
}

impl IntoServerName for &String {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        server_name(self)
    }
}

impl IntoServerName for String {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        server_name(&self)
    }
}

/// Not checked again.
impl IntoServerName for ServerName<'static> {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        Ok(self)
    }
}

impl IntoServerName for &ServerName<'_> {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        Ok(self.to_owned())
    }
}

impl IntoServerName for DnsName<'static> {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        Ok(ServerName::DnsName(self))
    }
}

impl IntoServerName for IpAddr {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        Ok(ServerName::from(self))
    }
}

impl IntoServerName for Ipv4Addr {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        IpAddr::from(self).into_server_name()
    }
}

impl IntoServerName for Ipv6Addr {
    fn into_server_name(self) -> Result<ServerName<'static>, BadServerName> {
        IpAddr::from(self).into_server_name()
    }
}
