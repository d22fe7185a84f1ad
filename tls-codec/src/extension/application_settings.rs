//! `application_settings`, ALPS (draft-vvv-tls-alps), which Chromium sends.

use crate::{
    code_points::ExtensionType,
    error::DecodeError,
    extension::{Extension, ProtocolName},
    list::List,
    reader::Reader,
};

/// The protocols for which a client has settings. The server returns the settings of one of them
/// in EncryptedExtensions, in a form of that protocol.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationSettings;

impl Extension for ApplicationSettings {
    const TYPE: ExtensionType = ExtensionType::APPLICATION_SETTINGS;
    type View<'a> = List<'a, ProtocolName<'a>>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(2..=0xffff, "application_settings.supported_protocols")?)
    }
}

/// As [`ApplicationSettings`], under the number that Chromium used until version 132.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationSettingsOld;

impl Extension for ApplicationSettingsOld {
    const TYPE: ExtensionType = ExtensionType::APPLICATION_SETTINGS_OLD;
    type View<'a> = List<'a, ProtocolName<'a>>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        ApplicationSettings::read(data)
    }
}
