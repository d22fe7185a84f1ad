//! What each error tells a person.

use std::fmt;

use tls_codec::code_points::{AlertDescription, ProtocolVersion};

use super::{Error, Excerpt, bounded};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => write!(f, "the peer sent a malformed message: {e}"),
            Self::Record(e) => write!(f, "{e}"),
            Self::AlertReceived { description, state } => {
                write!(f, "the peer closed the connection with the alert {description}, while we were in {state}")?;
                f.write_str(hint(*description))
            }
            Self::UnexpectedMessage { state, got } => write!(f, "the peer sent {got}, which has no place in {state}"),
            Self::UnexpectedRecord { state, got } => {
                write!(f, "the peer sent a record of type {got}, which has no place in {state}")
            }
            Self::UnprotectedRecord { state, got } => {
                write!(f, "the peer sent a record of type {got} in the clear, where all is protected, in {state}")
            }
            Self::KeyChangeInsideRecord { message } => {
                write!(f, "the peer sent bytes after {message}, which has to be the last of its record")
            }
            Self::InterleavedHandshake => f.write_str("the peer sent another record inside of a handshake message"),
            Self::EmptyRecord => f.write_str("the peer sent a record without content"),
            Self::BadAlert => f.write_str("the peer sent an alert record that does not hold exactly one alert"),
            Self::BadChangeCipherSpec => f.write_str("the peer sent a malformed change_cipher_spec record"),
            Self::BadRecordMac => {
                f.write_str("a record does not decrypt: it was altered on the way, or the peer's keys are not ours")
            }
            Self::RecordOverflow { got, limit } => {
                write!(f, "the peer sent a record of {got} bytes of plaintext; at most {limit} are allowed")
            }
            Self::Flood(what) => write!(f, "the peer sends nothing but {what}"),
            Self::MessageTooLarge { message, got, limit } => write!(
                f,
                "the peer's {message} message has {got} bytes; the limit is {limit} (Limits::handshake_message)"
            ),
            Self::ChainTooLong { got, limit } => {
                write!(f, "the peer sent {got} certificates; the limit is {limit} (Limits::chain_length)")
            }
            Self::NoCommonVersion { offered, enabled } => {
                f.write_str("no common protocol version: the peer offers ")?;
                offered.fmt(f)?;
                f.write_str("; enabled here are ")?;
                list(f, enabled)
            }
            Self::InappropriateFallback { offered } => write!(
                f,
                "the client fell back to {offered} after an attempt that failed, though both sides can do better: \
                 somebody between them may want that"
            ),
            Self::ExtendedMasterSecretRequired => {
                f.write_str("the peer does not know extended_master_secret (RFC 7627), which is required here")
            }
            Self::InsecureRenegotiation => {
                f.write_str("the peer's renegotiation_info (RFC 5746) is not empty in a first handshake")
            }
            Self::MissingRenegotiationInfo => f.write_str(
                "the server sent no renegotiation_info (RFC 5746); update it, or accept the risk with \
                 set_allow_missing_renegotiation_info",
            ),
            Self::FinishedLength { got, expected } => {
                write!(f, "the peer's Finished has {got} bytes; expected {expected}")
            }
            Self::NoCommonCipherSuite { offered, enabled } => {
                f.write_str("no common cipher suite: the client offers ")?;
                offered.fmt(f)?;
                f.write_str("; enabled here are ")?;
                list(f, enabled)
            }
            Self::LegacyVersion(version) => {
                write!(f, "the peer's hello has the legacy_version {version}, which has to be {}", ProtocolVersion::TLS12)
            }
            Self::NoCommonGroup { offered, enabled } => {
                f.write_str("no common key exchange group: the client offers ")?;
                offered.fmt(f)?;
                f.write_str("; enabled here are ")?;
                list(f, enabled)
            }
            Self::NoCommonSignatureScheme { offered, able } => {
                f.write_str("no common signature scheme: the peer accepts ")?;
                offered.fmt(f)?;
                f.write_str("; the key of the chosen certificate can do ")?;
                list(f, able)
            }
            Self::CertificateCurve { curve, offered } => {
                write!(f, "the key of the chosen certificate is on the curve {curve}; the client accepts ")?;
                offered.fmt(f)
            }
            Self::NoCommonAlpn { offered, enabled } => {
                f.write_str("no common application protocol: the client asks for ")?;
                offered.write(f, &protocol)?;
                f.write_str("; enabled here are ")?;
                protocols(f, enabled)
            }
            Self::AlpnRequired => f.write_str(
                "the peer negotiates no application protocol (ALPN), which the configuration requires (set_require_alpn)",
            ),
            Self::MissingExtension { message, extension } => {
                write!(f, "the peer's {message} message lacks the extension {extension}")
            }
            Self::UnsolicitedExtension { message, extension } => {
                write!(f, "the peer's {message} message answers to the extension {extension}, which was not offered")
            }
            Self::Illegal(what) => write!(f, "the peer contradicts the handshake so far: {what}"),
            Self::SecondHelloRetryRequest => f.write_str("the server sent a second HelloRetryRequest"),
            Self::NoCertificate { .. } => f.write_str("the server sent no certificate"),
            Self::NoClientCertificate { .. } => f.write_str("the client showed no certificate, which is required here"),
            Self::Certificate(e) => {
                f.write_str("the peer's certificate is refused: ")?;
                // `{:#}` goes on to the chain that was tried.
                e.fmt(f)
            }
            Self::SignatureSchemeNotOffered(scheme) => {
                write!(f, "the peer signed the handshake with {scheme}, which was not offered")
            }
            Self::CertificateKeyMismatch(suite) => {
                write!(f, "the server's certificate has not the kind of key that {suite} demands, which it chose")
            }
            Self::SignatureSchemeMismatch(scheme) => {
                write!(f, "the peer signed the handshake with {scheme}, which its certificate's key cannot do")
            }
            Self::BadSignature => {
                f.write_str("the signature of the handshake is wrong: the peer does not hold its certificate's key")
            }
            Self::BadFinished => f.write_str("the peer's Finished is wrong: both sides saw different handshakes"),
            Self::BadBinder => f.write_str("the client does not hold the pre-shared key that it offers"),
            Self::EarlyDataAndOlderVersion => f.write_str(
                "the server answers early data with an older version than TLS 1.3, which the session is of: forget the \
                 session, and connect anew",
            ),
            Self::TooMuchEarlyData { limit } => {
                write!(f, "the client sends more early data than the {limit} bytes that it may")
            }
            Self::NoIdentity { asked: Some(name), .. } => write!(f, "there is no certificate for the name {name:?}"),
            Self::NoIdentity { asked: None, .. } => {
                f.write_str("the client names no host (SNI), and there is no certificate for that case")
            }
            Self::NoCommonPsk { psk_dhe_ke: false } => {
                f.write_str("the client cannot use pre-shared keys with psk_dhe_ke, and there is no certificate to do without")
            }
            Self::NoCommonPsk { psk_dhe_ke: true } => f.write_str(
                "the client names no pre-shared key that is known here, or none with the hash of the cipher suite that \
                 HelloRetryRequest fixed, and there is no certificate to do without one",
            ),
            Self::SignerFailed => f.write_str("the signer did not sign"),
            Self::ClosedDuringHandshake { state } => write!(
                f,
                "the peer closed the transport in the middle of the handshake (we were in {state}); \
                 it may not speak TLS on this port, or may have refused the connection without an alert"
            ),
            Self::Truncated => {
                f.write_str("the peer closed the transport without close_notify: what it sent may have been cut short")
            }
            Self::WrongAnswer => f.write_str("this answer does not belong to the question that the connection asked"),
            Self::HandshakeNotComplete => f.write_str("the handshake has to be completed first"),
            Self::RecordRoom { got, need: Some(need) } => write!(
                f,
                "a record that is sealed in place needs {need} bytes with its content, and has {got}: see Connection::room_around"
            ),
            Self::RecordRoom { need: None, .. } => f.write_str(
                "a record that is sealed in place holds one byte at least, and no more than Connection::record_capacity tells",
            ),
            Self::SendAfterClose => f.write_str("nothing can be sent after close_notify"),
            Self::KeyExhausted => f.write_str(
                "the keys have protected as much as they may, and TLS 1.2 cannot change them: make a new connection",
            ),
            Self::NoKeyUpdate => f.write_str("TLS 1.2 cannot change the keys of a connection"),
            Self::Config(e) => write!(f, "the configuration contradicts itself: {e}"),
            Self::Crypto(operation) => write!(f, "a cryptographic operation failed: {operation}"),
            Self::LocalMessageTooLong => f.write_str("a handshake message of ours is too long for its length fields"),
        }
    }
}

