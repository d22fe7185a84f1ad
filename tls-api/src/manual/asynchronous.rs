//! Connections under tokio: the module [`tokio`](crate::tokio), with the feature of that name.
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::tokio::{TlsAcceptor, TlsConnector};
//! use strata_tls::{ClientConfig, ServerConfig};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let cert = made.cert.pem().into_bytes();
//! # let key = made.signing_key.serialize_pem().into_bytes();
//! let acceptor = TlsAcceptor::new(Arc::new(ServerConfig::from_pem(&cert, &key)?));
//! let connector = TlsConnector::new(Arc::new(ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?)));
//!
//! // Any transport that is `AsyncRead + AsyncWrite + Unpin`: here, memory.
//! let (at_client, at_server) = tokio::io::duplex(1 << 16);
//! let (client, server) = tokio::join!(connector.connect("localhost", at_client), acceptor.accept(at_server));
//! let (mut client, mut server) = (client?, server?);
//!
//! client.write_all(b"question").await?;
//! client.shutdown().await?; // sends close_notify; dropping the stream does not
//! let mut question = Vec::new();
//! server.read_to_end(&mut question).await?;
//! server.write_all(b"answer").await?; // the other direction is still open
//! server.shutdown().await?;
//! let mut answer = Vec::new();
//! client.read_to_end(&mut answer).await?;
//! assert_eq!((&question[..], &answer[..]), (&b"question"[..], &b"answer"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })
//! # }
//! ```
//!
//! The example `async_echo` does the same over TCP.
//!
//! # A server
//!
//! * Call [`accept`](crate::tokio::TlsAcceptor::accept) in the task of the connection, not in the
//!   loop that accepts sockets: otherwise a client that stays silent holds up all others.
//! * Set a [timeout](crate::tokio::TlsAcceptor::set_handshake_timeout). To bound the work that many
//!   clients can cause at once, set
//!   [`set_max_handshakes`](crate::tokio::TlsAcceptor::set_max_handshakes).
//! * A failed handshake returns its transport
//!   ([`HandshakeError::into_io`](crate::tokio::HandshakeError::into_io)), for example to answer a
//!   client of plain HTTP. `?` turns it into an [`io::Error`](std::io::Error).
//! * [`LazyAcceptor`](crate::tokio::LazyAcceptor) reads the ClientHello first. The application then
//!   chooses a configuration, rejects the client, or passes the untouched bytes on.
//!
//! # A client
//!
//! With [`set_delay_finished`](crate::tokio::TlsConnector::set_delay_finished) the last message of
//! the handshake goes out with the first request: one packet and one system call less on each side.
//! [`connect_with_early_data`](crate::tokio::TlsConnector::connect_with_early_data) sends a request
//! one round trip earlier; the chapter [`early_data`](super::early_data) says when that is safe.
//!
//! # Reads, writes, and the end
//!
//! A [`TlsStream`](crate::tokio::TlsStream) behaves like a `TcpStream`:
//!
//! * `write` returns what it accepted. `flush` completes when the transport has taken everything.
//! * `shutdown` sends close_notify and succeeds if the peer is gone. Reading continues.
//! * Tickets of a TLS 1.3 server go out with its first data. If it only reads, they go out when it
//!   has read something and waits for more. With halves,
//!   [`drive`](crate::tokio::TlsSender::drive) sends them.
//! * A peer that ends the transport without close_notify is an error that
//!   [`is_truncation`](crate::is_truncation) recognizes.
//! * Dropping the future of any call loses nothing. Bytes that `write` has accepted go out with the
//!   next call.
//! * A failure to write does not hide what the peer has sent: the reader gets the data, the next
//!   write the failure.
//!
//! # Two tasks: halves
//!
//! [`TlsStream::into_split`](crate::tokio::TlsStream::into_split) makes a
//! [`TlsReceiver`](crate::tokio::TlsReceiver) and a [`TlsSender`](crate::tokio::TlsSender), which
//! share no lock: on a runtime with several threads one core decrypts while another one encrypts.
//! The transport is split too, by a function of yours: `TcpStream::into_split`, or
//! [`tokio::io::split`] for one without halves.
//!
//! ```no_run
//! use std::io;
//! use strata_tls::tokio::TlsStream;
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//! use tokio::sync::mpsc;
//!
//! async fn chat(stream: TlsStream<TcpStream>, mut outbox: mpsc::Receiver<String>) -> io::Result<()> {
//!     let (receiver, mut sender) = stream.into_split(TcpStream::into_split).map_err(io::Error::other)?;
//!     let printer = tokio::spawn(async move {
//!         let mut lines = receiver.lines();
//!         while let Some(line) = lines.next_line().await? {
//!             println!("{line}");
//!         }
//!         Ok::<(), io::Error>(())
//!     });
//!     loop {
//!         let line = tokio::select! {
//!             line = outbox.recv() => line,
//!             error = sender.drive() => return Err(error), // sends what the receiver leaves
//!         };
//!         match line {
//!             Some(line) => sender.write_all(line.as_bytes()).await?,
//!             None => break,
//!         }
//!     }
//!     sender.shutdown().await?;
//!     printer.await?
//! }
//! ```
//!
//! The receiver never writes. When it leaves something to the sender, such as the answer to a
//! KeyUpdate or the alert of an error, it wakes the sender's task. This sends it if it waits in a
//! write, in `flush`, in `shutdown`, or in [`drive`](crate::tokio::TlsSender::drive). An error of
//! the receiver, and an alert of the peer, also end a write that waits for the transport. The
//! chapter [`io`](super::io) lists the events in which the halves meet.
//!
//! # Answers that take time
//!
//! A configuration [defers](crate::ServerConfig::set_deferred_needs) the kinds of requests that the
//! application answers with an `async fn`:
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::tokio::{AnswersNeeds, TlsAcceptor};
//! use strata_tls::{Answer, Need, Needs, ServerConfig};
//!
//! struct Answers {
//!     config: Arc<ServerConfig>,
//! }
//!
//! # struct Kms;
//! # impl Kms { async fn sign(_: &[u8]) -> Option<Vec<u8>> { None } }
//! impl AnswersNeeds for Answers {
//!     async fn answer(&self, need: Need) -> Answer {
//!         match need {
//!             Need::Signature(need) => match Kms::sign(need.message()).await {
//!                 Some(signature) => need.answer(signature),
//!                 None => need.fail(),
//!             },
//!             // The rest as the configuration would, but where it may block.
//!             other => {
//!                 let config = Arc::clone(&self.config);
//!                 let answer = tokio::task::spawn_blocking(move || config.answer(other)).await;
//!                 answer.expect("the configuration must not panic")
//!             }
//!         }
//!     }
//! }
//!
//! fn acceptor(mut config: ServerConfig) -> TlsAcceptor {
//!     config.set_deferred_needs(Needs::SIGNATURE | Needs::VERIFICATION);
//!     let config = Arc::new(config);
//!     let mut acceptor = TlsAcceptor::new(Arc::clone(&config));
//!     acceptor.set_answers(Answers { config });
//!     acceptor
//! }
//! ```
//!
//! | kind | for example |
//! |---|---|
//! | [`Needs::IDENTITY`](crate::Needs::IDENTITY) | a certificate by server name, from a database |
//! | [`Needs::SIGNATURE`](crate::Needs::SIGNATURE) | a key in a KMS or an HSM, or signatures on a pool of threads |
//! | [`Needs::VERIFICATION`](crate::Needs::VERIFICATION) | a verifier that blocks, such as that of the operating system |
//! | [`Needs::SESSION`](crate::Needs::SESSION), [`Needs::NEW_SESSION`](crate::Needs::NEW_SESSION) | tickets from a service; for a store of sessions see below |
//!
//! # Sessions in a database
//!
//! [`TlsAcceptor::set_session_storage`](crate::tokio::TlsAcceptor::set_session_storage) takes a
//! store that the task of the connection waits for: a
//! [`StoresSessions`](crate::tokio::StoresSessions) of yours, or with the feature `redis-tokio` the
//! `RedisSessions` of the module `redis`. Servers that share it resume each other's sessions, and
//! accept early data once. The example `async_fleet` is such a server:
//!
//! ```sh
//! cargo run -p strata-tls --features redis-tokio --example async_fleet -- --help
//! ```
//!
//! # Another runtime
//!
//! An adapter needs only public calls of [`Session`](crate::Session). The steps of its central
//! function are those of any other:
//!
//! 1. Answer a request ([`take_need`](crate::Session::take_need),
//!    [`answer`](crate::Session::answer)). Only a handshake waits for it.
//! 2. Write while [`must_write`](crate::Session::must_write) returns `true`, and flush. If that
//!    fails, keep the error for the writer and go on.
//! 3. Read once, if [`wants_read`](crate::Session::wants_read). If the transport has nothing, the
//!    task waits.
//! 4. Call [`process_new_packets`](crate::Session::process_new_packets), and start again.
//!
//! A read of plaintext repeats this until [`fill_buf`](std::io::BufRead::fill_buf) returns
//! something, a handshake until [`is_handshaking`](crate::Session::is_handshaking) returns `false`.
