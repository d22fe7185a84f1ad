//! Several servers that share what clients resume by, in a Redis: one that works, and one that does not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file, files, folder};
use crate::processes::{Running, Server};
use crate::programs::{Program, example};
use crate::{Outcome, contains, trial};

const NEEDS: &[Program] = &[Program::RedisServer];
const WITH_OPENSSL: &[Program] = &[Program::RedisServer, Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let versions = ["1.2", "1.3"];
    let sessions = versions.map(|version| {
        trial(format!("fleet::a_session_is_resumed_on_the_other_server::{version}"), NEEDS, move || {
            resumed_elsewhere("sessions", &["--resumption"], version)
        })
    });
    let tickets = versions.map(|version| {
        trial(format!("fleet::a_ticket_is_good_on_the_other_server::{version}"), NEEDS, move || {
            resumed_elsewhere("tickets", &["--tickets"], version)
        })
    });
    let looked_up = versions.map(|version| {
        trial(format!("fleet::a_session_is_looked_up_without_waiting::{version}"), NEEDS, move || looked_up(version))
    });
    let mut trials = vec![
        trial("fleet::ticket_keys_change_and_the_former_one_is_still_good", NEEDS, rotation),
        trial("fleet::early_data_is_taken_once_by_all_servers", WITH_OPENSSL, early_data),
        trial("fleet::redis_that_goes_and_comes_back", NEEDS, gone_and_back),
        trial("fleet::redis_that_loses_or_alters_data", NEEDS, lost_and_altered),
        trial("fleet::redis_that_never_answers", NEEDS, silent),
        trial("fleet::redis_that_is_not_there", NEEDS, || not_there(&["--resumption"])),
        trial("fleet::redis_that_is_not_there_for_ticket_keys", NEEDS, || not_there(&["--tickets"])),
        trial("fleet::others_go_on_while_one_waits_for_its_session", NEEDS, slow),
    ];
    trials.extend(sessions.into_iter().chain(tickets).chain(looked_up));
    trials
}

/// A redis-server that keeps nothing on disk.
struct Redis {
    running: Running,
    port: u16,
}

impl Redis {
    fn start() -> Result<Self, String> {
        Self::start_at(free_port()?)
    }

    fn start_at(port: u16) -> Result<Self, String> {
        let mut command = Program::RedisServer.command();
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let running = Running::start({
            command.current_dir(folder()?);
            command
        })?;
        running.stdout.wait_for("Ready to accept connections")?;
        Ok(Self { running, port })
    }

    fn url(&self) -> String {
        url(self.port)
    }

    /// Sends a command and gives the answer, as it is on the wire.
    fn ask(&self, command: &str) -> Result<String, String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).map_err(|e| e.to_string())?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).map_err(|e| e.to_string())?;
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The keys that begin so.
    fn keys(&self, prefix: &str) -> Result<Vec<String>, String> {
        let answer = self.ask(&format!("KEYS {prefix}*"))?;
        Ok(answer.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect())
    }
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}

fn server(url: &str, options: &[&str]) -> Result<Server, String> {
    Server::start(Kind::EcdsaP256, &[&["--redis", url], options].concat(), &["http"])
}

/// A file for a client's sessions, of this test alone.
fn cache(name: &str) -> Result<PathBuf, String> {
    Ok(folder()?.join(format!("sessions-{name}-{:?}", std::thread::current().id())))
}

/// Fetches the page with the sessions of a file, and says how the handshake went.
fn fetch(port: u16, cache: &PathBuf, options: &[&str]) -> Result<String, String> {
    let mut command = example("tlsclient")?;
    command.args(["--port", &port.to_string(), "--http", "/", "--cafile"]).arg(ca_file()?).arg("--cache").arg(cache);
    let started = Instant::now();
    let page = Running::start({
        command.args(options).arg("localhost");
        command
    })?;
    let page = page.succeed()?.text();
    if started.elapsed() > Duration::from_secs(3) {
        return Err(format!("the handshake took {:?}", started.elapsed()));
    }
    let kind = page.lines().find_map(|line| line.strip_prefix("handshake: "));
    kind.map(str::to_owned).ok_or_else(|| format!("no handshake in {page}"))
}

