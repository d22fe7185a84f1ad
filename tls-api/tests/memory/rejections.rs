//! Rejected peers, records and settings: the error text, the alert, and that no plaintext leaks.

use std::io::{Read, Write};
use std::sync::Arc;

use strata_tls::{
    AlertDescription, CertificateError, ClientConfig, ClientSession, Error, Refusal, ServerConfig, ServerSession,
    Session,
};

use crate::clock::Clock;
use crate::pair::{Pair, carry, drain, read_all, record_lengths};
use crate::pki::{Ca, FAR, Kind, VERSIONS, configs, configs_of};

fn server(ca: &Ca, names: &[&str], years: (i32, i32)) -> Arc<ServerConfig> {
    let (cert, key) = ca.issue(Kind::EcdsaP256, names, years);
    Arc::new(ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap())
}

/// Asserts that the client rejects the server with `alert` and that no plaintext passes in either
/// direction.
fn expect_rejection(client: ClientConfig, server: &Arc<ServerConfig>, alert: AlertDescription) -> Refusal {
    let mut pair = Pair::new(&Arc::new(client), server);
    pair.client.write_all(b"a question").unwrap();
    pair.server.write_all(b"an answer").unwrap();
    let Err(Error::Certificate(error)) = pair.settle() else { panic!("the client must reject the server") };
    let alert_record = drain(&mut pair.client);
    // At most change_cipher_spec and one alert: too short for plaintext.
    assert!(alert_record.len() <= 6 + 5 + 2 + 17, "{:?}", record_lengths(&alert_record));
    pair.server.read_tls(&mut &alert_record[..]).unwrap();
    match pair.server.process_new_packets() {
        Err(Error::AlertReceived { description, .. }) => assert_eq!(description, alert),
        other => panic!("{other:?}"),
    }
    assert_eq!(read_all(&mut pair.client), b"");
    assert_eq!(read_all(&mut pair.server), b"");
    assert!(pair.client.write(b"more").is_err() && pair.client.read(&mut [0]).is_err());
    assert!(!pair.client.wants_write());
    assert!(pair.client.peer_certificates().is_none());
    error
}

#[test]
fn wrong_name_is_rejected_with_both_names_in_the_error() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = server(&ca, &["a.example", "b.example"], (2000, FAR));
    let text = expect_rejection(ca.client_config(), &server, AlertDescription::BAD_CERTIFICATE).to_string();
    for name in ["a.example", "b.example", "server.test"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn unknown_ca_is_rejected_with_a_remedy() {
    let (ca, other) = (Ca::new(Kind::EcdsaP256), Ca::named("another CA", Kind::Ed25519));
    let server = server(&ca, &["server.test"], (2000, FAR));
    let error = expect_rejection(other.client_config(), &server, AlertDescription::UNKNOWN_CA);
    assert!(matches!(error.why, CertificateError::UnknownIssuer { sent: 1, anchors: 1 }), "{error:?}");
    assert!(error.to_string().contains("RootCertStore"), "{error}");
}

#[test]
fn ca_of_the_same_name_with_another_key_is_rejected() {
    let (ca, twin) = (Ca::new(Kind::EcdsaP256), Ca::new(Kind::EcdsaP256));
    let server = server(&ca, &["server.test"], (2000, FAR));
    let mut pair = Pair::new(&Arc::new(twin.client_config()), &server);
    assert!(matches!(pair.settle(), Err(Error::Certificate(_))));
}

#[test]
fn expired_certificate_is_rejected_with_its_dates() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = server(&ca, &["server.test"], (2000, 2001));
    let error = expect_rejection(ca.client_config(), &server, AlertDescription::CERTIFICATE_EXPIRED);
    assert!(
        matches!(error.why, CertificateError::Expired { .. }) && error.to_string().contains("2001-01-01"),
        "{error}"
    );
}

#[test]
fn future_certificate_is_rejected_with_its_dates() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = server(&ca, &["server.test"], (FAR - 1, FAR));
    let error = expect_rejection(ca.client_config(), &server, AlertDescription::CERTIFICATE_EXPIRED);
    assert!(matches!(error.why, CertificateError::NotYetValid { .. }) && error.to_string().contains("2998"), "{error}");
}

#[test]
fn verification_uses_the_time_provider_and_requires_a_time() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = server(&ca, &["server.test"], (2000, 2001));
    let mut client = ca.client_config();
    client.set_time_provider(Clock::at(Some(960_000_000)));
    Pair::connected(&Arc::new(client.clone()), &server);
    client.set_time_provider(Clock::at(None));
    let error = expect_rejection(client, &server, AlertDescription::INTERNAL_ERROR);
    assert_eq!(error.why, CertificateError::TimeUnknown);
}

#[test]
fn client_without_roots_rejects_every_server() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = server(&ca, &["server.test"], (2000, FAR));
    let error = expect_rejection(ClientConfig::new(), &server, AlertDescription::UNKNOWN_CA);
    assert_eq!(error.why, CertificateError::NoTrustAnchors);
    assert!(error.to_string().contains("RootCertStore"), "{error}");
    let mut client = ClientConfig::new();
    client.set_root_store(ca.roots());
    Pair::connected(&Arc::new(client), &server);
}

