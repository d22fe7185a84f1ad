//! A server in a thread that serves one client with a function of the test.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use strata_tls::{ProtocolVersion, ServerSession, StreamOwned};

use crate::certificates::{Kind, server_config};
use crate::processes::TIMEOUT;

/// The server's side of the connection.
pub(crate) type Client = StreamOwned<ServerSession, TcpStream>;

pub(crate) struct TestServer {
    pub(crate) port: u16,
    thread: JoinHandle<io::Result<()>>,
}

impl TestServer {
    /// Calls `serve` for the only client, before the handshake.
    pub(crate) fn once(
        version: ProtocolVersion,
        serve: impl FnOnce(&mut Client) -> io::Result<()> + Send + 'static,
    ) -> Result<Self, String> {
        let mut config = server_config(Kind::EcdsaP256)?;
        config.set_versions(&[version]).map_err(|e| e.to_string())?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        let thread = std::thread::spawn(move || {
            let (socket, _) = listener.accept()?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            serve(&mut StreamOwned::new(ServerSession::new(&Arc::new(config)), socket))
        });
        Ok(Self { port, thread })
    }

    /// Waits until `serve` has returned.
    pub(crate) fn finish(self) -> Result<(), String> {
        self.thread.join().map_err(|_| "the server panicked")?.map_err(|e| format!("the server: {e}"))
    }
}
