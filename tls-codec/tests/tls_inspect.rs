//! Tests of the example tls-inspect. `data/inspect/make` made the captures.

#[path = "../examples/tls_inspect/inspect/mod.rs"]
mod inspect;

use inspect::{Format, inspect};

const PCAP: &[u8] = include_bytes!("data/inspect/openssl.pcap");
const PCAPNG: &[u8] = include_bytes!("data/inspect/openssl.pcapng");

/// Returns the lines for a capture that has no error.
fn lines(capture: &[u8], format: Format, all: bool) -> String {
    let mut out = Vec::new();
    inspect(capture, format, all, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Splits a pcap file into its header and its packets, with their headers.
fn packets(capture: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (header, mut rest) = capture.split_at(24);
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        let (packet, after) = rest.split_at(16 + usize::try_from(length).unwrap());
        packets.push(packet);
        rest = after;
    }
    (header, packets)
}

fn joined<'a>(header: &'a [u8], packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    [header].into_iter().chain(packets).flatten().copied().collect()
}

/// Returns the lines in ascending order: they follow the ends of connections.
fn sorted(lines: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines
}

/// JA3 as tshark 4.0 shows it; the rest was compared with its fields.
#[test]
fn capture_of_openssl_has_expected_lines() {
    assert_eq!(lines(PCAP, Format::Text, true), include_str!("data/inspect/openssl.txt"));
    assert_eq!(lines(PCAP, Format::Json, true), include_str!("data/inspect/openssl.json"));
}

#[test]
fn pcapng_has_same_lines() {
    assert_eq!(lines(PCAPNG, Format::Text, true), include_str!("data/inspect/openssl.txt"));
}

#[test]
fn other_protocols_are_shown_only_on_request() {
    let all = lines(PCAP, Format::Text, true);
    let (other, tls): (Vec<&str>, Vec<&str>) = all.lines().partition(|line| line.contains(" other "));
    assert_eq!(other.len(), 1);
    assert_eq!(lines(PCAP, Format::Text, false).lines().collect::<Vec<_>>(), tls);
}

/// A fixed sequence of numbers that look random.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

#[test]
fn repeated_and_reordered_packets_change_no_line() {
    let (header, packets) = packets(PCAP);
    // The version that a server selects decides how its client is read, so the order of hellos
    // counts.
    let expected = lines(PCAP, Format::Text, false);
    let mut swapped = 0;
    for seed in 0..20 {
        let mut next = numbers(seed);
        let mut order: Vec<&[u8]> = Vec::new();
        for (at, packet) in packets.iter().enumerate() {
            order.push(packet);
            // Any packet with payload may come twice.
            if next(4) == 0 {
                order.push(packets[at]);
            }
        }
        // Segments of one direction overtake each other.
        for at in 1..order.len() {
            if next(3) == 0 && is_same_direction(order[at - 1], order[at]) {
                swapped += usize::from(order[at - 1] != order[at]);
                order.swap(at - 1, at);
            }
        }
        assert_eq!(sorted(&lines(&joined(header, order), Format::Text, false)), sorted(&expected), "{seed}");
    }
    assert!(swapped > 20);
}

/// Returns whether two packets of IP over Ethernet have the same ends, and neither is a SYN, FIN or
/// RST of TCP.
fn is_same_direction(a: &[u8], b: &[u8]) -> bool {
    let parts = |packet: &[u8]| {
        let ip = packet[16 + 14..].to_vec();
        let (addresses, header) = if ip[0] >> 4 == 4 { (ip[12..20].to_vec(), 20) } else { (ip[8..40].to_vec(), 40) };
        let flags = ip.get(header + 13).copied().unwrap_or_default();
        (addresses, ip[header..header + 4].to_vec(), flags & 7 == 0)
    };
    parts(a) == parts(b) && parts(a).2
}

#[test]
fn lost_packets_are_said_and_leave_what_is_there() {
    let (header, packets) = packets(PCAP);
    let expected = lines(PCAP, Format::Text, false);
    let mut with_remark = 0;
    for lost in 0..packets.len() {
        let rest = packets.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, packet)| *packet);
        let found = lines(&joined(header, rest), Format::Text, false);
        with_remark += usize::from(found.contains("packets are missing"));
        // No other connection is affected.
        let expected = sorted(&expected);
        let missing = expected.iter().filter(|line| !found.contains(**line)).count();
        assert!(missing <= 1, "packet {lost}: {found}");
    }
    assert!(with_remark > 0);
}

