//! Finds TCP and UDP in captured packets, also in tunnels. Fragments of IP packets are not joined.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use strata_tls_codec::{DecodeError, Reader};

/// A packet of TCP or UDP.
pub(crate) struct Packet<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    Tcp(Segment<'a>),
    Udp(&'a [u8]),
}

/// A segment of TCP.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) sequence: u32,
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) payload: &'a [u8],
}

/// Why a frame is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Skipped {
    /// A part of an IP packet.
    Fragment,
    /// Encrypted by the link layer or by IPsec.
    Encrypted,
    /// Neither TCP nor UDP, such as ARP and ICMP.
    Other,
    /// Malformed, or cut before the header of TCP or UDP ends.
    Malformed,
    /// Within more than [`MAX_LAYERS`].
    Nested,
    /// Of a link layer that is not read.
    LinkLayer,
    /// Longer than a packet may be, or in a malformed block of the file.
    Unreadable,
}

impl Skipped {
    /// Returns the name in the last line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fragment => "fragments",
            Self::Encrypted => "encrypted",
            Self::Other => "other_protocols",
            Self::Malformed => "malformed",
            Self::Nested => "nested",
            Self::LinkLayer => "link_layers",
            Self::Unreadable => "unreadable",
        }
    }
}

impl From<DecodeError> for Skipped {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

type Found<'a> = Result<Packet<'a>, Skipped>;

/// The most layers of IP and Ethernet in a frame.
const MAX_LAYERS: u8 = 8;

/// Finds TCP or UDP in a frame of a link layer: numbers of the tcpdump.org registry.
pub(crate) fn parse(link: u32, frame: &[u8]) -> Found<'_> {
    let mut r = Reader::new(frame);
    match link {
        // The loopback of BSD: a family, in the byte order of the machine or the network.
        0 | 108 => {
            r.bytes(4)?;
            internet(r.rest(), MAX_LAYERS)
        }
        1 => ethernet(r, MAX_LAYERS),
        9 | 50 => ppp(r, MAX_LAYERS),
        // Raw IP.
        12 | 14 | 101 | 228 | 229 => internet(frame, MAX_LAYERS),
        51 => pppoe(r, MAX_LAYERS),
        // HDLC of Cisco.
        104 => {
            r.bytes(2)?;
            ethertype(r, MAX_LAYERS)
        }
        105 => wlan(r),
        // Linux, version 1 and 2: all interfaces.
        113 => {
            r.bytes(14)?;
            ethertype(r, MAX_LAYERS)
        }
        276 => {
            let typ = r.u16()?;
            r.bytes(18)?;
            network(typ, r, MAX_LAYERS)
        }
        // Radiotap, and its length with the least byte first.
        127 => {
            let [_, _, l0, l1] = *r.array::<4>()?;
            r.bytes(usize::from(u16::from_le_bytes([l0, l1])).checked_sub(4).ok_or(Skipped::Malformed)?)?;
            wlan(r)
        }
        219 => mpls(r, MAX_LAYERS),
        _ => Err(Skipped::LinkLayer),
    }
}

/// Reads a frame of Ethernet.
fn ethernet(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    let layers = layers.checked_sub(1).ok_or(Skipped::Nested)?;
    r.bytes(12)?;
    ethertype(r, layers)
}

/// Reads the type of the next header, and what follows it.
fn ethertype(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    let typ = r.u16()?;
    network(typ, r, layers)
}

