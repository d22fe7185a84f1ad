//! Sends bytes to a server, and reads its answer.

use std::{
    fmt,
    io::{self, ErrorKind, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use strata_tls_codec::{
    AlertDescription,
    observer::{Event, Observer, Sender},
};

/// How a server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A ServerHello or HelloRetryRequest: it accepts the hello.
    Accepted,
    /// An alert.
    Alert(AlertDescription),
    /// Bytes that are neither.
    Other,
    /// It closed, or reset, the connection.
    Closed,
    /// Nothing in time.
    Nothing,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Alert(alert) => write!(f, "alert {alert}"),
            Self::Other => f.write_str("an answer that is neither a hello nor an alert"),
            Self::Closed => f.write_str("closed without an alert"),
            Self::Nothing => f.write_str("no answer in time"),
        }
    }
}

/// The most bytes that are read of an answer.
const MAX_ANSWER: usize = 1 << 16;

/// Connects to a server and sends it `bytes`.
pub(crate) fn probe(address: impl ToSocketAddrs, bytes: &[u8], timeout: Duration) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // A server that answers early may not read the rest; its answer is there nevertheless.
    let _ = stream.write_all(bytes);
    let mut observer = Observer::new();
    let (mut answer, mut total) = (None, 0);
    let mut buffer = [0; 4096];
    while answer.is_none() && total < MAX_ANSWER {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(Answer::Closed),
            Ok(count) => count,
            Err(e) => match e.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(Answer::Nothing),
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                    return Ok(Answer::Closed);
                }
                _ => return Err(e),
            },
        };
        total += count;
        observer.read(Sender::Server, &buffer[..count], |event| {
            let is = match event {
                Event::ServerHello(_) => Answer::Accepted,
                Event::Alert(alert) => Answer::Alert(alert.description),
                _ => Answer::Other,
            };
            answer.get_or_insert(is);
        });
    }
    Ok(answer.unwrap_or(Answer::Other))
}
