//! Receiving: decrypts the record at the front of the caller's bytes in place. Counts early data
//! against its limit, and records without data against those in `flood`.

use std::ops::Range;

use tls_codec::code_points::ContentType;
use tls_codec::record::{Deframed, MAX_CIPHERTEXT, MAX_FRAGMENT, deframe};
use tls_crypto::{Opener, TAG_LEN};

use crate::error::{Error, StateName};
use crate::flood::IdleRecords;
use crate::record_size_limit::{LimitedRecords, UNLIMITED};
use crate::schedule::{Epoch, ReadKey};

/// The receiving half of the record layer.
pub(crate) struct RecordReceiver {
    key: Option<(Opener, Epoch)>,
    /// A record was decrypted: the peer has keys and no reason to send unencrypted records.
    opened: bool,
    limited: LimitedRecords,
    /// Maximum number of bytes of content and padding in a received record.
    limit: u16,
    pub(crate) idle: IdleRecords,
    /// The early data that may still arrive under the early data key.
    early_data: Option<EarlyData>,
    /// Rejected early data that may still be skipped.
    skip: Option<EarlyData>,
}

/// A limit on early data, and how much of it is left.
#[derive(Clone, Copy)]
struct EarlyData {
    limit: u32,
    left: u32,
}

impl EarlyData {
    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        let left = u32::try_from(bytes).ok().and_then(|bytes| self.left.checked_sub(bytes));
        self.left = left.ok_or(Error::TooMuchEarlyData { limit: self.limit })?;
        Ok(())
    }
}

/// The start of the bytes.
pub(crate) enum NextRecord {
    /// An incomplete record, which needs this many more bytes.
    Incomplete { need: usize },
    /// A record, with the place of its content.
    Record { content_type: ContentType, content: Range<usize>, total: usize },
    /// A record of rejected early data.
    Skipped { total: usize },
}

impl RecordReceiver {
    pub(crate) fn new() -> Self {
        let (limit, limited) = (UNLIMITED, LimitedRecords::Protected);
        Self { key: None, opened: false, limited, limit, idle: IdleRecords::default(), early_data: None, skip: None }
    }

    /// Rejects records with more than `limit` bytes of content (RFC 8449 §4, RFC 6066 §4).
    pub(crate) fn limit(&mut self, limit: u16, limited: LimitedRecords) {
        (self.limit, self.limited) = (limit, limited);
    }

    /// The maximum number of bytes of content in a protected record.
    pub(crate) fn negotiated_limit(&self) -> u16 {
        self.limit
    }

    /// The maximum length of the body of the next record.
    fn max_body(&self) -> usize {
        match &self.key {
            // Sent before the client received our limit.
            Some((_, Epoch::EarlyData { .. })) => MAX_CIPHERTEXT,
            Some((opener, _)) if self.limit < UNLIMITED => {
                let around = opener.overhead();
                usize::from(self.limit) + around.before + around.after
            }
            Some(_) => MAX_CIPHERTEXT,
            None if self.limited == LimitedRecords::All => self.limit.into(),
            None => MAX_FRAGMENT,
        }
    }

    pub(crate) fn install(&mut self, key: ReadKey<'_>) {
        let epoch = key.epoch;
        self.key = Some((key.into_opener(), epoch));
        self.early_data = match epoch {
            Epoch::EarlyData { limit } => Some(EarlyData { limit, left: limit }),
            Epoch::Handshake | Epoch::Application => None,
        };
    }

    /// Skips up to `limit` bytes of early data (RFC 9846 §4.3.10), until another record can be
    /// read.
    pub(crate) fn skip_early_data(&mut self, limit: u32) {
        self.skip = Some(EarlyData { limit, left: limit });
    }

    /// Returns whether application data is early data now.
    pub(crate) fn is_early(&self) -> bool {
        self.early_data.is_some()
    }

    /// Counts received early data towards its limit.
    pub(crate) fn count_early_data(&mut self, bytes: usize) -> Result<(), Error> {
        self.early_data.as_mut().map_or(Ok(()), |early| early.count(bytes))
    }

    /// Returns whether a record with `body` bytes of protected content is early data to skip.
    ///
    /// # Errors
    /// [`Error::TooMuchEarlyData`].
    fn skips(&mut self, body: usize) -> Result<bool, Error> {
        let Some(skip) = &mut self.skip else { return Ok(false) };
        skip.count(body.saturating_sub(1 + TAG_LEN).max(1))?;
        Ok(true)
    }

