//! Each variant of [`Error`](strata_tls::Error), and of the enums within it, is reached: the test
//! that meets it, by name.

use std::fs;
use std::path::Path;

mod details;

use details::TABLES;

/// The variant, the file of a test, from the root of the repository, and the test. The input of the
/// test reaches the variant, and the test names it.
#[rustfmt::skip]
const REACHED: &[(&str, &str, &str)] = &[
    ("Decode", "tls-handshake/src/tests/updates.rs", "invalid_key_update_value_is_illegal_parameter"),
    ("Record", "tls-api/tests/memory/rejections.rs", "malformed_records_are_rejected"),
    ("AlertReceived", "tls-api/tests/memory/acceptor.rs", "reject_sends_its_alert"),
    ("UnexpectedMessage", "tls-api/tests/memory/acceptor.rs", "other_bytes_are_returned_with_the_error"),
    ("UnexpectedRecord", "tls-api/tests/memory/acceptor.rs", "other_bytes_are_returned_with_the_error"),
    ("UnprotectedRecord", "tls-handshake/src/tests/wire.rs", "alert_in_every_state_fails_handshake"),
    ("KeyChangeInsideRecord", "tls-handshake/src/tests/boundaries.rs", "data_after_hello_in_same_record_is_rejected"),
    ("InterleavedHandshake", "tls-handshake/src/tests/boundaries.rs", "tls12_partial_message_before_key_change_is_rejected"),
    ("EmptyRecord", "tls-handshake/src/tests/records.rs", "empty_handshake_and_alert_records_are_rejected"),
    ("BadAlert", "tls-handshake/src/tests/records.rs", "fragmented_or_late_unprotected_alerts_are_rejected"),
    ("BadChangeCipherSpec", "tls-handshake/src/tests/records.rs", "change_cipher_spec_is_ignored_only_during_handshake"),
    ("BadRecordMac", "tls-api/tests/memory/closing.rs", "failed_session_repeats_its_error_and_sends_the_alert"),
    ("RecordOverflow", "tls-handshake/src/tests/records.rs", "record_size_limits_are_exact"),
    ("Flood", "tls-handshake/src/tests/records.rs", "change_cipher_spec_is_ignored_only_during_handshake"),
    ("MessageTooLarge", "tls-api/tests/memory/acceptor.rs", "length_is_bounded_by_the_message_limit"),
    ("ChainTooLong", "tls-api/tests/memory/rejections.rs", "chain_over_the_length_limit_is_rejected"),
    ("NoCommonVersion", "tls-api/tests/memory/acceptor.rs", "unsuitable_configuration_ends_the_session_with_an_alert"),
    ("LegacyVersion", "tls-handshake/src/tests/versions.rs", "other_legacy_version_beside_extension_is_rejected"),
    ("InappropriateFallback", "tls-api/tests/memory/downgrade.rs", "unnecessary_fallback_is_rejected"),
    ("ExtendedMasterSecretRequired", "tls-api/tests/memory/downgrade.rs", "stripped_extended_master_secret_fails_the_handshake"),
    ("InsecureRenegotiation", "tls-handshake/src/tests/negotiation12.rs", "hello_requires_empty_renegotiation_info"),
    ("MissingRenegotiationInfo", "tls-handshake/src/tests/negotiation12.rs", "hello_requires_empty_renegotiation_info"),
    ("FinishedLength", "tls-handshake/src/tests/interop.rs", "finished_of_wrong_length_is_decode_error"),
    ("NoCommonCipherSuite", "tls-api/tests/memory/negotiation.rs", "missing_common_suite_is_rejected_with_both_lists"),
    ("NoCommonGroup", "tls-api/tests/memory/negotiation.rs", "missing_common_group_is_rejected_with_both_lists"),
    ("CertificateCurve", "tls-api/tests/memory/negotiation.rs", "certificate_curve_must_be_a_client_group_only_in_tls12"),
    ("NoCommonSignatureScheme", "tls-api/tests/memory/negotiation.rs", "missing_common_signature_scheme_is_rejected_with_both_lists"),
    ("NoCommonAlpn", "tls-api/tests/memory/matrix.rs", "alpn_follows_the_server_preference"),
    ("AlpnRequired", "tls-handshake/src/tests/alpn.rs", "both_roles_enforce_required_alpn"),
    ("MissingExtension", "tls-handshake/src/tests/negotiation.rs", "incomplete_or_duplicate_client_hello_is_rejected"),
    ("UnsolicitedExtension", "tls-handshake/src/tests/client_auth.rs", "client_certificate_with_context_or_extension_is_rejected"),
    ("Illegal", "tls-handshake/src/tests/guards.rs", "client_rejects_early_data_under_other_suite"),
    ("Quic", "tls-handshake/src/tests/quic_faults.rs", "data_after_key_change_message_is_protocol_violation"),
    ("SecondHelloRetryRequest", "tls-handshake/src/tests/negotiation.rs", "client_echoes_cookie_and_rejects_second_retry"),
    ("NoCertificate", "tls-handshake/src/tests/past_faults.rs", "client_rejects_empty_certificate_list"),
    ("NoClientCertificate", "tls-api/tests/memory/client_auth.rs", "missing_client_certificate_is_rejected_with_the_right_alert"),
    ("Certificate", "tls-api/tests/memory/client_auth.rs", "client_of_untrusted_ca_is_rejected_even_when_optional"),
    ("SignatureSchemeNotOffered", "tls-handshake/src/tests/guards.rs", "client_rejects_unoffered_signature_scheme"),
    ("SignatureSchemeMismatch", "tls-handshake/src/tests/past_faults.rs", "cve_2022_25638_scheme_of_other_key_type_is_rejected"),
    ("UnsupportedKey", "tls-handshake/src/verify/signature.rs", "handshake_signature_of_unsupported_key_names_the_key"),
    ("CertificateKeyMismatch", "tls-handshake/src/tests/negotiation12.rs", "client_rejects_key_exchange_signed_by_other_key_type"),
    ("BadSignature", "tls-api/tests/memory/client_auth.rs", "client_without_the_private_key_is_rejected_by_any_verifier"),
    ("BadFinished", "tls-api/tests/memory/downgrade.rs", "tolerable_edit_of_the_hello_fails_at_finished"),
    ("BadBinder", "tls-api/tests/memory/psk.rs", "wrong_psk_is_rejected_with_decrypt_error"),
    ("EarlyDataAndOlderVersion", "tls-api/tests/memory/client_session_removal.rs", "older_server_after_early_data_costs_one_connection"),
    ("TooMuchEarlyData", "tls-handshake/src/tests/early_data.rs", "early_data_over_limit_fails_connection"),
    ("NoIdentity", "tls-api/tests/memory/identities.rs", "resolver_chooses_the_alert"),
    ("NoCommonPsk", "tls-handshake/src/tests/external_psks.rs", "psk_only_server_reports_missing_common_psk"),
    ("SignerFailed", "tls-api/tests/memory/identities.rs", "failed_or_wrong_signature_ends_the_handshake"),
    ("NoClientHello", "tls-api/tests/memory/acceptor.rs", "end_of_transport_ends_the_wait"),
    ("ClosedDuringHandshake", "tls-api/tests/memory/closing.rs", "client_complete_io_ends_on_eof_or_alert_in_every_state"),
    ("Truncated", "tls-handshake/src/tests/stored_sessions.rs", "close_and_eof_invalidate_no_session"),
    ("WrongAnswer", "tls-api/tests/memory/needs.rs", "answer_of_another_connection_changes_nothing"),
    ("HandshakeNotComplete", "tls-api/tests/memory/matrix.rs", "negotiated_values_are_none_before_the_handshake_ends"),
    ("RecordRoom", "tls-handshake/src/tests/in_place.rs", "wrong_room_is_rejected_without_data_loss"),
    ("SendAfterClose", "tls-api/tests/memory/closing.rs", "half_closed_connection_carries_data_the_other_way"),
    ("KeyExhausted", "tls-handshake/src/tests/updates.rs", "exhausted_tls12_key_stops_sending_not_receiving"),
    ("NoKeyUpdate", "tls-api/tests/memory/matrix.rs", "tls12_key_refresh_returns_an_error"),
    ("Crypto", "tls-handshake/tests/secrets.rs", "exporters_depend_on_label_context_and_connection"),
    ("Config", "tls-api/tests/memory/settings.rs", "client_setting_conflicts_are_reported_in_any_order"),
    ("BadServerName", "tls-api/tests/memory/files.rs", "invalid_server_name_says_what_to_write"),
    ("LocalMessageTooLong", "tls-handshake/src/record/sender.rs", "oversized_message_leaves_nothing"),
];

