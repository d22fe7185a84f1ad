//! Messages whose lengths are out of range cause `decode_error` (RFC 9846 §6.2).

use tls_codec::code_points::{AlertDescription as A, ContentType as C, ExtensionType as X, HandshakeType as T};
use tls_codec::handshake::{ClientHello, ServerHello};
use tls_codec::malformed::{ClientHelloBuilder, LengthOf, ServerHelloBuilder};

use super::flow::{Kind, Outcome, answers, configs, ends, pki, run};
use super::pair::{Pair, Pki};
use crate::error::Error;

/// Shortens and lengthens every message of these handshakes, with a matching header.
#[test]
fn wrong_length_of_any_message_is_decode_error() {
    let kinds = [
        Kind::Full,
        Kind::Retry,
        Kind::Auth,
        Kind::Resumed,
        Kind::Early,
        Kind::Tls12,
        Kind::Tls12Auth,
        Kind::Tls12Stapled,
        Kind::Tls12Resumed,
        Kind::Tls12Ticket,
    ];
    let changes: [fn(&mut Vec<u8>); 4] = [
        |body| body.push(0),
        |body| body.extend_from_slice(&[7; 40]),
        |body| {
            body.pop();
        },
        Vec::clear,
    ];
    let mut wrong = Vec::new();
    for kind in kinds {
        let pki = pki(kind);
        let mut messages = 0;
        let (mut client, mut server) = ends(kind);
        run(&mut client, &mut server, &mut answers(&pki), &mut |number, _| messages = number + 1);
        assert!(messages >= 4, "{kind:?}");
        for (target, change) in (0..messages).flat_map(|target| changes.map(|change| (target, change))) {
            let (mut client, mut server) = ends(kind);
            let mut changed = None;
            let outcome = run(&mut client, &mut server, &mut answers(&pki), &mut |number, message| {
                if number == target {
                    let mut body = message.split_off(4);
                    let before = body.len();
                    change(&mut body);
                    changed = (body.len() != before).then_some(message[0]);
                    message[2..4].copy_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
                    message.extend_from_slice(&body);
                }
            });
            let Some(typ) = changed.map(T) else { continue };
            let Outcome::Failed(failure) = outcome else { panic!("{kind:?}: {typ} of a wrong length is accepted") };
            if failure.at != typ || failure.error.alert() != Some(A::DECODE_ERROR) {
                wrong.push(format!("{kind:?} {target} {typ}: {:?} at {}", failure.error, failure.at));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lengths inside of hellos that do not fit what follows them.
#[test]
fn wrong_length_inside_hello_is_decode_error() {
    for kind in [Kind::Full, Kind::Retry, Kind::Tls12] {
        let pki = pki(kind);
        let hello = ends(kind).0.pop();
        let builder = ClientHelloBuilder::from(ClientHello::lenient(&hello[4..]).unwrap());
        let extensions = &builder.extensions.as_ref().unwrap().items;
        let block: usize = extensions.iter().map(|(_, data)| 4 + data.len()).sum();
        let lists = [
            (LengthOf::SessionId, builder.legacy_session_id.len()),
            (LengthOf::CipherSuites, 2 * builder.cipher_suites.len()),
            (LengthOf::CompressionMethods, builder.legacy_compression_methods.len()),
            (LengthOf::Extensions, block),
        ];
        for (field, wrong) in lists.into_iter().chain(each(extensions)).flat_map(wrong_lengths) {
            let mut builder = builder.clone();
            builder.set_length(field, wrong);
            let error = ends(kind).1.deliver(&builder.message(), &mut answers(&pki)).unwrap_err();
            assert_eq!(error.alert(), Some(A::DECODE_ERROR), "{kind:?} {field:?} {wrong}: {error}");
        }

        let answer = || {
            let (mut client, mut server) = ends(kind);
            server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
            (client, server.pop())
        };
        let (_, hello) = answer();
        let builder = ServerHelloBuilder::from(ServerHello::lenient(&hello[4..]).unwrap());
        let extensions = &builder.extensions.as_ref().unwrap().items;
        let block: usize = extensions.iter().map(|(_, data)| 4 + data.len()).sum();
        let lists = [(LengthOf::SessionId, builder.legacy_session_id_echo.len()), (LengthOf::Extensions, block)];
        for (field, wrong) in lists.into_iter().chain(each(extensions)).flat_map(wrong_lengths) {
            let (mut client, hello) = answer();
            let mut builder = ServerHelloBuilder::from(ServerHello::lenient(&hello[4..]).unwrap());
            builder.set_length(field, wrong);
            let error = client.deliver(&builder.message(), &mut answers(&pki)).unwrap_err();
            assert_eq!(error.alert(), Some(A::DECODE_ERROR), "{kind:?} {field:?} {wrong}: {error}");
        }
    }
}

/// Returns the length of each extension.
fn each(extensions: &[(X, Vec<u8>)]) -> impl Iterator<Item = (LengthOf, usize)> {
    extensions.iter().enumerate().map(|(at, (_, data))| (LengthOf::Extension(at), data.len()))
}

/// Returns lengths that differ from that of a field, in the bytes that hold it.
fn wrong_lengths((field, length): (LengthOf, usize)) -> impl Iterator<Item = (LengthOf, u32)> {
    let length = u32::try_from(length).unwrap();
    let wrong = [length.checked_sub(1), Some(length + 1), (length > 0).then_some(0), Some(0xffff)];
    wrong.into_iter().flatten().map(move |wrong| (field, wrong))
}

/// The same for messages after the handshake.
#[test]
fn wrong_length_after_handshake_is_decode_error() {
    let pki = Pki::new();
    for message in [&[24, 0, 0, 0][..], &[24, 0, 0, 2, 0, 0], &[4, 0, 0, 0], &[4, 0, 0, 5, 0, 0, 0, 60, 0]] {
        let mut pair = Pair::new(&pki);
        pair.handshake(&pki).unwrap();
        pair.server.send_raw_record(C::HANDSHAKE, message, &mut pair.to_client);
        assert_eq!(pair.step_client().unwrap_err().alert(), Some(A::DECODE_ERROR), "{message:?}");
    }
    let (client, server) = configs(Kind::Tls12);
    let mut pair = Pair::with(client, server);
    pair.handshake(&pki).unwrap();
    pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 1, 0], &mut pair.to_client);
    assert_eq!(pair.step_client().unwrap_err().alert(), Some(A::DECODE_ERROR));
}

/// The header is enough to reject a length above the maximum, with the same alert.
#[test]
fn oversized_finished_is_decode_error() {
    let pki = Pki::new();
    for kind in [Kind::Full, Kind::Tls12] {
        for length in [0x3_0000_u32, 0xff_ffff] {
            let [_, a, b, c] = length.to_be_bytes();
            let header = [T::FINISHED.0, a, b, c];
            let (client, server) = configs(kind);
            let mut pair = Pair::with(client, server);
            pair.handshake(&pki).unwrap();
            pair.server.send_raw_record(C::HANDSHAKE, &header, &mut pair.to_client);
            pair.client.send_raw_record(C::HANDSHAKE, &header, &mut pair.to_server);
            for error in [pair.step_client().unwrap_err(), pair.step_server().unwrap_err()] {
                assert!(matches!(error, Error::MessageTooLarge { message: T::FINISHED, .. }), "{error}");
                assert_eq!(error.alert(), Some(A::DECODE_ERROR));
            }
        }
    }
}
