//! OpenSSL's trust settings, which follow the certificate in a section `TRUSTED CERTIFICATE` (type
//! `X509_CERT_AUX`).

use tls_crypto::der::{self, Elements};

use crate::verify::x509::oid;

/// The roles that the trust settings of a certificate allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrustSettings {
    servers: bool,
    clients: bool,
}

impl TrustSettings {
    /// Reads a certificate and the settings after it, if any. Returns the length of the
    /// certificate, and the settings; `None` if either cannot be parsed.
    pub(super) fn after_certificate(der: &[u8]) -> Option<(usize, Option<Self>)> {
        let mut elements = Elements::new(der);
        let (_, certificate) = elements.expect_whole(der::SEQUENCE)?;
        if elements.is_empty() {
            return Some((certificate.len(), None));
        }
        let mut fields = Elements::new(elements.expect(der::SEQUENCE)?);
        let trusted = fields.optional(der::SEQUENCE);
        let rejected = fields.optional(der::CONTEXT_0);
        let allows = |purpose: &[u8]| {
            // Without a list of trusted purposes, all are, except those rejected.
            Some(trusted.is_none_or(|list| lists(list, purpose)) && !rejected.is_some_and(|list| lists(list, purpose)))
        };
        let settings = Self { servers: allows(oid::SERVER_AUTH)?, clients: allows(oid::CLIENT_AUTH)? };
        elements.is_empty().then_some((certificate.len(), Some(settings)))
    }

    pub(super) fn allow_servers_and_clients(self) -> bool {
        self.servers && self.clients
    }
}

/// Returns whether a SEQUENCE OF OBJECT IDENTIFIER contains this purpose, or any purpose.
fn lists(list: &[u8], purpose: &[u8]) -> bool {
    let mut elements = Elements::new(list);
    std::iter::from_fn(|| elements.optional(der::OBJECT_IDENTIFIER)).any(|one| one == purpose || one == ANY_PURPOSE)
}

/// anyExtendedKeyUsage, RFC 5280 §4.2.1.12.
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 37, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn oids(tag: u8, list: &[&[u8]]) -> Vec<u8> {
        let list: Vec<u8> = list.iter().flat_map(|one| der::element(der::OBJECT_IDENTIFIER, &[one])).collect();
        der::element(tag, &[&list])
    }

    #[test]
    fn settings_exclude_what_is_not_trusted_or_is_rejected() {
        let (server, client) = (oid::SERVER_AUTH, oid::CLIENT_AUTH);
        let alias = der::element(12, &[b"alias"]);
        let cases: [(Vec<Vec<u8>>, bool); 8] = [
            (vec![], true),
            (vec![alias.clone()], true),
            (vec![oids(der::SEQUENCE, &[server, client]), alias.clone()], true),
            (vec![oids(der::SEQUENCE, &[ANY_PURPOSE])], true),
            (vec![oids(der::SEQUENCE, &[server]), alias], false),
            (vec![oids(der::SEQUENCE, &[])], false),
            (vec![oids(der::CONTEXT_0, &[client])], false),
            (vec![oids(der::SEQUENCE, &[ANY_PURPOSE]), oids(der::CONTEXT_0, &[ANY_PURPOSE])], false),
        ];
        let certificate = der::element(der::SEQUENCE, &[b"certificate"]);
        assert!(matches!(TrustSettings::after_certificate(&certificate), Some((13, None))));
        for (fields, allows) in cases {
            let whole = [&certificate[..], &der::element(der::SEQUENCE, &[&fields.concat()])].concat();
            let (length, settings) = TrustSettings::after_certificate(&whole).unwrap();
            assert_eq!((length, settings.unwrap().allow_servers_and_clients()), (13, allows), "{fields:x?}");
            for cut in (0..13).chain(14..whole.len()) {
                assert!(TrustSettings::after_certificate(&whole[..cut]).is_none(), "{cut}");
            }
            assert!(TrustSettings::after_certificate(&[&whole[..], &[5, 0]].concat()).is_none());
        }
    }
}
