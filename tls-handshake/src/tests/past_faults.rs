//! Vulnerabilities of other stacks, replayed against this one in records. The matrix of states and
//! messages in `order` covers them as well.

use tls_codec::code_points::{
    AlertDescription as A, ContentType as C, HandshakeType as T, ProtocolVersion, SignatureScheme,
};

use tls_crypto::tls12::{KeyBlock, MasterSecret};
use tls_crypto::{Overhead, Sealer, TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256};

use super::flow::{
    Action, CHANGE_CIPHER_SPEC, Failure, Kind, MessageEdit, Outcome, Sent, answers, client_with, configs, halt_at,
    handshake, pki, server_with,
};
use super::pair::{Pair, Pki, Secrets, send_all};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Flood, Side, StateName};
use crate::need::Need;
use crate::verify::signature::{tls12, tls13};

/// A change_cipher_spec record.
pub(super) const CCS: [u8; 6] = [20, 3, 3, 0, 1, 1];

fn pair12() -> Pair {
    let (client, server) = configs(Kind::Tls12);
    Pair::with(client, server)
}

/// Returns a TLS 1.2 pair whose server sent its flight, and the records of the client's response.
fn client_flight(pki: &Pki) -> (Pair, Vec<Vec<u8>>) {
    let mut pair = pair12();
    pair.drive_server(&mut |need| pki.answer(need)).unwrap();
    let need = pair.step_client().unwrap().expect("a chain to verify");
    assert!(pair.client.resume(pki.answer(need), &mut pair.to_server).unwrap().is_none());
    let flight = records(pair.to_server.ready());
    pair.to_server.consume(usize::MAX);
    assert_eq!(flight.iter().map(|record| record[0]).collect::<Vec<_>>(), [22, 20, 22]);
    (pair, flight)
}

/// The same one flight later: the client sent its flight. Returns the records of the server's last
/// flight.
fn server_flight(pki: &Pki) -> (Pair, Vec<Vec<u8>>) {
    let (mut pair, flight) = client_flight(pki);
    pair.deliver_to_server(&flight.concat()).unwrap();
    let flight = records(pair.to_client.ready());
    pair.to_client.consume(usize::MAX);
    assert_eq!(flight.iter().map(|record| record[0]).collect::<Vec<_>>(), [20, 22]);
    (pair, flight)
}

fn records(mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !wire.is_empty() {
        let (record, rest) = wire.split_at(5 + usize::from(u16::from_be_bytes([wire[3], wire[4]])));
        found.push(record.to_vec());
        wire = rest;
    }
    found
}

fn assert_unexpected(result: &Result<(), Error>, at: &str, content_type: C) {
    let Err(Error::UnexpectedRecord { got, state }) = result else { panic!("{result:?}") };
    assert_eq!((*got, state.as_str()), (content_type, at));
    assert_eq!(result.as_ref().unwrap_err().alert(), Some(A::UNEXPECTED_MESSAGE));
}

/// CVE-2014-0224: OpenSSL changed to keys that did not exist yet, or derived them from an empty
/// secret.
#[test]
fn cve_2014_0224_early_change_cipher_spec_changes_no_key() {
    let pki = pki(Kind::Tls12);
    // A client before Certificate, ServerKeyExchange and ServerHelloDone; then a server before
    // ClientKeyExchange.
    for (count, state) in [(1, "WAIT_CERT"), (2, "WAIT_SKE"), (3, "WAIT_SHD")] {
        let (mut client, _) = halt_at(Kind::Tls12, &pki, [count, usize::MAX]);
        assert_unexpected(&client.change_cipher_spec(), state, C::CHANGE_CIPHER_SPEC);
        assert!(!client.sink.actions.iter().any(|action| matches!(action, Action::InstallRead(_))));
    }
    let (_, mut server) = halt_at(Kind::Tls12, &pki, [usize::MAX, 1]);
    assert_unexpected(&server.change_cipher_spec(), "WAIT_CKE", C::CHANGE_CIPHER_SPEC);
    assert!(!server.sink.actions.iter().any(|action| matches!(action, Action::InstallRead(_))));
    // A client before ServerHello that offered only TLS 1.2: it does not ignore the record as TLS
    // 1.3 does.
    let mut config = configs(Kind::Tls12).0;
    config.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    assert_unexpected(&client_with(config, None).change_cipher_spec(), "WAIT_SH", C::CHANGE_CIPHER_SPEC);
    // Between the client's Certificate and CertificateVerify.
    let pki = super::flow::pki(Kind::Tls12Auth);
    for (count, state) in [(1, "WAIT_CERT"), (2, "WAIT_CKE"), (3, "WAIT_CV")] {
        let (_, mut server) = halt_at(Kind::Tls12Auth, &pki, [usize::MAX, count]);
        assert_unexpected(&server.change_cipher_spec(), state, C::CHANGE_CIPHER_SPEC);
    }
}

