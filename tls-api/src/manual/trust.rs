//! Whom to trust: roots, CRLs, OCSP, certificate transparency, pins, self-signed certificates.
//!
//! A client accepts a server if all of these hold:
//!
//! ```text
//! ServerVerifier
//!  ├─ ChainVerifier
//!  │   ├─ a path to a trust anchor
//!  │   ├─ validity, key usage, extended key usage
//!  │   ├─ CRLs             set_crls
//!  │   ├─ pinned keys      set_pins
//!  │   └─ your own checks  add_check
//!  ├─ the server name
//!  ├─ stapled OCSP         set_ocsp_policy
//!  └─ SCTs of CT logs      set_ct_policy
//! ```
//!
//! Every check can only reject. A check that is not configured is not made, except that a stapled
//! OCSP response is always checked if one came.
//!
//! # Trust anchors
//!
//! | source | function | feature |
//! |---|---|---|
//! | the operating system | [`system_roots`](crate::system_roots) | `system-roots` (default) |
//! | Mozilla's list, compiled in | [`webpki_roots`](crate::webpki_roots()) | `webpki-roots` (default) |
//! | a file: PEM, DER or PKCS#7 | [`root_store_from_file`](crate::root_store_from_file) | |
//! | its content | [`root_store_from_bytes`](crate::root_store_from_bytes), [`root_store_from_pem`](crate::root_store_from_pem) for PEM only | |
//! | single certificates | [`RootCertStore::add`](crate::RootCertStore::add) | |
//!
//! A section of a PEM file that is damaged or has an unknown label is an error, so that no anchor
//! is missing silently. [`system_roots`](crate::system_roots) loads the rest instead and lists it
//! in [`SystemRoots::problems`](crate::SystemRoots::problems). OpenSSL's `TRUSTED CERTIFICATE`
//! becomes an anchor only if its settings trust it for servers and clients.
//!
//! A certificate with basicConstraints cA=FALSE as an anchor vouches only for itself.
//! [`RootCertStore::outside_validity`](crate::RootCertStore::outside_validity) lists anchors that
//! expired. [`ClientConfig::new`](crate::ClientConfig::new) has no anchors and therefore rejects
//! every server, with an error that says so.
//!
//! # Revocation
//!
//! ```
//! use strata_tls::{CertificateError, ChainVerifier, ClientConfig, Crls, OcspPolicy, RootCertStore, ServerVerifier};
//!
//! fn strict(roots: RootCertStore, lists: &[u8]) -> Result<ClientConfig, CertificateError> {
//!     let mut chain = ChainVerifier::new(roots);
//!     chain.set_crls(Some(Crls::from_bytes([lists])?)); // PEM or DER
//!     let mut verifier = ServerVerifier::new(chain);
//!     verifier.set_ocsp_policy(OcspPolicy::Require);
//!     Ok(ClientConfig::with_server_verifier(verifier))
//! }
//! ```
//!
//! * **CRLs.** [`Crls::from_bytes`](crate::Crls::from_bytes) reads files in PEM, DER or PKCS#7. A
//!   certificate that any list of its issuer names is revoked, even if the list expired. A
//!   certificate that no list covers is rejected, and so is one whose list expired;
//!   [`Crls`](crate::Crls) has setters to accept either. To update the lists, build a new
//!   configuration. It does not resume the sessions of the old one.
//! * **OCSP.** The library does no I/O, so it checks what the server stapled. The default policy
//!   checks a stapled response and accepts its absence, except for a certificate that demands one
//!   (must-staple, RFC 7633). [`OcspPolicy::Require`](crate::OcspPolicy) demands one from every
//!   server.
//!
//! # Certificate transparency
//!
//! [`CtPolicy`](crate::CtPolicy) counts the operators of the logs whose SCTs are valid. The list of
//! logs comes from the application, since it changes every few months; the example `tlsclient`
//! reads one from a file. A policy expires by itself if you give it a date, so that an old list
//! does not block all connections.
//!
//! # Pins
//!
//! A pin is the SHA-256 of a SubjectPublicKeyInfo anywhere in the verified path. Configure a backup
//! pin, and consider
//! [`set_pins_report_only`](crate::ChainVerifier::set_pins_report_only) first. The error of a
//! connection that fails lists the pins of the chain that came.
//!
//! ```
//! use strata_tls::{ChainVerifier, ClientConfig, Pin, Pins, RootCertStore};
//!
//! # fn pinned(roots: RootCertStore) -> Result<ClientConfig, Box<dyn std::error::Error>> {
//! let current: Pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse()?;
//! let backup: Pin = "sha256/BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=".parse()?;
//! let mut chain = ChainVerifier::new(roots);
//! chain.set_pins(Some(Pins::new([current, backup])));
//! # Ok(ClientConfig::with_server_verifier(chain))
//! # }
//! ```
//!
//! # One self-signed certificate
//!
//! A device or a test server often has a certificate that no CA issued. Trust exactly that
//! certificate instead of switching verification off:
//!
//! ```
//! use strata_tls::{CertificateDer, CertificateError, ChainVerifier, ClientConfig, RootCertStore};
//!
//! fn only(certificate: CertificateDer<'static>) -> Result<ClientConfig, CertificateError> {
//!     let mut chain = ChainVerifier::new(RootCertStore::new());
//!     chain.trust_exact_certificate(certificate)?;
//!     Ok(ClientConfig::with_server_verifier(chain))
//! }
//! ```
//!
//! Validity, key usage, name and pins are still checked. Revocation, OCSP and CT are not: no CA
//! could answer.
//!
//! # Checks of your own
//!
//! Implement [`CheckPath`](crate::CheckPath) and add it with
//! [`ChainVerifier::add_check`](crate::ChainVerifier::add_check). It sees the proven path after all
//! other checks of the chain passed, and cannot accept what they rejected. Replacing the verifier
//! altogether needs the feature `dangerous_configuration`.
//!
//! # Time
//!
//! Validity is checked against the clock of the configuration
//! ([`set_time_provider`](crate::ClientConfig::set_time_provider)). Default:
//! [`SystemClock`](crate::SystemClock). A clock that does not know the time makes every
//! verification fail: a machine without a clock must not accept an expired certificate.
//!
//! # What resumption means for trust
//!
//! A resumed connection shows no certificate. So a session ends with the first certificate of the
//! chain that expires, and with the CRLs that were checked. Where CRLs, pins or your own checks are
//! configured, the stored chain is verified again before the session is offered. See
//! [`resumption`](super::resumption).
