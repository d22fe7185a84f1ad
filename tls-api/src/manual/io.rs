//! Driving a connection: blocking streams, event loops, other runtimes.
//!
//! A connection does no I/O. Bytes from the peer go in with
//! [`read_tls`](crate::Session::read_tls), bytes for the peer come out with
//! [`write_tls`](crate::Session::write_tls):
//!
//! ```text
//!                 your application
//!      write: plaintext  │  ▲  read: plaintext
//! ┌──────────────────────▼──┴──────────────────────┐
//! │          ClientSession, ServerSession          │
//! └──────────────────────┬──▲──────────────────────┘
//!            write_tls   ▼  │   read_tls, process_new_packets
//!           your socket, event loop or test
//! ```
//!
//! # Blocking: `Stream`
//!
//! [`StreamOwned`](crate::StreamOwned) and [`Stream`](crate::Stream) join a connection and a
//! transport. The first read, write or flush does the handshake.
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//! use std::sync::Arc;
//! use strata_tls::{ClientConfig, ClientSession, StreamOwned};
//!
//! # fn get(config: &Arc<ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
//! let session = ClientSession::new(config, "www.example.com")?;
//! let mut stream = StreamOwned::new(session, TcpStream::connect("www.example.com:443")?);
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: www.example.com\r\n\r\n")?;
//! let mut page = Vec::new();
//! stream.read_to_end(&mut page)?;
//! stream.close()?; // sends close_notify; dropping the stream does not
//! # Ok(())
//! # }
//! ```
//!
//! Every write makes at least one record and one call of the transport. Collect small pieces in a
//! `BufWriter` of 16 KiB, or use `write_vectored`.
//!
//! # The end of a connection
//!
//! | read returns | meaning |
//! |---|---|
//! | `Ok(n)` | n bytes, decrypted and authenticated |
//! | `Ok(0)` | the peer sent close_notify: nothing is missing |
//! | `UnexpectedEof` with [`Error::Truncated`](crate::Error::Truncated) | the transport ended without close_notify: data may be missing |
//! | `WouldBlock` | nothing has arrived yet |
//! | any other error | what ended the connection |
//!
//! A write can fail because the peer rejected the connection and closed. A stream then returns the
//! alert that the peer sent before, and `BrokenPipe` or `ConnectionReset` only without one.
//!
//! A protocol that knows where its messages end, such as HTTP with a Content-Length, may accept a
//! truncation: [`is_truncation`](crate::is_truncation) recognizes it.
//!
//! # An event loop
//!
//! For each connection that the operating system reports:
//!
//! ```
//! use std::io::{self, Read, Write};
//! use strata_tls::{ServerSession, Session};
//!
//! /// Handles a connection whose socket is readable or writable. Returns whether it stays open.
//! fn ready(session: &mut ServerSession, socket: &mut (impl Read + Write), readable: bool) -> io::Result<bool> {
//!     if readable && session.wants_read() {
//!         session.read_tls(socket)?;
//!         if let Err(e) = session.process_new_packets() {
//!             session.write_tls(socket)?; // the alert
//!             return Err(io::Error::other(e));
//!         }
//!     }
//!     let mut data = [0; 4096];
//!     loop {
//!         // Empty the send buffer before reading more, so that the echo fits into it.
//!         while session.wants_write() {
//!             match session.write_tls(socket) {
//!                 Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(true),
//!                 other => other?,
//!             };
//!         }
//!         // Read until `WouldBlock`: no event follows for plaintext that stays in the session.
//!         match session.read(&mut data) {
//!             Ok(0) => session.send_close_notify(),
//!             Ok(n) => session.write_all(&data[..n])?, // an echo
//!             Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
//!             Err(e) => return Err(e), // also if the transport ended without close_notify
//!         }
//!         if !session.wants_write() {
//!             break;
//!         }
//!     }
//!     Ok(session.wants_read())
//! }
//! # struct Socket { arrived: Vec<u8>, sent: Vec<u8> }
//! # impl Read for Socket {
//! #     fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
//! #         let n = buf.len().min(self.arrived.len()).min(5000);
//! #         buf[..n].copy_from_slice(&self.arrived[..n]);
//! #         self.arrived.drain(..n);
//! #         if n == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
//! #     }
//! # }
//! # impl Write for Socket {
//! #     fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
//! #         self.sent.extend_from_slice(buf);
//! #         Ok(buf.len())
//! #     }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//! # let server = strata_tls::ServerConfig::from_pem(cert.as_bytes(), key.as_bytes())?;
//! # let roots = strata_tls::root_store_from_pem(cert.as_bytes())?;
//! # let client = std::sync::Arc::new(strata_tls::ClientConfig::with_roots(roots));
//! # let mut server = ServerSession::new(&std::sync::Arc::new(server));
//! # let mut client = strata_tls::ClientSession::new(&client, "localhost")?;
//! # let data = vec![7; 40_000];
//! # client.write_all(&data)?;
//! # client.send_close_notify();
//! # let mut socket = Socket { arrived: Vec::new(), sent: Vec::new() };
//! # let (mut echo, mut open) = (Vec::new(), true);
//! # while open {
//! #     while client.wants_write() { client.write_tls(&mut socket.arrived)?; }
//! #     while open && !socket.arrived.is_empty() { open = ready(&mut server, &mut socket, true)?; }
//! #     let sent = std::mem::take(&mut socket.sent);
//! #     let mut rest = &sent[..];
//! #     while !rest.is_empty() {
//! #         client.read_tls(&mut rest)?;
//! #         client.process_new_packets()?;
//! #         let mut part = [0; 1 << 14];
//! #         while let Ok(n @ 1..) = client.read(&mut part) { echo.extend_from_slice(&part[..n]); }
//! #     }
//! # }
//! # assert_eq!(echo, data);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Afterwards register the interest that `wants_read` and `wants_write` return. The example
//! `tlsserver` is a complete event loop.
//!
//! * Set a deadline for the handshake and for idle connections. The library has no timers.
//! * `wants_read` returns `false` while more than 64 KiB of plaintext is unread. That bounds the
//!   memory that a peer can fill.
//! * `write` accepts as much as the send buffer may hold (64 KiB of plaintext by default,
//!   [`set_buffer_limit`](crate::Session::set_buffer_limit)) and returns `Ok(0)` when it is full.
//! * While the handshake waits for an answer (below), `wants_read` returns `false`.
//!
//! # Answers that arrive later
//!
//! A handshake asks for an identity, a signature, a verification, a session, tickets. The
//! configuration answers at once, except for what
//! [`set_deferred_needs`](crate::ServerConfig::set_deferred_needs) leaves to the application. Such
//! a request owns its data: answer it after a query to a database, on a pool of threads, or across
//! an `.await`, and serve other connections meanwhile.
//!
//! ```
//! use std::sync::{Arc, mpsc};
//! use std::thread;
//! use strata_tls::{Answer, Error, Needs, ServerConfig, ServerSession, Session};
//!
//! # fn config() -> ServerConfig {
//! #     let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
//! #     ServerConfig::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap()
//! # }
//! let mut config = config();
//! config.set_deferred_needs(Needs::SIGNATURE | Needs::SESSION); // slow RSA keys, a remote store
//! let config = Arc::new(config);
//!
//! /// After each `process_new_packets`: gives the request of connection `number` to a worker.
//! fn ask(number: u64, session: &mut ServerSession, config: &Arc<ServerConfig>, done: &mpsc::Sender<(u64, Answer)>) {
//!     let Some(need) = session.take_need() else { return };
//!     let (config, done) = (Arc::clone(config), done.clone());
//!     // `need.refuse()` would reject. Each variant of `Need` has more specific answers.
//!     thread::spawn(move || done.send((number, config.answer(need))));
//! }
//!
//! /// Called when the worker is done. Afterwards write, and call `ask` again: another request may
//! /// be pending.
//! fn answered(session: &mut ServerSession, answer: Answer) -> Result<(), Error> {
//!     session.answer(answer).map(drop)
//! }
//! # let _ = (config, ask, answered);
//! ```
//!
//! [`complete_io`](crate::Session::complete_io) and a [`Stream`](crate::Stream) return `WouldBlock`
//! while the handshake waits, and the text says for what. In TLS 1.3 nothing waits for tickets
//! ([`Needs::NEW_SESSION`](crate::Needs::NEW_SESSION)). The examples `remote_signer` and `fleet`
//! are complete servers.
//!
//! # Either role, and what outlives a connection
//!
//! [`AnySession`](crate::AnySession) is a connection of either role, `Box<dyn Session>` and
//! `&mut dyn Session` are sessions too, and a [`Stream`](crate::Stream) takes each of them.
//! [`connection_info`](crate::Session::connection_info) returns a
//! [`ConnectionInfo`](crate::ConnectionInfo): version, cipher suite, names and certificates as a
//! value that is cheap to clone.
//!
//! # What must go out now
//!
//! A handshake is over when `is_handshaking` and [`must_write`](crate::Session::must_write) return
//! `false`. Do not wait until `wants_write` does: a TLS 1.3 server then still has tickets, which
//! may wait. `complete_io` and a `Stream` write them with the first data, `flush` or `close`, so
//! they take no packet of their own, and a client that writes before it reads never blocks both
//! sides. A server that never writes calls `flush` once.
//!
//! # Two threads: halves
//!
//! After the handshake, [`into_split`](crate::IntoSplit::into_split) makes a
//! [`Receiver`](crate::Receiver) and a [`Sender`](crate::Sender) of a connection. They share no
//! lock, so one thread decrypts while another one encrypts. Each has the calls of
//! [`Session`](crate::Session) for its direction.
//! [`StreamOwned::into_split`](crate::StreamOwned::into_split) makes halves that read and write
//! like the two directions of a socket:
//!
//! ```no_run
//! use std::io::{self, Read, Write};
//! use std::net::TcpStream;
//! use std::thread;
//! use strata_tls::{ServerSession, StreamOwned};
//!
//! fn serve(mut stream: StreamOwned<ServerSession, TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
//!     stream.flush()?; // the handshake
//!     let reader = stream.transport.try_clone()?;
//!     let (mut receiver, mut sender) = stream.into_split(reader)?;
//!     let upload = thread::spawn(move || io::copy(&mut receiver, &mut io::sink()));
//!     sender.write_all(b"does not wait for the upload")?;
//!     sender.close()?;
//!     upload.join().map_err(|_| "the other thread panicked")??;
//!     Ok(())
//! }
//! ```
//!
//! The halves meet in four rare events:
//!
//! | event | receiver | sender |
//! |---|---|---|
//! | the peer requests a KeyUpdate | reads on | sends its own before its next data |
//! | the peer sends close_notify | returns `Ok(0)` | goes on until its own close_notify |
//! | the peer sends a fatal alert | returns the error | returns the same error |
//! | what arrived is invalid | returns the error | sends the alert, then returns the same error |
//!
//! The receiver never writes: what it leaves goes out with the sender's next call, and
//! [`Sender::wants_write`](crate::Sender::wants_write) returns `true` until then. An event loop or
//! an adapter asks the receiver, after it processed input, whether to wake the sender
//! ([`sender_wants_write`](crate::Receiver::sender_wants_write)). With blocking streams a thread
//! that is idle sends no alert: call `flush` on the sender when the receiver failed. An error or
//! the end of the sender does not end the receiver: close the reading direction of the transport to
//! end a thread that waits there.
//!
//! A connection does not split before its handshake is complete, while early data is unread, or
//! while tickets wait for an answer of the application. The error
//! ([`SplitError`](crate::SplitError)) returns the connection.
//!
//! # A configuration that depends on the ClientHello
//!
//! An [`Acceptor`](crate::Acceptor) reads the ClientHello first. The application then chooses a
//! configuration by server name or ALPN, even after an `.await`; or it passes the untouched bytes
//! to somebody else, such as a backend that holds the key. A peer that does not speak TLS is an
//! error with its bytes, so that a client of plain HTTP gets a 400.
//!
//! # Other runtimes
//!
//! For tokio there is the feature `tokio`, with the module `tokio` and the chapter `asynchronous`
//! of this manual. It is an example for others: it moves bytes and wakes tasks, and all else is
//! above.
//!
//! # Without buffers
//!
//! The engine, [`strata_tls::handshake`](crate::handshake), works on slices of the caller. See
//! [`architecture`](super::architecture).
