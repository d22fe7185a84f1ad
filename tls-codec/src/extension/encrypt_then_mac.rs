//! `encrypt_then_mac` (RFC 7366), in TLS 1.2 and older.

use crate::{code_points::ExtensionType, error::DecodeError, extension::Extension, reader::Reader};

/// Protects suites with CBC by a MAC of the ciphertext.
#[derive(Clone, Copy, Debug)]
pub struct EncryptThenMac;

impl Extension for EncryptThenMac {
    const TYPE: ExtensionType = ExtensionType::ENCRYPT_THEN_MAC;
    type View<'a> = ();

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("encrypt_then_mac");
        Ok(())
    }
}
