//! Adapts an asynchronous transport to the blocking one that a session expects.

use std::io::{self, BufRead, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A transport and the task that polls it. `Pending` is `WouldBlock`. A transport that takes
/// nothing has failed.
pub(super) struct Polled<'a, 'cx, IO> {
    pub(super) io: &'a mut IO,
    pub(super) cx: &'a mut Context<'cx>,
}

impl<IO: AsyncRead + Unpin> Read for Polled<'_, '_, IO> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        as_blocking(|| Pin::new(&mut *self.io).poll_read(self.cx, &mut buf))?;
        Ok(buf.filled().len())
    }
}

impl<IO: AsyncWrite + Unpin> Write for Polled<'_, '_, IO> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match as_blocking(|| Pin::new(&mut *self.io).poll_write(self.cx, buf)) {
            Ok(0) if !buf.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        as_blocking(|| Pin::new(&mut *self.io).poll_flush(self.cx))
    }
}

fn as_blocking<T>(mut poll: impl FnMut() -> Poll<io::Result<T>>) -> io::Result<T> {
    loop {
        match poll() {
            Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
            // It registered no waker, so the task would wait forever.
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => return Err(io::Error::other(e)),
            Poll::Ready(result) => return result,
        }
    }
}

/// Returns what a call with a [`Polled`] did: `Pending` for `WouldBlock`.
#[inline]
pub(super) fn as_poll<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// Copies all plaintext that was received and fits. Does not initialize the rest of `buf`.
pub(super) fn copy_plaintext(from: &mut impl BufRead, buf: &mut ReadBuf<'_>) {
    while buf.remaining() > 0 {
        let data = match from.fill_buf() {
            Ok(data) if !data.is_empty() => data,
            _ => return,
        };
        let (part, _) = data.split_at(data.len().min(buf.remaining()));
        let n = part.len();
        buf.put_slice(part);
        from.consume(n);
    }
}
