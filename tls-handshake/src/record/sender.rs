//! Sending: cuts data into records of at most the record size, pads them (as `size_and_padding`
//! says) and encrypts them in place. Says when its key needs an update, which
//! `connection/sending` makes.

use std::io::IoSlice;

use tls_codec::code_points::{ContentType, ProtocolVersion};
use tls_codec::error::BufferFull;
use tls_codec::record::{HEADER_LEN, RecordHeader};
use tls_codec::writer::Writer;
use tls_crypto::{Overhead, Sealer};

use super::{Outgoing, RecordSizing};
use crate::error::Error;
use crate::record_size_limit::{LimitedRecords, UNLIMITED};
use crate::schedule::{Epoch, WriteKey};
use crate::sink::EncodeMessage;

/// Minimum capacity of the buffer when a flight starts, in bytes. It fits a client's flight; a
/// server's needs twice as much.
const FLIGHT: usize = 900;

/// The same for a flight that starts with change_cipher_spec, which mostly only a Finished follows.
const SHORT_FLIGHT: usize = 128;

/// The room that a record needs around its content, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRoom {
    /// Before the content: the header and the explicit nonce of TLS 1.2.
    pub before: usize,
    /// After the content: the content type and the padding of TLS 1.3, and the tag.
    pub after: usize,
}

impl RecordRoom {
    /// Checks that `record` has this room around `content` bytes.
    ///
    /// # Errors
    /// [`Error::RecordRoom`].
    pub(crate) fn check(self, record: &[u8], content: usize) -> Result<(), Error> {
        let need = self.before.saturating_add(content).saturating_add(self.after);
        if record.len() == need { Ok(()) } else { Err(Error::RecordRoom { got: record.len(), need: Some(need) }) }
    }
}

/// The sending half of the record layer.
pub(crate) struct RecordSender {
    sealer: Option<Sealer>,
    sizing: RecordSizing,
    /// Maximum number of bytes of content and padding in a record that the peer accepts.
    limit: u16,
    /// The limit for records sent now. Unprotected records have none unless it applies to all.
    limit_now: u16,
    /// Records after which the configuration requires another key.
    records_until_update: u64,
    early_data_left: Option<u32>,
    /// change_cipher_spec precedes the next record.
    is_change_cipher_spec_queued: bool,
    /// The first ClientHello may have TLS 1.0 in its record header, for old middleboxes (RFC 9846
    /// §5.1).
    version: ProtocolVersion,
}

impl RecordSender {
    pub(crate) fn new(sizing: RecordSizing, records_per_key: Option<u64>, version: ProtocolVersion) -> Self {
        let (limit, limit_now) = (UNLIMITED, UNLIMITED);
        // Reserves some for records that cannot wait for another key.
        let until_update = |records: u64| records.saturating_sub((records >> 3).max(1));
        let records_until_update = records_per_key.map_or(u64::MAX, until_update);
        Self {
            sealer: None,
            sizing,
            limit,
            limit_now,
            records_until_update,
            early_data_left: None,
            is_change_cipher_spec_queued: false,
            version,
        }
    }

    /// Limits sent records to `limit` bytes of content (RFC 8449 §4, RFC 6066 §4).
    pub(crate) fn limit(&mut self, limit: u16, limited: LimitedRecords) {
        self.limit = limit;
        if self.sealer.is_some() || limited == LimitedRecords::All {
            self.limit_now = limit;
        }
    }

    /// The maximum number of bytes of content in a protected record.
    pub(crate) fn negotiated_limit(&self) -> u16 {
        self.limit
    }

