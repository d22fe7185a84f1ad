//! Several servers that share sessions or ticket keys in Redis, with a Redis that works and with
//! faulty ones.

mod redis;
mod replay;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file, files, folder};
use crate::processes::{Running, Server, TIMEOUT};
use crate::programs::{Program, example};
use crate::{Outcome, contains, path_text, trial};

use self::redis::{Gate, Redis, answering_peer, counting_peer, url};
use self::replay::Client;

const NEEDS: &[Program] = &[Program::RedisServer];
const WITH_OPENSSL: &[Program] = &[Program::RedisServer, Program::Openssl];

/// The examples that wait for their Redis without blocking.
const LOOKUPS: &[&str] = if cfg!(feature = "redis-tokio") { &["fleet", "async_fleet"] } else { &["fleet"] };

pub(crate) fn trials() -> Vec<Trial> {
    let versions = ["1.2", "1.3"];
    let sessions = versions.map(|version| {
        trial(format!("fleet::session_is_resumed_on_the_other_server::{version}"), NEEDS, move || {
            resumed_elsewhere("sessions", &["--resumption"], version)
        })
    });
    let tickets = versions.map(|version| {
        trial(format!("fleet::ticket_is_accepted_on_the_other_server::{version}"), NEEDS, move || {
            resumed_elsewhere("tickets", &["--tickets"], version)
        })
    });
    let lookups = LOOKUPS.iter().flat_map(|program| {
        let mut trials = vec![
            trial(format!("fleet::unanswered_lookups_cause_full_handshakes::{program}"), NEEDS, move || {
                silent_for_lookups(program)
            }),
            trial(format!("fleet::pending_lookup_does_not_block_other_clients::{program}"), NEEDS, move || {
                slow(program)
            }),
            trial(format!("fleet::lookups_continue_after_a_restart::{program}"), NEEDS, move || restarted(program)),
        ];
        trials.extend(versions.map(|version| {
            trial(format!("fleet::session_lookup_does_not_block::{program}::{version}"), NEEDS, move || {
                looked_up(program, version)
            })
        }));
        trials
    });
    let openssl = versions.map(|version| {
        trial(format!("fleet::openssl_resumes_on_the_other_server::{version}"), WITH_OPENSSL, move || {
            openssl_elsewhere(version)
        })
    });
    let mut trials = vec![
        trial("fleet::recorded_flight_is_accepted_once_by_all_servers", NEEDS, replay::recorded_flights),
        trial("fleet::invalid_redis_responses_are_ignored", &[], nonsense),
        trial("fleet::previous_ticket_key_is_accepted_after_rotation", NEEDS, rotation),
        trial("fleet::early_data_is_accepted_once_by_all_servers", WITH_OPENSSL, early_data),
        trial("fleet::restarted_redis_is_used_again", NEEDS, gone_and_back),
        trial("fleet::lost_or_altered_sessions_cause_full_handshakes", NEEDS, lost_and_altered),
        trial("fleet::silent_redis_is_asked_at_most_once_a_second", &[], silent),
        trial("fleet::missing_redis_causes_full_handshakes", &[], || not_there(&["--resumption"])),
        trial("fleet::missing_redis_leaves_local_ticket_keys", &[], || not_there(&["--tickets"])),
    ];
    trials.extend(sessions.into_iter().chain(tickets).chain(lookups).chain(openssl));
    trials
}

/// A server that waits for its Redis, even on a slow machine.
fn server(redis: &Redis, options: &[&str]) -> Result<Server, String> {
    let waiting = [&["--redis-timeout", "3600"], options].concat();
    server_with_timeout(&redis.url(), &waiting)
}

fn server_with_timeout(url: &str, options: &[&str]) -> Result<Server, String> {
    Server::start(Kind::EcdsaP256, &[&["--redis", url], options].concat(), &["http"])
}

/// A session file for a client of this test only.
fn cache(name: &str) -> Result<PathBuf, String> {
    Ok(folder()?.join(format!("sessions-{name}-{:?}", std::thread::current().id())))
}

/// Fetches the page with the sessions of a file. Returns the kind of handshake.
fn fetch(port: u16, cache: &PathBuf, options: &[&str]) -> Result<String, String> {
    let mut command = example("tlsclient")?;
    command.args(["--port", &port.to_string(), "--http", "/", "--cafile"]).arg(ca_file()?).arg("--cache").arg(cache);
    let page = Running::start({
        command.args(options).arg("localhost");
        command
    })?;
    let page = page.succeed()?.text();
    let kind = page.lines().find_map(|line| line.strip_prefix("handshake: "));
    kind.map(str::to_owned).ok_or_else(|| format!("no handshake in {page}"))
}

