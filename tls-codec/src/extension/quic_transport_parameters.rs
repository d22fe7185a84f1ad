//! `quic_transport_parameters` (RFC 9001 §8.2).

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::Writer,
};

/// The transport parameters of a QUIC endpoint. TLS carries them without decoding them;
/// [`decode`](Self::decode) does that for tools.
#[derive(Clone, Copy, Debug)]
pub struct QuicTransportParameters;

impl QuicTransportParameters {
    /// Writes the extension with `data`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if `data` is longer than 65,535 bytes.
    pub fn write(w: &mut Writer<'_>, data: &[u8]) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, data)
    }

    /// Decodes the data into parameters, whose values are decoded one by one.
    ///
    /// ```
    /// use strata_tls_codec::extension::{QuicTransportParameter as Parameter, QuicTransportParameters};
    ///
    /// let parameters = QuicTransportParameters::decode(&[4, 2, 0x40, 0x64, 0x0c, 0, 3, 1, 7])?;
    /// let values: Vec<_> = parameters.iter().map(|parameter| parameter.decode()).collect();
    /// assert_eq!(values[0], Ok(Parameter::InitialMaxData(100)));
    /// assert_eq!(values[1], Ok(Parameter::DisableActiveMigration));
    /// assert_eq!(parameters.iter().nth(2).map(|parameter| (parameter.id, parameter.value)), Some((3, &[7][..])));
    /// # Ok::<(), strata_tls_codec::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`Fault::Truncated`] if a length exceeds the data.
    pub fn decode(data: &[u8]) -> Result<List<'_, RawQuicTransportParameter<'_>>, DecodeError> {
        List::decode_body(Reader::new(data))
    }
}

impl Extension for QuicTransportParameters {
    const TYPE: ExtensionType = ExtensionType::QUIC_TRANSPORT_PARAMETERS;
    type View<'a> = &'a [u8];

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(data.rest())
    }
}

/// A parameter whose value is not decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawQuicTransportParameter<'a> {
    /// The identifier. `31 * n + 27` is GREASE (RFC 9000 §18.1).
    pub id: u64,
    /// The value.
    pub value: &'a [u8],
}

impl<'a> RawQuicTransportParameter<'a> {
    /// Decodes the value.
    ///
    /// # Errors
    /// [`Fault::Truncated`] or [`Fault::TrailingData`] if the value has not the length that its
    /// parameter requires. Its range is not checked.
    pub fn decode(&self) -> Result<QuicTransportParameter<'a>, DecodeError> {
        use QuicTransportParameter as P;
        let mut r = *Reader::new(self.value).at("quic_transport_parameters.value");
        let parameter = match self.id {
            0x00 => P::OriginalDestinationConnectionId(r.rest()),
            0x01 => P::MaxIdleTimeout(varint(&mut r)?),
            0x02 => P::StatelessResetToken(r.array()?),
            0x03 => P::MaxUdpPayloadSize(varint(&mut r)?),
            0x04 => P::InitialMaxData(varint(&mut r)?),
            0x05 => P::InitialMaxStreamDataBidiLocal(varint(&mut r)?),
            0x06 => P::InitialMaxStreamDataBidiRemote(varint(&mut r)?),
            0x07 => P::InitialMaxStreamDataUni(varint(&mut r)?),
            0x08 => P::InitialMaxStreamsBidi(varint(&mut r)?),
            0x09 => P::InitialMaxStreamsUni(varint(&mut r)?),
            0x0a => P::AckDelayExponent(varint(&mut r)?),
            0x0b => P::MaxAckDelay(varint(&mut r)?),
            0x0c => P::DisableActiveMigration,
            0x0d => P::PreferredAddress(QuicPreferredAddress::decode(&mut r)?),
            0x0e => P::ActiveConnectionIdLimit(varint(&mut r)?),
            0x0f => P::InitialSourceConnectionId(r.rest()),
            0x10 => P::RetrySourceConnectionId(r.rest()),
            0x11 => P::VersionInformation {
                chosen: r.u32()?,
                available: List::decode_body(*Reader::new(r.rest()).at("quic_transport_parameters.value"))?,
            },
            0x20 => P::MaxDatagramFrameSize(varint(&mut r)?),
            0x2ab2 => P::GreaseQuicBit,
            _ => P::Other(r.rest()),
        };
        r.finish()?;
        Ok(parameter)
    }
}

