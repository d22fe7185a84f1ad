//! The TCP connection to the runner.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpStream};
use std::time::Duration;

use strata_tls::{Error, Session};

use crate::errors::name;
use crate::options::Options;
use crate::stop::Stop;

pub(crate) struct Transport(TcpStream);

impl Transport {
    pub(crate) fn connect(options: &Options) -> Result<Self, Stop> {
        let address = if options.ipv6 { IpAddr::V6(Ipv6Addr::LOCALHOST) } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let mut socket = TcpStream::connect((address, options.port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        socket.write_all(&options.shim_id.to_le_bytes())?;
        Ok(Self(socket))
    }

    /// The socket, for records of another format.
    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.0
    }

    /// Sends pending records. If the runner has closed, reads its data, which may hold an alert.
    pub(crate) fn flush(&mut self, session: &mut impl Session) -> Result<(), Stop> {
        while session.wants_write() {
            match session.write_tls(&mut self.0) {
                Ok(_) => {}
                Err(_) => {
                    self.drain_into(session)?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn drain_into(&mut self, session: &mut impl Session) -> Result<(), Stop> {
        while session.wants_read() {
            match session.read_tls(&mut self.0) {
                Ok(0) | Err(_) => break,
                Ok(_) => session.process_new_packets().map(drop).map_err(|e| Stop::Failed(name(&e)))?,
            }
        }
        Ok(())
    }

    /// Reads once and processes the data. Returns `false` at EOF.
    pub(crate) fn receive(&mut self, session: &mut impl Session) -> Result<bool, Stop> {
        let n = match session.read_tls(&mut self.0) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        if let Err(e) = session.process_new_packets() {
            return Err(self.fail(session, &e));
        }
        Ok(n > 0)
    }

    /// Sends the alert, then reads until EOF: a reset would make the runner lose the alert.
    pub(crate) fn fail(&mut self, session: &mut impl Session, e: &Error) -> Stop {
        while session.wants_write() {
            if session.write_tls(&mut self.0).is_err() {
                break;
            }
        }
        self.close();
        Stop::Failed(name(e))
    }

    pub(crate) fn close(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
        let mut rest = [0; 4096];
        while matches!(self.0.read(&mut rest), Ok(1..)) {}
    }
}