#[test]
fn cve_2014_0224_early_change_cipher_spec_record_is_rejected() {
    let pki = Pki::new();
    let (mut pair, flight) = client_flight(&pki);
    assert_unexpected(&pair.deliver_to_server(&CCS), "WAIT_CKE", C::CHANGE_CIPHER_SPEC);
    assert_eq!(pair.to_client.ready(), [21, 3, 3, 0, 2, 2, 10]);
    // Inside a fragmented message.
    let mut pair = client_flight(&pki).0;
    let half = u16::try_from((flight[0].len() - 5) / 2).unwrap();
    let first = [&[22, 3, 3][..], &half.to_be_bytes(), &flight[0][5..5 + usize::from(half)]].concat();
    pair.deliver_to_server(&first).unwrap();
    assert_eq!(pair.deliver_to_server(&CCS), Err(Error::InterleavedHandshake));
    // Twice: the second is read under the new keys, where it fails to decrypt. A correctly
    // encrypted one is unexpected.
    let (mut pair, flight) = client_flight(&pki);
    pair.deliver_to_server(&flight[..2].concat()).unwrap();
    assert_eq!(pair.deliver_to_server(&CCS), Err(Error::BadRecordMac));
    let (mut pair, _) = server_flight(&pki);
    pair.client.send_raw_record(C::CHANGE_CIPHER_SPEC, &[1], &mut pair.to_server);
    assert_unexpected(&pair.step_server().map(|_| ()), "CONNECTED", C::CHANGE_CIPHER_SPEC);
    // The same at the client.
    let (mut pair, flight) = server_flight(&pki);
    pair.deliver_to_client(&flight[0]).unwrap();
    assert_eq!(pair.deliver_to_client(&CCS), Err(Error::BadRecordMac));
}

#[test]
fn finished_without_change_cipher_spec_is_rejected() {
    let pki = pki(Kind::Tls12);
    let rejection = |state| Err(Error::UnexpectedMessage { state, got: T::FINISHED });
    let (mut client, mut server) = halt_at(Kind::Tls12, &pki, [4, 2]);
    assert_eq!(client.sink.sent.pop_front(), Some(Sent::ChangeCipherSpec));
    assert_eq!(server.take(&client.sink.sent[0], &mut answers(&pki)), rejection(StateName::server("WAIT_CCS", "")));
    let (mut client, mut server) = halt_at(Kind::Tls12, &pki, [4, 4]);
    assert_eq!(server.sink.sent.pop_front(), Some(Sent::ChangeCipherSpec));
    assert_eq!(client.take(&server.sink.sent[0], &mut answers(&pki)), rejection(StateName::client("WAIT_CCS", "")));
}

#[test]
fn unencrypted_finished_is_rejected() {
    let pki = Pki::new();
    let finished = [&[22, 3, 3, 0, 16, 20, 0, 0, 12][..], &[7; 12]].concat();
    let (mut pair, flight) = client_flight(&pki);
    pair.deliver_to_server(&flight[..2].concat()).unwrap();
    assert_eq!(pair.deliver_to_server(&finished), Err(Error::BadRecordMac));
    let (mut pair, flight) = server_flight(&pki);
    pair.deliver_to_client(&flight[0]).unwrap();
    assert_eq!(pair.deliver_to_client(&finished), Err(Error::BadRecordMac));
}

