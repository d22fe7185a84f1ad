//! What a handshake message says, in a few words for the timeline and as [`Facts`].

use strata_tls::ProtocolVersion;
use strata_tls::codec::handshake::{self, tls12};
use strata_tls::codec::{
    CertificateStatus, CertificateVerify, ClientHello, EncryptedExtensions, HandshakeType, HelloRetryRequest,
    KeyUpdate, NewSessionTicket, RawMessage, ServerHelloMessage,
};

use super::Side;
use super::flights::{Facts, Ticket};

/// Returns whether this is a HelloRetryRequest, which has the type of a ServerHello.
pub(super) fn is_retry(message: RawMessage<'_>) -> bool {
    matches!(message.decode(), Ok(ServerHelloMessage::HelloRetryRequest(_)))
}

/// Reads a message of `from`: adds to the facts and returns a note. A message that cannot be parsed
/// has no note.
pub(super) fn read(message: RawMessage<'_>, from: Side, version: Option<ProtocolVersion>, facts: &mut Facts) -> String {
    let note = match (message.typ, from) {
        (HandshakeType::CLIENT_HELLO, _) => client_hello(message, facts),
        (HandshakeType::SERVER_HELLO, _) => server_hello(message, facts),
        (HandshakeType::ENCRYPTED_EXTENSIONS, _) => encrypted_extensions(message, facts),
        (HandshakeType::CERTIFICATE, _) => certificate(message, from, version, facts),
        (HandshakeType::CERTIFICATE_STATUS, _) => {
            let status = message.decode::<CertificateStatus<'_>>().ok();
            status.map(|status| {
                facts.ocsp = Some(status.ocsp_response.to_vec());
                "OCSP response".to_owned()
            })
        }
        (HandshakeType::CERTIFICATE_VERIFY, _) => message.decode::<CertificateVerify<'_>>().ok().map(|verify| {
            if from == Side::Server {
                facts.scheme = Some(verify.algorithm);
            }
            verify.algorithm.to_string()
        }),
        (HandshakeType::SERVER_KEY_EXCHANGE, _) => {
            message.decode::<tls12::ServerKeyExchange<'_>>().ok().map(|exchange| {
                (facts.group, facts.scheme) = (Some(exchange.params.group), Some(exchange.algorithm));
                format!("{}, signed with {}", exchange.params.group, exchange.algorithm)
            })
        }
        (HandshakeType::CERTIFICATE_REQUEST, _) => {
            facts.client_certificate = true;
            None
        }
        (HandshakeType::SERVER_HELLO_DONE, _) | (HandshakeType::FINISHED, Side::Server) => {
            facts.answered = true;
            None
        }
        (HandshakeType::NEW_SESSION_TICKET, _) => ticket(message, version, facts),
        (HandshakeType::KEY_UPDATE, _) => {
            message.decode::<KeyUpdate>().ok().map(|update| update.request_update.to_string())
        }
        _ => None,
    };
    note.unwrap_or_default()
}

fn client_hello(message: RawMessage<'_>, facts: &mut Facts) -> Option<String> {
    let hello: ClientHello<'_> = message.decode().ok()?;
    let extensions = &hello.extensions;
    facts.server_name = extensions.server_name.and_then(|names| names.host_name()).map(lossy);
    let mut parts = Vec::new();
    parts.extend(facts.server_name.as_ref().map(|name| format!("server name {name}")));
    match extensions.supported_versions {
        Some(versions) => parts.push(joined(versions.iter().filter(|version| !version.is_grease()))),
        None => parts.push(hello.legacy_version.to_string()),
    }
    parts.push(counted(hello.cipher_suites.iter().filter(|suite| !suite.is_grease()).count(), "cipher suite"));
    if let Some(shares) = extensions.key_share {
        let shares = joined(shares.iter().map(|share| share.group).filter(|group| !group.is_grease()));
        parts.push(if shares.is_empty() { "no key share".into() } else { format!("key share {shares}") });
    }
    parts.extend(extensions.alpn.map(|names| format!("ALPN {}", joined(names.iter().map(|name| lossy(name.0))))));
    parts.extend(extensions.pre_shared_key.map(|_| "offers a session".to_owned()));
    parts.extend(extensions.session_ticket.filter(|ticket| !ticket.is_empty()).map(|_| "offers a ticket".to_owned()));
    parts.extend(extensions.early_data.then(|| "early data follows".to_owned()));
    Some(parts.join("; "))
}