fn expect(got: &str, wanted: &str, what: &str) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got} instead of {wanted}").into()) }
}

fn resumed_elsewhere(name: &str, options: &[&str], version: &str) -> Outcome {
    let redis = Redis::start()?;
    let (one, other) = (server(&redis, options)?, server(&redis, options)?);
    let (cache, version) = (cache(&format!("{name}-{version}"))?, ["--protover", version]);
    expect(&fetch(one.port, &cache, &version)?, "Full", "the first time")?;
    for (at, server) in [&other, &one, &other].into_iter().enumerate() {
        expect(&fetch(server.port, &cache, &version)?, "Resumed", &format!("time {}", at + 2))?;
    }
    Ok(())
}

/// Makes the next key the current one and the current key the previous one. Without this a rotation
/// takes a week here.
fn rotate(redis: &Redis) -> Result<(), String> {
    let keys = redis.keys(TICKET_KEY)?;
    let period = |key: &String| key.strip_prefix(TICKET_KEY).and_then(|period| period.parse::<u64>().ok());
    let mut periods: Vec<u64> = keys.iter().filter_map(period).collect();
    periods.sort_unstable();
    for period in periods {
        redis.ask(&format!("RENAME {TICKET_KEY}{period} {TICKET_KEY}{}", period - 1))?;
    }
    Ok(())
}

const TICKET_KEY: &str = "tls:ticket-key:";

/// After a rotation the previous key decrypts tickets and encrypts none.
fn rotation() -> Outcome {
    let redis = Redis::start()?;
    let start = || server(&redis, &["--tickets", "--ticket-rotation", "302400"]);
    let (one, cache) = (start()?, cache("rotation")?);
    expect(&fetch(one.port, &cache, &[])?, "Full", "the first time")?;
    let first = redis.keys(TICKET_KEY)?;
    rotate(&redis)?;
    let other = start()?;
    expect(&fetch(other.port, &cache, &[])?, "Resumed", "after one rotation")?;
    // Delete the first key.
    redis.ask(&format!("DEL {}", redis.keys(TICKET_KEY)?.first().ok_or("no key")?))?;
    let late = start()?;
    expect(&fetch(late.port, &cache, &[])?, "Resumed", "with a ticket of the second key")?;
    // A server started earlier switches keys too: servers without the first key accept its new
    // tickets.
    let until = Instant::now() + TIMEOUT;
    loop {
        fetch(one.port, &cache, &[])?;
        if fetch(late.port, &cache, &[])? == "Resumed" {
            break;
        }
        if Instant::now() > until {
            return Err("the first server never switches to the next key".into());
        }
    }
    for key in first.iter().chain(&redis.keys(TICKET_KEY)?) {
        redis.ask(&format!("DEL {key}"))?;
    }
    expect(&fetch(start()?.port, &cache, &[])?, "Full", "after all keys are gone")
}

/// Runs an s_client that loads its session from a file or saves it there. Returns its output.
fn openssl(port: u16, options: &[&str], session_option: &str, session: &PathBuf) -> Result<String, String> {
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost", "-ign_eof"]);
    command.args(options).arg(session_option).arg(session);
    let mut running = Running::start(command)?;
    if !options.contains(&"-early_data") {
        running.write_stdin("GET / HTTP/1.0\r\n\r\n")?;
    }
    running.stdout.wait_for("handshake: ")?;
    // s_client ends when the server closes.
    running.stdout.wait_for("closed")?;
    Ok(running.stdout.text())
}

fn openssl_elsewhere(version: &str) -> Outcome {
    let redis = Redis::start()?;
    let option = if version == "1.2" { "-tls1_2" } else { "-tls1_3" };
    for kind in ["--resumption", "--tickets"] {
        let (one, other) = (server(&redis, &[kind])?, server(&redis, &[kind])?);
        let session = cache(&format!("openssl-{version}{kind}"))?;
        contains(&openssl(one.port, &[option], "-sess_out", &session)?, "handshake: Full")?;
        let page = openssl(other.port, &[option], "-sess_in", &session)?;
        contains(&page, "Reused, TLSv")?;
        contains(&page, "handshake: Resumed")?;
    }
    Ok(())
}

