//! HTTP/3 with headless Chromium and curl as clients, of the example `h3` and of its server with
//! other configurations.
//!
//! No test has early data: curl with BoringSSL ignores `CURLSSLOPT_EARLYDATA`, and sends none over
//! HTTP/3 in a resumed session that allows it.

#[path = "../examples/h3.rs"]
#[expect(dead_code, reason = "the test starts the server itself")]
mod example;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use strata_tls::{CipherSuite, NamedGroup, ServerConfig, ServerSessionMemoryCache};
use tls_ecosystem::{Ca, NAMES};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    type Test = (&'static str, fn() -> Command, fn() -> Outcome);
    let tests: [Test; 9] = [
        ("chromium_loads_the_page_over_h3", chromium, chromium_loads_the_page),
        ("curl_loads_the_page_over_h3", curl, curl_loads_the_page),
        ("curl_answers_a_hello_retry_request", curl, curl_answers_a_hello_retry_request),
        ("curl_follows_a_retry_packet", curl, curl_follows_a_retry_packet),
        ("curl_resumes", curl, curl_resumes),
        ("curl_negotiates_each_suite", curl, curl_negotiates_each_suite),
        ("curl_presents_its_certificate", curl, curl_presents_its_certificate),
        ("curl_rejects_a_wrong_name", curl, curl_rejects_a_wrong_name),
        ("curl_without_common_alpn_fails", curl, curl_without_common_alpn_fails),
    ];
    let trials = tests.map(|(name, peer, run)| {
        Trial::ignorable_test(name, move || {
            if is_installed(peer()) {
                run().map_err(|e| Failed::from(e.to_string()))?;
                Ok(Completion::Completed)
            } else if std::env::var_os("TLS_INTEROP_REQUIRED").is_some_and(|value| value == "1") {
                Err("the peer must be installed where TLS_INTEROP_REQUIRED=1 is set".into())
            } else {
                Ok(Completion::ignored_with("the peer is not installed"))
            }
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// Prints its version.
fn chromium() -> Command {
    let mut command = Command::new("chromium");
    command.arg("--version");
    command
}

/// Python with the package curl_cffi, which `.ci/run setup` installs in the target folder.
fn python() -> Command {
    let mut command = Command::new("python3");
    if let Some(target) = folder().as_deref().and_then(|folder| folder.parent()) {
        command.env("PYTHONPATH", target.join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    }
    command.env_remove("SSLKEYLOGFILE");
    command
}

fn curl() -> Command {
    let mut command = python();
    command.args(["-c", "import curl_cffi"]);
    command
}

fn is_installed(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The folder of the build profile.
fn folder() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.parent()?.to_owned())
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The server has no TCP, so a page that loads came over QUIC.
fn chromium_loads_the_page() -> Outcome {
    let mut command = Command::new(folder().ok_or("this test lies in no target folder")?.join("examples/h3"));
    let mut server = Running(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    let mut printed = BufReader::new(server.0.stdout.take().ok_or("no stdout")?).lines();
    let page = printed.next().ok_or("no address")??;
    // The command for a browser with a window.
    let shown = printed.next().ok_or("no command")??;
    let option = |name| shown.split(' ').find(|option| option.starts_with(name)).ok_or("an option is missing");
    let options = [option("--origin-to-force-quic-on=")?, option("--ignore-certificate-errors-spki-list=")?];

    let profile = std::env::temp_dir().join(format!("tls-h3-{}", std::process::id()));
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]);
    chromium
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(options)
        .arg("--host-resolver-rules=MAP localhost 127.0.0.1")
        .arg(&page)
        .stdin(Stdio::null());
    let output = chromium.output();
    let _ = std::fs::remove_dir_all(&profile);
    let output = output?;
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for expected in ["The server sees HTTP/3.0, TLSv1.3 with", "Full, for localhost.", r#"<span id="seen">h3</span>"#] {
        if !dom.contains(expected) {
            return Err(format!("{expected:?} is not in the page:\n{dom}\n{log}").into());
        }
    }
    Ok(())
}

/// Loads the page of a server with curl so many times. Returns what curl printed.
fn load(ca: &Ca, config: ServerConfig, name: &str, count: usize, options: &[String]) -> Result<String, Box<dyn Error>> {
    load_after_retry(ca, config, name, count, options, false)
}

fn load_after_retry(
    ca: &Ca,
    config: ServerConfig,
    name: &str,
    count: usize,
    options: &[String],
    retries: bool,
) -> Result<String, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let server = example::endpoint(strata_tls::quinn::server_config(Arc::new(config))?).map_err(|e| e.to_string())?;
    let url = format!("https://{name}:{}/", server.local_addr()?.port());
    runtime.spawn(async move {
        while let Some(incoming) = server.accept().await {
            if retries && !incoming.remote_address_validated() {
                incoming.retry().unwrap();
            } else {
                // curl reports why a connection failed.
                tokio::spawn(example::serve_connection(incoming));
            }
        }
    });
    let file = file(&ca.pem)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/h3_curl.py");
    let output = python().arg(script).arg(&file).args([&url, &count.to_string()]).args(options).output();
    std::fs::remove_file(file)?;
    let output = output?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

/// Writes a file for curl.
fn file(content: &str) -> std::io::Result<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("tls-h3-{}-{}.pem", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, content)?;
    Ok(path)
}

fn server(ca: &Ca) -> Result<ServerConfig, Box<dyn Error>> {
    let (cert, key) = ca.issue(&NAMES);
    let mut config = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes())?;
    config.set_alpn_protocols(["h3"])?;
    config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10)));
    config.set_max_early_data_size(u32::MAX);
    Ok(config)
}

