//! Client authentication in TLS 1.2 and TLS 1.3: the server's policy, the client's identity, and
//! the outcome.

use std::sync::Arc;

use tls_codec::code_points::{
    AlertDescription as A, ExtensionType, HandshakeType as T, ProtocolVersion as V, SignatureScheme as Z,
};

use super::flow::{
    End, Failure, Kind, Outcome, Sent, client, client_with, configs, edit_each, run, server, server_with,
};
use super::pair::{Pair, Pki};
use crate::auth::ClientAuth;
use crate::certificate_error::CertificateError;
use crate::client::Client;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Illegal};
use crate::identity::Identity;
use crate::need::{Answer, Need};
use crate::server::Server;
use crate::states::StateMachine;
use crate::verify::signature::{tls12, tls13};

/// Both versions, with client authentication.
const KINDS: [(Kind, V); 2] = [(Kind::Auth, V::TLS13), (Kind::Tls12Auth, V::TLS12)];

/// The identity with which a client responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientCase {
    /// The client has no identity lookup, so there is no `Need`.
    NoLookup,
    /// The lookup finds no identity for this server.
    Declines,
    /// A chain from the server's CA, with its key.
    OwnChain,
    /// The same chain with a key whose signature schemes the server does not accept.
    UnusableKey,
    /// A chain from another CA.
    UntrustedChain,
    /// A chain from the server's CA, with another key.
    StolenChain,
}

const ALL: [ClientCase; 6] = [
    ClientCase::NoLookup,
    ClientCase::Declines,
    ClientCase::OwnChain,
    ClientCase::UnusableKey,
    ClientCase::UntrustedChain,
    ClientCase::StolenChain,
];

fn configs_with(kind: Kind, policy: ClientAuth, case: ClientCase) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = configs(kind);
    client.set_client_identity_lookup(case != ClientCase::NoLookup);
    server.set_client_auth(policy);
    (client, server)
}

/// Answers as a client with this identity. Sets `asked` if the client was asked for one.
fn answers<'p>(pki: &'p Pki, other: &'p Pki, case: ClientCase, asked: &'p mut bool) -> impl FnMut(Need) -> Answer + 'p {
    move |need| match need {
        Need::ClientIdentity(need) => {
            *asked = true;
            match case {
                ClientCase::NoLookup => panic!("an identity lookup without the setting"),
                ClientCase::Declines => need.decline(),
                ClientCase::OwnChain => need.answer(pki.client.clone()),
                ClientCase::UnusableKey => {
                    // Ed448 and PKCS#1 v1.5 with SHA-1.
                    let schemes = vec![Z(0x0808), Z::RSA_PKCS1_SHA1];
                    need.answer(Arc::new(Identity::with_remote_key(pki.client.chain().to_vec(), schemes).unwrap()))
                }
                ClientCase::UntrustedChain => need.answer(other.client.clone()),
                ClientCase::StolenChain => {
                    let schemes = pki.client.schemes().to_vec();
                    need.answer(Arc::new(Identity::with_remote_key(pki.client.chain().to_vec(), schemes).unwrap()))
                }
            }
        }
        Need::Signature(need) if need.identity().chain() == pki.client.chain() && case == ClientCase::StolenChain => {
            let signature = other.client.sign(tls_crypto::Backend::ring(), need.scheme(), need.message()).unwrap();
            need.answer(signature)
        }
        other => pki.answer(other),
    }
}

/// The expected outcome: whether the server has the client's chain, or the message and error with
/// which the server fails.
fn expected(version: V, policy: ClientAuth, case: ClientCase) -> Result<bool, (T, Error)> {
    let nothing = matches!(case, ClientCase::NoLookup | ClientCase::Declines | ClientCase::UnusableKey);
    match (policy, case) {
        (ClientAuth::Disabled, _) => Ok(false),
        (ClientAuth::Optional, _) if nothing => Ok(false),
        (ClientAuth::Required, _) if nothing => Err((T::CERTIFICATE, Error::NoClientCertificate { version })),
        (_, ClientCase::UntrustedChain) => {
            Err((T::CERTIFICATE, CertificateError::UnknownIssuer { sent: 1, anchors: 1 }.into()))
        }
        (_, ClientCase::StolenChain) => Err((T::CERTIFICATE_VERIFY, Error::BadSignature)),
        _ => Ok(true),
    }
}

