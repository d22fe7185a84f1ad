//! Headers of the PROXY protocol (HAProxy's proxy-protocol.txt), which tell a server whom it
//! serves.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::config::ProxyVersion;

/// The addresses of a connection, and the server name that the client asks for.
pub(crate) struct Origin<'a> {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) name: Option<&'a [u8]>,
}

impl Origin<'_> {
    /// Returns the header of a version.
    pub(crate) fn header(&self, version: ProxyVersion) -> Vec<u8> {
        // A socket of IPv6 shows clients of IPv4 under addresses of its own.
        let (from, to) = (self.client.ip().to_canonical(), self.server.ip().to_canonical());
        let ports = (self.client.port(), self.server.port());
        match version {
            ProxyVersion::V1 => {
                let family = if let (IpAddr::V4(_), IpAddr::V4(_)) = (from, to) { "TCP4" } else { "TCP6" };
                let (from, to) = if family == "TCP4" { (from, to) } else { (v6(from).into(), v6(to).into()) };
                format!("PROXY {family} {from} {to} {} {}\r\n", ports.0, ports.1).into_bytes()
            }
            ProxyVersion::V2 => {
                let mut body = Vec::new();
                let family = if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
                    body.extend(from.octets());
                    body.extend(to.octets());
                    0x11
                } else {
                    body.extend(v6(from).octets());
                    body.extend(v6(to).octets());
                    0x21
                };
                body.extend(ports.0.to_be_bytes());
                body.extend(ports.1.to_be_bytes());
                if let Some(name) = self.name
                    && let Ok(length) = u16::try_from(name.len())
                {
                    body.push(AUTHORITY);
                    body.extend(length.to_be_bytes());
                    body.extend_from_slice(name);
                }
                let mut header = SIGNATURE.to_vec();
                // Version 2, and the command PROXY.
                header.extend([0x21, family]);
                header.extend(u16::try_from(body.len()).unwrap_or_default().to_be_bytes());
                header.extend(body);
                header
            }
        }
    }
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The type of the field with the server name.
const AUTHORITY: u8 = 2;

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
