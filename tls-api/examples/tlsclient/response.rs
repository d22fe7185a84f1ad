//! Finds the end of an HTTP/1.1 response (RFC 9112 §6), because many servers do not send
//! close_notify.

/// The state of a partially received response.
#[derive(Default)]
pub(crate) struct Response {
    head: Vec<u8>,
    part: Part,
}

#[derive(Default)]
enum Part {
    #[default]
    Head,
    /// A body of `length` bytes, of which `left` are still missing.
    Length {
        length: u64,
        left: u64,
    },
    Chunked(Chunks),
    /// A body that ends with the connection.
    UntilClose,
    /// Not a response, and why.
    Invalid(&'static str),
}

/// How the connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    CloseNotify,
    Truncated,
}

impl Response {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        match &mut self.part {
            Part::Head => self.add_to_head(bytes),
            Part::Length { left, .. } => *left = left.saturating_sub(bytes.len() as u64),
            Part::Chunked(chunks) => {
                if let Err(why) = bytes.iter().try_for_each(|byte| chunks.add(*byte)) {
                    self.part = Part::Invalid(why);
                }
            }
            Part::UntilClose | Part::Invalid(_) => {}
        }
    }

    fn add_to_head(&mut self, bytes: &[u8]) {
        let from = self.head.len().saturating_sub(3);
        self.head.extend_from_slice(bytes);
        let seen = self.head.len().min(STATUS_LINE.len());
        if self.head[..seen] != STATUS_LINE[..seen] {
            self.part = Part::Invalid("no HTTP/1 status line");
            return;
        }
        // A line may end in LF without CR (RFC 9112 §2.2).
        let end = (from..self.head.len()).find_map(|at| {
            let rest = &self.head[at..];
            [&b"\n\r\n"[..], b"\n\n"].iter().find(|end| rest.starts_with(end)).map(|end| at + end.len())
        });
        if let Some(end) = end {
            let rest = self.head.split_off(end);
            match body_of(&std::mem::take(&mut self.head)) {
                // The final response follows an interim one (RFC 9110 §15.2).
                None => {}
                Some(part) => self.part = part,
            }
            if !rest.is_empty() {
                self.add(&rest);
            }
        } else if self.head.len() > MAX_HEAD {
            self.part = Part::Invalid("the head is too long");
        }
    }

    /// Returns whether no more data is expected: the response is complete or invalid.
    pub(crate) fn is_over(&self) -> bool {
        match &self.part {
            Part::Length { left, .. } => *left == 0,
            Part::Chunked(chunks) => chunks.state == ChunkState::Done,
            Part::Invalid(_) => true,
            Part::Head | Part::UntilClose => false,
        }
    }

    /// Checks that the response is complete. Returns what is missing.
    pub(crate) fn check(&self, end: End) -> Result<(), String> {
        let closed = match end {
            End::CloseNotify => "the server closed the connection",
            End::Truncated => "the connection was truncated",
        };
        match &self.part {
            Part::Invalid(why) => Err(format!("invalid HTTP response: {why}")),
            _ if self.is_over() => Ok(()),
            Part::Head if self.head.is_empty() => Err(format!("{closed} without a response")),
            Part::Head => Err(format!("{closed} in the head of the response")),
            Part::Length { length, left } => Err(format!(
                "{closed}: the output is incomplete ({} of {length} bytes of the body)",
                length.saturating_sub(*left)
            )),
            Part::Chunked(_) => Err(format!("{closed}: the output is incomplete (the last chunk is missing)")),
            Part::UntilClose if end == End::CloseNotify => Ok(()),
            Part::UntilClose => Err(format!("{closed}: the output may be incomplete (no length, no close_notify)")),
        }
    }
}

/// Returns the kind of body of a response to GET (RFC 9112 §6.3), or `None` for an interim
/// response.
fn body_of(head: &[u8]) -> Option<Part> {
    let head = String::from_utf8_lossy(head);
    let status = head.split([' ', '\r', '\n']).nth(1).unwrap_or_default();
    if status.len() != 3 || !status.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Part::Invalid("the status code does not have three digits"));
    }
    // Includes 101: the request asked for no upgrade.
    if status.starts_with('1') {
        return None;
    }
    let fields = |wanted: &'static str| {
        head.lines().skip(1).filter_map(move |line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_ascii_lowercase())
        })
    };
    if matches!(status, "204" | "304") {
        return Some(Part::Length { length: 0, left: 0 });
    }
    if let Some(codings) = fields("transfer-encoding").last() {
        let chunked = codings.rsplit(',').next().is_some_and(|last| last.trim() == "chunked");
        return Some(if chunked { Part::Chunked(Chunks::default()) } else { Part::UntilClose });
    }
    // Content-Length may be repeated with the same value.
    let mut lengths = fields("content-length");
    let Some(first) = lengths.next() else { return Some(Part::UntilClose) };
    let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    match first.parse() {
        Ok(length) if digits && lengths.all(|other| other == first) => Some(Part::Length { length, left: length }),
        _ => Some(Part::Invalid("Content-Length is not a single number")),
    }
}

/// The state of a chunked body (RFC 9112 §7.1).
#[derive(Default)]
struct Chunks {
    state: ChunkState,
    /// The chunk size while it is read, then the missing bytes of the chunk.
    left: u64,
    /// The length of the current line.
    line: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Size,
    /// After the size: an extension or the end of the line.
    Extension,
    Data,
    /// The line end after the data.
    AfterData,
    Trailer,
    Done,
}

impl Chunks {
    fn add(&mut self, byte: u8) -> Result<(), &'static str> {
        match (self.state, byte) {
            (ChunkState::Size, b'\r') => {}
            (ChunkState::Size | ChunkState::Extension, b'\n') => self.begin_chunk()?,
            (ChunkState::Size, b';' | b' ' | b'\t') => self.state = ChunkState::Extension,
            (ChunkState::Size, _) => {
                let digit = char::from(byte).to_digit(16).ok_or("a chunk size is not a number")?;
                self.left = self.left.checked_mul(16).ok_or("a chunk size is too large")? + u64::from(digit);
                self.line += 1;
            }
            (ChunkState::Data, _) => {
                self.left -= 1;
                if self.left == 0 {
                    self.state = ChunkState::AfterData;
                }
            }
            (ChunkState::AfterData, b'\n') => self.state = ChunkState::Size,
            (ChunkState::AfterData, b'\r') => {}
            (ChunkState::AfterData, _) => return Err("a chunk is longer than its size"),
            (ChunkState::Trailer, b'\n') if self.line == 0 => self.state = ChunkState::Done,
            (ChunkState::Trailer, b'\n') => self.line = 0,
            (ChunkState::Trailer, b'\r') | (ChunkState::Extension | ChunkState::Done, _) => {}
            (ChunkState::Trailer, _) => self.line += 1,
        }
        Ok(())
    }

    fn begin_chunk(&mut self) -> Result<(), &'static str> {
        if std::mem::take(&mut self.line) == 0 {
            return Err("a chunk size is not a number");
        }
        self.state = if self.left == 0 { ChunkState::Trailer } else { ChunkState::Data };
        Ok(())
    }
}

const STATUS_LINE: &[u8] = b"HTTP/1.";

const MAX_HEAD: usize = 256 * 1024;
