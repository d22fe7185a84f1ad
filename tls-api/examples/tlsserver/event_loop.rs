//! Serves all connections in one thread: accepts, dispatches socket events, and enforces deadlines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use strata_tls::{ServerConfig, ServerSession};

use crate::arguments::Arguments;
use crate::connection::{Connection, Outcome};
use crate::options::{Context, Failure};
use crate::page::Pages;
use crate::transfer::Resources;

pub(crate) struct EventLoop {
    poll: Poll,
    listener: TcpListener,
    backlog: Backlog,
    config: Arc<ServerConfig>,
    arguments: Rc<Arguments>,
    slots: Slots,
    /// Connections to drive again after the others.
    unfinished: Vec<usize>,
    /// One entry per connection. Extending a deadline does not update its entry: the loop checks
    /// the current deadline when the entry expires.
    deadlines: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    scratch: Box<[u8]>,
    /// With --html.
    pages: Option<Pages>,
}

impl EventLoop {
    pub(crate) fn new(
        mut listener: TcpListener,
        config: Arc<ServerConfig>,
        arguments: Arguments,
        pages: Option<Pages>,
    ) -> Result<Self, Failure> {
        let poll = Poll::new().context("the event queue")?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).context("the event queue")?;
        Ok(Self {
            poll,
            listener,
            backlog: Backlog::Pending,
            config,
            arguments: Rc::new(arguments),
            slots: Slots::default(),
            unfinished: Vec::new(),
            deadlines: BinaryHeap::new(),
            scratch: vec![0; 16 * 1024].into(),
            pages,
        })
    }

    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.poll_timeout()) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
                _ => {}
            }
            let again = std::mem::take(&mut self.unfinished);
            for event in &events {
                // After an error both reading and writing return it.
                let readable = event.is_readable() || event.is_read_closed() || event.is_error();
                let writable = event.is_writable() || event.is_write_closed() || event.is_error();
                match owner_of(event.token()) {
                    Owner::Listener => self.backlog = Backlog::Pending,
                    Owner::Connection(at) => {
                        self.with(at, |connection| connection.is_ready(readable, writable));
                        self.drive(at);
                    }
                    Owner::SecondSocket(at) => {
                        self.with(at, |connection| connection.second_socket_is_ready(readable, writable));
                        self.drive(at);
                    }
                }
            }
            for at in again {
                self.drive(at);
            }
            self.close_expired();
            if self.backlog != Backlog::Empty {
                self.backlog = self.accept();
            }
            // At the end: events of this turn may belong to connections closed in it.
            self.slots.recycle();
        }
    }

    /// Returns how long to wait for events. `None` waits until there is one.
    fn poll_timeout(&self) -> Option<Duration> {
        let until = self.deadlines.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
        match self.backlog {
            _ if !self.unfinished.is_empty() => Some(Duration::ZERO),
            Backlog::Pending => Some(Duration::ZERO),
            Backlog::OutOfResources => Some(until.unwrap_or(RETRY_ACCEPT).min(RETRY_ACCEPT)),
            Backlog::Empty => until,
        }
    }

    fn accept(&mut self) -> Backlog {
        for _ in 0..ACCEPT_AT_ONCE {
            match self.listener.accept() {
                Ok((socket, peer)) => self.begin(socket, peer),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Backlog::Empty,
                // For example, the peer has closed the connection already.
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(e) => {
                    // Usually out of file descriptors (`ulimit -n`). Retries later.
                    if self.backlog != Backlog::OutOfResources {
                        eprintln!("cannot accept more than {} connections: {e}", self.slots.len());
                    }
                    return Backlog::OutOfResources;
                }
            }
        }
        Backlog::Pending
    }

    fn begin(&mut self, socket: TcpStream, peer: SocketAddr) {
        // Sends small records at once. The connection works without it.
        let _ = socket.set_nodelay(true);
        let session = ServerSession::new(&self.config);
        let connection = Connection::new(socket, peer, session, Rc::clone(&self.arguments), self.pages.clone());
        let (at, serial) = self.slots.insert(connection);
        let Some(connection) = self.slots.get(at) else { return };
        self.deadlines.push(Reverse((connection.deadline(), at, serial)));
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = self.poll.registry().register(connection.socket(), Token(at * 2), interest) {
            eprintln!("{}: cannot register the socket: {e}", connection.peer());
            self.slots.remove(at);
        }
        // The first event arrives at once, because the socket is writable.
    }

    fn with(&mut self, at: usize, f: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.slots.get(at) {
            f(connection);
        }
    }

    fn drive(&mut self, at: usize) {
        let Some(connection) = self.slots.get(at) else { return };
        let mut resources =
            Resources { scratch: &mut self.scratch, registry: self.poll.registry(), second_token: Token(at * 2 + 1) };
        match connection.drive(&mut resources) {
            Outcome::Wait => {}
            Outcome::Again => self.unfinished.push(at),
            Outcome::Done => self.drop_connection(at),
        }
    }

    fn drop_connection(&mut self, at: usize) {
        if let Some(connection) = self.slots.get(at) {
            connection.write_page();
            connection.deregister(self.poll.registry());
            self.slots.remove(at);
        }
    }

    fn close_expired(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((entry, at, serial))) = self.deadlines.peek() {
            if entry > now {
                break;
            }
            self.deadlines.pop();
            let Some(connection) = self.slots.get_if(at, serial) else { continue };
            if connection.deadline() > now {
                self.deadlines.push(Reverse((connection.deadline(), at, serial)));
            } else {
                connection.time_out();
                self.drop_connection(at);
            }
        }
    }
}