#[test]
fn cut_file_gives_lines_and_error() {
    for capture in [PCAP, PCAPNG] {
        let mut at_end = 0;
        for end in (0..capture.len()).step_by(97) {
            let mut out = Vec::new();
            match inspect(&capture[..end], Format::Json, true, &mut out) {
                Ok(()) => at_end += 1,
                Err(e) if end < 24 => assert_ne!(e.kind(), std::io::ErrorKind::Other, "{e}"),
                Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::UnexpectedEof, "{e}"),
            }
            let text = String::from_utf8(out).unwrap();
            assert!(text.is_empty() || text.ends_with("}\n"), "{text}");
        }
        // Most cuts are inside of a packet.
        assert!(at_end < capture.len() / 97 / 2, "{at_end}");
    }
    let (header, packets) = packets(PCAP);
    let cut = joined(header, packets.iter().copied());
    let mut out = Vec::new();
    inspect(&cut[..cut.len() - 1], Format::Text, false, &mut out).unwrap_err();
    assert_eq!(out, lines(PCAP, Format::Text, false).as_bytes());
}

#[test]
fn flipped_bytes_do_no_harm() {
    for capture in [PCAP, PCAPNG] {
        let mut next = numbers(7);
        for _ in 0..300 {
            let mut capture = capture.to_vec();
            for _ in 0..20 {
                let (at, bit) = (next(capture.len()), next(8));
                capture[at] ^= 1 << bit;
            }
            let mut out = Vec::new();
            // Both results are right; what counts is that there is one.
            let _ = inspect(&capture[..], Format::Json, true, &mut out);
            assert!(String::from_utf8(out).unwrap().lines().all(|line| line.starts_with('{') && line.ends_with('}')));
        }
    }
}

#[test]
fn file_of_other_format_is_rejected() {
    for (file, error) in [
        (&b"GIF89a"[..], "it is not a capture: expected pcap or pcapng"),
        (b"abc", "it is not a capture: too short"),
        (b"\x0a\x0d\x0d\x0a\0\0\0\x1cABCD", "a section has no byte order"),
        (b"", "it is not a capture: too short"),
        (&PCAP[..20], "the file ends inside of a header"),
        (&PCAPNG[..10], "the file ends inside of a header"),
    ] {
        assert_eq!(inspect(file, Format::Text, false, &mut Vec::new()).unwrap_err().to_string(), error);
    }
}

/// A pcap file of big-endian, raw IP packets.
fn raw_ip(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 101];
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
        file.extend([[0; 8].as_slice(), &length, &length, packet].concat());
    }
    file
}

/// A packet of UDP over IPv4.
fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = |header: usize| u16::try_from(header + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(length(28));
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend(from.to_be_bytes());
    packet.extend(to.to_be_bytes());
    packet.extend(length(8));
    packet.extend([0, 0]);
    packet.extend_from_slice(payload);
    packet
}

#[test]
fn quic_is_shown_with_its_version() {
    let initial = |version: [u8; 4]| [&[0xc3][..], &version, &[8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]].concat();
    let packets = [
        udp(50_000, 443, &initial([0, 0, 0, 1])),
        // A list of versions, and the next attempt of the same client.
        udp(443, 50_000, &initial([0; 4])),
        udp(50_000, 443, &initial([0x6b, 0x33, 0x43, 0xcf])),
        udp(50_001, 443, &initial([0, 0, 0, 1])),
        udp(50_002, 53, b"no QUIC"),
    ];
    assert_eq!(
        lines(&raw_ip(&packets), Format::Text, true),
        "192.0.2.1:50000 -> 192.0.2.2:443 quic quic_version=2\n192.0.2.1:50001 -> 192.0.2.2:443 quic quic_version=1\n"
    );
}

/// Returns the IP packets of a capture of Ethernet.
fn ip_packets(capture: &[u8]) -> Vec<&[u8]> {
    packets(capture).1.into_iter().map(|packet| &packet[16 + 14..]).collect()
}

/// Returns a little-endian pcap file of these frames.
fn frames(magic: u32, link: u32, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file = [magic, 4 << 16 | 2, 0, 0, 1 << 18, link].map(u32::to_le_bytes).concat();
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([0, 0, length, length].map(u32::to_le_bytes).as_flattened());
        file.extend(frame);
    }
    file
}