impl<'a> Decode<'a> for RawQuicTransportParameter<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = varint(r.at("quic_transport_parameters.id"))?;
        let length = varint(r.at("quic_transport_parameters.length"))?;
        let length = usize::try_from(length).map_err(|_| r.error(Fault::Truncated))?;
        Ok(Self { id, value: r.at("quic_transport_parameters.value").bytes(length)? })
    }
}

/// The value of a transport parameter (RFC 9000 §18.2). Integers are not checked for their range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuicTransportParameter<'a> {
    /// The connection ID of the first packet of the client.
    OriginalDestinationConnectionId(&'a [u8]),
    /// In milliseconds; 0 disables it.
    MaxIdleTimeout(u64),
    /// The token of a stateless reset.
    StatelessResetToken(&'a [u8; 16]),
    /// In bytes.
    MaxUdpPayloadSize(u64),
    /// In bytes.
    InitialMaxData(u64),
    /// In bytes.
    InitialMaxStreamDataBidiLocal(u64),
    /// In bytes.
    InitialMaxStreamDataBidiRemote(u64),
    /// In bytes.
    InitialMaxStreamDataUni(u64),
    /// The number of streams.
    InitialMaxStreamsBidi(u64),
    /// The number of streams.
    InitialMaxStreamsUni(u64),
    /// A power of two.
    AckDelayExponent(u64),
    /// In milliseconds.
    MaxAckDelay(u64),
    /// The peer must not migrate.
    DisableActiveMigration,
    /// The address to which the client should migrate.
    PreferredAddress(QuicPreferredAddress<'a>),
    /// The number of connection IDs.
    ActiveConnectionIdLimit(u64),
    /// The connection ID of the endpoint's first packet.
    InitialSourceConnectionId(&'a [u8]),
    /// The connection ID of a Retry packet.
    RetrySourceConnectionId(&'a [u8]),
    /// RFC 9368 §3.
    VersionInformation {
        /// The version of the connection.
        chosen: u32,
        /// The versions that the endpoint supports, in order of preference.
        available: List<'a, QuicVersion>,
    },
    /// RFC 9221 §3, in bytes.
    MaxDatagramFrameSize(u64),
    /// RFC 9287 §3.
    GreaseQuicBit,
    /// Another parameter.
    Other(&'a [u8]),
}

/// A version of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuicVersion(pub u32);

impl<'a> Decode<'a> for QuicVersion {
    const FIXED_SIZE: Option<usize> = Some(4);

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.u32().map(Self)
    }
}

/// The value of `preferred_address`. An address of zeros is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuicPreferredAddress<'a> {
    /// The address for IPv4.
    pub ipv4: SocketAddrV4,
    /// The address for IPv6.
    pub ipv6: SocketAddrV6,
    /// A connection ID for the address.
    pub connection_id: &'a [u8],
    /// The token of a stateless reset.
    pub stateless_reset_token: &'a [u8; 16],
}

impl<'a> Decode<'a> for QuicPreferredAddress<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let at = r.context();
        Ok(Self {
            ipv4: SocketAddrV4::new(Ipv4Addr::from(*r.array::<4>()?), r.u16()?),
            ipv6: SocketAddrV6::new(Ipv6Addr::from(*r.array::<16>()?), r.u16()?, 0, 0),
            connection_id: r.vec8(0..=255, at)?.rest(),
            stateless_reset_token: r.array()?,
        })
    }
}

/// Reads an integer of variable length (RFC 9000 §16).
fn varint(r: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let first = r.u8()?;
    let rest = r.bytes(usize::from(1_u8.wrapping_shl(u32::from(first >> 6))).saturating_sub(1))?;
    Ok(rest.iter().fold(u64::from(first & 0x3f), |value, byte| value.wrapping_shl(8) | u64::from(*byte)))
}
