//! Early data (0-RTT, RFC 9846 §2.3): the client's writer and the server's reader.
//!
//! `core` limits what the application has not read. A server accepts early data in four steps. The
//! session storage returns the session (`resumption::server_session_lookup`: `find`). The engine,
//! tls-handshake, checks the ClientHello and requests the session's removal (`Need::TakeSession`).
//! `take` removes it. The engine accepts. What arrives is kept in an
//! [`EarlyDataBuffer`](super::receive_buffer::EarlyDataBuffer).

use std::fmt;
use std::io;

use tls_handshake::Error;
use tls_handshake::client::Client;
use tls_handshake::server::Server;

use crate::session::core::SessionCore;

/// Writes early data (0-RTT), which is sent before the server has answered. Returned by
/// [`ClientSession::early_data`](crate::ClientSession::early_data) while that is possible.
///
/// An attacker who records early data can replay it. It must not request anything that must not
/// happen twice. Servers of this library prevent replays, but not all servers do.
///
/// [`is_early_data_accepted`](crate::ClientSession::is_early_data_accepted) returns whether the
/// server accepted it, once the handshake is complete. If it did not, it has read nothing, and the
/// client must send all of it again.
///
/// ```no_run
/// use std::io::Write;
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, ClientSession, Session};
///
/// # fn connect(config: &Arc<ClientConfig>, tcp: &mut std::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let request = b"GET / HTTP/1.0\r\n\r\n";
/// let mut connection = ClientSession::new(config, "www.example.com")?;
/// let mut sent = 0;
/// if let Some(mut early) = connection.early_data() {
///     sent = early.write(request)?;
/// }
/// connection.complete_io(tcp)?;
/// if !connection.is_early_data_accepted() {
///     sent = 0;
/// }
/// connection.write_all(&request[sent..])?;
/// # Ok(())
/// # }
/// ```
pub struct WriteEarlyData<'a>(pub(crate) &'a mut SessionCore<Client>);

impl WriteEarlyData<'_> {
    /// Returns how many bytes can still be sent early, including
    /// [padding](crate::ClientConfig::set_record_padding).
    #[must_use]
    pub fn bytes_left(&self) -> u32 {
        self.0.connection().early_data_left()
    }

    /// Fills `out` with keying material of the early data (RFC 9846 §7.5). It differs from
    /// [`Session::export_keying_material`](crate::Session::export_keying_material), and is the same
    /// in a replay.
    ///
    /// # Errors
    /// An error if `out` or the context is too long.
    pub fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.0.connection().export_early_keying_material(out, label, context)
    }
}

impl io::Write for WriteEarlyData<'_> {
    /// Accepts what may still be sent early; `Ok(0)` if that is nothing.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write_early(buf)
    }

    /// Does nothing: accepted data is encrypted, and pending for
    /// [`Session::write_tls`](crate::Session::write_tls).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for WriteEarlyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteEarlyData").field("bytes_left", &self.bytes_left()).finish()
    }
}

/// Reads the early data (0-RTT) that a client sent before the handshake completed. Returned by
/// [`ServerSession::early_data`](crate::ServerSession::early_data) while any is unread.
///
/// Delivered at most once: its session was removed from the store. An attacker can still delay it,
/// and the client has not proved liveness: act on it only if that is harmless at any time.
pub struct ReadEarlyData<'a>(pub(crate) &'a mut SessionCore<Server>);

impl ReadEarlyData<'_> {
    /// Fills `out` with keying material of the early data (RFC 9846 §7.5), while the handshake is
    /// not complete.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`] if the handshake no longer has it; an error if `out` or the
    /// context is too long.
    pub fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.0.connection().export_early_keying_material(out, label, context)
    }
}

impl io::Read for ReadEarlyData<'_> {
    /// Returns `Ok(0)` when all early data received so far was read.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_early(buf)
    }
}

impl fmt::Debug for ReadEarlyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadEarlyData").finish_non_exhaustive()
    }
}