fn source(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The variants that the declaration of an enum lists.
fn declared(file: &str, name: &str) -> Vec<String> {
    let source = source(file);
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap_or_else(|| panic!("no {name}"));
    let (body, _) = body.split_once("\n}\n").unwrap();
    let is_variant = |line: &&str| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase();
    let name = |line: &str| line.trim().split([' ', '(', ',']).next().unwrap().to_owned();
    body.lines().filter(|line| line.len() > 4).filter(is_variant).map(name).collect()
}

/// Asserts that a test, or a table of tests, contains these words.
fn assert_contains(file: &str, item: &str, words: &str) {
    let source = source(file);
    let test = source.find(&format!("fn {item}("));
    let start = test.or_else(|| source.find(&format!("const {item}:")));
    let start = start.unwrap_or_else(|| panic!("no test {item} in {file}"));
    let (before, from) = source.split_at(start);
    if test.is_some() {
        let attributes = before.rsplit("\n\n").next().unwrap();
        assert!(attributes.contains("#[test]"), "{item} is not a test");
    }
    let end = if test.is_some() { "\n}\n" } else { "\n];\n" };
    let body = from.split(end).next().unwrap();
    assert!(body.contains(words), "{item} does not name {words}");
}

#[test]
fn every_error_variant_has_a_test_that_reaches_it() {
    let listed: Vec<_> = REACHED.iter().map(|(variant, ..)| *variant).collect();
    assert!(listed.len() > 50);
    assert_eq!(declared("tls-handshake/src/error.rs", "Error"), listed, "list each variant, in order");
    for table in TABLES {
        let listed: Vec<_> = table.reached.iter().map(|(variant, ..)| *variant).collect();
        assert_eq!(declared(table.declared_in, table.name), listed, "list each variant, in order: {}", table.name);
    }
}

#[test]
fn each_listed_test_names_its_variant() {
    for (variant, file, test) in REACHED {
        assert_contains(file, test, &format!("Error::{variant}"));
    }
    for table in TABLES {
        for (variant, file, test, words) in table.reached {
            match *words {
                "" => assert_contains(file, test, &format!("{}::{variant}", table.name)),
                words => assert_contains(file, test, words),
            }
        }
    }
}
