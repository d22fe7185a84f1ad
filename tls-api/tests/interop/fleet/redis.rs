//! A redis-server for a test, and stand-ins that behave badly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::certificates::folder;
use crate::processes::{Running, TIMEOUT};
use crate::programs::Program;

/// A redis-server that stores nothing on disk.
pub(crate) struct Redis {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Redis {
    pub(crate) fn start() -> Result<Self, String> {
        Self::start_at(free_port()?)
    }

    pub(crate) fn start_at(port: u16) -> Result<Self, String> {
        let mut command = Program::RedisServer.command();
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let running = Running::start({
            command.current_dir(folder()?);
            command
        })?;
        running.stdout.wait_for("Ready to accept connections")?;
        Ok(Self { running, port })
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    /// Sends a command and returns the raw response.
    pub(crate) fn ask(&self, command: &str) -> Result<String, String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).map_err(|e| e.to_string())?;
        socket.set_read_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The keys that start with `prefix`, sorted.
    pub(crate) fn keys(&self, prefix: &str) -> Result<Vec<String>, String> {
        let answer = self.ask(&format!("KEYS {prefix}*"))?;
        let mut keys: Vec<String> = answer.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect();
        keys.sort();
        Ok(keys)
    }
}

pub(crate) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// A free port below the ephemeral range, so that no other test or client takes it while nothing
/// listens.
fn free_port() -> Result<u16, String> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    for _ in 0..1000 {
        let step = std::process::id().wrapping_mul(61).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(20_000 + step % 10_000).map_err(|e| e.to_string())?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

/// A peer that responds to everything with `answer`, or never if `answer` is empty. Returns its
/// port.
pub(crate) fn answering_peer(answer: &'static [u8]) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(1..) = client.read(&mut chunk) {
                    if client.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(port)
}

/// A peer that counts connections and never responds. Returns its port and the count.
pub(crate) fn counting_peer() -> Result<(u16, Arc<AtomicU64>), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for client in listener.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::Relaxed);
            open.push(client);
        }
    });
    Ok((port, count))
}

/// A proxy in front of Redis. While the gate is shut, it forwards no response.
pub(crate) struct Gate {
    pub(crate) port: u16,
    state: Arc<(Mutex<GateState>, Condvar)>,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    /// Chunks of responses that arrived while the gate was shut.
    held: usize,
}

impl Gate {
    pub(crate) fn before(redis: u16) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        let state = Arc::<(Mutex<GateState>, Condvar)>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(redis) = TcpStream::connect(("127.0.0.1", redis)) else { return };
                let (Ok(from_client), Ok(from_redis)) = (client.try_clone(), redis.try_clone()) else { return };
                let gate = Arc::clone(&shared);
                std::thread::spawn(move || pass_on(from_client, redis, || ()));
                std::thread::spawn(move || pass_on(from_redis, client, || wait_until_open(&gate)));
            }
        });
        Ok(Self { port, state })
    }

    pub(crate) fn shut(&self) {
        *lock(&self.state.0) = GateState { shut: true, held: 0 };
    }

    pub(crate) fn open(&self) {
        lock(&self.state.0).shut = false;
        self.state.1.notify_all();
    }

    /// Waits until the shut gate holds a response.
    pub(crate) fn wait_for_an_answer(&self) -> Result<(), String> {
        let state = lock(&self.state.0);
        let waited = self.state.1.wait_timeout_while(state, TIMEOUT, |state| state.held == 0);
        let timed_out = waited.map_err(|e| e.to_string())?.1.timed_out();
        if timed_out { Err("no request reached Redis".into()) } else { Ok(()) }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

fn lock(state: &Mutex<GateState>) -> MutexGuard<'_, GateState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_until_open(gate: &(Mutex<GateState>, Condvar)) {
    let mut state = lock(&gate.0);
    state.held += usize::from(state.shut);
    gate.1.notify_all();
    drop(gate.1.wait_while(state, |state| state.shut));
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, before_each: impl Fn()) {
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        before_each();
        if to.write_all(&chunk[..n]).is_err() {
            return;
        }
    }
}
