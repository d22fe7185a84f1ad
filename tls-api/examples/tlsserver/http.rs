//! The `http` service: responds to one HTTP/1.0 or HTTP/1.1 request (RFC 9112).

use std::io;

use strata_tls::{ServerSession, Session};

use crate::options::subject;
use crate::transfer::{ReadOutcome, Resources, Step, Unsent, read_some, write_some};

#[derive(Default)]
pub(crate) struct Http {
    head: Vec<u8>,
    /// The length of the prefix of `head` that contains no empty line.
    scanned: usize,
    response: Option<Response>,
    /// Bytes of the request that arrived as early data.
    early: usize,
}

struct Response {
    head: Unsent,
    body_sent: u64,
    body_len: u64,
}

impl Http {
    /// Accepts a request in early data. The service supports only GET and HEAD, which are safe.
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        self.early += data.len();
        self.head.extend_from_slice(data);
    }

    pub(crate) fn advance(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<Step> {
        if let Some(response) = &mut self.response {
            return response.advance(session);
        }
        if self.early > 0 && self.scanned == 0 && self.is_complete() {
            self.response = Some(respond_to(&std::mem::take(&mut self.head), session, self.early));
            return Ok(Step::Moved);
        }
        match read_some(session, resources.scratch)? {
            ReadOutcome::Bytes(n) => {
                self.head.extend_from_slice(&resources.scratch[..n]);
                if self.is_complete() {
                    self.response = Some(respond_to(&std::mem::take(&mut self.head), session, self.early));
                } else if self.head.len() > MAX_HEAD {
                    self.head = Vec::new();
                    self.response =
                        Some(plain("431 Request Header Fields Too Large", "the request header is too large\n"));
                }
                Ok(Step::Moved)
            }
            ReadOutcome::WouldBlock => Ok(Step::Idle),
            // A client may close without sending a request.
            ReadOutcome::Eof if self.head.is_empty() => Ok(Step::Finished),
            ReadOutcome::Eof => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client closed the connection within its request"))
            }
        }
    }

    /// Returns whether the request's head is complete, that is, whether it ends with an empty line.
    /// Lines end in CRLF or LF. Empty lines before the request are ignored (RFC 9112 §2.2).
    fn is_complete(&mut self) -> bool {
        if self.scanned == 0 {
            let blank = self.head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.head.drain(..blank);
        }
        let found = (self.scanned..self.head.len()).any(|at| {
            let rest = &self.head[at..];
            rest.starts_with(b"\n\n") || rest.starts_with(b"\n\r\n")
        });
        // The last two bytes may start an empty line.
        self.scanned = self.head.len().saturating_sub(2);
        found
    }
}

impl Response {
    fn advance(&mut self, session: &mut ServerSession) -> io::Result<Step> {
        let mut moved = 0;
        if !self.head.is_empty() {
            moved += self.head.send(session)?;
        }
        while self.head.is_empty() && self.body_sent < self.body_len {
            let n = write_some(session, body_at(self.body_sent, self.body_len))?;
            if n == 0 {
                break;
            }
            moved += n;
            self.body_sent += n as u64;
        }
        Ok(match (self.head.is_empty() && self.body_sent == self.body_len, moved) {
            (true, _) => Step::Finished,
            (false, 0) => Step::Idle,
            (false, _) => Step::Moved,
        })
    }
}

fn respond_to(head: &[u8], session: &ServerSession, early: usize) -> Response {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else {
        return plain("400 Bad Request", "expected an HTTP/1.0 or HTTP/1.1 request\n");
    };
    if !matches!(version, b"HTTP/1.0" | b"HTTP/1.1") {
        return plain("505 HTTP Version Not Supported", "expected HTTP/1.0 or HTTP/1.1\n");
    }
    let with_body = match method {
        b"GET" => true,
        b"HEAD" => false,
        _ => return plain("405 Method Not Allowed\r\nAllow: GET, HEAD", "expected GET or HEAD\n"),
    };
    let Some(count) = target.strip_prefix(b"/bytes/") else {
        return text("200 OK", &page(session, early), with_body);
    };
    match std::str::from_utf8(count).ok().and_then(|count| count.parse().ok()) {
        Some(len) => Response {
            head: head_of("200 OK", "application/octet-stream", len),
            body_sent: 0,
            body_len: if with_body { len } else { 0 },
        },
        None => plain("400 Bad Request", "expected a number after /bytes/, as in /bytes/1000\n"),
    }
}

/// Returns the page about the connection.
fn page(session: &ServerSession, early: usize) -> String {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "none".into());
    let rows = [
        ("version", or_none(session.protocol_version().map(|version| version.to_string()))),
        ("cipher suite", or_none(session.negotiated_cipher_suite().map(|suite| suite.to_string()))),
        ("group", or_none(session.negotiated_group().map(|group| group.to_string()))),
        ("handshake", or_none(session.handshake_kind().map(|kind| format!("{kind:?}")))),
        ("early data", format!("{early} bytes")),
        ("external key", or_none(session.external_psk_identity().map(|id| String::from_utf8_lossy(id).into_owned()))),
        ("server name", or_none(session.sni_hostname().map(str::to_owned))),
        ("client", or_none(subject(session.peer_certificates()))),
        (
            "record limits",
            format!("sent {}, received {}", session.record_limits().send, session.record_limits().receive),
        ),
        ("protocol", or_none(session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()))),
    ];
    rows.iter().map(|(what, value)| format!("{what}: {value}\n")).collect()
}

fn plain(status: &str, page: &str) -> Response {
    text(status, page, true)
}

fn text(status: &str, page: &str, with_body: bool) -> Response {
    let mut bytes = head_bytes(status, "text/plain; charset=utf-8", page.len() as u64);
    if with_body {
        bytes.extend_from_slice(page.as_bytes());
    }
    Response { head: Unsent::new(bytes), body_sent: 0, body_len: 0 }
}

fn head_of(status: &str, content_type: &str, len: u64) -> Unsent {
    Unsent::new(head_bytes(status, content_type, len))
}

fn head_bytes(status: &str, content_type: &str, len: u64) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

/// Returns the next bytes of a body of length `len`, after the first `sent` bytes.
fn body_at(sent: u64, len: u64) -> &'static [u8] {
    // Less than PERIOD, so the conversion succeeds.
    let phase = usize::try_from(sent % PERIOD as u64).unwrap_or_default();
    let rest = &PATTERN[phase..];
    let wanted = usize::try_from(len - sent).unwrap_or(usize::MAX);
    &rest[..rest.len().min(wanted)]
}

/// A prime, so that lost or repeated bytes at record boundaries change the pattern.
const PERIOD: usize = 251;
static PATTERN: [u8; PERIOD * 128] = {
    let mut pattern = [0; PERIOD * 128];
    let (mut at, mut byte) = (0, 0);
    while at < pattern.len() {
        pattern[at] = byte;
        byte = if byte == 250 { 0 } else { byte + 1 };
        at += 1;
    }
    pattern
};

const MAX_HEAD: usize = 16 * 1024;