/// Reads what follows an Ethernet type.
fn network(mut typ: u16, mut r: Reader<'_>, layers: u8) -> Found<'_> {
    loop {
        return match typ {
            0x0800 | 0x86dd => internet(r.rest(), layers),
            // Tags of VLANs.
            0x8100 | 0x88a8 | 0x9100 => {
                r.bytes(2)?;
                typ = r.u16()?;
                continue;
            }
            // A length, before LLC.
            0..=1500 => snap(r, layers),
            0x6558 => ethernet(r, layers),
            0x8847 | 0x8848 => mpls(r, layers),
            0x8864 => pppoe(r, layers),
            // ERSPAN, version 2.
            0x88be => {
                r.bytes(8)?;
                ethernet(r, layers)
            }
            // MACsec.
            0x88e5 => Err(Skipped::Encrypted),
            _ => Err(Skipped::Other),
        };
    }
}

/// Reads LLC with an Ethernet type (SNAP).
fn snap(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    match r.array::<6>()? {
        [0xaa, 0xaa, 3, 0, 0, 0] => ethertype(r, layers),
        _ => Err(Skipped::Other),
    }
}

/// Reads a frame of IEEE 802.11.
fn wlan(mut r: Reader<'_>) -> Found<'_> {
    let [kind, flags, ..] = *r.array::<24>()?;
    let is_qos = kind & 0x80 != 0;
    // Data, with a body.
    if kind & 0x4c != 0x08 {
        return Err(Skipped::Other);
    }
    if flags & 0x40 != 0 {
        return Err(Skipped::Encrypted);
    }
    // A fourth address between access points.
    if flags & 3 == 3 {
        r.bytes(6)?;
    }
    if is_qos {
        let [control, _] = *r.array::<2>()?;
        // Several frames in one.
        if control & 0x80 != 0 {
            return Err(Skipped::Other);
        }
        if flags & 0x80 != 0 {
            r.bytes(4)?;
        }
    }
    snap(r, MAX_LAYERS)
}

/// Reads PPPoE (RFC 2516).
fn pppoe(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    match r.array::<6>()? {
        [0x11, 0, ..] => ppp(r, layers),
        _ => Err(Skipped::Other),
    }
}

/// Reads PPP, with the framing of HDLC or without it (RFC 1661, RFC 1662).
fn ppp(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    match r.peek() {
        [0xff, 3, ..] => {
            r.bytes(2)?;
        }
        // HDLC of Cisco.
        [0x0f | 0x8f, 0, ..] => {
            r.bytes(2)?;
            return ethertype(r, layers);
        }
        _ => {}
    }
    // An odd first byte is the whole number.
    let high = r.u8()?;
    let protocol = if high & 1 == 1 { u16::from(high) } else { u16::from_be_bytes([high, r.u8()?]) };
    match protocol {
        0x0021 | 0x0057 => internet(r.rest(), layers),
        0x0053 => Err(Skipped::Encrypted),
        0x0281 | 0x0283 => mpls(r, layers),
        _ => Err(Skipped::Other),
    }
}

/// Reads MPLS labels, and what follows them: IP, or Ethernet after a control word or without it.
fn mpls(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    while r.array::<4>()?[2] & 1 == 0 {}
    match r.peek().first().ok_or(Skipped::Malformed)? >> 4 {
        4 | 6 => internet(r.rest(), layers),
        0 => {
            r.bytes(4)?;
            ethernet(r, layers)
        }
        _ => ethernet(r, layers),
    }
}

/// Reads GRE (RFC 2784, RFC 2890), and the form for PPP (RFC 2637).
fn gre(mut r: Reader<'_>, layers: u8) -> Found<'_> {
    let [flags, version, t1, t0] = *r.array::<4>()?;
    let typ = u16::from_be_bytes([t1, t0]);
    let has = |bit: u8| if flags & bit == 0 { 0 } else { 4 };
    // Source routes are deprecated.
    if flags & 0x40 != 0 {
        return Err(Skipped::Other);
    }
    // Checksum, key, number; an acknowledgement for PPP.
    r.bytes(has(0x80) + has(0x20) + has(0x10))?;
    match (version & 7, typ) {
        // ERSPAN, version 1, has no header of its own.
        (0, 0x88be) if flags & 0x10 == 0 => ethernet(r, layers),
        (0, _) => network(typ, r, layers),
        (1, 0x880b) => {
            if version & 0x80 != 0 {
                r.bytes(4)?;
            }
            ppp(r, layers)
        }
        _ => Err(Skipped::Other),
    }
}

/// Reads VXLAN (RFC 7348) and Geneve (RFC 8926) in UDP.
fn overlay(port: u16, payload: &[u8], layers: u8) -> Option<Found<'_>> {
    let mut r = Reader::new(payload);
    match (port, *r.array::<8>().ok()?) {
        (4789, [8, 0, 0, 0, _, _, _, 0]) => Some(ethernet(r, layers)),
        (6081, [options @ 0..=0x3f, _, t1, t0, _, _, _, 0]) => {
            r.bytes(usize::from(options) * 4).ok()?;
            Some(network(u16::from_be_bytes([t1, t0]), r, layers))
        }
        _ => None,
    }
}

/// Reads an IP packet.
fn internet(packet: &[u8], layers: u8) -> Found<'_> {
    let layers = layers.checked_sub(1).ok_or(Skipped::Nested)?;
    let mut r = Reader::new(packet);
    let (source, destination, mut next, payload): (IpAddr, IpAddr, u8, &[u8]) =
        match packet.first().ok_or(Skipped::Malformed)? >> 4 {
            4 => {
                let [first, _, l1, l0, _, _, f1, f0, _, protocol, _, _] = *r.array::<12>()?;
                let source = Ipv4Addr::from(*r.array::<4>()?);
                let destination = Ipv4Addr::from(*r.array::<4>()?);
                // More fragments, or a later one.
                if u16::from_be_bytes([f1, f0]) & 0x3fff != 0 {
                    return Err(Skipped::Fragment);
                }
                r.bytes((usize::from(first & 0x0f) * 4).checked_sub(20).ok_or(Skipped::Malformed)?)?;
                let header = packet.len() - r.len();
                let payload = r.rest();
                // 0 where the network card cuts packets.
                let length = match usize::from(u16::from_be_bytes([l1, l0])) {
                    0 => payload.len(),
                    total => total.checked_sub(header).ok_or(Skipped::Malformed)?,
                };
                (source.into(), destination.into(), protocol, payload.get(..length).unwrap_or(payload))
            }
            6 => {
                let [_, _, _, _, l1, l0, next, _] = *r.array::<8>()?;
                let source = Ipv6Addr::from(*r.array::<16>()?);
                let destination = Ipv6Addr::from(*r.array::<16>()?);
                let payload = r.rest();
                let length = usize::from(u16::from_be_bytes([l1, l0]));
                let payload = if length == 0 { payload } else { payload.get(..length).unwrap_or(payload) };
                (source.into(), destination.into(), next, payload)
            }
            _ => return Err(Skipped::Malformed),
        };
    let mut r = Reader::new(payload);
    loop {
        match next {
            // Headers of IPv6: hop-by-hop, routing and destination options, mobility, HIP, shim.
            0 | 43 | 60 | 135 | 139 | 140 => {
                let [following, eights] = *r.array::<2>()?;
                r.bytes(usize::from(eights) * 8 + 6)?;
                next = following;
            }
            44 => {
                let [following, _, f1, f0, ..] = *r.array::<8>()?;
                if u16::from_be_bytes([f1, f0]) & 0xfff9 != 0 {
                    return Err(Skipped::Fragment);
                }
                next = following;
            }
            // The authentication header of IPsec (RFC 4302), which does not encrypt.
            51 => {
                let [following, fours] = *r.array::<2>()?;
                r.bytes(usize::from(fours) * 4 + 6)?;
                next = following;
            }
            4 | 41 => return internet(r.rest(), layers),
            47 => return gre(r, layers),
            50 => return Err(Skipped::Encrypted),
            6 | 17 => break,
            _ => return Err(Skipped::Other),
        }
    }
    let (from, to) = (r.u16()?, r.u16()?);
    let body = match next {
        6 => {
            let [s3, s2, s1, s0, _, _, _, _, offset, flags, _, _, _, _, _, _] = *r.array::<16>()?;
            r.bytes((usize::from(offset >> 4) * 4).checked_sub(20).ok_or(Skipped::Malformed)?)?;
            Body::Tcp(Segment {
                sequence: u32::from_be_bytes([s3, s2, s1, s0]),
                syn: flags & 2 != 0,
                ack: flags & 16 != 0,
                fin: flags & 1 != 0,
                rst: flags & 4 != 0,
                payload: r.rest(),
            })
        }
        _ => {
            let length = usize::from(r.u16()?).checked_sub(8).ok_or(Skipped::Malformed)?;
            r.u16()?;
            let payload = r.rest();
            let payload = payload.get(..length).unwrap_or(payload);
            if let Some(inner) = overlay(to, payload, layers) {
                return inner;
            }
            Body::Udp(payload)
        }
    };
    Ok(Packet { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to), body })
}