fn server_hello(message: RawMessage<'_>, facts: &mut Facts) -> Option<String> {
    let hello = match message.decode().ok()? {
        ServerHelloMessage::ServerHello(hello) => hello,
        ServerHelloMessage::HelloRetryRequest(retry) => return Some(hello_retry_request(&retry, facts)),
    };
    let extensions = &hello.extensions;
    let version = extensions.selected_version.unwrap_or(hello.legacy_version);
    (facts.version, facts.suite) = (Some(version), Some(hello.cipher_suite));
    let mut parts = vec![version.to_string(), hello.cipher_suite.to_string()];
    if let Some(share) = extensions.key_share {
        facts.group = Some(share.group);
        parts.push(format!("key share {}", share.group));
    }
    if extensions.pre_shared_key.is_some() {
        facts.resumed = true;
        parts.push("resumes the session".into());
    }
    facts.alpn = extensions.alpn.map(|name| name.0.to_vec());
    parts.extend(facts.alpn.as_deref().map(|name| format!("ALPN {}", lossy(name))));
    facts.record_size_limit = extensions.record_size_limit;
    facts.max_fragment_length = extensions.max_fragment_length.is_some();
    facts.extended_master_secret = extensions.extended_master_secret;
    facts.secure_renegotiation = extensions.renegotiation_info.is_some();
    if let Some(scts) = extensions.signed_certificate_timestamps {
        facts.scts = scts.iter().map(|sct| sct.0.to_vec()).collect();
    }
    Some(parts.join("; "))
}

fn hello_retry_request(retry: &HelloRetryRequest<'_>, facts: &mut Facts) -> String {
    facts.retried = true;
    (facts.version, facts.suite) = (retry.extensions.selected_version, Some(retry.cipher_suite));
    facts.group = retry.extensions.key_share;
    let group = facts.group.map(|group| format!("requests a key share for {group}"));
    let cookie = retry.extensions.cookie.map(|_| "cookie".to_owned());
    group.into_iter().chain(cookie).collect::<Vec<_>>().join("; ")
}

fn encrypted_extensions(message: RawMessage<'_>, facts: &mut Facts) -> Option<String> {
    let extensions: EncryptedExtensions<'_> = message.decode().ok()?;
    facts.alpn = extensions.alpn.map(|name| name.0.to_vec());
    facts.record_size_limit = extensions.record_size_limit;
    facts.max_fragment_length = extensions.max_fragment_length.is_some();
    facts.early_data_accepted = extensions.early_data;
    let mut parts = Vec::new();
    parts.extend(facts.alpn.as_deref().map(|name| format!("ALPN {}", lossy(name))));
    parts.extend(facts.record_size_limit.map(|limit| format!("record_size_limit {limit}")));
    parts.extend(extensions.early_data.then(|| "accepts early data".to_owned()));
    Some(parts.join("; "))
}

fn certificate(
    message: RawMessage<'_>,
    from: Side,
    version: Option<ProtocolVersion>,
    facts: &mut Facts,
) -> Option<String> {
    let (mut chain, mut parts) = (Vec::new(), Vec::new());
    if version == Some(ProtocolVersion::TLS13) {
        let certificate: handshake::Certificate<'_> = message.decode().ok()?;
        for entry in certificate.certificate_list.iter() {
            chain.push(entry.cert_data.to_vec());
        }
        let leaf = certificate.certificate_list.first().filter(|_| from == Side::Server);
        if let Some(response) = leaf.and_then(|leaf| leaf.extensions.ocsp_response) {
            facts.ocsp = Some(response.to_vec());
            parts.push("OCSP response".to_owned());
        }
        if let Some(scts) = leaf.and_then(|leaf| leaf.extensions.signed_certificate_timestamps) {
            facts.scts = scts.iter().map(|sct| sct.0.to_vec()).collect();
            parts.push(counted(facts.scts.len(), "SCT"));
        }
    } else {
        let certificate: tls12::Certificate<'_> = message.decode().ok()?;
        chain.extend(certificate.certificate_list.iter().map(|entry| entry.cert_data.to_vec()));
    }
    parts.insert(0, counted(chain.len(), "certificate"));
    if from == Side::Server {
        facts.chain = chain;
    }
    Some(parts.join("; "))
}

fn ticket(message: RawMessage<'_>, version: Option<ProtocolVersion>, facts: &mut Facts) -> Option<String> {
    let ticket = if version == Some(ProtocolVersion::TLS13) {
        let ticket: NewSessionTicket<'_> = message.decode().ok()?;
        Ticket { lifetime: ticket.ticket_lifetime, early_data: ticket.max_early_data_size.unwrap_or(0) }
    } else {
        let ticket: tls12::NewSessionTicket<'_> = message.decode().ok()?;
        Ticket { lifetime: ticket.ticket_lifetime_hint, early_data: 0 }
    };
    let mut note = format!("valid for {} s", ticket.lifetime);
    if ticket.early_data > 0 {
        note += &format!("; allows {} bytes of early data", ticket.early_data);
    }
    facts.tickets.push(ticket);
    Some(note)
}

fn joined<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// `1 certificate`, `2 certificates`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Text of the peer, with its control characters replaced.
fn lossy(bytes: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
