//! Server names in a ClientHello: the server passes on only host names.

use tls_codec::code_points::{AlertDescription as A, ExtensionType as X, ProtocolVersion};

use super::flow::{Kind, answers, client, configs, pki, server};
use super::hello::{Hello, assert_error, server_after_hello, vec16};
use crate::config::ServerConfig;
use crate::error::{Error, Illegal};
use crate::need::Need;

/// Returns the data of server_name with this host name.
fn server_name(name: &[u8]) -> Vec<u8> {
    vec16(&[&[0][..], &vec16(name)].concat())
}

/// Returns the name that the server passes on, or its error.
fn passed_name(kind: Kind, config: ServerConfig, name: &[u8]) -> Result<Option<String>, Error> {
    let pki = pki(kind);
    let (mut client, mut server) = (client(configs(kind).0), server(config));
    let mut hello = Hello::parse(&client.pop());
    *hello.get(X::SERVER_NAME) = server_name(name);
    let mut seen = None;
    let mut answer = |need| match need {
        Need::Identity(need) => {
            seen = Some(need.server_name().map(str::to_owned));
            need.refuse()
        }
        need => pki.answer(need),
    };
    let rejection = match server.deliver(&hello.encode(), &mut answer) {
        Ok(()) => {
            // After a retry, the same name again.
            client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
            let mut second = Hello::parse(&client.pop());
            *second.get(X::SERVER_NAME) = server_name(name);
            server.deliver(&second.encode(), &mut answer).unwrap_err()
        }
        Err(rejection) => rejection,
    };
    let Some(seen) = seen else { return Err(rejection) };
    assert_eq!(rejection, Error::NoIdentity { asked: seen.clone(), alert: A::UNRECOGNIZED_NAME });
    assert_eq!(rejection.alert(), Some(A::UNRECOGNIZED_NAME));
    Ok(seen)
}

const KINDS: [Kind; 3] = [Kind::Full, Kind::Retry, Kind::Tls12];

#[test]
fn host_names_are_passed_without_trailing_dot() {
    let long = [&b"a.".repeat(126)[..], b"b"].concat();
    assert_eq!(long.len(), 253);
    for kind in KINDS {
        for name in [b"a.test".as_slice(), b"A.Test", b"_srv.a_b.test", b"xn--bcher-kva.example", b"a", &long] {
            let expected = str::from_utf8(name).unwrap().to_owned();
            assert_eq!(passed_name(kind, configs(kind).1, name), Ok(Some(expected.clone())));
            if name.len() < 253 {
                let dotted = [name, b"."].concat();
                assert_eq!(passed_name(kind, configs(kind).1, &dotted), Ok(Some(expected)));
            }
        }
    }
}

#[test]
fn ip_addresses_as_server_names_are_ignored() {
    for kind in KINDS {
        for name in ["127.0.0.1", "::1", "2001:db8::1"] {
            assert_eq!(passed_name(kind, configs(kind).1, name.as_bytes()), Ok(None), "{name}");
        }
    }
}

#[test]
fn invalid_host_names_are_rejected_or_ignored() {
    let long = [&b"a.".repeat(126)[..], b"bc"].concat();
    let label = [&b"a".repeat(64)[..], b".test"].concat();
    let names: [&[u8]; 18] = [
        b"../etc/passwd",
        b"a/b",
        b"a b.test",
        b" a.test",
        b"a.test\n",
        b"a\0.test",
        b"\x07",
        b"\xff\xfe",
        b"a..test",
        b".",
        b".a.test",
        b"*.test",
        b"-a.test",
        b"[::1]",
        b"127.0.0.1:443",
        "b\u{fc}cher.example".as_bytes(),
        &long,
        &label,
    ];
    for kind in KINDS {
        for name in names {
            let rejection = passed_name(kind, configs(kind).1, name).unwrap_err();
            assert_eq!(rejection, Illegal::ServerName.into(), "{name:?}");
            assert_error(&rejection, A::ILLEGAL_PARAMETER, &["set_ignore_invalid_server_name"]);
            let mut lenient = configs(kind).1;
            lenient.set_ignore_invalid_server_name(true);
            assert_eq!(passed_name(kind, lenient, name), Ok(None), "{name:?}");
        }
    }
}

/// The error text does not contain the name.
#[test]
fn invalid_name_is_rejected_before_any_need() {
    for version in [ProtocolVersion::TLS13, ProtocolVersion::TLS12] {
        let mut config = ServerConfig::new();
        config.set_versions(&[version]).unwrap();
        let rejection = server_after_hello(configs(Kind::Full).0, config, &pki(Kind::Full), &|hello| {
            *hello.get(X::SERVER_NAME) = server_name(b"../secret");
        });
        let rejection = rejection.map(|_| ()).unwrap_err();
        assert_eq!(rejection, Illegal::ServerName.into(), "{version}");
        assert!(!format!("{rejection} {rejection:?}").contains("secret"), "{rejection}");
    }
}
