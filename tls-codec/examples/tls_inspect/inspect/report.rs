//! What is known of a connection, and its line.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use strata_tls_codec::{
    Alert, AlertLevel, CipherSuite, ClientHello, LenientClientHello, LenientServerHello, ProtocolVersion,
    extension::{Alpn, SelectedAlpn, SelectedVersion},
    fingerprint::{Transport, ja3, ja3s, ja4},
    handshake::{MESSAGE_HEADER_LEN, message_length, tls12},
    lenient::Prefix,
    observer::{Event, Loss, Observer, Sender},
    record::Protocol,
};

use super::subject::subject;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    Text,
    /// An object of JSON on each line.
    Json,
}

/// The most certificates, application protocols, alerts and remarks that a line names.
const MAX_ITEMS: usize = 16;

/// A connection as its line shows it.
pub(crate) struct Summary {
    pub(crate) client: SocketAddr,
    server: SocketAddr,
    /// DTLS or QUIC, over UDP. Of a TCP connection, another protocol that it starts with.
    pub(crate) protocol: Option<Protocol>,
    has_started: bool,
    pub(crate) quic_version: Option<u32>,
    client_hello: Option<ClientFacts>,
    has_retry: bool,
    server_hello: Option<ServerFacts>,
    client_subjects: Vec<String>,
    server_subjects: Vec<String>,
    alerts: Vec<String>,
    remarks: Vec<String>,
}

/// What a ClientHello says.
struct ClientFacts {
    sni: Option<String>,
    alpn: Vec<String>,
    /// `None` if the end of the hello is missing.
    ja4: Option<String>,
    ja3: Option<String>,
}

/// What a ServerHello says.
struct ServerFacts {
    version: ProtocolVersion,
    suite: Option<CipherSuite>,
    alpn: Option<String>,
    ja3s: String,
}

