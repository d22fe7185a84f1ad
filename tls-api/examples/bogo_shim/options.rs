//! Parses the flags: which exist, which connections they apply to, and which credential they
//! describe.

use std::collections::HashMap;
use std::str::FromStr;

use crate::stop::Stop;

/// Flags without a value.
const FLAGS: &[&str] = &[
    "allow-unknown-alpn-protos",
    "async",
    "check-close-notify",
    "decline-alpn",
    "enable-early-data",
    "enable-ocsp-stapling",
    "enable-signed-cert-timestamps",
    "expect-accept-early-data",
    "expect-extended-master-secret",
    "expect-hrr",
    "expect-no-hrr",
    "expect-no-offer-early-data",
    "expect-no-session",
    "expect-no-peer-cert",
    "expect-no-session-id",
    "expect-reject-early-data",
    "expect-secure-renegotiation",
    "expect-session-id",
    "expect-session-miss",
    "expect-ticket-renewal",
    "expect-ticket-supports-early-data",
    "expect-verify-result",
    "export-traffic-secrets",
    "decline-ocsp-callback",
    "fail-cert-callback",
    "fail-ocsp-callback",
    "fips-202205",
    "implicit-handshake",
    "install-ddos-callback",
    "ipv6",
    "key-update",
    "key-update-before-read",
    "no-legacy-server-connect",
    "no-op-extra-handshake",
    "no-ticket",
    "no-tls1",
    "no-tls11",
    "no-tls12",
    "no-tls13",
    "reject-alpn",
    "peek-then-read",
    "quic",
    "renew-ticket",
    "reverify-on-resume",
    "read-with-unfinished-write",
    "renegotiate-ignore",
    "require-any-client-certificate",
    "select-empty-alpn",
    "server",
    "shim-shuts-down",
    "shim-writes-first",
    "skip-ticket",
    "tls-unique",
    "use-custom-verify-callback",
    "use-early-callback",
    "use-export-context",
    "set-ocsp-in-callback",
    "use-ocsp-callback",
    "use-old-client-cert-callback",
    "use-ticket-aead-callback",
    "use-ticket-callback",
    "verify-fail",
    "verify-peer",
    "wait-for-debugger",
    "wpa-202304",
];

/// Flags with a value.
const VALUES: &[&str] = &[
    "advertise-alpn",
    "curves",
    "expect-advertised-alpn",
    "expect-alpn",
    "expect-cipher",
    "expect-cipher-aes",
    "expect-cipher-no-aes",
    "expect-client-ca-list",
    "expect-curve-id",
    "expect-late-alpn",
    "expect-ocsp-response",
    "expect-peer-cert-file",
    "expect-peer-signature-algorithm",
    "expect-peer-verify-pref",
    "expect-quic-transport-params",
    "expect-selected-credential",
    "expect-server-name",
    "expect-signed-cert-timestamps",
    "expect-total-renegotiations",
    "expect-version",
    "export-context",
    "fail-cert-callback-alert",
    "export-keying-material",
    "export-label",
    "host-name",
    "idle-timeout",
    "max-cert-list",
    "max-send-fragment",
    "max-version",
    "min-version",
    "port",
    "quic-early-data-context",
    "quic-transport-params",
    "quic-use-legacy-codepoint",
    "read-size",
    "repeat-shim-initial-write",
    "resume-count",
    "resumption-delay",
    "select-alpn",
    "shim-id",
    "shim-initial-write",
    "tls13-ciphers",
    "trust-cert",
    "use-client-ca-list",
    "verify-prefs",
    "write-settings",
    "expect-early-data-reason",
    "expect-ticket-age-skew",
];

/// Flags of a credential, with a value.
const CREDENTIAL: &[&str] = &[
    "cert-file",
    "key-file",
    "ocsp-response",
    "psk-importer-context",
    "psk-importer-identity",
    "psk-importer-key",
    "session-id-context",
    "signed-cert-timestamps",
    "signing-prefs",
];

/// Flags of a credential, without a value.
const CREDENTIAL_FLAGS: &[&str] = &["must-match-issuer", "psk-importer-sha256", "psk-importer-sha384"];

/// Flags that start a credential. Other kinds are unsupported.
const NEW_CREDENTIAL: &[(&str, Kind)] = &[("new-x509-credential", Kind::X509), ("new-psk-credential", Kind::Psk)];

/// The kind of a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    X509,
    Psk,
}

/// The flags of one credential.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credential {
    pub(crate) kind: Kind,
    values: HashMap<&'static str, Vec<String>>,
}

impl Credential {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.values.contains_key(flag)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.last().map(String::as_str)
    }

    pub(crate) fn numbers<T: FromStr>(&self, key: &str) -> Result<Option<Vec<T>>, Stop> {
        self.values.get(key).map(|all| all.iter().map(|text| number(key, text)).collect()).transpose()
    }

    pub(crate) fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, Stop> {
        self.text(key).map(|text| base64(key, text)).transpose()
    }
}

