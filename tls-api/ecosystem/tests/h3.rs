//! The example `h3`, which serves HTTP/3, with headless Chromium as the client.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

fn main() -> ExitCode {
    let chromium = Trial::ignorable_test("chromium_loads_the_page_over_h3", || {
        if is_installed() {
            chromium_loads_the_page().map_err(|e| Failed::from(e.to_string()))?;
            Ok(Completion::Completed)
        } else if std::env::var_os("TLS_INTEROP_REQUIRED").is_some_and(|value| value == "1") {
            Err("chromium must be installed where TLS_INTEROP_REQUIRED=1 is set".into())
        } else {
            Ok(Completion::ignored_with("chromium is not installed"))
        }
    });
    libtest_mimic::run(&Arguments::from_args(), vec![chromium]).exit_code()
}

fn is_installed() -> bool {
    let mut command = Command::new("chromium");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
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
fn chromium_loads_the_page() -> Result<(), Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(|deps| deps.parent()).ok_or("this test lies in no target folder")?;
    let mut command = Command::new(folder.join("examples/h3"));
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
