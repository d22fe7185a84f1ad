//! Receiving: a record at the front of the caller's bytes, opened where it lies.

use std::ops::Range;

use tls_codec::code_points::ContentType;
use tls_codec::record::{Deframed, HEADER_LEN, MAX_CIPHERTEXT, MAX_FRAGMENT, deframe};
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
    /// One that is to be ignored.
    Dropped { total: usize },
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

    /// Whether records carry application data now.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.key.as_ref().map(|(_, epoch)| *epoch)
    }

    /// Opens the record at the front of `incoming`. `ignore_ccs`: the time of middlebox compatibility is not over.
    pub(crate) fn open(&mut self, incoming: &mut [u8], ignore_ccs: bool, state: &'static str) -> Result<Opened, Error> {
        let limit = if self.key.is_some() { MAX_CIPHERTEXT } else { MAX_FRAGMENT };
        let (header, body) = match deframe(incoming, limit)? {
            Deframed::Incomplete { need } => return Ok(Opened::Incomplete { need }),
            Deframed::Record { header, body } => (header, body),
        };
        let total = body.end;
        if header.content_type == ContentType::CHANGE_CIPHER_SPEC {
            if !ignore_ccs {
                return Err(Error::UnexpectedRecord { state, got: header.content_type });
            }
            if incoming.get(body) != Some(&[1]) {
                return Err(Error::BadChangeCipherSpec);
            }
            count(&mut self.idle.change_cipher_specs, MAX_CHANGE_CIPHER_SPECS, Flood::ChangeCipherSpecs)?;
            return Ok(Opened::Dropped { total });
        }
        let Some((opener, epoch)) = &mut self.key else {
            if header.content_type == ContentType::APPLICATION_DATA {
                return Err(Error::UnexpectedRecord { state, got: header.content_type });
            }
            return self.check(header.content_type, body, total);
        };
        if header.content_type != ContentType::APPLICATION_DATA {
            // A peer that could not derive the keys can say so in the clear alone. It ends the connection either way.
            let cannot_encrypt = *epoch == Epoch::Handshake && !self.opened;
            if header.content_type == ContentType::ALERT && cannot_encrypt {
                return self.check(header.content_type, body, total);
            }
            return Err(Error::UnexpectedRecord { state, got: header.content_type });
        }
        let (head, rest) = incoming.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::BadRecordMac)?;
        let sealed = rest.get_mut(..body.len()).ok_or(Error::BadRecordMac)?;
        let inner = opener.open(head, sealed).map_err(|_| Error::BadRecordMac)?;
        self.opened = true;
        if inner > MAX_FRAGMENT + 1 {
            return Err(Error::RecordOverflow { got: inner, limit: MAX_FRAGMENT + 1 });
        }
        // RFC 9846 §5.4: zeros are padding, and what comes before them is the content type.
        let inner = sealed.get(..inner).unwrap_or_default();
        let at = inner.iter().rposition(|byte| *byte != 0).ok_or(Error::EmptyRecord)?;
        let content_type = inner.get(at).copied().map_or(ContentType(0), ContentType);
        let content = HEADER_LEN..HEADER_LEN + at;
        match content_type {
            ContentType::HANDSHAKE | ContentType::ALERT | ContentType::APPLICATION_DATA => {
                self.check(content_type, content, total)
            }
            got => Err(Error::UnexpectedRecord { state, got }),
        }
    }

    fn check(&mut self, content_type: ContentType, content: Range<usize>, total: usize) -> Result<Opened, Error> {
        if content.is_empty() {
            if content_type != ContentType::APPLICATION_DATA {
                return Err(Error::EmptyRecord);
            }
            count(&mut self.idle.empty_records, MAX_EMPTY_RECORDS, Flood::EmptyRecords)?;
        } else if content_type == ContentType::APPLICATION_DATA {
            self.idle = Idle::default();
        }
        Ok(Opened::Record { content_type, content, total })
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