    /// Appends a handshake message to the flight. Returns its bytes.
    pub(crate) fn message<'o>(
        &mut self,
        outgoing: &'o mut Outgoing,
        encode: &mut EncodeMessage<'_>,
    ) -> Result<&'o [u8], Error> {
        if outgoing.flight().is_none() {
            self.send_queued(outgoing)?;
            outgoing.make_room(FLIGHT);
            let at = outgoing.bytes_mut().len();
            // Reserves room for the header of the first record.
            outgoing.bytes_mut().extend_from_slice(&[0; HEADER_LEN]);
            outgoing.set_flight(Some(at));
        }
        let bytes = outgoing.bytes_mut();
        let at = bytes.len();
        if let Err(BufferFull) = encode(&mut Writer::append(bytes)) {
            bytes.truncate(at);
            return Err(Error::LocalMessageTooLong);
        }
        Ok(bytes.get(at..).unwrap_or_default())
    }

    /// Ends the flight: splits it into records and seals each in place.
    ///
    /// A flight that fits one record is not moved, unless an explicit nonce precedes it (Finished
    /// of TLS 1.2, 16 bytes). Longer flights are moved from the end, each byte once.
    pub(crate) fn end_flight(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let Some(start) = outgoing.flight() else { return Ok(()) };
        let bytes = outgoing.bytes_mut();
        let length = bytes.len().saturating_sub(start).saturating_sub(HEADER_LEN);
        let (around, fragment) = (self.overhead(), self.max_fragment());
        let before = HEADER_LEN + around.before;
        let (step, count) = (before + fragment + around.after, length.div_ceil(fragment));
        let last = length.saturating_sub(count.saturating_sub(1) * fragment);
        let size = |record| if record == count - 1 { last } else { fragment };
        let padding = self.padding(last, fragment);
        bytes.resize(start + count.saturating_sub(1) * step + before + last + padding + around.after, 0);
        for record in (0..count).rev() {
            // The first record is in place unless an explicit nonce precedes its content.
            if record > 0 || around.before > 0 {
                let from = start + HEADER_LEN + record * fragment;
                bytes.copy_within(from..from + size(record), start + record * step + before);
            }
        }
        for record in 0..count {
            let at = start + record * step;
            // Only the last record can have padding: the others are full.
            let padding = if record == count - 1 { padding } else { 0 };
            let end = at + before + size(record) + padding + around.after;
            let whole = bytes.get_mut(at..end).ok_or(Error::LocalMessageTooLong)?;
            self.finish_record(ContentType::HANDSHAKE, padding, None, whole)?;
        }
        outgoing.set_flight(None);
        self.version = ProtocolVersion::TLS12;
        Ok(())
    }

    /// Sends one record of early data, up to its capacity and the limit. Returns the number of
    /// bytes taken.
    pub(crate) fn early_data(&mut self, data: &[u8], outgoing: &mut Outgoing) -> Result<usize, Error> {
        let left = self.early_data_left.unwrap_or(0);
        let room = self.max_fragment().min(usize::try_from(left).unwrap_or(usize::MAX));
        if data.is_empty() || room == 0 {
            return Ok(0);
        }
        let taken = self.record_up_to(room, ContentType::APPLICATION_DATA, &[IoSlice::new(data)], outgoing)?;
        // RFC 9846 §4.7.1: padding counts, since a server that rejects early data cannot
        // distinguish it.
        let sent = taken + self.padding(taken, room);
        self.early_data_left = Some(left.saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX)));
        Ok(taken)
    }

    /// Sends one record of application data with as much of `slices` as fits. Returns the number of
    /// bytes taken.
    #[inline]
    pub(crate) fn application_data(&mut self, slices: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error> {
        let taken = self.record(ContentType::APPLICATION_DATA, slices, outgoing)?;
        self.sizing.sent(taken);
        Ok(taken)
    }

    /// The room around `content` bytes of application data in the next record.
    pub(crate) fn room_around(&self, content: usize) -> RecordRoom {
        let around = self.overhead();
        let padding = self.padding(content, self.record_capacity());
        RecordRoom { before: HEADER_LEN + around.before, after: padding + around.after }
    }

    /// Seals one record of `content` bytes of application data. `record` has the room of
    /// `room_around`.
    pub(crate) fn in_place(&mut self, content: usize, record: &mut [u8]) -> Result<(), Error> {
        let padding = self.padding(content, self.record_capacity());
        let end = record.len().saturating_sub(self.overhead().after);
        record.get_mut(end.saturating_sub(padding)..end).unwrap_or_default().fill(0);
        self.finish_record(ContentType::APPLICATION_DATA, padding, None, record)?;
        self.sizing.sent(content);
        Ok(())
    }

    /// The maximum number of bytes of application data in the next record.
    #[inline]
    pub(crate) fn record_capacity(&self) -> usize {
        self.fragment(self.sizing.next())
    }

    /// Restarts the ramp-up after a pause.
    pub(crate) fn note_idle(&mut self) {
        self.sizing.restart();
    }

    /// Sends one record with as much of `slices` as fits. Returns the number of bytes taken.
    ///
    /// Alerts are padded like data, so they are as long as data records are now.
    #[inline]
    pub(crate) fn record(
        &mut self,
        content_type: ContentType,
        slices: &[IoSlice<'_>],
        outgoing: &mut Outgoing,
    ) -> Result<usize, Error> {
        self.record_up_to(self.record_capacity(), content_type, slices, outgoing)
    }

    /// Like `record`, with a capacity of at most `room` bytes.
    fn record_up_to(
        &mut self,
        mut room: usize,
        content_type: ContentType,
        slices: &[IoSlice<'_>],
        outgoing: &mut Outgoing,
    ) -> Result<usize, Error> {
        self.send_queued(outgoing)?;
        let around = self.overhead();
        let before = HEADER_LEN + around.before;
        let total = slices.iter().fold(0usize, |sum, slice| sum.saturating_add(slice.len())).min(room);
        let padding = self.padding(total, room);
        let length = before + total + padding + around.after;
        outgoing.make_room(length);
        let record = outgoing.record_room(length);
        let Some(content) = record.get_mut(before..before + total + padding) else {
            return Err(Error::LocalMessageTooLong);
        };
        let source = match slices {
            [slice] if self.sealer.is_some() => slice.get(..total),
            _ => {
                let mut rest = &mut *content;
                for slice in slices {
                    let (to, after) = std::mem::take(&mut rest).split_at_mut(slice.len().min(room));
                    to.copy_from_slice(slice.split_at(to.len()).0);
                    room -= to.len();
                    rest = after;
                }
                None
            }
        };
        content.get_mut(total..).unwrap_or_default().fill(0);
        // A record that cannot be sealed is not added: plaintext must not reach the transport.
        self.finish_record(content_type, padding, source, record)?;
        outgoing.add_record(length);
        Ok(total)
    }

    /// Seals a TLSInnerPlaintext, including its content type and padding.
    #[cfg(test)]
    pub(crate) fn inner_plaintext(&mut self, inner: &[u8], outgoing: &mut Outgoing) {
        let sealer = self.sealer.as_mut().expect("keys");
        // Its last byte takes the place of the content type.
        let (last, content) = inner.split_last().expect("a type");
        let mut record = [&[0; HEADER_LEN], content, &[0; 17]].concat();
        sealer.seal(*last, &mut record).expect("a usable key");
        outgoing.bytes_mut().extend_from_slice(&record);
    }

    /// Ends the flight and sends change_cipher_spec, which is never encrypted (RFC 9846 §5).
    pub(crate) fn change_cipher_spec(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.end_flight(outgoing)?;
        outgoing.make_room(SHORT_FLIGHT);
        outgoing.bytes_mut().extend_from_slice(&[ContentType::CHANGE_CIPHER_SPEC.0, 3, 3, 0, 1, 1]);
        Ok(())
    }

    /// Ends the flight. Sends change_cipher_spec before the next record.
    pub(crate) fn queue_change_cipher_spec(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.end_flight(outgoing)?;
        self.is_change_cipher_spec_queued = true;
        Ok(())
    }

    #[inline]
    fn send_queued(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        if !self.is_change_cipher_spec_queued {
            return Ok(());
        }
        self.is_change_cipher_spec_queued = false;
        self.change_cipher_spec(outgoing)
    }

    /// Ends the flight under the current key, and seals later records with `key`.
    pub(crate) fn install(&mut self, key: WriteKey<'_>, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.end_flight(outgoing)?;
        self.early_data_left = match key.epoch {
            Epoch::EarlyData { limit } => Some(limit),
            Epoch::Handshake | Epoch::Application => None,
        };
        self.sealer = Some(key.into_sealer());
        self.limit_now = self.limit;
        Ok(())
    }

    /// Sends unencrypted records again.
    pub(crate) fn remove_key(&mut self) {
        self.sealer = None;
        self.early_data_left = None;
    }

    /// The number of bytes of early data that may still be sent; `None` unless the key is for early
    /// data.
    pub(crate) fn early_data_left(&self) -> Option<u32> {
        self.early_data_left
    }

    /// Drops the flight that is not sealed yet, so that an alert can replace it.
    pub(crate) fn abandon_flight(&mut self, outgoing: &mut Outgoing) {
        outgoing.drop_flight();
    }

    /// Returns whether the key has nearly reached its limit (RFC 9846 §5.5).
    #[inline]
    pub(crate) fn is_nearly_exhausted(&self) -> bool {
        self.sealer.as_ref().is_some_and(Sealer::needs_key_update)
    }

    /// Returns whether a KeyUpdate must precede the next data: the key is near its limit, or near
    /// the limit of the configuration. Flights and alerts may exceed the latter, since they cannot
    /// wait for another key.
    #[inline]
    pub(crate) fn needs_key_update(&self) -> bool {
        let old = self.sealer.as_ref().is_some_and(|sealer| sealer.sequence() >= self.records_until_update);
        old || self.is_nearly_exhausted()
    }

    /// Writes the header and seals the record. `whole` consists of room for the header, and the
    /// fragment with room for the overhead around it. The fragment ends in `padding` bytes, which
    /// are already zero. `source` is the content if it is not in `whole`, under a key.
    #[inline]
    fn finish_record(
        &mut self,
        content_type: ContentType,
        padding: usize,
        source: Option<&[u8]>,
        whole: &mut [u8],
    ) -> Result<(), Error> {
        let Some(sealer) = &mut self.sealer else {
            let Some((head, body)) = whole.split_first_chunk_mut::<HEADER_LEN>() else {
                return Err(Error::LocalMessageTooLong);
            };
            let length = u16::try_from(body.len()).map_err(|_| Error::LocalMessageTooLong)?;
            *head = RecordHeader { content_type, legacy_record_version: self.version, length }.to_bytes();
            return Ok(());
        };
        let mut last = content_type.0;
        if padding > 0 {
            // RFC 9846 §5.4: the content type precedes the padding. `seal` writes the last zero in
            // its place.
            let after = padding + sealer.overhead().after;
            let at = whole.len().checked_sub(after).and_then(|at| whole.get_mut(at));
            let Some(at) = at else { return Err(Error::LocalMessageTooLong) };
            *at = std::mem::take(&mut last);
        }
        let sealed = match source {
            Some(content) => sealer.seal_from(last, content, whole),
            None => sealer.seal(last, whole),
        };
        sealed.map_err(|_| Error::Crypto("sealing a record"))
    }

    /// The padding of a record with `content` bytes that holds at most `room`. Only records with an
    /// encrypted content type can have any.
    #[inline]
    fn padding(&self, content: usize, room: usize) -> usize {
        if self.sealer.as_ref().is_some_and(Sealer::hides_content_type) {
            self.sizing.padding(content, room)
        } else {
            0
        }
    }

    /// The overhead of protection around a fragment.
    #[inline]
    fn overhead(&self) -> Overhead {
        self.sealer.as_ref().map_or(Overhead { before: 0, after: 0 }, Sealer::overhead)
    }

    /// The maximum number of bytes of content in a record.
    fn max_fragment(&self) -> usize {
        self.fragment(self.sizing.full())
    }

    /// The number of bytes of content in a record of this size on the wire, which includes all
    /// overhead.
    #[inline]
    fn fragment(&self, record: usize) -> usize {
        let around = self.overhead();
        record.saturating_sub(HEADER_LEN + around.before + around.after).min(self.limit_now.into()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RecordPadding;
    use tls_codec::code_points::HandshakeType;
    use tls_codec::record::{Deframed, MAX_FRAGMENT, deframe};

    fn records(mut wire: &[u8]) -> Vec<(ContentType, Vec<u8>)> {
        let mut found = Vec::new();
        while !wire.is_empty() {
            let Ok(Deframed::Record { header, body }) = deframe(wire, MAX_FRAGMENT + 256) else { panic!("no record") };
            found.push((header.content_type, wire[body.clone()].to_vec()));
            wire = &wire[body.end..];
        }
        found
    }

    #[test]
    fn flight_is_split_at_record_size_without_loss() {
        for length in [0usize, 1, 37, 38, 39, 83, 84, 85, 1000] {
            let mut transmit = RecordSender::new(
                RecordSizing::new(64 + HEADER_LEN, None, RecordPadding::None),
                None,
                ProtocolVersion::TLS10,
            );
            let mut outgoing = Outgoing::new();
            let content: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            transmit
                .message(&mut outgoing, &mut |w| w.message(HandshakeType::CERTIFICATE, |w| w.bytes(&content)))
                .unwrap();
            assert!(outgoing.is_empty(), "an unfinished flight is visible");
            transmit.end_flight(&mut outgoing).unwrap();
            let parts = records(outgoing.ready());
            assert!(parts.iter().all(|(t, body)| *t == ContentType::HANDSHAKE && !body.is_empty() && body.len() <= 64));
            let joined: Vec<u8> = parts.into_iter().flat_map(|(_, body)| body).collect();
            assert_eq!(joined[4..], content);
        }
    }

    #[test]
    fn many_slices_fill_one_record() {
        let sizing = RecordSizing::new(crate::config::MAX_RECORD, None, RecordPadding::None);
        let mut transmit = RecordSender::new(sizing, None, ProtocolVersion::TLS12);
        let mut outgoing = Outgoing::new();
        let slices: Vec<IoSlice<'_>> = (0..3000).map(|_| IoSlice::new(b"0123456789")).collect();
        let taken = transmit.application_data(&slices, &mut outgoing).unwrap();
        assert_eq!(taken, MAX_FRAGMENT);
        assert_eq!(records(outgoing.ready()).len(), 1);
    }

    fn unlimited(ramp_up: Option<crate::config::RecordRampUp>) -> RecordSender {
        let sizing = RecordSizing::new(crate::config::MAX_RECORD, ramp_up, RecordPadding::None);
        RecordSender::new(sizing, None, ProtocolVersion::TLS12)
    }

    #[test]
    fn oversized_message_leaves_nothing() {
        let (mut transmit, mut outgoing) = (unlimited(None), Outgoing::new());
        transmit.message(&mut outgoing, &mut |w| w.bytes(b"whole")).unwrap();
        let failed = transmit.message(&mut outgoing, &mut |w| {
            w.bytes(b"part")?;
            Err(BufferFull)
        });
        assert_eq!(failed, Err(Error::LocalMessageTooLong));
        transmit.end_flight(&mut outgoing).unwrap();
        assert_eq!(records(outgoing.ready()), [(ContentType::HANDSHAKE, b"whole".to_vec())]);
    }

    /// A record that cannot be sealed must not be sent unencrypted.
    #[test]
    fn unsealable_record_leaves_nothing() {
        let (mut transmit, mut outgoing) = (unlimited(None), Outgoing::new());
        let data = vec![7; 70_000];
        let failed =
            transmit.record_up_to(70_000, ContentType::APPLICATION_DATA, &[IoSlice::new(&data)], &mut outgoing);
        assert_eq!(failed, Err(Error::LocalMessageTooLong));
        assert_eq!(outgoing.ready(), b"");
    }

    #[test]
    fn in_place_records_count_towards_ramp_up() {
        let mut transmit = unlimited(Some(crate::config::RecordRampUp { record_size: 1000, bytes: 2000 }));
        assert!(transmit.record_capacity() < 1000);
        for _ in 0..3 {
            transmit.in_place(900, &mut [0; HEADER_LEN + 900]).unwrap();
        }
        assert_eq!(transmit.record_capacity(), MAX_FRAGMENT);
    }

    #[test]
    fn early_data_obeys_record_size() {
        let sizing = RecordSizing::new(64 + HEADER_LEN, None, RecordPadding::None);
        let mut transmit = RecordSender::new(sizing, None, ProtocolVersion::TLS12);
        let mut outgoing = Outgoing::new();
        assert_eq!(transmit.early_data(b"none", &mut outgoing), Ok(0));
        transmit.early_data_left = Some(100);
        assert_eq!(transmit.early_data(b"", &mut outgoing), Ok(0));
        assert_eq!(outgoing.ready(), b"");
        assert_eq!(transmit.early_data(&[7; 200], &mut outgoing), Ok(64));
        assert_eq!(transmit.early_data(&[7; 200], &mut outgoing), Ok(36));
        assert_eq!(transmit.early_data(&[7; 200], &mut outgoing), Ok(0));
    }
}
