//! A file that sessions outlive the program in.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strata_tls::ClientSessionMemoryCache;

use crate::options::{Context, Failure};

/// Servers whose sessions are kept.
const SERVERS: usize = 256;

/// The sessions of a file.
pub(crate) struct Cache {
    path: PathBuf,
    sessions: Arc<ClientSessionMemoryCache>,
}

impl Cache {
    /// Reads them, if the file is there. What cannot be read costs full handshakes, and is replaced.
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

    /// Writes them for the next time: beside the file first, so that nobody ever reads half of it.
    pub(crate) fn save(self) -> Result<(), Failure> {
        let beside = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let written = write_private(&beside, &self.sessions.to_bytes()).and_then(|()| fs::rename(&beside, &self.path));
        if written.is_err() {
            // It may not be there at all.
            let _ = fs::remove_file(&beside);
        }
        written.context(format!("cannot write --cache {}", self.path.display()))
    }
}

/// Whoever reads the file can resume the sessions.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
