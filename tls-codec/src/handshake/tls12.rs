//! The messages of TLS 1.2 that differ from those of TLS 1.3, with ECDHE key exchange (RFC 5246 §7.4, RFC 8422 §5).
//!
//! ClientHello and ServerHello are the same types for both versions; [`ServerHello::check_tls12`] refuses extensions
//! that TLS 1.2 has no place for. [`CertificateVerify`] and [`Finished`] have one form in both versions, and
//! [`CertificateStatus`] is what a CertificateEntry of TLS 1.3 carries as an extension: they are named here again, so
//! that a handshake of TLS 1.2 finds all its messages in this module.
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