#[cfg(feature = "dangerous_configuration")]
#[test]
fn only_the_custom_server_verifier_decides() {
    use strata_tls::pki_types::{CertificateDer, ServerName, UnixTime};

    #[derive(Debug)]
    struct FixedVerifier(Result<(), Refusal>);
    impl strata_tls::ServerCertVerifier for FixedVerifier {
        fn verify_server_cert(
            &self,
            chain: &[CertificateDer<'_>],
            name: &ServerName<'_>,
            _: &strata_tls::Stapled<'_>,
            _: UnixTime,
        ) -> Result<(), Refusal> {
            assert_eq!((chain.len(), name.to_str().as_ref()), (1, "server.test"));
            self.0.clone()
        }
    }
    let ca = Ca::new(Kind::EcdsaP256);
    let server = server(&ca, &["other.test"], (2000, 2001));
    let mut client = ClientConfig::new();
    client.dangerous().set_certificate_verifier(Arc::new(FixedVerifier(Ok(()))));
    Pair::connected(&Arc::new(client.clone()), &server);
    let rejection = Refusal::from(CertificateError::Application("not allowed".into()));
    client.dangerous().set_certificate_verifier(Arc::new(FixedVerifier(Err(rejection.clone()))));
    assert_eq!(expect_rejection(client, &server, AlertDescription::CERTIFICATE_UNKNOWN), rejection);
}

fn server_error_for(input: &[u8]) -> (Error, Vec<u8>) {
    let mut server = ServerSession::new(&configs().1);
    server.read_tls(&mut &input[..]).unwrap();
    let error = server.process_new_packets().unwrap_err();
    (error, drain(&mut server))
}

#[test]
fn other_protocol_is_named_and_gets_no_alert() {
    for (input, protocol) in [
        (&b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"[..], "HTTP"),
        (b"POST /x HTTP/1.1\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH"),
    ] {
        let (error, answer) = server_error_for(input);
        assert!(error.to_string().contains(protocol), "{error}");
        assert_eq!(answer, b"");
    }
    let mut client = ClientSession::new(&configs().0, "server.test").unwrap();
    drain(&mut client);
    client.read_tls(&mut &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]).unwrap();
    let error = client.process_new_packets().unwrap_err();
    assert!(error.to_string().contains("HTTP"), "{error}");
}

#[test]
fn malformed_records_are_rejected() {
    let (error, _) = server_error_for(&[0xff; 100]);
    assert!(matches!(error, Error::Record(_)), "{error}");
    let (error, answer) = server_error_for(&[22, 3, 1, 0xff, 0xff, 0]);
    assert!(matches!(error, Error::Record(_)), "{error}");
    assert_eq!(answer.last(), Some(&AlertDescription::RECORD_OVERFLOW.0));
    let (error, _) = server_error_for(&[23, 3, 3, 0, 1, 0]);
    assert!(matches!(error, Error::UnexpectedRecord { .. }), "{error}");
}

#[test]
fn record_with_a_flipped_bit_is_rejected() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.write_all(b"data").unwrap();
        let length = drain(&mut pair.client).len();
        for at in 0..length {
            let mut pair = Pair::connected(&client, &server);
            pair.client.write_all(b"data").unwrap();
            let mut wire = drain(&mut pair.client);
            wire[at] ^= 0x40;
            // A flipped bit may lengthen the record, so provide more bytes.
            wire.extend([0; 20_000]);
            pair.server.read_tls(&mut &wire[..]).unwrap();
            assert!(pair.server.process_new_packets().is_err(), "byte {at}");
            assert_eq!(read_all(&mut pair.server), b"");
        }
    }
}

#[test]
fn invalid_setting_is_rejected_when_set() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    assert!(client.set_cipher_suites(&[]).is_err());
    assert!(client.set_groups(&[strata_tls::NamedGroup(0x1234)]).is_err());
    assert!(client.set_versions(&[strata_tls::ProtocolVersion::TLS11]).is_err());
    assert!(client.set_alpn_protocols([""]).is_err());
    assert!(client.set_max_fragment_size(Some(1)).is_err());
    Pair::connected(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
}

#[test]
fn chain_over_the_length_limit_is_rejected() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (cert, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let chain = format!("{cert}{}{}", ca.pem, ca.pem);
    let server = Arc::new(ServerConfig::from_pem(chain.as_bytes(), key.as_bytes()).unwrap());
    let mut client = ca.client_config();
    let mut limits = strata_tls::Limits::default();
    limits.chain_length = 2;
    client.set_limits(limits);
    let mut pair = Pair::new(&Arc::new(client), &server);
    assert_eq!(pair.settle(), Err(Error::ChainTooLong { got: 3, limit: 2 }));
    assert!(carry(&mut pair.client, &mut pair.server).is_err());
}
