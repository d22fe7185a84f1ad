//! The error for a text that is not a server name, with what to write instead.

use std::fmt;

use pki_types::ServerName;

use super::bounded;

/// A text that is neither a host name nor an IP address. Names the fault and, where the text
/// contains a server name, that name.
///
/// ```
/// use strata_tls_handshake::{NameFault, server_name};
///
/// let e = server_name("https://example.com:8443/").unwrap_err();
/// assert_eq!(e.fault(), NameFault::Url);
/// assert!(e.to_string().ends_with("it is a URL; write only its host, \"example.com\""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadServerName {
    /// Of limited length.
    name: String,
    fault: NameFault,
    instead: Option<String>,
}

/// The fault of a [`BadServerName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameFault {
    /// It is empty.
    Empty,
    /// It is a URL.
    Url,
    /// It has a path after the host.
    Path,
    /// It has a user name before the host.
    User,
    /// It has a port after the host or address.
    Port,
    /// It is an IPv6 address in the brackets of a URL.
    Brackets,
    /// It is an IPv6 address with a zone.
    Zone,
    /// It is a wildcard.
    Wildcard,
    /// It has white space.
    WhiteSpace,
    /// It has characters outside of ASCII.
    NotAscii,
    /// It is longer than 253 bytes, or a label is longer than 63.
    TooLong,
    /// Its last label is a number, but it is not an IP address.
    Numeric,
    /// A label is empty, or begins or ends with a hyphen, or has another character than letters,
    /// digits, hyphens and underscores.
    BadLabel,
}

/// Returns the server name that a text contains: a host name, or an IPv4 or IPv6 address. Accepts
/// what servers are called in practice: underscores, and a trailing dot, which SNI omits.
///
/// # Errors
/// [`BadServerName`] says what to write instead, for example for a URL or a port.
///
/// ```
/// use strata_tls_handshake::server_name;
///
/// for name in ["example.com", "my_host.internal", "127.0.0.1", "::1"] {
///     server_name(name)?;
/// }
/// assert!(server_name("[::1]:443").unwrap_err().to_string().ends_with("write only the address, \"::1\""));
/// # Ok::<(), strata_tls_handshake::BadServerName>(())
/// ```
pub fn server_name(name: &str) -> Result<ServerName<'static>, BadServerName> {
    match ServerName::try_from(name) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err(BadServerName::new(name)),
    }
}

impl BadServerName {
    fn new(name: &str) -> Self {
        let fault = fault(name);
        let inner = host_within(name);
        let is_other = inner != name && ServerName::try_from(inner).is_ok();
        Self { name: bounded(name.to_owned()), fault, instead: is_other.then(|| inner.to_owned()) }
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn fault(&self) -> NameFault {
        self.fault
    }

    /// Returns the server name within the text, if it has one.
    #[must_use]
    pub fn instead(&self) -> Option<&str> {
        self.instead.as_deref()
    }
}

fn fault(name: &str) -> NameFault {
    let trimmed = name.trim();
    let host = host_within(name);
    if trimmed.is_empty() {
        NameFault::Empty
    } else if trimmed.contains("://") {
        NameFault::Url
    } else if trimmed.contains(['/', '?', '#']) {
        NameFault::Path
    } else if trimmed.contains('@') {
        NameFault::User
    } else if host.contains(char::is_whitespace) || trimmed != name {
        NameFault::WhiteSpace
    } else if trimmed.contains('%') {
        NameFault::Zone
    } else if trimmed.starts_with('[') {
        if trimmed.ends_with(']') { NameFault::Brackets } else { NameFault::Port }
    } else if trimmed.contains(':') {
        NameFault::Port
    } else if !trimmed.is_ascii() {
        NameFault::NotAscii
    } else if trimmed.contains('*') {
        NameFault::Wildcard
    } else if trimmed.len() > 253 || trimmed.split('.').any(|label| label.len() > 63) {
        NameFault::TooLong
    } else {
        let last = trimmed.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let is_number =
            last.starts_with(|c: char| c.is_ascii_digit()) && last.bytes().all(|c| c.is_ascii_hexdigit() || c == b'x');
        if is_number { NameFault::Numeric } else { NameFault::BadLabel }
    }
}

/// Returns the part of a text where a URL has its host.
fn host_within(text: &str) -> &str {
    let text = text.trim();
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if matches!(ServerName::try_from(authority), Ok(ServerName::IpAddress(_))) => authority,
        None => match authority.rsplit_once(':') {
            // More than one colon: an IPv6 address.
            Some((host, _)) if !host.contains(':') => host,
            _ => authority,
        },
    };
    let host = host.split('%').next().unwrap_or_default();
    host.strip_prefix("*.").unwrap_or(host)
}

