//! Load generators of other projects against the listener for axum. `TLS_LOAD=10` makes ten times
//! as many requests. Nothing depends on how long they take.

use axum::Router;
use axum::routing::get;
use tls_ecosystem::{Ca, serve};

fn scaled(n: usize) -> String {
    let factor = std::env::var("TLS_LOAD").ok().and_then(|factor| factor.parse().ok());
    (n * factor.unwrap_or(1)).to_string()
}

/// Runs a program against a server of pages of this many bytes, and returns what it prints.
async fn run(program: &str, options: &[&str], length: usize) -> String {
    let app = Router::new().route("/", get(async move || "x".repeat(length)));
    let port = serve(app, Ca::new().server()).await.port();
    let mut command = tokio::process::Command::new(program);
    let output = command.args(options).arg(format!("https://127.0.0.1:{port}/")).output().await;
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}; install it"));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// 1,000 connections at once, with several streams each.
#[tokio::test(flavor = "multi_thread")]
async fn h2load_completes_all_requests() {
    let requests = scaled(10_000);
    for length in [10, 50_000] {
        let options = ["--requests", &requests, "--clients", "1000", "--max-concurrent-streams", "5"];
        let printed = run("h2load", &options, length).await;
        let expected =
            format!("requests: {requests} total, {requests} started, {requests} done, {requests} succeeded, 0 failed");
        assert!(printed.contains(&expected) && printed.contains("TLSv1.3"), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h2load_completes_all_requests_over_http1() {
    let requests = scaled(5000);
    let printed = run("h2load", &["--h1", "--requests", &requests, "--clients", "100"], 1000).await;
    assert!(printed.contains(&format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout")), "{printed}");
}

/// With and without keep-alive: one connection for many requests, and one for each.
#[tokio::test(flavor = "multi_thread")]
async fn ab_completes_all_requests() {
    for version in ["TLS1.2", "TLS1.3"] {
        for options in [&["-k"][..], &[]] {
            let requests = scaled(500);
            let all = [&["-q", "-n", &requests, "-c", "50", "-f", version], options].concat();
            let printed = run("ab", &all, 1000).await;
            let line = |name: &str, value: &str| {
                let found = printed.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                assert_eq!(found.trim(), value, "{name} in {printed}");
            };
            line("Complete requests:", &requests);
            line("Failed requests:", "0");
        }
    }
}
