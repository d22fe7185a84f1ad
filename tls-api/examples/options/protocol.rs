//! Options about the protocol, and how they apply to both configurations.

use std::sync::Arc;

use clap::Args;
use strata_tls::{
    Backend, CipherSuite, ClientConfig, DynamicRecordSizing, ExternalPsk, KeyLog, KeyLogFile, Limits, NamedGroup,
    ProtocolVersion, RecordPadding, ServerConfig, Session, SignatureScheme,
};
use tls_crypto::HashAlgorithm;

use super::{Context, Failure};

/// Options about the protocol.
#[derive(Args, Debug)]
#[command(next_help_heading = "Protocol")]
pub(crate) struct ProtocolOptions {
    /// Allow only this protocol version. Repeatable
    #[arg(long, value_name = "1.2|1.3", value_parser = version)]
    protover: Vec<ProtocolVersion>,

    /// Allow only this cipher suite, by its RFC name (TLS_AES_128_GCM_SHA256,
    /// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256). Repeatable, in order of preference
    #[arg(long, value_name = "NAME", value_parser = suite)]
    suite: Vec<CipherSuite>,

    /// Allow only this key exchange group, by its RFC name (x25519, secp256r1). Repeatable, in
    /// order of preference
    #[arg(long, value_name = "NAME", value_parser = group)]
    group: Vec<NamedGroup>,

    /// Accept only this signature scheme from the peer, by its RFC name (ecdsa_secp256r1_sha256,
    /// rsa_pss_rsae_sha256). Repeatable, in order of preference
    #[arg(long, value_name = "NAME", value_parser = scheme)]
    sigalg: Vec<SignatureScheme>,

    /// Compute with this library: ring, or aws-lc-rs if the program is built with that feature
    #[arg(long, value_name = "NAME", value_parser = backend, default_value = "ring", hide_default_value = true)]
    backend: Backend,

    /// Require extended master secret (RFC 7627) in TLS 1.2
    #[arg(long)]
    require_ems: bool,

    /// Negotiate this application protocol (ALPN). Repeatable, in order of preference
    #[arg(long, value_name = "ALPN")]
    proto: Vec<String>,

    /// Limit the records sent to N bytes on the wire, including all overhead
    #[arg(long, value_name = "N")]
    max_frag_size: Option<usize>,

    /// Limit the plaintext of received records to N bytes (record_size_limit, RFC 8449)
    #[arg(long, value_name = "N")]
    pub(crate) record_size_limit: Option<u16>,

    /// Start with records that fit a TCP segment, and again after one idle second
    #[arg(long)]
    dynamic_records: bool,

    /// Pad TLS 1.3 records to a multiple of N bytes
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    record_padding: u16,

    /// Use this external pre-shared key (TLS 1.3), like `openssl -psk_identity ID -psk HEX`.
    /// Repeatable
    #[arg(long, value_name = "ID:HEX", value_parser = psk)]
    psk: Vec<ExternalPsk>,

    /// Resume sessions for at most this long after their full handshake
    #[arg(long, value_name = "SECONDS")]
    session_lifetime: Option<u32>,

    /// Resume only sessions that were established with the same TEXT
    #[arg(long, value_name = "TEXT")]
    session_context: Option<String>,

    /// Limit handshake messages of the peer to N bytes
    #[arg(long, value_name = "N")]
    max_message: Option<usize>,

    /// Limit the peer's chain to N certificates
    #[arg(long, value_name = "N")]
    max_chain: Option<usize>,

    /// Update the keys of both sides (TLS 1.3): the client before it sends each chunk of input, the
    /// server when it receives data
    #[arg(long)]
    key_update: bool,

    /// Print the exported keying material for LABEL on stderr, in hex
    #[arg(long, value_name = "LABEL")]
    export: Option<String>,

    /// Use this context for --export
    #[arg(long, value_name = "TEXT", requires = "export")]
    export_context: Option<String>,

    /// Export N bytes with --export
    #[arg(long, value_name = "N", requires = "export", default_value_t = 32, hide_default_value = true)]
    export_length: u16,

    /// Append the secrets of all connections to the file named by SSLKEYLOGFILE, for Wireshark
    #[arg(long)]
    key_log: bool,

    /// Log what is negotiated and the protocol messages on stderr. Twice for more
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl ProtocolOptions {
    /// Returns the key log of --key-log.
    pub(crate) fn key_log(&self) -> Result<Option<Arc<dyn KeyLog>>, Failure> {
        if !self.key_log {
            return Ok(None);
        }
        let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty()).ok_or_else(|| {
            Failure::new("--key-log needs a file: set the environment variable SSLKEYLOGFILE, for example to keys.txt")
        })?;
        let file = KeyLogFile::with_path(&path).context(format!("cannot open the key log {}", path.display()))?;
        Ok(Some(Arc::new(file)))
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.handshake_message = self.max_message.unwrap_or(limits.handshake_message);
        limits.chain_length = self.max_chain.unwrap_or(limits.chain_length);
        limits
    }