#[test]
fn application_data_before_finished_is_rejected_and_not_sent() {
    let pki = Pki::new();
    let data = [&[23, 3, 3, 0, 5][..], b"early"].concat();
    let (mut pair, _) = client_flight(&pki);
    // No False Start: both sides send data only after Finished.
    assert_eq!(pair.client.send(&[std::io::IoSlice::new(b"early")], &mut pair.to_server), Ok(0));
    assert!(pair.to_server.is_empty());
    assert_unexpected(&pair.deliver_to_server(&data), "WAIT_CKE", C::APPLICATION_DATA);
    let (mut pair, flight) = client_flight(&pki);
    pair.deliver_to_server(&flight[0]).unwrap();
    assert_unexpected(&pair.deliver_to_server(&data), "WAIT_CCS", C::APPLICATION_DATA);
    let mut pair = pair12();
    assert_unexpected(&pair.deliver_to_client(&data), "WAIT_SH", C::APPLICATION_DATA);
    let (mut pair, _) = server_flight(&pki);
    assert_unexpected(&pair.deliver_to_client(&data), "WAIT_CCS", C::APPLICATION_DATA);
}

/// Derives the keys of a connection from its key log, to encrypt unexpected records.
pub(super) fn keys(secrets: &Secrets, server_random: &[u8; 32]) -> KeyBlock {
    let [(label, client_random, master)] = &secrets.all()[..] else { panic!("one secret") };
    assert_eq!(label, "CLIENT_RANDOM");
    let suite = &TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let master =
        MasterSecret::from_bytes(tls_crypto::Backend::ring(), suite.hash, master.as_slice().try_into().unwrap());
    master.key_block(suite.aead, client_random, server_random)
}

pub(super) fn seal(sealer: &mut Sealer, content_type: C, content: &[u8]) -> Vec<u8> {
    let Overhead { before, after } = sealer.overhead();
    let mut record = [&vec![0; 5 + before], content, &vec![0; after]].concat();
    sealer.seal(content_type.0, &mut record).unwrap();
    record
}

/// The records are encrypted with the correct keys, in the place of Finished.
#[test]
fn only_finished_may_follow_change_cipher_spec() {
    let pki = Pki::new();
    let ready = |at_client: bool| {
        let (mut client, server) = configs(Kind::Tls12);
        let secrets = Secrets::new();
        client.set_key_log(secrets.clone());
        let mut pair = Pair::with(client, server);
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        // The random follows the headers of record and message, and the version.
        let random: [u8; 32] = pair.to_client.ready()[5 + 4 + 2..][..32].try_into().unwrap();
        let need = pair.step_client().unwrap().unwrap();
        pair.client.resume(pki.answer(need), &mut pair.to_server).unwrap();
        let keys = keys(&secrets, &random);
        if at_client {
            pair.deliver_to_client(&CCS).unwrap();
        } else {
            let flight = records(pair.to_server.ready());
            pair.to_server.consume(usize::MAX);
            pair.deliver_to_server(&flight[..2].concat()).unwrap();
        }
        (pair, keys)
    };
    for (content_type, content) in
        [(C::APPLICATION_DATA, &b"early"[..]), (C::APPLICATION_DATA, b""), (C::CHANGE_CIPHER_SPEC, &[1])]
    {
        let (mut pair, keys) = ready(false);
        let record = seal(&mut keys.client_sealer(), content_type, content);
        assert_unexpected(&pair.deliver_to_server(&record), "WAIT_FINISHED", content_type);
        assert!(pair.server_received.is_empty());
        let (mut pair, keys) = ready(true);
        let record = seal(&mut keys.server_sealer(), content_type, content);
        assert_unexpected(&pair.deliver_to_client(&record), "WAIT_FINISHED", content_type);
        assert!(pair.client_received.is_empty());
    }
    // Finished of the correct length with a wrong value.
    let finished = [&[20, 0, 0, 12][..], &[7; 12]].concat();
    let (mut pair, keys) = ready(false);
    let record = seal(&mut keys.client_sealer(), C::HANDSHAKE, &finished);
    assert_eq!(pair.deliver_to_server(&record), Err(Error::BadFinished));
    let (mut pair, keys) = ready(true);
    let record = seal(&mut keys.server_sealer(), C::HANDSHAKE, &finished);
    assert_eq!(pair.deliver_to_client(&record), Err(Error::BadFinished));
}

