//! All connections in one thread: a slab of them, the readiness of their sockets, and their deadlines.

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
use crate::transfer::Resources;

pub(crate) struct EventLoop {
    poll: Poll,
    listener: TcpListener,
    door: Door,
    config: Arc<ServerConfig>,
    arguments: Rc<Arguments>,
    slots: Slots,
    /// Connections that had more to do when it was the others' turn.
    unfinished: Vec<usize>,
    /// One entry for each connection. It may be too early, as a deadline that moves on is looked at only when the entry
    /// comes up: that makes moving it free.
    deadlines: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    scratch: Box<[u8]>,
}

impl EventLoop {
    pub(crate) fn new(
        mut listener: TcpListener,
        config: Arc<ServerConfig>,
        arguments: Arguments,
    ) -> Result<Self, Failure> {
        let poll = Poll::new().context("the operating system's event queue")?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).context("the event queue")?;
        Ok(Self {
            poll,
            listener,
            door: Door::Crowded,
            config,
            arguments: Rc::new(arguments),
            slots: Slots::default(),
            unfinished: Vec::new(),
            deadlines: BinaryHeap::new(),
            scratch: vec![0; 16 * 1024].into(),
        })
    }

    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.patience()) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
                _ => {}
            }
            let again = std::mem::take(&mut self.unfinished);
            for event in &events {
                // An error makes a socket ready for everything: reading or writing tells which.
                let readable = event.is_readable() || event.is_read_closed() || event.is_error();
                let writable = event.is_writable() || event.is_write_closed() || event.is_error();
                match whose(event.token()) {
                    Owner::Listener => self.door = Door::Crowded,
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
            self.cut_off_the_late();
            if self.door != Door::Quiet {
                self.door = self.accept();
            }
            // Not before: an event of this turn may have been meant for a connection that is closed since.
            self.slots.recycle();
        }
    }

    /// How long to wait for events.
    fn patience(&self) -> Option<Duration> {
        let until = self.deadlines.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
        match self.door {
            _ if !self.unfinished.is_empty() => Some(Duration::ZERO),
            Door::Crowded => Some(Duration::ZERO),
            Door::Stuck => Some(until.unwrap_or(RETRY_ACCEPT).min(RETRY_ACCEPT)),
            Door::Quiet => until,
        }
    }

    fn accept(&mut self) -> Door {
        for _ in 0..ACCEPT_AT_ONCE {
            match self.listener.accept() {
                Ok((socket, peer)) => self.begin(socket, peer),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Door::Quiet,
                // The peer was gone before we came to it, or the like.
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(e) => {
                    // Out of file descriptors, most likely: for more of them there is `ulimit -n`. Tried again later.
                    if self.door != Door::Stuck {
                        eprintln!("cannot accept more than {} connections: {e}", self.slots.len());
                    }
                    return Door::Stuck;
                }
            }
        }
        Door::Crowded
    }

    fn begin(&mut self, socket: TcpStream, peer: SocketAddr) {
        // Small records are not held back for larger packets; it works without as well.
        let _ = socket.set_nodelay(true);
        let session = ServerSession::new(&self.config);
        let (at, serial) = self.slots.insert(Connection::new(socket, peer, session, Rc::clone(&self.arguments)));
        let Some(connection) = self.slots.get(at) else { return };
        self.deadlines.push(Reverse((connection.deadline(), at, serial)));
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = self.poll.registry().register(connection.socket(), Token(at * 2), interest) {
            eprintln!("{}: cannot wait for it: {e}", connection.peer());
            self.slots.remove(at);
        }
        // It is driven by its first event, which comes at once as its socket is writable.
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
            connection.deregister(self.poll.registry());
            self.slots.remove(at);
        }
    }

    fn cut_off_the_late(&mut self) {
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
                connection.cut_off();
                self.drop_connection(at);
            }
        }
    }
}

/// What is known of connections that want to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// An event will tell of the next one.
    Quiet,
    /// There may be more, and no event will say so again.
    Crowded,
    /// There are more, and they cannot be let in for now.
    Stuck,
}

/// Connections by small numbers, which their tokens are made of. A serial number tells the users of one slot apart.
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

    /// Empties a slot, which is used again after [`recycle`](Self::recycle).
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

fn whose(token: Token) -> Owner {
    match token {
        LISTENER => Owner::Listener,
        Token(number) if number % 2 == 0 => Owner::Connection(number / 2),
        Token(number) => Owner::SecondSocket(number / 2),
    }
}

const LISTENER: Token = Token(usize::MAX);

/// So that a crowd at the door does not starve those who are in.
const ACCEPT_AT_ONCE: usize = 128;

/// When to look at the door again after accepting failed.
const RETRY_ACCEPT: Duration = Duration::from_millis(100);
