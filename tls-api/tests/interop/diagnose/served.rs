//! The page of a connection that tlsserver served.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use super::is_self_contained;
use crate::certificates::{Kind, folder};
use crate::openssl_server::client;
use crate::processes::{Server, TIMEOUT, connect};
use crate::{Outcome, contains, path_text, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("diagnose::served_page_names_encrypted_messages", &[], flights),
        trial("diagnose::served_page_follows_key_updates", &[], key_updates),
        trial("diagnose::served_page_shows_accepted_early_data", &[], early_data),
        trial("diagnose::served_page_shows_why_a_client_failed", &[], failure),
        trial("diagnose::served_page_escapes_what_the_client_sent", &[], hostile),
    ]
}

fn file(name: &str) -> Result<PathBuf, String> {
    Ok(folder()?.join(format!("served-{name}.html")))
}

/// Waits for a page that has `wanted`, and returns it.
fn page(file: &PathBuf, wanted: &str) -> Result<String, String> {
    let until = Instant::now() + TIMEOUT;
    loop {
        let page = std::fs::read_to_string(file).unwrap_or_default();
        if page.contains(wanted) {
            return Ok(page);
        }
        if Instant::now() > until {
            return Err(format!("no {wanted:?} in:\n{page}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn flights() -> Outcome {
    let file = file("flights")?;
    let server = Server::start(Kind::EcdsaP256, &["--html", path_text(&file)?], &["http"])?;
    for (version, parts) in [
        (
            "1.3",
            &["encrypted_extensions", "certificate_verify", "new_session_ticket", "Times are as seen by the server"][..],
        ),
        ("1.2", &["server_key_exchange", "client_key_exchange", "server_hello_done"]),
    ] {
        client(server.port, &["--http", "/", "--protover", version])?.succeed()?;
        let page = page(&file, &format!("<span>TLSv{version}</span>"))?;
        for part in [&["the connection was served", "finished", "application_data", "close_notify"], parts].concat() {
            contains(&page, part)?;
        }
        contains(&page, "<li class=\"decrypted\"><span>finished</span>")?;
        // Every message was decrypted.
        if page.contains("<li class=\"opaque\">") {
            return Err(format!("a message is not decrypted:\n{page}").into());
        }
        is_self_contained(&page)?;
    }
    server.expect_no_errors()?;
    Ok(())
}

/// The client updates its keys before each chunk, and the server after it received one.
fn key_updates() -> Outcome {
    let file = file("key-updates")?;
    let server = Server::start(Kind::EcdsaP256, &["--html", path_text(&file)?, "--key-update"], &["echo"])?;
    let mut client = client(server.port, &["--key-update", "--protover", "1.3"])?;
    for text in ["one ", "two "] {
        client.write_stdin(text)?;
        client.stdout.wait_for(text)?;
    }
    client.close_stdin();
    client.succeed()?;
    let page = page(&file, "close_notify")?;
    contains(&page, "<li class=\"decrypted\"><span>key_update</span>")?;
    if page.contains("<li class=\"opaque\">") {
        Err(format!("a record is not decrypted:\n{page}").into())
    } else {
        Ok(())
    }
}

fn early_data() -> Outcome {
    let (file, request) = (file("early-data")?, folder()?.join("served-early-data"));
    std::fs::write(&request, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .map_err(|e| e.to_string())?;
    let options = ["--html", path_text(&file)?, "--resumption", "--max-early-data", "1000"];
    let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
    let options = ["--connections", "2", "--early-data", path_text(&request)?];
    let mut client = client(server.port, &options)?;
    client.close_stdin();
    client.succeed()?;
    let page = page(&file, "resumes the session")?;
    for part in ["early data follows", "accepts early data", "end_of_early_data", "<span>accepted</span>"] {
        contains(&page, part)?;
    }
    if page.contains("<li class=\"opaque\">") {
        Err(format!("a record is not decrypted:\n{page}").into())
    } else {
        Ok(())
    }
}

fn failure() -> Outcome {
    let file = file("failure")?;
    let server = Server::start(Kind::EcdsaP256, &["--html", path_text(&file)?], &["http"])?;
    // A probe of the port leaves no page.
    drop(connect(server.port)?);
    let ended = client(server.port, &["--http", "/", "--servername", "bank.test"])?.finish()?;
    contains(&ended.stderr, "bank.test")?;
    let page = page(&file, "bad_certificate")?;
    contains(&page, "class=\"verdict bad\"")?;
    contains(&page, "server name bank.test")
}

fn hostile() -> Outcome {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}";
    let file = file("hostile")?;
    let server = Server::start(Kind::EcdsaP256, &["--html", path_text(&file)?, "--proto", HOSTILE], &["http"])?;
    client(server.port, &["--http", "/", "--proto", HOSTILE])?.succeed()?;
    let page = page(&file, "ALPN &lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;")?;
    is_self_contained(&page)?;
    if page.contains(['\u{1b}', '\u{202e}']) { Err("a control character passed".into()) } else { Ok(()) }
}