/// CVE-2020-24613, CVE-2021-3336, wolfSSL: a server that omits its certificate or its signature.
#[test]
fn cve_2020_24613_unauthenticated_server_is_rejected() {
    let pki = pki(Kind::Full);
    // The server's fourth item is Certificate, its fifth CertificateVerify, its sixth Finished.
    for (takes, skips, state, got) in [
        (3, 2, "WAIT_CERT_CR", T::FINISHED),
        (3, 1, "WAIT_CERT_CR", T::CERTIFICATE_VERIFY),
        (4, 1, "WAIT_CV", T::FINISHED),
    ] {
        let (mut client, mut server) = halt_at(Kind::Full, &pki, [takes, usize::MAX]);
        server.sink.sent.drain(..skips);
        let rejection = client.take(&server.sink.sent[0], &mut answers(&pki));
        assert_eq!(rejection, Err(Error::UnexpectedMessage { state: StateName::client(state, ""), got }));
    }
    // In TLS 1.2, without Certificate or ServerKeyExchange.
    for (takes, skips, state, got) in
        [(1, 1, "WAIT_CERT", T::SERVER_KEY_EXCHANGE), (2, 1, "WAIT_SKE", T::SERVER_HELLO_DONE)]
    {
        let (mut client, mut server) = halt_at(Kind::Tls12, &pki, [takes, usize::MAX]);
        server.sink.sent.drain(..skips);
        let rejection = client.take(&server.sink.sent[0], &mut answers(&pki));
        assert_eq!(rejection, Err(Error::UnexpectedMessage { state: StateName::client(state, ""), got }));
    }
}

/// RFC 9846 §4.5.1.4, RFC 5246 §7.4.2: a server's certificate list is not empty.
#[test]
fn client_rejects_empty_certificate_list() {
    for (kind, takes, empty, version) in [
        (Kind::Full, 3, &[11, 0, 0, 4, 0, 0, 0, 0][..], ProtocolVersion::TLS13),
        (Kind::Tls12, 1, &[11, 0, 0, 3, 0, 0, 0], ProtocolVersion::TLS12),
    ] {
        let pki = pki(kind);
        let (mut client, _) = halt_at(kind, &pki, [takes, usize::MAX]);
        let error = client.deliver(empty, &mut answers(&pki)).unwrap_err();
        assert_eq!(error, Error::NoCertificate { version });
        assert_eq!(error.alert(), Some(A::DECODE_ERROR));
    }
}

/// CVE-2022-25640, wolfSSL: a client that sends a certificate without proof of its key, or sends
/// none.
#[test]
fn cve_2022_25640_unauthenticated_client_is_rejected() {
    for (kind, takes, skips, state, got) in [
        // TLS 1.3 items: ClientHello, change_cipher_spec, Certificate, CertificateVerify, Finished.
        (Kind::Auth, 3, 1, "WAIT_CV", T::FINISHED),
        (Kind::Auth, 2, 2, "WAIT_CERT", T::FINISHED),
        (Kind::Auth, 2, 1, "WAIT_CERT", T::CERTIFICATE_VERIFY),
        // TLS 1.2 items: ClientHello, Certificate, ClientKeyExchange, CertificateVerify,
        // change_cipher_spec, Finished.
        (Kind::Tls12Auth, 3, 1, "WAIT_CV", CHANGE_CIPHER_SPEC),
        (Kind::Tls12Auth, 3, 2, "WAIT_CV", T::FINISHED),
        (Kind::Tls12Auth, 1, 1, "WAIT_CERT", T::CLIENT_KEY_EXCHANGE),
        (Kind::Tls12Auth, 1, 2, "WAIT_CERT", T::CERTIFICATE_VERIFY),
        (Kind::Tls12Auth, 1, 3, "WAIT_CERT", CHANGE_CIPHER_SPEC),
    ] {
        let pki = pki(kind);
        let (mut client, mut server) = halt_at(kind, &pki, [usize::MAX, takes]);
        client.sink.sent.drain(..skips);
        assert_eq!(client.sink.sent[0].typ(), got);
        let rejection = match server.take(&client.sink.sent[0], &mut answers(&pki)).unwrap_err() {
            Error::UnexpectedMessage { state, got } => (state.as_str(), got),
            Error::UnexpectedRecord { state, got: C::CHANGE_CIPHER_SPEC } => (state.as_str(), CHANGE_CIPHER_SPEC),
            other => panic!("{other:?}"),
        };
        assert_eq!(rejection, (state, got), "{kind:?}");
        assert!(!server.is_connected());
    }
}

/// Returns an edit that replaces the signature scheme of a message. The sender continues as if it
/// were true.
fn replace_scheme(message_type: T, at: impl Fn(&[u8]) -> usize + 'static, scheme: SignatureScheme) -> MessageEdit {
    Box::new(move |message| {
        if message[0] == message_type.0 {
            let at = at(message);
            message[at..at + 2].copy_from_slice(&scheme.0.to_be_bytes());
        }
    })
}

