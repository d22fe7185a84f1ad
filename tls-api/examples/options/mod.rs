//! What both example programs can be told about the protocol, and how they end.

mod subject;
mod trust;

pub(crate) use subject::subject;
pub(crate) use trust::TrustOptions;

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser};
use tls_api::{
    CipherSuite, DynamicRecordSizing, ExternalPsk, KeyLog, KeyLogFile, NamedGroup, ProtocolVersion, RecordPadding,
};
use tls_crypto::HashAlgorithm;

/// The options about the protocol itself.
#[derive(Args, Debug)]
#[command(next_help_heading = "Protocol")]
pub(crate) struct ProtocolOptions {
    /// Allow this protocol version only; repeat it for more than one
    #[arg(long, value_name = "1.2|1.3", value_parser = version)]
    protover: Vec<ProtocolVersion>,

    /// Allow this cipher suite only, by its RFC's name (TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    /// repeat it in order of preference
    #[arg(long, value_name = "NAME", value_parser = suite)]
    pub(crate) suite: Vec<CipherSuite>,

    /// Allow this group for the key exchange only, by its RFC's name (x25519, secp256r1); repeat it in order of preference
    #[arg(long, value_name = "NAME", value_parser = group)]
    pub(crate) group: Vec<NamedGroup>,

    /// Negotiate this application protocol (ALPN); repeat it in order of preference
    #[arg(long, value_name = "ALPN")]
    proto: Vec<String>,

    /// The most bytes that a record may have on the wire, all overhead counted
    #[arg(long, value_name = "N")]
    pub(crate) max_frag_size: Option<usize>,

    /// Begin with records that fit a TCP segment, and again after a pause of a second
    #[arg(long)]
    dynamic_records: bool,

    /// Pad the records of TLS 1.3 to a multiple of this many bytes
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    record_padding: u16,

    /// Use this external pre-shared key (TLS 1.3): its identity, a colon, and the key in hex, as `openssl -psk_identity ID -psk HEX`
    /// has them; repeat it for more
    #[arg(long, value_name = "ID:HEX", value_parser = psk)]
    pub(crate) psk: Vec<ExternalPsk>,

    /// Append the secrets of all connections to the file that SSLKEYLOGFILE names, for Wireshark
    #[arg(long)]
    key_log: bool,

    /// Tell on stderr what is negotiated, and the protocol's messages; twice for more
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl ProtocolOptions {
    /// The versions for the config; `None` for its default.
    pub(crate) fn versions(&self) -> Option<&[ProtocolVersion]> {
        Some(&self.protover[..]).filter(|versions| !versions.is_empty())
    }

    /// How records are sized, and padded.
    pub(crate) fn records(&self) -> (Option<DynamicRecordSizing>, RecordPadding) {
        (self.dynamic_records.then(DynamicRecordSizing::default), RecordPadding::ToMultipleOf(self.record_padding))
    }

    pub(crate) fn alpn(&self) -> Vec<&[u8]> {
        self.proto.iter().map(String::as_bytes).collect()
    }

    pub(crate) fn key_log(&self) -> Result<Option<Arc<dyn KeyLog>>, Failure> {
        if !self.key_log {
            return Ok(None);
        }
        let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty()).ok_or_else(|| {
            Failure::new("--key-log writes to the file that SSLKEYLOGFILE names: set it, as in SSLKEYLOGFILE=keys.txt")
        })?;
        let file = KeyLogFile::with_path(&path).context(format!("the key log {} cannot be opened", path.display()))?;
        Ok(Some(Arc::new(file)))
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

/// Why the program ends, in words for the person who started it.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Says what was being done when an error came.
pub(crate) trait Context<T> {
    fn context(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|cause| Failure(format!("{what}: {cause:#}")))
    }
}

/// Parses the arguments, runs the program, and turns every kind of failure into a line and exit status 1.
pub(crate) fn run_program<A: Parser>(program: &str, run: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // If not even this can be printed there is nobody to tell.
            let _ = e.print();
            // --help and --version come by this way as well.
            return if e.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(why)) => {
            eprintln!("{program}: {why}");
            ExitCode::FAILURE
        }
    }
}
