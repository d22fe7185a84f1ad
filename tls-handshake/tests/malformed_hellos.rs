//! The hellos of the codec's example malformed-hello, sent to a server.

// The name that the example has for it.
extern crate tls_codec as strata_tls_codec;

#[path = "../../tls-codec/examples/malformed_hello/catalog.rs"]
mod catalog;
mod pair;

use catalog::{CATALOG, Malformation};
use pair::{Pair, Pki};
use tls_codec::code_points::ContentType;

#[test]
fn server_answers_each_malformed_hello_with_its_alert() {
    let pki = Pki::new();
    let mut wrong = Vec::new();
    for malformation in CATALOG {
        let mut pair = Pair::new(&pki);
        pair.at_server = malformation.records("a.test").unwrap();
        let result = pair.drive_server(&mut |need| pki.answer(need));
        let sent = pair.to_client.ready().to_vec();
        let is_right = match (&result, malformation.alert) {
            (Ok(_), None) => sent.first() == Some(&ContentType::HANDSHAKE.0),
            (Err(error), Some(alert)) => error.alert() == Some(alert) && sent.ends_with(&[2, alert.0]),
            _ => false,
        };
        if !is_right {
            let Malformation { name, about, .. } = malformation;
            wrong.push(format!("{name} ({about}): {result:?}, sent {sent:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(Malformation::find("valid").is_some());
}