#[test]
fn every_policy_handles_every_client() {
    let (pki, other) = (Pki::new(), Pki::new());
    for (kind, version) in KINDS {
        for policy in [ClientAuth::Disabled, ClientAuth::Optional, ClientAuth::Required] {
            for case in ALL {
                let context = format!("{version}: {policy:?} and {case:?}");
                let (client_config, server_config) = configs_with(kind, policy, case);
                let (mut client, mut server) = (client(client_config), server(server_config));
                let mut asked = false;
                let mut answer = answers(&pki, &other, case, &mut asked);
                let mut outcome = run(&mut client, &mut server, &mut answer, &mut |_, _| {});
                drop(answer);
                if let Outcome::Failed(Failure { error: Error::Certificate(refusal), .. }) = &mut outcome {
                    assert!(refusal.chain.take().is_some(), "{context}");
                }
                match expected(version, policy, case) {
                    Ok(known) => {
                        assert_eq!(outcome, Outcome::BothConnected, "{context}");
                        let state = server.state.as_ref().unwrap();
                        let chain = state.established().unwrap().peer.chain().map(|chain| chain.certificates());
                        assert_eq!(chain, known.then(|| pki.client.chain()), "{context}");
                    }
                    Err((at, error)) => {
                        assert_eq!(outcome, Outcome::Failed(Failure { side: "server", at, error }), "{context}");
                    }
                }
                assert_eq!(asked, policy != ClientAuth::Disabled && case != ClientCase::NoLookup, "{context}");
            }
        }
    }
}

/// RFC 9846 §4.5.1.4, RFC 5246 §7.4.6.
#[test]
fn missing_client_certificate_sends_alert_of_version() {
    let pki = Pki::new();
    for ((kind, version), alert) in KINDS.into_iter().zip([A::CERTIFICATE_REQUIRED, A::HANDSHAKE_FAILURE]) {
        let (client, server) = configs_with(kind, ClientAuth::Required, ClientCase::NoLookup);
        let mut pair = Pair::with(client, server);
        let rejection = pair.run(&mut |need| pki.answer(need)).unwrap_err();
        assert_eq!(rejection, Error::NoClientCertificate { version });
        assert_eq!(rejection.alert(), Some(alert));
        assert!(rejection.to_string().contains("certificate"));
        let Err(Error::AlertReceived { description, state }) = pair.step_client() else { panic!("no alert") };
        // In TLS 1.3 the client has already completed its handshake.
        let at = if version == V::TLS13 { "CONNECTED" } else { "WAIT_CCS" };
        assert_eq!((description, state.as_str()), (alert, at));
    }
}

#[test]
fn rejected_client_chain_sends_alert_of_its_fault() {
    let (pki, other) = (Pki::new(), Pki::new());
    for (kind, _) in KINDS {
        let (client, server) = configs_with(kind, ClientAuth::Optional, ClientCase::UntrustedChain);
        let mut pair = Pair::with(client, server);
        let rejection = pair.run(&mut answers(&pki, &other, ClientCase::UntrustedChain, &mut false)).unwrap_err();
        assert_eq!(rejection.alert(), Some(A::UNKNOWN_CA), "{rejection}");
        assert!(matches!(pair.step_client(), Err(Error::AlertReceived { description: A::UNKNOWN_CA, .. })));
    }
}

/// A chain that the application accepts does not replace CertificateVerify.
#[test]
fn accepted_client_chain_still_requires_signature() {
    let (pki, other) = (Pki::new(), Pki::new());
    for (kind, _) in KINDS {
        for (case, expected) in
            [(ClientCase::UntrustedChain, Ok(())), (ClientCase::StolenChain, Err(Error::BadSignature))]
        {
            let (client, server) = configs_with(kind, ClientAuth::Required, case);
            let mut pair = Pair::with(client, server);
            let mut asked = false;
            let mut answer = answers(&pki, &other, case, &mut asked);
            let outcome = pair.run(&mut |need| match need {
                Need::ClientVerdict(need) => need.answer(Ok(())),
                need => answer(need),
            });
            assert_eq!(outcome, expected, "{kind:?}");
            assert_eq!(pair.server.peer_certificates().is_some(), expected.is_ok());
        }
    }
}

