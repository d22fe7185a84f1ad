//! Drives one connection: handshake, checks, initial data, echo, close.

use std::sync::Arc;

use strata_tls::{ClientSession, ServerName, ServerSession, Session};

use crate::configure::Shim;
use crate::early::SessionExt;
use crate::errors::name;
use crate::expect;
use crate::options::{Level, Options};
use crate::stop::Stop;
use crate::transport::Transport;

pub(crate) fn run(shim: &Shim, options: &Options, level: &Level, number: u32) -> Result<(), Stop> {
    let failed = |e: strata_tls::Error| Stop::Failed(name(&e));
    if level.has("quic-transport-params") {
        return Err(Stop::Unimplemented("-quic-transport-params without -quic".into()));
    }
    if options.server {
        let config = Arc::new(shim.server(options, level)?);
        let mut transport = Transport::connect(options)?;
        let mut session = ServerSession::new(&config);
        return drive(&mut session, &mut transport, shim, options, level, number);
    }
    // A client that offered early data verifies a certificate only if the server rejected its
    // session. BoringSSL starts a second handshake then, which has flags of its own.
    let full = if number > 0 && level.has("enable-early-data") { &options.retry } else { level };
    let config = Arc::new(shim.client(level, full)?);
    let host = level.text("host-name").unwrap_or("example.com").to_owned();
    let host = ServerName::try_from(host).map_err(|e| Stop::Unimplemented(format!("-host-name: {e}")))?;
    let mut transport = Transport::connect(options)?;
    let mut session = ClientSession::new(&config, host).map_err(failed)?;
    drive(&mut session, &mut transport, shim, options, level, number)
}

fn drive<S: SessionExt>(
    session: &mut S,
    transport: &mut Transport,
    shim: &Shim,
    options: &Options,
    level: &Level,
    number: u32,
) -> Result<(), Stop> {
    session.set_buffer_limit(None);
    if level.has("expect-no-offer-early-data") && session.can_send_early_data() {
        return Err(Stop::failed("early data is offered"));
    }
    // Written before the ClientHello is flushed, so that both leave together.
    let first = initial_write(level)?;
    let early = level.has("enable-early-data");
    let offers_early = session.can_send_early_data();
    let unfinished = level.has("read-with-unfinished-write");
    if unfinished {
        // Data written next stays buffered until something was read.
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
    // BoringSSL returns from its handshake here, and the application exports keys.
    if offers_early && level.has("export-keying-material") {
        transport.flush(session)?;
        export(session, level)?;
    }
    if !unfinished {
        transport.flush(session)?;
    }
    while session.is_handshaking() {
        if !transport.receive(session)? && session.is_handshaking() {
            return Err(Stop::failed("the runner closed the connection"));
        }
        // Responds before the client's Finished.
        let early = session.read_early();
        session.write_all(&inverted(&early))?;
        transport.flush(session)?;
    }
    // BoringSSL's shim calls the handshake function again, which must do nothing.
    if level.has("no-op-extra-handshake") {
        session.process_new_packets().map_err(|e| Stop::Failed(name(&e)))?;
        if session.is_handshaking() || session.wants_write() {
            return Err(Stop::failed("an extra handshake was not a no-op"));
        }
    }
    let accepted = session.sent_early_data_accepted();
    let expected = if offers_early && !accepted { &options.retry } else { level };
    let info = session.connection_info().ok_or_else(|| Stop::failed("no handshake"))?;
    let can_export = session.export_keying_material(&mut [0; 8], b"EXPORTER-any", None).is_ok();
    let checked = expect::check(&info, can_export, shim, options, expected, number);
    if checked.is_err() {
        transport.close();
    }
    checked?;
    // Sends the data that the server has not accepted as early data.
    let first = if offers_early && !accepted { initial_write(expected)? } else { first }.concat();
    let first = first.get(if accepted { sent_early } else { 0 }..).unwrap_or_default();
    if !options.server && expected.has("expect-accept-early-data") && !accepted {
        return Err(Stop::failed("early data was not accepted"));
    }
    if !options.server && expected.has("expect-reject-early-data") && accepted {
        return Err(Stop::failed("early data was accepted"));
    }
    send_first(session, shim, options, level, first)?;
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
                ReadOutcome::Data(_) => {}
                ReadOutcome::WouldBlock => drop(transport.receive(session)?),
                ReadOutcome::CloseNotify => break,
                ReadOutcome::Truncated => return Err(Stop::failed(NO_CLOSE_NOTIFY)),
            }
        }
    }
    expect::check_at_end(shim, options, level)?;
    transport.close();
    Ok(())
}

/// Sends what the flags request before other data.
fn send_first<S: Session>(
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

/// Returns the initial data, in the pieces to write.
pub(crate) fn initial_write(level: &Level) -> Result<Vec<Vec<u8>>, Stop> {
    if !level.has("shim-writes-first") && !level.has("read-with-unfinished-write") {
        return Ok(Vec::new());
    }
    let times = level.number("repeat-shim-initial-write")?.unwrap_or(1);
    let piece = level.text("shim-initial-write").unwrap_or("hello");
    Ok(vec![piece.as_bytes().to_vec(); times])
}

pub(crate) fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0xff).collect()
}

/// What BoringSSL's shim prints for a truncated connection.
const NO_CLOSE_NOTIFY: &str = "Unexpected SSL_shutdown result: -1 != 1: the runner did not send close_notify";

enum ReadOutcome {
    Data(Vec<u8>),
    WouldBlock,
    CloseNotify,
    Truncated,
}

fn read_some<S: Session>(session: &mut S, size: usize) -> Result<ReadOutcome, Stop> {
    let mut some = vec![0; size];
    match session.read(&mut some) {
        Ok(0) => Ok(ReadOutcome::CloseNotify),
        Ok(n) => {
            some.truncate(n);
            Ok(ReadOutcome::Data(some))
        }
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(ReadOutcome::WouldBlock),
        Err(e) if strata_tls::is_truncation(&e) => Ok(ReadOutcome::Truncated),
        Err(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<strata_tls::Error>()) {
            Some(inner) => Err(Stop::Failed(name(inner))),
            None => Err(e.into()),
        },
    }
}

/// Returns the available data without consuming it.
fn peek<S: Session>(session: &mut S) -> Option<Vec<u8>> {
    session.fill_buf().ok().map(<[u8]>::to_vec).filter(|there| !there.is_empty())
}

/// Sends each byte back, inverted, until the runner sends close_notify.
fn echo<S: Session>(session: &mut S, transport: &mut Transport, level: &Level) -> Result<(), Stop> {
    let size = level.number("read-size")?.unwrap_or(512).max(1);
    loop {
        let peeked = if level.has("peek-then-read") { peek(session) } else { None };
        match read_some(session, size)? {
            ReadOutcome::Data(bytes) => {
                if peeked.is_some_and(|peeked| !peeked.starts_with(&bytes)) {
                    return Err(Stop::failed("read other data than peeked"));
                }
                session.write_all(&inverted(&bytes))?;
                transport.flush(session)?;
            }
            ReadOutcome::WouldBlock => {
                // The next read reports the end of the connection.
                transport.receive(session)?;
                transport.flush(session)?;
            }
            ReadOutcome::CloseNotify => break,
            ReadOutcome::Truncated if level.has("check-close-notify") => {
                return Err(Stop::failed(NO_CLOSE_NOTIFY));
            }
            ReadOutcome::Truncated => break,
        }
    }
    session.send_close_notify();
    transport.flush(session)
}
