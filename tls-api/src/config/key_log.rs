//! [`KeyLogFile`]: writes the secrets of connections to a file, to decrypt captures of them.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tls_handshake::KeyLog;

/// Appends secrets to the file that the environment variable `SSLKEYLOGFILE` names, in the format
/// of RFC 9850, which Wireshark and other tools read. Without the variable it logs nothing.
///
/// Anyone who has the file can decrypt the connections. Use it for debugging, and never enable it
/// unless the user asks for it.
///
/// ```
/// use std::sync::Arc;
/// let mut config = strata_tls::ClientConfig::new();
/// config.set_key_log(Arc::new(strata_tls::KeyLogFile::new()));
/// ```
pub struct KeyLogFile(Mutex<Option<File>>);

impl KeyLogFile {
    /// Opens the file that `SSLKEYLOGFILE` names. If that fails, nothing is logged, and connections
    /// work as usual.
    #[must_use]
    pub fn new() -> Self {
        let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty());
        let file = path.and_then(|path| match open(path.as_ref()) {
            Ok(file) => Some(file),
            Err(e) => {
                crate::log::warn!("cannot open key log {path:?}: {e}");
                None
            }
        });
        Self(Mutex::new(file))
    }

    /// Opens the file at `path`, ignoring the environment.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn with_path(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self(Mutex::new(Some(open(path.as_ref())?))))
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Other users of the machine must not read it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Default for KeyLogFile {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        // One write per line, so that lines of several processes do not mix.
        let line = format!("{label} {} {}\n", Hex(client_random), Hex(secret));
        if let Err(e) = open.write_all(line.as_bytes()) {
            crate::log::warn!("cannot write key log, which is now disabled: {e}");
            *file = None;
        }
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLogFile").finish_non_exhaustive()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_log_appends_lines_as_rfc_9850_defines() {
        let path = std::env::temp_dir().join(format!("tls-api-key-log-{}", std::process::id()));
        for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "EXPORTER_SECRET"] {
            KeyLogFile::with_path(&path).unwrap().log(label, &[0xab; 32], &[0, 1, 0xff]);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "only its owner may read it");
        }
        std::fs::remove_file(&path).unwrap();
        let random = "ab".repeat(32);
        assert_eq!(text, format!("CLIENT_HANDSHAKE_TRAFFIC_SECRET {random} 0001ff\nEXPORTER_SECRET {random} 0001ff\n"));
    }
}
