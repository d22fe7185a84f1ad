//! Stapled OCSP responses and SCTs in both versions.

use std::sync::Arc;

use tls_codec::code_points::{ExtensionType as X, HandshakeType as T};

use super::flow::{Kind, MessageEdit, Outcome, client, configs, handshake, server_with};
use super::hello::Hello;
use super::pair::{OCSP_RESPONSE, Pair, Pki, SCTS};
use crate::config::Limits;
use crate::identity::{Identity, IdentityError};
use crate::need::Need;

/// RFC 6066 §8, RFC 6962 §3.3, RFC 9846 §4.5.1.1.
#[test]
fn verification_receives_requested_stapled_data() {
    let pki = Pki::new().stapled();
    for kind in [Kind::Tls12, Kind::Full] {
        for (ocsp, scts) in [(true, true), (true, false), (false, true), (false, false)] {
            let (mut client, server) = configs(kind);
            client.set_ocsp_request(ocsp);
            client.set_sct_request(scts);
            let mut verified = false;
            let mut pair = Pair::with(client, server);
            pair.run(&mut |need| {
                if let Need::Verdict(need) = &need {
                    verified = true;
                    assert_eq!(need.ocsp_response(), ocsp.then_some(OCSP_RESPONSE), "{kind:?}");
                    // A certificate that must be stapled is rejected only if the client asked.
                    assert_eq!(need.stapled().ocsp_requested, ocsp, "{kind:?}");
                    let expected: Vec<&[u8]> = if scts { SCTS.to_vec() } else { Vec::new() };
                    let got: Vec<&[u8]> = need.signed_certificate_timestamps().iter().map(|sct| sct.0).collect();
                    assert_eq!(got, expected, "{kind:?}");
                }
                pki.answer(need)
            })
            .unwrap();
            assert!(verified && !pair.client.is_handshaking() && !pair.server.is_handshaking());
        }
    }
}

/// RFC 6066 §8: "the server MAY choose not to send" it, even if its ServerHello promises it.
#[test]
fn client_accepts_missing_promised_status() {
    let pki = Pki::new();
    let promise: MessageEdit = Box::new(|message| {
        if message[0] == T::SERVER_HELLO.0 {
            Hello::edit(message, &|h| h.extensions.push((X::STATUS_REQUEST.0, Vec::new())));
        }
    });
    let (client_config, server_config) = configs(Kind::Tls12);
    let (mut client, mut server) = (client(client_config), server_with(server_config, Some(promise)));
    assert_eq!(handshake(&mut client, &mut server, &pki), Outcome::BothConnected);
}

/// RFC 9846 §4.5.1: one extension block of 2^16 - 1 bytes holds both.
#[test]
fn stapled_data_is_limited_to_one_extension_block() {
    let pki = Pki::new();
    let mut identity = Identity::new(pki.identity.chain().to_vec(), pki.private_key()).unwrap();
    identity.set_unchecked_ocsp_response(Some(vec![7; 60_000])).unwrap();
    assert_eq!(identity.set_signed_certificate_timestamps(vec![vec![7; 50_000]]), Err(IdentityError::TooLong));
    assert!(identity.signed_certificate_timestamps().is_empty(), "a rejected setter changed the identity");
    // The maximum that is accepted can be sent.
    let most =
        (1..6000).rev().find(|length| identity.set_signed_certificate_timestamps(vec![vec![7; *length]]).is_ok());
    assert!(most.is_some_and(|most| most > 5000));
    let identity = Arc::new(identity);
    for kind in [Kind::Tls12, Kind::Full] {
        let (mut client, server) = configs(kind);
        client.set_sct_request(true);
        client.set_limits(Limits { handshake_message: 0x2_0000, ..Limits::default() });
        let mut pair = Pair::with(client, server);
        pair.run(&mut |need| match need {
            Need::Identity(need) => need.answer(Arc::clone(&identity)),
            other => pki.answer(other),
        })
        .unwrap();
        assert!(!pair.client.is_handshaking());
    }
}
