//! Options about the trust policy, for servers' and clients' certificates.

use std::path::PathBuf;

use clap::Args;
use strata_tls::{ChainVerifier, Crls, Pin, Pins, RootCertStore};

use super::{Context, Failure};

/// Options about the trust policy.
#[derive(Args, Debug)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustOptions {
    /// Reject certificates that the CRLs in this file list, and certificates that no CRL covers.
    /// Repeatable
    #[arg(long, value_name = "PEM")]
    crl: Vec<PathBuf>,

    /// Accept certificates that no CRL of --crl covers
    #[arg(long, requires = "crl")]
    crl_allow_unknown: bool,

    /// Accept this end-entity certificate regardless of its issuer, for example a self-signed one.
    /// Repeatable
    #[arg(long, value_name = "PEM")]
    trust_exact: Vec<PathBuf>,

    /// Require a chain with this key: sha256/ and the base64 of the SHA-256 of its
    /// SubjectPublicKeyInfo. Repeatable, for backup pins
    #[arg(long, value_name = "PIN", value_parser = pin)]
    pin: Vec<Pin>,
}

impl TrustOptions {
    pub(crate) fn verifier(&self, roots: RootCertStore) -> Result<ChainVerifier, Failure> {
        let mut verifier = ChainVerifier::new(roots);
        if !self.crl.is_empty() {
            let mut files = Vec::new();
            for path in &self.crl {
                let file = std::fs::read(path).context(format!("cannot read --crl {}", path.display()))?;
                // One file at a time, so that the error names it.
                Crls::from_bytes([&file]).context(format!("--crl {}", path.display()))?;
                files.push(file);
            }
            let mut crls = Crls::from_bytes(files).context("--crl")?;
            crls.set_accept_unknown_status(self.crl_allow_unknown);
            verifier.set_crls(Some(crls));
        }
        for path in &self.trust_exact {
            let what = || format!("--trust-exact {}", path.display());
            let certificates = strata_tls::certs_from_bytes(&std::fs::read(path).context(what())?).context(what())?;
            for certificate in certificates {
                verifier.trust_exact_certificate(certificate).context(what())?;
            }
        }
        if !self.pin.is_empty() {
            verifier.set_pins(Some(Pins::new(self.pin.iter().copied())));
        }
        Ok(verifier)
    }
}

fn pin(word: &str) -> Result<Pin, String> {
    word.parse().map_err(|e: strata_tls::BadPin| e.to_string())
}
