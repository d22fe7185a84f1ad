//! What is sent: a request, bytes that were read before, or stdin, which a thread of its own reads as files and terminals know no readiness.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use mio::Waker;

pub(crate) enum Input {
    /// The request that is left; our side stays open after it.
    Request(Option<Vec<u8>>),
    /// Bytes that are all there; our side is closed after them.
    Whole(Option<Vec<u8>>),
    Stdin {
        chunks: Receiver<io::Result<Vec<u8>>>,
        /// Kept, as a waker that is dropped takes back the wake-ups that were not seen yet.
        _waker: Arc<Waker>,
    },
}

/// What there is to send.
pub(crate) enum Next {
    Bytes(Vec<u8>),
    /// Nothing now.
    Nothing,
    /// Our side is to be closed.
    End,
}

impl Input {
    pub(crate) fn stdin(waker: Waker) -> Self {
        // A few chunks ahead of the network are enough.
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

/// Wakes when it is dropped.
struct WakeAtEnd(Arc<Waker>);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        // Without a listener there is nobody to wake.
        let _ = self.0.wake();
    }
}

/// Ends at stdin's end, an error, or when nobody listens any more. The channel's end tells the other side, and so has to
/// come before the last wake-up: a local is dropped before those declared earlier.
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