    /// Decrypts the record at the front of `incoming`. `state` returns the name of the state, for
    /// errors.
    pub(crate) fn open(&mut self, incoming: &mut [u8], state: &dyn Fn() -> StateName) -> Result<NextRecord, Error> {
        let max_body = self.max_body();
        // Skipped records were sent before the client received our limit.
        let (header, body) = match deframe(incoming, if self.skip.is_some() { MAX_CIPHERTEXT } else { max_body })? {
            Deframed::Incomplete { need } => return Ok(NextRecord::Incomplete { need }),
            Deframed::Record { header, body } => (header, body),
        };
        let (outer, total) = (header.content_type, body.end);
        let Some((opener, epoch)) = &mut self.key else {
            if outer != ContentType::APPLICATION_DATA {
                if outer == ContentType::HANDSHAKE {
                    // The second ClientHello ends early data.
                    self.skip = None;
                }
                return self.check(outer, body, total);
            }
            if self.skips(body.len())? {
                return Ok(NextRecord::Skipped { total });
            }
            return Err(Error::UnexpectedRecord { state: state(), got: outer });
        };
        if opener.hides_content_type() && outer != ContentType::APPLICATION_DATA {
            // A peer that failed to derive keys can send only an unencrypted alert. It ends the
            // connection.
            let cannot_encrypt = *epoch == Epoch::Handshake && !self.opened;
            return match outer {
                ContentType::CHANGE_CIPHER_SPEC => self.check(outer, body, total),
                ContentType::ALERT if cannot_encrypt => self.check(outer, body, total),
                _ => Err(Error::UnprotectedRecord { state: state(), got: outer }),
            };
        }
        let limit = MAX_FRAGMENT + usize::from(opener.hides_content_type());
        let Some(record) = incoming.get_mut(..total) else { return Err(Error::BadRecordMac) };
        let opened = match opener.open(record) {
            Ok(opened) => opened,
            Err(tls_crypto::Error::PlaintextTooLong(got)) => return Err(Error::RecordOverflow { got, limit }),
            // RFC 9846 §5.4: the record contains only padding.
            Err(tls_crypto::Error::NoContentType) => return Err(Error::EmptyRecord),
            // RFC 9846 §4.3.10: encrypted with the early data key, which this server does not have.
            Err(_) if self.skips(body.len())? => return Ok(NextRecord::Skipped { total }),
            Err(_) => return Err(Error::BadRecordMac),
        };
        if body.len() > max_body {
            return Err(Error::RecordOverflow { got: body.len(), limit: max_body });
        }
        self.opened = true;
        self.skip = None;
        match ContentType(opened.content_type) {
            inner @ (ContentType::HANDSHAKE | ContentType::ALERT | ContentType::APPLICATION_DATA) => {
                self.check(inner, opened.content, total)
            }
            got => Err(Error::UnexpectedRecord { state: state(), got }),
        }
    }

    fn check(&mut self, content_type: ContentType, content: Range<usize>, total: usize) -> Result<NextRecord, Error> {
        if content.is_empty() {
            match content_type {
                ContentType::HANDSHAKE | ContentType::ALERT => return Err(Error::EmptyRecord),
                ContentType::APPLICATION_DATA => self.idle.count_empty()?,
                // The connection rejects an empty change_cipher_spec.
                _ => {}
            }
        } else if content_type == ContentType::APPLICATION_DATA {
            self.idle = IdleRecords::default();
        }
        Ok(NextRecord::Record { content_type, content, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(content_type: ContentType, length: u16) -> Vec<u8> {
        [&[content_type.0, 3, 3], &length.to_be_bytes()[..], &vec![7; length.into()]].concat()
    }

    fn open(receive: &mut RecordReceiver, content_type: ContentType, length: u16) -> Result<NextRecord, Error> {
        receive.open(&mut plain(content_type, length), &|| StateName::ENDED)
    }

    #[test]
    fn shortest_skipped_records_count_towards_limit() {
        let mut receive = RecordReceiver::new();
        receive.skip_early_data(3);
        for length in [1, 17, 18] {
            let opened = open(&mut receive, ContentType::APPLICATION_DATA, length);
            assert!(matches!(opened, Ok(NextRecord::Skipped { .. })), "{length}");
        }
        let opened = open(&mut receive, ContentType::APPLICATION_DATA, 1);
        assert_eq!(opened.err(), Some(Error::TooMuchEarlyData { limit: 3 }));
    }

    #[test]
    fn second_client_hello_ends_skipping() {
        let mut receive = RecordReceiver::new();
        receive.skip_early_data(100);
        // A change_cipher_spec precedes early data and does not end it.
        assert!(open(&mut receive, ContentType::CHANGE_CIPHER_SPEC, 1).is_ok());
        assert!(matches!(open(&mut receive, ContentType::APPLICATION_DATA, 20), Ok(NextRecord::Skipped { .. })));
        assert!(open(&mut receive, ContentType::HANDSHAKE, 10).is_ok());
        let opened = open(&mut receive, ContentType::APPLICATION_DATA, 20);
        assert!(matches!(opened, Err(Error::UnexpectedRecord { .. })));
    }

    #[test]
    fn protected_record_limit_ignores_unprotected_records() {
        for (limited, fits) in [(LimitedRecords::Protected, true), (LimitedRecords::All, false)] {
            let mut receive = RecordReceiver::new();
            receive.limit(64, limited);
            assert!(open(&mut receive, ContentType::HANDSHAKE, 64).is_ok());
            assert_eq!(open(&mut receive, ContentType::HANDSHAKE, 65).is_ok(), fits, "{limited:?}");
        }
    }
}
