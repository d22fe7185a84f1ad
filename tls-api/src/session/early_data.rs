//! Data that is sent before the handshake (0-RTT, RFC 9846 §2.3), apart from all other data.

use std::fmt;
use std::io;

use tls_handshake::Error;
use tls_handshake::client::Client;
use tls_handshake::server::Server;

use crate::session::core::{SessionCore, repeat_as_io};

/// Sends data before the server has answered: [`ClientSession::early_data`](crate::ClientSession::early_data) has one as long as that is possible.
///
/// What is sent so can be sent a second time by whoever records it: it must not ask for anything that must not happen twice. Servers of
/// this library see to it that it does not happen, but not all do.
///
/// Whether the server took it is known when the handshake is complete:
/// [`is_early_data_accepted`](crate::ClientSession::is_early_data_accepted). If it did not, it has read nothing of it, and all has to be sent again.
///
/// ```no_run
/// use std::io::Write;
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, ClientSession, Session};
///
/// # fn connect(config: &Arc<ClientConfig>, tcp: &mut std::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let request = b"GET / HTTP/1.0\r\n\r\n";
/// let mut session = ClientSession::new(config, "www.example.com".try_into()?)?;
/// let mut sent = 0;
/// if let Some(mut early) = session.early_data() {
///     sent = early.write(request)?;
/// }
/// session.complete_io(tcp)?;
/// if !session.is_early_data_accepted() {
///     sent = 0;
/// }
/// session.write_all(&request[sent..])?;
/// # Ok(())
/// # }
/// ```
pub struct WriteEarlyData<'a>(pub(crate) &'a mut SessionCore<Client>);

impl WriteEarlyData<'_> {
    /// Bytes that can still be sent early, [padding](crate::ClientConfig::set_record_padding) counted.
    #[must_use]
    pub fn bytes_left(&self) -> u32 {
        self.0.connection().early_data_left()
    }

    /// Fills `out` with key material that belongs to the early data (RFC 9846 §7.5): other than that of
    /// [`Session::export_keying_material`](crate::Session::export_keying_material), and replayed together with the data.
    ///
    /// # Errors
    /// If `out` or the context is too long.
    pub fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.0.connection().export_early_keying_material(out, label, context)
    }
}

impl io::Write for WriteEarlyData<'_> {
    /// Takes what may still be sent early, and `Ok(0)` if that is nothing.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write_early(buf)
    }

    /// Does nothing: what was taken is sealed, and waits for [`Session::write_tls`](crate::Session::write_tls).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for WriteEarlyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteEarlyData").field("bytes_left", &self.bytes_left()).finish()
    }
}

/// Reads the data that a client sent before the handshake: [`ServerSession::early_data`](crate::ServerSession::early_data) has one once some came.
///
/// It came once: a session that allows it is taken out of its store with its first use. But it came before the client showed that it
/// is there, and before a man in the middle could be noticed who holds it back: what it asks for should be harmless at any time.
pub struct ReadEarlyData<'a>(pub(crate) &'a mut SessionCore<Server>);

impl ReadEarlyData<'_> {
    /// Fills `out` with key material that belongs to the early data (RFC 9846 §7.5), while the handshake is not complete.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`] if there is none any more; if `out` or the context is too long.
    pub fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.0.connection().export_early_keying_material(out, label, context)
    }
}

impl io::Read for ReadEarlyData<'_> {
    /// `Ok(0)`: all of it that came so far is read.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(e) = self.0.connection().error() {
            return Err(repeat_as_io(e));
        }
        Ok(self.0.read_early(buf))
    }
}

impl fmt::Debug for ReadEarlyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadEarlyData").finish_non_exhaustive()
    }
}

/// Early data that is not read yet. On almost all connections there is none, and no allocation.
#[derive(Default)]
pub(crate) struct EarlyReceived(Option<Box<Unread>>);

#[derive(Default)]
struct Unread {
    bytes: Vec<u8>,
    read: usize,
}

impl EarlyReceived {
    pub(crate) fn push(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let Unread { bytes, read } = &mut **self.0.get_or_insert_default();
        bytes.drain(..std::mem::take(read).min(bytes.len()));
        bytes.extend_from_slice(data);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes.
    pub(crate) fn unread(&self) -> usize {
        self.0.as_ref().map_or(0, |unread| unread.bytes.len().saturating_sub(unread.read))
    }

    pub(crate) fn read(&mut self, out: &mut [u8]) -> usize {
        let Some(Unread { bytes, read }) = self.0.as_deref_mut() else { return 0 };
        let unread = bytes.get(*read..).unwrap_or_default();
        let n = unread.len().min(out.len());
        for (to, from) in out.iter_mut().zip(unread) {
            *to = *from;
        }
        *read += n;
        if *read == bytes.len() {
            self.0 = None;
        }
        n
    }
}