fn contains(printed: &str, expected: &str) -> Outcome {
    if printed.contains(expected) { Ok(()) } else { Err(format!("{expected:?} is not in {printed:?}").into()) }
}

fn curl_loads_the_page() -> Outcome {
    let ca = Ca::new();
    let printed = load(&ca, server(&ca)?, "localhost", 1, &[])?;
    contains(&printed, "The server sees HTTP/3.0, TLSv1.3 with")?;
    contains(&printed, ", Full, for localhost.")
}

/// curl sends no key share of P-256.
fn curl_answers_a_hello_retry_request() -> Outcome {
    for retries in [false, true] {
        let ca = Ca::new();
        let mut config = server(&ca)?;
        config.set_groups(&[NamedGroup::SECP256R1])?;
        let printed = load_after_retry(&ca, config, "localhost", 2, &[], retries)?;
        contains(&printed, ", FullWithHelloRetryRequest, for localhost.")?;
        contains(&printed, ", ResumedWithHelloRetryRequest, for localhost.")?;
    }
    Ok(())
}

fn curl_follows_a_retry_packet() -> Outcome {
    let ca = Ca::new();
    contains(&load_after_retry(&ca, server(&ca)?, "localhost", 1, &[], true)?, ", Full, for localhost.")
}

fn curl_resumes() -> Outcome {
    let ca = Ca::new();
    let printed = load(&ca, server(&ca)?, "localhost", 3, &[])?;
    if printed.matches(", Full, for").count() == 1 && printed.matches(", Resumed, for").count() == 2 {
        return Ok(());
    }
    Err(printed.into())
}

fn curl_negotiates_each_suite() -> Outcome {
    for suite in [CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_CHACHA20_POLY1305_SHA256] {
        let ca = Ca::new();
        let mut config = server(&ca)?;
        config.set_cipher_suites(&[suite])?;
        contains(&load(&ca, config, "localhost", 1, &[])?, &format!("TLSv1.3 with {suite}, Full"))?;
    }
    Ok(())
}

fn curl_presents_its_certificate() -> Outcome {
    let ca = Ca::new();
    let config = || {
        let mut config = ca.server_with_client_certificates();
        config.set_alpn_protocols(["h3"])?;
        Ok::<_, Box<dyn Error>>(config)
    };
    let (cert, key) = ca.issue(&["client.test"]);
    let (cert, key) = (file(&cert)?, file(&key)?);
    let options = [format!("SSLCERT={}", cert.display()), format!("SSLKEY={}", key.display())];
    let printed = load(&ca, config()?, "localhost", 1, &options);
    std::fs::remove_file(cert)?;
    std::fs::remove_file(key)?;
    contains(&printed?, ", Full, for localhost.")?;
    contains(&load(&ca, config()?, "localhost", 1, &[])?, "failed ")
}

/// CURLE_PEER_FAILED_VERIFICATION is 60.
fn curl_rejects_a_wrong_name() -> Outcome {
    let ca = Ca::new();
    contains(&load(&ca, server(&ca)?, "other.test", 1, &[])?, "failed 60 ")
}

fn curl_without_common_alpn_fails() -> Outcome {
    let ca = Ca::new();
    let mut config = server(&ca)?;
    config.set_alpn_protocols(["other"])?;
    contains(&load(&ca, config, "localhost", 1, &[])?, "failed ")
}
