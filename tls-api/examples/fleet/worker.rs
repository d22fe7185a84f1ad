//! The thread that talks to the Redis, so that nobody else has to wait for it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::Waker;
use tls_api::ProtocolVersion;
use tls_api::UnixTime;
use tls_api::handshake::{Answer, NeedSession, ServerSessionValue};

/// The connection that a session is wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted(pub(crate) usize);

pub(crate) enum Job {
    /// Find the session that this connection wants to go on from.
    Find(Wanted, NeedSession),
    /// Keep a session; nobody waits for that.
    Keep { id: Vec<u8>, session: Vec<u8>, lifetime: u32 },
}

/// Where jobs go.
pub(crate) struct Worker(Sender<Job>);

impl Worker {
    /// Starts it; what it finds comes out of the receiver, behind a wake-up.
    pub(crate) fn start(url: &str, waker: Waker) -> redis::RedisResult<(Self, Receiver<(Wanted, Answer)>)> {
        let client = redis::Client::open(url)?;
        let (jobs, todo) = channel();
        let (found, results) = channel();
        std::thread::spawn(move || work(&client, &todo, &found, &waker));
        Ok((Self(jobs), results))
    }

    pub(crate) fn give(&self, job: Job) {
        // Without a worker sessions are neither found nor kept; a connection that waits for one is cut off by its client.
        let _ = self.0.send(job);
    }
}

fn work(client: &redis::Client, todo: &Receiver<Job>, found: &Sender<(Wanted, Answer)>, waker: &Waker) {
    let mut connection = None;
    for job in todo {
        match job {
            Job::Keep { id, session, lifetime } => {
                let set = redis::cmd("SET").arg(key(&id)).arg(session).arg("EX").arg(lifetime).to_owned();
                let _ = ask::<()>(client, &mut connection, &set);
            }
            Job::Find(wanted, need) => {
                // Nobody is asked twice about a ticket of TLS 1.3: what was found is gone (RFC 9846 §8.1).
                let command = if need.version() == ProtocolVersion::TLS13 { "GETDEL" } else { "GET" };
                let found_at = need.identities().into_iter().enumerate().find_map(|(index, id)| {
                    let bytes: Vec<u8> = ask::<Option<_>>(client, &mut connection, redis::cmd(command).arg(key(id)))??;
                    Some((index, ServerSessionValue::decode(&bytes).ok()?))
                });
                let answer = match found_at {
                    Some((index, session)) if command == "GETDEL" => need.found_once(index, session, UnixTime::now()),
                    Some((index, session)) => need.found(index, session, UnixTime::now()),
                    None => need.not_found(),
                };
                if found.send((wanted, answer)).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        }
    }
}

/// What a command gives; `None` if there is no answer. The connection is made when it is needed.
fn ask<T: redis::FromRedisValue>(
    client: &redis::Client,
    connection: &mut Option<redis::Connection>,
    command: &redis::Cmd,
) -> Option<T> {
    // A session that takes longer to find than a full handshake is not worth it.
    const PATIENCE: Duration = Duration::from_secs(2);
    let asked = match connection.take() {
        Some(open) => Ok(open),
        None => client.get_connection_with_timeout(PATIENCE).and_then(|open| {
            open.set_read_timeout(Some(PATIENCE))?;
            open.set_write_timeout(Some(PATIENCE))?;
            Ok(open)
        }),
    };
    let answered = asked.and_then(|mut open| command.query(&mut open).map(|answer| (answer, open)));
    match answered {
        Ok((answer, open)) => {
            *connection = Some(open);
            Some(answer)
        }
        Err(e) => {
            eprintln!("fleet: redis: {e}");
            None
        }
    }
}

fn key(id: &[u8]) -> Vec<u8> {
    [b"tls:session:", id].concat()
}
