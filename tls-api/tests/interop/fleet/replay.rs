//! Replayed early data: a recorded flight is sent again to the same server and to others.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Barrier};

use strata_tls::codec::ServerHello;
use strata_tls::codec::handshake::{Split, split_message};
use strata_tls::{ClientConfig, ClientSession, ServerName, Session, StreamOwned};

use crate::Outcome;
use crate::certificates::client_config;
use crate::fleet::redis::Redis;
use crate::fleet::server;
use crate::processes::connect;

const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// A client in this process that stores its sessions in memory.
pub(crate) struct Client(Arc<ClientConfig>);

impl Client {
    pub(crate) fn new() -> Result<Self, String> {
        let mut config = client_config()?;
        config.enable_early_data(true);
        Ok(Self(Arc::new(config)))
    }

    fn session(&self) -> Result<ClientSession, String> {
        let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
        ClientSession::new(&self.0, name).map_err(|e| e.to_string())
    }

    /// Fetches the page, without early data.
    pub(crate) fn fetch(&self, port: u16) -> Result<String, String> {
        let mut stream = StreamOwned::new(self.session()?, connect(port)?);
        let mut page = String::new();
        stream.write_all(REQUEST).and_then(|()| stream.read_to_string(&mut page)).map_err(|e| e.to_string())?;
        Ok(page)
    }

    /// The client's first flight: ClientHello and early data.
    fn first_flight(&self) -> Result<Vec<u8>, String> {
        let mut session = self.session()?;
        let mut early = session.early_data().ok_or("no stored session allows early data")?;
        early.write_all(REQUEST).map_err(|e| e.to_string())?;
        let mut flight = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut flight).map_err(|e| e.to_string())?;
        }
        Ok(flight)
    }
}

/// Each flight goes to both servers at once, and then to each of them again. Exactly one may accept
/// it.
pub(crate) fn recorded_flights() -> Outcome {
    const ROUNDS: usize = 10;
    let redis = Redis::start()?;
    let options = ["--resumption", "--max-early-data", "1000"];
    let (one, other) = (server(&redis, &options)?, server(&redis, &options)?);
    let client = Client::new()?;
    for round in 0..ROUNDS {
        client.fetch(if round % 2 == 0 { one.port } else { other.port })?;
        let flight = client.first_flight()?;
        let start = Barrier::new(2);
        let at_once = std::thread::scope(|scope| {
            let replays = [&one, &other].map(|server| {
                scope.spawn(|| {
                    let socket = connect(server.port)?;
                    start.wait();
                    is_resumed(socket, &flight)
                })
            });
            replays.map(|replay| replay.join().unwrap_or_else(|_| Err("a replay panicked".into())))
        });
        let accepted = at_once.into_iter().collect::<Result<Vec<bool>, String>>()?;
        if accepted.iter().filter(|accepted| **accepted).count() != 1 {
            return Err(format!("round {round}: accepted by the two servers: {accepted:?}").into());
        }
        for server in [&one, &other] {
            if is_resumed(connect(server.port)?, &flight)? {
                return Err(format!("round {round}: a flight is accepted a second time").into());
            }
        }
    }
    Ok(())
}

/// Sends the flight. Returns whether the server resumes the session, without which it cannot
/// decrypt the early data.
fn is_resumed(mut socket: TcpStream, flight: &[u8]) -> Result<bool, String> {
    socket.write_all(flight).map_err(|e| format!("sending the flight: {e}"))?;
    let mut header = [0; 5];
    socket.read_exact(&mut header).map_err(|e| format!("no record: {e}"))?;
    let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    socket.read_exact(&mut record).map_err(|e| format!("no whole record: {e}"))?;
    let _ = socket.shutdown(Shutdown::Both);
    let Split::Message { message, .. } = split_message(&record) else {
        return Err(format!("not a ServerHello: {header:?} {record:?}"));
    };
    let hello: ServerHello<'_> = message.decode().map_err(|e| e.to_string())?;
    Ok(hello.extensions.pre_shared_key.is_some())
}
