//! EncryptedExtensions (RFC 9846 §4.4.1).

use crate::{
    code_points::{CertificateType, ExtensionType, HandshakeType, NamedGroup},
    error::{BufferFull, DecodeError},
    extension::{
        EarlyData, Extension, Extensions, MaxFragmentLength, Place, ProtocolName, RecordSizeLimit, SelectedAlpn,
        SelectedClientCertificateType, SelectedServerCertificateType, ServerNameAck, SupportedGroups, reject_misplaced,
        walk,
    },
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The server's extensions that are sent encrypted. `None` and `false` mean that an extension is
/// absent.
///
/// ```
/// use strata_tls_codec::{EncryptedExtensions, decode_all};
///
/// let answer: EncryptedExtensions<'_> = decode_all(&[0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'2'])?;
/// assert_eq!(answer.alpn.map(|name| name.0), Some(&b"h2"[..]));
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedExtensions<'a> {
    /// All extensions in wire order, including unknown ones. Encoding writes these.
    pub raw: Extensions<'a>,
    /// RFC 6066 §3: the server used the name.
    pub server_name: bool,
    /// RFC 9846 §4.3.7: the groups that the server prefers for later connections.
    pub supported_groups: Option<List<'a, NamedGroup>>,
    /// RFC 7301 §3.1.
    pub alpn: Option<ProtocolName<'a>>,
    /// RFC 7250 §3.
    pub client_certificate_type: Option<CertificateType>,
    /// RFC 7250 §3.
    pub server_certificate_type: Option<CertificateType>,
    /// RFC 6066 §4.
    pub max_fragment_length: Option<MaxFragmentLength>,
    /// RFC 8449 §4; at least 64.
    pub record_size_limit: Option<u16>,
    /// RFC 9846 §4.3.10: the server accepts the early data.
    pub early_data: bool,
    /// RFC 9001 §8.2.
    pub quic_transport_parameters: Option<&'a [u8]>,
}

impl<'a> EncryptedExtensions<'a> {
    fn add(&mut self, typ: ExtensionType, mut data: Reader<'a>) -> Result<(), DecodeError> {
        match typ {
            ExtensionType::SERVER_NAME => {
                ServerNameAck::read(&mut data)?;
                self.server_name = true;
            }
            ExtensionType::SUPPORTED_GROUPS => self.supported_groups = Some(SupportedGroups::read(&mut data)?),
            ExtensionType::ALPN => self.alpn = Some(SelectedAlpn::read(&mut data)?),
            ExtensionType::CLIENT_CERTIFICATE_TYPE => {
                self.client_certificate_type = Some(SelectedClientCertificateType::read(&mut data)?);
            }
            ExtensionType::SERVER_CERTIFICATE_TYPE => {
                self.server_certificate_type = Some(SelectedServerCertificateType::read(&mut data)?);
            }
            ExtensionType::MAX_FRAGMENT_LENGTH => self.max_fragment_length = Some(MaxFragmentLength::read(&mut data)?),
            ExtensionType::RECORD_SIZE_LIMIT => self.record_size_limit = Some(RecordSizeLimit::read(&mut data)?),
            ExtensionType::EARLY_DATA => {
                EarlyData::read(&mut data)?;
                self.early_data = true;
            }
            ExtensionType::QUIC_TRANSPORT_PARAMETERS => self.quic_transport_parameters = Some(data.rest()),
            _ => return reject_misplaced(typ, Place::EncryptedExtensions, "EncryptedExtensions.extensions"),
        }
        data.finish()
    }
}

impl<'a> HandshakeMessage<'a> for EncryptedExtensions<'a> {
    const TYPE: HandshakeType = HandshakeType::ENCRYPTED_EXTENSIONS;
}

impl<'a> Decode<'a> for EncryptedExtensions<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let block = r.vec16(0..=0xffff, "EncryptedExtensions.extensions")?;
        let mut all = Self {
            raw: Extensions::ABSENT,
            server_name: false,
            supported_groups: None,
            alpn: None,
            client_certificate_type: None,
            server_certificate_type: None,
            max_fragment_length: None,
            record_size_limit: None,
            early_data: false,
            quic_transport_parameters: None,
        };
        all.raw = walk(block, &mut |typ, data| all.add(typ, data))?;
        Ok(all)
    }
}

impl Encode for EncryptedExtensions<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.raw.encode(w)
    }
}
