//! Where an HTTP/1.1 response ends (RFC 9112 §6). Many servers do not send close_notify, so a client has to know.

/// What was received of a response so far.
#[derive(Default)]
pub(crate) struct Response {
    head: Vec<u8>,
    part: Part,
}

#[derive(Default)]
enum Part {
    #[default]
    Head,
    /// A body of `length` bytes, of which `left` are missing.
    Length {
        length: u64,
        left: u64,
    },
    Chunked(Chunks),
    /// The end of the connection is the end of the body.
    ToTheEnd,
    /// This is not a response.
    Broken(&'static str),
}

/// How the connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    CloseNotify,
    Cut,
}

impl Response {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        match &mut self.part {
            Part::Head => self.add_to_head(bytes),
            Part::Length { left, .. } => *left = left.saturating_sub(bytes.len() as u64),
            Part::Chunked(chunks) => {
                if let Err(why) = bytes.iter().try_for_each(|byte| chunks.add(*byte)) {
                    self.part = Part::Broken(why);
                }
            }
            Part::ToTheEnd | Part::Broken(_) => {}
        }
    }

    fn add_to_head(&mut self, bytes: &[u8]) {
        let from = self.head.len().saturating_sub(3);
        self.head.extend_from_slice(bytes);
        let seen = self.head.len().min(STATUS_LINE.len());
        if self.head[..seen] != STATUS_LINE[..seen] {
            self.part = Part::Broken("it does not begin with an HTTP/1 status line");
            return;
        }
        // A line may end in LF alone (RFC 9112 §2.2).
        let end = (from..self.head.len()).find_map(|at| {
            let rest = &self.head[at..];
            [&b"\n\r\n"[..], b"\n\n"].iter().find(|end| rest.starts_with(end)).map(|end| at + end.len())
        });
        if let Some(end) = end {
            let rest = self.head.split_off(end);
            match body_of(&std::mem::take(&mut self.head)) {
                // An interim response (RFC 9110 §15.2): the final one follows.
                None => {}
                Some(part) => self.part = part,
            }
            if !rest.is_empty() {
                self.add(&rest);
            }
        } else if self.head.len() > MAX_HEAD {
            self.part = Part::Broken("its head does not end");
        }
    }

    /// Returns whether nothing is expected to follow: the response is whole, or is not a response.
    pub(crate) fn is_over(&self) -> bool {
        match &self.part {
            Part::Length { left, .. } => *left == 0,
            Part::Chunked(chunks) => chunks.state == ChunkState::Done,
            Part::Broken(_) => true,
            Part::Head | Part::ToTheEnd => false,
        }
    }

    /// Says what is missing, if anything is, now that nothing more comes.
    pub(crate) fn check(&self, end: End) -> Result<(), String> {
        let closed = match end {
            End::CloseNotify => "the server closed the connection",
            End::Cut => "the connection was cut",
        };
        match &self.part {
            Part::Broken(why) => Err(format!("the answer is not an HTTP response: {why}")),
            _ if self.is_over() => Ok(()),
            Part::Head if self.head.is_empty() => Err(format!("{closed} without an answer")),
            Part::Head => Err(format!("{closed} in the head of the response")),
            Part::Length { length, left } => Err(format!(
                "{closed}: what was printed is not all ({} of {length} bytes of the body)",
                length.saturating_sub(*left)
            )),
            Part::Chunked(_) => Err(format!("{closed}: what was printed is not all (the last chunk is missing)")),
            Part::ToTheEnd if end == End::CloseNotify => Ok(()),
            Part::ToTheEnd => Err(format!("{closed}: what was printed may not be all (no length, no close_notify)")),
        }
    }
}

/// RFC 9112 §6.3, for the answer to a GET; `None` for an interim response.
fn body_of(head: &[u8]) -> Option<Part> {
    let head = String::from_utf8_lossy(head);
    let status = head.split([' ', '\r', '\n']).nth(1).unwrap_or_default();
    if status.len() != 3 || !status.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Part::Broken("its status line has no status of three digits"));
    }
    // 101 would end HTTP on this connection, and the request did not ask for an upgrade.
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
        return Some(if chunked { Part::Chunked(Chunks::default()) } else { Part::ToTheEnd });
    }
    // The same length may be there more than once.
    let mut lengths = fields("content-length");
    let Some(first) = lengths.next() else { return Some(Part::ToTheEnd) };
    let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    match first.parse() {
        Ok(length) if digits && lengths.all(|other| other == first) => Some(Part::Length { length, left: length }),
        _ => Some(Part::Broken("its Content-Length is not one number")),
    }
}

/// RFC 9112 §7.1.
#[derive(Default)]
struct Chunks {
    state: ChunkState,
    /// The size that is being read, then what is missing of the chunk.
    left: u64,
    /// Characters of the line so far.
    line: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Size,
    /// Behind the size: an extension, or the end of the line.
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
                let digit = char::from(byte).to_digit(16).ok_or("the size of a chunk is not a number")?;
                self.left = self.left.checked_mul(16).ok_or("a chunk is too long")? + u64::from(digit);
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
            (ChunkState::AfterData, _) => return Err("a chunk is longer than its size says"),
            (ChunkState::Trailer, b'\n') if self.line == 0 => self.state = ChunkState::Done,
            (ChunkState::Trailer, b'\n') => self.line = 0,
            (ChunkState::Trailer, b'\r') | (ChunkState::Extension | ChunkState::Done, _) => {}
            (ChunkState::Trailer, _) => self.line += 1,
        }
        Ok(())
    }

    fn begin_chunk(&mut self) -> Result<(), &'static str> {
        if std::mem::take(&mut self.line) == 0 {
            return Err("the size of a chunk is not a number");
        }
        self.state = if self.left == 0 { ChunkState::Trailer } else { ChunkState::Data };
        Ok(())
    }
}

const STATUS_LINE: &[u8] = b"HTTP/1.";

const MAX_HEAD: usize = 256 * 1024;