/// The flags of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    values: HashMap<&'static str, Vec<String>>,
    /// The credential flags before the first `-new-…-credential`.
    pub(crate) default: Credential,
    /// In order of preference.
    pub(crate) credentials: Vec<Credential>,
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) shim_id: u64,
    pub(crate) ipv6: bool,
    pub(crate) server: bool,
    /// Over the runner's mock of QUIC.
    pub(crate) quic: bool,
    pub(crate) resume_count: u32,
    /// Flags of the first connection.
    pub(crate) initial: Level,
    /// Flags of later connections.
    pub(crate) resume: Level,
    /// Flags of a handshake whose early data was rejected. BoringSSL starts another handshake then;
    /// this library continues the same one.
    pub(crate) retry: Level,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Stop> {
        let mut levels = [Level::default(), Level::default(), Level::default()];
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let unknown = || Stop::Unimplemented(argument.clone());
            let name = argument.strip_prefix('-').ok_or_else(unknown)?;
            let name = name.strip_prefix("on-shim-").unwrap_or(name);
            let (name, levels) = if let Some(name) = name.strip_prefix("on-initial-") {
                (name, &mut levels[..1])
            } else if let Some(name) = name.strip_prefix("on-resume-") {
                (name, &mut levels[1..2])
            } else if let Some(name) = name.strip_prefix("on-retry-") {
                (name, &mut levels[2..])
            } else {
                (name, &mut levels[..])
            };
            let find = |list: &[&'static str]| list.iter().copied().find(|known| *known == name);
            if let Some(flag) = find(FLAGS) {
                levels.iter_mut().for_each(|level| drop(level.values.insert(flag, Vec::new())));
                continue;
            }
            let value = |arguments: &mut std::slice::Iter<'_, String>| arguments.next().cloned().ok_or_else(unknown);
            if let Some(key) = find(VALUES) {
                let value = value(&mut arguments)?;
                levels.iter_mut().for_each(|level| level.values.entry(key).or_default().push(value.clone()));
            } else if let Some(key) = find(CREDENTIAL) {
                let value = value(&mut arguments)?;
                levels
                    .iter_mut()
                    .for_each(|level| level.current_credential().values.entry(key).or_default().push(value.clone()));
            } else if let Some(key) = find(CREDENTIAL_FLAGS) {
                levels.iter_mut().for_each(|level| drop(level.current_credential().values.insert(key, Vec::new())));
            } else if let Some((_, kind)) = NEW_CREDENTIAL.iter().find(|(flag, _)| *flag == name) {
                let new = Credential { kind: *kind, ..Credential::default() };
                levels.iter_mut().for_each(|level| level.credentials.push(new.clone()));
            } else {
                return Err(unknown());
            }
        }
        let [initial, resume, retry] = levels;
        Ok(Self {
            port: initial.number("port")?.unwrap_or(0),
            shim_id: initial.number("shim-id")?.unwrap_or(0),
            ipv6: initial.has("ipv6"),
            server: initial.has("server"),
            quic: initial.has("quic"),
            resume_count: initial.number("resume-count")?.unwrap_or(0),
            initial,
            resume,
            retry,
        })
    }
}

impl Level {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.values.contains_key(flag)
    }

    /// Returns the last value, because a later flag overrides an earlier one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.last().map(String::as_str)
    }

    pub(crate) fn number<T: FromStr>(&self, key: &str) -> Result<Option<T>, Stop> {
        self.text(key).map(|text| number(key, text)).transpose()
    }

    pub(crate) fn numbers<T: FromStr>(&self, key: &str) -> Result<Vec<T>, Stop> {
        self.values.get(key).into_iter().flatten().map(|text| number(key, text)).collect()
    }

    pub(crate) fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, Stop> {
        self.text(key).map(|text| base64(key, text)).transpose()
    }

    /// Returns the session context of the credential that has one, or else of the connection.
    pub(crate) fn session_context(&self) -> Result<Vec<u8>, Stop> {
        let of = |credential: &Credential| credential.has("session-id-context");
        let credential = self.credentials.iter().find(|credential| of(credential)).unwrap_or(&self.default);
        Ok(credential.bytes("session-id-context")?.unwrap_or_default())
    }

    /// Parses a comma-separated list of DER Names in hex. `<NULL>` and `<EMPTY>` stand for no
    /// names.
    pub(crate) fn names(&self, key: &str) -> Result<Option<Vec<Vec<u8>>>, Stop> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let names = text.split(',').filter(|name| !matches!(*name, "<NULL>" | "<EMPTY>"));
        let bytes = |name: &str| -> Option<Vec<u8>> {
            let digits = |at: usize| u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok();
            (0..name.len() / 2).map(digits).collect()
        };
        let names: Option<Vec<_>> = names.map(bytes).collect();
        names.ok_or_else(|| Stop::Unimplemented(format!("-{key} {text}"))).map(Some)
    }

    /// Returns the credential to which credential flags now apply.
    fn current_credential(&mut self) -> &mut Credential {
        self.credentials.last_mut().unwrap_or(&mut self.default)
    }
}

pub(crate) fn number<T: FromStr>(key: &str, text: &str) -> Result<T, Stop> {
    text.parse().map_err(|_| Stop::Unimplemented(format!("-{key} {text}")))
}

/// Decodes base64, the form of the runner's binary values.
pub(crate) fn base64(key: &str, text: &str) -> Result<Vec<u8>, Stop> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_usize, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = DIGITS.iter().position(|known| *known == digit);
        bits = ((bits << 6) | value.ok_or_else(|| Stop::Unimplemented(format!("-{key} {text}")))?) & 0xfff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.extend(u8::try_from((bits >> held) & 0xff));
        }
    }
    Ok(bytes)
}
