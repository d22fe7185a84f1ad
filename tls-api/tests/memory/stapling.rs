//! Stapled OCSP responses and SCTs reach the client's verifier unchanged.

use std::sync::Arc;
use std::time::Duration;

use strata_tls::handshake::need::Need;
use strata_tls::handshake::{ClientConfig as EngineConfig, ClientConnection, Outgoing, Progress};
use strata_tls::pki_types::UnixTime;
use strata_tls::{Identity, ServerConfig, ServerSession, Session};

use crate::pair::{drain, pattern};
use crate::pki::{Ca, Kind, VERSIONS};

/// An OCSP response and SCTs.
type Stapled = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// Completes a handshake and returns the stapled data that the client received.
fn received_staples(config: EngineConfig, ca: &Ca, server: &Arc<ServerConfig>) -> Stapled {
    let mut server = ServerSession::new(server);
    let (mut out, mut incoming, mut seen) = (Outgoing::new(), Vec::new(), None);
    let mut client = ClientConnection::new(Arc::new(config), "server.test".try_into().unwrap(), &mut out).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        if !out.is_empty() {
            server.read_tls(&mut out.ready()).unwrap();
            out.consume(out.len());
        }
        server.process_new_packets().unwrap();
        incoming.extend(drain(&mut server));
        let processed = client.process(&mut incoming, &mut out).unwrap();
        incoming.drain(..processed.consumed);
        if let Progress::Need(need) = processed.progress {
            let Need::Verdict(need) = need else { panic!("{need:?}") };
            let scts = need.signed_certificate_timestamps().iter().map(|sct| sct.0.to_vec()).collect();
            seen = Some((need.ocsp_response().map(<[u8]>::to_vec), scts));
            let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
            assert!(client.resume(need.verify(&ca.roots().into(), now), &mut out).unwrap().is_none());
        }
    }
    seen.unwrap()
}

fn stapling(ca: &Ca, ocsp: &[u8], scts: &[Vec<u8>]) -> Identity {
    let mut identity = ca.identity(Kind::EcdsaP256, &["server.test"]);
    identity.set_unchecked_ocsp_response(Some(ocsp.to_vec())).unwrap();
    identity.set_signed_certificate_timestamps(scts.to_vec()).unwrap();
    identity
}

#[test]
fn ocsp_response_and_scts_are_sent_only_on_request() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (ocsp, scts) in [
        (pattern(1), vec![pattern(1)]),
        (pattern(2_000), vec![pattern(119), pattern(120)]),
        (pattern(40_000), vec![pattern(20_000)]),
    ] {
        let server = Arc::new(ServerConfig::new(stapling(&ca, &ocsp, &scts)));
        for version in VERSIONS {
            for (ask_ocsp, ask_scts) in [(true, true), (true, false), (false, true), (false, false)] {
                let mut client = EngineConfig::new();
                client.set_versions(&[version]).unwrap();
                client.set_ocsp_request(ask_ocsp);
                client.set_sct_request(ask_scts);
                let mut limits = strata_tls::Limits::default();
                limits.handshake_message = 0x4_0000;
                client.set_limits(limits);
                let expected = (ask_ocsp.then(|| ocsp.clone()), if ask_scts { scts.clone() } else { Vec::new() });
                assert!(
                    received_staples(client, &ca, &server) == expected,
                    "{version} {ask_ocsp} {ask_scts} {}",
                    ocsp.len()
                );
            }
        }
    }
}

#[test]
fn server_without_staples_sends_none() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = Arc::new(ca.server_config(Kind::EcdsaP256));
    for version in VERSIONS {
        let mut client = EngineConfig::new();
        client.set_versions(&[version]).unwrap();
        client.set_sct_request(true);
        assert_eq!(received_staples(client, &ca, &server), (None, Vec::new()));
    }
}

#[cfg(feature = "dangerous_configuration")]
#[test]
fn custom_verifier_receives_stapled_data() {
    use strata_tls::pki_types::{CertificateDer, ServerName};
    use strata_tls::{ServerCertVerifier, Stapled};

    use crate::pair::Pair;

    #[derive(Debug)]
    struct ExpectingVerifier(Vec<u8>, Vec<Vec<u8>>);
    impl ServerCertVerifier for ExpectingVerifier {
        fn verify_server_cert(
            &self,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            stapled: &Stapled<'_>,
            _: UnixTime,
        ) -> Result<(), strata_tls::Refusal> {
            assert_eq!(stapled.ocsp_response, Some(&self.0[..]));
            assert!(stapled.scts.iter().map(|sct| sct.0).eq(self.1.iter()));
            Ok(())
        }
    }
    let ca = Ca::new(Kind::EcdsaP256);
    let (ocsp, scts) = (pattern(500), vec![pattern(120)]);
    let server = Arc::new(ServerConfig::new(stapling(&ca, &ocsp, &scts)));
    for version in VERSIONS {
        let mut client = strata_tls::ClientConfig::new();
        client.set_versions(&[version]).unwrap();
        client.set_sct_request(true);
        client.dangerous().set_certificate_verifier(Arc::new(ExpectingVerifier(ocsp.clone(), scts.clone())));
        Pair::connected(&Arc::new(client), &server);
    }
}