impl Summary {
    pub(crate) fn new(client: SocketAddr, server: SocketAddr, protocol: Option<Protocol>) -> Self {
        Self {
            client,
            server,
            protocol,
            has_started: protocol.is_some(),
            quic_version: None,
            client_hello: None,
            has_retry: false,
            server_hello: None,
            client_subjects: Vec::new(),
            server_subjects: Vec::new(),
            alerts: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Returns whether the connection is TLS, DTLS or QUIC, as far as it is known.
    pub(crate) fn is_tls(&self) -> bool {
        self.is_udp() || self.client_hello.is_some() || self.server_hello.is_some() || !self.alerts.is_empty()
    }

    const fn is_udp(&self) -> bool {
        matches!(self.protocol, Some(Protocol::Dtls | Protocol::Quic))
    }

    /// Notes the first bytes of a TCP connection.
    pub(crate) fn note_start(&mut self, data: &[u8]) {
        if !self.has_started {
            self.has_started = true;
            // Datagrams do not run over TCP.
            let protocol = Protocol::recognize(data);
            self.protocol = protocol.filter(|protocol| !matches!(protocol, Protocol::Dtls | Protocol::Quic));
        }
    }

    pub(crate) fn note(&mut self, sender: Sender, event: &Event<'_>) {
        match event {
            Event::ClientHello(hello) => self.note_client_hello(hello),
            Event::ServerHello(hello) => self.note_server_hello(hello),
            Event::Certificate(chain) => self.note_certificates(sender, chain),
            Event::Alert(alert) => self.note_alert(sender, *alert),
            Event::Malformed { message, error } => self.remark(format!("malformed {}: {error}", message.typ)),
            Event::TooLong { typ, length } => self.remark(format!("{typ} of {length} bytes was not read")),
            Event::Lost(Loss::Gap) => self.remark("packets are missing".into()),
            _ => {}
        }
    }

    /// Notes the first hello. A second one repeats what it says.
    pub(crate) fn note_client_hello(&mut self, hello: &LenientClientHello<'_>) {
        if self.client_hello.is_some() {
            return;
        }
        for (typ, result) in hello.decoded() {
            if let Err(error) = result {
                self.remark(format!("malformed extension {typ}: {error}"));
            }
        }
        if let Some(typ) = hello.extensions.duplicate() {
            self.remark(format!("duplicate extension {typ}"));
        }
        let facts = client_facts(hello);
        self.client_hello = Some(match self.protocol {
            Some(Protocol::Dtls) => ClientFacts { ja4: Some(ja4(hello, Transport::Dtls).to_string()), ..facts },
            _ => ClientFacts {
                ja4: Some(ja4(hello, Transport::Tcp).to_string()),
                ja3: Some(ja3(hello).to_string()),
                ..facts
            },
        });
    }

    pub(crate) fn note_server_hello(&mut self, hello: &LenientServerHello<'_>) {
        if hello.is_hello_retry_request() {
            self.has_retry = true;
        } else if self.server_hello.is_none() {
            let selected = hello.extensions.get::<SelectedVersion>().ok().flatten();
            self.server_hello = Some(ServerFacts {
                version: selected.unwrap_or(hello.legacy_version),
                suite: hello.cipher_suite,
                alpn: hello.extensions.get::<SelectedAlpn>().ok().flatten().map(|name| text(name.0)),
                ja3s: ja3s(*hello).to_string(),
            });
        }
    }

    pub(crate) fn note_certificates(&mut self, sender: Sender, chain: &tls12::Certificate<'_>) {
        let subjects = match sender {
            Sender::Client => &mut self.client_subjects,
            Sender::Server => &mut self.server_subjects,
        };
        if subjects.is_empty() {
            let named = chain.certificate_list.iter().take(MAX_ITEMS);
            subjects.extend(named.map(|der| subject(der.cert_data).unwrap_or_else(|| "malformed".into())));
        }
    }

    pub(crate) fn note_alert(&mut self, sender: Sender, alert: Alert) {
        let sender = if sender == Sender::Client { "client" } else { "server" };
        let level = if alert.level == AlertLevel::WARNING { "warning" } else { "fatal" };
        let name = alert.description.registered_name().map_or_else(|| alert.description.0.to_string(), str::to_owned);
        if self.alerts.len() < MAX_ITEMS {
            self.alerts.push(format!("{sender}:{level}:{name}"));
        }
    }

    /// Notes what was received of a ClientHello whose end is missing.
    pub(crate) fn finish(&mut self, observer: &Observer) {
        if self.client_hello.is_none()
            && let Some((header, body)) = observer.incomplete_message(Sender::Client).split_first_chunk()
            && let (_, length) = message_length(*header)
            && let Ok(Prefix::Cut { received, missing }) =
                ClientHello::lenient_prefix(body, length - MESSAGE_HEADER_LEN)
        {
            self.client_hello = Some(client_facts(&received));
            self.remark(format!("client_hello ends in {}", missing.at));
        }
    }

    fn remark(&mut self, remark: String) {
        if self.remarks.len() < MAX_ITEMS && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Writes the line.
    pub(crate) fn write(self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        let ends = (self.client, self.server);
        let protocol = match self.protocol {
            Some(Protocol::Quic) => "quic",
            Some(Protocol::Dtls) => "dtls",
            _ if self.is_tls() => "tls",
            _ => "other",
        };
        let fields = self.fields();
        match format {
            Format::Text => {
                write!(out, "{} -> {} {protocol}", ends.0, ends.1)?;
                for (key, value) in fields {
                    match value {
                        Value::Yes => write!(out, " {key}=yes")?,
                        Value::One(value) => write!(out, " {key}={}", quoted(&value))?,
                        Value::Many(values) => {
                            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                            write!(out, " {key}={}", values.join(","))?;
                        }
                    }
                }
            }
            Format::Json => {
                write!(out, r#"{{"client":"{}","server":"{}","protocol":"{protocol}""#, ends.0, ends.1)?;
                for (key, value) in fields {
                    match value {
                        Value::Yes => write!(out, r#","{key}":true"#)?,
                        Value::One(value) => write!(out, r#","{key}":{}"#, json(&value))?,
                        Value::Many(values) => {
                            let values: Vec<String> = values.iter().map(|value| json(value)).collect();
                            write!(out, r#","{key}":[{}]"#, values.join(","))?;
                        }
                    }
                }
                write!(out, "}}")?;
            }
        }
        writeln!(out)
    }

    /// Returns what is known, in the order of the line.
    fn fields(self) -> impl Iterator<Item = (&'static str, Value)> {
        let starts_with = self.protocol.filter(|_| !self.is_udp()).map(|protocol| protocol.to_string());
        let quic_version = self.quic_version.map(|version| match version {
            1 => "1".into(),
            0x6b33_43cf => "2".into(),
            _ => format!("{version:#010x}"),
        });
        let (client, server) = (self.client_hello, self.server_hello);
        let suite = |suite: CipherSuite| suite.registered_name().map_or_else(|| suite.to_string(), str::to_owned);
        let one = |key, value: Option<String>| value.map(|value| (key, Value::One(value)));
        let many = |key, values: Vec<String>| (!values.is_empty()).then_some((key, Value::Many(values)));
        let (sni, alpn, ja4, ja3) = client.map_or((None, Vec::new(), None, None), |c| (c.sni, c.alpn, c.ja4, c.ja3));
        [
            one("starts_with", starts_with),
            one("quic_version", quic_version),
            one("sni", sni),
            many("alpn", alpn),
            one("ja4", ja4),
            one("ja3", ja3),
            self.has_retry.then_some(("retry", Value::Yes)),
            one("version", server.as_ref().map(|server| server.version.to_string())),
            one("suite", server.as_ref().and_then(|server| server.suite).map(suite)),
            one("selected_alpn", server.as_ref().and_then(|server| server.alpn.clone())),
            one("ja3s", server.map(|server| server.ja3s)),
            many("subjects", self.server_subjects),
            many("client_subjects", self.client_subjects),
            many("alerts", self.alerts),
            many("remarks", self.remarks),
        ]
        .into_iter()
        .flatten()
    }
}

/// Writes the line that counts skipped packets, if there are any.
pub(crate) fn write_skipped(counts: &[(&str, u64)], format: Format, out: &mut dyn Write) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    match format {
        Format::Text => {
            write!(out, "skipped")?;
            for (name, count) in counts {
                write!(out, " {name}={count}")?;
            }
            writeln!(out)
        }
        Format::Json => {
            let counts: Vec<String> = counts.iter().map(|(name, count)| format!(r#""{name}":{count}"#)).collect();
            writeln!(out, r#"{{"skipped":{{{}}}}}"#, counts.join(","))
        }
    }
}

enum Value {
    Yes,
    One(String),
    Many(Vec<String>),
}

/// Returns what also the start of a hello says.
fn client_facts(hello: &LenientClientHello<'_>) -> ClientFacts {
    let alpn = hello.extensions.get::<Alpn>().ok().flatten();
    ClientFacts {
        sni: hello.host_name().map(text),
        alpn: alpn.into_iter().flat_map(|names| names.iter()).take(MAX_ITEMS).map(|name| text(name.0)).collect(),
        ja4: None,
        ja3: None,
    }
}

/// Returns bytes of a peer as text, with escapes for those that are not ASCII.
fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Returns a value of a line, in quotes where it would not be one word.
fn quoted(value: &str) -> String {
    let is_word = |char: char| !(char.is_whitespace() || char.is_control() || matches!(char, '"' | ',' | '\\'));
    if !value.is_empty() && value.chars().all(is_word) { value.to_owned() } else { json(value) }
}

/// Returns a string of JSON, without control characters.
fn json(value: &str) -> String {
    let mut out = String::from('"');
    for char in value.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            _ if char.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}
