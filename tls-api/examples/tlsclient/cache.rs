//! Stores sessions in a file, so that the next run can resume them (`--cache`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strata_tls::ClientSessionMemoryCache;

use crate::options::{Context, Failure};

/// The number of servers whose sessions are stored.
const SERVERS: usize = 256;

/// The sessions in a file.
pub(crate) struct Cache {
    path: PathBuf,
    sessions: Arc<ClientSessionMemoryCache>,
}

impl Cache {
    /// Reads the sessions, if the file exists. Unreadable contents are reported and replaced.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let sessions = match fs::read(path) {
            Ok(bytes) => ClientSessionMemoryCache::from_bytes(SERVERS, &bytes).unwrap_or_else(|e| {
                eprintln!("tlsclient: --cache {}: {e}", path.display());
                ClientSessionMemoryCache::new(SERVERS)
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => ClientSessionMemoryCache::new(SERVERS),
            Err(e) => return Err(e).context(format!("cannot read --cache {}", path.display())),
        };
        Ok(Self { path: path.to_owned(), sessions: Arc::new(sessions) })
    }

    pub(crate) fn sessions(&self) -> Arc<ClientSessionMemoryCache> {
        Arc::clone(&self.sessions)
    }

    /// Writes the sessions: to a temporary file first, so that no reader sees an incomplete file.
    pub(crate) fn save(self) -> Result<(), Failure> {
        let temporary = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let written =
            write_private(&temporary, &self.sessions.to_bytes()).and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            // The file may not exist.
            let _ = fs::remove_file(&temporary);
        }
        written.context(format!("cannot write --cache {}", self.path.display()))
    }
}

/// Writes a file that only its owner can read: anyone who reads it can resume the sessions.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
