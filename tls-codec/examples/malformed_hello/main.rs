//! Makes ClientHellos that a server must reject, and shows how a server answers them.
//!
//! ```text
//! malformed-hello --list                            what there is, and the expected alert
//! malformed-hello NAME                              prints the bytes, in hexadecimal
//! malformed-hello NAME HOST:PORT [SERVER-NAME]      sends them, and prints the answer
//! malformed-hello --all HOST:PORT [SERVER-NAME]     sends each, and shows what differs
//! ```
//!
//! ```text
//! $ malformed-hello extension-twice localhost:4433
//! extension-twice: alert decode_error, as expected
//! ```
//!
//! SERVER-NAME is what the hello asks for. Default: HOST. The status is 1 if an answer is not the
//! expected one. The alerts follow from RFC 9846; where it names none, other servers may send
//! another. What they must not do is accept such a hello. Send these only to servers that you may
//! test.

mod catalog;
mod probe;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use catalog::{CATALOG, Malformation};
use probe::{Answer, probe};

const USAGE: &str = "usage: malformed-hello --list | NAME [HOST:PORT [SERVER-NAME]] | --all HOST:PORT [SERVER-NAME]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["--help"] => {
            println!("{USAGE}");
            Ok(true)
        }
        ["--list"] => {
            let line = |one: &Malformation| format!("{:26} {}; {}\n", one.name, one.about, expected(one));
            let lines: String = CATALOG.iter().map(line).collect();
            // The reader of a pipe, such as `head`, may have enough.
            let _ = io::stdout().write_all(lines.as_bytes());
            Ok(true)
        }
        ["--all", address] => all(address, host(address)),
        ["--all", address, server_name] => all(address, server_name),
        [name] if !name.starts_with("--") => find(name).and_then(print),
        [name, address] if !name.starts_with("--") => find(name).and_then(|one| send(one, address, host(address))),
        [name, address, server_name] if !name.starts_with("--") => {
            find(name).and_then(|one| send(one, address, server_name))
        }
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("malformed-hello: {message}");
            ExitCode::from(2)
        }
    }
}

fn find(name: &str) -> Result<&'static Malformation, String> {
    Malformation::find(name).ok_or_else(|| format!("{name} is unknown; --list shows what there is"))
}

/// Returns the host of an address.
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn expected(one: &Malformation) -> String {
    one.alert.map_or("accepted".into(), |alert| format!("alert {alert}"))
}

fn print(one: &Malformation) -> Result<bool, String> {
    let records = one.records("example.com").map_err(|e| e.to_string())?;
    let digits: String = records.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{digits}");
    Ok(true)
}

fn all(address: &str, server_name: &str) -> Result<bool, String> {
    CATALOG.iter().try_fold(true, |right, one| Ok(send(one, address, server_name)? && right))
}

/// Returns whether the answer is right.
fn send(one: &Malformation, address: &str, server_name: &str) -> Result<bool, String> {
    let records = one.records(server_name).map_err(|e| e.to_string())?;
    let answer = probe(address, &records, Duration::from_secs(5)).map_err(|e| format!("{address}: {e}"))?;
    let is_right = match one.alert {
        Some(alert) => answer == Answer::Alert(alert),
        None => answer == Answer::Accepted,
    };
    match is_right {
        true => println!("{}: {answer}, as expected", one.name),
        false => println!("{}: {answer}; expected: {}", one.name, expected(one)),
    }
    Ok(is_right)
}
