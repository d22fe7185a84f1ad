//! What both example programs can be told about the protocol itself.

use std::sync::Arc;

use clap::Args;
use strata_tls::{
    CipherSuite, ClientConfig, DynamicRecordSizing, ExternalPsk, KeyLog, KeyLogFile, Limits, NamedGroup,
    ProtocolVersion, RecordPadding, ServerConfig, Session, SignatureScheme,
};
use tls_crypto::HashAlgorithm;

use super::{Context, Failure};

/// The options about the protocol.
#[derive(Args, Debug)]
#[command(next_help_heading = "Protocol")]
pub(crate) struct ProtocolOptions {
    /// Allow this protocol version only; repeat it for more than one
    #[arg(long, value_name = "1.2|1.3", value_parser = version)]
    protover: Vec<ProtocolVersion>,

    /// Allow this cipher suite only, by its RFC's name (TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    /// repeat it in order of preference
    #[arg(long, value_name = "NAME", value_parser = suite)]
    suite: Vec<CipherSuite>,

    /// Allow this group for the key exchange only, by its RFC's name (x25519, secp256r1); repeat it in order of preference
    #[arg(long, value_name = "NAME", value_parser = group)]
    group: Vec<NamedGroup>,

    /// Let the peer sign with this signature scheme only, by its RFC's name (ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256);
    /// repeat it in order of preference
    #[arg(long, value_name = "NAME", value_parser = scheme)]
    sigalg: Vec<SignatureScheme>,

    /// Refuse peers of TLS 1.2 that do not support extended master secret
    #[arg(long)]
    require_ems: bool,

    /// Negotiate this application protocol (ALPN); repeat it in order of preference
    #[arg(long, value_name = "ALPN")]
    proto: Vec<String>,

    /// The most bytes that a record may have on the wire, all overhead counted
    #[arg(long, value_name = "N")]
    max_frag_size: Option<usize>,

    /// The most bytes of plaintext that a record of the peer may have (record_size_limit, RFC 8449)
    #[arg(long, value_name = "N")]
    record_size_limit: Option<u16>,

    /// Begin with records that fit a TCP segment, and again after a pause of a second
    #[arg(long)]
    dynamic_records: bool,

    /// Pad the records of TLS 1.3 to a multiple of this many bytes
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    record_padding: u16,

    /// Use this external pre-shared key (TLS 1.3): its identity, a colon, and the key in hex, as `openssl -psk_identity ID -psk HEX`
    /// has them; repeat it for more
    #[arg(long, value_name = "ID:HEX", value_parser = psk)]
    psk: Vec<ExternalPsk>,

    /// For how long a session can be resumed, counted from its full handshake
    #[arg(long, value_name = "SECONDS")]
    session_lifetime: Option<u32>,

    /// Resume only sessions that were established with the same TEXT
    #[arg(long, value_name = "TEXT")]
    session_context: Option<String>,

    /// The most bytes that a handshake message of the peer may have
    #[arg(long, value_name = "N")]
    max_message: Option<usize>,

    /// The most certificates that the peer's chain may have
    #[arg(long, value_name = "N")]
    max_chain: Option<usize>,

    /// Change the keys of both sides (TLS 1.3): a client before each piece of its input, a server whenever data comes
    #[arg(long)]
    key_update: bool,

    /// Print on stderr the keying material that both sides derive for LABEL, in hex
    #[arg(long, value_name = "LABEL")]
    export: Option<String>,

    /// The context of --export, which otherwise has none
    #[arg(long, value_name = "TEXT", requires = "export")]
    export_context: Option<String>,

    /// How many bytes --export derives
    #[arg(long, value_name = "N", requires = "export", default_value_t = 32, hide_default_value = true)]
    export_length: u16,

    /// Append the secrets of all connections to the file that SSLKEYLOGFILE names, for Wireshark
    #[arg(long)]
    key_log: bool,

    /// Tell on stderr what is negotiated, and the protocol's messages; twice for more
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl ProtocolOptions {
    fn key_log(&self) -> Result<Option<Arc<dyn KeyLog>>, Failure> {
        if !self.key_log {
            return Ok(None);
        }
        let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty()).ok_or_else(|| {
            Failure::new("--key-log writes to the file that SSLKEYLOGFILE names: set it, as in SSLKEYLOGFILE=keys.txt")
        })?;
        let file = KeyLogFile::with_path(&path).context(format!("the key log {} cannot be opened", path.display()))?;
        Ok(Some(Arc::new(file)))
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.handshake_message = self.max_message.unwrap_or(limits.handshake_message);
        limits.chain_length = self.max_chain.unwrap_or(limits.chain_length);
        limits
    }

    /// Whether to change the keys again and again.
    pub(crate) fn key_update(&self) -> bool {
        self.key_update
    }

    /// Returns what --export asks for, in a line for stderr.
    pub(crate) fn export(&self, session: &impl Session) -> Result<Option<String>, Failure> {
        let Some(label) = &self.export else { return Ok(None) };
        let mut material = vec![0; self.export_length.into()];
        let context = self.export_context.as_ref().map(String::as_bytes);
        session.export_keying_material(&mut material, label.as_bytes(), context).context("--export")?;
        let hex: String = material.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(format!("exported for {label}: {hex}")))
    }

    /// Whether to tell more than failures.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose > 0
    }

    pub(crate) fn start_logging(&self) {
        let filters = match self.verbose {
            // Failures are told in the program's own words.
            0 => "off",
            1 => "debug,mio=off",
            _ => "trace,mio=off",
        };
        env_logger::Builder::new().parse_filters(filters).init();
    }
}

/// A configuration that the options apply to.
pub(crate) trait Configure {
    fn configure(&mut self, options: &ProtocolOptions) -> Result<(), Failure>;
}

/// The settings have the same names on both configurations.
macro_rules! configure {
    ($($config:ty)*) => {$(
        impl Configure for $config {
            fn configure(&mut self, options: &ProtocolOptions) -> Result<(), Failure> {
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
        _ => Err("the versions are 1.2 and 1.3".into()),
    }
}

fn suite(name: &str) -> Result<CipherSuite, String> {
    CipherSuite::from_name(name).ok_or_else(|| "no cipher suite of this name; one is TLS_AES_128_GCM_SHA256".into())
}

fn group(name: &str) -> Result<NamedGroup, String> {
    NamedGroup::from_name(name).ok_or_else(|| "no group of this name; two are x25519 and secp256r1".into())
}

fn scheme(name: &str) -> Result<SignatureScheme, String> {
    SignatureScheme::from_name(name)
        .ok_or_else(|| "no signature scheme of this name; one is ecdsa_secp256r1_sha256".into())
}

/// As both sides of `openssl` take it: not imported, with SHA-256.
fn psk(word: &str) -> Result<ExternalPsk, String> {
    let (identity, hex) = word.rsplit_once(':').ok_or("an identity, a colon, and the key in hex")?;
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
        u8::from_str_radix(pair, 16).ok()
    };
    let key: Vec<u8> = digits.map(byte).collect::<Option<_>>().ok_or("behind the last colon the key in hex")?;
    ExternalPsk::plain(identity.into(), &key, HashAlgorithm::Sha256).map_err(|e| e.to_string())
}
