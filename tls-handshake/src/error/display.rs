//! The text of every [`Error`] but those about certificates, which are in
//! `certificate_error/display.rs`. `alert_causes` has the usual causes of each alert,
//! `not_tls` what to do about other protocols.

use std::fmt;

use tls_codec::code_points::{ExtensionType, HandshakeType, ProtocolVersion};
use tls_codec::extension::MaxFragmentLength;

mod alert_causes;
mod not_tls;

use crate::certificate_error::SUPPORTED_KEYS;

use super::{Contradiction, Error, Excerpt, Flood, Illegal, TransportEnd, bounded};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => write!(f, "malformed message from the peer: {e}"),
            Self::Record(e) => {
                write!(f, "{e}")?;
                not_tls::advice(e).map_or(Ok(()), |advice| write!(f, "; {advice}"))
            }
            Self::AlertReceived { description, state } => {
                write!(f, "the peer closed the connection with the alert {description} {state}")?;
                alert_causes::write_causes(f, *description, *state)
            }
            Self::UnexpectedMessage { state, got } => write!(f, "unexpected {got} message {state}"),
            Self::UnexpectedRecord { state, got } => write!(f, "unexpected {got} record {state}"),
            Self::UnprotectedRecord { state, got } => {
                write!(f, "unencrypted {got} record {state}; records must be encrypted there")
            }
            Self::KeyChangeInsideRecord { message } => {
                write!(f, "data after {message} in the same record; {message} must end its record")
            }
            Self::InterleavedHandshake => f.write_str("another record interrupted a fragmented handshake message"),
            Self::EmptyRecord => f.write_str("a record is empty, or contains only padding"),
            Self::BadAlert => f.write_str("malformed alert record: expected exactly one alert"),
            Self::BadChangeCipherSpec => f.write_str("malformed change_cipher_spec record: expected one byte, 1"),
            Self::BadRecordMac => f.write_str(
                "a record failed to decrypt: it was altered in transit, or the peer encrypted it with other keys",
            ),
            Self::RecordOverflow { got, limit } => {
                write!(f, "record too long: {got} bytes of plaintext; the limit is {limit}")
            }
            Self::Flood(what) => write!(f, "too many {what} without application data"),
            Self::MessageTooLarge { message, got, limit } => write!(
                f,
                "{message} message too long: {got} bytes; the limit is {limit} (Limits::handshake_message)"
            ),
            Self::ChainTooLong { got, limit } => {
                write!(f, "certificate chain too long: {got} certificates; the limit is {limit} (Limits::chain_length)")
            }
            Self::NoCommonVersion { offered, enabled } => {
                f.write_str("no common protocol version: the peer supports ")?;
                offered.fmt(f)?;
                enabled_are(f, enabled)
            }
            Self::InappropriateFallback { offered } => write!(
                f,
                "the client retried with {offered} although both sides support a newer version (TLS_FALLBACK_SCSV): \
                 possible downgrade attack"
            ),
            Self::ExtendedMasterSecretRequired => f.write_str(
                "the peer does not support extended_master_secret (RFC 7627), which the configuration requires",
            ),
            Self::InsecureRenegotiation => f.write_str(
                "invalid renegotiation_info (RFC 5746): it must be empty in an initial handshake; update the peer",
            ),
            Self::MissingRenegotiationInfo => f.write_str(
                "the server sent no renegotiation_info (RFC 5746); update it, or accept the risk with \
                 set_allow_missing_renegotiation_info",
            ),
            Self::FinishedLength { got, expected } => {
                write!(f, "invalid Finished: expected {expected} bytes, got {got}")
            }
            Self::NoCommonCipherSuite { offered, enabled } => {
                f.write_str("no common cipher suite: the client offers ")?;
                offered.fmt(f)?;
                enabled_are(f, enabled)
            }
            Self::LegacyVersion(version) => {
                write!(f, "invalid legacy_version in the peer's hello: expected {}, got {version}", ProtocolVersion::TLS12)
            }
            Self::NoCommonGroup { offered, enabled } => {
                f.write_str("no common key exchange group: the client offers ")?;
                offered.fmt(f)?;
                enabled_are(f, enabled)
            }
            Self::NoCommonSignatureScheme { offered, able } => {
                f.write_str("no common signature scheme: the peer accepts ")?;
                offered.fmt(f)?;
                f.write_str("; the key of the chosen certificate supports ")?;
                list(f, able)
            }
            Self::CertificateCurve { curve, offered } => {
                write!(f, "the chosen certificate's key is on the curve {curve}, but the client accepts only ")?;
                offered.fmt(f)
            }
            Self::NoCommonAlpn { offered, enabled } => {
                f.write_str("no common application protocol (ALPN): the client offers ")?;
                offered.write(f, &protocol)?;
                f.write_str("; enabled are ")?;
                protocols(f, enabled)
            }
            Self::AlpnRequired => {
                f.write_str("the peer negotiated no application protocol (ALPN), which set_require_alpn requires")
            }
            Self::MissingExtension { message, extension } => {
                write!(f, "the peer's {message} message lacks the extension {extension}")
            }
            Self::UnsolicitedExtension {
                message: HandshakeType::CLIENT_HELLO,
                extension: ExtensionType::QUIC_TRANSPORT_PARAMETERS,
            } => f.write_str("the client sent quic_transport_parameters over TCP; use TLS without QUIC's extension"),
            Self::UnsolicitedExtension { message, extension } => {
                write!(f, "the peer's {message} message has the extension {extension}, which was not offered")
            }
            Self::Quic(what) => write!(f, "protocol violation by the peer: {what}"),
            Self::Illegal(what) => write!(f, "protocol violation by the peer: {what}"),
            Self::SecondHelloRetryRequest => f.write_str("the server sent a second HelloRetryRequest"),
            Self::NoCertificate { .. } => f.write_str("the server sent no certificate"),
            Self::NoClientCertificate { .. } => {
                f.write_str("the client sent no certificate, which the configuration requires")
            }
            Self::Certificate(e) => {
                f.write_str("the peer's certificate was rejected: ")?;
                // `{:#}` appends the chain.
                e.fmt(f)
            }
            Self::SignatureSchemeNotOffered(scheme) => write!(
                f,
                "the peer signed the handshake with {scheme}, which was not offered or is not allowed in this version"
            ),
            Self::CertificateKeyMismatch(suite) => {
                write!(f, "the server chose {suite}, but its certificate has a different key type")
            }
            Self::SignatureSchemeMismatch(scheme) => {
                write!(f, "the peer signed the handshake with {scheme}, which its certificate's key does not support")
            }
            Self::UnsupportedKey { scheme, key } => write!(
                f,
                "the peer signed the handshake with {scheme} and {key}, which is not supported, so the signature was not \
                 checked; the peer needs a certificate for a supported key: {SUPPORTED_KEYS}"
            ),
            Self::BadSignature => f.write_str(
                "invalid handshake signature: the peer does not hold its certificate's key, or the handshake was altered",
            ),
            Self::BadFinished => f.write_str("invalid Finished: the two sides saw different handshakes"),
            Self::BadBinder => {
                f.write_str("invalid PSK binder: the client does not hold the pre-shared key that it offers")
            }
            Self::EarlyDataAndOlderVersion => f.write_str(
                "the server chose an older version after early data was sent; discard the session and reconnect",
            ),
            Self::TooMuchEarlyData { limit } => {
                write!(f, "the client sent more early data than the limit of {limit} bytes")
            }
            Self::NoIdentity { asked: Some(name), .. } => {
                write!(f, "no certificate was chosen for the server name {name:?}")
            }
            Self::NoIdentity { asked: None, .. } => {
                f.write_str("the client sent no server name (SNI), and no certificate was chosen for that case")
            }
            Self::NoCommonPsk { psk_dhe_ke: false } => f.write_str(
                "the client does not support pre-shared keys with psk_dhe_ke, and no certificate is configured",
            ),
            Self::NoCommonPsk { psk_dhe_ke: true } => f.write_str(
                "no offered pre-shared key is known, or none has the hash of the cipher suite that HelloRetryRequest chose; \
                 and no certificate is configured",
            ),
            Self::SignerFailed => f.write_str("the private key failed to sign"),
            Self::NoClientHello { partial: false, end } => write!(
                f,
                "the client {end} the transport before it sent anything; health checks, port scans and connections \
                 opened ahead do this, so it can be ignored"
            ),
            Self::NoClientHello { partial: true, end } => write!(
                f,
                "the client {end} the transport after an incomplete ClientHello; usual causes are a probe, a client that \
                 reached its timeout, and a network that drops large packets"
            ),
            Self::ClosedDuringHandshake { state, end } => {
                write!(f, "the peer {end} the transport {state}, before the handshake was complete; ")?;
                f.write_str(match (state.is_client(), state.is_first(), end) {
                    (true, true, TransportEnd::Closed) => {
                        "it may not speak TLS on this port, or may have rejected the connection without an alert"
                    }
                    (true, true, TransportEnd::Reset) => {
                        "usual causes are a firewall or proxy that blocks the server's name or address, a port without \
                         TLS, and a server that rejects the connection without an alert"
                    }
                    (true, false, _) => {
                        "usual causes are a server that rejects the client's certificate or parameters without an alert, \
                         one that failed, and a timeout; its log may say more"
                    }
                    (false, ..) => {
                        "usual causes are a client that rejects the server's certificate or parameters without an alert, \
                         one that gave up, and a timeout"
                    }
                })
            }
            Self::Truncated => {
                f.write_str("the peer closed the transport without close_notify: received data may be truncated")
            }
            Self::WrongAnswer => f.write_str("the answer belongs to a different request or connection"),
            Self::HandshakeNotComplete => f.write_str("the handshake is not complete; complete it first"),
            Self::RecordRoom { got, need: Some(need) } => write!(
                f,
                "wrong buffer length for a record encrypted in place: expected {need} bytes, got {got}; see \
                 Connection::room_around"
            ),
            Self::RecordRoom { need: None, .. } => f.write_str(
                "wrong content length for a record encrypted in place: expected at least 1 byte and at most \
                 Connection::record_capacity",
            ),
            Self::SendAfterClose => f.write_str("nothing can be sent after close_notify"),
            Self::KeyExhausted => f.write_str("TLS 1.2 key usage limit reached; open a new connection"),
            Self::NoKeyUpdate => f.write_str("TLS 1.2 has no KeyUpdate; open a new connection to change keys"),
            Self::Config(e) => write!(f, "invalid configuration: {e}"),
            Self::BadServerName(e) => e.fmt(f),
            Self::Crypto(operation) => write!(f, "a cryptographic operation failed: {operation}"),
            Self::LocalMessageTooLong => f.write_str(
                "a handshake message to send is too long for its length fields; shorten what the configuration puts into it",
            ),
        }
    }
}

