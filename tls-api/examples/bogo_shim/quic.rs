//! Drives one connection over the runner's mock of QUIC: records with the secret of their level and
//! unencrypted data, over TCP.
//!
//! The library returns packet keys, not secrets. The key log has the secrets, so that the runner
//! can compare them.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, PoisonError};

use strata_tls::handshake::error::Contradiction;
use strata_tls::quic::{self, KeyChange, Output, ServerStart, Version};
use strata_tls::{CipherSuite, ConnectionInfo, Error, ServerName};

use crate::configure::Shim;
use crate::connection::{initial_write, inverted};
use crate::errors::name;
use crate::expect;
use crate::options::{Level, Options};
use crate::stop::Stop;
use crate::transport::Transport;

/// Types of records.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Selects the number of transport parameters in drafts of RFC 9001, which the library does not
/// support.
const LEGACY: &str = "quic-use-legacy-codepoint";

pub(crate) fn run(shim: &Shim, options: &Options, level: &Level, number: u32) -> Result<(), Stop> {
    if level.number(LEGACY)? == Some(1) {
        return Err(Stop::Unimplemented(format!("-{LEGACY} 1")));
    }
    let parameters = level.bytes("quic-transport-params")?.unwrap_or_default();
    if options.server {
        let config = Arc::new(shim.server(options, level)?);
        let context = level.text("quic-early-data-context").unwrap_or_default();
        let start = ServerStart {
            transport_parameters: parameters,
            session_data: context.as_bytes().to_vec(),
            ..ServerStart::default()
        };
        let transport = Transport::connect(options)?;
        let connection = quic::ServerConnection::new(&config, Version::V1, start).map_err(|e| misconfigured(&e))?;
        return Driver::new(connection, transport, shim, options).drive(level, number);
    }
    let full = if number > 0 && level.has("enable-early-data") { &options.retry } else { level };
    let config = Arc::new(shim.client(level, full)?);
    let host = level.text("host-name").unwrap_or("example.com").to_owned();
    let host = ServerName::try_from(host).map_err(|e| Stop::Unimplemented(format!("-host-name: {e}")))?;
    let transport = Transport::connect(options)?;
    let connection =
        quic::ClientConnection::new(&config, Version::V1, host, parameters).map_err(|e| misconfigured(&e))?;
    Driver::new(connection, transport, shim, options).drive(level, number)
}

/// BoringSSL reports a configuration without protocols when the handshake fails, the library before
/// it starts.
fn misconfigured(e: &Error) -> Stop {
    match e {
        Error::Config(Contradiction::Settings { settings, .. }) if settings.contains(&"required ALPN") => {
            Stop::Failed(format!(":NO_APPLICATION_PROTOCOL: {e}"))
        }
        other => Stop::Failed(name(other)),
    }
}

/// A connection of either role.
trait Connection {
    fn receive(&mut self, level: quic::Level, data: &[u8]) -> Result<(), Error>;
    fn next_output(&mut self) -> Option<Output>;
    fn is_handshaking(&self) -> bool;
    fn peer_transport_parameters(&self) -> Option<&[u8]>;
    fn connection_info(&self) -> Option<ConnectionInfo>;
    fn export(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error>;
    /// Returns whether the server accepted early data of this client.
    fn sent_early_data_accepted(&self) -> bool;
}

macro_rules! connection {
    ($connection:ty, $accepted:expr) => {
        impl Connection for $connection {
            fn receive(&mut self, level: quic::Level, data: &[u8]) -> Result<(), Error> {
                <$connection>::receive(self, level, data)
            }

            fn next_output(&mut self) -> Option<Output> {
                <$connection>::next_output(self)
            }

            fn is_handshaking(&self) -> bool {
                <$connection>::is_handshaking(self)
            }

            fn peer_transport_parameters(&self) -> Option<&[u8]> {
                <$connection>::peer_transport_parameters(self)
            }

            fn connection_info(&self) -> Option<ConnectionInfo> {
                <$connection>::connection_info(self)
            }

            fn export(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
                <$connection>::export_keying_material(self, out, label, context)
            }

            fn sent_early_data_accepted(&self) -> bool {
                $accepted(self)
            }
        }
    };
}

connection!(quic::ClientConnection, quic::ClientConnection::is_early_data_accepted);
connection!(quic::ServerConnection, |_| false);

/// The levels in the order of their numbers on the wire.
const LEVELS: [quic::Level; 4] =
    [quic::Level::Initial, quic::Level::ZeroRtt, quic::Level::Handshake, quic::Level::OneRtt];

fn number_of(level: quic::Level) -> u8 {
    LEVELS.iter().zip(0..).find_map(|(known, number)| (*known == level).then_some(number)).unwrap_or(u8::MAX)
}

struct Driver<'a, C> {
    connection: C,
    transport: Transport,
    shim: &'a Shim,
    options: &'a Options,
    /// The levels that have keys.
    reads: Vec<quic::Level>,
    writes: Vec<quic::Level>,
    /// The cipher suite of the last ServerHello.
    suite: Option<CipherSuite>,
    /// Application data that was read.
    received: Vec<u8>,
    /// Whether the runner has closed.
    ended: bool,
}