/// To the servers, reusing a session file looks like a replay: early data with a used ticket.
fn early_data() -> Outcome {
    let redis = Redis::start()?;
    let options = ["--resumption", "--max-early-data", "1000"];
    let (one, other) = (server(&redis, &options)?, server(&redis, &options)?);
    let (session, request) = (cache("early")?, cache("early-request")?);
    std::fs::write(&request, "GET / HTTP/1.0\r\n\r\n").map_err(|e| e.to_string())?;
    openssl(one.port, &["-tls1_3"], "-sess_out", &session)?;
    let early = ["-tls1_3", "-early_data", path_text(&request)?];
    contains(&openssl(other.port, &early, "-sess_in", &session)?, "Early data was accepted")?;
    for server in [&one, &other] {
        // OpenSSL does not resend rejected early data, so there is no response.
        let refused = openssl_refused(server.port, &early, &session)?;
        contains(&refused, "Early data was rejected")?;
    }
    Ok(())
}

fn openssl_refused(port: u16, options: &[&str], session: &PathBuf) -> Result<String, String> {
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"]);
    command.args(options).arg("-sess_in").arg(session);
    let running = Running::start(command)?;
    running.stdout.wait_for("Early data was")?;
    Ok(running.stdout.text())
}

fn gone_and_back() -> Outcome {
    let redis = Redis::start()?;
    let server = server(&redis, &["--resumption"])?;
    survives_restart(redis, server.port, "gone")
}

/// The server resumes with this Redis, makes full handshakes while it is gone, and uses the next
/// one.
fn survives_restart(mut redis: Redis, port: u16, name: &str) -> Outcome {
    let cache = cache(name)?;
    expect(&fetch(port, &cache, &[])?, "Full", "the first time")?;
    expect(&fetch(port, &cache, &[])?, "Resumed", "with the Redis")?;
    redis.running.kill();
    for _ in 0..3 {
        expect(&fetch(port, &cache, &[])?, "Full", "without the Redis")?;
    }
    let _back = Redis::start_at(redis.port)?;
    // The server retries Redis after a second.
    let until = Instant::now() + TIMEOUT;
    while fetch(port, &cache, &[])? != "Resumed" {
        if Instant::now() > until {
            return Err("the new Redis receives no request".into());
        }
    }
    Ok(())
}

fn lost_and_altered() -> Outcome {
    let redis = Redis::start()?;
    let server = server(&redis, &["--resumption"])?;
    let cache = cache("lost")?;
    expect(&fetch(server.port, &cache, &[])?, "Full", "the first time")?;
    redis.ask("FLUSHALL")?;
    expect(&fetch(server.port, &cache, &[])?, "Full", "after the loss")?;
    // Replace all sessions by values that are not sessions.
    for make in ["redis.call('SET', k, 'garbage')", "redis.call('DEL', k); redis.call('LPUSH', k, 'x')"] {
        let script = format!("\"for _, k in ipairs(redis.call('KEYS', 'tls:session:*')) do {make} end\"");
        redis.ask(&format!("EVAL {script} 0"))?;
        expect(&fetch(server.port, &cache, &[])?, "Full", "with garbage")?;
        expect(&fetch(server.port, &cache, &[])?, "Resumed", "after the garbage")?;
    }
    Ok(())
}

/// A Redis that accepts connections and never responds.
fn silent() -> Outcome {
    let (port, asked) = counting_peer()?;
    for options in ["--resumption", "--tickets"] {
        let (started, before) = (Instant::now(), asked.load(Ordering::Relaxed));
        not_answering(port, &[options])?;
        // After a timeout the server waits a second before it asks again, even on a slow machine.
        let (times, seconds) = (asked.load(Ordering::Relaxed) - before, started.elapsed().as_secs());
        if times == 0 || times > seconds + 3 {
            return Err(format!("{options}: {times} questions in {seconds} s to a Redis that does not answer").into());
        }
    }
    Ok(())
}

/// A port on which nothing listens.
fn not_there(options: &[&str]) -> Outcome {
    not_answering(1, options)
}

fn not_answering(port: u16, options: &[&str]) -> Outcome {
    let server = server_with_timeout(&url(port), options)?;
    let cache = cache(&format!("nowhere-{port}{}", options.concat()))?;
    let first = fetch(server.port, &cache, &[])?;
    expect(&first, "Full", "the first time")?;
    let again = fetch(server.port, &cache, &[])?;
    // With tickets the server resumes with its own key; Redis only shares keys.
    expect(&again, if options == ["--tickets"] { "Resumed" } else { "Full" }, "again")?;
    let client = Client::new()?;
    for _ in 0..50 {
        contains(&client.fetch(server.port)?, "handshake: ")?;
    }
    Ok(())
}

