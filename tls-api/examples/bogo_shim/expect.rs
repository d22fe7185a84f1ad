//! Checks a handshake against the flags.
//!
//! Unchecked, because the API does not return them: why early data was rejected
//! (`-expect-early-data-reason`), the ticket age skew (`-expect-ticket-age-skew`) and session IDs
//! (`-expect-session-id`, `-expect-no-session-id`). A client does not check for secure
//! renegotiation, because the library rejects servers without it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use strata_tls::{ConnectionInfo, HandshakeKind, ProtocolVersion};

use crate::configure::Shim;
use crate::credentials::{psks, sct_list};
use crate::options::{Level, Options};
use crate::stop::Stop;

/// Checks the flags that concern a completed handshake.
///
/// `can_export` is whether keying material can be exported.
pub(crate) fn check(
    info: &ConnectionInfo,
    can_export: bool,
    shim: &Shim,
    options: &Options,
    level: &Level,
    number: u32,
) -> Result<(), Stop> {
    let kind = info.handshake_kind();
    expect("a resumption", number > 0 && !level.has("expect-session-miss"), kind.is_resumed())?;
    if level.has("expect-hrr") || level.has("expect-no-hrr") {
        expect("HelloRetryRequest", level.has("expect-hrr"), kind.is_retried())?;
    }
    if let Some(version) = level.number::<u16>("expect-version")? {
        expect("version", version, info.protocol_version().0)?;
    }
    if let Some(cipher) = level.number::<u16>("expect-cipher")? {
        expect("cipher", cipher, info.cipher_suite().0)?;
    }
    // A TLS 1.2 resumption has no key exchange.
    let has_key_exchange = !kind.is_resumed() || info.protocol_version() == ProtocolVersion::TLS13;
    if let Some(group) = level.number::<u16>("expect-curve-id")?.filter(|_| has_key_exchange) {
        expect("group", Some(group), info.group().map(|group| group.0))?;
    }
    if let Some(scheme) = level.number::<u16>("expect-peer-signature-algorithm")? {
        // A session does not store the signature scheme of its full handshake.
        if !kind.is_resumed() {
            expect("signature", Some(scheme), info.peer_signature_scheme().map(|scheme| scheme.0))?;
        }
    }
    if let Some(number) = level.number::<i32>("expect-selected-credential")? {
        // A resumption presents no credential.
        if !kind.is_resumed() {
            let psk = info.external_psk_identity();
            let by_psk = psks(level)?.into_iter().find(|(known, _)| psk == Some(known.identity()));
            let selected = by_psk.map_or_else(|| shim.selected.load(Ordering::Relaxed), |(_, number)| number);
            expect("credential", number, selected)?;
        }
    }
    if level.has("expect-no-peer-cert") {
        expect("chain", None, info.peer_certificates())?;
    }
    if let Some(name) = level.text("expect-alpn") {
        expect("application protocol", name.as_bytes(), info.alpn_protocol().unwrap_or_default())?;
    }
    let request = shim.request.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(names) = level.text("expect-advertised-alpn") {
        expect("offered application protocols", names.as_bytes(), &request.alpn)?;
    }
    let schemes: Vec<u16> = level.numbers("expect-peer-verify-pref")?;
    if !schemes.is_empty() {
        expect("peer signature schemes", schemes, request.schemes.iter().map(|scheme| scheme.0).collect())?;
    }
    if let Some(names) = level.names("expect-client-ca-list")? {
        expect("CAs", &names, &request.authorities)?;
    }
    if let Some(name) = level.text("expect-server-name").filter(|_| options.server) {
        expect("server name", Some(name), request.server_name.as_deref())?;
    }
    if let Some(file) = level.text("expect-peer-cert-file") {
        let expected = strata_tls::certs_from_pem(&std::fs::read(file)?).map_err(|e| Stop::failed(e.to_string()))?;
        expect("chain", Some(&expected[..]), info.peer_certificates())?;
    }
    if let Some(count) = level.number::<u32>("expect-total-renegotiations")? {
        expect("renegotiations", count, 0)?;
    }
    if level.has("expect-secure-renegotiation") && options.server {
        expect("secure renegotiation", true, request.secure_renegotiation)?;
    }
    // Exporting requires extended master secret (RFC 7627 §5.4).
    if level.has("expect-extended-master-secret") {
        expect("extended master secret", true, can_export)?;
    }
    let aes = if has_aes() { "expect-cipher-aes" } else { "expect-cipher-no-aes" };
    if let Some(cipher) = level.number::<u16>(aes)? {
        expect("cipher on this machine", cipher, info.cipher_suite().0)?;
    }
    check_stapled(shim, level, kind, info.peer_certificates().is_some())
}

/// Checks the verification result and the stapled data.
fn check_stapled(shim: &Shim, level: &Level, kind: HandshakeKind, has_chain: bool) -> Result<(), Stop> {
    // A resumption presents neither.
    if kind.is_resumed() {
        return Ok(());
    }
    let evidence = shim.evidence.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if level.has("expect-verify-result") && has_chain {
        expect("a verification result", true, evidence.is_some())?;
    }
    let evidence = evidence.unwrap_or_default();
    if let Some(response) = level.bytes("expect-ocsp-response")? {
        expect("OCSP response", Some(response), evidence.ocsp_response)?;
    }
    if let Some(list) = level.bytes("expect-signed-cert-timestamps")? {
        expect("SCTs", sct_list(&list), Some(evidence.scts))?;
    }
    Ok(())
}

/// Checks, at the end of a client's connection, the sessions received.
pub(crate) fn check_at_end(shim: &Shim, options: &Options, level: &Level) -> Result<(), Stop> {
    let sessions = shim.sessions.take_new();
    if options.server {
        return Ok(());
    }
    if level.has("expect-no-session") {
        expect("sessions", 0, sessions.len())?;
    }
    if level.has("expect-ticket-renewal") {
        expect("a new session", true, !sessions.is_empty())?;
    }
    if level.has("expect-ticket-supports-early-data") {
        expect("sessions without early data", false, sessions.contains(&0))?;
    }
    Ok(())
}

pub(crate) fn expect<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, got: T) -> Result<(), Stop> {
    if expected == got { Ok(()) } else { Err(Stop::failed(format!("{what}: expected {expected:?}, got {got:?}"))) }
}

/// Returns whether the CPU has AES instructions.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(not(target_arch = "x86_64"))]
    true
}