impl fmt::Display for BadServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid server name {:?}: ", self.name)?;
        f.write_str(match self.fault {
            NameFault::Empty => "it is empty; write a host name or an IP address",
            NameFault::Url => "it is a URL; write only its host",
            NameFault::Path => "it has a path; write only the host",
            NameFault::User => "it has a user name; write only the host",
            NameFault::Port => "it has a port, which belongs to the transport; write only the address",
            NameFault::Brackets => "it has the brackets of a URL; write only the address",
            NameFault::Zone => "it has a zone, which belongs to the transport; write only the address",
            NameFault::Wildcard => "it is a wildcard; write the name of one host",
            NameFault::WhiteSpace => "it has white space; remove it",
            NameFault::NotAscii => "it has characters outside of ASCII; write its form in ASCII, which begins with xn--",
            NameFault::TooLong => "it is too long; a host name has at most 253 bytes, and each label at most 63",
            NameFault::Numeric => {
                "its last label is a number, but it is not an IP address; write an IPv4 address as four numbers up to 255"
            }
            NameFault::BadLabel => {
                "a label is empty, begins or ends with a hyphen, or has an invalid character; a host name is made of \
                 letters, digits, hyphens and dots"
            }
        })?;
        match &self.instead {
            Some(name) if self.fault != NameFault::Wildcard => write!(f, ", \"{name}\""),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BadServerName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_servers_have_are_accepted() {
        for name in
            ["a", "a.test", "a.test.", "my_host.test", "_x.a", "127.0.0.1", "::1", "2001:db8::1", "xn--mller-kva.de"]
        {
            assert_eq!(server_name(name).unwrap().to_str(), name.trim_end_matches('.'));
        }
    }

    /// Each text says what is wrong, and the name to write where there is one.
    #[test]
    fn other_texts_say_what_to_write() {
        let long = format!("{}.test", "a".repeat(64));
        let cases = [
            ("", NameFault::Empty, None),
            (" \n", NameFault::Empty, None),
            ("[::1]", NameFault::Brackets, Some("::1")),
            ("[::1]:443", NameFault::Port, Some("::1")),
            ("a.test:443", NameFault::Port, Some("a.test")),
            ("127.0.0.1:443", NameFault::Port, Some("127.0.0.1")),
            (":443", NameFault::Port, None),
            ("https://a.test", NameFault::Url, Some("a.test")),
            ("https://me@[::1]:8443/x?y#z", NameFault::Url, Some("::1")),
            ("https://", NameFault::Url, None),
            ("a.test/index.html", NameFault::Path, Some("a.test")),
            ("me@a.test", NameFault::User, Some("a.test")),
            ("fe80::1%eth0", NameFault::Zone, Some("fe80::1")),
            ("*.a.test", NameFault::Wildcard, Some("a.test")),
            (" a.test\n", NameFault::WhiteSpace, Some("a.test")),
            ("a test", NameFault::WhiteSpace, None),
            ("m\u{fc}ller.de", NameFault::NotAscii, None),
            (&long, NameFault::TooLong, None),
            ("1.2.3", NameFault::Numeric, None),
            ("256.1.1.1", NameFault::Numeric, None),
            ("a..test", NameFault::BadLabel, None),
            ("-a.test", NameFault::BadLabel, None),
            (".", NameFault::BadLabel, None),
            ("a,b", NameFault::BadLabel, None),
        ];
        for (text, fault, instead) in cases {
            let e = server_name(text).unwrap_err();
            assert_eq!((e.fault(), e.instead()), (fault, instead), "{text:?}");
            let shown = e.to_string();
            assert!(shown.starts_with("invalid server name \"") && !shown.contains('\n'), "{shown}");
            if let Some(name) = instead.filter(|_| fault != NameFault::Wildcard) {
                assert!(shown.ends_with(&format!(", \"{name}\"")), "{shown}");
            }
        }
    }

    #[test]
    fn long_text_is_shortened_in_the_error() {
        assert!(server_name(&"a,".repeat(10_000)).unwrap_err().to_string().len() < 1000);
    }
}
