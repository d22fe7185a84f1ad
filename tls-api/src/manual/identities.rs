//! Identities: certificate chain and key, several names, renewal without a restart, remote keys.
//!
//! An [`Identity`](crate::Identity) is a certificate chain and its private key. It cannot be made
//! from a key that does not belong to the certificate.
//!
//! ```no_run
//! use strata_tls::{Identity, ServerConfig};
//!
//! let config = ServerConfig::from_files("chain.pem", "key.pem")?;
//! // Or, from bytes of either encoding:
//! let identity = Identity::from_bytes(&std::fs::read("chain.p7b")?, &std::fs::read("key.der")?)?;
//! let config = ServerConfig::new(identity);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what you have | use |
//! |---|---|
//! | paths | [`ServerConfig::from_files`](crate::ServerConfig::from_files), [`IdentityFiles`](crate::IdentityFiles): errors name the file |
//! | the contents of files: PEM or DER, which the content shows | [`Identity::from_bytes`](crate::Identity::from_bytes) |
//! | the contents of files that must be PEM | [`Identity::from_pem`](crate::Identity::from_pem) |
//! | a PKCS#12 file (`.p12`, `.pfx`), or a key with a password | see [below](#encrypted-keys) |
//! | [`CertificateDer`](crate::CertificateDer) and [`PrivateKeyDer`](crate::PrivateKeyDer), or vectors of bytes | [`Identity::from_der`](crate::Identity::from_der) |
//!
//! Keys may be RSA (2,048 to 4,096 bits), ECDSA (P-256, P-384) or Ed25519, and with the
//! [backend](crate::manual::backends) AWS-LC P-521 or ML-DSA, in PKCS#8, SEC1 or
//! PKCS#1, under any label. An elliptic curve key without its public key, as Java writes them,
//! takes it from the certificate. Keys for RSASSA-PSS only (`id-RSASSA-PSS`) are not supported.
//!
//! The certificates of a PEM file may stand in any order, at most 10, since peers reject longer
//! chains: Java's clients those of more than 10 certificates, its servers those of more than 8.
//!
//! # Files
//!
//! One reader serves certificates, keys, CRLs and trust anchors. The functions whose names end in
//! `from_bytes` or `from_file` take PEM and DER, and tell them apart by content. Certificates and
//! CRLs may also be in a PKCS#7 bundle (`.p7b`, or a section `PKCS7`).
//!
//! PEM is read as OpenSSL reads it: text between sections, headers, a byte order mark, any line
//! ending, and the labels `X509 CERTIFICATE` and `TRUSTED CERTIFICATE`. Sections that are known to
//! be something else are skipped, so that chain and key may be one file.
//!
//! No section is dropped silently. A damaged section, a BEGIN line that does not start its line
//! (files joined without a newline), an unknown label and a second private key are errors, which
//! name the section's number, label and line. [`ReloadError`](crate::ReloadError) also names the
//! file.
//!
//! # Encrypted keys
//!
//! A key in PKCS#8 that is encrypted with a password (`ENCRYPTED PRIVATE KEY`) loads with the
//! feature `encrypted-keys`, by `Identity::from_encrypted` or `IdentityFiles::with_password`: PBES2
//! with PBKDF2 or scrypt, which OpenSSL and GnuTLS write. A wrong password is
//! [`IdentityError::WrongPassword`](crate::IdentityError::WrongPassword). OpenSSL's old format
//! (`Proc-Type: 4,ENCRYPTED`) and PBES1 are not supported, because they are not secure; the error
//! names the command that converts them. A file cannot demand more than 10,000,000 iterations of
//! PBKDF2, or 256 MiB of memory for scrypt. Without the feature, an encrypted key is
//! [`IdentityError::EncryptedKey`](crate::IdentityError::EncryptedKey).
//!
//! # PKCS#12
//!
//! A PKCS#12 file (`.p12`, `.pfx`) holds a key and its certificates under one password. It loads
//! with the feature `pkcs12`, by `Identity::from_pkcs12`, or by `IdentityFiles::with_password` if
//! both paths name it. Its MAC is checked before its content is used: that of RFC 7292 with SHA-1,
//! SHA-256, SHA-384 or SHA-512, or PBMAC1 (RFC 9579). A file without a MAC loads only with the
//! empty password. The work is bounded as for encrypted keys, for the file as a whole.
//!
//! OpenSSL 3, Java (from 16) and GnuTLS encrypt with PBES2, which is supported. The Triple DES and
//! RC2 of older programs and of `openssl pkcs12 -legacy` are not. The error names the command that
//! converts such a file, and so it does for BER, which Firefox writes:
//!
//! ```text
//! openssl pkcs12 -legacy -in file -out file.pem && openssl pkcs12 -export -in file.pem -out new.p12
//! ```
//!
//! A file must have one key. CRLs and secrets in it are ignored. Without the feature,
//! `openssl pkcs12 -in file -out file.pem -nodes` makes a PEM file for both paths.
//!
//! # Several identities
//!
//! | need | use |
//! |---|---|
//! | ECDSA for modern clients, RSA for old ones | [`ServerConfig::with_identities`](crate::ServerConfig::with_identities): the first that the client can verify |
//! | one certificate per host name | [`ResolvesServerCertUsingSni`](crate::ResolvesServerCertUsingSni), wildcards included |
//! | anything else | your own [`ResolvesServerCert`](crate::ResolvesServerCert) |
//!
//! ```no_run
//! use std::sync::Arc;
//! use strata_tls::{Identity, ResolvesServerCertUsingSni, ServerConfig};
//!
//! # fn config(shop: Identity, any: Identity, fallback: Identity) -> Result<ServerConfig, Box<dyn std::error::Error>> {
//! let mut names = ResolvesServerCertUsingSni::new();
//! names.add("shop.example.com", shop)?;
//! names.add("*.example.com", any)?;
//! names.add_default(fallback); // for clients without SNI or with another name
//! # Ok(ServerConfig::with_resolver(Arc::new(names)))
//! # }
//! ```
//!
//! A resolver sees only DNS host names: a ClientHello with control bytes, spaces or `../` in its
//! server name is rejected before.
//!
//! # Renewal
//!
//! [`ReloadableIdentity`](crate::ReloadableIdentity) replaces an identity while connections come
//! in. A reload is atomic: handshakes that began keep the old identity, later ones get the new one.
//! If the files do not fit together, it returns an error and the old identity stays.
//!
//! ```no_run
//! use std::sync::Arc;
//! use strata_tls::{IdentityFiles, ReloadableIdentity, ServerConfig};
//!
//! let identity = Arc::new(ReloadableIdentity::from_files(IdentityFiles::new("chain.pem", "key.pem"))?);
//! let config = ServerConfig::with_resolver(identity.clone());
//! // On a signal, or once an hour:
//! if let Err(e) = identity.reload() {
//!     eprintln!("keeping the old certificate: {e}");
//! }
//! # Ok::<(), strata_tls::ReloadError>(())
//! ```
//!
//! Sessions that began under a certificate with another session scope are not resumed after the
//! reload.
//!
//! # Stapling
//!
//! [`Identity::set_ocsp_response`](crate::Identity::set_ocsp_response) and
//! [`IdentityFiles::with_ocsp_response`](crate::IdentityFiles::with_ocsp_response) staple an OCSP
//! response. Both refuse what clients would reject: a page of HTML, a response for another
//! certificate, an expired one, `tryLater`.
//! [`set_unchecked_ocsp_response`](crate::Identity::set_unchecked_ocsp_response) and
//! [`with_unchecked_ocsp_response`](crate::IdentityFiles::with_unchecked_ocsp_response) insist.
//! [`set_signed_certificate_timestamps`](crate::Identity::set_signed_certificate_timestamps) sends
//! SCTs. The library does not fetch them.
//!
//! # A key that is somewhere else
//!
//! A key in a KMS, an HSM or another process signs without blocking the thread. Create the identity
//! with [`Identity::with_remote_key`](crate::Identity::with_remote_key). The handshake stops at the
//! signature, the application fetches it, and the handshake continues:
//!
//! ```no_run
//! use strata_tls::{ServerSession, Session};
//!
//! # fn kms(_: &[u8]) -> Option<Vec<u8>> { None }
//! # fn drive(session: &mut ServerSession) -> Result<(), strata_tls::Error> {
//! session.process_new_packets()?;
//! if let Some(request) = session.take_signature_request() {
//!     // `request` owns its data: it can go to another thread or across an `.await`.
//!     let answer = match kms(request.message()) {
//!         Some(signature) => request.answer(signature),
//!         None => request.fail(), // the peer gets internal_error
//!     };
//!     session.answer_signature(answer)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The example `remote_signer` is a complete server of this kind. A key in the same process that is
//! not a file implements [`SigningKey`](crate::SigningKey) and signs at once.