/// Responses that no Redis sends, or not to this request. The servers must ignore them and keep
/// running.
fn nonsense() -> Outcome {
    const ANSWERS: [&[u8]; 12] = [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b"$-1\r\n",
        b":1\r\n",
        b"$5\r\nnever\r\n",
        b"$1000000000\r\nx",
        b"$-1000000000\r\n",
        b"*1000000000\r\n",
        b"*1\r\n*1\r\n*1\r\n+x\r\n",
        b"%1\r\n+a\r\n",
        b"\xff\xfe\0\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ];
    for answer in ANSWERS {
        for kind in ["--resumption", "--tickets"] {
            let (server, client) = (server_with_timeout(&url(answering_peer(answer)?), &[kind])?, Client::new()?);
            for _ in 0..2 {
                let page = client.fetch(server.port).map_err(|e| {
                    format!("{e}, with {:?} and {kind}: {}", String::from_utf8_lossy(answer), server.errors())
                })?;
                // Without Redis a server uses a key of its own.
                let wanted = if kind == "--tickets" { "handshake: " } else { "handshake: Full" };
                contains(&page, wanted)?;
            }
            if server.errors().contains("panicked") {
                return Err(server.errors().into());
            }
        }
    }
    Ok(())
}

/// The example with asynchronous lookups: no connection may wait forever in the worker's queue.
fn silent_for_lookups(program: &str) -> Outcome {
    let redis = Redis::start()?;
    let (_one, working) = fleet(program, &redis)?;
    let (_other, silent) = fleet_with(program, &url(answering_peer(b"")?), &[])?;
    let clients: Vec<Client> = (0..4).map(|_| Client::new()).collect::<Result<_, _>>()?;
    for client in &clients {
        contains(&client.fetch(working)?, "handshake: Full")?;
    }
    let pages: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = clients.iter().map(|client| scope.spawn(|| client.fetch(silent))).collect();
        all.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    for page in pages {
        contains(&page?, "handshake: Full")?;
    }
    Ok(())
}

/// An example whose lookups block no other client.
fn fleet(program: &str, redis: &Redis) -> Result<(Running, u16), String> {
    fleet_with(program, &redis.url(), &["--redis-timeout", "3600"])
}

fn fleet_with(program: &str, url: &str, options: &[&str]) -> Result<(Running, u16), String> {
    let files = files(Kind::EcdsaP256)?;
    let mut command = example(program)?;
    command
        .args(options)
        .args(["--port", "0", "--redis", url, "--certs"])
        .arg(&files.chain)
        .arg("--key")
        .arg(&files.key);
    let running = Running::start(command)?;
    let port = running.stdout.wait_for_port("listening on ").map_err(|e| e + &running.stderr.text())?;
    Ok((running, port))
}

fn looked_up(program: &str, version: &str) -> Outcome {
    let redis = Redis::start()?;
    let ((_one, one), (_other, other)) = (fleet(program, &redis)?, fleet(program, &redis)?);
    let (cache, version) = (cache(&format!("looked-up-{program}-{version}"))?, ["--protover", version]);
    expect(&fetch(one, &cache, &version)?, "Full", "the first time")?;
    for port in [other, one, other] {
        expect(&fetch(port, &cache, &version)?, "Resumed", "on the other server")?;
    }
    Ok(())
}

fn restarted(program: &str) -> Outcome {
    let redis = Redis::start()?;
    let (_running, port) = fleet(program, &redis)?;
    survives_restart(redis, port, &format!("gone-{program}"))
}

/// One client waits for its session from a stalled Redis. Clients without a session must not wait.
fn slow(program: &str) -> Outcome {
    let redis = Redis::start()?;
    let gate = Gate::before(redis.port)?;
    // The long timeout keeps the lookup pending until the gate opens.
    let (_running, port) = fleet_with(program, &url(gate.port), &["--redis-timeout", "3600"])?;
    let resumable = Client::new()?;
    contains(&resumable.fetch(port)?, "handshake: Full")?;
    // The worker stores the sessions before it looks one up.
    gate.shut();
    let waiting = std::thread::spawn(move || resumable.fetch(port));
    gate.wait_for_an_answer()?;
    for _ in 0..20 {
        contains(&Client::new()?.fetch(port)?, "handshake: Full")?;
    }
    if waiting.is_finished() {
        return Err("the client did not wait for its session".into());
    }
    gate.open();
    contains(&waiting.join().map_err(|_| "the waiting client panicked")??, "handshake: Resumed")
}
