//! One connection: handshake, expectations, what the flags have it say, the echo, the end.

use std::sync::{Arc, PoisonError};

use strata_tls::{ClientSession, ServerName, ServerSession, Session};

use crate::configure::Shim;
use crate::early::Early;
use crate::errors::name;
use crate::expect;
use crate::options::{Level, Options};
use crate::stop::Stop;
use crate::transport::Transport;

pub(crate) fn run(shim: &mut Shim, options: &Options, level: &Level, number: u32) -> Result<(), Stop> {
    let failed = |e: strata_tls::Error| Stop::Failed(name(&e));
    *shim.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    if options.server {
        let config = Arc::new(shim.server(options, level)?);
        let mut transport = Transport::connect(options)?;
        let mut session = ServerSession::new(&config);
        return drive(&mut session, &mut transport, shim, options, level, number);
    }
    // With early data offered, a handshake that asks for a verdict is one whose session was not taken: BoringSSL's second one.
    let in_handshake = if number > 0 && level.has("enable-early-data") { &options.retry } else { level };
    let config = Arc::new(shim.client(level, in_handshake)?);
    let host = level.text("host-name").unwrap_or("example.com").to_owned();
    let host = ServerName::try_from(host).map_err(|e| Stop::Unimplemented(format!("-host-name: {e}")))?;
    let mut transport = Transport::connect(options)?;
    let mut session = ClientSession::new(&config, host).map_err(failed)?;
    drive(&mut session, &mut transport, shim, options, level, number)
}

fn drive<S: Early>(
    session: &mut S,
    transport: &mut Transport,
    shim: &Shim,
    options: &Options,
    level: &Level,
    number: u32,
) -> Result<(), Stop> {
    session.set_buffer_limit(None);
    if level.has("expect-no-offer-early-data") && session.offers() {
        return Err(Stop::failed("early data is offered"));
    }
    // Before the rest of its flight, so that both go out together.
    let first = initial_write(level)?;
    let early = level.has("enable-early-data");
    let offers_early = session.offers();
    let unfinished = level.has("read-with-unfinished-write");
    if unfinished {
        // What is written next waits until something was read.
        transport.flush(session)?;
    }
    let mut sent_early = 0;
    for piece in first.iter().filter(|_| early) {
        let sent = session.write_early(piece)?;
        sent_early += sent;
        if sent < piece.len() {
            break;
        }
    }
    // BoringSSL's handshake returns here, and its application goes on.
    if offers_early && level.has("export-keying-material") {
        transport.flush(session)?;
        export(session, level)?;
    }
    if !unfinished {
        transport.flush(session)?;
    }
    while session.is_handshaking() {
        if !transport.receive(session)? && session.is_handshaking() {
            return Err(Stop::failed("the runner has gone"));
        }
        // Its answer goes out before the client has finished.
        let came = session.read_early();
        session.write_all(&inverted(&came))?;
        transport.flush(session)?;
    }
    // BoringSSL's shim asks for the handshake once more: nothing is left to do of it.
    if level.has("no-op-extra-handshake") {
        session.process_new_packets().map_err(|e| Stop::Failed(name(&e)))?;
        if session.is_handshaking() || session.wants_write() {
            return Err(Stop::failed("an extra handshake was not a no-op"));
        }
    }
    let accepted = session.is_accepted();
    let expected = if offers_early && !accepted { &options.retry } else { level };
    let checked = expect::check(session, shim, options, expected, number);
    if checked.is_err() {
        transport.close();
    }
    checked?;
    // What follows what was taken; what was not, is said again where the flags have it so.
    let first = if offers_early && !accepted { initial_write(expected)? } else { first }.concat();
    let first = first.get(if accepted { sent_early } else { 0 }..).unwrap_or_default();
    if !options.server && expected.has("expect-accept-early-data") && !accepted {
        return Err(Stop::failed("early data was not accepted"));
    }
    if !options.server && expected.has("expect-reject-early-data") && accepted {
        return Err(Stop::failed("early data was accepted"));
    }
    say_first(session, shim, options, level, first)?;
    if !unfinished || offers_early {
        transport.flush(session)?;
    }
    if level.has("shim-shuts-down") {
        session.send_close_notify();
        transport.flush(session)?;
    } else {
        echo(session, transport, level)?;
    }
    if level.has("check-close-notify") && level.has("shim-shuts-down") {
        loop {
            match read_some(session, 512)? {
                Heard::Data(_) => {}
                Heard::Nothing => drop(transport.receive(session)?),
                Heard::CloseNotify => break,
                Heard::Cut => return Err(Stop::failed(NO_CLOSE_NOTIFY)),
            }
        }
    }
    expect::check_afterwards(shim, options, level)?;
    transport.close();
    Ok(())
}