/// What is known about connections that wait to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backlog {
    /// None. An event reports the next one.
    Empty,
    /// There may be more, without a further event.
    Pending,
    /// There are more, but accepting failed.
    OutOfResources,
}

/// Connections by slot number, from which their tokens are derived. Serial numbers distinguish
/// successive connections in one slot.
#[derive(Default)]
struct Slots {
    entries: Vec<Option<(u64, Connection)>>,
    free: Vec<usize>,
    emptied: Vec<usize>,
    last_serial: u64,
}

impl Slots {
    fn insert(&mut self, connection: Connection) -> (usize, u64) {
        self.last_serial += 1;
        let entry = Some((self.last_serial, connection));
        let at = self.free.pop().unwrap_or(self.entries.len());
        match self.entries.get_mut(at) {
            Some(slot) => *slot = entry,
            None => self.entries.push(entry),
        }
        (at, self.last_serial)
    }

    fn get(&mut self, at: usize) -> Option<&mut Connection> {
        self.entries.get_mut(at)?.as_mut().map(|(_, connection)| connection)
    }

    fn get_if(&mut self, at: usize, wanted: u64) -> Option<&mut Connection> {
        self.entries.get_mut(at)?.as_mut().filter(|(serial, _)| *serial == wanted).map(|(_, connection)| connection)
    }

    /// Empties a slot. [`recycle`](Self::recycle) makes it available again.
    fn remove(&mut self, at: usize) {
        if self.entries.get_mut(at).and_then(Option::take).is_some() {
            self.emptied.push(at);
        }
    }

    fn recycle(&mut self) {
        self.free.append(&mut self.emptied);
    }

    fn len(&self) -> usize {
        self.entries.len() - self.free.len() - self.emptied.len()
    }
}

enum Owner {
    Listener,
    Connection(usize),
    SecondSocket(usize),
}

fn owner_of(token: Token) -> Owner {
    match token {
        LISTENER => Owner::Listener,
        Token(number) if number % 2 == 0 => Owner::Connection(number / 2),
        Token(number) => Owner::SecondSocket(number / 2),
    }
}

const LISTENER: Token = Token(usize::MAX);

/// The connections accepted per turn, so that new connections do not starve existing ones.
const ACCEPT_AT_ONCE: usize = 128;

/// The delay before accepting again after a failure.
const RETRY_ACCEPT: Duration = Duration::from_millis(100);
