//! The reader of recorded connections, on damaged ones: what a peer sent cannot make it fail.

#[path = "../../../examples/capture/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the examples use the rest")]
mod capture;

use std::io::Write;
use std::sync::Arc;

use libtest_mimic::Trial;
use strata_tls::{ClientConfig, ClientSession, ProtocolVersion, ServerConfig, ServerSession, Session};

use self::capture::{Capture, Page, Secrets, Section, Side, Timeline, read};
use crate::{Outcome, contains, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("diagnose::damaged_recordings_are_read_to_their_end", &[], damaged)]
}

/// The writes of a connection in memory.
type Writes = Vec<(Side, Vec<u8>)>;

fn record(version: ProtocolVersion, secrets: &Arc<Secrets>) -> Result<Writes, Box<dyn std::error::Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes())?;
    let mut client = ClientConfig::with_roots(strata_tls::root_store_from_pem(cert.as_bytes())?);
    client.set_versions(&[version])?;
    client.set_key_log(Arc::clone(secrets) as _);
    let mut client = ClientSession::new(&Arc::new(client), "localhost")?;
    let mut server = ServerSession::new(&Arc::new(server));
    client.write_all(b"hello")?;
    let mut writes = Vec::new();
    while client.wants_write() || server.wants_write() {
        carry(&mut client, &mut server, Side::Client, &mut writes)?;
        carry(&mut server, &mut client, Side::Server, &mut writes)?;
    }
    Ok(writes)
}

fn carry(
    from: &mut impl Session,
    to: &mut impl Session,
    side: Side,
    writes: &mut Writes,
) -> Result<(), Box<dyn std::error::Error>> {
    while from.wants_write() {
        let mut bytes = Vec::new();
        from.write_tls(&mut bytes)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            to.read_tls(&mut rest)?;
            to.process_new_packets()?;
        }
        writes.push((side, bytes));
    }
    Ok(())
}

/// The page of these writes, and the sum of the lengths of its flights.
fn page(writes: &[(Side, Vec<u8>)], secrets: &Secrets) -> (String, usize) {
    let mut recorded = Capture::start();
    writes.iter().for_each(|(side, bytes)| recorded.add(*side, bytes));
    let handshake = read(&recorded, secrets);
    let length = handshake.flights.iter().map(|flight| flight.bytes).sum();
    let timeline = Some(Timeline { seen_by: Side::Client, flights: &handshake.flights });
    let verdict = (capture::Mark::Good, "", "");
    let sections: &[Section] = &[];
    (Page { title: "", subtitle: "", verdict, findings: Vec::new(), timeline, sections }.to_string(), length)
}

fn damaged() -> Outcome {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let secrets = Arc::new(Secrets::default());
        let writes = record(version, &secrets).map_err(|e| e.to_string())?;
        let total: usize = writes.iter().map(|(_, bytes)| bytes.len()).sum();
        let (whole, length) = page(&writes, &secrets);
        contains(&whole, "<li class=\"decrypted\"><span>finished</span>")?;
        contains(&whole, "application_data")?;
        if length != total || whole.contains("<li class=\"opaque\">") {
            return Err(format!("{length} of {total} bytes in:\n{whole}").into());
        }
        // Without the secrets, the encrypted messages have no names.
        let (without, _) = page(&writes, &Secrets::default());
        if without.contains("<li class=\"decrypted\">") || !without.contains("<li class=\"opaque\">") {
            return Err("decrypted without secrets".into());
        }
        for (at, (_, bytes)) in writes.iter().enumerate() {
            for place in 0..bytes.len() {
                let mut flipped = writes.clone();
                flipped[at].1[place] ^= 0x80;
                let mut cut = writes[..=at].to_vec();
                cut[at].1.truncate(place);
                let wanted: usize = cut.iter().map(|(_, bytes)| bytes.len()).sum();
                let lengths = (page(&flipped, &secrets).1, page(&cut, &secrets).1);
                if lengths != (total, wanted) {
                    return Err(format!("{version}, write {at}, byte {place}: {lengths:?} of {total}, {wanted}").into());
                }
            }
        }
    }
    Ok(())
}