#[test]
fn link_layers_of_same_packets_give_same_lines() {
    let packets = ip_packets(PCAP);
    let expected = include_str!("data/inspect/openssl.txt");
    let ethernet = |tags: &'static [u8]| [&[0; 12], tags, &[8, 0]].concat();
    for (link, header, trailer) in [
        (101, Vec::new(), 0),
        (12, Vec::new(), 0),
        (228, Vec::new(), 0),
        // The loopback of BSD in both orders of bytes.
        (0, vec![2, 0, 0, 0], 0),
        (0, vec![0, 0, 0, 2], 0),
        (108, vec![0, 0, 0, 2], 0),
        // Ethernet: padded, with a VLAN, and with two.
        (1, ethernet(&[]), 20),
        (1, ethernet(&[0x81, 0, 0, 5]), 0),
        (1, ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]), 0),
        // Linux, "cooked".
        (113, [&[0; 14][..], &[8, 0]].concat(), 0),
        (276, [&[8, 0][..], &[0; 18]].concat(), 0),
        // Ethernet with LLC, with labels of MPLS, and in a pseudowire over MPLS.
        (1, [&[0; 12][..], &[0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat(), 0),
        (1, [&[0; 12][..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat(), 0),
        (1, [&[0; 12][..], &[0x88, 0x48, 0, 1, 1, 64, 0, 0, 0, 0], &ethernet(&[])].concat(), 0),
        (219, vec![0, 1, 1, 64], 0),
        // PPP: in PPPoE, with the framing of HDLC, with a short number; HDLC of Cisco.
        (1, [&[0; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 0, 0, 0x21]].concat(), 0),
        (51, vec![0x11, 0, 0, 1, 0, 0, 0, 0x21], 0),
        (9, vec![0xff, 3, 0, 0x21], 0),
        (9, vec![0x21], 0),
        (50, vec![0x0f, 0, 8, 0], 0),
        (104, vec![0x0f, 0, 8, 0], 0),
        // Wi-Fi: data; with quality of service between access points, after a radiotap header.
        (105, [&[8, 1][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat(), 4),
        (127, [&[0, 0, 9, 0, 0, 0, 0, 0, 0, 0x88, 3][..], &[0; 30], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat(), 4),
    ] {
        // Microseconds and nanoseconds.
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
            let file = packets.iter().map(|packet| [&header[..], packet, &vec![0; trailer]].concat());
            assert_eq!(lines(&frames(magic, link, file), Format::Text, true), expected, "link type {link}");
        }
    }
}

/// Returns the lines without the addresses before them.
fn without_ends(lines: &str) -> Vec<&str> {
    lines.lines().map(|line| line.splitn(4, ' ').last().unwrap()).collect()
}

#[test]
fn ipv6_extension_headers_are_skipped() {
    let is_tcp = |packet: &&[u8]| packet[0] == 0x45 && packet[9] == 6;
    let v4: Vec<&[u8]> = ip_packets(PCAP).into_iter().filter(is_tcp).collect();
    let raw = lines(&frames(0xa1b2_c3d4, 101, v4.iter().map(|packet| packet.to_vec())), Format::Text, true);
    let expected = without_ends(&raw);
    assert!(!expected.is_empty());
    // Of TCP, of which kind the first one is, and whether the packet is whole.
    for (first, headers, is_whole) in [
        (6, &[][..], true),
        (0, &[6, 0, 1, 4, 0, 0, 0, 0], true),
        (0, &[43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], true),
        (44, &[6, 0, 0, 0, 0, 0, 0, 1], true),
        (44, &[6, 0, 0, 1, 0, 0, 0, 1], false),
        // The authentication header of IPsec.
        (51, &[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], true),
        // One that is longer than the packet.
        (60, &[6, 255], false),
    ] {
        let file = v4.iter().map(|packet| {
            let payload = [headers, &packet[20..]].concat();
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            let address = |at: usize| [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0], &packet[at..at + 4]].concat();
            [&[0x60, 0, 0, 0, length[0], length[1], first, 64][..], &address(12), &address(16), &payload].concat()
        });
        let lines = lines(&frames(0xa1b2_c3d4, 101, file), Format::Text, true);
        if is_whole {
            assert_eq!(without_ends(&lines), expected, "{headers:?}");
        } else {
            let reason = if first == 44 { "fragments" } else { "malformed" };
            assert_eq!(lines, format!("skipped {reason}={}\n", v4.len()));
        }
    }
}

#[test]
fn packets_of_unknown_link_layer_are_reported() {
    let file = frames(0xa1b2_c3d4, 147, [vec![0; 60]]);
    let error = inspect(&file[..], Format::Text, false, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("packets of link type 147 are not supported;"), "{error}");
    // Without packets, there is nothing to report.
    assert_eq!(lines(&frames(0xa1b2_c3d4, 147, []), Format::Text, true), "");
}

/// Returns an IPv4 packet.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&header, payload].concat()
}

/// Returns an IPv6 packet.
fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64][..], &[1; 32], payload].concat()
}

