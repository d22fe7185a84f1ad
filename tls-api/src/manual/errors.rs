//! Errors: what each kind means, who is at fault, what to do.
//!
//! After a fatal error a connection returns that same error from every call. The alert for the peer
//! is queued before the error is returned; write it with
//! [`write_tls`](crate::Session::write_tls). A [`Stream`](crate::Stream) does that by itself.
//!
//! An `io::Error` of a read or write holds an [`Error`](crate::Error):
//!
//! ```
//! use strata_tls::Error;
//!
//! fn explain(e: &std::io::Error) -> String {
//!     match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
//!         Some(Error::AlertReceived { description, .. }) => format!("the peer complains: {description}"),
//!         // `{:#}` adds the chain that was tried, and why each trust anchor did not fit.
//!         Some(Error::Certificate(refusal)) => format!("the certificate is rejected: {refusal:#}"),
//!         Some(e) => e.to_string(),
//!         None => format!("the network failed: {e}"),
//!     }
//! }
//! ```
//!
//! # What users meet most
//!
//! | error | usual cause | what to do |
//! |---|---|---|
//! | [`Certificate`](crate::Error::Certificate) with `UnknownIssuer` | the server sends no intermediate, or the client lacks the CA | fix the server's chain file; add the CA to the roots |
//! | `Certificate` with `Expired`, `NotYetValid` | the certificate, or the local clock | the text shows both times |
//! | `Certificate` with `UnsupportedSignature`, [`UnsupportedKey`](crate::Error::UnsupportedKey) | RSA below 2048 bits, SHA-1, P-521, … | have the certificate that the text names reissued |
//! | `Certificate` with `WrongPurpose` | a server's certificate used for a client | have it issued for clientAuth, by a CA of your own |
//! | `Certificate` with `NotValidForName` | wrong name, or another virtual host | connect by a name that the certificate lists |
//! | [`AlertReceived`](crate::Error::AlertReceived) | the peer rejected us | its log says why; the text gives the state and the usual causes of the alert |
//! | [`ClosedDuringHandshake`](crate::Error::ClosedDuringHandshake) | not a TLS port, a firewall, or a peer that closes or resets instead of sending an alert | check address and port |
//! | [`NoClientHello`](crate::Error::NoClientHello) | a health check, a port scan, or a browser that connects ahead | nothing; do not log it |
//! | [`Record`](crate::Error::Record) | the peer speaks HTTP, SSH, SMTP, PostgreSQL, the PROXY protocol … | the text says what to do for each |
//! | [`NoCommonVersion`](crate::Error::NoCommonVersion), [`NoCommonCipherSuite`](crate::Error::NoCommonCipherSuite) | an old peer | update it; there is no switch for TLS 1.0, CBC or RSA key exchange |
//! | [`Truncated`](crate::Error::Truncated) | no close_notify | an error unless your protocol has its own end: [`is_truncation`](crate::is_truncation) |
//! | [`NoIdentity`](crate::Error::NoIdentity) | SNI without a configured certificate | add the name, or a default identity |
//! | [`BadRecordMac`](crate::Error::BadRecordMac) | bytes changed on the way, or two writers on one socket | look for code that writes to the socket beside the connection |
//! | [`Config`](crate::Error::Config) | two settings exclude each other | call `validate` when the program starts |
//!
//! # Asking the server
//!
//! The example `tlsclient` finds out what a server offers and what is wrong with it. On top of its
//! report stand the verdict and what to do; then follow each certificate with its own verdict, the
//! accepted versions, cipher suites, groups and signature schemes, OCSP, SCTs, resumption, and the
//! messages of the handshake with their sizes and times:
//!
//! ```text
//! tlsclient --diagnose example.com:443                     # for people
//! tlsclient --diagnose example.com:443 --json              # for programs
//! tlsclient --diagnose example.com:443 --html report.html  # a page to send to someone
//! ```
//!
//! It makes at most 64 connections, and sends no application data. For the side of the server,
//! `tlsserver --html page.html` writes the same page about the last connection that ended.
//!
//! # Who is at fault
//!
//! Programs read it from [`Error::kind`](crate::Error::kind). [`Error::alert`](crate::Error::alert)
//! returns the alert that the peer receives.
//!
//! * **The peer**: most variants. The text names what arrived and what was expected.
//! * **The application**: `WrongAnswer`, `HandshakeNotComplete`, `SendAfterClose`, `RecordRoom`.
//!   The connection goes on.
//! * **The operator**: `Config`, `NoIdentity`,
//!   [`IdentityError`](crate::IdentityError), [`RootsError`](crate::RootsError),
//!   [`ReloadError`](crate::ReloadError).
//!
//! # What an error contains
//!
//! `{}` and `{:?}` are one line; `{:#}` adds the chain that was rejected. The text contains the
//! cause, so that there is no [`source`](std::error::Error::source) to print after it.
//! Texts of a peer are bounded: 255 bytes a name, 16 entries a list. Errors contain no secrets.
//! Failed handshakes are logged at `debug`: a peer must not be able to fill a log.
