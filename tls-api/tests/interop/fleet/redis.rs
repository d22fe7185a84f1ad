//! A redis-server for a test, and peers that are none, or a bad one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::certificates::folder;
use crate::processes::Running;
use crate::programs::Program;

/// A redis-server that keeps nothing on disk.
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

    /// Sends a command and gives the answer, as it is on the wire.
    pub(crate) fn ask(&self, command: &str) -> Result<String, String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).map_err(|e| e.to_string())?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).map_err(|e| e.to_string())?;
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The keys that begin so.
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

/// One below those that the operating system gives out, to other tests and to clients, so that it stays free while nobody listens.
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

/// A peer that takes connections and answers whatever is said with this, or not at all if it is empty.
pub(crate) fn answering(answer: &'static [u8]) -> Result<u16, String> {
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

/// A peer that takes connections, counts them and says nothing.
pub(crate) fn counting() -> Result<(u16, Arc<AtomicU64>), String> {
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

/// Passes on what comes, either way, and holds back what the Redis says.
pub(crate) fn delaying_proxy(to: u16, delay: Duration) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(redis) = TcpStream::connect(("127.0.0.1", to)) else { return };
            let (Ok(from_client), Ok(from_redis)) = (client.try_clone(), redis.try_clone()) else { return };
            std::thread::spawn(move || pass_on(from_client, redis, Duration::ZERO));
            std::thread::spawn(move || pass_on(from_redis, client, delay));
        }
    });
    Ok(port)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        std::thread::sleep(delay);
        if to.write_all(&chunk[..n]).is_err() {
            return;
        }
    }
}