/// One line, since `fn main() -> Result<…>` prints it; more with `{:#?}`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.kind())?;
        fmt::Display::fmt(self, f)
    }
}

/// The verb of a sentence about the peer.
impl fmt::Display for TransportEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
        })
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyRecords => "empty records",
            Self::WarningAlerts => "warning alerts",
            Self::Renegotiations => "renegotiation requests",
            Self::NewSessionTickets => "NewSessionTicket messages",
            Self::KeyUpdates => "KeyUpdate messages",
            Self::ChangeCipherSpecs => "change_cipher_spec records",
        })
    }
}

/// Each text follows "protocol violation by the peer: ".
impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CipherSuiteNotOffered(suite) => write!(f, "it chose {suite}, which was not offered"),
            Self::CipherSuiteChangedAfterRetry => f.write_str("it changed the cipher suite after HelloRetryRequest"),
            Self::VersionNotOffered(version) => write!(f, "it chose {version}, which was not offered"),
            Self::OlderVersionSelected(version) => {
                write!(f, "it chose {version} in supported_versions, which allows only TLSv1.3 and later")
            }
            Self::VersionChangedAfterRetry => f.write_str("it changed the version after HelloRetryRequest"),
            Self::SessionIdNotEchoed => f.write_str("it did not echo legacy_session_id"),
            Self::SessionIdEchoed => f.write_str("it resumed a session that was not offered"),
            Self::ResumedCipherSuite(suite) => {
                write!(f, "it resumed a session with {suite}, which does not match the session's cipher suite")
            }
            Self::ResumedMasterSecret { session_had_it } => {
                let (now, before) = if *session_had_it { ("without", "with") } else { ("with", "without") };
                write!(f, "it resumed {now} extended_master_secret a session that was established {before} it")
            }
            Self::PskNotOffered(index) => write!(f, "it selected the pre-shared key {index}, which was not offered"),
            Self::EarlyDataNotOffered => {
                f.write_str("it accepted early data that was not offered, or was offered with another pre-shared key")
            }
            Self::EarlyDataCipherSuite => {
                f.write_str("it accepted early data, but chose another cipher suite than the data was sent with")
            }
            Self::EarlyDataAlpn => {
                f.write_str("it accepted early data, but chose another application protocol than the data was sent for")
            }
            Self::Downgraded(version) => write!(
                f,
                "it chose {version} although it supports a newer version (ServerHello.random): possible downgrade attack"
            ),
            Self::PointFormats => f.write_str("its ec_point_formats lack uncompressed, the only supported format"),
            Self::Compression => f.write_str("it offers other compression methods than null, or does not offer null"),
            Self::CompressionNotOffered(method) => {
                write!(f, "it chose the compression method {method}, which was not offered")
            }
            Self::GroupNotOffered(group) => {
                write!(f, "it chose the group {group}, which was not offered or has no key share")
            }
            Self::RetryChangesNothing => f.write_str("its HelloRetryRequest would not change the ClientHello"),
            Self::RetryForSharedGroup(group) => {
                write!(f, "its HelloRetryRequest requests a key share for {group}, which was already sent")
            }
            Self::KeyShare(group) => write!(f, "its key share is not a valid public value of {group}"),
            Self::KeyShares(group) => {
                write!(f, "its key share for {group} is a duplicate, or does not follow its supported_groups")
            }
            Self::SecondHelloDiffers(field) => write!(f, "its second ClientHello differs from the first in {field}"),
            Self::SecondHelloKeyShare => {
                f.write_str("its second ClientHello does not have exactly the requested key share")
            }
            Self::ServerName => f.write_str(
                "its server name (SNI) is neither a host name nor an IP address; accept such clients with \
                 set_ignore_invalid_server_name",
            ),
            Self::AlpnNotOffered => f.write_str("it chose an application protocol that was not offered"),
            Self::CertificateRequestContext => f.write_str("its certificate_request_context is not the expected one"),
            Self::MaxFragmentLength(MaxFragmentLength(code)) => {
                write!(f, "its max_fragment_length {code} is undefined, or not the one that was offered")
            }
            Self::TwoRecordSizes => f.write_str("it sent both max_fragment_length and record_size_limit"),
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedGroup { group, backend } => {
                write!(f, "the backend {backend} does not have the group {group}; remove it or set another backend")
            }
            Self::UnsupportedSignatureScheme { scheme, backend } => write!(
                f,
                "the backend {backend} does not have the signature scheme {scheme}; remove it or set another backend"
            ),
            Self::UnsupportedKey { key, backend } => {
                write!(f, "the backend {backend} cannot sign with the identity's key, {key}; set another backend")
            }
            Self::NoSchemeOfVersion { versions, schemes } => {
                f.write_str("versions and identity exclude each other: none of the key's signature schemes")?;
                schemes.iter().try_for_each(|scheme| write!(f, " {scheme}"))?;
                f.write_str(" belongs to an enabled version:")?;
                versions.iter().try_for_each(|version| write!(f, " {version}"))?;
                f.write_str("; enable a version that has one or set another identity")
            }
            Self::NoSuiteOfVersion { versions, suites } => {
                f.write_str("versions and cipher suites exclude each other: none of the cipher suites")?;
                suites.iter().try_for_each(|suite| write!(f, " {suite}"))?;
                f.write_str(" belongs to an enabled version:")?;
                versions.iter().try_for_each(|version| write!(f, " {version}"))?;
                f.write_str("; add a cipher suite or a version")
            }
            Self::Settings { settings: [one, other], why } => {
                write!(f, "{one} and {other} exclude each other: {why}")
            }
            Self::LimitTooSmall { limit, got, min } => {
                write!(f, "every handshake exceeds the limit {limit} = {got}; set it to {min} or more")
            }
        }
    }
}