    /// Returns whether to update the keys repeatedly.
    pub(crate) fn key_update(&self) -> bool {
        self.key_update
    }

    /// Exports keying material for --export. Returns a line for stderr.
    pub(crate) fn export(&self, session: &impl Session) -> Result<Option<String>, Failure> {
        let Some(label) = &self.export else { return Ok(None) };
        let mut material = vec![0; self.export_length.into()];
        let context = self.export_context.as_ref().map(String::as_bytes);
        session.export_keying_material(&mut material, label.as_bytes(), context).context("--export")?;
        let hex: String = material.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(format!("exported for {label}: {hex}")))
    }

    /// Returns whether to report more than failures.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose > 0
    }

    pub(crate) fn start_logging(&self) {
        let filters = match self.verbose {
            // The programs report failures themselves.
            0 => "off",
            1 => "debug,mio=off",
            _ => "trace,mio=off",
        };
        env_logger::Builder::new().parse_filters(filters).init();
    }
}

/// Applies the options to a configuration of either role.
pub(crate) trait Configure {
    fn configure(&mut self, options: &ProtocolOptions) -> Result<(), Failure>;
}

/// Both configurations have setters of the same names.
macro_rules! configure {
    ($($config:ty)*) => {$(
        impl Configure for $config {
            fn configure(&mut self, options: &ProtocolOptions) -> Result<(), Failure> {
                self.set_backend(options.backend);
                if !options.protover.is_empty() {
                    self.set_versions(&options.protover).context("--protover")?;
                }
                if !options.suite.is_empty() {
                    self.set_cipher_suites(&options.suite).context("--suite")?;
                }
                if !options.group.is_empty() {
                    self.set_groups(&options.group).context("--group")?;
                }
                if !options.sigalg.is_empty() {
                    self.set_signature_schemes(&options.sigalg).context("--sigalg")?;
                }
                self.set_require_ems(options.require_ems);
                let protocols: Vec<&[u8]> = options.proto.iter().map(String::as_bytes).collect();
                self.set_alpn_protocols(&protocols).context("--proto")?;
                if !options.psk.is_empty() {
                    self.set_external_psks(options.psk.clone());
                }
                self.set_max_fragment_size(options.max_frag_size).context("--max-frag-size")?;
                self.set_record_size_limit(options.record_size_limit).context("--record-size-limit")?;
                let sizing = options.dynamic_records.then(DynamicRecordSizing::default);
                self.set_dynamic_record_sizing(sizing).context("--dynamic-records")?;
                self.set_record_padding(RecordPadding::ToMultipleOf(options.record_padding));
                if let Some(seconds) = options.session_lifetime {
                    self.set_session_lifetime(seconds);
                }
                if let Some(context) = &options.session_context {
                    self.set_session_context(context.as_bytes());
                }
                self.set_limits(options.limits());
                if let Some(key_log) = options.key_log()? {
                    self.set_key_log(key_log);
                }
                Ok(())
            }
        }
    )*};
}

configure!(ClientConfig ServerConfig);

fn version(word: &str) -> Result<ProtocolVersion, String> {
    match word {
        "1.3" => Ok(ProtocolVersion::TLS13),
        "1.2" => Ok(ProtocolVersion::TLS12),
        _ => Err("expected 1.2 or 1.3".into()),
    }
}

fn backend(name: &str) -> Result<Backend, String> {
    let found = Backend::ALL.iter().find(|backend| backend.name() == name);
    found.copied().ok_or_else(|| format!("unknown backend; expected one of {:?}", Backend::ALL))
}

fn suite(name: &str) -> Result<CipherSuite, String> {
    CipherSuite::from_name(name)
        .ok_or_else(|| "unknown cipher suite; expected a name like TLS_AES_128_GCM_SHA256".into())
}

fn group(name: &str) -> Result<NamedGroup, String> {
    NamedGroup::from_name(name).ok_or_else(|| "unknown group; expected a name like x25519 or secp256r1".into())
}

fn scheme(name: &str) -> Result<SignatureScheme, String> {
    SignatureScheme::from_name(name)
        .ok_or_else(|| "unknown signature scheme; expected a name like ecdsa_secp256r1_sha256".into())
}

/// Parses a key in the form of `openssl`: not imported (RFC 9258), with SHA-256.
fn psk(word: &str) -> Result<ExternalPsk, String> {
    let (identity, hex) = word.rsplit_once(':').ok_or("expected an identity, a colon and the key in hex")?;
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
        u8::from_str_radix(pair, 16).ok()
    };
    let key: Vec<u8> = digits.map(byte).collect::<Option<_>>().ok_or("expected the key in hex after the last colon")?;
    ExternalPsk::plain(identity.into(), &key, HashAlgorithm::Sha256).map_err(|e| e.to_string())
}