#[test]
fn tunnels_of_same_packets_give_same_lines() {
    let ethernet = [&[0; 12][..], &[8, 0]].concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet[..]].concat();
    // Geneve with an option, of Ethernet and of IP.
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 0], &ethernet[..]].concat();
    let expected = include_str!("data/inspect/openssl.txt");
    type Tunnel<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let with = |header: &[u8], packet: &[u8]| [header, packet].concat();
    // IPv6 packets keep their version in the first byte; the number of the protocol follows it.
    let number = |packet: &[u8]| if packet[0] >> 4 == 4 { 4 } else { 41 };
    let typ = |packet: &[u8]| if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    let tunnels: [(&str, Tunnel<'_>); 12] = [
        ("IP in IPv4", &|packet| ipv4(number(packet), packet)),
        ("IP in IPv6", &|packet| ipv6(number(packet), packet)),
        ("three times", &|packet| ipv4(41, &ipv6(4, &ipv4(number(packet), packet)))),
        ("GRE", &|packet| ipv4(47, &with(&[&[0, 0], &typ(packet)[..]].concat(), packet))),
        ("GRE with all", &|packet| {
            let header = [&[0xb0, 0], &typ(packet)[..], &[0; 12]].concat();
            ipv6(47, &with(&header, packet))
        }),
        ("GRE of Ethernet", &|packet| ipv4(47, &with(&with(&[0, 0, 0x65, 0x58], &ethernet), packet))),
        ("ERSPAN", &|packet| ipv4(47, &[&[0x10, 0, 0x88, 0xbe][..], &[0; 12], &ethernet, packet].concat())),
        ("ERSPAN 1", &|packet| ipv4(47, &[&[0, 0, 0x88, 0xbe][..], &ethernet, packet].concat())),
        ("PPTP", &|packet| ipv4(47, &[&[0x30, 0x81, 0x88, 0x0b][..], &[0; 12], &[0x21], packet].concat())),
        ("AH", &|packet| {
            let header = [number(packet), 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
            ipv4(51, &with(&header, packet))
        }),
        ("VXLAN", &|packet| udp(50000, 4789, &with(&vxlan, packet))),
        ("Geneve", &|packet| udp(50000, 6081, &with(&geneve, packet))),
    ];
    for (name, tunnel) in tunnels {
        let file = frames(0xa1b2_c3d4, 101, ip_packets(PCAP).into_iter().map(tunnel));
        assert_eq!(lines(&file, Format::Text, true), expected, "{name}");
    }
}

#[test]
fn skipped_packets_are_counted() {
    // A segment of TCP without data.
    let segment = [&[0; 12][..], &[0x50], &[0; 7]].concat();
    let nested = |layers: usize| (0..layers).fold(ipv4(6, &segment), |packet, _| ipv4(4, &packet));
    let mut fragment = ipv4(6, &[0; 20]);
    fragment[6] = 0x20;
    let ethernet = |typ: [u8; 2], packet: &[u8]| [&[0; 12][..], &typ, packet].concat();
    let file = frames(
        0xa1b2_c3d4,
        1,
        [
            ethernet([8, 0], &fragment),
            ethernet([8, 0], &ipv4(50, &[0; 40])),
            ethernet([0x88, 0xe5], &[0; 40]),
            ethernet([8, 6], &[0; 28]),
            ethernet([8, 0], &ipv4(1, &[0; 8])),
            ethernet([8, 0], &ipv4(6, &[0; 20])[..30]),
            ethernet([8, 0], &[0; 20]),
            Vec::new(),
            ethernet([8, 0], &nested(6)),
            ethernet([8, 0], &nested(7)),
            ethernet([8, 0], &nested(2000)),
            vec![0; (1 << 20) + 1],
        ],
    );
    let text = "skipped fragments=1 encrypted=2 other_protocols=2 malformed=3 nested=2 unreadable=1\n";
    assert_eq!(lines(&file, Format::Text, true), text);
    let json =
        r#"{"skipped":{"fragments":1,"encrypted":2,"other_protocols":2,"malformed":3,"nested":2,"unreadable":1}}"#;
    assert_eq!(lines(&file, Format::Json, true), format!("{json}\n"));
}
