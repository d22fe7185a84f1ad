//! The machine on which the figures were measured.

use std::{fs, process::Command};

/// A machine and its tools.
#[derive(Clone, Debug)]
pub struct Machine {
    cpu: String,
    extensions: Vec<&'static str>,
    cores: usize,
    kernel: String,
    rustc: String,
    /// The version of the peer OpenSSL, if it is compiled in.
    openssl: Option<&'static str>,
    /// Whether the run was too short for meaningful figures.
    pub quick: bool,
}

/// The CPU features that affect cryptography.
const EXTENSIONS: [&str; 6] = ["aes", "vaes", "vpclmulqdq", "sha_ni", "avx2", "avx512f"];

impl Machine {
    /// Describes this machine. Unavailable information is omitted.
    #[must_use]
    pub fn here() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = info.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
        };
        let flags: Vec<_> = field("flags").split(' ').collect();
        Self {
            cpu: field("model name").to_owned(),
            extensions: EXTENSIONS.into_iter().filter(|name| flags.contains(name)).collect(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            rustc: output("rustc", "--version"),
            #[cfg(feature = "openssl")]
            openssl: Some(openssl::version::version()),
            #[cfg(not(feature = "openssl"))]
            openssl: None,
            quick: false,
        }
    }

    pub(super) fn markdown(&self) -> String {
        let Self { cpu, extensions, cores, kernel, rustc, openssl, quick } = self;
        let openssl = openssl.map_or(String::new(), |version| format!(" *openssl* is {version}."));
        let mut text = format!(
            "## Machine\n\n{cores} cores of {cpu} ({}, {}), Linux {kernel}; {rustc}, thin LTO.{openssl}\n",
            std::env::consts::ARCH,
            extensions.join(", ")
        );
        if *quick {
            text += "\n**A quick run: it had too few rounds for meaningful figures.**\n";
        }
        text
    }

    #[cfg(test)]
    pub(super) fn unknown() -> Self {
        let (cpu, kernel, rustc) = Default::default();
        Self { cpu, extensions: Vec::new(), cores: 1, kernel, rustc, openssl: None, quick: true }
    }
}

fn output(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
