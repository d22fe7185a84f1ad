//! Where an HTTP/1.1 response ends. Many servers do not say close_notify, so a client has to know.

/// What was seen of a response so far.
#[derive(Default)]
pub(crate) struct Response {
    head: Vec<u8>,
    body: Option<Body>,
}

enum Body {
    /// So many bytes are still to come.
    Length(u64),
    /// The last bytes, which tell whether the last chunk was there.
    Chunked(Vec<u8>),
    /// The end of the connection is the end of the body.
    ToTheEnd,
}

impl Response {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let Some(body) = &mut self.body else {
            let seen = self.head.len();
            self.head.extend_from_slice(bytes);
            let from = seen.saturating_sub(3);
            let end = self.head[from..].windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4);
            if let Some(end) = end {
                let rest = self.head.split_off(end);
                self.body = Some(body_of(&self.head));
                self.add(&rest);
            }
            return;
        };
        match body {
            Body::Length(left) => *left = left.saturating_sub(bytes.len() as u64),
            Body::Chunked(tail) => {
                tail.extend_from_slice(bytes);
                tail.drain(..tail.len().saturating_sub(LAST_CHUNK.len()));
            }
            Body::ToTheEnd => {}
        }
    }

    /// The response says itself that there is no more.
    pub(crate) fn is_complete(&self) -> bool {
        match &self.body {
            Some(Body::Length(left)) => *left == 0,
            Some(Body::Chunked(tail)) => tail == LAST_CHUNK,
            Some(Body::ToTheEnd) | None => false,
        }
    }

    /// Without close_notify nobody can tell whether there was more.
    pub(crate) fn depends_on_the_end(&self) -> bool {
        matches!(self.body, Some(Body::ToTheEnd))
    }
}

/// RFC 9112 §6.3, for the answer to a GET.
fn body_of(head: &[u8]) -> Body {
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).unwrap_or_default();
    let field = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_ascii_lowercase())
        })
    };
    if matches!(status, "204" | "304") {
        Body::Length(0)
    } else if field("transfer-encoding").is_some_and(|codings| codings.ends_with("chunked")) {
        Body::Chunked(Vec::new())
    } else {
        field("content-length").and_then(|length| length.parse().ok()).map_or(Body::ToTheEnd, Body::Length)
    }
}

const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