/// CVE-2022-25638, wolfSSL: the signature scheme does not match the certificate's key.
#[test]
fn cve_2022_25638_scheme_of_other_key_type_is_rejected() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let none =
        [SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1, SignatureScheme(0x0101), SignatureScheme(0)];
    for (kind, rules) in [(Kind::Auth, tls13::RULES.schemes()), (Kind::Tls12Auth, tls12::RULES.schemes())] {
        for scheme in rules.iter().chain(&none).copied().filter(|scheme| *scheme != SignatureScheme::ED25519) {
            let known = rules.contains(&scheme);
            let error = match known {
                true => Error::SignatureSchemeMismatch(scheme),
                false => Error::SignatureSchemeNotOffered(scheme),
            };
            assert_eq!(error.alert(), Some(A::ILLEGAL_PARAMETER));
            let (client_config, server_config) = configs(kind);
            let edit = replace_scheme(T::CERTIFICATE_VERIFY, |_| 4, scheme);
            let (mut client, mut server) =
                (client_with(client_config.clone(), Some(edit)), super::flow::server(server_config.clone()));
            let expected = Failure { side: "server", at: T::CERTIFICATE_VERIFY, error: error.clone() };
            assert_eq!(handshake(&mut client, &mut server, &pki), Outcome::Failed(expected));
            // The same for the server's signature.
            let (typ, at): (T, fn(&[u8]) -> usize) = match kind {
                Kind::Auth => (T::CERTIFICATE_VERIFY, |_| 4),
                // The scheme follows curve type, curve, length and point.
                _ => (T::SERVER_KEY_EXCHANGE, |message| 4 + 4 + usize::from(message[7])),
            };
            let mut client = client_with(client_config, None);
            let mut server = server_with(server_config, Some(replace_scheme(typ, at, scheme)));
            let Outcome::Failed(failure) = handshake(&mut client, &mut server, &pki) else {
                panic!("{scheme} is accepted")
            };
            // If the scheme matches the TLS 1.2 suite, the error occurs after the verification of
            // the chain, when the signature is checked.
            assert!(failure.side == "client" && [typ, T::SERVER_HELLO_DONE].contains(&failure.at), "{failure:?}");
            assert_eq!(failure.error, error, "{kind:?}");
        }
    }
}

/// CVE-2021-3449, OpenSSL: a renegotiating ClientHello without an extension of the first one.
#[test]
fn cve_2021_3449_renegotiation_is_rejected_before_parsing() {
    let pki = Pki::new();
    let whole = {
        let pair = pair12();
        pair.to_server.ready()[5..].to_vec()
    };
    for hello in [whole, vec![1, 0, 0, 0], vec![1, 0, 0, 4, 1, 2, 3, 4]] {
        let mut pair = pair12();
        pair.handshake(&pki).unwrap();
        pair.client.send_raw_record(C::HANDSHAKE, &hello, &mut pair.to_server);
        assert!(pair.step_server().unwrap().is_none());
        // An encrypted warning: header, explicit nonce, alert, tag.
        assert_eq!(pair.to_client.len(), 5 + 8 + 2 + 16);
        assert!(pair.step_client().unwrap().is_none());
        pair.exchange(b"question", b"answer");
    }
}

/// RFC 5246 §7.2.2: the connection continues. A flood of requests is an error.
#[test]
fn hello_request_is_rejected_with_warning() {
    let pki = Pki::new();
    let mut pair = pair12();
    pair.handshake(&pki).unwrap();
    for _ in 0..2 {
        for _ in 0..4 {
            pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 0], &mut pair.to_client);
            assert!(pair.step_client().unwrap().is_none());
            assert_eq!(pair.to_server.len(), 5 + 8 + 2 + 16);
            assert!(pair.step_server().unwrap().is_none());
        }
        pair.exchange(b"question", b"answer");
    }
    for flood in 0..33 {
        pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 0], &mut pair.to_client);
        let expected = if flood < 32 { Ok(()) } else { Err(Error::Flood(Flood::Renegotiations)) };
        assert_eq!(pair.step_client().map(|_| ()), expected, "{flood}");
        // Only the first four without data are answered, since peers treat many warnings as a
        // flood.
        if flood < 32 {
            assert_eq!(pair.to_server.len(), (5 + 8 + 2 + 16) * 4.min(flood + 1), "{flood}");
        }
    }
    // With data after it, and fragmented.
    let mut pair = pair12();
    pair.handshake(&pki).unwrap();
    pair.server.send_raw_record(C::HANDSHAKE, &[0, 0], &mut pair.to_client);
    pair.server.send_raw_record(C::HANDSHAKE, &[0, 0], &mut pair.to_client);
    pair.exchange(b"question", b"answer");
    // With a body it is malformed.
    pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 1, 0], &mut pair.to_client);
    assert_eq!(pair.step_client().unwrap_err().alert(), Some(A::DECODE_ERROR));
}

