//! Handshake message boundaries (RFC 9846 §5.1): messages may be fragmented, but data must not
//! follow a message that changes keys.
//!
//! RUSTSEC-2026-0285 and CVE-2025-61730 report peers that accepted messages across a key change.

use std::sync::Arc;

use tls_codec::code_points::{AlertDescription, HandshakeType as T};

use super::flow::{End, Kind, answers, client, configs, halt_at, server};
use super::pair::{Pair, Pki};
use crate::error::{Error, StateName};
use crate::record::Outgoing;
use crate::server::Server;
use crate::states::StateMachine;
use crate::{ClientConnection, ServerConnection};

/// Data that must not follow: a whole message and partial ones.
const FOLLOWERS: [&[u8]; 4] = [&[8, 0, 0, 2, 0, 0], &[8, 0, 0, 2, 0], &[8], &[24, 0, 0, 1, 0]];

/// Checks that `message_of`'s message is rejected with data after it, in one fragment and
/// fragmented at every byte.
fn assert_rejects_followers<S: StateMachine>(message_of: impl Fn() -> (End<S>, Vec<u8>), typ: T, pki: &Pki) {
    let rejection = Error::KeyChangeInsideRecord { message: typ };
    assert_eq!(rejection.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    for follower in FOLLOWERS {
        let (mut end, message) = message_of();
        let all = [&message, follower].concat();
        assert_eq!(end.deliver(&all, &mut answers(pki)), Err(rejection.clone()));
        let keys =
            |end: &End<S>| end.sink.actions.iter().filter(|a| matches!(a, super::flow::Action::InstallRead(_))).count();
        let (reference, _) = message_of();
        assert_eq!(keys(&end), keys(&reference), "keys changed inside a record");
    }
    let length = message_of().1.len();
    for cut in 1..length {
        let (mut end, message) = message_of();
        let (first, rest) = message.split_at(cut);
        end.deliver(first, &mut answers(pki)).unwrap();
        let rest = [rest, FOLLOWERS[cut % FOLLOWERS.len()]].concat();
        assert_eq!(end.deliver(&rest, &mut answers(pki)), Err(rejection.clone()), "{typ} fragmented at {cut}");
        // Without data after it, the same fragments are accepted.
        let (mut end, message) = message_of();
        end.deliver(&message[..cut], &mut answers(pki)).unwrap();
        end.deliver(&message[cut..], &mut answers(pki)).unwrap();
    }
}

#[test]
fn data_after_key_change_message_is_rejected() {
    let pki = Pki::new();
    let hello = |kind| {
        let mut client = client(configs(kind).0);
        let message = client.pop();
        (client, server(configs(kind).1), message)
    };
    let first = || {
        let (_, server, message) = hello(Kind::Full);
        (server, message)
    };
    assert_rejects_followers(first, T::CLIENT_HELLO, &pki);
    // HelloRetryRequest and the second ClientHello.
    let retry = || {
        let (client, mut server, message) = hello(Kind::Retry);
        server.deliver(&message, &mut answers(&pki)).unwrap();
        let retry = server.pop();
        (client, server, retry)
    };
    let only_retry = || {
        let (client, _, message) = retry();
        (client, message)
    };
    assert_rejects_followers(only_retry, T::SERVER_HELLO, &pki);
    let second = || {
        let (mut client, server, message) = retry();
        client.deliver(&message, &mut answers(&pki)).unwrap();
        (server, client.pop())
    };
    assert_rejects_followers(second, T::CLIENT_HELLO, &pki);
    // The server's second item is change_cipher_spec, its sixth is Finished.
    let client_before = |count: usize| {
        let (client, mut server) = halt_at(Kind::Full, &pki, [count, usize::MAX]);
        (client, server.pop())
    };
    assert_rejects_followers(|| client_before(0), T::SERVER_HELLO, &pki);
    assert_rejects_followers(|| client_before(5), T::FINISHED, &pki);
    let finished = || -> (End<Server>, Vec<u8>) {
        let (mut client, server) = halt_at(Kind::Full, &pki, [6, 1]);
        (server, client.pop())
    };
    assert_rejects_followers(finished, T::FINISHED, &pki);
    assert_rejects_followers(|| (halt_at(Kind::Full, &pki, [6, 1]).0, vec![24, 0, 0, 1, 1]), T::KEY_UPDATE, &pki);
    let connected = || {
        let (mut server, message) = finished();
        server.deliver(&message, &mut answers(&pki)).unwrap();
        (server, vec![24, 0, 0, 1, 0])
    };
    assert_rejects_followers(connected, T::KEY_UPDATE, &pki);
}

/// TLS 1.2 counterpart of RFC 9846 §5.1: the sender of data after the last message of a flight
/// cannot have seen the reply that the data depends on.
#[test]
fn tls12_data_after_last_message_of_flight_is_rejected() {
    let pki = Pki::new();
    let hello = || {
        let (mut client, server) = (client(configs(Kind::Tls12).0), server(configs(Kind::Tls12).1));
        let hello = client.pop();
        (server, hello)
    };
    assert_rejects_followers(hello, T::CLIENT_HELLO, &pki);
    // After ServerHello, Certificate and ServerKeyExchange.
    let done = || {
        let (client, mut server) = halt_at(Kind::Tls12, &pki, [3, usize::MAX]);
        (client, server.pop())
    };
    assert_rejects_followers(done, T::SERVER_HELLO_DONE, &pki);
    // After change_cipher_spec, which counts as an item.
    let client_finished = || {
        let (mut client, server) = halt_at(Kind::Tls12, &pki, [4, 3]);
        (server, client.pop())
    };
    assert_rejects_followers(client_finished, T::FINISHED, &pki);
    // After ServerHello, Certificate, ServerKeyExchange, ServerHelloDone, change_cipher_spec.
    let server_finished = || {
        let (client, mut server) = halt_at(Kind::Tls12, &pki, [5, usize::MAX]);
        (client, server.pop())
    };
    assert_rejects_followers(server_finished, T::FINISHED, &pki);
}

/// TLS 1.2 changes keys at a record of its own. No partial message may precede it. Data after
/// Finished in the same record is under the same keys.
#[test]
fn tls12_partial_message_before_key_change_is_rejected() {
    let pki = Pki::new();
    for partial in [&[20][..], &[20, 0, 0, 12], &[20, 0, 0, 12, 7, 7]] {
        let (mut client, mut server) = halt_at(Kind::Tls12, &pki, [4, 2]);
        server.deliver(partial, &mut answers(&pki)).unwrap();
        assert_eq!(server.change_cipher_spec(), Err(Error::InterleavedHandshake));
        client.deliver(partial, &mut answers(&pki)).unwrap();
        assert_eq!(client.change_cipher_spec(), Err(Error::InterleavedHandshake));
    }
    // A whole Finished before change_cipher_spec is rejected at once.
    let (_, mut server) = halt_at(Kind::Tls12, &pki, [4, 1]);
    let (mut other, _) = halt_at(Kind::Tls12, &pki, [4, 1]);
    let together = [other.pop(), vec![20, 0, 0, 0]].concat();
    let rejection = Error::UnexpectedMessage { state: StateName::server("WAIT_CCS", ""), got: T::FINISHED };
    assert_eq!(server.deliver(&together, &mut answers(&pki)), Err(rejection));
}

/// The same in records, for the two unencrypted messages.
#[test]
fn data_after_hello_in_same_record_is_rejected() {
    let pki = Pki::new();
    let append = |record: &[u8], follower: &[u8]| {
        let (head, body) = record.split_at(5);
        let length = u16::try_from(body.len() + follower.len()).unwrap().to_be_bytes();
        [&head[..3], &length, body, follower].concat()
    };
    for follower in FOLLOWERS {
        let mut pair = Pair::new(&pki);
        let mut hello = append(pair.to_server.ready(), follower);
        let rejection = pair.server.process(&mut hello, &mut pair.to_client).unwrap_err();
        assert_eq!(rejection, Error::KeyChangeInsideRecord { message: T::CLIENT_HELLO });
        assert_eq!(pair.to_client.ready(), [21, 3, 3, 0, 2, 2, 10]);

        let mut pair = Pair::new(&pki);
        let need = pair.step_server().unwrap().unwrap();
        pair.server.resume(pki.answer(need), &mut pair.to_client).unwrap();
        let ready = pair.to_client.ready();
        let length = 5 + usize::from(u16::from_be_bytes([ready[3], ready[4]]));
        let mut hello = append(&ready[..length], follower);
        let rejection = pair.client.process(&mut hello, &mut pair.to_server).unwrap_err();
        assert_eq!(rejection, Error::KeyChangeInsideRecord { message: T::SERVER_HELLO });
    }
}

/// Returns a pair whose sides write records of at most `size` content bytes.
fn pair_with_fragments(kind: Kind, size: usize) -> Pair {
    let (mut client, mut server) = configs(kind);
    let overhead = if kind.is_tls12() { 29 } else { 22 };
    client.common_mut().max_record = overhead + size;
    server.common_mut().max_record = overhead + size;
    let mut to_server = Outgoing::new();
    let mut pair = Pair::with(client.clone(), server.clone());
    pair.client = ClientConnection::new(Arc::new(client), "a.test".try_into().unwrap(), &mut to_server).unwrap();
    pair.server = ServerConnection::new(Arc::new(server));
    pair.to_server = to_server;
    pair
}

#[test]
fn handshake_accepts_messages_fragmented_at_every_byte() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    for kind in [Kind::Full, Kind::Tls12Auth] {
        // Each byte of the longest flight is the first fragment boundary once.
        for size in (1..900).rev() {
            let mut pair = pair_with_fragments(kind, size);
            pair.handshake(&pki).unwrap_or_else(|e| panic!("{kind:?} in fragments of {size}: {e}"));
            if size < 5 {
                pair.exchange(b"question", b"answer");
            }
        }
    }
}

#[test]
fn handshake_completes_byte_by_byte() {
    let pki = Pki::new();
    for kind in [Kind::Full, Kind::Auth, Kind::Tls12, Kind::Tls12Auth] {
        for size in [1, 2, 42, 16384] {
            let mut pair = pair_with_fragments(kind, size);
            pair.fragment = 1;
            pair.handshake(&pki).unwrap_or_else(|e| panic!("{kind:?} in records of {size}: {e}"));
            pair.exchange(b"question", b"answer");
        }
    }
}
