//! `Stream` and `StreamOwned` over blocking and non-blocking transports.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use strata_tls::{ClientSession, Error, ServerConfig, ServerSession, Session, Stream, StreamOwned, is_truncation};

use crate::pair::{Pair, drain, pattern};
use crate::pki::{VERSIONS, configs, configs_of};

/// Long enough for a slow machine, and short enough that a hang ends the test.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Serves one connection on a free loopback port with `with`. Returns a connected socket and the
/// server thread.
fn serve<T: Send + 'static>(
    config: Arc<ServerConfig>,
    with: impl FnOnce(StreamOwned<ServerSession, TcpStream>) -> T + Send + 'static,
) -> (TcpStream, thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    to.set_read_timeout(Some(TIMEOUT)).unwrap();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        with(StreamOwned::new(ServerSession::new(&config), socket))
    });
    (to, server)
}

fn client(config: &Arc<strata_tls::ClientConfig>) -> ClientSession {
    ClientSession::new(config, "server.test").unwrap()
}

#[test]
fn streams_exchange_data_and_close() {
    for version in VERSIONS {
        let (client_config, server_config) = configs_of(version);
        let (socket, server) = serve(server_config, |mut stream| {
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            stream.write_all(&received).unwrap();
            stream.close().unwrap();
            received.len()
        });
        let data = pattern(1_000_000);
        let mut stream = StreamOwned::new(client(&client_config), socket);
        stream.write_all(&data).unwrap();
        stream.close().unwrap();
        assert_eq!(stream.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        assert!(received == data);
        assert_eq!(server.join().unwrap(), data.len());
        let (session, _socket) = stream.into_parts();
        assert!(!session.is_handshaking());
    }
}

#[test]
fn first_read_runs_the_handshake_and_reads_lines() {
    for version in VERSIONS {
        let (client_config, server_config) = configs_of(version);
        let (mut socket, server) = serve(server_config, |mut stream| {
            let slices = [IoSlice::new(b"first\nsec"), IoSlice::new(b"ond\nthird")];
            assert_eq!(stream.write_vectored(&slices).unwrap(), 18);
            stream.close().unwrap();
            // Keep the transport open until the client is done.
            stream.read_to_end(&mut Vec::new()).unwrap();
        });
        let mut session = client(&client_config);
        let mut stream = Stream::new(&mut session, &mut socket);
        let lines: Vec<String> = Read::by_ref(&mut stream).lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["first", "second", "third"]);
        stream.close().unwrap();
        server.join().unwrap();
    }
}

#[test]
fn dropped_stream_is_reported_as_truncation() {
    for version in VERSIONS {
        let (client_config, server_config) = configs_of(version);
        let (socket, server) = serve(server_config, |mut stream| stream.write_all(b"half an ans").unwrap());
        let mut stream = BufReader::new(StreamOwned::new(client(&client_config), socket));
        let mut received = Vec::new();
        let e = stream.read_to_end(&mut received).unwrap_err();
        assert!(is_truncation(&e), "{e}");
        assert_eq!(received, b"half an ans");
        server.join().unwrap();
    }
}

#[test]
fn rejected_handshake_returns_an_error_on_both_sides() {
    for version in VERSIONS {
        let (_, server_config) = configs_of(version);
        let (other_ca, _) = configs_of(version);
        let (socket, server) = serve(server_config, |mut stream| stream.read(&mut [0]).unwrap_err());
        let mut stream = StreamOwned::new(client(&other_ca), socket);
        let e = stream.write(b"secret").unwrap_err();
        assert!(matches!(e.get_ref().unwrap().downcast_ref(), Some(Error::Certificate(_))), "{e}");
        let e = server.join().unwrap();
        assert!(matches!(e.get_ref().unwrap().downcast_ref(), Some(Error::AlertReceived { .. })), "{e}");
    }
}

/// A transport that often blocks or is interrupted, and moves at most 100 bytes at a time.
#[derive(Default)]
struct ReluctantTransport {
    input: VecDeque<u8>,
    output: Vec<u8>,
    calls: usize,
}

impl ReluctantTransport {
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        assert!(self.calls < 100_000, "a stream spins");
        match self.calls % 5 {
            0 | 2 => Err(ErrorKind::WouldBlock.into()),
            3 => Err(ErrorKind::Interrupted.into()),
            _ => Ok(()),
        }
    }
}

