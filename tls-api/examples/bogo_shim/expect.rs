//! What the flags expect of a handshake.
//!
//! Not checked, for this library does not tell: why early data was refused (`-expect-early-data-reason`), how far a ticket's age was off
//! (`-expect-ticket-age-skew`), and the ids of sessions (`-expect-session-id`, `-expect-no-session-id`). That servers are secure against
//! renegotiation is no question: others are refused.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use strata_tls::{HandshakeKind, ProtocolVersion};

use crate::configure::Shim;
use crate::credentials::{psks, sct_list};
use crate::early::Early;
use crate::options::{Level, Options};
use crate::stop::Stop;

/// After the handshake.
pub(crate) fn check<S: Early>(
    session: &S,
    shim: &Shim,
    options: &Options,
    level: &Level,
    number: u32,
) -> Result<(), Stop> {
    let kind = session.handshake_kind().ok_or_else(|| Stop::failed("no handshake"))?;
    expect("a resumption", number > 0 && !level.has("expect-session-miss"), kind.is_resumed())?;
    if level.has("expect-hrr") || level.has("expect-no-hrr") {
        expect("HelloRetryRequest", level.has("expect-hrr"), kind.is_retried())?;
    }
    if let Some(version) = level.number::<u16>("expect-version")? {
        expect("version", Some(version), session.protocol_version().map(|version| version.0))?;
    }
    if let Some(cipher) = level.number::<u16>("expect-cipher")? {
        expect("cipher", Some(cipher), session.negotiated_cipher_suite().map(|suite| suite.0))?;
    }
    // A resumption of TLS 1.2 has no key exchange.
    let exchanged = !kind.is_resumed() || session.protocol_version() == Some(ProtocolVersion::TLS13);
    if let Some(group) = level.number::<u16>("expect-curve-id")?.filter(|_| exchanged) {
        expect("group", Some(group), session.negotiated_group().map(|group| group.0))?;
    }
    if let Some(scheme) = level.number::<u16>("expect-peer-signature-algorithm")? {
        // What signed the handshake that a session began with is not kept.
        if !kind.is_resumed() {
            expect("signature", Some(scheme), session.peer_signature_scheme().map(|scheme| scheme.0))?;
        }
    }
    if let Some(number) = level.number::<i32>("expect-selected-credential")? {
        // A resumption shows none.
        if !kind.is_resumed() {
            let psk = session.psk_identity();
            let by_psk = psks(level)?.into_iter().find(|(known, _)| psk == Some(known.identity()));
            let selected = by_psk.map_or_else(|| shim.selected.load(Ordering::Relaxed), |(_, number)| number);
            expect("credential", number, selected)?;
        }
    }
    if level.has("expect-no-peer-cert") {
        expect("chain", None, session.peer_certificates())?;
    }
    if let Some(name) = level.text("expect-alpn") {
        expect("application protocol", name.as_bytes(), session.alpn_protocol().unwrap_or_default())?;
    }
    let asked = shim.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(names) = level.text("expect-advertised-alpn") {
        expect("application protocols asked for", names.as_bytes(), &asked.alpn)?;
    }
    let schemes: Vec<u16> = level.numbers("expect-peer-verify-pref")?;
    if !schemes.is_empty() {
        expect("schemes of the peer", schemes, asked.schemes.iter().map(|scheme| scheme.0).collect())?;
    }
    if let Some(names) = level.names("expect-client-ca-list")? {
        expect("authorities", &names, &asked.authorities)?;
    }
    if let Some(name) = level.text("expect-server-name").filter(|_| options.server) {
        expect("server name", Some(name), asked.server_name.as_deref())?;
    }
    if let Some(file) = level.text("expect-peer-cert-file") {
        let expected = strata_tls::certs_from_pem(&std::fs::read(file)?).map_err(|e| Stop::failed(e.to_string()))?;
        expect("chain", Some(&expected[..]), session.peer_certificates())?;
    }
    if let Some(count) = level.number::<u32>("expect-total-renegotiations")? {
        expect("renegotiations", count, 0)?;
    }
    if level.has("expect-secure-renegotiation") && options.server {
        expect("secure renegotiation", true, asked.secure_renegotiation)?;
    }
    // What is exported is bound to the handshake, or there is nothing to export (RFC 7627 §5.4).
    if level.has("expect-extended-master-secret") {
        let exported = session.export_keying_material(&mut [0; 8], b"EXPORTER-any", None);
        expect("extended master secret", true, exported.is_ok())?;
    }
    let aes = if has_aes() { "expect-cipher-aes" } else { "expect-cipher-no-aes" };
    if let Some(cipher) = level.number::<u16>(aes)? {
        expect("cipher on this machine", Some(cipher), session.negotiated_cipher_suite().map(|suite| suite.0))?;
    }
    check_stapled(shim, level, kind, session.peer_certificates().is_some())
}

/// The verdict, and what was stapled.
fn check_stapled(shim: &Shim, level: &Level, kind: HandshakeKind, has_chain: bool) -> Result<(), Stop> {
    // A resumption shows nothing new.
    if kind.is_resumed() {
        return Ok(());
    }
    let seen = shim.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if level.has("expect-verify-result") && has_chain {
        expect("a verdict", true, seen.is_some())?;
    }
    let seen = seen.unwrap_or_default();
    if let Some(response) = level.bytes("expect-ocsp-response")? {
        expect("OCSP response", Some(response), seen.ocsp_response)?;
    }
    if let Some(list) = level.bytes("expect-signed-cert-timestamps")? {
        expect("timestamps", sct_list(&list), Some(seen.scts))?;
    }
    Ok(())
}

/// At the end of the connection: what sessions came of it. That is the client's to know.
pub(crate) fn check_afterwards(shim: &Shim, options: &Options, level: &Level) -> Result<(), Stop> {
    let came = shim.sessions.came();
    if options.server {
        return Ok(());
    }
    if level.has("expect-no-session") {
        expect("sessions", 0, came.len())?;
    }
    if level.has("expect-ticket-renewal") {
        expect("a new session", true, !came.is_empty())?;
    }
    if level.has("expect-ticket-supports-early-data") {
        expect("sessions without early data", false, came.contains(&0))?;
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, got: T) -> Result<(), Stop> {
    if expected == got { Ok(()) } else { Err(Stop::failed(format!("{what}: expected {expected:?}, got {got:?}"))) }
}

/// Whether this machine computes AES in hardware.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(not(target_arch = "x86_64"))]
    true
}
