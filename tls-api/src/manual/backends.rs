//! Which library computes, and what it supports.
//!
//! A configuration has a [`Backend`](crate::Backend), which computes everything that its
//! connections need. The default is ring. The feature `aws-lc-rs` adds AWS-LC, by the crate
//! aws-lc-rs:
//!
#![cfg_attr(feature = "aws-lc-rs", doc = "```")]
#![cfg_attr(not(feature = "aws-lc-rs"), doc = "```ignore")]
//! use strata_tls::{Backend, ClientConfig};
//!
//! let mut config = ClientConfig::new();
//! config.set_backend(Backend::aws_lc());
//! ```
//!
//! There is no default of the process, and nothing to install: two configurations of one process
//! may have different backends. The feature only adds a value, so a program whose dependency
//! enables it keeps ring.
//!
//! | | ring | AWS-LC |
//! |---|---|---|
//! | cipher suites | all | all |
//! | X25519, P-256, P-384 | yes | yes |
//! | hybrid and ML-KEM groups (feature `post-quantum`) | by libcrux | yes |
//! | P-521: key exchange, certificates, signatures | no | yes; the group is not in the default list |
//! | ML-DSA-44, -65, -87: certificates, signatures of TLS 1.3 | no | yes |
//! | RSA (2048 to 8192 bits to verify, to 4096 to sign), Ed25519 | yes | yes |
//! | ECDSA over P-256 and P-384 in certificates | SHA-256, SHA-384 | SHA-256, SHA-384, SHA-512 |
//! | builds with | a C compiler | a C compiler; some targets need cmake, see aws-lc-rs |
//!
//! # What follows the configuration
//!
//! Random values, hashes, key schedules, records, QUIC packets, key exchange, the signatures of both
//! sides, and the ticketer that a server configuration makes for itself.
//!
//! * Verifiers of this library check certificates with the backend of the configuration that they
//!   are given to. A verifier of the application decides itself
//!   ([`for_backend`](crate::ClientCertVerifier::for_backend)).
//! * An [`Identity`](crate::Identity) belongs to no backend: its key is loaded into each one that
//!   can use it, and the configuration's signs. An identity with P-521 or ML-DSA needs AWS-LC; a
//!   configuration with ring rejects it.
//! * A [`Ticketer`](crate::Ticketer) that the application makes uses ring, unless
//!   [`with_backend`](crate::Ticketer::with_backend) or
//!   [`from_keys_with_backend`](crate::Ticketer::from_keys_with_backend) made it.
//! * Always by ring: hashes that only identify something (sessions, pins, scopes), the import of
//!   external pre-shared keys, the password-based keys of PKCS#12, and the tokens of quinn's endpoints.
//!
//! # ML-DSA certificates
//!
//! With AWS-LC, both roles accept certificates with ML-DSA (FIPS 204, RFC 9881) in TLS 1.3: a client
//! offers the schemes `mldsa44`, `mldsa65` and `mldsa87` in its ClientHello, and a server in its
//! CertificateRequest. They are on by default, as in OpenSSL and Go, because offering them costs six
//! bytes and nothing else changes: only a peer with such a certificate signs with it. They come last
//! in the list: a chain of ML-DSA-65 is some 5 KB per certificate, and signatures protect no recorded
//! connection. [`set_signature_schemes`](crate::ClientConfig::set_signature_schemes) sets another
//! list. An identity loads from PKCS#8 with a seed, an expanded key or both.
//!
//! # FIPS 140-3
//!
//! No configuration is a FIPS one, and there is no feature `fips` yet: AWS-LC's validated module
//! approves only services that choose the nonces of records and tickets and derive the keys of both
//! versions themselves. Here the record layer counts the nonces, and the key schedule computes HKDF
//! and the PRF from the backend's HMAC.
//!
//! # What does not depend on it
//!
//! The bytes on the wire and the resumption scope. A server with AWS-LC resumes the sessions and
//! opens the tickets of one with ring, and the reverse.
//!
//! Groups and signature schemes are names. A configuration that names what its backend lacks is
//! rejected by [`validate`](crate::ServerConfig::validate) and by each connection, whatever the
//! order of the settings. So is an identity whose key the backend lacks, or whose signature schemes
//! no enabled version has.