fn expect(got: &str, wanted: &str, what: &str) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got} and not {wanted}").into()) }
}

fn resumed_elsewhere(name: &str, options: &[&str], version: &str) -> Outcome {
    let redis = Redis::start()?;
    let (one, other) = (server(&redis.url(), options)?, server(&redis.url(), options)?);
    let (cache, version) = (cache(&format!("{name}-{version}"))?, ["--protover", version]);
    expect(&fetch(one.port, &cache, &version)?, "Full", "the first time")?;
    for (at, server) in [&other, &one, &other].into_iter().enumerate() {
        expect(&fetch(server.port, &cache, &version)?, "Resumed", &format!("time {}", at + 2))?;
    }
    Ok(())
}

/// Keys of one second: after one or two of them the former key is still there, after many it is not.
fn rotation() -> Outcome {
    let redis = Redis::start()?;
    let options = ["--tickets", "--ticket-rotation", "2"];
    let (one, other) = (server(&redis.url(), &options)?, server(&redis.url(), &options)?);
    let cache = cache("rotation")?;
    expect(&fetch(one.port, &cache, &[])?, "Full", "the first time")?;
    let first = redis.keys("tls:ticket-key:")?;
    std::thread::sleep(Duration::from_secs(2));
    expect(&fetch(other.port, &cache, &[])?, "Resumed", "after one rotation")?;
    let keys = redis.keys("tls:ticket-key:")?;
    if keys == first {
        return Err(format!("the key is the same: {keys:?}").into());
    }
    std::thread::sleep(Duration::from_secs(9));
    expect(&fetch(one.port, &cache, &[])?, "Full", "after the key is gone")
}

