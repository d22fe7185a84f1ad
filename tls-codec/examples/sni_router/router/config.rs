//! The configuration, and the choice of a route.

use std::{fmt, str::FromStr, time::Duration};

use strata_tls_codec::{AlertDescription, ClientHello};

/// What a configuration file says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: Vec<String>,
    routes: Vec<Route>,
    /// For clients of other protocols.
    pub(crate) not_tls: Option<Target>,
    pub(crate) hello_timeout: Duration,
    pub(crate) hello_limit: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_connections: usize,
}

#[derive(Debug)]
struct Route {
    name: Pattern,
    /// Empty: any.
    alpn: Vec<String>,
    target: Target,
}

/// The names of a route, more special ones first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pattern {
    /// In lower case.
    Exact(String),
    /// The name of the parent domain.
    Subdomain(String),
    NoName,
    Any,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// A host name or an IP address, and a port.
    pub(crate) address: String,
    pub(crate) proxy: Option<ProxyVersion>,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyVersion {
    V1,
    V2,
}

/// An invalid line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    line: usize,
    what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.what)
    }
}

impl Config {
    /// Parses the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut config = Self {
            listen: Vec::new(),
            routes: Vec::new(),
            not_tls: None,
            hello_timeout: Duration::from_secs(10),
            hello_limit: 1 << 16,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(3600),
            max_connections: 1024,
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [keyword, values @ ..] = &words[..] {
                config.set(keyword, values).map_err(|what| ConfigError { line: number, what })?;
            }
        }
        let missing = |what: &str| Err(ConfigError { line: 0, what: what.into() });
        match () {
            () if config.listen.is_empty() => missing("there is no line listen"),
            () if config.routes.is_empty() => missing("there is no line route"),
            () => Ok(config),
        }
    }

    fn set(&mut self, keyword: &str, values: &[&str]) -> Result<(), String> {
        match (keyword, values) {
            ("listen", [_, ..]) => {
                values.iter().try_for_each(|value| check_address(value))?;
                self.listen.extend(values.iter().map(|value| (*value).to_owned()));
            }
            ("route", [name, values @ ..]) => {
                let mut route = Route { name: Pattern::parse(name)?, alpn: Vec::new(), target: Target::empty() };
                for value in values {
                    match value.strip_prefix("alpn=") {
                        Some(names) => route.alpn = names.split(',').map(str::to_owned).collect(),
                        None => route.target.set(value)?,
                    }
                }
                if route.alpn.iter().any(String::is_empty) {
                    return Err("alpn= has an empty name".into());
                }
                route.target.check()?;
                let hides = |earlier: &Route| earlier.name == route.name && earlier.alpn.is_empty();
                if self.routes.iter().any(hides) {
                    return Err(format!("an earlier route takes all clients of {name}"));
                }
                self.routes.push(route);
            }
            ("not-tls", values) => {
                let mut target = Target::empty();
                values.iter().try_for_each(|value| target.set(value))?;
                target.check()?;
                self.not_tls = Some(target);
            }
            ("hello-timeout", [value]) => self.hello_timeout = Duration::from_secs(positive(value)?),
            ("connect-timeout", [value]) => self.connect_timeout = Duration::from_secs(positive(value)?),
            ("idle-timeout", [value]) => self.idle_timeout = Duration::from_secs(positive(value)?),
            ("hello-limit", [value]) => self.hello_limit = positive(value)?,
            ("max-connections", [value]) => {
                self.max_connections = positive::<usize>(value)?.min(tokio::sync::Semaphore::MAX_PERMITS);
            }
            _ => return Err(format!("unknown line {keyword}, or the wrong number of values")),
        }
        Ok(())
    }

    /// Returns where to send a client, or the alert with which to answer it.
    pub(crate) fn choose(&self, hello: &ClientHello<'_>) -> Result<&Target, AlertDescription> {
        let name = hello.extensions.server_name.and_then(|names| names.host_name());
        let name = name.map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
        let Some(best) = self.routes.iter().map(|route| &route.name).filter(|to| to.matches(name.as_deref())).min()
        else {
            return Err(match name {
                Some(_) => AlertDescription::UNRECOGNIZED_NAME,
                // RFC 9846 §9.2.
                None => AlertDescription::MISSING_EXTENSION,
            });
        };
        let offered = hello.extensions.alpn;
        let is_offered =
            |wanted: &String| offered.is_some_and(|names| names.iter().any(|name| name.as_ref() == wanted.as_bytes()));
        let mut same_name = self.routes.iter().filter(|route| route.name == *best);
        same_name
            .find(|route| route.alpn.is_empty() || route.alpn.iter().any(is_offered))
            .map(|route| &route.target)
            .ok_or(match offered {
                Some(_) => AlertDescription::NO_APPLICATION_PROTOCOL,
                None => AlertDescription::MISSING_EXTENSION,
            })
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        let host_name = |name: &str| {
            let is_valid = |label: &str| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            };
            match name.split('.').all(is_valid) {
                true => Ok(name.to_owned()),
                false => Err(format!("{text} is not a host name; expected NAME, *.NAME, - or *")),
            }
        };
        match name.as_str() {
            "*" => Ok(Self::Any),
            "-" => Ok(Self::NoName),
            _ => match name.strip_prefix("*.") {
                Some(parent) => host_name(parent).map(Self::Subdomain),
                None => host_name(&name).map(Self::Exact),
            },
        }
    }

    fn matches(&self, name: Option<&str>) -> bool {
        match (self, name) {
            (Self::Exact(own), Some(name)) => own == name,
            (Self::Subdomain(own), Some(name)) => {
                name.split_once('.').is_some_and(|(label, parent)| !label.is_empty() && parent == own)
            }
            (Self::NoName, None) | (Self::Any, _) => true,
            _ => false,
        }
    }
}

impl Target {
    const fn empty() -> Self {
        Self { address: String::new(), proxy: None }
    }

    fn set(&mut self, value: &str) -> Result<(), String> {
        match value {
            "proxy=v1" => self.proxy = Some(ProxyVersion::V1),
            "proxy=v2" => self.proxy = Some(ProxyVersion::V2),
            _ if self.address.is_empty() => self.address = value.to_owned(),
            _ => return Err(format!("unexpected {value}")),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        check_address(&self.address)
    }
}

fn check_address(address: &str) -> Result<(), String> {
    let port = address.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then_some(port));
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(_) => Ok(()),
        None => Err(format!("expected an address such as 127.0.0.1:443, got {address:?}")),
    }
}

fn positive<T: FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    text.parse().ok().filter(|value| *value != T::default()).ok_or(format!("expected a positive number, got {text}"))
}