impl Read for ReluctantTransport {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.call()?;
        if self.input.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = buf.len().min(100);
        self.input.read(&mut buf[..n])
    }
}

impl Write for ReluctantTransport {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.call()?;
        self.output.write(&buf[..buf.len().min(100)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn streams_work_over_a_transport_that_often_blocks() {
    for version in VERSIONS {
        let (client_config, server_config) = configs_of(version);
        let mut pair = Pair::new(&client_config, &server_config);
        let (mut to_client, mut to_server) = (ReluctantTransport::default(), ReluctantTransport::default());
        let data = pattern(20_000);
        let (mut rest, mut received, mut turns) = (&data[..], Vec::new(), 0);
        while received.len() < data.len() {
            turns += 1;
            assert!(turns < 20_000, "the streams make no progress");
            if !rest.is_empty() {
                match Stream::new(&mut pair.client, &mut to_client).write(rest) {
                    Ok(n) => rest = &rest[n..],
                    Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
                }
            } else if let Err(e) = Stream::new(&mut pair.client, &mut to_client).flush() {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
            }
            let mut some = [0; 1_000];
            match Stream::new(&mut pair.server, &mut to_server).read(&mut some) {
                Ok(n) => received.extend_from_slice(&some[..n]),
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock, "{e}"),
            }
            to_server.input.extend(to_client.output.drain(..));
            to_client.input.extend(to_server.output.drain(..));
        }
        assert!(received == data);
    }
}

#[test]
fn plaintext_received_before_an_error_is_read_first() {
    for version in VERSIONS {
        let (client_config, server_config) = configs_of(version);
        let mut pair = Pair::connected(&client_config, &server_config);
        pair.client.write_all(b"good").unwrap();
        let mut wire = drain(&mut pair.client);
        wire.extend([23, 3, 3, 0, 17]);
        wire.extend([0; 17]);
        struct Blocking(VecDeque<u8>);
        impl Read for Blocking {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf)
            }
        }
        impl Write for Blocking {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                Ok(buf.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut transport = Blocking(wire.into());
        let mut stream = Stream::new(&mut pair.server, &mut transport);
        let mut some = [0; 10];
        assert_eq!(stream.read(&mut some).unwrap(), 4);
        let e = stream.read(&mut some).unwrap_err();
        assert_eq!(e.get_ref().unwrap().downcast_ref(), Some(&Error::BadRecordMac));
    }
}

#[test]
fn transport_reset_fails_every_read() {
    struct Reset;
    impl Read for Reset {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::ConnectionReset.into())
        }
    }
    impl Write for Reset {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            Ok(buf.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for version in VERSIONS {
        let (client_config, server_config) = configs_of(version);
        let mut pair = Pair::connected(&client_config, &server_config);
        let (mut transport, mut some) = (Reset, [0; 10]);
        let mut stream = Stream::new(&mut pair.server, &mut transport);
        for _ in 0..2 {
            assert_eq!(stream.read(&mut some).unwrap_err().kind(), ErrorKind::ConnectionReset);
            let mut slices = [io::IoSliceMut::new(&mut some)];
            assert_eq!(stream.read_vectored(&mut slices).unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert_eq!(stream.fill_buf().unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn transport_that_accepts_nothing_returns_write_zero() {
    struct Full;
    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (client_config, _) = configs();
    let mut session = client(&client_config);
    assert_eq!(session.complete_io(&mut Full).unwrap_err().kind(), ErrorKind::WriteZero);
}

#[test]
fn session_trait_is_dyn_compatible() {
    let (client_config, server_config) = configs();
    let sessions: [Box<dyn Session>; 2] =
        [Box::new(client(&client_config)), Box::new(ServerSession::new(&server_config))];
    assert_eq!(sessions.map(|session| session.wants_write()), [true, false]);
}

#[test]
fn sessions_and_configs_are_send_and_sync() {
    fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<strata_tls::ClientConfig>();
    assert_send_sync::<ServerConfig>();
    assert_send_sync::<ClientSession>();
    assert_send_sync::<ServerSession>();
    assert_send_sync::<StreamOwned<ClientSession, TcpStream>>();
}