/// The same session file twice is what a replay is to the servers: early data under a ticket that was used.
fn early_data() -> Outcome {
    let redis = Redis::start()?;
    let options = ["--resumption", "--max-early-data", "1000"];
    let (one, other) = (server(&redis.url(), &options)?, server(&redis.url(), &options)?);
    let (session, request) = (cache("early")?, folder()?.join("early-request"));
    std::fs::write(&request, "GET / HTTP/1.0\r\n\r\n").map_err(|e| e.to_string())?;
    let openssl = |port: u16, session_option: &str, early: bool| -> Result<String, String> {
        let mut command = Program::Openssl.command();
        command.args(["s_client", "-tls1_3", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"]);
        command.args(["-ign_eof", session_option]).arg(&session);
        if early {
            command.arg("-early_data").arg(&request);
        }
        let mut running = Running::start(command)?;
        if !early {
            running.say("GET / HTTP/1.0\r\n\r\n")?;
        }
        // It ends with an error where the server has closed and stdin has not; what it said counts.
        if early {
            running.stdout.wait_for("Early data was")?;
        } else {
            running.stdout.wait_for("handshake: ")?;
            running.stdout.wait_for("closed")?;
        }
        Ok(running.stdout.text())
    };
    openssl(one.port, "-sess_out", false)?;
    let first = openssl(other.port, "-sess_in", true)?;
    contains(&first, "Early data was accepted")?;
    for server in [&one, &other] {
        contains(&openssl(server.port, "-sess_in", true)?, "Early data was rejected")?;
    }
    Ok(())
}

fn gone_and_back() -> Outcome {
    let mut redis = Redis::start()?;
    let server = server(&redis.url(), &["--resumption"])?;
    let cache = cache("gone")?;
    expect(&fetch(server.port, &cache, &[])?, "Full", "the first time")?;
    expect(&fetch(server.port, &cache, &[])?, "Resumed", "with the Redis")?;
    redis.running.kill();
    for _ in 0..3 {
        expect(&fetch(server.port, &cache, &[])?, "Full", "without the Redis")?;
    }
    let _back = Redis::start_at(redis.port)?;
    // It is tried again after a second.
    std::thread::sleep(Duration::from_millis(1200));
    expect(&fetch(server.port, &cache, &[])?, "Full", "with a new Redis")?;
    expect(&fetch(server.port, &cache, &[])?, "Resumed", "with the new Redis")
}

fn lost_and_altered() -> Outcome {
    let redis = Redis::start()?;
    let server = server(&redis.url(), &["--resumption"])?;
    let cache = cache("lost")?;
    expect(&fetch(server.port, &cache, &[])?, "Full", "the first time")?;
    redis.ask("FLUSHALL")?;
    expect(&fetch(server.port, &cache, &[])?, "Full", "after the loss")?;
    // Every kind of value that is no session, for whatever is asked next.
    for make in ["redis.call('SET', k, 'garbage')", "redis.call('DEL', k); redis.call('LPUSH', k, 'x')"] {
        let script = format!("\"for _, k in ipairs(redis.call('KEYS', 'tls:session:*')) do {make} end\"");
        redis.ask(&format!("EVAL {script} 0"))?;
        expect(&fetch(server.port, &cache, &[])?, "Full", "with garbage")?;
        expect(&fetch(server.port, &cache, &[])?, "Resumed", "behind the garbage")?;
    }
    Ok(())
}

/// A peer that takes connections, and says nothing.
fn silent() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    std::thread::spawn(move || {
        let held: Vec<_> = listener.incoming().collect();
        drop(held);
    });
    not_answering(port, &["--resumption"])?;
    not_answering(port, &["--tickets"])
}

fn not_there(options: &[&str]) -> Outcome {
    not_answering(free_port()?, options)
}

fn not_answering(port: u16, options: &[&str]) -> Outcome {
    let server = server(&url(port), options)?;
    let cache = cache(&format!("nowhere-{port}"))?;
    let first = fetch(server.port, &cache, &[])?;
    expect(&first, "Full", "the first time")?;
    let again = fetch(server.port, &cache, &[])?;
    // Tickets need no Redis but for the keys of others.
    expect(&again, if options == ["--tickets"] { "Resumed" } else { "Full" }, "again")
}

/// The example whose lookups do not block.
fn fleet(url: &str) -> Result<(Running, u16), String> {
    let files = files(Kind::EcdsaP256)?;
    let mut command = example("fleet")?;
    command.args(["--port", "0", "--redis", url, "--certs"]).arg(&files.chain).arg("--key").arg(&files.key);
    let running = Running::start(command)?;
    let port = running.stdout.wait_for_port("listening on ").map_err(|e| e + &running.stderr.text())?;
    Ok((running, port))
}

fn looked_up(version: &str) -> Outcome {
    let redis = Redis::start()?;
    let ((_one, one), (_other, other)) = (fleet(&redis.url())?, fleet(&redis.url())?);
    let (cache, version) = (cache(&format!("looked-up-{version}"))?, ["--protover", version]);
    expect(&fetch(one, &cache, &version)?, "Full", "the first time")?;
    for port in [other, one, other] {
        expect(&fetch(port, &cache, &version)?, "Resumed", "on the other server")?;
    }
    Ok(())
}

/// Everything that the Redis says takes two seconds. A client that has no session needs none of it.
fn slow() -> Outcome {
    const DELAY: Duration = Duration::from_millis(1500);
    let redis = Redis::start()?;
    let port = delaying_proxy(redis.port, DELAY)?;
    let (_running, port) = fleet(&url(port))?;
    let resumable = cache("slow")?;
    expect(&fetch(port, &resumable, &[])?, "Full", "the first time")?;
    // What was given out has to arrive first.
    std::thread::sleep(2 * DELAY + Duration::from_millis(500));
    let waiting = std::thread::spawn(move || {
        let started = Instant::now();
        (fetch(port, &resumable, &[]), started.elapsed())
    });
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    for n in 0..10 {
        let others = cache(&format!("slow-{n}"))?;
        expect(&fetch(port, &others, &[])?, "Full", "another client")?;
    }
    let others = started.elapsed();
    let (kind, waited) = waiting.join().map_err(|_| "the client that waits died")?;
    expect(&kind?, "Resumed", "the client that waited")?;
    if waited < DELAY || others > waited {
        return Err(format!("ten others took {others:?} while one waited for {waited:?}").into());
    }
    Ok(())
}

/// Passes on what comes, either way, and holds back what the Redis says.
fn delaying_proxy(to: u16, delay: Duration) -> Result<u16, String> {
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
