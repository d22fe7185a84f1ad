//! What was found, and what to do about it.

use strata_tls::{AlertDescription, CertificateError, Error, Hint, Refusal};

use super::attempt::{End, NotConnected};
use crate::capture::Mark;

/// Something that a person should know about the server.
pub(super) struct Finding {
    pub(super) level: Level,
    /// A stable name for programs.
    pub(super) code: &'static str,
    pub(super) what: String,
    /// What to do. Empty if there is nothing to do.
    pub(super) advice: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// No connection can be made, or no server is to be trusted.
    Problem,
    /// Connections work. Something should be improved.
    Warning,
    /// For information.
    Note,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    pub(super) fn mark(self) -> Mark {
        match self {
            Self::Problem => Mark::Bad,
            Self::Warning => Mark::Warning,
            Self::Note => Mark::Note,
        }
    }
}

impl Finding {
    pub(super) fn new(level: Level, code: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level, code, what: what.into(), advice: advice.into() }
    }
}

/// The problem that ended the first connection. `None` if it worked.
pub(super) fn of_end(end: &End, answered: bool, name: &str) -> Option<Finding> {
    let (code, what, advice): (_, String, String) = match end {
        End::Established | End::Answered => return None,
        End::NotTried(why) => ("not_tried", (*why).into(), String::new()),
        End::NotConnected(why) => match why {
            NotConnected::UnknownHost(e) => (
                "unknown_host",
                format!("the host name cannot be resolved: {e}"),
                "check the spelling of the host, and the resolver of this machine".into(),
            ),
            NotConnected::Refused(e) => (
                "connection_refused",
                format!("nothing listens at {e}"),
                "check the port, and that the server runs and listens on this address".into(),
            ),
            NotConnected::TimedOut(e) => (
                "connect_timeout",
                format!("no answer to the TCP connection within --timeout: {e}"),
                "check the address, and whether a firewall drops the packets".into(),
            ),
            NotConnected::Other(e) => {
                ("connect_failed", format!("the TCP connection failed: {e}"), "check address, port and route".into())
            }
        },
        End::Silent if answered => (
            "stalled",
            "the server began the handshake and then sent nothing until --timeout".into(),
            "look for a middlebox that drops large packets (MTU), or for an overloaded server; a larger --timeout \
             distinguishes a slow server from a stuck one"
                .into(),
        ),
        End::Silent => (
            "silent",
            "the server accepted the TCP connection and sent nothing until --timeout".into(),
            "check that the port is a TLS port: some protocols wait for the client to speak first; a larger \
             --timeout distinguishes a slow server from a silent one"
                .into(),
        ),
        End::Closed => (
            "closed",
            "the server closed the connection during the handshake, without an alert".into(),
            "look into the server's log; check that the port is a TLS port, that the name is one the server knows \
             (--servername), and that no firewall intervenes"
                .into(),
        ),
        End::Broken(e) => (
            "reset",
            format!("the connection broke during the handshake: {e}"),
            "a server that crashes or refuses the client resets connections, and so do firewalls: look into the \
             server's log"
                .into(),
        ),
        End::Failed(e) => return Some(of_error(e, name)),
    };
    Some(Finding::new(Level::Problem, code, what, advice))
}

