//! Receiving: a record at the front of the caller's bytes, opened where it lies.

use std::ops::Range;

use tls_codec::code_points::ContentType;
use tls_codec::record::{Deframed, MAX_CIPHERTEXT, MAX_FRAGMENT, deframe};
use tls_crypto::Opener;

use crate::error::{Error, Flood};
use crate::schedule::{Epoch, ReadKey};

/// Our receiving half.
pub(crate) struct Receive {
    key: Option<(Opener, Epoch)>,
    /// A record was opened with the present key: the peer has it, and has no reason to send in the clear any more.
    opened: bool,
    idle: Idle,
}

/// What carries no data, counted since data came last. An honest peer stays far below the limits.
#[derive(Default)]
struct Idle {
    empty_records: u8,
    warning_alerts: u8,
    change_cipher_specs: u8,
}

const MAX_EMPTY_RECORDS: u8 = 32;
const MAX_WARNING_ALERTS: u8 = 4;
const MAX_CHANGE_CIPHER_SPECS: u8 = 4;

/// What was at the front of the bytes.
pub(crate) enum Opened {
    /// No whole record yet.
    Incomplete { need: usize },
    /// One with this content, at this place.
    Record { content_type: ContentType, content: Range<usize>, total: usize },
}

impl Receive {
    pub(crate) fn new() -> Self {
        Self { key: None, opened: false, idle: Idle::default() }
    }

    pub(crate) fn install(&mut self, key: ReadKey) {
        self.key = Some((key.opener, key.epoch));
        self.opened = false;
    }

    /// Opens the record at the front of `incoming`.
    pub(crate) fn open(&mut self, incoming: &mut [u8], state: &'static str) -> Result<Opened, Error> {
        let limit = if self.key.is_some() { MAX_CIPHERTEXT } else { MAX_FRAGMENT };
        let (header, body) = match deframe(incoming, limit)? {
            Deframed::Incomplete { need } => return Ok(Opened::Incomplete { need }),
            Deframed::Record { header, body } => (header, body),
        };
        let (outer, total) = (header.content_type, body.end);
        let unexpected = Err(Error::UnexpectedRecord { state, got: outer });
        let Some((opener, epoch)) = &mut self.key else {
            return if outer == ContentType::APPLICATION_DATA { unexpected } else { self.check(outer, body, total) };
        };
        if opener.hides_content_type() && outer != ContentType::APPLICATION_DATA {
            // A peer that could not derive the keys can say so in the clear alone. It ends the connection either way.
            let cannot_encrypt = *epoch == Epoch::Handshake && !self.opened;
            return match outer {
                ContentType::CHANGE_CIPHER_SPEC => self.check(outer, body, total),
                ContentType::ALERT if cannot_encrypt => self.check(outer, body, total),
                _ => unexpected,
            };
        }
        let limit = MAX_FRAGMENT + usize::from(opener.hides_content_type());
        let record = incoming.get_mut(..total).ok_or(Error::BadRecordMac)?;
        let opened = opener.open(record).map_err(|e| match e {
            tls_crypto::Error::PlaintextTooLong(got) => Error::RecordOverflow { got, limit },
            // RFC 9846 §5.4: padding alone.
            tls_crypto::Error::NoContentType => Error::EmptyRecord,
            _ => Error::BadRecordMac,
        })?;
        self.opened = true;
        match ContentType(opened.content_type) {
            inner @ (ContentType::HANDSHAKE | ContentType::ALERT | ContentType::APPLICATION_DATA) => {
                self.check(inner, opened.content, total)
            }
            got => Err(Error::UnexpectedRecord { state, got }),
        }
    }

    fn check(&mut self, content_type: ContentType, content: Range<usize>, total: usize) -> Result<Opened, Error> {
        if content.is_empty() {
            match content_type {
                ContentType::HANDSHAKE | ContentType::ALERT => return Err(Error::EmptyRecord),
                ContentType::APPLICATION_DATA => {
                    count(&mut self.idle.empty_records, MAX_EMPTY_RECORDS, Flood::EmptyRecords)?;
                }
                // One of change_cipher_spec is malformed, which is for whoever reads it to say.
                _ => {}
            }
        } else if content_type == ContentType::APPLICATION_DATA {
            self.idle = Idle::default();
        }
        Ok(Opened::Record { content_type, content, total })
    }

    /// Counts a change_cipher_spec record that changes nothing.
    pub(crate) fn count_change_cipher_spec(&mut self) -> Result<(), Error> {
        count(&mut self.idle.change_cipher_specs, MAX_CHANGE_CIPHER_SPECS, Flood::ChangeCipherSpecs)
    }

    /// Counts an alert that closes nothing.
    pub(crate) fn count_warning(&mut self) -> Result<(), Error> {
        count(&mut self.idle.warning_alerts, MAX_WARNING_ALERTS, Flood::WarningAlerts)
    }
}

fn count(counter: &mut u8, max: u8, what: Flood) -> Result<(), Error> {
    *counter = counter.saturating_add(1);
    if *counter > max { Err(Error::Flood(what)) } else { Ok(()) }
}
