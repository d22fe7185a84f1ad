//! Records and handshake messages of DTLS 1.2 (RFC 6347), 1.3 (RFC 9147) and their connection IDs
//! (RFC 9146). Read only: Strata does not speak DTLS.
//!
//! ```
//! use strata_tls_codec::{HandshakeType, Reader, dtls::{DtlsHandshake, DtlsRecord, records}};
//!
//! // A ServerHelloDone with sequence number 5, in a record of DTLS 1.2.
//! let datagram = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 12, 14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0];
//! let mut found = records(&datagram, 0);
//! let Some(Ok(DtlsRecord::Plaintext { sequence_number: 5, body, .. })) = found.next() else { panic!() };
//! assert!(found.next().is_none());
//! let message: DtlsHandshake<'_> = strata_tls_codec::decode_all(body)?;
//! assert_eq!((message.typ, message.message_seq), (HandshakeType::SERVER_HELLO_DONE, 5));
//! assert_eq!(message.whole(), Some(&[][..]));
//! # Ok::<(), strata_tls_codec::DecodeError>(())
//! ```

mod handshake;
mod record;

pub use self::{
    handshake::{DtlsClientHello, DtlsHandshake, HelloVerifyRequest},
    record::{Ack, DtlsRecord, RecordNumber, Records, records},
};