fn of_error(e: &Error, name: &str) -> Finding {
    let (code, advice) = match e {
        Error::Certificate(refusal) => {
            let (check, advice) = of_refusal(refusal, name);
            return Finding::new(
                Level::Problem,
                check,
                match refusal.certificate().filter(|certificate| certificate.at > 0 && check != "unknown_ca") {
                    Some(of_ca) => format!("the CA certificate {} is rejected: {}", of_ca.subject, refusal.why),
                    None => format!("the certificate is rejected: {}", refusal.why),
                },
                advice,
            );
        }
        Error::Record(_) => (
            "not_tls",
            "use the port on which the server speaks TLS; if the protocol starts unencrypted (STARTTLS), this program \
             cannot test it"
                .into(),
        ),
        Error::AlertReceived { description, .. } => ("alert", of_alert(*description)),
        Error::NoCommonVersion { .. } | Error::NoCommonCipherSuite { .. } => {
            ("nothing_in_common", "enable TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM, on the server".into())
        }
        Error::MissingRenegotiationInfo => (
            "no_secure_renegotiation",
            "update the server; or accept the risk with --allow-missing-renegotiation-info".into(),
        ),
        Error::Config(_) => ("options", "change the options".into()),
        _ => (
            "protocol_error",
            "the server, or something between, violates the protocol: update it, or report it to its maker".into(),
        ),
    };
    Finding::new(Level::Problem, code, e.to_string(), advice)
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::PROTOCOL_VERSION => "enable TLS 1.2 or TLS 1.3 on the server",
        AlertDescription::HANDSHAKE_FAILURE | AlertDescription::INSUFFICIENT_SECURITY => {
            "compare the sections below with the server's settings: it found no common version, cipher suite, group \
             or signature scheme, or it requires a client certificate (--auth-certs)"
        }
        AlertDescription::UNRECOGNIZED_NAME => {
            "the server has no certificate for this name: check the name, or give the right one with --servername"
        }
        AlertDescription::CERTIFICATE_REQUIRED => {
            "the server requires a client certificate: --auth-certs and --auth-key"
        }
        AlertDescription::BAD_CERTIFICATE
        | AlertDescription::UNSUPPORTED_CERTIFICATE
        | AlertDescription::CERTIFICATE_REVOKED
        | AlertDescription::CERTIFICATE_EXPIRED
        | AlertDescription::CERTIFICATE_UNKNOWN
        | AlertDescription::UNKNOWN_CA
        | AlertDescription::ACCESS_DENIED => {
            "the server rejected the client certificate, or it requires one: --auth-certs and --auth-key"
        }
        AlertDescription::NO_APPLICATION_PROTOCOL => "offer a protocol that the server speaks: --proto",
        AlertDescription::INTERNAL_ERROR => {
            "look into the server's log: it has no certificate for this name, or failed"
        }
        _ => "look into the server's log for the reason",
    }
    .into()
}

/// The name of the check that failed.
pub(super) fn check(refusal: &Refusal) -> &'static str {
    of_refusal(refusal, "").0
}

