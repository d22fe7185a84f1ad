//! Reads the packets of capture files: pcap, and pcapng.

use std::io::{self, ErrorKind, Read};

use strata_tls_codec::Reader;

/// The longest packet, or block with a packet, that is read. Longer ones are skipped.
const MAX_PACKET: usize = 1 << 20;

/// The maximum number of interfaces of a file that are distinguished.
const MAX_INTERFACES: usize = 1 << 12;

/// A capture file, read from its start to its end.
pub(crate) struct Capture<R> {
    source: R,
    format: Format,
    buffer: Vec<u8>,
    /// The number of packets that are too long or malformed in the file.
    pub(crate) unreadable: u64,
}

enum Format {
    Pcap { order: Order, link: u32 },
    PcapNg { order: Order, links: Vec<u16> },
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn u16(self, r: &mut Reader<'_>) -> Option<u16> {
        let bytes = *r.array().ok()?;
        Some(if self == Self::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(self, r: &mut Reader<'_>) -> Option<u32> {
        let bytes = *r.array().ok()?;
        Some(if self == Self::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

impl<R: Read> Capture<R> {
    /// Reads the header of the file.
    pub(crate) fn open(mut source: R) -> io::Result<Self> {
        let mut magic = [0; 4];
        source.read_exact(&mut magic).map_err(|_| invalid("it is not a capture: too short"))?;
        let format = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => pcap(&mut source, Order::Big)?,
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => pcap(&mut source, Order::Little)?,
            SECTION => section(&mut source)?,
            _ => return Err(invalid("it is not a capture: expected pcap or pcapng")),
        };
        Ok(Self { source, format, buffer: Vec::new(), unreadable: 0 })
    }

    /// Returns the next packet and the type of its link layer; `None` at the end of the file.
    pub(crate) fn next_packet(&mut self) -> io::Result<Option<(u32, &[u8])>> {
        loop {
            match &mut self.format {
                Format::Pcap { order, link } => {
                    let mut header = [0; 16];
                    if !read_or_end(&mut self.source, &mut header)? {
                        return Ok(None);
                    }
                    let mut r = Reader::new(&header[8..]);
                    let length = order.u32(&mut r).unwrap_or_default();
                    let link = *link;
                    if read_body(&mut self.source, &mut self.buffer, length)? {
                        return Ok(Some((link, &self.buffer)));
                    }
                    self.unreadable += 1;
                }
                Format::PcapNg { order, links } => {
                    let mut typ = [0; 4];
                    if !read_or_end(&mut self.source, &mut typ)? {
                        return Ok(None);
                    }
                    if typ == SECTION {
                        self.format = section(&mut self.source)?;
                        continue;
                    }
                    let mut length = [0; 4];
                    read_header(&mut self.source, &mut length)?;
                    let typ = order.u32(&mut Reader::new(&typ)).unwrap_or_default();
                    let length = order.u32(&mut Reader::new(&length)).unwrap_or_default();
                    let body = length.checked_sub(8).ok_or_else(|| invalid("a block is shorter than its header"))?;
                    if !matches!(typ, 1..=3 | 6) {
                        skip(&mut self.source, body)?;
                    } else if read_body(&mut self.source, &mut self.buffer, body)?
                        && let Some((link, start, count)) = block(typ, *order, links, &self.buffer)
                        && let Some(data) = self.buffer.get(start..).and_then(|data| data.get(..count))
                    {
                        // Indices, because the borrow checker rejects a slice that one path
                        // returns.
                        let end = start + data.len();
                        return Ok(Some((link, self.buffer.get(start..end).unwrap_or_default())));
                    } else if typ != 1 {
                        self.unreadable += 1;
                    }
                }
            }
        }
    }
}

/// The type of the block that starts a section of pcapng.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Reads the rest of the header of a pcap file.
fn pcap(source: &mut impl Read, order: Order) -> io::Result<Format> {
    let mut header = [0; 20];
    read_header(source, &mut header)?;
    let link = order.u32(&mut Reader::new(&header[16..])).unwrap_or_default();
    // The other bits say how long the checksum of a frame is.
    Ok(Format::Pcap { order, link: link & 0xffff })
}

/// Reads the rest of the block that starts a section.
fn section(source: &mut impl Read) -> io::Result<Format> {
    let mut header = [0; 8];
    read_header(source, &mut header)?;
    let order = match header[4..] {
        [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
        [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
        _ => return Err(invalid("a section has no byte order")),
    };
    let length = order.u32(&mut Reader::new(&header)).unwrap_or_default();
    let rest = length.checked_sub(12).ok_or_else(|| invalid("a section is shorter than its header"))?;
    skip(source, rest)?;
    Ok(Format::PcapNg { order, links: Vec::new() })
}

/// Reads the body of a block: notes an interface, or returns link type, start and length of a
/// packet. Returns `None` for malformed blocks.
fn block(typ: u32, order: Order, links: &mut Vec<u16>, body: &[u8]) -> Option<(u32, usize, usize)> {
    let mut r = Reader::new(body);
    let interface = match typ {
        1 => {
            if links.len() < MAX_INTERFACES {
                links.push(order.u16(&mut r)?);
            }
            return None;
        }
        // An obsolete form, and one for files with one interface.
        2 => usize::from(order.u16(&mut r)?),
        3 => 0,
        _ => usize::try_from(order.u32(&mut r)?).ok()?,
    };
    let link = u32::from(*links.get(interface)?);
    match typ {
        2 => r.bytes(10).ok()?,
        3 => &[],
        _ => r.bytes(8).ok()?,
    };
    let captured = usize::try_from(order.u32(&mut r)?).ok()?;
    if typ != 3 {
        r.bytes(4).ok()?;
    }
    // The length is repeated after the body. A simple packet may be cut.
    let room = r.len().checked_sub(4)?;
    let count = if typ == 3 { captured.min(room) } else { captured };
    (count <= room).then_some((link, body.len() - r.len(), count))
}

/// Reads `buffer` in whole; returns `false` if the file ends before it.
fn read_or_end(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..)
        && !free.is_empty()
    {
        match source.read(free) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the file ends inside of a packet")),
            Ok(count) => filled += count,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

fn read_header(source: &mut impl Read, header: &mut [u8]) -> io::Result<()> {
    source.read_exact(header).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => io::Error::new(e.kind(), "the file ends inside of a header"),
        _ => e,
    })
}

/// Reads `length` bytes to the buffer, or skips them if they are too many.
fn read_body(source: &mut impl Read, buffer: &mut Vec<u8>, length: u32) -> io::Result<bool> {
    let Some(count) = usize::try_from(length).ok().filter(|count| *count <= MAX_PACKET) else {
        return skip(source, length).map(|()| false);
    };
    buffer.resize(count, 0);
    source.read_exact(buffer).map_err(|e| if e.kind() == ErrorKind::UnexpectedEof { cut() } else { e }).map(|()| true)
}

fn skip(source: &mut impl Read, count: u32) -> io::Result<()> {
    let skipped = io::copy(&mut source.take(count.into()), &mut io::sink())?;
    if skipped == u64::from(count) { Ok(()) } else { Err(cut()) }
}

fn cut() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the file ends inside of a packet")
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