/// RFC 5246 §7.4.1.1: it is ignored and not part of the transcript.
#[test]
fn hello_request_during_handshake_is_ignored() {
    let pki = Pki::new();
    for versions in [&[ProtocolVersion::TLS12][..], &[ProtocolVersion::TLS12, ProtocolVersion::TLS13]] {
        let mut client = ClientConfig::new();
        client.set_versions(versions).unwrap();
        let mut server = ServerConfig::new();
        server.set_versions(&[ProtocolVersion::TLS12]).unwrap();
        let mut pair = Pair::with(client, server);
        let hello_request = [22, 3, 3, 0, 4, 0, 0, 0, 0];
        // Before ServerHello, and before and after the server's flight.
        pair.at_client.extend_from_slice(&hello_request);
        let hello = pair.to_server.ready().to_vec();
        assert!(pair.step_client().unwrap().is_none());
        assert_eq!(pair.to_server.ready(), hello, "an alert");
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        let flight = pair.to_client.ready().to_vec();
        pair.to_client.consume(flight.len());
        pair.at_client.extend_from_slice(&hello_request);
        pair.at_client.extend_from_slice(&flight);
        pair.at_client.extend_from_slice(&hello_request);
        let mut need = pair.step_client().unwrap();
        while let Some(open) = need.take() {
            need = pair.client.resume(pki.answer(open), &mut pair.to_server).unwrap();
        }
        assert!(pair.step_client().unwrap().is_none() && pair.at_client.is_empty());
        assert!(records(pair.to_server.ready()).iter().all(|record| record[0] != C::ALERT.0), "an alert");
        pair.handshake(&pki).unwrap();
        pair.exchange(b"question", b"answer");
    }
    // A client that offers only TLS 1.3 rejects it.
    let mut client = ClientConfig::new();
    client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
    let mut pair = Pair::with(client, ServerConfig::new());
    pair.at_client.extend_from_slice(&[22, 3, 3, 0, 4, 0, 0, 0, 0]);
    let rejection = Error::UnexpectedMessage { state: StateName::client("WAIT_SH", ""), got: T::HELLO_REQUEST };
    assert_eq!(pair.step_client().unwrap_err(), rejection);
}

/// RFC 5246 §7.4.1.2: only a connected server declines a ClientHello with a warning.
#[test]
fn second_client_hello_during_handshake_is_rejected() {
    let pki = Pki::new();
    let mut pair = pair12();
    let hello = pair.to_server.ready().to_vec();
    pair.drive_server(&mut |need| pki.answer(need)).unwrap();
    let rejection = Error::UnexpectedMessage { state: StateName::server("WAIT_CKE", ""), got: T::CLIENT_HELLO };
    assert_eq!(pair.deliver_to_server(&hello).unwrap_err(), rejection);
}

/// At the server: each request with data after it is answered, a flood is an error.
#[test]
fn repeated_renegotiation_is_rejected_and_flood_fails() {
    let pki = Pki::new();
    let mut pair = pair12();
    let hello = pair.to_server.ready()[5..].to_vec();
    pair.handshake(&pki).unwrap();
    for _ in 0..3 {
        pair.client.send_raw_record(C::HANDSHAKE, &hello, &mut pair.to_server);
        // A request followed by data.
        send_all(&mut pair.client, b"data", &mut pair.to_server);
        assert!(pair.step_server().unwrap().is_none());
        assert_eq!(std::mem::take(&mut pair.server_received), b"data");
        assert_eq!(pair.to_client.len(), 5 + 8 + 2 + 16);
        pair.exchange(b"question", b"answer");
    }
    // Requests in one record are counted one by one.
    let many = [1, 0, 0, 0].repeat(33);
    pair.client.send_raw_record(C::HANDSHAKE, &many, &mut pair.to_server);
    assert_eq!(pair.step_server().unwrap_err(), Error::Flood(Flood::Renegotiations));
    assert_eq!(Error::Flood(Flood::Renegotiations).alert(), Some(A::UNEXPECTED_MESSAGE));
}