/// Returns a stable name of the check that failed, and what to do.
fn of_refusal(refusal: &Refusal, name: &str) -> (&'static str, String) {
    use CertificateError as E;
    match (&refusal.why, refusal.hint()) {
        (E::Expired { .. }, Some(Hint::ExpiredCa)) => (
            "expired",
            "let the server send the current certificate of that CA, or leave out the expired one; if the date of \
             this machine is wrong, correct it"
                .into(),
        ),
        (E::Expired { .. }, _) => (
            "expired",
            "renew the certificate and reload the server; if it was renewed, the server still serves the old file; \
             if the date of this machine is wrong, correct it"
                .into(),
        ),
        (E::NotYetValid { .. }, _) => (
            "not_yet_valid",
            "check the date of this machine, and that of the machine that issued the certificate".into(),
        ),
        (E::NotValidForName { .. }, Some(Hint::AddressAsDnsName)) => (
            "wrong_name",
            format!("have the certificate reissued with {name} as an IP address in subjectAltName, not as a DNS name"),
        ),
        (E::NotValidForName { .. }, Some(Hint::Wildcard { name: wildcard })) => (
            "wrong_name",
            format!("have the certificate reissued with {name}: {wildcard} stands for exactly one label"),
        ),
        (E::NotValidForName { has, .. }, _) if has.is_empty() => (
            "wrong_name",
            format!("have the certificate reissued with {name} in subjectAltName; the common name is not used"),
        ),
        (E::NotValidForName { .. }, _) => (
            "wrong_name",
            format!(
                "connect by a name that the certificate has (--servername), or have it reissued with {name}; a server \
                 of several names may also have chosen the wrong certificate"
            ),
        ),
        (_, Some(Hint::SelfSigned)) => (
            "self_signed",
            "if you expect this certificate, compare its SHA-256 with the server's, save it and trust it with \
             --trust-exact; otherwise get a certificate from a CA"
                .into(),
        ),
        (_, Some(Hint::MissingIntermediate { issuer })) => (
            "missing_intermediate",
            format!(
                "let the server send the certificate of {issuer} after its own, for example in the file \
                 fullchain.pem; if that is a CA of your own, trust it with --cafile"
            ),
        ),
        (_, Some(Hint::PrivateCa { subject })) => (
            "unknown_ca",
            format!(
                "if {subject} is a CA of your own, trust it with --cafile; otherwise get a certificate from a public CA"
            ),
        ),
        (_, Some(Hint::SameNameOtherKey { subject } | Hint::SameNameOtherKeyType { subject })) => (
            "other_ca_key",
            format!(
                "get the current certificate of {subject} and give it with --cafile: the one trusted here has another key"
            ),
        ),
        (E::UnknownIssuer { .. }, _) => ("unknown_ca", "trust its CA with --cafile, if it is one of your own".into()),
        (E::NoTrustAnchors, _) => ("no_trust_anchors", "give the CA certificates to trust with --cafile".into()),
        (E::BadSignature, _) => {
            ("bad_signature", "install the certificate chain on the server again, as the CA issued it".into())
        }
        (E::Revoked { .. }, _) => {
            ("revoked", "have a new certificate issued, with a new key if the old one leaked".into())
        }
        (E::UnknownRevocationStatus { .. } | E::CrlExpired { .. } | E::CrlNotYetValid { .. } | E::BadCrl { .. }, _) => {
            (
                "crl",
                "give the current CRL of its CA with --crl, or accept an unknown status with --crl-allow-unknown"
                    .into(),
            )
        }
        (E::Ocsp(_), _) => {
            ("ocsp", "let the server staple a current OCSP response, and look into its log for why it does not".into())
        }
        (E::Transparency { .. }, _) => (
            "transparency",
            "update the file of --ct-logs; if it is current, have the certificate reissued by a CA that logs it".into(),
        ),
        (E::NotPinned { .. }, _) => {
            ("not_pinned", "if the server has a new key that you expect, give its pin with --pin".into())
        }
        (E::Anchor { .. }, _) => {
            ("anchor", "replace the CA certificate in --cafile, or in the system's store, by a current one".into())
        }
        (E::CaUsedAsEndEntity, _) => (
            "ca_as_server",
            "issue a server certificate with that CA; if the certificate is expected, trust it with --trust-exact"
                .into(),
        ),
        (E::WrongPurpose { .. } | E::WrongKeyUsage { .. }, _) => {
            ("wrong_purpose", "have the certificate reissued for servers (serverAuth, digitalSignature)".into())
        }
        (E::UnsupportedSignature(_), _) => (
            "unsupported_signature",
            "have the certificate signed again, with a key and an algorithm that the text lists".into(),
        ),
        (E::IssuerKeyUsage { .. } | E::EndEntityUsedAsCa, _) => (
            "issuer_is_no_ca",
            "have the certificate issued by a CA: the one that signed it may not sign certificates".into(),
        ),
        (E::NameConstraint(_), _) => {
            ("name_constraints", "use a name that the CA may issue certificates for, or another CA".into())
        }
        (E::PathLength { .. } | E::TooManyIntermediates { .. }, _) => {
            ("path_length", "have the chain reissued with fewer CA certificates".into())
        }
        (E::CriticalExtension { .. }, _) => (
            "critical_extension",
            "have the certificate reissued without this extension, or with the extension marked non-critical".into(),
        ),
        (E::UnsupportedVersion, _) => ("old_certificate", "have it reissued as X.509 version 3".into()),
        (E::BadEncoding, _) => ("malformed", "install the certificate on the server again".into()),
        (E::TimeUnknown, _) => ("time_unknown", "set the clock of this machine".into()),
        _ => ("path", "have the chain reissued by a CA that keeps to RFC 5280".into()),
    }
}