/// Ends a text about a failed negotiation with the local side.
fn enabled_are<T: fmt::Display + Clone>(f: &mut fmt::Formatter<'_>, enabled: &[T]) -> fmt::Result {
    f.write_str("; enabled are ")?;
    list(f, enabled)
}

fn list<T: fmt::Display + Clone>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    write!(f, "{}", items.iter().cloned().collect::<Excerpt<T>>())
}

fn protocols(f: &mut fmt::Formatter<'_>, names: &[Vec<u8>]) -> fmt::Result {
    names.iter().cloned().collect::<Excerpt<_>>().write(f, &protocol)
}

/// Writes the name of an application protocol, which has at most 255 bytes.
#[expect(clippy::ptr_arg, reason = "it is an entry of a list")]
fn protocol(name: &Vec<u8>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\"{}\"", bounded(String::from_utf8_lossy(name).escape_debug().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_codec::code_points::CipherSuite;

    #[test]
    fn text_stays_short_for_long_offers() {
        let offered = vec![CipherSuite(0x1a1a); 0x7fff];
        let text = Error::NoCommonCipherSuite { offered: offered.into(), enabled: Vec::new() }.to_string();
        assert!(text.len() < 2000 && text.contains("and 32751 more"), "{text}");
        let offered = vec![vec![b'x'; 255]; 250];
        let text = Error::NoCommonAlpn { offered: offered.into(), enabled: vec![b"h2".to_vec()] }.to_string();
        assert!(text.len() < 5_000 && text.contains("and 234 more; enabled are \"h2\""), "{text}");
    }
}
