//! The kind of a DER file (certificate, key, CRL, …), by its outermost elements.

use crate::der::{self, Elements};

/// The kind of a DER file, by its outermost elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Certificate,
    Crl,
    PrivateKey,
    EncryptedPrivateKey,
    PublicKey,
    /// PKCS#7 ContentInfo.
    Bundle,
    /// Also in BER with indefinite lengths.
    Pkcs12,
    /// Another SEQUENCE that occupies the whole file.
    Other,
    /// It begins as DER, but its length is wrong.
    Damaged,
    /// BER with indefinite lengths.
    Indefinite,
}

impl Shape {
    /// Returns `None` if the file is not DER. Text is never taken for DER: the length that follows
    /// the SEQUENCE is no character of ASCII or UTF-8, or the element is the whole file.
    pub(crate) fn of(file: &[u8]) -> Option<Self> {
        let mut outer = Elements::new(file);
        let is_text = match file {
            [der::SEQUENCE, 0x80, der::INTEGER, 1, 3, ..] => return Some(Self::Pkcs12),
            [der::SEQUENCE, 0x80, ..] => return Some(Self::Indefinite),
            [der::SEQUENCE, 0x81..=0x84, ..] => false,
            [der::SEQUENCE, ..] => true,
            _ => return None,
        };
        let contents = outer.optional(der::SEQUENCE).filter(|_| outer.is_empty());
        let Some(contents) = contents else {
            return if is_text { None } else { Some(Self::Damaged) };
        };
        let mut fields = Elements::new(contents);
        Some(match (fields.next(), fields.next()) {
            (Some((der::INTEGER, [3])), Some((der::SEQUENCE, content))) if is_content_info(content) => Self::Pkcs12,
            (Some((der::INTEGER, [3])), None) if fields.rest().starts_with(&[der::SEQUENCE, 0x80]) => Self::Pkcs12,
            (Some((der::INTEGER, _)), Some((der::SEQUENCE | der::INTEGER | der::OCTET_STRING, _))) => Self::PrivateKey,
            (Some((der::OBJECT_IDENTIFIER, _)), _) => Self::Bundle,
            (Some((der::SEQUENCE, _)), Some((der::OCTET_STRING, _))) => Self::EncryptedPrivateKey,
            (Some((der::SEQUENCE, _)), Some((der::BIT_STRING, _))) => Self::PublicKey,
            (Some((der::SEQUENCE, signed)), Some((der::SEQUENCE, _))) => {
                if is_list(signed) {
                    Self::Crl
                } else {
                    Self::Certificate
                }
            }
            _ => Self::Other,
        })
    }
}

fn is_content_info(contents: &[u8]) -> bool {
    matches!(Elements::new(contents).next(), Some((der::OBJECT_IDENTIFIER, _)))
}

/// Returns whether the signed part is a CRL's, in which a time follows the issuer.
fn is_list(signed: &[u8]) -> bool {
    let mut fields = Elements::new(signed);
    fields.optional(der::INTEGER);
    let names = fields.optional(der::SEQUENCE).and(fields.optional(der::SEQUENCE));
    names.is_some() && matches!(fields.next(), Some((der::UTC_TIME | der::GENERALIZED_TIME, _)))
}