/// What the flags have it say before anything else.
fn say_first<S: Session>(
    session: &mut S,
    shim: &Shim,
    options: &Options,
    level: &Level,
    first: &[u8],
) -> Result<(), Stop> {
    let failed = |e: strata_tls::Error| Stop::Failed(name(&e));
    if level.has("export-traffic-secrets") {
        let (client, server) = shim.secrets.traffic().ok_or_else(|| Stop::failed("no traffic secrets"))?;
        let (read, write) = if options.server { (client, server) } else { (server, client) };
        let length = u16::try_from(read.len()).unwrap_or_default();
        session.write_all(&[&length.to_le_bytes(), read.as_slice(), &write].concat())?;
    }
    if level.has("tls-unique") {
        let unique = session.tls_unique().ok_or_else(|| Stop::failed("failed to get tls-unique"))?;
        session.write_all(&unique)?;
    }
    if level.has("export-keying-material") {
        let material = export(session, level)?;
        session.write_all(&material)?;
    }
    if level.has("key-update") || level.has("key-update-before-read") {
        session.refresh_traffic_keys().map_err(failed)?;
    }
    session.write_all(first)?;
    Ok(())
}

fn export<S: Session>(session: &mut S, level: &Level) -> Result<Vec<u8>, Stop> {
    let mut material = vec![0; level.number("export-keying-material")?.unwrap_or(0)];
    let label = level.text("export-label").unwrap_or_default();
    let context = level.text("export-context").unwrap_or_default();
    let context = level.has("use-export-context").then_some(context.as_bytes());
    let exported = session.export_keying_material(&mut material, label.as_bytes(), context);
    exported.map_err(|e| Stop::Failed(name(&e)))?;
    Ok(material)
}

/// What it says first, if anything, in the pieces that it is written in.
fn initial_write(level: &Level) -> Result<Vec<Vec<u8>>, Stop> {
    if !level.has("shim-writes-first") && !level.has("read-with-unfinished-write") {
        return Ok(Vec::new());
    }
    let times = level.number("repeat-shim-initial-write")?.unwrap_or(1);
    let piece = level.text("shim-initial-write").unwrap_or("hello");
    Ok(vec![piece.as_bytes().to_vec(); times])
}

fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0xff).collect()
}

/// What BoringSSL's shim says of a connection that was cut off.
const NO_CLOSE_NOTIFY: &str = "Unexpected SSL_shutdown result: -1 != 1: the runner did not say close_notify";

enum Heard {
    Data(Vec<u8>),
    Nothing,
    CloseNotify,
    Cut,
}

fn read_some<S: Session>(session: &mut S, size: usize) -> Result<Heard, Stop> {
    let mut some = vec![0; size];
    match session.read(&mut some) {
        Ok(0) => Ok(Heard::CloseNotify),
        Ok(n) => {
            some.truncate(n);
            Ok(Heard::Data(some))
        }
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(Heard::Nothing),
        Err(e) if strata_tls::is_truncation(&e) => Ok(Heard::Cut),
        Err(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<strata_tls::Error>()) {
            Some(inner) => Err(Stop::Failed(name(inner))),
            None => Err(e.into()),
        },
    }
}

/// What there is to read, which stays.
fn peek<S: Session>(session: &mut S) -> Option<Vec<u8>> {
    session.fill_buf().ok().map(<[u8]>::to_vec).filter(|there| !there.is_empty())
}

/// Sends back every byte, inverted, until the runner has said that there are no more.
fn echo<S: Session>(session: &mut S, transport: &mut Transport, level: &Level) -> Result<(), Stop> {
    let size = level.number("read-size")?.unwrap_or(512).max(1);
    loop {
        let peeked = if level.has("peek-then-read") { peek(session) } else { None };
        match read_some(session, size)? {
            Heard::Data(bytes) => {
                if peeked.is_some_and(|peeked| !peeked.starts_with(&bytes)) {
                    return Err(Stop::failed("what was read is not what was there before"));
                }
                session.write_all(&inverted(&bytes))?;
                transport.flush(session)?;
            }
            Heard::Nothing => {
                // The end that it may report is told by the next read.
                transport.receive(session)?;
                transport.flush(session)?;
            }
            Heard::CloseNotify => break,
            Heard::Cut if level.has("check-close-notify") => {
                return Err(Stop::failed(NO_CLOSE_NOTIFY));
            }
            Heard::Cut => break,
        }
    }
    session.send_close_notify();
    transport.flush(session)
}