#[test]
fn client_authenticates_with_every_key_type() {
    for (name, pki) in Pki::of_all_key_types() {
        for (kind, version) in KINDS {
            let (client, server) = configs(kind);
            let mut pair = Pair::with(client, server);
            pair.handshake(&pki).unwrap_or_else(|e| panic!("{name}, {version}: {e}"));
            assert_eq!(pair.server.protocol_version(), Some(version));
            assert_eq!(pair.server.peer_certificates(), Some(pki.client.chain()), "{name}, {version}");
            assert_eq!(pair.client.peer_certificates(), Some(pki.identity.chain()), "{name}, {version}");
            pair.exchange(b"question", b"answer");
        }
    }
}

#[test]
fn client_receives_cas_and_schemes() {
    let pki = Pki::new();
    let hints: Vec<Vec<u8>> = pki.verifier.roots().subjects().chain([b"another name".to_vec()]).collect();
    for (kind, schemes) in [(Kind::Auth, tls13::RULES.schemes()), (Kind::Tls12Auth, tls12::RULES.schemes())] {
        for hints in [hints.clone(), Vec::new()] {
            let (client, mut server) = configs(kind);
            server.set_client_auth_hints(hints.clone()).unwrap();
            let mut asked = 0;
            Pair::with(client, server)
                .run(&mut |need| {
                    if let Need::ClientIdentity(need) = &need {
                        asked += 1;
                        assert!(need.authorities().iter().map(|name| name.0).eq(hints.iter()));
                        assert_eq!(need.schemes(), schemes);
                    }
                    pki.answer(need)
                })
                .unwrap();
            assert_eq!(asked, 1, "{kind:?}");
        }
    }
}

fn handshake(mut client: End<Client>, mut server: End<Server>, pki: &Pki, asked: &mut dyn FnMut(&Need)) -> Outcome {
    let mut answer = |need: Need| {
        asked(&need);
        pki.answer(need)
    };
    run(&mut client, &mut server, &mut answer, &mut |_, _| {})
}

/// RFC 5246 §7.4.4: certificate_types limits the key types, in addition to the signature schemes.
#[test]
fn tls12_client_ignores_schemes_of_unlisted_key_types() {
    for (kinds, rsa, ecdsa) in
        [([1, 1], true, false), ([64, 64], false, true), ([64, 1], true, true), ([2, 3], false, false)]
    {
        let (client_config, mut server_config) = configs(Kind::Tls12Auth);
        server_config.set_client_auth(ClientAuth::Optional);
        let server = server_with(
            server_config,
            edit_each(T::CERTIFICATE_REQUEST, move |message| {
                assert_eq!(message[4], 2);
                message[5..7].copy_from_slice(&kinds);
            }),
        );
        let mut schemes = Vec::new();
        let outcome = handshake(client(client_config), server, &Pki::new(), &mut |need| {
            if let Need::ClientIdentity(need) = need {
                schemes = need.schemes().to_vec();
            }
        });
        assert_eq!(outcome, Outcome::BothConnected);
        assert_eq!(schemes.contains(&Z::RSA_PKCS1_SHA256), rsa, "{kinds:?}");
        assert_eq!(schemes.contains(&Z::ECDSA_SECP256R1_SHA256), ecdsa, "{kinds:?}");
        assert_eq!(schemes.contains(&Z::ED25519), ecdsa, "RFC 8422 §5.5");
    }
}

