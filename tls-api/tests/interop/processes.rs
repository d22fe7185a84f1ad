//! Child processes that a test communicates with. None outlives its test, and every wait has a
//! timeout.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::programs::example;

/// The timeout of every wait. It is long enough to expire only if something hangs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    what: String,
}

/// The exit status and the output of a process.
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    pub(crate) bytes: Vec<u8>,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts a process whose stdin stays open until [`close_stdin`](Self::close_stdin).
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        let what = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("cannot start {what}: {e}"))?;
        let stdin = child.stdin.take();
        let stdout = Output::read_from(child.stdout.take().ok_or("no stdout")?);
        let stderr = Output::read_from(child.stderr.take().ok_or("no stderr")?);
        Ok(Self { child, stdin, stdout, stderr, what })
    }

    /// Writes `text` to its stdin.
    pub(crate) fn write_stdin(&mut self, text: &str) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("its stdin is closed")?;
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).map_err(|e| format!("{}: {e}", self.what))
    }

    /// Writes `bytes` to its stdin from a thread, which then closes stdin or keeps it open.
    pub(crate) fn feed(&mut self, bytes: Vec<u8>, then: AfterFeed) -> Result<(), String> {
        let mut stdin = self.stdin.take().ok_or("its stdin is closed")?;
        std::thread::spawn(move || {
            // A process that ends early reports its own error.
            let _ = stdin.write_all(&bytes);
            match then {
                AfterFeed::Closes => {}
                AfterFeed::StaysOpen => std::thread::sleep(TIMEOUT),
            }
        });
        Ok(())
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until it ends.
    pub(crate) fn finish(mut self) -> Result<Exit, String> {
        let until = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().map_err(|e| e.to_string())? {
                let bytes = self.stdout.take_all(until);
                let stderr = String::from_utf8_lossy(&self.stderr.take_all(until)).into_owned();
                return Ok(Exit { status, bytes, stderr });
            }
            if Instant::now() > until {
                return Err(format!(
                    "{} does not end; it output:\n{}{}",
                    self.what,
                    self.stdout.text(),
                    self.stderr.text()
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it ends, and fails if its exit status is not success.
    pub(crate) fn succeed(self) -> Result<Exit, String> {
        let what = self.what.clone();
        let ended = self.finish()?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err(format!("{what} ended with {}:\n{}\n{}", ended.status, ended.text(), ended.stderr))
    }

    /// Waits until the process listens on `port`. Returns `None` if it ended before.
    pub(crate) fn wait_for_listener(&mut self, port: u16) -> Result<Option<()>, String> {
        let until = Instant::now() + TIMEOUT;
        loop {
            if self.child.try_wait().map_err(|e| e.to_string())?.is_some() {
                return Ok(None);
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Some(()));
            }
            if Instant::now() > until {
                return Err(format!("{} does not listen: {}", self.what, self.stderr.text()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until every thread sleeps and none wakes for a while. A process that spins never gets
    /// there. Without `/proc` it returns at once.
    pub(crate) fn wait_until_idle(&self) -> Result<(), String> {
        let until = Instant::now() + TIMEOUT;
        let (mut before, mut quiet) = (None, 0);
        while quiet < 20 {
            let Some(threads) = self.sleeping_threads() else { return Ok(()) };
            quiet = if threads.is_some() && threads == before { quiet + 1 } else { 0 };
            before = threads;
            if Instant::now() > until {
                return Err(format!("{} is busy with nothing", self.what));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The kernel's count of voluntary context switches for each thread. `Some(None)` if a thread
    /// is running.
    fn sleeping_threads(&self) -> Option<Option<Vec<String>>> {
        let mut threads = Vec::new();
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()? {
            // A thread that has just ended counts as sleeping.
            let Ok(status) = std::fs::read_to_string(thread.ok()?.path().join("status")) else { continue };
            let field = |name: &str| status.lines().find(|line| line.starts_with(name)).map(str::to_owned);
            if !field("State:")?.contains("sleeping") {
                return Some(None);
            }
            threads.push(field("voluntary_ctxt_switches:")?);
        }
        Some(Some(threads))
    }

    /// Kills it, so that it cannot send close_notify.
    pub(crate) fn kill(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Connects to a server on the loopback interface.
pub(crate) fn connect(port: u16) -> Result<TcpStream, String> {
    let socket = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
    Ok(socket)
}

/// A port that is currently free. Another process may take it before the server does.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}

#[derive(Clone, Copy)]
pub(crate) enum AfterFeed {
    Closes,
    StaysOpen,
}

impl Exit {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The output of a process so far.
#[derive(Clone)]
pub(crate) struct Output(Arc<(Mutex<OutputState>, Condvar)>);

#[derive(Default)]
struct OutputState {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    fn read_from(mut from: impl Read + Send + 'static) -> Self {
        let received = Self(Arc::default());
        let listener = received.clone();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            loop {
                let n = from.read(&mut chunk).unwrap_or(0);
                let (output, changed) = &*listener.0;
                let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                output.bytes.extend_from_slice(&chunk[..n]);
                output.ended = n == 0;
                changed.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        received
    }

    /// The output so far, as text.
    pub(crate) fn text(&self) -> String {
        let output = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output.bytes).into_owned()
    }

    /// Waits until `enough` returns a value for the output so far, and returns it.
    pub(crate) fn wait_until<T>(&self, what: &str, enough: impl Fn(&[u8]) -> Option<T>) -> Result<T, String> {
        let until = Instant::now() + TIMEOUT;
        let (output, changed) = &*self.0;
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = enough(&output.bytes) {
                return Ok(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if output.ended || left.is_zero() {
                let end = output.bytes.len().min(4096);
                return Err(format!("no {what} came in:\n{}", String::from_utf8_lossy(&output.bytes[..end])));
            }
            output = changed.wait_timeout(output, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the output contains `wanted`.
    pub(crate) fn wait_for(&self, wanted: &str) -> Result<(), String> {
        self.wait_until(&format!("{wanted:?}"), |output| String::from_utf8_lossy(output).contains(wanted).then_some(()))
    }

    /// Waits for a line that contains `wanted`. Returns the port at its end.
    pub(crate) fn wait_for_port(&self, wanted: &str) -> Result<u16, String> {
        self.wait_until(&format!("line {wanted:?} with a port"), |output| {
            let output = String::from_utf8_lossy(output);
            let (line, _) = output.split_once(wanted)?.1.split_once('\n')?;
            line.trim_end().rsplit(':').next()?.parse().ok()
        })
    }

    fn take_all(&self, until: Instant) -> Vec<u8> {
        let (output, changed) = &*self.0;
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        while !output.ended && Instant::now() < until {
            output = changed.wait_timeout(output, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut output.bytes)
    }
}

/// A running tlsserver and its port.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Server {
    /// Starts tlsserver with `options` before `mode`.
    pub(crate) fn start(kind: crate::certificates::Kind, options: &[&str], mode: &[&str]) -> Result<Self, String> {
        Self::start_with(&crate::certificates::files(kind)?, options, mode)
    }

    /// Starts tlsserver with this certificate.
    pub(crate) fn start_with(
        files: &crate::certificates::Files,
        options: &[&str],
        mode: &[&str],
    ) -> Result<Self, String> {
        let mut command = example("tlsserver")?;
        command.args(["--port", "0", "--certs"]).arg(&files.chain).arg("--key").arg(&files.key);
        if !options.contains(&"--timeout") {
            // Do not time out on a slow machine.
            command.args(["--timeout", "3600"]);
        }
        let running = Running::start({
            command.args(options).args(mode);
            command
        })?;
        let port = running.stdout.wait_for_port("listening on ").map_err(|e| e + &running.stderr.text())?;
        Ok(Self { running, port })
    }

    /// Its stderr so far, which is empty unless something failed.
    pub(crate) fn errors(&self) -> String {
        self.running.stderr.text()
    }

    /// Fails if it has reported an error.
    pub(crate) fn expect_no_errors(&self) -> Result<(), String> {
        match self.errors() {
            none if none.is_empty() => Ok(()),
            errors => Err(format!("tlsserver reported: {errors}")),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