/// Data resets the count of requests. Even so, a peer that never reads does not fill the output
/// queue.
#[test]
fn no_renegotiation_alerts_do_not_fill_queue() {
    let pki = Pki::new();
    let mut pair = pair12();
    pair.handshake(&pki).unwrap();
    for _ in 0..1000 {
        pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 0], &mut pair.to_client);
        send_all(&mut pair.server, b"x", &mut pair.to_client);
        assert!(pair.step_client().unwrap().is_none());
    }
    assert!((31..2048).contains(&pair.to_server.len()), "{}", pair.to_server.len());
}

/// RFC 5246 §7.2.2: the warning is ignored. At the fatal level it closes the connection.
#[test]
fn received_no_renegotiation_warning_is_ignored() {
    let pki = Pki::new();
    let mut pair = pair12();
    pair.handshake(&pki).unwrap();
    pair.server.send_raw_record(C::ALERT, &[1, A::NO_RENEGOTIATION.0], &mut pair.to_client);
    pair.client.send_raw_record(C::ALERT, &[1, A::NO_RENEGOTIATION.0], &mut pair.to_server);
    pair.exchange(b"question", b"answer");
    pair.server.send_raw_record(C::ALERT, &[2, A::NO_RENEGOTIATION.0], &mut pair.to_client);
    pair.client.send_raw_record(C::ALERT, &[2, A::NO_RENEGOTIATION.0], &mut pair.to_server);
    let ended = |side| Error::AlertReceived { description: A::NO_RENEGOTIATION, state: StateName::connected12(side) };
    assert_eq!(pair.step_client().unwrap_err(), ended(Side::Client));
    assert_eq!(pair.step_server().unwrap_err(), ended(Side::Server));
}

/// No alert follows close_notify, and the peer's data still arrives.
#[test]
fn renegotiation_after_sent_close_notify_is_ignored() {
    let pki = Pki::new();
    let mut pair = pair12();
    pair.handshake(&pki).unwrap();
    pair.client.send_close_notify(&mut pair.to_server);
    assert!(pair.step_server().unwrap().is_none());
    pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 0], &mut pair.to_client);
    send_all(&mut pair.server, b"the rest", &mut pair.to_client);
    assert!(pair.step_client().unwrap().is_none());
    assert_eq!(pair.client_received, b"the rest");
    assert!(pair.to_server.is_empty());
}