/// RFC 9846 §4.5.1.
#[test]
fn client_certificate_with_context_or_extension_is_rejected() {
    let pki = Pki::new();
    let outcome_of = |change: fn(&mut Vec<u8>)| {
        let (client_config, server_config) = configs(Kind::Auth);
        let client = client_with(client_config, edit_each(T::CERTIFICATE, change));
        let Outcome::Failed(failure) = handshake(client, server(server_config), &pki, &mut |_| {}) else {
            panic!("it is accepted")
        };
        assert_eq!((failure.side, failure.at), ("server", T::CERTIFICATE));
        failure.error
    };
    let context = outcome_of(|message| {
        message.splice(4..5, [1, 7]);
        let length = u16::from_be_bytes([message[2], message[3]]) + 1;
        message[2..4].copy_from_slice(&length.to_be_bytes());
    });
    assert_eq!(context, Illegal::CertificateRequestContext.into());
    // An OCSP response at the end of the only entry.
    let extension = outcome_of(|message| {
        let extension = [0, 5, 0, 5, 1, 0, 0, 1, 7];
        let end = message.len() - 2;
        message.splice(end.., [0, 9].into_iter().chain(extension));
        for at in [2, 6] {
            let length = u16::from_be_bytes([message[at], message[at + 1]]) + 9;
            message[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
    });
    let rejection = Error::UnsolicitedExtension { message: T::CERTIFICATE, extension: ExtensionType::STATUS_REQUEST };
    assert_eq!(extension, rejection);
    // The same in a second entry.
    let extension = outcome_of(|message| {
        let entry = [0, 0, 1, 7, 0, 9, 0, 5, 0, 5, 1, 0, 0, 1, 7];
        message.extend_from_slice(&entry);
        for at in [2, 6] {
            let length = u16::from_be_bytes([message[at], message[at + 1]]) + 15;
            message[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
    });
    assert_eq!(extension, rejection);
    assert_eq!(rejection.alert(), Some(A::UNSUPPORTED_EXTENSION));
}

#[test]
fn client_chain_limit_is_exact() {
    let mut pki = Pki::new();
    for (kind, _) in KINDS {
        for (got, fits) in [(2, true), (3, false)] {
            let long =
                Identity::with_remote_key(vec![pki.client.chain()[0].clone(); got], pki.client.schemes().to_vec());
            let own = std::mem::replace(&mut pki.client, Arc::new(long.unwrap()));
            let (client_config, mut server_config) = configs(kind);
            server_config.common_mut().limits.chain_length = 2;
            let mut answer = |need: Need| match need {
                Need::Signature(need) if need.identity().chain().len() == got => {
                    let signature = own.sign(tls_crypto::Backend::ring(), need.scheme(), need.message()).unwrap();
                    need.answer(signature)
                }
                other => pki.answer(other),
            };
            let (mut client, mut server) = (client(client_config), server(server_config));
            let outcome = run(&mut client, &mut server, &mut answer, &mut |_, _| {});
            let error = Error::ChainTooLong { got, limit: 2 };
            let rejection = Outcome::Failed(Failure { side: "server", at: T::CERTIFICATE, error });
            assert_eq!(outcome, if fits { Outcome::BothConnected } else { rejection }, "{kind:?}");
            pki.client = own;
        }
    }
}

/// RFC 9846 §4.5.2: client and server sign with different context strings, so their signatures are
/// not interchangeable.
#[test]
fn server_signature_is_rejected_as_client_signature() {
    let mut pki = Pki::new();
    pki.client = pki.identity.clone();
    let (client_config, server_config) = configs(Kind::Auth);
    let mut answer = |need: Need| match need {
        Need::Signature(need) => {
            let content: Vec<u8> =
                String::from_utf8_lossy(&need.message()[..98]).replace("client", "server").into_bytes();
            let content = [&content, &need.message()[98..]].concat();
            let signature = need.identity().sign(tls_crypto::Backend::ring(), need.scheme(), &content).unwrap();
            need.answer(signature)
        }
        other => pki.answer(other),
    };
    let outcome = run(&mut client(client_config), &mut server(server_config), &mut answer, &mut |_, _| {});
    let error = Error::BadSignature;
    assert_eq!(outcome, Outcome::Failed(Failure { side: "server", at: T::CERTIFICATE_VERIFY, error }));
}

/// Half-RTT data waits for the whole of the client's authentication.
#[test]
fn half_rtt_data_waits_for_requested_certificate() {
    let pki = Pki::new();
    for (policy, case) in [(ClientAuth::Required, ClientCase::OwnChain), (ClientAuth::Optional, ClientCase::Declines)] {
        let (client_config, mut server_config) = configs_with(Kind::Auth, policy, case);
        server_config.set_send_half_rtt_data(true);
        let (mut client, mut server) = (client(client_config), server(server_config));
        let mut asked = false;
        let mut answer = answers(&pki, &pki, case, &mut asked);
        server.take(&client.sink.sent.pop_front().unwrap(), &mut answer).unwrap();
        for sent in server.flight() {
            client.take(&sent, &mut answer).unwrap();
        }
        for sent in client.flight() {
            assert!(!server.state.as_ref().unwrap().may_send(), "{policy:?}: before {}", sent.typ());
            server.take(&sent, &mut answer).unwrap();
        }
        assert!(server.is_connected() && server.state.unwrap().may_send());
    }
}

/// RFC 9846 §4.4.2, §4.3.3: PKCS#1 v1.5 may sign certificates, but not the handshake.
#[test]
fn certificate_request_lists_schemes_of_certificates() {
    let pki = Pki::new();
    let (client_config, server_config) = configs(Kind::Auth);
    let mut server = server(server_config);
    server.deliver(&client(client_config).pop(), &mut |need| pki.answer(need)).unwrap();
    let flight = server.flight();
    let request = flight.iter().find(|sent| sent.typ() == T::CERTIFICATE_REQUEST).unwrap();
    let Sent::Message(request) = request else { panic!("{request:?}") };
    let (mut rest, mut found) = (&request[7..], Vec::new());
    while let [high, low, long, short, more @ ..] = rest {
        let (data, after) = more.split_at(usize::from(*long) * 256 + usize::from(*short));
        found.push((ExtensionType(u16::from_be_bytes([*high, *low])), &data[2..]));
        rest = after;
    }
    let bytes = |schemes: &[Z]| schemes.iter().flat_map(|scheme| scheme.0.to_be_bytes()).collect::<Vec<_>>();
    let of = |typ| found.iter().find(|(known, _)| *known == typ).unwrap().1;
    assert_eq!(of(ExtensionType::SIGNATURE_ALGORITHMS), bytes(&tls13::RULES.schemes()));
    assert_eq!(
        of(ExtensionType::SIGNATURE_ALGORITHMS_CERT),
        bytes(crate::negotiate::certificate_schemes(tls_crypto::Backend::ring()))
    );
}

/// RFC 9846 §4.5.2: the peer may not sign with a scheme that was offered only for certificates.
#[test]
fn tls13_signature_with_pkcs1_scheme_was_not_offered() {
    let pki = Pki::new();
    let edit = || edit_each(T::CERTIFICATE_VERIFY, |message| message[4..6].copy_from_slice(&[4, 1]));
    for side in ["client", "server"] {
        let (client_config, server_config) = configs(Kind::Auth);
        let client = client_with(client_config, edit().filter(|_| side == "server"));
        let server = server_with(server_config, edit().filter(|_| side == "client"));
        let error = Error::SignatureSchemeNotOffered(Z::RSA_PKCS1_SHA256);
        let expected = Outcome::Failed(Failure { side, at: T::CERTIFICATE_VERIFY, error });
        assert_eq!(handshake(client, server, &pki, &mut |_| {}), expected);
    }
}

/// A session must end with the client's certificates. The server issues none if it cannot read when
/// they end.
#[test]
fn server_issues_no_session_without_end_of_client_chain() {
    let pki = Pki::new();
    for (kind, list, issued) in [(Kind::Auth, 5, 2), (Kind::Tls12Auth, 4, 1)] {
        for readable in [true, false] {
            let (mut client_config, mut server_config) = configs(kind);
            client_config.set_resumption(true);
            server_config.set_session_lookup(crate::SessionLookup::Tickets);
            // Append an entry of one byte. In TLS 1.3 it has extensions.
            let edit = edit_each(T::CERTIFICATE, move |message| {
                let entry = if kind == Kind::Auth { &[0, 0, 1, 7, 0, 0][..] } else { &[0, 0, 1, 7] };
                message.extend_from_slice(entry);
                for at in [2, list + 1] {
                    let length =
                        u16::from_be_bytes([message[at], message[at + 1]]) + u16::try_from(entry.len()).unwrap();
                    message[at..at + 2].copy_from_slice(&length.to_be_bytes());
                }
            });
            let mut client = client_with(client_config, edit.filter(|_| !readable));
            let mut sessions = 0;
            let mut answer = |need: Need| match need {
                Need::ClientVerdict(need) => need.answer(Ok(())),
                Need::NewSession(mut need) => {
                    sessions += need.sessions(super::pair::now()).len();
                    need.decline()
                }
                other => pki.answer(other),
            };
            let outcome = run(&mut client, &mut server(server_config), &mut answer, &mut |_, _| {});
            assert_eq!((outcome, sessions), (Outcome::BothConnected, if readable { issued } else { 0 }), "{kind:?}");
        }
    }
}
