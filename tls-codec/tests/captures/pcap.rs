//! Reads the files of `capture`: packets of raw IPv4, with TCP segments in order or UDP datagrams.

use strata_tls_codec::observer::Sender;

/// A captured connection.
pub(crate) struct Capture {
    pub(crate) name: String,
    /// What tshark reads in it.
    pub(crate) expectation: String,
    pub(crate) is_udp: bool,
    /// The payloads in order.
    pub(crate) packets: Vec<(Sender, Vec<u8>)>,
}

/// Returns all captures, sorted by name.
pub(crate) fn captures() -> Vec<Capture> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<Capture> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .map(|path| {
            let (is_udp, packets) = packets(&std::fs::read(&path).unwrap());
            Capture {
                name: path.file_stem().unwrap().to_str().unwrap().into(),
                expectation: std::fs::read_to_string(path.with_extension("txt")).unwrap(),
                is_udp,
                packets,
            }
        })
        .collect();
    captures.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(captures.len() >= 35, "{} captures", captures.len());
    captures
}

impl Capture {
    /// Returns all bytes of a sender.
    pub(crate) fn stream(&self, sender: Sender) -> Vec<u8> {
        self.packets.iter().filter(|(from, _)| *from == sender).flat_map(|(_, bytes)| bytes).copied().collect()
    }
}

fn packets(file: &[u8]) -> (bool, Vec<(Sender, Vec<u8>)>) {
    let (header, mut rest) = file.split_at(24);
    assert_eq!(header[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "a pcap file");
    assert_eq!(header[20..], 101_u32.to_le_bytes(), "LINKTYPE_RAW");
    let mut is_udp = false;
    let mut packets = Vec::new();
    while let Some((header, after)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap());
        let (packet, after) = after.split_at(usize::try_from(length).unwrap());
        rest = after;
        is_udp = packet[9] == 17;
        let (address, transport) = (&packet[12..16], &packet[20..]);
        let sender = if address == [192, 0, 2, 1] { Sender::Client } else { Sender::Server };
        let payload = if is_udp { &transport[8..] } else { &transport[20..] };
        if !payload.is_empty() {
            packets.push((sender, payload.to_vec()));
        }
    }
    (is_udp, packets)
}
