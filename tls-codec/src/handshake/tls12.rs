//! The messages of TLS 1.2 with ECDHE key exchange (RFC 5246 §7.4, RFC 8422 §5).
//!
//! ClientHello and ServerHello have the same types in both versions; [`ServerHello::check_tls12`]
//! rejects extensions that TLS 1.2 does not allow. [`CertificateVerify`], [`Finished`] and
//! [`CertificateStatus`] have the same encoding in both versions and are re-exported here, so that
//! this module is complete.
//!
//! [`ServerHello::check_tls12`]: crate::ServerHello::check_tls12

mod certificate;
mod certificate_request;
mod certificate_status;
mod client_key_exchange;
mod hello_request;
mod new_session_ticket;
mod server_hello_done;
mod server_key_exchange;

pub use self::{
    certificate::{Certificate, CertificateData},
    certificate_request::CertificateRequest,
    client_key_exchange::ClientKeyExchange,
    hello_request::HelloRequest,
    new_session_ticket::NewSessionTicket,
    server_hello_done::ServerHelloDone,
    server_key_exchange::{ServerEcdhParams, ServerKeyExchange},
};
#[doc(no_inline)]
pub use crate::{
    extension::CertificateStatus,
    handshake::{CertificateVerify, Finished},
};
