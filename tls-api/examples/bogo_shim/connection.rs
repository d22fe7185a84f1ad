//! One connection: handshake, expectations, what the flags have it say, the echo, the end.

use std::sync::Arc;

use tls_api::{ClientSession, ServerName, ServerSession, Session};

use crate::Stop;
use crate::configure::Shim;
use crate::early::Early;
use crate::errors::name;
use crate::expect;
use crate::options::{Level, Options};
use crate::transport::Transport;

pub(crate) fn run(shim: &mut Shim, options: &Options, level: &Level, number: u32) -> Result<(), Stop> {
    let failed = |e: tls_api::Error| Stop::Failed(name(&e));
    if options.server {
        let config = Arc::new(shim.server(level)?);
        let mut transport = Transport::connect(options)?;
        let mut session = ServerSession::new(&config);
        return drive(&mut session, &mut transport, shim, options, level, number);
    }
    let config = Arc::new(shim.client(level)?);
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
    let sent_early = if early { session.write_early(&first)? } else { 0 };
    transport.flush(session)?;
    while session.is_handshaking() {
        if !transport.receive(session)? && session.is_handshaking() {
            return Err(Stop::failed("the runner has gone"));
        }
        // Its answer goes out before the client has finished.
        let came = session.read_early();
        session.write_all(&inverted(&came))?;
        transport.flush(session)?;
    }
    let accepted = session.is_accepted();
    let expected = if offers_early && !accepted { &options.retry } else { level };
    let checked = expect::check(session, shim, options, expected, number);
    if checked.is_err() {
        transport.close();
    }
    checked?;
    // What follows what was taken; what was not, is said again where the flags have it so.
    let first = if offers_early && !accepted { initial_write(expected)? } else { first };
    let first = first.get(if accepted { sent_early } else { 0 }..).unwrap_or_default();
    if !options.server && expected.has("expect-accept-early-data") && !accepted {
        return Err(Stop::failed("early data was not accepted"));
    }
    if !options.server && expected.has("expect-reject-early-data") && accepted {
        return Err(Stop::failed("early data was accepted"));
    }
    say_first(session, level, first)?;
    transport.flush(session)?;
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
                Heard::Cut => return Err(Stop::failed("the runner did not say close_notify")),
            }
        }
    }
    expect::check_afterwards(shim, level)?;
    transport.close();
    Ok(())
}

/// What the flags have it say before anything else.
fn say_first<S: Session>(session: &mut S, level: &Level, first: &[u8]) -> Result<(), Stop> {
    let failed = |e: tls_api::Error| Stop::Failed(name(&e));
    if let Some(length) = level.number::<usize>("export-keying-material")? {
        let mut material = vec![0; length];
        let label = level.text("export-label").unwrap_or_default();
        let context = level.text("export-context").unwrap_or_default();
        let context = level.has("use-export-context").then_some(context.as_bytes());
        session.export_keying_material(&mut material, label.as_bytes(), context).map_err(failed)?;
        session.write_all(&material)?;
    }
    if level.has("key-update") || level.has("key-update-before-read") {
        session.refresh_traffic_keys().map_err(failed)?;
    }
    session.write_all(first)?;
    Ok(())
}

/// What it says first, if anything.
fn initial_write(level: &Level) -> Result<Vec<u8>, Stop> {
    if !level.has("shim-writes-first") {
        return Ok(Vec::new());
    }
    let times = level.number("repeat-shim-initial-write")?.unwrap_or(1);
    Ok(level.text("shim-initial-write").unwrap_or("hello").repeat(times).into_bytes())
}

fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0xff).collect()
}

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
        Err(e) if tls_api::is_truncation(&e) => Ok(Heard::Cut),
        Err(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<tls_api::Error>()) {
            Some(inner) => Err(Stop::Failed(name(inner))),
            None => Err(e.into()),
        },
    }
}

/// Sends back every byte, inverted, until the runner has said that there are no more.
fn echo<S: Session>(session: &mut S, transport: &mut Transport, level: &Level) -> Result<(), Stop> {
    let size = level.number("read-size")?.unwrap_or(512).max(1);
    loop {
        match read_some(session, size)? {
            Heard::Data(bytes) => {
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
                return Err(Stop::failed("the runner did not say close_notify"));
            }
            Heard::Cut => break,
        }
    }
    session.send_close_notify();
    transport.flush(session)
}
