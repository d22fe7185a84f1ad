//! The data to send: a request, bytes in memory, or stdin. A thread reads stdin, because files and
//! terminals have no readiness events.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use mio::Waker;

pub(crate) enum Input {
    /// A request. The client does not send close_notify after it.
    Request(Option<Vec<u8>>),
    /// All bytes of the input. The client sends close_notify after them.
    Whole(Option<Vec<u8>>),
    Stdin {
        chunks: Receiver<io::Result<Vec<u8>>>,
        /// Held because dropping a waker cancels its pending wake-ups.
        _waker: Arc<Waker>,
    },
}

/// The next data to send.
pub(crate) enum Next {
    Bytes(Vec<u8>),
    /// No data yet.
    Nothing,
    /// The end of the input.
    End,
}

impl Input {
    pub(crate) fn stdin(waker: Waker) -> Self {
        // Reads at most four chunks ahead of the network.
        let (sender, chunks) = sync_channel(4);
        let waker = Arc::new(waker);
        let wake_at_end = WakeAtEnd(Arc::clone(&waker));
        std::thread::spawn(move || read_stdin(wake_at_end, sender));
        Self::Stdin { chunks, _waker: waker }
    }

    pub(crate) fn next(&mut self) -> io::Result<Next> {
        match self {
            Self::Request(request) => Ok(request.take().map_or(Next::Nothing, Next::Bytes)),
            Self::Whole(bytes) => Ok(bytes.take().map_or(Next::End, Next::Bytes)),
            Self::Stdin { chunks, .. } => match chunks.try_recv() {
                Ok(Ok(bytes)) => Ok(Next::Bytes(bytes)),
                Ok(Err(e)) => Err(e),
                Err(TryRecvError::Empty) => Ok(Next::Nothing),
                Err(TryRecvError::Disconnected) => Ok(Next::End),
            },
        }
    }
}

/// Wakes the event loop when dropped.
struct WakeAtEnd(Arc<Waker>);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        // Fails once the event loop is gone.
        let _ = self.0.wake();
    }
}

/// Reads until EOF, an error, or until the receiver is dropped. The sender must be dropped before
/// the last wake-up, so that the receiver sees the end. Locals drop in reverse order of
/// declaration.
fn read_stdin(waker: WakeAtEnd, sender: SyncSender<io::Result<Vec<u8>>>) {
    let waker = waker;
    let sender = sender;
    let mut stdin = io::stdin().lock();
    loop {
        let mut chunk = vec![0; 32 * 1024];
        let read = match stdin.read(&mut chunk) {
            Ok(0) => return,
            Ok(n) => {
                chunk.truncate(n);
                Ok(chunk)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => Err(e),
        };
        let failed = read.is_err();
        if sender.send(read).is_err() || waker.0.wake().is_err() || failed {
            return;
        }
    }
}
