//! Floods: what a peer may send only a limited number of times before it sends application data.
//! All limits are here, and the counters of records ([`IdleRecords`]). `key_update` counts
//! KeyUpdates and tickets. `error/illegal` has the error ([`Flood`]).

use crate::error::{Error, Flood};

/// Application data records without data.
const MAX_EMPTY_RECORDS: u8 = 32;
const MAX_WARNING_ALERTS: u8 = 4;
const MAX_CHANGE_CIPHER_SPECS: u8 = 4;
/// A server may send a HelloRequest before each message of its handshake.
const MAX_RENEGOTIATIONS: u8 = 32;
pub(crate) const MAX_KEY_UPDATES: u8 = 32;
/// Twice the number of tickets that a server of this library can be set to send.
pub(crate) const MAX_TICKETS: u16 = 512;

/// Renegotiation requests that are declined with a warning. BoringSSL and this library reject more
/// warnings without data as a flood.
const MAX_REFUSALS: u8 = 4;
/// KeyUpdates that the application may request without sending data. Far below the number that
/// BoringSSL and this library reject.
pub(crate) const MAX_REFRESHES: u8 = 16;

/// Counters of records without data, reset when data arrives. An honest peer stays far below the
/// limits.
#[derive(Default)]
pub(crate) struct IdleRecords {
    empty_records: u8,
    warning_alerts: u8,
    change_cipher_specs: u8,
    renegotiations: u8,
}

impl IdleRecords {
    /// Counts a record of application data without data.
    pub(crate) fn count_empty(&mut self) -> Result<(), Error> {
        count(&mut self.empty_records, MAX_EMPTY_RECORDS, Flood::EmptyRecords)
    }

    /// Counts an ignored change_cipher_spec record.
    pub(crate) fn count_change_cipher_spec(&mut self) -> Result<(), Error> {
        count(&mut self.change_cipher_specs, MAX_CHANGE_CIPHER_SPECS, Flood::ChangeCipherSpecs)
    }

    /// Counts a request for renegotiation. Returns whether it is one of the few that are answered.
    pub(crate) fn count_renegotiation(&mut self) -> Result<bool, Error> {
        count(&mut self.renegotiations, MAX_RENEGOTIATIONS, Flood::Renegotiations)?;
        Ok(self.renegotiations <= MAX_REFUSALS)
    }

    /// Counts a warning alert that does not close the connection.
    pub(crate) fn count_warning(&mut self) -> Result<(), Error> {
        count(&mut self.warning_alerts, MAX_WARNING_ALERTS, Flood::WarningAlerts)
    }
}

fn count(counter: &mut u8, max: u8, what: Flood) -> Result<(), Error> {
    *counter = counter.saturating_add(1);
    if *counter > max { Err(Error::Flood(what)) } else { Ok(()) }
}