impl<'a, C: Connection> Driver<'a, C> {
    fn new(connection: C, transport: Transport, shim: &'a Shim, options: &'a Options) -> Self {
        let initial = || vec![quic::Level::Initial];
        Self {
            connection,
            transport,
            shim,
            options,
            reads: initial(),
            writes: initial(),
            suite: None,
            received: Vec::new(),
            ended: false,
        }
    }

    fn drive(mut self, level: &Level, number: u32) -> Result<(), Stop> {
        self.flush()?;
        let offers_early = self.writes.contains(&quic::Level::ZeroRtt);
        if level.has("expect-no-offer-early-data") && offers_early {
            return Err(Stop::failed("early data is offered"));
        }
        let first = initial_write(level)?.concat();
        if offers_early && !first.is_empty() {
            self.write(APPLICATION_DATA, quic::Level::ZeroRtt, &first)?;
        }
        // BoringSSL returns from its handshake here, and the application exports keys.
        if offers_early && level.has("export-keying-material") {
            self.export(level)?;
        }
        while self.connection.is_handshaking() {
            self.receive()?;
            if self.ended {
                return Err(Stop::failed("the runner closed the connection"));
            }
            // Responds to early data before the client's Finished.
            self.respond()?;
        }
        let accepted = self.connection.sent_early_data_accepted();
        let expected = if offers_early && !accepted { &self.options.retry } else { level };
        let checked = self.check(expected, number, accepted);
        if checked.is_err() {
            self.transport.close();
        }
        checked?;
        if level.has("export-keying-material") {
            let material = self.export(level)?;
            self.write(APPLICATION_DATA, quic::Level::OneRtt, &material)?;
        }
        if !(offers_early && accepted) {
            let first = initial_write(expected)?.concat();
            self.write(APPLICATION_DATA, quic::Level::OneRtt, &first)?;
        }
        while !level.has("shim-shuts-down") && !self.ended {
            self.respond()?;
            self.receive()?;
        }
        expect::check_at_end(self.shim, self.options, level)?;
        self.transport.close();
        Ok(())
    }

