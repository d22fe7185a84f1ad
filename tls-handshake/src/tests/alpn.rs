//! Application protocol negotiation (RFC 7301): unoffered and required protocols.

use tls_codec::code_points::{AlertDescription as A, HandshakeType as T};

use super::flow::{Failure, Kind, Outcome, configs, ends_of, handshake, pki};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Contradiction, Error, Illegal};

const KINDS: [Kind; 8] = [
    Kind::Full,
    Kind::Retry,
    Kind::Resumed,
    Kind::ResumedRetry,
    Kind::Early,
    Kind::Tls12,
    Kind::Tls12Resumed,
    Kind::Tls12Ticket,
];

/// Returns the message in which the server selects the protocol.
fn selecting_message(kind: Kind) -> T {
    match kind {
        Kind::Tls12 | Kind::Tls12Resumed | Kind::Tls12Ticket => T::SERVER_HELLO,
        _ => T::ENCRYPTED_EXTENSIONS,
    }
}

fn outcome_with(kind: Kind, change: fn(&mut ClientConfig, &mut ServerConfig)) -> Outcome {
    let (mut client, mut server) = configs(kind);
    change(&mut client, &mut server);
    let (mut client, mut server) = ends_of(kind, client, server);
    handshake(&mut client, &mut server, &pki(kind))
}

#[test]
fn both_roles_enforce_required_alpn() {
    assert_eq!(Error::AlpnRequired.alert(), Some(A::NO_APPLICATION_PROTOCOL));
    for kind in KINDS {
        let both = outcome_with(kind, |client, server| {
            client.set_require_alpn(true);
            server.set_require_alpn(true);
        });
        assert_eq!(both, Outcome::BothConnected, "{kind:?}");
        let by_server = outcome_with(kind, |client, server| {
            client.set_alpn_protocols([""; 0]).unwrap();
            server.set_require_alpn(true);
        });
        let error = Error::AlpnRequired;
        let failure = Failure { side: "server", at: T::CLIENT_HELLO, error: error.clone() };
        assert_eq!(by_server, Outcome::Failed(failure), "{kind:?}");
        let by_client = outcome_with(kind, |client, server| {
            client.set_require_alpn(true);
            server.set_alpn_protocols([""; 0]).unwrap();
        });
        let failure = Failure { side: "client", at: selecting_message(kind), error };
        assert_eq!(by_client, Outcome::Failed(failure), "{kind:?}");
        // Default: off in both roles.
        let outcome_without = |role: fn(&mut ClientConfig, &mut ServerConfig)| outcome_with(kind, role);
        let outcomes = [
            outcome_without(|client, _| client.set_alpn_protocols([""; 0]).unwrap()),
            outcome_without(|_, server| server.set_alpn_protocols([""; 0]).unwrap()),
        ];
        assert_eq!(outcomes, [Outcome::BothConnected, Outcome::BothConnected], "{kind:?}");
    }
}

#[test]
fn required_alpn_without_protocols_is_contradiction() {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_require_alpn(true);
    server.set_require_alpn(true);
    for validated in [client.validate(), server.validate()] {
        let Err(Contradiction::Settings { settings, .. }) = validated else { panic!("{validated:?}") };
        assert_eq!(settings, ["required ALPN", "no application protocols"]);
    }
    client.set_alpn_protocols(["h2"]).unwrap();
    server.set_alpn_protocols(["h2"]).unwrap();
    assert_eq!((client.validate(), server.validate()), (Ok(()), Ok(())));
}

/// A client must not send early data of a session without a protocol to a server that requires one.
#[test]
fn session_scope_depends_on_required_alpn() {
    let (mut client, mut server) = configs(Kind::Early);
    let before = (client.session_scope(), server.session_scope());
    client.set_require_alpn(true);
    server.set_require_alpn(true);
    assert_ne!(client.session_scope(), before.0);
    assert_ne!(server.session_scope(), before.1);
}

#[test]
fn client_rejects_unoffered_alpn_by_default() {
    const OFFERED: &[u8] = b"\x08http/1.1";
    for kind in KINDS {
        for allows in [false, true] {
            let (mut client, server) = configs(kind);
            client.set_allow_unoffered_alpn(allows);
            client.set_require_alpn(true);
            let (mut client, mut server) = ends_of(kind, client, server);
            server.sink.edit = Some(Box::new(move |message| {
                let at = message.windows(9).position(|window| window == OFFERED);
                if let (true, Some(at)) = (message[0] == selecting_message(kind).0, at) {
                    message[at + 1..at + 9].copy_from_slice(b"http/9.9");
                }
            }));
            let outcome = handshake(&mut client, &mut server, &pki(kind));
            let rejection = |error: Illegal| {
                Outcome::Failed(Failure { side: "client", at: selecting_message(kind), error: error.into() })
            };
            match (allows, kind) {
                (false, _) => assert_eq!(outcome, rejection(Illegal::AlpnNotOffered), "{kind:?}"),
                // RFC 9846 §4.3.10: the early data was sent under another protocol.
                (true, Kind::Early) => assert_eq!(outcome, rejection(Illegal::EarlyDataAlpn)),
                (true, _) => {
                    assert_eq!(outcome, Outcome::BothConnected, "{kind:?}");
                    let state = client.state.as_ref().unwrap();
                    let negotiated = crate::states::StateMachine::established(state).unwrap().negotiated;
                    assert_eq!(negotiated.alpn.as_deref(), Some(&b"http/9.9"[..]), "{kind:?}");
                }
            }
        }
    }
}

/// RFC 7301 §3.1: the setting does not allow a response to an extension that was not sent.
#[test]
fn client_rejects_alpn_response_without_offer() {
    for kind in [Kind::Full, Kind::Tls12] {
        let (mut client, server) = configs(kind);
        client.set_alpn_protocols([""; 0]).unwrap();
        client.set_allow_unoffered_alpn(true);
        let (mut client, mut server) = ends_of(kind, client, server);
        server.sink.edit = Some(Box::new(move |message| {
            let alpn = b"\0\x10\0\x05\0\x03\x02h2";
            match T(message[0]) {
                T::SERVER_HELLO if kind == Kind::Tls12 => super::hello::Hello::edit(message, &|hello| {
                    hello.extensions.push((16, alpn[4..].to_vec()));
                }),
                T::ENCRYPTED_EXTENSIONS => {
                    let block = [&message[6..], alpn].concat();
                    let length = u8::try_from(block.len()).unwrap();
                    *message = [&[8, 0, 0, length + 2, 0, length][..], &block].concat();
                }
                _ => {}
            }
        }));
        let outcome = handshake(&mut client, &mut server, &pki(kind));
        let Outcome::Failed(Failure { side: "client", error, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.alert(), Some(A::UNSUPPORTED_EXTENSION), "{error}");
    }
}
