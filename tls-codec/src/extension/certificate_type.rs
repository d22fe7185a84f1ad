//! `client_certificate_type` and `server_certificate_type` (RFC 7250 §3).

use crate::{
    code_points::{CertificateType, ExtensionType},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The certificate types that a client can present, in order of preference.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificateType;

impl ClientCertificateType {
    /// Writes the extension of a ClientHello.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if there are more than 255 types.
    pub fn write(w: &mut Writer<'_>, types: &[CertificateType]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_each(types))
    }
}

impl Extension for ClientCertificateType {
    const TYPE: ExtensionType = ExtensionType::CLIENT_CERTIFICATE_TYPE;
    type View<'a> = List<'a, CertificateType>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(1..=255, "client_certificate_type.client_certificate_types")?)
    }
}

/// The certificate type that the server selected for the client.
#[derive(Clone, Copy, Debug)]
pub struct SelectedClientCertificateType;

impl SelectedClientCertificateType {
    /// Writes the extension of EncryptedExtensions.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, typ: CertificateType) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| typ.encode(w))
    }
}

impl Extension for SelectedClientCertificateType {
    const TYPE: ExtensionType = ExtensionType::CLIENT_CERTIFICATE_TYPE;
    type View<'a> = CertificateType;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        CertificateType::decode(data.at("client_certificate_type.client_certificate_type"))
    }
}

/// The certificate types that a client accepts from the server, in order of preference.
#[derive(Clone, Copy, Debug)]
pub struct ServerCertificateType;

impl ServerCertificateType {
    /// Writes the extension of a ClientHello.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if there are more than 255 types.
    pub fn write(w: &mut Writer<'_>, types: &[CertificateType]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_each(types))
    }
}

impl Extension for ServerCertificateType {
    const TYPE: ExtensionType = ExtensionType::SERVER_CERTIFICATE_TYPE;
    type View<'a> = List<'a, CertificateType>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(1..=255, "server_certificate_type.server_certificate_types")?)
    }
}

/// The certificate type that the server selected for itself.
#[derive(Clone, Copy, Debug)]
pub struct SelectedServerCertificateType;

impl SelectedServerCertificateType {
    /// Writes the extension of EncryptedExtensions.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, typ: CertificateType) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| typ.encode(w))
    }
}

impl Extension for SelectedServerCertificateType {
    const TYPE: ExtensionType = ExtensionType::SERVER_CERTIFICATE_TYPE;
    type View<'a> = CertificateType;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        CertificateType::decode(data.at("server_certificate_type.server_certificate_type"))
    }
}
