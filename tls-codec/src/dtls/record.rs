//! Records (RFC 6347 §4.1, RFC 9146 §4, RFC 9147 §4).

use crate::{
    code_points::{ContentType, ProtocolVersion},
    error::{BufferFull, DecodeError, Fault},
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A record of DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRecord<'a> {
    /// A record of DTLS 1.2 or older, or an unencrypted one of DTLS 1.3.
    Plaintext {
        /// The type; `tls12_cid` if there is a connection ID.
        content_type: ContentType,
        /// The version; DTLS 1.2 also in DTLS 1.3.
        legacy_record_version: ProtocolVersion,
        /// 0 before encryption.
        epoch: u16,
        /// Below 2<sup>48</sup>.
        sequence_number: u64,
        /// Empty unless the type is `tls12_cid`.
        connection_id: &'a [u8],
        /// The content, encrypted if `epoch` is not 0.
        body: &'a [u8],
    },
    /// An encrypted record of DTLS 1.3 ("DTLSCiphertext").
    Ciphertext {
        /// The first byte, whose low two bits are those of the epoch.
        flags: u8,
        /// Empty unless bit `0x10` of `flags` is set.
        connection_id: &'a [u8],
        /// The encrypted low bits of the sequence number: 1 byte, or 2 if bit `0x08` is set.
        sequence_number: &'a [u8],
        /// The content; up to the end of the datagram unless bit `0x04` is set.
        encrypted_record: &'a [u8],
    },
}

impl<'a> DtlsRecord<'a> {
    /// Decodes the record at the start of `r`. Connection IDs have `connection_id_length` bytes, as
    /// the receiver of the record chose in the extension `connection_id`.
    ///
    /// # Errors
    /// [`Fault::Truncated`], or [`Fault::IllegalValue`] if the first byte starts no record of DTLS
    /// or the version is none of DTLS.
    pub fn decode(r: &mut Reader<'a>, connection_id_length: usize) -> Result<Self, DecodeError> {
        let first = r.at("DTLSPlaintext.type").u8()?;
        if first >> 5 == 1 {
            let flags = first;
            let connection_id = if flags & 0x10 == 0 { 0 } else { connection_id_length };
            return Ok(Self::Ciphertext {
                flags,
                connection_id: r.at("DTLSCiphertext.connection_id").bytes(connection_id)?,
                sequence_number: r.at("DTLSCiphertext.sequence_number").bytes(if flags & 0x08 == 0 { 1 } else { 2 })?,
                encrypted_record: match flags & 0x04 {
                    0 => r.at("DTLSCiphertext.encrypted_record").rest(),
                    _ => r.vec16(0..=0xffff, "DTLSCiphertext.encrypted_record")?.rest(),
                },
            });
        }
        let content_type = ContentType(first);
        let is_type = (ContentType::CHANGE_CIPHER_SPEC..=ContentType::ACK).contains(&content_type);
        let legacy_record_version = ProtocolVersion::decode(r.at("DTLSPlaintext.legacy_record_version"))?;
        if !is_type || legacy_record_version.0 >> 8 != 0xfe {
            return Err(r.error(Fault::IllegalValue));
        }
        let epoch = r.at("DTLSPlaintext.epoch").u16()?;
        let [a, b, c, d, e, f] = *r.at("DTLSPlaintext.sequence_number").array()?;
        let connection_id = if content_type == ContentType::TLS12_CID { connection_id_length } else { 0 };
        Ok(Self::Plaintext {
            content_type,
            legacy_record_version,
            epoch,
            sequence_number: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
            connection_id: r.at("DTLSPlaintext.connection_id").bytes(connection_id)?,
            body: r.vec16(0..=0xffff, "DTLSPlaintext.fragment")?.rest(),
        })
    }
}

impl Encode for DtlsRecord<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self {
            Self::Plaintext { content_type, legacy_record_version, epoch, sequence_number, connection_id, body } => {
                let [0, 0, number @ ..] = sequence_number.to_be_bytes() else { return Err(BufferFull) };
                content_type.encode(w)?;
                legacy_record_version.encode(w)?;
                w.u16(*epoch)?;
                w.bytes(&number)?;
                w.bytes(connection_id)?;
                w.vec16_bytes(body)
            }
            Self::Ciphertext { flags, connection_id, sequence_number, encrypted_record } => {
                w.u8(*flags)?;
                w.bytes(connection_id)?;
                w.bytes(sequence_number)?;
                if flags & 0x04 == 0 { w.bytes(encrypted_record) } else { w.vec16_bytes(encrypted_record) }
            }
        }
    }
}

/// Returns an iterator over the records of a datagram. It ends after the first malformed one.
#[must_use]
pub fn records(datagram: &[u8], connection_id_length: usize) -> Records<'_> {
    Records { rest: Reader::new(datagram), connection_id_length }
}

/// Iterator over the records of a datagram.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: Reader<'a>,
    connection_id_length: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<DtlsRecord<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = DtlsRecord::decode(&mut self.rest, self.connection_id_length);
        if record.is_err() {
            self.rest.rest();
        }
        Some(record)
    }
}

/// The content of an ACK record of DTLS 1.3 (RFC 9147 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The records that were received.
    pub record_numbers: List<'a, RecordNumber>,
}

impl<'a> Decode<'a> for Ack<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { record_numbers: List::decode_body(r.vec16(0..=0xffff, "ACK.record_numbers")?)? })
    }
}

impl Encode for Ack<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16(|w| self.record_numbers.encode(w))
    }
}

/// The number of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNumber {
    /// The epoch.
    pub epoch: u64,
    /// The sequence number in the epoch.
    pub sequence_number: u64,
}

impl<'a> Decode<'a> for RecordNumber {
    const FIXED_SIZE: Option<usize> = Some(16);

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { epoch: u64::from_be_bytes(*r.array()?), sequence_number: u64::from_be_bytes(*r.array()?) })
    }
}
