//! Finds TCP and UDP in captured packets. Fragments of IP packets are not joined.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use strata_tls_codec::Reader;

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

/// Returns whether frames of this link layer are read: numbers of the tcpdump.org registry.
pub(crate) fn is_read(link: u32) -> bool {
    matches!(link, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
}

/// Reads a frame of a link layer. `None` if it carries neither TCP nor UDP, or is malformed.
pub(crate) fn parse(link: u32, frame: &[u8]) -> Option<Packet<'_>> {
    let mut r = Reader::new(frame);
    match link {
        // The loopback of BSD: a family, in the byte order of the machine or the network.
        0 | 108 => {
            r.bytes(4).ok()?;
        }
        1 => {
            r.bytes(12).ok()?;
            ethertype(&mut r)?;
        }
        // Raw IP.
        12 | 14 | 101 | 228 | 229 => {}
        // Linux, version 1 and 2: all interfaces.
        113 => {
            r.bytes(14).ok()?;
            ethertype(&mut r)?;
        }
        276 => {
            let mut protocol = Reader::new(r.bytes(20).ok()?);
            if !matches!(protocol.u16().ok()?, IPV4 | IPV6) {
                return None;
            }
        }
        _ => return None,
    }
    internet(r.rest())
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Reads the type of the next header, and tags of VLANs before it.
fn ethertype(r: &mut Reader<'_>) -> Option<()> {
    loop {
        match r.u16().ok()? {
            IPV4 | IPV6 => return Some(()),
            0x8100 | 0x88a8 | 0x9100 => {
                r.bytes(2).ok()?;
            }
            _ => return None,
        }
    }
}

/// Reads an IP packet.
fn internet(packet: &[u8]) -> Option<Packet<'_>> {
    let (source, destination, protocol, payload): (IpAddr, IpAddr, u8, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let mut r = Reader::new(packet);
            let [first, _, l1, l0, _, _, f1, f0, _, protocol, _, _] = *r.array::<12>().ok()?;
            let source = Ipv4Addr::from(*r.array::<4>().ok()?);
            let destination = Ipv4Addr::from(*r.array::<4>().ok()?);
            // More fragments, or a later one.
            if u16::from_be_bytes([f1, f0]) & 0x3fff != 0 {
                return None;
            }
            r.bytes(usize::from(first & 0x0f).checked_mul(4)?.checked_sub(20)?).ok()?;
            let header = packet.len() - r.len();
            let payload = r.rest();
            // 0 where the network card cuts packets.
            let length = match usize::from(u16::from_be_bytes([l1, l0])) {
                0 => payload.len(),
                total => total.checked_sub(header)?,
            };
            (source.into(), destination.into(), protocol, payload.get(..length).unwrap_or(payload))
        }
        6 => {
            let mut r = Reader::new(packet);
            let [_, _, _, _, l1, l0, mut next, _] = *r.array::<8>().ok()?;
            let source = Ipv6Addr::from(*r.array::<16>().ok()?);
            let destination = Ipv6Addr::from(*r.array::<16>().ok()?);
            let payload = r.rest();
            let length = usize::from(u16::from_be_bytes([l1, l0]));
            let payload = if length == 0 { payload } else { payload.get(..length).unwrap_or(payload) };
            let mut r = Reader::new(payload);
            loop {
                match next {
                    // Hop-by-hop, routing and destination options.
                    0 | 43 | 60 => {
                        let [following, eights] = *r.array::<2>().ok()?;
                        r.bytes(usize::from(eights).checked_mul(8)?.checked_add(6)?).ok()?;
                        next = following;
                    }
                    44 => {
                        let [following, _, f1, f0, ..] = *r.array::<8>().ok()?;
                        if u16::from_be_bytes([f1, f0]) & 0xfff9 != 0 {
                            return None;
                        }
                        next = following;
                    }
                    _ => break,
                }
            }
            (source.into(), destination.into(), next, r.rest())
        }
        _ => return None,
    };
    let mut r = Reader::new(payload);
    let (from, to) = (r.u16().ok()?, r.u16().ok()?);
    let body = match protocol {
        6 => {
            let [s3, s2, s1, s0, _, _, _, _, offset, flags, _, _, _, _, _, _] = *r.array::<16>().ok()?;
            r.bytes(usize::from(offset >> 4).checked_mul(4)?.checked_sub(20)?).ok()?;
            Body::Tcp(Segment {
                sequence: u32::from_be_bytes([s3, s2, s1, s0]),
                syn: flags & 2 != 0,
                ack: flags & 16 != 0,
                fin: flags & 1 != 0,
                rst: flags & 4 != 0,
                payload: r.rest(),
            })
        }
        17 => {
            let length = usize::from(r.u16().ok()?).checked_sub(8)?;
            r.u16().ok()?;
            let payload = r.rest();
            Body::Udp(payload.get(..length).unwrap_or(payload))
        }
        _ => return None,
    };
    Some(Packet { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to), body })
}