    fn check(&mut self, level: &Level, number: u32, accepted: bool) -> Result<(), Stop> {
        let info = self.connection.connection_info().ok_or_else(|| Stop::failed("no handshake"))?;
        let export = self.connection.export(&mut [0; 8], b"EXPORTER-any", None);
        expect::check(&info, export.is_ok(), self.shim, self.options, level, number)?;
        if let Some(expected) = level.bytes("expect-quic-transport-params")? {
            let got = self.connection.peer_transport_parameters();
            expect::expect("transport parameters", Some(&expected[..]), got)?;
        }
        *self.shim.last_suite.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.cipher_suite());
        if !self.options.server && level.has("expect-accept-early-data") && !accepted {
            return Err(Stop::failed("early data was not accepted"));
        }
        if !self.options.server && level.has("expect-reject-early-data") && accepted {
            return Err(Stop::failed("early data was accepted"));
        }
        Ok(())
    }

    fn export(&self, level: &Level) -> Result<Vec<u8>, Stop> {
        let mut material = vec![0; level.number("export-keying-material")?.unwrap_or(0)];
        let label = level.text("export-label").unwrap_or_default();
        let context = level.text("export-context").unwrap_or_default();
        let context = level.has("use-export-context").then_some(context.as_bytes());
        let exported = self.connection.export(&mut material, label.as_bytes(), context);
        exported.map_err(|e| Stop::Failed(name(&e)))?;
        Ok(material)
    }

    /// Sends the received data back, inverted.
    fn respond(&mut self) -> Result<(), Stop> {
        let received = std::mem::take(&mut self.received);
        self.write(APPLICATION_DATA, quic::Level::OneRtt, &inverted(&received))
    }

    /// Sends the output of the handshake.
    fn flush(&mut self) -> Result<(), Stop> {
        while let Some(output) = self.connection.next_output() {
            match output {
                Output::Crypto(level, bytes) => {
                    self.note_suite(&bytes);
                    self.write(HANDSHAKE, level, &bytes)?;
                }
                Output::Keys(KeyChange::Read(level, _)) => self.reads.push(level),
                Output::Keys(KeyChange::Write(level, _)) => self.writes.push(level),
                Output::Keys(KeyChange::Updates { .. }) => {}
            }
        }
        Ok(())
    }

    /// Notes the cipher suite of a ServerHello, which follows two bytes of version, 32 of random
    /// and the session ID.
    fn note_suite(&mut self, messages: &[u8]) {
        if let Some([2, _, _, _, rest @ ..]) = messages.first_chunk::<38>().map(|_| messages) {
            let after = rest.get(34).and_then(|length| rest.get(35 + usize::from(*length)..));
            let suite =
                after.and_then(|after| after.first_chunk()).map(|bytes| CipherSuite(u16::from_be_bytes(*bytes)));
            self.suite = suite.or(self.suite);
        }
    }

    /// Returns the cipher suite and the secret with which `is_server` sends at this level.
    fn protection(&self, level: quic::Level, is_server: bool) -> Result<(u16, Vec<u8>), Stop> {
        let label = match (level, is_server) {
            (quic::Level::Initial, _) => return Ok((0, Vec::new())),
            (quic::Level::ZeroRtt, _) => "CLIENT_EARLY_TRAFFIC_SECRET",
            (quic::Level::Handshake, false) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            (quic::Level::Handshake, true) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            (quic::Level::OneRtt, false) => "CLIENT_TRAFFIC_SECRET_0",
            (quic::Level::OneRtt, true) => "SERVER_TRAFFIC_SECRET_0",
        };
        // A client sends early data before it knows this connection's suite.
        let of_session = *self.shim.last_suite.lock().unwrap_or_else(PoisonError::into_inner);
        let suite = if level == quic::Level::ZeroRtt { of_session } else { self.suite };
        let suite = suite.ok_or_else(|| Stop::failed("no cipher suite"))?;
        let secret = self.shim.secrets.get(label).ok_or_else(|| Stop::failed(format!("no {label}")))?;
        Ok((suite.0, secret))
    }

    fn write(&mut self, kind: u8, level: quic::Level, data: &[u8]) -> Result<(), Stop> {
        if data.is_empty() {
            return Ok(());
        }
        if !self.writes.contains(&level) {
            return Err(Stop::failed(format!("no keys to send at {level}")));
        }
        let (suite, secret) = self.protection(level, self.options.server)?;
        let length = u32::try_from(secret.len() + data.len()).map_err(|e| Stop::failed(e.to_string()))?;
        let header = [&[kind, number_of(level)][..], &suite.to_be_bytes(), &length.to_be_bytes()].concat();
        // If the runner has closed, what it sent before explains why.
        let _ = self.transport.socket().write_all(&[&header, &secret, data].concat());
        Ok(())
    }

    /// Reads one record and processes it.
    fn receive(&mut self) -> Result<(), Stop> {
        let Some((kind, level, data)) = self.read_record()? else {
            self.ended = true;
            return Ok(());
        };
        match kind {
            HANDSHAKE => {
                self.note_suite(&data);
                let result = self.connection.receive(level, &data);
                self.flush()?;
                result.map_err(|e| self.fail(&e))
            }
            APPLICATION_DATA => {
                self.received.extend(data);
                Ok(())
            }
            other => Err(Stop::failed(format!("a record of type {other}"))),
        }
    }

    /// Returns `None` at EOF. Skips early data that was rejected.
    fn read_record(&mut self) -> Result<Option<(u8, quic::Level, Vec<u8>)>, Stop> {
        loop {
            let mut header = [0; 8];
            match self.transport.socket().read_exact(&mut header) {
                Ok(()) => {}
                Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return Ok(None),
                Err(e) => return Err(e.into()),
            }
            let [kind, level, suite @ .., a, b, c, d] = header;
            let mut value = vec![0; u32::from_be_bytes([a, b, c, d]) as usize];
            self.transport.socket().read_exact(&mut value)?;
            let level = LEVELS.get(usize::from(level)).ok_or_else(|| Stop::failed("an unknown level"))?;
            if *level == quic::Level::ZeroRtt && self.options.server && !self.reads.contains(level) {
                continue;
            }
            if !self.reads.contains(level) {
                return Err(Stop::failed(format!("no keys to receive at {level}")));
            }
            let (expected, secret) = self.protection(*level, !self.options.server)?;
            expect::expect("cipher suite of a record", expected, u16::from_be_bytes(suite))?;
            let data = value.strip_prefix(&secret[..]).ok_or_else(|| Stop::failed("the secrets differ"))?;
            return Ok(Some((kind, *level, data.to_vec())));
        }
    }

    /// Sends the alert as the mock does; QUIC sends its number in CONNECTION_CLOSE.
    fn fail(&mut self, e: &Error) -> Stop {
        let last = self.writes.iter().rfind(|level| **level != quic::Level::ZeroRtt).copied();
        if let [.., 1, alert] = e.quic_code().to_be_bytes() {
            let _ = self.write(ALERT, last.unwrap_or(quic::Level::Initial), &[2, alert]);
        }
        let _ = self.transport.socket().shutdown(Shutdown::Write);
        self.transport.close();
        Stop::Failed(name(e))
    }
}