/// Before each message of the server's flight: in a record of its own, in the same record, and
/// fragmented.
#[test]
fn hello_requests_before_every_message_are_ignored() {
    let pki = Pki::new();
    let (client, server) = configs(Kind::Tls12Auth);
    for form in 0..3 {
        let mut pair = Pair::with(client.clone(), server.clone());
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        let mut messages: Vec<u8> =
            records(pair.to_client.ready()).iter().flat_map(|record| record[5..].to_vec()).collect();
        pair.to_client.consume(usize::MAX);
        let record = |body: &[u8]| [&[22, 3, 3][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat();
        let mut count = 0;
        while !messages.is_empty() {
            let length = 4 + usize::from(u16::from_be_bytes([messages[2], messages[3]]));
            let rest = messages.split_off(length);
            pair.at_client.extend_from_slice(&match form {
                0 => [record(&[0; 4]), record(&messages)].concat(),
                1 => record(&[&[0; 4][..], &messages].concat()),
                _ => [record(&[0; 3]), record(&[&[0; 1][..], &messages].concat())].concat(),
            });
            messages = rest;
            count += 1;
        }
        assert_eq!(count, 5, "ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone");
        pair.handshake(&pki).unwrap();
        pair.exchange(b"question", b"answer");
    }
}

/// RFC 5246 §6.2.1: messages may share a record, and a HelloRequest may follow any message.
#[test]
fn hello_requests_may_follow_last_message_in_record() {
    let pki = Pki::new();
    let mut pair = pair12();
    pair.drive_server(&mut |need| pki.answer(need)).unwrap();
    // Two requests after ServerHelloDone, which causes a need.
    let mut flight: Vec<u8> = records(pair.to_client.ready()).iter().flat_map(|record| record[5..].to_vec()).collect();
    pair.to_client.consume(usize::MAX);
    flight.extend_from_slice(&[0; 8]);
    let length = u16::try_from(flight.len()).unwrap().to_be_bytes();
    pair.at_client.extend_from_slice(&[&[22, 3, 3][..], &length, &flight].concat());
    pair.handshake(&pki).unwrap();
    pair.exchange(b"question", b"answer");
}

/// Finished and a HelloRequest in one record: the connection is complete and rejects the request.
#[test]
fn hello_request_may_follow_finished_in_record() {
    let pki = Pki::new();
    let (mut client, server) = configs(Kind::Tls12);
    let secrets = Secrets::new();
    client.set_key_log(secrets.clone());
    let mut pair = Pair::with(client, server);
    let mut random = None;
    let mut need = pair.step_server().unwrap();
    while let Some(asked) = need.take() {
        if let Need::Signature(need) = &asked {
            // The signed content begins with both randoms.
            random = Some(need.message()[32..64].try_into().unwrap());
        }
        need = pair.server.resume(pki.answer(asked), &mut pair.to_client).unwrap();
    }
    let need = pair.step_client().unwrap().unwrap();
    pair.client.resume(pki.answer(need), &mut pair.to_server).unwrap();
    assert!(pair.step_server().unwrap().is_none());
    let mut last = records(pair.to_client.ready());
    pair.to_client.consume(usize::MAX);
    let keys = keys(&secrets, &random.unwrap());
    let opened = keys.server_opener().open(&mut last[1]).unwrap();
    let together = [&last[1][opened.content], &[0; 4]].concat();
    let record = seal(&mut keys.server_sealer(), C::HANDSHAKE, &together);
    pair.deliver_to_client(&[&CCS[..], &record].concat()).unwrap();
    assert!(!pair.client.is_handshaking());
    assert_eq!(pair.to_server.len(), 5 + 8 + 2 + 16);
    pair.exchange(b"question", b"answer");
}

/// A partial message is not a HelloRequest. Its sender cannot have seen the reply that it depends
/// on.
#[test]
fn partial_hello_request_after_last_message_is_rejected() {
    let pki = Pki::new();
    for follower in [&[0][..], &[0; 2], &[0; 5], &[0, 0, 0, 0, 1, 0, 0, 0]] {
        let mut pair = pair12();
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        let mut flight: Vec<u8> =
            records(pair.to_client.ready()).iter().flat_map(|record| record[5..].to_vec()).collect();
        flight.extend_from_slice(follower);
        pair.to_client.consume(usize::MAX);
        let length = u16::try_from(flight.len()).unwrap().to_be_bytes();
        pair.at_client.extend_from_slice(&[&[22, 3, 3][..], &length, &flight].concat());
        assert_eq!(
            pair.step_client().unwrap_err(),
            Error::KeyChangeInsideRecord { message: T::SERVER_HELLO_DONE },
            "{follower:?}"
        );
    }
}

/// ServerHello changes keys in TLS 1.3, so nothing may follow it in its record.
#[test]
fn hello_request_after_tls13_server_hello_is_rejected() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let need = pair.step_server().unwrap().unwrap();
    pair.server.resume(pki.answer(need), &mut pair.to_client).unwrap();
    let hello = records(pair.to_client.ready()).remove(0)[5..].to_vec();
    pair.to_client.consume(usize::MAX);
    let length = u16::try_from(hello.len() + 4).unwrap().to_be_bytes();
    pair.at_client.extend_from_slice(&[&[22, 3, 3][..], &length, &hello, &[0; 4]].concat());
    assert_eq!(pair.step_client().unwrap_err(), Error::KeyChangeInsideRecord { message: T::SERVER_HELLO });
}

#[test]
fn tls13_connection_rejects_hello_request() {
    let pki = Pki::new();
    // TLS 1.3 has no HelloRequest.
    let mut pair = Pair::new(&pki);
    pair.handshake(&pki).unwrap();
    pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 0], &mut pair.to_client);
    let rejection = Error::UnexpectedMessage { state: StateName::connected13(Side::Client), got: T::HELLO_REQUEST };
    assert_eq!(pair.step_client().unwrap_err(), rejection);
}