/// What a person can do about an alert that is often seen in the field.
fn hint(description: AlertDescription) -> &'static str {
    match description {
        AlertDescription::PROTOCOL_VERSION => " (it speaks none of the versions offered)",
        AlertDescription::HANDSHAKE_FAILURE | AlertDescription::INSUFFICIENT_SECURITY => {
            " (it found no cipher suite, group or signature scheme in common, or demands a client certificate; \
             it may know CBC or RSA key exchange alone, which are not supported here)"
        }
        AlertDescription::UNRECOGNIZED_NAME => " (it does not serve the name that was asked for)",
        AlertDescription::CERTIFICATE_REQUIRED => " (it demands a client certificate)",
        AlertDescription::UNKNOWN_CA => " (it does not know the authority that issued the certificate)",
        AlertDescription::CERTIFICATE_EXPIRED => " (to it the certificate is expired, or not valid yet)",
        AlertDescription::NO_APPLICATION_PROTOCOL => {
            " (it supports none of the application protocols offered, or requires one and none was offered)"
        }
        _ => "",
    }
}

/// What is enabled here.
fn list<T: fmt::Display + Clone>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    write!(f, "{}", items.iter().cloned().collect::<Excerpt<T>>())
}

/// The names of our own application protocols.
fn protocols(f: &mut fmt::Formatter<'_>, names: &[Vec<u8>]) -> fmt::Result {
    names.iter().cloned().collect::<Excerpt<_>>().write(f, &protocol)
}

/// The name of an application protocol, of at most 255 bytes.
#[expect(clippy::ptr_arg, reason = "it is an entry of a list")]
fn protocol(name: &Vec<u8>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\"{}\"", bounded(String::from_utf8_lossy(name).escape_debug().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_codec::code_points::CipherSuite;

    #[test]
    fn however_much_a_peer_offers_the_text_is_short() {
        let offered = vec![CipherSuite(0x1a1a); 0x7fff];
        let text = Error::NoCommonCipherSuite { offered: offered.into(), enabled: Vec::new() }.to_string();
        assert!(text.len() < 2000 && text.contains("and 32751 more"), "{text}");
        let offered = vec![vec![b'x'; 255]; 250];
        let text = Error::NoCommonAlpn { offered: offered.into(), enabled: vec![b"h2".to_vec()] }.to_string();
        assert!(text.len() < 5_000 && text.contains("and 234 more; enabled here are \"h2\""), "{text}");
    }
}
