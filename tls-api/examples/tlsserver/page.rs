//! `--html`: a page about the last connection that ended, the same as that of `tlsclient
//! --diagnose`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use strata_tls::{ServerSession, Session};

use crate::capture::{Capture, Mark, Page, Secrets, Section, Side, Timeline, milliseconds, read, utc};
use crate::options::subject;

/// Where pages are written, and the secrets of the connections.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) path: PathBuf,
    pub(crate) secrets: Arc<Secrets>,
}

/// The page of one connection in progress.
pub(crate) struct ConnectionPage {
    pages: Pages,
    pub(crate) capture: Capture,
    accepted_at: SystemTime,
    established: Option<f64>,
}

impl ConnectionPage {
    pub(crate) fn new(pages: Pages) -> Self {
        Self { pages, capture: Capture::start(), accepted_at: SystemTime::now(), established: None }
    }

    /// Notes that the handshake is complete.
    pub(crate) fn established(&mut self) {
        self.established = Some(milliseconds(self.capture.elapsed()));
    }

    /// Writes the page, unless nothing was received. `failure` is why the connection failed.
    pub(crate) fn write(self, peer: SocketAddr, session: &ServerSession, failure: Option<&str>) -> io::Result<()> {
        let handshake = read(&self.capture, &self.pages.secrets);
        if handshake.flights.is_empty() {
            return Ok(());
        }
        let mut section = Section::new("Connection");
        let mut add = |label: &str, value: Option<String>| {
            if let Some(value) = value {
                section.add(Mark::None, label, value);
            }
        };
        let facts = &handshake.facts;
        add("TLS handshake", self.established.map(|time| format!("{time:.3} ms")));
        add("server name", facts.server_name.clone());
        add("version", session.protocol_version().map(|version| version.to_string()));
        add("cipher suite", session.negotiated_cipher_suite().map(|suite| suite.to_string()));
        add("key exchange group", session.negotiated_group().map(|group| group.to_string()));
        add("server's signature", facts.scheme.map(|scheme| scheme.to_string()));
        add("ALPN", session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()));
        add("handshake", session.handshake_kind().map(|kind| format!("{kind:?}")));
        add("early data", facts.early_data_accepted.then(|| "accepted".to_owned()));
        add("client certificate", subject(session.peer_certificates()));
        add("tickets issued", Some(facts.tickets.len().to_string()));
        if self.established.is_some() {
            let limits = session.record_limits();
            let text = format!("sent up to {}, received up to {} bytes", limits.send, limits.receive);
            add("record plaintext", Some(text));
        }
        add("recorded", self.capture.is_full().then(|| "only the start of the connection".to_owned()));
        let verdict = match (failure, self.established) {
            (Some(why), _) => (Mark::Bad, why, ""),
            (None, Some(_)) => (Mark::Good, "the connection was served", ""),
            (None, None) => (Mark::Warning, "the client left before the handshake was complete", ""),
        };
        let time = self.accepted_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let page = Page {
            title: &format!("TLS connection from {peer}"),
            subtitle: &format!("accepted at {}", utc(time)),
            verdict,
            findings: Vec::new(),
            timeline: Some(Timeline { seen_by: Side::Server, flights: &handshake.flights }),
            sections: &[section],
        };
        // First to a temporary file, so that no reader sees an incomplete page.
        let temporary = self.pages.path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&temporary, page.to_string())?;
        fs::rename(&temporary, &self.pages.path)
    }
}
