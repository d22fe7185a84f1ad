//! Reads the trust anchors of the operating system. Files are read here, not by
//! `rustls-native-certs`, which skips damaged sections silently.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use pki_types::CertificateDer;
use tls_handshake::{IdentityError, usable_anchors_from_bytes};

/// Certificates with their source, and a line for each part of the store that is not usable.
#[derive(Debug, Default)]
pub(super) struct SystemCerts {
    pub(super) certs: Vec<(String, CertificateDer<'static>)>,
    pub(super) problems: Vec<String>,
    /// Files and certificates that were read, of which stores contain links and copies.
    files: HashSet<PathBuf>,
    seen: HashSet<CertificateDer<'static>>,
}

/// Loads the certificates that the environment names, else those of the system.
pub(super) fn load() -> SystemCerts {
    let file = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let folders = env::var_os("SSL_CERT_DIR").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()).collect();
    if file.is_some() || !folders.is_empty() {
        return SystemCerts::read(file.as_deref(), &folders);
    }
    if cfg!(all(unix, not(target_vendor = "apple"))) {
        let file = FILES.iter().map(Path::new).find(|file| file.is_file());
        let folders: Vec<_> = FOLDERS.iter().map(PathBuf::from).filter(|folder| folder.is_dir()).collect();
        let found = SystemCerts::read(file, &folders);
        if !found.certs.is_empty() {
            return found;
        }
    }
    SystemCerts::of_platform()
}

impl SystemCerts {
    fn read(file: Option<&Path>, folders: &[PathBuf]) -> Self {
        let mut found = Self::default();
        if let Some(file) = file {
            found.add_file(file, true);
        }
        for folder in folders {
            found.add_folder(folder);
        }
        found
    }

    /// Asks the platform: the stores of Windows and macOS, and less common places of files.
    fn of_platform() -> Self {
        let native = rustls_native_certs::load_native_certs();
        let mut found = Self::default();
        for error in &native.errors {
            found.problems.push(error.to_string());
        }
        for (at, cert) in native.certs.into_iter().enumerate() {
            found.certs.push((format!("certificate number {}", at.saturating_add(1)), cert));
        }
        found
    }

    /// Adds the certificates of a file. `must_have` makes it a problem if there are none.
    fn add_file(&mut self, path: &Path, must_have: bool) {
        let cannot_read = |e: io::Error| format!("cannot read {}: {e}", path.display());
        match fs::canonicalize(path) {
            Ok(canonical) => {
                if !self.files.insert(canonical) {
                    return;
                }
            }
            Err(e) => return self.problems.push(cannot_read(e)),
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => return self.problems.push(cannot_read(e)),
        };
        let (certs, problems) = usable_anchors_from_bytes(&bytes);
        for cert in certs {
            if self.seen.insert(cert.clone()) {
                self.certs.push((path.display().to_string(), cert));
            }
        }
        for problem in problems {
            if must_have || !matches!(problem, IdentityError::NoCertificate(_)) {
                self.problems.push(format!("{}: {problem}", path.display()));
            }
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) => return self.problems.push(format!("cannot read {}: {e}", folder.display())),
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        paths.sort();
        for path in paths {
            // A folder may contain other files, such as a README.
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let is_cert = matches!(extension, "pem" | "crt" | "cer" | "der") || is_hash_link(extension);
            self.add_file(&path, is_cert);
        }
    }
}

/// Returns whether a file is a link that `openssl rehash` makes for a certificate.
fn is_hash_link(extension: &str) -> bool {
    !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_digit())
}

/// The bundles of Linux distributions and BSDs. The first that exists is read.
const FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The folders of certificates, read as well.
const FOLDERS: &[&str] = &["/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts"];

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> String {
        rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn damaged_sections_of_system_files_are_listed() {
        let folder = env::temp_dir().join(format!("tls-api-system-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub")).unwrap();
        let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
        let (one, two, three) = (made(), made(), made());
        write("bundle.pem", format!("{}{two}", one.trim_end()));
        write("marked.0", format!("\u{feff}{one}\u{feff}{three}"));
        write("label.crt", two.replace("CERTIFICATE-", "CERTIFICAT-"));
        write("README", "about certificates".into());
        write("empty.crt", String::new());
        write("sub/ignored.pem", two);
        let found = SystemCerts::read(Some(&folder.join("bundle.pem")), std::slice::from_ref(&folder));
        assert_eq!(found.certs.len(), 2, "one and three: {:?}", found.problems);
        let place = |name: &str| format!("{}: ", folder.join(name).display());
        let lines = one.lines().count();
        let expected = [
            (place("bundle.pem"), format!("section 2 (CERTIFICATE) at line {lines}: the BEGIN line")),
            (place("empty.crt"), "is empty".to_owned()),
            (place("label.crt"), "section 1 (CERTIFICAT) at line 1: unknown label".to_owned()),
        ];
        assert_eq!(found.problems.len(), expected.len(), "{:?}", found.problems);
        for (problem, (path, words)) in found.problems.iter().zip(expected) {
            assert!(problem.starts_with(&path) && problem.contains(&words), "{problem}");
        }
        let missing = SystemCerts::read(Some(&folder.join("missing")), &[folder.join("missing")]).problems;
        assert!(missing.len() == 2 && missing.iter().all(|problem| problem.contains("missing")), "{missing:?}");
        fs::remove_dir_all(&folder).unwrap();
    }

    /// Every anchor that `rustls-native-certs` finds on this machine is found here.
    #[test]
    fn no_anchor_of_the_platform_is_missing() {
        let own: HashSet<_> = load().certs.into_iter().map(|(_, cert)| cert).collect();
        let native = rustls_native_certs::load_native_certs().certs;
        assert!(native.iter().all(|cert| own.contains(cert)), "{} of {}", own.len(), native.len());
    }
}
